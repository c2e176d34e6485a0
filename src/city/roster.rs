//! The roster: units, and the pools that a department draws them from in an area or in the whole district.

use std::ops::Range;

use serde::Deserialize;

use super::files::{AllOr, CityFiles, PoolSettings, Problems, Settings};
use super::{Tables, position};
use crate::geo::Point;
use crate::ids::{AreaId, DepartmentId, UnitId};

/// A unit, as configured.
#[derive(Clone, PartialEq, Debug)]
pub struct UnitSpec {
    /// Its code.
    pub code: Box<str>,
    /// The pool that it belongs to.
    pub pool: PoolId,
    /// How many orders it can hold at once.
    pub capacity: u32,
    /// Where it is stationed, or [`Point::NONE`].
    pub point: Point,
}

/// The units of one department in one area, or in the whole district.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PoolId(pub u32);

/// Units in the order of their numeric ids; those of a pool lie side by side.
#[derive(Debug, Default)]
pub struct Roster {
    units: Vec<UnitSpec>,
    /// First unit of each pool, and one past the last.
    starts: Vec<u32>,
    /// Pools of a department: one for each area, then one for the district.
    pools_of_department: u32,
    codes: Codes,
}

/// Unit codes to units. A `Names` holds 16-bit positions; rosters may be larger, so they are sorted instead.
#[derive(Debug, Default)]
struct Codes {
    sorted: Vec<u32>,
}

/// No limit.
const UNLIMITED: u32 = u32::MAX;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: Box<str>,
    department: String,
    area: String,
    lng: Option<f64>,
    lat: Option<f64>,
    capacity: Option<u32>,
}

const FILE: &str = "units.csv";
const UNITS_MAX: usize = 4_000_000;

impl Roster {
    pub(super) fn compile(
        files: &CityFiles,
        settings: &Settings,
        tables: &Tables<'_>,
        problems: &mut Problems,
    ) -> Self {
        let pools_of_department = tables.areas.len() as u32 + 1;
        let pools = tables.departments.len() * pools_of_department as usize;
        let mut units = Vec::new();
        for spanned in &settings.pool {
            add_pool(spanned.get_ref(), spanned.span().start, tables, &mut units, problems);
        }
        for (line, row) in files.rows::<Row>(FILE, problems) {
            match compile_row(&row, tables, pools_of_department) {
                Ok(unit) => units.push(unit),
                Err((what, mend)) => problems.push(FILE, line, what, mend),
            }
        }
        if units.len() > UNITS_MAX {
            problems.setting(0, format!("{} units", units.len()), format!("a roster has at most {UNITS_MAX}"));
        }
        units.sort_by_key(|unit| unit.pool);
        let mut starts = vec![0; pools + 1];
        for unit in &units {
            starts[unit.pool.0 as usize + 1] += 1;
        }
        for pool in 1..starts.len() {
            starts[pool] += starts[pool - 1];
        }
        let codes = Codes::compile(&units, problems);
        Self { units, starts, pools_of_department, codes }
    }

    /// Every unit, by [`UnitId`].
    pub fn units(&self) -> &[UnitSpec] {
        &self.units
    }

    /// Number of pools, empty ones included.
    pub fn pools(&self) -> usize {
        self.starts.len() - 1
    }

    /// The units of a pool.
    #[inline]
    pub fn pool(&self, pool: PoolId) -> Range<usize> {
        self.starts[pool.0 as usize] as usize..self.starts[pool.0 as usize + 1] as usize
    }

    /// The pool of a department in an area.
    #[inline]
    pub const fn area_pool(&self, department: DepartmentId, area: AreaId) -> PoolId {
        PoolId(department.0 as u32 * self.pools_of_department + area.0 as u32)
    }

    /// The pool of a department for the whole district.
    #[inline]
    pub const fn district_pool(&self, department: DepartmentId) -> PoolId {
        PoolId(department.0 as u32 * self.pools_of_department + self.pools_of_department - 1)
    }

    /// The department of a pool.
    pub const fn department(&self, pool: PoolId) -> DepartmentId {
        DepartmentId((pool.0 / self.pools_of_department) as u16)
    }

    /// The unit of a code.
    pub fn by_code(&self, code: &str) -> Option<UnitId> {
        let found = self.codes.sorted.binary_search_by(|unit| (*self.units[*unit as usize].code).cmp(code)).ok()?;
        Some(UnitId(self.codes.sorted[found]))
    }
}

