//! `nlr_push` and `nlr_jump` over `src/nlr` alone, for main.c.

#![no_std]
#![cfg_attr(target_arch = "mips", feature(asm_experimental_arch))]

#[path = "../../../src/nlr/mod.rs"]
pub mod nlr;

use core::ffi::{c_uint, c_void};
use core::ptr::null_mut;
use nlr::{Buffer, Thread, registers};

static mut TOP: *mut Buffer = null_mut();

/// How many words of registers a buffer has.
#[unsafe(no_mangle)]
pub static NLR_REGISTERS: usize = registers::REGISTERS;

/// # Safety
/// `buffer` is valid until it is popped or jumped to.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn nlr_push(buffer: *mut Buffer) -> c_uint {
    crate::nlr::registers::nlr_push_body!(nlr_push_tail)
}

/// # Safety
/// As for [`nlr_push`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_push_tail(buffer: *mut Buffer) -> c_uint {
    // SAFETY: `buffer` is valid.
    unsafe { nlr::push_saved(Only, buffer) };
    0
}

/// # Safety
/// The newest buffer was pushed in a function that has not returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_jump(value: *mut c_void) -> ! {
    // SAFETY: by this function's contract.
    unsafe { nlr::jump(Only, value) }
}

/// The one thread of main.c, without a stack of its own and without callbacks.
#[derive(Clone, Copy)]
struct Only;

impl Thread for Only {
    fn top(self) -> *mut *mut Buffer {
        &raw mut TOP
    }
    unsafe fn keep(self, _buffer: *mut Buffer) {}
    unsafe fn put_back(self, _buffer: *mut Buffer) {}
    unsafe fn call_callbacks(self, _buffer: *mut Buffer) {}
    unsafe fn no_buffer(self, _value: *mut c_void) -> ! {
        loop {
            core::hint::spin_loop();
        }
    }
    unsafe fn resume(buffer: *mut Buffer) -> ! {
        // SAFETY: by this function's contract.
        unsafe { registers::resume(buffer) }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
