//! A shadow run: what would be decided about a journal's records if another city had been in force.
//!
//! Two minds go through the log side by side. One is given what was understood then; for the other, each body is read and
//! understood again, by the other city. Both see the same order and the same times, and only what a decision says is compared: a
//! case is named after its first report, so even what became of it later can be.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::city::{City, Named, Source};
use crate::data::{self, DataFolder, Printed, ReplayError};
use crate::dispatch::Dispatcher;
use crate::effect::{Effect, Effects, Tier};
use crate::failure::{Failure, tell};
use crate::fingerprint::HashKey;
use crate::ids::{AreaId, CaseId, CellId, ClassId, Seq, SourceId};
use crate::ingest::decode::Decoder;
use crate::journal::frame::FrameView;
use crate::lane::Lane;
use crate::publish::{Press, Sink, each_record};
use crate::record::{Input, Origin, Record, Tally, Turned};
use crate::report::{Field, Reason, Reject};
use crate::run::with_progress;
use crate::understand::Understood;
use crate::view::decision::{Decisions, Emit, word};

/// What is asked.
pub struct Request<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// The city that was in force.
    pub was: Arc<City>,
    /// The other one.
    pub now: Arc<City>,
    /// Where every decision that would change is written, a JSON object a line.
    pub out: Option<PathBuf>,
}

/// What a shadow run came to.
#[derive(Serialize, Debug)]
pub struct Shadow {
    /// Versions of both cities: the one that was in force, and the other.
    pub cities: [String; 2],
    /// Records of the journal.
    pub records: u64,
    /// Records about which something else would be decided.
    pub changed: u64,
    /// Records, besides those, for which only another unit of the same department would go.
    pub other_unit: u64,
    /// How often each part of a decision would change.
    pub parts: BTreeMap<&'static str, u64>,
    /// By class, the most changed first.
    pub classes: Vec<Share>,
    /// By area, the most changed first.
    pub areas: Vec<Share>,
    /// How often each effect was decided, and would be.
    pub effects: BTreeMap<&'static str, [u64; 2]>,
    /// The first of the decisions that would change.
    pub examples: Vec<Change>,
}

/// A share of the records.
#[derive(Serialize, Debug)]
pub struct Share {
    /// Code of the class or area; empty for records that have none.
    pub code: String,
    /// Its name, 中文.
    pub name_zh: String,
    /// Its name, English.
    pub name_en: String,
    /// How many records have it.
    pub records: u64,
    /// About how many of these something else would be decided.
    pub changed: u64,
}

/// A decision that would change.
#[derive(Serialize, Clone, Debug)]
pub struct Change {
    /// Number of the record.
    pub seq: u64,
    /// Who said it.
    pub source: Option<String>,
    /// Its id there.
    pub id: Option<String>,
    /// What was decided.
    pub was: Verdict,
    /// What would be.
    pub now: Verdict,
}

/// What was decided about a record, in words that mean the same in every city.
#[derive(Serialize, Clone, PartialEq, Debug, Default)]
#[expect(missing_docs, reason = "each is the member of its name in a decision")]
pub struct Verdict {
    pub decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<str>>,
}

/// Examples that are kept.
const EXAMPLES: usize = 10;
/// Classes and areas that are listed for people; all of them are in the JSON.
const LISTED: usize = 12;

