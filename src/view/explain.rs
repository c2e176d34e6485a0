//! Why: the whole story of a report, a case or an order, as one value that programs read as JSON and people as text.
//!
//! What the mind weighed comes as words ([`crate::weighed`]); names come from the city; nothing is decided here.

mod brief;
mod sketch;
mod text;

use serde::Serialize;

use crate::city::text::{Ground, Grounds, Guessed, Reason};
use crate::city::{Assign, City, Limit, Named, SamePlace};
use crate::effect::Effect;
use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, DepartmentId, OrderId, SourceId, Tracking, UnitId};
use crate::record::{Head, Input, Record};
use crate::report::Urgency;
use crate::time::{At, Window, WindowKind};
use crate::view::decision::{Decisions, doubt_word, scope_word};
use crate::view::paper::Paper;
use crate::weighed::{Basis, CaseWeighed, Choice, Fit, Handing, Heard, LineWeighed, Standing, UnitWeighed, Weighed};

pub use brief::ReportTold;

/// The language of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// 中文.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// One of two texts.
    pub const fn of<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// What somebody meant who asked by a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meant {
    /// A case.
    Case,
    /// A record of the log.
    Record,
    /// A report, by its source's id.
    Report,
    /// An order.
    Order,
    /// A report, by its tracking number.
    Tracking,
}

/// A record that the story is about, and all that came of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The record.
    pub record: Record,
    /// The source that its run declared for all lines, if it did.
    pub speaker: Option<SourceId>,
    /// Its body; empty where nobody needs it.
    pub body: Vec<u8>,
    /// What was decided.
    pub effects: Vec<Effect>,
    /// What spoke for and against it, where that was asked for.
    pub weighed: Option<Weighed>,
}

/// What a report said of itself, beside what the record keeps of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Hints {
    /// It gave coordinates.
    pub has_point: bool,
    /// The cell that it named.
    pub cell: Option<String>,
    /// Where the component stands that it named, is registered.
    pub is_registered: bool,
    /// Areas that its words name, where they say nothing for certain.
    pub areas: Vec<AreaId>,
    /// Its category word.
    pub category: Option<String>,
    /// Its word for the filing condition.
    pub condition: Option<String>,
    /// What its words led to, if they were read.
    pub grounds: Grounds,
    /// Its own word on urgency.
    pub urgency: Option<Urgency>,
    /// What it says in words, its title first.
    pub text: Option<String>,
}

/// All that a story is made of.
#[derive(Clone, Copy, Debug)]
pub struct Found<'t> {
    /// What was asked.
    pub asked: &'t str,
    /// What it was taken for.
    pub meant: Meant,
    /// The record that the story begins with.
    pub subject: &'t Told,
    /// What that record's report said, if it is one and can be read.
    pub hints: Option<&'t Hints>,
    /// Records that say the same again.
    pub again: &'t [&'t Told],
    /// The case that it belongs to, and every record that touches it, in order.
    pub case: Option<(CaseId, &'t [&'t Told])>,
    /// How many more records touch the case.
    pub more: usize,
    /// The order that was asked for.
    pub order: Option<OrderId>,
}

/// A code with its names.
#[derive(Clone, Copy, Serialize, Debug)]
pub struct Name<'a> {
    /// The code.
    pub code: &'a str,
    /// 中文.
    pub zh: &'a str,
    /// English.
    pub en: &'a str,
}

impl<'a> Name<'a> {
    fn of(named: &'a Named) -> Self {
        Self { code: &named.code, zh: &named.zh, en: &named.en }
    }
}

/// The whole story. Its JSON form is what `paidan explain --json` prints: fields are added, never renamed. Times are
/// milliseconds since 1970 (UTC), distances metres, coordinates degrees.
#[derive(Serialize, Debug)]
pub struct Explanation<'a> {
    /// What was asked.
    pub asked: String,
    /// What it was taken for.
    pub meant: Meant,
    /// The order that was asked for.
    pub order: Option<String>,
    /// What came in.
    pub came_in: CameIn<'a>,
    /// Why a line was turned away.
    pub rejected: Option<Rejected>,
    /// How a report was understood.
    pub understood: Option<Understood<'a>>,
    /// Whether it was said before.
    pub dedup: Option<Dedup<'a>>,
    /// Which cases it could have joined.
    pub merging: Option<Merging<'a>>,
    /// The case that it belongs to.
    pub case: Option<Case<'a>>,
    /// What its sender was told, if it is a report or was meant to be one.
    #[serde(skip)]
    receipt: Option<serde_json::Value>,
    #[serde(skip)]
    sketch: Option<sketch::Scene>,
}

