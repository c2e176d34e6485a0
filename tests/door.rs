//! Files and pipes through the door: every line once, with its number, offset and body, wherever chunks are cut.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use paidan::city::{City, Layout};
use paidan::fingerprint::{HashKey, body_hash};
use paidan::ingest::door::{Door, Filled};
use paidan::ingest::file::FileInput;
use paidan::ingest::input::{Chunk, Identity, line_sum};
use paidan::ingest::stream::{Patience, StreamInput};
use paidan::ingest::unpack::{Bounds, Unpack};
use paidan::journal::Frame;
use paidan::limits::LINE_BYTES_MAX;
use paidan::record::{SLOT, Tally, Turned, slot_body, slot_move_body};
use paidan::report::{Field, Reason};

const KEY: HashKey = HashKey { k0: 5, k1: 6 };

// --- What comes through --------------------------------------------------------------------------------------------------

/// A line as it came through the door: what is in the frame, with places counted from the start of the input.
#[derive(Clone, PartialEq, Debug)]
struct Through {
    offset: u64,
    body: Vec<u8>,
    what: What,
}

#[derive(Clone, PartialEq, Debug)]
enum What {
    /// The slot, moved to offset 0.
    Record(Box<[u8; SLOT]>),
    /// The tally, with its line counted from 1 within the input.
    Tally(Tally),
}

/// All lines of an input, and what they came to.
#[derive(PartialEq, Default)]
struct All {
    lines: Vec<Through>,
    sum: u64,
    end: u64,
}

impl All {
    /// Puts a chunk through a door and takes up what stands in the frame.
    fn take(&mut self, door: &mut Door<'_>, chunk: &Chunk, frame: &mut Frame) {
        let Filled { lines, sum } = door.fill(chunk, frame);
        let before = self.lines.len();
        let mut tally = 0;
        for record in 0..=frame.records() {
            while tally < frame.tallies() && frame.placed_tally(tally).before as usize == record {
                let placed = frame.placed_tally(tally);
                let body = frame.bodies()[placed.body_at as usize..][..placed.body_len as usize].to_vec();
                let what = What::Tally(Tally { line: placed.tally.line + before as u64, ..placed.tally });
                self.lines.push(Through { offset: chunk.bodies_at + u64::from(placed.body_at), body, what });
                tally += 1;
            }
            if record < frame.records() {
                let mut slot = Box::new(*frame.slot(record));
                let offset = chunk.bodies_at + u64::from(slot_body(&*slot).at);
                slot_move_body(&mut *slot, 0);
                self.lines.push(Through { offset, body: frame.body(record).to_vec(), what: What::Record(slot) });
            }
        }
        assert_eq!(lines as usize, self.lines.len() - before, "a line is a record or a tally");
        self.sum = self.sum.wrapping_add(sum);
        self.end = chunk.end;
    }
}

struct Bench {
    city: City,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { city: City::pudong(), path: folder.path().join("input.ndjson"), _folder: folder }
    }

    fn door(&self) -> Door<'_> {
        Door::new(&self.city, KEY, None)
    }

    /// Everything of the file, in one frame that is used again, from line start `from` on.
    fn file(&self, bytes: &[u8], from: u64, chunk_bytes: usize) -> All {
        std::fs::write(&self.path, bytes).expect("a file");
        let file = FileInput::open(&self.path, from, chunk_bytes).expect("a file");
        let (mut door, mut frame, mut all) = (self.door(), Frame::new(), All::default());
        let mut chunks = 0;
        while let Some(index) = file.claim(u64::MAX) {
            frame.clear();
            let chunk = file.read(7, index, &mut frame).expect("a chunk");
            assert_eq!((chunk.input, chunk.index, chunk.last), (7, chunks, chunks + 1 == file.chunks()));
            all.take(&mut door, &chunk, &mut frame);
            chunks += 1;
        }
        assert_eq!(chunks, file.claimed());
        all
    }

    fn pipe(&self, reader: impl Read + Send + 'static, chunk_bytes: usize, full: bool) -> All {
        let mut stream = stream(reader, chunk_bytes);
        let patience = || if full { Patience::Chunk } else { Patience::Line };
        let (mut door, mut frame, mut all) = (self.door(), Frame::new(), All::default());
        let mut last = false;
        while !last {
            let chunk = stream.read(7, &mut frame, patience).expect("a stream").expect("a stream that is never quiet");
            last = chunk.last;
            all.take(&mut door, &chunk, &mut frame);
            frame.clear();
        }
        all
    }
}

