//! Writes frames to the newest segment, one write each, and says which of them are on the disk.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::fingerprint::HashKey;
use crate::ids::Seq;

use super::buffer::BLOCK;
use super::disk::{Access, Disk, DiskFile};
use super::error::{During, JournalError};
use super::frame::{Frame, Ink};
use super::reader::{LogEnd, ordinals};
use super::segment::{SEGMENT_BYTES, SegmentHeader, is_spare, segment_name, spare_name};

/// Most files that are kept to become segments again.
const SPARES_MAX: usize = 2;

/// How a journal is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setup {
    /// Random bits, drawn anew whenever a journal is created or opened. The salts of its segments follow from them.
    pub entropy: u64,
    /// Bytes of each new segment: a multiple of [`BLOCK`], and at least two of them.
    pub segment_bytes: u64,
}

impl Setup {
    /// Segments of [`SEGMENT_BYTES`].
    pub const fn new(entropy: u64) -> Self {
        Self { entropy, segment_bytes: SEGMENT_BYTES }
    }

    /// The salt of a segment: the bits of entropy and ordinal, well mixed (the finisher of SplitMix64).
    fn salt(&self, ordinal: u64) -> u64 {
        let mut word = self.entropy.wrapping_add(ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

/// Where a frame was written. It is not yet on the disk; see [`Journal::sync`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// In which segment.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The last record that was written so far.
    pub last: Seq,
}

/// The log, open for writing.
///
/// Once a write or a sync has failed, nothing is known about the disk, so every later call gives the same error: the process
/// must end, and recovery finds out what is there. Only a full disk that shows when a segment is set aside leaves the journal
/// usable ([`JournalError::is_full`]).
#[derive(Debug)]
pub struct Journal<D: Disk> {
    disk: D,
    setup: Setup,
    /// All segments but the newest, from the oldest on.
    old: VecDeque<SegmentHeader>,
    newest: SegmentHeader,
    file: D::File,
    /// Where in the newest segment the next frame goes.
    at: u64,
    log: LogEnd,
    spares: Vec<String>,
    failed: Option<JournalError>,
}

impl<D: Disk> Journal<D> {
    /// Begins a log in a folder that holds none. Its first record is 1.
    ///
    /// # Errors
    /// If the folder holds a journal, or the disk fails.
    pub fn create(disk: D, key: HashKey, city: u64, setup: Setup) -> Result<Self, JournalError> {
        if let Some(&first) = ordinals(&disk)?.first() {
            return Err(JournalError::Exists { path: disk.path(&segment_name(first)) });
        }
        let first = SegmentHeader {
            ordinal: 1,
            salt: 0,
            key,
            first_seq: Seq(1),
            first_index: 0,
            city,
            chain: 0,
            is_recycled: false,
        };
        Self::begin(disk, setup, VecDeque::new(), first)
    }

    /// Goes on behind the `old` segments, all of which are on the disk, with a new one that `next` describes.
    pub(super) fn begin(
        disk: D,
        setup: Setup,
        old: VecDeque<SegmentHeader>,
        next: SegmentHeader,
    ) -> Result<Self, JournalError> {
        let is_whole_blocks =
            setup.segment_bytes.is_multiple_of(BLOCK as u64) && setup.segment_bytes >= 2 * BLOCK as u64;
        assert!(is_whole_blocks, "a segment has whole blocks: one for itself, the others for frames");
        let mut spares = usable_spares(&disk, setup.segment_bytes)?;
        let (file, newest) = new_segment(&disk, &setup, &mut spares, next)?;
        Ok(Self {
            disk,
            setup,
            old,
            log: LogEnd::before(&newest),
            newest,
            file,
            at: BLOCK as u64,
            spares,
            failed: None,
        })
    }

    /// Writes a closed and ordered frame behind the last one, in one write and without copying it.
    ///
    /// # Errors
    /// If the frame does not begin at the record that is due or is too large (nothing happens then), or the disk fails.
    pub fn append(&mut self, frame: &mut Frame) -> Result<Written, JournalError> {
        let written = self.place(frame)?;
        self.write(written.offset, &[frame.bytes()])?;
        Ok(written)
    }

    /// Writes several frames, those of a segment at once: the device is busy with all of them, where one write for each would
    /// wait for each.
    ///
    /// # Errors
    /// As [`Journal::append`]. The journal is of no more use then, but for a full disk that shows when a segment is set aside.
    pub fn append_all<'f>(&mut self, frames: impl Iterator<Item = &'f mut Frame>) -> Result<(), JournalError> {
        let (mut from, mut parts) = (self.at, Vec::new());
        for frame in frames {
            let rotates = self.at + frame.frame_bytes() > self.setup.segment_bytes;
            if rotates {
                self.write(from, &parts)?;
                parts.clear();
            }
            if let Err(error) = self.place(frame) {
                // What has its place already must be there: a later frame may still come behind it.
                self.write(from, &parts)?;
                return Err(error);
            }
            if rotates {
                from = BLOCK as u64;
            }
            parts.push(frame.bytes());
        }
        self.write(from, &parts)
    }

    /// Gives a frame its place behind the last one and seals it for there; in a new segment if this one is full.
    fn place(&mut self, frame: &mut Frame) -> Result<Written, JournalError> {
        self.check_usable()?;
        let (header, bytes) = (*frame.header(), frame.frame_bytes());
        if header.order.first_seq != self.log.next_seq {
            return Err(JournalError::OutOfOrder { said: header.order.first_seq, due: self.log.next_seq });
        }
        let max = self.setup.segment_bytes - BLOCK as u64;
        if bytes > max {
            return Err(JournalError::TooLarge { bytes, max });
        }
        if self.at + bytes > self.setup.segment_bytes {
            self.rotate(header.order.city)?;
        }
        frame.seal(Ink {
            salt: self.newest.salt,
            prev: self.log.chain,
            index: self.log.next_index,
            durable_frames: self.log.durable_frames,
            durable: self.log.durable,
        });
        self.log.advance(frame.header());
        let offset = self.at;
        self.at += bytes;
        Ok(Written { segment: self.newest.ordinal, offset, bytes, last: self.last() })
    }

    fn write(&mut self, at: u64, parts: &[&[u8]]) -> Result<(), JournalError> {
        self.check_usable()?;
        let written = self.file.write_parts_at(at, parts);
        let written = written.during("writing frames", || self.disk.path(&segment_name(self.newest.ordinal)), at);
        self.keep_failure(written)
    }

    /// Puts all that was written on the disk, and gives the last record that is there now.
    ///
    /// # Errors
    /// If the disk fails. It is not asked twice: what a failed sync should have kept may be gone though a second one succeeds.
    pub fn sync(&mut self) -> Result<Seq, JournalError> {
        self.check_usable()?;
        if self.log.durable_frames < self.log.next_index {
            let synced = self.file.sync();
            let synced = synced.during("syncing", || self.disk.path(&segment_name(self.newest.ordinal)), self.at);
            self.keep_failure(synced)?;
            self.log.durable_frames = self.log.next_index;
            self.log.durable = self.last();
        }
        Ok(self.log.durable)
    }

    /// Gives up whole segments that hold only records before `before`; gives how many. The newest segment always stays.
    ///
    /// Their files are written over soon, so no reader may still need them: retire only what every reader has left behind.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn retire(&mut self, before: Seq) -> Result<usize, JournalError> {
        self.check_usable()?;
        let mut retired = 0;
        while self.old.get(1).unwrap_or(&self.newest).first_seq <= before {
            let Some(oldest) = self.old.front() else { break };
            let set_aside = set_aside(&self.disk, oldest.ordinal, self.setup.segment_bytes, &mut self.spares);
            self.keep_failure(set_aside)?;
            self.old.pop_front();
            retired += 1;
        }
        Ok(retired)
    }

