//! Decisions as people and programs read them: one JSON object a line, one line an effect.
//!
//! Every line has `seq at effect source id`; the rest where it applies. `seq` and the line's place among those of the same
//! `seq` are its key: whoever reads a line twice can tell.

use crate::city::City;
use crate::effect::{Doubt, Effect, Forgotten, Refusal, Scope, Waits, Why};
use crate::ids::{AreaId, CaseId, CellId, ClassId, DepartmentId, OrderId, SourceId, UnitId};
use crate::record::{Input, Record, Turned};
use crate::report::Urgency;
use crate::time::At;

use super::paper::{Paper, Piece};

/// Which effects are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Emit {
    /// All of them.
    #[default]
    All,
    /// Only those that hand a case to a unit.
    Assigned,
}

impl Emit {
    /// Whether an effect is written.
    #[inline]
    pub const fn takes(self, effect: &Effect) -> bool {
        match self {
            Self::All => true,
            Self::Assigned => matches!(effect, Effect::Assigned { .. }),
        }
    }
}

/// Writes decisions. Made once for a city: what the city names is turned into JSON beforehand.
pub struct Decisions<'a> {
    city: &'a City,
    /// `,"source":"…","id":"` by source, the last one for lines that named none.
    sources: Vec<Piece>,
    areas: Vec<Piece>,
    classes: Vec<Piece>,
    departments: Vec<Piece>,
    units: Vec<Piece>,
}

/// A key and a JSON string.
fn member(key: &str, value: &str) -> Piece {
    let quoted = serde_json::to_string(value).expect("text is JSON");
    Piece::new(&format!(",\"{key}\":{quoted}"))
}

impl<'a> Decisions<'a> {
    /// For the decisions of a city.
    pub fn new(city: &'a City) -> Self {
        let sources = city.sources.iter().map(|source| member("source", &source.name));
        Self {
            city,
            sources: sources.chain([Piece::new(",\"source\":null")]).collect(),
            areas: city.areas.iter().map(|area| member("area", &area.code)).collect(),
            classes: city.classes.iter().map(|class| member("class", &class.named.code)).collect(),
            departments: city.departments.iter().map(|department| member("department", &department.code)).collect(),
            units: city.roster.units().iter().map(|unit| member("unit", &unit.code)).collect(),
        }
    }

    /// The city that they are for.
    pub const fn city(&self) -> &'a City {
        self.city
    }

    /// A source's name, if the line named one.
    pub fn source_name(&self, source: SourceId) -> Option<&'a str> {
        self.city.sources.get(source.index()).map(|source| &*source.name)
    }

    /// Writes one effect of a record as a line. `body` is the record's body: its id is quoted from there.
    #[inline]
    pub fn write(&self, effect: &Effect, record: &Record, body: &[u8], out: &mut Paper) {
        let mut line = Line { all: self, out };
        line.out.constant(b"{\"seq\":");
        line.out.name(record.seq.0);
        line.out.constant(b",\"at\":");
        line.out.time(record.at.0);
        line.out.constant(b",\"effect\":\"");
        line.out.text(word(effect).as_bytes());
        line.out.constant(b"\"");
        line.origin(record, body);
        line.rest(effect, record);
        line.out.constant(b"}\n");
    }
}

/// The name of an effect.
pub const fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Tallied { turned: Turned::Rejected, .. } => "rejected",
        Effect::Tallied { turned: Turned::Shed, .. } => "shed",
        Effect::Tallied { turned: Turned::Observed, .. } => "observed",
        Effect::Duplicate { .. } => "duplicate",
        Effect::Expired { .. } => "expired",
        Effect::Opened { .. } => "opened",
        Effect::Merged { .. } => "merged",
        Effect::Filed { .. } => "filed",
        Effect::Raised { .. } => "raised",
        Effect::Assigned { .. } => "assigned",
        Effect::Waiting { .. } => "waiting",
        Effect::Review { .. } => "review",
        Effect::Ruled { .. } => "ruled",
        Effect::Accepted { .. } => "accepted",
        Effect::Returned { .. } => "returned",
        Effect::Done { .. } => "done",
        Effect::Closed { .. } => "closed",
        Effect::Suspended { .. } => "suspended",
        Effect::Resumed { .. } => "resumed",
        Effect::UnitChanged { .. } => "unit",
        Effect::Refused { .. } => "refused",
        Effect::Forgot { .. } => "forgot",
    }
}

