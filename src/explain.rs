//! `paidan explain`: the log is walked once more up to the record in question, and the mind is asked why.
//!
//! Nothing is kept for this beside the log: heads are read and decided about again, bodies are left in the file, and only the
//! records that the story is about are read whole. What comes late in the walk may make an earlier record matter: a report
//! joined a case that was opened long before. So earlier records that look alike are guessed first, from the heads alone, and
//! followed on suspicion. A guess decides nothing; where none was right, the log is walked again, knowing what to look for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

use crate::city::{City, SamePlace};
use crate::data::{self, DataFolder, Manifest, ReplayError};
use crate::effect::{Effect, Effects};
use crate::failure::Failure;
use crate::fingerprint::{Fingerprint, HashKey};
use crate::geo::distance2_cm;
use crate::ids::{CaseId, NotTracking, OrderId, Seq, SourceId, Tracking};
use crate::ingest::decode::Decoder;
use crate::journal::disk::RealDisk;
use crate::journal::error::JournalError;
use crate::journal::frame::Kind;
use crate::journal::reader::{Reader, Taken};
use crate::journal::segment::segment_name;
use crate::lane::{Lane, Mismatch};
use crate::record::{Head, Input, Record};
use crate::report::What;
use crate::run;
use crate::view::explain::{Explanation, Found, Hints, Meant, Teller, Told};
use crate::weighed::Weighed;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The names of what is to be explained.
    pub ids: Vec<String>,
    /// The data folder.
    pub data: PathBuf,
    /// The city's folder; the one kept with the data without it.
    pub city: Option<PathBuf>,
    /// The source of ids that do not name one.
    pub source: Option<String>,
}

/// Most cases that are followed on suspicion.
const GUESSES_MAX: usize = 256;
/// Frames that are read ahead of deciding.
const READ_AHEAD: usize = 8;
/// Most stories that one id of a report can have: a source may use an id again when its window has passed.
const STORIES_MAX: usize = 20;
/// Most records of a case that are told; the others are counted.
const HISTORY_MAX: usize = 1000;

