//! What all black-box tests share: a bench file with its city in a folder of its own, and the real program run on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder on a real disk with a bench file and the bench city. It goes when the value does.
pub struct Bench {
    folder: TempDir,
    /// The file of lines.
    pub file: PathBuf,
    /// The city's folder.
    pub city: PathBuf,
}

impl Bench {
    /// A bench file of so many lines.
    pub fn new(lines: u64, seed: u64) -> Self {
        // Not the system's folder for temporary files: that one may be in memory, where nothing is ever synced.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
        let (file, city) = (folder.path().join("reports.ndjson"), folder.path().join("city"));
        loadtest::r#gen::run(lines, &file, seed).expect("a bench file");
        loadtest::bench_city::write(&city).expect("the bench city");
        Self { folder, file, city }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

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
