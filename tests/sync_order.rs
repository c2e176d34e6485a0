//! No decision leaves before its record is on the disk: checked on the system calls of the real program.
//!
//! SIGKILL cannot show this, because what was written survives it in the page cache. Here the program runs under `strace`, and
//! the checker compares three things: which bytes of the journal hold which records, which bytes of `--out` tell of them, and
//! the order in which the calls that wrote and synced them began and returned.

#[path = "common/built.rs"]
mod built;
mod common;
#[path = "common/journal.rs"]
mod journal;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Bench, end, paidan, read};
use serde_json::Value;

/// What a system call did.
#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    /// Wrote so many bytes at a place.
    Wrote { at: u64, bytes: u64 },
    /// Wrote in a way that does not say where.
    WroteSomewhere,
    /// Put the whole file on the disk.
    Synced,
}

/// A system call. When it began and returned is counted in the calls' beginnings and returns, all threads together.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Call {
    began: usize,
    returned: usize,
    file: PathBuf,
    what: What,
}

/// A frame of the journal.
#[derive(Debug)]
struct Frame {
    file: PathBuf,
    at: u64,
    bytes: u64,
    first_seq: u64,
    next_seq: u64,
    /// The journal itself says that it was on the disk before the trace began.
    was_safe: bool,
}

/// A line of the output: its record, and where it ends. It begins where the one before ends.
#[derive(Debug)]
struct Line {
    seq: u64,
    end: u64,
}

/// Checks that every byte of `out` that tells of a record was written only after a sync had returned that began after the
/// record was written. Gives how many writes were checked, or the first violation.
fn check(calls: &[Call], frames: &[Frame], out: &Path, lines: &[Line]) -> Result<usize, String> {
    // When each frame was on the disk: never, for those that no sync covers.
    let safe: Vec<usize> = frames.iter().map(|frame| safe_at(calls, frame).unwrap_or(usize::MAX)).collect();
    let (mut checked, mut covered) = (0, 0);
    for call in calls.iter().filter(|call| call.file == out && call.what != What::Synced) {
        let What::Wrote { at, bytes } = call.what else {
            return Err(format!("nobody can say which records were printed by {call:?}"));
        };
        let first = lines.partition_point(|line| line.end <= at);
        let end = at + bytes;
        let begins_before = |index: &usize| *index == 0 || lines[index - 1].end < end;
        for index in (first..lines.len()).take_while(begins_before) {
            let seq = lines[index].seq;
            let frame = frames.partition_point(|frame| frame.next_seq <= seq);
            if frames.get(frame).is_none_or(|frame| frame.first_seq > seq) {
                return Err(format!("record {seq} was printed and is not in the journal"));
            }
            if safe[frame] >= call.began {
                let Frame { file, at, .. } = &frames[frame];
                return Err(format!(
                    "record {seq} was printed by call {call:?}, before a sync of {} at byte {at} had returned",
                    file.display()
                ));
            }
        }
        (checked, covered) = (checked + 1, covered + bytes);
    }
    let all = lines.last().map_or(0, |line| line.end);
    if covered < all { Err(format!("only {covered} of {all} printed bytes were seen")) } else { Ok(checked) }
}

/// When the first sync returned that began after all of a frame was written.
fn safe_at(calls: &[Call], frame: &Frame) -> Option<usize> {
    if frame.was_safe {
        return Some(0);
    }
    let end = frame.at + frame.bytes;
    let of_frame = |call: &&Call| match call.what {
        What::Wrote { at, bytes } => call.file == frame.file && at < end && frame.at < at + bytes,
        What::WroteSomewhere | What::Synced => false,
    };
    let written = calls.iter().filter(of_frame).map(|call| call.returned).max()?;
    let covers = |call: &&Call| call.what == What::Synced && call.file == frame.file && call.began > written;
    calls.iter().filter(covers).map(|call| call.returned).min()
}

/// Reads what `strace -f -y -q -s 0` wrote. Calls that failed are none.
fn parse(trace: &str) -> Vec<Call> {
    let mut under_way: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (moment, line) in (1..).zip(trace.lines()) {
        let (thread, rest) = line.split_once(' ').expect("strace -f names the thread");
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            under_way.insert(thread, (moment, begun));
        } else if let Some((_, result)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            let (began, arguments) = under_way.remove(thread).expect("a call that returns has begun");
            calls.extend(call(began, moment, &format!("{arguments}{result}")));
        } else {
            calls.extend(call(moment, moment, rest));
        }
    }
    calls
}