/// Explains, in the order in which it was asked; `tell` takes each story.
///
/// # Errors
/// If something is not found, or the folder cannot be read or does not fit the city.
pub fn explain(
    request: &Request,
    mut tell: impl FnMut(&Explanation<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let folder = DataFolder::new(request.data.clone());
    let city = Arc::new(run::city(request.city.as_deref(), Some(&folder))?);
    let log = Log::open(&folder)?;
    let questions: Result<Vec<Question>, Failure> =
        request.ids.iter().map(|id| Question::of(id, request.source.as_deref(), &city, &log)).collect();
    let questions = questions?;
    let mut watch = Watch::default();
    questions.iter().for_each(|question| watch.add(question));
    log.guess(&watch, &city)?.into_iter().for_each(|case| watch.cases.add(case));
    let walk = loop {
        let walk = Walk::through(&log, &city, watch)?;
        if walk.missed.is_empty() {
            break walk;
        }
        watch = walk.watch;
        walk.missed.into_iter().for_each(|case| watch.cases.add(case));
    };
    let shown = walk.read(&log, &city)?;
    let teller = Teller::new(&city);
    for question in &questions {
        for story in question.stories(&walk, &city)? {
            let explanation = story.told(question, &shown, &teller, &walk);
            tell(&explanation)?;
        }
    }
    Ok(())
}

/// The log of a folder.
struct Log {
    folder: DataFolder,
    key: HashKey,
    /// The record that is due next.
    next: Seq,
}

impl Log {
    fn open(folder: &DataFolder) -> Result<Self, Failure> {
        // Only the last segment is read: what is before it is told by the segments' first blocks.
        let mut reader = data::reader_from(folder, Seq(u64::MAX))?;
        let key = reader.segments()[0].key;
        while reader.next_frame()?.is_some() {}
        Ok(Self { folder: folder.clone(), key, next: reader.next_seq() })
    }

    fn holds(&self, seq: Seq) -> bool {
        (1..self.next.0).contains(&seq.0)
    }

    /// Reads heads from the start of the segment that holds a record.
    fn reader_from(&self, from: Seq) -> Result<Reader<RealDisk>, Failure> {
        Ok(data::reader_from(&self.folder, from)?.without_bodies())
    }

    /// The cases that named records may belong to, besides those that they open: each is named by a record before them that
    /// looks alike.
    fn guess(&self, watch: &Watch, city: &City) -> Result<Vec<CaseId>, Failure> {
        let named = match watch.prints.is_empty() {
            // A number says where the record is.
            true => watch.named.iter().map(|seq| self.scan(*seq..seq.next(), |record| record.seq == *seq)).collect(),
            false => self.scan_all(Seq(1)..self.next, |record| watch.names(record)).map(|found| vec![found]),
        };
        let named: Vec<Record> = named?.into_iter().flatten().take(STORIES_MAX).collect();
        let looks: Vec<Look> = named.iter().filter_map(|record| Look::of(record, city)).collect();
        let Some(last) = looks.iter().map(|look| look.seq).max() else { return Ok(Vec::new()) };
        let alike = self.scan_all(Seq(1)..last, |record| looks.iter().any(|look| look.is_like(record)))?;
        Ok(alike.iter().map(|record| CaseId(record.seq.0)).collect())
    }

    /// The last records of a part of the log, up to [`GUESSES_MAX`], that are wanted. One thread takes the older half, one the
    /// newer.
    fn scan_all(&self, part: Range<Seq>, is_wanted: impl Fn(&Record) -> bool + Sync) -> Result<Vec<Record>, Failure> {
        let middle = Seq(part.start.0.midpoint(part.end.0));
        let (older, newer) = std::thread::scope(|scope| {
            let older = scope.spawn(|| self.scan(part.start..middle, &is_wanted));
            let newer = self.scan(middle..part.end, &is_wanted);
            (older.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), newer)
        });
        let mut all = older?;
        all.extend(newer?);
        Ok(all.split_off(all.len().saturating_sub(GUESSES_MAX)))
    }

    /// The last records of a part of the log, up to [`GUESSES_MAX`], that are wanted.
    fn scan(&self, part: Range<Seq>, is_wanted: impl Fn(&Record) -> bool) -> Result<Vec<Record>, Failure> {
        let mut reader = self.reader_from(part.start)?;
        let mut found = VecDeque::new();
        while let Some(frame) = reader.next_frame()? {
            if frame.view.header().order.first_seq >= part.end {
                break;
            }
            // What cannot be read is told on the walk, with its place.
            for record in frame.view.records().map_while(Result::ok).map(|placed| placed.record) {
                if part.contains(&record.seq) && is_wanted(&record) {
                    found.push_back(record);
                    if found.len() > GUESSES_MAX {
                        found.pop_front();
                    }
                }
            }
        }
        Ok(found.into())
    }
}

/// What a report looks like to its head: another that looks alike may have opened the case that it belongs to.
struct Look {
    seq: Seq,
    fingerprint: Fingerprint,
    head: Head,
    radius2_cm: u64,
}

impl Look {
    fn of(record: &Record, city: &City) -> Option<Self> {
        let Input::Report(head) = record.input else { return None };
        let class = city.classes.get(head.class.index());
        let radius2_cm = match class.map(|class| city.policies[usize::from(class.policy)].same_place) {
            Some(SamePlace::Radius { cm }) => u64::from(cm) * u64::from(cm),
            _ => 0,
        };
        Some(Self { seq: record.seq, fingerprint: record.origin.fingerprint, head, radius2_cm })
    }

    #[inline]
    fn is_like(&self, record: &Record) -> bool {
        if record.origin.fingerprint == self.fingerprint {
            return record.seq < self.seq;
        }
        match &record.input {
            Input::Report(head) if head.class == self.head.class => record.seq < self.seq && self.is_at(head),
            _ => false,
        }
    }

    fn is_at(&self, head: &Head) -> bool {
        let own = &self.head;
        (own.cell.is_some() && own.cell == head.cell)
            || (own.component != 0 && own.component == head.component)
            || (own.address != 0 && own.address == head.address)
            || (own.point.is_some() && head.point.is_some() && distance2_cm(own.point, head.point) <= self.radius2_cm)
    }
}

/// What was asked, as it was taken.
struct Question {
    asked: String,
    meant: Asked,
}

