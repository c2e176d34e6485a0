//! A city whose cells are polygons, as many as wanted: bricks whose corners are moved about, so that no border is straight and
//! three cells meet at every corner. Neighbours have their border in common, corner for corner.

use std::fmt::Write;

use crate::rng::Rng;

/// Cells, row by row from the south-west.
pub struct Mesh {
    /// Cells from west to east.
    pub columns: u32,
    /// Cells from south to north.
    pub rows: u32,
    /// Chooses how corners are moved.
    pub seed: u64,
}

/// A corner in micro-degrees: longitude, latitude.
pub type Corner = [i32; 2];

/// Width and height of a cell before its corners are moved, in micro-degrees: about 190 m.
pub const CELL: [i32; 2] = [1970, 1690];
/// South-west corner, before it is moved.
pub const ORIGIN: Corner = [121_450_000, 30_830_000];
const AREAS: u32 = 36;

impl Mesh {
    /// Number of cells.
    pub const fn cells(&self) -> u32 {
        self.columns * self.rows
    }

    /// The box that has all of it: west, south, east, north.
    pub const fn bounds(&self) -> [i32; 4] {
        let [west, south] = ORIGIN;
        let (east, north) = (west + self.columns as i32 * CELL[0], south + self.rows as i32 * CELL[1]);
        [west - CELL[0] / 4, south - CELL[1] / 4, east + CELL[0], north + CELL[1] / 4]
    }

    /// The ring of a cell, its first corner not repeated.
    pub fn ring(&self, cell: u32) -> [Corner; 8] {
        let (row, column) = (cell / self.columns, cell % self.columns);
        let west = 2 * column + row % 2;
        let node = |half, row| self.moved(half, 2 * row, CELL[0] / 10, CELL[1] / 5);
        let bend = |half| self.moved(half, 2 * row + 1, CELL[0] / 7, CELL[1] / 9);
        [
            node(west, row),
            node(west + 1, row),
            node(west + 2, row),
            bend(west + 2),
            node(west + 2, row + 1),
            node(west + 1, row + 1),
            node(west, row + 1),
            bend(west),
        ]
    }

    /// A corner, given in halves of a cell, moved by as much at most.
    fn moved(&self, half_column: u32, half_row: u32, east: i32, north: i32) -> Corner {
        let mut rng = Rng::seeded(self.seed ^ u64::from(half_column) << 32 ^ u64::from(half_row));
        let by = |rng: &mut Rng, most: i32| rng.between(0, 2 * most as u32) as i32 - most;
        let [x, y] = [half_column as i32 * CELL[0] / 2, half_row as i32 * CELL[1] / 2];
        [ORIGIN[0] + x + by(&mut rng, east), ORIGIN[1] + y + by(&mut rng, north)]
    }

    /// A place somewhere in the box.
    pub fn place(&self, rng: &mut Rng) -> Corner {
        let [west, south, east, north] = self.bounds();
        let within = |rng: &mut Rng, from: i32, to: i32| from + rng.below((to - from) as u32) as i32;
        [within(rng, west, east), within(rng, south, north)]
    }

    /// A cell's code: its area's in nine digits, its number in six.
    pub fn code(&self, cell: u32) -> String {
        format!("{}{cell:06}", area(cell / self.columns * AREAS / self.rows))
    }

    /// The files of the city. The cell of number `n` has the position `n` among all codes.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let mut features = String::new();
        for cell in 0..self.cells() {
            let comma = if cell == 0 { "" } else { "," };
            let code = self.code(cell);
            write!(
                features,
                "{comma}\n{{\"type\":\"Feature\",\"properties\":{{\"code\":\"{code}\"}},\
                 \"geometry\":{{\"type\":\"Polygon\",\"coordinates\":[["
            )
            .expect("a string takes everything");
            let ring = self.ring(cell);
            for [lng, lat] in ring.into_iter().chain([ring[0]]) {
                let degrees = |micro: i32| format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
                let comma = if features.ends_with('[') { "" } else { "," };
                write!(features, "{comma}[{},{}]", degrees(lng), degrees(lat)).expect("a string takes everything");
            }
            features.push_str("]]}}");
        }
        let areas = (0..AREAS).map(|number| format!("{},第{number}街道,Street {number}\n", area(number)));
        let areas = format!("code,name_zh,name_en\n{}", areas.collect::<String>());
        let cells = format!("{{\"type\":\"FeatureCollection\",\"features\":[{features}\n]}}\n");
        plain_city("[cells]\ncode = \"/properties/code\"\n", vec![("areas.csv", areas), ("cells.geojson", cells)])
    }
}

fn area(number: u32) -> u32 {
    310_115_001 + number
}

/// The files of a city with one class, one department and one source, whose ground is given: tables of the settings that say how it is
/// drawn, and the files that draw it.
pub fn plain_city(ground: &str, drawing: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let settings = format!("{CITY}{ground}{RULES}");
    let files = [
        ("city.toml", settings.as_str()),
        ("classes.csv", "code,name_zh,name_en,urgency,policy,limit\nx,事,Matter,C,p,\n"),
        ("departments.csv", "code,name_zh,name_en\nD,处,Department\n"),
        ("duty.csv", "class,scope,where,department,tier\n*,district,,D,district\n"),
    ];
    files.into_iter().map(|(name, text)| (name, text.to_owned())).chain(drawing).collect()
}

const CITY: &str = r#"[city]
id = "plain"
name_zh = "平"
name_en = "Plain"
"#;

const RULES: &str = r#"[[policy]]
name = "p"
merge = { window = "sliding", minutes = 10 }
same_place = "cell"
assign = "least_loaded"
[[source]]
name = "gps"
name_zh = "定位"
kind = "sensor"
urgency = "C"
late = "dispatch"
may = ["report"]
dedup = { window = "sliding", minutes = 10 }
"#;
