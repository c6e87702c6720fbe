//! x86, 32 bits, System V.

use super::Buffer;
use core::arch::asm;

registers! {
    eip ebp esp ebx edi esi
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
            "mov edx, [esp + 4]",     // the buffer, the only argument
            "mov eax, [esp]",         // the return address of the caller
            "mov [edx + {eip}], eax", // where a jump goes on
            "mov [edx + {ebp}], ebp", // the callee-saved registers
            "mov [edx + {esp}], esp", // the stack, pointing at the return address
            "mov [edx + {ebx}], ebx",
            "mov [edx + {edi}], edi",
            "mov [edx + {esi}], esi",
            "jmp {tail}",             // finds the same argument; links the buffer and returns 0
            eip = const $crate::nlr::registers::slot::eip,
            ebp = const $crate::nlr::registers::slot::ebp,
            esp = const $crate::nlr::registers::slot::esp,
            ebx = const $crate::nlr::registers::slot::ebx,
            edi = const $crate::nlr::registers::slot::edi,
            esi = const $crate::nlr::registers::slot::esi,
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
            "mov esi, [edx + {esi}]", // the callee-saved registers, as they were
            "mov edi, [edx + {edi}]",
            "mov ebx, [edx + {ebx}]",
            "mov esp, [edx + {esp}]", // the stack as nlr_push found it
            "mov ebp, [edx + {ebp}]",
            "add esp, 4",             // less the return address, whose slot may have been used again since
            "mov eax, 1",             // 1: a jump landed here
            // not a return, which the processor expects to go where the last call came from
            "jmp [edx + {eip}]",      // where nlr_push was to return to
            in("edx") buffer,
            eip = const slot::eip,
            ebp = const slot::ebp,
            esp = const slot::esp,
            ebx = const slot::ebx,
            edi = const slot::edi,
            esi = const slot::esi,
            options(noreturn),
        )
    }
}
