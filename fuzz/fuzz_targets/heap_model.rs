//! The heap against its naive model, with the options of the tests.

#![cfg_attr(feature = "libfuzzer", no_main)]

mpgc_fuzz::program!(mpgc_fuzz::heap_model::HeapModel);