/// What came in.
#[derive(Serialize, Debug)]
pub struct CameIn<'a> {
    /// Its number in the log.
    pub record: u64,
    /// The tracking number of a report.
    pub tracking: Option<String>,
    /// report, action, unit or tally.
    pub kind: &'static str,
    /// The source, if it said so.
    pub source: Option<&'a str>,
    /// The source's name for people.
    pub source_zh: Option<&'a str>,
    /// The source's id.
    pub id: Option<String>,
    /// When it happened, if said.
    pub time: Option<i64>,
    /// Log time.
    pub at: i64,
    /// What was done with which order.
    pub action: Option<(&'static str, String)>,
    /// The unit that spoke of itself.
    pub unit: Option<&'a str>,
    /// What a report says in words, as it is read: its title first.
    pub text: Option<String>,
    /// The line's own fields that say something, without the reporter.
    pub fields: serde_json::Map<String, serde_json::Value>,
    /// The line as it came.
    pub raw: String,
    /// Records that say the same again.
    pub again: Vec<Again>,
    /// What was decided about it, as `paidan replay --out` writes it.
    pub decisions: Vec<serde_json::Value>,
}

/// A record that says the same again.
#[derive(Serialize, Debug)]
pub struct Again {
    /// Its number.
    pub record: u64,
    /// Log time.
    pub at: i64,
    /// With another body.
    pub conflict: bool,
}

/// Why a line was turned away.
#[derive(Serialize, Debug)]
pub struct Rejected {
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
    /// Which input, counted from 0.
    pub input: u16,
    /// Its line, counted from 1.
    pub line: u64,
    /// Where the line begins, in bytes.
    pub offset: u64,
    /// Where in the line it goes wrong, in bytes.
    pub wrong_at: u32,
    /// How many lines.
    pub count: u32,
}

/// How a report was understood.
#[derive(Serialize, Debug)]
pub struct Understood<'a> {
    /// Longitude and latitude.
    pub point: Option<[f64; 2]>,
    /// coordinates, cell, component, words, unsure, outside or none.
    pub place_from: &'static str,
    /// The cell.
    pub cell: Option<String>,
    /// The area.
    pub area: Option<Name<'a>>,
    /// Areas that its words name, where they say nothing for certain.
    pub areas_named: Vec<Name<'a>>,
    /// The sender's category word.
    pub category: Option<String>,
    /// The class.
    pub class: Option<Name<'a>>,
    /// category, rule (of `keywords.csv`), model or none; absent where the line cannot be read any more.
    pub class_from: Option<&'static str>,
    /// The sender's word for the filing condition.
    pub condition_said: Option<String>,
    /// The filing condition, one of its class.
    pub condition: Option<Name<'a>>,
    /// The department that it complains about, and that does not get it.
    pub against: Option<Name<'a>>,
    /// How sure the class is, in thousandths.
    pub confidence: u16,
    /// The rule that said the class.
    pub rule: Option<Ground>,
    /// What the model said, where neither a category nor a rule said the class.
    pub guess: Option<Guess<'a>>,
    /// How pressing it is.
    pub urgency: &'static str,
    /// Of its source.
    pub urgency_of_source: &'static str,
    /// Of its condition, else of its class.
    pub urgency_of_class: Option<&'static str>,
    /// By its words, and the rule that says so.
    pub urgency_of_words: Option<(&'static str, Ground)>,
    /// By the sender's word.
    pub urgency_said: Option<&'static str>,
    /// Whether the sender's word counts.
    pub urgency_trusted: bool,
    /// A short pseudonym of the reporter.
    pub reporter: Option<String>,
}

/// What the model said of a report's words.
#[derive(Serialize, Debug)]
pub struct Guess<'a> {
    /// The likeliest class; none if the likeliest label stands for no class of the city.
    pub class: Option<Name<'a>>,
    /// The next best.
    pub runner_up: Option<Name<'a>>,
    /// How sure it is, in thousandths.
    pub confidence: u16,
    /// From which on it is believed.
    pub threshold: u16,
    /// The runs of characters that did the most for the class or against it, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// Whether it was said before.
