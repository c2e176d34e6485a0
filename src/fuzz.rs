//! What the fuzzer calls: each function takes any bytes, and panics if what they lead to is wrong.
//!
//! Compiled only for tests, which run it on the committed inputs and on changes of them, and for the fuzzer, which looks for
//! more: `tests/fuzz/README.md` says how.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

use crate::city::{Encoding, Layout, TableLayout};
use crate::datum::plane::{Affine, Declared, EastNorth, Ellipsoid, Helmert, Plane, TransverseMercator};
use crate::datum::{Datum, LngLat};
use crate::effect::Digest;
use crate::fingerprint::{Fingerprint, HashKey};
use crate::geo::Point;
use crate::ids::{Seq, SourceId, UnitId};
use crate::ingest::decode::{Decoder, oracle};
use crate::ingest::input::lines;
use crate::ingest::marks::{self, Mark};
use crate::ingest::stream::{Patience, StreamInput};
use crate::ingest::unpack::{Bounds, Unpack};
use crate::journal::buffer::BLOCK;
use crate::journal::frame::{self, HEADER, Ink};
use crate::journal::segment::segment_name;
use crate::journal::sim::SimDisk;
use crate::journal::{Frame, FrameView, Journal, JournalError, Order, Position, Reader, Setup};
use crate::record::{BodyRef, Input, Origin, PlacedTally, Tally, Turned, UnitChange};
use crate::report::{Field, Reason, Reject};
use crate::time::At;

