//! The text of a function in assembly: its lines, its constants, and the symbols that it names.

use super::Value;
use super::machine::Machine;
use std::collections::BTreeMap;

/// The beginnings of directives that make no code.
const DIRECTIVES: &[&str] = &[
    ".align",
    ".p2align",
    ".balign",
    ".type",
    ".glob",
    ".hidden",
    ".weak",
    ".thumb",
    ".arm",
    ".code",
    ".cfi_",
    ".fn",
    ".cantunwind",
    ".save",
    ".loc",
    ".file",
    ".option",
];

/// An instruction and its operands, without needless blanks.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) instruction: String,
    pub(super) operands: String,
    /// It is in the older of ARM's two syntaxes.
    pub(super) divided: bool,
}

/// The lines of a function, and the words of its constants.
pub(super) struct Function<'a> {
    pub(super) machine: &'static Machine,
    text: &'a str,
    pub(super) lines: Vec<Line>,
    pool: BTreeMap<String, Vec<String>>,
}

impl<'a> Function<'a> {
    /// The function `name` of `text`; none if a line of it is not understood.
    pub(super) fn read(
        text: &'a str,
        name: &str,
        machine: &'static Machine,
    ) -> Option<Function<'a>> {
        let begin = format!("{name}:");
        let mut rest = text
            .lines()
            .skip_while(|line| line.trim_end() != begin)
            .skip(1);
        let mut found = Function {
            machine,
            text,
            lines: Vec::new(),
            pool: BTreeMap::new(),
        };
        let (mut label, mut divided) = (String::new(), false);
        loop {
            let line = rest.next()?;
            let line = line.split(machine.comment).next().unwrap_or("").trim();
            if line.starts_with(".size") {
                return Some(found);
            }
            for statement in line.split(';') {
                let (first, operands) = statement
                    .trim()
                    .split_once(char::is_whitespace)
                    .unwrap_or((statement.trim(), ""));
                if first.is_empty() {
                } else if let Some(name) = first.strip_suffix(':') {
                    // a jump to it is not understood
                    name.starts_with(".L").then_some(())?;
                    label = name.to_owned();
                } else if matches!(first, ".word" | ".4byte" | ".long") {
                    let words = found.pool.entry(label.clone()).or_default();
                    words.push(operands.trim().to_owned());
                } else if first == ".syntax" {
                    divided = operands.trim() == "divided";
                } else if first.starts_with('.') {
                    let known = DIRECTIVES.iter().any(|known| first.starts_with(known));
                    known.then_some(())?;
                } else {
                    found.lines.push(Line {
                        instruction: first.to_lowercase(),
                        operands: operands
                            .split(',')
                            .map(|word| word.split_whitespace().collect::<Vec<_>>().join(" "))
                            .collect::<Vec<_>>()
                            .join(","),
                        divided,
                    });
                }
            }
        }
    }

    /// The value of a constant: `.L3+4` of ARM's pools, or a number.
    pub(super) fn constant(&self, operand: &str) -> Option<Value> {
        if operand.starts_with(".L") {
            let (label, at) = operand.split_once('+').unwrap_or((operand, "0"));
            let word = self.pool.get(label)?.get(at.parse::<usize>().ok()? / 4)?;
            return self.number(word).or_else(|| self.address(word));
        }
        self.number(operand)
    }

    fn number(&self, text: &str) -> Option<Value> {
        let text = text.trim_start_matches(['#', '$']);
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let number = match digits.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        Some(Value::Number(sign * number.ok()?))
    }

    /// `symbol` or `symbol+4`, of another object: a name of this one would not be known outside.
    pub(super) fn address(&self, text: &str) -> Option<Value> {
        let (name, offset) = text.split_once('+').unwrap_or((text, "0"));
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let good = !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_name);
        let offset = offset.parse().ok()?;
        (good && !name.is_empty() && !self.defines(name))
            .then(|| Value::Address(name.to_owned(), offset))
    }

    /// Whether the probe itself defines this symbol.
    fn defines(&self, name: &str) -> bool {
        self.text.lines().any(|line| {
            let mut words = line
                .split([' ', '\t', ',', ':'])
                .filter(|word| !word.is_empty());
            match words.next() {
                Some(".set" | ".thumb_set" | ".comm" | ".lcomm" | ".local" | ".equ") => {
                    words.next() == Some(name)
                }
                first => first == Some(name) && line.contains(':'),
            }
        })
    }
}

/// Names and numbers, and what is between them.
pub(super) fn words(operands: &str) -> Vec<&str> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let mut found = Vec::new();
    let mut rest = operands;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|c| in_name(c) != in_name(first))
            .unwrap_or(rest.len());
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}
