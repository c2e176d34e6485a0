//! A whole run on a simulated disk that loses what was not synced: whatever goes wrong and whenever, what the world is told
//! is what an uninterrupted run would have told it, once each, in order.
//!
//! The world outlives every crash, remembers what it was told, and takes nothing twice.

use std::path::PathBuf;
use std::sync::Arc;

use paidan::city::City;
use paidan::effect::{Digest, Effect, Effects};
use paidan::fingerprint::HashKey;
use paidan::ids::Seq;
use paidan::ingest::door::Door;
use paidan::ingest::file::FileInput;
use paidan::journal::buffer::BLOCK;
use paidan::journal::sim::{Fault, SimDisk};
use paidan::journal::{Frame, Journal, Position, Reader, Setup};
use paidan::lane::Lane;
use paidan::order::{Decoded, Next, Order};

const LINES: u64 = 40;
const CHUNK_BYTES: usize = 2000;
const SEGMENT_BYTES: u64 = 5 * BLOCK as u64;

/// What is read, and by whom it is understood.
struct Work {
    city: Arc<City>,
    input: PathBuf,
    _folder: tempfile::TempDir,
}

impl Work {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (city, input) = (folder.path().join("city"), folder.path().join("input.ndjson"));
        loadtest::bench_city::write(&city).expect("a city");
        loadtest::r#gen::run(LINES, &input, 5).expect("lines");
        let city = City::load(&city).unwrap_or_else(|problems| panic!("{problems}"));
        Self { city: Arc::new(city), input, _folder: folder }
    }

    /// Everything that is left of the input, as closed frames.
    fn read(&self, position: Position, key: HashKey, chunk_bytes: usize) -> Order {
        let file = FileInput::open(&self.input, position.offset, chunk_bytes).expect("a file");
        let mut door = Door::new(&self.city, key, None);
        let mut order = Order::new(vec![position], self.city.jump_ms, chunk_bytes);
        while let Some(index) = file.claim(u64::MAX) {
            let mut decoded = Box::<Decoded>::default();
            decoded.chunk = file.read(0, index, &mut decoded.frame).expect("a chunk");
            decoded.filled = door.fill(&decoded.chunk, &mut decoded.frame);
            order.put(decoded);
        }
        order
    }
}

const START: Position = Position { offset: 0, line: 1, clock: None, sum: 0 };

/// Whoever is told.
#[derive(Default)]
struct World {
    told: Vec<(Seq, u32, Effect)>,
    /// After so many effects more, the process is killed before it can say another.
    patience: Option<usize>,
}

/// Why a life ended before its work.
#[derive(Debug)]
enum Ended {
    /// The disk failed, or the process was killed: another life follows.
    Cut,
    /// What no crash may lead to.
    Violation(String),
}

impl World {
    /// Tells what was not told yet; what was must be the same.
    fn tell(&mut self, effects: &[(Seq, Effect)]) -> Result<(), Ended> {
        let mut index = 0;
        for (nth, (seq, effect)) in effects.iter().enumerate() {
            index = if nth > 0 && effects[nth - 1].0 == *seq { index + 1 } else { 0 };
            match self.told.binary_search_by_key(&(*seq, index), |(seq, index, _)| (*seq, *index)) {
                Ok(known) if self.told[known].2 == *effect => {}
                Ok(known) => {
                    let was = self.told[known].2;
                    return Err(Ended::Violation(format!("{seq}/{index} was told as {was:?} and is {effect:?}")));
                }
                Err(place) if place == self.told.len() => self.tell_new((*seq, index, *effect))?,
                Err(_) => return Err(Ended::Violation(format!("{seq}/{index} comes after later ones were told"))),
            }
        }
        Ok(())
    }

    fn tell_new(&mut self, told: (Seq, u32, Effect)) -> Result<(), Ended> {
        if let Some(left) = &mut self.patience {
            *left = left.checked_sub(1).ok_or(Ended::Cut)?;
        }
        self.told.push(told);
        Ok(())
    }
}

/// Draws how many frames go with each sync.
struct Draw(u64);

impl Draw {
    fn frames(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % 3 + 1
    }
}

