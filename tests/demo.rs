//! `paidan demo` as whoever starts it knows it: one command, a page, a day that goes by, and nothing left behind.

#[path = "common/pudong.rs"]
mod pudong;
#[path = "common/service.rs"]
mod service;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pudong::write_city;
use serde_json::Value;
use service::{Answer, try_ask};
use tempfile::TempDir;

const HOUR_MS: i64 = 3_600_000;
/// How long anything may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

fn paidan() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paidan"))
}

/// A demo at work. Dropped, it is killed.
struct Demo {
    child: Child,
    http: SocketAddr,
    /// What it said until it said where the page is.
    facts: String,
    /// What it says after that.
    rest: Option<JoinHandle<String>>,
}

impl Demo {
    /// Starts a demo whose temporary folders lie in `temp`, and waits until it says where the page is.
    fn start(temp: &Path, arguments: &[&str]) -> Self {
        let mut command = paidan();
        command.args(["demo", "--no-open"]).args(arguments).env("TMPDIR", temp);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut facts = String::new();
        let page = loop {
            let before = facts.len();
            let read = stderr.read_line(&mut facts).expect("the program writes UTF-8");
            assert!(read > 0, "the demo ended before it had a page:\n{facts}");
            if let Some((_, page)) = facts[before..].split_once("the page: http://") {
                break page.trim_end().trim_end_matches('/').parse().expect("an address");
            }
        };
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stderr.read_to_string(&mut rest);
            rest
        });
        Self { child, http: page, facts, rest: Some(rest) }
    }

    fn get(&self, path: &str) -> Answer {
        try_ask(self.http, "GET", path, &[], b"").expect("the demo answers")
    }

    /// Waits until the figures are as wanted, and gives them.
    fn wait_for(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let summary = self.get("/v1/summary").json();
            if is_so(&summary) {
                return summary;
            }
            assert!(begun.elapsed() < LIMIT, "{what}: {summary}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it ends by itself. Its exit code, and what it said.
    fn wait(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        (code, self.rest.take().expect("once").join().expect("text"))
    }

    /// Asks it to end with SIGTERM.
    fn end(self) -> (Option<i32>, String) {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill starts");
        assert!(kill.success());
        self.wait()
    }

    /// What it holds of the machine now.
    fn holds(&self) -> Held {
        let process = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).expect("it runs");
        let figure = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a figure of the kernel");
            line.split_whitespace().next().and_then(|figure| figure.parse().ok()).expect("a number")
        };
        let files = std::fs::read_dir(format!("{process}/fd")).expect("it runs").count() as u64;
        Held { rss_kib: figure("VmRSS:"), threads: figure("Threads:"), files }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Held {
    rss_kib: u64,
    threads: u64,
    files: u64,
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a number, not {value}"))
}

fn at(summary: &Value) -> i64 {
    number(&summary["at"])
}

fn closed(summary: &Value) -> i64 {
    number(&summary["work"]["closed"])
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn one_command_shows_a_city_at_work_and_leaves_nothing_behind() {
    let temp = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let wanted = taken.local_addr().expect("an address");
    let demo = Demo::start(temp.path(), &["--http", &wanted.to_string(), "--speed", "3000", "--rate", "1000"]);
    assert!(demo.http.port() > wanted.port() && demo.facts.contains("is taken"), "{}", demo.facts);
    let folders: Vec<_> =
        std::fs::read_dir(temp.path()).expect("the folder").map(|entry| entry.expect("one")).collect();
    assert!(folders.len() == 1 && demo.facts.contains(&*folders[0].path().to_string_lossy()), "{}", demo.facts);
    let page = demo.get("/");
    assert!(page.status == 200 && page.text().contains("<html"), "{page:?}");
    let summary = demo.wait_for("cases are opened, and closed by crews", |summary| closed(summary) > 100);
    let (total, work) = (&summary["total"], &summary["work"]);
    assert_eq!(summary["closes"], true);
    assert!(number(&total["opened"]) > closed(&summary) && number(&total["merged"]) > 0, "{summary}");
    assert!(number(&work["accepted"]) > number(&work["done"]) && number(&work["done"]) > 0, "{summary}");
    let (code, said) = demo.end();
    assert!(code == Some(0) && said.contains("the ledger closes"), "{code:?} {said}");
    assert_eq!(std::fs::read_dir(temp.path()).expect("the folder").count(), 0, "the temporary folder is gone");
}

#[test]
fn a_seed_says_the_same_twice_and_a_kept_folder_goes_on_with_the_next_day() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let start = |name: &str, more: &[&str]| {
        let arguments =
            ["--http", "127.0.0.1:0", "--speed", "10000", "--rate", "500", "--seed", "5", "--data", &path(name)];
        Demo::start(folder.path(), &[&arguments, more].concat())
    };
    let demos = ["one", "other"].map(|name| start(name, &["--days", "1"]));
    for (code, told) in demos.map(Demo::wait) {
        assert!(code == Some(0) && told.contains("the ledger closes"), "{code:?} {told}");
    }
    // What came in, in its order, without what its time of arrival says of it.
    let reports = |name: &str| -> Vec<String> {
        let inspected = paidan().args(["inspect", &path(name), "--kind", "report", "--bodies"]).output();
        let bodies = said(&inspected.expect("it starts"));
        let body = |line: &str| serde_json::from_str::<Value>(line).expect("a record is JSON")["body"].to_string();
        bodies.lines().map(body).collect()
    };
    let (one, other) = (reports("one"), reports("other"));
    assert!(one.len() > 4_000, "{}", one.len());
    assert!(one == other, "{} and {} reports", one.len(), other.len());
    assert!(said(&paidan().args(["verify", &path("one")]).output().expect("it starts")).contains("sound"));
    // The next day, with crews who find the orders of the day before.
    let again = start("one", &[]);
    let begin = again.get("/v1/summary").json();
    let later = again.wait_for("the next day goes by", |now| at(now) > at(&begin) + 2 * HOUR_MS);
    assert!(closed(&later) > closed(&begin), "{begin} {later}");
    assert_eq!((&later["work"]["conflicts"], &later["closes"]), (&0.into(), &true.into()), "{later}");
    let (code, told) = again.end();
    assert!(code == Some(0) && told.contains("the ledger closes"), "{code:?} {told}");
}

#[test]
fn a_folder_of_another_city_is_refused() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    write_city(&path("city"), |_, text| text.replace("cases_max = 1000000", "cases_max = 1000"));
    std::fs::write(path("in"), "").expect("an input");
    let mut run = paidan();
    run.arg("run").arg(path("in")).arg("--city").arg(path("city")).arg("--data").arg(path("data"));
    said(&run.output().expect("it starts"));
    let mut demo = paidan();
    demo.args(["demo", "--no-open", "--http", "127.0.0.1:0", "--days", "1", "--speed", "10000", "--data"]);
    let refused = demo.arg(path("data")).output().expect("it starts");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && told.contains("of another city"), "{told}");
}

