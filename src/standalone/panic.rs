//! No code of a release build panics (tools/firmware_check.py looks at the one for this machine),
//! but the language asks for a handler.

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    super::hooks::stop()
}
