//! The charts of the report, as SVG.

use crate::scale;
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
/// Each series' own, dark enough to be read as text.
const OF_SERIES: [RGBColor; 6] = [
    RGBColor(0xc2, 0x18, 0x3c),
    RGBColor(0x2f, 0x7d, 0x4f),
    RGBColor(0x9a, 0x6b, 0x00),
    RGBColor(0x1f, 0x5f, 0xa8),
    RGBColor(0xc2, 0x52, 0x0a),
    RGBColor(0x6a, 0x3d, 0x9a),
];
const FONT: &str = "sans-serif";
/// From one line of labels to the next.
const LINE: i32 = 13;

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
    let root = SVGBackend::new(to, (860, lines.len() as u32 * ROW as u32 + 84)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = "C time / mpgc time, log scale: right of the line mpgc is faster";
    root.draw(&Text::new(title, (10, 8), (FONT, 15)))?;
    let ratios = lines
        .iter()
        .map(|l| number(l, "ratio"))
        .collect::<Result<Vec<_>, _>>()?;
    let least = ratios.iter().copied().fold(1.0, f64::min) * 0.8;
    let most = ratios.iter().copied().fold(2.0, f64::max) * 1.6;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(32)
        .margin_right(10)
        .set_label_area_size(LabelAreaPosition::Left, NAMES)
        .set_label_area_size(LabelAreaPosition::Bottom, 38)
        .build_cartesian_2d(
            (least..most)
                .log_scale()
                .with_key_points(scale::ratios(least..most)),
            0.0..lines.len() as f64,
        )?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_desc("times as fast as the C")
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
        let (x_name, y_pixel) = chart.backend_coord(&(least, y - 0.5));
        let name = line["case"].as_str().unwrap_or_default();
        root.draw(&Text::new(name, (x_name - 8, y_pixel), right.clone()))?;
        let (x_end, _) = chart.backend_coord(&(ratio.max(1.0), y - 0.5));
        root.draw(&Text::new(
            ratio_text(*ratio),
            (x_end + 5, y_pixel),
            left.clone(),
        ))?;
    }
    chart.draw_series([PathElement::new(
        [(1.0, 0.0), (1.0, lines.len() as f64)],
        BLACK,
    )])?;
    root.present()?;
    Ok(())
}

fn ratio_text(ratio: f64) -> String {
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
    let root = SVGBackend::new(to, (1080, 360 * rows as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    for (pair, row) in charts.chunks(2).zip(root.split_evenly((rows, 1))) {
        // a single one has the whole row
        for (name, area) in pair.iter().zip(row.split_evenly((1, pair.len()))) {
            let of_chart: Vec<_> = points.iter().filter(|p| p["chart"] == *name).collect();
            draw_curves(name, &of_chart, &area)?;
        }
    }
    root.present()?;
    Ok(())
}

/// A curve: its points, and its label at the end.
struct Curve {
    points: Vec<(f64, f64)>,
    label: String,
    color: RGBColor,
    dashed: bool,
}

/// Two curves for each series, in its colour.
fn curves(points: &[&Value]) -> Result<Vec<Curve>, Box<dyn Error>> {
    let mut series: Vec<&str> = Vec::new();
    for point in points {
        let name = point["series"].as_str().ok_or("a point without `series`")?;
        if !series.contains(&name) {
            series.push(name);
        }
    }
    let alone = series.len() == 1;
    let mut all = Vec::new();
    for (i, one) in series.into_iter().enumerate() {
        for (side, key) in [("C", "c_ns"), ("mpgc", "rust_ns")] {
            let of_series = points.iter().filter(|p| p["series"] == one);
            let points: Result<Vec<_>, String> = of_series
                .map(|p| Ok((number(p, "x")?, number(p, key)?)))
                .collect();
            all.push(Curve {
                points: points?,
                label: if alone {
                    side.into()
                } else {
                    format!("{one}, {side}")
                },
                color: match (alone, side) {
                    (true, "C") => OF_THE_C,
                    (true, _) => FASTER,
                    _ => OF_SERIES[i % OF_SERIES.len()],
                },
                dashed: side == "C",
            });
        }
    }
    Ok(all)
}

/// The C dashed, mpgc solid, each called by its name where it ends.
fn draw_curves(name: &str, points: &[&Value], area: &Area) -> Drawn {
    let curves = curves(points)?;
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let xs = scale::range(all().map(|p| p.0), 1.25);
    let ys = scale::range(all().map(|p| p.1), 1.5);
    let of_bytes = points[0]["unit"] == "bytes";
    let x_ticks = if of_bytes {
        scale::bytes(xs.clone())
    } else {
        scale::decades(xs.clone())
    };
    let mut chart = ChartBuilder::on(area)
        .caption(name, (FONT, 16))
        .margin(10)
        .margin_right(if curves.len() > 2 { 130 } else { 50 })
        .set_label_area_size(LabelAreaPosition::Left, 76)
        .set_label_area_size(LabelAreaPosition::Bottom, 42)
        .build_cartesian_2d(
            xs.log_scale().with_key_points(x_ticks),
            ys.clone().log_scale().with_key_points(scale::decades(ys)),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style((FONT, 12))
        .axis_desc_style((FONT, 13))
        .x_desc(if of_bytes {
            "size of the heap"
        } else {
            "objects alive"
        })
        .y_desc("time")
        .x_label_formatter(&|x| {
            if of_bytes {
                scale::size(*x)
            } else {
                scale::count(*x)
            }
        })
        .y_label_formatter(&|ns| scale::time(*ns))
        .draw()?;
    for curve in &curves {
        let (points, style) = (curve.points.clone(), curve.color.stroke_width(2));
        if curve.dashed {
            chart.draw_series(DashedLineSeries::new(points, 5, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    let ends = curves
        .iter()
        .filter_map(|curve| Some((curve, curve.points.last()?)));
    let ends: Vec<_> = ends
        .map(|(curve, end)| (curve, chart.backend_coord(end)))
        .collect();
    let places = scale::apart(&ends.iter().map(|end| end.1).collect::<Vec<_>>(), LINE);
    let drawn: Vec<Vec<_>> = curves
        .iter()
        .map(|curve| {
            curve
                .points
                .iter()
                .map(|p| chart.backend_coord(p))
                .collect()
        })
        .collect();
    for ((curve, _), (x, y)) in ends.into_iter().zip(places) {
        let style = TextStyle::from((FONT, 12))
            .pos(Pos::new(HPos::Left, VPos::Center))
            .color(&curve.color);
        // in the picture's coordinates, as the area's own are
        let root = area.strip_coord_spec();
        let (left, top) = root.get_base_pixel();
        let (width, height) = root.estimate_text_size(&curve.label, &style)?;
        let size = (width as i32, height as i32);
        let (x, y) = scale::beside((x + 6, y), size, &drawn, 8 * LINE);
        let (x, y) = (x - left, y - top);
        // the grid
        let behind = [(x - 2, y - size.1 / 2), (x + size.0, y + size.1 / 2)];
        root.draw(&Rectangle::new(behind, WHITE.mix(0.8).filled()))?;
        root.draw(&Text::new(curve.label.clone(), (x, y), style))?;
    }
    Ok(())
}
