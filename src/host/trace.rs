//! The trace of a port's heap: a ring in memory, and a file where there is an operating system.

use super::heap::MicroPython;
use super::shim;
use crate::heap::host::Callbacks;
use crate::heap::stats::Traced;
use crate::snapshot::WriteFn;
use crate::trace::{self, Ring};
use core::ffi::c_void;

/// How many events are kept: a few seconds of a board that collects often.
const EVENTS: usize = if cfg!(mpgc_bare) { 64 } else { 1024 };

/// Used with the heap's mutex held.
static mut RING: Ring<EVENTS> = Ring::EMPTY;

fn ring() -> *mut Ring<EVENTS> {
    &raw mut RING
}

/// What `read` finds in the ring, with the heap entered.
fn read<T>(read: impl FnOnce(&Ring<EVENTS>) -> T) -> T {
    let host = MicroPython;
    host.enter();
    // SAFETY: the mutex keeps others from the static.
    let found = read(unsafe { &*ring() });
    host.exit();
    found
}

/// Takes note of what the heap reports. The heap is entered.
pub fn note(clock: u32, traced: Traced) {
    // SAFETY: the mutex keeps others from the static, by this function's contract; the shim's
    // function takes any bytes.
    unsafe {
        let event = (*ring()).note(clock, traced);
        if let Some(event) = event
            && shim::trace_is_open()
        {
            event.write(&mut |bytes: &[u8]| shim::trace_put(bytes.as_ptr(), bytes.len()));
        }
    }
}

/// Writes the events of the ring.
///
/// # Safety
/// `write` may be called with `user`. It may jump.
pub unsafe fn dump(write: WriteFn, user: *mut c_void) {
    // SAFETY: by this function's contract.
    let put = &mut |bytes: &[u8]| unsafe { write(user, bytes.as_ptr(), bytes.len()) };
    trace::begin(put);
    for number in read(Ring::numbers) {
        // what `write` does may have put others in its place
        if let Some(event) = read(|ring| ring.get(number)) {
            event.write(put);
        }
    }
    trace::end(put);
}
