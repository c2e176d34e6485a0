//! Snapshots: the state that was reached right before a frame, so that a later reader need not begin at the first one.
//!
//! A snapshot is a file of its own, `<first record>.snap`: one block that says where in which log it belongs, then the places
//! of the notes (beginnings of runs) before it, then the state and, where somebody kept them, the views, padded to whole blocks. What
//! state and views mean is not known here.
//!
//! A snapshot is a convenience, never the truth: whatever is not exactly what [`write()`] made for this very log is as good as
//! not there, and nobody is told. It is written under another name, put on the disk, and only then named.

use std::io;

use crate::fingerprint::HashKey;
use crate::ids::Seq;

use super::buffer::{AlignedBuf, BLOCK};
use super::disk::{Access, Disk, DiskFile};
use super::frame::{Checksum, HEADER, Header, checksum, first_not_zero, get_u32, get_u64, put_u32, put_u64};
use super::reader::Place;

/// Version of the format.
pub const FORMAT: u32 = 3;

const MAGIC: u32 = u32::from_le_bytes([0xf5, b'p', b'd', b'N']);
const EXTENSION: &str = ".snap";
const SEQ_DIGITS: usize = 20;
/// What is being written. A folder has one writer, so one name is enough.
const UNFINISHED: &str = "unfinished";

const AT_MAGIC: usize = 0;
const AT_FORMAT: usize = 4;
const AT_KEY: usize = 8;
const AT_SEGMENT: usize = 24;
const AT_OFFSET: usize = 32;
const AT_NOTES: usize = 40;
const AT_STATE: usize = 48;
const AT_CONTENTS_SUM: usize = 56;
// 60 .. 64 is free and zero.
const AT_FRAME: usize = 64;
const AT_VIEWS: usize = AT_FRAME + HEADER;
// From there to the sum all is free and zero.
const AT_SUM: usize = BLOCK - 4;
const NOTE: usize = 16;
/// Bytes that are copied and written at a time.
const PIECE: usize = 1 << 20;

/// Where a note lies: in which segment, and at which byte.
pub type NoteAt = (u64, u64);

/// A state, and the frame before which it was reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The frame that comes next.
    pub place: Place,
    /// The notes of how runs began that come before it.
    pub notes: Vec<NoteAt>,
    /// The state as its owner wrote it.
    pub state: Vec<u8>,
    /// What was to be seen of the log up to there, as its owner wrote it; empty where nobody kept that.
    pub views: Vec<u8>,
}

/// The name of the snapshot before record `seq`.
pub fn snapshot_name(seq: Seq) -> String {
    format!("{:0SEQ_DIGITS$}{EXTENSION}", seq.0)
}

/// The record before which the snapshot of this name was made, if it is the name of one.
pub fn snapshot_seq(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(EXTENSION)?;
    let is_number = digits.len() == SEQ_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number).map(Seq)
}

/// Writes a snapshot; after a crash it is there as a whole, or not at all.
///
/// # Errors
/// If the disk fails.
pub fn write<D: Disk>(disk: &D, key: HashKey, snapshot: &Snapshot) -> io::Result<()> {
    let contents = snapshot.notes.len() * NOTE + snapshot.state.len() + snapshot.views.len();
    let mut file = disk.create(UNFINISHED, (BLOCK + contents.next_multiple_of(BLOCK)) as u64)?;
    encode(key, snapshot, |at, piece| file.write_at(at, piece))?;
    file.sync()?;
    disk.rename(UNFINISHED, &snapshot_name(snapshot.place.header.order.first_seq))?;
    disk.sync_dir()
}

/// Where the snapshot before record `seq` belongs, and whether it has views, by its first block alone. Nothing if it is not one
/// of this folder's logs.
pub fn read_place<D: Disk>(disk: &D, key: HashKey, seq: Seq) -> Option<(Place, bool)> {
    let file = disk.open(&snapshot_name(seq), Access::Read).ok()?;
    let mut block = [0; BLOCK];
    let read = file.read_at(0, &mut block).ok()?;
    let head = Head::parse(&block[..read], key)?;
    (head.place.header.order.first_seq == seq).then_some((head.place, head.views > 0))
}

/// Reads and checks the snapshot before record `seq`. Nothing if it is not there, or not whole.
pub fn read<D: Disk>(disk: &D, key: HashKey, seq: Seq) -> Option<Snapshot> {
    let file = disk.open(&snapshot_name(seq), Access::Read).ok()?;
    let mut bytes = vec![0; usize::try_from(file.size().ok()?).ok()?];
    let read = file.read_at(0, &mut bytes).ok()?;
    bytes.truncate(read);
    decode(bytes, key).filter(|snapshot| snapshot.place.header.order.first_seq == seq)
}

/// What the first block says.
struct Head {
    place: Place,
    notes: usize,
    state: usize,
    views: usize,
    contents_sum: u32,
}

