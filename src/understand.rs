//! Understanding: from what a source said to what the mind decides on. Done once, on the doors' threads, pure.
//!
//! Here names become ids, places become cells, words become classes, and people become pseudonyms. What a source must say and
//! did not, or what it may not say, is a [`Reject`]; what a person can still mend is understood as far as it goes, and the
//! mind sends it to review.

use crate::city::{City, Late, Source};
use crate::fingerprint::{Fingerprint, HashKey};
use crate::ids::{AreaId, CellId, ClassId, SourceId};
use crate::record::{Head, Input, OrderAction, UnitChange};
use crate::report::{Action, Field, Reason, Reject, Report, Said, UnitSays, What};
use crate::time::At;

/// Something said, understood: all of a record but its place in the log and its body.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Understood {
    /// Who said it.
    pub source: SourceId,
    /// Stands for (source, id).
    pub fingerprint: Fingerprint,
    /// When it happened, if said.
    pub event_time: Option<At>,
    /// What was said.
    pub input: Input,
}

const fn wrong<T>(field: Field, reason: Reason) -> Result<T, Reject> {
    Err(Reject { field, reason, at: 0 })
}

impl City {
    /// Understands what was said. `speaker` is the source of lines that do not name one.
    ///
    /// # Errors
    /// The field that is wrong and why; its place in the line is left to whoever knows the line.
    #[inline]
    pub fn understand(&self, said: &Said<'_>, speaker: Option<SourceId>, key: &HashKey) -> Result<Understood, Reject> {
        let source_id = match (said.source, speaker) {
            (Some(name), _) => match self.source_names.get(name) {
                Some(position) => SourceId(position),
                None => return wrong(Field::Source, Reason::Unknown),
            },
            (None, Some(speaker)) => speaker,
            (None, None) => return wrong(Field::Source, Reason::Missing),
        };
        let source = &self.sources[source_id.index()];
        if said.id.len() > source.id_bytes_max {
            return wrong(Field::Id, Reason::FieldTooLong);
        }
        if source.require_time && said.time.is_none() {
            return wrong(Field::Ts, Reason::Missing);
        }
        let input = match &said.what {
            What::Report(report) if source.may_report => Input::Report(self.head(report, source, key)?),
            What::Action(action) if source.may_act => Input::Action(order_action(action)?),
            What::Unit(unit) if source.may_move_units => Input::Unit(self.unit_change(unit)?),
            _ => return wrong(Field::Kind, Reason::NotAllowed),
        };
        Ok(Understood {
            source: source_id,
            fingerprint: key.fingerprint(source.name.as_bytes(), said.id.as_bytes()),
            event_time: said.time,
            input,
        })
    }

    #[inline]
    fn head(&self, report: &Report<'_>, source: &Source, key: &HashKey) -> Result<Head, Reject> {
        let cell = self.place(report, source)?;
        let class = self.class(report, source)?;
        let urgency = [
            Some(source.urgency),
            self.classes.get(class.index()).map(|class| class.urgency),
            report.urgency.filter(|_| source.trust_urgency),
        ];
        let urgency = urgency.into_iter().flatten().max().unwrap_or_default();
        let pseudonym = |text: Option<&[u8]>| text.map_or(0, |text| key.pseudonym(text));
        Ok(Head {
            point: report.point.unwrap_or_else(|| cell.map_or(crate::geo::Point::NONE, |cell| self.grid.centre(cell))),
            cell: cell.unwrap_or(CellId::NONE),
            area: cell.map_or(AreaId::NONE, |cell| self.grid.area(cell)),
            class,
            confidence: if class.is_some() { source.confidence } else { 0 },
            urgency,
            keep_late: source.late == Late::Dispatch || urgency == crate::report::Urgency::A,
            reporter: pseudonym(report.reporter),
            component: pseudonym(report.component.map(str::as_bytes)),
            address: pseudonym(report.address.map(str::as_bytes)),
        })
    }

    /// The cell of a report: of its point, else the one it names.
    #[inline]
    fn place(&self, report: &Report<'_>, source: &Source) -> Result<Option<CellId>, Reject> {
        let cell = match (report.point, report.cell) {
            (Some(point), _) => self.grid.locate(point),
            (None, Some(code)) => self.grid.by_code(code, &self.areas),
            (None, None) => None,
        };
        if cell.is_none() && source.require_place { Err(self.no_place(report)) } else { Ok(cell) }
    }

    /// What is wrong with the place of a report that has none in the district.
    #[cold]
    fn no_place(&self, report: &Report<'_>) -> Reject {
        let (field, reason) = match (report.point, report.cell) {
            (Some(point), _) if self.grid.spans_longitude(point.lng) => (Field::Lat, Reason::OutsideDistrict),
            (Some(_), _) => (Field::Lng, Reason::OutsideDistrict),
            (None, Some(_)) => (Field::Cell, Reason::Unknown),
            (None, None) => (Field::Lng, Reason::Missing),
        };
        Reject { field, reason, at: 0 }
    }

    #[inline]
    fn class(&self, report: &Report<'_>, source: &Source) -> Result<ClassId, Reject> {
        match report.category.map(|word| self.categories.get(word)) {
            Some(Some(position)) => Ok(ClassId(position)),
            Some(None) if source.require_category => wrong(Field::Category, Reason::Unknown),
            None if source.require_category => wrong(Field::Category, Reason::Missing),
            _ => Ok(ClassId::NONE),
        }
    }

    fn unit_change(&self, says: &UnitSays<'_>) -> Result<UnitChange, Reject> {
        let Some(unit) = self.roster.by_code(says.unit) else {
            return wrong(Field::Unit, Reason::Unknown);
        };
        Ok(UnitChange {
            unit,
            status: says.status,
            point: says.point.unwrap_or(crate::geo::Point::NONE),
            capacity: says.capacity,
        })
    }
}

fn order_action(action: &Action<'_>) -> Result<OrderAction, Reject> {
    match action.order.parse() {
        Ok(order) => Ok(OrderAction { verb: action.verb, order }),
        Err(_) => wrong(Field::Order, Reason::NotAValue),
    }
}
