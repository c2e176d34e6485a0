//! Keeps the table of rooms in `src/lib.rs`: who may import whom, and what must not be known where.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which room a module of the crate belongs to.
const ROOMS: [(&str, &[&str]); 7] = [
    (
        "words",
        &[
            "datum",
            "effect",
            "fingerprint",
            "geo",
            "ids",
            "limits",
            "quoted",
            "record",
            "report",
            "rights",
            "time",
            "weighed",
        ],
    ),
    ("city", &["city", "understand"]),
    ("mind", &["dispatch"]),
    ("views", &["view"]),
    ("hands", &["ring", "journal", "meter"]),
    ("doors", &["ingest", "api", "feed", "rehearsal"]),
    (
        "house",
        &[
            "order",
            "lane",
            "engine",
            "publish",
            "data",
            "run",
            "replayer",
            "serve",
            "shadow",
            "demo",
            "facts",
            "keys",
            "notices",
            "systemd",
            "snapshots",
            "explain",
            "inspect",
            "check",
            "trial",
            "train",
            "eval",
            "corrections",
            "summary",
            "failure",
            "fuzz",
            "cli",
            "main",
            "lib",
        ],
    ),
];

/// Which rooms a room may import, besides itself.
const MAY_IMPORT: [(&str, &[&str]); 7] = [
    ("words", &[]),
    ("city", &["words"]),
    ("mind", &["words", "city"]),
    ("views", &["words", "city"]),
    ("hands", &["words"]),
    ("doors", &["words", "city", "views", "hands"]),
    ("house", &["words", "city", "mind", "views", "hands", "doors"]),
];

/// What rooms without clocks, files, sockets, threads, environment and chance must not even mention.
const IMPURE: [&str; 16] = [
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::thread",
    "std::process",
    "std::time",
    "std::sync::Mutex",
    "std::sync::atomic",
    "SystemTime",
    "Instant",
    "RandomState",
    "HashMap",
    "HashSet",
    "thread_local",
    "static mut",
];

/// The one file of the pure rooms that reads a folder.
const READS_THE_CITY: &str = "city/files.rs";

/// Every source file with its path below `src`, its text, and the text of its code without tests and comments.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                found.push((path.strip_prefix(&root).expect("below src").to_owned(), code(&text)));
            }
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    found
}

/// The code of a file: no comments, and nothing from its tests on, which stand last.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn module(path: &Path) -> String {
    let first = path.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn room_of(module: &str) -> Option<&'static str> {
    ROOMS.iter().find(|(_, modules)| modules.contains(&module)).map(|(room, _)| *room)
}

/// The modules of the crate that some code names as `crate::module`.
fn imports(code: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let names = rest.strip_prefix('{').map_or(rest, |group| group);
        let name: String = names.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.push(name);
    }
    found
}

#[test]
fn every_module_has_a_room() {
    let homeless: Vec<_> = sources().iter().map(|(path, _)| module(path)).filter(|m| room_of(m).is_none()).collect();
    assert!(homeless.is_empty(), "give these modules a room, here and in src/lib.rs: {homeless:?}");
}

#[test]
fn arrows_between_rooms_are_those_of_the_table() {
    let may: BTreeMap<_, _> = MAY_IMPORT.into_iter().collect();
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let Some(room) = room_of(&module(&path)) else { continue };
        for name in imports(&code) {
            let Some(other) = room_of(&name) else { continue };
            if other != room && !may[room].contains(&other) {
                wrong.push(format!("{} ({room}) imports {name} ({other})", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a new arrow between rooms is a design event:\n{}", wrong.join("\n"));
}

#[test]
fn words_city_mind_and_views_are_pure() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let pure = matches!(room_of(&module(&path)), Some("words" | "city" | "mind" | "views"));
        let paper = path.ends_with("view/paper.rs");
        for word in IMPURE.iter().filter(|word| code.contains(**word)) {
            // Paper implements `std::io::Write`, so that serde can write on it; it is memory all the same.
            let excused = path.ends_with(READS_THE_CITY) || (paper && *word == "std::io");
            if pure && !excused {
                wrong.push(format!("{} mentions {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_mind_never_follows_a_body() {
    for (path, code) in sources().iter().filter(|(path, _)| module(path) == "dispatch") {
        for word in ["BodyRef", ".body.", "id_at", "Atomic"] {
            assert!(!code.contains(word), "{} mentions {word}", path.display());
        }
    }
}

#[test]
fn unsafe_lives_in_two_places() {
    for (path, code) in sources() {
        let allowed = path.starts_with("ring") || path.ends_with("ingest/scan.rs");
        let has = code.contains("unsafe ") || code.contains("allow(unsafe_code)");
        assert!(allowed || !has, "{} has unsafe code", path.display());
    }
}

#[test]
fn the_checks_can_fail() {
    assert_eq!(imports("use crate::dispatch::Dispatcher;"), ["dispatch"]);
    assert_eq!(imports("let x = crate::journal::frame::Frame::new();"), ["journal"]);
    assert_eq!(room_of("dispatch"), Some("mind"));
    assert_eq!(room_of("utils"), None);
    assert!(!code("let a = 1; // std::fs\n#[cfg(test)]\nmod tests { use std::fs; }").contains("std::fs"));
}
