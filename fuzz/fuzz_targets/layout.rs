//! Where tables and pool lie, for regions of any size and place.

#![cfg_attr(feature = "libfuzzer", no_main)]

mpgc_fuzz::program!(mpgc_fuzz::layout::Layouts);
