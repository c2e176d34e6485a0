//! `paidan explain` on a long day: from wherever a walk begins, and wherever it ends, the answer is the same, byte for byte.

#[path = "common/random.rs"]
mod random;
#[path = "common/small.rs"]
mod small;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use paidan::explain::{Cost, EVERY, Request, SNAPSHOTS_MAX, explain};
use paidan::fingerprint::HashKey;
use paidan::ids::Seq;
use paidan::journal::disk::{Disk, RealDisk};
use paidan::journal::reader::Reader;
use paidan::journal::snapshot::{self, Snapshot, snapshot_seq};
use random::Random;
use serde_json::{Value, json};
use small::{START, Small};

/// Records between two snapshots.
const SOME: u64 = 150;
/// The line at which the second run begins.
const SECOND_RUN: usize = 1000;
/// A case that is opened early, closed and forgotten, and acted on once more at the very end.
const ACTED_ON: u64 = 3;
/// A case of which nobody hears any more once its window has passed.
const QUIET: u64 = 1;
/// A case that somebody acts on before it is there.
const FORESEEN: u64 = 700;

fn act(n: usize, ts: i64, action: &str, order: &str) -> Value {
    json!({"source": "app", "kind": "action", "id": format!("a{n}"), "ts": ts, "action": action, "order": order})
}

/// Some hours in which everything happens: merges, re-sends, late ones, lines that are turned away, whole lives of cases,
/// units that come and go, ids that are used again. Each line is a record, counted from 1.
fn long_day() -> Vec<String> {
    let (mut random, mut lines, mut ts) = (Random(7), Vec::<String>::new(), START);
    for n in 1..=1500_usize {
        ts += random.below(30_000) as i64;
        let line = match random.below(100) {
            _ if [QUIET, ACTED_ON, FORESEEN].contains(&(n as u64)) => {
                let cell = if n as u64 == ACTED_ON { "6" } else { "5" };
                json!({"source": "app", "id": format!("r{n}"), "ts": ts, "cell": cell, "category": "lamp"})
            }
            // The one unit that takes both is free again.
            _ if n == 2 => act(n, ts, "done", &format!("{QUIET}-1")),
            _ if n == 200 => act(n, ts, "accept", &format!("{FORESEEN}-1")),
            _ if n == 1499 => act(n, ts, "close", &format!("{ACTED_ON}-1")),
            0..10 if n > 20 => {
                lines.push(lines[n - 2 - random.below(15)].clone());
                continue;
            }
            10..25 => {
                let (action, back) = (["accept", "return", "done", "close"][random.below(4)], random.below(40));
                act(n, ts, action, &format!("{}-{}", n.saturating_sub(back).max(1), 1 + random.below(2)))
            }
            25..28 => {
                let status = ["available", "busy", "available"][random.below(3)];
                let unit = ["w0", "w1", "s0"][random.below(3)];
                json!({"source": "app", "kind": "unit", "id": format!("u{n}"), "ts": ts, "unit": unit, "status": status})
            }
            28..30 => {
                lines.push(format!("{{\"source\":\"app\",\"id\":\"bad{n}\""));
                continue;
            }
            roll => {
                let id = if roll < 34 { format!("x{}", random.below(5)) } else { format!("r{n}") };
                let class = ["leak", "lamp"][random.below(2)];
                let (east, late) = (random.below(8) as f64 * 0.0009, if roll == 99 { 1_500_000 } else { 0 });
                let source = if roll % 3 == 0 { "12345" } else { "app" };
                json!({
                    "source": source, "id": id, "ts": ts - late, "lng": 121.0005 + east, "lat": 31.001, "category": class,
                })
            }
        };
        lines.push(line.to_string());
    }
    lines
}

