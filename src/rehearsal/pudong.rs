//! The built-in city, as far as whoever writes reports for it must know it: its raster, its classes and its sources. Read from
//! the city's own files, so that a change of those is a change here.

use std::sync::LazyLock;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::rehearsal::rng::Rng;
pub use crate::report::Urgency;

const SETTINGS: &str = include_str!("../city/pudong/city.toml");
const CLASSES: &str = include_str!("../city/pudong/classes.csv");
const AREAS: &str = include_str!("../city/pudong/areas.csv");

/// The letter of an urgency.
fn from_letter<'de, D: Deserializer<'de>>(input: D) -> Result<Urgency, D::Error> {
    let letter = String::deserialize(input)?;
    Urgency::from_letter(&letter).ok_or_else(|| D::Error::custom(format!("urgency \"{letter}\" is not A, B or C")))
}

/// Position of a class in the city's table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClassId(pub u16);

/// Position of a source in the city's settings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SourceId(pub u8);

/// A cell, counted from the south-west corner, row by row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CellId(pub u32);

/// A place in micro-degrees of CGCS2000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    /// Longitude.
    pub lng: i32,
    /// Latitude.
    pub lat: i32,
}

/// Micro-degrees to 1,000 m towards the east at 31.1° N, the middle of the district.
const EAST_PER_KM: i32 = 10_502;
/// Micro-degrees to 1,000 m towards the north.
const NORTH_PER_KM: i32 = 8_993;

impl Spot {
    /// The place so many metres further east and north, within 2 % anywhere in the district.
    pub const fn moved(self, east_m: i32, north_m: i32) -> Self {
        Self { lng: self.lng + east_m * EAST_PER_KM / 1_000, lat: self.lat + north_m * NORTH_PER_KM / 1_000 }
    }
}

/// One class of the catalogue.
#[derive(Deserialize, Debug)]
pub struct Class {
    /// Its code.
    pub code: String,
    /// What it is called; also a category word of the city.
    pub name_zh: String,
    /// How pressing its matters are.
    #[serde(deserialize_with = "from_letter")]
    pub urgency: Urgency,
    policy: String,
}

/// What makes a report of a source as urgent as it is.
#[derive(Deserialize, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// The least urgency of what it says.
    #[serde(deserialize_with = "from_letter")]
    pub urgency: Urgency,
    /// Whether its own word on urgency counts.
    #[serde(default)]
    pub trust_urgency: bool,
    dedup: Window,
}

#[derive(Deserialize, Debug)]
struct Window {
    minutes: u32,
    grace_s: u32,
}

impl Window {
    const fn ms(&self) -> u64 {
        self.minutes as u64 * 60_000 + self.grace_s as u64 * 1_000
    }
}

#[derive(Deserialize)]
struct Policy {
    name: String,
    merge: Window,
}

/// A raster of equal cells with areas that are blocks of it.
#[derive(Deserialize, Debug)]
pub struct Grid {
    west: i32,
    south: i32,
    east: i32,
    north: i32,
    cell_width: i32,
    cell_height: i32,
    area_columns: u32,
    area_rows: u32,
}

/// Micro-degrees that places keep from the edges of their cell, so that no way of writing them carries one across.
const EDGE: i32 = 5;

impl Grid {
    /// Cells from west to east.
    pub const fn columns(&self) -> u32 {
        ((self.east - self.west) as u32).div_ceil(self.cell_width as u32)
    }

    /// Cells from south to north.
    pub const fn rows(&self) -> u32 {
        ((self.north - self.south) as u32).div_ceil(self.cell_height as u32)
    }

    /// Number of cells.
    pub const fn cells(&self) -> u32 {
        self.columns() * self.rows()
    }

    /// The cell that a place lies in; the nearest one if it lies outside.
    pub fn cell(&self, spot: Spot) -> CellId {
        let column = (spot.lng.clamp(self.west, self.east - 1) - self.west) / self.cell_width;
        let row = (spot.lat.clamp(self.south, self.north - 1) - self.south) / self.cell_height;
        CellId(row as u32 * self.columns() + column as u32)
    }

    /// The cell's south-west and north-east corner, drawn in by [`EDGE`].
    fn inner(&self, cell: CellId) -> (Spot, Spot) {
        let west = self.west + (cell.0 % self.columns()) as i32 * self.cell_width;
        let south = self.south + (cell.0 / self.columns()) as i32 * self.cell_height;
        let (east, north) = ((west + self.cell_width).min(self.east), (south + self.cell_height).min(self.north));
        (Spot { lng: west + EDGE, lat: south + EDGE }, Spot { lng: east - EDGE, lat: north - EDGE })
    }

    /// A place in a cell, each as likely.
    pub(crate) fn inside(&self, cell: CellId, rng: &mut Rng) -> Spot {
        let (low, high) = self.inner(cell);
        let along = |low: i32, high: i32, rng: &mut Rng| low + rng.below((high - low) as u32) as i32;
        Spot { lng: along(low.lng, high.lng, rng), lat: along(low.lat, high.lat, rng) }
    }

    /// The place in `cell` that is nearest to a spot.
    pub fn kept_in(&self, cell: CellId, spot: Spot) -> Spot {
        let (low, high) = self.inner(cell);
        Spot { lng: spot.lng.clamp(low.lng, high.lng), lat: spot.lat.clamp(low.lat, high.lat) }
    }
}

/// The city.
pub struct Pudong {
    /// Its raster.
    pub grid: Grid,
    classes: Vec<Class>,
    sources: Vec<Source>,
    areas: Vec<String>,
    /// How long cases of each class can be joined, in milliseconds, the time for late reports included.
    joinable_ms: Vec<u64>,
}

