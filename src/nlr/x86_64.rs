//! x86-64, System V.

use super::Buffer;
use core::arch::asm;

registers! {
    rip rbp rsp rbx r12 r13 r14 r15
}

/// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers, and goes on with what is
/// given: `[instructions] [operands]`.
#[allow(unused_macros, reason = "expanded by the room that exports nlr_push")]
macro_rules! save_and {
    ([$($then:tt)*] [$($operand:tt)*]) => {
        core::arch::naked_asm!(
            "mov rax, [rsp]",         // the return address of the caller
            "mov [rdi + {rip}], rax", // where a jump goes on
            "mov [rdi + {rbp}], rbp", // the callee-saved registers
            "mov [rdi + {rsp}], rsp", // the stack, pointing at the return address
            "mov [rdi + {rbx}], rbx",
            "mov [rdi + {r12}], r12",
            "mov [rdi + {r13}], r13",
            "mov [rdi + {r14}], r14",
            "mov [rdi + {r15}], r15",
            $($then)*
            rip = const $crate::nlr::registers::slot::rip,
            rbp = const $crate::nlr::registers::slot::rbp,
            rsp = const $crate::nlr::registers::slot::rsp,
            rbx = const $crate::nlr::registers::slot::rbx,
            r12 = const $crate::nlr::registers::slot::r12,
            r13 = const $crate::nlr::registers::slot::r13,
            r14 = const $crate::nlr::registers::slot::r14,
            r15 = const $crate::nlr::registers::slot::r15,
            $($operand)*
        )
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use save_and;

/// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers
/// and goes on in the function `$tail` with the same argument, so that its value is
/// what the caller gets.
///
/// A macro, since the room that exports `nlr_push` owns both symbols.
#[allow(unused_macros, reason = "as above")]
macro_rules! nlr_push_body {
    ($tail:path) => {
        $crate::nlr::registers::save_and!(
            ["jmp {tail}",] // links the buffer and returns 0
            [tail = sym $tail,]
        )
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use nlr_push_body;

/// Loads the address of the static `state`, where code cannot reach data directly.
#[cfg(not(mpgc_direct_data))]
#[allow(unused_macros, reason = "expanded by the room that exports nlr_push")]
macro_rules! state_address {
    () => {
        "mov rax, [rip + {state}@GOTPCREL]" // a program's linker makes it a lea
    };
}
#[cfg(mpgc_direct_data)]
#[allow(unused_macros, reason = "likewise")]
macro_rules! state_address {
    () => {
        ""
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use state_address;

/// The word of the static `state` at the constant `offset` from its start.
#[cfg(not(mpgc_direct_data))]
#[allow(unused_macros, reason = "likewise")]
macro_rules! state_word {
    ($offset:literal) => {
        concat!("[rax + {", $offset, "}]")
    };
}
#[cfg(mpgc_direct_data)]
#[allow(unused_macros, reason = "likewise")]
macro_rules! state_word {
    ($offset:literal) => {
        concat!("[rip + {state} + {", $offset, "}]")
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use state_word;

/// The body of a naked `nlr_push` that links the buffer itself, where the newest one is kept `$top` bytes into the
/// static `$state`. `$kept` is the word of the state whose value the buffer keeps `$keeps` bytes in, if there is one.
#[allow(unused_macros, reason = "likewise")]
macro_rules! nlr_push_linked {
    ($state:path, $top:expr) => {
        $crate::nlr::registers::save_and!(
            [
                $crate::nlr::registers::state_address!(),
                concat!("mov rcx, ", $crate::nlr::registers::state_word!("top")),
                "mov [rdi + {prev}], rcx", // the newest buffer is the one before this
                concat!("mov ", $crate::nlr::registers::state_word!("top"), ", rdi"), // this is the newest
                "xor eax, eax", // 0: no jump
                "ret",
            ]
            [state = sym $state, top = const $top, prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),]
        )
    };
    ($state:path, $top:expr, $kept:expr, $keeps:expr) => {
        $crate::nlr::registers::save_and!(
            [
                $crate::nlr::registers::state_address!(),
                concat!("mov rcx, ", $crate::nlr::registers::state_word!("top")),
                "mov [rdi + {prev}], rcx", // the newest buffer is the one before this
                concat!("mov ", $crate::nlr::registers::state_word!("top"), ", rdi"), // this is the newest
                concat!("mov rcx, ", $crate::nlr::registers::state_word!("kept")),
                "mov [rdi + {keeps}], rcx", // what a jump puts back
                "xor eax, eax", // 0: no jump
                "ret",
            ]
            [
                state = sym $state, top = const $top, prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                kept = const $kept, keeps = const $keeps,
            ]
        )
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use nlr_push_linked;

/// The body of a naked `nlr_pop`, likewise.
#[allow(unused_macros, reason = "likewise")]
macro_rules! nlr_pop_linked {
    ($state:path, $top:expr) => {
        core::arch::naked_asm!(
            $crate::nlr::registers::state_address!(),
            concat!("mov rcx, ", $crate::nlr::registers::state_word!("top")),
            "mov rcx, [rcx + {prev}]", // the buffer before the newest
            concat!("mov ", $crate::nlr::registers::state_word!("top"), ", rcx"), // is the newest now
            "ret",
            state = sym $state,
            top = const $top,
            prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
        )
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use nlr_pop_linked;

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
            "add rsp, 8",             // less the return address, whose slot may have been used again since
            "mov eax, 1",             // 1: a jump landed here
            // not a return, which the processor expects to go where the last call came from
            "jmp [rcx + {rip}]",      // where nlr_push was to return to
            in("rcx") buffer,
            rip = const slot::rip,
            rbp = const slot::rbp,
            rsp = const slot::rsp,
            rbx = const slot::rbx,
            r12 = const slot::r12,
            r13 = const slot::r13,
            r14 = const slot::r14,
            r15 = const slot::r15,
            options(noreturn),
        )
    }
}
