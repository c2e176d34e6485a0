//! The bench job on the real program: however a file is read, the answer is that of the plain oracle.

#[path = "common/built.rs"]
mod built;
mod common;
#[path = "common/oracle.rs"]
mod oracle;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::program::Ended;
use common::{Bench, end, paidan, read};
use oracle::{Answer, answer};
use serde_json::{Value, json};

const LINES: u64 = 60_000;
/// The event time of the first lines of a bench file.
const START_MS: u64 = 1_767_225_610_000;
/// No report can have come from there.
const ABSURD_MS: u64 = 9_000_000_000_000_000;
const HOUR_MS: u64 = 3_600_000;

/// What a run came to.
struct Decided {
    answer: Answer,
    digest: String,
}

/// Reads the summary that a program left.
fn summary(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("a summary is JSON")
}

/// The lines of a file of decisions.
fn decisions(path: &Path) -> Vec<Value> {
    let file = BufReader::new(File::open(path).expect("decisions"));
    file.lines().map(|line| serde_json::from_str(&line.expect("a line")).expect("a decision is JSON")).collect()
}

fn count(summary: &Value, heading: &str) -> u64 {
    summary[heading].as_u64().unwrap_or_else(|| panic!("no {heading} in {summary}"))
}

fn loads(decisions: &[Value]) -> BTreeMap<u32, u64> {
    let mut loads = BTreeMap::new();
    for decision in decisions {
        assert_eq!(decision["effect"], "assigned");
        let unit = decision["unit"].as_str().and_then(|unit| unit.parse().ok());
        *loads.entry(unit.expect("a unit of the bench city is a number")).or_default() += 1;
    }
    loads
}

/// Adds to a command what every run of the job has, and where it leaves what [`decided`] reads.
fn job<'a>(bench: &Bench, command: &'a mut Command, files: &[impl AsRef<Path>]) -> &'a mut Command {
    command.args(files.iter().map(AsRef::as_ref)).arg("--city").arg(&bench.city).arg("--quiet");
    command.arg("--out").arg(bench.path("out")).arg("--emit").arg("assigned");
    command.arg("--summary").arg(bench.path("summary.json"))
}

fn decided(bench: &Bench) -> Decided {
    let summary = summary(&bench.path("summary.json"));
    assert_eq!((&summary["closes"], &summary["complete"]), (&json!(true), &json!(true)));
    let total = |heading: &str| count(&summary, heading);
    assert_eq!((total("expired"), total("forgotten"), total("conflicts")), (0, 0, 0));
    let answer = Answer {
        rejected: total("rejected"),
        duplicate: total("duplicate"),
        unique: total("unique"),
        merged: total("merged"),
        opened: total("opened"),
        loads: loads(&decisions(&bench.path("out"))),
    };
    Decided { answer, digest: summary["digest"].as_str().expect("a digest").to_owned() }
}

/// Does the job on files, with further arguments.
fn decide(bench: &Bench, files: &[impl AsRef<Path>], arguments: &[&str]) -> Decided {
    end(job(bench, &mut paidan("run"), files).args(arguments)).with(0);
    decided(bench)
}

