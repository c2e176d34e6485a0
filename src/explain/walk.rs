//! A walk through the part of the log that matters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;

use super::Cost;
use super::question::Story;
use super::scan::{Log, Wanted, acts_on};
use super::sought::{Cases, Prints};
use super::watch::Watch;
use crate::city::City;
use crate::data::{Manifest, ReplayError};
use crate::dispatch::Outlook;
use crate::effect::{Effect, Effects};
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::ids::{CaseId, OrderId, Seq, SourceId};
use crate::journal::disk::RealDisk;
use crate::journal::error::JournalError;
use crate::journal::frame::Kind;
use crate::journal::reader::{Reader, Taken};
use crate::journal::segment::segment_name;
use crate::journal::snapshot::NoteAt;
use crate::lane::{Lane, Mismatch};
use crate::record::{Input, Record};
use crate::snapshots::{Snapshots, Start, no_beginning};
use crate::view::explain::{Meant, Told};
use crate::weighed::Weighed;

/// Frames that are read ahead of deciding.
const READ_AHEAD: usize = 8;
/// Most stories that one id of a report can have: a source may use an id again when its window has passed.
const STORIES_MAX: usize = 20;
/// Most records of a case that are told; the others are counted.
const HISTORY_MAX: usize = 1000;
/// Frames behind a snapshot that must have been decided about: the second one says what the first must have led to.
const FRAMES_TRIED: u64 = 2;

/// A record that was met on the walk.
pub(super) struct Met {
    frame: NoteAt,
    /// How many runs had begun.
    run: usize,
    pub record: Record,
    pub effects: Vec<Effect>,
    weighed: Option<Weighed>,
}

impl Met {
    pub(super) fn has_opened(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Opened { .. }))
    }

    pub(super) fn is_duplicate(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Duplicate { .. }))
    }

    /// The case that this record itself belongs to.
    pub(super) fn case(&self) -> Option<CaseId> {
        self.effects.first().and_then(Effect::case)
    }

    pub(super) fn touches(&self, case: CaseId) -> bool {
        self.effects.iter().any(|effect| effect.case() == Some(case))
    }
}

/// What a walk came to.
pub(super) enum Walked {
    /// It met all that there is to tell.
    All,
    /// More matters than was known, and the walk had passed it: it is to be done again with this.
    Again(Box<Watch>),
}

/// Where a walk leaves the way from frame to frame.
enum Turn {
    /// It goes on from a snapshot further ahead.
    From(Box<Start>),
    /// The snapshot that it came from led to something else than the log says.
    Astray,
    /// It is at its end.
    End(Walked),
}

/// A walk through the log, and what it met.
pub(super) struct Walk<'a> {
    log: &'a Log,
    watch: Watch,
    /// The cases that are followed: those to be watched, those that were asked for, and others on suspicion.
    followed: Cases,
    /// The cases of what was asked for, as far as it was met.
    own: Cases,
    /// Ids of the reports that were met: who sends one again is told of them.
    prints: Prints,
    /// Records further ahead that must not be stepped over.
    stops: BTreeSet<Seq>,
    met: BTreeMap<Seq, Met>,
    /// Where the runs were written down.
    runs: Vec<NoteAt>,
    /// Cases of named records that were opened before anybody knew that they matter.
    missed: Vec<CaseId>,
    /// Named records of which a mind before them was asked what they may belong to.
    asked_of: BTreeSet<Seq>,
    /// The record from which on nothing was stepped over.
    begun: Seq,
    /// How many cases and ids the last scan looked for.
    scanned: (usize, usize),
    /// Whether a leap was tried since the last stop.
    has_leapt: bool,
    /// Frames since the last snapshot.
    frames: u64,
}

