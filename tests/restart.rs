//! A service that is started again: it goes on from its newest snapshot, and nobody sees a difference.

#[path = "common/service.rs"]
mod service;

use std::fs;
use std::path::{Path, PathBuf};

use paidan::fingerprint::HashKey;
use paidan::journal::disk::RealDisk;
use paidan::journal::reader::Reader;
use paidan::journal::snapshot::{self, Snapshot, snapshot_seq};
use serde_json::{Value, json};
use service::Service;
use tempfile::TempDir;

const LINES: &str = "application/x-ndjson";

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

/// Reports, some of which say the same again, and what departments and crews do about a few of them.
fn lines(life: usize) -> String {
    let report = |n: usize| {
        let (lng, lat) = (121.5 + (n % 40) as f64 * 0.003, 31.2 + (n % 7) as f64 * 0.002);
        json!({"source": "app", "id": format!("r{life}-{}", n / 2 * 2), "lng": lng, "lat": lat, "category": "01037"})
    };
    let act = |n: usize| {
        let action = ["accept", "done", "close"][n % 3];
        let order = format!("{}-1", 1 + n / 3 * 2);
        json!({"source": "departments", "kind": "action", "id": format!("a{life}-{n}"), "action": action, "order": order})
    };
    let all = (0..400).map(report).chain((0..60).map(act));
    all.map(|line| line.to_string() + "\n").collect()
}

/// All that a service shows of its log.
fn shown(service: &Service) -> Vec<Value> {
    let paths = ["/v1/summary", "/v1/cases?limit=500", "/v1/units?limit=500", "/v1/cells"];
    paths.map(|path| service.get(path).json()).to_vec()
}

/// Says how many records were decided again when the service began.
fn decided_again(service: &Service) -> u64 {
    let line = service.facts.lines().find(|line| line.contains("decided again")).expect("a page of facts");
    let count = line.split("records, ").nth(1).and_then(|rest| rest.split(' ').next());
    count.and_then(|count| count.parse().ok()).expect("a number")
}

fn snapshots(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data.join("snapshots")).expect("a folder").map(|file| file.expect("a file").path());
    files.filter(|path| snapshot_seq(&path.file_name().expect("a name").to_string_lossy()).is_some()).collect()
}

#[test]
fn it_goes_on_from_where_it_ended_or_was_killed() {
    let folder = folder();
    let service = Service::start(folder.path());
    assert_eq!(decided_again(&service), 0);
    assert_eq!(service.post(LINES, lines(1).as_bytes()).status, 200);
    let before = shown(&service);
    assert!(before[0]["next"] == 461 && before[1]["cases"].as_array().is_some_and(|cases| cases.len() > 10));
    assert_eq!(service.end().0, Some(0));
    // Ended as it should be: nothing is to be decided again.
    let service = Service::start(folder.path());
    assert_eq!((decided_again(&service), shown(&service)), (0, before));
    service.post(LINES, lines(2).as_bytes());
    let before = shown(&service);
    service.kill();
    // Killed: what came behind the snapshot.
    let service = Service::start(folder.path());
    assert_eq!((decided_again(&service), shown(&service)), (460, before.clone()));
    assert_eq!(service.end().0, Some(0));
    assert_eq!(snapshots(folder.path()).len(), 1, "an older one is of no use");
    // Without any snapshot it is all the same.
    fs::remove_dir_all(folder.path().join("snapshots")).expect("removed");
    let service = Service::start(folder.path());
    assert_eq!((decided_again(&service), shown(&service)), (920, before));
}

/// A question that is just leaving a snapshot does not keep the service from beginning.
#[test]
fn whoever_holds_the_snapshots_for_a_moment_is_waited_for() {
    let folder = folder();
    assert_eq!(Service::start(folder.path()).end().0, Some(0));
    let held = RealDisk::open(&folder.path().join("snapshots")).expect("nobody else holds them");
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| Service::start(folder.path()));
        // Long enough for a service that does not wait to have given up; whoever waits is not hurried by it.
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert!(!starting.is_finished(), "it waits");
        drop(held);
        assert_eq!(starting.join().expect("it began").end().0, Some(0));
    });
}

#[test]
fn a_snapshot_that_is_wrong_is_not_believed() {
    let folder = folder();
    let service = Service::start(folder.path());
    service.post(LINES, lines(1).as_bytes());
    assert_eq!(service.end().0, Some(0));
    let early = fs::read(&snapshots(folder.path())[0]).expect("a file");
    let early_path = snapshots(folder.path())[0].clone();
    let service = Service::start(folder.path());
    service.post(LINES, lines(2).as_bytes());
    let before = shown(&service);
    assert_eq!(service.end().0, Some(0));
    let [path] = &snapshots(folder.path())[..] else { panic!("one snapshot") };
    let truth = fs::read(path).expect("a file");
    let flipped = |at: usize| [&truth[..at], &[truth[at] ^ 4], &truth[at + 1..]].concat();
    for damaged in [flipped(40), flipped(5000), flipped(truth.len() - 1), truth[..4096].to_vec(), Vec::new()] {
        fs::write(path, damaged).expect("written");
        let service = Service::start(folder.path());
        assert_eq!((decided_again(&service), shown(&service)), (920, before.clone()));
        service.kill();
        fs::remove_file(path).expect("removed");
    }
    // One that is whole and of this log, and yet not what the log leads to: the records behind it tell.
    fs::write(&early_path, early).expect("written");
    lie(folder.path(), &early_path);
    let service = Service::start(folder.path());
    assert_eq!((decided_again(&service), shown(&service)), (920, before));
    let (code, said) = service.end();
    assert!(code == Some(0) && said.contains("the ledger closes"), "{code:?} {said}");
}

/// Puts the state of an empty log into a snapshot.
fn lie(data: &Path, path: &Path) {
    let seq = snapshot_seq(&path.file_name().expect("a name").to_string_lossy()).expect("a snapshot's name");
    let disk = RealDisk::open(&data.join("snapshots")).expect("a folder");
    let truth = snapshot::read(&disk, key(data), seq).expect("a snapshot");
    let other = folder();
    assert_eq!(Service::start(other.path()).end().0, Some(0));
    let empty = snapshots(other.path())[0].clone();
    let seq = snapshot_seq(&empty.file_name().expect("a name").to_string_lossy()).expect("a snapshot's name");
    let other_disk = RealDisk::read_only(&other.path().join("snapshots")).expect("a folder");
    let Snapshot { state, .. } = snapshot::read(&other_disk, key(other.path()), seq).expect("a snapshot");
    snapshot::write(&disk, key(data), &Snapshot { state, ..truth }).expect("written");
}

fn key(data: &Path) -> HashKey {
    Reader::open(RealDisk::read_only(&data.join("journal")).expect("a journal")).expect("a journal").segments()[0].key
}