/// Does the job on what comes through a pipe, in writes that respect neither lines nor chunks.
fn decide_piped(bench: &Bench, lines: &[u8]) -> Decided {
    let mut child = job(bench, &mut paidan("run"), &["-"]).stdin(Stdio::piped()).spawn().expect("paidan starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let (mut rest, mut sizes) = (lines, [1, 7, 333, 65_537, 4_095, 100_003, 262_145].into_iter().cycle());
    while !rest.is_empty() {
        let (now, later) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
        pipe.write_all(now).expect("paidan reads on");
        rest = later;
    }
    drop(pipe);
    assert!(child.wait().expect("paidan ends").success());
    decided(bench)
}

/// The lines of a file, each with its newline.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Writes lines into as many files as there are lists of them.
fn write_files(bench: &Bench, name: &str, files: &[Vec<&[u8]>]) -> Vec<PathBuf> {
    let write = |(index, lines): (usize, &Vec<&[u8]>)| {
        let path = bench.path(&format!("{name}-{index}.ndjson"));
        std::fs::write(&path, lines.concat()).expect("an input");
        path
    };
    files.iter().enumerate().map(write).collect()
}

/// The file cut into three consecutive parts of unequal length.
fn cut(bench: &Bench, bytes: &[u8]) -> Vec<PathBuf> {
    let lines = lines(bytes);
    let (first, rest) = lines.split_at(lines.len() / 5);
    let (second, third) = rest.split_at(rest.len() / 3);
    write_files(bench, "part", &[first.to_vec(), second.to_vec(), third.to_vec()])
}

/// The file dealt line by line to three.
fn deal(bench: &Bench, bytes: &[u8]) -> Vec<PathBuf> {
    let lines = lines(bytes);
    let hand = |first| lines.iter().copied().skip(first).step_by(3).collect();
    write_files(bench, "hand", &[hand(0), hand(1), hand(2)])
}

/// A report that breaks no rule.
fn report(id: &str, ts: u64) -> String {
    json!({"source": "app", "id": id, "ts": ts, "lng": 121.600001, "lat": 31.100001, "category": "gas.leak"})
        .to_string()
        + "\n"
}

/// The file with another line at a place.
fn planted(bytes: &[u8], before: usize, line: &str) -> Vec<u8> {
    let mut lines = lines(bytes);
    lines.insert(before, line.as_bytes());
    lines.concat()
}

/// Moves all event times of a bench file by the same: they stand as 13 digits behind the only key of their name.
fn moved_in_time(bytes: &mut [u8], by_ms: u64) {
    const KEY: &[u8] = b"\"ts\":";
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&bytes[from..], KEY) {
        from += at + KEY.len();
        // A truncated line may end within its time.
        let Some(digits) = bytes.get_mut(from..from + 13) else { continue };
        if let Some(ts) = std::str::from_utf8(digits).ok().and_then(|ts| ts.parse::<u64>().ok()) {
            digits.copy_from_slice((ts + by_ms).to_string().as_bytes());
        }
    }
}

/// Every way of reading the same lines, against the oracle.
fn check_every_way(bench: &Bench) {
    let bytes = read(&bench.file);
    let expected = answer(&bytes);
    let file = [&bench.file];
    let plain = decide(bench, &file, &[]);
    let check = |what: &str, found: Decided, same_order: bool| {
        assert_eq!(found.answer, expected, "{what}");
        assert!(!same_order || found.digest == plain.digest, "{what}: digest {} for {}", found.digest, plain.digest);
    };
    for threads in ["1", "2", "4"] {
        for chunk in ["4", "64", "256"] {
            let found = decide(bench, &file, &["--threads", threads, "--chunk-kib", chunk]);
            check(&format!("{threads} threads, {chunk} KiB"), found, true);
        }
    }
    check("through a pipe", decide_piped(bench, &bytes), true);
    let data = bench.path("data");
    check("with a journal", decide(bench, &file, &["--data", data.to_str().expect("UTF-8")]), true);
    for (what, files) in [("parts", cut(bench, &bytes)), ("hands", deal(bench, &bytes))] {
        let one = decide(bench, &files, &["--threads", "1", "--chunk-kib", "4"]);
        let many = decide(bench, &files, &["--threads", "4"]);
        assert_eq!(one.digest, many.digest, "{what}: the order of several files is the data's");
        check(what, one, false);
        check(what, many, false);
    }
    assert_eq!(plain.answer, expected, "with no options");
}

#[test]
fn every_way_of_reading_gives_the_oracles_answer() {
    check_every_way(&Bench::new(LINES, 1));
}

#[test]
fn every_way_of_reading_gives_the_oracles_answer_where_a_bucket_ends() {
    let bench = Bench::new(LINES, 7);
    let mut bytes = read(&bench.file);
    // The file takes 43 s and begins with a bucket of ten minutes: now that bucket ends in its middle.
    moved_in_time(&mut bytes, 570_000);
    std::fs::write(&bench.file, &bytes).expect("the moved file");
    check_every_way(&bench);
}

#[test]
fn a_release_build_decides_as_a_debug_build_does() {
    let bench = Bench::new(LINES, 7);
    let release = built::paidan(built::target(), "release", &["--release"]);
    let here = decide(&bench, &[&bench.file], &[]);
    let mut command = Command::new(release);
    end(job(&bench, command.arg("run"), &[&bench.file])).with(0);
    let there = decided(&bench);
    assert_eq!((here.answer, here.digest), (there.answer, there.digest));
}

