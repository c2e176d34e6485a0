//! Reports without end for the mind alone, so many to a window that a chosen number of ids and cases stays alive.

use loadtest::bench_city::{AREA_CELLS, AREA_COLUMNS, CATEGORIES, CELL_HEIGHT, CELL_WIDTH, COLUMNS, ROWS, SOUTH, WEST};
use paidan::geo::Point;
use paidan::ids::{AreaId, CellId, ClassId, ConditionId, DepartmentId, Seq, SourceId};
use paidan::record::{BodyRef, Head, Input, Origin, Record};
use paidan::report::Urgency;
use paidan::time::At;

use crate::KEY;

/// Length of all windows of the measured city in milliseconds: a day.
pub const WINDOW_MS: i64 = 24 * 60 * 60_000;
/// Places in which a case may be: a cell and a class each.
pub const PLACES: u64 = CELLS * CLASSES;
const CELLS: u64 = (COLUMNS * ROWS) as u64;
const CLASSES: u64 = CATEGORIES.len() as u64;

/// How the reports of a stream repeat each other.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mix {
    /// First reports in the time of a window.
    pub in_a_window: u64,
    /// Percent of lines that repeat an id of the window.
    pub resent: u64,
    /// How many places the other reports lie in.
    pub places: u64,
    /// How the repeated id, or the place, is drawn.
    pub drawn: Drawn,
}

/// How one of many is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Drawn {
    /// Each as likely as the others.
    Evenly,
    /// By Zipf's law with exponent 1: the first half of all draws falls on a few.
    Zipf,
    /// Half of all draws fall on the first alone.
    Hot,
    /// One after the other.
    InTurn,
}

/// SplitMix64 (Steele, Lea and Flood, 2014): any number is a state, so no draw needs the one before.
const fn mixed(number: u64) -> u64 {
    let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Drawn {
    /// A number below `count`, for the n-th draw.
    fn draw(self, n: u64, count: u64) -> u64 {
        let bits = mixed(n);
        let evenly = ((u128::from(bits) * u128::from(count)) >> 64) as u64;
        match self {
            Self::Evenly => evenly,
            // The inverse of the continuous law: count^u - 1 for u in 0..1.
            Self::Zipf => ((count as f64).powf((bits >> 11) as f64 / (1_u64 << 53) as f64) as u64).min(count) - 1,
            Self::Hot if bits & 1 == 0 => 0,
            Self::Hot => ((u128::from(mixed(bits)) * u128::from(count)) >> 64) as u64,
            Self::InTurn => n % count,
        }
    }
}

/// The reports of a mix, in order.
pub struct Stream {
    /// May be changed on the way.
    pub mix: Mix,
    /// Lines so far.
    lines: u64,
    /// Ids so far, which are numbered from 0.
    ids: u64,
}

impl Stream {
    /// From its beginning.
    pub const fn new(mix: Mix) -> Self {
        Self { mix, lines: 0, ids: 0 }
    }

    /// First reports so far.
    pub const fn ids(&self) -> u64 {
        self.ids
    }

    /// The next records.
    pub fn fill(&mut self, records: &mut Vec<Record>, count: usize) {
        records.clear();
        records.extend((0..count).map(|_| self.next()));
    }

    fn next(&mut self) -> Record {
        self.lines += 1;
        let number = self.lines;
        let is_resent = mixed(!number) % 100 < self.mix.resent && self.ids > 0;
        let id = if is_resent {
            // Of the same slice of time: alive whatever the kind of window.
            let alive = (self.ids - 1) % self.mix.in_a_window + 1;
            self.ids - 1 - self.mix.drawn.draw(number, alive)
        } else {
            self.ids += 1;
            self.ids - 1
        };
        self.report(number, id)
    }

    fn report(&self, number: u64, id: u64) -> Record {
        let time = |id: u64| At((u128::from(id) * WINDOW_MS as u128 / u128::from(self.mix.in_a_window)) as i64);
        let drawn = self.mix.drawn.draw(id, self.mix.places);
        // Neighbours in rank are none on the map.
        let place = drawn * 7_919 % PLACES;
        let (cell, class) = ((place % CELLS) as u32, place / CELLS);
        let (row, column) = (cell / COLUMNS, cell % COLUMNS);
        let point = Point { lng: WEST + (column * CELL_WIDTH) as i32, lat: SOUTH + (row * CELL_HEIGHT) as i32 };
        let area = row / AREA_CELLS * AREA_COLUMNS + column / AREA_CELLS;
        Record {
            seq: Seq(number),
            at: time(self.ids - 1),
            origin: Origin {
                source: SourceId(0),
                fingerprint: KEY.fingerprint(b"hotline", &id.to_le_bytes()),
                body_hash: id,
                event_time: Some(time(id)),
                body: BodyRef::default(),
            },
            input: Input::Report(Head {
                point,
                cell: CellId(cell),
                area: AreaId(area as u16),
                class: ClassId(class as u16),
                condition: ConditionId::NONE,
                against: DepartmentId::NONE,
                confidence: 1000,
                urgency: Urgency::C,
                keep_late: false,
                reporter: 0,
                component: 0,
                address: 0,
            }),
        }
    }
}
