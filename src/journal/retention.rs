//! Giving up the oldest part of a log for good.

use super::disk::Disk;
use super::error::{During, JournalError};
use super::reader::ordinals;
use super::segment::segment_name;

/// Removes the segments before one, which must be there and be sealed; gives how many those were. May be done while the log is
/// written, and by somebody else, but not while anybody reads those segments.
///
/// The oldest goes first, and is gone from the disk before the next one goes: wherever the power fails, what is left is the
/// end of a log without a gap.
///
/// # Errors
/// If the disk fails.
pub fn give_up<D: Disk>(disk: &D, before: u64) -> Result<usize, JournalError> {
    let ordinals = ordinals(disk)?;
    let kept_from = ordinals.partition_point(|ordinal| *ordinal < before);
    if ordinals.get(kept_from) != Some(&before) {
        return Err(JournalError::Missing { path: disk.path(&segment_name(before)) });
    }
    for ordinal in &ordinals[..kept_from] {
        let name = segment_name(*ordinal);
        disk.remove(&name).during("removing", || disk.path(&name), 0)?;
        disk.sync_dir().during("syncing the folder", || disk.path(""), 0)?;
    }
    Ok(kept_from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::HashKey;
    use crate::ids::Seq;
    use crate::journal::buffer::BLOCK;
    use crate::journal::frame::{Frame, Kind, Order};
    use crate::journal::reader::Reader;
    use crate::journal::sim::{Fault, SimDisk};
    use crate::journal::writer::{Journal, Setup};

    const KEY: HashKey = HashKey { k0: 1, k1: 2 };

    /// A log of so many segments, one frame in each, on a simulated disk.
    fn log(seed: u64, segments: usize) -> (SimDisk, Journal<SimDisk>) {
        let disk = SimDisk::new(seed);
        let setup = Setup { entropy: 3, segment_bytes: 2 * BLOCK as u64 };
        let mut journal = Journal::create(disk.clone(), KEY, 1, setup).expect("a journal");
        while journal.segments() < segments {
            append(&mut journal);
        }
        (disk, journal)
    }

    fn append(journal: &mut Journal<SimDisk>) {
        let mut frame = Frame::document(Kind::Manifest, b"{}");
        frame.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
        journal.append(&mut frame).expect("written");
        journal.sync().expect("synced");
    }

    #[test]
    fn the_rest_is_a_log_and_goes_on() {
        let (disk, mut journal) = log(1, 6);
        assert_eq!(give_up(&disk, 4).expect("given up"), 3);
        assert_eq!(give_up(&disk, 4).expect("nothing more"), 0);
        for absent in [3, 7] {
            assert!(give_up(&disk, absent).is_err(), "segment {absent} is not there");
        }
        append(&mut journal);
        let reader = Reader::open(disk.clone()).expect("a log");
        assert_eq!(reader.segments().iter().map(|segment| segment.ordinal).collect::<Vec<_>>(), [4, 5, 6, 7]);
        drop(journal);
        let setup = Setup { entropy: 4, segment_bytes: 2 * BLOCK as u64 };
        let (journal, recovery) = Journal::open(disk, setup).expect("it goes on");
        assert_eq!((recovery.first_seq, journal.next_seq()), (Seq(1), Seq(1)), "notes are no records");
    }

    #[test]
    fn wherever_the_power_fails_what_is_left_has_no_gap() {
        let steps = {
            let (disk, _) = log(1, 8);
            let before = disk.steps();
            give_up(&disk, 6).expect("given up");
            disk.steps() - before
        };
        let mut left = std::collections::BTreeSet::new();
        for (step, seed) in (0..=steps).flat_map(|step| (0..20).map(move |seed| (step, seed))) {
            let (disk, journal) = log(seed, 8);
            disk.plan(step, Fault::Crash);
            let _ = give_up(&disk, 6);
            drop(journal);
            if !disk.is_down() {
                disk.crash();
            }
            disk.reboot();
            let reader = Reader::open(disk.clone());
            let reader = reader.unwrap_or_else(|error| panic!("step {step}, seed {seed}: {error}"));
            left.insert(reader.segments().len());
            give_up(&disk, 6).expect("done again");
        }
        assert!(left.len() > 2, "crashes before, between and behind: {left:?}");
    }
}
