//! The grid: cells, which are a raster or polygons, and the areas on it.

use super::Named;
use super::border::Borders;
use super::cells::Cells;
use super::files::{AREA_CELLS, CELLS, CityFiles, POLYGONS, Problems, SETTINGS, Settings};
use super::patches::{self, Patches};
use super::raster::{Ground, Raster};
use crate::geo::{FinePoint, Point};
use crate::ids::{AreaId, CellId};

/// Where a place lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Located {
    /// The cell.
    pub cell: CellId,
    /// The area. It is not always that of the cell's centre: a border may run through a cell of a raster.
    pub area: AreaId,
}

/// A cell's code, as the parts that it is written of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeParts<'a> {
    /// What it begins with.
    pub text: &'a str,
    /// A number that follows, with so many digits at least.
    pub number: Option<(u64, usize)>,
}

impl std::fmt::Display for CodeParts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)?;
        match self.number {
            Some((number, digits)) => write!(f, "{number:0digits$}"),
            None => Ok(()),
        }
    }
}

/// Cells, and the areas on them.
#[derive(Clone, PartialEq, Debug)]
pub enum Grid {
    /// Equal cells, and areas that are blocks or patches of them or polygons.
    Raster(Raster),
    /// Cells that are polygons, each of which says which area it is in.
    Drawn(Cells),
}

/// The grid of a city; none if the settings say too little of it, which is a problem.
pub(super) fn compile(
    files: &CityFiles,
    settings: &Settings,
    borders: Option<Borders>,
    cells: Option<Cells>,
    areas: &[Named],
    problems: &mut Problems,
) -> Option<Grid> {
    let drawn = files.get(CELLS).is_some();
    match &settings.grid {
        Some(spanned) if drawn => {
            let mend = "leave out [grid] and areas.geojson: cells say where they are, and in which area";
            problems.setting(spanned.span().start, format!("[grid] beside {CELLS}"), mend);
        }
        None if !drawn => {
            let mend = "declare a raster of cells, or draw them in cells.geojson";
            problems.push(SETTINGS, 0, "[grid] is missing".to_owned(), mend);
        }
        _ => {}
    }
    if drawn && files.get(POLYGONS).is_some() {
        let mend = "leave one of them out: cells say in which area they are";
        problems.push(POLYGONS, 0, format!("{POLYGONS} beside {CELLS}"), mend);
    }
    for other in [CELLS, POLYGONS].into_iter().filter(|other| files.get(other).is_some()) {
        if files.get(AREA_CELLS).is_some() {
            let mend = "leave one of them out: areas are patches of a raster's cells, or they are drawn";
            problems.push(AREA_CELLS, 0, format!("{AREA_CELLS} beside {other}"), mend);
        }
    }
    match (cells, &settings.grid) {
        (Some(cells), _) => Some(Grid::Drawn(cells)),
        (None, Some(grid)) => {
            let ground = match (borders, patches::runs(files, areas, problems)) {
                (Some(borders), _) => Ground::Borders(borders),
                (None, Some(runs)) => Ground::Patches(runs),
                (None, None) => Ground::Blocks,
            };
            Some(Grid::Raster(Raster::compile(grid, ground, areas, problems)))
        }
        (None, None) => None,
    }
}

impl Grid {
    /// Where a place lies; outside the district nowhere.
    #[inline]
    pub fn locate(&self, place: FinePoint) -> Option<Located> {
        match self {
            Self::Raster(raster) => raster.locate(place),
            Self::Drawn(cells) => cells.locate(place.rounded()),
        }
    }

    /// Where many places lie.
    pub fn locate_all(&self, places: &[FinePoint]) -> Vec<Option<Located>> {
        match self {
            Self::Raster(raster) => places.iter().map(|place| raster.locate(*place)).collect(),
            Self::Drawn(cells) => {
                let points: Vec<Point> = places.iter().map(|place| place.rounded()).collect();
                cells.locate_all(&points).collect()
            }
        }
    }

    /// The same for what is only known to lie in a cell.
    #[inline]
    pub fn locate_cell(&self, cell: CellId) -> Option<Located> {
        match self {
            Self::Raster(raster) => raster.locate(raster.centre(cell).into()),
            Self::Drawn(cells) => cells.locate_cell(cell),
        }
    }

