//! The rules of the bench job in the form that a fast program wants: what a line says, which ids were there, whose turn it
//! is, and how an assignment is written. The reference is made of these, and so is every rival in Rust, so that a ratio
//! compares engines and not parsers.

use crate::bench_city::*;
use crate::counts::{Counts, fnv1a};
use hashbrown::{HashMap, HashTable, hash_table::Entry};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

const CASE_KEY: &str = "{\"case\":\"";

/// Who may send reports.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// 热线
    Hotline,
    /// 传感器
    Sensor,
    /// 市民应用
    App,
}

impl Source {
    fn of(word: &str) -> Option<Self> {
        match word {
            "hotline" => Some(Self::Hotline),
            "sensor" => Some(Self::Sensor),
            "app" => Some(Self::App),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Hotline => "hotline",
            Self::Sensor => "sensor",
            Self::App => "app",
        }
    }
}

/// A report that the job accepts.
pub struct Report<'a> {
    /// Who sends it.
    pub source: Source,
    /// Its id; owned if the line wrote it with escapes.
    pub id: Cow<'a, str>,
    /// Event time in milliseconds.
    pub ts: u64,
    /// Index into [`CATEGORIES`].
    pub category: u32,
    /// Cells east of the west edge.
    pub column: u32,
    /// Cells north of the south edge.
    pub row: u32,
}

impl Report<'_> {
    /// The number of its ten minutes.
    pub fn bucket(&self) -> u64 {
        self.ts / BUCKET_MS
    }

    /// Cell and category in one number: its case, within its bucket.
    pub fn case(&self) -> u32 {
        self.cell() * CATEGORIES.len() as u32 + self.category
    }

    /// The units that can get its case.
    pub fn pool(&self) -> u32 {
        self.department() * AREAS + self.area()
    }

    fn cell(&self) -> u32 {
        self.row * COLUMNS + self.column
    }

    fn area(&self) -> u32 {
        self.row / AREA_CELLS * AREA_COLUMNS + self.column / AREA_CELLS
    }

    fn department(&self) -> u32 {
        department_of(self.category as usize)
    }
}

/// Why a line is no report.
pub enum Refused {
    /// It is not a JSON object.
    Malformed,
    /// It breaks a rule of the job.
    Invalid,
}

/// The fields that the job reads. An absent one gets a value that the job refuses.
#[derive(Deserialize, Default)]
#[serde(default, bound = "'de: 'a")]
struct Event<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    ts: i64,
    lng: f64,
    lat: f64,
    #[serde(borrow)]
    category: Cow<'a, str>,
}

/// Reads lines.
pub struct Reader {
    categories: HashMap<&'static str, u32>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { categories: CATEGORIES.iter().copied().zip(0..).collect() }
    }
}

impl Reader {
    /// What `line` says: a typed borrowed parse by `sonic-rs`, then the rules.
    pub fn read<'a>(&self, line: &'a [u8]) -> Result<Report<'a>, Refused> {
        match sonic_rs::from_slice::<Event>(line) {
            // An array of six would be an event to serde as well.
            _ if !line.trim_ascii_start().starts_with(b"{") => Err(Refused::Malformed),
            Ok(event) => self.report(event).ok_or(Refused::Invalid),
            // A field of another type makes an object invalid, not malformed.
            Err(_) if sonic_rs::from_slice::<sonic_rs::Value>(line).is_ok() => Err(Refused::Invalid),
            Err(_) => Err(Refused::Malformed),
        }
    }

    fn report<'a>(&self, event: Event<'a>) -> Option<Report<'a>> {
        let source = Source::of(&event.source)?;
        let right = (1..=ID_BYTES_MAX).contains(&event.id.len())
            && event.ts > 0
            && (121.45..121.95).contains(&event.lng)
            && (30.9..31.4).contains(&event.lat);
        let category = *self.categories.get(&*event.category).filter(|_| right)?;
        let column = ((event.lng * 1e6).round() as i32 - WEST) as u32 / CELL_WIDTH;
        let row = ((event.lat * 1e6).round() as i32 - SOUTH) as u32 / CELL_HEIGHT;
        Some(Report { source, id: event.id, ts: event.ts as u64, category, column, row })
    }
}

