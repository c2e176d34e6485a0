//! A declared raster of equal cells, and areas that are blocks or patches of them or polygons drawn on it.

use serde::Deserialize;

use super::border::Borders;
use super::files::{AREA_CELLS, GridSettings, Problems, Spanned};
use super::grid::CodeParts;
use super::patches::{Patches, Run};
use super::{Located, Named, position};
use crate::geo::{FinePoint, Point};
use crate::ids::{AreaId, CellId};

/// How a cell's code is written.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum CellCode {
    /// Row times columns plus column.
    Index,
    /// The area's code, then row and column within the area in 3 digits each: 9 + 3 + 3 = 15 digits, the shape of a unit
    /// grid id (district 6, street 3, community 3, sequence 3).
    AreaRowColumn,
}

/// A raster of equal cells, counted from the south-west corner, row by row, and the areas on it.
#[derive(Clone, PartialEq, Debug)]
pub struct Raster {
    west: i32,
    south: i32,
    width: u32,
    height: u32,
    cell_width: u32,
    cell_height: u32,
    columns: u32,
    rows: u32,
    areas: Areas,
    code: CellCode,
}

/// What areas are made of.
#[derive(Clone, PartialEq, Debug)]
enum Areas {
    /// Of blocks of cells.
    Blocks(Blocks),
    /// Of polygons.
    Borders(Borders),
    /// Of patches of cells.
    Patches(Patches),
}

/// What a city says areas are made of.
pub(super) enum Ground {
    /// The settings say how large blocks are.
    Blocks,
    /// There are polygons.
    Borders(Borders),
    /// There is a table.
    Patches(Vec<Run>),
}

/// Areas that are blocks of cells, counted like cells.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Blocks {
    columns: u32,
    rows: u32,
    across: u32,
}

impl Raster {
    /// Of the settings, and of what says where areas are.
    pub(super) fn compile(
        settings: &Spanned<GridSettings>,
        ground: Ground,
        named: &[Named],
        problems: &mut Problems,
    ) -> Self {
        let offset = settings.span().start;
        let grid = settings.get_ref();
        let bounds = match &ground {
            Ground::Borders(borders) => Some(borders.bounds()),
            Ground::Blocks | Ground::Patches(_) => None,
        };
        let mut edge = |given: Option<i32>, bound: Option<i32>, key: &str| {
            given.or(bound).unwrap_or_else(|| {
                problems.setting(offset, format!("[grid] has no {key}"), format!("give {key} in micro-degrees"));
                0
            })
        };
        let (west, south) = (
            edge(grid.west, bounds.map(|(from, _)| from.lng), "west"),
            edge(grid.south, bounds.map(|(from, _)| from.lat), "south"),
        );
        let (east, north) = (
            edge(grid.east, bounds.map(|(_, to)| to.lng.saturating_add(1)), "east"),
            edge(grid.north, bounds.map(|(_, to)| to.lat.saturating_add(1)), "north"),
        );
        let ordered = west < east && south < north;
        // The east and north edges are the first micro-degree outside.
        let on_earth = west >= -180_000_000 && east <= 180_000_001 && south >= -90_000_000 && north <= 90_000_001;
        let is_sound = ordered && on_earth;
        if !is_sound {
            let what = format!("[grid] {west} {south} to {east} {north} is no area");
            problems.setting(offset, what, "give the edges in micro-degrees, west < east and south < north");
        }
        let mut size = |given: Option<u32>, key: &str| {
            given.filter(|size| *size > 0).unwrap_or_else(|| {
                let what = given.map_or(format!("[grid] has no {key}"), |size| format!("[grid] {key} = {size}"));
                problems.setting(offset, what, "cells are at least one micro-degree, or polygons in cells.geojson");
                1
            })
        };
        let (cell_width, cell_height) = (size(grid.cell_width, "cell_width"), size(grid.cell_height, "cell_height"));
        let width = east.saturating_sub(west).max(1) as u32;
        let height = north.saturating_sub(south).max(1) as u32;
        let (columns, rows) = (width.div_ceil(cell_width), height.div_ceil(cell_height));
        if u64::from(columns) * u64::from(rows) >= u64::from(u32::MAX) {
            problems.setting(offset, format!("[grid] has {columns} × {rows} cells"), "choose larger cells");
        }
        let (areas, code) = match ground {
            Ground::Borders(borders) => (Areas::Borders(borders), grid.code_beside_polygons(offset, problems)),
            Ground::Patches(runs) => {
                let size = is_sound.then_some((columns, rows));
                let patches = Patches::lay(&runs, size, named, problems);
                let code = grid.code_beside_table(&patches, named, offset, problems);
                (Areas::Patches(patches), code)
            }
            Ground::Blocks => {
                let (blocks, code) = grid.blocks(columns, offset, problems);
                blocks.check(named.len(), rows, problems);
                (Areas::Blocks(blocks), code)
            }
        };
        Self { west, south, width, height, cell_width, cell_height, columns, rows, areas, code }
    }