    /// The last record that is known to be on the disk; 0 if none is.
    pub fn durable(&self) -> Seq {
        self.log.durable
    }

    /// The last record that was written; 0 if none was.
    pub fn last(&self) -> Seq {
        Seq(self.log.next_seq.0 - 1)
    }

    /// The record that is due next.
    pub fn next_seq(&self) -> Seq {
        self.log.next_seq
    }

    /// The first record that has not been retired.
    pub fn first_seq(&self) -> Seq {
        self.old.front().unwrap_or(&self.newest).first_seq
    }

    /// The hash key of the folder.
    pub fn key(&self) -> HashKey {
        self.newest.key
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.old.len() + 1
    }

    /// The folder.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// The segment that is written now.
    pub fn path(&self) -> PathBuf {
        self.disk.path(&segment_name(self.newest.ordinal))
    }

    /// Syncs the newest segment, then begins another.
    fn rotate(&mut self, city: u64) -> Result<(), JournalError> {
        self.sync()?;
        let next = SegmentHeader {
            ordinal: self.newest.ordinal + 1,
            first_seq: self.log.next_seq,
            first_index: self.log.next_index,
            chain: self.log.chain,
            city,
            ..self.newest
        };
        let made = new_segment(&self.disk, &self.setup, &mut self.spares, next);
        let (file, newest) = match made {
            // The log is as it was before, and all of it is on the disk.
            Err(error) if error.is_full() => return Err(error),
            made => self.keep_failure(made)?,
        };
        self.old.push_back(self.newest);
        (self.file, self.newest, self.at) = (file, newest, BLOCK as u64);
        Ok(())
    }