impl Head {
    fn parse(bytes: &[u8], key: HashKey) -> Option<Self> {
        let block = bytes.get(..BLOCK)?;
        let is_of_this_format = get_u32(block, AT_MAGIC) == MAGIC && get_u32(block, AT_FORMAT) == FORMAT;
        let is_of_this_folder = HashKey { k0: get_u64(block, AT_KEY), k1: get_u64(block, AT_KEY + 8) } == key;
        let is_whole = get_u32(block, AT_SUM) == checksum(&block[..AT_SUM]);
        if !is_of_this_format || !is_of_this_folder || !is_whole {
            return None;
        }
        let header = Header::parse(&block[AT_FRAME..]).ok()?;
        Some(Self {
            place: Place { segment: get_u64(block, AT_SEGMENT), offset: get_u64(block, AT_OFFSET), header },
            notes: usize::try_from(get_u64(block, AT_NOTES)).ok()?,
            state: usize::try_from(get_u64(block, AT_STATE)).ok()?,
            views: usize::try_from(get_u64(block, AT_VIEWS)).ok()?,
            contents_sum: get_u32(block, AT_CONTENTS_SUM),
        })
    }
}

/// Hands over the file in whole blocks, the first one last. A state is large: it is copied a piece at a time.
fn encode(key: HashKey, snapshot: &Snapshot, mut put: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let Snapshot { place, notes, state, views } = snapshot;
    let mut piece = AlignedBuf::new();
    for (segment, offset) in notes {
        let note = piece.space(NOTE);
        put_u64(note, 0, *segment);
        put_u64(note, 8, *offset);
    }
    let (mut at, mut sum) = (BLOCK as u64, Checksum::default());
    let mut flush = |piece: &mut AlignedBuf| {
        sum.add(piece.as_slice());
        put(at, piece.as_slice())?;
        at += piece.len() as u64;
        piece.clear();
        Ok::<_, io::Error>(())
    };
    for mut rest in [state.as_slice(), views.as_slice()] {
        while !rest.is_empty() {
            let (more, left) = rest.split_at(rest.len().min(PIECE - piece.len() % PIECE));
            piece.extend(more);
            rest = left;
            if piece.len().is_multiple_of(PIECE) {
                flush(&mut piece)?;
            }
        }
    }
    piece.pad_to(BLOCK);
    flush(&mut piece)?;
    piece.space(BLOCK).fill(0);
    let block = piece.as_mut_slice();
    put_u32(block, AT_MAGIC, MAGIC);
    put_u32(block, AT_FORMAT, FORMAT);
    put_u64(block, AT_KEY, key.k0);
    put_u64(block, AT_KEY + 8, key.k1);
    put_u64(block, AT_SEGMENT, place.segment);
    put_u64(block, AT_OFFSET, place.offset);
    put_u64(block, AT_NOTES, notes.len() as u64);
    put_u64(block, AT_STATE, state.len() as u64);
    put_u64(block, AT_VIEWS, views.len() as u64);
    put_u32(block, AT_CONTENTS_SUM, sum.end());
    let mut header = place.header;
    header.encode(&mut block[AT_FRAME..AT_FRAME + HEADER]);
    let sum = checksum(&block[..AT_SUM]);
    put_u32(block, AT_SUM, sum);
    put(0, piece.as_slice())
}

