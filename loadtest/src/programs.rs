//! The programs that are built beside this one.

use std::path::PathBuf;

use crate::Outcome;

/// The path of one.
///
/// # Errors
/// If it was not built.
pub fn beside(name: &str) -> Outcome<PathBuf> {
    let own = std::env::current_exe().map_err(|e| format!("cannot find this program's own file: {e}"))?;
    let path = own.with_file_name(name);
    match path.exists() {
        true => Ok(path),
        false => Err(format!("{}: not there; build it (cargo build --release -p {name})", path.display())),
    }
}
