//! The city: everything that is configured, validated once into one immutable value.
//!
//! A city is a folder of a settings file and tables (see `src/city/pudong/`, the default one). Loading finds every mistake it
//! can and names file, line, value and mend; what it returns needs no further checks. Its version is a hash of its files, and
//! stands in every frame of the journal.
//!
//! This room knows no clock, no thread and no state of the dispatcher.

mod area;
mod audit;
mod border;
mod budget;
mod calendar;
mod cells;
mod class;
mod components;
mod condition;
mod crowds;
mod duty;
mod files;
mod frame;
mod gazetteer;
mod geojson;
mod grid;
mod knot;
mod layout;
mod limit;
mod names;
mod patches;
mod pointer;
mod raster;
mod roster;
mod seam;
mod shape;
mod source;
mod spelling;
mod survey;
pub mod text;
mod tile;
mod tiles;
mod tiling;
mod time_format;

use std::path::Path;

pub use audit::{Places, Remark};
pub use calendar::Calendar;
pub use cells::Cells;
pub use class::{Assign, Class, Policy, SamePlace};
pub use components::Components;
pub use condition::{Condition, Conditions};
pub use duty::{Candidate, Candidates, DutyLine, DutyList};
pub use files::{CityFiles, Problem, Problems};
pub use frame::{Frame, FrameId, Frames};
pub use gazetteer::{Ear, Gazetteer, Worded};
pub use grid::{CodeParts, Grid, Located};
pub use layout::{Encoding, Layout, TableLayout};
pub use limit::{Limit, LimitUnit};
pub use names::Names;
pub use pointer::{Clash, Node, Pointer, Pointers, Slot};
pub use raster::{CellCode, Raster};
pub use roster::{PoolId, Roster, UnitSpec};
pub use seam::{Seam, Warning};
pub use shape::Shape;
pub use source::{Late, Source, SourceKind};
pub use time_format::{TimeFormat, TimePattern};

use crate::ids::{AreaId, ClassId, ConditionId};
use crate::report::Urgency;
use crate::time::Window;
use files::{Settings, Spanned};
use text::Classifier;

/// A thing with a code and a name in two languages.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// Its code.
    pub code: Box<str>,
    /// 中文.
    pub zh: Box<str>,
    /// English.
    pub en: Box<str>,
}

/// How much the mind may remember; reaching a bound makes it forget the oldest, and say so.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Memory {
    /// Ids kept for exact dedup, over all windows.
    pub ids_max: u32,
    /// Cases kept in memory.
    pub cases_max: u32,
}

/// The configuration of one district, immutable.
#[derive(Debug)]
pub struct City {
    /// Its name for machines.
    pub id: Box<str>,
    /// Its name for people, 中文.
    pub name_zh: Box<str>,
    /// Its name for people, English.
    pub name_en: Box<str>,
    /// Hash of its files.
    pub version: u64,
    /// The frames that places may be said in.
    pub frames: Frames,
    /// The cells, and the areas on them.
    pub grid: Grid,
    /// Where components and devices stand.
    pub components: Components,
    /// What places are called.
    pub gazetteer: Gazetteer,
    /// What words say of class and urgency.
    pub classifier: Classifier,
    /// Areas 街镇, by [`crate::ids::AreaId`].
    pub areas: Vec<Named>,
    /// Departments, by [`crate::ids::DepartmentId`].
    pub departments: Vec<Named>,
    /// Classes, by [`crate::ids::ClassId`].
    pub classes: Vec<Class>,
    /// Filing conditions of classes.
    pub conditions: Conditions,
    /// Category words (codes and aliases) to classes.
    pub categories: Names,
    /// Policies that classes share.
    pub policies: Vec<Policy>,
    /// Sources, by [`crate::ids::SourceId`].
    pub sources: Vec<Source>,
    /// Source names to sources.
    pub source_names: Names,
    /// The different dedup windows of the sources; [`Source::dedup`] is a position in it.
    pub dedup_windows: Vec<Window>,
    /// When people work.
    pub calendar: Calendar,
    /// Who answers for what, where.
    pub duty: DutyList,
    /// Units and their pools.
    pub roster: Roster,
    /// Bounds of memory.
    pub memory: Memory,
    /// A jump of event time beyond this is believed only with the reports that follow.
    pub jump_ms: i64,
    /// What its people should know.
    pub warnings: Vec<Warning>,
    files: CityFiles,
}

