//! The snapshots of a data folder: walks through the log begin at them, and leave them behind; a service goes on from the newest.
//!
//! They lie in `snapshots/` beside the journal, at most [`SNAPSHOTS_MAX`] of them, spread evenly over the log, and the newest whole
//! one: one with the views that a service shows. Whatever does not fit this log, this city and this mind is as good as not
//! there; a folder that cannot be written is left as it is.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::city::City;
use crate::data::{self, DataFolder};
use crate::dispatch::{Dispatcher, MIND_VERSION};
use crate::failure::Failure;
use crate::fingerprint::HashKey;
use crate::ids::Seq;
use crate::journal::disk::{Disk, RealDisk};
use crate::journal::reader::{Place, Reader};
use crate::journal::snapshot::{self, NoteAt, Snapshot, snapshot_name, snapshot_seq};
use crate::lane::Lane;
use crate::view::board::Board;
use crate::view::ledger::Ledger;
use crate::view::overview;

/// Records between two snapshots, at least: about what is decided in the time in which one is read.
pub const EVERY: u64 = 1 << 20;
/// Most snapshots of a folder. In a longer log they lie further apart.
pub const SNAPSHOTS_MAX: u64 = 16;

/// Snapshots that may wait to be written, the one that is being written included.
const PENDING_MAX: usize = 2;

/// Where a walk can begin: a lane, the frame that comes next, and the runs that were begun before.
pub(crate) struct Start {
    pub place: Option<Place>,
    pub runs: Vec<NoteAt>,
    pub lane: Lane,
    /// What was to be seen of the log up to there, if it was kept.
    pub views: Vec<u8>,
}

impl Start {
    /// At the beginning of the log.
    fn at_first(city: &Arc<City>) -> Self {
        Self { place: None, runs: Vec::new(), lane: Lane::new(city.clone()), views: Vec::new() }
    }
}

/// Where a service can go on: a lane, and what is shown of the log up to there.
pub(crate) struct Whole {
    /// The frame that comes next, where it is known.
    pub place: Option<Place>,
    pub runs: Vec<NoteAt>,
    pub lane: Lane,
    pub board: Board,
    pub ledger: Ledger,
}

impl Whole {
    fn of(start: Start, city: &City) -> Option<Self> {
        let (board, ledger) = overview::decode(city, &start.views)?;
        Some(Self { place: start.place, runs: start.runs, lane: start.lane, board, ledger })
    }

    /// At the beginning of the log.
    pub(crate) fn at_first(city: &Arc<City>) -> Self {
        Self {
            place: None,
            runs: Vec::new(),
            lane: Lane::new(city.clone()),
            board: Board::new(city, city.memory.cases_max as usize),
            ledger: Ledger::new(city.sources.len()),
        }
    }
}

/// The snapshots of a folder that belong to its log as it is.
pub(crate) struct Snapshots {
    city: Arc<City>,
    key: HashKey,
    every: u64,
    folder: PathBuf,
    /// One for each stretch of the log.
    kept: BTreeSet<Seq>,
    /// Those of them that are whole, and the newest whole one, in its stretch the only one or not.
    whole: BTreeSet<Seq>,
    /// The first record that the log still has.
    beginning: Seq,
    /// Files that nobody needs any more.
    surplus: Vec<String>,
    keeper: Option<Keeper>,
}

impl Snapshots {
    /// Those of a log that goes up to record `next`.
    pub(crate) fn open(
        folder: &DataFolder,
        key: HashKey,
        next: Seq,
        city: Arc<City>,
        every: u64,
    ) -> Result<Self, Failure> {
        let mut every = every.max(1);
        while next.0 / every > SNAPSHOTS_MAX {
            every *= 2;
        }
        let mut all = Self {
            city,
            key,
            every,
            folder: folder.snapshots(),
            kept: BTreeSet::new(),
            whole: BTreeSet::new(),
            beginning: Seq(1),
            surplus: Vec::new(),
            keeper: None,
        };
        all.sort_out(folder)?;
        Ok(all)
    }

