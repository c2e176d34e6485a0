//! Pages of the board: what somebody asks for, a bounded piece at a time.

use super::Board;
use super::case::Case;
use super::unit::Unit;
use crate::ids::{AreaId, CaseId, ClassId, DepartmentId, UnitId};
use crate::report::Urgency;
use crate::weighed::Stage;

/// Most cases or units of a page.
pub const PAGE_MAX: usize = 1000;
/// Most cases or units that are looked at for a page.
pub const LOOKED_AT_MAX: usize = 50_000;
/// Cases or units of a page where nobody says how many.
const PAGE: usize = 100;

/// Which cases are wanted. What is absent is any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaseFilter {
    /// What is being done about them.
    pub stage: Option<Stage>,
    /// Where they are.
    pub area: Option<AreaId>,
    /// What they are about.
    pub class: Option<ClassId>,
    /// How pressing they are.
    pub urgency: Option<Urgency>,
    /// Who has them.
    pub department: Option<DepartmentId>,
    /// Only those of which a unit has the order, or has finished it.
    pub is_ordered: bool,
    /// Only those opened before this one.
    pub before: Option<CaseId>,
    /// At most so many: 1 to [`PAGE_MAX`].
    pub limit: usize,
}

impl Default for CaseFilter {
    fn default() -> Self {
        let (stage, area, class, urgency, department) = (None, None, None, None, None);
        Self { stage, area, class, urgency, department, is_ordered: false, before: None, limit: PAGE }
    }
}

impl CaseFilter {
    fn takes(&self, case: &Case) -> bool {
        self.stage.is_none_or(|stage| stage == case.stage)
            && self.area.is_none_or(|area| area == case.area)
            && self.class.is_none_or(|class| class == case.class)
            && self.urgency.is_none_or(|urgency| urgency == case.urgency)
            && self.department.is_none_or(|department| department == case.department)
            && (!self.is_ordered || case.order_in_force().is_some())
    }
}

/// Some cases, the newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<'a> {
    /// The cases.
    pub cases: Vec<&'a Case>,
    /// Where to go on: [`CaseFilter::before`] of the next page. There may be a next page though this one has few cases, or
    /// none: then many others were looked at.
    pub next: Option<CaseId>,
}

/// Which units are wanted. What is absent is any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnitFilter {
    /// Whose they are.
    pub department: Option<DepartmentId>,
    /// The area that they work for.
    pub area: Option<AreaId>,
    /// Only those behind this one.
    pub after: Option<UnitId>,
    /// At most so many: 1 to [`PAGE_MAX`].
    pub limit: usize,
}

impl Default for UnitFilter {
    fn default() -> Self {
        Self { department: None, area: None, after: None, limit: PAGE }
    }
}

impl UnitFilter {
    fn takes(&self, unit: &Unit) -> bool {
        self.department.is_none_or(|department| department == unit.department)
            && self.area.is_none_or(|area| area == unit.area)
    }
}

/// Some units, in the order of their ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnitPage<'a> {
    /// The units.
    pub units: Vec<&'a Unit>,
    /// Where to go on: [`UnitFilter::after`] of the next page, as with [`Page::next`].
    pub next: Option<UnitId>,
}

impl Board {
    /// The newest cases that a filter takes.
    pub fn cases(&self, filter: &CaseFilter) -> Page<'_> {
        let page = |(cases, last): (_, Option<&Case>)| Page { cases, next: last.map(|case| case.id) };
        match filter.before {
            None => page(some(self.cases.newest(), |case| filter.takes(case), filter.limit)),
            Some(before) => match self.cases.newest_before(before, LOOKED_AT_MAX) {
                Some(cases) => page(some(cases, |case| filter.takes(case), filter.limit)),
                None => Page { cases: Vec::new(), next: Some(CaseId(before.0 - LOOKED_AT_MAX as u64)) },
            },
        }
    }

    /// The first units that a filter takes.
    pub fn units(&self, filter: &UnitFilter) -> UnitPage<'_> {
        let units = self.units.as_slice();
        let from = filter.after.map_or(0, |after| after.index().saturating_add(1)).min(units.len());
        let (units, last) = some(units[from..].iter(), |unit| filter.takes(unit), filter.limit);
        UnitPage { units, next: last.map(|unit| unit.unit) }
    }
}

/// What of a list is taken, and the last item that was looked at, if there are more.
fn some<'a, T>(
    list: impl Iterator<Item = &'a T>,
    takes: impl Fn(&T) -> bool,
    limit: usize,
) -> (Vec<&'a T>, Option<&'a T>) {
    let limit = limit.clamp(1, PAGE_MAX);
    let (mut found, mut last) = (Vec::new(), None);
    for (looked_at, item) in list.enumerate() {
        if found.len() == limit || looked_at == LOOKED_AT_MAX {
            return (found, last);
        }
        if takes(item) {
            found.push(item);
        }
        last = Some(item);
    }
    (found, None)
}