#[derive(Serialize, Debug)]
pub struct Dedup<'a> {
    /// unique, duplicate or late.
    pub answer: &'static str,
    /// The record that said it before.
    pub of: Option<u64>,
    /// The case that that became part of.
    pub case: Option<u64>,
    /// With another body.
    pub conflict: bool,
    /// How much too late, in milliseconds.
    pub late_ms: Option<i64>,
    /// Dispatched although it was late.
    pub dispatched_late: bool,
    /// The source whose window it is.
    pub source: &'a str,
    /// The window.
    pub window: WindowSaid,
}

/// A window of time.
#[derive(Serialize, Clone, Copy, Debug)]
pub struct WindowSaid {
    /// sliding or aligned.
    pub kind: &'static str,
    /// Its length.
    pub length_ms: i64,
    /// How much longer late ones are compared.
    pub grace_ms: i64,
}

impl WindowSaid {
    const fn of(window: &Window) -> Self {
        let kind = match window.kind {
            WindowKind::Sliding => "sliding",
            WindowKind::Aligned => "aligned",
        };
        Self { kind, length_ms: window.len_ms, grace_ms: window.grace_ms }
    }
}

/// Which cases a report could have joined.
#[derive(Serialize, Debug)]
pub struct Merging<'a> {
    /// The policy of its class.
    pub policy: &'a str,
    /// cell, radius, component or address.
    pub same_place: &'static str,
    /// The radius.
    pub radius_m: Option<f64>,
    /// The window.
    pub window: WindowSaid,
    /// The case that it joined.
    pub joined: Option<u64>,
    /// The cases that were looked at, the best first.
    pub candidates: Vec<Candidate>,
    /// How many more were looked at.
    pub more: usize,
}

/// A case that was looked at.
#[derive(Serialize, Debug)]
pub struct Candidate {
    /// The case.
    pub case: u64,
    /// Longitude and latitude.
    pub point: Option<[f64; 2]>,
    /// How far away.
    pub distance_m: Option<f64>,
    /// How far apart in event time.
    pub apart_ms: u64,
    /// What was being done about it then.
    pub stage: &'static str,
    /// How pressing it was then.
    pub urgency: &'static str,
    /// joined, behind, too_far, apart or past.
    pub fit: &'static str,
}

/// A case, from its opening to the end of the log.
#[derive(Serialize, Debug)]
pub struct Case<'a> {
    /// The case.
    pub case: u64,
    /// What is being done about it at the end of the log.
    pub stage: &'static str,
    /// How pressing it is.
    pub urgency: &'static str,
    /// The class.
    pub class: Option<Name<'a>>,
    /// The filing condition, one of its class.
    pub condition: Option<Name<'a>>,
    /// The cell.
    pub cell: Option<String>,
    /// The area.
    pub area: Option<Name<'a>>,
    /// How many reports it has.
    pub reports: usize,
    /// Whom it could go to, each time that somebody was looked for.
    pub handings: Vec<Handed<'a>>,
    /// Its clocks.
    pub clocks: Clocks,
    /// All that touches it, in order.
    pub history: Vec<Event<'a>>,
    /// How many more records touch it.
    pub history_more: usize,
}

/// When what was done, in log time.
#[derive(Serialize, Debug, Default)]
#[expect(missing_docs, reason = "each is the time of its name")]
pub struct Clocks {
    pub opened: Option<i64>,
    pub assigned: Option<i64>,
    pub accepted: Option<i64>,
    pub suspended: Option<i64>,
    pub resumed: Option<i64>,
    pub returned: Option<i64>,
    pub done: Option<i64>,
    pub closed: Option<i64>,
    pub due: Option<i64>,
    /// The time that the condition allows, else the class, as it stands in the city's table.
    pub limit: Option<Limit>,
}

/// A record that touches a case.
#[derive(Serialize, Debug)]
pub struct Event<'a> {
    /// Its number.
    pub record: u64,
    /// Log time.
    pub at: i64,
    /// Who said it.
    pub source: Option<&'a str>,
    /// The source's id.
    pub id: Option<String>,
    /// All that was decided about it, as `paidan replay --out` writes it.
    pub decisions: Vec<serde_json::Value>,
}

/// Whom a case could go to.
#[derive(Serialize, Debug)]
pub struct Handed<'a> {
    /// The record at which somebody was looked for.
    pub record: u64,
    /// The unit that had given it back.
    pub returned_by: Option<&'a str>,
    /// least_loaded or nearest; ties go to the unit that stands first in the roster.
    pub assign: Option<&'static str>,
    /// assigned, waiting or review.
    pub outcome: &'static str,
    /// The unit that got it.
    pub unit: Option<&'a str>,
    /// The department on whose desk it waits.
    pub department: Option<Name<'a>>,
    /// Why people must look at it.
    pub doubt: Option<&'static str>,
    /// The lines of the duty list, in the order in which they are asked.
    pub lines: Vec<Line<'a>>,
}