pub(super) struct Line<'a, 'b> {
    pub all: &'a Decisions<'a>,
    pub out: &'b mut Paper,
}

impl Line<'_, '_> {
    #[inline]
    fn rest(&mut self, effect: &Effect, record: &Record) {
        match *effect {
            Effect::Assigned { order, unit, department, class, cell, area, tier, scope, urgency, why, due } => {
                self.case(order.case);
                self.place_and_class(cell, area, class);
                self.department(department);
                self.order(order);
                self.unit(unit);
                self.text(",\"tier\":\"", tier.word());
                self.urgency(urgency);
                self.due(due);
                self.text(",\"scope\":\"", scope_word(scope));
                self.text(",\"reason\":\"", why_word(why));
            }
            Effect::Opened { case, class, cell, area, urgency, late, .. }
            | Effect::Merged { case, class, cell, area, urgency, late, .. } => {
                self.case(case);
                self.place_and_class(cell, area, class);
                self.urgency(urgency);
                self.flag("late", late);
            }
            Effect::Duplicate { of, case, conflict, .. } => {
                self.case(case);
                self.out.constant(b",\"of\":");
                self.out.name(of.0);
                self.flag("conflict", conflict);
            }
            _ => self.rare(effect, record),
        }
    }

    #[cold]
    fn rare(&mut self, effect: &Effect, record: &Record) {
        match *effect {
            Effect::Tallied { field, reason, count, .. } => {
                self.text(",\"reason\":\"", reason.name());
                self.text(",\"field\":\"", field.name());
                self.tally_place(record, count);
            }
            Effect::Expired { late_ms, .. } => {
                self.text(",\"reason\":\"", "late");
                self.out.constant(b",\"late_ms\":");
                self.out.time(late_ms);
            }
            Effect::Filed { case, condition, due } => {
                self.case(case);
                if let Some(condition) = self.all.city.conditions.get(condition) {
                    self.text(",\"condition\":\"", &condition.named.code);
                }
                self.due(due);
            }
            Effect::Raised { case, urgency } => {
                self.case(case);
                self.urgency(urgency);
            }
            Effect::Waiting { case, department, why: Waits::NoFreeUnit } => {
                self.case(case);
                self.department(department);
                self.text(",\"reason\":\"", "no_free_unit");
            }
            Effect::Review { case, doubt } => {
                self.case(case);
                self.text(",\"reason\":\"", doubt_word(doubt));
            }
            Effect::Accepted { order, unit }
            | Effect::Returned { order, unit }
            | Effect::Done { order, unit }
            | Effect::Suspended { order, unit } => self.order_of(order, unit),
            Effect::Resumed { order, unit, due } => {
                self.order_of(order, unit);
                self.due(due);
            }
            Effect::Closed { case } => self.case(case),
            Effect::Ruled { case, class, cell, area, urgency, .. } => {
                self.case(case);
                self.place_and_class(cell, area, class);
                self.urgency(urgency);
            }
            Effect::UnitChanged { unit, status, load, capacity } => {
                self.unit(unit);
                self.text(",\"status\":\"", status.word());
                self.out.text(format!(",\"load\":{load}").as_bytes());
                if capacity != u32::MAX {
                    self.out.text(format!(",\"capacity\":{capacity}").as_bytes());
                }
            }
            Effect::Refused { order, why, .. } => {
                self.case(order.case);
                self.order(order);
                self.text(",\"reason\":\"", refusal_word(why));
            }
            Effect::Forgot { what: Forgotten::Ids, ids, .. } => {
                self.out.text(format!(",\"ids\":{ids}").as_bytes());
                self.text(",\"reason\":\"", "ids_max");
            }
            Effect::Forgot { what: Forgotten::Case, case, .. } => {
                self.case(case);
                self.text(",\"reason\":\"", "cases_max");
            }
            Effect::Assigned { .. } | Effect::Opened { .. } | Effect::Merged { .. } | Effect::Duplicate { .. } => {
                unreachable!("written without this call")
            }
        }
    }

