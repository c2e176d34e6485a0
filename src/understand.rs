//! Understanding: from what a source said to what the mind decides on. Done once, on the doors' threads, pure.
//!
//! Here names become ids, places become cells, words become classes, and people become pseudonyms. What a source must say and
//! did not, or what it may not say, is a [`Reject`]; what a person can still mend is understood as far as it goes, and the
//! mind sends it to review.

use crate::city::text::Read;
use crate::city::{City, Late, Located, Named, Source, Worded};
use crate::fingerprint::{Fingerprint, HashKey};
use crate::geo::{FinePoint, Point};
use crate::ids::{AreaId, CellId, ClassId, ConditionId, DepartmentId, OrderId, SourceId, UnitId};
use crate::record::{Head, Input, OrderAction, Ruling, UnitChange};
use crate::report::{Action, Field, Reason, Reject, Report, RulingSays, Said, Spot, UnitSays, What};
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
            What::Unit(unit) if source.may_move_units => Input::Unit(self.unit_change(unit, source)?),
            What::Ruling(ruling) if source.may_rule => Input::Ruling(self.ruling(ruling, source)?),
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
        let place = self.settle(report.spot, report.frame, source)?.or_else(|| self.registered(report));
        let worded = self.worded(place, report);
        let place = place.or(worded.and_then(|(_, place)| place));
        let located = self.locate(place, report, source, worded.map(|(area, _)| area))?;
        let read = self.class(report, source)?;
        // A word that the class has no condition for is as good as none: people may still find out.
        let condition = report.condition.map_or(ConditionId::NONE, |word| self.conditions.find(read.class, word));
        let against = report.against.map_or(Ok(DepartmentId::NONE), |body| self.body(body))?;
        let urgency = [
            Some(source.urgency),
            self.urgency_of(read.class, condition),
            read.urgency,
            report.urgency.filter(|_| source.trust_urgency),
        ];
        let urgency = urgency.into_iter().flatten().max().unwrap_or_default();
        let pseudonym = |text: Option<&[u8]>| text.map_or(0, |text| key.pseudonym(text));
        Ok(Head {
            point: match (place, located) {
                (Some(place), _) => place.rounded(),
                (None, Some(located)) => self.grid.centre(located.cell),
                (None, None) => Point::NONE,
            },
            cell: located.map_or(CellId::NONE, |located| located.cell),
            area: located.map(|located| located.area).or(worded.map(|(area, _)| area)).unwrap_or(AreaId::NONE),
            class: read.class,
            condition,
            against,
            confidence: read.confidence,
            urgency,
            keep_late: source.late == Late::Dispatch || urgency == crate::report::Urgency::A,
            reporter: pseudonym(report.reporter),
            component: pseudonym(report.component.map(str::as_bytes)),
            address: pseudonym(report.address.map(str::as_bytes)),
        })
    }

    /// The body that a complaint names. One that nobody knows is told at once: else the complaint might go to that very body.
    #[cold]
    #[inline(never)]
    fn body(&self, name: &str) -> Result<DepartmentId, Reject> {
        let is_called = |body: &Named| [&body.code, &body.zh, &body.en].into_iter().any(|own| **own == *name);
        match self.departments.iter().position(is_called) {
            Some(found) => Ok(DepartmentId(found as u16)),
            None => wrong(Field::Against, Reason::Unknown),
        }
    }

    /// A place as it was said, in the city's frame. What names no frame is in that of its source.
    #[inline]
    fn settle(&self, spot: Option<Spot>, frame: Option<&str>, source: &Source) -> Result<Option<FinePoint>, Reject> {
        let frame = match frame {
            None => source.frame,
            Some(name) => match self.frames.by_name(name) {
                Some(frame) => frame,
                None => return wrong(Field::Frame, Reason::NotAValue),
            },
        };
        spot.map(|spot| self.frames.settle(spot, frame)).transpose()
    }

    /// Where the component stands that a report names, if it says nothing else about its place.
    #[inline]
    fn registered(&self, report: &Report<'_>) -> Option<FinePoint> {
        let component = report.component.filter(|_| report.cell.is_none() && !self.components.is_empty())?;
        self.components.place(component)
    }

    /// Where a report says in words that it is, if it says it in no other way.
    #[inline]
    fn worded(&self, place: Option<FinePoint>, report: &Report<'_>) -> Option<(AreaId, Option<FinePoint>)> {
        if self.gazetteer.is_empty() || place.is_some() || report.cell.is_some() {
            return None;
        }
        match self.place_in_words(report) {
            Worded::Somewhere(area, place) => Some((area, place)),
            Worded::Nowhere | Worded::Unsure(_) => None,
        }
    }

    /// What the address, the title and the texts of a report say of its place.
    pub fn place_in_words(&self, report: &Report<'_>) -> Worded {
        let mut ear = self.gazetteer.ear();
        report.address.into_iter().for_each(|address| ear.hear(address.chars()));
        report.words().each().for_each(|text| ear.hear(text));
        ear.worded()
    }

    /// Where a report lies: by its place, else by the cell that it names. `worded` is the area that it says in words.
    #[inline]
    fn locate(
        &self,
        place: Option<FinePoint>,
        report: &Report<'_>,
        source: &Source,
        worded: Option<AreaId>,
    ) -> Result<Option<Located>, Reject> {
        let located = match (place, self.find(place, report.cell)) {
            (Some(place), Some(found)) => Some(self.in_said_area(found, place, report)),
            (_, found) => found,
        };
        if located.is_none() && worded.is_none() && source.require_place {
            Err(self.no_place(place, report.cell))
        } else {
            Ok(located)
        }
    }

    /// Where a place is, or without one the cell of a code.
    #[inline(always)]
    fn find(&self, place: Option<FinePoint>, cell: Option<&str>) -> Option<Located> {
        match (place, cell) {
            (Some(place), _) => self.grid.locate(place),
            (None, Some(code)) => self.grid.by_code(code, &self.areas).and_then(|cell| self.grid.locate_cell(cell)),
            (None, None) => None,
        }
    }

    /// Where areas overlap, the one that a report names is its own.
    #[inline]
    fn in_said_area(&self, found: Located, place: FinePoint, report: &Report<'_>) -> Located {
        match report.area {
            Some(code) if *self.areas[found.area.index()].code != *code => {
                let said = self.area_by_code(code).filter(|area| self.grid.has(*area, place));
                Located { area: said.unwrap_or(found.area), ..found }
            }
            _ => found,
        }
    }

    /// What is wrong with the place of a report that has none in the district.
    #[cold]
    fn no_place(&self, place: Option<FinePoint>, cell: Option<&str>) -> Reject {
        let (field, reason) = match (place, cell) {
            (Some(place), _) if self.grid.spans_longitude(place.rounded().lng) => (Field::Lat, Reason::OutsideDistrict),
            (Some(_), _) => (Field::Lng, Reason::OutsideDistrict),
            (None, Some(_)) => (Field::Cell, Reason::Unknown),
            (None, None) => (Field::Lng, Reason::Missing),
        };
        Reject { field, reason, at: 0 }
    }

    /// What a report is about: by its category, else by its words. Words can make it more urgent, whatever it is about.
    #[inline]
    fn class(&self, report: &Report<'_>, source: &Source) -> Result<Read, Reject> {
        let class = match report.category.map(|word| self.categories.get(word)) {
            Some(Some(position)) => ClassId(position),
            Some(None) if source.require_category => return wrong(Field::Category, Reason::Unknown),
            None if source.require_category => return wrong(Field::Category, Reason::Missing),
            _ => ClassId::NONE,
        };
        let confidence = if class.is_some() { source.confidence } else { 0 };
        let known = Read { class, confidence, urgency: None };
        let is_of_use = if class.is_some() { self.classifier.raises() } else { !self.classifier.is_empty() };
        Ok(if is_of_use && source.read_texts { self.read(report, known) } else { known })
    }

    /// What the words of a report add to what is known.
    #[inline(never)]
    fn read(&self, report: &Report<'_>, known: Read) -> Read {
        let said = report.words();
        if said.is_empty() {
            known
        } else if known.class.is_some() {
            Read { urgency: self.classifier.urgency(&said), ..known }
        } else {
            self.classifier.read(&said)
        }
    }

    /// A ruling. What it says must be known: whoever rules is there to be told.
    fn ruling(&self, says: &RulingSays<'_>, source: &Source) -> Result<Ruling, Reject> {
        let class = match says.category.map(|word| self.categories.get(word)) {
            Some(None) => return wrong(Field::Category, Reason::Unknown),
            known => known.flatten().map_or(ClassId::NONE, ClassId),
        };
        let condition = match says.condition.map(|word| self.conditions.find(class, word)) {
            Some(ConditionId::NONE) if !class.is_some() => return wrong(Field::Category, Reason::Missing),
            Some(ConditionId::NONE) => return wrong(Field::Condition, Reason::Unknown),
            known => known.unwrap_or(ConditionId::NONE),
        };
        let unit = match says.unit.map(|code| self.roster.by_code(code)) {
            Some(None) => return wrong(Field::Unit, Reason::Unknown),
            known => known.flatten().unwrap_or(UnitId::NONE),
        };
        let place = self.settle(says.spot, says.frame, source)?;
        let located = self.find(place, says.cell);
        if located.is_none() && (place.is_some() || says.cell.is_some()) {
            return Err(self.no_place(place, says.cell));
        }
        Ok(Ruling {
            order: order(says.order)?,
            class,
            condition,
            point: place
                .map(FinePoint::rounded)
                .or(located.map(|found| self.grid.centre(found.cell)))
                .unwrap_or(Point::NONE),
            cell: located.map_or(CellId::NONE, |found| found.cell),
            area: located.map_or(AreaId::NONE, |found| found.area),
            unit,
        })
    }

    fn unit_change(&self, says: &UnitSays<'_>, source: &Source) -> Result<UnitChange, Reject> {
        let Some(unit) = self.roster.by_code(says.unit) else {
            return wrong(Field::Unit, Reason::Unknown);
        };
        let place = self.settle(says.spot, says.frame, source)?;
        Ok(UnitChange {
            unit,
            status: says.status,
            point: place.map_or(Point::NONE, FinePoint::rounded),
            capacity: says.capacity,
        })
    }
}

fn order_action(action: &Action<'_>) -> Result<OrderAction, Reject> {
    Ok(OrderAction { verb: action.verb, order: order(action.order)? })
}

fn order(name: &str) -> Result<OrderId, Reject> {
    name.parse().map_err(|_| Reject { field: Field::Order, reason: Reason::NotAValue, at: 0 })
}
