//! Damaged snapshots for mpgc-heap.

#![cfg_attr(feature = "libfuzzer", no_main)]

mpgc_fuzz::program!(mpgc_fuzz::snapshot::Snapshots);
