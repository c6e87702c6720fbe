//! The scheduler with interrupts between any two of its steps.

#![cfg_attr(feature = "libfuzzer", no_main)]

mpgc_fuzz::program!(mpgc_fuzz::sched::Sched);
