//! Non-local return: the chain of buffers to which a raise jumps, and the chain of callbacks that
//! run on the way.
//!
//! ```text
//!   nlr_top --> buffer --> buffer --> NULL       each on the C stack, newest first
//!   jump_callback_top --> node --> node --> NULL likewise
//! ```
//!
//! Each architecture has a file that saves and restores its registers. A jump skips destructors, so
//! no value here has one.

use core::ffi::c_void;
use core::ptr::NonNull;

#[macro_use]
pub(crate) mod assembly;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
pub mod registers;
#[cfg(target_arch = "arm")]
#[path = "arm.rs"]
pub mod registers;
#[cfg(target_arch = "loongarch64")]
#[path = "loongarch64.rs"]
pub mod registers;
#[cfg(target_arch = "mips")]
#[path = "mips.rs"]
pub mod registers;
#[cfg(any(
    target_arch = "powerpc",
    all(target_arch = "powerpc64", target_endian = "little")
))]
#[path = "powerpc.rs"]
pub mod registers;
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
#[path = "riscv.rs"]
pub mod registers;
#[cfg(all(target_arch = "x86", not(windows)))]
#[path = "x86.rs"]
pub mod registers;
#[cfg(all(target_arch = "x86_64", not(windows)))]
#[path = "x86_64.rs"]
pub mod registers;
#[cfg(all(target_arch = "x86_64", windows))]
#[path = "x86_64_windows.rs"]
pub mod registers;
#[cfg(target_arch = "xtensa")]
#[path = "xtensa.rs"]
pub mod registers;

// Miri has no assembly.
#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod jump_tests;

/// The head of every buffer; the registers, a `jmp_buf` or more follow it.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    /// The buffer pushed before this one.
    pub prev: *mut Buffer,
    /// What was raised, once a jump lands here.
    pub ret_val: *mut c_void,
}

