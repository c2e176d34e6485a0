//! Areas as patches of a raster's cells: a table of runs of columns, row by row.

use serde::Deserialize;

use super::files::{AREA_CELLS, CityFiles, Problems};
use super::{Named, Names};
use crate::ids::{AreaId, CellId};

/// Most cells of a raster whose areas are patches: two bytes each.
const CELLS_MAX: u64 = 1 << 26;

/// Cells of one row, side by side, that are an area's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    line: u64,
    row: u32,
    from: u32,
    to: u32,
    area: AreaId,
}

/// The table of a city, if it has one. An area that is none is a problem.
pub(super) fn runs(files: &CityFiles, areas: &[Named], problems: &mut Problems) -> Option<Vec<Run>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        row: u32,
        from: u32,
        to: u32,
        area: Box<str>,
    }
    files.get(AREA_CELLS)?;
    let mut codes = Names::default();
    for (position, area) in areas.iter().enumerate() {
        codes.insert(&area.code, position as u16);
    }
    let run = |(line, Row { row, from, to, area }): (u64, Row), problems: &mut Problems| match codes.get(&area) {
        Some(known) => Some(Run { line, row, from, to, area: AreaId(known) }),
        None => {
            problems.push(AREA_CELLS, line, format!("area \"{area}\""), "name a code of areas.csv");
            None
        }
    };
    let rows = files.rows::<Row>(AREA_CELLS, problems);
    Some(rows.into_iter().filter_map(|row| run(row, problems)).collect())
}

/// Which area each cell of a raster is of.
#[derive(Clone, PartialEq, Debug)]
pub struct Patches {
    columns: u32,
    /// By cell; none for a cell of no area.
    areas: Vec<AreaId>,
    /// By area.
    extents: Vec<Extent>,
    /// Cells of any area.
    count: u32,
}

/// The rows and columns that an area lies in.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Extent {
    south: u32,
    west: u32,
    north: u32,
    east: u32,
}

/// Pieces of an area that lie apart from its largest, and among other areas.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Exclaves {
    pub area: AreaId,
    pub pieces: usize,
    /// A cell of one of them.
    pub cell: CellId,
}

impl Patches {
    /// Lays runs on a raster of so many columns and rows; on one that is none nothing. Runs that leave it, turn back, meet or come
    /// out of order are problems, and so is an area without any.
    pub(super) fn lay(runs: &[Run], size: Option<(u32, u32)>, areas: &[Named], problems: &mut Problems) -> Self {
        let (columns, rows) = size.unwrap_or_default();
        let mut patches = Self { columns, areas: Vec::new(), extents: vec![Extent::EMPTY; areas.len()], count: 0 };
        let cells = u64::from(columns) * u64::from(rows);
        if cells == 0 {
            return patches;
        }
        if cells > CELLS_MAX {
            let what = format!("a raster of {columns} × {rows} cells");
            problems.push(AREA_CELLS, 0, what, format!("choose larger cells: {CELLS_MAX} at most beside this table"));
            return patches;
        }
        patches.areas = vec![AreaId::NONE; cells as usize];
        let mut last: Option<&Run> = None;
        for run in runs {
            match run.wrong((columns, rows), last) {
                Some((what, mend)) => problems.push(AREA_CELLS, run.line, what, mend),
                None => patches.paint(run),
            }
            last = Some(run);
        }
        for (area, _) in areas.iter().zip(&patches.extents).filter(|(_, extent)| **extent == Extent::EMPTY) {
            let mend = "give it a run of cells, or leave it out of areas.csv";
            problems.push(AREA_CELLS, 0, format!("area \"{}\" has no cell", area.code), mend);
        }
        patches
    }

    fn paint(&mut self, run: &Run) {
        let start = run.row as usize * self.columns as usize;
        self.areas[start + run.from as usize..=start + run.to as usize].fill(run.area);
        self.count += run.to - run.from + 1;
        self.extents[run.area.index()].take(run);
    }

    /// The area of a cell of the raster.
    #[inline]
    pub(super) fn area(&self, cell: CellId) -> Option<AreaId> {
        self.areas.get(cell.index()).copied().filter(|area| area.is_some())
    }