    /// Whether an area has a place: one of polygons on a raster with its border; one of drawn cells if the place lies in one of
    /// its cells, or is nearest to it.
    pub fn has(&self, area: AreaId, place: FinePoint) -> bool {
        match self {
            Self::Raster(raster) => raster.has(area, place),
            Self::Drawn(_) => self.locate(place).is_some_and(|located| located.area == area),
        }
    }

    /// The cell of a point.
    #[inline]
    pub fn cell(&self, point: Point) -> Option<CellId> {
        match self {
            Self::Raster(raster) => raster.cell(point),
            Self::Drawn(cells) => cells.cell(point),
        }
    }

    /// Number of cells, closed ones and those outside all areas included.
    pub fn cells(&self) -> u32 {
        match self {
            Self::Raster(raster) => raster.cells(),
            Self::Drawn(cells) => cells.count() as u32,
        }
    }

    /// Number of cells that are not closed, and not said to be outside.
    pub fn open_cells(&self) -> u32 {
        match self {
            Self::Raster(raster) => raster.patches().map_or_else(|| raster.cells(), Patches::count),
            Self::Drawn(cells) => cells.open() as u32,
        }
    }

    /// Cells in a row from west to east, if they are a raster.
    pub const fn columns(&self) -> Option<u32> {
        match self {
            Self::Raster(raster) => Some(raster.columns()),
            Self::Drawn(_) => None,
        }
    }

    /// Whether a longitude lies between the west and east edge of all cells.
    pub fn spans_longitude(&self, lng: i32) -> bool {
        match self {
            Self::Raster(raster) => raster.spans_longitude(lng),
            Self::Drawn(cells) => {
                let (from, to) = cells.bounds();
                (from.lng..=to.lng).contains(&lng)
            }
        }
    }

    /// A place in the middle of a cell, or at least in it.
    pub fn centre(&self, cell: CellId) -> Point {
        match self {
            Self::Raster(raster) => raster.centre(cell),
            Self::Drawn(cells) => cells.inside(cell),
        }
    }

    /// The south-west and north-east corner of the box around a cell.
    pub fn corners(&self, cell: CellId) -> (Point, Point) {
        match self {
            Self::Raster(raster) => raster.corners(cell),
            Self::Drawn(cells) => cells.corners(cell),
        }
    }

    /// The closed rings around a cell, the outer one first.
    pub fn outline(&self, cell: CellId) -> Vec<Vec<Point>> {
        match self {
            Self::Raster(raster) => {
                let (from, to) = raster.corners(cell);
                let corner = |lng, lat| Point { lng, lat };
                let (south_east, north_west) = (corner(to.lng, from.lat), corner(from.lng, to.lat));
                vec![vec![from, south_east, to, north_west, from]]
            }
            Self::Drawn(cells) => cells.outline(cell).map(<[Point]>::to_vec).collect(),
        }
    }

    /// A cell's code.
    #[inline]
    pub fn code<'a>(&'a self, cell: CellId, areas: &'a [Named]) -> CodeParts<'a> {
        match self {
            Self::Raster(raster) => raster.code(cell, areas),
            Self::Drawn(cells) => CodeParts { text: cells.code(cell), number: None },
        }
    }

    /// The cell of a code.
    pub fn by_code(&self, code: &str, areas: &[Named]) -> Option<CellId> {
        match self {
            Self::Raster(raster) => raster.by_code(code, areas),
            Self::Drawn(cells) => cells.by_code(code),
        }
    }

    /// The borders of areas, if they are polygons on a raster.
    pub const fn borders(&self) -> Option<(&Borders, (u32, u32))> {
        match self {
            Self::Raster(raster) => match raster.borders() {
                Some(borders) => Some((borders, raster.cell_size())),
                None => None,
            },
            Self::Drawn(_) => None,
        }
    }

    /// The areas, if they are patches of a raster.
    pub(super) const fn patches(&self) -> Option<&Patches> {
        match self {
            Self::Raster(raster) => raster.patches(),
            Self::Drawn(_) => None,
        }
    }

    /// The cells, if they are polygons.
    pub const fn drawn(&self) -> Option<&Cells> {
        match self {
            Self::Raster(_) => None,
            Self::Drawn(cells) => Some(cells),
        }
    }
}