    /// Which files belong to the log as it is: one for each stretch of it, and the newest whole one.
    fn sort_out(&mut self, folder: &DataFolder) -> Result<(), Failure> {
        let names = self.disk().and_then(|disk| disk.list().ok()).unwrap_or_default();
        let mut found: Vec<Seq> = names.iter().filter_map(|name| snapshot_seq(name)).collect();
        found.sort_unstable();
        let mut reader = data::reader(folder)?;
        self.beginning = reader.segments()[0].first_seq;
        for seq in found {
            match self.place_of(seq) {
                Some((place, is_whole)) if reader.go_to(&place)? => self.count_in(seq, is_whole),
                _ => self.surplus.push(snapshot_name(seq)),
            }
        }
        Ok(())
    }

    /// Counts in a snapshot that is newer than the others; what it makes superfluous is noted.
    fn count_in(&mut self, seq: Seq, is_whole: bool) {
        // Where the beginning was given up, the oldest snapshot stands for it.
        let is_of_use = seq.0 >= self.every || (self.beginning > Seq(1) && self.kept.is_empty());
        if is_of_use && self.kept.range(self.stretch(seq)).next().is_none() {
            self.kept.insert(seq);
        }
        let left = if is_whole { self.whole.last().copied() } else { Some(seq) };
        if is_whole {
            self.whole.insert(seq);
        }
        if let Some(left) = left.filter(|seq| !self.kept.contains(seq)) {
            self.whole.remove(&left);
            self.surplus.push(snapshot_name(left));
        }
    }

    /// None where there is no folder of snapshots yet.
    fn disk(&self) -> Option<RealDisk> {
        RealDisk::read_only(&self.folder).ok()
    }

    /// Where it belongs, and whether it is whole.
    fn place_of(&self, seq: Seq) -> Option<(Place, bool)> {
        let (place, is_whole) = snapshot::read_place(&self.disk()?, self.key, seq)?;
        let order = place.header.order;
        (order.mind == MIND_VERSION && order.city == self.city.version).then_some((place, is_whole))
    }

    /// The part of the log that has one snapshot: the one that lies in it.
    fn stretch(&self, seq: Seq) -> Range<Seq> {
        let first = seq.0 - seq.0 % self.every;
        Seq(first)..Seq(first.saturating_add(self.every))
    }

    /// Whether there is a snapshot so far ahead of a place that reading it takes less time than deciding up to there, and
    /// not behind another place.
    pub(crate) fn has(&self, from: Seq, to: Seq) -> bool {
        self.newest(from, to).is_some()
    }

    fn newest(&self, from: Seq, to: Seq) -> Option<Seq> {
        let near = Seq(from.0.saturating_add(self.every / 2));
        let newest = |of: &BTreeSet<Seq>| of.range(..=to).next_back().copied();
        newest(&self.kept).max(newest(&self.whole)).filter(|seq| *seq >= near)
    }

    /// The newest snapshot of those that [`Snapshots::has`] means.
    pub(crate) fn load(&mut self, from: Seq, to: Seq) -> Option<Start> {
        while let Some(seq) = self.newest(from, to) {
            if let Some(start) = self.read(seq) {
                return Some(start);
            }
            self.distrust(seq);
        }
        None
    }

    /// Where whole ones belong, the newest first.
    pub(crate) fn whole_places(&self) -> impl Iterator<Item = Place> {
        self.whole.iter().rev().filter_map(|seq| self.place_of(*seq)).map(|(place, _)| place)
    }

    /// The newest whole one that can be read, else the beginning of the log. Nothing if that was given up.
    pub(crate) fn load_whole(&mut self) -> Option<Whole> {
        while let Some(seq) = self.whole.last().copied() {
            if let Some(whole) = self.read(seq).and_then(|start| Whole::of(start, &self.city)) {
                return Some(whole);
            }
            self.distrust(seq);
        }
        (self.beginning == Seq(1)).then(|| Whole::at_first(&self.city))
    }

    /// Where whoever decides again about all of the log begins: with its first record or, where that was given up, with the
    /// oldest whole snapshot. Nothing if there is none.
    pub(crate) fn load_beginning(&mut self) -> Option<Start> {
        if self.beginning == Seq(1) {
            return Some(Start::at_first(&self.city));
        }
        while let Some(seq) = self.whole.first().copied() {
            if let Some(start) = self.read(seq) {
                return Some(start);
            }
            self.distrust(seq);
        }
        None
    }

    /// Whether nothing else stands for a beginning that was given up: without it the log leads nowhere any more.
    pub(crate) fn is_the_last(&self, seq: Seq) -> bool {
        self.beginning > Seq(1) && self.whole.len() == 1 && self.whole.contains(&seq)
    }