    /// Cells that are an area's.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// An area with more rows or columns than codes have numbers for.
    pub(super) fn too_large(&self, most: u32) -> Option<(AreaId, u32, u32)> {
        let sizes = (0..).map(AreaId).zip(&self.extents).filter(|(_, extent)| **extent != Extent::EMPTY);
        let mut sizes =
            sizes.map(|(area, extent)| (area, extent.north - extent.south + 1, extent.east - extent.west + 1));
        sizes.find(|(_, rows, columns)| *rows > most || *columns > most)
    }

    /// Row and column of an area's cell, counted from the south-west corner of the box around the area.
    #[inline]
    pub(super) fn within(&self, cell: CellId) -> Option<(AreaId, u32, u32)> {
        let area = self.area(cell)?;
        let extent = &self.extents[area.index()];
        Some((area, cell.0 / self.columns - extent.south, cell.0 % self.columns - extent.west))
    }

    /// The area's cell at a row and column of its box.
    pub(super) fn at(&self, area: AreaId, row: u32, column: u32) -> Option<CellId> {
        let extent = self.extents.get(area.index()).filter(|extent| **extent != Extent::EMPTY)?;
        let (row, column) = (extent.south.checked_add(row)?, extent.west.checked_add(column)?);
        let inside = row <= extent.north && column <= extent.east;
        inside.then(|| CellId(row * self.columns + column)).filter(|cell| self.area(*cell) == Some(area))
    }

    /// Areas with pieces beside their largest that touch other areas. An island in no area is where it should be.
    pub(super) fn exclaves(&self) -> Vec<Exclaves> {
        let mut pieces: Vec<Vec<Piece>> = vec![Vec::new(); self.extents.len()];
        let mut seen = vec![false; self.areas.len()];
        for cell in (0..self.areas.len() as u32).map(CellId) {
            if let Some(area) = self.area(cell).filter(|_| !seen[cell.index()]) {
                pieces[area.index()].push(self.piece(cell, area, &mut seen));
            }
        }
        let exclaves = |(area, pieces): (AreaId, Vec<Piece>)| {
            // Of pieces that are equally large, the first is the main one.
            let main = pieces.iter().rev().max_by_key(|piece| piece.cells)?.first;
            let apart = || pieces.iter().filter(|piece| piece.first != main && piece.touches);
            Some(Exclaves { area, pieces: apart().count(), cell: apart().next()?.first })
        };
        (0..).map(AreaId).zip(pieces).filter_map(exclaves).collect()
    }

    /// The cells that hang together with a first one by their sides.
    fn piece(&self, first: CellId, area: AreaId, seen: &mut [bool]) -> Piece {
        let (mut piece, mut open) = (Piece { first, cells: 0, touches: false }, vec![first]);
        seen[first.index()] = true;
        while let Some(cell) = open.pop() {
            piece.cells += 1;
            for beside in self.beside(cell) {
                match self.area(beside) {
                    Some(other) if other == area && !seen[beside.index()] => {
                        seen[beside.index()] = true;
                        open.push(beside);
                    }
                    Some(other) => piece.touches |= other != area,
                    None => {}
                }
            }
        }
        piece
    }

    fn beside(&self, cell: CellId) -> impl Iterator<Item = CellId> {
        let (column, columns) = (cell.0 % self.columns, self.columns);
        let west = (column > 0).then(|| cell.0 - 1);
        let east = (column + 1 < columns).then(|| cell.0 + 1);
        let south = cell.0.checked_sub(columns);
        let north = (cell.index() + (columns as usize) < self.areas.len()).then(|| cell.0 + columns);
        [west, east, south, north].into_iter().flatten().map(CellId)
    }
}

/// A piece of an area.
#[derive(Clone, Copy)]
struct Piece {
    first: CellId,
    cells: u32,
    /// Whether another area lies beside it.
    touches: bool,
}

impl Extent {
    const EMPTY: Self = Self { south: u32::MAX, west: u32::MAX, north: 0, east: 0 };

    fn take(&mut self, run: &Run) {
        self.south = self.south.min(run.row);
        self.north = self.north.max(run.row);
        self.west = self.west.min(run.from);
        self.east = self.east.max(run.to);
    }
}

