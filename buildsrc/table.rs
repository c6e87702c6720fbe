//! The table of a port's options, `src/host/port_options.h`: a line for each.

const TABLE: &str = include_str!("../src/host/port_options.h");
/// Means that the crate has none.
const NONE: &str = "none";

/// A number of a port as the crate has it.
#[derive(Debug, PartialEq)]
pub struct Number {
    /// The constant of `host::config`, and its name in port.h behind `NUMBER_`.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// The flags that switch on a cfg: (cfg, the name in port.h behind `FLAG_`), sorted.
pub fn cfgs() -> Vec<(&'static str, &'static str)> {
    let mut found: Vec<_> = rows(&["FLAG(", "TRUTH("])
        .filter(|(_, cfg, _)| *cfg != NONE)
        .map(|(name, cfg, _)| (cfg, name))
        .collect();
    found.sort_unstable();
    found
}

/// The numbers that the crate has as constants.
pub fn numbers() -> impl Iterator<Item = Number> {
    rows(&["NUMBER("])
        .filter(|(_, kind, _)| *kind != NONE)
        .map(|(name, kind, rest)| Number {
            name,
            kind,
            doc: rest.rsplit('"').nth(1).unwrap_or_default(),
        })
}

/// The first two arguments of each line with this beginning, and the rest.
fn rows(
    macros: &'static [&'static str],
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter_map(|line| {
        let row = macros.iter().find_map(|name| line.strip_prefix(name))?;
        let (name, rest) = row.split_once(',')?;
        let end = rest.find([',', ')'])?;
        Some((name, rest[..end].trim(), &rest[end..]))
    })
}

#[cfg(test)]
mod tests {
    use super::{Number, TABLE, cfgs, numbers, rows};
    use std::collections::BTreeSet;

    #[test]
    fn each_line_of_the_table_is_read_and_names_something_else() {
        let all = ["FLAG(", "TRUTH(", "NUMBER("];
        let lines = TABLE
            .lines()
            .filter(|line| line.contains('(') && !line.starts_with("//"));
        let read: Vec<_> = rows(&["FLAG(", "TRUTH(", "NUMBER("]).collect();
        assert_eq!(read.len(), lines.count(), "a line is none of {all:?}");
        let names: BTreeSet<_> = read.iter().map(|(name, ..)| name).collect();
        assert_eq!(names.len(), read.len(), "two lines value one name");
        let cfgs = cfgs();
        let of: BTreeSet<_> = cfgs.iter().map(|(cfg, _)| cfg).collect();
        assert_eq!(of.len(), cfgs.len(), "two lines switch on one cfg");
        assert!(cfgs.iter().all(|(cfg, _)| cfg.starts_with("mpgc_")));
    }

    #[test]
    fn a_number_has_its_type_and_text() {
        let expected = Number {
            name: "MP_OBJ_NULL",
            kind: "u64",
            doc: "No object, as a number.",
        };
        assert!(numbers().any(|number| number == expected));
        assert!(numbers().all(|number| !number.doc.is_empty()));
        assert!(numbers().all(|number| number.name != "VERSION_MAJOR"));
    }

    #[test]
    fn a_flag_has_its_cfg() {
        assert!(cfgs().contains(&("mpgc_finaliser", "ENABLE_FINALISER")));
        assert!(cfgs().contains(&("mpgc_asserts", "ASSERTS")));
        assert!(cfgs().iter().all(|&(_, flag)| flag != "NLR_X64"));
    }
}
