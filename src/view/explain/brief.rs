//! What became of a report, in a few words: for whoever sent it and asks by its tracking number.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Explanation;
use crate::view::ReceiptMembers;

/// What became of a report. Nothing of what it says is in it.
#[derive(Serialize, ToSchema, Clone, PartialEq, Eq, Debug)]
#[schema(as = ReportTold)]
pub struct ReportTold {
    /// Its number in the log.
    record: u64,
    /// When it happened, if it said so: in milliseconds since 1970.
    #[schema(required)]
    time: Option<i64>,
    /// When it came in: log time.
    at: i64,
    /// The receipt that its sender got, as of a delivery of this line alone. `/v1/cases/N` tells how its case is now.
    #[schema(value_type = ReceiptMembers)]
    receipt: Value,
}

impl Explanation<'_> {
    /// What became of the report that the story begins with; nothing where it begins with something else.
    pub fn brief(&self) -> Option<ReportTold> {
        let (came_in, receipt) = (&self.came_in, self.receipt.clone()?);
        Some(ReportTold { record: came_in.record, time: came_in.time, at: came_in.at, receipt })
    }
}