impl Codes {
    fn compile(units: &[UnitSpec], problems: &mut Problems) -> Self {
        let mut sorted: Vec<u32> = (0..units.len() as u32).collect();
        let code = |unit: u32| &*units[unit as usize].code;
        sorted.sort_unstable_by(|a, b| code(*a).cmp(code(*b)));
        for pair in sorted.windows(2).filter(|pair| code(pair[0]) == code(pair[1])) {
            let what = format!("unit code \"{}\" stands for two units", code(pair[0]));
            problems.push(FILE, 0, what, "give pools different first_code or code_prefix, and units their own codes");
        }
        Self { sorted }
    }
}

/// Resolves `"all"`, `"district"` or a list of codes into positions; `None` stands for the whole district.
fn resolve(
    given: &AllOr,
    codes: impl Fn(&str) -> Option<u16>,
    all: usize,
    district: bool,
) -> Result<Vec<Option<u16>>, String> {
    match given {
        AllOr::Word(word) if word == "all" => Ok((0..all as u16).map(Some).collect()),
        AllOr::Word(word) if word == "district" && district => Ok(vec![None]),
        AllOr::Word(word) => Err(word.clone()),
        AllOr::Codes(list) => list.iter().map(|code| codes(code).map(Some).ok_or_else(|| code.clone())).collect(),
    }
}

fn add_pool(
    raw: &PoolSettings,
    offset: usize,
    tables: &Tables<'_>,
    units: &mut Vec<UnitSpec>,
    problems: &mut Problems,
) {
    let mut wrong = |field: &str, word: String| {
        let mend = "departments takes \"all\" or a list of codes; areas takes \"all\", \"district\" or a list of codes";
        problems.setting(offset, format!("[[pool]] {field}: \"{word}\""), mend);
        Vec::new()
    };
    let departments =
        resolve(&raw.departments, |code| position(tables.departments, code), tables.departments.len(), false)
            .unwrap_or_else(|word| wrong("departments", word));
    let areas = resolve(&raw.areas, |code| position(tables.areas, code), tables.areas.len(), true)
        .unwrap_or_else(|word| wrong("areas", word));
    let total = departments.len().saturating_mul(areas.len()).saturating_mul(raw.size as usize);
    if total > UNITS_MAX {
        problems.setting(offset, format!("[[pool]] makes {total} units"), format!("a roster has at most {UNITS_MAX}"));
        return;
    }
    let pools_of_department = tables.areas.len() as u32 + 1;
    let mut number = raw.first_code;
    for department in departments.into_iter().flatten() {
        for area in &areas {
            let place = area.map_or(pools_of_department - 1, u32::from);
            for _ in 0..raw.size {
                units.push(UnitSpec {
                    code: format!("{}{number}", raw.code_prefix).into(),
                    pool: PoolId(u32::from(department) * pools_of_department + place),
                    capacity: raw.capacity.unwrap_or(UNLIMITED),
                    point: Point::NONE,
                });
                number += 1;
            }
        }
    }
}

fn compile_row(row: &Row, tables: &Tables<'_>, pools_of_department: u32) -> Result<UnitSpec, (String, String)> {
    let department = position(tables.departments, &row.department)
        .ok_or_else(|| (format!("department \"{}\"", row.department), "name a code of departments.csv".to_owned()))?;
    let place = match row.area.as_str() {
        "" => pools_of_department - 1,
        code => position(tables.areas, code).map(u32::from).ok_or_else(|| {
            (format!("area \"{code}\""), "name a code of areas.csv, or none for the district".to_owned())
        })?,
    };
    let point = match (row.lng, row.lat) {
        (None, None) => Point::NONE,
        (Some(lng), Some(lat)) if lng.abs() <= 180.0 && lat.abs() <= 90.0 => {
            Point { lng: (lng * 1e6).round() as i32, lat: (lat * 1e6).round() as i32 }
        }
        (lng, lat) => {
            let what = format!("position {lng:?} {lat:?}");
            return Err((what, "give lng and lat in degrees, or neither".to_owned()));
        }
    };
    if row.code.is_empty() {
        return Err(("a unit without a code".to_owned(), "give each unit its own code".to_owned()));
    }
    Ok(UnitSpec {
        code: row.code.clone(),
        pool: PoolId(u32::from(department) * pools_of_department + place),
        capacity: row.capacity.unwrap_or(UNLIMITED),
        point,
    })
}
