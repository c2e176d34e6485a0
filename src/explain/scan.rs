//! The log of a folder, and looking for a few of its records without deciding about any.

use std::ops::Range;

use super::sought::{Cases, Prints};
use crate::data::{self, DataFolder};
use crate::failure::Failure;
use crate::fingerprint::HashKey;
use crate::ids::Seq;
use crate::journal::disk::RealDisk;
use crate::journal::reader::Reader;
use crate::record::{Input, Record, SLOT, slot_acts_on, slot_fingerprint};

/// What a scan looks for.
pub(super) struct Wanted<'a> {
    /// Records of these ids.
    pub prints: &'a Prints,
    /// Actions and rulings on these cases.
    pub cases: &'a Cases,
}

impl Wanted<'_> {
    #[inline]
    fn is_in(&self, slot: &[u8; SLOT]) -> bool {
        self.prints.has(slot_fingerprint(slot)) || slot_acts_on(slot).is_some_and(|case| self.cases.has(case))
    }
}

/// Whether a record acts on one of some cases.
#[inline]
pub(super) fn acts_on(record: &Record, cases: &Cases) -> bool {
    match &record.input {
        Input::Action(action) => cases.has(action.order.case),
        Input::Ruling(ruling) => cases.has(ruling.order.case),
        _ => false,
    }
}

/// The log of a folder.
pub(super) struct Log {
    pub folder: DataFolder,
    pub key: HashKey,
    /// The first record that can be decided about again.
    pub first: Seq,
    /// The record that is due next.
    pub next: Seq,
}

impl Log {
    pub(super) fn open(folder: &DataFolder) -> Result<Self, Failure> {
        // Only the last segment is read: what is before it is told by the segments' first blocks.
        let mut reader = data::reader_from(folder, Seq(u64::MAX))?;
        let key = reader.segments()[0].key;
        while reader.next_frame()?.is_some() {}
        Ok(Self { folder: folder.clone(), key, first: Seq(1), next: reader.next_seq() })
    }

    pub(super) fn holds(&self, seq: Seq) -> bool {
        (self.first..self.next).contains(&seq)
    }

    /// Reads heads from the start of the segment that holds a record.
    pub(super) fn reader_from(&self, from: Seq) -> Result<Reader<RealDisk>, Failure> {
        Ok(data::reader_from(&self.folder, from)?.without_bodies())
    }

    /// One record, by its number; nothing if it is not there or cannot be read.
    pub(super) fn record(&self, seq: Seq) -> Result<Option<Record>, Failure> {
        let mut reader = self.reader_from(seq)?;
        while let Some(frame) = reader.next_frame()? {
            if frame.view.header().next_seq() > seq {
                let mut records = frame.view.records().map_while(Result::ok).map(|placed| placed.record);
                return Ok(records.find(|record| record.seq == seq));
            }
        }
        Ok(None)
    }

    /// All records of a part of the log that are wanted, in their order. One thread takes its older half, one the newer.
    pub(super) fn scan(&self, part: Range<Seq>, wanted: &Wanted<'_>) -> Result<Vec<Record>, Failure> {
        let middle = Seq(part.start.0.midpoint(part.end.0));
        if part.start >= middle {
            return self.scan_part(part, wanted);
        }
        let (older, newer) = std::thread::scope(|scope| {
            let older = scope.spawn(|| self.scan_part(part.start..middle, wanted));
            let newer = self.scan_part(middle..part.end, wanted);
            (older.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), newer)
        });
        let mut all = older?;
        all.extend(newer?);
        Ok(all)
    }

    /// All records that there are.
    pub(super) fn all(&self) -> Range<Seq> {
        self.first..self.next
    }

    fn scan_part(&self, part: Range<Seq>, wanted: &Wanted<'_>) -> Result<Vec<Record>, Failure> {
        let mut found = Vec::new();
        if part.is_empty() {
            return Ok(found);
        }
        let mut reader = self.reader_from(part.start)?;
        while let Some(frame) = reader.next_frame()? {
            if frame.view.header().order.first_seq >= part.end {
                break;
            }
            // Most frames hold nothing: their records need not even be read.
            if frame.view.slots().iter().any(|slot| wanted.is_in(slot)) {
                let records = frame.view.records().map_while(Result::ok).map(|placed| placed.record);
                let is_wanted =
                    |record: &Record| wanted.prints.has(record.origin.fingerprint) || acts_on(record, wanted.cases);
                found.extend(records.filter(|record| part.contains(&record.seq) && is_wanted(record)));
            }
        }
        Ok(found)
    }
}