    fn tally_place(&mut self, record: &Record, count: u32) {
        if let Input::Tally(tally) = &record.input {
            self.out.constant(b",\"input\":");
            self.out.decimal(u64::from(tally.input), 1);
            self.out.constant(b",\"line\":");
            self.out.decimal(tally.line, 1);
            self.out.constant(b",\"offset\":");
            self.out.decimal(tally.offset, 1);
        }
        if count != 1 {
            self.out.constant(b",\"count\":");
            self.out.decimal(u64::from(count), 1);
        }
    }

    #[inline]
    pub fn origin(&mut self, record: &Record, body: &[u8]) {
        let SourceId(source) = record.origin.source;
        let source = usize::from(source).min(self.all.sources.len() - 1);
        self.out.piece(&self.all.sources[source]);
        let span = record.origin.body;
        if span.id_len > 0 {
            self.out.constant(b",\"id\":\"");
            let from = span.id_at as usize;
            self.out.text(&body[from..from + usize::from(span.id_len)]);
            self.out.constant(b"\"");
        }
    }

    fn order_of(&mut self, order: OrderId, unit: UnitId) {
        self.case(order.case);
        self.order(order);
        self.unit(unit);
    }

    #[inline]
    fn due(&mut self, due: Option<At>) {
        if let Some(At(due)) = due {
            self.out.constant(b",\"due\":");
            self.out.time(due);
        }
    }

    #[inline]
    pub fn case(&mut self, case: CaseId) {
        if case != CaseId::NONE {
            self.out.constant(b",\"case\":");
            self.out.name(case.0);
        }
    }

    #[inline]
    fn place_and_class(&mut self, cell: CellId, area: AreaId, class: ClassId) {
        let all = self.all;
        if cell.is_some() {
            self.out.constant(b",\"cell\":\"");
            let code = all.city.grid.code(cell, &all.city.areas);
            self.out.text(code.text.as_bytes());
            if let Some((number, digits)) = code.number {
                self.out.decimal(number, digits);
            }
            self.out.constant(b"\"");
        }
        if area.is_some() {
            self.out.piece(&all.areas[area.index()]);
        }
        if class.is_some() {
            self.out.piece(&all.classes[class.index()]);
        }
    }

    #[inline]
    pub fn department(&mut self, department: DepartmentId) {
        let all = self.all;
        self.out.piece(&all.departments[department.index()]);
    }

    #[inline]
    pub fn unit(&mut self, unit: UnitId) {
        let all = self.all;
        self.out.piece(&all.units[unit.index()]);
    }

    #[inline]
    pub fn order(&mut self, order: OrderId) {
        self.out.constant(b",\"order\":\"");
        self.out.name(order.case.0);
        self.out.constant(b"-");
        self.out.decimal(u64::from(order.attempt), 1);
        self.out.constant(b"\"");
    }

    #[inline]
    pub fn urgency(&mut self, urgency: Urgency) {
        self.text(",\"urgency\":\"", urgency.letter());
    }

    #[inline]
    pub fn text(&mut self, key: &str, word: &str) {
        self.out.text(key.as_bytes());
        self.out.text(word.as_bytes());
        self.out.constant(b"\"");
    }

    #[inline]
    pub fn flag(&mut self, key: &str, flag: bool) {
        if flag {
            self.out.text(format!(",\"{key}\":true").as_bytes());
        }
    }
}

pub(super) const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Cell => "cell",
        Scope::Area => "area",
        Scope::District => "district",
    }
}

pub(super) const fn why_word(why: Why) -> &'static str {
    match why {
        Why::New => "new",
        Why::Freed => "freed",
        Why::Returned => "returned",
        Why::Ruled => "ruled",
        Why::Filed => "filed",
    }
}

pub(super) const fn doubt_word(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NoPlace => "no_place",
        Doubt::OutsideDistrict => "outside_district",
        Doubt::NoClass => "no_class",
        Doubt::NoDepartment => "no_department",
        Doubt::NoUnit => "no_unit",
        Doubt::AllReturned => "all_returned",
        Doubt::OnlyAccused => "only_accused",
    }
}

pub(super) const fn refusal_word(why: Refusal) -> &'static str {
    match why {
        Refusal::NoSuchOrder => "no_such_order",
        Refusal::Superseded => "superseded",
        Refusal::WrongState => "wrong_state",
        Refusal::NotResponsible => "not_responsible",
        Refusal::Incomplete => "incomplete",
        Refusal::Accused => "accused",
    }
}
