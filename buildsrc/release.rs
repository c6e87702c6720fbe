//! The differences between releases, by their headers: fields, macros, enum values and prototypes
//! decide, never the release's number.

use super::headers::Headers;
use super::port::Port;
use super::{Result, write};
use std::path::Path;

/// The releases whose headers fit.
pub const KNOWN: &str = "1.20 to 1.29-preview, and CircuitPython 10";
/// The oldest of them; an older one is refused.
const OLDEST: (u64, u64) = (1, 20);
/// The newest of them; a newer one gets a warning.
const NEWEST: (u64, u64) = (1, 29);
/// MicroPython has no higher number: it is a fork's own.
const LAST_MAJOR: u64 = 2;
/// The newest CircuitPython whose headers fit; a newer one gets a warning.
const NEWEST_CIRCUITPYTHON: (u64, u64) = (10, 3);

pub const AREA: &str = "_mp_state_mem_area_t";
pub const MEM: &str = "_mp_state_mem_t";
pub const THREAD: &str = "_mp_state_thread_t";
pub const VM: &str = "_mp_state_vm_t";

/// The features of a release's headers.
#[derive(Clone, Copy)]
pub struct Shape {
    /// An area has a word for its highest used block (1.21 on).
    last_used: bool,
    /// Functions to be called when a jump passes by (1.21 on).
    pub jump_callbacks: bool,
    /// `mp_event_wait_ms` and its sisters (1.22 on).
    pub events: bool,
    /// A thread may take `gc_mutex` again (1.25 on).
    pub recursive_mutex: bool,
    /// `mp_handle_pending` is inline, over `mp_handle_pending_internal` (1.27).
    pending_internal: bool,
    /// What is to be handled is an enum, not a bool (1.27 on).
    pending_enum: bool,
    /// `gc_info_fast` (1.29 on).
    pub info_fast: bool,
    /// The bounds of all pools (1.29 on).
    pub pool_bounds: bool,
    /// The functions that CircuitPython adds to py/gc.h.
    pub circuitpython: bool,
    /// An exception has a traceback object, and no list of numbers (CircuitPython).
    pub traceback_object: bool,
}

impl Shape {
    /// Reads the shape off the headers.
    pub fn of(headers: &Headers) -> Shape {
        Shape {
            last_used: headers.has_field(AREA, "gc_last_used_block"),
            jump_callbacks: headers.has_field(THREAD, "nlr_jump_callback_top"),
            events: headers.function("mp_event_handle_nowait") == Some(""),
            recursive_mutex: headers.field_type(MEM, "gc_mutex")
                == Some("mp_thread_recursive_mutex_t"),
            pending_internal: declares(headers, PENDING[1]),
            pending_enum: declares(headers, PENDING[1]) || declares(headers, PENDING[2]),
            info_fast: headers.function("gc_info_fast").is_some(),
            pool_bounds: headers.has_field(MEM, "area_pool_min"),
            circuitpython: headers.function("gc_ptr_on_heap").is_some(),
            traceback_object: headers.field_type("_mp_obj_exception_t", "traceback")
                == Some("*mut mp_obj_traceback_t"),
        }
    }

    /// The cfgs that are on.
    pub fn cfgs(self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("mpgc_circuitpython", self.circuitpython),
            ("mpgc_traceback_object", self.traceback_object),
            ("mpgc_events", self.events),
            // No header tells how large a new area is. It changed when the events came.
            ("mpgc_grow_by_regions", !self.events && !self.circuitpython),
            ("mpgc_info_fast", self.info_fast),
            ("mpgc_jump_callbacks", self.jump_callbacks),
            ("mpgc_last_used", self.last_used),
            ("mpgc_pending_enum", self.pending_enum),
            ("mpgc_pending_internal", self.pending_internal),
            ("mpgc_pool_bounds", self.pool_bounds),
        ];
        all.into_iter().filter(|&(_, on)| on).map(|(cfg, _)| cfg)
    }

    /// The function that handles pending work.
    pub fn handle_pending(self) -> &'static str {
        if self.pending_internal {
            "mp_handle_pending_internal"
        } else {
            "mp_handle_pending"
        }
    }
}

/// The three forms of `mp_handle_pending`: name and types.
const PENDING: [(&str, &str); 3] = [
    ("mp_handle_pending", "bool"),
    (
        "mp_handle_pending_internal",
        "mp_handle_pending_behaviour_t",
    ),
    ("mp_handle_pending", "mp_handle_pending_behaviour_t"),
];

fn declares(headers: &Headers, (function, types): (&str, &str)) -> bool {
    headers.function(function) == Some(types)
}

fn number(headers: &Headers, name: &str) -> u64 {
    headers.value(&format!("NUMBER_{name}")).unwrap_or(0)
}

/// The release's number, for people to read.
pub fn name(headers: &Headers) -> String {
    let [major, minor, micro] =
        ["VERSION_MAJOR", "VERSION_MINOR", "VERSION_MICRO"].map(|name| number(headers, name));
    let preview = if number(headers, "VERSION_PRERELEASE") != 0 {
        "-preview"
    } else {
        ""
    };
    format!("{major}.{minor}.{micro}{preview}")
}

/// Whether it is CircuitPython.
fn is_circuitpython(headers: &Headers) -> bool {
    headers.value("FLAG_CIRCUITPYTHON") == Some(1)
}

