//! Several runs in one data folder, on the real program: each goes on where the log ended, and nothing is decided twice.

mod common;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::program::Ended;
use common::{Bench, end, paidan, read};
use serde_json::Value;

const LINES: u64 = 20_000;

/// A folder with a bench file that is fed in parts.
struct Folder {
    bench: Bench,
    whole: Vec<u8>,
}

/// What a run left.
struct Left {
    out: Vec<u8>,
    summary: Value,
}

impl Folder {
    fn new(seed: u64) -> Self {
        let bench = Bench::new(LINES, seed);
        let whole = read(&bench.file);
        Self { bench, whole }
    }

    /// The file's lines from one number to another, as a file of their own.
    fn part(&self, name: &str, lines: std::ops::Range<u64>) -> PathBuf {
        let path = self.bench.path(name);
        let all = self.whole.split_inclusive(|byte| *byte == b'\n');
        let part: Vec<u8> =
            all.skip(lines.start as usize).take((lines.end - lines.start) as usize).flatten().copied().collect();
        std::fs::write(&path, part).expect("a part");
        path
    }

    fn command(&self, files: &[&Path], data: &str, out: &str) -> Command {
        let mut command = paidan("run");
        command.args(files).arg("--city").arg(&self.bench.city).arg("--data").arg(self.bench.path(data));
        command.arg("--out").arg(self.bench.path(out)).arg("--summary").arg(self.bench.path("summary"));
        command.args(["--chunk-kib", "64", "--quiet"]);
        command
    }

    fn run(&self, files: &[&Path], data: &str, out: &str) -> Left {
        end(&mut self.command(files, data, out)).with(0);
        let summary = serde_json::from_slice(&read(&self.bench.path("summary"))).expect("a summary is JSON");
        Left { out: read(&self.bench.path(out)), summary }
    }

    fn refused(&self, files: &[&Path], data: &str) -> Ended {
        end(&mut self.command(files, data, "refused")).with(2)
    }
}

fn offered(left: &Left) -> &Value {
    &left.summary["offered"]
}

/// Decisions without what only says where in its input a rejected line stood.
fn without_places(out: &[u8]) -> Vec<Value> {
    let lines = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let decision = |line| {
        let mut decision: Value = serde_json::from_slice(line).expect("a decision is JSON");
        let members = decision.as_object_mut().expect("a decision is an object");
        ["input", "line", "offset"].iter().for_each(|place| drop(members.remove(*place)));
        decision
    };
    lines.map(decision).collect()
}

#[test]
fn files_one_after_the_other_are_decided_as_if_they_were_one() {
    let folder = Folder::new(3);
    let whole = folder.run(&[&folder.bench.file], "whole-data", "whole");
    let (first, second) = (folder.part("first", 0..9_000), folder.part("second", 9_000..LINES));
    let one = folder.run(&[&first], "data", "one");
    let two = folder.run(&[&second], "data", "two");
    assert_eq!(two.summary["digest"], whole.summary["digest"]);
    assert_eq!(
        (offered(&one), offered(&two)),
        (&Value::from(9_000), &Value::from(LINES - 9_000)),
        "each its own ledger"
    );
    assert!(
        without_places(&[&one.out[..], &two.out].concat()) == without_places(&whole.out),
        "each prints its own decisions"
    );

    // Each of them is complete: the same command prints the same again, and decides nothing.
    for (files, left) in [(&first, &one), (&second, &two)] {
        let again = folder.run(&[files], "data", "again");
        assert!(again.out == left.out, "the same command prints the same again");
        assert_eq!(again.summary["digest"], whole.summary["digest"]);
    }
    let audit = paidan("verify").arg(folder.bench.path("data")).output().expect("paidan starts");
    let said = String::from_utf8_lossy(&audit.stdout);
    assert!(audit.status.success() && said.contains("all 2 runs were complete"), "{said}");
    let replayed = folder.bench.path("replayed");
    end(paidan("replay").arg(folder.bench.path("data")).arg("--out").arg(&replayed)).with(0);
    assert!(read(&replayed) == [one.out, two.out].concat(), "a replay prints all runs");
}

#[test]
fn a_file_that_grew_is_read_on_behind_what_was_decided() {
    let folder = Folder::new(4);
    let whole = folder.run(&[&folder.bench.file], "whole-data", "whole");
    let grows = folder.part("grows", 0..5_000);
    let mut outs = folder.run(&[&grows], "data", "one").out;
    for (nth, lines) in [5_000..5_001, 5_001..12_000, 12_000..LINES].into_iter().enumerate() {
        let more = read(&folder.part("more", lines.clone()));
        OpenOptions::new().append(true).open(&grows).and_then(|mut file| file.write_all(&more)).expect("it grows");
        let left = folder.run(&[&grows], "data", &format!("grown-{nth}"));
        assert_eq!(offered(&left), &Value::from(lines.end - lines.start), "only what is new");
        outs.extend(left.out);
    }
    assert!(outs == whole.out, "all parts together print what one run does");
    // With another file beside it, which is new, it gives nothing more.
    let other = folder.part("other", 0..10);
    assert_eq!(offered(&folder.run(&[&grows, &other], "data", "both")), &Value::from(10));
}

