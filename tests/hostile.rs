//! Other people's files, broken in every way, on the real program: each has its answer, and whatever else there is to decide is
//! decided.

#[path = "common/program.rs"]
mod program;
#[path = "common/pudong.rs"]
mod pudong;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use encoding_rs::GB18030;
use flate2::Compression;
use flate2::write::GzEncoder;
use program::{Ended, end, paidan, read};
use pudong::write_city;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before it is taken for hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a city that knows a source of tables.
struct Room {
    folder: TempDir,
}

/// What a run left.
struct Left {
    ended: Ended,
    summary: Value,
    letters: Vec<Letter>,
}

/// A dead letter: why it is one, and what is in it, as text. (serde_json has no number for some of what RFC 8259 allows.)
struct Letter {
    why: Value,
    inside: String,
}

impl Letter {
    fn read(line: &str) -> Self {
        let envelope = line.strip_prefix("{\"dead_letter\":").and_then(|rest| rest.split_once("},"));
        let (why, inside) = envelope.expect("an envelope");
        Self { why: serde_json::from_str(&format!("{why}}}")).expect("JSON"), inside: inside.to_owned() }
    }
}

impl Room {
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
        let to = folder.path().join("city");
        write_city(&to, |_, text| text.to_owned());
        let mut settings = OpenOptions::new().append(true).open(to.join("city.toml")).expect("settings");
        settings
            .write_all(
                b"\n[[source]]\nname = \"export\"\nname_zh = \"export\"\nkind = \"hotline\"\nurgency = \"C\"\n\
                late = \"dispatch\"\nmay = [\"report\"]\ndedup = { window = \"sliding\", minutes = 60 }\n\
                [source.layout]\nformat = \"csv\"\ndelimiter = \";\"\nencoding = \"gb18030\"\n",
            )
            .expect("settings");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).expect("a file");
        self.path(name)
    }

    fn command(&self, inputs: &[&Path]) -> Command {
        let mut command = paidan("run");
        command.args(inputs).arg("--city").arg(self.path("city")).arg("--quiet");
        command
    }

    /// A run to its end.
    fn run(&self, inputs: &[&Path], more: &[&str], stdin: Stdio) -> Left {
        let (summary, dead) = (self.path("summary"), self.path("dead"));
        let mut command = self.command(inputs);
        command.arg("--summary").arg(&summary).arg("--dead-letter").arg(&dead).arg("--out").arg(self.path("out"));
        command.args(more).args(["--threads", "2", "--chunk-kib", "16"]).stdin(stdin);
        let _ = fs::remove_file(&summary);
        let ended = end(&mut command);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        let summary = fs::read(&summary).map_or(Value::Null, |json| serde_json::from_slice(&json).expect("a summary"));
        assert!(summary.is_null() || summary["closes"] == json!(true), "the ledger closes: {summary}");
        let letters = fs::read_to_string(&dead).unwrap_or_default();
        let letters = letters.lines().map(Letter::read).collect();
        Left { ended, summary, letters }
    }

    /// A run on files that must come to so much.
    #[track_caller]
    fn check(&self, inputs: &[&Path], more: &[&str], code: i32, offered: u64, rejected: u64, says: &str) -> Left {
        let left = self.run(inputs, more, Stdio::null());
        assert_eq!(left.ended.code, Some(code), "{inputs:?}: {}", left.ended.stderr);
        assert!(left.ended.stderr.contains(says), "{inputs:?} should say {says}: {}", left.ended.stderr);
        let found = (left.summary["offered"].as_u64(), left.summary["rejected"].as_u64());
        if left.summary.is_null() {
            assert_eq!((offered, rejected), (0, 0), "{inputs:?}: {}", left.ended.stderr);
        } else {
            assert_eq!(found, (Some(offered), Some(rejected)), "{inputs:?}: {}", left.summary);
        }
        left
    }
}

