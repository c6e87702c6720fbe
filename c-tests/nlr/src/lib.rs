//! `nlr_push` and `nlr_jump` over `src/nlr` alone, for main.c.

#![no_std]
#![cfg_attr(target_arch = "mips", feature(asm_experimental_arch))]

#[path = "../../../src/nlr/mod.rs"]
pub mod nlr;

use core::ffi::{c_uint, c_void};
use core::ptr::null_mut;
use nlr::{Buffer, registers};

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
    // SAFETY: main.c has one thread, and `buffer` is valid.
    unsafe { nlr::push(&raw mut TOP, buffer) };
    0
}

/// # Safety
/// The newest buffer was pushed in a function that has not returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_jump(value: *mut c_void) -> ! {
    // SAFETY: main.c has one thread, and the chain is not empty.
    unsafe {
        let buffer = TOP;
        (*buffer).ret_val = value;
        nlr::pop(&raw mut TOP);
        registers::resume(buffer)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
