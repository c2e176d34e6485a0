//! `paidan inspect`: what a journal holds, a JSON object a line, in the order of the log.
//!
//! Segments, frames and records are shown as they lie there; effects are decided again. One frame at a time is in memory.
//! Where the journal is damaged, what comes before the damage is shown, and then the damage is told.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::city::City;
use crate::data::{self, DataFolder, ReplayError};
use crate::effect::{Effect, Effects};
use crate::failure::Failure;
use crate::ids::{AreaId, CaseId, CellId, ClassId, Seq, SourceId, Tracking, UnitId};
use crate::journal::disk::RealDisk;
use crate::journal::frame::{FrameError, FrameView, Kind};
use crate::journal::reader::{Found, Reader};
use crate::journal::segment::{SegmentHeader, segment_name};
use crate::lane::Mismatch;
use crate::record::{Input, Record};
use crate::run;
use crate::snapshots::to_the_beginning;
use crate::time::At;
use crate::view::decision::{Decisions, word};
use crate::view::paper::Paper;

/// What a line stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A file of the journal.
    Segments,
    /// A batch.
    Frames,
    /// What came in.
    Records,
    /// What was decided.
    Effects,
}

/// A kind of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A report.
    Report,
    /// An action on an order.
    Action,
    /// A unit's status.
    Unit,
    /// What people decided about a case that went to review.
    Ruling,
    /// Something counted.
    Tally,
}