impl Run {
    /// What is wrong with a run of a raster of so many columns and rows that comes behind another.
    fn wrong(&self, (columns, rows): (u32, u32), last: Option<&Self>) -> Option<(String, String)> {
        let Self { row, from, to, .. } = *self;
        if row >= rows {
            let what = format!("row \"{row}\" is outside the raster");
            return Some((what, format!("rows are counted from the south, 0 to {}", rows - 1)));
        }
        if from > to {
            let mend = "a run goes from its west end to its east end, both included";
            return Some((format!("from \"{from}\" is behind to {to}"), mend.to_owned()));
        }
        if to >= columns {
            let what = format!("column \"{to}\" is outside the raster");
            return Some((what, format!("columns are counted from the west, 0 to {}", columns - 1)));
        }
        let last = last?;
        let line = last.line;
        if row == last.row && from <= last.to && to >= last.from {
            let what = format!("row {row}, from \"{from}\" to {to}, has cells of line {line}");
            return Some((what, "a cell is in one area: let runs end where others begin".to_owned()));
        }
        if (row, from) < (last.row, last.from) {
            let what =
                format!("row \"{row}\" from {from} stands behind row {} from {} in line {line}", last.row, last.from);
            return Some((what, "sort the runs by row, then by from".to_owned()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas(count: u16) -> Vec<Named> {
        (0..count).map(|n| Named { code: format!("a{n}").into(), zh: "".into(), en: "".into() }).collect()
    }

    /// Of a picture, its north above: a digit is a cell of that area.
    fn drawn(picture: &[&str], count: u16) -> (Patches, String) {
        let (columns, rows) = (picture[0].len() as u32, picture.len() as u32);
        let mut table = String::from("row,from,to,area\n");
        for (row, cells) in picture.iter().rev().enumerate() {
            for (column, cell) in cells.bytes().enumerate().filter(|(_, cell)| cell.is_ascii_digit()) {
                table += &format!("{row},{column},{column},a{}\n", cell - b'0');
            }
        }
        let (files, areas) = (CityFiles::from_texts(&[(AREA_CELLS, &table)]), areas(count));
        let mut problems = Problems::default();
        let runs = runs(&files, &areas, &mut problems).expect("a table");
        (Patches::lay(&runs, Some((columns, rows)), &areas, &mut problems), problems.to_string())
    }

    #[test]
    fn cells_are_counted_within_the_box_around_their_area() {
        let (patches, problems) = drawn(&["..11.", ".0011", ".000.", "....."], 2);
        assert_eq!((problems.as_str(), patches.count()), ("", 9));
        for (cell, within) in [
            (6, Some((0, 0, 0))),
            (11, Some((0, 1, 0))),
            (13, Some((1, 0, 1))),
            (17, Some((1, 1, 0))),
            (0, None),
            (5, None),
            (15, None),
        ] {
            let within = within.map(|(area, row, column)| (AreaId(area), row, column));
            assert_eq!(patches.within(CellId(cell)), within, "{cell}");
            if let Some((area, row, column)) = within {
                assert_eq!(patches.at(area, row, column), Some(CellId(cell)), "{cell}");
            }
        }
        // In the box of the second, and not its own; beyond it; of no area.
        for (area, row, column) in [(0, 1, 2), (1, 0, 3), (1, u32::MAX, 0), (2, 0, 0), (u16::MAX, 0, 0)] {
            assert_eq!(patches.at(AreaId(area), row, column), None, "{area} {row} {column}");
        }
        assert_eq!((patches.too_large(3), patches.too_large(2)), (None, Some((AreaId(0), 2, 3))));
    }

    #[test]
    fn pieces_among_other_areas_are_told_and_islands_are_not() {
        let check = |picture: &[&str], expected: &[(u16, usize, u32)]| {
            let (patches, problems) = drawn(picture, 2);
            let told: Vec<_> = patches.exclaves().iter().map(|one| (one.area.0, one.pieces, one.cell.0)).collect();
            assert_eq!((problems.as_str(), &told[..]), ("", expected), "{picture:?}");
        };
        check(&["0011", "0011"], &[]);
        check(&["00110", "0011."], &[(0, 1, 9)]);
        check(&["0011.0", "0011.."], &[]);
        // Two that are equally large; and corners that touch hold nothing together.
        check(&["010"], &[(0, 1, 2)]);
        check(&["01", "10"], &[(0, 1, 2), (1, 1, 3)]);
        check(&["1110", "0011", "0101"], &[(0, 2, 2), (1, 1, 1)]);
    }

    #[test]
    fn an_area_without_a_cell_is_a_problem() {
        let (_, problems) = drawn(&["00"], 2);
        assert!(problems.contains("area \"a1\" has no cell"), "{problems}");
    }
}
