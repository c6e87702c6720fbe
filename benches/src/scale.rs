//! Axes of charts: round numbers where the ticks are, and how they are written.

use std::ops::Range;

const KB: f64 = 1024.0;
const MB: f64 = KB * 1024.0;
const GB: f64 = MB * 1024.0;

/// A range that holds all values, and a margin of this factor.
pub fn range(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let (least, most) = values.fold((f64::INFINITY, 0.0), |(least, most), value| {
        (f64::min(least, value), f64::max(most, value))
    });
    least / margin..most * margin
}

/// The powers of ten in a range; where these are few, 2 and 5 times one too, or all whole
/// multiples.
pub fn decades(range: Range<f64>) -> Vec<f64> {
    const ALL: [&[f64]; 3] = [
        &[1.0],
        &[1.0, 2.0, 5.0],
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
    ];
    let ticks = ALL.map(|multiples| times_powers(multiples, &range));
    let enough = ticks.iter().position(|ticks| ticks.len() >= 3);
    ticks[enough.unwrap_or(ALL.len() - 1)].clone()
}

/// These multiples of powers of ten, where they lie in a range.
fn times_powers(multiples: &[f64], range: &Range<f64>) -> Vec<f64> {
    let powers = (-3..=18).map(|n| 10f64.powi(n));
    let all = powers.flat_map(|p| multiples.iter().map(move |m| m * p));
    all.filter(|x| range.contains(x)).collect()
}

/// The powers of two in a range that fit below an axis, starting at a multiple of 1 KB, 1 MB or 1
/// GB.
pub fn bytes(range: Range<f64>) -> Vec<f64> {
    const MOST: usize = 8;
    let powers: Vec<f64> = (10..=40).map(|n| 2f64.powi(n)).collect();
    let inside = powers
        .into_iter()
        .filter(|x| *x >= range.start && *x <= range.end);
    let inside: Vec<f64> = inside.collect();
    let step = inside.len().div_ceil(MOST).max(1);
    inside.into_iter().step_by(step).collect()
}

/// The numbers where a chart of ratios has its ticks.
pub fn ratios(range: Range<f64>) -> Vec<f64> {
    let multiples: &[f64] = match range.end / range.start {
        factor if factor > 100.0 => &[1.0],
        factor if factor > 8.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5],
    };
    times_powers(multiples, &range)
}

/// A size, in the largest unit of which it is one or more.
pub fn size(bytes: f64) -> String {
    match bytes {
        b if b < KB => format!("{b} B"),
        b if b < MB => format!("{} KB", b / KB),
        b if b < GB => format!("{} MB", b / MB),
        b => format!("{} GB", b / GB),
    }
}

/// A time, in the largest unit of which it is one or more.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns} ns"),
        ns if ns < 1e6 => format!("{} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{} ms", ns / 1e6),
        ns => format!("{} s", ns / 1e9),
    }
}

/// A whole number, with a comma before each three digits.
pub fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Where labels go whose lines end at these pixels: as near as can be, but `line` apart from those
/// in the same place of the axis.
pub fn apart(ends: &[(i32, i32)], line: i32) -> Vec<(i32, i32)> {
    const NEAR: i32 = 90;
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by_key(|&i| ends[i].1);
    let mut places = ends.to_vec();
    // each push may bring two others together
    for _ in 0..10 * ends.len() {
        for (n, &above) in order.iter().enumerate() {
            for &below in &order[n + 1..] {
                let short = line - (places[below].1 - places[above].1);
                if short > 0 && (ends[above].0 - ends[below].0).abs() < NEAR {
                    places[above].1 -= short / 2;
                    places[below].1 += short - short / 2;
                }
            }
        }
    }
    places
}

/// Where a label of this size goes whose line ends at `at`, so that no curve runs through it: as
/// near as can be, up or down, and where it is if there is no such place within `far` pixels.
/// A curve is its points.
pub fn beside(
    at: (i32, i32),
    (width, height): (i32, i32),
    curves: &[Vec<(i32, i32)>],
    far: i32,
) -> (i32, i32) {
    let free = |y: i32| {
        curves.iter().all(|points| {
            points.windows(2).all(|ends| {
                let inside = (at.0, at.0 + width);
                crossed(ends[0], ends[1], inside)
                    .is_none_or(|(top, bottom)| bottom < y - height / 2 || top > y + height / 2)
            })
        })
    };
    let nearest = (0..=far).flat_map(|away| [at.1 - away, at.1 + away]);
    (at.0, nearest.into_iter().find(|&y| free(y)).unwrap_or(at.1))
}

/// The highest and the lowest pixel of a segment between two places of the horizontal axis; none if
/// it lies beside them.
fn crossed(a: (i32, i32), b: (i32, i32), (left, right): (i32, i32)) -> Option<(i32, i32)> {
    let (a, b) = if a.0 <= b.0 { (a, b) } else { (b, a) };
    if b.0 < left || a.0 > right {
        return None;
    }
    let at = |x: i32| a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0).max(1);
    let (first, last) = (at(left.max(a.0)), at(right.min(b.0)));
    Some((first.min(last), first.max(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(decades(700.0..2e6), [1e3, 1e4, 1e5, 1e6]);
        assert_eq!(decades(70.0..600.0), [100.0, 200.0, 500.0]);
        let ticks = bytes(100.0 * KB..1.2 * GB);
        let ticks: Vec<String> = ticks.into_iter().map(size).collect();
        assert_eq!(
            ticks,
            [
                "128 KB", "512 KB", "2 MB", "8 MB", "32 MB", "128 MB", "512 MB"
            ]
        );
        assert_eq!(decades(15.0..80.0), [20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(ratios(0.5..1500.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(ratios(0.8..3.5), [1.0, 1.25, 1.5, 2.0, 2.5, 3.0]);
    }

    #[test]
    fn a_label_lies_on_no_curve() {
        let rising = vec![(0, 100), (200, 0)];
        let flat = vec![(0, 30), (200, 30)];
        let curves = [rising, flat];
        // Beside both it stays.
        assert_eq!(beside((100, 90), (50, 10), &curves, 60), (100, 90));
        // On the rising one, which is between 50 and 25 there, it goes below.
        assert_eq!(beside((100, 48), (50, 10), &curves, 60), (100, 56));
        // The flat one is in the way above.
        assert_eq!(beside((100, 35), (50, 10), &curves, 60), (100, 19));
        // Nowhere within 5 pixels.
        assert_eq!(beside((100, 40), (50, 10), &curves, 5), (100, 40));
    }

    #[test]
    fn numbers_are_written_with_their_unit() {
        assert_eq!(
            [1e9, 2e6, 5e3, 20.0].map(time),
            ["1 s", "2 ms", "5 µs", "20 ns"]
        );
        assert_eq!([KB, MB, GB].map(size), ["1 KB", "1 MB", "1 GB"]);
        assert_eq!([1.0, 1e3, 1e6].map(count), ["1", "1,000", "1,000,000"]);
    }

    #[test]
    fn labels_do_not_lie_on_each_other() {
        let places = apart(&[(400, 100), (400, 102), (400, 101), (200, 100)], 13);
        let mut ys: Vec<i32> = places[..3].iter().map(|p| p.1).collect();
        ys.sort();
        assert!(ys.windows(2).all(|w| w[1] - w[0] >= 13), "{ys:?}");
        assert!(
            places
                .iter()
                .zip([400, 400, 400, 200])
                .all(|(p, x)| p.0 == x)
        );
    }
}
