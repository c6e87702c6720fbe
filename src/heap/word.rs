//! Words of a table: access at any address, and the lowest set bit, also on processors that have no
//! instruction for one or the other.

/// The unit in which the tables are read and written.
pub type Word = usize;

/// Whether the processor has an instruction that finds the lowest set bit. With the feature `bare`
/// a 32-bit processor is taken to have none.
const COUNTS_ZEROS: bool = !cfg!(all(
    target_pointer_width = "32",
    any(
        mpgc_thumb1,
        target_arch = "xtensa",
        feature = "bare",
        all(target_arch = "riscv32", not(target_feature = "zbb"))
    )
));
/// Whether the processor requires aligned access. A region, and so its table, may start at any
/// address. Nearly always it is aligned; one test finds that out, and an unaligned table is read by
/// the byte.
const ALIGNED_ONLY: bool = cfg!(mpgc_aligned_words);

/// Reads a word at any address, as little-endian: the C accesses the tables by the byte, so a
/// big-endian processor swaps the bytes.
///
/// # Safety
///
/// `word` must be valid for reads of a word; it need not be aligned.
pub(super) unsafe fn read_word(word: *const Word) -> Word {
    if !ALIGNED_ONLY {
        // SAFETY: by this function's contract.
        return Word::from_le(unsafe { word.read_unaligned() });
    }
    if word.is_aligned() {
        // SAFETY: by this function's contract, and it is aligned.
        Word::from_le(unsafe { word.read() })
    } else {
        // SAFETY: by this function's contract.
        Word::from_le(unsafe { read_bytes(word) })
    }
}

/// Writes a word at any address, as little-endian.
///
/// # Safety
///
/// `word` must be valid for writes of a word; it need not be aligned.
pub(super) unsafe fn write_word(word: *mut Word, value: Word) {
    let value = value.to_le();
    if !ALIGNED_ONLY {
        // SAFETY: by this function's contract.
        return unsafe { word.write_unaligned(value) };
    }
    if word.is_aligned() {
        // SAFETY: by this function's contract, and it is aligned.
        unsafe { word.write(value) }
    } else {
        // SAFETY: by this function's contract.
        unsafe { write_bytes(word, value) }
    }
}

/// The read is volatile. Otherwise the compiler may pass the value in place of the pointer, and
/// then read the bytes before the call, even for an aligned word.
///
/// # Safety
///
/// As for [`read_word`].
#[cold]
#[inline(never)]
unsafe fn read_bytes(word: *const Word) -> Word {
    // SAFETY: by this function's contract.
    Word::from_ne_bytes(unsafe { word.cast::<[u8; size_of::<Word>()]>().read_volatile() })
}

/// # Safety
///
/// As for [`write_word`].
#[cold]
#[inline(never)]
unsafe fn write_bytes(word: *mut Word, value: Word) {
    // SAFETY: by this function's contract.
    unsafe { word.write_unaligned(value) }
}

/// The number of the pair with the lowest set bit; the number of pairs in a word if no bit is set.
pub(super) const fn lowest_pair(bits: Word) -> usize {
    // a table of bytes may lie in flash, and the ESP8266 reads its flash by words alone
    if COUNTS_ZEROS || cfg!(target_arch = "xtensa") {
        bits.trailing_zeros() as usize / 2
    } else {
        lowest_pair_by_table(bits as u32)
    }
}

/// The lowest set bit of a word that has one, for cold paths: smaller code where the processor has
/// no instruction for it.
pub(super) const fn lowest_bit(bits: Word) -> usize {
    if COUNTS_ZEROS {
        bits.trailing_zeros() as usize
    } else {
        lowest_bit_by_loop(bits)
    }
}

const fn lowest_bit_by_loop(bits: Word) -> usize {
    let mut bit = 0;
    while bits >> bit & 1 == 0 {
        bit += 1;
    }
    bit
}

/// [`lowest_pair`] for targets on which it would call a library function.
///
/// A de Bruijn number times the lowest bit is that number shifted; the top five bits of the product
/// identify the shift.
const fn lowest_pair_by_table(bits: u32) -> usize {
    const DE_BRUIJN: u32 = 0x077c_b531;
    const PAIRS: [u8; 32] = {
        let mut pairs = [0; 32];
        let mut bit = 0;
        while bit < 32 {
            pairs[(DE_BRUIJN << bit >> 27) as usize] = bit as u8 / 2;
            bit += 1;
        }
        pairs
    };
    if bits == 0 {
        return Word::BITS as usize / 2;
    }
    PAIRS[((bits & bits.wrapping_neg()).wrapping_mul(DE_BRUIJN) >> 27) as usize] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_and_its_pair_agree_with_the_processor() {
        for bit in 0..u32::BITS {
            for above in [0, 1, 2, u32::MAX, 0x5555_5555, 0x8000_0000] {
                let bits = (1 << bit) | (above << bit);
                assert_eq!(lowest_pair_by_table(bits), bit as usize / 2, "{bits:#x}");
                assert_eq!(lowest_bit_by_loop(bits as Word), bit as usize, "{bits:#x}");
            }
        }
        assert_eq!(lowest_pair_by_table(0), Word::BITS as usize / 2);
        assert_eq!(lowest_pair(0), Word::BITS as usize / 2);
    }
}
