//! The heap, pystack, scheduler and nlr against the C original, in the twins' shared objects.

#![cfg_attr(feature = "libfuzzer", no_main)]

mpgc_fuzz::program!(
    mpgc_fuzz::heap_c::HeapC, init: mpgc_fuzz::heap_c::load(cfg!(feature = "libfuzzer"))
);
