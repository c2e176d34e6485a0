//! The dataflow: `unique` (by id) → `assign` (by pool: it holds all cases of a cell and category, so merging and assigning need
//! one exchange).
//!
//! Times are low watermarks in milliseconds of event time, so the frontier says which buckets are over.

use crate::message::Message;
use hashbrown::HashSet;
use loadtest::bench_city::BUCKET_MS;
use loadtest::counts::Counts;
use loadtest::job::{Assignments, Ids, Loads};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::{Operator, Probe};
use timely::dataflow::{ProbeHandle, StreamVec};
use timely::progress::frontier::MutableAntichain;

const BUFFER_BYTES: usize = 1 << 20;

/// Builds the dataflow; it has decided about everything up to where the probe stands.
pub fn dispatch(reports: StreamVec<'_, u64, Message>, output: Output) -> (ProbeHandle<u64>, Decided) {
    let decided = Decided(Rc::new(RefCell::new(Decisions::new(output))));
    let (probe, _) = assign(unique(reports, &decided), &decided).probe();
    (probe, decided)
}

/// Drops the re-sends.
fn unique<'s>(reports: StreamVec<'s, u64, Message>, decided: &Decided) -> StreamVec<'s, u64, Message> {
    let (decided, mut buckets) = (Rc::clone(&decided.0), BTreeMap::<u64, Ids>::new());
    // The set uses the low half of the hash.
    let by_id = Exchange::new(|message: &Message| message.hash >> 32);
    reports.unary_frontier::<CapacityContainerBuilder<Vec<Message>>, _, _, _>(by_id, "unique", |_, _| {
        move |(input, frontier), output| {
            let counts = &mut decided.borrow_mut().counts;
            input.for_each_stamp(|time, messages| {
                let mut session = output.session(&time);
                for message in messages.flat_map(|messages| messages.drain(..)) {
                    let report = message.report();
                    let ids = buckets.entry(report.bucket()).or_default();
                    if ids.insert(message.hash, report.source, &report.id) {
                        counts.unique += 1;
                        drop(report);
                        session.give(message);
                    } else {
                        counts.duplicates += 1;
                    }
                }
            });
            forget(&mut buckets, frontier);
        }
    })
}

/// Merges reports of a case that is there, and gives every other case to a unit.
fn assign<'s>(reports: StreamVec<'s, u64, Message>, decided: &Decided) -> StreamVec<'s, u64, ()> {
    let (decided, mut buckets) = (Rc::clone(&decided.0), BTreeMap::<u64, HashSet<u32>>::new());
    let by_pool = Exchange::new(|message: &Message| u64::from(message.report().pool()));
    reports.unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(by_pool, "assign", |_, _| {
        move |(input, frontier), _output| {
            let decisions = &mut *decided.borrow_mut();
            input.for_each_stamp(|_time, messages| {
                for message in messages.flat_map(|messages| messages.drain(..)) {
                    let report = message.report();
                    if buckets.entry(report.bucket()).or_default().insert(report.case()) {
                        decisions.counts.opened += 1;
                        let unit = decisions.loads.assign(report.pool());
                        decisions.output.assignments.write(&report, unit);
                    } else {
                        decisions.counts.merged += 1;
                    }
                }
                decisions.output.flush_beyond(BUFFER_BYTES);
            });
            forget(&mut buckets, frontier);
        }
    })
}

/// Drops the buckets that no report can come for.
fn forget<T>(buckets: &mut BTreeMap<u64, T>, frontier: &MutableAntichain<u64>) {
    while buckets.first_key_value().is_some_and(|(first, _)| !frontier.less_than(&((first + 1) * BUCKET_MS))) {
        buckets.pop_first();
    }
}

/// What the operators of a worker have decided.
struct Decisions {
    counts: Counts,
    loads: Loads,
    output: Output,
}

impl Decisions {
    fn new(output: Output) -> Self {
        Self { counts: Counts::default(), loads: Loads::default(), output }
    }
}

/// The operators' decisions, to be read when they are done.
pub struct Decided(Rc<RefCell<Decisions>>);

impl Decided {
    /// Writes what is left, and gives the counts and loads.
    pub fn finish(self) -> io::Result<(Counts, Loads)> {
        let decisions = &mut *self.0.borrow_mut();
        decisions.output.flush_beyond(0);
        std::mem::replace(&mut decisions.output.written, Ok(()))?;
        let mut counts = std::mem::take(&mut decisions.counts);
        counts.case_sum = decisions.output.assignments.case_sum;
        Ok((counts, std::mem::take(&mut decisions.loads)))
    }
}

/// The file that all workers write into, whole lines at once, and what this worker has for it.
pub struct Output {
    file: Arc<Mutex<File>>,
    assignments: Assignments,
    /// The first failure; nothing is written after it.
    written: io::Result<()>,
}

impl Output {
    /// A worker's share of `file`.
    pub fn new(file: Arc<Mutex<File>>, case_sum: bool) -> Self {
        let assignments = Assignments { case_sum: case_sum.then_some(0), ..Assignments::default() };
        Self { file, assignments, written: Ok(()) }
    }

    /// Writes if more than `bytes` have come together.
    fn flush_beyond(&mut self, bytes: usize) {
        let text = &mut self.assignments.text;
        if text.len() > bytes {
            if self.written.is_ok() {
                self.written = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text);
            }
            text.clear();
        }
    }
}
