//! The register of components 部件 and devices: where each one stands, so that a report which names it needs no coordinates.

use serde::Deserialize;

use super::files::{COMPONENTS, CityFiles, Problems};
use super::{Grid, Named, Names};
use crate::geo::FinePoint;

/// Codes to places.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Components {
    positions: Names<u32>,
    places: Vec<FinePoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: String,
    lng: Option<f64>,
    lat: Option<f64>,
    #[serde(default)]
    cell: Option<String>,
}

impl Components {
    pub(super) fn compile(files: &CityFiles, grid: &Grid, areas: &[Named], problems: &mut Problems) -> Self {
        let mut register = Self::default();
        let mut lines = Vec::new();
        if files.get(COMPONENTS).is_none() {
            return register;
        }
        for (line, row) in files.rows::<Row>(COMPONENTS, problems) {
            let place = match place(&row, grid, areas) {
                Ok(place) => place,
                Err((what, mend)) => {
                    problems.push(COMPONENTS, line, what, mend);
                    continue;
                }
            };
            if row.code.is_empty() || !register.positions.insert(&row.code, register.places.len() as u32) {
                let what = format!("code \"{}\" is empty or stands twice", row.code);
                problems.push(COMPONENTS, line, what, "give each component its own code");
                continue;
            }
            register.places.push(place);
            lines.push((line, row.code));
        }
        for ((line, code), located) in lines.iter().zip(grid.locate_all(&register.places)) {
            if located.is_none() {
                let what = format!("component \"{code}\" lies in no cell");
                problems.push(COMPONENTS, *line, what, "give a place in the district, in the city's frame");
            }
        }
        register
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where a component stands.
    #[inline]
    pub fn place(&self, code: &str) -> Option<FinePoint> {
        self.positions.get(code).map(|position| self.places[position as usize])
    }
}

fn place(row: &Row, grid: &Grid, areas: &[Named]) -> Result<FinePoint, (String, &'static str)> {
    match (row.lng, row.lat, row.cell.as_deref().filter(|cell| !cell.is_empty())) {
        (Some(lng), Some(lat), None) => FinePoint::of_degrees(lng, lat)
            .ok_or_else(|| (format!("{lng} {lat} is no place"), "lng and lat are degrees")),
        (None, None, Some(code)) => match grid.by_code(code, areas) {
            Some(cell) => Ok(grid.centre(cell).into()),
            None => Err((format!("cell \"{code}\""), "name a cell of the grid")),
        },
        _ => Err((format!("component \"{}\" has no place, or two", row.code), "give lng and lat, or a cell")),
    }
}
