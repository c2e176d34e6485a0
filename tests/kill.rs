//! Runs that are killed and taken up again, on the real program: they end as if nothing had happened, or are refused where
//! that cannot be.

mod common;
#[path = "common/journal.rs"]
mod journal;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Bench, end, paidan, read};
use paidan::journal::Kind;
use serde_json::Value;

/// Kills of the long test.
const KILLS: u64 = 100;
/// How often the progress of a life is looked at.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// A run with all its files, under a name of its own.
struct Job<'a> {
    bench: &'a Bench,
    name: String,
    /// What it reads, in place of the bench file, and what else is asked for.
    input: Option<&'a Input>,
}

/// An input that is no file of JSON lines.
struct Input {
    file: PathBuf,
    arguments: Vec<&'static str>,
}

/// Something that befalls a file.
type Harm<'a> = &'a dyn Fn(&Path);

/// How a life ended.
#[derive(PartialEq, Eq, Debug)]
enum Life {
    Killed,
    /// It was over before it could be killed.
    Complete,
}

/// What a journal holds.
#[derive(Default)]
struct Durable {
    /// Bytes of all frames.
    bytes: u64,
    /// How far they read the input, in bytes.
    read: u64,
    /// The record behind the last one.
    next_seq: u64,
}

/// What an uninterrupted run leaves.
struct Whole {
    out: Vec<u8>,
    dead: Vec<u8>,
    digest: String,
    /// Bytes of all frames of its journal.
    journal_bytes: u64,
}

impl<'a> Job<'a> {
    fn new(bench: &'a Bench, name: &str) -> Self {
        Self { bench, name: name.to_owned(), input: None }
    }

    fn path(&self, what: &str) -> PathBuf {
        self.bench.path(&format!("{}-{what}", self.name))
    }

    fn command(&self) -> Command {
        let Some(input) = self.input else { return self.command_on(&[&self.bench.file]) };
        let mut command = self.command_on(&[&input.file]);
        command.args(&input.arguments);
        command
    }

    fn command_on(&self, files: &[&Path]) -> Command {
        let mut command = paidan("run");
        command.args(files).arg("--city").arg(&self.bench.city).arg("--data").arg(self.path("data"));
        command.arg("--out").arg(self.path("out")).arg("--dead-letter").arg(self.path("dead"));
        command.arg("--summary").arg(self.path("summary")).args(["--emit", "all", "--threads", "2", "--quiet"]);
        // Small pieces, so that a kill finds the journal at any place and not only at a few.
        command.args(["--chunk-kib", "16"]);
        command
    }

    fn digest(&self) -> String {
        let summary: Value = serde_json::from_slice(&read(&self.path("summary"))).expect("a summary is JSON");
        assert_eq!((&summary["closes"], &summary["complete"]), (&Value::Bool(true), &Value::Bool(true)));
        summary["digest"].as_str().expect("a digest").to_owned()
    }

    /// What the journal holds as it is now.
    fn durable(&self) -> Durable {
        journal::frames(&self.path("data"), |_, found| {
            let is_note = found.view.header().kind != Kind::Records;
            let read = found.view.positions().map(|position| position.offset).sum();
            (found.view.frame_bytes(), (!is_note).then_some(read), found.view.header().next_seq().0)
        })
        .into_iter()
        .fold(Durable::default(), |all, (bytes, read, next_seq)| Durable {
            bytes: all.bytes + bytes,
            read: read.unwrap_or(all.read),
            next_seq,
        })
    }

    /// Bytes of the files that a life writes beside the journal.
    fn printed(&self) -> u64 {
        let len = |what| std::fs::metadata(self.path(what)).map_or(0, |metadata| metadata.len());
        len("out") + len("dead")
    }

