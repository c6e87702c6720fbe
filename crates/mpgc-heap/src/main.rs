//! The program; `lib.rs` says what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    mpgc_heap::main()
}