/// Goes through a journal with both cities.
///
/// # Errors
/// If the journal cannot be decided about again from its beginning, or the changes cannot be written.
pub fn shadow(request: &Request<'_>) -> Result<Shadow, Failure> {
    let folder = DataFolder::new(request.data.to_owned());
    let mut reader = data::reader(&folder)?;
    let segments = reader.segments();
    let (first, key) = (segments[0].first_seq, segments[0].key);
    if first != Seq(1) {
        return Err(Failure::Refused(format!(
            "日志从第 {first} 条记录起保留，影子回放需要从头开始 the log is kept from record {first} on, and a shadow run begins at the \
             first: what another city would have made of the records before cannot be known\n  mend: shadow a journal that \
             is kept whole (`paidan serve --keep-gib` says how much is kept)"
        )));
    }
    let read = AtomicU64::new(0);
    let out = match &request.out {
        Some(path) => Some(BufWriter::new(File::create(path).map_err(|cause| Failure::file("write", path, &cause))?)),
        None => None,
    };
    let mut other = Other::new(request, key);
    let mut count = Count { was: &request.was, now: &request.now, shadow: Shadow::of(request), out, failed: None };
    let (mut classes, mut areas) = (BTreeMap::new(), BTreeMap::new());
    let decisions = Decisions::new(&request.was);
    let mut press = Press::new(&decisions, Emit::Assigned, Sink::Null, None);
    let lane = Lane::new(request.was.clone());
    with_progress(None, &read, false, || {
        data::replay_while(&mut reader, lane, Printed::Nothing, &mut press, |view, effects| {
            each_record(view, effects, |record, was| {
                let now = other.decide(record, view);
                let about = count.compare(record, view, was, now);
                let add = |table: &mut BTreeMap<Box<str>, [u64; 2]>, code: Option<Box<str>>| {
                    let entry = table.entry(code.unwrap_or_default()).or_default();
                    entry[0] += 1;
                    entry[1] += u64::from(about.is_changed);
                };
                if matches!(record.input, Input::Report(_)) || about.is_changed {
                    add(&mut classes, about.class);
                    add(&mut areas, about.area);
                }
            });
            read.fetch_add(view.frame_bytes(), Ordering::Relaxed);
            count.failed.is_none()
        })
    })?;
    let shadow = count.finish(request, &classes, &areas)?;
    if let Some(cut) = reader.cut() {
        tell(format_args!("断尾 a torn tail follows the last whole batch: {cut}\n"));
    }
    Ok(shadow)
}

/// What reads the bodies of a journal by one of the cities.
struct Reading<'a> {
    city: &'a City,
    key: HashKey,
    plain: Decoder<'a>,
    /// For what each source of the city that was in force says in a shape of its own.
    shaped: Vec<Decoder<'a>>,
}

impl<'a> Reading<'a> {
    /// By a city, of what sources of the city that was in force said.
    fn new(city: &'a City, was: &City, key: HashKey) -> Self {
        let decoder = |source: &Source| Decoder::of(city, city.source_names.get(&source.name).map(SourceId));
        Self { city, key, plain: Decoder::new(), shaped: was.sources.iter().map(decoder).collect() }
    }

    /// Whether a line is of the schema, and names the source whose record it is; otherwise it is of the source's own shape.
    fn is_plain(&mut self, record: &Record, line: &str) -> bool {
        let (source, body) = (record.origin.source, record.origin.body);
        if !source.is_some() {
            return true;
        }
        let is_report = !matches!(record.input, Input::Tally(_));
        self.plain.decode(line).is_ok_and(|decoded| {
            let named = decoded.said.source.and_then(|name| self.city.source_names.get(name)).map(SourceId);
            let same_id = (decoded.id_at, decoded.id_len) == (body.id_at, body.id_len);
            named == Some(source) && (same_id || !is_report)
        })
    }

    /// Understands a line of a source that the city that was in force calls by this name.
    fn understand(&mut self, is_plain: bool, source: SourceId, name: &str, line: &str) -> Result<Understood, Reject> {
        if is_plain {
            let decoded = self.plain.decode(line)?;
            let missing = Reject { field: Field::Source, reason: Reason::Missing, at: 0 };
            decoded.said.source.ok_or(missing)?;
            return self.city.understand(&decoded.said, None, &self.key);
        }
        let unknown = Reject { field: Field::Source, reason: Reason::Unknown, at: 0 };
        let speaker = self.city.source_names.get(name).map(SourceId).ok_or(unknown)?;
        let decoded = self.shaped[source.index()].decode(line)?;
        self.city.understand(&decoded.said, Some(speaker), &self.key)
    }
}

