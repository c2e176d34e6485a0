//! Units as they are now.

use serde::{Deserialize, Serialize};

use crate::city::Roster;
use crate::geo::Point;
use crate::ids::{AreaId, DepartmentId, Seq, UnitId};
use crate::record::{Input, Record};
use crate::report::UnitStatus;

/// A unit as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unit {
    /// Which.
    pub unit: UnitId,
    /// The record that changed it last.
    pub version: Seq,
    /// Whose it is.
    pub department: DepartmentId,
    /// The area that it works for, or [`AreaId::NONE`] for the whole district.
    pub area: AreaId,
    /// Whether it can be given work.
    pub status: UnitStatus,
    /// Orders that it has.
    pub load: u32,
    /// Orders that it can hold at once, or [`u32::MAX`] for no limit.
    pub capacity: u32,
    /// Where it is.
    pub point: Point,
}

/// Every unit of the roster.
#[derive(Debug)]
pub(super) struct Units(Vec<Unit>);

impl Units {
    pub(super) fn new(roster: &Roster) -> Self {
        let unit = |(index, spec): (usize, &crate::city::UnitSpec)| {
            let department = roster.department(spec.pool);
            let place = spec.pool.0 - roster.area_pool(department, AreaId(0)).0;
            let is_district = spec.pool == roster.district_pool(department);
            Unit {
                unit: UnitId(index as u32),
                version: Seq(0),
                department,
                area: if is_district { AreaId::NONE } else { AreaId(place as u16) },
                status: UnitStatus::Available,
                load: 0,
                capacity: spec.capacity,
                point: spec.point,
            }
        };
        Self(roster.units().iter().enumerate().map(unit).collect())
    }

    pub(super) fn as_slice(&self) -> &[Unit] {
        &self.0
    }

    /// Takes in how all of them were.
    pub(super) fn restore(&mut self, units: Vec<Unit>) {
        self.0 = units;
    }

    fn change(&mut self, unit: UnitId, seq: Seq, change: impl FnOnce(&mut Unit)) {
        if let Some(unit) = self.0.get_mut(unit.index()) {
            change(unit);
            unit.version = seq;
        }
    }

    /// It has one more order.
    pub(super) fn take(&mut self, unit: UnitId, seq: Seq) {
        self.change(unit, seq, |unit| unit.load = unit.load.saturating_add(1));
    }

    /// It has one order less.
    pub(super) fn release(&mut self, unit: UnitId, seq: Seq) {
        self.change(unit, seq, |unit| unit.load = unit.load.saturating_sub(1));
    }

    /// It said how it is; where it is stands only in its word.
    pub(super) fn say(&mut self, unit: UnitId, status: UnitStatus, load: u32, capacity: u32, record: &Record) {
        let point = match &record.input {
            Input::Unit(said) if said.unit == unit => said.point,
            _ => Point::NONE,
        };
        self.change(unit, record.seq, |unit| {
            (unit.status, unit.load, unit.capacity) = (status, load, capacity);
            if point.is_some() {
                unit.point = point;
            }
        });
    }
}
