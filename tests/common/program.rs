//! The real program, run by black-box tests.

use std::path::Path;
use std::process::{Command, Stdio};

/// The program as this test run built it, with a first argument, and nothing on standard input.
pub fn paidan(mode: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
    command.arg(mode).stdin(Stdio::null());
    command
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it said.
    pub stderr: String,
}

impl Ended {
    /// The same, if the exit code is `code`.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code; stderr was:\n{}", self.stderr);
        self
    }
}

/// Runs a program to its end.
pub fn end(command: &mut Command) -> Ended {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("the program writes UTF-8");
    Ended { code: output.status.code(), stderr }
}

/// Reads a file that must be there.
#[track_caller]
pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