/// The mind of the other city, and what it is told.
struct Other<'a> {
    was: &'a City,
    then: Reading<'a>,
    now: Reading<'a>,
    mind: Dispatcher,
    effects: Effects,
}

impl<'a> Other<'a> {
    fn new(request: &'a Request<'_>, key: HashKey) -> Self {
        let (was, now) = (&*request.was, &*request.now);
        Self {
            was,
            then: Reading::new(was, was, key),
            now: Reading::new(now, was, key),
            mind: Dispatcher::new(request.now.clone()),
            effects: Effects::default(),
        }
    }

    /// What it decides about a record whose body lies in this frame.
    fn decide(&mut self, record: &Record, view: &FrameView<'_>) -> &[(Seq, Effect)] {
        self.effects.clear();
        let origin = record.origin;
        let (origin, input) = match self.understand(record, view.body(origin.body)) {
            Ok(Understood { source, fingerprint, event_time, input }) => {
                (Origin { source, fingerprint, event_time, ..origin }, input)
            }
            Err(tally) => (Origin { source: SourceId::NONE, ..origin }, Input::Tally(tally)),
        };
        // A record that is turned away is one all the same: time goes on with it, and what waits is looked at.
        self.mind.apply(&Record { origin, input, ..*record }, &mut self.effects);
        self.effects.as_slice()
    }

    /// What a record's body says in the other city; or what it is counted as.
    fn understand(&mut self, record: &Record, body: &[u8]) -> Result<Understood, Tally> {
        let tally = match record.input {
            // What is turned away for what it is, and not for what it says, is so in every city.
            Input::Tally(tally)
                if tally.turned != Turned::Rejected || tally.field == Field::Line || body.is_empty() =>
            {
                return Err(tally);
            }
            Input::Tally(tally) => tally,
            _ => Tally {
                turned: Turned::Rejected,
                count: 1,
                field: Field::Line,
                reason: Reason::NotUtf8,
                input: 0,
                line: 0,
                offset: 0,
                wrong_at: 0,
            },
        };
        let line = std::str::from_utf8(body).map_err(|_| tally)?;
        let source = record.origin.source;
        let name = self.was.sources.get(source.index()).map_or("", |source| &*source.name);
        let is_plain = self.then.is_plain(record, line);
        // The city that was in force understood it, so it was turned away for who said it.
        let was_forbidden =
            matches!(record.input, Input::Tally(_)) && self.then.understand(is_plain, source, name, line).is_ok();
        if was_forbidden {
            return Err(tally);
        }
        let understood = self.now.understand(is_plain, source, name, line);
        understood.map_err(|Reject { field, reason, at }| Tally { field, reason, wrong_at: at, ..tally })
    }
}

/// Compares decisions, and counts what differs.
struct Count<'a> {
    was: &'a City,
    now: &'a City,
    shadow: Shadow,
    out: Option<BufWriter<File>>,
    failed: Option<io::Error>,
}

/// What a record is counted under.
struct About {
    is_changed: bool,
    class: Option<Box<str>>,
    area: Option<Box<str>>,
}

