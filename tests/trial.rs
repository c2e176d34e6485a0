//! `paidan test` as whoever keeps a city uses it.

#[path = "common/pudong.rs"]
mod pudong;

use std::fs;
use std::process::{Command, Output};

use pudong::write_city;
use serde_json::{Value, json};

fn test(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paidan")).arg("test").args(arguments).output().expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The built-in city as a folder, with cases of its own.
fn folder(cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_city(folder.path(), |name, text| if name == "tests.ndjson" { cases } else { text }.to_owned());
    folder
}

fn on(folder: &tempfile::TempDir, more: &[&str]) -> Output {
    test(&[&[folder.path().to_str().expect("UTF-8")], more].concat())
}

#[test]
fn the_built_in_city_decides_as_expected_and_every_rule_of_it_is_tried() {
    let output = test(&[]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.ends_with("用例 cases 41, 符合 as expected 41\n") && !told.contains("untried"), "{told}");
    for covered in ["classes 28/28", "areas 36/36", "duty lines 29/29"] {
        assert!(told.contains(covered), "{told}");
    }
}

#[test]
fn what_is_not_as_expected_is_told_with_its_line_and_what_there_was() {
    let given = json!({"source": "app", "id": "1", "ts": "2026-03-06T17:00:00+08:00", "lng": 121.51, "lat": 31.24, "category": "90001"});
    let case =
        |expect: Value| format!("{}\n", json!({"name": "爆管 a burst main", "given": [given], "expect": [expect]}));
    let right = json!({"effect": "opened", "department": "U-WATER", "due": "2026-03-06T10:00:00Z", "late": null});
    let wrong = json!({"department": "D-WATER", "due": "2026-03-06T10:00:01Z", "late": false, "effect": "merged"});
    let folder = folder(&(case(right) + "\n" + &case(wrong)));
    let output = on(&folder, &[]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("tests.ndjson:3: 爆管 a burst main"), "{told}");
    assert!(told.contains("department  期望 expected \"D-WATER\"  实际 found \"U-WATER\""), "{told}");
    assert!(told.contains("untried: 01001, 01002") && told.ends_with("cases 2, 符合 as expected 1\n"), "{told}");
    let json: Value = serde_json::from_slice(&on(&folder, &["--json"]).stdout).expect("JSON");
    let members: Vec<_> = json["surprises"].as_array().expect("some").iter().map(|one| &one["member"]).collect();
    assert_eq!(members, ["department", "due", "effect", "late"]);
    assert_eq!((&json["cases"], &json["as_expected"], &json["coverage"][0]["all"]), (&2.into(), &1.into(), &28.into()));
}

#[test]
fn cases_that_are_none_are_refused_with_the_mend() {
    for cases in ["{\"name\":\"x\"}\n", "\n{\"name\":\"x\",\"given\":[],\"expect\":[],\"more\":1}\n", "nothing\n"] {
        let output = on(&folder(cases), &[]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        let line = if cases.starts_with('\n') { 2 } else { 1 };
        assert!(told.contains(&format!("tests.ndjson:{line}:")) && told.contains("mend"), "{told}");
    }
    let without = folder("");
    fs::remove_file(without.path().join("tests.ndjson")).expect("removed");
    let output = on(&without, &[]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(2) && told.contains("tests.ndjson") && told.contains("--help"), "{told}");
}