impl Counts {
    /// Counts a line that is no report.
    pub fn refuse(&mut self, why: Refused) {
        match why {
            Refused::Malformed => self.malformed += 1,
            Refused::Invalid => self.invalid += 1,
        }
        self.rejected += 1;
    }
}

/// The ids of ten minutes.
#[derive(Default)]
pub struct Ids {
    /// Length, source and id of every report, one after the other.
    names: Vec<u8>,
    /// Hash of each and where it begins: eight bytes, so that the table stays small.
    table: HashTable<(u32, u32)>,
}

impl Ids {
    /// Whether `id` of `source` is new here. `hash` is one over both; its low half is used.
    pub fn insert(&mut self, hash: u64, source: Source, id: &str) -> bool {
        let first = self.names.len();
        self.names.extend_from_slice(&[id.len() as u8, source as u8]);
        self.names.extend_from_slice(id.as_bytes());
        let (hash, name) = (hash as u32, &self.names[first..]);
        let spread = |hash: u32| u64::from(hash) << 32 | u64::from(hash);
        // A name begins with its length, so a prefix that is equal is all of it.
        let same = |seen: &(u32, u32)| seen.0 == hash && self.names[seen.1 as usize..].starts_with(name);
        match self.table.entry(spread(hash), same, |seen| spread(seen.0)) {
            Entry::Occupied(_) => self.names.truncate(first),
            Entry::Vacant(slot) => {
                slot.insert((hash, u32::try_from(first).expect("ten minutes have less than 4 GiB of ids")));
            }
        }
        self.names.len() > first
    }
}

/// How many cases every unit has got.
pub struct Loads(Vec<u32>);

impl Default for Loads {
    fn default() -> Self {
        Self(vec![0; UNITS])
    }
}

impl Loads {
    /// One more case for the unit of the pool with the smallest load, the first of several: its number.
    pub fn assign(&mut self, pool: u32) -> u32 {
        let first = (pool * POOL) as usize;
        let unit = (first..first + POOL as usize).min_by_key(|unit| self.0[*unit]).unwrap_or(first);
        self.count(unit);
        unit as u32
    }

    /// One more case for `unit`.
    pub fn count(&mut self, unit: usize) {
        self.0[unit] += 1;
    }

    /// Adds the loads of others.
    pub fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(&others.0).for_each(|(load, other)| *load += other);
    }

    /// The digest by which answers are compared.
    pub fn digest(&self) -> u64 {
        fnv1a(self.0.iter().flat_map(|load| load.to_le_bytes()))
    }
}

/// Lines of assignments on their way out.
#[derive(Default)]
pub struct Assignments {
    /// The lines.
    pub text: Vec<u8>,
    /// Wrapping sum over the names of all cases ever written; none if it was not asked for.
    pub case_sum: Option<u64>,
}

impl Assignments {
    /// Writes that the case of `report` goes to `unit`.
    pub fn write(&mut self, report: &Report, unit: u32) {
        let (out, mut digits) = (&mut self.text, itoa::Buffer::new());
        let case = out.len() + CASE_KEY.len();
        put(out, CASE_KEY, digits.format(report.cell()));
        put(out, "-", digits.format(report.category));
        put(out, "-", digits.format(report.bucket()));
        self.case_sum = self.case_sum.map(|sum| sum.wrapping_add(fnv1a(out[case..].iter().copied())));
        put(out, "\",\"source\":\"", report.source.word());
        // Only an id that was escaped in the input can need it again.
        let quoted =
            matches!(report.id, Cow::Owned(_)).then(|| sonic_rs::to_string(&report.id).expect("a text is JSON"));
        put(out, "\",\"id\":\"", quoted.as_deref().map_or(&*report.id, |quoted| &quoted[1..quoted.len() - 1]));
        put(out, "\",\"ts\":", digits.format(report.ts));
        put(out, ",\"cx\":", digits.format(report.column));
        put(out, ",\"cy\":", digits.format(report.row));
        put(out, ",\"category\":\"", CATEGORIES[report.category as usize]);
        put(out, "\",\"dept\":", digits.format(report.department()));
        put(out, ",\"area\":", digits.format(report.area()));
        put(out, ",\"unit\":", digits.format(unit));
        put(out, "}\n", "");
    }
}

fn put(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(value.as_bytes());
}
