//! The real binary gives the truth's answer, on one worker and on several.

use serde_json::Value;
use std::collections::HashSet;
use std::process::Command;

/// Several blocks for each worker.
const LINES: u64 = 100_000;

const COUNTS: [&str; 10] = [
    "lines",
    "malformed",
    "invalid",
    "rejected",
    "unique",
    "duplicates",
    "merged",
    "opened",
    "case_sum",
    "unit_load_digest",
];

#[test]
fn the_answer_is_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    loadtest::r#gen::run(LINES, &path("bench.ndjson"), 3).unwrap();
    let json = |name: &str| serde_json::from_slice::<Value>(&std::fs::read(path(name)).unwrap()).unwrap();
    let truth = json("bench.ndjson.truth.json");
    for workers in ["1", "2", "3"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rival-timely"));
        command.arg(path("bench.ndjson")).args(["--case-sum", "--workers", workers]);
        command.arg("--out").arg(path("out.ndjson")).arg("--summary").arg(path("summary.json"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = json("summary.json");
        for name in COUNTS {
            assert_eq!(found[name], truth[name], "{name} on {workers} workers");
        }
        let lines = std::fs::read_to_string(path("out.ndjson")).unwrap();
        let case = |line: &str| serde_json::from_str::<Value>(line).unwrap()["case"].as_str().unwrap().to_owned();
        let cases: HashSet<_> = lines.lines().map(case).collect();
        assert_eq!(Some(cases.len() as u64), truth["opened"].as_u64(), "whole lines, each case once");
    }
}
