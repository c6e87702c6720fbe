//! What was read of a heap so far, from the lines of any source.
//!
//! A line is one of these, or text that the program prints:
//!
//! ```text
//!   {'asked': 3, 'pauses': [0, 2], ...}              print(mpgc.stats())
//!   GC: total: 64000, used: 6224, free: 57776        micropython.mem_info()
//!    No. of 1-blocks: 59, ..., max free sz: 3591     its next line
//!   ,{"name":"collect","ph":"X",...}                 an event of MPGC_TRACE
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::Value;

/// How many readings and lines of text are kept.
const KEPT: usize = 2000;
/// The reasons of a collection, as the figures name them.
pub const REASONS: [&str; 4] = ["asked", "full", "threshold", "idle"];
/// The classes of the times of collections, as in include/mpgc.h.
const PAUSES: usize = 16;
const SHORT_PAUSE: u64 = 16;

pub struct Seen {
    began: Instant,
    /// By the names of `mpgc.stats()`; also `used`, `total` and `max_free_blocks`.
    pub numbers: BTreeMap<String, u64>,
    pub pauses: Vec<u64>,
    /// Seconds since the first, and bytes in use.
    pub history: VecDeque<(f64, f64)>,
    /// What the program printed last.
    pub printed: VecDeque<String>,
    /// Something was read since the last reading ended.
    new: bool,
    /// The time of the last event of a trace, in seconds.
    traced: Option<f64>,
    pub readings: usize,
}

/// The upper end of a class of times, as text.
pub fn pause_name(class: usize) -> String {
    let end = SHORT_PAUSE << class;
    match end {
        _ if class + 1 == PAUSES => "more".to_string(),
        0..1000 => format!("<{end}us"),
        1000..1_000_000 => format!("<{}ms", end / 1000),
        _ => format!("<{}s", end / 1_000_000),
    }
}

fn pause_class(us: u64) -> usize {
    let doublings = (u64::BITS - (us / SHORT_PAUSE).leading_zeros()) as usize;
    doublings.min(PAUSES - 1)
}

/// The numbers of `name: number, name: number`.
fn pairs(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.split(", ").filter_map(|pair| {
        let (name, number) = pair.rsplit_once(": ")?;
        Some((name.trim(), number.trim().parse().ok()?))
    })
}

impl Seen {
    pub fn new() -> Seen {
        Seen {
            began: Instant::now(),
            numbers: BTreeMap::new(),
            pauses: Vec::new(),
            history: VecDeque::new(),
            printed: VecDeque::new(),
            new: false,
            traced: None,
            readings: 0,
        }
    }

    pub fn get(&self, name: &str) -> Option<u64> {
        self.numbers.get(name).copied()
    }

    fn set(&mut self, name: &str, number: u64) {
        self.numbers.insert(name.to_string(), number);
        self.new = true;
    }

    fn add(&mut self, name: &str, number: u64) {
        let sum = self.get(name).unwrap_or(0).saturating_add(number);
        self.set(name, sum);
    }

    fn raise(&mut self, name: &str, number: u64) {
        let most = self.get(name).unwrap_or(0).max(number);
        self.set(name, most);
    }

    pub fn collections(&self) -> Option<u64> {
        let each = REASONS.iter().filter_map(|reason| self.get(reason));
        each.reduce(u64::saturating_add)
    }

    /// Takes in a line. Returns it if it is what the program prints.
    pub fn read(&mut self, line: &str) -> Option<String> {
        let line = line.trim_end();
        if line.trim().is_empty()
            || self.read_event(line)
            || self.read_dict(line)
            || self.read_info(line)
        {
            return None;
        }
        // What goes to a terminal is text.
        let plain = line.chars().map(|c| if c.is_control() { ' ' } else { c });
        let printed: String = plain.collect();
        self.printed.push_back(printed.clone());
        if self.printed.len() > KEPT {
            self.printed.pop_front();
        }
        Some(printed)
    }