/// A callback that runs when a jump unwinds past it.
#[repr(C)]
#[derive(Debug)]
pub struct CallbackNode {
    /// The node pushed before this one.
    pub prev: *mut CallbackNode,
    /// Called with the node itself.
    pub fun: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// Puts `buffer` on top of the chain.
///
/// # Safety
/// `top` and `buffer` are valid for writes.
pub unsafe fn push(top: *mut *mut Buffer, buffer: *mut Buffer) {
    // SAFETY: both are valid by this function's contract.
    unsafe {
        (*buffer).prev = *top;
        *top = buffer;
    }
}

/// Takes the newest buffer off the chain.
///
/// # Safety
/// `top` is valid for writes and the chain is not empty.
pub unsafe fn pop(top: *mut *mut Buffer) {
    // SAFETY: the chain has a buffer, and buffers of the chain are valid.
    unsafe { *top = (**top).prev }
}

/// Puts a callback on top of its chain.
///
/// # Safety
/// `top` and `node` are valid for writes.
pub unsafe fn push_callback(
    top: *mut *mut CallbackNode,
    node: *mut CallbackNode,
    fun: Option<unsafe extern "C" fn(*mut c_void)>,
) {
    // SAFETY: both are valid by this function's contract.
    unsafe {
        (*node).prev = *top;
        (*node).fun = fun;
        *top = node;
    }
}

/// Takes the newest callback off its chain, before it is called.
///
/// # Safety
/// `top` is valid for writes and the chain is not empty.
pub unsafe fn pop_callback(top: *mut *mut CallbackNode) -> NonNull<CallbackNode> {
    // SAFETY: the chain has a node, so `*top` is not null and valid.
    unsafe {
        let node = NonNull::new_unchecked(*top);
        *top = node.as_ref().prev;
        node
    }
}

/// Takes the newest callback off its chain if it was pushed after `buffer`.
///
/// The C stack grows down, so what was pushed later lies lower.
///
/// # Safety
/// `top` is valid for writes; the nodes lie on the C stack of this thread.
pub unsafe fn pop_callback_below(
    top: *mut *mut CallbackNode,
    buffer: *const Buffer,
) -> Option<NonNull<CallbackNode>> {
    // SAFETY: `top` is valid; a chain that is not empty may be popped.
    unsafe {
        let node = *top;
        if node.is_null() || node.addr() >= buffer.addr() {
            return None;
        }
        Some(pop_callback(top))
    }
}

/// Calls the callback of a node that was just popped.
///
/// # Safety
/// The node is valid, and its function takes it.
pub unsafe fn call(node: NonNull<CallbackNode>) {
    // SAFETY: by this function's contract.
    unsafe {
        if let Some(fun) = (*node.as_ptr()).fun {
            fun(node.as_ptr().cast());
        }
    }
}

/// Unlinks and calls every callback that was pushed after `buffer`, newest first.
///
/// # Safety
/// As for [`pop_callback_below`]; the nodes are valid, and their functions take them.
#[inline(always)]
pub unsafe fn call_callbacks(top: *mut *mut CallbackNode, buffer: *const Buffer) {
    // SAFETY: by this function's contract.
    unsafe {
        while let Some(node) = pop_callback_below(top, buffer) {
            call(node);
        }
    }
}

/// The running thread, as a jump needs it: it holds the newest buffer, and the height of a stack
/// that a buffer saves and a jump restores.
pub trait Thread: Copy {
    /// The address of the newest buffer.
    fn top(self) -> *mut *mut Buffer;
    /// Saves the height in a buffer.
    ///
    /// # Safety
    /// The buffer is valid.
    unsafe fn keep(self, buffer: *mut Buffer);
    /// Restores it.
    ///
    /// # Safety
    /// The buffer is valid and was pushed.
    unsafe fn put_back(self, buffer: *mut Buffer);
    /// Calls the callbacks that a jump to this buffer skips ([`call_callbacks`]). They may push and
    /// pop buffers of their own but leave the chain as it was.
    ///
    /// # Safety
    /// The callbacks of this thread lie on its C stack.
    unsafe fn call_callbacks(self, buffer: *mut Buffer);
    /// Called if there is no buffer to land in.
    ///
    /// # Safety
    /// As for [`jump`].
    unsafe fn no_buffer(self, value: *mut c_void) -> !;
    /// Restores the registers: the buffer's push returns a second time.
    ///
    /// # Safety
    /// As for [`jump`], with the buffer to land in.
    unsafe fn resume(buffer: *mut Buffer) -> !;
}

/// Links a buffer whose registers are saved.
///
/// # Safety
/// `buffer` is valid until it is popped or jumped to.
pub unsafe fn push_saved<T: Thread>(thread: T, buffer: *mut Buffer) {
    // SAFETY: `buffer` is valid by this function's contract, and the thread's field is.
    unsafe {
        push(thread.top(), buffer);
        thread.keep(buffer);
    }
}

/// Lands in the newest buffer with `value`.
///
/// # Safety
/// The buffer was pushed in a function that has not returned, and no frame between here and there
/// has a destructor.
#[inline(always)]
pub unsafe fn jump<T: Thread>(thread: T, value: *mut c_void) -> ! {
    let top = thread.top();
    // SAFETY: the chain holds valid buffers, and the callbacks leave it as it was.
    unsafe {
        let buffer = *top;
        if buffer.is_null() {
            thread.no_buffer(value);
        }
        (*buffer).ret_val = value;
        thread.call_callbacks(buffer);
        thread.put_back(buffer);
        *top = (*buffer).prev;
        T::resume(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::null_mut;

    #[test]
    fn buffers_are_a_stack() {
        let mut a = Buffer {
            prev: null_mut(),
            ret_val: null_mut(),
        };
        let mut b = Buffer {
            prev: null_mut(),
            ret_val: null_mut(),
        };
        let (a, b) = (&raw mut a, &raw mut b);
        let mut top = null_mut();
        // SAFETY: both buffers outlive the chain.
        unsafe {
            push(&mut top, a);
            push(&mut top, b);
            assert_eq!(((*b).prev, top), (a, b));
            pop(&mut top);
            assert_eq!(top, a);
            pop(&mut top);
        }
        assert!(top.is_null());
    }

    #[test]
    fn only_callbacks_pushed_after_the_buffer_are_popped() {
        // One array stands for the C stack: lower is newer.
        let mut stack: [CallbackNode; 4] = core::array::from_fn(|_| CallbackNode {
            prev: null_mut(),
            fun: None,
        });
        let base = stack.as_mut_ptr();
        let mut top = null_mut();
        // SAFETY: all pointers stay inside the array, which outlives the chain.
        unsafe {
            let (old, buffer, mid, new) = (base.add(3), base.add(2), base.add(1), base);
            for node in [old, mid, new] {
                push_callback(&mut top, node, None);
            }
            let limit = buffer.cast::<Buffer>();
            assert_eq!(
                pop_callback_below(&mut top, limit).map(NonNull::as_ptr),
                Some(new)
            );
            assert_eq!(
                pop_callback_below(&mut top, limit).map(NonNull::as_ptr),
                Some(mid)
            );
            assert_eq!(pop_callback_below(&mut top, limit), None);
            assert_eq!(top, old);
            assert_eq!(pop_callback(&mut top).as_ptr(), old);
            assert_eq!(pop_callback_below(&mut top, limit), None);
        }
    }
}
