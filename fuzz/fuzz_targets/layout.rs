//! Where tables and pool lie, for regions of any size and place.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mpgc_fuzz::fuzz::<mpgc_fuzz::layout::Layouts>(data));
