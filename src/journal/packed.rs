//! Sealed segments, packed: the same bytes in a quarter of the room, and still readable from any byte on.
//!
//! A packed segment bears the name that it had, and a whole rename puts it there: a walk that has the old file open reads on in
//! that one, and wherever the power fails, one of the two is there. It is a file of Zstandard's *seekable format*: pieces, each a
//! frame of its own with its checksum, and behind them, in a frame that other programs skip, a table of their lengths. So
//! `zstd -d` gives the segment back. The first piece is the first block alone, because all first blocks are read whenever a log is
//! opened; the others have 1 MiB.
//!
//! Only segments with two behind them are packed. Behind a crash the newest segment is the one that is mended, and it may be
//! the last but one, if the newest had no name on the disk yet.

use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;

use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::read::Decoder;

use super::buffer::{AlignedBuf, BLOCK};
use super::disk::{Access, Disk, DiskFile};
use super::error::{During, JournalError};
use super::frame::{get_u32, put_u32};
use super::reader::ordinals;
use super::segment::{SegmentError, is_half_packed, packing_name, segment_name};

/// Bytes of a segment that are packed together behind its first block, and unpacked to read one of them.
const PIECE: usize = 1 << 20;
/// A segment of reports in JSON is a quarter of its size then; the levels above take twice the time for another twentieth.
const LEVEL: i32 = 1;

/// Segments behind one that is packed, at least.
const NEWER_MIN: usize = 2;

const FRAME: u32 = 0xfd2f_b528;
const SKIPPED: u32 = 0x184d_2a5e;
const SEEKABLE: u32 = 0x8f92_eab1;
const SKIPPED_HEADER: usize = 8;
const ENTRY: usize = 8;
/// How many pieces, a byte of flags, and the mark of the format.
const FOOTER: usize = 9;

/// How much room a segment took, and takes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Packing {
    /// Bytes of the file before.
    pub before: u64,
    /// Bytes of the file now.
    pub after: u64,
}

/// The segments that may be packed and are not, from the oldest on. What a packing that did not end left behind is removed.
///
/// # Errors
/// If the disk fails.
pub fn packable<D: Disk>(disk: &D) -> Result<Vec<u64>, JournalError> {
    let names = disk.list().during("listing", || disk.path(""), 0)?;
    for name in names.iter().filter(|name| is_half_packed(name)) {
        disk.remove(name).during("removing", || disk.path(name), 0)?;
    }
    let mut sealed = ordinals(disk)?;
    sealed.truncate(sealed.len().saturating_sub(NEWER_MIN));
    let mut plain = Vec::new();
    for ordinal in sealed {
        let (_, is_packed) = read_first_block(disk, ordinal, &mut [0; BLOCK])?;
        if !is_packed {
            plain.push(ordinal);
        }
    }
    Ok(plain)
}

