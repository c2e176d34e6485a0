//! The snapshots of a data folder: walks begin at them, and leave them behind.
//!
//! They lie in `snapshots/` beside the journal, at most [`SNAPSHOTS_MAX`] of them, spread evenly over the log. Whatever does not
//! fit this log, this city and this mind is as good as not there; a folder that cannot be written is left as it is.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::scan::Log;
use crate::city::City;
use crate::dispatch::{Dispatcher, MIND_VERSION};
use crate::failure::Failure;
use crate::fingerprint::HashKey;
use crate::ids::Seq;
use crate::journal::disk::{Disk, RealDisk};
use crate::journal::reader::Place;
use crate::journal::snapshot::{self, NoteAt, Snapshot, snapshot_name, snapshot_seq};
use crate::lane::Lane;

/// Records between two snapshots, at least: about what is decided in the time in which one is read.
pub const EVERY: u64 = 1 << 20;
/// Most snapshots of a folder. In a longer log they lie further apart.
pub const SNAPSHOTS_MAX: u64 = 16;

/// Snapshots that may wait to be written, the one that is being written included.
const PENDING_MAX: usize = 2;

/// Where a walk can begin: a lane, the frame that comes next, and the runs that were begun before.
pub(super) struct Start {
    pub place: Option<Place>,
    pub runs: Vec<NoteAt>,
    pub lane: Lane,
}

impl Start {
    /// At the beginning of the log.
    pub(super) fn at_first(city: Arc<City>) -> Self {
        Self { place: None, runs: Vec::new(), lane: Lane::new(city) }
    }
}

/// The snapshots of a folder that belong to its log as it is.
pub(super) struct Snapshots {
    city: Arc<City>,
    key: HashKey,
    every: u64,
    folder: PathBuf,
    kept: BTreeSet<Seq>,
    /// Files that nobody needs any more.
    surplus: Vec<String>,
    keeper: Option<Keeper>,
}

impl Snapshots {
    pub(super) fn open(log: &Log, city: Arc<City>, every: u64) -> Result<Self, Failure> {
        let mut every = every.max(1);
        while log.next.0 / every > SNAPSHOTS_MAX {
            every *= 2;
        }
        let mut all = Self {
            city,
            key: log.key,
            every,
            folder: log.folder.snapshots(),
            kept: BTreeSet::new(),
            surplus: Vec::new(),
            keeper: None,
        };
        all.sort_out(log)?;
        Ok(all)
    }

    /// Which files belong to the log as it is: one for each stretch of it.
    fn sort_out(&mut self, log: &Log) -> Result<(), Failure> {
        let names = self.disk().and_then(|disk| disk.list().ok()).unwrap_or_default();
        let mut found: Vec<Seq> = names.iter().filter_map(|name| snapshot_seq(name)).collect();
        found.sort_unstable();
        let mut reader = log.reader_from(Seq(0))?;
        for seq in found {
            let is_new = seq.0 >= self.every && self.kept.range(self.stretch(seq)).next().is_none();
            if is_new
                && let Some(place) = self.place_of(seq)
                && reader.go_to(&place)?
            {
                self.kept.insert(seq);
            } else {
                self.surplus.push(snapshot_name(seq));
            }
        }
        Ok(())
    }

    /// None where there is no folder of snapshots yet.
    fn disk(&self) -> Option<RealDisk> {
        RealDisk::read_only(&self.folder).ok()
    }

    fn place_of(&self, seq: Seq) -> Option<Place> {
        let place = snapshot::read_place(&self.disk()?, self.key, seq)?;
        let order = place.header.order;
        (order.mind == MIND_VERSION && order.city == self.city.version).then_some(place)
    }

    /// The part of the log that has one snapshot: the one that lies in it.
    fn stretch(&self, seq: Seq) -> Range<Seq> {
        let first = seq.0 - seq.0 % self.every;
        Seq(first)..Seq(first.saturating_add(self.every))
    }

    /// Whether there is a snapshot so far ahead of a place that reading it takes less time than deciding up to there, and
    /// not behind another place.
    pub(super) fn has(&self, from: Seq, to: Seq) -> bool {
        self.newest(from, to).is_some()
    }

    fn newest(&self, from: Seq, to: Seq) -> Option<Seq> {
        let near = Seq(from.0.saturating_add(self.every / 2));
        (near <= to).then(|| self.kept.range(near..=to).next_back().copied())?
    }

    /// The newest snapshot of those that [`Snapshots::has`] means.
    pub(super) fn load(&mut self, from: Seq, to: Seq) -> Option<Start> {
        while let Some(seq) = self.newest(from, to) {
            if let Some(start) = self.read(seq) {
                return Some(start);
            }
            self.distrust(seq);
        }
        None
    }

    fn read(&self, seq: Seq) -> Option<Start> {
        let Snapshot { place, notes, state } = snapshot::read(&self.disk()?, self.key, seq)?;
        let mind = Dispatcher::decode(self.city.clone(), &state).ok()?;
        let lane = Lane::at_frame(self.city.clone(), mind, &place.header.order);
        Some(Start { place: Some(place), runs: notes, lane })
    }

    /// Something is wrong with a snapshot: from now on it is not there, and it is made again by who comes by.
    pub(super) fn distrust(&mut self, seq: Seq) {
        self.kept.remove(&seq);
    }

    /// Leaves a snapshot behind, if one is due right before a frame, and the last ones are written.
    pub(super) fn keep(&mut self, place: Place, runs: &[NoteAt], lane: &Lane) {
        let seq = place.header.order.first_seq;
        if seq.0 < self.every || self.kept.range(self.stretch(seq)).next().is_some() {
            return;
        }
        let (folder, key, surplus) = (&self.folder, self.key, &mut self.surplus);
        let keeper = self.keeper.get_or_insert_with(|| Keeper::new(folder.clone(), key, std::mem::take(surplus)));
        if keeper.is_free() {
            keeper.write(Snapshot { place, notes: runs.to_vec(), state: lane.mind().encode() });
            self.kept.insert(seq);
        }
    }
}

/// Writes snapshots on a thread of its own. When it is dropped, what was given to it is written.
struct Keeper {
    /// None once it is to end.
    snapshots: Option<SyncSender<Snapshot>>,
    written: Receiver<()>,
    pending: usize,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn new(folder: PathBuf, key: HashKey, surplus: Vec<String>) -> Self {
        let (snapshots, to_write) = sync_channel::<Snapshot>(PENDING_MAX);
        let (done, written) = sync_channel(PENDING_MAX);
        let work = move || {
            // Who may not write here, or not now, does without.
            let Ok(disk) = RealDisk::open(&folder) else { return };
            surplus.iter().for_each(|name| drop(disk.remove(name)));
            for snapshot in to_write {
                if snapshot::write(&disk, key, &snapshot).is_err() || done.send(()).is_err() {
                    return;
                }
            }
        };
        Self { snapshots: Some(snapshots), written, pending: 0, thread: Some(std::thread::spawn(work)) }
    }

    /// Whether another snapshot can be taken without waiting.
    fn is_free(&mut self) -> bool {
        self.pending -= self.written.try_iter().count();
        self.pending < PENDING_MAX
    }

    fn write(&mut self, snapshot: Snapshot) {
        self.pending += 1;
        // Nobody takes it where nothing can be written.
        let _ = self.snapshots.as_ref().is_some_and(|snapshots| snapshots.try_send(snapshot).is_ok());
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.snapshots = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
