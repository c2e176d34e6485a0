//! The grid: a declared raster of equal cells, and areas that are blocks of them.

use serde::Deserialize;

use super::files::{GridSettings, Problems, Spanned};
use super::{Named, position};
use crate::geo::Point;
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

/// A raster of equal cells, counted from the south-west corner, row by row.
#[derive(Clone, PartialEq, Debug)]
pub struct Grid {
    west: i32,
    south: i32,
    width: u32,
    height: u32,
    cell_width: u32,
    cell_height: u32,
    columns: u32,
    rows: u32,
    area_columns: u32,
    area_rows: u32,
    areas_across: u32,
    code: CellCode,
}

impl Grid {
    pub(super) fn compile(settings: &Spanned<GridSettings>, problems: &mut Problems) -> Self {
        let offset = settings.span().start;
        let grid = settings.get_ref();
        let ordered = grid.west < grid.east && grid.south < grid.north;
        let on_earth = grid.west >= -180_000_000 && grid.east <= 180_000_000;
        let on_earth = on_earth && grid.south >= -90_000_000 && grid.north <= 90_000_000;
        if !ordered || !on_earth {
            let what = format!("[grid] {} {} to {} {} is no area", grid.west, grid.south, grid.east, grid.north);
            problems.setting(offset, what, "give the edges in micro-degrees, west < east and south < north");
        }
        let positive = [grid.cell_width, grid.cell_height, grid.area_columns, grid.area_rows].iter().all(|n| *n > 0);
        if !positive {
            problems.setting(offset, "[grid] a size is 0".to_owned(), "cell and area sizes are at least 1");
        }
        let (cell_width, cell_height) = (grid.cell_width.max(1), grid.cell_height.max(1));
        let (area_columns, area_rows) = (grid.area_columns.max(1), grid.area_rows.max(1));
        let width = grid.east.saturating_sub(grid.west).max(1) as u32;
        let height = grid.north.saturating_sub(grid.south).max(1) as u32;
        let (columns, rows) = (width.div_ceil(cell_width), height.div_ceil(cell_height));
        if u64::from(columns) * u64::from(rows) >= u64::from(u32::MAX) {
            problems.setting(offset, format!("[grid] has {columns} × {rows} cells"), "choose larger cells");
        }
        if grid.cell_code == CellCode::AreaRowColumn && (area_columns > 1000 || area_rows > 1000) {
            let what = format!("[grid] areas of {area_columns} × {area_rows} cells do not fit 3 digits each");
            problems.setting(offset, what, "choose at most 1000 rows and columns, or cell_code = \"index\"");
        }
        Self {
            west: grid.west,
            south: grid.south,
            width,
            height,
            cell_width,
            cell_height,
            columns,
            rows,
            area_columns,
            area_rows,
            areas_across: columns.div_ceil(area_columns),
            code: grid.cell_code,
        }
    }

    pub(super) fn check_areas(&self, areas: usize, problems: &mut Problems) {
        let down = self.rows.div_ceil(self.area_rows);
        let expected = self.areas_across as usize * down as usize;
        if areas != expected {
            let what = format!("{areas} areas, but the grid has {} × {down} = {expected} blocks", self.areas_across);
            problems.push("areas.csv", 0, what, "list one area for every block, row by row from the south-west");
        }
    }

    /// Number of cells.
    pub const fn cells(&self) -> u32 {
        self.columns * self.rows
    }