/// The release to compare the C files with: the fork, if it is not MicroPython, and the number.
pub fn of_files(headers: &Headers) -> String {
    if is_circuitpython(headers) {
        format!("CircuitPython {}", name(headers))
    } else {
        name(headers)
    }
}

/// Whether the number is a fork's own.
fn is_forks(headers: &Headers) -> bool {
    number(headers, "VERSION_MAJOR") > LAST_MAJOR
}

/// Whose headers they are, and their number.
pub fn spoken(headers: &Headers) -> String {
    if is_circuitpython(headers) {
        let on = headers.base.as_deref().unwrap_or_default();
        let on = if on.is_empty() {
            String::new()
        } else {
            format!(" on MicroPython {on}")
        };
        // one that is built as MicroPython, as its mpy-cross is, has no other number
        let own = is_forks(headers).then(|| format!(" {}", name(headers)));
        format!("CircuitPython{}{on}", own.unwrap_or_default())
    } else if is_forks(headers) {
        format!("a fork of MicroPython, {}", name(headers))
    } else {
        format!("MicroPython {}", name(headers))
    }
}

/// How a message about a release that does not fit ends.
pub fn fix() -> String {
    format!(
        "mpgc knows the shape of {KNOWN}: take such a tree, or a newer mpgc \
         (a fork: docs/porting.md, \"A fork's own edits\")"
    )
}

/// The warning that the release is newer than any known, or a fork's, and was built because its
/// headers fit.
pub fn warning(headers: &Headers) -> String {
    let tests = "run its tests (`make upstream MICROPYTHON_DIR=...`) before you rely on it";
    let release = (
        number(headers, "VERSION_MAJOR"),
        number(headers, "VERSION_MINOR"),
    );
    if is_circuitpython(headers) {
        if release <= NEWEST_CIRCUITPYTHON {
            return String::new();
        }
        return format!(
            "{} is newer than any CircuitPython that mpgc was tried with ({}.{}). Its headers \
             fit; {tests}",
            spoken(headers),
            NEWEST_CIRCUITPYTHON.0,
            NEWEST_CIRCUITPYTHON.1
        );
    }
    if is_forks(headers) {
        return format!(
            "{} is no number of MicroPython: this tree is a fork, and mpgc was tried with \
             releases ({KNOWN}) alone. Its headers fit; {tests}",
            name(headers)
        );
    }
    if release <= NEWEST {
        return String::new();
    }
    format!(
        "MicroPython {} is newer than any release that mpgc was tried with ({KNOWN}). Its headers \
         fit; {tests}",
        name(headers)
    )
}

/// Whether `mp_handle_pending` has one of the forms that mpgc knows.
pub fn check(headers: &Headers) -> Result<()> {
    if PENDING.into_iter().any(|form| declares(headers, form)) {
        return Ok(());
    }
    Err(format!(
        "py/runtime.h of {} does not declare mp_handle_pending in any of the three forms \
         that mpgc knows; {}",
        spoken(headers),
        fix()
    ))
}

/// The release of MicroPython that CircuitPython was made of, which its py/mpconfig.h names for who
/// builds it as MicroPython.
pub fn base(port: &Port, out: &Path, headers: &Headers) -> Result<Option<String>> {
    if !is_circuitpython(headers) {
        return Ok(None);
    }
    Ok(
        numbers(port, out, "#undef CIRCUITPY\n#define CIRCUITPY 0\n")?.and_then(|numbers| {
            match numbers[..] {
                [major, minor, _] => Some(format!("{major}.{minor}")),
                _ => None,
            }
        }),
    )
}

/// The three numbers of the release, fewer if they are none, by the preprocessor alone; `None` if
/// the headers are not found, or stop.
fn numbers(port: &Port, out: &Path, before: &str) -> Result<Option<Vec<u64>>> {
    let source = out.join("release.c");
    let version = "MICROPY_VERSION_MAJOR.MICROPY_VERSION_MINOR.MICROPY_VERSION_MICRO";
    write(
        &source,
        &format!("{before}#include \"py/mpconfig.h\"\nmpgc_release {version}.\n"),
    )?;
    let output = port.run(&["-E", "-P", &source.display().to_string()])?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("mpgc_release"));
    Ok(line.map(|line| {
        line.split('.')
            .filter_map(|number| {
                let digits =
                    number.trim_matches(|c: char| c == '(' || c == ')' || c.is_whitespace());
                digits.parse().ok()
            })
            .collect()
    }))
}

/// Stops at a release that is older than any known. Asked before anything else, with the
/// preprocessor alone: otherwise other things that its headers lack would be reported first, which
/// misleads.
pub fn check_age(port: &Port, out: &Path) -> Result<()> {
    let Some(numbers) = numbers(port, out, "")? else {
        // Headers that are not found, or stop: the probe tells.
        return Ok(());
    };
    let release = match numbers[..] {
        [major, minor, _] if (major, minor) >= OLDEST => return Ok(()),
        [major, minor, micro] => format!("MicroPython {major}.{minor}.{micro} is"),
        _ => "py/mpconfig.h names no release, as in releases before 1.10: they are".into(),
    };
    Err(format!(
        "{release} older than any release that mpgc knows ({KNOWN}): take a newer tree, or build \
         this one without mpgc"
    ))
}