#[test]
fn one_wrong_time_changes_nothing_but_its_own_case() {
    let bench = Bench::new(LINES, 1);
    let bytes = read(&bench.file);
    let plain = answer(&bytes);
    for ts in [ABSURD_MS, START_MS + HOUR_MS] {
        let line = report("planted", ts);
        for before in [0, LINES as usize / 2, LINES as usize] {
            let with = planted(&bytes, before, &line);
            let expected = answer(&with);
            let more = (expected.unique - plain.unique, expected.opened - plain.opened);
            assert_eq!((more, expected.merged, expected.duplicate), ((1, 1), plain.merged, plain.duplicate));
            let what = format!("ts {ts} before line {before}");
            let alone = write_files(&bench, "alone", &[vec![&with[..]]]);
            let one = decide(&bench, &alone, &["--threads", "1", "--chunk-kib", "4"]);
            let many = decide(&bench, &alone, &["--threads", "4"]);
            assert_eq!(one.digest, many.digest, "{what}");
            assert_eq!(one.answer, expected, "{what}");
            assert_eq!(many.answer, expected, "{what}");
            assert_eq!(decide(&bench, &cut(&bench, &with), &[]).answer, expected, "{what}, in parts");
            assert_eq!(decide(&bench, &deal(&bench, &with), &[]).answer, expected, "{what}, dealt");
        }
    }
}

/// Lines that are not accepted, each with the field and the reason that are told.
fn bad_lines() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut line: Value = serde_json::from_str(&report("bad", START_MS)).expect("a report is JSON");
        match value {
            Value::Null => drop(line.as_object_mut().expect("an object").remove(field)),
            value => line[field] = value,
        }
        line.to_string().into_bytes()
    };
    let nested = format!("{{\"x\":{}{}}}", "[".repeat(70), "]".repeat(70)).into_bytes();
    vec![
        (b"no JSON at all".to_vec(), "line", "not_json"),
        (b"".to_vec(), "line", "not_json"),
        (b"{\"source\":\"app\",\"id\":\"cut o".to_vec(), "line", "not_json"),
        (b"[1, 2]".to_vec(), "line", "not_an_object"),
        (b"{\"source\":\"app\",\"text\":\"\xff\"}".to_vec(), "line", "not_utf8"),
        (nested, "line", "too_deep"),
        (with("text", json!("x".repeat(1 << 20))), "line", "too_long"),
        (b"{\"id\":\"a\",\"id\":\"b\"}".to_vec(), "id", "repeated"),
        (with("source", Value::Null), "source", "missing"),
        (with("source", json!("pigeon")), "source", "unknown"),
        (with("id", Value::Null), "id", "missing"),
        (with("id", json!("")), "id", "empty"),
        (with("id", json!(7)), "id", "wrong_type"),
        (with("id", json!("x".repeat(65))), "id", "field_too_long"),
        (with("ts", Value::Null), "ts", "missing"),
        (with("ts", json!(0)), "ts", "out_of_range"),
        (with("ts", json!("yesterday")), "ts", "not_a_value"),
        (with("lng", json!(121.95)), "lng", "outside_district"),
        (with("lng", json!(121.449999)), "lng", "outside_district"),
        (with("lat", json!(31.4)), "lat", "outside_district"),
        (with("lat", json!(30.899999)), "lat", "outside_district"),
        (with("lat", json!(91)), "lat", "out_of_range"),
        (with("category", json!("unknown.thing")), "category", "unknown"),
        (with("category", Value::Null), "category", "missing"),
    ]
}

/// Where each line of an input begins, and the line without its newline.
fn places(bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut at = 0;
    let place = |line: &'_ [u8]| {
        at += line.len() as u64;
        at - line.len() as u64
    };
    let starts: Vec<u64> = lines(bytes).into_iter().map(place).collect();
    starts.into_iter().zip(bytes.split(|byte| *byte == b'\n')).collect()
}

