//! The version of the library, and what it was built for (`include/mpgc.h`).

use crate::host::config::BUILD_INFO;
use core::ffi::{CStr, c_char};

/// The version of the library, as text.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };

/// Text in a section of its own: the linker merges plain string literals into one section, which it
/// keeps whole.
macro_rules! text_apart {
    ($name:ident, $section:literal, $text:expr) => {
        #[cfg_attr(not(any(windows, target_family = "wasm")), unsafe(link_section = $section))]
        static $name: [u8; $text.to_bytes_with_nul().len()] =
            match $text.to_bytes_with_nul().first_chunk() {
                Some(bytes) => *bytes,
                None => panic!("the length is that of the text"),
            };
    };
}
text_apart!(VERSION_TEXT, ".rodata.mpgc_version", VERSION);
text_apart!(INFO_TEXT, ".rodata.mpgc_build_info", BUILD_INFO);

/// One line: the library's version, the MicroPython release, the target and the
/// options that matter. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_build_info() -> *const c_char {
    INFO_TEXT.as_ptr().cast()
}

/// The version of the library. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mpgc_version() -> *const c_char {
    VERSION_TEXT.as_ptr().cast()
}