/// The day, run twice in small pieces: the second time with lines that leave out their source.
fn run(small: &Small, data: &Path) {
    let day = long_day();
    let second = day[SECOND_RUN..].iter().map(|line| line.replace("\"source\":\"app\",", "")).collect();
    for (n, lines, source) in [(0, day[..SECOND_RUN].to_vec(), None), (1, second, Some("app"))] {
        let (file, out) = (small.path(&format!("{n}.ndjson")), data.with_extension("out"));
        fs::write(&file, lines.join("\n") + "\n").expect("written");
        let mut run = small::paidan("run");
        run.arg(&file).arg("--city").arg(small.path("city")).arg("--data").arg(data).arg("--out").arg(&out);
        run.args(["--quiet", "--chunk-kib", "1"]);
        run.args(source.iter().flat_map(|source| ["--source", source]));
        let output = run.output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The day without any snapshot. Tests work on copies.
static DAY: LazyLock<Small> = LazyLock::new(|| {
    let small = Small::new();
    run(&small, &small.path("long"));
    small
});

/// A copy of the data folder.
fn copy(name: &str) -> PathBuf {
    let (from, to) = (DAY.path("long"), DAY.path(name));
    assert!(Command::new("cp").arg("-r").args([&from, &to]).status().expect("cp").success());
    to
}

/// The stories of one id, a line each, or why there are none.
fn ask(data: &Path, id: &str, every: u64) -> (String, Cost) {
    let request = Request { ids: vec![id.to_owned()], data: data.to_owned(), city: None, source: None, every };
    let mut told = String::new();
    let cost = explain(&request, |story| {
        told += &(serde_json::to_string(story).expect("JSON") + "\n");
        Ok(())
    });
    match cost {
        Ok(cost) => (told, cost),
        Err(failure) => (format!("{}: {failure}", failure.code()), Cost::default()),
    }
}

/// Ids of every kind, spread over the day.
fn ids() -> Vec<String> {
    let numbers = (1..=1500).filter(|n| n % 11 == 0 || *n < 10 || *n > 1490 || *n == FORESEEN || *n == ACTED_ON);
    let named = numbers.flat_map(|n| [format!("#{n}"), format!("{n}"), format!("{n}-1"), format!("app/r{n}")]);
    let again = (0..5).flat_map(|n| [format!("x{n}"), format!("12345/x{n}")]);
    named.chain(again).chain(["#1501".to_owned(), "nobody".to_owned()]).collect()
}

/// The snapshots of a folder, from the first to the last.
fn kept(data: &Path) -> Vec<Seq> {
    let names = RealDisk::read_only(&data.join("snapshots")).and_then(|disk| disk.list()).unwrap_or_default();
    let mut seqs: Vec<Seq> = names.iter().filter_map(|name| snapshot_seq(name)).collect();
    seqs.sort_unstable();
    seqs
}

/// Walks to the end of the day until every stretch has its snapshot. Each walk leaves at least one that was missing.
fn fill(data: &Path) -> Vec<Seq> {
    let stretches = 1500 / SOME as usize;
    for _ in 0..=stretches {
        ask(data, "#1500", SOME);
        // A walk that begins at the last one passes no other: only who comes from the front does.
        ask(data, "#1", SOME);
        for n in 1..stretches as u64 {
            ask(data, &format!("#{}", n * SOME - 1), SOME);
        }
        if kept(data).len() + 1 >= stretches {
            break;
        }
    }
    kept(data)
}

fn key(data: &Path) -> HashKey {
    Reader::open(RealDisk::read_only(&data.join("journal")).expect("a journal")).expect("a journal").segments()[0].key
}

#[test]
fn answers_are_the_same_with_snapshots_and_without() {
    let (bare, data) = (copy("bare"), copy("kept"));
    let mut costs = [Cost::default(); 2];
    for id in ids() {
        let answers = [ask(&bare, &id, EVERY), ask(&data, &id, SOME)];
        assert_eq!(answers[0].0, answers[1].0, "{id}");
        for (cost, (_, more)) in costs.iter_mut().zip(answers) {
            cost.decided += more.decided;
            cost.snapshots += more.snapshots;
        }
    }
    assert!(!bare.join("snapshots").exists(), "a day too short for snapshots leaves none");
    assert!(kept(&data).len() > 5, "{:?}", kept(&data));
    assert!(costs[0].snapshots == 0 && costs[1].snapshots > 100, "{costs:?}");
    assert!(costs[1].decided * 3 < costs[0].decided * 2, "{costs:?}");
}

/// The history of each case is all that a replay decides about it, first to last. Gives how many end with a refusal because
/// the case was forgotten.
fn check_histories(data: &Path, effects: &[Value]) -> usize {
    let opened = effects.iter().filter(|effect| effect["effect"] == "opened").map(|effect| &effect["case"]);
    let mut refused_after_all = 0;
    for case in opened {
        let (told, _) = ask(data, &case.to_string(), SOME);
        let story: Value = serde_json::from_str(&told).expect("a story");
        let events = story["case"]["history"].as_array().expect("a history");
        let decisions = events.iter().flat_map(|event| event["decisions"].as_array().expect("decisions"));
        let told: Vec<_> = decisions.filter(|effect| effect["case"] == *case).collect();
        let decided: Vec<_> = effects.iter().filter(|effect| effect["case"] == *case).collect();
        assert_eq!(told, decided, "case {case}");
        refused_after_all += usize::from(decided.last().is_some_and(|last| last["reason"] == "no_such_order"));
    }
    refused_after_all
}

#[test]
fn every_history_is_whole() {
    check_histories(&DAY.data, &DAY.decisions);
    let data = copy("histories");
    let (effects, _) = small::said("inspect", &data, &["--what", "effects"], 0);
    let effects: Vec<Value> = effects.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(check_histories(&data, &effects) > 0, "somebody acted on a case that was forgotten");
    let history = |case: u64| {
        let story: Value = serde_json::from_str(&ask(&data, &case.to_string(), SOME).0).expect("a story");
        story["case"]["history"].as_array().expect("a history").clone()
    };
    assert_eq!(history(FORESEEN)[0]["record"], 200, "somebody acted on a case before it was there");
    assert_eq!(history(ACTED_ON).last().expect("an event")["record"], 1499);
}

#[test]
fn a_walk_begins_near_and_ends_early() {
    let data = copy("short");
    // Some cases wait for a unit, or are acted on late; of others nobody hears any more.
    let early: Vec<u64> = (1..60).map(|n| ask(&data, &format!("#{n}"), EVERY).1.decided).collect();
    assert!(early.iter().any(|decided| *decided < 700), "{early:?}");
    fill(&data);
    for records in [700..760_u64, 1400..1460] {
        let costs: Vec<Cost> = records.map(|n| ask(&data, &format!("#{n}"), SOME).1).collect();
        assert!(costs.iter().any(|cost| cost.decided < 700 && cost.snapshots > 0), "{costs:?}");
    }
}

#[test]
fn what_is_damaged_or_foreign_is_as_good_as_not_there() {
    let (data, other) = (copy("damaged"), DAY.path("other"));
    run(&DAY, &other);
    let (kept, foreign) = (fill(&data), fill(&other));
    assert!(!foreign.is_empty() && fs::read(path(&data, kept[0])).expect("a file").len() > 4096 + 100);
    // Made again by a walk that has no other to write, it lies where such walks leave it: at the beginning of its stretch.
    let near = kept.len() - 3;
    let id = format!("#{}", kept[near].0 + 20);
    fs::remove_file(path(&data, kept[near])).expect("removed");
    ask(&data, &id, SOME);
    let near = self::kept(&data)[near];
    let (expected, undamaged) = ask(&data, &id, SOME);
    assert!(undamaged.snapshots > 0, "{undamaged:?}");
    let whole = fs::read(path(&data, near)).expect("a file");
    let flipped = |at: usize| [&whole[..at], &[whole[at] ^ 4], &whole[at + 1..]].concat();
    let damages = [
        ("magic", flipped(0)),
        ("format", flipped(4)),
        ("key", flipped(9)),
        ("place", flipped(33)),
        ("frame", flipped(70)),
        ("free", flipped(3000)),
        ("sum", flipped(4095)),
        ("note", flipped(4096)),
        ("state", flipped(4200)),
        ("last", flipped(whole.len() - 1)),
        ("cut", whole[..whole.len() - 4096].to_vec()),
        ("torn", whole[..4096 + 512].to_vec()),
        ("empty", Vec::new()),
        ("zeros", vec![0; whole.len()]),
        ("foreign", fs::read(path(&other, foreign[0])).expect("a file")),
    ];
    for (what, bytes) in damages {
        fs::write(path(&data, near), bytes).expect("written");
        let (told, _) = ask(&data, &id, SOME);
        assert_eq!(told, expected, "{what}");
        assert_eq!(fs::read(path(&data, near)).expect("a file"), whole, "{what}: who comes by makes it again");
    }
    fs::remove_dir_all(data.join("snapshots")).expect("removed");
    assert_eq!(ask(&data, &id, SOME).0, expected, "all gone");
}

fn path(data: &Path, seq: Seq) -> PathBuf {
    data.join("snapshots").join(snapshot::snapshot_name(seq))
}

/// Whole, of this log, and yet not the state that the log leads to: its digests say so.
#[test]
fn a_snapshot_that_lies_is_found_out() {
    let data = copy("lies");
    let (kept, key) = (fill(&data), key(&data));
    let near = kept[kept.len() - 3];
    let id = format!("#{}", near.0 + 20);
    let (expected, truthful) = ask(&data, &id, SOME);
    assert!(truthful.snapshots > 0, "{truthful:?}");
    let disk = RealDisk::open(&data.join("snapshots")).expect("a folder");
    let truth = snapshot::read(&disk, key, near).expect("a snapshot");
    let early = snapshot::read(&disk, key, kept[0]).expect("a snapshot");
    for state in [early.state, b"nothing that a mind wrote".to_vec()] {
        snapshot::write(&disk, key, &Snapshot { state, ..truth.clone() }).expect("written");
        assert_eq!(ask(&data, &id, SOME).0, expected);
    }
}

#[test]
fn who_may_not_write_does_without() {
    let data = copy("unwritable");
    let expected = ask(&data, "#1400", EVERY).0;
    fs::write(data.join("snapshots"), "in the way").expect("written");
    assert_eq!(ask(&data, "#1400", SOME).0, expected);
    assert_eq!(fs::read(data.join("snapshots")).expect("a file"), b"in the way");
}

#[test]
fn there_are_never_more_than_a_folder_may_hold() {
    let data = copy("many");
    let expected = ask(&data, "#1400", EVERY).0;
    for every in [1, 100, 1] {
        for id in ["#1500", "#1", "#400", "#800"] {
            ask(&data, id, every);
        }
        let kept = kept(&data);
        assert!(!kept.is_empty() && kept.len() as u64 <= SNAPSHOTS_MAX, "every {every}: {kept:?}");
        assert_eq!(ask(&data, "#1400", every).0, expected);
    }
}

#[test]
fn other_commands_do_not_mind_them() {
    let data = copy("audited");
    fill(&data);
    let (bare, with) = (DAY.path("long"), data);
    for (mode, arguments) in [("inspect", &["--what", "segments"][..]), ("inspect", &["--what", "frames"])] {
        let told = |data: &Path| small::said(mode, data, arguments, 0).0;
        assert_eq!(told(&bare), told(&with), "{mode} {arguments:?}");
    }
    for mode in ["verify", "replay"] {
        let output = small::paidan(mode).arg(&with).output().expect("the program starts");
        assert!(output.status.success(), "{mode}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
