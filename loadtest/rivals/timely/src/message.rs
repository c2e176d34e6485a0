//! What workers send each other.

use hashbrown::DefaultHashBuilder;
use loadtest::job::{Report, Source};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::hash::BuildHasher;

/// A report that owns its id.
#[derive(Clone, Serialize, Deserialize)]
pub struct Message {
    /// Over source and id.
    pub hash: u64,
    id: SmolStr,
    escaped: bool,
    source: Source,
    ts: u64,
    category: u32,
    column: u32,
    row: u32,
}

impl Message {
    /// The message that says `report`. Every worker must hash by clones of one `hasher`: it decides who gets what.
    pub fn of(report: &Report, hasher: &DefaultHashBuilder) -> Self {
        let &Report { source, ref id, ts, category, column, row } = report;
        let (hash, escaped) = (hasher.hash_one((source, &**id)), matches!(id, Cow::Owned(_)));
        Self { hash, id: SmolStr::new(id), escaped, source, ts, category, column, row }
    }

    /// The report that it says.
    pub fn report(&self) -> Report<'_> {
        let &Self { ref id, escaped, source, ts, category, column, row, .. } = self;
        let id = if escaped { Cow::Owned(id.to_string()) } else { Cow::Borrowed(id.as_str()) };
        Report { source, id, ts, category, column, row }
    }
}
