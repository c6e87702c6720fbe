//! A search for a byte of at least some value, eight bytes at a time: [`super::hints`] keeps a byte
//! for each segment.

/// The index of the first byte that is at least `least`; the number of bytes if there is none.
///
/// Where a word has eight bytes, it compares eight at a time.
pub(super) fn first_at_least(bytes: &[u8], least: u8) -> usize {
    let mut at = 0;
    if size_of::<usize>() == size_of::<u64>() {
        for eight in bytes.chunks_exact(8) {
            let eight = eight.try_into().map_or(0, u64::from_le_bytes);
            let found = bytes_at_least(eight, least);
            if found != 0 {
                return at + found.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|&byte| byte >= least)
        .unwrap_or(rest.len())
}

/// The high bit of each byte of `x` that is at least `least`.
///
/// ```text
///   low seven bits:  x & 0x7f  +  0x80 - (least & 0x7f)    carries into bit 7 if they are not less
///   then, of bit 7:  least < 0x80: carried, or set in x    else: carried, and set in x
/// ```
fn bytes_at_least(x: u64, least: u8) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let carried = (x & !HIGH) + ONES * u64::from(0x80 - (least & 0x7f));
    HIGH & if least < 0x80 {
        carried | x
    } else {
        carried & x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::every;
    use std::vec::Vec;

    #[test]
    fn eight_bytes_at_once_agree_with_their_naive_twin() {
        for pair in (0..=u16::MAX).step_by(every(4001)) {
            let [byte, least] = pair.to_le_bytes();
            // neighbours that would show a carry between bytes
            for other in [0, 0x7f, 0x80, 0xff, least, least.wrapping_sub(1)] {
                let bytes = [other, byte, other, byte, byte, other, other, byte];
                let expected = (0..8)
                    .filter(|&i| bytes[i] >= least)
                    .map(|i| 0x80u64 << (8 * i));
                let found = bytes_at_least(u64::from_le_bytes(bytes), least);
                assert_eq!(found, expected.sum::<u64>(), "{bytes:?} at least {least}");
            }
        }
    }

    #[test]
    fn the_first_byte_that_is_large_enough_is_found_wherever_it_is() {
        for len in (0..40).step_by(every(13)) {
            for at in 0..=len {
                let bytes: Vec<u8> = (0..len).map(|i| if i < at { 9 } else { 10 }).collect();
                assert_eq!(first_at_least(&bytes, 10), at, "of {len}");
            }
        }
    }
}