/// A line of the duty list.
#[derive(Serialize, Debug)]
pub struct Line<'a> {
    /// Whom it names.
    pub department: Name<'a>,
    /// The level.
    pub tier: &'static str,
    /// cell, area or district.
    pub scope: &'static str,
    /// condition, class or every_class: for which matters.
    pub basis: &'static str,
    /// taken, no_unit, no_room, not_needed, or accused: a complaint about it.
    pub verdict: &'static str,
    /// Its pools.
    pub pools: Vec<Pool<'a>>,
}

/// The units of a department in an area or the district.
#[derive(Serialize, Debug)]
pub struct Pool<'a> {
    /// The area; none for the district.
    pub area: Option<Name<'a>>,
    /// How many units.
    pub size: usize,
    /// Whether it was asked.
    pub asked: bool,
    /// The units, the best first.
    pub units: Vec<Unit<'a>>,
}

/// A unit.
#[derive(Serialize, Debug)]
pub struct Unit<'a> {
    /// Its code.
    pub unit: &'a str,
    /// available, busy or off.
    pub status: &'static str,
    /// Orders that it had.
    pub load: u32,
    /// Orders that it could have; none for any number.
    pub capacity: Option<u32>,
    /// How far away, where the nearest is wanted.
    pub distance_m: Option<f64>,
    /// chosen, behind, gave_back, full or away.
    pub standing: &'static str,
}

/// Tells stories about a city.
pub struct Teller<'a> {
    city: &'a City,
    decisions: Decisions<'a>,
}

fn degrees(point: Point) -> Option<[f64; 2]> {
    point.is_some().then(|| [f64::from(point.lng) / 1e6, f64::from(point.lat) / 1e6])
}

fn metres(distance2_cm: u64) -> f64 {
    // To a decimetre: coordinates are no finer.
    ((distance2_cm as f64).sqrt() / 10.0).round() / 10.0
}