impl RecordKind {
    const fn of(input: &Input) -> Self {
        match input {
            Input::Report(_) => Self::Report,
            Input::Action(_) => Self::Action,
            Input::Unit(_) => Self::Unit,
            Input::Ruling(_) => Self::Ruling,
            Input::Tally(_) => Self::Tally,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the option of its name")]
pub struct Request {
    pub data: PathBuf,
    pub city: Option<PathBuf>,
    pub what: What,
    pub from: Option<u64>,
    pub to: Option<u64>,
    pub since: Option<At>,
    pub until: Option<At>,
    pub source: Option<String>,
    pub class: Option<String>,
    pub area: Option<String>,
    pub cell: Option<String>,
    pub unit: Option<String>,
    pub case: Option<u64>,
    pub effect: Option<String>,
    pub kind: Option<RecordKind>,
    pub limit: Option<u64>,
    pub bodies: bool,
}

/// A time of the command line: milliseconds since 1970, or RFC 3339.
///
/// # Errors
/// If it is neither.
pub fn time(text: &str) -> Result<At, String> {
    let rfc3339 = || text.parse::<jiff::Timestamp>().map(|time| time.as_millisecond());
    let ms = text.parse().or_else(|_| rfc3339());
    ms.map(At).map_err(|_| "write a time as 2026-01-01T08:00:00+08:00, or in milliseconds since 1970".to_owned())
}

/// Writes the lines that are asked for.
///
/// # Errors
/// If the folder or the city cannot be read, what is asked for cannot be, or `out` takes no more.
pub fn inspect(request: &Request, out: &mut dyn Write) -> Result<(), Failure> {
    request.check()?;
    let folder = DataFolder::new(request.data.clone());
    let city = Arc::new(run::city(request.city.as_deref(), Some(&folder))?);
    let filter = Filter::of(request, &city)?;
    let mut lines = Lines { out, left: request.limit.unwrap_or(u64::MAX) };
    // Effects follow from all that was before them.
    let from = if request.what == What::Effects { Seq(0) } else { filter.from };
    let (mut reader, damage) = data::sound_reader(&folder, from)?;
    match request.what {
        What::Segments => segments(&folder, &reader, &filter, &mut lines)?,
        What::Frames => frames(&mut reader, &filter, &mut lines)?,
        What::Records => records(&mut reader, &city, &filter, request.bodies, &mut lines)?,
        What::Effects => effects(&folder, &mut reader, &city, &filter, &mut lines)?,
    }
    match damage {
        Some(damage) if lines.left > 0 => Err(damage.into()),
        _ => Ok(()),
    }
}

impl Request {
    /// Refuses filters that say nothing about the lines that are asked for.
    fn check(&self) -> Result<(), Failure> {
        let is_of_time = self.since.is_some() || self.until.is_some();
        let is_of_records = [&self.source, &self.class, &self.area, &self.cell, &self.unit].iter().any(|f| f.is_some());
        let is_of_records = is_of_records || self.kind.is_some();
        let is_of_effects = self.case.is_some() || self.effect.is_some();
        let (filters, mend) = match self.what {
            What::Segments => (is_of_time || is_of_records || is_of_effects || self.bodies, "--from, --to, --limit"),
            What::Frames => (is_of_records || is_of_effects || self.bodies, "--from, --to, --since, --until, --limit"),
            What::Records => (is_of_effects, "all but --case and --effect; those are for --what effects"),
            What::Effects => (self.bodies, "all but --bodies; that is for --what records"),
        };
        if filters {
            let what = format!("{:?}", self.what).to_lowercase();
            return Err(Failure::Usage(format!("--what {what} 不适用这些筛选 takes these filters: {mend}")));
        }
        Ok(())
    }
}

/// What lines must fit, in the city's own ids.
struct Filter {
    from: Seq,
    to: Seq,
    since: At,
    until: At,
    source: Option<SourceId>,
    class: Option<ClassId>,
    area: Option<AreaId>,
    cell: Option<CellId>,
    unit: Option<UnitId>,
    case: Option<CaseId>,
    effect: Option<String>,
    kind: Option<RecordKind>,
}

impl Filter {
    fn of(request: &Request, city: &City) -> Result<Self, Failure> {
        fn known<T>(
            option: &str,
            code: Option<&String>,
            find: impl Fn(&str) -> Option<T>,
        ) -> Result<Option<T>, Failure> {
            let unknown = |code| Failure::Usage(format!("--{option} {code}: 城市没有 the city knows no such {option}"));
            code.map(|code| find(code).ok_or_else(|| unknown(code))).transpose()
        }
        let position = |found: Option<usize>| found.and_then(|index| u16::try_from(index).ok());
        let class =
            |code: &str| position(city.classes.iter().position(|class| &*class.named.code == code)).map(ClassId);
        let area = |code: &str| position(city.areas.iter().position(|area| &*area.code == code)).map(AreaId);
        Ok(Self {
            from: Seq(request.from.unwrap_or(0)),
            to: Seq(request.to.unwrap_or(u64::MAX)),
            since: request.since.unwrap_or(At(i64::MIN)),
            until: request.until.unwrap_or(At(i64::MAX)),
            source: known("source", request.source.as_ref(), |name| city.source_names.get(name).map(SourceId))?,
            class: known("class", request.class.as_ref(), class)?,
            area: known("area", request.area.as_ref(), area)?,
            cell: known("cell", request.cell.as_ref(), |code| city.grid.by_code(code, &city.areas))?,
            unit: known("unit", request.unit.as_ref(), |code| city.roster.by_code(code))?,
            case: request.case.map(CaseId),
            effect: request.effect.clone(),
            kind: request.kind,
        })
    }

    /// Whether nothing behind a frame can fit: records and log time only grow.
    fn is_behind(&self, view: &FrameView<'_>) -> bool {
        view.header().order.first_seq > self.to || view.header().order.at_before > self.until
    }

    /// Where and when a record stands, who said it, and of which kind it is.
    fn takes_frame_of(&self, record: &Record) -> bool {
        (self.from..=self.to).contains(&record.seq)
            && (self.since..=self.until).contains(&record.at)
            && self.source.is_none_or(|source| source == record.origin.source)
            && self.kind.is_none_or(|kind| kind == RecordKind::of(&record.input))
    }

    fn takes(&self, record: &Record) -> bool {
        let (class, area, cell) = match &record.input {
            Input::Report(head) => (head.class, head.area, head.cell),
            Input::Ruling(ruling) => (ruling.class, ruling.area, ruling.cell),
            _ => (ClassId::NONE, AreaId::NONE, CellId::NONE),
        };
        let unit = match &record.input {
            Input::Unit(change) => change.unit,
            Input::Ruling(ruling) => ruling.unit,
            _ => UnitId::NONE,
        };
        self.takes_frame_of(record)
            && self.takes_matter(class, area, cell)
            && self.unit.is_none_or(|wanted| wanted == unit)
    }

    fn takes_matter(&self, class: ClassId, area: AreaId, cell: CellId) -> bool {
        self.class.is_none_or(|wanted| wanted == class)
            && self.area.is_none_or(|wanted| wanted == area)
            && self.cell.is_none_or(|wanted| wanted == cell)
    }

    fn takes_effect(&self, effect: &Effect) -> bool {
        let (class, area, cell) = match *effect {
            Effect::Opened { class, area, cell, .. }
            | Effect::Merged { class, area, cell, .. }
            | Effect::Ruled { class, area, cell, .. }
            | Effect::Assigned { class, area, cell, .. } => (class, area, cell),
            _ => (ClassId::NONE, AreaId::NONE, CellId::NONE),
        };
        let unit = match *effect {
            Effect::Assigned { unit, .. }
            | Effect::Accepted { unit, .. }
            | Effect::Suspended { unit, .. }
            | Effect::Resumed { unit, .. }
            | Effect::Returned { unit, .. }
            | Effect::Done { unit, .. }
            | Effect::UnitChanged { unit, .. } => unit,
            _ => UnitId::NONE,
        };
        self.takes_matter(class, area, cell)
            && self.unit.is_none_or(|wanted| wanted == unit)
            && self.case.is_none_or(|wanted| effect.case() == Some(wanted))
            && self.effect.as_deref().is_none_or(|wanted| wanted == word(effect))
    }
}

/// Where lines go, and how many more are wanted.
struct Lines<'a> {
    out: &'a mut dyn Write,
    left: u64,
}

impl Lines<'_> {
    fn is_enough(&self) -> bool {
        self.left == 0
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), Failure> {
        if self.is_enough() {
            return Ok(());
        }
        self.left -= 1;
        let written = serde_json::to_writer(&mut *self.out, line).map_err(io::Error::from);
        let written = written.and_then(|()| self.out.write_all(b"\n"));
        Ok(written.map_err(ReplayError::Output)?)
    }

    /// A line that is JSON already, with its newline.
    fn write_text(&mut self, line: &[u8]) -> Result<(), Failure> {
        if self.is_enough() {
            return Ok(());
        }
        self.left -= 1;
        Ok(self.out.write_all(line).map_err(ReplayError::Output)?)
    }
}

/// A file of the journal.
#[derive(Serialize)]
struct SegmentLine {
    file: String,
    segment: u64,
    bytes: Option<u64>,
    first_seq: u64,
    first_frame: u64,
    city: String,
    recycled: bool,
}

fn segments(
    folder: &DataFolder,
    reader: &Reader<RealDisk>,
    filter: &Filter,
    lines: &mut Lines<'_>,
) -> Result<(), Failure> {
    let all = reader.segments();
    for (index, segment) in all.iter().enumerate() {
        let next = all.get(index + 1).map_or(Seq(u64::MAX), |next| next.first_seq);
        if next <= filter.from || segment.first_seq > filter.to {
            continue;
        }
        let SegmentHeader { ordinal, first_seq, first_index, city, is_recycled, .. } = *segment;
        let file = segment_name(ordinal);
        let bytes = std::fs::metadata(folder.journal().join(&file)).ok().map(|metadata| metadata.len());
        lines.write(&SegmentLine {
            file,
            segment: ordinal,
            bytes,
            first_seq: first_seq.0,
            first_frame: first_index,
            city: format!("{city:016x}"),
            recycled: is_recycled,
        })?;
    }
    Ok(())
}

/// A batch.
#[derive(Serialize)]
struct FrameLine {
    segment: u64,
    offset: u64,
    frame: u64,
    kind: &'static str,
    first_seq: u64,
    records: u32,
    tallies: u32,
    bytes: u64,
    /// Digest of all effects before it.
    digest: String,
    /// The last record that was known to be on the disk when it was written.
    durable: u64,
    /// Log time before and behind it.
    at_before: i64,
    at: i64,
    city: String,
    mind: u32,
    /// What a run's beginning or end notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<serde_json::Value>,
}

impl FrameLine {
    fn of(found: &Found<'_>) -> Self {
        let header = *found.view.header();
        let (kind, note) = match header.kind {
            Kind::Records => ("records", None),
            Kind::Manifest => ("manifest", serde_json::from_slice(found.view.bodies()).ok()),
            Kind::End => ("end", serde_json::from_slice(found.view.bodies()).ok()),
        };
        Self {
            segment: found.segment,
            offset: found.offset,
            frame: header.ink.index,
            kind,
            first_seq: header.order.first_seq.0,
            records: header.records,
            tallies: header.tallies,
            bytes: header.frame_bytes(),
            digest: header.order.digest.to_string(),
            durable: header.ink.durable.0,
            at_before: header.order.at_before.0,
            at: found.view.at_after().0,
            city: format!("{:016x}", header.order.city),
            mind: header.order.mind,
            note,
        }
    }
}

fn frames(reader: &mut Reader<RealDisk>, filter: &Filter, lines: &mut Lines<'_>) -> Result<(), Failure> {
    while let Some(found) = reader.next_frame()? {
        if lines.is_enough() || filter.is_behind(&found.view) {
            break;
        }
        let holds_from = found.view.header().next_seq() > filter.from;
        if holds_from && found.view.at_after() >= filter.since {
            lines.write(&FrameLine::of(&found))?;
        }
    }
    Ok(())
}

/// What came in.
#[derive(Serialize)]
struct RecordLine<'a> {
    seq: u64,
    at: i64,
    kind: RecordKind,
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(flatten)]
    own: Own<'a>,
    body_bytes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// What each kind of record adds.
