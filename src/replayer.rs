//! The replayer: decides again about a service's log, far behind the lane, and leaves whole snapshots. So a service that is
//! started again decides only about the tail, the lane never pauses to be copied, and every digest in the log is checked once
//! more while the machine is well. What lies before the newest snapshot is packed: a restart needs none of it.
//!
//! It has the lowest priority, but a core and its caches are shared all the same: while the doors are busy it rests, until so much
//! was put off that a restart would take too long.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use tracing::{debug, error, info, warn};

use crate::api::Office;
use crate::city::City;
use crate::data::{self, DataFolder};
use crate::effect::Effects;
use crate::failure::Failure;
use crate::fingerprint::HashKey;
use crate::ids::Seq;
use crate::journal::disk::{Disk, RealDisk};
use crate::journal::frame::Kind;
use crate::journal::packed::{self, Packing};
use crate::journal::reader::{Place, Reader};
use crate::journal::retention;
use crate::journal::segment::segment_ordinal;
use crate::journal::snapshot::{NoteAt, Snapshot, snapshot_name};
use crate::lane::{Lane, Mismatch};
use crate::publish::each_record;
use crate::snapshots::{EVERY, Snapshots, Whole, no_beginning};
use crate::view::board::Board;
use crate::view::ledger::Ledger;
use crate::view::overview;

/// Segments between two snapshots, 1 GiB: what a restart may have to read besides the newest one; twice as much where the doors
/// were busy. A snapshot of a full memory is about a quarter of that.
const DISTANCE: u64 = 16;
/// How long the replayer rests while the doors are busy, before it looks again.
const REST: Duration = Duration::from_millis(100);
/// How often the replayer looks whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long somebody else may hold the folder: a question leaves a snapshot there.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon the replayer tries again to take it.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How soon it tries again to pack, where the disk failed or was full.
const PACK_AGAIN: Duration = Duration::from_secs(60);
/// The priority of whoever can wait.
const NICEST: i32 = 19;

/// Makes the whole snapshots of a folder. It holds the folder of snapshots: nobody else writes there meanwhile.
pub(crate) struct Replayer {
    folder: DataFolder,
    city: Arc<City>,
    key: HashKey,
    disk: RealDisk,
    /// Segments between two snapshots.
    distance: u64,
}

/// What the replayer has to do.
#[derive(Clone, Copy, Default)]
struct Due {
    /// The segment with which a snapshot is due.
    snapshot_at: u64,
    /// From when on something may be left to be packed.
    packing_at: Option<Instant>,
}

/// How a walk through the log ended.
enum Walked {
    /// In front of a frame.
    Reached(Place),
    /// It was not to go on, or is at the end of the log.
    Left,
    /// The log says something else than what it leads to.
    Astray(Mismatch),
}

impl Replayer {
    /// Takes the folder of snapshots.
    pub(crate) fn open(folder: DataFolder, city: Arc<City>, key: HashKey) -> Result<Self, Failure> {
        let (path, begun) = (folder.snapshots(), Instant::now());
        let disk = loop {
            match RealDisk::open(&path) {
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < PATIENCE => {
                    thread::sleep(LOOK_AGAIN);
                }
                opened => break opened.map_err(|cause| Failure::file("open", &path, &cause))?,
            }
        };
        Ok(Self { folder, city, key, disk, distance: DISTANCE })
    }