impl<'a> Walk<'a> {
    /// From the nearest snapshot to where nothing more is to be learned.
    pub(super) fn to_the_end(
        log: &'a Log,
        snapshots: &mut Snapshots,
        watch: &Watch,
        cost: &mut Cost,
    ) -> Result<(Self, Walked), Failure> {
        let mut walk = Self::new(log, watch.clone());
        let mut start = walk.beginning(snapshots)?;
        loop {
            let from = start.place.map(|place| place.header.order.first_seq);
            cost.snapshots += u64::from(from.is_some());
            match walk.leg(start, snapshots, cost)? {
                Turn::From(ahead) => start = *ahead,
                Turn::End(walked) => return Ok((walk, walked)),
                Turn::Astray => {
                    from.into_iter().for_each(|seq| snapshots.distrust(seq));
                    walk = Self::new(log, watch.clone());
                    start = walk.beginning(snapshots)?;
                }
            }
        }
    }

    fn new(log: &'a Log, watch: Watch) -> Self {
        let cases = watch.cases.iter().map(|case| Seq(case.0));
        Self {
            log,
            followed: watch.cases.clone(),
            own: Cases::default(),
            prints: Prints::default(),
            stops: watch.named.keys().copied().chain(cases).chain(watch.stops.iter().copied()).collect(),
            watch,
            met: BTreeMap::new(),
            runs: Vec::new(),
            missed: Vec::new(),
            asked_of: BTreeSet::new(),
            begun: log.first,
            scanned: (0, 0),
            has_leapt: false,
            frames: 0,
        }
    }

