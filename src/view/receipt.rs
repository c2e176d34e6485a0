//! Receipts: what a sender is told of each line that it sent, once that is on the disk.
//!
//! A receipt is a fold of a record's effects like everything else: the tracking number by which the report can be asked for
//! later, and the answer. A line that says again what was said before gets the tracking number of the first.

use super::decision::{Decisions, Line, doubt_word, refusal_word, word};
use super::paper::Paper;
use crate::effect::Effect;
use crate::ids::{Seq, Tracking};
use crate::record::{Input, Record};

impl Decisions<'_> {
    /// Writes the receipt for a line of a delivery, counted from 1. `effects` are those of its record.
    pub fn receipt(&self, line: u64, record: &Record, effects: &[(Seq, Effect)], body: &[u8], out: &mut Paper) {
        let mut told = Line { all: self, out };
        told.out.constant(b"{\"line\":");
        told.out.decimal(line, 1);
        told.origin(record, body);
        let Some((_, first)) = effects.first() else {
            unreachable!("every record has an effect");
        };
        match *first {
            Effect::Opened { case, late, .. } => {
                // What became of the case; a unit that became free may have got another one with the same record.
                let is_handing = |effect: &&Effect| {
                    let hands =
                        matches!(effect, Effect::Assigned { .. } | Effect::Waiting { .. } | Effect::Review { .. });
                    hands && effect.case() == Some(case)
                };
                let handed = effects.iter().map(|(_, effect)| effect).find(is_handing);
                told.tracking(record.seq);
                told.text(
                    ",\"answer\":\"",
                    if matches!(handed, Some(Effect::Review { .. })) { "review" } else { "opened" },
                );
                told.case(case);
                match handed {
                    Some(Effect::Assigned { order, unit, department, .. }) => {
                        told.order(*order);
                        told.department(*department);
                        told.unit(*unit);
                    }
                    Some(Effect::Waiting { department, .. }) => told.department(*department),
                    Some(Effect::Review { doubt, .. }) => told.text(",\"reason\":\"", doubt_word(*doubt)),
                    _ => {}
                }
                told.flag("late", late);
            }
            Effect::Merged { case, late, .. } => {
                told.tracking(record.seq);
                told.text(",\"answer\":\"", "merged");
                told.case(case);
                told.flag("late", late);
            }
            Effect::Duplicate { of, case, conflict, .. } => {
                told.tracking(of);
                told.text(",\"answer\":\"", "duplicate");
                told.case(case);
                told.flag("conflict", conflict);
            }
            Effect::Tallied { field, reason, .. } => {
                told.text(",\"answer\":\"", "refused");
                told.text(",\"reason\":\"", reason.name());
                told.text(",\"field\":\"", field.name());
                if let Input::Tally(tally) = &record.input {
                    told.out.constant(b",\"at\":");
                    told.out.decimal(u64::from(tally.wrong_at), 1);
                }
            }
            Effect::Expired { late_ms, .. } => {
                told.text(",\"answer\":\"", "refused");
                told.text(",\"reason\":\"", "late");
                told.out.constant(b",\"late_ms\":");
                told.out.time(late_ms);
            }
            Effect::Refused { order, why, .. } => {
                told.text(",\"answer\":\"", "refused");
                told.text(",\"reason\":\"", refusal_word(why));
                told.order(order);
            }
            ref applied => {
                told.tracking(record.seq);
                told.text(",\"answer\":\"", word(applied));
                if let Some(case) = applied.case() {
                    told.case(case);
                }
            }
        }
        told.out.constant(b"}\n");
    }
}

impl Line<'_, '_> {
    /// By which a report is asked for.
    fn tracking(&mut self, seq: Seq) {
        self.text(",\"tracking\":\"", &Tracking(seq).to_string());
    }
}
