//! Rights: what a sender may say. They come from the key that it showed, and travel with its lines to where these are understood.

use crate::ids::SourceId;
use crate::record::Input;
use crate::report::Field;

/// What a sender may say, beyond what the city lets its source say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rights {
    /// The only source that it may speak for.
    only: Option<SourceId>,
    may_report: bool,
    may_act: bool,
    may_rule: bool,
}

/// Where there are no keys, the city alone decides.
impl Default for Rights {
    fn default() -> Self {
        Self::ALL
    }
}

impl Rights {
    /// Everything.
    pub const ALL: Self = Self { only: None, may_report: true, may_act: true, may_rule: true };
    /// What departments and crews say: actions on orders, and units' status.
    pub const DISPATCH: Self = Self { only: None, may_report: false, may_act: true, may_rule: false };
    /// What the review desk says: rulings, and whatever dispatch may.
    pub const DESK: Self = Self { may_rule: true, ..Self::DISPATCH };

    /// Reports of one source.
    pub const fn of_source(source: SourceId) -> Self {
        Self { only: Some(source), may_report: true, may_act: false, may_rule: false }
    }

    /// Whether it may rule on cases that went to review, and so see them.
    pub const fn may_rule(self) -> bool {
        self.may_rule
    }

    /// The only source that it may speak for, if it is bound to one.
    pub const fn only(self) -> Option<SourceId> {
        self.only
    }

    /// The field that says what it may not say, if there is one.
    #[inline]
    pub fn forbids(self, source: SourceId, input: &Input) -> Option<Field> {
        if self.only.is_some_and(|only| only != source) {
            return Some(Field::Source);
        }
        let may = match input {
            Input::Report(_) => self.may_report,
            Input::Action(_) | Input::Unit(_) => self.may_act,
            Input::Ruling(_) => self.may_rule,
            Input::Tally(_) => true,
        };
        (!may).then_some(Field::Kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Point;
    use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, OrderId, UnitId};
    use crate::record::{Ruling, UnitChange};

    #[test]
    fn a_source_is_bound_to_its_name_and_to_reports() {
        let unit = Input::Unit(UnitChange { unit: UnitId(0), status: None, point: Point::NONE, capacity: None });
        let (own, other) = (SourceId(1), SourceId(2));
        assert_eq!(Rights::of_source(own).forbids(other, &unit), Some(Field::Source));
        assert_eq!(Rights::of_source(own).forbids(own, &unit), Some(Field::Kind));
        assert_eq!(Rights::DISPATCH.forbids(other, &unit), None);
        assert_eq!(Rights::ALL.forbids(own, &unit), None);
        let ruling = Input::Ruling(Ruling {
            order: OrderId { case: CaseId(1), attempt: 0 },
            class: ClassId(0),
            condition: ConditionId::NONE,
            point: Point::NONE,
            cell: CellId::NONE,
            area: AreaId::NONE,
            unit: UnitId::NONE,
        });
        let forbidden = [Rights::of_source(own), Rights::DISPATCH, Rights::DESK, Rights::ALL];
        let forbidden = forbidden.map(|rights| rights.forbids(own, &ruling).is_some());
        assert_eq!(forbidden, [true, true, false, false]);
        assert_eq!(Rights::DESK.forbids(own, &unit), None);
    }
}
