//! Other people's files, run as they are: `paidan run FILE --source NAME`.

#[expect(dead_code, reason = "bench files are for other tests")]
mod common;

use std::path::{Path, PathBuf};

use common::{end, paidan, read};
use loadtest::us311_city;
use serde_json::Value;
use tempfile::TempDir;

/// Two zip codes, side by side.
const ZIPS: &str = r#"{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"postalCode":"10001","PO_NAME":"West"},
 "geometry":{"type":"Polygon","coordinates":[[[-74.0,40.7],[-73.9,40.7],[-73.9,40.8],[-74.0,40.8],[-74.0,40.7]]]}},
{"type":"Feature","properties":{"postalCode":"10002","PO_NAME":"East"},
 "geometry":{"type":"Polygon","coordinates":[[[-73.9,40.7],[-73.8,40.7],[-73.8,40.8],[-73.9,40.8],[-73.9,40.7]]]}}]}"#;

/// Reports that the city is made of.
const KNOWN: &str = r#"{"source":"nyc311","id":"k1","type":"Noise, \"loud\"","agency":"NYPD","agency_name":"Police"}
{"source":"nyc311","id":"k2","type":"Dead Tree","agency":"DPR","agency_name":"Parks"}
"#;

/// What is decided about each line, `effect id detail` in the order of the lines.
fn decided(out: &Path) -> Vec<String> {
    let text = String::from_utf8(read(out)).expect("decisions are UTF-8");
    let decision = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a decision is JSON");
        let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let details = ["area", "class", "department", "reason", "field"].map(word);
        let details: Vec<String> = details.into_iter().filter(|detail| !detail.is_empty()).collect();
        format!("{} {} {}", word("effect"), word("id"), details.join(" "))
    };
    text.lines().map(decision).collect()
}

/// Runs lines of a source through the real program.
fn run(folder: &TempDir, city: Option<&Path>, source: &str, lines: &str) -> Vec<String> {
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(path("lines.jsonl"), lines).expect("a file");
    let mut command = paidan("run");
    command.arg(path("lines.jsonl")).args(["--source", source, "--quiet", "--out"]).arg(path("out.ndjson"));
    if let Some(city) = city {
        command.arg("--city").arg(city);
    }
    end(&mut command).with(0);
    decided(&path("out.ndjson"))
}

#[test]
fn reports_of_311_are_placed_classified_and_assigned() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
    let (zips, known, city) = (folder.path().join("zips"), folder.path().join("known"), folder.path().join("city"));
    std::fs::write(&zips, ZIPS).expect("a file");
    std::fs::write(&known, KNOWN).expect("a file");
    us311_city::write(&us311_city::Args { folder: city.clone(), zips, reports: vec![known] }).expect("a city");
    let line = |id: &str, rest: &str| {
        format!("{{\"source\":\"nyc311\",\"id\":\"{id}\",\"created\":\"2010-01-07T11:41:51\"{rest}}}\n")
    };
    let tree = r#","type":"Dead Tree","lat":40.75,"lon":-73.95,"zip":"10001","address":null"#;
    let cases = [
        // Known, placed, and given to the agency; the place is the polygon's, whatever the recorded zip.
        (line("a", tree), &["opened a 10001 10001", "assigned a 10001 10001 DPR new"][..]),
        (line("b", &tree.replace("73.95", "73.85")), &["opened b 10002 10001", "assigned b 10002 10001 DPR new"]),
        (
            line("c", r#","type":"Noise, \"loud\"","lat":40.71,"lon":-73.9,"zip":"10002""#),
            &["opened c 10002 10002", "assigned c 10002 10002 NYPD new"],
        ),
        // Once more, and once more from another.
        (line("a", tree), &["duplicate a "]),
        (line("d", tree), &["merged d 10001 10001"]),
        // Not placed, not known: a person looks at them.
        (line("e", r#","type":"Dead Tree","lat":null,"lon":null"#), &["opened e 10001", "review e no_place"]),
        (line("f", &tree.replace("-73.95", "-74.95")), &["opened f 10001", "review f outside_district"]),
        (line("g", &tree.replace("Dead Tree", "UFO")), &["opened g 10001", "review g no_class"]),
        (line("h", ""), &["opened h ", "review h no_place"]),
        (line("i", "").replace("\"i\"", "7.0"), &["opened 7.0 ", "review 7.0 no_place"]),
        // Turned away, as what the run says that they are.
        (line("", tree), &["rejected  empty id"]),
        (line("i", tree).replace("11:41", "11-41"), &["rejected  not_a_value ts"]),
        (line("j", tree).replace("\"id\"", "\"id\":1,\"id\""), &["rejected  repeated id"]),
    ];
    let lines: String = cases.iter().map(|(line, _)| line.as_str()).collect();
    let expected: Vec<&str> = cases.iter().flat_map(|(_, decided)| decided.iter().copied()).collect();
    assert_eq!(run(&folder, Some(&city), "nyc311", &lines), expected);
}

#[test]
fn messages_go_to_review_in_the_default_city() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
    let lines = r#"{"id": "360114", "user": "A0182491", "title": "标题", "text": "正文", "time": "2017-06-08T17:31:20", "likes": 0}
{"id": "d2", "title": null, "text": "正文", "label": "交通运输", "time": null}
{"id": "77169", "title": "", "text": "正文", "time": "2014-10-06T11:42:11"}
"#;
    assert_eq!(
        run(&folder, None, "messages", lines),
        [
            "opened 360114 ",
            "review 360114 no_place",
            "opened d2 ",
            "review d2 no_place",
            "opened 77169 ",
            "review 77169 no_place"
        ]
    );
}
