//! `paidan test` as whoever keeps a city uses it.

#[path = "common/pudong.rs"]
mod pudong;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
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
    assert!(told.ends_with("用例 cases 631, 符合 as expected 631\n") && !told.contains("untried"), "{told}");
    for covered in ["classes 262/262", "filing conditions 343/343", "areas 36/36", "duty lines 263/263"] {
        assert!(told.contains(covered), "{told}");
    }
}

/// What stands in the folder of the built-in city.
fn built_in(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/city/pudong").join(file)
}

/// The rows of a table of the built-in city, by the names of their columns.
fn table(file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(built_in(file)).expect("a table");
    reader.deserialize().collect::<Result<_, _>>().expect("rows")
}

/// When a limit is over that runs from Friday 6 March 2026, 17:00. Hours are counted one by one, so that it is not the calendar that
/// says whether the calendar is right.
fn due(limit: &str) -> String {
    const MONDAY: usize = 2;
    const FRIDAY_17: usize = 4 * 24 + 17;
    let (amount, unit) = limit.split_once(' ').expect("an amount and a unit");
    let amount: usize = amount.parse().expect("a number");
    let (hours, only_working) = match unit {
        "urgent_hour" => (amount, false),
        "natural_day" => (24 * amount, false),
        "work_hour" => (amount, true),
        "work_day" => (8 * amount, true),
        _ => panic!("{limit}"),
    };
    let is_working = |hour: usize| hour / 24 % 7 < 5 && matches!(hour % 24, 8..12 | 14..18);
    let mut counted = (FRIDAY_17..).filter(|hour| !only_working || is_working(*hour));
    let end = counted.nth(hours - 1).expect("hours go on") + 1;
    let day = MONDAY + end / 24;
    assert!(day <= 31, "{limit} ends in another month");
    format!("2026-03-{day:02}T{:02}:00:00+08:00", end % 24)
}

/// The middle of the cells of an area's middle run.
fn middle_of(area: &str, runs: &[BTreeMap<String, String>]) -> (f64, f64) {
    let own: Vec<_> = runs.iter().filter(|run| run["area"] == area).collect();
    let run = own[own.len() / 2];
    let [row, from, to] = ["row", "from", "to"].map(|key| run[key].parse::<f64>().expect("a number"));
    (121.45 + (from + to + 1.0) / 2.0 * 0.001_97, 30.84 + (row + 0.5) * 0.001_69)
}

/// A case for each class of the built-in city and for each condition of it, those of a class in the middle of one area, those of the
/// next in another.
fn cases_of_classes() -> String {
    let (areas, runs, duty) = (table("areas.csv"), table("area_cells.csv"), table("duty.csv"));
    let conditions = table("conditions.csv");
    let cases = table("classes.csv").into_iter().enumerate().flat_map(|(index, class)| {
        let (code, index) = (&class["code"], index % areas.len());
        let line = duty.iter().find(|line| &line["class"] == code).expect("a line of the duty list");
        let (lng, lat) = middle_of(&areas[index]["code"], &runs);
        let of_class = conditions.iter().filter(|condition| &condition["class"] == code);
        let whole = std::iter::once((String::new(), String::new(), &class));
        let parts = of_class.map(|condition| {
            let member = format!(",\"condition\":\"{}\"", condition["code"]);
            (format!(" {} {}", condition["name_zh"], condition["name_en"]), member, condition)
        });
        let case = |(name, condition, row): (String, String, &BTreeMap<String, String>)| {
            format!(
                "{OF_A_CLASS}{} {}{name}, Friday 17:00\",\"given\":[{{\"source\":\"12345\",\"id\":\"1\",\"ts\":\"2026-03-06T17:00:00+08:00\",\
                 \"lng\":{lng:.4},\"lat\":{lat:.4},\"category\":\"{code}\"{condition}}}],\"expect\":[{{\"effect\":\"assigned\",\"class\":\"{code}\"{condition},\
                 \"area\":\"{}\",\"department\":\"{}\",\"tier\":\"{}\",\"urgency\":\"{}\",\"due\":\"{}\"}}]}}\n",
                class["name_zh"],
                class["name_en"],
                areas[index]["code"],
                line["department"],
                line["tier"],
                row["urgency"],
                due(&row["limit"]),
            )
        };
        whole.chain(parts).map(case).collect::<Vec<_>>()
    });
    cases.collect()
}

/// How cases begin that follow from the tables; the others are written by hand.
const OF_A_CLASS: &str = "{\"name\":\"周五 17:00 ";

#[test]
fn a_case_for_each_class_stands_in_the_built_in_city() {
    let file = built_in("tests.ndjson");
    let kept = fs::read_to_string(&file).expect("cases");
    let by_hand = kept.split_inclusive('\n').filter(|line| !line.starts_with(OF_A_CLASS));
    let wanted: String = std::iter::once(cases_of_classes().as_str()).chain(by_hand).collect();
    if std::env::var_os("PAIDAN_WRITE_CASES").is_some() {
        fs::write(&file, &wanted).expect("written");
    } else {
        assert!(kept == wanted, "the tables have changed: PAIDAN_WRITE_CASES=1 cargo test --test trial each_class");
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
    assert_eq!(
        (&json["cases"], &json["as_expected"], &json["coverage"][0]["all"]),
        (&2.into(), &1.into(), &262.into())
    );
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
