//! The assembly of this machine: a jump lands where it should, with what it should.

use super::registers::{self, RegisterBuffer, nlr_push_body, slot};
use super::{
    Buffer, CallbackNode, Thread, call_callbacks, jump, pop_callback, push_callback, push_saved,
};
use core::ffi::{c_uint, c_void};
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use std::cell::Cell;

std::thread_local! {
    static TOP: Cell<*mut Buffer> = const { Cell::new(null_mut()) };
    static CALLBACKS: Cell<*mut CallbackNode> = const { Cell::new(null_mut()) };
    /// The height of the stack.
    static HEIGHT: Cell<usize> = const { Cell::new(0) };
    /// How many callbacks were called, and the depth of the newest one that was.
    static CALLED: Cell<[usize; 2]> = const { Cell::new([0, 0]) };
}

/// A buffer of this thread.
#[repr(C)]
struct Landing {
    registers: RegisterBuffer,
    height: usize,
}

/// A callback of this thread.
#[repr(C)]
struct Passed {
    node: CallbackNode,
    depth: usize,
}

#[derive(Clone, Copy)]
struct Here;

impl Thread for Here {
    fn top(self) -> *mut *mut Buffer {
        TOP.with(Cell::as_ptr)
    }
    unsafe fn keep(self, buffer: *mut Buffer) {
        // SAFETY: the test's buffers are a `Landing`.
        unsafe { (*buffer.cast::<Landing>()).height = HEIGHT.get() }
    }
    unsafe fn put_back(self, buffer: *mut Buffer) {
        // SAFETY: as above.
        HEIGHT.set(unsafe { (*buffer.cast::<Landing>()).height });
    }
    unsafe fn call_callbacks(self, buffer: *mut Buffer) {
        // SAFETY: the callbacks lie on the stack of this thread.
        unsafe { call_callbacks(CALLBACKS.with(Cell::as_ptr), buffer) }
    }
    unsafe fn no_buffer(self, value: *mut c_void) -> ! {
        panic!("no buffer for {value:?}")
    }
    unsafe fn resume(buffer: *mut Buffer) -> ! {
        // SAFETY: by this function's contract.
        unsafe { registers::resume(buffer) }
    }
}

unsafe extern "C" fn push_tail(buffer: *mut Buffer) -> c_uint {
    // SAFETY: the test's buffer is valid.
    unsafe { push_saved(Here, buffer) };
    0
}

#[unsafe(naked)]
unsafe extern "C" fn push(buffer: *mut Buffer) -> c_uint {
    nlr_push_body!(push_tail)
}

/// The callbacks of the deepest frames come first.
unsafe extern "C" fn passed(node: *mut c_void) {
    // SAFETY: the node is a `Passed` of a frame that the jump leaves.
    let depth = unsafe { (*node.cast::<Passed>()).depth };
    let [called, newest] = CALLED.get();
    assert!(called == 0 || depth == newest + 1, "{depth} after {newest}");
    CALLED.set([called + 1, depth]);
}

#[inline(never)]
fn raise_from(depth: usize, value: usize) -> usize {
    HEIGHT.set(HEIGHT.get() + 1);
    if depth > 0 {
        let mut here = Passed {
            node: CallbackNode {
                prev: null_mut(),
                fun: None,
            },
            depth,
        };
        // SAFETY: the node is on this stack, and a jump unlinks it.
        unsafe {
            push_callback(
                CALLBACKS.with(Cell::as_ptr),
                (&raw mut here).cast(),
                Some(passed),
            )
        };
        return raise_from(depth - 1, value) + core::hint::black_box(&here).depth;
    }
    // SAFETY: `catch` pushed a buffer and is still running; no frame between has a destructor.
    unsafe { jump(Here, value as *mut c_void) }
}

