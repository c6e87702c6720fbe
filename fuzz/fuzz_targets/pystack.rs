//! The Python stack against a naive one.

#![cfg_attr(feature = "libfuzzer", no_main)]

mpgc_fuzz::program!(mpgc_fuzz::pystack::Pystack);
