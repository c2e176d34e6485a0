//! Folders that are needed only for a while.

use std::path::{Path, PathBuf};

use crate::Outcome;

/// A new folder that is removed with all that is in it.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes it, and those above it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(path: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(path).map_err(|e| format!("{}: cannot make the folder: {e}", path.display()))?;
        Ok(Self(path.to_path_buf()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: cannot remove the folder: {e}", self.0.display());
        }
    }
}
