//! The charts of the report, as SVG.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;
use std::error::Error;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const FASTER: RGBColor = RGBColor(0x2f, 0x7d, 0x4f);
const SLOWER: RGBColor = RGBColor(0xb0, 0x3a, 0x2e);
const OF_THE_C: RGBColor = RGBColor(0x55, 0x55, 0x55);
const FONT: &str = "sans-serif";

fn read(from: &str) -> Result<Vec<Value>, Box<dyn Error>> {
    let text = std::fs::read_to_string(from).map_err(|e| format!("{from}: {e}"))?;
    Ok(serde_json::from_str(&text)?)
}

fn number(of: &Value, key: &str) -> Result<f64, String> {
    of[key]
        .as_f64()
        .ok_or_else(|| format!("a line without `{key}`: {of}"))
}

/// A bar for each case: how many times faster than the C.
pub fn ratios(from: &str, to: &str) -> Result<(), String> {
    draw_ratios(from, to).map_err(|e| e.to_string())
}

fn draw_ratios(from: &str, to: &str) -> Drawn {
    const ROW: i32 = 17;
    const NAMES: u32 = 270;
    let lines = read(from)?;
    let root = SVGBackend::new(to, (860, lines.len() as u32 * ROW as u32 + 70)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = "C time / mpgc time, log scale: right of the line mpgc is faster";
    root.draw(&Text::new(title, (10, 8), (FONT, 15)))?;
    let ratios = lines
        .iter()
        .map(|l| number(l, "ratio"))
        .collect::<Result<Vec<_>, _>>()?;
    let most = ratios.iter().copied().fold(10.0, f64::max) * 4.0;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(32)
        .margin_right(10)
        .set_label_area_size(LabelAreaPosition::Left, NAMES)
        .set_label_area_size(LabelAreaPosition::Bottom, 24)
        .build_cartesian_2d((0.5..most).log_scale(), 0.0..lines.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_label_formatter(&|x| format!("{x}"))
        .light_line_style(WHITE)
        .draw()?;
    let right = TextStyle::from((FONT, 12)).pos(Pos::new(HPos::Right, VPos::Center));
    let left = TextStyle::from((FONT, 12)).pos(Pos::new(HPos::Left, VPos::Center));
    for (i, (line, ratio)) in lines.iter().zip(&ratios).enumerate() {
        let y = (lines.len() - i) as f64;
        let color = if *ratio >= 1.0 { FASTER } else { SLOWER };
        chart.draw_series([Rectangle::new(
            [(1.0, y - 0.85), (*ratio, y - 0.15)],
            color.filled(),
        )])?;
        let (x_name, y_pixel) = chart.backend_coord(&(0.5, y - 0.5));
        let name = line["case"].as_str().unwrap_or_default();
        root.draw(&Text::new(name, (x_name - 8, y_pixel), right.clone()))?;
        let (x_end, _) = chart.backend_coord(&(ratio.max(1.0), y - 0.5));
        root.draw(&Text::new(told(*ratio), (x_end + 5, y_pixel), left.clone()))?;
    }
    chart.draw_series([PathElement::new(
        [(1.0, 0.0), (1.0, lines.len() as f64)],
        BLACK,
    )])?;
    root.present()?;
    Ok(())
}

fn told(ratio: f64) -> String {
    if ratio >= 100.0 {
        format!("{ratio:.0}")
    } else if ratio >= 10.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.2}")
    }
}

/// A chart for each `chart` of the points, both axes logarithmic.
pub fn growth(from: &str, to: &str) -> Result<(), String> {
    draw_growth(from, to).map_err(|e| e.to_string())
}

fn draw_growth(from: &str, to: &str) -> Drawn {
    let points = read(from)?;
    let mut charts: Vec<&str> = Vec::new();
    for point in &points {
        let chart = point["chart"].as_str().ok_or("a point without `chart`")?;
        if !charts.contains(&chart) {
            charts.push(chart);
        }
    }
    let rows = charts.len().div_ceil(2);
    let root = SVGBackend::new(to, (980, 330 * rows as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    for (name, area) in charts.into_iter().zip(root.split_evenly((rows, 2))) {
        let of_chart: Vec<_> = points.iter().filter(|p| p["chart"] == name).collect();
        draw_curves(name, &of_chart, &area)?;
    }
    root.present()?;
    Ok(())
}

/// The C dashed, mpgc solid; a colour for each series.
fn draw_curves(name: &str, points: &[&Value], area: &Area) -> Drawn {
    let xs = points
        .iter()
        .map(|p| number(p, "x"))
        .collect::<Result<Vec<_>, _>>()?;
    let mut ys = Vec::new();
    for point in points {
        ys.extend([number(point, "c_ns")?, number(point, "rust_ns")?]);
    }
    let range = |of: &[f64]| {
        let least = of.iter().copied().fold(f64::INFINITY, f64::min);
        least * 0.7..of.iter().copied().fold(0.0, f64::max) * 1.5
    };
    let mut chart = ChartBuilder::on(area)
        .caption(name, (FONT, 14))
        .margin(8)
        .margin_right(16)
        .set_label_area_size(LabelAreaPosition::Left, 62)
        .set_label_area_size(LabelAreaPosition::Bottom, 30)
        .build_cartesian_2d(range(&xs).log_scale(), range(&ys).log_scale())?;
    let unit = points[0]["unit"].as_str().unwrap_or_default().to_owned();
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(unit.clone())
        .x_label_formatter(&|x| {
            if unit == "bytes" {
                bytes(*x)
            } else {
                format!("{x}")
            }
        })
        .y_label_formatter(&|ns| time(*ns))
        .draw()?;
    let mut series: Vec<&str> = Vec::new();
    for point in points {
        let name = point["series"].as_str().ok_or("a point without `series`")?;
        if !series.contains(&name) {
            series.push(name);
        }
    }
    let several = series.len() > 1;
    for (i, one) in series.into_iter().enumerate() {
        let color = if several {
            Palette99::pick(i).to_rgba()
        } else {
            FASTER.to_rgba()
        };
        let of_c = if several { color } else { OF_THE_C.to_rgba() };
        let line = |key: &str| -> Result<Vec<_>, String> {
            let of_series = points.iter().filter(|p| p["series"] == one);
            of_series
                .map(|p| Ok((number(p, "x")?, number(p, key)?)))
                .collect()
        };
        let label = if several {
            format!("{one}: ")
        } else {
            String::new()
        };
        chart
            .draw_series(DashedLineSeries::new(
                line("c_ns")?,
                4,
                3,
                of_c.stroke_width(2),
            ))?
            .label(format!("{label}C"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 6, y)], of_c.stroke_width(2)));
        chart
            .draw_series(LineSeries::new(line("rust_ns")?, color.stroke_width(2)))?
            .label(format!("{label}mpgc"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font((FONT, 10))
        .draw()?;
    Ok(())
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns} ns"),
        ns if ns < 1e6 => format!("{} us", ns / 1e3),
        ns if ns < 1e9 => format!("{} ms", ns / 1e6),
        ns => format!("{} s", ns / 1e9),
    }
}

fn bytes(bytes: f64) -> String {
    match bytes {
        b if b < 1e6 => format!("{:.0} KB", b / 1024.0),
        b if b < 1e9 => format!("{:.0} MB", b / 1048576.0),
        b => format!("{:.1} GB", b / 1073741824.0),
    }
}