/// A call such as `pwrite64(7</folder/file>, ""..., 4096, 0) = 4096`. None where it did not succeed, or is none of a file.
fn call(began: usize, returned: usize, text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ").or_else(|| rest.rsplit_once(" = "))?;
    let done: u64 = result.split_whitespace().next()?.parse().ok()?;
    let (_, behind) = arguments.split_once('<')?;
    let (file, arguments) = behind.split_once('>')?;
    let what = match name {
        "pwrite64" | "pwritev" => {
            let at = arguments.trim_end().trim_end_matches(')').rsplit(", ").next()?.parse().ok()?;
            What::Wrote { at, bytes: done }
        }
        "fdatasync" | "fsync" => What::Synced,
        _ => What::WroteSomewhere,
    };
    Some(Call { began, returned, file: PathBuf::from(file), what })
}

/// Runs a build of paidan under strace, and checks it. With `taken_up`, the run that is traced goes on where an earlier one was
/// killed, and writes the decisions of both.
fn trace_and_check(program: &Path, taken_up: bool) -> Result<usize, String> {
    let bench = Bench::new(20_000, 1);
    let (trace, data, out) = (bench.path("trace"), bench.path("data"), bench.path("out"));
    let arguments = |command: &mut Command| {
        command.arg("run").arg(&bench.file).arg("--city").arg(&bench.city).arg("--data").arg(&data);
        command.args(["--emit", "all", "--chunk-kib", "64", "--threads", "2", "--quiet"]);
    };
    let mut proven = 0;
    if taken_up {
        let mut command = Command::new(program);
        arguments(&mut command);
        kill_at_first_decision(&mut command);
        proven =
            journal::frames(&data, |_, found| found.view.header().ink.durable_frames).into_iter().max().unwrap_or(0);
    }
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-q", "-s", "0", "-e", "signal=none", "-e"]);
    strace.arg("trace=write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,fdatasync,fsync");
    arguments(strace.arg("-o").arg(&trace).arg(program));
    let there = Command::new("strace").arg("--version").output();
    assert!(there.is_ok(), "this test needs strace: apt-get install strace");
    end(strace.arg("--out").arg(&out)).with(0);
    end(paidan("verify").arg(&data)).with(0);

    let frames = journal::frames(&data, |file, found| {
        let (header, bytes) = (found.view.header(), found.view.frame_bytes());
        let (first_seq, next_seq) = (header.order.first_seq.0, header.next_seq().0);
        let was_safe = header.ink.index < proven;
        Frame { file: file.to_owned(), at: found.offset, bytes, first_seq, next_seq, was_safe }
    });
    let calls = parse(&String::from_utf8(read(&trace)).expect("a trace is text"));
    check(&calls, &frames, &out, &printed(&read(&out)))
}

/// Starts a run that prints into a pipe, and kills it when something comes out. The pipe is too small for all decisions, so
/// the run is not over by then; and what it synced last, nothing that it wrote later says so.
fn kill_at_first_decision(command: &mut Command) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("paidan starts");
    let mut out = child.stdout.take().expect("a pipe");
    out.read_exact(&mut [0]).expect("a first decision");
    child.kill().expect("paidan is a child");
    assert!(!child.wait().expect("paidan is a child").success());
}

/// The lines of an output.
fn printed(out: &[u8]) -> Vec<Line> {
    let mut end = 0;
    let line = |line: &[u8]| {
        end += line.len() as u64;
        let decision: Value = serde_json::from_slice(line).expect("a decision is JSON");
        Line { seq: decision["seq"].as_u64().expect("a decision has a record"), end }
    };
    out.split_inclusive(|byte| *byte == b'\n').map(line).collect()
}

#[test]
fn no_decision_leaves_before_its_record_is_on_the_disk() {
    let checked = trace_and_check(Path::new(env!("CARGO_BIN_EXE_paidan")), false)
        .unwrap_or_else(|violation| panic!("{violation}"));
    assert!(checked > 50, "only {checked} writes of decisions were seen");
}

