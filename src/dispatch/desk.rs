//! The desks: which units have room, which of them gets a case, and which cases wait for one.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::state::{Corrupt, In, Out};
use crate::city::{Assign, PoolId, Roster};
use crate::geo::{Point, distance2_cm};
use crate::ids::{CaseId, UnitId};
use crate::record::UnitChange;
use crate::report::{UnitStatus, Urgency};

/// A unit as it is now.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Unit {
    pub status: UnitStatus,
    pub capacity: u32,
    pub point: Point,
    pub pool: PoolId,
}

/// What giving a case to a unit costs; the smallest is best.
pub(super) type Cost = (u64, u32);

impl Unit {
    /// Most orders that it may have now.
    const fn limit(&self) -> u32 {
        if matches!(self.status, UnitStatus::Available) { self.capacity } else { 0 }
    }

    /// What giving it a case at `point` costs. Where the nearest is wanted, units that do not say where they are come after
    /// all that do, by load.
    #[inline(always)]
    pub(super) fn cost(&self, how: Assign, load: u32, point: Point) -> Cost {
        match how {
            Assign::LeastLoaded => (0, load),
            Assign::Nearest if self.point.is_some() && point.is_some() => (distance2_cm(point, self.point), 0),
            Assign::Nearest => (u64::MAX, load),
        }
    }
}

/// What a choice by load reads, a pool side by side.
#[derive(Clone, Copy)]
struct Seat {
    /// Orders that the unit has.
    load: u32,
    limit: u32,
}

impl Seat {
    const fn has_room(&self) -> bool {
        self.load < self.limit
    }
}

/// Units and the cases that wait for them.
pub(super) struct Desks {
    units: Vec<Unit>,
    seats: Vec<Seat>,
    /// Cases that wait, most urgent and oldest first in each pool that could take them.
    waiting: BTreeSet<(PoolId, Reverse<Urgency>, CaseId)>,
    /// Units that got room and were not yet offered what waits.
    freed: BTreeSet<UnitId>,
}

impl Desks {
    pub(super) fn new(roster: &Roster) -> Self {
        let unit = |spec: &crate::city::UnitSpec| Unit {
            status: UnitStatus::Available,
            capacity: spec.capacity,
            point: spec.point,
            pool: spec.pool,
        };
        let units: Vec<Unit> = roster.units().iter().map(unit).collect();
        let seats = units.iter().map(|unit| Seat { load: 0, limit: unit.limit() }).collect();
        Self { units, seats, waiting: BTreeSet::new(), freed: BTreeSet::new() }
    }

    /// The unit as it is now.
    pub(super) fn unit(&self, unit: UnitId) -> &Unit {
        &self.units[unit.index()]
    }

    /// How many orders a unit has.
    pub(super) fn load(&self, unit: UnitId) -> u32 {
        self.seats[unit.index()].load
    }

    /// Whether a unit can be given an order.
    pub(super) fn has_room(&self, unit: UnitId) -> bool {
        self.seats[unit.index()].has_room()
    }

    /// Which unit of a pool gets a case at `point`; `except` is passed over. Ties go to the lowest id.
    #[inline]
    pub(super) fn choose(
        &self,
        pool: std::ops::Range<usize>,
        assign: Assign,
        point: Point,
        except: UnitId,
    ) -> Option<UnitId> {
        match assign {
            Assign::LeastLoaded => self.cheapest(pool, Assign::LeastLoaded, point, except),
            Assign::Nearest => self.cheapest(pool, Assign::Nearest, point, except),
        }
    }

    /// Inlined once for each way of choosing, so that a choice by load reads loads alone.
    #[inline(always)]
    fn cheapest(&self, pool: std::ops::Range<usize>, how: Assign, point: Point, except: UnitId) -> Option<UnitId> {
        pool.clone()
            .zip(&self.seats[pool])
            .filter(|(unit, seat)| seat.has_room() && *unit != except.index())
            .min_by_key(|(unit, seat)| self.units[*unit].cost(how, seat.load, point))
            .map(|(unit, _)| UnitId(unit as u32))
    }