impl Count<'_> {
    fn compare(
        &mut self,
        record: &Record,
        view: &FrameView<'_>,
        was: &[(Seq, Effect)],
        now: &[(Seq, Effect)],
    ) -> About {
        self.shadow.records += 1;
        let was_verdict = Verdict::of(self.was, was);
        let now_verdict = Verdict::of(self.now, now);
        self.count(was, 0);
        self.count(now, 1);
        let parts = was_verdict.parts_unlike(&now_verdict);
        let is_changed = parts.iter().any(|part| *part != UNIT);
        self.shadow.changed += u64::from(is_changed);
        self.shadow.other_unit += u64::from(parts == [UNIT]);
        for part in &parts {
            *self.shadow.parts.entry(part).or_default() += 1;
        }
        let about = About {
            is_changed,
            class: was_verdict.class.clone().or_else(|| now_verdict.class.clone()),
            area: was_verdict.area.clone().or_else(|| now_verdict.area.clone()),
        };
        if is_changed {
            self.note(record, view, was_verdict, now_verdict);
        }
        about
    }

    fn count(&mut self, effects: &[(Seq, Effect)], city: usize) {
        for (_, effect) in effects {
            self.shadow.effects.entry(word(effect)).or_default()[city] += 1;
        }
    }

    fn note(&mut self, record: &Record, view: &FrameView<'_>, was: Verdict, now: Verdict) {
        let is_example = self.shadow.examples.len() < EXAMPLES;
        if !is_example && self.out.is_none() {
            return;
        }
        let source = self.was.sources.get(record.origin.source.index()).map(|source| source.name.to_string());
        let body = view.body(record.origin.body);
        let change = Change { seq: record.seq.0, source, id: record.origin.body.id_in(body), was, now };
        if let Some(out) = &mut self.out {
            let written = serde_json::to_writer(&mut *out, &change).map_err(io::Error::from);
            let written = written.and_then(|()| out.write_all(b"\n"));
            self.failed = self.failed.take().or(written.err());
        }
        if is_example {
            self.shadow.examples.push(change);
        }
    }

    fn finish(
        mut self,
        request: &Request<'_>,
        classes: &BTreeMap<Box<str>, [u64; 2]>,
        areas: &BTreeMap<Box<str>, [u64; 2]>,
    ) -> Result<Shadow, Failure> {
        let flushed = self.out.as_mut().map_or(Ok(()), Write::flush);
        self.failed.map_or(flushed, Err).map_err(ReplayError::Output)?;
        let (was, now) = (&request.was, &request.now);
        let named = |city: &City| city.classes.iter().map(|class| class.named.clone()).collect::<Vec<_>>();
        self.shadow.classes = shares(classes, [&named(was), &named(now)]);
        self.shadow.areas = shares(areas, [&was.areas, &now.areas]);
        Ok(self.shadow)
    }
}

/// The most changed first; those of which nothing would change are left out.
fn shares(table: &BTreeMap<Box<str>, [u64; 2]>, named: [&[Named]; 2]) -> Vec<Share> {
    let share = |code: &str, [records, changed]: [u64; 2]| {
        let known = named.into_iter().flatten().find(|named| *named.code == *code);
        let name = |of: fn(&Named) -> &str| known.map(of).unwrap_or_default().to_owned();
        Share {
            code: code.to_owned(),
            name_zh: name(|named| &named.zh),
            name_en: name(|named| &named.en),
            records,
            changed,
        }
    };
    let mut shares: Vec<_> =
        table.iter().map(|(code, counts)| share(code, *counts)).filter(|share| share.changed > 0).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.changed));
    shares
}

const UNIT: &str = "unit";

impl Verdict {
    /// From the effects of a record, in a city. What else it set in motion, for cases of others, does not count.
    fn of(city: &City, effects: &[(Seq, Effect)]) -> Self {
        let mut verdict = Self::default();
        let mut own = None;
        for (_, effect) in effects {
            let is_first = verdict.decision.is_empty();
            if is_first {
                verdict.decision = word(effect);
                own = effect.case().filter(|case| *case != CaseId::NONE);
                verdict.case = own.map(|case| case.0);
            }
            match *effect {
                Effect::Tallied { field, reason, .. } if is_first => {
                    verdict.reason = Some(format!("{} {}", field.name(), reason.name()));
                }
                Effect::Opened { class, cell, area, urgency, .. }
                | Effect::Merged { class, cell, area, urgency, .. } => {
                    verdict.lies(city, class, cell, area);
                    verdict.urgency = Some(urgency.letter());
                }
                Effect::Raised { case, urgency } if own == Some(case) => {
                    verdict.urgency = Some(urgency.letter());
                }
                Effect::Assigned { order, unit, department, tier, due, .. } if own == Some(order.case) => {
                    verdict.department = Some(city.departments[department.index()].code.clone());
                    verdict.tier = Some(Tier::word(tier));
                    verdict.due = due.map(|due| due.0);
                    verdict.unit = Some(city.roster.units()[unit.index()].code.clone());
                }
                Effect::Waiting { case, department, .. } if own == Some(case) => {
                    verdict.department = Some(city.departments[department.index()].code.clone());
                    verdict.reason = Some("waiting".to_owned());
                }
                Effect::Review { case, doubt } if own == Some(case) => {
                    verdict.reason = serde_json::to_value(doubt).ok().and_then(|word| word.as_str().map(str::to_owned));
                }
                _ => {}
            }
        }
        verdict
    }

