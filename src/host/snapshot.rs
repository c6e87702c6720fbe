//! A snapshot of the port's memory: the state, the heap, and the stacks of the running thread.

use super::bindings as c;
use super::heap::HEAP;
use super::micropython::{ctx, is_main_thread, thread};
use super::shim;
use crate::snapshot::{WriteFn, Writer};
use core::ffi::c_void;

/// What [`write_from_here`] is given.
struct Request {
    write: WriteFn,
    user: *mut c_void,
}

/// Writes a snapshot.
///
/// # Safety
/// The heap was made; `write` may be called with `user`. It may jump.
pub unsafe fn write(write: WriteFn, user: *mut c_void) {
    let mut request = Request { write, user };
    // SAFETY: the request lives on this stack until the call returns, or a jump leaves both.
    unsafe { shim::call_with_registers(Some(write_from_here), (&raw mut request).cast()) }
}

/// Called where what its callers have in registers is on the stack, above.
unsafe extern "C" fn write_from_here(request: *mut c_void) {
    let here = 0usize;
    // SAFETY: the request is `write`'s; all that is read is the port's, and stays. Nothing here has
    // a destructor, for a jump may leave it.
    unsafe {
        let request = request.cast::<Request>();
        let mut writer = Writer::new((*request).write, (*request).user);
        writer.state(ctx().addr());
        writer.stack(&raw const here, shim::stack_top().cast_const().cast());
        writer.memory(ctx().cast(), size_of::<c::mp_state_ctx_t>());
        if !is_main_thread() {
            writer.memory(thread().cast(), size_of::<c::mp_state_thread_t>());
        }
        #[cfg(mpgc_pystack)]
        {
            let (start, end) = ((*thread()).pystack_start, (*thread()).pystack_end);
            writer.memory(start, end.addr() - start.addr());
        }
        writer.heap(HEAP);
        writer.end();
    }
}