    /// Works until the other end of the channel is gone. Of the log, so many of the newest segments are kept at least; all without
    /// a number.
    pub(crate) fn run(&self, office: &Office, keep: Option<u64>, until_closed: &Receiver<()>) {
        // Where it may not be nicer, it works all the same.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICEST);
        let mut due = Due::default();
        while until_closed.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            match self.look(due, office, keep, until_closed) {
                Ok(next) => due = next,
                Err(failure) => {
                    error!(%failure, "不再生成快照 no more snapshots are made, and a restart will take longer");
                    return;
                }
            }
        }
    }

    /// Does what is due. Gives what is due next.
    fn look(
        &self,
        mut due: Due,
        office: &Office,
        keep: Option<u64>,
        until_closed: &Receiver<()>,
    ) -> Result<Due, Failure> {
        if self.newest_segment()? >= due.snapshot_at {
            let put_off = |due_at| self.wait_for_calm(due_at + self.distance, office, until_closed);
            due = Due { snapshot_at: self.round(put_off)?, packing_at: Some(Instant::now()) };
            if let Some(segments) = keep {
                self.give_up(segments, office)?;
            }
        }
        if due.packing_at.is_some_and(|at| at <= Instant::now()) && !office.is_busy() {
            // A snapshot that is due comes first.
            let is_calm = || self.wait_for_calm(due.snapshot_at, office, until_closed).is_ok_and(|goes_on| goes_on);
            due.packing_at = match self.pack_away(due.snapshot_at, is_calm) {
                Ok(true) => None,
                Ok(false) => Some(Instant::now()),
                Err(failure) => {
                    warn!(%failure, "封存段暂不压缩 sealed segments are not packed for now");
                    Some(Instant::now() + PACK_AGAIN)
                }
            };
        }
        Ok(due)
    }

    /// Rests while the doors are busy, until a segment is there. False once it is to end.
    fn wait_for_calm(&self, until: u64, office: &Office, until_closed: &Receiver<()>) -> Result<bool, Failure> {
        while office.is_busy() && self.newest_segment()? < until {
            if until_closed.recv_timeout(REST) != Err(RecvTimeoutError::Timeout) {
                return Ok(false);
            }
        }
        Ok(until_closed.try_recv() != Err(TryRecvError::Disconnected))
    }

    /// Packs what lies before the newest snapshot, until a segment is there or `goes_on`, which is asked often, says no. Whether
    /// nothing is left to be packed.
    ///
    /// Every frame is read and checked first, bodies too: the plain segment is the only one there is.
    fn pack_away(&self, until: u64, goes_on: impl Fn() -> bool) -> Result<bool, Failure> {
        let log = data::reader(&self.folder)?;
        let next = log.segments().last().expect("a log has a segment").first_seq;
        let Some(base) = self.snapshots(next)?.whole_places().next() else { return Ok(true) };
        let disk = self.beside_the_writer()?;
        let mut packable = packed::packable(&disk)?;
        packable.retain(|ordinal| *ordinal < base.segment);
        let first = log.segments().iter().find(|segment| packable.first() == Some(&segment.ordinal));
        let Some(first) = first else { return Ok(true) };
        let mut reader = data::reader_from(&self.folder, first.first_seq)?;
        let (mut segments, mut all) = (0, Packing::default());
        for ordinal in &packable {
            if self.newest_segment()? >= until || !read_past(&mut reader, *ordinal, &goes_on)? {
                break;
            }
            let Some(Packing { before, after }) = packed::pack(&disk, *ordinal, &goes_on)? else { break };
            segments += 1;
            all = Packing { before: all.before + before, after: all.after + after };
        }
        if segments > 0 {
            let Packing { before, after } = all;
            info!(segments, before, after, "已压缩 sealed segments were packed: bytes before and after");
        }
        Ok(segments == packable.len())
    }

    /// The folder of the journal, to take away from what lies far behind the lane.
    fn beside_the_writer(&self) -> Result<RealDisk, Failure> {
        let path = self.folder.journal();
        RealDisk::beside_the_writer(&path).map_err(|cause| Failure::file("open", &path, &cause))
    }

    /// Leaves a snapshot, if enough was sealed since the last one. Gives the segment with which the next one is due. `goes_on` is
    /// asked before each frame, with the segment with which this one was due.
    fn round(&self, goes_on: impl Fn(u64) -> Result<bool, Failure>) -> Result<u64, Failure> {
        let mut reader = data::reader(&self.folder)?.without_bodies();
        let segments = reader.segments();
        let (oldest, newest) = (segments[0].ordinal, segments[segments.len() - 1].ordinal);
        let next = segments[segments.len() - 1].first_seq;
        let mut snapshots = self.snapshots(next)?;
        let newest_whole = snapshots.whole_places().next();
        let due_at = newest_whole.map_or(oldest, |place| place.segment) + self.distance;
        if newest < due_at {
            return Ok(due_at);
        }
        let mut whole = snapshots.load_whole().ok_or_else(|| no_beginning(&self.folder))?;
        let from = whole.place;
        if from.is_some_and(|place| !matches!(reader.go_to(&place), Ok(true))) {
            return Ok(due_at);
        }
        match walk(&mut reader, &mut whole, newest, || goes_on(due_at))? {
            Walked::Reached(place) => {
                let Whole { runs, lane, board, ledger, .. } = whole;
                self.keep(place, runs, &lane, &board, &ledger)?;
                debug!(record = lane.next().0, segment = newest, "快照 a snapshot was made");
                Ok(newest + self.distance)
            }
            Walked::Left => Ok(due_at),
            Walked::Astray(why) => {
                let Some(place) = from else { return Err(Failure::Damaged(why.to_string())) };
                self.remove(&snapshots, place.header.order.first_seq, &why)?;
                Ok(due_at)
            }
        }
    }

    /// Gives up what lies before the newest snapshot from which so many segments, or more, are still to come. Not while anybody
    /// walks through the log: the next time will do.
    fn give_up(&self, segments: u64, office: &Office) -> Result<(), Failure> {
        let reader = data::reader(&self.folder)?;
        let (oldest, newest) = (reader.segments()[0], reader.segments()[reader.segments().len() - 1]);
        let kept_from = (newest.ordinal + 1).saturating_sub(segments);
        let snapshots = self.snapshots(newest.first_seq)?;
        let base = snapshots.whole_places().find(|place| place.segment <= kept_from);
        let Some(base) = base.filter(|base| base.segment > oldest.ordinal) else { return Ok(()) };
        let disk = self.beside_the_writer()?;
        let first = base.header.order.first_seq;
        if let Some(given_up) = office.between_walks(first, || retention::give_up(&disk, base.segment)) {
            info!(
                segments = given_up?,
                from = first.0,
                "已按保留期删除 the oldest part of the log was given up; it is kept from a record on"
            );
        }
        Ok(())
    }

    /// Keeps what was reached in front of a frame.
    pub(crate) fn keep(
        &self,
        place: Place,
        notes: Vec<NoteAt>,
        lane: &Lane,
        board: &Board,
        ledger: &Ledger,
    ) -> Result<(), Failure> {
        let snapshot = Snapshot { place, notes, state: lane.mind().encode(), views: overview::encode(board, ledger) };
        let kept = self.snapshots(lane.next())?.keep_whole(&self.disk, &snapshot);
        kept.map_err(|cause| Failure::file("write snapshots in", &self.folder.snapshots(), &cause))
    }

    /// Removes a snapshot that is not what the log leads to.
    ///
    /// # Errors
    /// If nothing else stands for the log's beginning, or the disk fails.
    pub(crate) fn remove(&self, snapshots: &Snapshots, seq: Seq, why: &dyn fmt::Display) -> Result<(), Failure> {
        let path = self.disk.path(&snapshot_name(seq));
        if snapshots.is_the_last(seq) {
            let what = "the only snapshot that stands for the log's beginning is not what the log leads to";
            return Err(Failure::Damaged(format!("{}: {what}: {why}", path.display())));
        }
        warn!(path = %path.display(), %why, "快照有误，已删除 a snapshot was not what the log leads to, and is removed");
        self.disk.remove(&snapshot_name(seq)).map_err(|cause| Failure::file("remove", &path, &cause))
    }

    /// The snapshots of the log, which goes up to record `next`.
    pub(crate) fn snapshots(&self, next: Seq) -> Result<Snapshots, Failure> {
        Snapshots::open(&self.folder, self.key, next, self.city.clone(), EVERY)
    }

    fn newest_segment(&self) -> Result<u64, Failure> {
        let path = self.folder.journal();
        let names = RealDisk::read_only(&path).and_then(|disk| disk.list());
        let names = names.map_err(|cause| Failure::file("list", &path, &cause))?;
        Ok(names.iter().filter_map(|name| segment_ordinal(name)).max().unwrap_or(0))
    }
}