/// A stream of lines as they stand.
fn stream(reader: impl Read + Send + 'static, chunk_bytes: usize) -> StreamInput {
    StreamInput::new(Unpack::new(Box::new(reader), Bounds::default()), Layout::default(), chunk_bytes)
}

/// A stream that gives its bytes in pieces of drawn sizes, and is interrupted now and then.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
    random: u64,
}

impl Pieces {
    fn new(bytes: &[u8], most: usize) -> Self {
        Self { bytes: bytes.to_vec(), at: 0, most, random: most as u64 }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!buffer.is_empty(), "a read of no bytes looks like the end");
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = (self.random >> 33) as usize;
        if draw.is_multiple_of(17) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = &self.bytes[self.at..];
        let len = (1 + draw % self.most).min(rest.len()).min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

// --- What is expected ----------------------------------------------------------------------------------------------------

/// A line of a test's input: its bytes, and why it is not accepted.
#[derive(Clone, Debug)]
struct Given(Vec<u8>, Option<(Field, Reason)>);

fn good(id: usize) -> Given {
    Given(format!("{{\"source\":\"12345\",\"id\":\"{id}\",\"ts\":{},\"text\":\"井盖\"}}", 1 + id).into(), None)
}

fn bad(bytes: impl Into<Vec<u8>>, reason: Reason) -> Given {
    Given(bytes.into(), Some((Field::Line, reason)))
}

/// A good line of exactly so many bytes.
fn long(id: usize, bytes: usize) -> Given {
    let Given(mut line, _) = good(id);
    line.truncate(line.len() - "\"}".len());
    line.resize(bytes - 2, b'x');
    line.extend(b"\"}");
    Given(line, None)
}

fn text(lines: &[Given], is_ended: bool) -> Vec<u8> {
    let mut text = lines.iter().map(|line| &*line.0).collect::<Vec<_>>().join(&b'\n');
    if is_ended && !lines.is_empty() {
        text.push(b'\n');
    }
    text
}

/// Compares with what a naive cut at every newline says.
#[track_caller]
fn compare(lines: &[Given], bytes: &[u8], found: &All, how: &str) {
    let (mut offset, mut sum) = (0, 0_u64);
    assert_eq!(found.lines.len(), lines.len(), "{how}");
    for ((number, Given(line, reject)), through) in (1..).zip(lines).zip(&found.lines) {
        let kept = &line[..line.len().min(LINE_BYTES_MAX + 1)];
        assert!(through.body == kept, "{how}: the body of line {number}");
        assert_eq!(through.offset, offset, "{how}: the offset of line {number}");
        match &through.what {
            What::Record(slot) => {
                assert_eq!(*reject, None, "{how}: line {number} is accepted");
                assert_eq!(slot_body(&**slot).len as usize, kept.len());
            }
            What::Tally(tally) => {
                assert_eq!(Some((tally.field, tally.reason)), *reject, "{how}: line {number}");
                assert_eq!((tally.turned, tally.count), (Turned::Rejected, 1));
                assert_eq!((tally.line, tally.offset), (number, offset), "{how}: where line {number} is");
            }
        }
        sum = sum.wrapping_add(line_sum(body_hash(kept), offset));
        offset += line.len() as u64 + 1;
    }
    assert_eq!((found.sum, found.end), (sum, bytes.len() as u64), "{how}");
}

/// Reads lines as a file and as a stream in many ways: all say the same.
#[track_caller]
fn check_with(lines: &[Given], chunk_sizes: &[usize], pieces: &[usize]) {
    let bench = Bench::new();
    for is_ended in [true, false] {
        let bytes = text(lines, is_ended);
        let first = bench.file(&bytes, 0, 1 << 22);
        if is_ended || lines.last().is_some_and(|line| !line.0.is_empty()) {
            compare(lines, &bytes, &first, "a file in one chunk");
        }
        for &chunk_bytes in chunk_sizes {
            assert!(bench.file(&bytes, 0, chunk_bytes) == first, "a file in chunks of {chunk_bytes}, {is_ended}");
            for (&most, full) in pieces.iter().flat_map(|most| [(most, false), (most, true)]) {
                let piped = bench.pipe(Pieces::new(&bytes, most), chunk_bytes, full);
                let how = format!("a pipe in pieces of {most}, chunks of {chunk_bytes}, full: {full}, {is_ended}");
                assert!(piped.lines == first.lines, "{how}");
                assert_eq!((piped.sum, piped.end), (first.sum, bytes.len() as u64), "{how}");
            }
        }
    }
}

#[track_caller]
fn check(lines: &[Given]) {
    let sizes: Vec<usize> = (1..130).chain([200, 511, 512, 4096, 1 << 16]).collect();
    check_with(lines, &sizes, &[1, 7, 1 << 20]);
}

// --- Small lines ---------------------------------------------------------------------------------------------------------

#[test]
fn lines_of_all_kinds_come_through_once_each() {
    check(&[]);
    check(&[good(1)]);
    check(&[good(1), good(2), good(3)]);
    check(&[bad("", Reason::NotJson), good(1), bad("", Reason::NotJson), bad("", Reason::NotJson), good(2)]);
    check(&[bad("", Reason::NotJson)]);
    check(&[good(1), bad("no json", Reason::NotJson), good(2), bad("[]", Reason::NotAnObject), good(3)]);
}

#[test]
fn a_carriage_return_is_white_space_and_a_line_of_its_own_is_none() {
    let crlf = |given: Given| Given([&*given.0, b"\r"].concat(), given.1);
    check(&[crlf(good(1)), crlf(good(2)), bad("\r", Reason::NotJson), good(3)]);
    check(&[bad("{}\r{}", Reason::NotJson), good(1)]);
}

#[test]
fn strange_bytes_spoil_only_their_own_line() {
    check(&[good(1), bad(&b"{\"id\":\"\xff\"}"[..], Reason::NotUtf8), good(2)]);
    check(&[bad(&b"\xf0\x9f"[..], Reason::NotUtf8), good(1), bad(&b"\x98\x80"[..], Reason::NotUtf8)]);
    check(&[good(0), bad("\u{feff}{}", Reason::NotJson), good(1), bad("\0", Reason::NotJson), good(2)]);
    check(&[good(1), bad("{\"source\":\"12345\",\"id\":\"a\0\"}", Reason::NotJson), good(2)]);
}

#[test]
fn a_file_goes_on_at_any_line() {
    let bench = Bench::new();
    let lines: Vec<Given> = (0..9).map(good).collect();
    let bytes = text(&lines, true);
    let all = bench.file(&bytes, 0, 1 << 20);
    for (done, through) in all.lines.iter().enumerate() {
        for chunk_bytes in [1, 10, 64, 1 << 20] {
            let rest = bench.file(&bytes, through.offset, chunk_bytes);
            assert!(rest.lines == all.lines[done..], "from line {} in chunks of {chunk_bytes}", done + 1);
        }
    }
    assert!(bench.file(&bytes, bytes.len() as u64, 10).lines.is_empty());
}

#[test]
fn the_sum_of_a_part_is_that_of_its_lines() {
    let bench = Bench::new();
    let bytes = text(&(0..20).map(good).collect::<Vec<_>>(), true);
    let all = bench.file(&bytes, 0, 1 << 20);
    for chunk_bytes in [1, 33, 100, 1 << 20] {
        let file = FileInput::open(&bench.path, 0, chunk_bytes).expect("a file");
        let mut sum = 0_u64;
        for through in &all.lines {
            assert_eq!(file.sum_before(through.offset).expect("a file"), sum, "before {}", through.offset);
            sum = sum.wrapping_add(line_sum(body_hash(&through.body), through.offset));
        }
        assert_eq!(file.sum_before(bytes.len() as u64).expect("a file"), sum);
        assert_eq!(sum, all.sum);
    }
}

// --- Long lines ----------------------------------------------------------------------------------------------------------

const LONG_SIZES: [usize; 5] = [60_000, LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 3 << 20];

#[test]
fn a_line_up_to_the_limit_is_accepted_and_one_byte_more_is_not() {
    let too_long = |id: usize, bytes: usize| bad(long(id, bytes).0, Reason::TooLong);
    let sizes = &LONG_SIZES;
    let pieces = &[100_000, 1 << 20];
    check_with(&[good(1), long(2, LINE_BYTES_MAX), good(3)], sizes, pieces);
    check_with(&[good(1), too_long(2, LINE_BYTES_MAX + 1), good(3)], sizes, pieces);
    check_with(&[too_long(1, LINE_BYTES_MAX + 2), too_long(2, LINE_BYTES_MAX * 2), good(3)], sizes, pieces);
    check_with(&[good(1), bad(vec![b' '; LINE_BYTES_MAX * 3], Reason::TooLong), good(3)], sizes, pieces);
    check_with(&[long(1, LINE_BYTES_MAX), long(2, LINE_BYTES_MAX), too_long(3, LINE_BYTES_MAX + 1)], sizes, pieces);
}

#[test]
fn a_line_beyond_the_limit_comes_through_a_pipe_byte_by_byte() {
    let lines = [good(1), bad(vec![b'x'; LINE_BYTES_MAX + 1000], Reason::TooLong), good(2)];
    check_with(&lines, &[64], &[1]);
}

#[test]
fn a_line_cut_at_the_limit_is_not_blamed_for_half_a_character() {
    // The limit falls between the bytes of a character.
    let lines = [good(1), bad("井".repeat(LINE_BYTES_MAX / 3 + 1000), Reason::TooLong), good(2)];
    check_with(&lines, &[LINE_BYTES_MAX, 3 << 20], &[1 << 20]);
}

// --- What fails ----------------------------------------------------------------------------------------------------------

#[test]
fn a_stream_that_fails_says_so() {
    struct Fails(Option<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
            let bytes = self.0.take().ok_or_else(|| io::Error::other("the line is dead"))?;
            buffer.write(&bytes)
        }
    }
    let bytes = text(&[good(1), good(2)], false);
    let whole = good(1).0.len() + 1;
    let mut stream = stream(Fails(Some(bytes)), 1 << 16);
    let mut frame = Frame::new();
    let chunk = stream.read(7, &mut frame, || Patience::Chunk).expect("what came first").expect("a chunk");
    assert!(!chunk.last && chunk.lines == (0..whole));
    frame.clear();
    let error = stream.read(7, &mut frame, || Patience::Chunk).expect_err("the stream fails");
    assert_eq!(error.to_string(), "the line is dead");
    let last = stream.break_off(7);
    assert_eq!((last.input, last.index, last.end, last.last, last.lines), (7, 1, whole as u64, true, 0..0));
}

