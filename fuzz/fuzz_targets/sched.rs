//! The scheduler with interrupts between any two of its steps.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mpgc_fuzz::fuzz::<mpgc_fuzz::sched::Sched>(data));
