//! When the heap collects before it is full: `MPGC_PACING`.

use std::fmt;

/// The variants of `heap::Pace` that a port can ask for.
#[derive(Debug)]
pub enum Pace {
    /// After each nth part of the heap.
    OfHeap(usize),
    /// When an nth part of what the last collection left free is used.
    OfFree(usize),
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pace::OfHeap(n) => write!(f, "{n}"),
            Pace::OfFree(n) => write!(f, "free/{n}"),
        }
    }
}

/// The value of `MPGC_PACING` with the feature `pacing`; an eighth of the heap if it is empty.
pub fn asked_for() -> Option<Pace> {
    println!("cargo:rerun-if-env-changed=MPGC_PACING");
    std::env::var_os("CARGO_FEATURE_PACING")?;
    let text = std::env::var("MPGC_PACING").unwrap_or_default();
    let number = |digits: &str| {
        let number = digits.parse().ok().filter(|&n: &usize| n > 0);
        number.unwrap_or_else(|| panic!("MPGC_PACING={text}: give a number, or free/ and a number"))
    };
    Some(match text.strip_prefix("free/") {
        Some(n) => Pace::OfFree(number(n)),
        None if text.is_empty() => Pace::OfHeap(8),
        None => Pace::OfHeap(number(&text)),
    })
}