#[derive(Serialize)]
#[serde(untagged)]
enum Own<'a> {
    Report {
        tracking: String,
        lng: Option<f64>,
        lat: Option<f64>,
        cell: Option<String>,
        area: Option<&'a str>,
        class: Option<&'a str>,
        confidence: u16,
        urgency: &'static str,
    },
    Action {
        action: &'static str,
        order: String,
    },
    Ruling {
        order: String,
        lng: Option<f64>,
        lat: Option<f64>,
        cell: Option<String>,
        area: Option<&'a str>,
        class: Option<&'a str>,
        unit: Option<&'a str>,
    },
    Unit {
        unit: &'a str,
        status: Option<&'static str>,
        lng: Option<f64>,
        lat: Option<f64>,
        capacity: Option<u32>,
    },
    Tally {
        turned: String,
        field: &'static str,
        reason: &'static str,
        input: u16,
        line: u64,
        offset: u64,
        count: u32,
    },
}

impl<'a> Own<'a> {
    fn of(record: &Record, city: &'a City) -> Self {
        let degrees = |point: crate::geo::Point, micro: i32| point.is_some().then(|| f64::from(micro) / 1e6);
        match &record.input {
            Input::Report(head) => Self::Report {
                tracking: Tracking(record.seq).to_string(),
                lng: degrees(head.point, head.point.lng),
                lat: degrees(head.point, head.point.lat),
                cell: head.cell.is_some().then(|| city.grid.code(head.cell, &city.areas).to_string()),
                area: city.areas.get(head.area.index()).map(|area| &*area.code),
                class: city.classes.get(head.class.index()).map(|class| &*class.named.code),
                confidence: head.confidence,
                urgency: head.urgency.letter(),
            },
            Input::Action(action) => Self::Action { action: action.verb.word(), order: action.order.to_string() },
            Input::Ruling(ruling) => Self::Ruling {
                order: ruling.order.to_string(),
                lng: degrees(ruling.point, ruling.point.lng),
                lat: degrees(ruling.point, ruling.point.lat),
                cell: ruling.cell.is_some().then(|| city.grid.code(ruling.cell, &city.areas).to_string()),
                area: city.areas.get(ruling.area.index()).map(|area| &*area.code),
                class: city.classes.get(ruling.class.index()).map(|class| &*class.named.code),
                unit: city.roster.units().get(ruling.unit.index()).map(|unit| &*unit.code),
            },
            Input::Unit(change) => Self::Unit {
                unit: &city.roster.units()[change.unit.index()].code,
                status: change.status.map(crate::report::UnitStatus::word),
                lng: degrees(change.point, change.point.lng),
                lat: degrees(change.point, change.point.lat),
                capacity: change.capacity,
            },
            Input::Tally(tally) => Self::Tally {
                turned: format!("{:?}", tally.turned).to_lowercase(),
                field: tally.field.name(),
                reason: tally.reason.name(),
                input: tally.input,
                line: tally.line,
                offset: tally.offset,
                count: tally.count,
            },
        }
    }
}

