//! Draws what was seen in a terminal, until a key ends it.

use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use anyhow::{Context, Result};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{
    Axis, Bar, BarChart, BarGroup, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Row, Table,
};

use super::figures::{REASONS, Seen, pause_name};
use super::{Message, Source, Wish};

const TICK: Duration = Duration::from_millis(100);
/// The rows of the table: a figure's name in the program, and what it is.
const ROWS: [(&str, &str); 18] = [
    ("live_objects", "chunks alive"),
    ("live_bytes", "bytes alive"),
    ("peak_bytes", "most bytes alive"),
    ("max_free", "largest free run, bytes"),
    ("max_free_blocks", "largest free run, blocks"),
    ("free_runs", "free runs"),
    ("last_us", "last collection, us"),
    ("longest_us", "longest collection, us"),
    ("total_us", "all collections, us"),
    ("freed_objects", "chunks freed"),
    ("freed_bytes", "bytes freed"),
    ("allocations", "allocations"),
    ("failures", "failed allocations"),
    ("failed_bytes", "bytes of the last of them"),
    ("mark_overflows", "mark stack full"),
    ("finalised", "finalisers run"),
    ("peak_pystack", "most Python stack"),
    ("sched_refused", "calls refused"),
];

pub struct Screen {
    title: String,
    is_board: bool,
    seen: Seen,
    /// Why nothing follows.
    ended: Option<String>,
}

fn kilobytes(bytes: f64) -> String {
    if bytes < 10_240.0 {
        format!("{bytes:.0}")
    } else {
        format!("{:.0}K", bytes / 1024.0)
    }
}

impl Screen {
    fn keys(&self) -> String {
        let ended = self
            .ended
            .as_ref()
            .map_or(String::new(), |why| format!("{why}   "));
        let board = if self.is_board {
            "   c collects   r resets the figures"
        } else {
            ""
        };
        format!(" {ended}q quits{board}")
    }

    fn draw(&self, frame: &mut Frame) {
        let printed = if self.seen.printed.is_empty() { 0 } else { 6 };
        let [head, chart, below, text, foot] = Layout::vertical([
            Constraint::Length(3),
            Constraint::Min(6),
            Constraint::Length(ROWS.len() as u16 / 2 + 3),
            Constraint::Length(printed),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        self.draw_use(frame, head);
        self.draw_history(frame, chart);
        let [table, bars] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
                .areas(below);
        self.draw_figures(frame, table);
        self.draw_pauses(frame, bars);
        let lines = self
            .seen
            .printed
            .iter()
            .rev()
            .take(usize::from(text.height.saturating_sub(1)));
        let lines: Vec<_> = lines.rev().map(|line| Line::raw(line.as_str())).collect();
        frame.render_widget(
            Paragraph::new(lines).block(Block::new().title("It prints").bold()),
            text,
        );
        frame.render_widget(Line::raw(self.keys()).dim(), foot);
    }

    fn draw_use(&self, frame: &mut Frame, area: Rect) {
        let block = Block::bordered().title(format!(" {} ", self.title));
        let Some(used) = self.seen.used() else {
            let text = Line::raw("no figures yet");
            frame.render_widget(Paragraph::new(text).block(block), area);
            return;
        };
        match self.seen.get("total").filter(|&total| total > 0) {
            Some(total) => {
                let ratio = (used as f64 / total as f64).clamp(0.0, 1.0);
                let gauge = Gauge::default()
                    .block(block)
                    .gauge_style(Color::Cyan)
                    .ratio(ratio)
                    .label(format!("{used} of {total} bytes in use"));
                frame.render_widget(gauge, area);
            }
            None => {
                let text = Line::raw(format!("{used} bytes in use after the last collection"));
                frame.render_widget(Paragraph::new(text).block(block), area);
            }
        }
    }

    fn draw_history(&self, frame: &mut Frame, area: Rect) {
        let points: Vec<(f64, f64)> = self.seen.history.iter().copied().collect();
        let (first, last) = match (points.first(), points.last()) {
            (Some(first), Some(last)) => (first.0, last.0.max(first.0 + 1.0)),
            _ => (0.0, 1.0),
        };
        let top = points.iter().map(|point| point.1).fold(1.0, f64::max) * 1.1;
        let dataset = Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Color::Cyan)
            .data(&points);
        let chart = Chart::new(vec![dataset])
            .block(Block::bordered().title(" bytes in use "))
            .x_axis(
                Axis::default()
                    .bounds([first, last])
                    .labels([format!("{first:.0} s"), format!("{last:.0} s")]),
            )
            .y_axis(
                Axis::default()
                    .bounds([0.0, top])
                    .labels(["0".to_string(), kilobytes(top)]),
            );
        frame.render_widget(chart, area);
    }

    fn draw_figures(&self, frame: &mut Frame, area: Rect) {
        let mut rows = Vec::new();
        if let Some(count) = self.seen.collections() {
            let each = REASONS.iter().filter_map(|reason| {
                let count = self.seen.get(reason).filter(|&count| count > 0)?;
                Some(format!("{count} {reason}"))
            });
            let each: Vec<_> = each.collect();
            rows.push(("collections", format!("{count}: {}", each.join(", "))));
        }
        for (key, name) in ROWS {
            if let Some(number) = self.seen.get(key) {
                rows.push((name, number.to_string()));
            }
        }
        // In two columns, as far as there is space.
        let height = usize::from(area.height.saturating_sub(2)).max(1);
        let lines = rows.len().min(height);
        let cell = |at: usize| {
            rows.get(at)
                .map_or(("", ""), |(name, text)| (*name, text.as_str()))
        };
        let lines = (0..lines).map(|at| {
            let (left, right) = (cell(at), cell(at + height));
            Row::new([left.0, left.1, right.0, right.1])
        });
        let widths = [26, 18, 26, 12].map(Constraint::Max);
        let table = Table::new(lines, widths).block(Block::bordered().title(" figures "));
        frame.render_widget(table, area);
    }

    fn draw_pauses(&self, frame: &mut Frame, area: Rect) {
        let last = self.seen.pauses.iter().rposition(|&count| count > 0);
        let first = self.seen.pauses.iter().position(|&count| count > 0);
        let classes = first.unwrap_or(0)..last.map_or(0, |last| last + 1);
        let bars: Vec<_> = classes
            .map(|class| {
                Bar::default()
                    .label(pause_name(class))
                    .value(self.seen.pauses[class])
                    .style(Style::from(Color::Cyan))
            })
            .collect();
        let chart = BarChart::default()
            .block(Block::bordered().title(" how long collections took "))
            .bar_width(7)
            .data(BarGroup::default().bars(&bars));
        frame.render_widget(chart, area);
    }

    /// Takes in what has come.
    fn take(&mut self, source: &Source) {
        loop {
            match source.messages.try_recv() {
                Ok(Message::Line(line)) => drop(self.seen.read(&line)),
                Ok(Message::Reading) => self.seen.settle(),
                Ok(Message::End(why)) => self.ended = Some(why),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.ended.get_or_insert("the source ended".to_string());
                    return;
                }
            }
        }
    }
}