/// What a name was taken for.
enum Asked {
    /// A record, or the case that it opened.
    Number(Seq),
    /// A record.
    Record(Seq),
    /// A report's tracking number.
    Tracking(Seq),
    /// An order.
    Order(OrderId),
    /// The id of a report, of each source that may have it.
    Report(Vec<(SourceId, Fingerprint)>),
}

impl Question {
    fn of(asked: &str, source: Option<&str>, city: &City, log: &Log) -> Result<Self, Failure> {
        let meant = match source {
            Some(name) => Asked::Report(vec![print_of(city, log, name, asked)?]),
            None => Asked::of(asked, city, log)?,
        };
        Ok(Self { asked: asked.to_owned(), meant })
    }

    /// The record that the question names, if it names one.
    fn seq(&self) -> Option<Seq> {
        match &self.meant {
            Asked::Number(seq) | Asked::Record(seq) | Asked::Tracking(seq) => Some(*seq),
            Asked::Order(order) => Some(Seq(order.case.0)),
            Asked::Report(_) => None,
        }
    }
}

impl Asked {
    fn of(asked: &str, city: &City, log: &Log) -> Result<Self, Failure> {
        let last = log.next.0 - 1;
        let beyond = |what: &str| {
            not_found(asked, &format!("{what}；日志到第 {last} 条记录为止 the log ends with record {last}"))
        };
        if let Some(number) = asked.strip_prefix('#') {
            let shape = || not_found(asked, "记录号写作 #123 a record is written #123");
            let seq = number.parse().map(Seq).map_err(|_| shape())?;
            return if log.holds(seq) {
                Ok(Self::Record(seq))
            } else {
                Err(beyond("没有这条记录 no such record"))
            };
        }
        match asked.parse() {
            Ok(Tracking(seq)) if log.holds(seq) => return Ok(Self::Tracking(seq)),
            Ok(Tracking(_)) => return Err(beyond("没有这个跟踪号 no such tracking number")),
            Err(NotTracking::Check) => {
                let hint = "跟踪号校验位不符，请核对每一位 the check digits of this tracking number do not fit: \
                            a digit is wrong, or two were swapped";
                return Err(not_found(asked, hint));
            }
            Err(NotTracking::Shape) => {}
        }
        if let Ok(seq) = asked.parse().map(Seq)
            && log.holds(seq)
        {
            return Ok(Self::Number(seq));
        }
        if let Ok(order) = asked.parse::<OrderId>()
            && log.holds(Seq(order.case.0))
        {
            return Ok(Self::Order(order));
        }
        if let Some((name, id)) = asked.split_once('/')
            && city.source_names.get(name).is_some()
        {
            return Ok(Self::Report(vec![print_of(city, log, name, id)?]));
        }
        let print = |(source, index): (&crate::city::Source, u16)| {
            (SourceId(index), log.key.fingerprint(source.name.as_bytes(), asked.as_bytes()))
        };
        Ok(Self::Report(city.sources.iter().zip(0..).map(print).collect()))
    }
}

fn print_of(city: &City, log: &Log, name: &str, id: &str) -> Result<(SourceId, Fingerprint), Failure> {
    let known = || city.source_names.iter().collect::<Vec<_>>().join(", ");
    let unknown =
        || Failure::Usage(format!("--source {name}: 城市没有这个来源 the city knows the sources {}", known()));
    let source = city.source_names.get(name).map(SourceId).ok_or_else(unknown)?;
    Ok((source, log.key.fingerprint(name.as_bytes(), id.as_bytes())))
}

fn not_found(asked: &str, hint: &str) -> Failure {
    Failure::Usage(format!("找不到 not found: {asked}：{hint}"))
}

/// Cases that are looked for. Most looks find nothing, so a few bits of a case's name are asked first.
#[derive(Default)]
struct Cases {
    cases: BTreeSet<CaseId>,
    bits: [u64; 32],
}

impl Cases {
    const fn bit(case: CaseId) -> (usize, u64) {
        ((case.0 / 64) as usize % 32, 1 << (case.0 % 64))
    }

    fn add(&mut self, case: CaseId) {
        let (word, bit) = Self::bit(case);
        self.bits[word] |= bit;
        self.cases.insert(case);
    }

