//! Where tables and pool lie, for regions of any size and place.

use crate::{Source, Target, draw};
use arbitrary::{Result, Unstructured};
use mpgc::heap::testing::LayoutCase;

/// The target; each step is a region.
pub struct Layouts;

/// A number of any magnitude.
fn any_magnitude(u: &mut Unstructured) -> Result<usize> {
    let bits = draw::below(u, usize::BITS as usize)?;
    Ok(u.arbitrary::<usize>()? >> bits)
}

impl Target for Layouts {
    type Setup = ();
    type Step = LayoutCase;

    fn draw(u: &mut Unstructured) -> Result<((), Vec<LayoutCase>)> {
        let cases = draw::steps(u, |u| {
            Ok(LayoutCase {
                block_bytes: 16 << draw::below(u, 8)?,
                finaliser: u.arbitrary()?,
                hardened: u.arbitrary()?,
                collect: u.arbitrary()?,
                start: any_magnitude(u)?,
                bytes: any_magnitude(u)?,
            })
        })?;
        Ok(((), cases))
    }

    fn run((): (), steps: &[LayoutCase], plant: bool) {
        for case in steps {
            let blocks = case.check();
            assert!(!plant || blocks % 64 != 44, "planted");
        }
    }

    fn source((): (), steps: &[LayoutCase]) -> Source {
        let cases = steps.iter().map(|case| format!("    {case:?}.check();\n"));
        Source {
            file: "src/heap/layout.rs",
            text: format!(
                "#[test]\n#[rustfmt::skip]\nfn name_it_for_what_was_wrong() {{\n    use \
                 crate::heap::testing::*;\n{}}}\n",
                cases.collect::<String>()
            ),
        }
    }
}