impl City {
    /// Loads a folder.
    ///
    /// # Errors
    /// All that is wrong with it, each with file, line and mend.
    pub fn load(folder: &Path) -> Result<Self, Problems> {
        Self::compile(CityFiles::read(folder)?)
    }

    /// The default city, which is part of the program.
    ///
    /// # Panics
    /// Never: a test compiles it.
    pub fn pudong() -> Self {
        Self::compile(CityFiles::pudong()).expect("the embedded city compiles")
    }

    /// The files that it was made of.
    pub const fn files(&self) -> &CityFiles {
        &self.files
    }

    /// The area of a code.
    pub fn area_by_code(&self, code: &str) -> Option<AreaId> {
        position(&self.areas, code).map(AreaId)
    }

    /// How pressing a matter is by itself: as its condition says, else as its class does. Nothing where neither is known.
    #[inline]
    pub fn urgency_of(&self, class: ClassId, condition: ConditionId) -> Option<Urgency> {
        let of_condition = self.conditions.get(condition).map(|condition| condition.urgency);
        of_condition.or_else(|| self.classes.get(class.index()).map(|class| class.urgency))
    }

    /// How long a matter may take, in the same way.
    #[inline]
    pub fn limit_of(&self, class: ClassId, condition: ConditionId) -> Option<Limit> {
        match self.conditions.get(condition) {
            Some(condition) => condition.limit,
            None => self.classes.get(class.index()).and_then(|class| class.limit),
        }
    }

    /// Compiles files into a city.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn compile(files: CityFiles) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let settings = Settings::parse(&files, &mut problems).ok_or_else(|| std::mem::take(&mut problems))?;
        let frames = Frames::compile(&settings, &mut problems);
        let (areas, borders) = area::compile(&files, &settings, &frames, &mut problems);
        let cells = survey::compile(&files, &settings, &frames, &areas, &mut problems);
        let grid = grid::compile(&files, &settings, borders, cells, &areas, &mut problems)
            .ok_or_else(|| std::mem::take(&mut problems))?;
        let components = Components::compile(&files, &grid, &areas, &mut problems);
        let gazetteer = Gazetteer::compile(&files, &grid, &areas, &mut problems);
        let departments = files.named("departments.csv", &mut problems);
        let policies = class::compile_policies(&settings, &mut problems);
        let (classes, categories) = class::compile_classes(&files, &settings, &mut problems);
        let conditions = Conditions::compile(&files, &settings, &classes, &categories, &mut problems);
        let catalogue = shape::Catalogue { classes: &classes, words: &categories };
        let classifier = Classifier::compile(&files, &settings, &categories, &mut problems);
        let (sources, source_names, dedup_windows) = source::compile(&settings, &frames, &catalogue, &mut problems);
        let tables = Tables {
            areas: &areas,
            departments: &departments,
            classes: &classes,
            conditions: &conditions,
            grid: &grid,
        };
        let calendar = Calendar::compile(&files, settings.calendar.as_ref(), &mut problems);
        let duty = DutyList::compile(&files, &tables, &mut problems);
        let roster = Roster::compile(&files, &settings, &tables, &mut problems);
        let memory = compile_memory(&settings, &mut problems);
        problems.into_result(())?;
        let warnings =
            grid.borders().map(|(borders, cell_size)| seam::find(borders, &areas, cell_size)).unwrap_or_default();
        Ok(Self {
            id: settings.city.id.as_str().into(),
            name_zh: settings.city.name_zh.as_str().into(),
            name_en: settings.city.name_en.as_str().into(),
            version: files.version(),
            frames,
            grid,
            components,
            gazetteer,
            classifier,
            areas,
            departments,
            classes,
            conditions,
            categories,
            policies,
            sources,
            source_names,
            dedup_windows,
            calendar,
            duty,
            roster,
            memory,
            jump_ms: i64::from(settings.time.jump_minutes) * 60_000,
            warnings,
            files,
        })
    }
}