    #[inline]
    fn has(&self, case: CaseId) -> bool {
        let (word, bit) = Self::bit(case);
        self.bits[word] & bit != 0 && self.cases.contains(&case)
    }
}

/// What is looked for on a walk.
#[derive(Default)]
struct Watch {
    /// Records that were asked for.
    named: Vec<Seq>,
    /// Ids that were asked for.
    prints: Vec<Fingerprint>,
    /// Cases to follow, asked for or guessed. A record that opens no case is the name of none, which does no harm.
    cases: Cases,
}

impl Watch {
    fn add(&mut self, question: &Question) {
        if let Some(seq) = question.seq() {
            self.named.push(seq);
            self.cases.add(CaseId(seq.0));
        }
        if let Asked::Report(prints) = &question.meant {
            self.prints.extend(prints.iter().map(|(_, print)| print));
        }
    }

    /// Whether a record is asked for by its number or its sender's id.
    #[inline]
    fn names(&self, record: &Record) -> bool {
        self.named.contains(&record.seq) || self.prints.contains(&record.origin.fingerprint)
    }

    /// Whether a record acts on a case that is looked for.
    #[inline]
    fn is_acted_on(&self, record: &Record) -> bool {
        match &record.input {
            Input::Action(action) => self.cases.has(action.order.case),
            _ => false,
        }
    }
}

/// Where a frame lies.
type FrameAt = (u64, u64);

/// A record that was met on the walk.
struct Met {
    frame: FrameAt,
    /// How many runs had begun.
    run: usize,
    record: Record,
    effects: Vec<Effect>,
    weighed: Option<Weighed>,
}

impl Met {
    fn has_opened(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Opened { .. }))
    }

    fn is_duplicate(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Duplicate { .. }))
    }

    /// The case that this record itself belongs to.
    fn case(&self) -> Option<CaseId> {
        self.effects.first().and_then(Effect::case)
    }

    fn touches(&self, case: CaseId) -> bool {
        self.effects.iter().any(|effect| effect.case() == Some(case))
    }
}

/// A walk through the whole log.
struct Walk {
    watch: Watch,
    met: BTreeMap<Seq, Met>,
    /// Where the runs were written down.
    runs: Vec<FrameAt>,
    /// Cases of named records that were opened before anybody knew that they matter.
    missed: Vec<CaseId>,
}

impl Walk {
    /// One thread reads, this one decides.
    fn through(log: &Log, city: &Arc<City>, watch: Watch) -> Result<Self, Failure> {
        let mut reader = log.reader_from(Seq(0))?;
        let any_segment = reader.path(0);
        let (to_mind, from_reader) = mpsc::sync_channel::<Result<Taken, JournalError>>(READ_AHEAD);
        let (to_reader, spare) = mpsc::sync_channel::<Taken>(READ_AHEAD);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    let mut frame = spare.try_recv().unwrap_or_default();
                    let taken = match reader.take_frame(&mut frame) {
                        Ok(true) => Ok(frame),
                        Ok(false) => return,
                        Err(error) => Err(error),
                    };
                    let is_last = taken.is_err();
                    // Nobody listens any more once the walk has failed.
                    if to_mind.send(taken).is_err() || is_last {
                        return;
                    }
                }
            });
            let mut walk = Self { watch, met: BTreeMap::new(), runs: Vec::new(), missed: Vec::new() };
            let (mut lane, mut effects) = (Lane::new(city.clone()), Effects::default());
            for taken in from_reader {
                let frame = taken?;
                match frame.view().header().kind {
                    Kind::Manifest => walk.runs.push((frame.segment, frame.offset)),
                    Kind::End => {}
                    Kind::Records => {
                        walk.step(&frame, &mut lane, &mut effects).map_err(|why| ReplayError::Mismatch {
                            path: any_segment.with_file_name(segment_name(frame.segment)),
                            offset: frame.offset,
                            why,
                        })?;
                    }
                }
                if !walk.missed.is_empty() && walk.watch.prints.is_empty() {
                    // Nothing else is to be learned further on.
                    break;
                }
                // A frame too many is let go; the reader itself is gone when it has read all.
                let _ = to_reader.try_send(frame);
            }
            Ok(walk)
        })
    }

    fn step(&mut self, frame: &Taken, lane: &mut Lane, effects: &mut Effects) -> Result<(), Mismatch> {
        let view = frame.view();
        let (watch, mut asked) = (&mut self.watch, BTreeMap::new());
        effects.clear();
        lane.replay_watched(&view, effects, |mind, record| {
            let is_named = watch.names(record);
            if is_named {
                // If it opens a case, this is its name, and what follows concerns it.
                watch.cases.add(CaseId(record.seq.0));
            }
            if is_named || watch.cases.has(CaseId(record.seq.0)) || watch.is_acted_on(record) {
                asked.insert(record.seq, mind.weigh(record));
            }
        })?;
        let effects = effects.as_slice();
        let touches = |effect: &Effect| effect.case().is_some_and(|case| watch.cases.has(case));
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
            let met = Met { frame, run: self.runs.len(), record, effects: own.collect(), weighed };
            let unknown = met.case().filter(|case| !watch.cases.has(*case) && self.missed.len() < STORIES_MAX);
            if watch.names(&record) {
                self.missed.extend(unknown);
            }
            self.met.insert(record.seq, met);
        }
        Ok(())
    }

    /// Reads the bodies of what was met, as far as it is told.
    fn read(&self, log: &Log, city: &City) -> Result<BTreeMap<Seq, Told>, Failure> {
        let reader = log.reader_from(Seq(0))?;
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
            let (record, effects, weighed) = (met.record, met.effects.clone(), met.weighed.clone());
            let speaker = met.run.checked_sub(1).and_then(|run| speakers[run]);
            told.insert(*seq, Told { record, speaker, body, effects, weighed });
        }
        Ok(told)
    }
}