    /// From frame to frame: one thread reads, this one decides.
    fn leg(&mut self, start: Start, snapshots: &mut Snapshots, cost: &mut Cost) -> Result<Turn, Failure> {
        let Start { place, runs, mut lane, .. } = start;
        (self.runs, self.frames, self.begun) = (runs, 0, lane.next());
        let mut reader = self.log.reader_from(Seq(0))?;
        if let Some(place) = &place
            && !reader.go_to(place)?
        {
            return Ok(Turn::Astray);
        }
        let any_segment = reader.path(0);
        let (to_mind, from_reader) = mpsc::sync_channel(READ_AHEAD);
        let (to_reader, spare) = mpsc::sync_channel(READ_AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || read_ahead(reader, &to_mind, &spare));
            let mut effects = Effects::default();
            for taken in from_reader {
                let frame: Taken = taken?;
                snapshots.keep(frame.place(), &self.runs, &lane);
                match self.pass(&frame, &mut lane, &mut effects) {
                    Ok(()) => cost.decided += frame.view().header().seqs(),
                    Err(_) if place.is_some() => return Ok(Turn::Astray),
                    Err(why) => {
                        let path = any_segment.with_file_name(segment_name(frame.segment));
                        return Err(ReplayError::Mismatch { path, offset: frame.offset, why }.into());
                    }
                }
                if let Some(turn) = self.turn(&lane, snapshots)? {
                    return Ok(turn);
                }
                // A frame too many is let go; the reader itself is gone when it has read all.
                let _ = to_reader.try_send(frame);
            }
            self.end(lane.next())
        })
    }

    fn pass(&mut self, frame: &Taken, lane: &mut Lane, effects: &mut Effects) -> Result<(), Mismatch> {
        self.frames += 1;
        match frame.view().header().kind {
            Kind::Manifest => self.runs.push((frame.segment, frame.offset)),
            Kind::End => {}
            Kind::Records => self.step(frame, lane, effects)?,
        }
        Ok(())
    }

    fn step(&mut self, frame: &Taken, lane: &mut Lane, effects: &mut Effects) -> Result<(), Mismatch> {
        let view = frame.view();
        let (watch, followed, mut asked) = (&self.watch, &mut self.followed, BTreeMap::new());
        effects.clear();
        lane.replay_watched(&view, effects, |mind, record| {
            let is_named = watch.names(record);
            // If it opens a case, this is its name, and what follows concerns it, or may do so.
            if is_named || (watch.is_alike(record) && mind.would_open(record)) {
                followed.add(CaseId(record.seq.0));
            }
            if is_named || followed.has(CaseId(record.seq.0)) || acts_on(record, followed) {
                asked.insert(record.seq, mind.weigh(record));
            }
        })?;
        let effects = effects.as_slice();
        let touches = |effect: &Effect| effect.case().is_some_and(|case| followed.has(case));
        let touching = effects.iter().filter(|(_, effect)| touches(effect)).map(|(seq, _)| *seq);
        let due: BTreeSet<Seq> = asked.keys().copied().chain(touching).collect();
        if due.is_empty() {
            return Ok(());
        }
        let records = view.records().map(|placed| placed.expect("a frame that was decided can be read").record);
        for record in records.filter(|record| due.contains(&record.seq)) {
            let from = effects.partition_point(|(seq, _)| *seq < record.seq);
            let own = effects[from..].iter().take_while(|(seq, _)| *seq == record.seq).map(|(_, effect)| *effect);
            let (frame, weighed) = ((frame.segment, frame.offset), asked.remove(&record.seq));
            self.meet(Met { frame, run: self.runs.len(), record, effects: own.collect(), weighed });
        }
        Ok(())
    }

    fn meet(&mut self, met: Met) {
        let (seq, case) = (met.record.seq, met.case());
        if self.watch.names(&met.record) {
            let unknown = case.filter(|case| !self.followed.has(*case) && self.missed.len() < STORIES_MAX);
            self.missed.extend(unknown);
            case.into_iter().chain([CaseId(seq.0)]).for_each(|case| self.own.add(case));
        }
        if matches!(met.record.input, Input::Report(_)) {
            self.prints.add(met.record.origin.fingerprint);
        }
        self.met.insert(seq, met);
    }

    /// Whether the walk leaves its way here, behind a frame.
    fn turn(&mut self, lane: &Lane, snapshots: &mut Snapshots) -> Result<Option<Turn>, Failure> {
        let at = lane.next();
        while self.stops.first().is_some_and(|stop| *stop < at) {
            self.stops.pop_first();
            self.has_leapt = false;
        }
        if !self.is_named_ahead(at) {
            if !self.missed.is_empty() {
                // Nothing else is to be learned further on.
                return self.end(at).map(Some);
            }
            // Suspicions have come true or not.
            self.followed = self.own.clone();
        }
        let left = self.log.next.0.saturating_sub(at.0);
        let outlook = |case| lane.mind().outlook(case, lane.at(), left);
        match self.followed.iter().map(outlook).max().unwrap_or(Outlook::Over) {
            Outlook::Over if self.frames >= FRAMES_TRIED => self.step_over(at, snapshots),
            Outlook::Owed if !self.has_leapt => self.leap(lane, snapshots),
            _ => Ok(None),
        }
    }

    /// Nothing shows up to the next record that names what is looked for: where there is none, the walk is at its end.
    fn step_over(&mut self, at: Seq, snapshots: &mut Snapshots) -> Result<Option<Turn>, Failure> {
        if self.stops.first().is_some_and(|stop| !snapshots.has(at, *stop)) {
            return Ok(None);
        }
        if let Some(watch) = self.look_ahead(at)? {
            return Ok(Some(Turn::End(Walked::Again(watch))));
        }
        Ok(match self.stops.is_empty() {
            true => Some(Turn::End(Walked::All)),
            false => self.nearer(at, snapshots).map(|start| Turn::From(Box::new(start))),
        })
    }

    /// Cases wait for something: if they still do at a snapshot far ahead, nothing showed in between.
    fn leap(&mut self, lane: &Lane, snapshots: &mut Snapshots) -> Result<Option<Turn>, Failure> {
        let at = lane.next();
        self.has_leapt = true;
        if !snapshots.has(at, self.next_stop()) {
            return Ok(None);
        }
        if let Some(watch) = self.look_ahead(at)? {
            return Ok(Some(Turn::End(Walked::Again(watch))));
        }
        let ahead = snapshots.load(at, self.next_stop());
        let is_same = |start: &Start| self.followed.iter().all(|case| lane.mind().agrees_on(case, start.lane.mind()));
        Ok(ahead.filter(is_same).map(|start| Turn::From(Box::new(start))))
    }

    /// Where the walk begins: as near as it may.
    fn beginning(&mut self, snapshots: &mut Snapshots) -> Result<Start, Failure> {
        if let Some(start) = self.nearer(self.log.first, snapshots) {
            return Ok(start);
        }
        snapshots.load_beginning().ok_or_else(|| no_beginning(&self.log.folder))
    }

    fn next_stop(&self) -> Seq {
        self.stops.first().copied().unwrap_or(self.log.next)
    }

    fn is_named_ahead(&self, at: Seq) -> bool {
        self.watch.named.range(at..).next().is_some()
    }

    /// The newest snapshot that is nearer to the next stop, if what the record there may belong to was not opened before it;
    /// else the one that is nearest to that.
    fn nearer(&mut self, at: Seq, snapshots: &mut Snapshots) -> Option<Start> {
        loop {
            let stop = *self.stops.first()?;
            let start = snapshots.load(at, stop)?;
            let Some(record) = self.watch.named.get(&stop).filter(|_| self.asked_of.insert(stop)) else {
                return Some(start);
            };
            let mut suspects = start.lane.mind().suspects(record, start.lane.at());
            suspects.retain(|case| (at.0..start.lane.next().0).contains(&case.0));
            if suspects.is_empty() {
                return Some(start);
            }
            for case in suspects {
                self.followed.add(case);
                self.stops.insert(Seq(case.0));
            }
        }
    }

    /// Looks for records that name what is followed, in all of the log but what this walk has passed with open eyes, so that
    /// it stops at those ahead. What was passed and not met is known only when no named record is ahead any more; then the
    /// walk is to be done again.
    fn look_ahead(&mut self, at: Seq) -> Result<Option<Box<Watch>>, Failure> {
        let size = (self.followed.len(), self.prints.len());
        if self.scanned == size {
            return Ok(None);
        }
        let wanted = Wanted { prints: &self.prints, cases: &self.followed };
        let was_known = self.followed.iter().all(|case| self.watch.cases.has(case));
        let unseen = self.log.first..if was_known { self.begun } else { at };
        let mut passed = BTreeSet::new();
        let found = [self.log.scan(unseen, &wanted)?, self.log.scan(at..self.log.next, &wanted)?];
        for record in found.into_iter().flatten() {
            if record.seq >= at {
                self.stops.insert(record.seq);
            } else if acts_on(&record, &self.followed) && !self.met.contains_key(&record.seq) {
                // Somebody acted on a case before it was opened.
                passed.insert(record.seq);
            }
        }
        if self.is_named_ahead(at) {
            return Ok(None);
        }
        self.scanned = size;
        Ok((!passed.is_empty()).then(|| self.watch_more(passed)))
    }

    /// Where no frame follows, or none is of use.
    fn end(&mut self, at: Seq) -> Result<Turn, Failure> {
        let more = match self.missed.is_empty() {
            true => self.look_ahead(at)?,
            false => Some(self.watch_more(BTreeSet::new())),
        };
        Ok(Turn::End(more.map_or(Walked::All, Walked::Again)))
    }

    fn watch_more(&self, stops: BTreeSet<Seq>) -> Box<Watch> {
        let mut watch = self.watch.clone();
        self.own.iter().chain(self.missed.iter().copied()).for_each(|case| watch.cases.add(case));
        watch.stops.extend(stops);
        Box::new(watch)
    }
}