/// The log of an earlier life, or a new one; and the lane and the place in the input where it ends.
fn begin(
    work: &Work,
    disk: &SimDisk,
    seed: u64,
    world: &mut World,
) -> Result<(Journal<SimDisk>, Lane, Position), Ended> {
    let setup = Setup { entropy: seed, segment_bytes: SEGMENT_BYTES };
    let (mut lane, mut position) = (Lane::new(work.city.clone()), START);
    let journal = if Journal::is_in(disk).map_err(|_| Ended::Cut)? {
        let mut reader = Reader::open(disk.clone()).map_err(|error| refused(disk, &error))?;
        let mut effects = Effects::default();
        while let Some(found) = reader.next_frame().map_err(|error| refused(disk, &error))? {
            effects.clear();
            lane.replay(&found.view, &mut effects).map_err(|why| Ended::Violation(why.to_string()))?;
            position = found.view.positions().next().expect("a frame says how far its input was read");
            world.tell(effects.as_slice())?;
        }
        Journal::resume(reader, setup).map_err(|error| refused(disk, &error))?.0
    } else {
        let key = HashKey { k0: seed, k1: !seed };
        Journal::create(disk.clone(), key, work.city.version, setup).map_err(|_| Ended::Cut)?
    };
    match world.told.last() {
        Some((seq, ..)) if *seq >= lane.next() => {
            Err(Ended::Violation(format!("{seq} was told, and the log ends before {}", lane.next())))
        }
        _ => Ok((journal, lane, position)),
    }
}

/// A log that is refused is a violation, unless the power is away or the disk failed just now.
fn refused(disk: &SimDisk, error: &paidan::journal::JournalError) -> Ended {
    match error {
        paidan::journal::JournalError::Io { .. } => Ended::Cut,
        _ if disk.is_down() => Ended::Cut,
        _ => Ended::Violation(error.to_string()),
    }
}

/// From the beginning, or from where an earlier life ended, to the end of the input. Gives the digest of all effects.
fn live(work: &Work, disk: &SimDisk, seed: u64, world: &mut World) -> Result<Digest, Ended> {
    let (mut journal, mut lane, position) = begin(work, disk, seed, world)?;
    let mut order = work.read(position, journal.key(), CHUNK_BYTES);
    let (mut draw, mut unsynced, mut effects) = (Draw(seed), Vec::new(), Effects::default());
    let mut due = draw.frames();
    while let Next::Chunk(mut decoded) = order.next(&mut Frame::new(), drop) {
        lane.order_and_decide(&mut decoded.frame, order.positions(), &mut effects);
        unsynced.push(*decoded);
        if unsynced.len() == due {
            ink(&mut journal, &mut unsynced)?;
            world.tell(effects.as_slice())?;
            effects.clear();
            due = draw.frames();
        }
    }
    ink(&mut journal, &mut unsynced)?;
    world.tell(effects.as_slice())?;
    Ok(lane.digest())
}

/// What the engine's ink does: all that has piled up at once, then one sync.
fn ink(journal: &mut Journal<SimDisk>, unsynced: &mut Vec<Decoded>) -> Result<(), Ended> {
    let frames = unsynced.iter_mut().map(|decoded| &mut decoded.frame);
    journal.append_all(frames).and_then(|()| journal.sync()).map_err(|_| Ended::Cut)?;
    unsynced.clear();
    Ok(())
}

/// What an uninterrupted run tells, and its digest: decided in one frame, without any journal.
fn expected(work: &Work) -> (Vec<(Seq, u32, Effect)>, Digest) {
    let mut order = work.read(START, HashKey { k0: 1, k1: 2 }, 1 << 20);
    let (mut lane, mut effects, mut world) = (Lane::new(work.city.clone()), Effects::default(), World::default());
    let Next::Chunk(mut decoded) = order.next(&mut Frame::new(), drop) else { panic!("all of it is one chunk") };
    lane.order_and_decide(&mut decoded.frame, order.positions(), &mut effects);
    world.tell(effects.as_slice()).expect("nothing was told before");
    (world.told, lane.digest())
}

/// Lives on a healthy disk until the work is done; the world must then know exactly what it should.
fn finish(
    work: &Work,
    disk: &SimDisk,
    seed: u64,
    mut world: World,
    expected: &(Vec<(Seq, u32, Effect)>, Digest),
) -> Result<(), String> {
    disk.reboot();
    world.patience = None;
    match live(work, disk, seed, &mut world) {
        Ok(digest) if (digest, &world.told) == (expected.1, &expected.0) => Ok(()),
        Ok(digest) => Err(format!("{} effects with digest {digest} were told", world.told.len())),
        Err(Ended::Cut) => Err("a healthy disk fails".to_owned()),
        Err(Ended::Violation(what)) => Err(what),
    }
}

/// A life that may be cut; anything worse is told with `place`.
fn cut_life(work: &Work, disk: &SimDisk, seed: u64, world: &mut World, place: &str) -> bool {
    match live(work, disk, seed, world) {
        Ok(_) => false,
        Err(Ended::Cut) => true,
        Err(Ended::Violation(what)) => panic!("{place}: {what}"),
    }
}

/// How many steps a life on a healthy disk takes.
fn steps_of_life(work: &Work, seed: u64) -> u64 {
    let disk = SimDisk::new(seed);
    live(work, &disk, seed, &mut World::default()).expect("a healthy disk");
    disk.steps()
}

