//! What the library tells about itself (`include/mpgc.h`).

use core::ffi::{CStr, c_char};

/// The version of the library, as text.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };

/// One line: the library's version, the MicroPython release, the target and the
/// options that matter. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_build_info() -> *const c_char {
    crate::host::config::BUILD_INFO.as_ptr()
}

/// The version of the library. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_version() -> *const c_char {
    VERSION.as_ptr()
}