/// Reads frames until there are no more, or nobody listens any more.
fn read_ahead(
    mut reader: Reader<RealDisk>,
    to_mind: &mpsc::SyncSender<Result<Taken, JournalError>>,
    spare: &mpsc::Receiver<Taken>,
) {
    loop {
        let mut frame = spare.try_recv().unwrap_or_default();
        let taken = match reader.take_frame(&mut frame) {
            Ok(true) => Ok(frame),
            Ok(false) => return,
            Err(error) => Err(error),
        };
        let is_last = taken.is_err();
        if to_mind.send(taken).is_err() || is_last {
            return;
        }
    }
}

impl Walk<'_> {
    /// Every first telling of these ids.
    pub(super) fn reports(&self, prints: &[(SourceId, Fingerprint)]) -> Vec<Story> {
        let is_asked = |met: &&Met| prints.iter().any(|(_, print)| *print == met.record.origin.fingerprint);
        let said: Vec<&Met> = self.met.values().filter(is_asked).collect();
        // Where the first telling was forgotten or lies in another window, a duplicate is all there is.
        let is_first = |met: &&&Met| !met.is_duplicate() || said.iter().all(|other| other.is_duplicate());
        let firsts = said.iter().filter(is_first).take(STORIES_MAX);
        let story = |met: &&Met| Story::of(Meant::Report, met, self, None);
        firsts.map(story).collect()
    }

    /// Records that were recognised as saying the same again, as far as they were met.
    pub(super) fn again(&self, first: &Met) -> Vec<Seq> {
        let is_again = |effect: &Effect| matches!(effect, Effect::Duplicate { of, .. } if *of == first.record.seq);
        let again = self.met.values().filter(|met| met.effects.iter().any(is_again));
        again.map(|met| met.record.seq).collect()
    }

    /// The orders that were given for a case.
    pub(super) fn orders(&self, of: CaseId) -> Vec<OrderId> {
        let effects = self.met.values().flat_map(|met| &met.effects);
        let given = effects.filter_map(|effect| match effect {
            Effect::Assigned { order, .. } => Some(*order),
            _ => None,
        });
        given.filter(|order| order.case == of).collect()
    }
}