#[derive(Deserialize)]
struct Settings {
    grid: Grid,
    policy: Vec<Policy>,
    source: Vec<Source>,
}

#[derive(Deserialize)]
struct Area {
    code: String,
}

/// The built-in city. Its files are part of the program, so that they can be read was tested when it was built.
pub static PUDONG: LazyLock<Pudong> = LazyLock::new(|| {
    let Settings { grid, policy, source } = toml::from_str(SETTINGS).expect("the built-in city's settings are sound");
    let (areas, classes): (Vec<Area>, Vec<Class>) = (rows(AREAS), rows(CLASSES));
    let window =
        |class: &Class| policy.iter().find(|policy| policy.name == class.policy).map(|policy| policy.merge.ms());
    Pudong {
        grid,
        joinable_ms: classes.iter().map(|class| window(class).expect("a class has a policy of the city")).collect(),
        classes,
        sources: source,
        areas: areas.into_iter().map(|area| area.code).collect(),
    }
});

fn rows<T: for<'a> Deserialize<'a>>(table: &str) -> Vec<T> {
    let rows = csv::Reader::from_reader(table.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>().expect("the built-in city's tables are sound")
}

impl Pudong {
    /// The class of a code that the city has.
    pub fn class_of(&self, code: &str) -> ClassId {
        let found = self.classes.iter().position(|class| class.code == code);
        ClassId(found.unwrap_or_else(|| panic!("the built-in city has no class {code}")) as u16)
    }

    /// The source of a name that the city has.
    pub fn source_of(&self, name: &str) -> SourceId {
        let found = self.sources.iter().position(|source| source.name == name);
        SourceId(found.unwrap_or_else(|| panic!("the built-in city has no source {name}")) as u8)
    }

    /// Codes of all classes.
    pub fn class_codes(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(|class| class.code.as_str())
    }

    /// Names of all sources.
    pub fn source_names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.name.as_str())
    }

    /// A class.
    pub fn class(&self, class: ClassId) -> &Class {
        &self.classes[usize::from(class.0)]
    }

    /// A source.
    pub fn source(&self, source: SourceId) -> &Source {
        &self.sources[usize::from(source.0)]
    }

    /// How urgent a report is that carries the sender's own word `said`.
    pub fn urgency(&self, source: SourceId, class: Option<ClassId>, said: Option<Urgency>) -> Urgency {
        let source = self.source(source);
        let class = class.map(|class| self.class(class).urgency);
        [class, said.filter(|_| source.trust_urgency)].into_iter().flatten().fold(source.urgency, Ord::max)
    }

    /// How long an id of a source is remembered, in milliseconds.
    pub fn remembered_ms(&self, source: SourceId) -> u64 {
        self.source(source).dedup.ms()
    }

    /// How long a case of a class can be joined after its newest report, in milliseconds.
    pub fn joinable_ms(&self, class: ClassId) -> u64 {
        self.joinable_ms[usize::from(class.0)]
    }

    /// The code of a cell: the area's 9 digits, then row and column within the area in 3 digits each.
    pub fn cell_code(&self, cell: CellId) -> CellCode {
        let grid = &self.grid;
        let (row, column) = (cell.0 / grid.columns(), cell.0 % grid.columns());
        let across = grid.columns().div_ceil(grid.area_columns);
        let area = row / grid.area_rows * across + column / grid.area_columns;
        let mut digits = [b'0'; CellCode::DIGITS];
        digits[..9].copy_from_slice(self.areas[area as usize].as_bytes());
        let number = row % grid.area_rows * 1_000 + column % grid.area_columns;
        for (place, digit) in digits[9..].iter_mut().enumerate() {
            *digit += (number / 10u32.pow(5 - place as u32) % 10) as u8;
        }
        CellCode(digits)
    }
}

/// The code of a cell.
pub struct CellCode([u8; Self::DIGITS]);

impl CellCode {
    const DIGITS: usize = 15;

    /// Its digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_codes_of_their_blocks() {
        let check = |lng, lat, expected: &str| {
            assert_eq!(PUDONG.cell_code(PUDONG.grid.cell(Spot { lng, lat })).as_str(), expected);
        };
        check(121_450_000, 30_830_000, "310115004000000");
        check(121_450_000 + 51 * 1_970, 30_830_000 + 2 * 1_690, "310115005002000");
        check(122_049_999, 31_449_999, "310115145056049");
        check(122_150_000, 31_549_999, "310115145056049");
    }

    #[test]
    fn places_stay_in_their_cells() {
        let mut rng = Rng::seeded(3);
        for cell in (0..PUDONG.grid.cells()).step_by(97).chain([PUDONG.grid.cells() - 1]).map(CellId) {
            let spot = PUDONG.grid.inside(cell, &mut rng);
            assert_eq!(PUDONG.grid.cell(spot), cell);
            assert_eq!(PUDONG.grid.cell(PUDONG.grid.kept_in(cell, spot.moved(300, -300))), cell);
        }
    }

    #[test]
    fn urgency_is_the_greatest_of_those_that_count() {
        let check = |source: &str, class: Option<&str>, said, expected| {
            let class = class.map(|code| PUDONG.class_of(code));
            assert_eq!(PUDONG.urgency(PUDONG.source_of(source), class, said), expected, "{source} {class:?} {said:?}");
        };
        check("sensor", Some("09009"), None, Urgency::C);
        check("sensor", Some("90006"), None, Urgency::A);
        check("110", None, None, Urgency::A);
        check("12319", Some("09009"), None, Urgency::B);
        check("12345", Some("09009"), Some(Urgency::B), Urgency::B);
        check("app", Some("09009"), Some(Urgency::A), Urgency::C);
    }
}
