//! The heap's figures and its map, printed with a printer of the port.

use super::bindings as c;
use super::heap::HEAP;
use crate::heap::dump::Sink;
use core::ffi::{CStr, c_int, c_uint};

/// Prints the figures of the heap.
///
/// # Safety
///
/// `print` must be a printer of the port.
pub unsafe fn dump_info(print: *const c::mp_print_t) {
    let info = HEAP.info();
    let n = |n: usize| n as c_uint;
    // SAFETY: the caller's printer; the arguments have the types that the formats require.
    unsafe {
        c::mp_printf(
            print,
            c"GC: total: %u, used: %u, free: %u".as_ptr(),
            n(info.total),
            n(info.used),
            n(info.free),
        );
        #[cfg(mpgc_split_heap_auto)]
        c::mp_printf(
            print,
            c", max new split: %u".as_ptr(),
            n(c::gc_get_max_new_split()),
        );
        c::mp_printf(
            print,
            c"\n No. of 1-blocks: %u, 2-blocks: %u, max blk sz: %u, max free sz: %u\n".as_ptr(),
            n(info.num_1block),
            n(info.num_2block),
            n(info.max_block),
            n(info.max_free),
        );
    }
}

/// Writes the map of the heap to a printer of the port.
pub struct Printer(*const c::mp_print_t);

impl Printer {
    /// Prints with `print`.
    ///
    /// # Safety
    ///
    /// `print` must be a printer of the port, and valid as long as the value is used.
    pub unsafe fn new(print: *const c::mp_print_t) -> Self {
        Printer(print)
    }

    fn char(&self, char: u8) {
        // SAFETY: the caller of `new` passed a printer.
        unsafe { c::mp_printf(self.0, c"%c".as_ptr(), c_int::from(char)) };
    }

    fn number(&self, format: &CStr, number: usize) {
        // SAFETY: the caller of `new` passed a printer; the callers below pass formats for one
        // unsigned int.
        unsafe { c::mp_printf(self.0, format.as_ptr(), number as c_uint) };
    }
}

impl Sink for Printer {
    fn area(&mut self, pool: usize) {
        // Maps of different runs are compared, and the address would differ.
        if cfg!(feature = "heap-profiling") {
            return;
        }
        // SAFETY: the caller of `new` passed a printer; the format takes a pointer, which is not
        // followed.
        unsafe {
            c::mp_printf(
                self.0,
                c"GC memory layout; from %p:".as_ptr(),
                core::ptr::without_provenance::<u8>(pool),
            )
        };
    }
    fn free_lines(&mut self, lines: usize) {
        self.number(c"\n       (%u lines all free)", lines);
    }
    fn line(&mut self, offset: usize) {
        self.number(c"\n%08x: ", offset);
    }
    fn free(&mut self) {
        self.char(b'.');
    }
    fn tail(&mut self) {
        self.char(b'=');
    }
    fn mark(&mut self) {
        self.char(b'm');
    }
    fn head(&mut self, first_word: usize) {
        self.char(letter_of_type(first_word));
    }
    fn end_area(&mut self) {
        // SAFETY: the caller of `new` passed a printer.
        unsafe { c::mp_print_str(self.0, c"\n".as_ptr()) };
    }
}

/// The letter of an object in the map, from its first word, the address of its type.
fn letter_of_type(first_word: usize) -> u8 {
    let is = |t: *const c::mp_obj_type_t| t.addr() == first_word;
    if is(&raw const c::mp_type_tuple) {
        b'T'
    } else if is(&raw const c::mp_type_list) {
        b'L'
    } else if is(&raw const c::mp_type_dict) {
        b'D'
    } else if is(&raw const c::mp_type_str) || is(&raw const c::mp_type_bytes) {
        b'S'
    } else if cfg!(mpgc_type_bytearray) && is(&raw const c::mp_type_bytearray)
        || cfg!(mpgc_type_array) && is(&raw const c::mp_type_array)
    {
        b'A'
    } else if cfg!(mpgc_type_float) && is(&raw const c::mp_type_float) {
        b'F'
    } else if is(&raw const c::mp_type_fun_bc) {
        b'B'
    } else if is(&raw const c::mp_type_module) {
        b'M'
    } else {
        b'h'
    }
}