#[inline(never)]
fn catch(depth: usize, value: usize) -> (c_uint, usize) {
    let mut buffer = MaybeUninit::<Landing>::zeroed();
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

/// A naked function `(buffer) -> usize` that pushes with values of its own in the callee-saved
/// registers, loses them, and raises. Where that lands it counts the registers that have another
/// value. Each register is kept in a word of the stack, above what Windows wants there for a call.
macro_rules! pushes_and_counts {
    ($($register:literal = $value:literal kept at $word:literal;)*) => {
        core::arch::naked_asm!(
            "sub rsp, 104",
            $(concat!("mov [rsp + ", $word, "], ", $register),)*
            $(concat!("mov ", $register, ", ", $value),)*
            "call {push}",
            "test eax, eax",
            "jnz 2f",
            $(concat!("mov ", $register, ", -1"),)*
            "call {raise}",
            "2:",
            "xor eax, eax",
            $(
                concat!("cmp ", $register, ", ", $value),
                "setne cl",
                "movzx ecx, cl",
                "add rax, rcx",
            )*
            $(concat!("mov ", $register, ", [rsp + ", $word, "]"),)*
            "add rsp, 104",
            "ret",
            push = sym push,
            raise = sym raise_null,
        )
    };
}

/// The same with the registers that each system saves, and these.
macro_rules! pushes_and_counts_with {
    ($($more:tt)*) => {
        pushes_and_counts!(
            "rbx" = "11" kept at "32";
            "rbp" = "12" kept at "40";
            "r12" = "13" kept at "48";
            "r13" = "14" kept at "56";
            "r14" = "15" kept at "64";
            "r15" = "16" kept at "72";
            $($more)*
        )
    };
}

unsafe extern "C" fn raise_null() -> ! {
    // SAFETY: it is called with a buffer pushed; no frame between has a destructor.
    unsafe { jump(Here, null_mut()) }
}

#[unsafe(naked)]
unsafe extern "C" fn lost_registers(buffer: *mut Buffer) -> usize {
    #[cfg(not(windows))]
    pushes_and_counts_with!();
    #[cfg(windows)]
    pushes_and_counts_with!("rdi" = "17" kept at "80"; "rsi" = "18" kept at "88";);
}

#[test]
fn a_jump_gives_each_callee_saved_register_back() {
    let mut buffer = MaybeUninit::<Landing>::zeroed();
    // SAFETY: the buffer outlives the call, and no callback lies below it.
    assert_eq!(unsafe { lost_registers(buffer.as_mut_ptr().cast()) }, 0);
    assert!(TOP.get().is_null());
}

#[test]
fn the_slots_are_those_that_the_native_emitters_read() {
    use slot::{r12, r13, r14, r15, rbp, rbx, rip, rsp};
    let words = [rip, rbp, rsp, rbx, r12, r13, r14, r15].map(|at| at / size_of::<usize>());
    assert_eq!(words, [2, 3, 4, 5, 6, 7, 8, 9]);
    #[cfg(windows)]
    assert_eq!(
        [slot::rdi, slot::rsi].map(|at| at / size_of::<usize>()),
        [10, 11]
    );
}

#[test]
fn a_jump_lands_in_the_push_with_its_value_and_the_registers_survive() {
    let mut outside = CallbackNode {
        prev: null_mut(),
        fun: None,
    };
    // SAFETY: it outlives what is called here, and no jump passes by it.
    unsafe { push_callback(CALLBACKS.with(Cell::as_ptr), &raw mut outside, Some(passed)) };
    let mut sum = 0usize;
    for depth in 0..200 {
        HEIGHT.set(7);
        CALLED.set([0, 0]);
        let (landed, value) = catch(depth, depth * 3);
        assert_eq!(landed, 1);
        assert_eq!(
            HEIGHT.get(),
            7,
            "the stack is as high as when the buffer was pushed"
        );
        assert_eq!(CALLED.get(), [depth, depth], "all that the jump passed by");
        sum += value;
    }
    assert_eq!(sum, 3 * 199 * 200 / 2);
    assert!(TOP.get().is_null());
    assert!(CALLBACKS.get() == &raw mut outside);
    // SAFETY: the chain has it.
    unsafe { pop_callback(CALLBACKS.with(Cell::as_ptr)) };
}
