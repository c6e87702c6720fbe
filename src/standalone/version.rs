//! The version of the library, and what it was built for.

use core::ffi::{CStr, c_char, c_uint};

use super::{heap, nlr, sched, thread};

/// A text with a NUL that is put together at compile time.
const fn text(bytes: &'static [u8]) -> &'static CStr {
    match CStr::from_bytes_with_nul(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    }
}

/// A decimal number of the package's version.
const fn number(digits: &str) -> c_uint {
    let (digits, mut i, mut value) = (digits.as_bytes(), 0, 0);
    while i < digits.len() {
        value = value * 10 + (digits[i] - b'0') as c_uint;
        i += 1;
    }
    value
}

const NUMBER: c_uint = (number(env!("CARGO_PKG_VERSION_MAJOR")) << 16)
    | (number(env!("CARGO_PKG_VERSION_MINOR")) << 8)
    | number(env!("CARGO_PKG_VERSION_PATCH"));

/// The line of `mpgc_build_info`, with the options of the build.
macro_rules! line {
    ($($options:literal)?) => {
        concat!("mpgc ", env!("CARGO_PKG_VERSION"), " for C programs", $($options,)? "\0")
    };
}

/// The version of the library. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_version() -> *const c_char {
    const VERSION: &CStr = text(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes());
    VERSION.as_ptr()
}

/// The version of the library, in the form of MPGC_VERSION_NUMBER: if both are equal, the program
/// was compiled with the header of this library.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_version_number() -> c_uint {
    NUMBER
}

/// One line: the library's version, what it was built for (a MicroPython release and a target, or C
/// programs) and the options that matter. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_build_info() -> *const c_char {
    const LINE: &CStr = text(if cfg!(feature = "hardened") {
        line!(", hardened").as_bytes()
    } else {
        line!().as_bytes()
    });
    LINE.as_ptr()
}

/// Whether the library has the same sizes as the header: call it as `mpgc_fits(sizeof(mpgc_heap),
/// sizeof(mpgc_thread), sizeof(mpgc_sched), sizeof(mpgc_nlr_buf))`, once, in a test of your
/// program.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_fits(
    heap_bytes: usize,
    thread_bytes: usize,
    sched_bytes: usize,
    nlr_buf_bytes: usize,
) -> bool {
    heap_bytes == size_of::<heap::mpgc_heap>()
        && thread_bytes == size_of::<thread::mpgc_thread>()
        && sched_bytes == size_of::<sched::mpgc_sched>()
        && nlr_buf_bytes == size_of::<nlr::mpgc_nlr_buf>()
}