    /// Gives a unit one more order.
    #[inline]
    pub(super) fn take(&mut self, unit: UnitId) {
        self.seats[unit.index()].load += 1;
    }

    /// Takes one order off a unit.
    pub(super) fn release(&mut self, unit: UnitId) {
        self.seats[unit.index()].load -= 1;
        self.freed.insert(unit);
    }

    /// Applies what a unit said of itself.
    pub(super) fn change(&mut self, change: &UnitChange) {
        let unit = &mut self.units[change.unit.index()];
        unit.status = change.status.unwrap_or(unit.status);
        unit.capacity = change.capacity.unwrap_or(unit.capacity);
        if change.point.is_some() {
            unit.point = change.point;
        }
        self.seats[change.unit.index()].limit = unit.limit();
        self.freed.insert(change.unit);
    }

    /// A unit that got room and was not yet offered what waits.
    #[inline]
    pub(super) fn first_freed(&self) -> Option<UnitId> {
        self.freed.first().copied()
    }

    /// Nothing waits for a unit, or it has no more room.
    pub(super) fn not_freed(&mut self, unit: UnitId) {
        self.freed.remove(&unit);
    }

    /// Lets a case wait in a pool.
    pub(super) fn wait(&mut self, pool: PoolId, urgency: Urgency, case: CaseId) {
        self.waiting.insert((pool, Reverse(urgency), case));
    }

    /// Ends a case's waiting in a pool.
    pub(super) fn end_wait(&mut self, pool: PoolId, urgency: Urgency, case: CaseId) {
        self.waiting.remove(&(pool, Reverse(urgency), case));
    }

    /// The cases that a unit could take now, the most urgent first, then the oldest.
    pub(super) fn waiting_for(&self, unit: UnitId) -> impl Iterator<Item = CaseId> {
        let pool = self.units[unit.index()].pool;
        let has_room = self.has_room(unit);
        let from = (pool, Reverse(Urgency::A), CaseId::NONE);
        let waiting = self.waiting.range(from..).take_while(move |(found, ..)| *found == pool && has_room);
        waiting.map(|(_, _, case)| *case)
    }

    /// Writes what differs from the roster's beginning: loads, status, positions, and who waits.
    pub(super) fn encode(&self, out: &mut Out) {
        let units: Vec<(&Unit, &Seat)> = self.units.iter().zip(&self.seats).collect();
        out.list(&units, |out, (unit, seat)| {
            out.u8(unit.status as u8);
            out.u32(seat.load);
            out.u32(unit.capacity);
            out.i32(unit.point.lng);
            out.i32(unit.point.lat);
        });
        out.u64(self.waiting.len() as u64);
        for (pool, urgency, case) in &self.waiting {
            out.u32(pool.0);
            out.u8(urgency.0 as u8);
            out.u64(case.0);
        }
        let freed: Vec<&UnitId> = self.freed.iter().collect();
        out.list(&freed, |out, unit| out.u32(unit.0));
    }

    /// Reads what [`Desks::encode`] wrote for the same roster.
    pub(super) fn decode(roster: &Roster, input: &mut In<'_>) -> Result<Self, Corrupt> {
        let mut desks = Self::new(roster);
        if input.u64()? != desks.units.len() as u64 {
            return Err(Corrupt);
        }
        for (unit, seat) in desks.units.iter_mut().zip(&mut desks.seats) {
            unit.status = *UnitStatus::ALL.get(usize::from(input.u8()?)).ok_or(Corrupt)?;
            seat.load = input.u32()?;
            unit.capacity = input.u32()?;
            unit.point = Point { lng: input.i32()?, lat: input.i32()? };
            seat.limit = unit.limit();
        }
        for _ in 0..input.u64()? {
            let (pool, urgency) = (PoolId(input.u32()?), Urgency::from_code(input.u8()?));
            desks.wait(pool, urgency, CaseId(input.u64()?));
        }
        desks.freed = input.list(In::u32)?.into_iter().map(UnitId).collect();
        let known = desks.freed.last().is_none_or(|unit| unit.index() < desks.units.len());
        if known { Ok(desks) } else { Err(Corrupt) }
    }
}
