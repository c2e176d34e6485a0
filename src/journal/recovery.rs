//! Opens a log again after its writer ended, in whatever way.
//!
//! Nothing of the old segments is written on. What a crash left behind the last whole frame is cut off, what was only known
//! from the page cache is put on the disk, and the log goes on in a new segment. Each step may be interrupted, and all of it
//! done again.

use std::collections::VecDeque;
use std::io;

use crate::ids::Seq;

use super::buffer::{AlignedBuf, BLOCK};
use super::disk::{Access, Disk, DiskFile};
use super::error::{During, JournalError};
use super::reader::{Cut, End, Reader};
use super::segment::{SegmentHeader, segment_name};
use super::writer::{Journal, Setup};

/// How much is written again at a time.
const CHUNK: usize = 256 * BLOCK;

/// What was found when a log was opened again.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The first record that is there, if any is.
    pub first_seq: Seq,
    /// The record that is due next.
    pub next_seq: Seq,
    /// How many segments hold the log.
    pub segments: usize,
    /// How many bytes were written to the disk again, because nothing proved that they were there.
    pub rewritten_bytes: u64,
    /// What was cut off behind the last whole frame.
    pub cut: Option<Cut>,
}

impl<D: Disk> Journal<D> {
    /// Whether a folder holds a journal, whole or not.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn is_in(disk: &D) -> Result<bool, JournalError> {
        Ok(!super::reader::ordinals(disk)?.is_empty())
    }

    /// Opens the log of a folder, and checks all of it.
    ///
    /// # Errors
    /// If the folder holds no journal, the log is damaged (nothing was changed then), or the disk fails.
    pub fn open(disk: D, setup: Setup) -> Result<(Self, Recovery), JournalError> {
        Self::resume(Reader::open(disk)?, setup)
    }

    /// Goes on behind the last frame of a reader, so that a replay and the check of the log are one pass. What the reader
    /// has not read yet is read, and checked, here.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn resume(mut reader: Reader<D>, setup: Setup) -> Result<(Self, Recovery), JournalError> {
        let end = reader.read_to_end(|_| {})?;
        let Reader { disk, mut segments, log, .. } = reader;
        let newest = segments.pop().expect("a reader has at least one segment");
        let is_empty = end.at == BLOCK as u64;
        let rewritten_bytes = if is_empty { 0 } else { mend(&disk, &newest, &end)? };
        let mut next =
            SegmentHeader { first_seq: log.next_seq, first_index: log.next_index, chain: log.chain, ..newest };
        // A segment without frames is replaced by another of its name: a folder that is only opened does not grow.
        if !is_empty {
            next.ordinal += 1;
            segments.push(newest);
        }
        let journal = Self::begin(disk, setup, VecDeque::from(segments), next)?;
        let recovery = Recovery {
            first_seq: journal.first_seq(),
            next_seq: journal.next_seq(),
            segments: journal.segments(),
            rewritten_bytes,
            cut: end.cut,
        };
        Ok((journal, recovery))
    }
}

/// Puts the last segment on the disk as it was read: cut behind its last frame, and nothing of it only in the page cache.
///
/// What no header proves to be on the disk is written again first. After a sync that failed, Linux shows pages that are not
/// on the disk and counts them as clean, so that another sync succeeds and does nothing.
fn mend<D: Disk>(disk: &D, segment: &SegmentHeader, end: &End) -> Result<u64, JournalError> {
    let name = segment_name(segment.ordinal);
    let path = || disk.path(&name);
    let source = disk.open(&name, Access::Read).during("opening", path, 0)?;
    let mut target = disk.open(&name, Access::Write).during("opening", path, 0)?;
    let mut chunk = AlignedBuf::new();
    let mut at = end.unproven_from;
    while at < end.at {
        chunk.clear();
        let bytes = chunk.space((end.at - at).min(CHUNK as u64) as usize);
        let read = source.read_at(at, bytes).during("reading", path, at)?;
        let whole = if read == bytes.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        whole.during("reading again", path, at)?;
        target.write_at(at, bytes).during("writing again", path, at)?;
        at += bytes.len() as u64;
    }
    target.truncate(end.at).during("cutting behind the last frame", path, end.at)?;
    target.sync().during("syncing", path, end.at)?;
    Ok(end.at - end.unproven_from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fingerprint::HashKey;
    use crate::journal::disk::RealDisk;
    use crate::journal::frame::{Frame, Kind, Order};

    const KEY: HashKey = HashKey { k0: 1, k1: 2 };
    const SETUP: Setup = Setup { entropy: 3, segment_bytes: 16 * BLOCK as u64 };

    fn append(journal: &mut Journal<RealDisk>, text: &str) {
        let mut frame = Frame::document(Kind::Manifest, text.as_bytes());
        frame.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
        journal.append(&mut frame).unwrap();
    }

    fn texts(folder: &Path) -> Vec<String> {
        let mut reader = Reader::open(RealDisk::read_only(folder).unwrap()).unwrap();
        let mut texts = Vec::new();
        while let Some(found) = reader.next_frame().unwrap() {
            texts.push(String::from_utf8(found.view.bodies().to_vec()).unwrap());
        }
        texts
    }

    #[test]
    fn a_log_on_a_real_disk_goes_on_after_each_opening() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(RealDisk::open(folder.path()).unwrap(), KEY, 1, SETUP).unwrap();
        let mut expected = Vec::new();
        for life in 0..5 {
            for i in 0..20 {
                expected.push(format!("life {life}, frame {i}{}", " ".repeat(i * 500)));
                append(&mut journal, &expected[expected.len() - 1]);
            }
            assert!(RealDisk::open(folder.path()).is_err(), "the folder has a writer");
            assert_eq!(texts(folder.path()), expected, "a reader sees what is not synced yet");
            journal.sync().unwrap();
            drop(journal);
            let disk = RealDisk::open(folder.path()).unwrap();
            assert!(Journal::is_in(&disk).unwrap());
            let (opened, recovery) = Journal::open(disk, Setup { entropy: life, ..SETUP }).unwrap();
            assert_eq!((opened.key(), recovery.cut), (KEY, None));
            assert_eq!(texts(folder.path()), expected);
            journal = opened;
        }
        assert!(journal.segments() > 5, "no segment is written on after it was opened again");
    }

    #[test]
    fn a_torn_tail_on_a_real_disk_is_cut_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(RealDisk::open(folder.path()).unwrap(), KEY, 1, SETUP).unwrap();
        append(&mut journal, "whole");
        let path = journal.path();
        append(&mut journal, "torn");
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[2 * BLOCK + 130] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let open = || Journal::open(RealDisk::open(folder.path()).unwrap(), SETUP).unwrap().1;
        let cut = open().cut.expect("a torn tail");
        assert_eq!((&cut.path, cut.offset, cut.bytes), (&path, 2 * BLOCK as u64, BLOCK as u64));
        assert!(cut.to_string().contains("checksum of the bodies"), "{cut}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 * BLOCK as u64);
        assert_eq!(open().cut, None);
        assert_eq!(texts(folder.path()), ["whole"]);
    }
}