impl Left {
    fn inside(&self) -> Vec<&str> {
        self.letters.iter().map(|letter| &*letter.inside).collect()
    }

    fn reasons(&self) -> Vec<&str> {
        self.letters.iter().map(|letter| letter.why["reason"].as_str().expect("a reason")).collect()
    }
}

fn good(n: u64) -> Vec<u8> {
    let ts = 1_767_225_600_000 + n;
    format!("{{\"source\":\"12345\",\"id\":\"{n}\",\"ts\":{ts},\"category\":\"01001\",\"text\":\"井盖\"}}\n")
        .into_bytes()
}

fn goods(range: std::ops::Range<u64>) -> Vec<u8> {
    range.flat_map(good).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

// --- Lines ---------------------------------------------------------------------------------------------------------------

/// A line with a field that nobody knows.
fn with(id: &str, more: &str) -> Vec<u8> {
    format!("{{\"source\":\"12345\",\"id\":\"{id}\",\"x\":{more}}}").into_bytes()
}

/// Lines that do harm elsewhere, each with the reason why it is turned away, if it is.
fn hostile_lines() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let nested = |depth: usize| with(&format!("n{depth}"), &format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    let ts = |ts: &str| format!("{{\"source\":\"12345\",\"id\":\"t\",\"ts\":{ts}}}").into_bytes();
    vec![
        (b"{\"source\":\"12345\",\"id\":\"\xff\"}".to_vec(), Some("not_utf8")),
        ([&with("u", "\"")[..], b"\xc0\x80"].concat(), Some("not_utf8")),
        (b"\0".to_vec(), Some("not_json")),
        (with("z", "\"\0\""), Some("not_json")),
        (with("z1", "\"\\u0000\""), None),
        (Vec::new(), Some("not_json")),
        ("\u{feff}{\"source\":\"12345\",\"id\":\"b\"}".into(), Some("not_json")),
        (with("long", &format!("\"{}\"", "x".repeat(10 << 20))), Some("too_long")),
        (vec![b'['; 10 << 20], Some("too_long")),
        (nested(63), None),
        (nested(64), Some("too_deep")),
        (nested(400_000), Some("too_deep")),
        (with("open", &"[".repeat(400_000)), Some("too_deep")),
        (with("twice", "1,\"x\":2"), None),
        (with("twice2", "1,\"id\":\"other\""), Some("repeated")),
        (with("huge", "1e999999999"), None),
        (with("huge2", &"9".repeat(100_000)), None),
        (ts("1e999"), Some("wrong_type")),
        (ts(&"9".repeat(400)), Some("out_of_range")),
        (with("s", "\"\\ud800\""), None),
        (b"{\"source\":\"12345\",\"id\":\"\\ud800\"}".to_vec(), Some("not_json")),
        ([with("cr", "1"), b"\r".to_vec()].concat(), None),
        (b"[1]".to_vec(), Some("not_an_object")),
        (b"{\"source\":\"12345\",\"id\":".to_vec(), Some("not_json")),
    ]
}

#[test]
fn a_hostile_line_has_its_answer_and_all_others_theirs() {
    let room = Room::new();
    let lines = hostile_lines();
    let text: Vec<u8> = (0..)
        .zip(&lines)
        .flat_map(|(n, (line, _))| [good(n), line.clone(), b"\n".to_vec()].concat())
        .chain(goods(1_000..1_010))
        .collect();
    let reasons: Vec<&str> = lines.iter().filter_map(|(_, reason)| *reason).collect();
    let (offered, rejected) = (2 * lines.len() as u64 + 10, reasons.len() as u64);
    for (name, bytes) in [("plain", text.clone()), ("gz", gzip(&text)), ("zst", zstd(&text))] {
        let file = room.file(name, &bytes);
        let left = room.check(&[&file], &[], 0, offered, rejected, "");
        assert_eq!(left.reasons(), reasons, "{name}");
        let piped = room.run(&[Path::new("-")], &[], File::open(&file).expect("a file").into());
        assert_eq!((piped.reasons(), &piped.summary["digest"]), (reasons.clone(), &left.summary["digest"]), "{name}");
    }
}

// --- Whole inputs --------------------------------------------------------------------------------------------------------

#[test]
fn inputs_of_every_kind_are_read_or_refused() {
    let room = Room::new();
    let file = |name: &str, bytes: &[u8]| room.file(name, bytes);
    let two = goods(0..2);
    let marked = [b"\xef\xbb\xbf", &two[..]].concat();
    for (name, bytes, offered, rejected) in [
        ("empty", Vec::new(), 0, 0),
        ("mark", b"\xef\xbb\xbf".to_vec(), 0, 0),
        ("empty.gz", gzip(b""), 0, 0),
        ("empty.zst", zstd(b""), 0, 0),
        ("marked", marked.clone(), 2, 0),
        ("marked.gz", gzip(&marked), 2, 0),
        ("unended", two[..two.len() - 1].to_vec(), 2, 0),
        ("crlf", String::from_utf8(two.clone()).expect("text").replace('\n', "\r\n").into(), 2, 0),
        ("members.gz", [gzip(&two[..7]), gzip(&two[7..])].concat(), 2, 0),
        ("zip.gz", b"PK\x03\x04".to_vec(), 1, 1),
    ] {
        room.check(&[&file(name, &bytes)], &[], 0, offered, rejected, "");
    }
    room.check(&[Path::new("/dev/null")], &[], 0, 0, 0, "");
    let utf16 = file("utf16", b"\xff\xfe{\0}\0");
    room.check(&[&utf16], &[], 2, 0, 0, "iconv -f UTF-16");
    room.check(&[room.folder.path()], &[], 2, 0, 0, "is a folder");
    room.check(&[&room.path("missing")], &[], 1, 0, 0, "missing");
    let twice = file("twice.csv", b"id;id\n1;2\n");
    let data = room.path("data");
    let source = ["--source", "export", "--data", data.to_str().expect("UTF-8")];
    room.check(&[&twice], &source, 2, 0, 0, "\"id\" twice");
    assert!(!data.exists(), "a table that cannot be read leaves no journal behind");
}

#[test]
fn how_inputs_come_never_shows() {
    let room = Room::new();
    // Three inputs whose times lie among each other, with jumps that need witnesses.
    let part = |nth: u64| -> Vec<u8> {
        let times = (0..3_000).map(|n| n * 3 + nth + if n % 700 == 650 { 10_000_000 } else { n / 1_000 * 7_200_000 });
        times.flat_map(good).collect()
    };
    let parts = [part(0), part(1), part(2)];
    let plain: Vec<_> = (0..3).map(|nth| room.file(&format!("plain-{nth}"), &parts[nth])).collect();
    let stdin = Path::new("-");
    let gz = room.file("gz", &gzip(&parts[0]));
    let zst = room.file("zst", &zstd(&[b"\xef\xbb\xbf", &parts[1][..]].concat()));
    let marked = room.file("marked", &[b"\xef\xbb\xbf", &parts[2][..]].concat());
    let left = room.check(&[&plain[0], &plain[1], &plain[2]], &[], 0, 9_000, 0, "");
    let (digest, out) = (left.summary["digest"].clone(), read(&room.path("out")));
    for (inputs, piped) in
        [([&*gz, &zst, &marked], &plain[0]), ([&plain[0], &zst, stdin], &plain[2]), ([stdin, &plain[1], &marked], &gz)]
    {
        let left = room.run(&inputs, &[], File::open(piped).expect("a file").into());
        assert_eq!((left.ended.code, &left.summary["digest"]), (Some(0), &digest), "{inputs:?}");
        assert!(read(&room.path("out")) == out, "{inputs:?}");
    }
}

#[test]
fn a_pipe_is_an_input_by_its_path() {
    let room = Room::new();
    let (pipe, file) = (room.path("pipe"), room.file("file", &goods(10..12)));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    thread::scope(|scope| {
        let writer = scope.spawn(|| fs::write(&pipe, gzip(&goods(0..3))));
        room.check(&[&pipe, &file], &[], 0, 5, 0, "");
        writer.join().expect("the writer ends").expect("all is read");
    });
    room.check(&[&pipe, &file], &["--data", "unused"], 2, 0, 0, "can be read only once");
}

#[test]
fn a_pipe_that_closes_within_a_line_ends_there() {
    let room = Room::new();
    let mut command = room.command(&[Path::new("-")]);
    command.arg("--summary").arg(room.path("summary")).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("paidan starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&[&good(1)[..], b"{\"source\":\"123"].concat()).expect("paidan reads");
    drop(pipe);
    assert!(child.wait().expect("paidan ends").success());
    let summary: Value = serde_json::from_slice(&read(&room.path("summary"))).expect("a summary");
    assert_eq!((&summary["offered"], &summary["rejected"]), (&json!(2), &json!(1)));
}

// --- Damage --------------------------------------------------------------------------------------------------------------

#[test]
fn a_damaged_archive_ends_where_the_damage_begins_and_nothing_else_does() {
    const LINES: u64 = 20_000;
    let room = Room::new();
    let (text, other) = (goods(0..LINES), room.file("other", &goods(LINES..LINES + 500)));
    for (name, packed) in [("cut.gz", gzip(&text)), ("cut.zst", zstd(&text))] {
        let cut = room.file(name, &packed[..packed.len() / 2]);
        let alone = room.run(&[&cut], &[], Stdio::null());
        let read = alone.summary["offered"].as_u64().expect("a number");
        assert!((LINES / 10..LINES).contains(&read) && alone.summary["rejected"] == json!(0), "{}", alone.summary);
        assert_eq!(alone.summary["complete"], json!(false));
        let says = format!("{}: 压缩数据被截断", cut.display());
        assert!(alone.ended.code == Some(2) && alone.ended.stderr.contains(&says), "{:?}", alone.ended);
        for inputs in [[&*cut, &*other], [&other, &cut]] {
            room.check(&inputs, &[], 2, read + 500, 0, "compressed byte");
        }
        // Again and again, with a data folder: the same is decided, and the same is said.
        let data = room.path(&format!("data-{name}"));
        let data = ["--data", data.to_str().expect("UTF-8")];
        let first = room.check(&[&cut], &data, 2, read, 0, "compressed byte").summary;
        let again = room.check(&[&cut], &data, 2, read, 0, "compressed byte").summary;
        assert_eq!((&first["digest"], &again["resumed"]), (&again["digest"], &json!(true)));
        // Another file does not have to wait for it; and once it is whole, it is read on where it broke off.
        room.check(&[&other], &data, 0, 500, 0, "");
        std::fs::write(&cut, &packed).expect("a whole file");
        room.check(&[&cut], &data, 0, LINES - read, 0, "");
    }
}

#[test]
fn a_bomb_is_put_out() {
    let room = Room::new();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.write_all(&goods(0..5)).expect("memory");
    let blank = [&vec![b' '; (1 << 20) - 1][..], b"\n"].concat();
    (0..300).for_each(|_| encoder.write_all(&blank).expect("memory"));
    let bomb = room.file("bomb.zst", &encoder.finish().expect("memory"));
    let other = room.file("other", &goods(10..20));
    let left = room.run(&[&bomb, &other], &[], Stdio::null()).ended.with(2);
    assert!(left.stderr.contains("压缩炸弹") && left.stderr.contains("bomb.zst"), "{}", left.stderr);
    let left = room.run(&[&bomb, &other], &[], Stdio::null());
    let (offered, rejected) = (&left.summary["offered"], left.summary["rejected"].as_u64().expect("a number"));
    assert!((60..100).contains(&rejected), "what is free is read, and not much more: {rejected}");
    assert_eq!(*offered, json!(rejected + 15), "both files' lines are decided");
}

#[test]
fn a_file_that_shrinks_ends_there() {
    const LINES: u64 = 100_000;
    let room = Room::new();
    let (file, pipe, summary) = (room.file("file", &goods(0..LINES)), room.path("pipe"), room.path("summary"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut command = room.command(&[&file]);
    command.arg("--out").arg(&pipe).arg("--summary").arg(&summary).args(["--chunk-kib", "16", "--threads", "2"]);
    // Nobody empties the pipe before the file is cut, so the run cannot be over by then.
    let child = command.stderr(Stdio::piped()).spawn().expect("paidan starts");
    let mut out = File::open(&pipe).expect("paidan opens its end");
    out.read_exact(&mut [0]).expect("a first decision");
    let len = fs::metadata(&file).expect("a file").len();
    OpenOptions::new().write(true).open(&file).and_then(|file| file.set_len(len / 2 + 7)).expect("a shorter file");
    std::io::copy(&mut out, &mut std::io::sink()).expect("the rest of the decisions");
    let ended = child.wait_with_output().expect("paidan ends");
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && stderr.contains("文件变短 became shorter"), "{stderr}");
    let summary: Value = serde_json::from_slice(&read(&summary)).expect("a summary");
    let whole = read(&file).iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((&summary["offered"], &summary["closes"]), (&json!(whole), &json!(true)), "every line that is left");
    assert_eq!(summary["rejected"], json!(0));
}

#[test]
fn nobody_reads_the_decisions_any_more() {
    let room = Room::new();
    let file = room.file("file", &goods(0..20_000));
    // Once from a file, once from a pipe that stays open and quiet.
    for input in [&file, Path::new("-")] {
        let mut command = room.command(&[input]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("paidan starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let writer = thread::spawn(move || pipe.write_all(&goods(0..20_000)).map(|()| pipe));
        out.read_line(&mut String::new()).expect("a decision");
        drop(out);
        let ended = child.wait_with_output().expect("paidan ends");
        drop(writer.join().expect("the writer ends"));
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("cannot write decisions") && !stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn nobody_reads_what_is_said_about_the_run() {
    let room = Room::new();
    let mut command = paidan("run");
    command
        .arg(room.file("file", &goods(0..10)))
        .arg("--city")
        .arg(room.path("city"))
        .arg("--out")
        .arg(room.path("out"));
    let mut child = command.stderr(Stdio::piped()).spawn().expect("paidan starts");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("paidan ends").code(), Some(0));
    assert!(!read(&room.path("out")).is_empty());
}

// --- Dead letters --------------------------------------------------------------------------------------------------------

#[test]
fn mended_letters_of_a_table_are_accepted_by_the_same_command() {
    let room = Room::new();
    let table = "id;ts;category;text\n1;2026-01-01T00:00:00Z;01001;井盖\n2;2026-01-01T00:00:01Z;01001;a;b\n\
                 3;2026-01-01T00:00:02Z;01001;\"open\n4;yesterday;01001;x\n5;2026-01-01T00:00:03Z;01001;x\n";
    let table =
        room.file("table.csv", &[&GB18030.encode(table).0, &b"6;2026-01-01T00:00:04Z;01001;\xff\n"[..]].concat());
    let source = ["--source", "export"];
    let left = room.check(&[&table], &source, 0, 6, 4, "");
    assert_eq!(left.reasons(), ["not_csv", "not_csv", "not_a_value", "bad_encoding"]);
    let places: Vec<_> = left.letters.iter().map(|letter| letter.why["line"].as_u64()).collect();
    assert_eq!(places, [Some(3), Some(4), Some(5), Some(7)], "rows are counted as a spreadsheet does");
    let letters = fs::read_to_string(room.path("dead")).expect("letters");
    // Nothing is mended: all is turned away again, for the same reasons and in the same words.
    let back = room.file("back", letters.as_bytes());
    let again = room.check(&[&back], &source, 0, 4, 4, "");
    assert_eq!(again.reasons(), left.reasons());
    assert_eq!(again.inside(), left.inside());
    let mended = letters
        .replace("\"text\":\"a\",\"\":[\"b\"]", "\"text\":\"a;b\"")
        .replace("{\"\":[\"3;2026-01-01T00:00:02Z;01001;\\\"open\"]}", "{\"id\":\"3\",\"text\":\"open\"}")
        .replace("yesterday", "2026-01-01T00:00:02Z")
        .replace('\u{fffd}', "?");
    let mended = room.file("mended", &gzip(mended.as_bytes()));
    room.check(&[&mended], &source, 0, 4, 0, "");
}

#[test]
fn mended_letters_of_lines_are_accepted_and_others_come_back() {
    let room = Room::new();
    let lines = hostile_lines();
    let text: Vec<u8> = lines.iter().flat_map(|(line, _)| [&line[..], b"\n"].concat()).collect();
    let rejected = lines.iter().filter(|(_, reason)| reason.is_some()).count() as u64;
    let left = room.check(&[&room.file("lines", &text)], &[], 0, lines.len() as u64, rejected, "");
    let letters = read(&room.path("dead"));
    let again = room.check(&[&room.file("back", &letters)], &[], 0, rejected, rejected, "");
    assert_eq!(again.reasons(), left.reasons(), "what is not mended is turned away again");
    assert!(again.inside() == left.inside(), "and is kept byte for byte");
    let broken =
        b"{\"dead_letter\":{},\"report\":{\"source\":\"12345\",\"id\":\"1\"}}\n{\"dead_letter\":{},\"report\":{\n";
    let left = room.check(&[&room.file("broken", broken)], &[], 0, 2, 1, "");
    assert_eq!((left.reasons(), &left.letters[0].why["line"]), (vec!["not_json"], &json!(2)));
}

// --- Files that grow -----------------------------------------------------------------------------------------------------

/// Something that befalls a file.
type Harm<'a> = &'a dyn Fn(&Path) -> std::io::Result<()>;

/// A run that follows a file, and its decisions.
struct Following {
    child: Child,
    decisions: Receiver<Value>,
}

impl Following {
    fn start(room: &Room, file: &Path, more: &[&str]) -> Self {
        let mut command = room.command(&[file]);
        command.args(["--follow", "--summary"]).arg(room.path("summary")).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("paidan starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, decisions) = mpsc::sync_channel(1_000);
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).expect("a decision"));
            }
        });
        Self { child, decisions }
    }

    /// Waits for a decision about a record.
    fn wait_for(&mut self, seq: u64) {
        let told = loop {
            match self.decisions.recv_timeout(PATIENCE) {
                Ok(decision) if decision["seq"] == json!(seq) => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        if !told {
            let _ = self.child.kill();
        }
        assert!(told, "record {seq} is decided while the file is followed");
    }

    fn stop(self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        self.end()
    }

    fn end(self) -> (Option<i32>, String) {
        let ended = self.child.wait_with_output().expect("paidan ends");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    }
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(bytes)).expect("a longer file");
}

#[test]
fn a_file_that_grows_is_decided_line_by_line_and_taken_up_again() {
    let room = Room::new();
    let (file, data) = (room.file("log", &goods(0..3)), room.path("data"));
    let data = ["--data", data.to_str().expect("UTF-8")];
    let summary = || serde_json::from_slice::<Value>(&read(&room.path("summary"))).expect("a summary");
    let mut first = Following::start(&room, &file, &data);
    first.wait_for(3);
    append(&file, &good(3));
    first.wait_for(4);
    // A jump of a year needs no witness, and half a line is none.
    append(&file, b"{\"source\":\"12345\",\"id\":\"late\",\"ts\":1798761600000}\n{\"source\":");
    first.wait_for(5);
    let (code, stderr) = first.stop("-TERM");
    assert!(code == Some(0) && stderr.contains("stopped after record 5"), "{code:?} {stderr}");
    assert_eq!((&summary()["offered"], &summary()["closes"]), (&json!(5), &json!(true)));
    // How long reports took stands beside their budgets, and the slowest can be explained.
    let latency = summary()["latency"].as_array().cloned().expect("latencies of what was decided as it came");
    assert_eq!(latency.iter().filter_map(|line| line["reports"].as_u64()).sum::<u64>(), 5, "{latency:?}");
    for line in &latency {
        let slowest = line["slowest"].as_str().expect("a tracking number");
        end(paidan("explain").args([slowest, data[0], data[1]])).with(0);
        assert!(line["stages_p50_ms"]["journal"].as_f64() > Some(0.0), "a sync takes its time: {line}");
    }

    append(&file, b"\"12345\",\"id\":\"whole\"}\n");
    let mut second = Following::start(&room, &file, &data);
    second.wait_for(6);
    append(&file, &good(9));
    second.wait_for(7);
    assert_eq!(second.stop("-INT").0, Some(0));
    assert_eq!((&summary()["offered"], &summary()["rejected"]), (&json!(7), &json!(0)));
    end(paidan("verify").arg(data[1])).with(0);

    let bytes = read(&file);
    fs::write(&file, [&b" "[..], &bytes].concat()).expect("another file");
    let (code, stderr) = Following::start(&room, &file, &data).end();
    assert!(code == Some(2) && stderr.contains("are not those that were decided on"), "{code:?} {stderr}");
}

#[test]
fn a_followed_file_that_is_another_one_ends_the_run() {
    let shorter = |file: &Path| File::options().write(true).open(file).and_then(|file| file.set_len(3));
    let replaced = |file: &Path| {
        let other = file.with_extension("new");
        fs::write(&other, b"{}\n").and_then(|()| fs::rename(other, file))
    };
    let gone = |file: &Path| fs::remove_file(file);
    let harms: [(Harm<'_>, &str); 3] = [(&shorter, "文件变短"), (&replaced, "文件已被替换"), (&gone, "文件已被移走")];
    for (harm, says) in harms {
        let room = Room::new();
        let file = room.file("log", &goods(0..2));
        let mut following = Following::start(&room, &file, &[]);
        following.wait_for(2);
        harm(&file).expect("a changed file");
        let (code, stderr) = following.end();
        assert!(code == Some(2) && stderr.contains(says), "{says}: {code:?} {stderr}");
        let summary: Value = serde_json::from_slice(&read(&room.path("summary"))).expect("a summary");
        assert_eq!((&summary["offered"], &summary["closes"]), (&json!(2), &json!(true)));
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let room = Room::new();
    for (name, bytes) in [("log.gz", gzip(&good(1))), ("log.zst", zstd(&good(1)))] {
        room.check(&[&room.file(name, &bytes)], &["--follow"], 2, 0, 0, "compressed file cannot be followed");
    }
}

#[test]
fn several_files_are_followed_at_once() {
    let room = Room::new();
    let (a, b) = (room.file("a", &good(0)), room.file("b", b""));
    let mut command = room.command(&[&a, &b]);
    command.args(["--follow", "--threads", "1"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("paidan starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let (send, lines) = mpsc::sync_channel(1_000);
    thread::spawn(move || {
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|read| read > 0) {
            let _ = send.send(std::mem::take(&mut line));
        }
    });
    let following = |seq: u64| {
        let found = std::iter::from_fn(|| lines.recv_timeout(PATIENCE).ok())
            .any(|line| line.contains(&format!("\"seq\":{seq},")));
        assert!(found, "record {seq}");
    };
    following(1);
    append(&b, &good(1));
    following(2);
    append(&a, &good(2));
    following(3);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("paidan ends").code(), Some(0));
}