/// Checks that each dead letter names a line that is there; gives the field and the reason of each place.
fn check_dead_letters(letters: &[Value], inputs: &[Vec<u8>]) -> BTreeMap<(usize, u64), (String, String)> {
    let inputs: Vec<_> = inputs.iter().map(|bytes| places(bytes)).collect();
    let mut told = BTreeMap::new();
    for letter in letters {
        let why = &letter["dead_letter"];
        let number = |key: &str| count(why, key);
        let (input, line) = (number("input") as usize, number("line"));
        let (offset, bytes) = inputs[input][line as usize - 1];
        assert_eq!(number("offset"), offset, "{letter}");
        assert!((offset..=offset + bytes.len() as u64).contains(&number("byte")), "{letter}");
        match (letter["raw"].as_str(), std::str::from_utf8(bytes)) {
            (None, text) => {
                let report = text.ok().and_then(|text| serde_json::from_str(text).ok());
                assert_eq!(report.as_ref(), Some(&letter["report"]), "{letter}");
            }
            (Some(raw), Ok(text)) => assert!(text.starts_with(raw) && letter.get("raw_hex").is_none(), "{letter}"),
            (Some(raw), Err(_)) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!((&letter["raw_hex"], raw), (&hex.into(), &*String::from_utf8_lossy(bytes)), "{letter}");
            }
        }
        let why = |key: &str| why[key].as_str().expect("a word").to_owned();
        assert!(told.insert((input, line), (why("field"), why("reason"))).is_none(), "told twice: {letter}");
    }
    told
}

#[test]
fn dead_letters_name_line_place_field_and_reason() {
    let bench = Bench::new(3_000, 7);
    let bytes = read(&bench.file);
    let (bad, before) = (bad_lines(), answer(&bytes).rejected);
    let (mut good, mut all, mut whys) = (lines(&bytes).into_iter(), Vec::new(), Vec::new());
    for (line, field, reason) in &bad {
        all.extend(good.by_ref().take(100).map(<[u8]>::to_vec));
        all.push([line, &b"\n"[..]].concat());
        whys.push((all.len() as u64, (field.to_string(), reason.to_string())));
    }
    all.extend(good.map(<[u8]>::to_vec));
    let half = all.len() / 2;
    let (dead, arguments) = (bench.path("dead"), ["--dead-letter", "", "--chunk-kib", "4"]);
    for inputs in [vec![all.concat()], vec![all[..half].concat(), all[half..].concat()]] {
        let files: Vec<Vec<&[u8]>> = inputs.iter().map(|input| vec![&input[..]]).collect();
        let files = write_files(&bench, "bad", &files);
        let arguments = arguments.map(|word| if word.is_empty() { dead.to_str().expect("UTF-8") } else { word });
        let found = decide(&bench, &files, &arguments);
        assert_eq!(found.answer.rejected, before + bad.len() as u64);
        let letters = decisions(&dead);
        assert_eq!(letters.len() as u64, found.answer.rejected);
        let told = check_dead_letters(&letters, &inputs);
        for (line, why) in &whys {
            let place = if files.len() == 1 || *line <= half as u64 { (0, *line) } else { (1, line - half as u64) };
            assert_eq!(told.get(&place), Some(why), "line {line}");
        }
    }
}

#[test]
fn all_effects_stand_in_order_and_add_up_to_the_summary() {
    let bench = Bench::new(LINES, 1);
    let mut command = paidan("run");
    command.arg(&bench.file).arg("--city").arg(&bench.city).arg("--quiet").arg("--emit").arg("all");
    command.arg("--out").arg(bench.path("out")).arg("--summary").arg(bench.path("summary.json"));
    end(command.args(["--threads", "4", "--chunk-kib", "16"])).with(0);
    let summary = summary(&bench.path("summary.json"));
    let (mut counts, mut last) = (BTreeMap::<String, u64>::new(), 0);
    let mut of_seq: Vec<String> = Vec::new();
    let check_one = |seq: u64, effects: &[String]| {
        let effects: Vec<&str> = effects.iter().map(String::as_str).collect();
        let known = [&["rejected"][..], &["duplicate"], &["merged"], &["opened", "assigned"]];
        assert!(known.contains(&&effects[..]), "record {seq}: {effects:?}");
    };
    for decision in decisions(&bench.path("out")) {
        let (seq, effect) = (count(&decision, "seq"), decision["effect"].as_str().expect("a word").to_owned());
        if seq != last {
            assert_eq!(seq, last + 1, "no record is passed over, none comes back");
            if last > 0 {
                check_one(last, &of_seq);
            }
            of_seq.clear();
            last = seq;
        }
        *counts.entry(effect.clone()).or_default() += 1;
        of_seq.push(effect);
    }
    check_one(last, &of_seq);
    assert_eq!((last, count(&summary, "offered")), (LINES, LINES));
    assert_eq!(count(&summary, "last_seq"), last);
    for (effect, lines) in &counts {
        assert_eq!(count(&summary, effect), *lines, "{effect}");
    }
    let headings = ["rejected", "duplicate", "merged", "opened"].map(|heading| counts[heading]);
    assert_eq!(headings.iter().sum::<u64>(), LINES, "the ledger closes");
}