/// Memory that a day may take for what is kept on purpose, in KiB: the newest decisions, cases on the board, ids.
const KEPT_KIB: u64 = 16 * 1024;
/// Files that may be open at one moment and not at another: connections that end, a segment that is followed by the next.
const FILES: u64 = 8;

#[test]
fn a_day_leaves_memory_threads_and_files_as_they_were() {
    let temp = folder();
    let demo = Demo::start(
        temp.path(),
        &["--http", "127.0.0.1:0", "--speed", "10000", "--rate", "250", "--profile", "normal", "--threads", "2"],
    );
    let begin = at(&demo.wait_for("the day begins", |summary| at(summary) > 0));
    let holds_after = |hours: i64| {
        demo.wait_for("the day goes by", |summary| at(summary) >= begin + hours * HOUR_MS);
        demo.holds()
    };
    let (before, after) = (holds_after(6), holds_after(30));
    assert!(after.rss_kib <= before.rss_kib + KEPT_KIB, "{before:?} {after:?}");
    assert_eq!(after.threads, before.threads, "{before:?} {after:?}");
    assert!(after.files <= before.files + FILES, "{before:?} {after:?}");
    let (code, told) = demo.end();
    assert!(code == Some(0) && told.contains("the ledger closes"), "{code:?} {told}");
}