fn records(
    reader: &mut Reader<RealDisk>,
    city: &City,
    filter: &Filter,
    bodies: bool,
    lines: &mut Lines<'_>,
) -> Result<(), Failure> {
    let any_segment = reader.path(0);
    while let Some(found) = reader.next_frame()? {
        if lines.is_enough() || filter.is_behind(&found.view) {
            break;
        }
        check_city(&found, city).map_err(|why| mismatch(&any_segment, &found, why))?;
        for placed in found.view.records() {
            let record = placed.map_err(|why| mismatch(&any_segment, &found, Mismatch::Frame(why)))?.record;
            if filter.takes(&record) {
                lines.write(&record_line(&record, found.view.body(record.origin.body), city, bodies))?;
            }
        }
    }
    Ok(())
}

/// Ids in records are positions in the tables of the city that understood them.
fn check_city(found: &Found<'_>, city: &City) -> Result<(), Mismatch> {
    let there = found.view.header().order.city;
    if there == city.version { Ok(()) } else { Err(Mismatch::City { here: city.version, there }) }
}

fn mismatch(any_segment: &std::path::Path, found: &Found<'_>, why: Mismatch) -> ReplayError {
    let path = any_segment.with_file_name(segment_name(found.segment));
    ReplayError::Mismatch { path, offset: found.offset, why }
}