#[test]
fn sparse_data_moves_log_time_on() {
    let bench = Bench::new(1, 1);
    let times: Vec<u64> = (0..50).map(|hour| START_MS + hour * HOUR_MS).collect();
    let text: String = times.iter().map(|ts| report(&format!("at-{ts}"), *ts)).collect();
    std::fs::write(&bench.file, &text).expect("an input");
    let found = decide(&bench, &[&bench.file], &[]);
    assert_eq!(found.answer, answer(text.as_bytes()));
    let at: Vec<u64> = decisions(&bench.path("out")).iter().map(|decision| count(decision, "at")).collect();
    assert_eq!(at.len(), times.len(), "all are decided");
    // Nothing follows the last report that could bear witness to its jump.
    let bound = times.len() - 1;
    assert_eq!(at[..bound], times[..bound]);
    assert_eq!(at[bound], times[bound - 1]);
}

/// Peak memory in MiB of a run on so many lines that come through a pipe, in a city with small bounds.
fn peak_mib(bench: &Bench, release: &Path, lines: u64) -> f64 {
    let (pipe, summary_file) = (bench.path(&format!("pipe-{lines}")), bench.path("summary.json"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut command = Command::new(release);
    command.args(["run", "-", "--quiet", "--threads", "2", "--out", "/dev/null", "--city"]).arg(&bench.city);
    command.arg("--summary").arg(&summary_file);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| loadtest::r#gen::run(lines, &pipe, 1));
        let reader = File::open(&pipe).expect("a pipe that is written");
        assert!(command.stdin(reader).status().expect("paidan starts").success());
        writer.join().expect("the generator ends").expect("paidan reads to the end");
    });
    let summary = summary(&summary_file);
    assert_eq!((count(&summary, "offered"), &summary["closes"]), (lines, &json!(true)));
    assert!(count(&summary, "forgotten") > 0, "the bounds of this city are smaller than the data");
    summary["peak_rss_mib"].as_f64().expect("a number")
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_pipe() {
    let bench = Bench::new(1, 1);
    let settings = bench.city.join("city.toml");
    let text = String::from_utf8(read(&settings)).expect("settings are text");
    let bound = |line: &str| match line.split_once(" = ") {
        Some(("ids_max", _)) => "ids_max = 100000\n".to_owned(),
        Some(("cases_max", _)) => "cases_max = 50000\n".to_owned(),
        _ => line.to_owned() + "\n",
    };
    std::fs::write(&settings, text.lines().map(bound).collect::<String>()).expect("settings");
    let release = built::paidan(built::target(), "release", &["--release"]);
    let (short, long) = (peak_mib(&bench, &release, 300_000), peak_mib(&bench, &release, 1_500_000));
    assert!((long - short).abs() <= short / 4.0 + 40.0, "{short} MiB for 300,000 lines, {long} MiB for 1,500,000");
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_was() {
    let bench = Bench::new(100, 1);
    let check = |arguments: &[&str], code: i32, says: &str| {
        let mut command = paidan("run");
        let Ended { stderr, .. } = end(command.args(arguments)).with(code);
        assert!(stderr.contains(says), "{arguments:?} should say {says}:\n{stderr}");
    };
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let (file, city, missing) = (path(&bench.file), path(&bench.city), path(&bench.path("no-such-file")));
    check(&[], 2, "FILES");
    check(&[&file, "--no-such-option"], 2, "--no-such-option");
    check(&[&file, "--threads", "0"], 2, "--threads");
    check(&[&file, "--city", &city, "--source", "pigeon"], 2, "pigeon");
    check(&[&file, "-", "-", "--city", &city], 2, "standard input");
    check(&[&missing, "--city", &city], 1, &missing);
    check(&[&city, "--city", &city], 2, "is a folder");
    let broken = bench.path("broken");
    loadtest::bench_city::write(&broken).expect("a city");
    let table = broken.join("classes.csv");
    let text = String::from_utf8(read(&table)).expect("a table is text");
    let wrong = text.replacen("road.leak,", ",", 1);
    std::fs::write(&table, &wrong).expect("a table");
    check(&[&file, "--city", &path(&broken)], 2, "classes.csv:3");
    std::fs::write(&table, text).expect("a table");
    let settings = broken.join("city.toml");
    let text = String::from_utf8(read(&settings)).expect("settings are text");
    std::fs::write(&settings, text.replacen("west = ", "west == ", 1)).expect("settings");
    let line = 1 + text.lines().position(|line| line.starts_with("west")).expect("a west edge");
    check(&[&file, "--city", &path(&broken)], 2, &format!("city.toml:{line}"));
    check(&[&file, "--city", &missing], 2, &missing);
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

#[test]
fn an_interrupted_run_closes_its_ledger_and_goes_on_later() {
    let bench = Bench::new(LINES, 1);
    let pipe = bench.path("out-pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut command = paidan("run");
    command.arg(&bench.file).arg("--city").arg(&bench.city).arg("--data").arg(bench.path("data")).arg("--quiet");
    command.arg("--out").arg(&pipe).arg("--summary").arg(bench.path("summary.json")).args(["--chunk-kib", "16"]);
    // The decisions go into a pipe that nobody empties before the signal is sent, so the run cannot be over by then.
    let child = command.spawn().expect("paidan starts");
    let mut out = File::open(&pipe).expect("paidan opens its end");
    out.read_exact(&mut [0]).expect("a first decision");
    interrupt(&child);
    std::io::copy(&mut out, &mut std::io::sink()).expect("the rest of the decisions");
    let mut child = child;
    assert_eq!(child.wait().expect("paidan ends").code(), Some(130));
    let first = summary(&bench.path("summary.json"));
    assert_eq!((&first["closes"], &first["complete"]), (&json!(true), &json!(false)));
    assert!((1..LINES).contains(&count(&first, "offered")), "{first}");

    let again = std::thread::scope(|scope| {
        let drain = scope.spawn(|| std::io::copy(&mut File::open(&pipe)?, &mut std::io::sink()));
        let again = end(&mut command).with(0);
        drain.join().expect("the reader ends").expect("the pipe is read");
        again
    });
    let second = summary(&bench.path("summary.json"));
    assert_eq!((&second["resumed"], &second["complete"]), (&json!(true), &json!(true)), "{again:?}");
    assert_eq!(second["digest"], decide(&bench, &[&bench.file], &[]).digest);
}

#[test]
fn an_interrupted_pipe_is_decided_as_far_as_it_was_read() {
    const SENT: u64 = 1_000;
    let bench = Bench::new(SENT, 1);
    let mut command = paidan("run");
    command.arg("-").arg("--city").arg(&bench.city).arg("--summary").arg(bench.path("summary.json"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.arg("--quiet").spawn().expect("paidan starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&read(&bench.file)).expect("paidan reads");
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    let (found, last) = mpsc::sync_channel(1);
    let is_last = |line: &String| line.starts_with(&format!("{{\"seq\":{SENT},"));
    let reader = thread::spawn(move || {
        let mut lines = out.lines().map_while(Result::ok);
        found.send(lines.any(|line| is_last(&line)))
    });
    // Nothing more is sent, so a line that is held back now would be held back for good.
    let told = last.recv_timeout(Duration::from_secs(30));
    if told.is_err() {
        child.kill().expect("paidan is a child");
    }
    assert_eq!(told, Ok(true), "all lines are decided while the pipe is open");
    reader.join().expect("the reader ends").expect("the test listens");
    interrupt(&child);
    assert_eq!(child.wait().expect("paidan ends").code(), Some(130));
    drop(pipe);
    let summary = summary(&bench.path("summary.json"));
    assert_eq!((count(&summary, "offered"), &summary["closes"]), (SENT, &json!(true)));
}
