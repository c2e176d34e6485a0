//! What became of a report, in a few words: for whoever sent it and asks by its tracking number.

use serde::Serialize;
use utoipa::ToSchema;

use super::Explanation;
use crate::ids::{Seq, Tracking};

/// What became of a report. Nothing of what it says is in it.
#[derive(Serialize, ToSchema, Clone, PartialEq, Eq, Debug)]
#[schema(as = ReportTold)]
pub struct ReportTold<'a> {
    /// Its number in the log.
    record: u64,
    /// By which it is asked for; of a duplicate, that of the first.
    #[schema(required, example = "SL000000000195")]
    tracking: Option<String>,
    /// The source, if the line named one that the city knows.
    #[schema(required)]
    source: Option<&'a str>,
    /// The source's id.
    #[schema(required)]
    id: Option<String>,
    /// When it happened, if it said so: in milliseconds since 1970.
    #[schema(required)]
    time: Option<i64>,
    /// When it came in: log time.
    at: i64,
    /// What became of it: opened, merged, duplicate, review or refused.
    answer: &'static str,
    /// Why it was refused, or why people must look at it.
    #[schema(required)]
    reason: Option<&'static str>,
    /// The case that it is part of: `/v1/cases/N` tells how it is now.
    #[schema(required)]
    case: Option<u64>,
}

impl<'a> Explanation<'a> {
    /// What became of the report that the story begins with; nothing where it begins with something else.
    pub fn brief(&self) -> Option<ReportTold<'a>> {
        let came_in = &self.came_in;
        let (answer, reason) = self.answer()?;
        let first = self.dedup.as_ref().and_then(|dedup| dedup.of).map(|of| Tracking(Seq(of)).to_string());
        Some(ReportTold {
            record: came_in.record,
            tracking: first.or_else(|| came_in.tracking.clone()),
            source: came_in.source,
            id: came_in.id.clone(),
            time: came_in.time,
            at: came_in.at,
            answer,
            reason,
            case: self.case.as_ref().map(|case| case.case),
        })
    }

    fn answer(&self) -> Option<(&'static str, Option<&'static str>)> {
        if let Some(rejected) = &self.rejected {
            return Some(("refused", Some(rejected.reason)));
        }
        let dedup = self.dedup.as_ref().filter(|_| self.understood.is_some())?;
        let handed = self.case.as_ref().and_then(|case| case.handings.first());
        let handed = handed.filter(|handed| handed.record == self.came_in.record);
        Some(match dedup.answer {
            "duplicate" => ("duplicate", None),
            "late" if !dedup.dispatched_late => ("refused", Some("late")),
            _ if self.merging.as_ref().is_some_and(|merging| merging.joined.is_some()) => ("merged", None),
            _ => match handed.and_then(|handed| handed.doubt) {
                Some(doubt) => ("review", Some(doubt)),
                None => ("opened", None),
            },
        })
    }
}
