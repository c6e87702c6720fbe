//! A panic is a failed debug check; a release build has none. The makefile turns the checks on if
//! the port's own asserts are on (`NDEBUG` is not defined).

use core::panic::PanicInfo;

/// Reports file and line through C, and stops as the port's assert does.
#[cfg(all(mpgc_asserts, not(test)))]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    // SAFETY: the text is valid for its length; the function does not return.
    unsafe { super::bindings::mpgc_shim_assert_failed(file.as_ptr().cast(), file.len(), line) }
}

/// No code of a release build calls it (a test checks the linked program), but the language
/// requires a handler.
#[cfg(all(not(mpgc_asserts), not(test)))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