    /// A life that is killed once it has written so many bytes to its journal.
    fn live_for(&self, journal_bytes: u64) -> Life {
        let printed_before = self.printed();
        let mut child = self.command().spawn().expect("paidan starts");
        loop {
            if let Some(status) = child.try_wait().expect("paidan is a child") {
                assert!(status.success(), "paidan ended with {status}");
                return Life::Complete;
            }
            // The kernel counts what was given to the disk and what was put into its cache; the second is the printed files'.
            let printed = self.printed().saturating_sub(printed_before);
            if written_bytes(&child).saturating_sub(printed) >= journal_bytes {
                child.kill().expect("paidan is a child");
                return if child.wait().expect("paidan is a child").success() { Life::Complete } else { Life::Killed };
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Checks that a complete run left what an uninterrupted one does.
    fn check_equals(&self, whole: &Whole) {
        assert_eq!(self.digest(), whole.digest);
        assert!(read(&self.path("out")) == whole.out, "--out differs");
        assert!(read(&self.path("dead")) == whole.dead, "dead letters differ");
    }

    /// Checks that what a killed run printed is the beginning of the whole, and nothing that its journal does not hold.
    fn check_is_beginning_of(&self, whole: &Whole) {
        let printed = |what| std::fs::read(self.path(what)).unwrap_or_default();
        let out = printed("out");
        assert!(whole.out.starts_with(&out), "--out is no beginning of the whole");
        assert!(whole.dead.starts_with(&printed("dead")), "dead letters are no beginning of the whole");
        let next = self.durable().next_seq;
        let last = out.rsplit(|byte| *byte == b'\n').nth(1).map_or(0, seq);
        assert!(last == 0 || last < next, "record {last} was printed, the journal ends before {next}");
    }
}

/// The record that a decision is about.
fn seq(line: &[u8]) -> u64 {
    let decision: Value = serde_json::from_slice(line).expect("a decision is JSON");
    decision["seq"].as_u64().expect("a decision has a record")
}

/// What a process has written so far. Nothing once it has ended.
fn written_bytes(child: &Child) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn whole(bench: &Bench) -> Whole {
    whole_of(&Job::new(bench, "whole"))
}

fn whole_of(job: &Job<'_>) -> Whole {
    end(&mut job.command()).with(0);
    let (out, dead) = (read(&job.path("out")), read(&job.path("dead")));
    Whole { out, dead, digest: job.digest(), journal_bytes: job.durable().bytes }
}

/// A job that was killed when part of its input was decided. A machine that is too fast gets another try.
fn half_done<'a>(bench: &'a Bench, name: &str, whole: &Whole) -> Job<'a> {
    half_done_on(bench, name, None, whole)
}

fn half_done_on<'a>(bench: &'a Bench, name: &str, input: Option<&'a Input>, whole: &Whole) -> Job<'a> {
    for attempt in 0..50 {
        let job = Job { input, ..Job::new(bench, &format!("{name}-{attempt}")) };
        let life = job.live_for(whole.journal_bytes / 3);
        if life == Life::Killed && job.durable().read > 0 {
            job.check_is_beginning_of(whole);
            return job;
        }
    }
    panic!("50 runs ended before they could be killed");
}

#[test]
fn a_hundred_kills_leave_no_trace() {
    let bench = Bench::new(150_000, 1);
    let input_bytes = std::fs::metadata(&bench.file).expect("the input").len();
    let whole = whole(&bench);
    let (mut kills, mut tenths, mut folder) = (0, [0_u64; 10], 0);
    let job = loop {
        folder += 1;
        let job = Job::new(&bench, &format!("killed-{folder}"));
        let places = KILLS - kills + 1;
        for place in 1..places {
            let more = (whole.journal_bytes * place / places).saturating_sub(job.durable().bytes).max(1);
            if job.live_for(more) == Life::Complete {
                break;
            }
            kills += 1;
            tenths[(job.durable().read * 10 / input_bytes).min(9) as usize] += 1;
            job.check_is_beginning_of(&whole);
        }
        end(&mut job.command()).with(0);
        job.check_equals(&whole);
        if kills == KILLS {
            break job;
        }
    };
    println!("{KILLS} kills in {folder} folders, by the tenth of the input that the journal had reached: {tenths:?}");
    assert!(tenths.iter().all(|kills| *kills > 0), "the kills are spread over the whole input: {tenths:?}");

    let data = job.path("data");
    let audit = paidan("verify").arg(&data).output().expect("paidan starts");
    let said = String::from_utf8_lossy(&audit.stdout);
    assert!(audit.status.success() && said.contains("sound") && said.contains("the run was complete"), "{said}");
    std::fs::remove_file(&bench.file).expect("the input");
    let again = job.path("again");
    let replay = paidan("replay").arg(&data).arg("--out").arg(&again).output().expect("paidan starts");
    assert_eq!(String::from_utf8_lossy(&replay.stdout).trim(), whole.digest);
    assert!(read(&again) == whole.out, "a replay prints the same decisions without the input");
}

#[test]
fn a_changed_input_is_refused() {
    let bench = Bench::new(20_000, 1);
    let whole = whole(&bench);
    let job = half_done(&bench, "changed", &whole);
    let (original, file) = (read(&bench.file), &bench.file);
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified()).expect("a time");
    let put = |bytes: &[u8], keeps_time: bool| {
        std::fs::write(file, bytes).expect("the input");
        if keeps_time {
            let file = OpenOptions::new().write(true).open(file).expect("the input");
            file.set_modified(modified).expect("a time");
        }
    };
    let flipped = |at: u64| {
        let mut bytes = original.clone();
        bytes[at as usize] ^= 1;
        bytes
    };
    let (read_part, all) = (job.durable().read, original.len() as u64);
    let unread = read_part + (all - read_part) / 2;
    let appended = [&original[..], b"{}\n"].concat();
    let truncated = &original[..original.len() - 1];
    for (what, bytes, keeps_time) in [
        ("a byte in the read part", &flipped(read_part / 2)[..], false),
        ("a byte in the read part, with the time put back", &flipped(read_part / 2), true),
        ("the first byte, with the time put back", &flipped(0), true),
        ("the last byte that was read, with the time put back", &flipped(read_part - 1), true),
        ("a byte in the unread part", &flipped(unread), false),
        ("more at the end", &appended, true),
        ("less at the end", truncated, true),
        ("another time", &original, false),
    ] {
        put(bytes, keeps_time);
        let ended = end(&mut job.command());
        assert_eq!(ended.code, Some(2), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains(file.to_str().expect("UTF-8")), "{what}: {}", ended.stderr);
    }
    put(&original, true);
    let ended = end(&mut job.command_on(&[file, file])).with(2);
    assert!(ended.stderr.contains(job.path("data").to_str().expect("UTF-8")), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 files"), "{}", ended.stderr);
    job.check_is_beginning_of(&whole);
    end(&mut job.command()).with(0);
    job.check_equals(&whole);
}

/// A table of the bench file's lines.
fn table(bench: &Bench) -> Vec<u8> {
    let mut table = b"id;ts;category;text\r\n".to_vec();
    for line in read(&bench.file).split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            table.extend(b"\"not closed\r\n\r\n");
            continue;
        };
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let ts = jiff::Timestamp::from_millisecond(line["ts"].as_i64().unwrap_or_default()).unwrap_or_default();
        let row = format!("{};{ts};{};\"井盖\r\n\"\"破损\"\"\"\r\n", text("id"), text("category"));
        table.extend_from_slice(&encoding_rs::GB18030.encode(&row).0);
    }
    table
}