/// What tables refer to each other by.
struct Tables<'a> {
    areas: &'a [Named],
    departments: &'a [Named],
    classes: &'a [Class],
    conditions: &'a Conditions,
    grid: &'a Grid,
}

/// Finds a code in a table of named things.
fn position(named: &[Named], code: &str) -> Option<u16> {
    named.iter().position(|entry| &*entry.code == code).and_then(|index| u16::try_from(index).ok())
}

fn compile_memory(settings: &Settings, problems: &mut Problems) -> Memory {
    let check = |value: &Spanned<u32>, name: &str, problems: &mut Problems| {
        if !(1_000..=1_000_000_000).contains(value.get_ref()) {
            problems.setting(
                value.span().start,
                format!("memory.{name} = {} is not between 1,000 and 1,000,000,000", value.get_ref()),
                "choose a bound that fits the machine; the plan that follows from it is printed at start",
            );
        }
        *value.get_ref()
    };
    Memory {
        ids_max: check(&settings.memory.ids_max, "ids_max", problems),
        cases_max: check(&settings.memory.cases_max, "cases_max", problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_city_compiles_and_everybody_can_be_reached() {
        let city = City::pudong();
        assert_eq!((city.areas.len(), &*city.areas[0].code), (36, "310115004"));
        for (index, _) in city.classes.iter().enumerate() {
            for area in 0..city.areas.len() {
                let class = crate::ids::ClassId(index as u16);
                let area = crate::ids::AreaId(area as u16);
                let mut candidates = city.duty.candidates(class, ConditionId::NONE, crate::ids::CellId(0), area);
                let first = candidates.next().expect("the duty list names somebody for every class");
                let pools =
                    [city.roster.area_pool(first.department, area), city.roster.district_pool(first.department)];
                let units: usize = pools.iter().map(|pool| city.roster.pool(*pool).len()).sum();
                assert!(units > 0, "{} has units for {}", first.department.0, area.0);
                assert!(candidates.next().is_some(), "街镇托底: the street stands behind every department");
            }
        }
    }

    const CITY: &str = include_str!("pudong/city.toml");
    const CLASSES: &str = include_str!("pudong/classes.csv");
    const DEPARTMENTS: &str = include_str!("pudong/departments.csv");
    const AREAS: &str = include_str!("pudong/areas.csv");
    const DUTY: &str = include_str!("pudong/duty.csv");
    const AREA_CELLS: &str = include_str!("pudong/area_cells.csv");

    /// Compiles the default city with one text replaced, and expects one problem with this file, line and part of its text.
    fn check(file: &str, from: &str, to: &str, expect: (&str, u64, &str)) {
        let mut texts = [
            ("city.toml", CITY),
            ("classes.csv", CLASSES),
            ("departments.csv", DEPARTMENTS),
            ("areas.csv", AREAS),
            ("duty.csv", DUTY),
            ("area_cells.csv", AREA_CELLS),
        ];
        let changed = texts.iter().find(|(name, _)| *name == file).expect("a file").1;
        assert!(changed.contains(from), "{file} has {from}");
        let changed = changed.replacen(from, to, 1);
        texts.iter_mut().find(|(name, _)| *name == file).expect("a file").1 = &changed;
        let problems = City::compile(CityFiles::from_texts(&texts)).expect_err("a mistake");
        let found = problems.as_slice().iter().any(|problem| {
            problem.file == expect.0
                && problem.line == expect.1
                && problem.what.contains(expect.2)
                && !problem.mend.is_empty()
        });
        assert!(found, "{from} → {to}: expected {expect:?}, found {problems}");
    }

    #[test]
    fn mistakes_are_named_with_file_line_and_value() {
        let line = |text: &str, part: &str| text[..text.find(part).expect(part)].lines().count() as u64 + 1;
        let source = line(CITY, "[[source]]\nname = \"12345\"");
        let policy = line(CITY, "[[policy]]\nname = \"matter\"");
        let cases = [
            ("city.toml", "west = 121450000", "west = 131450000", ("city.toml", line(CITY, "[grid]"), "131450000")),
            ("city.toml", "cell_width = 1970", "cell_width = 0", ("city.toml", line(CITY, "[grid]"), "0")),
            (
                "city.toml",
                "cell_code",
                "area_rows = 62\ncell_code",
                ("city.toml", line(CITY, "[grid]"), "area_rows beside"),
            ),
            ("city.toml", "cell_code", "# cell_code", ("city.toml", line(CITY, "[grid]"), "no cell_code")),
            ("area_cells.csv", "310115140", "310115999", ("area_cells.csv", 2, "area \"310115999\"")),
            ("area_cells.csv", "3,188,195,", "3,195,188,", ("area_cells.csv", 2, "from \"195\"")),
            ("area_cells.csv", "3,188,195,", "3,188,295,", ("area_cells.csv", 2, "column \"295\"")),
            ("area_cells.csv", "3,188,195,", "326,188,195,", ("area_cells.csv", 2, "row \"326\"")),
            ("area_cells.csv", "4,167,197,", "3,195,197,", ("area_cells.csv", 3, "cells of line 2")),
            ("area_cells.csv", "4,167,197,", "2,167,197,", ("area_cells.csv", 3, "stands behind row 3")),
            ("area_cells.csv", "4,167,197,", "4,-167,197,", ("area_cells.csv", 3, "invalid digit")),
            ("area_cells.csv", "area\n", "street\n", ("area_cells.csv", 2, "street")),
            (
                "areas.csv",
                "310115145,",
                "310115146,三灶镇,Sanzao Town\n310115145,",
                ("area_cells.csv", 0, "310115146\" has no"),
            ),
            ("city.toml", "name = \"12345\"", "name = \"\"", ("city.toml", source, "empty")),
            ("city.toml", "name = \"12319\"", "name = \"12345\"", ("city.toml", source + 10, "12345")),
            ("city.toml", "kind = \"hotline\"", "kind = \"phone\"", ("city.toml", source + 3, "phone")),
            ("city.toml", "may = [\"report\"]", "may = [\"rule\"]", ("city.toml", source, "rule")),
            ("city.toml", "same_place = \"radius\"", "same_place = \"near\"", ("city.toml", policy, "near")),
            ("city.toml", "radius_m = 50", "radius_m = 0", ("city.toml", policy, "radius_m")),
            ("city.toml", "A = 50", "A = 0", ("city.toml", line(CITY, "A = 50"), "A = 0")),
            ("city.toml", "minutes = 1440", "minutes = 0", ("city.toml", policy, "0 minutes")),
            ("city.toml", "ids_max = 4000000", "ids_max = 1", ("city.toml", line(CITY, "ids_max"), "ids_max")),
            ("city.toml", "\"D-CHENGGUAN\", \"D-CONSTR\"", "\"X\"", ("city.toml", line(CITY, "[[pool]]"), "X")),
            ("city.toml", "[city]", "[town]", ("city.toml", line(CITY, "[city]"), "town")),
            ("classes.csv", ",A,", ",D,", ("classes.csv", 2, "urgency \"D\"")),
            ("classes.csv", ",fault,", ",faults,", ("classes.csv", 2, "faults")),
            ("classes.csv", "01002", "01001", ("classes.csv", 3, "01001")),
            ("departments.csv", "D-OPS", "", ("departments.csv", 2, "empty")),
            ("duty.csv", "01001,district", "01001,block", ("duty.csv", 2, "block")),
            ("duty.csv", "01001,district,,", "01001,cell,7,", ("duty.csv", 2, "cell \"7\"")),
            ("duty.csv", "01001,district,,", "99999,district,,", ("duty.csv", 2, "99999")),
            ("duty.csv", "01002,district", "01001,district", ("duty.csv", 3, "second line")),
            ("duty.csv", ",U-WATER,district", ",U-WATER,city", ("duty.csv", 2, "tier \"city\"")),
            ("duty.csv", ",U-WATER,district", "", ("duty.csv", 2, "fields")),
        ];
        for (file, from, to, expect) in cases {
            check(file, from, to, expect);
        }
    }
}
