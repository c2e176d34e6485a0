//! The built-in city, as far as whoever writes reports for it must know it: its cells, its classes and its sources. Read from
//! the city's own files, so that a change of those is a change here.

use std::sync::LazyLock;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::rehearsal::rng::Rng;
pub use crate::report::Urgency;

const SETTINGS: &str = include_str!("../city/pudong/city.toml");
const CLASSES: &str = include_str!("../city/pudong/classes.csv");
const AREAS: &str = include_str!("../city/pudong/areas.csv");
const AREA_CELLS: &str = include_str!("../city/pudong/area_cells.csv");

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

/// A raster of equal cells.
#[derive(Deserialize, Clone, Copy, Debug)]
pub struct Raster {
    /// Its west edge.
    pub west: i32,
    /// Its south edge.
    pub south: i32,
    /// The first micro-degree east of it.
    pub east: i32,
    /// The first micro-degree north of it.
    pub north: i32,
    /// From west to east in a cell.
    pub cell_width: i32,
    /// From south to north in a cell.
    pub cell_height: i32,
}

impl Raster {
    /// Of the built-in city's settings, whatever its tables say.
    ///
    /// # Panics
    /// Never: that they can be read was tested.
    pub fn pudong() -> Self {
        #[derive(Deserialize)]
        struct Settings {
            grid: Raster,
        }
        toml::from_str::<Settings>(SETTINGS).expect("the built-in city's settings are sound").grid
    }

    /// Cells from west to east.
    pub const fn columns(&self) -> u32 {
        ((self.east - self.west) as u32).div_ceil(self.cell_width as u32)
    }

    /// Cells from south to north.
    pub const fn rows(&self) -> u32 {
        ((self.north - self.south) as u32).div_ceil(self.cell_height as u32)
    }

    /// The middle of a cell.
    pub fn middle(&self, cell: CellId) -> Spot {
        let (low, high) = self.corners(cell);
        Spot { lng: low.lng + (high.lng - low.lng) / 2, lat: low.lat + (high.lat - low.lat) / 2 }
    }

    /// The cell that a place lies in, if it lies on the raster.
    fn cell(&self, spot: Spot) -> Option<CellId> {
        let inside = (self.west..self.east).contains(&spot.lng) && (self.south..self.north).contains(&spot.lat);
        let column = || (spot.lng - self.west) / self.cell_width;
        let row = || (spot.lat - self.south) / self.cell_height;
        inside.then(|| CellId(row() as u32 * self.columns() + column() as u32))
    }

    /// The cell's south-west corner, and the first place north-east of it.
    fn corners(&self, cell: CellId) -> (Spot, Spot) {
        let west = self.west + (cell.0 % self.columns()) as i32 * self.cell_width;
        let south = self.south + (cell.0 / self.columns()) as i32 * self.cell_height;
        let (east, north) = ((west + self.cell_width).min(self.east), (south + self.cell_height).min(self.north));
        (Spot { lng: west, lat: south }, Spot { lng: east, lat: north })
    }
}

/// Position of a street or town in the city's table.
type AreaId = u16;

/// The cells of the district: those of a raster that are in an area.
#[derive(Debug)]
pub struct Grid {
    raster: Raster,
    /// The area of each cell of the raster.
    areas: Vec<Option<AreaId>>,
    /// The cells that have one, from the south-west corner on, row by row.
    cells: Vec<CellId>,
    /// The south-west corner of the box around each area, as row and column.
    corners: Vec<(u32, u32)>,
}

/// Cells of one row, side by side, that are an area's.
#[derive(Deserialize)]
struct Run {
    row: u32,
    from: u32,
    to: u32,
    area: String,
}

/// Micro-degrees that places keep from the edges of their cell, so that no way of writing them carries one across.
const EDGE: i32 = 5;

impl Grid {
    fn new(raster: Raster, codes: &[String], runs: Vec<Run>) -> Self {
        let columns = raster.columns();
        let (mut areas, mut corners) =
            (vec![None; (columns * raster.rows()) as usize], vec![(u32::MAX, u32::MAX); codes.len()]);
        for Run { row, from, to, area } in runs {
            let area = codes.iter().position(|code| *code == area).expect("a run is of an area of the city");
            let start = row * columns;
            areas[(start + from) as usize..=(start + to) as usize].fill(Some(area as AreaId));
            let (south, west) = &mut corners[area];
            (*south, *west) = (row.min(*south), from.min(*west));
        }
        let cells = (0..).map(CellId).zip(&areas).filter(|(_, area)| area.is_some()).map(|(cell, _)| cell).collect();
        Self { raster, areas, cells, corners }
    }