#[test]
fn a_file_that_changed_or_ended_within_a_line_is_refused() {
    let folder = Folder::new(5);
    let first = folder.part("first", 0..1_000);
    let bytes = read(&first);
    let mut flipped = bytes.clone();
    flipped[10] ^= 1;
    for (what, before, after) in [
        ("a byte", &bytes[..], &flipped[..]),
        ("less", &bytes, &bytes[..bytes.len() - 100]),
        ("a byte and more at the end", &bytes, &[&flipped[..], b"{}\n"].concat()),
        ("a last line that goes on", &bytes[..bytes.len() - 1], &[&bytes[..bytes.len() - 1], b" \n"].concat()),
    ] {
        let data = format!("data-{}", what.replace(' ', "-"));
        std::fs::write(&first, before).expect("a file");
        folder.run(&[&first], &data, "one");
        std::fs::write(&first, after).expect("a file");
        let refused = folder.refused(&[&first], &data);
        assert!(refused.stderr.contains("does not begin with the lines"), "{what}: {}", refused.stderr);
        assert!(refused.stderr.contains(first.to_str().expect("UTF-8")), "{what}: {}", refused.stderr);
    }
}

#[test]
fn mended_dead_letters_land_in_the_ledger_as_what_they_are() {
    let folder = Folder::new(6);
    let good = |id: &str| {
        format!(
            r#"{{"source":"hotline","id":"{id}","ts":1767225700000,"lng":121.5,"lat":31.1,"category":"water.leak"}}"#
        )
    };
    let first = folder.bench.path("first");
    let lines = [
        good("1"),
        good("2").replace("1767225700000", "\"yesterday\""),
        good("3").replace("}", ""),
        good("4").replace("31.1", "91.1"),
        good("5").replace("water.leak", "water.wine"),
    ];
    std::fs::write(&first, lines.join("\n")).expect("lines");
    let letters = folder.bench.path("letters");
    let mut command = folder.command(&[&first], "data", "one");
    end(command.arg("--dead-letter").arg(&letters)).with(0);
    let bad = String::from_utf8(read(&letters)).expect("text");
    assert_eq!(bad.lines().count(), 4, "{bad}");

    // Three of them are mended, one of these says again what was accepted; the fourth is fed as it is.
    let mended = bad
        .replace("\"yesterday\"", "1767225700000")
        .replace(r#"water.leak\""#, r#"water.leak\"}"#)
        .replace("\"id\":\"4\"", "\"id\":\"1\"")
        .replace("91.1", "31.1");
    std::fs::write(&letters, mended).expect("letters");
    let left = folder.run(&[&letters], "data", "two");
    let count = |heading: &str| left.summary[heading].as_u64().expect(heading);
    assert_eq!(
        [count("offered"), count("rejected"), count("duplicate"), count("merged") + count("opened")],
        [4, 1, 1, 2],
        "{}",
        left.summary
    );
    let ids: Vec<_> = without_places(&left.out).iter().map(|decision| decision["id"].clone()).collect();
    assert!(ids.contains(&Value::from("2")) && ids.contains(&Value::from("3")), "{ids:?}");
    end(paidan("verify").arg(folder.bench.path("data"))).with(0);
}

#[test]
fn a_file_that_was_followed_is_read_on_by_a_plain_run() {
    let folder = Folder::new(7);
    let grows = folder.part("grows", 0..100);
    let mut following = folder.command(&[&grows], "data", "followed");
    let mut following = following.arg("--follow").spawn().expect("paidan starts");
    // The last of the hundred lines is decided when its decision is there.
    let last = |out: &[u8]| without_places(out).last().and_then(|decision| decision["seq"].as_u64());
    let deadline = Instant::now() + Duration::from_secs(60);
    let out = folder.bench.path("followed");
    while std::fs::read(&out).ok().as_deref().and_then(last_line).as_deref().and_then(last) != Some(100) {
        assert!(Instant::now() < deadline, "all lines that are there are decided");
        std::thread::yield_now();
    }
    let pid = following.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert!(following.wait().expect("paidan is a child").success(), "to be stopped is how it ends");
    let more = read(&folder.part("more", 100..150));
    OpenOptions::new().append(true).open(&grows).and_then(|mut file| file.write_all(&more)).expect("it grows");
    assert_eq!(offered(&folder.run(&[&grows], "data", "rest")), &Value::from(50), "only what is new");
}

/// The last whole line of a file that is being written.
fn last_line(bytes: &[u8]) -> Option<Vec<u8>> {
    let whole = &bytes[..bytes.iter().rposition(|byte| *byte == b'\n')?];
    Some(whole.rsplit(|byte| *byte == b'\n').next()?.to_vec())
}