impl Walk {
    /// The source that each run declared for its inputs: by its shape their lines were read.
    fn speakers(&self, reader: &Reader<RealDisk>, city: &City) -> Result<Vec<Option<SourceId>>, Failure> {
        let mut frame = Taken::default();
        let speaker = |at: &FrameAt| {
            reader.whole_frame(at.0, at.1, &mut frame)?;
            let manifest: Manifest = serde_json::from_slice(frame.view().bodies()).map_err(|why| {
                let path = reader.path(frame.segment);
                ReplayError::Note { path, offset: frame.offset, why }
            })?;
            let named = manifest.source.and_then(|name| city.source_names.get(&name));
            Ok(named.map(SourceId))
        };
        self.runs.iter().map(speaker).collect()
    }
}

/// One story: the record that it begins with, and the records that say the same again.
struct Story {
    meant: Meant,
    subject: Seq,
    again: Vec<Seq>,
    case: Option<CaseId>,
    order: Option<OrderId>,
}

impl Question {
    /// The stories that answer the question; several where several sources have the id.
    fn stories(&self, walk: &Walk, city: &City) -> Result<Vec<Story>, Failure> {
        let one = |meant, seq: Seq, order| {
            let met = walk.met.get(&seq).ok_or_else(|| Failure::Damaged(format!("record {seq} is not in the log")))?;
            Ok(vec![Story { meant, subject: seq, again: walk.again(met), case: met.case(), order }])
        };
        let opened = |seq: &Seq| walk.met.get(seq).is_some_and(Met::has_opened);
        match &self.meant {
            Asked::Number(seq) if opened(seq) => one(Meant::Case, *seq, None),
            Asked::Number(seq) | Asked::Record(seq) => one(Meant::Record, *seq, None),
            Asked::Tracking(seq) => one(Meant::Tracking, *seq, None),
            Asked::Order(order) => {
                let seq = Seq(order.case.0);
                let given = walk.orders(order.case);
                if given.contains(order) {
                    return one(Meant::Order, seq, Some(*order));
                }
                let given: Vec<_> = given.iter().map(OrderId::to_string).collect();
                let hint = match (opened(&seq), given.is_empty()) {
                    (false, _) => format!("记录 #{seq} 没有立案，试 #{seq} record #{seq} opened no case; try #{seq}"),
                    (true, true) => format!("案件 {seq} 还没有工单 case {seq} has no order yet; try {seq}"),
                    (true, false) => format!("案件 {seq} 的工单 case {seq} has the orders {}", given.join(", ")),
                };
                Err(not_found(&self.asked, &hint))
            }
            Asked::Report(prints) => {
                let stories = walk.reports(prints);
                if stories.is_empty() { Err(self.no_report(prints, city)) } else { Ok(stories) }
            }
        }
    }

