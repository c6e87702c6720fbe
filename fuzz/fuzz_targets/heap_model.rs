//! The heap against its naive model, with the options of the tests.

#![no_main]

libfuzzer_sys::fuzz_target!(
    |data: &[u8]| mpgc_fuzz::fuzz::<mpgc_fuzz::heap_model::HeapModel>(data)
);
