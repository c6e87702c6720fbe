//! x86-64, System V: which registers a buffer keeps, in which slots.
//!
//! The native emitters of MicroPython fill and read these slots themselves, so
//! their order is part of the ABI.

#![cfg(all(target_arch = "x86_64", not(windows)))]

use super::Buffer;
use core::arch::asm;
use core::mem::offset_of;

/// A buffer of this architecture, as far as its last register.
#[repr(C)]
#[derive(Debug)]
pub struct RegisterBuffer {
    head: Buffer,
    rip: usize,
    rbp: usize,
    rsp: usize,
    rbx: usize,
    r12: usize,
    r13: usize,
    r14: usize,
    r15: usize,
}

/// Where the registers begin in a buffer.
pub const REGISTERS_OFFSET: usize = offset_of!(RegisterBuffer, rip);
/// How many words a buffer keeps (`MICROPY_NLR_NUM_REGS`).
pub const REGISTERS: usize = (size_of::<RegisterBuffer>() - REGISTERS_OFFSET) / size_of::<usize>();

const _: () = assert!(REGISTERS_OFFSET == 2 * size_of::<usize>());

/// The offset of each slot in a buffer, for the assembly of this file.
#[doc(hidden)]
pub mod slot {
    use super::{RegisterBuffer, offset_of};
    pub const RIP: usize = offset_of!(RegisterBuffer, rip);
    pub const RBP: usize = offset_of!(RegisterBuffer, rbp);
    pub const RSP: usize = offset_of!(RegisterBuffer, rsp);
    pub const RBX: usize = offset_of!(RegisterBuffer, rbx);
    pub const R12: usize = offset_of!(RegisterBuffer, r12);
    pub const R13: usize = offset_of!(RegisterBuffer, r13);
    pub const R14: usize = offset_of!(RegisterBuffer, r14);
    pub const R15: usize = offset_of!(RegisterBuffer, r15);
}

/// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers
/// and goes on in the function `$tail` with the same argument, so that its value is
/// what the caller gets.
///
/// A macro, since the room that exports `nlr_push` owns both symbols.
#[allow(unused_macros, reason = "expanded by the room that exports nlr_push")]
macro_rules! nlr_push_body {
    ($tail:path) => {
        core::arch::naked_asm!(
            "mov rax, [rsp]",          // the return address of the caller
            "mov [rdi + {rip}], rax",  // where a jump goes on
            "mov [rdi + {rbp}], rbp",  // the callee-saved registers
            "mov [rdi + {rsp}], rsp",  // the stack, pointing at the return address
            "mov [rdi + {rbx}], rbx",
            "mov [rdi + {r12}], r12",
            "mov [rdi + {r13}], r13",
            "mov [rdi + {r14}], r14",
            "mov [rdi + {r15}], r15",
            "jmp {tail}",              // links the buffer and returns 0
            rip = const $crate::nlr::x64::slot::RIP,
            rbp = const $crate::nlr::x64::slot::RBP,
            rsp = const $crate::nlr::x64::slot::RSP,
            rbx = const $crate::nlr::x64::slot::RBX,
            r12 = const $crate::nlr::x64::slot::R12,
            r13 = const $crate::nlr::x64::slot::R13,
            r14 = const $crate::nlr::x64::slot::R14,
            r15 = const $crate::nlr::x64::slot::R15,
            tail = sym $tail,
        )
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use nlr_push_body;

/// Restores the registers of `buffer` and returns 1 from its `nlr_push`.
///
/// # Safety
/// `buffer` was filled by `nlr_push` in a function that has not returned, and no
/// frame between here and there holds a value with a destructor.
#[inline(always)]
pub unsafe fn resume(buffer: *mut Buffer) -> ! {
    // SAFETY: the slots hold what nlr_push saved, so this returns into its caller
    // with that caller's stack and callee-saved registers.
    unsafe {
        asm!(
            "mov r15, [rcx + {r15}]", // the callee-saved registers, as they were
            "mov r14, [rcx + {r14}]",
            "mov r13, [rcx + {r13}]",
            "mov r12, [rcx + {r12}]",
            "mov rbx, [rcx + {rbx}]",
            "mov rsp, [rcx + {rsp}]", // the stack as nlr_push found it
            "mov rbp, [rcx + {rbp}]",
            "mov rax, [rcx + {rip}]", // where nlr_push was to return to
            "mov [rsp], rax",         // its slot may have been used again since
            "mov eax, 1",             // 1: a jump landed here
            "ret",
            in("rcx") buffer,
            rip = const slot::RIP,
            rbp = const slot::RBP,
            rsp = const slot::RSP,
            rbx = const slot::RBX,
            r12 = const slot::R12,
            r13 = const slot::R13,
            r14 = const slot::R14,
            r15 = const slot::R15,
            options(noreturn),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nlr;
    use core::ffi::{c_uint, c_void};
    use core::ptr::null_mut;
    use std::cell::Cell;

    std::thread_local! {
        static TOP: Cell<*mut Buffer> = const { Cell::new(null_mut()) };
    }

    unsafe extern "C" fn push_tail(buffer: *mut Buffer) -> c_uint {
        let mut top = TOP.get();
        // SAFETY: the test's buffer is valid.
        unsafe { nlr::push(&mut top, buffer) };
        TOP.set(top);
        0
    }

    #[unsafe(naked)]
    unsafe extern "C" fn push(buffer: *mut Buffer) -> c_uint {
        nlr_push_body!(push_tail)
    }

    #[inline(never)]
    fn raise_from(depth: usize, value: usize) -> usize {
        if depth > 0 {
            return raise_from(depth - 1, value) + 1;
        }
        let mut top = TOP.get();
        let buffer = top;
        // SAFETY: `catch` pushed this buffer and is still running; no frame between
        // has a destructor.
        unsafe {
            (*buffer).ret_val = value as *mut c_void;
            nlr::pop(&mut top);
            TOP.set(top);
            resume(buffer)
        }
    }

    #[inline(never)]
    fn catch(depth: usize, value: usize) -> (c_uint, usize) {
        let mut buffer = core::mem::MaybeUninit::<RegisterBuffer>::zeroed();
        let head = buffer.as_mut_ptr().cast::<Buffer>();
        // SAFETY: the buffer lives until this function returns.
        let landed = unsafe { push(head) };
        if landed == 0 {
            return (landed, raise_from(depth, value));
        }
        // SAFETY: the jump wrote the value.
        (
            landed,
            unsafe { (&raw const (*head).ret_val).read_volatile() } as usize,
        )
    }

    #[test]
    fn the_slots_are_those_that_the_native_emitters_read() {
        use slot::{R12, R13, R14, R15, RBP, RBX, RIP, RSP};
        let words = [RIP, RBP, RSP, RBX, R12, R13, R14, R15].map(|at| at / size_of::<usize>());
        assert_eq!(words, [2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_jump_lands_in_the_push_with_its_value_and_the_registers_survive() {
        let mut sum = 0usize;
        for depth in 0..200 {
            let (landed, value) = catch(depth, depth * 3);
            assert_eq!(landed, 1);
            sum += value;
        }
        assert_eq!(sum, 3 * 199 * 200 / 2);
        assert!(TOP.get().is_null());
    }
}
