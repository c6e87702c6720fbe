//! The heap, pystack, scheduler and nlr against the C original, in the twins' shared objects.

#![no_main]

use mpgc_fuzz::heap_c;

libfuzzer_sys::fuzz_target!(
    init: heap_c::load(true),
    |data: &[u8]| mpgc_fuzz::fuzz::<heap_c::HeapC>(data)
);