    fn no_report(&self, prints: &[(SourceId, Fingerprint)], city: &City) -> Failure {
        let names = prints.iter().map(|(source, _)| &*city.sources[source.index()].name);
        let sources = names.collect::<Vec<_>>().join(", ");
        let hint = format!(
            "已在来源 {sources} 的编号中查找；可写 来源/编号、#记录号、案件号、工单号（案件号-次数）、跟踪号 SL… \
             searched the ids of {sources}; write source/id, #record, a case, an order (case-attempt) or a tracking number SL…; \
             `paidan inspect` lists what there is"
        );
        not_found(&self.asked, &hint)
    }
}

impl Walk {
    /// Every first telling of these ids.
    fn reports(&self, prints: &[(SourceId, Fingerprint)]) -> Vec<Story> {
        let is_asked = |met: &&Met| prints.iter().any(|(_, print)| *print == met.record.origin.fingerprint);
        let said: Vec<&Met> = self.met.values().filter(is_asked).collect();
        // Where the first telling was forgotten or lies in another window, a duplicate is all there is.
        let is_first = |met: &&&Met| !met.is_duplicate() || said.iter().all(|other| other.is_duplicate());
        let firsts = said.iter().filter(is_first).take(STORIES_MAX);
        let story = |met: &&Met| Story {
            meant: Meant::Report,
            subject: met.record.seq,
            again: self.again(met),
            case: met.case(),
            order: None,
        };
        firsts.map(story).collect()
    }

    /// Records that were recognised as saying the same again, as far as they were met.
    fn again(&self, first: &Met) -> Vec<Seq> {
        let is_again = |effect: &Effect| matches!(effect, Effect::Duplicate { of, .. } if *of == first.record.seq);
        let again = self.met.values().filter(|met| met.effects.iter().any(is_again));
        again.map(|met| met.record.seq).collect()
    }

    /// The orders that were given for a case.
    fn orders(&self, of: CaseId) -> Vec<OrderId> {
        let effects = self.met.values().flat_map(|met| &met.effects);
        let given = effects.filter_map(|effect| match effect {
            Effect::Assigned { order, .. } => Some(*order),
            _ => None,
        });
        given.filter(|order| order.case == of).collect()
    }
}

impl Story {
    fn told<'a>(
        &self,
        question: &Question,
        shown: &BTreeMap<Seq, Told>,
        teller: &Teller<'a>,
        walk: &Walk,
    ) -> Explanation<'a> {
        let subject = &shown[&self.subject];
        let again: Vec<&Told> = self.again.iter().filter_map(|seq| shown.get(seq)).collect();
        let touches = |case: CaseId| move |told: &&Told| told.effects.iter().any(|effect| effect.case() == Some(case));
        let touching: Option<(CaseId, Vec<&Told>)> =
            self.case.map(|case| (case, shown.values().filter(touches(case)).collect()));
        let more = touching
            .as_ref()
            .map_or(0, |(case, touching)| walk.met.values().filter(|met| met.touches(*case)).count() - touching.len());
        let hints = hints(subject, teller.city());
        teller.tell(&Found {
            asked: &question.asked,
            meant: self.meant,
            subject,
            hints: hints.as_ref(),
            again: &again,
            case: touching.as_ref().map(|(case, touching)| (*case, &**touching)),
            more,
            order: self.order,
        })
    }
}

/// What a report said that its record does not keep. The door read the same line.
fn hints(told: &Told, city: &City) -> Option<Hints> {
    let mut decoder = Decoder::of(city, told.speaker);
    let line = std::str::from_utf8(&told.body).ok()?;
    let text = decoder.texts(line).map(str::to_owned);
    let decoded = decoder.decode(line).ok()?;
    let What::Report(report) = decoded.said.what else { return None };
    Some(Hints {
        has_point: report.spot.is_some(),
        cell: report.cell.map(str::to_owned),
        category: report.category.map(str::to_owned),
        urgency: report.urgency,
        text,
    })
}
