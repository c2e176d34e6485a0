//! Profiles: the same bytes for ever, the shares that they promise, and the command that writes them.

use loadtest::profile::{Flags, Kind, Profile, Truth};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::process::Command;

const LINES: u64 = 20_000;

/// The first lines of a stream, each with its newline, and their truth.
fn taken(name: &str, seed: u64, volume: u64, lines: u64) -> (Vec<Vec<u8>>, Vec<Truth>) {
    let profile = Profile::by_name(name).expect("a profile");
    let mut stream = profile.stream(seed, volume);
    let next = |_| {
        let mut line = Vec::new();
        let truth = stream.next(&mut line);
        line.push(b'\n');
        (line, truth)
    };
    (0..lines).map(next).unzip()
}

fn share(truths: &[Truth], is: impl Fn(&Truth) -> bool) -> f64 {
    truths.iter().filter(|truth| is(truth)).count() as f64 / truths.len() as f64
}

fn fnv1a(lines: &[Vec<u8>]) -> u64 {
    let bytes = lines.iter().flatten();
    bytes.fold(14_695_981_039_346_656_037, |hash, byte| (hash ^ *byte as u64).wrapping_mul(1_099_511_628_211))
}

#[test]
fn bytes_are_the_same_for_ever() {
    let check = |name: &str, expected: u64| {
        let (lines, truths) = taken(name, 1, 5_000, 5_000);
        assert_eq!(fnv1a(&lines), expected, "{name}: {:#018x}", fnv1a(&lines));
        assert_eq!((&lines, &truths), (&taken(name, 1, 5_000, 5_000).0, &taken(name, 1, 5_000, 5_000).1));
        assert_ne!(lines, taken(name, 2, 5_000, 5_000).0, "another seed gives other lines");
    };
    check("normal", 0x728b_283e_960c_9eb9);
    check("typhoon", 0x5c38_c4bc_c5fc_5ad4);
    check("outage", 0x7c18_785b_5d4b_3ed9);
    check("sensor-storm", 0xbfb6_b2d5_16b7_4d32);
    check("hot-cell", 0xddef_0456_c2ea_b5dd);
    check("year", 0x7f6a_0e32_dc60_6bbc);
}

#[test]
fn the_first_lines_do_not_depend_on_how_many_follow() {
    for name in Profile::NAMES {
        let (many, truths) = taken(name, 3, LINES, 6_000);
        let (few, few_truths) = taken(name, 3, LINES, 1_000);
        assert_eq!((&many[..1_000], &truths[..1_000]), (&few[..], &few_truths[..]), "{name}");
    }
}

#[test]
fn shares_are_those_that_are_promised() {
    for name in Profile::NAMES {
        // A year's lines lie so far apart in so few that hardly anything goes on: its first day instead.
        let volume = if name == "year" { 9_028_000 } else { LINES };
        let (lines, truths) = taken(name, 5, volume, LINES);
        let within = |what: &str, found: f64, low: f64, high: f64| {
            assert!((low..=high).contains(&found), "{name}: {what} {found}");
        };
        within("re-sends", share(&truths, |truth| matches!(truth.kind, Kind::Resend { .. })), 0.12, 0.15);
        within("bad", share(&truths, |truth| truth.kind.is_bad()), 0.005, 0.009);
        let further = if name == "outage" { 0.30..=0.37 } else { 0.18..=0.22 };
        let same = share(&truths, |truth| matches!(truth.kind, Kind::SameIncident { .. }));
        within("same incident", same, *further.start(), *further.end());
        within("urgency A", share(&truths, |truth| truth.urgency == loadtest::pudong::Urgency::A), 0.02, 0.5);
        within("late", share(&truths, |truth| truth.flags.has(Flags::LATE)), 0.003, 0.03);
        assert!(lines.iter().all(|line| line.iter().filter(|byte| **byte == b'\n').count() == 1), "{name}");
    }
}

#[test]
fn the_mix_of_an_ordinary_day_is_the_default() {
    let (lines, truths) = taken("normal", 5, LINES, LINES);
    let of =
        |names: &[&str]| share(&truths, |truth| names.contains(&&*loadtest::pudong::PUDONG.source(truth.source).name));
    let within = |what: &str, found: f64, expected: f64| assert!((found - expected).abs() < 0.015, "{what} {found}");
    within("sensors", of(&["sensor"]), 0.70);
    within("apps", of(&["app", "wechat", "weibo", "property", "parking", "chengguan", "grid"]), 0.20);
    within("hotlines", of(&["12345", "12319", "110"]), 0.10);
    within("wrong frames", share(&truths, |truth| truth.flags.has(Flags::WRONG_FRAME)), 0.004);
    within("skewed", share(&truths, |truth| truth.flags.has(Flags::SKEWED)), 0.035);
    let texts: Vec<String> =
        lines.iter().zip(&truths).filter(|(_, truth)| truth.kind == Kind::New).filter_map(text).collect();
    let distinct: std::collections::HashSet<&String> = texts.iter().collect();
    assert!(distinct.len() > 3_000 && distinct.len() * 100 > texts.len() * 98, "{} of {}", distinct.len(), texts.len());
}