    /// The first record that can be decided about again; nothing if there is none.
    pub(crate) fn first_seq(&self) -> Option<Seq> {
        if self.beginning == Seq(1) { Some(Seq(1)) } else { self.whole.first().copied() }
    }

    fn read(&self, seq: Seq) -> Option<Start> {
        let Snapshot { place, notes, state, views } = snapshot::read(&self.disk()?, self.key, seq)?;
        let mind = Dispatcher::decode(self.city.clone(), &state).ok()?;
        let lane = Lane::at_frame(self.city.clone(), mind, &place.header.order);
        Some(Start { place: Some(place), runs: notes, lane, views })
    }

    /// Something is wrong with a snapshot: from now on it is not there, and it is made again by who comes by.
    pub(crate) fn distrust(&mut self, seq: Seq) {
        self.kept.remove(&seq);
        self.whole.remove(&seq);
    }

    /// Leaves a snapshot behind, if one is due right before a frame, and the last ones are written.
    pub(crate) fn keep(&mut self, place: Place, runs: &[NoteAt], lane: &Lane) {
        let seq = place.header.order.first_seq;
        if seq.0 < self.every || self.kept.range(self.stretch(seq)).next().is_some() {
            return;
        }
        let (folder, key, surplus) = (&self.folder, self.key, &mut self.surplus);
        let keeper = self.keeper.get_or_insert_with(|| Keeper::new(folder.clone(), key, std::mem::take(surplus)));
        if keeper.is_free() {
            let state = lane.mind().encode_into(std::mem::take(&mut keeper.room));
            keeper.write(Snapshot { place, notes: runs.to_vec(), state, views: Vec::new() });
            self.kept.insert(seq);
        }
    }
}

impl Snapshots {
    /// Leaves a whole snapshot behind, on a disk that whoever calls holds, and removes what it makes superfluous.
    pub(crate) fn keep_whole(&mut self, disk: &RealDisk, snapshot: &Snapshot) -> io::Result<()> {
        snapshot::write(disk, self.key, snapshot)?;
        self.count_in(snapshot.place.header.order.first_seq, true);
        self.surplus.drain(..).try_for_each(|name| disk.remove(&name))
    }
}

/// Brings a reader to where whoever decides again about all of a log begins.
///
/// # Errors
/// If the beginning was given up and no snapshot stands for it, or the disk fails.
pub(crate) fn to_the_beginning<D: Disk>(
    folder: &DataFolder,
    city: &Arc<City>,
    reader: &mut Reader<D>,
) -> Result<Start, Failure> {
    let segments = reader.segments();
    let (key, next) = (segments[0].key, segments[segments.len() - 1].first_seq);
    if segments[0].first_seq == Seq(1) {
        return Ok(Start::at_first(city));
    }
    let mut snapshots = Snapshots::open(folder, key, next, city.clone(), EVERY)?;
    if let Some(start) = snapshots.load_beginning()
        && let Some(place) = start.place
        && reader.go_to(&place)?
    {
        return Ok(start);
    }
    Err(no_beginning(folder))
}

/// What is to be said where a log cannot be decided about again.
pub(crate) fn no_beginning(folder: &DataFolder) -> Failure {
    Failure::Damaged(format!(
        "{}: 日志开头已按保留期删除，且没有可用的快照 the beginning of this log was given up, and no snapshot of this city and \
         this program stands for it",
        folder.snapshots().display()
    ))
}

/// Writes snapshots on a thread of its own. When it is dropped, what was given to it is written.
struct Keeper {
    /// None once it is to end.
    snapshots: Option<SyncSender<Snapshot>>,
    /// The states that were written, for the next ones' bytes: room that was used once is cheaper than new room.
    written: Receiver<Vec<u8>>,
    room: Vec<u8>,
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
                if snapshot::write(&disk, key, &snapshot).is_err() || done.send(snapshot.state).is_err() {
                    return;
                }
            }
        };
        Self {
            snapshots: Some(snapshots),
            written,
            room: Vec::new(),
            pending: 0,
            thread: Some(std::thread::spawn(work)),
        }
    }

    /// Whether another snapshot can be taken without waiting.
    fn is_free(&mut self) -> bool {
        for state in self.written.try_iter() {
            self.pending -= 1;
            self.room = state;
        }
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