#[test]
fn a_file_that_became_shorter_is_an_error() {
    let bench = Bench::new();
    let bytes = text(&(0..100).map(good).collect::<Vec<_>>(), true);
    std::fs::write(&bench.path, &bytes).expect("a file");
    let file = FileInput::open(&bench.path, 0, 1000).expect("a file");
    std::fs::OpenOptions::new().write(true).open(&bench.path).and_then(|file| file.set_len(1500)).expect("a file");
    let mut frame = Frame::new();
    let error = file.read(0, 1, &mut frame).expect_err("half of the chunk is gone");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let expected = format!("文件变短 became shorter while it was read: 1500 of {} bytes are left", bytes.len());
    assert_eq!(error.to_string(), expected);
    let chunk = file.break_off(0, 1, &mut frame);
    assert!(chunk.last && chunk.bodies_at == 999 && chunk.end <= 1500, "{chunk:?}");
    assert_eq!(frame.bodies().last(), Some(&b'\n'), "only whole lines are left");
    assert!(memchr::memchr(b'\n', &bytes[chunk.end as usize..1500]).is_none(), "all of them");
    assert_eq!(file.claim(u64::MAX), None, "nothing is read behind the break");
}

#[test]
fn a_file_that_grows_is_read_to_where_it_ended() {
    let bench = Bench::new();
    let bytes = text(&[good(1), good(2)], true);
    std::fs::write(&bench.path, &bytes).expect("a file");
    let file = FileInput::open(&bench.path, 0, 1000).expect("a file");
    std::fs::write(&bench.path, [&*bytes, &*bytes].concat()).expect("a file");
    let mut frame = Frame::new();
    let chunk = file.read(0, 0, &mut frame).expect("a chunk");
    assert!(chunk.last && chunk.end == bytes.len() as u64 && frame.bodies() == bytes);
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let bench = Bench::new();
    let folder = bench.path.parent().expect("a folder");
    let refusal = |path| FileInput::open(path, 0, 1000).err().map(|error| error.to_string());
    assert_eq!(refusal(folder).as_deref(), Some("是文件夹 is a folder; name the files in it"));
    let device = refusal(std::path::Path::new("/dev/null"));
    assert_eq!(device.as_deref(), Some("is not a regular file"));
    let error = FileInput::open(&bench.path, 0, 1000).err().map(|error| error.kind());
    assert_eq!(error, Some(io::ErrorKind::NotFound));
}

#[test]
fn the_identity_of_a_file_tells_it_from_another() {
    let bench = Bench::new();
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let identity = |bytes: &[u8]| {
        std::fs::write(&bench.path, bytes).expect("a file");
        Identity { modified_ns: 0, ..Identity::of(&bench.path).expect("a file") }
    };
    let first = identity(&bytes);
    assert_eq!(identity(&bytes), first);
    assert_eq!(identity(&bytes[1..]).bytes, first.bytes - 1);
    for at in [0, 4095, bytes.len() - 1] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert_ne!(identity(&other), first, "byte {at}");
    }
    assert_eq!(identity(&[]).bytes, 0);
}
