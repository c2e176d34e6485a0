//! The harness through the doors of a real service: every report gets its receipt, and what the service used is told.

use std::process::Command;

use serde_json::Value;

/// Measures a target by the real commands, and gives the result.
fn run(target: &str, more: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("result.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["run", "--target", target, "--profile", "normal", "--lines", "5000", "--rate", "2000"]);
    command.args(["--seconds", "1", "--warm-up", "0.5", "--work"]).arg(folder.path().join("work"));
    let output = command.arg("--json").arg(&json).args(more).output().expect("the harness starts");
    assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(&json).expect("a result")).expect("JSON")
}

#[test]
fn every_report_is_answered_at_every_door() {
    // The program that lies beside the harness; takes no time where it is as it should be.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--package", "paidan", "--bin", "paidan"]);
    assert!(cargo.status().expect("cargo starts").success());
    for (target, more) in [("tcp", &[][..]), ("http", &[]), ("http", &["--request-bytes", "1"]), ("bare", &[])] {
        let result = run(target, more);
        let count = |key: &str| result["counts"][key].as_u64().expect("a number");
        assert!(count("due") > 1_500, "{target}: {}", result["counts"]);
        assert_eq!((count("answered"), count("unsent"), count("unanswered")), (count("due"), 0, 0), "{target}");
        assert_eq!(result["target"]["name"], target);
        let cpu = result["cpu_ns_per_report"].as_f64().expect("a number");
        assert!(cpu > 1_000.0, "{target}: the service used {cpu} ns a report");
    }
}