impl Walk<'_> {
    /// All that was met.
    pub(super) fn met(&self) -> &BTreeMap<Seq, Met> {
        &self.met
    }

    /// Reads the bodies of what was met, as far as it is told.
    pub(super) fn read(&self, city: &City) -> Result<BTreeMap<Seq, Told>, Failure> {
        let reader = self.log.reader_from(Seq(0))?;
        let (mut frame, mut at) = (Taken::default(), None);
        let speakers = self.speakers(&reader, city)?;
        let mut told = BTreeMap::new();
        let named = self.met.values().filter(|met| self.watch.names(&met.record));
        let mut left: BTreeMap<CaseId, usize> = named.filter_map(Met::case).map(|case| (case, HISTORY_MAX)).collect();
        for (seq, met) in &self.met {
            let mut is_told = self.watch.names(&met.record);
            for case in met.effects.iter().filter_map(Effect::case) {
                if let Some(left) = left.get_mut(&case).filter(|left| **left > 0) {
                    *left -= 1;
                    is_told = true;
                }
            }
            if !is_told {
                continue;
            }
            if at != Some(met.frame) {
                reader.whole_frame(met.frame.0, met.frame.1, &mut frame)?;
                at = Some(met.frame);
            }
            let body = frame.view().body(met.record.origin.body).to_vec();
            let (record, effects, weighed) = (met.record, met.effects.clone(), self.weighed(met));
            let speaker = met.run.checked_sub(1).and_then(|run| speakers[run]);
            told.insert(*seq, Told { record, speaker, body, effects, weighed });
        }
        Ok(told)
    }

    /// What the mind weighed; not where a record is met by the way, whatever was suspected of it.
    fn weighed(&self, met: &Met) -> Option<Weighed> {
        let record = &met.record;
        let is_own = self.own.has(CaseId(record.seq.0)) || acts_on(record, &self.own);
        met.weighed.clone().filter(|_| is_own)
    }

    /// The source that each run declared for its inputs: by its shape their lines were read.
    fn speakers(&self, reader: &Reader<RealDisk>, city: &City) -> Result<Vec<Option<SourceId>>, Failure> {
        let mut frame = Taken::default();
        let speaker = |at: &NoteAt| {
            reader.whole_frame(at.0, at.1, &mut frame)?;
            let manifest: Manifest = serde_json::from_slice(frame.view().bodies()).map_err(|why| {
                let path = reader.path(frame.segment);
                ReplayError::Note { path, offset: frame.offset, why }
            })?;
            Ok(manifest.speaker(city))
        };
        self.runs.iter().map(speaker).collect()
    }
}