#[test]
fn streams_are_taken_up_again_like_files() {
    let bench = Bench::new(20_000, 3);
    let mut settings = OpenOptions::new().append(true).open(bench.city.join("city.toml")).expect("settings");
    let source = "\n[[source]]\nname = \"export\"\nname_zh = \"\"\nkind = \"app\"\nurgency = \"C\"\nlate = \"dispatch\"\n\
                  may = [\"report\"]\ndedup = { window = \"aligned\", minutes = 10 }\n\
                  [source.layout]\nformat = \"csv\"\ndelimiter = \";\"\nencoding = \"gb18030\"\n";
    settings.write_all(source.as_bytes()).expect("settings");
    let (lines, table) = (read(&bench.file), table(&bench));
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    };
    let export = || vec!["--source", "export"];
    for (name, bytes, arguments) in [
        ("gz", gzip(&lines), Vec::new()),
        ("zst", zstd::encode_all(&lines[..], 1).expect("memory"), Vec::new()),
        ("csv", table.clone(), export()),
        ("csv.gz", gzip(&table), export()),
    ] {
        let input = Input { file: bench.path(&format!("input.{name}")), arguments };
        std::fs::write(&input.file, bytes).expect("the input");
        let whole = whole_of(&Job { input: Some(&input), ..Job::new(&bench, &format!("whole-{name}")) });
        let job = half_done_on(&bench, name, Some(&input), &whole);
        end(&mut job.command()).with(0);
        job.check_equals(&whole);
    }
}

