//! What a walk looks for.

use std::collections::{BTreeMap, BTreeSet};

use super::question::Question;
use super::scan::{Log, Wanted};
use super::sought::{Cases, Prints};
use crate::city::{City, SamePlace};
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::geo::distance2_cm;
use crate::ids::{CaseId, Seq};
use crate::record::{Head, Input, Record};

/// Most records of one id that are compared with what comes before them; the others are found all the same.
const LOOKS_MAX: usize = 20;

/// What is looked for on a walk.
#[derive(Clone, Default)]
pub(super) struct Watch {
    /// The records that were asked for, by number or by id.
    pub named: BTreeMap<Seq, Record>,
    /// Cases to follow from the beginning: asked for, or learned on an earlier walk. A record that opens no case is the name
    /// of none, which does no harm.
    pub cases: Cases,
    /// Other records that the walk must not step over.
    pub stops: BTreeSet<Seq>,
    looks: Vec<Look>,
}

impl Watch {
    pub(super) fn of(questions: &[Question], log: &Log, city: &City) -> Result<Self, Failure> {
        let mut watch = Self::default();
        for seq in questions.iter().filter_map(Question::seq) {
            watch.cases.add(CaseId(seq.0));
            // What cannot be read is told on the walk, with its place.
            watch.named.extend(log.record(seq)?.map(|record| (seq, record)));
            watch.stops.insert(seq);
        }
        let mut prints = Prints::default();
        questions.iter().flat_map(Question::prints).for_each(|print| prints.add(print));
        if prints.len() > 0 {
            let said = log.scan(log.all(), &Wanted { prints: &prints, cases: &Cases::default() })?;
            watch.named.extend(said.into_iter().map(|record| (record.seq, record)));
        }
        watch.looks = watch.named.values().filter_map(|record| Look::of(record, city)).take(LOOKS_MAX).collect();
        Ok(watch)
    }

    /// Whether a record is asked for by its number or its sender's id.
    #[inline]
    pub(super) fn names(&self, record: &Record) -> bool {
        self.named.contains_key(&record.seq)
    }

    /// Whether a record looks like one that is asked for and comes later.
    #[inline]
    pub(super) fn is_alike(&self, record: &Record) -> bool {
        self.looks.iter().any(|look| look.is_like(record))
    }
}

/// What a report looks like to its head: another that looks alike may have opened the case that it belongs to.
#[derive(Clone)]
pub(super) struct Look {
    seq: Seq,
    fingerprint: Fingerprint,
    head: Head,
    radius2_cm: u64,
}

impl Look {
    pub(super) fn of(record: &Record, city: &City) -> Option<Self> {
        let Input::Report(head) = record.input else { return None };
        let class = city.classes.get(head.class.index());
        let radius2_cm = match class.map(|class| city.policies[usize::from(class.policy)].same_place) {
            Some(SamePlace::Radius { cm }) => u64::from(cm) * u64::from(cm),
            _ => 0,
        };
        Some(Self { seq: record.seq, fingerprint: record.origin.fingerprint, head, radius2_cm })
    }

    #[inline]
    pub(super) fn is_like(&self, record: &Record) -> bool {
        if record.origin.fingerprint == self.fingerprint {
            return record.seq < self.seq;
        }
        match &record.input {
            Input::Report(head) if head.class == self.head.class => record.seq < self.seq && self.is_at(head),
            _ => false,
        }
    }

    fn is_at(&self, head: &Head) -> bool {
        let own = &self.head;
        (own.cell.is_some() && own.cell == head.cell)
            || (own.component != 0 && own.component == head.component)
            || (own.address != 0 && own.address == head.address)
            || (own.point.is_some() && head.point.is_some() && distance2_cm(own.point, head.point) <= self.radius2_cm)
    }
}