    fn lies(&mut self, city: &City, class: ClassId, cell: CellId, area: AreaId) {
        self.class = city.classes.get(class.index()).map(|class| class.named.code.clone());
        self.area = city.areas.get(area.index()).map(|area| area.code.clone());
        self.cell = cell.is_some().then(|| city.grid.code(cell, &city.areas).to_string().into());
    }

    /// Its parts that are not as in another.
    fn parts_unlike(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("decision", self.decision != other.decision),
            ("reason", self.reason != other.reason),
            ("case", self.case != other.case),
            ("class", self.class != other.class),
            ("area", self.area != other.area),
            ("cell", self.cell != other.cell),
            ("urgency", self.urgency != other.urgency),
            ("department", self.department != other.department),
            ("tier", self.tier != other.tier),
            ("due", self.due != other.due),
            (UNIT, self.unit != other.unit),
        ];
        parts.into_iter().filter(|(_, is_unlike)| *is_unlike).map(|(part, _)| part).collect()
    }

    /// A part in words, for people.
    fn part(&self, part: &str) -> String {
        let all = serde_json::to_value(self).unwrap_or_default();
        match &all[part] {
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Shadow {
    fn of(request: &Request<'_>) -> Self {
        let version = |city: &City| format!("{:016x}", city.version);
        Self {
            cities: [version(&request.was), version(&request.now)],
            records: 0,
            changed: 0,
            other_unit: 0,
            parts: BTreeMap::new(),
            classes: Vec::new(),
            areas: Vec::new(),
            effects: BTreeMap::new(),
            examples: Vec::new(),
        }
    }

    /// For people.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { cities: [was, now], records, changed, other_unit, .. } = self;
        writeln!(out, "影子回放 shadow run: {records} 条记录 records, city {was} → {now}")?;
        writeln!(
            out,
            "{changed} 条决定会改变 decisions would change; {other_unit} 条只换处置力量 more only get another unit of the same department"
        )?;
        if self.parts.is_empty() {
            return Ok(());
        }
        let parts: Vec<_> = self.parts.iter().map(|(part, count)| format!("{part} {count}")).collect();
        writeln!(out, "变化 what changes: {}", parts.join(", "))?;
        let unlike = self.effects.iter().filter(|(_, [was, now])| was != now);
        let effects: Vec<_> = unlike.map(|(effect, [was, now])| format!("{effect} {was} → {now}")).collect();
        if !effects.is_empty() {
            writeln!(out, "总数 totals: {}", effects.join(", "))?;
        }
        for (title, shares) in [("按类别 by class:", &self.classes), ("按街镇 by area:", &self.areas)] {
            if shares.is_empty() {
                continue;
            }
            writeln!(out, "{title}")?;
            for Share { code, name_zh, name_en, records, changed } in shares.iter().take(LISTED) {
                let name = if code.is_empty() { "无 none".to_owned() } else { format!("{code} {name_zh} {name_en}") };
                writeln!(out, "  {changed:>8} / {records:<8} {name}")?;
            }
            if shares.len() > LISTED {
                writeln!(out, "  … {} more", shares.len() - LISTED)?;
            }
        }
        if !self.examples.is_empty() {
            writeln!(out, "例 for example:")?;
        }
        for Change { seq, source, id, was, now } in &self.examples {
            let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
            let parts = was.parts_unlike(now);
            let parts: Vec<_> =
                parts.into_iter().map(|part| format!("{part} {} → {}", was.part(part), now.part(part))).collect();
            writeln!(out, "  #{seq} {} {}: {}", said(source), said(id), parts.join(", "))?;
        }
        Ok(())
    }
}