/// Shows a source until a key, or so many readings, end it.
pub fn show(source: &Source, count: Option<usize>) -> Result<()> {
    let mut screen = Screen {
        title: source.title.clone(),
        is_board: source.wishes.is_some(),
        seen: Seen::new(),
        ended: None,
    };
    let mut terminal = ratatui::try_init().context("drawing in the terminal")?;
    let mut act = || -> Result<()> {
        loop {
            screen.take(source);
            terminal.draw(|frame| screen.draw(frame))?;
            if count.is_some_and(|count| screen.seen.readings >= count) {
                return Ok(());
            }
            if !event::poll(TICK)? {
                continue;
            }
            let Event::Key(key) = event::read()? else {
                continue;
            };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            match key.code {
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                    return Ok(());
                }
                KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                KeyCode::Char('c') => source.wish(Wish::Collect),
                KeyCode::Char('r') => source.wish(Wish::Reset),
                _ => {}
            }
        }
    };
    let end = act();
    ratatui::restore();
    end
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn screen() -> Screen {
        let mut seen = Seen::new();
        let dict = "{'asked': 3, 'full': 1, 'threshold': 0, 'idle': 0, 'pauses': [0, 4, 0, 1], \
                    'live_bytes': 640, 'longest_us': 77, 'sched_refused': 5}";
        for line in ["GC: total: 64000, used: 6224, free: 57776", dict, "hello"] {
            seen.read(line);
        }
        seen.settle();
        Screen {
            title: "board".to_string(),
            is_board: true,
            seen,
            ended: None,
        }
    }

    fn drawn(screen: &Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn each_figure_that_is_known_is_drawn() {
        let text = drawn(&screen(), 170, 40);
        for wanted in [
            "6224 of 64000 bytes in use",
            "4: 3 asked, 1 full",
            "longest collection, us",
            "77",
            "calls refused",
            "<32us",
            "<128us",
            "hello",
            "r resets",
        ] {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
        assert!(!text.contains("finalisers"), "it is not known:\n{text}");
    }

    #[test]
    fn any_size_of_the_terminal_will_do() {
        let screen = screen();
        for width in [1, 2, 5, 20, 80] {
            for height in [1, 2, 3, 7, 24] {
                drawn(&screen, width, height);
            }
        }
    }
}