/// The text of a line.
fn text((line, _): (&Vec<u8>, &Truth)) -> Option<String> {
    let value: Value = serde_json::from_slice(line).expect("a new report is JSON");
    Some(value.get("text")?.as_str()?.to_owned())
}

#[test]
fn what_is_sent_again_is_the_same_and_what_is_one_incident_lies_together() {
    let (lines, truths) = taken("typhoon", 7, LINES, LINES);
    let mut phrases: HashMap<u64, Vec<&[u8]>> = HashMap::new();
    for (line, truth) in lines.iter().zip(&truths) {
        match truth.kind {
            Kind::Resend { of } => {
                assert!(of < truth.number);
                assert_eq!(line, &lines[of as usize - 1]);
            }
            Kind::SameIncident { of } => {
                let first = &truths[of as usize - 1];
                assert_eq!((first.kind, first.class, first.cell), (Kind::New, truth.class, truth.cell));
                phrases.entry(of).or_default().push(line);
            }
            Kind::New | Kind::Malformed(_) | Kind::Invalid(_) => {}
        }
    }
    assert!(phrases.values().any(|told| told.len() > 3), "an incident is told by several");
}

#[test]
fn an_outage_is_three_thousand_calls_on_thirty_cells_in_ten_minutes() {
    let outage = Profile::by_name("outage").expect("a profile");
    assert_eq!(outage.lines(), 15_000);
    let (_, truths) = taken("outage", 1, outage.lines(), outage.lines());
    let minute = |truth: &Truth| truth.offset_ns / 60_000_000_000;
    let (mut during, mut cells) = (0, BTreeMap::<_, u32>::new());
    for truth in truths.iter().filter(|truth| (10..20).contains(&minute(truth))) {
        during += 1;
        if matches!(truth.kind, Kind::SameIncident { .. }) {
            *cells.entry(truth.cell).or_default() += 1;
        }
    }
    assert!((5_990..=6_010).contains(&during), "{during} lines, half of them calls");
    assert_eq!(cells.values().filter(|calls| **calls > 30).count(), 30);
}

#[test]
fn half_of_a_hot_cells_reports_are_its_own() {
    let (_, truths) = taken("hot-cell", 1, LINES, LINES);
    let mut cells = BTreeMap::<_, u64>::new();
    truths.iter().for_each(|truth| *cells.entry(truth.cell).or_default() += 1);
    let most = *cells.values().max().expect("a cell") as f64 / LINES as f64;
    assert!((0.48..0.54).contains(&most), "{most}");
}

#[test]
fn lines_follow_the_callers_clock_where_it_has_one() {
    const NOW_MS: u64 = 2_000_000_000_000;
    let profile = Profile::by_name("normal").expect("a profile");
    let mut stream = profile.stream(1, 1_000_000);
    let mut line = Vec::new();
    for index in 0..2_000 {
        line.clear();
        let truth = stream.next_at(NOW_MS + index, &mut line);
        if truth.kind == Kind::New && !truth.flags.has(Flags::LATE | Flags::STALE | Flags::SKEWED) {
            let value: Value = serde_json::from_slice(&line).expect("a new report is JSON");
            assert!(value["ts"].as_u64().expect("a time").abs_diff(NOW_MS + index) <= 5_000);
        }
    }
}

fn loadtest(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(args).output().expect("the binary starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn the_command_writes_the_lines_and_the_truth_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outage.ndjson");
    let out = path.to_str().unwrap();
    loadtest(&["gen", "3000", out, "--profile", "outage", "--of", "15000", "--seed", "9"]);
    let (lines, truths) = taken("outage", 9, 15_000, 3_000);
    assert_eq!(std::fs::read(&path).unwrap(), lines.concat());
    assert_eq!(loadtest(&["gen", "3000", "-", "--profile", "outage", "--of", "15000", "--seed", "9"]), lines.concat());
    let rows = std::fs::read_to_string(format!("{out}.truth.tsv")).unwrap();
    let mut rows = rows.lines();
    assert_eq!(rows.next(), Some(Truth::COLUMNS));
    for truth in &truths {
        let mut row = Vec::new();
        truth.write(&mut row).unwrap();
        assert_eq!(rows.next().map(str::as_bytes), Some(&row[..]));
    }
    assert_eq!(rows.next(), None);
    let beside: Value = serde_json::from_slice(&std::fs::read(format!("{out}.truth.json")).unwrap()).unwrap();
    let resent = truths.iter().filter(|truth| matches!(truth.kind, Kind::Resend { .. })).count();
    assert_eq!(beside["counts"]["kinds"]["resend"], resent);
    assert_eq!((&beside["counts"]["lines"], &beside["profile"]["name"]), (&3_000.into(), &"outage".into()));
}

#[test]
fn the_table_has_every_profile() {
    let told = String::from_utf8(loadtest(&["profiles", "--sample", "2000"])).unwrap();
    let head = told.lines().next().unwrap_or_default();
    assert!(Profile::NAMES.iter().all(|name| head.contains(name)), "{told}");
    let described: Value =
        serde_json::from_slice(&loadtest(&["profiles", "year", "--sample", "2000", "--json"])).unwrap();
    assert_eq!((described.as_array().map(Vec::len), &described[0]["lines"]), (Some(1), &9_028_000.into()));
    let sum: f64 = described[0]["urgencies"].as_object().unwrap().values().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
}
