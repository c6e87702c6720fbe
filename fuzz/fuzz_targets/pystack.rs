//! The Python stack against a naive one.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mpgc_fuzz::fuzz::<mpgc_fuzz::pystack::Pystack>(data));