    /// Width and height of a cell, in micro-degrees.
    pub const fn cell_size(&self) -> (u32, u32) {
        (self.cell_width, self.cell_height)
    }

    /// The borders of areas, if they are polygons.
    pub const fn borders(&self) -> Option<&Borders> {
        match &self.areas {
            Areas::Blocks(_) | Areas::Patches(_) => None,
            Areas::Borders(borders) => Some(borders),
        }
    }

    /// The areas, if they are patches.
    pub(super) const fn patches(&self) -> Option<&Patches> {
        match &self.areas {
            Areas::Blocks(_) | Areas::Borders(_) => None,
            Areas::Patches(patches) => Some(patches),
        }
    }

    /// Cells from west to east.
    pub const fn columns(&self) -> u32 {
        self.columns
    }

    /// Number of cells.
    pub const fn cells(&self) -> u32 {
        self.columns * self.rows
    }

    /// Where a place lies; outside the raster and outside all areas nowhere.
    #[inline]
    pub fn locate(&self, place: FinePoint) -> Option<Located> {
        let cell = self.cell(place.rounded())?;
        let area = match &self.areas {
            Areas::Blocks(blocks) => blocks.area(cell, self.columns),
            Areas::Borders(borders) => borders.area(place)?,
            Areas::Patches(patches) => patches.area(cell)?,
        };
        Some(Located { cell, area })
    }

    /// Whether an area, its border included, has a place.
    pub fn has(&self, area: AreaId, place: FinePoint) -> bool {
        match &self.areas {
            Areas::Blocks(_) | Areas::Patches(_) => self.locate(place).is_some_and(|located| located.area == area),
            Areas::Borders(borders) => borders.has(area, place),
        }
    }

    /// The cell that a point lies in. A point on an edge belongs to the cell east or north of it; outside the raster none.
    #[inline]
    pub fn cell(&self, point: Point) -> Option<CellId> {
        let x = (i64::from(point.lng) - i64::from(self.west)) as u64;
        let y = (i64::from(point.lat) - i64::from(self.south)) as u64;
        if x >= u64::from(self.width) || y >= u64::from(self.height) {
            return None;
        }
        Some(CellId(y as u32 / self.cell_height * self.columns + x as u32 / self.cell_width))
    }

    /// Whether a longitude lies between the raster's west and east edge.
    pub fn spans_longitude(&self, lng: i32) -> bool {
        (i64::from(self.west)..i64::from(self.west) + i64::from(self.width)).contains(&i64::from(lng))
    }

    /// The middle of a cell; of the last row and column, which the raster's edge may cut, of what lies inside.
    pub fn centre(&self, cell: CellId) -> Point {
        let middle = |index: u32, size: u32, end: u32| {
            let start = index * size;
            (start + (end - start).min(size) / 2) as i32
        };
        Point {
            lng: self.west + middle(cell.0 % self.columns, self.cell_width, self.width),
            lat: self.south + middle(cell.0 / self.columns, self.cell_height, self.height),
        }
    }

    /// The south-west corner of a cell, and the first point north-east of it.
    pub fn corners(&self, cell: CellId) -> (Point, Point) {
        let edges = |index: u32, size: u32, end: u32| ((index * size) as i32, (index * size + size).min(end) as i32);
        let (west, east) = edges(cell.0 % self.columns, self.cell_width, self.width);
        let (south, north) = edges(cell.0 / self.columns, self.cell_height, self.height);
        let corner = |lng, lat| Point { lng: self.west + lng, lat: self.south + lat };
        (corner(west, south), corner(east, north))
    }