fn text_of(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

impl<'a> Teller<'a> {
    /// For a city.
    pub fn new(city: &'a City) -> Self {
        Self { city, decisions: Decisions::new(city) }
    }

    /// The city that they are about.
    pub const fn city(&self) -> &'a City {
        self.city
    }

    /// The whole story.
    pub fn tell(&self, found: &Found<'_>) -> Explanation<'a> {
        let Told { record, weighed, .. } = found.subject;
        let head = match &record.input {
            Input::Report(head) => Some(head),
            _ => None,
        };
        let weighed = weighed.as_ref();
        let is_compared = weighed.is_some_and(|weighed| !weighed.cases.is_empty() || weighed.handing.is_some());
        let case = found.case.map(|(case, touching)| self.case(case, touching, found.more));
        Explanation {
            asked: found.asked.to_owned(),
            meant: found.meant,
            order: found.order.map(|order| order.to_string()),
            came_in: self.came_in(found),
            rejected: rejected(record),
            understood: head.map(|head| self.understood(record, head, found.hints)),
            dedup: weighed.and_then(|weighed| self.dedup(record, head, weighed.heard?)),
            merging: head.zip(weighed).filter(|_| is_compared).and_then(|(head, weighed)| self.merging(head, weighed)),
            receipt: self.receipt(found.subject),
            sketch: head.and_then(|head| self.scene(head, found)),
            case,
        }
    }

    fn came_in(&self, found: &Found<'_>) -> CameIn<'a> {
        let record = &found.subject.record;
        let source = self.city.sources.get(record.origin.source.index());
        let (kind, action, unit) = match &record.input {
            Input::Report(_) => ("report", None, None),
            Input::Action(action) => ("action", Some((action.verb.word(), action.order.to_string())), None),
            Input::Unit(change) => ("unit", None, Some(self.unit_code(change.unit))),
            Input::Ruling(ruling) => ("ruling", Some(("ruling", ruling.order.to_string())), None),
            Input::Tally(_) => ("tally", None, None),
        };
        let mut line: serde_json::Value = match record.input {
            Input::Tally(_) => serde_json::Value::Null,
            _ => serde_json::from_slice(&found.subject.body).unwrap_or_default(),
        };
        // Who reported is nobody's business here; the line itself is shown only to who asks for everything.
        let shape = found.subject.speaker.and_then(|speaker| self.city.sources[speaker.index()].shape.as_ref());
        let reporter = shape.map_or(Some("/reporter"), |shape| shape.reporter.as_deref());
        if let Some(reporter) = reporter.and_then(|pointer| line.pointer_mut(pointer)) {
            *reporter = serde_json::Value::Null;
        }
        let mut fields = line.as_object_mut().map(std::mem::take).unwrap_or_default();
        fields.retain(|_, value| !value.is_null());
        CameIn {
            record: record.seq.0,
            tracking: (kind == "report").then(|| Tracking(record.seq).to_string()),
            kind,
            source: source.map(|source| &*source.name),
            source_zh: source.map(|source| &*source.name_zh),
            id: found.subject.record.origin.body.id_in(&found.subject.body),
            time: record.origin.event_time.map(|time| time.0),
            at: record.at.0,
            action,
            unit,
            text: found.hints.and_then(|hints| hints.text.clone()),
            fields,
            raw: text_of(&found.subject.body),
            again: found.again.iter().map(|told| again(told)).collect(),
            decisions: self.lines(found.subject),
        }
    }

    fn receipt(&self, told: &Told) -> Option<serde_json::Value> {
        let Told { record, body, effects, .. } = told;
        matches!(record.input, Input::Report(_) | Input::Tally(_)).then(|| {
            let effects: Vec<_> = effects.iter().map(|effect| (record.seq, *effect)).collect();
            let mut paper = Paper::default();
            self.decisions.receipt(1, record, &effects, body, &mut paper);
            serde_json::from_slice(paper.as_bytes()).expect("a receipt is JSON")
        })
    }

    /// The decisions about a record, as they are published.
    fn lines(&self, told: &Told) -> Vec<serde_json::Value> {
        let mut paper = Paper::default();
        let line = |effect| {
            paper.clear();
            self.decisions.write(effect, &told.record, &told.body, &mut paper);
            serde_json::from_slice(paper.as_bytes()).expect("a decision is JSON")
        };
        told.effects.iter().map(line).collect()
    }

    fn understood(&self, record: &Record, head: &Head, hints: Option<&Hints>) -> Understood<'a> {
        let city = self.city;
        let source = &city.sources[record.origin.source.index()];
        let grounds = hints.map(|hints| &hints.grounds);
        let place_from = match (head.cell.is_some(), hints) {
            (true, Some(hints)) if hints.has_point => "coordinates",
            (true, Some(hints)) if hints.cell.is_some() => "cell",
            (true, Some(hints)) if hints.is_registered => "component",
            (true, Some(_)) => "words",
            (true, None) => "coordinates",
            (false, _) if head.point.is_some() => "outside",
            (false, _) if head.area.is_some() => "words",
            (false, Some(hints)) if !hints.areas.is_empty() => "unsure",
            (false, _) => "none",
        };
        let unsure = hints.filter(|_| place_from == "unsure").map(|hints| &hints.areas[..]).unwrap_or_default();
        Understood {
            point: degrees(head.point),
            place_from,
            cell: self.cell(head.cell),
            area: self.area(head.area),
            areas_named: unsure.iter().filter_map(|area| self.area(*area)).collect(),
            category: hints.and_then(|hints| hints.category.clone()),
            class: self.class(head.class),
            class_from: hints.map(|hints| self.class_from(head, hints)),
            condition_said: hints.and_then(|hints| hints.condition.clone()),
            condition: self.condition(head.condition),
            against: head.against.is_some().then(|| self.department(head.against)),
            confidence: head.confidence,
            rule: grounds.and_then(|grounds| grounds.rule.clone()),
            guess: grounds.and_then(|grounds| grounds.guess.as_ref()).map(|guess| self.guess(guess)),
            urgency: head.urgency.letter(),
            urgency_of_source: source.urgency.letter(),
            urgency_of_class: city.urgency_of(head.class, head.condition).map(Urgency::letter),
            urgency_of_words: grounds
                .and_then(|grounds| grounds.urgency.clone())
                .map(|(urgency, ground)| (urgency.letter(), ground)),
            urgency_said: hints.and_then(|hints| hints.urgency).map(Urgency::letter),
            urgency_trusted: source.trust_urgency,
            // Enough to see that two reports have one reporter, too little to look one up.
            reporter: (head.reporter != 0).then(|| format!("{:08x}", head.reporter >> 32)),
        }
    }

    /// What said the class.
    fn class_from(&self, head: &Head, hints: &Hints) -> &'static str {
        let is_category = |word: &String| self.city.categories.get(word).is_some();
        match &hints.grounds {
            _ if head.class == ClassId::NONE => "none",
            _ if hints.category.as_ref().is_some_and(is_category) => "category",
            Grounds { rule: Some(_), .. } => "rule",
            _ => "model",
        }
    }

    fn guess(&self, guessed: &Guessed) -> Guess<'a> {
        Guess {
            class: self.class(guessed.class),
            runner_up: self.class(guessed.runner_up),
            confidence: guessed.confidence,
            threshold: guessed.threshold,
            reasons: guessed.reasons.clone(),
        }
    }

    fn dedup(&self, record: &Record, head: Option<&Head>, heard: Heard) -> Option<Dedup<'a>> {
        let source = self.city.sources.get(record.origin.source.index())?;
        let (answer, of, case, conflict, late_ms) = match heard {
            Heard::First => ("unique", None, CaseId::NONE, false, None),
            Heard::Again { of, case, conflict } => ("duplicate", Some(of.0), case, conflict, None),
            Heard::Late { late_ms } => ("late", None, CaseId::NONE, false, Some(late_ms)),
        };
        Some(Dedup {
            answer,
            of,
            case: (case != CaseId::NONE).then_some(case.0),
            conflict,
            late_ms,
            dispatched_late: late_ms.is_some() && head.is_none_or(|head| head.keep_late),
            source: &source.name,
            window: WindowSaid::of(&self.city.dedup_windows[usize::from(source.dedup)]),
        })
    }

    fn merging(&self, head: &Head, weighed: &Weighed) -> Option<Merging<'a>> {
        let class = self.city.classes.get(head.class.index())?;
        let policy = &self.city.policies[usize::from(class.policy)];
        let (same_place, radius_m) = match policy.same_place {
            SamePlace::Cell => ("cell", None),
            SamePlace::Radius { cm } => ("radius", Some(f64::from(cm) / 100.0)),
            SamePlace::Component => ("component", None),
            SamePlace::Address => ("address", None),
        };
        Some(Merging {
            policy: &policy.name,
            same_place,
            radius_m,
            window: WindowSaid::of(&policy.merge),
            joined: weighed.joined().map(|case| case.0),
            candidates: weighed.cases.iter().map(candidate).collect(),
            more: weighed.cases_more,
        })
    }

    fn case(&self, case: CaseId, touching: &[&Told], more: usize) -> Case<'a> {
        let mut life = Life::default();
        let mut handings = Vec::new();
        for told in touching {
            let own = told.effects.iter().filter(|effect| effect.case() == Some(case));
            own.for_each(|effect| life.see(told.record.at, effect));
            // Of the class that it had then: people may have ruled otherwise since.
            if touches_as_matter(told, case)
                && let Some(handing) = told.weighed.as_ref().and_then(|weighed| weighed.handing.as_ref())
            {
                handings.push(self.handed(&told.record, handing, life.class));
            }
        }
        Case {
            case: case.0,
            stage: life.stage,
            urgency: life.urgency.letter(),
            class: self.class(life.class),
            condition: self.condition(life.condition),
            cell: self.cell(life.cell),
            area: self.area(life.area),
            reports: life.reports,
            handings,
            clocks: Clocks { limit: self.city.limit_of(life.class, life.condition), ..life.clocks },
            history: touching.iter().map(|told| self.event(told)).collect(),
            history_more: more,
        }
    }

    fn event(&self, told: &Told) -> Event<'a> {
        Event {
            record: told.record.seq.0,
            at: told.record.at.0,
            source: self.decisions.source_name(told.record.origin.source),
            id: told.record.origin.body.id_in(&told.body),
            decisions: self.lines(told),
        }
    }

    fn handed(&self, record: &Record, handing: &Handing, class: ClassId) -> Handed<'a> {
        let assign =
            self.city.classes.get(class.index()).filter(|_| !handing.lines.is_empty()).map(|class| {
                match self.city.policies[usize::from(class.policy)].assign {
                    Assign::LeastLoaded => "least_loaded",
                    Assign::Nearest => "nearest",
                }
            });
        let (outcome, unit, department, doubt) = match handing.choice {
            Choice::Unit(unit) => ("assigned", Some(self.unit_code(unit)), None, None),
            Choice::Waits(department) => ("waiting", None, Some(self.department(department)), None),
            Choice::Review(doubt) => ("review", None, None, Some(doubt_word(doubt))),
        };
        Handed {
            record: record.seq.0,
            returned_by: handing.returned_by.is_some().then(|| self.unit_code(handing.returned_by)),
            assign,
            outcome,
            unit,
            department,
            doubt,
            lines: handing.lines.iter().map(|line| self.line(line)).collect(),
        }
    }

    fn line(&self, line: &LineWeighed) -> Line<'a> {
        let mut units = line.pools.iter().flat_map(|pool| &pool.units);
        let verdict = match line.pools.iter().any(|pool| pool.is_asked) {
            _ if line.is_accused => "accused",
            false => "not_needed",
            true if units.any(|unit| unit.standing == Standing::Chosen) => "taken",
            true if line.pools.iter().all(|pool| pool.size == 0) => "no_unit",
            true => "no_room",
        };
        let pools = line.pools.iter().map(|pool| Pool {
            area: pool.area.and_then(|area| self.area(area)),
            size: pool.size,
            asked: pool.is_asked,
            units: pool.units.iter().map(|unit| self.unit(unit)).collect(),
        });
        Line {
            department: self.department(line.department),
            tier: line.tier.word(),
            scope: scope_word(line.scope),
            basis: match line.basis {
                Basis::Condition => "condition",
                Basis::Class => "class",
                Basis::Every => "every_class",
            },
            verdict,
            pools: pools.collect(),
        }
    }

    fn unit(&self, unit: &UnitWeighed) -> Unit<'a> {
        Unit {
            unit: self.unit_code(unit.unit),
            status: unit.status.word(),
            load: unit.load,
            capacity: Some(unit.capacity).filter(|capacity| *capacity != u32::MAX),
            distance_m: unit.distance2_cm.map(metres),
            standing: match unit.standing {
                Standing::Chosen => "chosen",
                Standing::Behind => "behind",
                Standing::GaveBack => "gave_back",
                Standing::Full => "full",
                Standing::Away => "away",
            },
        }
    }

    /// What is to be drawn around a report.
    fn scene(&self, head: &Head, found: &Found<'_>) -> Option<sketch::Scene> {
        if !head.point.is_some() {
            return None;
        }
        let own = found.subject.weighed.iter();
        let cases = own.clone().flat_map(|weighed| &weighed.cases);
        let case = found.case.map(|(case, _)| case);
        let touching = found.case.iter().flat_map(|(_, touching)| touching.iter());
        let handings = touching
            .filter(|told| case.is_some_and(|case| touches_as_matter(told, case)))
            .filter_map(|told| told.weighed.as_ref()?.handing.as_ref());
        let units = handings.flat_map(|handing| &handing.lines).flat_map(|line| &line.pools);
        let policy = self.city.classes.get(head.class.index()).map(|class| usize::from(class.policy));
        let radius_cm = match policy.map(|policy| self.city.policies[policy].same_place) {
            Some(SamePlace::Radius { cm }) => Some(cm),
            _ => None,
        };
        Some(sketch::Scene {
            point: head.point,
            cell: head.cell.is_some().then(|| self.city.grid.corners(head.cell)),
            radius_m: radius_cm.map(|cm| f64::from(cm) / 100.0),
            cases: cases.map(|case| (case.point, case.fit == Fit::Joined)).collect(),
            units: units
                .flat_map(|pool| &pool.units)
                .map(|unit| (unit.point, unit.standing == Standing::Chosen))
                .filter(|(point, _)| point.is_some())
                .collect(),
        })
    }

    fn cell(&self, cell: CellId) -> Option<String> {
        cell.is_some().then(|| self.city.grid.code(cell, &self.city.areas).to_string())
    }

    fn area(&self, area: AreaId) -> Option<Name<'a>> {
        self.city.areas.get(area.index()).map(Name::of)
    }

    fn condition(&self, condition: ConditionId) -> Option<Name<'a>> {
        self.city.conditions.get(condition).map(|condition| Name::of(&condition.named))
    }

    fn class(&self, class: ClassId) -> Option<Name<'a>> {
        self.city.classes.get(class.index()).map(|class| Name::of(&class.named))
    }

    fn department(&self, department: DepartmentId) -> Name<'a> {
        Name::of(&self.city.departments[department.index()])
    }

    fn unit_code(&self, unit: UnitId) -> &'a str {
        &self.city.roster.units()[unit.index()].code
    }
}

