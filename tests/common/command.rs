//! The real program with what it writes, for tests of commands that tell something.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program as this test run built it to its end.
pub fn paidan(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paidan")).args(arguments).output().expect("it starts")
}

/// What it wrote, which is text.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// A path as an argument.
pub fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
