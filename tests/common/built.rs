//! Builds of paidan other than the one that is tested by default.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of all builds.
pub fn target() -> &'static Path {
    let profile =
        Path::new(env!("CARGO_BIN_EXE_paidan")).parent().expect("a program lies in the folder of its profile");
    profile.parent().expect("a profile lies in the folder of all builds")
}

/// Has cargo build the program into a folder, with further arguments; takes no time where it is built already. Gives the path,
/// which lies in the folder of `profile`.
pub fn paidan(folder: &Path, profile: &str, arguments: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    // Offline: a build of the same packages as this test's cannot miss any.
    cargo.args(["build", "--quiet", "--offline", "--package", "paidan", "--bin", "paidan", "--target-dir"]).arg(folder);
    let built = cargo.args(arguments).output().expect("cargo starts");
    assert!(built.status.success(), "paidan does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    folder.join(profile).join("paidan")
}