fn rejected(record: &Record) -> Option<Rejected> {
    let Input::Tally(tally) = &record.input else { return None };
    Some(Rejected {
        field: tally.field.name(),
        reason: tally.reason.name(),
        input: tally.input,
        line: tally.line,
        offset: tally.offset,
        wrong_at: tally.wrong_at,
        count: tally.count,
    })
}

fn again(told: &Told) -> Again {
    let conflict = told.effects.iter().any(|effect| matches!(effect, Effect::Duplicate { conflict: true, .. }));
    Again { record: told.record.seq.0, at: told.record.at.0, conflict }
}

fn candidate(case: &CaseWeighed) -> Candidate {
    Candidate {
        case: case.case.0,
        point: degrees(case.point),
        distance_m: case.distance2_cm.map(metres),
        apart_ms: case.apart_ms,
        stage: case.stage.word(),
        urgency: case.urgency.letter(),
        fit: match case.fit {
            Fit::Joined => "joined",
            Fit::Behind => "behind",
            Fit::TooFar => "too_far",
            Fit::Apart => "apart",
            Fit::Past => "past",
        },
    }
}

/// Whether somebody was looked for on behalf of this case: where it was opened, where an order of it was given back, and where
/// people ruled on it.
fn touches_as_matter(told: &Told, case: CaseId) -> bool {
    told.effects.iter().any(|effect| match effect {
        Effect::Opened { case: opened, .. } => *opened == case,
        Effect::Returned { order, .. } => order.case == case,
        Effect::Ruled { case: ruled, .. } | Effect::Filed { case: ruled, .. } => *ruled == case,
        _ => false,
    })
}