/// Packs a segment that [`packable`] named, and whose frames are sound. May be done while the log is written and read, and by
/// somebody else. Nothing if `goes_on`, which is asked before each piece, says no.
///
/// What was packed is unpacked again, and compared, before it takes the segment's place.
///
/// # Errors
/// If the disk fails, or gives back something else than was written. The segment is as it was then.
pub fn pack<D: Disk>(
    disk: &D,
    ordinal: u64,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Option<Packing>, JournalError> {
    let name = packing_name(ordinal);
    let path = || disk.path(&name);
    let packed = pack_beside(disk, ordinal, &name, &mut goes_on).and_then(|packed| {
        if packed.is_some() {
            disk.rename(&name, &segment_name(ordinal)).during("renaming to a segment", path, 0)?;
        }
        Ok(packed)
    });
    if matches!(packed, Ok(Some(_))) {
        disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
    } else {
        // On a full disk its room is needed. If even that fails, the next packing removes it.
        let _ = disk.remove(&name);
    }
    packed
}

/// Packs a segment into a file of its own, which is on the disk then.
fn pack_beside<D: Disk>(
    disk: &D,
    ordinal: u64,
    name: &str,
    goes_on: &mut impl FnMut() -> bool,
) -> Result<Option<Packing>, JournalError> {
    let mut segment = SegmentFile::open(disk, ordinal)?;
    let mut writer = Writer::new(disk, name)?;
    // The file must be known by this name and no other: see `new_segment`.
    disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
    let mut piece = Vec::new();
    for which in 0..pieces_of(segment.bytes()) {
        if !goes_on() {
            return Ok(None);
        }
        segment.read_piece(which, &mut piece)?;
        writer.pack(&piece)?;
    }
    let after = writer.finish()?;
    let mut packed = SegmentFile::open_as(disk, name)?;
    let mut again = Vec::new();
    for which in 0..pieces_of(segment.bytes()) {
        if !goes_on() {
            return Ok(None);
        }
        segment.read_piece(which, &mut piece)?;
        packed.read_piece(which, &mut again)?;
        if piece != again {
            return Err(packed.damaged("it is not what was packed", bounds_of(which, segment.bytes()).start));
        }
    }
    Ok(Some(Packing { before: segment.bytes(), after }))
}

/// How many pieces a segment of so many bytes has.
fn pieces_of(bytes: u64) -> usize {
    if bytes == 0 { 0 } else { piece_of(bytes - 1) + 1 }
}

/// Which piece has a byte.
fn piece_of(at: u64) -> usize {
    if at < BLOCK as u64 { 0 } else { 1 + ((at - BLOCK as u64) / PIECE as u64) as usize }
}

/// Where in a segment of so many bytes a piece lies.
fn bounds_of(which: usize, bytes: u64) -> Range<u64> {
    let start = |which: usize| if which == 0 { 0 } else { BLOCK as u64 + (which as u64 - 1) * PIECE as u64 };
    start(which)..start(which + 1).min(bytes)
}

/// Reads the first block of a segment, of which nothing else need be in order; gives how many bytes of it are there, and whether the
/// segment is packed.
pub(super) fn read_first_block<D: Disk>(
    disk: &D,
    ordinal: u64,
    block: &mut [u8; BLOCK],
) -> Result<(usize, bool), JournalError> {
    let name = segment_name(ordinal);
    let path = || disk.path(&name);
    let file = disk.open(&name, Access::Read).during("opening", path, 0)?;
    let read = file.read_at(0, block).during("reading", path, 0)?;
    if read < 4 || get_u32(block, 0) != FRAME {
        return Ok((read, false));
    }
    // It is most of it zeros, and so packed much smaller than it is.
    let raw = *block;
    let unpacked = Decoder::new(&raw[..read]).and_then(|decoder| decoder.single_frame().read_exact(block));
    unpacked.map_err(|_| damaged(&path(), "it cannot be unpacked", 0))?;
    Ok((BLOCK, true))
}

/// Writes a packed file.
struct Writer<F> {
    file: F,
    path: PathBuf,
    codec: Compressor<'static>,
    /// What is not written yet: less than a block but for the piece that was just packed.
    ahead: AlignedBuf,
    at: u64,
    table: Vec<u8>,
}

impl<F: DiskFile> Writer<F> {
    fn new<D: Disk<File = F>>(disk: &D, name: &str) -> Result<Self, JournalError> {
        let path = disk.path(name);
        let file = disk.create(name, 0).during("creating", || path.clone(), 0)?;
        let codec = Compressor::new(LEVEL).and_then(|mut codec| {
            codec.include_checksum(true)?;
            Ok(codec)
        });
        let codec = codec.during("packing", || path.clone(), 0)?;
        Ok(Self { file, path, codec, ahead: AlignedBuf::new(), at: 0, table: Vec::new() })
    }

    fn pack(&mut self, piece: &[u8]) -> Result<(), JournalError> {
        let packed = self.codec.compress(piece).during("packing", || self.path.clone(), self.at)?;
        self.ahead.extend(&packed);
        for bytes in [packed.len(), piece.len()] {
            self.table.extend((bytes as u32).to_le_bytes());
        }
        self.write_blocks()
    }

    fn write_blocks(&mut self) -> Result<(), JournalError> {
        let whole = self.ahead.len() / BLOCK * BLOCK;
        let rest = self.ahead.as_slice()[whole..].to_vec();
        self.ahead.truncate(whole);
        let written = self.file.write_at(self.at, self.ahead.as_slice());
        written.during("writing", || self.path.clone(), self.at)?;
        self.at += whole as u64;
        self.ahead.clear();
        self.ahead.extend(&rest);
        Ok(())
    }

    /// Puts all of it on the disk; gives how many bytes it has.
    fn finish(mut self) -> Result<u64, JournalError> {
        let pieces = self.table.len() / ENTRY;
        let table = std::mem::take(&mut self.table);
        let mut header = [0; SKIPPED_HEADER];
        put_u32(&mut header, 0, SKIPPED);
        put_u32(&mut header, 4, (table.len() + FOOTER) as u32);
        let mut footer = [0; FOOTER];
        put_u32(&mut footer, 0, pieces as u32);
        put_u32(&mut footer, 5, SEEKABLE);
        [&header[..], &table, &footer].into_iter().for_each(|part| self.ahead.extend(part));
        let bytes = self.at + self.ahead.len() as u64;
        self.ahead.pad_to(BLOCK);
        self.write_blocks()?;
        self.file.truncate(bytes).during("cutting", || self.path.clone(), bytes)?;
        self.file.sync().during("syncing", || self.path.clone(), bytes)?;
        Ok(bytes)
    }
}

/// The file of a segment, open for reading, packed or not: places in it are the same.
#[derive(Debug)]
pub(super) struct SegmentFile<F> {
    file: F,
    path: PathBuf,
    /// Bytes of the segment.
    bytes: u64,
    packed: Option<Box<Pieces>>,
}

/// How to read a packed file.
struct Pieces {
    /// Where in the file each piece lies, the end of the last one included.
    bounds: Vec<u64>,
    /// The piece that was unpacked last, and which it is.
    piece: Vec<u8>,
    which: Option<usize>,
    raw: Vec<u8>,
    codec: Decompressor<'static>,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("bounds", &self.bounds).field("which", &self.which).finish_non_exhaustive()
    }
}

