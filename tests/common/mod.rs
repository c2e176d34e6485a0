//! What all black-box tests share: a bench file with its city in a folder of its own, and the real program run on it.

pub mod program;

use std::path::PathBuf;

use tempfile::TempDir;

pub use program::{end, paidan, read};

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