#[test]
fn a_run_on_a_healthy_disk_tells_what_is_expected_from_many_frames_and_segments() {
    let work = Work::new();
    let expected = expected(&work);
    let disk = SimDisk::new(1);
    finish(&work, &disk, 1, World::default(), &expected).unwrap_or_else(|error| panic!("{error}"));
    let mut reader = Reader::open(disk).expect("a log in order");
    let mut frames = 0;
    while reader.next_frame().expect("a log in order").is_some() {
        frames += 1;
    }
    assert!(frames >= 8 && reader.segments().len() >= 2, "{frames} frames, {} segments", reader.segments().len());
    assert!(expected.0.len() >= LINES as usize);
}

#[test]
fn a_fault_at_any_step_is_neither_heard_nor_missed() {
    let work = Work::new();
    let expected = expected(&work);
    for (seed, fault) in (0..24).flat_map(|seed| [(seed, Fault::Crash), (seed, Fault::Fail)]) {
        for step in 0..steps_of_life(&work, seed) {
            let place = format!("seed {seed}, {fault:?} at step {step}");
            let (disk, mut world) = (SimDisk::new(seed * 1000 + step), World::default());
            disk.plan(step, fault);
            assert!(cut_life(&work, &disk, seed, &mut world, &place), "{place}: the fault is reached");
            // After a failure the process ends; every other time the power goes with it.
            if fault == Fault::Fail && step % 2 == 0 {
                disk.crash();
            }
            finish(&work, &disk, seed + 100, world, &expected).unwrap_or_else(|error| panic!("{place}: {error}"));
        }
    }
}

#[test]
fn a_fault_in_the_life_after_a_crash_is_neither_heard_nor_missed() {
    let work = Work::new();
    let expected = expected(&work);
    for (seed, fault) in [(11, Fault::Crash), (12, Fault::Fail), (13, Fault::Crash)] {
        for step in (seed % 3..steps_of_life(&work, seed)).step_by(4) {
            for again in 0.. {
                let place =
                    format!("seed {seed}, crash at step {step}, then {fault:?} at step {again} of the next life");
                let (disk, mut world) = (SimDisk::new(seed * 1000 + step), World::default());
                disk.plan(step, Fault::Crash);
                cut_life(&work, &disk, seed, &mut world, &place);
                disk.reboot();
                disk.plan(again, fault);
                let is_cut = cut_life(&work, &disk, seed + 100, &mut world, &place);
                finish(&work, &disk, seed + 200, world, &expected).unwrap_or_else(|error| panic!("{place}: {error}"));
                if !is_cut {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_run_killed_while_it_tells_tells_the_rest_in_its_next_lives() {
    let work = Work::new();
    let expected = expected(&work);
    for patience in 0..expected.0.len() {
        let place = format!("killed after {patience} effects");
        let (disk, mut world) = (SimDisk::new(patience as u64), World::default());
        for life in 0..3 {
            world.patience = Some(if life == 0 { patience } else { 1 });
            cut_life(&work, &disk, life, &mut world, &place);
            disk.crash();
            disk.reboot();
        }
        finish(&work, &disk, 9, world, &expected).unwrap_or_else(|error| panic!("{place}: {error}"));
    }
}

#[test]
fn a_full_disk_ends_a_life_and_the_next_goes_on_once_there_is_room() {
    let work = Work::new();
    let expected = expected(&work);
    let mut cut_lives = 0;
    for blocks in 0..40 {
        for seed in 0..3 {
            let place = format!("seed {seed}, room for {blocks} blocks");
            let (disk, mut world) = (SimDisk::new(seed), World::default());
            disk.set_budget(blocks * BLOCK as u64);
            cut_lives += u32::from(cut_life(&work, &disk, seed, &mut world, &place));
            if seed == 1 {
                disk.crash();
            }
            disk.set_budget(u64::MAX);
            finish(&work, &disk, seed + 10, world, &expected).unwrap_or_else(|error| panic!("{place}: {error}"));
        }
    }
    assert!(cut_lives > 20, "only {cut_lives} lives met the end of the disk");
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    let work = Work::new();
    let expected = expected(&work);
    let is_found_out = |seed: &u64| {
        let (disk, mut world) = (SimDisk::new(*seed), World::default());
        disk.lie();
        live(&work, &disk, *seed, &mut world).expect("a disk that says that all is well");
        disk.crash();
        finish(&work, &disk, seed + 1, world, &expected).is_err()
    };
    let found_out = (0..40).filter(is_found_out).count();
    assert!(found_out > 20, "only {found_out} of 40 disks that keep nothing for sure were found out");
}