impl<F: DiskFile> SegmentFile<F> {
    /// Opens a segment.
    ///
    /// # Errors
    /// If it is not there, the disk fails, or it is packed and its table is damaged.
    pub(super) fn open<D: Disk<File = F>>(disk: &D, ordinal: u64) -> Result<Self, JournalError> {
        Self::open_as(disk, &segment_name(ordinal))
    }

    fn open_as<D: Disk<File = F>>(disk: &D, name: &str) -> Result<Self, JournalError> {
        let path = disk.path(name);
        let file = disk.open(name, Access::Read).during("opening", || path.clone(), 0)?;
        let bytes = file.size().during("asking for the size", || path.clone(), 0)?;
        let mut file = Self { file, path, bytes, packed: None };
        let mut magic = [0; 4];
        if file.read_at(0, &mut magic)? == magic.len() && get_u32(&magic, 0) == FRAME {
            let (pieces, bytes) = file.table()?;
            (file.packed, file.bytes) = (Some(Box::new(pieces)), bytes);
        }
        Ok(file)
    }

    /// How many bytes the segment has.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Reads the segment from a byte on, until `into` is full or the segment ends; gives how many bytes were read.
    ///
    /// # Errors
    /// If the disk fails, or a piece cannot be unpacked.
    pub(super) fn read_at(&mut self, at: u64, into: &mut [u8]) -> Result<usize, JournalError> {
        if !self.is_packed() {
            return self.file.read_at(at, into).during("reading", || self.path.clone(), at);
        }
        let mut read = 0;
        while read < into.len() && at + (read as u64) < self.bytes {
            let here = at + read as u64;
            let which = piece_of(here);
            let before = (here - bounds_of(which, self.bytes).start) as usize;
            let rest = &self.unpacked(which)?[before..];
            let more = rest.len().min(into.len() - read);
            into[read..read + more].copy_from_slice(&rest[..more]);
            read += more;
        }
        Ok(read)
    }

    /// Reads a piece of the segment, packed or not.
    fn read_piece(&mut self, which: usize, into: &mut Vec<u8>) -> Result<(), JournalError> {
        let bounds = bounds_of(which, self.bytes);
        into.resize((bounds.end - bounds.start) as usize, 0);
        match self.read_at(bounds.start, into)? == into.len() {
            true => Ok(()),
            false => Err(self.damaged("it is shorter than it was", bounds.start)),
        }
    }

