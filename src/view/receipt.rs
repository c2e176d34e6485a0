//! Receipts: what a sender is told of each line that it sent, once that is on the disk.
//!
//! A receipt is a fold of a record's effects like everything else: the tracking number by which the report can be asked for
//! later, and the answer. A line that says again what was said before gets the tracking number of the first.

use utoipa::ToSchema;

use super::decision::{Decisions, Line, doubt_word, refusal_word, word};
use super::paper::Paper;
use crate::effect::Effect;
use crate::ids::{CaseId, Seq, Tracking};
use crate::record::{Input, Record};
use crate::view::words::FieldName;

// `Decisions::receipt` writes it without making one.
/// What became of a line. What does not apply is absent.
#[derive(ToSchema, Debug)]
#[schema(as = Receipt)]
#[expect(dead_code, reason = "it is read as a schema")]
pub struct ReceiptMembers<'a> {
    /// The line of the delivery, counted from 1.
    line: u64,
    /// The source, if the line named one that the city knows.
    #[schema(required)]
    source: Option<&'a str>,
    /// The id that the source gave it, if there is one.
    id: Option<&'a str>,
    /// By which the report is asked for; of a duplicate, that of the first.
    #[schema(nullable = false, example = "SL000000000195")]
    tracking: Option<&'a str>,
    /// What became of it.
    #[schema(value_type = AnswerWord)]
    answer: &'a str,
    /// Its case.
    #[schema(nullable = false)]
    case: Option<u64>,
    /// The order that was given, or that an action names.
    #[schema(nullable = false, example = "1-1")]
    order: Option<&'a str>,
    /// The department that has it.
    department: Option<&'a str>,
    /// The unit that has it.
    unit: Option<&'a str>,
    /// Why it is refused, or why people must look at it.
    #[schema(nullable = false)]
    reason: Option<&'a str>,
    /// The field that is wrong.
    #[schema(nullable = false, value_type = Option<FieldName>)]
    field: Option<&'a str>,
    /// Where in the line, in bytes from its start.
    #[schema(nullable = false)]
    at: Option<u64>,
    /// How late it came.
    #[schema(nullable = false)]
    late_ms: Option<i64>,
    /// It came late, and is decided about all the same.
    #[schema(nullable = false)]
    late: Option<bool>,
    /// It was said before, in other words.
    #[schema(nullable = false)]
    conflict: Option<bool>,
}

/// What can become of a line.
#[derive(ToSchema, Debug)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is read as a schema")]
enum AnswerWord {
    /// It opened a case.
    Opened,
    /// It joined an open case.
    Merged,
    /// It was said before.
    Duplicate,
    /// It opened a case that people must look at.
    Review,
    /// It is not accepted.
    Refused,
    /// The unit took the order.
    Accepted,
    /// The unit gave the order back.
    Returned,
    /// The unit finished the order.
    Done,
    /// The case is closed.
    Closed,
    /// People decided about the case.
    Ruled,
    /// The unit's status is changed.
    Unit,
}

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
                let handed = handed(effects, case);
                told.tracking(record.seq);
                let is_review = matches!(handed, Some(Effect::Review { .. }));
                told.text(",\"answer\":\"", if is_review { "review" } else { "opened" });
                told.case(case);
                told.handed(handed);
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
            Effect::Ruled { case, .. } => {
                told.tracking(record.seq);
                told.text(",\"answer\":\"", "ruled");
                told.case(case);
                told.handed(handed(effects, case));
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

/// What became of a case with a record; a unit that became free may have got another one with the same.
fn handed(effects: &[(Seq, Effect)], case: CaseId) -> Option<&Effect> {
    let is_handing = |effect: &&Effect| {
        let hands = matches!(effect, Effect::Assigned { .. } | Effect::Waiting { .. } | Effect::Review { .. });
        hands && effect.case() == Some(case)
    };
    effects.iter().map(|(_, effect)| effect).find(is_handing)
}

impl Line<'_, '_> {
    /// Who has a case now, or why people must look at it.
    fn handed(&mut self, handed: Option<&Effect>) {
        match handed {
            Some(Effect::Assigned { order, unit, department, .. }) => {
                self.order(*order);
                self.department(*department);
                self.unit(*unit);
            }
            Some(Effect::Waiting { department, .. }) => self.department(*department),
            Some(Effect::Review { doubt, .. }) => self.text(",\"reason\":\"", doubt_word(*doubt)),
            _ => {}
        }
    }

    /// By which a report is asked for.
    fn tracking(&mut self, seq: Seq) {
        self.text(",\"tracking\":\"", &Tracking(seq).to_string());
    }
}