/// A case as its effects show it.
struct Life {
    stage: &'static str,
    urgency: Urgency,
    class: ClassId,
    condition: ConditionId,
    cell: CellId,
    area: AreaId,
    reports: usize,
    clocks: Clocks,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            stage: "unknown",
            urgency: Urgency::C,
            class: ClassId::NONE,
            condition: ConditionId::NONE,
            cell: CellId::NONE,
            area: AreaId::NONE,
            reports: 0,
            clocks: Clocks::default(),
        }
    }
}

impl Life {
    fn see(&mut self, At(at): At, effect: &Effect) {
        let clocks = &mut self.clocks;
        match *effect {
            Effect::Opened { class, cell, area, urgency, .. } => {
                (self.class, self.cell, self.area, self.urgency) = (class, cell, area, urgency);
                (self.reports, clocks.opened, self.stage) = (1, Some(at), "opened");
            }
            Effect::Merged { .. } => self.reports += 1,
            Effect::Raised { urgency, .. } => self.urgency = urgency,
            Effect::Assigned { due, .. } => {
                (self.stage, clocks.assigned, clocks.due) = ("assigned", Some(at), due.map(|due| due.0));
            }
            Effect::Waiting { .. } => self.stage = "waiting",
            Effect::Review { .. } => self.stage = "review",
            Effect::Filed { condition, due, .. } => {
                (self.condition, clocks.due) = (condition, due.map(|due| due.0).or(clocks.due));
            }
            Effect::Ruled { class, cell, area, urgency, .. } => {
                if self.class != class {
                    self.condition = ConditionId::NONE;
                }
                (self.class, self.cell, self.area, self.urgency) = (class, cell, area, urgency);
            }
            Effect::Accepted { .. } => (self.stage, clocks.accepted) = ("accepted", Some(at)),
            Effect::Suspended { .. } => (self.stage, clocks.suspended, clocks.due) = ("suspended", Some(at), None),
            Effect::Resumed { due, .. } => {
                (self.stage, clocks.resumed, clocks.due) = ("accepted", Some(at), due.map(|due| due.0));
            }
            Effect::Returned { .. } => (self.stage, clocks.returned) = ("returned", Some(at)),
            Effect::Done { .. } => (self.stage, clocks.done) = ("done", Some(at)),
            Effect::Closed { .. } => (self.stage, clocks.closed) = ("closed", Some(at)),
            Effect::Forgot { .. } => self.stage = "forgotten",
            Effect::Tallied { .. }
            | Effect::Duplicate { .. }
            | Effect::Expired { .. }
            | Effect::UnitChanged { .. }
            | Effect::Refused { .. } => {}
        }
    }
}