#[test]
fn a_second_run_in_a_folder_is_taken_up_like_the_first() {
    let bench = Bench::new(20_000, 9);
    let before = Bench::new(2_000, 10);
    let begun = |name: &str| {
        let job = Job::new(&bench, name);
        end(&mut job.command_on(&[&before.file])).with(0);
        (read(&job.path("out")), job)
    };
    let (_, unkilled) = begun("unkilled");
    let journal_before = unkilled.durable().bytes;
    end(&mut unkilled.command()).with(0);
    let whole_bytes = unkilled.durable().bytes;
    let (first_out, job) = (0..50)
        .map(|attempt| begun(&format!("second-{attempt}")))
        .find(|(_, job)| job.live_for((whole_bytes - journal_before) / 3) == Life::Killed && job.durable().read > 0)
        .expect("50 runs ended before they could be killed");
    let other = end(&mut job.command_on(&[&before.file, &bench.file])).with(2);
    assert!(other.stderr.contains("cut short"), "{}", other.stderr);
    // What is complete can be asked for again even now.
    end(&mut job.command_on(&[&before.file])).with(0);
    assert!(read(&job.path("out")) == first_out, "the first run prints the same again");
    end(&mut job.command()).with(0);
    for what in ["out", "dead"] {
        assert!(read(&job.path(what)) == read(&unkilled.path(what)), "{what} differs");
    }
    assert_eq!(job.digest(), unkilled.digest());
}

#[test]
fn the_output_of_a_killed_run_is_mended() {
    let bench = Bench::new(20_000, 7);
    let whole = whole(&bench);
    let append = |path: &Path| {
        let mut file = OpenOptions::new().append(true).open(path).expect("a printed file");
        file.write_all(b"{\"seq\":1,\"torn").expect("a printed file");
    };
    let change = |path: &Path| {
        let mut bytes = read(path);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).expect("a printed file");
    };
    let delete = |path: &Path| std::fs::remove_file(path).expect("a printed file");
    let harms: [(&str, Harm<'_>); 3] = [("more", &append), ("other", &change), ("none", &delete)];
    for (name, harm) in harms {
        let job = half_done(&bench, name, &whole);
        // Once on what a kill left, once on what a complete run left: then only the journal is read again.
        for _ in 0..2 {
            harm(&job.path("out"));
            harm(&job.path("dead"));
            end(&mut job.command()).with(0);
            job.check_equals(&whole);
        }
    }
}

/// A run on standard input that has printed its first decision, and its input.
fn begun_on_stdin(bench: &Bench, data: &Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = paidan("run");
    command.arg("-").arg("--city").arg(&bench.city).arg("--data").arg(data).arg("--quiet");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("paidan starts");
    child.stdin.as_mut().expect("a pipe").write_all(&read(&bench.file)).expect("paidan reads");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut String::new()).expect("a first decision");
    (child, out)
}

#[test]
fn a_data_folder_has_one_process_at_a_time_and_takes_another_run_behind_a_complete_one() {
    let bench = Bench::new(1_000, 1);
    let data = bench.path("data");
    let (mut first, out) = begun_on_stdin(&bench, &data);
    let second = |input: &Path| {
        let mut command = paidan("run");
        end(command.arg(input).arg("--city").arg(&bench.city).arg("--data").arg(&data).arg("--quiet"))
    };
    let refused = second(&bench.file);
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
    assert!(refused.stderr.contains("another process writes here"), "{refused:?}");
    assert!(refused.stderr.contains(data.to_str().expect("UTF-8")), "{refused:?}");

    drop(first.stdin.take());
    let lines = out.lines().count();
    assert!(first.wait().expect("paidan ends").success() && lines > 0, "the first run is not disturbed");
    for input in [Path::new("-"), &bench.file] {
        second(input).with(0);
    }
    end(paidan("verify").arg(&data)).with(0);
}

#[test]
fn a_killed_run_on_standard_input_is_not_taken_up_but_can_be_replayed() {
    let bench = Bench::new(1_000, 1);
    let data = bench.path("data");
    let (mut killed, _out) = begun_on_stdin(&bench, &data);
    killed.kill().expect("paidan is a child");
    killed.wait().expect("paidan is a child");
    let mut command = paidan("run");
    command.arg("-").arg("--city").arg(&bench.city).arg("--data").arg(&data);
    let refused = end(command.stdin(File::open(&bench.file).expect("the input"))).with(2);
    assert!(refused.stderr.contains("standard input cannot be taken up again"), "{refused:?}");
    let out = bench.path("out");
    end(paidan("replay").arg(&data).arg("--out").arg(&out)).with(0);
    assert_eq!(read(&out).split(|byte| *byte == b'\n').next().map(seq), Some(1));
}
