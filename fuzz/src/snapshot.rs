//! Damaged snapshots for mpgc-heap: each is shown or refused.

use crate::{Source, Target, draw};
use arbitrary::{Result, Unstructured};
use mpgc_heap::testing::{Damage, Sample};
use std::cell::OnceCell;

/// The target; each step damages the snapshot.
pub struct Snapshots;

/// Which snapshot is damaged.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// That of a C program.
    C,
    /// That of a small MicroPython.
    MicroPython,
}

thread_local! {
    static SAMPLES: [OnceCell<Sample>; 2] = const { [OnceCell::new(), OnceCell::new()] };
}

impl Target for Snapshots {
    type Setup = Of;
    type Step = Damage;

    fn draw(u: &mut Unstructured) -> Result<(Of, Vec<Damage>)> {
        let of = draw::one_of(u, &[Of::C, Of::MicroPython])?;
        let damages = draw::steps(u, |u| {
            let kind = draw::below(u, 16)?;
            let at = u.arbitrary::<u16>()?.into();
            Ok(match kind {
                0 => Damage::Cut { at },
                1..4 => Damage::Word {
                    at,
                    value: u.arbitrary::<u64>()? >> draw::below(u, 64)?,
                },
                4..10 => Damage::Point {
                    at,
                    block: u.arbitrary()?,
                    beside: u.arbitrary()?,
                },
                _ => Damage::Flip {
                    at,
                    bit: u.arbitrary()?,
                },
            })
        })?;
        Ok((of, damages))
    }

    fn run(of: Of, damages: &[Damage], plant: bool) {
        SAMPLES.with(|samples| {
            let sample = match of {
                Of::C => samples[0].get_or_init(Sample::of_c),
                Of::MicroPython => samples[1]
                    .get_or_init(|| Sample::of_micropython().expect("it needs a C compiler, cc")),
            };
            let shown = sample.show(&sample.damaged(damages));
            let cut = damages
                .iter()
                .any(|damage| matches!(damage, Damage::Cut { .. }));
            assert!(!(plant && cut && shown.is_err()), "planted");
        });
    }

    fn source(of: Of, damages: &[Damage]) -> Source {
        let sample = match of {
            Of::C => "Sample::of_c()",
            Of::MicroPython => "Sample::of_micropython().unwrap()",
        };
        let damages = damages
            .iter()
            .map(|damage| format!("        Damage::{damage:?},\n"));
        Source {
            file: "crates/mpgc-heap/src/testing.rs",
            text: format!(
                "#[test]\n#[rustfmt::skip]\nfn name_it_for_what_was_wrong() {{\n    \
                 use mpgc_heap::testing::*;\n    let sample = {sample};\n    \
                 let _ = sample.show(&sample.damaged(&[\n{}    ]));\n}}\n",
                damages.collect::<String>()
            ),
        }
    }
}