/// Reads, and so checks, up to the first frame behind a segment. Whether it came so far.
fn read_past(reader: &mut Reader<RealDisk>, segment: u64, goes_on: impl Fn() -> bool) -> Result<bool, Failure> {
    while goes_on() {
        if reader.next_frame()?.is_none_or(|found| found.segment > segment) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Decides again up to the first frame of a segment.
fn walk(
    reader: &mut Reader<RealDisk>,
    whole: &mut Whole,
    to: u64,
    goes_on: impl Fn() -> Result<bool, Failure>,
) -> Result<Walked, Failure> {
    let mut effects = Effects::default();
    while let Some(found) = reader.next_frame()? {
        let header = *found.view.header();
        if found.segment >= to {
            return Ok(Walked::Reached(Place { segment: found.segment, offset: found.offset, header }));
        }
        if !goes_on()? {
            break;
        }
        match header.kind {
            Kind::Manifest => whole.runs.push((found.segment, found.offset)),
            Kind::End => {}
            Kind::Records => {
                effects.clear();
                if let Err(why) = whole.lane.replay(&found.view, &mut effects) {
                    return Ok(Walked::Astray(why));
                }
                whole.board.touch(effects.as_slice());
                each_record(&found.view, effects.as_slice(), |record, effects| {
                    whole.board.fold(record, effects);
                    whole.ledger.fold(record, effects);
                });
            }
        }
    }
    Ok(Walked::Left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{self, Hall};
    use crate::explain;
    use crate::feed::Feed;
    use crate::ingest::door::Door;
    use crate::ingest::inbox::Parcel;
    use crate::ingest::input::Chunk;
    use crate::journal::buffer::BLOCK;
    use crate::journal::frame::{Frame, Position};
    use crate::journal::segment::segment_name;
    use crate::journal::snapshot;
    use crate::journal::writer::{Journal, Setup};
    use crate::meter::{LatencyLedger, Moment};
    use crate::rights::Rights;
    use crate::view::explain::Lang;

    const KEY: HashKey = HashKey { k0: 1, k1: 2 };
    /// Segments between two snapshots.
    const DISTANCE: u64 = 4;
    const START: i64 = 1_767_225_600_000;

    /// A log of small segments, and who writes it.
    struct World {
        folder: DataFolder,
        city: Arc<City>,
        lane: Lane,
        journal: Journal<RealDisk>,
        lines: u64,
    }

    impl World {
        fn new(folder: &std::path::Path) -> Self {
            let (folder, city) = (DataFolder::new(folder.to_owned()), Arc::new(City::pudong()));
            let disk = RealDisk::open(&folder.journal()).expect("a folder");
            let setup = Setup { entropy: 3, segment_bytes: 16 * BLOCK as u64 };
            let journal = Journal::create(disk, KEY, city.version, setup).expect("a journal");
            Self { folder, lane: Lane::new(city.clone()), city, journal, lines: 0 }
        }

        /// Writes frames until so many segments are there.
        fn write(&mut self, segments: usize) {
            while self.journal.segments() < segments {
                let text: String = (0..20).map(|_| self.line()).collect();
                let mut frame = Frame::new();
                frame.push_body(text.as_bytes());
                let chunk = Chunk { lines: 0..text.len(), end: text.len() as u64, last: true, ..Chunk::default() };
                Door::new(&self.city, KEY, None).fill(&chunk, &mut frame);
                for record in 0..frame.records() {
                    let time = frame.event_time(record).expect("every line has a time");
                    frame.set_stamp(record, time);
                }
                self.lane.order_and_decide(&mut frame, &[Position::default()], &mut Effects::default());
                self.journal.append(&mut frame).expect("written");
                self.journal.sync().expect("synced");
            }
        }

        fn line(&mut self) -> String {
            self.lines += 1;
            let (n, ts) = (self.lines, START + self.lines as i64 * 1000);
            let lng = 121.5 + (n % 37) as f64 * 0.002;
            format!(
                "{{\"source\":\"app\",\"id\":\"{n}\",\"ts\":{ts},\"lng\":{lng:.6},\"lat\":31.2,\"category\":\"01037\"}}\n"
            )
        }

        fn replayer(&self) -> Replayer {
            let replayer = Replayer::open(self.folder.clone(), self.city.clone(), KEY).expect("nobody else holds it");
            Replayer { distance: DISTANCE, ..replayer }
        }

        fn kept(&self) -> Vec<String> {
            let disk = RealDisk::read_only(&self.folder.snapshots()).expect("a folder");
            let mut names = disk.list().expect("listed");
            names.retain(|name| snapshot::snapshot_seq(name).is_some());
            names.sort();
            names
        }
    }

    /// What is in a snapshot, however it came about.
    fn seen(whole: &Whole) -> (Seq, String, Vec<u8>, Vec<u8>) {
        let digest = whole.lane.digest().to_string();
        (whole.lane.next(), digest, whole.lane.mind().encode(), overview::encode(&whole.board, &whole.ledger))
    }

    /// Everything up to where a snapshot is, decided again from the first record on.
    fn from_the_beginning(world: &World, to: u64) -> Whole {
        let mut whole = Whole::at_first(&world.city);
        let mut reader = data::reader(&world.folder).expect("a journal");
        assert!(matches!(walk(&mut reader, &mut whole, to, || Ok(true)), Ok(Walked::Reached(_))));
        whole
    }

    #[test]
    fn a_snapshot_is_what_the_whole_log_leads_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World::new(folder.path());
        let replayer = world.replayer();
        world.write(3);
        assert_eq!(replayer.round(|_| Ok(true)).expect("nothing to do yet"), 1 + DISTANCE);
        assert_eq!(world.kept(), [""; 0]);
        for segments in [6, 10, 15, 20] {
            world.write(segments);
            let kept = world.kept();
            assert!(replayer.round(|_| Ok(false)).is_ok());
            assert_eq!(world.kept(), kept, "who is to end leaves nothing");
            assert_eq!(replayer.round(|_| Ok(true)).expect("a round"), segments as u64 + DISTANCE);
            assert_eq!(world.kept().len(), 1, "the newest alone is of use in so short a log");
            let mut snapshots = replayer.snapshots(world.lane.next()).expect("readable");
            let whole = snapshots.load_whole().expect("just kept");
            assert_eq!(seen(&whole), seen(&from_the_beginning(&world, segments as u64)), "{segments} segments");
            assert_eq!(replayer.round(|_| Ok(true)).expect("nothing to do again"), segments as u64 + DISTANCE);
        }
    }

    #[test]
    fn what_the_log_does_not_lead_to_is_removed_and_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World::new(folder.path());
        let replayer = world.replayer();
        world.write(6);
        replayer.round(|_| Ok(true)).expect("a round");
        let empty = Whole::at_first(&world.city).lane.mind().encode();
        let lies: [&dyn Fn(Snapshot) -> Snapshot; 3] = [
            &|truth| Snapshot { state: empty.clone(), ..truth },
            &|truth| Snapshot { state: vec![1, 2, 3], ..truth },
            &|truth| Snapshot { views: vec![1, 2, 3], ..truth },
        ];
        for lie in lies {
            let [name] = &world.kept()[..] else { panic!("one snapshot: {:?}", world.kept()) };
            let seq = snapshot::snapshot_seq(name).expect("its name");
            let truth = snapshot::read(&replayer.disk, KEY, seq).expect("a snapshot");
            snapshot::write(&replayer.disk, KEY, &lie(truth)).expect("written");
            let to = world.journal.segments() + DISTANCE as usize;
            world.write(to);
            // Where the first look finds it out, the second one makes another.
            let rounds = [replayer.round(|_| Ok(true)), replayer.round(|_| Ok(true))];
            assert!(rounds.iter().all(Result::is_ok), "{rounds:?}");
            let whole = replayer.snapshots(world.lane.next()).expect("readable").load_whole().expect("made again");
            assert_eq!(seen(&whole), seen(&from_the_beginning(&world, to as u64)));
        }
    }

    fn office(world: &World) -> Office {
        let whole = Whole::at_first(&world.city);
        let budgets = world.city.sources.iter().map(|source| source.budget_ms);
        let hall = Hall {
            board: whole.board,
            ledger: whole.ledger,
            latency: LatencyLedger::new(Moment::now(), budgets),
            at: whole.lane.at(),
            next: whole.lane.next(),
        };
        let nobody = |_: &str, _| Err(api::NotExplained::NotFound(String::new()));
        Office::new(
            world.city.clone(),
            vec![api::Counter::new("http").0],
            Feed::new(Seq(1), 1000),
            api::keys::Keys::open(world.folder.path(), world.city.clone(), None).expect("there are no keys"),
            hall,
            Box::new(nobody),
            Box::new(|_, _| Ok(())),
        )
    }

    #[test]
    fn what_was_given_up_is_gone_and_the_rest_is_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World::new(folder.path());
        world.folder.keep_city(world.city.files()).expect("kept");
        let (replayer, office) = (world.replayer(), office(&world));
        world.write(10);
        replayer.round(|_| Ok(true)).expect("a round");
        world.write(13);
        let ordinals = |world: &World| {
            let reader = data::reader(&world.folder).expect("a journal");
            reader.segments().iter().map(|segment| segment.ordinal).collect::<Vec<_>>()
        };
        replayer.give_up(5, &office).expect("kept");
        assert_eq!((ordinals(&world).len(), office.beginning()), (13, Seq(1)), "no snapshot stands for so much");
        world.write(14);
        replayer.give_up(4, &office).expect("given up");
        assert_eq!(ordinals(&world), (10..=14).collect::<Vec<_>>());
        let first = office.beginning();
        assert!(first > Seq(100), "{first}");
        // All that decides again begins there, and comes to where the log is.
        let mut reader = data::reader(&world.folder).expect("a journal");
        let start = crate::snapshots::to_the_beginning(&world.folder, &world.city, &mut reader).expect("a snapshot");
        assert_eq!(start.lane.next(), first);
        let mut whole = replayer.snapshots(world.lane.next()).expect("readable").load_whole().expect("the same");
        assert_eq!(whole.lane.next(), first);
        assert!(matches!(walk(&mut reader, &mut whole, u64::MAX, || Ok(true)), Ok(Walked::Left)));
        assert_eq!((whole.lane.digest(), whole.lane.next()), (world.lane.digest(), world.lane.next()));
        let is_of_all = whole.ledger.closes() && whole.ledger.total().offered == world.lines;
        assert!(is_of_all, "the ledger is of all that ever came");
        // What is kept is explained, what is not is said to be gone.
        let ask = |id: &str| {
            let (ids, data) = (vec![id.to_owned()], folder.path().to_owned());
            let request = explain::Request { ids, data, city: None, source: None, every: EVERY };
            let mut told = String::new();
            let explained = explain::explain(&request, |explanation| {
                told += &explanation.text(Lang::En);
                Ok(())
            });
            explained.map(|_| told).map_err(|failure| failure.to_string())
        };
        let last = Seq(world.lane.next().0 - 1);
        for id in
            [format!("#{first}"), format!("#{last}"), last.to_string(), format!("app/{last}"), format!("app/{first}")]
        {
            assert!(ask(&id).is_ok_and(|told| told.contains("01037")), "{id}: {:?}", ask(&id));
        }
        for id in [format!("#{}", first.0 - 1), "#1".to_owned()] {
            assert!(
                ask(&id).is_err_and(|why| why.contains(&format!("from record {first} on"))),
                "{id}: {:?}",
                ask(&id)
            );
        }
        assert!(ask("app/1").is_err(), "{:?}", ask("app/1"));
        // It goes on, and is given up once more.
        world.write(18);
        replayer.round(|_| Ok(true)).expect("a round");
        world.write(25);
        replayer.round(|_| Ok(true)).expect("a round");
        replayer.give_up(2, &office).expect("nothing yet");
        world.write(27);
        replayer.give_up(2, &office).expect("given up");
        assert!(ordinals(&world)[0] > 14, "{:?}", ordinals(&world));
        assert!(ask(&format!("#{}", world.lane.next().0 - 1)).is_ok());
        // Without a snapshot nobody can tell what the rest leads to.
        for name in world.kept() {
            std::fs::remove_file(world.folder.snapshots().join(name)).expect("removed");
        }
        assert!(ask(&format!("#{}", world.lane.next().0 - 1)).is_err_and(|why| why.contains("no snapshot")));
    }

    #[test]
    fn what_lies_before_the_newest_snapshot_is_packed_and_read_as_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World::new(folder.path());
        world.folder.keep_city(world.city.files()).expect("kept");
        let replayer = world.replayer();
        let journal = world.folder.journal();
        let bytes = |ordinal| {
            let path = journal.join(segment_name(ordinal));
            path.metadata().expect("a segment").len()
        };
        assert!(replayer.pack_away(u64::MAX, || true).expect("nothing to do"), "there is no snapshot");
        let whole = bytes(1);
        world.write(10);
        replayer.round(|_| Ok(true)).expect("a round");
        assert!(!replayer.pack_away(u64::MAX, || false).expect("put off"));
        assert_eq!((1..=10).map(bytes).min(), Some(whole));
        world.write(11);
        assert!(replayer.pack_away(u64::MAX, || true).expect("packed"));
        assert!((1..=9).all(|ordinal| bytes(ordinal) < whole / 2), "{:?}", (1..=11).map(bytes).collect::<Vec<_>>());
        assert_eq!((bytes(10), bytes(11)), (whole, whole), "a restart reads those");
        let mut again = Whole::at_first(&world.city);
        let mut reader = data::reader(&world.folder).expect("a journal");
        assert!(matches!(walk(&mut reader, &mut again, u64::MAX, || Ok(true)), Ok(Walked::Left)));
        assert_eq!((again.lane.digest(), again.lane.next()), (world.lane.digest(), world.lane.next()));
        let told = explain::explain(
            &explain::Request {
                ids: vec!["#1".to_owned()],
                data: folder.path().to_owned(),
                city: None,
                source: None,
                every: EVERY,
            },
            |explanation| {
                assert!(explanation.text(Lang::En).contains("01037"));
                Ok(())
            },
        );
        told.expect("explained");
    }

    #[test]
    fn while_the_doors_are_busy_a_snapshot_is_put_off_but_not_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World::new(folder.path());
        let (replayer, office) = (world.replayer(), office(&world));
        let (closed, until_closed) = std::sync::mpsc::sync_channel::<()>(0);
        let goes_on = |due_at| replayer.wait_for_calm(due_at + DISTANCE, &office, &until_closed);
        world.write(6);
        assert!(matches!(goes_on(5), Ok(true)), "nothing is under way");
        // Somebody hands in more than the door is used to, and nobody takes it.
        let lines = vec![b'\n'; 1 << 20];
        let parcel =
            Parcel { lines, lines_before: 0, sent: Moment(1), speaker: None, rights: Rights::ALL, reply: None };
        let _receipts = office.counters[0].try_hand_in(parcel).expect("room");
        assert!(office.is_busy());
        world.write(5 + DISTANCE as usize);
        assert!(matches!(goes_on(5), Ok(true)), "it was put off for long enough");
        drop(closed);
        assert!(matches!(goes_on(5 + DISTANCE), Ok(false)), "it can be put off, until the service ends");
    }

    #[test]
    fn the_last_snapshot_of_a_log_without_its_beginning_is_never_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = World::new(folder.path());
        let (replayer, office) = (world.replayer(), office(&world));
        world.write(10);
        replayer.round(|_| Ok(true)).expect("a round");
        world.write(14);
        replayer.give_up(4, &office).expect("given up");
        let kept = world.kept();
        let seq = snapshot::snapshot_seq(&kept[0]).expect("its name");
        let truth = snapshot::read(&replayer.disk, KEY, seq).expect("a snapshot");
        let state = Whole::at_first(&world.city).lane.mind().encode();
        snapshot::write(&replayer.disk, KEY, &Snapshot { state, ..truth }).expect("written");
        let failed = replayer.round(|_| Ok(true)).expect_err("it lies");
        assert!(failed.to_string().contains("only snapshot"), "{failed}");
        assert_eq!(world.kept(), kept);
    }
}
