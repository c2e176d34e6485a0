//! `compare` on results of the real command.

use std::path::Path;
use std::process::{Command, Output};

fn loadtest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(args).output().expect("loadtest runs")
}

fn measure(folder: &Path, name: &str, rate: &str) -> String {
    let (path, work) = (folder.join(name).display().to_string(), folder.join("work").display().to_string());
    let run = loadtest(&[
        "run",
        "--target",
        "null",
        "--lines",
        "1000",
        "--rate",
        rate,
        "--seconds",
        "0.5",
        "--warm-up",
        "0",
        "--work",
        &work,
        "--json",
        &path,
    ]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    path
}

#[test]
fn results_are_compared_if_they_were_measured_alike_and_one_pair_proves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (measure(folder.path(), "a.json", "1000"), measure(folder.path(), "b.json", "1000"));
    let other = measure(folder.path(), "other.json", "2000");
    let check = |args: &[&str], is_done: bool, expected: &str| {
        let compared = loadtest(&[&["compare"], args].concat());
        let said = [compared.stdout, compared.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(compared.status.success() == is_done && said.contains(expected), "{args:?}: {said}");
    };
    // Without enough values for a p99 nothing is void.
    check(&[&a, &b, "--gate"], true, "fewer than 6 pairs cannot tell it from noise");
    check(&[&a, &other], false, "not measured alike");
    check(&[&a, &format!("{a},{b}")], false, "give pairs");
    check(&[&a, "/bin/true"], false, "one is of results, the other is not");
    check(&["/bin/true", "/bin/true"], false, "give --file and --city");
    check(&["/nowhere.json", &b], false, "/nowhere.json: cannot read");
}