    fn check_usable(&self) -> Result<(), JournalError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn keep_failure<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }
}

/// Makes the segment that `next` describes. Its first block is on the disk before the file gets its name, and the name is
/// on the disk before the first frame is written.
///
/// The folder is synced before the first block is written, too: the file must be known by its spare name and by no other.
/// Otherwise a crash could keep the rename and lose what was done under the spare name, and so give the segment's name to
/// another file, or leave a file that is written over under the name that it had in the log.
fn new_segment<D: Disk>(
    disk: &D,
    setup: &Setup,
    spares: &mut Vec<String>,
    next: SegmentHeader,
) -> Result<(D::File, SegmentHeader), JournalError> {
    let spare = spares.pop();
    let header = SegmentHeader { salt: setup.salt(next.ordinal), is_recycled: spare.is_some(), ..next };
    let name = spare.clone().unwrap_or_else(|| spare_name(header.ordinal));
    let path = || disk.path(&name);
    let mut file = match spare {
        Some(_) => disk.open(&name, Access::Write).during("opening", path, 0)?,
        None => create_spare(disk, &name, setup.segment_bytes)?,
    };
    disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
    file.write_at(0, header.encode().as_slice()).during("writing the first block", path, 0)?;
    file.sync().during("syncing the first block", path, 0)?;
    let segment = segment_name(header.ordinal);
    disk.rename(&name, &segment).during("renaming to a segment", path, 0)?;
    disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
    Ok((file, header))
}

fn create_spare<D: Disk>(disk: &D, name: &str, bytes: u64) -> Result<D::File, JournalError> {
    disk.create(name, bytes)
        .inspect_err(|_| {
            // Half of the room, set aside on a full disk, helps nobody. If even that fails, the next opening removes it.
            let _ = disk.remove(name);
        })
        .during("setting room aside", || disk.path(name), 0)
}

/// Takes a segment out of the log: its file becomes a spare, or is removed where it is of another size or not needed.
///
/// The folder is synced after each one. Otherwise a crash could keep the later of two changes and lose the earlier, and leave
/// a gap; or a file that is written over could still bear its old name.
fn set_aside<D: Disk>(
    disk: &D,
    ordinal: u64,
    segment_bytes: u64,
    spares: &mut Vec<String>,
) -> Result<(), JournalError> {
    let name = segment_name(ordinal);
    let path = || disk.path(&name);
    if spares.len() < SPARES_MAX && has_size(disk, &name, segment_bytes)? {
        let spare = spare_name(ordinal);
        disk.rename(&name, &spare).during("renaming to a spare", path, 0)?;
        disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
        spares.push(spare);
    } else {
        disk.remove(&name).during("removing", path, 0)?;
        disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
    }
    Ok(())
}

/// The files set aside earlier that can still be used; removes the others.
fn usable_spares<D: Disk>(disk: &D, segment_bytes: u64) -> Result<Vec<String>, JournalError> {
    let names = disk.list().during("listing", || disk.path(""), 0)?;
    let mut spares = Vec::new();
    for name in names.into_iter().filter(|name| is_spare(name)) {
        if spares.len() < SPARES_MAX && has_size(disk, &name, segment_bytes)? {
            spares.push(name);
        } else {
            disk.remove(&name).during("removing", || disk.path(&name), 0)?;
        }
    }
    Ok(spares)
}

fn has_size<D: Disk>(disk: &D, name: &str, bytes: u64) -> Result<bool, JournalError> {
    let file = disk.open(name, Access::Read).during("opening", || disk.path(name), 0)?;
    let size = file.size().during("asking for the size", || disk.path(name), 0)?;
    Ok(size == bytes)
}
