//! `map`: the blocks of the heap as a picture, a square each, coloured by what is in them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::view::View;

pub const BLOCKS_A_LINE: usize = 128;
const SQUARE: usize = 4;
const FREE: [u8; 3] = [0xf4, 0xf4, 0xf2];
const GARBAGE: [u8; 3] = [0xc9, 0xc9, 0xc9];

/// The colour of a type: the page computes the same.
pub fn colour(name: &str) -> [u8; 3] {
    let hash = name.bytes().fold(2166136261u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16777619)
    });
    let (hue, light) = (
        (hash % 360) as f64,
        0.45 + f64::from(hash >> 16 & 15) / 75.0,
    );
    let strength = 0.6 * f64::min(light, 1.0 - light);
    [0.0, 8.0, 4.0].map(|n: f64| {
        let k = (n + hue / 30.0) % 12.0;
        let value = light - strength * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (255.0 * value).round() as u8
    })
}

/// The colour of each block, area after area, each beginning a line.
pub fn lines(view: &View<'_>) -> Vec<[[u8; 3]; BLOCKS_A_LINE]> {
    let mut lines = Vec::new();
    let mut chunks = view.heap.chunks.iter().enumerate().peekable();
    for (index, area) in view.heap.areas.iter().enumerate() {
        let blocks = ((area.end - area.pool) / area.block_bytes) as usize;
        let first = lines.len();
        lines.resize(
            first + blocks.div_ceil(BLOCKS_A_LINE),
            [FREE; BLOCKS_A_LINE],
        );
        while let Some((number, chunk)) = chunks.next_if(|(_, chunk)| chunk.area == index as u32) {
            let live = view.graph.is_reached(number);
            let fill = if live {
                colour(&view.kinds.get(number).name)
            } else {
                GARBAGE
            };
            let start = ((chunk.address - area.pool) / area.block_bytes) as usize;
            for block in start..start + (chunk.bytes / area.block_bytes) as usize {
                lines[first + block / BLOCKS_A_LINE][block % BLOCKS_A_LINE] = fill;
            }
        }
    }
    lines
}

pub fn write(view: &View<'_>, path: &Path) -> Result<()> {
    let lines = lines(view);
    let about = || format!("writing {}", path.display());
    let create = || Ok::<_, anyhow::Error>(BufWriter::new(File::create(path).with_context(about)?));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("png") => png(&lines, create()?).with_context(about),
        Some("svg") => svg(&lines, create()?).with_context(about),
        _ => bail!("{}: a map is a .png or an .svg", path.display()),
    }
}

fn png(lines: &[[[u8; 3]; BLOCKS_A_LINE]], out: impl Write) -> Result<()> {
    let (width, height) = (BLOCKS_A_LINE * SQUARE, lines.len() * SQUARE);
    let mut encoder = png::Encoder::new(out, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for line in lines {
        let row: Vec<u8> = line
            .iter()
            .flat_map(|colour| colour.repeat(SQUARE))
            .collect();
        pixels.extend(row.repeat(SQUARE));
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(())
}

pub fn svg(lines: &[[[u8; 3]; BLOCKS_A_LINE]], mut out: impl Write) -> Result<()> {
    let (width, height) = (BLOCKS_A_LINE * SQUARE, lines.len() * SQUARE);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">"
    )?;
    let hex = |[red, green, blue]: [u8; 3]| format!("#{red:02x}{green:02x}{blue:02x}");
    writeln!(
        out,
        "<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>",
        hex(FREE)
    )?;
    for (row, line) in lines.iter().enumerate() {
        let mut column = 0;
        for run in line.chunk_by(|a, b| a == b) {
            if run[0] != FREE {
                let (x, y) = (column * SQUARE, row * SQUARE);
                let wide = run.len() * SQUARE;
                let fill = hex(run[0]);
                writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{SQUARE}\" \
                     fill=\"{fill}\"/>"
                )?;
            }
            column += run.len();
        }
    }
    writeln!(out, "</svg>")?;
    out.flush()?;
    Ok(())
}