    /// A cell's code: an area's code, if it begins with one, and a number. A cell of no area has its number alone.
    #[inline]
    pub fn code<'a>(&self, cell: CellId, areas: &'a [Named]) -> CodeParts<'a> {
        match self.within(cell) {
            Some((area, row, column)) => CodeParts {
                text: &areas[area.index()].code,
                number: Some((u64::from(row) * 1000 + u64::from(column), 6)),
            },
            None => CodeParts { text: "", number: Some((u64::from(cell.0), 1)) },
        }
    }

    /// A cell's area and its row and column there, if codes say them.
    #[inline]
    fn within(&self, cell: CellId) -> Option<(AreaId, u32, u32)> {
        match (self.code, &self.areas) {
            (CellCode::AreaRowColumn, Areas::Blocks(blocks)) => {
                let (row, column) = (cell.0 / self.columns % blocks.rows, cell.0 % self.columns % blocks.columns);
                Some((blocks.area(cell, self.columns), row, column))
            }
            (CellCode::AreaRowColumn, Areas::Patches(patches)) => patches.within(cell),
            _ => None,
        }
    }

    /// The cell of a code. Where the areas' cells are told, no other cell has one.
    pub fn by_code(&self, code: &str, areas: &[Named]) -> Option<CellId> {
        match self.code {
            CellCode::AreaRowColumn => {
                let (area, place) = code.split_at_checked(code.len().checked_sub(6)?)?;
                let area = AreaId(position(areas, area)?);
                if !place.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                let (row, column) = (place[..3].parse().ok()?, place[3..].parse().ok()?);
                match &self.areas {
                    Areas::Blocks(blocks) => blocks.at(area, row, column, (self.columns, self.rows)),
                    Areas::Patches(patches) => patches.at(area, row, column),
                    Areas::Borders(_) => None,
                }
            }
            CellCode::Index => {
                let plain =
                    code.bytes().all(|byte| byte.is_ascii_digit()) && (code.len() == 1 || !code.starts_with('0'));
                let cell = code.parse().ok().filter(|index| plain && *index < self.cells()).map(CellId)?;
                let is_outside = self.patches().is_some_and(|patches| patches.area(cell).is_none());
                (!is_outside).then_some(cell)
            }
        }
    }
}

impl Blocks {
    #[inline]
    fn area(&self, cell: CellId, columns: u32) -> AreaId {
        let (row, column) = (cell.0 / columns, cell.0 % columns);
        AreaId((row / self.rows * self.across + column / self.columns) as u16)
    }

    /// The cell at a row and column of an area, on a raster of so many columns and rows.
    fn at(&self, area: AreaId, row: u32, column: u32, (columns, rows): (u32, u32)) -> Option<CellId> {
        if row >= self.rows || column >= self.columns {
            return None;
        }
        let area = u32::from(area.0);
        let (row, column) = (area / self.across * self.rows + row, area % self.across * self.columns + column);
        (row < rows && column < columns).then(|| CellId(row * columns + column))
    }

    /// There are as many areas as blocks.
    fn check(&self, areas: usize, rows: u32, problems: &mut Problems) {
        let (across, down) = (self.across, rows.div_ceil(self.rows));
        let expected = across as usize * down as usize;
        if areas != expected {
            let what = format!("{areas} areas, but the grid has {across} × {down} = {expected} blocks");
            let mend = "list one area for every block, row by row from the south-west, or say in area_cells.csv which cells they have";
            problems.push("areas.csv", 0, what, mend);
        }
    }
}

impl GridSettings {
    /// Areas as blocks of cells of a raster with so many columns, and how cells are called.
    fn blocks(&self, columns: u32, offset: usize, problems: &mut Problems) -> (Blocks, CellCode) {
        let mut size = |given: Option<u32>, key: &str| {
            given.filter(|size| *size > 0).unwrap_or_else(|| {
                let what = given.map_or(format!("[grid] has no {key}"), |size| format!("[grid] {key} = {size}"));
                problems.setting(
                    offset,
                    what,
                    "areas are blocks of at least one cell, or as area_cells.csv or areas.geojson say",
                );
                1
            })
        };
        let (block_columns, rows) = (size(self.area_columns, "area_columns"), size(self.area_rows, "area_rows"));
        let code = self.code(offset, problems);
        if code == CellCode::AreaRowColumn && (block_columns > 1000 || rows > 1000) {
            let what = format!("[grid] areas of {block_columns} × {rows} cells do not fit 3 digits each");
            problems.setting(offset, what, "choose at most 1000 rows and columns, or cell_code = \"index\"");
        }
        (Blocks { columns: block_columns, rows, across: columns.div_ceil(block_columns) }, code)
    }

