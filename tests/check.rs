//! `paidan check` as whoever keeps a city sees it.

#[path = "common/pudong.rs"]
mod pudong;

use std::fs;
use std::process::{Command, Output};

use pudong::write_city;
use serde_json::Value;

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paidan")).arg("check").args(arguments).output().expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The built-in city as a folder, with one file changed.
fn folder(file: &str, change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_city(folder.path(), |name, text| if name == file { change(text) } else { text.to_owned() });
    folder
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("UTF-8")
}

#[test]
fn a_city_that_is_in_order_is_counted() {
    for arguments in [&[][..], &["--strict"], &["src/city/pudong", "--strict"]] {
        let output = check(arguments);
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(told.contains("上海市浦东新区") && told.contains("areas 36") && told.contains("warnings: 0"), "{told}");
    }
    let json: Value = serde_json::from_slice(&check(&["--json"]).stdout).expect("JSON");
    assert_eq!(
        (&json["ok"], &json["city"]["areas"], &json["errors"]),
        (&true.into(), &36.into(), &Value::Array(vec![]))
    );
}

#[test]
fn every_mistake_stands_in_its_line_with_the_value_underlined() {
    let folder =
        folder("classes.csv", |text| text.replace("A,fault,2 urgent_hour", "A,fault,2 hours").replace(",C,", ",D,"));
    let output = check(&[path(&folder)]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2));
    // Six 汉字 are as wide as twelve letters.
    let expected = format!(
        "classes.csv:2: limit \"2 hours\"\n  2 | 01001,供水井盖异常,Water-supply manhole cover,A,fault,2 hours,供水井盖异常|供水井盖|C01-01\n    \
         | {}^^^^^^^\n  改法 mend: ",
        " ".repeat(54)
    );
    assert!(told.starts_with(&expected), "{told}");
    let classes = fs::read_to_string("src/city/pudong/classes.csv").expect("read");
    let mistakes = classes.matches("A,fault,2 urgent_hour").count() + classes.matches(",C,").count();
    assert_eq!(told.matches("改法 mend").count(), mistakes, "{told}");
    assert!(told.ends_with(&format!("errors: {mistakes}\n")), "{told}");
    let json: Value = serde_json::from_slice(&check(&[path(&folder), "--json"]).stdout).expect("JSON");
    let first = &json["errors"][0];
    assert_eq!((&first["file"], &first["line"], &first["length"]), (&"classes.csv".into(), &2.into(), &7.into()));
    assert_eq!((&json["ok"], &json["city"]), (&false.into(), &Value::Null));
    // A folder that is none is told as such.
    let output = check(&["nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("city.toml: nowhere/city.toml"), "{}", text(&output.stdout));
}

#[test]
fn what_is_hardly_meant_is_a_warning_and_a_mistake_only_where_that_is_asked_for() {
    let folder =
        folder("duty.csv", |text| text.replace("03009,district,,D-METEO,district\n", "").replace("*,", "03009,"));
    let output = check(&[path(&folder)]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("警告 warning: 部门 D-METEO") && told.contains("D-METEO, for example"), "{told}");
    assert_eq!(check(&[path(&folder), "--strict"]).status.code(), Some(2));
}

#[test]
fn an_area_in_several_pieces_is_a_warning_and_a_cell_in_two_areas_a_mistake() {
    let run = "112,91,123,310115133\n";
    let with = |runs: &str| folder("area_cells.csv", |text| text.replace(run, runs));
    let split = with("112,91,100,310115133\n112,101,101,310115144\n112,102,123,310115133\n");
    let output = check(&[path(&split)]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("街镇 310115144 有 1 块飞地") && told.contains("warnings: 1"), "{told}");
    let twice = with("112,91,123,310115133\n112,123,123,310115144\n");
    let output = check(&[path(&twice)]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    let line = fs::read_to_string("src/city/pudong/area_cells.csv")
        .expect("a table")
        .lines()
        .position(|line| line == run.trim_end());
    let line = line.expect("the run") + 1;
    let sentence = format!("area_cells.csv:{}: row 112, from \"123\" to 123, has cells of line {line}", line + 1);
    assert!(told.contains(&sentence) && told.contains("errors: 1"), "{told}");
}