#[test]
fn no_decision_of_an_earlier_life_leaves_before_its_record_is_on_the_disk() {
    let program = Path::new(env!("CARGO_BIN_EXE_paidan"));
    trace_and_check(program, true).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn a_build_that_does_not_sync_is_found_out() {
    let folder = built::target().join("fault-no-sync");
    let program = built::paidan(&folder, "debug", &["--features", "fault-no-sync"]);
    let violation = trace_and_check(&program, false).expect_err("this build syncs nothing");
    assert!(violation.contains("before a sync"), "{violation}");
}

/// What `check` says about the calls of a trace: records 1 to 4 in two frames, and a line of 10 bytes for each of the four.
fn verdict(trace: &str) -> Result<usize, String> {
    let frame = |at, first_seq| Frame {
        file: "/j/1.seg".into(),
        at,
        bytes: 4096,
        first_seq,
        next_seq: first_seq + 2,
        was_safe: false,
    };
    let lines: Vec<Line> = (1..=4).map(|seq| Line { seq, end: seq * 10 }).collect();
    check(&parse(trace), &[frame(4096, 1), frame(8192, 3)], Path::new("/out"), &lines)
}

const RIGHT: &str = r#"10 pwrite64(3</j/1.seg>, ""..., 4096, 4096) = 4096
10 fdatasync(3</j/1.seg> <unfinished ...>
11 pwrite64(9</elsewhere>, ""..., 7, 0) = 7
10 <... fdatasync resumed>) = 0
11 pwrite64(4</out>, ""..., 20, 0 <unfinished ...>
10 pwrite64(3</j/1.seg>, ""..., 4096, 8192 <unfinished ...>
11 <... pwrite64 resumed>) = 20
10 <... pwrite64 resumed>) = 4096
10 fdatasync(3</j/1.seg>) = 0
11 pwrite64(4</out>, ""..., 20, 20) = 20
"#;

#[test]
fn the_checker_accepts_the_right_order() {
    assert_eq!(verdict(RIGHT), Ok(2));
    let wrote = |at, bytes| What::Wrote { at, bytes };
    let second = Call { began: 5, returned: 7, file: "/out".into(), what: wrote(0, 20) };
    assert!(parse(RIGHT).contains(&second), "{:?}", parse(RIGHT));
    let parts =
        r#"10 pwritev(3</j/1.seg>, [{iov_base=""..., iov_len=4096}, {iov_base=""..., iov_len=8192}], 2, 4096) = 12288"#;
    assert_eq!(parse(parts), [Call { began: 1, returned: 1, file: "/j/1.seg".into(), what: wrote(4096, 12288) }]);
}

#[test]
fn the_checker_refuses_every_wrong_order() {
    let lines: Vec<&str> = RIGHT.lines().collect();
    let check = |order: &[usize], says: &str| {
        let trace: String = order.iter().map(|line| lines[*line].to_owned() + "\n").collect();
        let violation = verdict(&trace).expect_err(says);
        assert!(violation.contains(says), "{violation}");
    };
    // Printed while the sync was under way.
    check(&[0, 1, 4, 3, 5, 6, 7, 8, 9], "record 1 was printed");
    // Synced before the frame was written, and not after.
    check(&[1, 3, 0, 4, 5, 6, 7, 8, 9], "record 1 was printed");
    // A sync that began while the frame was being written need not cover it.
    check(&[0, 1, 3, 4, 6, 5, 8, 7, 9], "record 3 was printed");
    // Never synced.
    check(&[0, 1, 3, 4, 5, 6, 7, 9], "record 3 was printed");
    // Never written.
    check(&[0, 1, 3, 4, 6, 8, 9], "record 3 was printed");
    // Printed in a way that the trace does not show.
    check(&[0, 1, 3, 4, 5, 6, 7, 8], "only 20 of 40");
    let other = RIGHT.replace("fdatasync(3</j/1.seg>) = 0", "fdatasync(3</j/2.seg>) = 0");
    assert!(verdict(&other).is_err(), "the sync of another file covers nothing");
    let failed = RIGHT.replace("fdatasync(3</j/1.seg>) = 0", "fdatasync(3</j/1.seg>) = -1 EIO (Input/output error)");
    assert!(verdict(&failed).is_err(), "a failed sync covers nothing");
    let across =
        RIGHT.replace("\"\"..., 20, 0 <unf", "\"\"..., 21, 0 <unf").replace("resumed>) = 20", "resumed>) = 21");
    assert!(verdict(&across).is_err(), "one byte of record 3 is too much");
    let unplaced = RIGHT.replace("pwrite64(4</out>, \"\"..., 20, 20)", "write(4</out>, \"\"..., 20)");
    assert!(verdict(&unplaced).is_err(), "nobody can say what this wrote");
}
