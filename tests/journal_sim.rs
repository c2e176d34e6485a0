//! The journal on a simulated disk that loses what was not synced, tears what was being written, fails, fills up and rots.
//!
//! The checker knows only what a client knows: what it appended, and what was confirmed.

use std::path::Path;

use paidan::effect::Digest;
use paidan::fingerprint::{Fingerprint, HashKey};
use paidan::geo::Point;
use paidan::ids::{AreaId, CellId, ClassId, ConditionId, DepartmentId, Seq, SourceId};
use paidan::journal::buffer::BLOCK;
use paidan::journal::frame::{FrameError, HEADER};
use paidan::journal::segment::segment_name;
use paidan::journal::sim::{Fault, SimDisk};
use paidan::journal::{Disk, Frame, FrameView, Journal, JournalError, Kind, Order, Position, Reader, Recovery, Setup};
use paidan::record::{BodyRef, Head, Input, Origin, PlacedTally, SLOT, Tally, Turned};
use paidan::report::{Field, Reason, Urgency};
use paidan::time::At;

const KEY: HashKey = HashKey { k0: 11, k1: 22 };
const SEGMENT_BYTES: u64 = 6 * BLOCK as u64;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % n
    }
}

fn report() -> Input {
    Input::Report(Head {
        point: Point { lng: 1, lat: 2 },
        cell: CellId(3),
        area: AreaId(4),
        class: ClassId(5),
        condition: ConditionId::NONE,
        against: DepartmentId::NONE,
        confidence: 6,
        urgency: Urgency::B,
        keep_late: false,
        reporter: 0,
        component: 0,
        address: 0,
    })
}

fn tally() -> PlacedTally {
    let tally = Tally {
        turned: Turned::Rejected,
        count: 1,
        field: Field::ALL[0],
        reason: Reason::ALL[0],
        input: 0,
        line: 1,
        offset: 0,
        wrong_at: 0,
    };
    PlacedTally { before: 0, source: SourceId(1), body_at: 0, body_len: 0, tally }
}

/// A frame of `records` records with a body of `body_bytes` each, and `tallies` tallies.
fn frame(first_seq: Seq, records: usize, body_bytes: usize, tallies: usize) -> Frame {
    let mut frame = Frame::new();
    for i in 0..records {
        let at = frame.push_body(&vec![b'a' + ((first_seq.0 as usize + i) % 26) as u8; body_bytes]);
        let body = BodyRef { at, len: body_bytes as u32, ..BodyRef::default() };
        let fingerprint = Fingerprint { lo: first_seq.0 + i as u64, hi: 0 };
        let origin = Origin { source: SourceId(1), fingerprint, body_hash: 0, event_time: None, body };
        frame.fill().1.push(&origin, &report());
    }
    (0..tallies).for_each(|_| frame.fill().1.tally(tally()));
    frame.close();
    (0..records).for_each(|i| frame.set_stamp(i, At(first_seq.0 as i64 + i as i64)));
    frame.set_positions(&[Position { offset: first_seq.0, line: 1, ..Position::default() }]);
    frame.set_order(Order { first_seq, digest: Digest(first_seq.0), ..Order::default() });
    frame
}