    /// How cells are called where areas are patches: nothing may be said about blocks, and codes must hold rows and columns.
    fn code_beside_table(
        &self,
        patches: &Patches,
        named: &[Named],
        offset: usize,
        problems: &mut Problems,
    ) -> CellCode {
        if self.area_columns.is_some() || self.area_rows.is_some() {
            let what = "[grid] has area_columns or area_rows beside area_cells.csv";
            let mend = "the table says which cells an area has: leave out what is about blocks of them, or the table";
            problems.setting(offset, what.to_owned(), mend);
        }
        let code = self.code(offset, problems);
        if code == CellCode::AreaRowColumn
            && let Some((area, rows, columns)) = patches.too_large(1000)
        {
            let what = format!("area \"{}\" has {columns} columns and {rows} rows of cells", named[area.index()].code);
            let mend = "codes have 3 digits for each: choose larger cells, or cell_code = \"index\"";
            problems.push(AREA_CELLS, 0, what, mend);
        }
        code
    }

    fn code(&self, offset: usize, problems: &mut Problems) -> CellCode {
        self.cell_code.unwrap_or_else(|| {
            problems.setting(offset, "[grid] has no cell_code".to_owned(), "it is \"index\" or \"area_row_column\"");
            CellCode::Index
        })
    }

    /// How cells are called where areas are polygons: nothing may be said about blocks.
    fn code_beside_polygons(&self, offset: usize, problems: &mut Problems) -> CellCode {
        let blocks = self.area_columns.is_some() || self.area_rows.is_some();
        if blocks || self.cell_code == Some(CellCode::AreaRowColumn) {
            let what = "[grid] has area_columns, area_rows or cell_code = \"area_row_column\" beside areas.geojson";
            let mend =
                "areas are polygons: leave out what is about blocks of cells, and cell_code or make it \"index\"";
            problems.setting(offset, what.to_owned(), mend);
        }
        CellCode::Index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas() -> Vec<Named> {
        let named = |n: u32| Named { code: format!("{:09}", 310_115_000 + n).into(), zh: "".into(), en: "".into() };
        (0..120).map(named).collect()
    }

    fn bench() -> Raster {
        let settings = GridSettings {
            west: Some(121_450_000),
            south: Some(30_900_000),
            east: Some(121_950_000),
            north: Some(31_400_000),
            cell_width: Some(1049),
            cell_height: Some(902),
            area_columns: Some(50),
            area_rows: Some(50),
            cell_code: Some(CellCode::Index),
        };
        let mut problems = Problems::default();
        let grid = Raster::compile(&Spanned::new(0..0, settings), Ground::Blocks, &areas(), &mut problems);
        problems.into_result(grid).expect("a valid grid")
    }

    #[test]
    fn cells_and_areas_are_those_of_the_specification() {
        let grid = bench();
        assert_eq!((grid.columns, grid.rows), (477, 555));
        for (lng, lat) in [(0, 0), (1048, 901), (1049, 902), (499_999, 499_999), (250_000, 123_456)] {
            let point = Point { lng: 121_450_000 + lng, lat: 30_900_000 + lat };
            let Located { cell, area } = grid.locate(point.into()).expect("inside");
            let (cx, cy) = (lng as u32 / 1049, lat as u32 / 902);
            assert_eq!(cell.0, cy * 477 + cx);
            assert_eq!(u32::from(area.0), cy / 50 * 10 + cx / 50);
            assert_eq!(grid.locate(grid.centre(cell).into()), Some(Located { cell, area }));
            assert!(grid.has(area, point.into()) && !grid.has(AreaId(area.0 + 1), point.into()));
        }
        for (lng, lat) in [(-1, 0), (0, -1), (500_000, 0), (0, 500_000), (i32::MAX - 121_450_000, 0)] {
            let point = Point { lng: 121_450_000 + lng, lat: 30_900_000 + lat };
            assert_eq!(grid.locate(point.into()), None);
        }
        assert_eq!(grid.locate(Point { lng: i32::MIN, lat: i32::MIN }.into()), None);
    }

    #[test]
    fn codes_lead_back_to_their_cells() {
        let areas = areas();
        for code in [CellCode::Index, CellCode::AreaRowColumn] {
            let grid = Raster { code, ..bench() };
            for cell in [0, 1, 476, 477, 100_000, grid.cells() - 1] {
                let text = grid.code(CellId(cell), &areas).to_string();
                assert_eq!(grid.by_code(&text, &areas), Some(CellId(cell)), "{text}");
            }
            for wrong in
                ["", "-1", "+1", "99999999", "310115000999999", "31011500000000x", "01", "号0", "310115119054499"]
            {
                assert_eq!(grid.by_code(wrong, &areas), None, "{wrong}");
            }
        }
    }
}