    /// The cell that a point lies in. A point on an edge belongs to the cell east or north of it; outside the raster none.
    #[inline]
    pub fn locate(&self, point: Point) -> Option<CellId> {
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

    /// The area of a cell.
    #[inline]
    pub fn area(&self, cell: CellId) -> AreaId {
        let (row, column) = (cell.0 / self.columns, cell.0 % self.columns);
        AreaId((row / self.area_rows * self.areas_across + column / self.area_columns) as u16)
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

    /// A cell's code, as the parts that it is written of: an area's code, if it begins with one, and a number with so many
    /// digits at least.
    #[inline]
    pub fn code_parts<'a>(&self, cell: CellId, areas: &'a [Named]) -> (&'a str, u64, usize) {
        match self.code {
            CellCode::Index => ("", u64::from(cell.0), 1),
            CellCode::AreaRowColumn => {
                let (row, column) = (cell.0 / self.columns % self.area_rows, cell.0 % self.columns % self.area_columns);
                (&areas[self.area(cell).index()].code, u64::from(row) * 1000 + u64::from(column), 6)
            }
        }
    }

    /// A cell's code.
    pub fn code(&self, cell: CellId, areas: &[Named]) -> String {
        let (area, number, digits) = self.code_parts(cell, areas);
        format!("{area}{number:0digits$}")
    }

    /// The cell of a code.
    pub fn by_code(&self, code: &str, areas: &[Named]) -> Option<CellId> {
        match self.code {
            CellCode::Index => {
                let plain =
                    code.bytes().all(|byte| byte.is_ascii_digit()) && (code.len() == 1 || !code.starts_with('0'));
                code.parse().ok().filter(|index| plain && *index < self.cells()).map(CellId)
            }
            CellCode::AreaRowColumn => {
                let (area, place) = code.split_at_checked(code.len().checked_sub(6)?)?;
                let area = u32::from(position(areas, area)?);
                if !place.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                let (row, column): (u32, u32) = (place[..3].parse().ok()?, place[3..].parse().ok()?);
                if row >= self.area_rows || column >= self.area_columns {
                    return None;
                }
                let row = area / self.areas_across * self.area_rows + row;
                let column = area % self.areas_across * self.area_columns + column;
                (row < self.rows && column < self.columns).then(|| CellId(row * self.columns + column))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> Grid {
        let settings = GridSettings {
            west: 121_450_000,
            south: 30_900_000,
            east: 121_950_000,
            north: 31_400_000,
            cell_width: 1049,
            cell_height: 902,
            area_columns: 50,
            area_rows: 50,
            cell_code: CellCode::Index,
        };
        let mut problems = Problems::default();
        let grid = Grid::compile(&Spanned::new(0..0, settings), &mut problems);
        grid.check_areas(120, &mut problems);
        problems.into_result(grid).expect("a valid grid")
    }

    #[test]
    fn cells_and_areas_are_those_of_the_specification() {
        let grid = bench();
        assert_eq!((grid.columns, grid.rows), (477, 555));
        for (lng, lat) in [(0, 0), (1048, 901), (1049, 902), (499_999, 499_999), (250_000, 123_456)] {
            let cell = grid.locate(Point { lng: 121_450_000 + lng, lat: 30_900_000 + lat }).expect("inside");
            let (cx, cy) = (lng as u32 / 1049, lat as u32 / 902);
            assert_eq!(cell.0, cy * 477 + cx);
            assert_eq!(u32::from(grid.area(cell).0), cy / 50 * 10 + cx / 50);
            assert_eq!(grid.locate(grid.centre(cell)), Some(cell));
        }
        for (lng, lat) in [(-1, 0), (0, -1), (500_000, 0), (0, 500_000), (i32::MAX - 121_450_000, 0)] {
            assert_eq!(grid.locate(Point { lng: 121_450_000 + lng, lat: 30_900_000 + lat }), None);
        }
        assert_eq!(grid.locate(Point { lng: i32::MIN, lat: i32::MIN }), None);
    }

    #[test]
    fn codes_lead_back_to_their_cells() {
        let areas: Vec<Named> = (0..120)
            .map(|n| Named { code: format!("{:09}", 310_115_000 + n).into(), zh: "".into(), en: "".into() })
            .collect();
        for code in [CellCode::Index, CellCode::AreaRowColumn] {
            let grid = Grid { code, ..bench() };
            for cell in [0, 1, 476, 477, 100_000, grid.cells() - 1] {
                let (area, number, digits) = grid.code_parts(CellId(cell), &areas);
                let text = format!("{area}{number:0digits$}");
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
