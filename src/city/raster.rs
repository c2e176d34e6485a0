//! A declared raster of equal cells, and areas that are blocks of them or polygons drawn on it.

use serde::Deserialize;

use super::border::Borders;
use super::files::{GridSettings, Problems, Spanned};
use super::grid::CodeParts;
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
}

/// Areas that are blocks of cells, counted like cells.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Blocks {
    columns: u32,
    rows: u32,
    across: u32,
}

impl Raster {
    /// Of the settings, and of the borders of areas if those are polygons.
    pub(super) fn compile(settings: &Spanned<GridSettings>, borders: Option<Borders>, problems: &mut Problems) -> Self {
        let offset = settings.span().start;
        let grid = settings.get_ref();
        let bounds = borders.as_ref().map(Borders::bounds);
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
        if !ordered || !on_earth {
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
        let (areas, code) = match borders {
            Some(borders) => (Areas::Borders(borders), grid.code_beside_polygons(offset, problems)),
            None => {
                let (blocks, code) = grid.blocks(columns, offset, problems);
                (Areas::Blocks(blocks), code)
            }
        };
        Self { west, south, width, height, cell_width, cell_height, columns, rows, areas, code }
    }

    pub(super) fn check_areas(&self, areas: usize, problems: &mut Problems) {
        let Areas::Blocks(Blocks { rows, across, .. }) = self.areas else { return };
        let down = self.rows.div_ceil(rows);
        let expected = across as usize * down as usize;
        if areas != expected {
            let what = format!("{areas} areas, but the grid has {across} × {down} = {expected} blocks");
            problems.push("areas.csv", 0, what, "list one area for every block, row by row from the south-west");
        }
    }

    /// Width and height of a cell, in micro-degrees.
    pub const fn cell_size(&self) -> (u32, u32) {
        (self.cell_width, self.cell_height)
    }

    /// The borders of areas, if they are polygons.
    pub const fn borders(&self) -> Option<&Borders> {
        match &self.areas {
            Areas::Blocks(_) => None,
            Areas::Borders(borders) => Some(borders),
        }
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
        };
        Some(Located { cell, area })
    }

    /// Whether an area, its border included, has a place.
    pub fn has(&self, area: AreaId, place: FinePoint) -> bool {
        match &self.areas {
            Areas::Blocks(_) => self.locate(place).is_some_and(|located| located.area == area),
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

    /// A cell's code: an area's code, if it begins with one, and a number.
    #[inline]
    pub fn code<'a>(&self, cell: CellId, areas: &'a [Named]) -> CodeParts<'a> {
        match (self.code, &self.areas) {
            (CellCode::AreaRowColumn, Areas::Blocks(blocks)) => {
                let (row, column) = (cell.0 / self.columns % blocks.rows, cell.0 % self.columns % blocks.columns);
                let area = blocks.area(cell, self.columns);
                CodeParts {
                    text: &areas[area.index()].code,
                    number: Some((u64::from(row) * 1000 + u64::from(column), 6)),
                }
            }
            _ => CodeParts { text: "", number: Some((u64::from(cell.0), 1)) },
        }
    }

    /// The cell of a code.
    pub fn by_code(&self, code: &str, areas: &[Named]) -> Option<CellId> {
        match (self.code, &self.areas) {
            (CellCode::AreaRowColumn, Areas::Blocks(blocks)) => {
                let (area, place) = code.split_at_checked(code.len().checked_sub(6)?)?;
                let area = u32::from(position(areas, area)?);
                if !place.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                let (row, column): (u32, u32) = (place[..3].parse().ok()?, place[3..].parse().ok()?);
                if row >= blocks.rows || column >= blocks.columns {
                    return None;
                }
                let row = area / blocks.across * blocks.rows + row;
                let column = area % blocks.across * blocks.columns + column;
                (row < self.rows && column < self.columns).then(|| CellId(row * self.columns + column))
            }
            _ => {
                let plain =
                    code.bytes().all(|byte| byte.is_ascii_digit()) && (code.len() == 1 || !code.starts_with('0'));
                code.parse().ok().filter(|index| plain && *index < self.cells()).map(CellId)
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
}

impl GridSettings {
    /// Areas as blocks of cells of a raster with so many columns, and how cells are called.
    fn blocks(&self, columns: u32, offset: usize, problems: &mut Problems) -> (Blocks, CellCode) {
        let mut size = |given: Option<u32>, key: &str| {
            given.filter(|size| *size > 0).unwrap_or_else(|| {
                let what = given.map_or(format!("[grid] has no {key}"), |size| format!("[grid] {key} = {size}"));
                problems.setting(offset, what, "areas are blocks of at least one cell, or polygons in areas.geojson");
                1
            })
        };
        let (block_columns, rows) = (size(self.area_columns, "area_columns"), size(self.area_rows, "area_rows"));
        let code = self.cell_code.unwrap_or_else(|| {
            problems.setting(offset, "[grid] has no cell_code".to_owned(), "it is \"index\" or \"area_row_column\"");
            CellCode::Index
        });
        if code == CellCode::AreaRowColumn && (block_columns > 1000 || rows > 1000) {
            let what = format!("[grid] areas of {block_columns} × {rows} cells do not fit 3 digits each");
            problems.setting(offset, what, "choose at most 1000 rows and columns, or cell_code = \"index\"");
        }
        (Blocks { columns: block_columns, rows, across: columns.div_ceil(block_columns) }, code)
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
        let grid = Raster::compile(&Spanned::new(0..0, settings), None, &mut problems);
        grid.check_areas(120, &mut problems);
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
        let areas: Vec<Named> = (0..120)
            .map(|n| Named { code: format!("{:09}", 310_115_000 + n).into(), zh: "".into(), en: "".into() })
            .collect();
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