fn record_line<'a>(record: &Record, body: &[u8], city: &'a City, bodies: bool) -> RecordLine<'a> {
    let place = record.origin.body;
    RecordLine {
        seq: record.seq.0,
        at: record.at.0,
        kind: RecordKind::of(&record.input),
        source: city.sources.get(record.origin.source.index()).map(|source| &*source.name),
        id: place.id_in(body).map(serde_json::Value::String),
        time: record.origin.event_time.map(|time| time.0),
        own: Own::of(record, city),
        body_bytes: place.len,
        body: bodies.then(|| String::from_utf8_lossy(body).into_owned()),
    }
}

fn effects(
    folder: &DataFolder,
    reader: &mut Reader<RealDisk>,
    city: &Arc<City>,
    filter: &Filter,
    lines: &mut Lines<'_>,
) -> Result<(), Failure> {
    let any_segment = reader.path(0);
    let lane = to_the_beginning(folder, city, reader)?.lane;
    let decisions = Decisions::new(city);
    let (mut lane, mut decided, mut paper) = (lane, Effects::default(), Paper::default());
    while let Some(found) = reader.next_frame()? {
        if lines.is_enough() || filter.is_behind(&found.view) {
            break;
        }
        if found.view.header().kind != Kind::Records {
            continue;
        }
        decided.clear();
        lane.replay(&found.view, &mut decided).map_err(|why| mismatch(&any_segment, &found, why))?;
        let mut rest = decided.as_slice();
        for placed in found.view.records() {
            let record = placed.map_err(|why: FrameError| mismatch(&any_segment, &found, Mismatch::Frame(why)))?.record;
            let own;
            (own, rest) = rest.split_at(rest.iter().take_while(|(seq, _)| *seq == record.seq).count());
            if !filter.takes_frame_of(&record) {
                continue;
            }
            for (_, effect) in own.iter().filter(|(_, effect)| filter.takes_effect(effect)) {
                paper.clear();
                decisions.write(effect, &record, found.view.body(record.origin.body), &mut paper);
                lines.write_text(paper.as_bytes())?;
            }
        }
    }
    Ok(())
}
