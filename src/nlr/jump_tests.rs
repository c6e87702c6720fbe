//! The assembly of this machine: a jump lands where it should, with what it should.

use super::registers::{RegisterBuffer, nlr_push_body, resume, slot};
use super::{Buffer, pop, push as link};
use core::ffi::{c_uint, c_void};
use core::ptr::null_mut;
use std::cell::Cell;

std::thread_local! {
    static TOP: Cell<*mut Buffer> = const { Cell::new(null_mut()) };
}

unsafe extern "C" fn push_tail(buffer: *mut Buffer) -> c_uint {
    let mut top = TOP.get();
    // SAFETY: the test's buffer is valid.
    unsafe { link(&mut top, buffer) };
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
        pop(&mut top);
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
    use slot::{r12, r13, r14, r15, rbp, rbx, rip, rsp};
    let words = [rip, rbp, rsp, rbx, r12, r13, r14, r15].map(|at| at / size_of::<usize>());
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
