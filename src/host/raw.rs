//! Which objects of MicroPython own data without pointers (feature `noscan`): see
//! `crate::heap::noscan`.

use super::bindings as c;
use core::mem::offset_of;

/// Bytes of a word.
const WORD: usize = size_of::<usize>();

const _: () = {
    assert!(offset_of!(c::mp_obj_base_t, type_) == 0);
    // the typecode and the field next to it fill the second word
    assert!(offset_of!(c::mp_obj_array_t, len) == 2 * WORD);
    assert!(offset_of!(c::mp_obj_array_t, items).is_multiple_of(WORD));
    assert!(offset_of!(c::mp_obj_str_t, data).is_multiple_of(WORD));
};

/// The word of an object that points at its data, for str and bytes; bytearray, array and
/// memoryview of numbers; and big int. The first word of an object is the address of its type.
///
/// An instance of a subclass is none of these, but it holds a native object that is.
pub fn field(first: usize, second: usize) -> Option<usize> {
    let is = |t: *const c::mp_obj_type_t| t.addr() == first;
    if is(&raw const c::mp_type_str) || is(&raw const c::mp_type_bytes) {
        return Some(offset_of!(c::mp_obj_str_t, data) / WORD);
    }
    if cfg!(mpgc_type_bytearray) && is(&raw const c::mp_type_bytearray)
        || cfg!(mpgc_type_array) && is(&raw const c::mp_type_array)
        || cfg!(mpgc_type_memoryview) && is(&raw const c::mp_type_memoryview)
    {
        return is_number(typecode(second)).then_some(offset_of!(c::mp_obj_array_t, items) / WORD);
    }
    #[cfg(mpgc_longint_mpz)]
    if is(&raw const c::mp_type_int) {
        const DIGITS: usize = offset_of!(c::mp_obj_int_t, mpz) + offset_of!(c::mpz_t, dig);
        return Some(DIGITS / WORD);
    }
    None
}

/// The typecode of an array: a bit-field of 8 bits behind the type, which every ABI puts into the
/// first byte.
fn typecode(second: usize) -> u8 {
    second.to_ne_bytes()[0]
}

/// The bit of the typecode that marks a writable memoryview.
const WRITABLE: u8 = super::config::ARRAY_TYPECODE_FLAG_RW as u8;
/// The typecode of a bytearray.
const BYTEARRAY: u8 = super::config::BYTEARRAY_TYPECODE as u8;

/// Whether elements of this typecode are numbers, not objects (`O`), pointers (`P`) or strings
/// (`S`).
fn is_number(typecode: u8) -> bool {
    matches!(
        typecode & !WRITABLE,
        BYTEARRAY
            | b'b'
            | b'B'
            | b'h'
            | b'H'
            | b'i'
            | b'I'
            | b'l'
            | b'L'
            | b'q'
            | b'Q'
            | b'e'
            | b'f'
            | b'd'
    )
}

/// Bits that are equal in every address: all 0 or all 1.
const ALIKE: usize = if cfg!(target_arch = "x86_64") {
    (0x7f_u64 << 57) as usize
} else if cfg!(target_arch = "aarch64") {
    // those above may carry a tag
    (0xf_u64 << 52) as usize
} else {
    0
};

/// Whether a word may be the address of a type, with which an object begins.
pub fn may_be_type(first: usize) -> bool {
    let high = first & ALIKE;
    first != 0 && first.is_multiple_of(align_of::<usize>()) && (high == 0 || high == ALIKE)
}
