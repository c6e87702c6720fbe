//! The parts that the files of the architectures share: each file has its registers and its
//! instructions, and the rest is here.
//!
//! They are macros, since `nlr_push` is a naked function of the module that exports it, and they
//! take its assembly as arguments. A file also passes its `$`, as `($)`, for the macros that they
//! define.

/// Declares the buffer of an architecture: its slots in the order that the C gives them (the
/// native emitters of MicroPython fill and read the slots themselves), and how many more follow.
#[allow(unused_macros, reason = "not every target has a file")]
macro_rules! registers {
    ($($name:ident)* $(; $more:literal)?) => {
        /// A buffer of this architecture, as far as its last register.
        #[repr(C)]
        #[derive(Debug)]
        pub struct RegisterBuffer {
            head: super::Buffer,
            $($name: usize,)*
            $(more: [usize; $more],)?
        }

        /// Where the registers begin in a buffer.
        pub const REGISTERS_OFFSET: usize = size_of::<super::Buffer>();
        /// How many words a buffer keeps (`MICROPY_NLR_NUM_REGS`).
        pub const REGISTERS: usize =
            (size_of::<RegisterBuffer>() - REGISTERS_OFFSET) / size_of::<usize>();

        const _: () = assert!(REGISTERS_OFFSET == 2 * size_of::<usize>());

        /// The offset of each slot in a buffer, for the assembly of this file.
        #[doc(hidden)]
        #[allow(
            non_upper_case_globals,
            missing_docs,
            dead_code,
            reason = "the names of the registers"
        )]
        pub mod slot {
            $(pub const $name: usize = core::mem::offset_of!(super::RegisterBuffer, $name);)*
        }
    };
}

/// Defines the body of `nlr_push`, and what a jump ends with, by the instructions that save the
/// registers, continue in `{tail}`, and restore them from the buffer in the register of `resume`.
/// The offsets of `slots` are operands.
#[allow(unused_macros, reason = "not every target has a file")]
macro_rules! save_and_resume {
    (
        ($d:tt)
        slots { $($slot:ident)* }
        save { $($save:tt)* }
        go_on { $($go_on:tt)* }
        resume ($buffer:tt) { $($resume:tt)* }
    ) => {
        /// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers, and
        /// continues with the arguments: `[instructions] [operands]`.
        #[allow(unused_macros, reason = "expanded by the module that exports nlr_push")]
        macro_rules! save_and {
            ([$d($d then:tt)*] [$d($d operand:tt)*]) => {
                core::arch::naked_asm!(
                    $($save)*
                    $d($d then)*
                    $($slot = const $crate::nlr::registers::slot::$slot,)*
                    $d($d operand)*
                )
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use save_and;

        /// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers and
        /// continues in the function `tail` with the same argument, whose result the caller
        /// receives.
        #[allow(unused_macros, reason = "as above")]
        macro_rules! nlr_push_body {
            ($d tail:path) => {
                $crate::nlr::registers::save_and!([$($go_on)*] [tail = sym $d tail,])
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use nlr_push_body;

        /// Restores the registers of `buffer` and returns 1 from its `nlr_push`.
        ///
        /// # Safety
        /// `buffer` was filled by `nlr_push` in a function that has not returned, and no
        /// frame between here and there holds a value with a destructor.
        pub unsafe fn resume(buffer: *mut super::Buffer) -> ! {
            // SAFETY: the slots hold what nlr_push saved, so this returns into its caller
            // with that caller's stack and callee-saved registers.
            unsafe {
                core::arch::asm!(
                    $($resume)*
                    in($buffer) buffer,
                    $($slot = const slot::$slot,)*
                    options(noreturn),
                )
            }
        }
    };
}

/// Defines the bodies of a naked `nlr_push` that links the buffer itself, and of the `nlr_pop` that
/// goes with it, where `{top}` is the offset of the newest buffer in the static `{state}`, and
/// `{prev}` that of the previous buffer in a buffer. `keep` saves a word of the state, at `{kept}`,
/// in the buffer at `{keeps}`, if there is one.
#[allow(unused_macros, reason = "not every target has one")]
macro_rules! linked {
    (
        ($d:tt)
        link { $($link:tt)* }
        keep { $($keep:tt)* }
        done { $($done:tt)* }
        pop { $($pop:tt)* }
    ) => {
        #[allow(unused_macros, reason = "expanded by the module that exports nlr_push")]
        macro_rules! nlr_push_linked {
            ($d state:path, $d top:expr) => {
                $crate::nlr::registers::save_and!(
                    [$($link)* $($done)*]
                    [
                        state = sym $d state,
                        top = const $d top,
                        prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                    ]
                )
            };
            ($d state:path, $d top:expr, $d kept:expr, $d keeps:expr) => {
                $crate::nlr::registers::save_and!(
                    [$($link)* $($keep)* $($done)*]
                    [
                        state = sym $d state,
                        top = const $d top,
                        prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                        kept = const $d kept,
                        keeps = const $d keeps,
                    ]
                )
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use nlr_push_linked;

        #[allow(unused_macros, reason = "as above")]
        macro_rules! nlr_pop_linked {
            ($d state:path, $d top:expr) => {
                core::arch::naked_asm!(
                    $($pop)*
                    state = sym $d state,
                    top = const $d top,
                    prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                )
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use nlr_pop_linked;
    };
}

/// Defines the same bodies for a port with threads: `find` are instructions that leave the address
/// of the running thread's state in a register, and `{top}` and `{kept}` are offsets in that state.
#[allow(unused_macros, reason = "not every target has one")]
macro_rules! linked_in_thread {
    (
        ($d:tt)
        link { $($link:tt)* }
        keep { $($keep:tt)* }
        done { $($done:tt)* }
        pop { $($pop:tt)* }
    ) => {
        #[allow(unused_macros, reason = "expanded by the module that exports nlr_push")]
        macro_rules! nlr_push_in_thread {
            ([$d($d find:tt)*] $d top:expr) => {
                $crate::nlr::registers::save_and!(
                    [$d($d find)*, $($link)* $($done)*]
                    [
                        top = const $d top,
                        prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                    ]
                )
            };
            ([$d($d find:tt)*] $d top:expr, $d kept:expr, $d keeps:expr) => {
                $crate::nlr::registers::save_and!(
                    [$d($d find)*, $($link)* $($keep)* $($done)*]
                    [
                        top = const $d top,
                        prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                        kept = const $d kept,
                        keeps = const $d keeps,
                    ]
                )
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use nlr_push_in_thread;

        #[allow(unused_macros, reason = "as above")]
        macro_rules! nlr_pop_in_thread {
            ([$d($d find:tt)*] $d top:expr) => {
                core::arch::naked_asm!(
                    $d($d find)*, $($pop)*
                    top = const $d top,
                    prev = const core::mem::offset_of!($crate::nlr::Buffer, prev),
                )
            };
        }
        #[allow(unused_imports, reason = "as above")]
        pub(crate) use nlr_pop_in_thread;
    };
}

/// The first text if a register has 64 bits, the second if it has 32.
#[cfg(target_pointer_width = "64")]
#[allow(unused_macros, reason = "not every target has both")]
macro_rules! by_width {
    ($of_64:literal, $of_32:literal) => {
        $of_64
    };
}
#[cfg(target_pointer_width = "32")]
#[allow(unused_macros, reason = "not every target has both")]
macro_rules! by_width {
    ($of_64:literal, $of_32:literal) => {
        $of_32
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use by_width;
