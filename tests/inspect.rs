//! `paidan inspect` on a short day: what each kind of line says, what filters let pass, pipes that close, and damage.

#[path = "common/small.rs"]
mod small;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::LazyLock;

use serde_json::Value;
use small::{START, Small, day, said};

static SMALL: LazyLock<Small> = LazyLock::new(Small::new);

#[track_caller]
fn lines(arguments: &[&str]) -> Vec<Value> {
    let (out, _) = said("inspect", &SMALL.data, arguments, 0);
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[track_caller]
fn seqs(arguments: &[&str]) -> Vec<u64> {
    lines(arguments).iter().map(|line| line["seq"].as_u64().expect("a number")).collect()
}

#[test]
fn effects_are_the_lines_of_a_replay() {
    assert_eq!(lines(&["--what", "effects"]), SMALL.decisions);
    type Keep<'a> = &'a dyn Fn(&Value) -> bool;
    let only = |keep: Keep<'_>| -> Vec<Value> { SMALL.decisions.iter().filter(|line| keep(line)).cloned().collect() };
    let cases: [(&[&str], Keep<'_>); 8] = [
        (&["--case", "1"], &|line| line["case"] == 1),
        (&["--effect", "assigned"], &|line| line["effect"] == "assigned"),
        (&["--unit", "w1"], &|line| line["unit"] == "w1"),
        (&["--class", "lamp"], &|line| line["class"] == "lamp"),
        (&["--area", "a1"], &|line| line["area"] == "a1"),
        (&["--cell", "5"], &|line| line["cell"] == "5"),
        (&["--source", "12345"], &|line| line["source"] == "12345"),
        (&["--from", "8", "--to", "9"], &|line| (8..=9).contains(&line["seq"].as_u64().unwrap_or(0))),
    ];
    for (filter, keep) in cases {
        let expect = only(keep);
        assert!(!expect.is_empty(), "{filter:?}");
        assert_eq!(lines(&[&["--what", "effects"], filter].concat()), expect, "{filter:?}");
    }
}

#[test]
fn records_say_what_came_in_and_bodies_only_when_asked() {
    let all = lines(&[]);
    assert_eq!(all.len(), day().len());
    assert!(all.iter().all(|line| line.get("body").is_none()));
    let first = &all[0];
    assert_eq!((&first["seq"], &first["kind"], &first["id"]), (&1.into(), &"report".into(), &"r1".into()));
    assert_eq!((&first["class"], &first["area"], &first["cell"]), (&"leak".into(), &"a0".into(), &"0".into()));
    assert_eq!((&first["lng"], &first["lat"]), (&121.001.into(), &31.001.into()));
    assert_eq!((&first["time"], &first["tracking"]), (&START.into(), &"SL000000000195".into()));
    assert_eq!(first["body_bytes"], day()[0].len());
    assert_eq!((&all[7]["action"], &all[7]["order"]), (&"return".into(), &"1-1".into()));
    assert_eq!(
        (&all[9]["kind"], &all[9]["reason"], &all[9]["line"]),
        (&"tally".into(), &"not_json".into(), &10.into())
    );
    let bodies: Vec<_> =
        lines(&["--bodies"]).iter().map(|line| line["body"].as_str().expect("text").to_owned()).collect();
    assert_eq!(bodies, day());
}

#[test]
fn filters_of_records_are_joined() {
    let late = (START + 3_000_000).to_string();
    let cases: [(&[&str], &[u64]); 11] = [
        (&["--from", "17"], &[17, 18, 19]),
        (&["--to", "2"], &[1, 2]),
        (&["--kind", "action"], &[8, 12, 13, 14, 19]),
        (&["--kind", "tally"], &[10]),
        (&["--source", "12345"], &[7, 16]),
        (&["--class", "lamp"], &[15]),
        (&["--area", "a1", "--class", "leak"], &[7, 16, 17]),
        (&["--kind", "report", "--limit", "2"], &[1, 2]),
        (&["--since", &late], &[16, 17, 18, 19]),
        (&["--since", "2026-01-01T00:50:00Z", "--until", "2026-01-01T08:50:00+08:00"], &[16, 17, 18]),
        (&["--from", "99"], &[]),
    ];
    for (filter, expect) in cases {
        assert_eq!(seqs(filter), expect, "{filter:?}");
    }
}

#[test]
fn segments_and_frames_add_up() {
    let segments = lines(&["--what", "segments"]);
    assert_eq!(segments.len(), 1);
    assert_eq!((&segments[0]["segment"], &segments[0]["first_seq"]), (&1.into(), &1.into()));
    assert!(
        segments[0]["bytes"].as_u64() > Some(4096) && segments[0]["file"].as_str().expect("a name").ends_with(".seg")
    );
    let frames = lines(&["--what", "frames"]);
    let kinds: Vec<_> = frames.iter().map(|frame| frame["kind"].as_str().expect("a word")).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"manifest"), Some(&"end")));
    let sum = |key: &str| frames.iter().map(|frame| frame[key].as_u64().expect("a number")).sum::<u64>();
    assert_eq!(sum("records") + sum("tallies"), day().len() as u64);
    let (digest, _) = said("inspect", &SMALL.data, &["--what", "frames"], 0);
    let last = frames.last().expect("an end");
    assert_eq!(last["note"]["digest"], last["digest"], "{digest}");
}

#[test]
fn what_cannot_be_is_refused_with_its_mend() {
    let cases: [(&[&str], &str); 8] = [
        (&["--source", "x"], "no such source"),
        (&["--class", "x"], "no such class"),
        (&["--unit", "x"], "no such unit"),
        (&["--cell", "99"], "no such cell"),
        (&["--since", "yesterday"], "write a time as"),
        (&["--case", "1"], "those are for --what effects"),
        (&["--what", "segments", "--bodies"], "--from, --to, --limit"),
        (&["--what", "effects", "--bodies"], "--what records"),
    ];
    for (arguments, expect) in cases {
        let (out, stderr) = said("inspect", &SMALL.data, arguments, 2);
        assert!(out.is_empty() && stderr.contains(expect), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_reader_who_has_read_enough_is_no_failure() {
    // More than a pipe holds, so that the program must notice that nobody reads on.
    let path = |name: &str| SMALL.path(name);
    loadtest::r#gen::run(20_000, &path("many.ndjson"), 1).expect("a bench file");
    loadtest::bench_city::write(&path("bench")).expect("the bench city");
    small::run(&path("many.ndjson"), &path("bench"), &path("many"), &path("many.out"));
    let mut command = small::paidan("inspect");
    command.arg(path("many")).args(["--what", "effects"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(first.starts_with("{\"seq\":1,"), "{first}");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{:?}", output.stderr);
}

#[test]
fn damage_is_told_behind_what_can_be_read() {
    let small = Small::new();
    let frames = {
        let (out, _) = said("inspect", &small.data, &["--what", "frames"], 0);
        out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect::<Vec<_>>()
    };
    let (records, end) = (&frames[1], frames.last().expect("an end"));
    assert!(end["durable"].as_u64() > Some(0), "the end says that the records were on the disk");
    let segment = small.data.join("journal/00000000000000000001.seg");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    bytes[records["offset"].as_u64().expect("an offset") as usize + 200] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    let (out, stderr) = said("inspect", &small.data, &["--what", "frames"], 3);
    assert_eq!(out.lines().count(), 1, "the manifest is whole: {out}");
    assert!(
        stderr.contains("日志损坏 the journal cannot be trusted") && stderr.contains("00000000000000000001.seg"),
        "{stderr}"
    );
    said("explain", &small.data, &["1"], 3);
}