fn document(first_seq: Seq) -> Frame {
    let mut frame = Frame::document(Kind::Manifest, br#"{"city":"pudong"}"#);
    frame.set_order(Order { first_seq, ..Order::default() });
    frame
}

fn setup(entropy: u64) -> Setup {
    Setup { entropy, segment_bytes: SEGMENT_BYTES }
}

fn create(disk: &SimDisk, entropy: u64) -> Journal<SimDisk> {
    Journal::create(disk.clone(), KEY, 1, setup(entropy)).expect("a disk without faults")
}

/// Appends a frame to a journal on a disk without faults.
fn append(journal: &mut Journal<SimDisk>, records: usize, body_bytes: usize) {
    let mut frame = frame(journal.next_seq(), records, body_bytes, 1);
    journal.append(&mut frame).expect("a disk without faults");
}

/// All frames of a folder, as they lie on the disk.
fn read_all(disk: &SimDisk) -> Result<Vec<Vec<u8>>, JournalError> {
    let mut reader = Reader::open(disk.clone())?;
    let mut frames = Vec::new();
    while let Some(found) = reader.next_frame()? {
        let bytes = disk.contents(&segment_name(found.segment)).expect("a segment that is read is there");
        frames.push(bytes[found.offset as usize..][..found.view.frame_bytes() as usize].to_vec());
    }
    Ok(frames)
}

/// What a client knows.
#[derive(Default)]
struct History {
    /// Every frame that was ever appended, in order; the last one perhaps without an answer.
    frames: Vec<Vec<u8>>,
    /// How many of them were confirmed.
    confirmed: usize,
    /// How many of them may be gone, because the client gave them up.
    given_up: usize,
}

impl History {
    /// Compares with what is there after a recovery.
    fn check(&self, there: &[Vec<u8>]) -> Result<(), String> {
        let Some(first) = there.first() else {
            return match self.confirmed > self.given_up {
                true => Err(format!("all is lost, {} frames were confirmed", self.confirmed)),
                false => Ok(()),
            };
        };
        let skipped =
            self.frames.iter().position(|frame| frame == first).ok_or("the first frame was never appended")?;
        if skipped > self.given_up {
            return Err(format!("{skipped} frames are gone from the start, {} were given up", self.given_up));
        }
        if skipped + there.len() < self.confirmed {
            return Err(format!("{} frames are there, {} were confirmed", skipped + there.len(), self.confirmed));
        }
        match self.frames[skipped..].starts_with(there) {
            true => Ok(()),
            false => Err("what is there is not what was appended".to_owned()),
        }
    }

    /// After a recovery the log is what is there, and all of it is confirmed.
    fn adopt(&mut self, there: Vec<Vec<u8>>) {
        *self = Self { confirmed: there.len(), frames: there, given_up: 0 };
    }

    /// How many frames hold only records before `before`. Those without records have no number of their own.
    fn frames_before(&self, before: Seq) -> usize {
        let ends = |frame: &Vec<u8>| FrameView::parse(frame).expect("a frame as it was appended").header().next_seq();
        self.frames.iter().rposition(|frame| ends(frame) <= before).map_or(0, |i| i + 1)
    }
}

/// Appends, syncs and retires as `random` says, until something fails.
fn live(
    journal: &mut Journal<SimDisk>,
    history: &mut History,
    random: &mut Random,
    acts: u64,
) -> Result<(), JournalError> {
    for _ in 0..acts {
        match random.below(10) {
            0..=5 => {
                let first = journal.next_seq();
                let mut frame = match random.below(8) {
                    0 => document(first),
                    n => frame(first, n as usize, 1 << random.below(11), random.below(3) as usize),
                };
                let appended = journal.append(&mut frame);
                // A full disk is told before the frame is sealed; after any other failure it may or may not be there.
                if !appended.as_ref().is_err_and(|error| error.is_full() || frame.header().sum == 0) {
                    history.frames.push(frame.bytes().to_vec());
                }
                appended?;
            }
            6..=8 => {
                let durable = journal.sync()?;
                assert_eq!((durable, durable), (journal.last(), journal.durable()));
                history.confirmed = history.frames.len();
            }
            _ => {
                let before = Seq(random.below(journal.next_seq().0 + 1));
                history.given_up = history.given_up.max(history.frames_before(before));
                journal.retire(before)?;
            }
        }
    }
    Ok(())
}

/// A first life on a new disk.
fn first_life(disk: &SimDisk, seed: u64, history: &mut History) -> Result<(), JournalError> {
    let mut journal = Journal::create(disk.clone(), KEY, 1, setup(seed))?;
    let result = live(&mut journal, history, &mut Random(seed), 40);
    if result.is_err() {
        check_poisoned(&mut journal);
    }
    result
}

fn check_poisoned(journal: &mut Journal<SimDisk>) {
    let first = journal.sync().expect_err("a failed journal confirms nothing").to_string();
    let again = journal.append(&mut frame(journal.next_seq(), 1, 1, 0)).expect_err("a failed journal takes nothing");
    assert_eq!(first, again.to_string());
    assert_eq!(first, journal.retire(Seq(1)).expect_err("a failed journal gives up nothing").to_string());
}

fn recover(disk: &SimDisk, entropy: u64) -> Result<Option<(Journal<SimDisk>, Recovery)>, JournalError> {
    match Journal::is_in(disk)? {
        true => Journal::open(disk.clone(), setup(entropy)).map(Some),
        false => Ok(None),
    }
}

/// Recovers, and compares with what the client knows; then cuts the power again, because what was recovered counts as
/// confirmed, and compares once more.
fn recover_and_check(disk: &SimDisk, seed: u64, history: &mut History) -> Result<(), String> {
    for round in 0..2 {
        let recovered = recover(disk, seed ^ (77 + round)).map_err(|error| error.to_string())?;
        let there = match recovered {
            Some(_) => read_all(disk).map_err(|error| error.to_string())?,
            None => Vec::new(),
        };
        history.check(&there)?;
        history.adopt(there);
        disk.crash();
        disk.reboot();
    }
    Ok(())
}

/// A life that crashes at a step, or after its end where it has no such step.
fn crashed_life(seed: u64, step: u64) -> (SimDisk, History) {
    let disk = SimDisk::new(seed * 1000 + step);
    let mut history = History::default();
    disk.plan(step, Fault::Crash);
    if first_life(&disk, seed, &mut history).is_ok() {
        disk.crash();
    }
    assert!(disk.is_down(), "seed {seed}, step {step}: the fault is reached");
    disk.reboot();
    (disk, history)
}

/// How many steps a life without faults takes.
fn steps_of_life(seed: u64) -> u64 {
    let disk = SimDisk::new(seed);
    first_life(&disk, seed, &mut History::default()).expect("a disk without faults");
    disk.steps()
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_confirmed() {
    for seed in 0..60 {
        for step in 0..=steps_of_life(seed) {
            let (disk, mut history) = crashed_life(seed, step);
            if let Err(error) = recover_and_check(&disk, seed, &mut history) {
                panic!("seed {seed}, crash at step {step}: {error}");
            }
        }
    }
}

#[test]
fn a_crash_at_any_step_of_a_recovery_loses_nothing_either() {
    for seed in 0..40 {
        for step in (0..=steps_of_life(seed)).step_by(4) {
            for again in 0.. {
                let (disk, mut history) = crashed_life(seed, step);
                disk.plan(again, Fault::Crash);
                let is_done = recover(&disk, seed + 1).is_ok();
                disk.reboot();
                if let Err(error) = recover_and_check(&disk, seed, &mut history) {
                    panic!("seed {seed}, crash at step {step}, then at step {again} of the recovery: {error}");
                }
                if is_done {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_failure_at_any_step_ends_confirmations_and_loses_nothing() {
    for seed in 0..60 {
        for step in 0..steps_of_life(seed) {
            let disk = SimDisk::new(seed * 1000 + step);
            let mut history = History::default();
            disk.plan(step, Fault::Fail);
            let ended = first_life(&disk, seed, &mut history);
            assert!(ended.is_err(), "seed {seed}, step {step}: the fault is reached and told");
            // At odd steps only the process starts again, and sees the page cache as the failure left it.
            if step % 2 == 0 {
                disk.crash();
                disk.reboot();
            }
            if let Err(error) = recover_and_check(&disk, seed, &mut history) {
                panic!("seed {seed}, failure at step {step}: {error}");
            }
        }
    }
}

#[test]
fn a_failure_at_any_step_of_a_recovery_is_told_and_loses_nothing() {
    for seed in 0..60 {
        for again in 0.. {
            let (disk, mut history) = crashed_life(seed, steps_of_life(seed) / 2);
            disk.plan(again, Fault::Fail);
            let is_done = recover(&disk, seed + 1).is_ok();
            disk.reboot();
            if let Err(error) = recover_and_check(&disk, seed, &mut history) {
                panic!("seed {seed}, failure at step {again} of the recovery: {error}");
            }
            if is_done {
                break;
            }
        }
    }
}

#[test]
fn many_lives_with_many_faults_lose_nothing() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let disk = SimDisk::new(seed);
        let mut history = History::default();
        drop(create(&disk, seed));
        for life in 0..12 {
            let opened = Journal::open(disk.clone(), setup(random.below(u64::MAX)));
            let (mut journal, _) = opened.unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            let there = read_all(&disk).unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            history.check(&there).unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            history.adopt(there);
            let fault = if random.below(3) == 0 { Fault::Fail } else { Fault::Crash };
            disk.plan(random.below(60), fault);
            let ended = live(&mut journal, &mut history, &mut random, 40);
            if !disk.is_down() && (ended.is_ok() || random.below(2) == 0) {
                disk.crash();
            }
            disk.reboot();
        }
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    let is_found_out = |seed: &u64| {
        let disk = SimDisk::new(*seed);
        disk.lie();
        let mut history = History::default();
        first_life(&disk, *seed, &mut history).expect("a disk without faults");
        disk.crash();
        disk.reboot();
        recover_and_check(&disk, *seed, &mut history).is_err()
    };
    let found_out = (0..200).filter(is_found_out).count();
    assert!(found_out > 100, "the checker saw only {found_out} of 200 disks that keep nothing for sure");
}

#[test]
fn a_full_disk_is_told_and_the_log_goes_on_once_there_is_room() {
    const BUDGET: u64 = 3 * SEGMENT_BYTES;
    for seed in 0..100 {
        let (disk, mut history, mut random) = (SimDisk::new(seed), History::default(), Random(seed));
        disk.set_budget(BUDGET);
        let mut journal = create(&disk, seed);
        let mut refusals = 0;
        for _ in 0..8 {
            let Err(error) = live(&mut journal, &mut history, &mut random, 40) else { continue };
            assert!(error.is_full() && error.to_string().contains("setting room aside"), "seed {seed}: {error}");
            assert_eq!(journal.sync().expect("a full disk still syncs"), journal.last(), "seed {seed}");
            history.confirmed = history.frames.len();
            assert!(disk.used() <= BUDGET, "seed {seed}");
            refusals += 1;
            history.given_up = history.frames.len();
            assert!(journal.retire(journal.next_seq()).expect("old segments can go") > 0, "seed {seed}");
        }
        assert!(refusals > 0, "seed {seed}: the disk was never full");
        drop(journal);
        disk.crash();
        disk.reboot();
        disk.set_budget(u64::MAX);
        recover_and_check(&disk, seed, &mut history).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

// --- A small log, with every byte damaged in turn ------------------------------------------------------------------------

/// A small log of two segments, and where its frames lie.
struct Small {
    disk: SimDisk,
    frames: Vec<Lies>,
}

/// Where a frame lies, and how many frames its header says were on the disk.
#[derive(Clone, Copy)]
struct Lies {
    segment: u64,
    offset: u64,
    bytes: u64,
    proves: u64,
}

/// Nothing in the log proves that its last two frames were ever on the disk.
fn small() -> Small {
    let disk = SimDisk::new(1);
    let mut journal = create(&disk, 1);
    let mut frames = Vec::new();
    for (i, body_bytes) in [10, 5000, 3000, 10, 10].into_iter().enumerate() {
        let mut frame = frame(journal.next_seq(), 2, body_bytes, 1);
        let at = journal.append(&mut frame).expect("a disk without faults");
        let proves = frame.header().ink.durable_frames;
        frames.push(Lies { segment: at.segment, offset: at.offset, bytes: at.bytes, proves });
        if i == 2 {
            journal.sync().expect("a disk without faults");
        }
    }
    journal.sync().expect("a disk without faults");
    let proofs: Vec<_> = frames.iter().map(|frame| (frame.segment, frame.proves)).collect();
    assert_eq!(proofs, [(1, 0), (1, 0), (2, 2), (2, 3), (2, 3)]);
    Small { disk, frames }
}

#[derive(PartialEq, Eq, Debug)]
enum Class {
    /// So many frames are there, and nothing is reported.
    Ends(usize),
    /// So many frames are there; from this offset in the last segment on something was cut.
    Cut(usize, u64),
    /// Refused, with the segment and the offset.
    Refused(u64, u64),
}

impl Small {
    /// The oracle: it knows where everything was written, and what the headers that can still be read prove.
    fn expect(&self, bad: usize, is_readable: impl Fn(usize) -> bool) -> Class {
        let frame = self.frames[bad];
        let proven = (0..self.frames.len()).filter(|&i| is_readable(i)).map(|i| self.frames[i].proves).max();
        // That there is a second segment proves all of the first.
        match frame.segment == 1 || proven > Some(bad as u64) {
            true => Class::Refused(frame.segment, frame.offset),
            false => Class::Cut(bad, frame.offset),
        }
    }

    fn end(&self) -> u64 {
        self.frames.last().map_or(0, |last| last.offset + last.bytes)
    }
}

/// What the journal makes of a disk. What it refuses it must not change.
fn classify(disk: &SimDisk) -> Class {
    let contents = || [1, 2].map(|ordinal| disk.contents(&segment_name(ordinal)));
    let before = contents();
    let refused = |path: &Path, offset| {
        let ordinal = (1..3).find(|&ordinal| disk.path(&segment_name(ordinal)) == path).expect("a path of a segment");
        assert_eq!(before, contents(), "what is refused is not changed");
        Class::Refused(ordinal, offset)
    };
    match Journal::open(disk.clone(), setup(9)) {
        Err(JournalError::Corrupt { path, offset, .. }) => refused(&path, offset),
        Err(JournalError::Segment { path, .. }) => refused(&path, 0),
        Err(error) => panic!("{error}"),
        Ok((_, recovery)) => {
            let there = read_all(disk).expect("a recovered log").len();
            recovery.cut.map_or(Class::Ends(there), |cut| {
                assert_eq!(cut.path, disk.path(&segment_name(2)));
                Class::Cut(there, cut.offset)
            })
        }
    }
}

#[test]
fn each_damaged_byte_is_put_into_its_class() {
    let small = small();
    let all = small.frames.len();
    let (mut refused, mut cut, mut whole) = (0, 0, 0);
    for (ordinal, byte) in [1, 2].into_iter().flat_map(|ordinal| (0..SEGMENT_BYTES).map(move |byte| (ordinal, byte))) {
        let disk = small.disk.fork(byte);
        disk.flip(&segment_name(ordinal), byte, (byte % 8) as u32);
        let is_hit =
            |frame: &Lies| frame.segment == ordinal && (frame.offset..frame.offset + frame.bytes).contains(&byte);
        let expected = match small.frames.iter().position(is_hit) {
            Some(i) => {
                let is_in_header = byte - small.frames[i].offset < HEADER as u64;
                small.expect(i, |j| j != i || !is_in_header)
            }
            None if byte < BLOCK as u64 => Class::Refused(ordinal, 0),
            None if ordinal == 2 => Class::Cut(all, small.end()),
            None => Class::Ends(all),
        };
        match expected {
            Class::Refused(..) => refused += 1,
            Class::Cut(..) => cut += 1,
            Class::Ends(_) => whole += 1,
        }
        assert_eq!(classify(&disk), expected, "segment {ordinal}, byte {byte}");
    }
    assert!(refused.min(cut).min(whole) >= BLOCK, "each class is met: {refused} {cut} {whole}");
}

#[test]
fn each_cut_file_is_put_into_its_class() {
    let small = small();
    for (ordinal, len) in [1, 2].into_iter().flat_map(|ordinal| (0..SEGMENT_BYTES).map(move |len| (ordinal, len))) {
        let disk = small.disk.fork(len);
        disk.cut(&segment_name(ordinal), len);
        let is_left = |frame: &Lies, bytes: u64| frame.segment != ordinal || frame.offset + bytes <= len;
        let bad = small.frames.iter().position(|frame| !is_left(frame, frame.bytes));
        let expected = match bad.map(|bad| small.expect(bad, |i| is_left(&small.frames[i], HEADER as u64))) {
            _ if len < BLOCK as u64 => Class::Refused(ordinal, 0),
            None => Class::Ends(small.frames.len()),
            Some(Class::Cut(there, offset)) if offset == len => Class::Ends(there),
            Some(class) => class,
        };
        assert_eq!(classify(&disk), expected, "segment {ordinal} cut to {len}");
    }
}

#[test]
fn a_block_that_reads_as_zeros_is_put_into_its_class() {
    let small = small();
    for (i, frame) in small.frames.iter().enumerate() {
        let disk = small.disk.fork(0);
        disk.overwrite(&segment_name(frame.segment), frame.offset, &[0; BLOCK]);
        let expected = match small.expect(i, |j| j != i) {
            // Behind the last frame zeros are what there should be.
            Class::Cut(4, _) => Class::Ends(4),
            class => class,
        };
        assert_eq!(classify(&disk), expected, "frame {i}");
    }
}

#[test]
fn a_whole_frame_in_a_wrong_place_is_refused_even_where_nothing_proves_what_stood_there() {
    let small = small();
    let (from, to) = (small.frames[3], small.frames[4]);
    let name = segment_name(from.segment);
    let contents = small.disk.contents(&name).expect("the segment is there");
    small.disk.overwrite(&name, to.offset, &contents[from.offset as usize..][..from.bytes as usize]);
    let error = Journal::open(small.disk, setup(9)).expect_err("no crash writes a frame twice");
    let JournalError::Corrupt { why, offset, .. } = error else { panic!("{error}") };
    assert_eq!((why, offset), (FrameError::Index { said: 3, expected: 4 }, to.offset));
}

#[test]
fn damage_is_told_with_its_place_and_its_mend() {
    let small = small();
    let bad = small.frames[1];
    small.disk.flip(&segment_name(bad.segment), bad.offset + 200, 0);
    let text = Journal::open(small.disk, setup(9)).expect_err("it was on the disk").to_string();
    let place = format!("sim/{}, byte {}: checksum of the bodies is", segment_name(1), bad.offset);
    assert!(text.starts_with(&place), "{text}");
    assert!(text.contains("up to record 6 was on the disk") && text.contains("from record 4 on"), "{text}");
    assert!(text.contains("from a copy"), "{text}");
}

// --- Folders that are not as they should be ------------------------------------------------------------------------------

#[test]
fn strange_folders_are_refused_in_clear_words() {
    let check = |expected: &str, change: &dyn Fn(&SimDisk)| {
        let disk = small().disk.fork(0);
        change(&disk);
        let error = Journal::open(disk, setup(9)).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    let rename = |disk: &SimDisk, from, to| disk.rename(&segment_name(from), &segment_name(to)).unwrap();
    check("holds no journal", &|disk| [1, 2].iter().for_each(|&i| disk.remove(&segment_name(i)).unwrap()));
    check("2.seg is missing between", &|disk| rename(disk, 2, 3));
    check("holds segment 1, its name says 2", &|disk| {
        rename(disk, 2, 3);
        rename(disk, 1, 2);
    });
    check("it is from another folder", &|disk| {
        let theirs = SimDisk::new(6);
        let mut journal = Journal::create(theirs.clone(), HashKey { k0: 0, k1: 0 }, 1, setup(3)).unwrap();
        while journal.segments() < 2 {
            append(&mut journal, 1, 1);
        }
        disk.overwrite(&segment_name(2), 0, &theirs.contents(&segment_name(2)).unwrap());
    });
    check("format version is 9, this paidan reads 1", &|disk| disk.flip(&segment_name(1), 4, 3));
    check("does not begin as a segment does", &|disk| disk.flip(&segment_name(2), 0, 0));
    let error = Journal::create(small().disk, KEY, 1, setup(1)).expect_err("a journal is there");
    assert!(error.to_string().contains("holds a journal already"), "{error}");
}

// --- The everyday --------------------------------------------------------------------------------------------------------

#[test]
fn retired_segments_are_used_again_and_their_old_frames_never_show() {
    let disk = SimDisk::new(1);
    let mut journal = create(&disk, 1);
    for round in 0..60 {
        append(&mut journal, 3, 700);
        if round % 7 == 0 {
            let before = Seq(journal.next_seq().0.saturating_sub(10));
            journal.sync().expect("a disk without faults");
            journal.retire(before).expect("a disk without faults");
            assert!(journal.first_seq() <= before.max(Seq(1)));
        }
        let there = read_all(&disk).expect("a log in order");
        let last = FrameView::parse(there.last().expect("a frame")).expect("a whole frame");
        assert_eq!(last.header().next_seq(), journal.next_seq(), "round {round}");
        let (_, recovery) = Journal::open(disk.fork(round), setup(7)).expect("a log in order");
        assert_eq!(recovery.cut, None, "round {round}: frames of an earlier use are no torn tail");
    }
    let reader = Reader::open(disk.clone()).expect("a log in order");
    assert!(reader.segments().iter().any(|segment| segment.is_recycled));
    let files = disk.list().expect("a disk without faults").len();
    assert!(files <= journal.segments() + 2, "{files} files for {} segments", journal.segments());
    journal.retire(Seq(u64::MAX)).expect("a disk without faults");
    assert_eq!(journal.segments(), 1, "the newest segment stays");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut journal = create(&SimDisk::new(1), 1);
    let error = journal.append(&mut frame(Seq(2), 1, 1, 0)).expect_err("record 1 is due");
    assert!(matches!(error, JournalError::OutOfOrder { said: Seq(2), due: Seq(1) }), "{error}");
    let error = journal.append(&mut frame(Seq(1), 1, SEGMENT_BYTES as usize, 0)).expect_err("larger than a segment");
    assert!(matches!(error, JournalError::TooLarge { .. }), "{error}");
    let around_the_body = HEADER + SLOT + 8 + 32;
    let mut largest = frame(Seq(1), 1, SEGMENT_BYTES as usize - BLOCK - around_the_body, 0);
    assert_eq!(largest.frame_bytes(), SEGMENT_BYTES - BLOCK as u64);
    let place = largest.bodies().as_ptr();
    assert_eq!(journal.append(&mut largest).expect("exactly a segment").last, Seq(1));
    assert_eq!(largest.bodies().as_ptr(), place, "the bodies were not moved");
    assert_eq!(journal.sync().expect("a disk without faults"), Seq(1));
}

#[test]
fn opening_and_closing_does_not_make_the_folder_grow() {
    let disk = SimDisk::new(1);
    drop(create(&disk, 0));
    for entropy in 1..20 {
        let (journal, recovery) = Journal::open(disk.clone(), setup(entropy)).expect("a log in order");
        assert_eq!((journal.segments(), recovery.cut, recovery.next_seq), (1, None, Seq(1)));
        assert_eq!(journal.key(), KEY);
    }
    assert_eq!(disk.list().expect("a disk without faults").len(), 1);
}

#[test]
fn a_reader_starts_at_the_segment_of_a_record_and_a_journal_resumes_behind_it() {
    let disk = SimDisk::new(1);
    let mut journal = create(&disk, 1);
    while journal.segments() < 5 {
        append(&mut journal, 4, 600);
    }
    let last = journal.sync().expect("a disk without faults");
    drop(journal);
    for from in 0..=last.0 + 3 {
        let mut reader = Reader::open_at(disk.clone(), Seq(from)).expect("a log in order");
        let (mut first, mut is_met) = (None, false);
        while let Some(found) = reader.next_frame().expect("a log in order") {
            let header = found.view.header();
            first.get_or_insert(header.order.first_seq);
            is_met |= (header.order.first_seq..header.next_seq()).contains(&Seq(from));
        }
        assert!(first.expect("a frame") <= Seq(from.max(1)), "from {from}");
        assert_eq!(is_met, (1..=last.0).contains(&from), "from {from}");
        assert_eq!((reader.next_seq(), reader.cut()), (last.next(), None), "from {from}");
    }
    let reader = Reader::open_at(disk, last).expect("a log in order");
    let (journal, recovery) = Journal::resume(reader, setup(2)).expect("a log in order");
    assert_eq!((journal.next_seq(), recovery.first_seq), (last.next(), Seq(1)));
}
