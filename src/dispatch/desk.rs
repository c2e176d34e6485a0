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
    pub load: u32,
    pub capacity: u32,
    pub point: Point,
    pub pool: PoolId,
}

/// What giving a case to a unit costs; the smallest is best.
pub(super) type Cost = (u64, u32);

impl Unit {
    pub(super) const fn has_room(&self) -> bool {
        matches!(self.status, UnitStatus::Available) && self.load < self.capacity
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

/// Ranks nobody: the unit cannot be given work.
const NO_ROOM: u32 = u32::MAX;

/// Units and the cases that wait for them.
pub(super) struct Desks {
    units: Vec<Unit>,
    /// The load of each unit that has room, else [`NO_ROOM`]: what a choice by load reads, a pool side by side.
    rank: Vec<u32>,
    /// Cases that wait, most urgent and oldest first in each pool that could take them.
    waiting: BTreeSet<(PoolId, Reverse<Urgency>, CaseId)>,
    /// Units that got room and were not yet offered what waits.
    freed: BTreeSet<UnitId>,
}

impl Desks {
    pub(super) fn new(roster: &Roster) -> Self {
        let unit = |spec: &crate::city::UnitSpec| Unit {
            status: UnitStatus::Available,
            load: 0,
            capacity: spec.capacity,
            point: spec.point,
            pool: spec.pool,
        };
        let units: Vec<Unit> = roster.units().iter().map(unit).collect();
        let rank = units.iter().map(|unit| if unit.has_room() { 0 } else { NO_ROOM }).collect();
        Self { units, rank, waiting: BTreeSet::new(), freed: BTreeSet::new() }
    }

    /// The unit as it is now.
    pub(super) fn unit(&self, unit: UnitId) -> &Unit {
        &self.units[unit.index()]
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
            .zip(&self.rank[pool])
            .filter(|(unit, load)| **load != NO_ROOM && *unit != except.index())
            .min_by_key(|(unit, load)| self.units[*unit].cost(how, **load, point))
            .map(|(unit, _)| UnitId(unit as u32))
    }

    /// Gives a unit one more order.
    #[inline]
    pub(super) fn take(&mut self, unit: UnitId) {
        self.units[unit.index()].load += 1;
        self.rank_again(unit);
    }

    /// Takes one order off a unit.
    pub(super) fn release(&mut self, unit: UnitId) {
        self.units[unit.index()].load -= 1;
        self.rank_again(unit);
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
        self.rank_again(change.unit);
        self.freed.insert(change.unit);
    }

    #[inline]
    fn rank_again(&mut self, unit: UnitId) {
        let now = &self.units[unit.index()];
        self.rank[unit.index()] = if now.has_room() { now.load } else { NO_ROOM };
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
        let has_room = self.rank[unit.index()] != NO_ROOM;
        let from = (pool, Reverse(Urgency::A), CaseId::NONE);
        let waiting = self.waiting.range(from..).take_while(move |(found, ..)| *found == pool && has_room);
        waiting.map(|(_, _, case)| *case)
    }

    /// Writes what differs from the roster's beginning: loads, status, positions, and who waits.
    pub(super) fn encode(&self, out: &mut Out) {
        out.list(&self.units, |out, unit| {
            out.u8(unit.status as u8);
            out.u32(unit.load);
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
        for index in 0..desks.units.len() {
            let unit = &mut desks.units[index];
            unit.status = *UnitStatus::ALL.get(usize::from(input.u8()?)).ok_or(Corrupt)?;
            unit.load = input.u32()?;
            unit.capacity = input.u32()?;
            unit.point = Point { lng: input.i32()?, lat: input.i32()? };
            desks.rank_again(UnitId(index as u32));
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
