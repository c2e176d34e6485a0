//! The bench job in plain form, from the bytes of a file to its answer. It shares nothing with paidan or the load generator.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

/// A right answer.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// Lines that are no JSON object, or break a rule.
    pub rejected: u64,
    /// Reports that were said before.
    pub duplicate: u64,
    /// Reports that were said for the first time.
    pub unique: u64,
    /// Those of them that are near another one.
    pub merged: u64,
    /// Those that became a case.
    pub opened: u64,
    /// How many cases each unit got, of those that got any.
    pub loads: BTreeMap<u32, u64>,
}

/// A report that breaks no rule.
struct Report<'a> {
    source: &'a str,
    id: &'a str,
    /// Ten minutes of event time.
    bucket: u64,
    column: u32,
    row: u32,
    category: u32,
}

const TOPICS: [&str; 12] = [
    "road",
    "water",
    "power",
    "gas",
    "sanitation",
    "greening",
    "noise",
    "parking",
    "building",
    "fire",
    "public-order",
    "livelihood",
];
const KINDS: [&str; 5] = ["damage", "leak", "overflow", "blocked", "complaint"];

/// The right answer for the lines of a file. It forgets nothing, so the order of the lines does not matter.
pub fn answer(file: &[u8]) -> Answer {
    let mut answer = Answer::default();
    let (mut said, mut cases, mut pools) = (HashSet::new(), HashSet::new(), HashMap::<u32, u64>::new());
    for line in file.strip_suffix(b"\n").unwrap_or(file).split(|byte| *byte == b'\n') {
        let parsed = serde_json::from_slice::<Map<String, Value>>(line);
        let Some(report) = parsed.as_ref().ok().and_then(understand) else {
            answer.rejected += 1;
            continue;
        };
        if !said.insert((report.source.to_owned(), report.id.to_owned(), report.bucket)) {
            answer.duplicate += 1;
            continue;
        }
        answer.unique += 1;
        if !cases.insert((report.column, report.row, report.category, report.bucket)) {
            answer.merged += 1;
            continue;
        }
        answer.opened += 1;
        let department = (report.category * 7 + 3) % 40;
        let area = report.row / 50 * 10 + report.column / 50;
        *pools.entry(department * 120 + area).or_default() += 1;
    }
    answer.loads = pools.into_iter().flat_map(|(pool, cases)| dealt(pool, cases)).collect();
    answer
}

/// Cases go to the least loaded of a pool's eight units, the first of several: they are dealt in turn.
fn dealt(pool: u32, cases: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..8).map(move |unit| (pool * 8 + unit as u32, (cases + 7 - unit) / 8)).filter(|(_, load)| *load > 0)
}

fn understand(fields: &Map<String, Value>) -> Option<Report<'_>> {
    let source = fields.get("source")?.as_str().filter(|name| ["hotline", "sensor", "app"].contains(name))?;
    let id = fields.get("id")?.as_str().filter(|id| !id.is_empty() && id.len() <= 64)?;
    let ts = fields.get("ts")?.as_u64().filter(|ts| *ts > 0)?;
    let east =
        micro_degrees(fields.get("lng")?)?.checked_sub(121_450_000).filter(|east| (0..500_000).contains(east))?;
    let north =
        micro_degrees(fields.get("lat")?)?.checked_sub(30_900_000).filter(|north| (0..500_000).contains(north))?;
    let category = category(fields.get("category")?.as_str()?)?;
    Some(Report { source, id, bucket: ts / 600_000, column: east as u32 / 1_049, row: north as u32 / 902, category })
}

fn micro_degrees(value: &Value) -> Option<i64> {
    value.as_f64().map(|degrees| (degrees * 1e6).round() as i64)
}

/// The number of a category: its topic's, then its kind's.
fn category(word: &str) -> Option<u32> {
    let (topic, kind) = word.rsplit_once('.')?;
    let topic = TOPICS.iter().position(|known| *known == topic)?;
    let kind = KINDS.iter().position(|known| *known == kind)?;
    Some((topic * KINDS.len() + kind) as u32)
}