    /// Its raster.
    pub const fn raster(&self) -> &Raster {
        &self.raster
    }

    /// Number of cells.
    pub const fn cells(&self) -> u32 {
        self.cells.len() as u32
    }

    /// The cell of a number, counted from the south-west corner, row by row.
    pub fn nth(&self, number: u32) -> CellId {
        self.cells[number as usize]
    }

    /// The cell of the district that a place lies in.
    pub fn cell(&self, spot: Spot) -> Option<CellId> {
        self.raster.cell(spot).filter(|cell| self.area(*cell).is_some())
    }

    /// The area that has a cell.
    pub fn area(&self, cell: CellId) -> Option<u16> {
        self.areas.get(cell.0 as usize).copied().flatten()
    }

    /// The cell's south-west and north-east corner, drawn in by [`EDGE`].
    fn inner(&self, cell: CellId) -> (Spot, Spot) {
        let (low, high) = self.raster.corners(cell);
        (Spot { lng: low.lng + EDGE, lat: low.lat + EDGE }, Spot { lng: high.lng - EDGE, lat: high.lat - EDGE })
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
    /// Its cells.
    pub grid: Grid,
    classes: Vec<Class>,
    sources: Vec<Source>,
    areas: Vec<String>,
    /// How long cases of each class can be joined, in milliseconds, the time for late reports included.
    joinable_ms: Vec<u64>,
}

#[derive(Deserialize)]
struct Settings {
    policy: Vec<Policy>,
    source: Vec<Source>,
}

#[derive(Deserialize)]
struct Area {
    code: String,
}

/// The built-in city. Its files are part of the program, so that they can be read was tested when it was built.
pub static PUDONG: LazyLock<Pudong> = LazyLock::new(|| {
    let Settings { policy, source } = toml::from_str(SETTINGS).expect("the built-in city's settings are sound");
    let (areas, classes): (Vec<Area>, Vec<Class>) = (rows(AREAS), rows(CLASSES));
    let window =
        |class: &Class| policy.iter().find(|policy| policy.name == class.policy).map(|policy| policy.merge.ms());
    let areas: Vec<String> = areas.into_iter().map(|area| area.code).collect();
    Pudong {
        grid: Grid::new(Raster::pudong(), &areas, rows(AREA_CELLS)),
        joinable_ms: classes.iter().map(|class| window(class).expect("a class has a policy of the city")).collect(),
        classes,
        sources: source,
        areas,
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

    /// The code of a cell of the district: the area's 9 digits, then row and column within the box around the area in 3 digits
    /// each.
    ///
    /// # Panics
    /// If no area has the cell.
    pub fn cell_code(&self, cell: CellId) -> CellCode {
        let grid = &self.grid;
        let area = grid.area(cell).expect("a cell of the district");
        let (south, west) = grid.corners[usize::from(area)];
        let (row, column) = (cell.0 / grid.raster.columns() - south, cell.0 % grid.raster.columns() - west);
        let mut digits = [b'0'; CellCode::DIGITS];
        digits[..9].copy_from_slice(self.areas[usize::from(area)].as_bytes());
        for (place, digit) in digits[9..].iter_mut().enumerate() {
            *digit += ((row * 1_000 + column) / 10u32.pow(5 - place as u32) % 10) as u8;
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
    use crate::city::City;
    use crate::ids;

    #[test]
    fn cells_have_the_codes_that_the_city_gives_them() {
        let city = City::pudong();
        assert_eq!(PUDONG.grid.cells(), city.grid.open_cells());
        for cell in (0..PUDONG.grid.cells()).map(|number| PUDONG.grid.nth(number)) {
            let code = PUDONG.cell_code(cell);
            assert_eq!(city.grid.by_code(code.as_str(), &city.areas), Some(ids::CellId(cell.0)), "{}", code.as_str());
        }
    }

    #[test]
    fn places_stay_in_their_cells() {
        let mut rng = Rng::seeded(3);
        for cell in (0..PUDONG.grid.cells()).step_by(97).map(|number| PUDONG.grid.nth(number)) {
            let spot = PUDONG.grid.inside(cell, &mut rng);
            assert_eq!(PUDONG.grid.cell(spot), Some(cell));
            assert_eq!(PUDONG.grid.cell(PUDONG.grid.kept_in(cell, spot.moved(300, -300))), Some(cell));
        }
        for (lng, lat) in [(121_455_000, 31_380_000), (121_449_999, 31_200_000), (122_100_000, 31_200_000)] {
            assert_eq!(PUDONG.grid.cell(Spot { lng, lat }), None);
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
