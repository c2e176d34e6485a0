//! `gen-areas`: which cell of the built-in city's raster lies in which street or town.
//!
//! The outline of the district is real; the borders inside it are not. Polygons of streets and towns are not public, so each is
//! grown around its middle until it has its share of the cells, from `loadtest/pudong/`. Integers only: the same bytes on every machine.

mod growth;
mod outline;

use std::io::{self, Write};
use std::path::Path;

use growth::{Growth, Town};
use outline::Outline;

use crate::Outcome;
use crate::r#gen::{create, failed, to_stdout};
use crate::pudong::{Raster, Spot};

const OUTLINE: &str = include_str!("../../pudong/outline.csv");
const TOWNS: &str = include_str!("../../pudong/towns.csv");

/// Writes the table; `-` is standard output.
pub fn run(out: &Path) -> Outcome {
    if out == Path::new("-") {
        return to_stdout(|out| write(out));
    }
    write(create(out)?).map_err(|error| failed(out, error))
}

/// The runs of each row, from the south-west corner on, as the city's `area_cells.csv` has them.
fn write(mut out: impl Write) -> io::Result<()> {
    let (raster, towns) = (Raster::pudong(), towns());
    let areas = Growth::new(&raster, &Outline::of(OUTLINE), &towns).areas();
    writeln!(out, "row,from,to,area")?;
    for (row, areas) in areas.chunks(raster.columns() as usize).enumerate() {
        let mut from = 0;
        for cells in areas.chunk_by(|one, next| one == next) {
            let to = from + cells.len();
            if let Some(town) = cells[0] {
                writeln!(out, "{row},{from},{},{}", to - 1, towns[town].code)?;
            }
            from = to;
        }
    }
    out.flush()
}

fn towns() -> Vec<Town> {
    let town = |[code, lng, lat, km2]: [&'static str; 4]| Town {
        code,
        middle: Spot { lng: millionths(lng), lat: millionths(lat) },
        share: millionths(km2) as u64,
    };
    rows(TOWNS).map(town).collect()
}

/// The rows of a table of this program. Lines that begin with # are for people; the first other names the columns.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| line.split(',').collect::<Vec<_>>().try_into().expect("a row has all columns"))
}

/// A number with a point, as millionths.
fn millionths(text: &str) -> i32 {
    let (whole, part) = text.split_once('.').expect("a number with a point");
    let digits: i32 = format!("{part:0<6}").parse().expect("six digits at most");
    whole.parse::<i32>().expect("digits") * 1_000_000 + digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pudong::{CellId, PUDONG};

    #[test]
    fn every_town_is_one_piece_with_its_share_of_the_cells() {
        let (raster, towns) = (Raster::pudong(), towns());
        let growth = Growth::new(&raster, &Outline::of(OUTLINE), &towns);
        let wanted = growth.shares();
        assert_eq!(wanted.iter().sum::<u32>(), growth.mainland());
        let areas = growth.areas();
        for (town, wanted) in wanted.into_iter().enumerate() {
            let cells = areas.iter().filter(|area| **area == Some(town)).count() as u32;
            let code = towns[town].code;
            println!("{code}: {cells} cells of {wanted}");
            let islands = if ["310115110", "310115139"].contains(&code) { cells.saturating_sub(wanted) } else { 0 };
            let off = (cells - islands).abs_diff(wanted);
            assert!(off * 50 <= wanted, "{code}: {cells} cells of {wanted}");
        }
    }

    #[test]
    fn the_outline_is_the_district_and_its_middles_lie_in_it() {
        let outline = Outline::of(OUTLINE);
        assert!(towns().iter().all(|town| outline.has(town.middle)));
        // The Bund, Fengxian, the sea, and the island north of the river.
        for (lng, lat) in
            [(121_486_000, 31_238_000), (121_500_000, 30_950_000), (121_990_000, 31_000_000), (121_700_000, 31_400_000)]
        {
            assert!(!outline.has(Spot { lng, lat }), "{lng} {lat}");
        }
        let cells = (0..PUDONG.grid.cells()).map(|number| PUDONG.grid.nth(number));
        let middle = |cell: CellId| Raster::pudong().middle(cell);
        assert!(cells.map(middle).all(|spot| outline.has(spot)));
    }
}