fn decode(mut bytes: Vec<u8>, key: HashKey) -> Option<Snapshot> {
    let head = Head::parse(&bytes, key)?;
    let contents = &bytes[BLOCK..];
    let notes_bytes = head.notes.checked_mul(NOTE)?;
    let state_end = notes_bytes.checked_add(head.state)?;
    let end = state_end.checked_add(head.views)?;
    if end.checked_next_multiple_of(BLOCK)? != contents.len() || checksum(contents) != head.contents_sum {
        return None;
    }
    first_not_zero(&contents[end..]).is_none().then_some(())?;
    let note = |note: &[u8]| (get_u64(note, 0), get_u64(note, 8));
    let notes = contents[..notes_bytes].chunks_exact(NOTE).map(note).collect();
    bytes.truncate(BLOCK + end);
    let views = bytes.split_off(BLOCK + state_end);
    bytes.drain(..BLOCK + notes_bytes);
    Some(Snapshot { place: head.place, notes, state: bytes, views })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Digest;
    use crate::journal::frame::{Frame, Ink, Kind, Order};
    use crate::journal::sim::{Fault, SimDisk};
    use crate::time::At;

    const KEY: HashKey = HashKey { k0: 11, k1: 22 };

    fn snapshot(seq: u64, state: Vec<u8>) -> Snapshot {
        let mut frame = Frame::document(Kind::Manifest, b"{}");
        frame.set_order(Order { first_seq: Seq(seq), at_before: At(5), digest: Digest(7), city: 3, mind: 2 });
        frame.seal(Ink { salt: 9, prev: 11, index: 5, durable_frames: 4, durable: Seq(seq - 1) });
        let place = Place { segment: 2, offset: 3 * BLOCK as u64, header: Header::parse(frame.bytes()).unwrap() };
        let views = state[state.len() / 2..].to_vec();
        Snapshot { place, notes: vec![(1, 4096), (2, 8192)], state, views }
    }

    /// A state of so many bytes, none of them zero.
    fn state(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|n| (n % 255) as u8 + 1).collect()
    }

    #[test]
    fn a_snapshot_survives_its_file_whatever_its_length() {
        for bytes in [0, 1, BLOCK - 33, BLOCK - 32, BLOCK - 31, 3 * BLOCK, PIECE - 32, PIECE - 31, 2 * PIECE + 9] {
            let (disk, written) = (SimDisk::new(1), snapshot(700, state(bytes)));
            write(&disk, KEY, &written).unwrap();
            assert_eq!(read(&disk, KEY, Seq(700)).as_ref(), Some(&written), "{bytes} bytes");
            assert_eq!(read_place(&disk, KEY, Seq(700)), Some((written.place, !written.views.is_empty())));
            assert_eq!(disk.list().unwrap(), [snapshot_name(Seq(700))]);
        }
    }

    #[test]
    fn of_another_folder_or_under_another_name_it_is_not_there() {
        let disk = SimDisk::new(1);
        write(&disk, KEY, &snapshot(700, state(10))).unwrap();
        let is_there = |key, seq| (read_place(&disk, key, seq).is_some(), read(&disk, key, seq).is_some());
        assert_eq!(is_there(KEY, Seq(700)), (true, true));
        assert_eq!(is_there(HashKey { k0: 11, k1: 23 }, Seq(700)), (false, false));
        assert_eq!(is_there(KEY, Seq(701)), (false, false));
        disk.rename(&snapshot_name(Seq(700)), &snapshot_name(Seq(701))).unwrap();
        assert_eq!(is_there(KEY, Seq(701)), (false, false));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let disk = SimDisk::new(1);
        write(&disk, KEY, &snapshot(700, state(100))).unwrap();
        let file = disk.open(&snapshot_name(Seq(700)), Access::Read).unwrap();
        let mut bytes = vec![0; file.size().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(bytes, KEY).is_none(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(decode(bytes[..len].to_vec(), KEY).is_none(), "{len} bytes");
        }
        assert!(decode([&*bytes, &[0; BLOCK]].concat(), KEY).is_none(), "a block too many");
        assert!(decode(bytes, KEY).is_some());
    }

    /// Wherever the power fails, a snapshot is there as a whole or not at all, and the one before stays as it was.
    #[test]
    fn a_crash_at_any_step_leaves_a_whole_one_or_none() {
        let (first, second) = (snapshot(700, state(5000)), snapshot(900, state(9000)));
        let steps = |disk: &SimDisk| {
            write(disk, KEY, &first).unwrap();
            disk.steps()
        };
        let all = steps(&SimDisk::new(1));
        let mut kept = [0, 0];
        for (step, seed) in (0..=all).flat_map(|step| (0..20).map(move |seed| (step, seed))) {
            let disk = SimDisk::new(seed);
            steps(&disk);
            disk.plan(step, Fault::Crash);
            let written = write(&disk, KEY, &second);
            if !disk.is_down() {
                disk.crash();
            }
            disk.reboot();
            assert_eq!(read(&disk, KEY, Seq(700)).as_ref(), Some(&first), "step {step}, seed {seed}");
            let found = read(&disk, KEY, Seq(900));
            assert!(found.is_some() || written.is_err(), "step {step}, seed {seed}: what was written is lost");
            assert!(found.as_ref().is_none_or(|found| *found == second), "step {step}, seed {seed}");
            kept[usize::from(found.is_some())] += 1;
            // What a crash left half done is in nobody's way.
            write(&disk, KEY, &second).unwrap();
            assert_eq!(read(&disk, KEY, Seq(900)).as_ref(), Some(&second), "step {step}, seed {seed}");
        }
        assert!(kept.iter().all(|count| *count > 0), "crashes before and behind the renaming: {kept:?}");
    }

    #[test]
    fn names_are_those_of_records() {
        for (name, seq) in [
            ("00000000000000000001.snap", Some(Seq(1))),
            ("18446744073709551615.snap", Some(Seq(u64::MAX))),
            ("18446744073709551616.snap", None),
            ("+0000000000000000001.snap", None),
            ("1.snap", None),
            (UNFINISHED, None),
            ("lock", None),
        ] {
            assert_eq!(snapshot_seq(name), seq, "{name}");
        }
        assert_eq!(snapshot_name(Seq(1)), "00000000000000000001.snap");
    }
}