    /// A piece of a packed segment.
    fn unpacked(&mut self, which: usize) -> Result<&[u8], JournalError> {
        let bounds = bounds_of(which, self.bytes);
        let expected = (bounds.end - bounds.start) as usize;
        let (file, path) = (&self.file, &self.path);
        let pieces = self.packed.as_mut().expect("the segment is packed");
        if pieces.which != Some(which) {
            // Should it fail half-way, none is there.
            pieces.which = None;
            let (from, to) = (pieces.bounds[which], pieces.bounds[which + 1]);
            pieces.raw.resize((to - from) as usize, 0);
            let read = file.read_at(from, &mut pieces.raw).during("reading", || path.clone(), from)?;
            pieces.piece.clear();
            pieces.piece.reserve_exact(PIECE);
            match pieces.codec.decompress_to_buffer(&pieces.raw[..read], &mut pieces.piece) {
                Ok(bytes) if bytes == expected => pieces.which = Some(which),
                _ => return Err(damaged(path, "it cannot be unpacked", bounds.start)),
            }
        }
        Ok(&pieces.piece)
    }

    /// Reads the table of a packed file: where its pieces lie, and how long the segment is.
    fn table(&mut self) -> Result<(Pieces, u64), JournalError> {
        let size = self.bytes;
        let bad = |file: &Self| file.damaged("its table of pieces is damaged", 0);
        let mut footer = [0; FOOTER];
        let Some(footer_at) = size.checked_sub(FOOTER as u64) else { return Err(bad(self)) };
        if self.read_at(footer_at, &mut footer)? != FOOTER || get_u32(&footer, 5) != SEEKABLE || footer[4] != 0 {
            return Err(bad(self));
        }
        let entries = u64::from(get_u32(&footer, 0)) * ENTRY as u64;
        let Some(end) = footer_at.checked_sub(entries + SKIPPED_HEADER as u64) else { return Err(bad(self)) };
        // No longer than the file.
        let mut table = vec![0; SKIPPED_HEADER + entries as usize];
        let read = self.read_at(end, &mut table)?;
        let says = (get_u32(&table, 0), u64::from(get_u32(&table, 4)));
        if read != table.len() || says != (SKIPPED, entries + FOOTER as u64) {
            return Err(bad(self));
        }
        let entries = || table[SKIPPED_HEADER..].chunks_exact(ENTRY);
        let bytes: u64 = entries().map(|entry| u64::from(get_u32(entry, 4))).sum();
        let is_of_pieces = entries().enumerate().all(|(which, entry)| {
            let bounds = bounds_of(which, bytes);
            bounds.start + u64::from(get_u32(entry, 4)) == bounds.end
        });
        let mut bounds = vec![0];
        for entry in entries() {
            bounds.push(bounds[bounds.len() - 1] + u64::from(get_u32(entry, 0)));
        }
        if !is_of_pieces || bounds.len() != pieces_of(bytes) + 1 || bounds.last() != Some(&end) {
            return Err(bad(self));
        }
        let codec = Decompressor::new().during("unpacking", || self.path.clone(), 0)?;
        Ok((Pieces { bounds, piece: Vec::new(), which: None, raw: Vec::new(), codec }, bytes))
    }

    fn damaged(&self, why: &'static str, at: u64) -> JournalError {
        damaged(&self.path, why, at)
    }
}