    /// An event of a trace, in a list of JSON with a line for each.
    fn read_event(&mut self, line: &str) -> bool {
        let text = line.trim_matches([',', '[', ' ']);
        if text == "]" || text.is_empty() {
            return true;
        }
        if !text.starts_with("{\"name\":") {
            return false;
        }
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return false;
        };
        let arguments = &event["args"];
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        match event["name"].as_str() {
            Some("collect") => {
                let us = number(&event["dur"]);
                for reason in REASONS {
                    self.add(reason, u64::from(arguments["reason"] == reason));
                }
                self.set("last_us", us);
                self.raise("longest_us", us);
                self.add("total_us", us);
                self.add("freed_objects", number(&arguments["freed_objects"]));
                self.pauses.resize(PAUSES, 0);
                self.pauses[pause_class(us)] += 1;
            }
            Some("live bytes") => {
                self.set("live_bytes", number(&arguments["live"]));
                self.raise("peak_bytes", number(&arguments["live"]));
            }
            Some("allocation failed") => {
                self.add("failures", 1);
                self.set("failed_bytes", number(&arguments["bytes"]));
            }
            _ => return true,
        }
        self.traced = Some(number(&event["ts"]) as f64 / 1e6);
        // The counter is the last event of a collection.
        if event["name"] == "live bytes" {
            self.settle();
            self.new = true;
        }
        true
    }

    /// A dict as `mpgc.stats()` has it.
    fn read_dict(&mut self, line: &str) -> bool {
        let text = line.trim();
        if !text.starts_with('{') || !text.contains("'live_bytes'") {
            return false;
        }
        let Ok(Value::Object(figures)) = serde_json::from_str(&text.replace('\'', "\"")) else {
            return false;
        };
        for (name, value) in &figures {
            if let Some(number) = value.as_u64() {
                self.set(name, number);
            } else if name == "pauses" {
                let classes = value.as_array().into_iter().flatten().take(PAUSES);
                self.pauses = classes.map(|count| count.as_u64().unwrap_or(0)).collect();
            }
        }
        true
    }

    /// The lines of `micropython.mem_info()`.
    fn read_info(&mut self, line: &str) -> bool {
        let text = line.trim();
        if let Some(rest) = text.strip_prefix("GC: ") {
            for (name, number) in pairs(rest) {
                if matches!(name, "total" | "used") {
                    self.set(name, number);
                }
            }
            return true;
        }
        if text.starts_with("No. of 1-blocks:") {
            for (name, number) in pairs(text) {
                if name == "max free sz" {
                    self.set("max_free_blocks", number);
                }
            }
            return true;
        }
        // How much of the stack is in use, and how many qstrs there are.
        text.starts_with("stack: ") && text.contains(" out of ")
            || text.starts_with("qstr pool: ")
            || text.starts_with("mem: total=")
    }

    pub fn has_new(&self) -> bool {
        self.new
    }

    /// Bytes in use: now, or after the last collection.
    pub fn used(&self) -> Option<u64> {
        self.get("used").or_else(|| self.get("live_bytes"))
    }

    /// A reading ends.
    pub fn settle(&mut self) {
        if !self.new {
            return;
        }
        self.new = false;
        self.readings += 1;
        let at = self
            .traced
            .unwrap_or_else(|| self.began.elapsed().as_secs_f64());
        if let Some(used) = self.used() {
            if self
                .history
                .back()
                .is_none_or(|&last| last != (at, used as f64))
            {
                self.history.push_back((at, used as f64));
            }
            if self.history.len() > KEPT {
                self.history.pop_front();
            }
        }
    }

    /// All in one line.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(&(at, _)) = self.history.back() {
            parts.push(format!("{at:8.1} s"));
        }
        if let Some(used) = self.used() {
            let of = self
                .get("total")
                .map_or(String::new(), |total| format!(" of {total}"));
            parts.push(format!("{used}{of} bytes in use"));
        }
        if let Some(count) = self.collections() {
            let each = REASONS
                .iter()
                .filter_map(|reason| Some((self.get(reason)?, reason)));
            let each: Vec<_> = each
                .map(|(count, reason)| format!("{reason} {count}"))
                .collect();
            parts.push(format!("{count} collections ({})", each.join(", ")));
        }
        let named = [
            ("last_us", "last", " us"),
            ("longest_us", "longest", " us"),
            ("max_free", "largest free", " bytes"),
            ("max_free_blocks", "largest free", " blocks"),
            ("failures", "failures", ""),
        ];
        for (key, name, unit) in named {
            if let Some(number) = self.get(key) {
                parts.push(format!("{name} {number}{unit}"));
            }
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_build_that_counts_are_read() {
        let mut seen = Seen::new();
        let dict = "{'asked': 3, 'full': 1, 'pauses': [0, 4, 0], 'live_bytes': 640, 'last_us': 30}";
        assert_eq!(seen.read("GC: total: 64000, used: 6224, free: 57776"), None);
        assert_eq!(seen.read(dict), None);
        seen.settle();
        assert_eq!(seen.collections(), Some(4));
        assert_eq!(seen.pauses, [0, 4, 0]);
        assert_eq!(seen.used(), Some(6224));
        assert!(
            seen.line()
                .contains("6224 of 64000 bytes in use; 4 collections (asked 3, full 1)")
        );
    }

    #[test]
    fn what_stock_firmware_prints_is_read() {
        let mut seen = Seen::new();
        for line in [
            "stack: 512 out of 8192",
            "GC: total: 111168, used: 1920, free: 109248",
            " No. of 1-blocks: 32, 2-blocks: 9, max blk sz: 16, max free sz: 6820",
        ] {
            assert_eq!(seen.read(line), None, "{line}");
        }
        seen.settle();
        assert_eq!(seen.get("max_free_blocks"), Some(6820));
        assert_eq!(
            (seen.get("total"), seen.used()),
            (Some(111_168), Some(1920))
        );
    }

    /// The lines are those that src/trace.rs writes.
    #[test]
    fn the_events_of_a_trace_are_counted() {
        let mut seen = Seen::new();
        for line in [
            "[",
            ",",
            "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,\
             \"args\":{\"name\":\"mpgc\"}},",
            ",",
            "{\"name\":\"collect\",\"cat\":\"gc\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":2000000,\
             \"dur\":50,\"args\":{\"reason\":\"full\",\"freed_objects\":7}}",
            ",",
            "{\"name\":\"live bytes\",\"cat\":\"gc\",\"ph\":\"C\",\"pid\":1,\"tid\":1,\
             \"ts\":2000050,\
             \"args\":{\"live\":4096}}",
            "{\"name\":\"allocation failed\",\"ph\":\"i\",\"ts\":2500000,\"args\":{\"bytes\":99}}",
            "]",
        ] {
            assert_eq!(seen.read(line), None, "{line}");
        }
        assert_eq!(seen.get("full"), Some(1));
        assert_eq!(seen.get("asked"), Some(0));
        assert_eq!(seen.get("freed_objects"), Some(7));
        assert_eq!(
            (seen.get("failures"), seen.get("failed_bytes")),
            (Some(1), Some(99))
        );
        assert_eq!(seen.pauses[2], 1, "50 us are less than 64");
        assert_eq!(seen.history, [(2.000_05, 4096.0)]);
    }

    #[test]
    fn what_the_program_prints_is_shown_as_text() {
        let mut seen = Seen::new();
        assert_eq!(seen.read("hello\x1b[2J\r"), Some("hello [2J".to_string()));
        assert_eq!(seen.read("{'a': 1}"), Some("{'a': 1}".to_string()));
        assert_eq!(
            seen.read("{\"name\": damaged"),
            Some("{\"name\": damaged".to_string())
        );
        assert!(!seen.has_new());
    }

    #[test]
    fn each_class_of_times_has_its_name() {
        assert_eq!(pause_class(15), 0);
        assert_eq!(pause_class(16), 1);
        assert_eq!(pause_class(u64::MAX), PAUSES - 1);
        let names: Vec<_> = (0..PAUSES).map(pause_name).collect();
        assert_eq!(names[..3], ["<16us", "<32us", "<64us"]);
        assert_eq!((names[14].as_str(), names[15].as_str()), ("<262ms", "more"));
    }
}
