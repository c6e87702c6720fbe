//! A panic is a failed debug check: the release build has none.

use core::panic::PanicInfo;

/// Tells file and line through C and stops as the port's assert does.
#[cfg(all(debug_assertions, not(test)))]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    // SAFETY: the text is valid for its length; the function does not return.
    unsafe { super::bindings::mpgc_shim_assert_failed(file.as_ptr().cast(), file.len(), line) }
}

/// No code of a release build calls it (checked on the linked program), but the
/// language asks for one.
#[cfg(all(not(debug_assertions), not(test)))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