fn damaged(path: &std::path::Path, why: &'static str, at: u64) -> JournalError {
    JournalError::Segment { path: path.to_owned(), why: SegmentError::Packed { why, at } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::HashKey;
    use crate::ids::Seq;
    use crate::journal::frame::{Frame, Kind, Order, checksum};
    use crate::journal::reader::{Reader, Taken};
    use crate::journal::retention;
    use crate::journal::sim::{Fault, SimDisk};
    use crate::journal::writer::{Journal, Setup};

    const KEY: HashKey = HashKey { k0: 1, k1: 2 };
    const SEGMENT: u64 = 3 * PIECE as u64 / 2 / BLOCK as u64 * BLOCK as u64;

    /// A log of so many segments of one piece and a half, on a simulated disk.
    fn log(seed: u64, segments: usize) -> (SimDisk, Journal<SimDisk>) {
        let disk = SimDisk::new(seed);
        let setup = Setup { entropy: 3, segment_bytes: SEGMENT };
        let mut journal = Journal::create(disk.clone(), KEY, 1, setup).expect("a journal");
        let mut notes = 0_u64;
        while journal.segments() < segments {
            notes += 1;
            // Some of it cannot be packed, so that packed pieces have all lengths.
            let mut noise = notes;
            let body: Vec<u8> = (0..100_000 + notes % 7 * 1000)
                .map(|at| {
                    noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    if at % 3 == 0 { (noise >> 56) as u8 } else { b'a' }
                })
                .collect();
            let mut note = Frame::document(Kind::Manifest, &body);
            note.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
            journal.append(&mut note).expect("written");
            journal.sync().expect("synced");
        }
        (disk, journal)
    }

    /// All frames of a log: where they lie, and a checksum of what is in them.
    fn frames(disk: &SimDisk) -> Vec<(u64, u64, u32)> {
        let mut reader = Reader::open(disk.clone()).expect("a log");
        let mut frames = Vec::new();
        while let Some(found) = reader.next_frame().expect("whole") {
            frames.push((found.segment, found.offset, checksum(found.view.bodies())));
        }
        frames
    }

    fn pack_all(disk: &SimDisk) -> Result<Vec<Packing>, JournalError> {
        let packed = packable(disk)?.into_iter().map(|ordinal| pack(disk, ordinal, || true));
        packed.filter_map(Result::transpose).collect()
    }

    #[test]
    fn a_packed_log_is_read_as_before_from_everywhere() {
        let (disk, journal) = log(1, 5);
        let before = frames(&disk);
        let plain = disk.contents(&segment_name(2)).expect("a segment");
        // Who reads goes on in the old file, and goes over to the next one as it is.
        let mut at_work = Reader::open(disk.clone()).expect("a log");
        at_work.next_frame().expect("whole").expect("a frame");
        let packed = pack_all(&disk).expect("packed");
        assert_eq!(packed.len(), 3, "all but the newest and the one before it");
        for Packing { before, after } in packed {
            assert!(before == SEGMENT && after < SEGMENT * 2 / 3, "{before} {after}");
        }
        assert_eq!(packable(&disk).expect("listed"), [0; 0], "once");
        assert_eq!(frames(&disk), before);
        let rest = at_work.read_to_end(|_| {}).expect("whole");
        assert!(rest.cut.is_none());
        assert_eq!(at_work.next_seq(), Seq(1));
        let mut reader = Reader::open(disk.clone()).expect("a log");
        let mut taken = Taken::default();
        for (segment, offset, body) in &before {
            reader.whole_frame(*segment, *offset, &mut taken).expect("whole");
            assert_eq!(checksum(taken.view().bodies()), *body);
            assert!(reader.go_to(&taken.place()).expect("readable"));
            assert_eq!(reader.next_frame().expect("whole").expect("a frame").offset, *offset);
        }
        // Other programs unpack it.
        let stream = disk.contents(&segment_name(2)).expect("a segment");
        assert!(stream.len() < plain.len());
        assert_eq!(zstd::decode_all(&stream[..]).expect("a stream"), plain);
        drop(journal);
        let (journal, recovery) =
            Journal::open(disk.clone(), Setup { entropy: 4, segment_bytes: SEGMENT }).expect("it goes on");
        assert_eq!((recovery.segments, recovery.cut), (6, None));
        drop(journal);
        retention::give_up(&disk, 3).expect("given up");
        assert_eq!(frames(&disk).first().map(|frame| frame.0), Some(3));
    }

    #[test]
    fn whoever_is_told_to_stop_has_changed_nothing() {
        let (disk, _journal) = log(1, 4);
        let before = disk.list().expect("listed");
        let contents = disk.contents(&segment_name(1));
        for pieces in 0..2 * pieces_of(SEGMENT) {
            let mut left = pieces;
            let stopped = pack(&disk, 1, || {
                left = left.wrapping_sub(1);
                left != usize::MAX
            });
            assert_eq!(stopped.expect("stopped"), None, "before piece {pieces}");
            assert_eq!(
                (disk.list().expect("listed"), disk.contents(&segment_name(1))),
                (before.clone(), contents.clone())
            );
        }
    }

    #[test]
    fn on_a_full_or_failing_disk_the_segment_is_as_it_was_and_nothing_takes_its_room() {
        let steps = {
            let (disk, _journal) = log(1, 4);
            let before = disk.steps();
            pack(&disk, 1, || true).expect("packed");
            disk.steps() - before
        };
        let (disk, _journal) = log(1, 4);
        let (before, used, whole) = (frames(&disk), disk.used(), disk.list().expect("listed"));
        for room in [0, BLOCK as u64, SEGMENT / 4] {
            disk.set_budget(used + room);
            assert!(pack(&disk, 1, || true).is_err_and(|error| error.is_full()), "{room}");
            assert_eq!((disk.used(), disk.list().expect("listed")), (used, whole.clone()));
        }
        disk.set_budget(u64::MAX);
        for step in 0..steps {
            let disk = disk.fork(step);
            disk.plan(step, Fault::Fail);
            assert!(pack(&disk, 1, || true).is_err(), "step {step}");
            assert_eq!((frames(&disk), disk.list().expect("listed")), (before.clone(), whole.clone()), "step {step}");
        }
    }

    #[test]
    fn wherever_the_power_fails_the_log_is_whole() {
        let steps = {
            let (disk, _journal) = log(1, 4);
            let before = disk.steps();
            pack_all(&disk).expect("packed");
            disk.steps() - before
        };
        let mut left = std::collections::BTreeSet::new();
        for (step, seed) in (0..=steps).flat_map(|step| (0..4).map(move |seed| (step, seed))) {
            let (disk, journal) = log(seed, 4);
            let before = frames(&disk);
            disk.plan(step, Fault::Crash);
            let _ = pack_all(&disk);
            drop(journal);
            if !disk.is_down() {
                disk.crash();
            }
            disk.reboot();
            assert_eq!(frames(&disk), before, "step {step}, seed {seed}");
            left.insert(packable(&disk).expect("listed").len());
            pack_all(&disk).expect("done again");
            assert_eq!(frames(&disk), before);
            assert!(disk.list().expect("listed").iter().all(|name| !is_half_packed(name)));
        }
        assert_eq!(left.into_iter().collect::<Vec<_>>(), [0, 1, 2], "crashes before, between and behind");
    }

    #[test]
    fn damage_is_named_and_never_read_as_something_else() {
        let (disk, _journal) = log(1, 4);
        let before = frames(&disk);
        pack_all(&disk).expect("packed");
        let name = segment_name(1);
        let bytes = disk.contents(&name).expect("a segment").len() as u64;
        let places = (0..200).map(|n| n * bytes / 200).chain(bytes - 64..bytes);
        for (n, byte) in places.enumerate() {
            let disk = disk.fork(n as u64);
            disk.flip(&name, byte, (n % 8) as u32);
            let read = Reader::open(disk.clone()).and_then(|mut reader| {
                let mut frames = Vec::new();
                while let Some(found) = reader.next_frame()? {
                    frames.push((found.segment, found.offset, checksum(found.view.bodies())));
                }
                Ok(frames)
            });
            match read {
                Ok(frames) => assert_eq!(frames, before, "byte {byte}"),
                Err(error) => assert!(error.to_string().contains(&name), "byte {byte}: {error}"),
            }
        }
        for len in [0, 3, 4, 8, 12, 100, bytes / 2, bytes - 1] {
            let disk = disk.fork(len);
            disk.cut(&name, len);
            let error = Reader::open(disk).and_then(|mut reader| reader.read_to_end(|_| {}).map(drop));
            assert!(error.is_err_and(|error| error.to_string().contains(&name)), "cut to {len}");
        }
    }

    #[test]
    fn behind_a_packed_segment_others_are_missing() {
        let (disk, _journal) = log(1, 4);
        pack_all(&disk).expect("packed");
        for ordinal in [3, 4] {
            disk.remove(&segment_name(ordinal)).expect("removed");
        }
        let error = Journal::open(disk.clone(), Setup { entropy: 4, segment_bytes: SEGMENT });
        let error = error.map(drop).expect_err("it is not the end of the log");
        assert!(error.to_string().contains(&segment_name(3)), "{error}");
    }
}