/// A line of input: accepted or turned away as serde_json and the rules of the schema say, as it is, as the value of a field
/// that nobody reads, and as text.
pub fn decoder(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    let mut decoder = Decoder::new();
    // Twice: what was learned from the line must not change what is said of it.
    oracle::check(&mut decoder, line);
    oracle::check(&mut decoder, line);
    oracle::check(&mut decoder, &format!(r#"{{"id":"1","x":{line},"ts":5}}"#));
    oracle::check(&mut decoder, &format!(r#"{{"id":"1","text":"{line}","ts":5}}"#));
}

/// A table, or lines of another encoding: the same lines and faults however they are cut into chunks, every line without a
/// fault an object of texts.
pub fn table(data: &[u8]) {
    let (choice, bytes) = data.split_first().unwrap_or((&0, &[]));
    let columns = if choice & 4 == 0 { vec![] } else { vec!["id".into(), "text".into()] };
    let layout = Layout {
        encoding: if choice & 1 == 0 { Encoding::Utf8 } else { Encoding::Gb18030 },
        table: (choice & 2 == 0)
            .then_some(TableLayout { delimiter: if choice & 8 == 0 { b',' } else { b'\t' }, columns }),
    };
    let whole = all_lines(bytes, &layout, 512);
    assert!(whole == all_lines(bytes, &layout, 24), "chunks show");
    let is_table = layout.table.is_some() && !holds_letters(bytes);
    for (line, fault) in whole.0.iter().filter(|(_, fault)| is_table && fault.is_none()) {
        let texts = serde_json::from_slice::<BTreeMap<String, String>>(line);
        assert!(texts.is_ok(), "{fault:?} {:?}", String::from_utf8_lossy(line));
    }
}

/// Whether an input begins with a dead letter: then its other lines are read as they stand.
fn holds_letters(bytes: &[u8]) -> bool {
    let mut text = Vec::new();
    // What is damaged is read up to there.
    let _ = Unpack::new(Box::new(std::io::Cursor::new(bytes.to_vec())), BOUNDS).read_to_end(&mut text);
    let mark = marks::byte_order_mark(&text, true).flatten();
    marks::is_letter(&text[mark.map_or(0, Mark::bytes)..], true) == Some(true)
}

/// Small bounds: what unpacks to more is broken off, and that is tried too.
const BOUNDS: Bounds = Bounds { ratio: 100, free_bytes: 1 << 12, bytes: 1 << 16 };

/// Lines, each with what is wrong with it, and what broke the stream off.
type Lines = (Vec<(Vec<u8>, Option<Reject>)>, Option<String>);

fn all_lines(bytes: &[u8], layout: &Layout, chunk_bytes: usize) -> Lines {
    let bytes = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let mut stream = StreamInput::new(Unpack::new(bytes, BOUNDS), layout.clone(), chunk_bytes);
    let (mut all, mut broken, mut frame) = (Vec::new(), None, Frame::new());
    loop {
        frame.clear();
        let chunk = match stream.read(0, &mut frame, || Patience::Chunk) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => panic!("nothing is to be waited for"),
            Err(cause) => {
                broken = Some(cause.to_string());
                stream.break_off(0)
            }
        };
        for (at, line) in lines(frame.bodies(), &chunk) {
            let fault = chunk.faults.iter().find(|fault| fault.at as usize == at);
            all.push((line.to_vec(), fault.map(|fault| fault.reject)));
        }
        if chunk.last {
            return (all, broken);
        }
    }
}

/// Places in frames and planes: there and back is the same place to a millimetre, and nothing on earth becomes no number.
pub fn datum(data: &[u8]) {
    let mut input = Bytes(data);
    let frame = Datum::ALL[usize::from(input.byte() % 4)];
    let place = LngLat { lng: input.float(), lat: input.float() };
    let (to, back) = (frame.to_wgs84(place), frame.of_wgs84(frame.to_wgs84(place)));
    if place.is_on_earth() {
        assert!([to.lng, to.lat, back.lng, back.lat].iter().all(|degrees| degrees.is_finite()), "{frame:?} {place:?}");
    }
    // A tenth of a degree inside the box nothing of its border shows.
    if (72.2..137.6).contains(&place.lng) && (1.0..55.6).contains(&place.lat) {
        assert!(
            (back.lng - place.lng).abs() < 1e-9 && (back.lat - place.lat).abs() < 1e-9,
            "{frame:?} {place:?} {back:?}"
        );
    }
    let metres = EastNorth { east: place.lng * 1e5, north: place.lat * 1e5 };
    for plane in PLANES.iter() {
        let Some(degrees) = plane.to_degrees(metres) else { continue };
        assert!(degrees.is_on_earth(), "{metres:?} {degrees:?}");
        // Within some 400 km of the central meridian, and of the north of China's planes.
        if metres.east.abs() < 4e5 && (0.0..6e6).contains(&metres.north) {
            let back = plane.of_degrees(degrees).expect("it came from there");
            let away = (back.east - metres.east).hypot(back.north - metres.north);
            assert!(away < 1e-3, "{metres:?} {back:?}: {away} m");
        }
    }
}

/// A plane as it is declared by the national grid, and one of an old datum with all that may stand before and behind.
static PLANES: LazyLock<[Plane; 2]> = LazyLock::new(|| {
    let declared = |ellipsoid| Declared {
        ellipsoid,
        central_meridian: 121.0 + 28.0 / 60.0,
        latitude_of_origin: 0.0,
        false_easting: 0.0,
        false_northing: 0.0,
        scale: 1.0,
    };
    let helmert = Helmert { shift_m: [-16.0, 148.0, 79.0], rotation_s: [0.1, -0.2, 0.3], scale_ppm: -1.5 };
    let turned = Affine::new([0.9999, 0.01, 12.0, -0.01, 0.9999, -7.0]).expect("it can be undone");
    [
        Plane::projected(Affine::NONE, TransverseMercator::new(&declared(Ellipsoid::ALL[0])), None),
        Plane::projected(turned, TransverseMercator::new(&declared(Ellipsoid::ALL[2])), Some(helmert)),
    ]
});

/// Bytes of a segment of the journals that are made here.
const SEGMENT_BYTES: usize = 4 * BLOCK;
/// Most frames that they begin with.
const FRAMES_MAX: usize = 5;

/// The journal's frames: whatever the bytes are, they are read to their end or refused.
pub fn frame(data: &[u8]) {
    // As they are, then with checksums that fit.
    let mut bytes = data.to_vec();
    bytes.resize(data.len().next_multiple_of(BLOCK), 0);
    let plain = FrameView::parse(&bytes).is_ok();
    frame::forge(&mut bytes, Ink::default());
    match FrameView::parse(&bytes) {
        Ok(view) => read_all_of(&view),
        Err(why) => assert!(!plain, "a frame is none once its checksums fit: {why}"),
    }
}

/// Asks a frame for everything that it has.
fn read_all_of(view: &FrameView<'_>) {
    let header = view.header();
    let (mut seq, mut at) = (header.order.first_seq, header.order.at_before);
    let mut failed = false;
    for placed in view.records() {
        assert!(!failed, "nothing follows an error");
        let Ok(placed) = placed else {
            failed = true;
            continue;
        };
        let record = placed.record;
        assert_eq!(record.seq, seq, "records are numbered one after the other");
        seq = seq.next();
        at = record.at;
        let body = view.body(record.origin.body);
        assert_eq!(body.len(), record.origin.body.len as usize);
        let id = usize::from(record.origin.body.id_len);
        assert!(record.origin.body.id_at as usize + id <= body.len());
    }
    if !failed {
        assert_eq!((seq, at), (header.next_seq(), view.at_after()));
    }
    assert_eq!(view.positions().count(), header.positions as usize);
    assert!(view.bodies().len() <= view.frame_bytes() as usize);
}

/// A journal of a few frames that was changed at rest: what was whole before the change is read as it was, or all of it is
/// refused; what is opened can be written on; and what is refused is not changed.
pub fn recovery(data: &[u8]) {
    let mut input = Bytes(data);
    let (frames, synced) = (usize::from(input.byte()) % FRAMES_MAX, input.byte().is_multiple_of(2));
    let (disk, before) = &JOURNALS[2 * frames + usize::from(synced)];
    let disk = disk.fork(7);
    let first_touched = change(&disk, &mut input);
    let contents = || [1, 2, 3].map(|ordinal| disk.contents(&segment_name(ordinal)));
    let changed = contents();
    let found = all_frames(&disk);
    if let Ok(found) = &found {
        let kept = before.iter().zip(found).take_while(|(one, other)| one == other).count();
        let untouched = before.iter().take_while(|frame| (frame.segment, frame.end) <= first_touched).count();
        assert!(kept >= untouched, "{kept} of {untouched} untouched frames are read as they were");
    }
    match Journal::open(disk.clone(), setup(data.len() as u64)) {
        Ok((mut journal, recovery)) => {
            let found = found.expect("what can be opened can be read");
            let mut next = filled(recovery.next_seq, 1);
            journal.append(&mut next).expect("a journal that was opened can be written");
            journal.sync().expect("a journal that was opened can be written");
            drop(journal);
            let after = all_frames(&disk).expect("what was written can be read");
            assert_eq!(after.len(), found.len() + 1, "nothing is lost, one is added");
        }
        Err(_) if found.is_ok() => panic!("what can be read can be opened"),
        Err(_) => assert!(contents() == changed, "what is refused is not changed"),
    }
}

fn setup(entropy: u64) -> Setup {
    Setup { entropy, segment_bytes: SEGMENT_BYTES as u64 }
}

/// Where a frame was found, and the sum of its header, which covers all of it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    segment: u64,
    end: u64,
    sum: u32,
}

/// Journals to change, each with its frames: of 1 to [`FRAMES_MAX`] frames, each as it is left without syncs and with them.
static JOURNALS: LazyLock<Vec<(SimDisk, Vec<Place>)>> = LazyLock::new(|| {
    let kinds = (1..=FRAMES_MAX).flat_map(|frames| [(frames, false), (frames, true)]);
    let made = kinds.map(|(frames, synced)| {
        let disk = journal(frames, synced);
        let places = all_frames(&disk).expect("what was just written can be read");
        assert_eq!(places.len(), frames);
        (disk, places)
    });
    made.collect()
});

/// A journal of so many frames.
fn journal(frames: usize, synced: bool) -> SimDisk {
    let disk = SimDisk::new(7);
    let key = HashKey { k0: 1, k1: 2 };
    let mut journal = Journal::create(disk.clone(), key, 1, setup(1)).expect("a disk without faults");
    for nth in 0..frames {
        let mut frame = filled(journal.next_seq(), nth % 4);
        journal.append(&mut frame).expect("a disk without faults");
        if synced {
            journal.sync().expect("a disk without faults");
        }
    }
    disk
}

/// A frame of some records, each with a body, and a tally.
fn filled(first_seq: Seq, records: usize) -> Frame {
    let mut frame = Frame::new();
    for nth in 0..records {
        let at = frame.push_body(br#"{"id":"1"}"#);
        let body = BodyRef { at, len: 10, id_at: 7, id_len: 1, key: 0 };
        let fingerprint = Fingerprint { lo: first_seq.0, hi: nth as u64 };
        let origin = Origin { source: SourceId(0), fingerprint, body_hash: 0, event_time: Some(At(5)), body };
        let change = UnitChange { unit: UnitId(0), status: None, point: Point::NONE, capacity: Some(3) };
        frame.fill().1.push(&origin, &Input::Unit(change));
    }
    let tally = Tally {
        turned: Turned::Rejected,
        count: 1,
        field: Field::Line,
        reason: Reason::NotJson,
        input: 0,
        line: 1,
        offset: 0,
        wrong_at: 0,
    };
    frame.fill().1.tally(PlacedTally { before: 0, source: SourceId(0), body_at: 0, body_len: 0, tally });
    frame.close();
    (0..records).for_each(|record| frame.set_stamp(record, At(first_seq.0 as i64)));
    frame.set_positions(&[Position { offset: first_seq.0, line: 1, ..Position::default() }]);
    frame.set_order(Order { first_seq, digest: Digest(first_seq.0), ..Order::default() });
    frame
}

/// Every frame of a journal.
fn all_frames(disk: &SimDisk) -> Result<Vec<Place>, JournalError> {
    let mut reader = Reader::open(disk.clone())?;
    let mut frames = Vec::new();
    while let Some(found) = reader.next_frame()? {
        read_all_of(&found.view);
        let end = found.offset + found.view.frame_bytes();
        frames.push(Place { segment: found.segment, end, sum: found.view.header().sum });
    }
    Ok(frames)
}

/// Changes segments as the bytes say; gives the first place that may have been changed.
fn change(disk: &SimDisk, input: &mut Bytes<'_>) -> (u64, u64) {
    let mut first = (u64::MAX, u64::MAX);
    while !input.0.is_empty() {
        let (what, ordinal) = (input.byte() % 4, u64::from(input.byte() % 3) + 1);
        let name = segment_name(ordinal);
        let Some(contents) = disk.contents(&name) else { continue };
        let at = usize::from(input.short()) % (contents.len() + 1);
        let len = usize::from(input.byte()).min(contents.len() - at);
        match what {
            0 => disk.cut(&name, at as u64),
            1 => disk.overwrite(&name, at as u64, &vec![input.byte(); len]),
            2 => disk.overwrite(&name, at as u64, input.take(len)),
            _ => forge_frame(disk, &name, &contents, at, input.take(len)),
        }
        // A forged frame is changed from its block on.
        first = first.min((ordinal, (at / BLOCK * BLOCK) as u64));
    }
    first
}

/// Puts some bytes into the frame at a place, and makes its checksums fit again.
fn forge_frame(disk: &SimDisk, name: &str, contents: &[u8], at: usize, with: &[u8]) {
    let from = at / BLOCK * BLOCK;
    let mut block = contents[from..].to_vec();
    let within = (at - from) % (HEADER + 64);
    let Some(place) = block.get_mut(within..within + with.len()) else { return };
    place.copy_from_slice(with);
    let ink = FrameView::parse(&contents[from..]).map_or(Ink::default(), |view| view.header().ink);
    frame::forge(&mut block, ink);
    disk.overwrite(name, from as u64, &block);
}

/// Takes what is left, piece by piece; zeros behind its end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn float(&mut self) -> f64 {
        let mut bits = [0; 8];
        self.take(8).iter().zip(&mut bits).for_each(|(from, to)| *to = *from);
        f64::from_le_bytes(bits)
    }

    fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Changes of each committed input.
    const CHANGES: u64 = 3_000;

    /// SplitMix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((word ^ (word >> 31)) % n.max(1) as u64) as usize
        }
    }

    /// An input with a few bytes set, cut out, or said twice.
    fn changed(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            let len = random.below(16).min(bytes.len() - at);
            match random.below(5) {
                0 if !bytes.is_empty() => bytes[at] = random.below(256) as u8,
                1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.drain(at..at + len)),
                3 => drop(bytes.splice(at..at, bytes[at..at + len].to_vec())),
                _ => drop(bytes.splice(at..at, other[..len.min(other.len())].to_vec())),
            }
        }
        bytes
    }

    /// Runs a target on its committed inputs and on changes of them.
    fn smoke(name: &str, target: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an input").path()).collect();
        paths.sort();
        let inputs: Vec<_> = paths.iter().map(|path| std::fs::read(path).expect("an input")).collect();
        assert!(inputs.len() >= 5, "{name} has a corpus");
        let mut random = Random(1);
        for input in &inputs {
            target(input);
            for _ in 0..CHANGES {
                target(&changed(input, &inputs[random.below(inputs.len())], &mut random));
            }
        }
    }

    #[test]
    fn lines_of_any_text() {
        smoke("decoder", decoder);
    }

    #[test]
    fn tables_of_any_bytes() {
        smoke("table", table);
    }

    #[test]
    fn places_of_any_numbers() {
        smoke("datum", datum);
    }

    #[test]
    fn frames_of_any_bytes() {
        smoke("frame", frame);
    }

    #[test]
    fn journals_changed_at_rest() {
        smoke("recovery", recovery);
    }
}
