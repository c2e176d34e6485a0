//! The duty list: which department answers for a class or a filing condition of it, in a cell, an area, or the whole district.

use serde::Deserialize;

use super::files::{CityFiles, Problems};
use super::{City, Tables, position};
use crate::effect::{Scope, Tier};
use crate::ids::{AreaId, CellId, ClassId, ConditionId, DepartmentId};
use crate::weighed::Basis;

/// One body that could answer, and why it is on the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The department.
    pub department: DepartmentId,
    /// The level that holds the order.
    pub tier: Tier,
    /// For which place the line is that named it.
    pub scope: Scope,
    /// For which matters that line is.
    pub basis: Basis,
}

/// The duty list. Lines for a condition come before lines for its class, and those before lines for every class (`*`: 街镇托底, the
/// fallback); of each, lines for a cell come before lines for its area, and those before lines for the district.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DutyList {
    /// Sorted by key. The district's lines for classes and for every class stand below.
    lines: Vec<(Key, Candidate)>,
    /// The district's line of each class, which most look-ups end with.
    district: Vec<Option<Candidate>>,
    /// Whether any line for a class or for every class names a cell or an area: if not, their look-up is one read.
    is_local: bool,
    /// Whether any line is for a condition.
    is_conditional: bool,
    fallback: Option<Candidate>,
}

/// Class (or [`ClassId::NONE`] for every class), condition (or [`ConditionId::NONE`] for all of the class), scope, place.
type Key = (ClassId, ConditionId, u8, u32);

/// A line of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DutyLine {
    key: Key,
    /// Who answers.
    pub candidate: Candidate,
}

impl DutyLine {
    /// The cell, if it is for one.
    pub fn cell(&self) -> Option<CellId> {
        (self.candidate.scope == Scope::Cell).then_some(CellId(self.key.3))
    }

    /// Class, condition, place and department, as they stand in the table.
    pub fn text(&self, city: &City) -> String {
        let (class, condition, _, place) = self.key;
        let matter = match city.conditions.get(condition) {
            Some(condition) => condition.text(city),
            None => city.classes.get(class.index()).map_or("*", |class| &class.named.code).to_owned(),
        };
        let place = match self.candidate.scope {
            Scope::Cell => {
                format!("cell {}", city.grid.code(CellId(place), &city.areas))
            }
            Scope::Area => format!("area {}", city.areas[place as usize].code),
            Scope::District => "district".to_owned(),
        };
        format!("{matter} {place} {}", city.departments[self.candidate.department.index()].code)
    }
}

/// Most candidates that a look-up can give: three scopes, for the condition, the class and every class.
const CANDIDATES_MAX: usize = 9;

/// Who could answer for a matter, best first.
#[derive(Clone, Copy, Debug)]
pub struct Candidates {
    found: [Candidate; CANDIDATES_MAX],
    next: usize,
    len: usize,
}

impl Default for Candidates {
    #[inline]
    fn default() -> Self {
        const NOBODY: Candidate = Candidate {
            department: DepartmentId::NONE,
            tier: Tier::District,
            scope: Scope::District,
            basis: Basis::Every,
        };
        Self { found: [NOBODY; CANDIDATES_MAX], next: 0, len: 0 }
    }
}

impl Candidates {
    #[inline]
    fn extend(&mut self, candidate: Option<Candidate>) {
        if let Some(candidate) = candidate {
            self.found[self.len] = candidate;
            self.len += 1;
        }
    }
}

impl Iterator for Candidates {
    type Item = Candidate;

    #[inline]
    fn next(&mut self) -> Option<Candidate> {
        let next = self.found[..self.len].get(self.next).copied();
        self.next += usize::from(next.is_some());
        next
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: String,
    scope: String,
    r#where: String,
    department: String,
    tier: String,
    #[serde(default)]
    condition: String,
}

const FILE: &str = "duty.csv";

impl DutyList {
    pub(super) fn compile(files: &CityFiles, tables: &Tables<'_>, problems: &mut Problems) -> Self {
        let mut list = Self { district: vec![None; tables.classes.len()], ..Self::default() };
        for (line, row) in files.rows::<Row>(FILE, problems) {
            match compile_row(&row, tables) {
                Ok((key, candidate)) => list.add(key, candidate, line, problems),
                Err((what, mend)) => problems.push(FILE, line, what, mend),
            }
        }
        list.lines.sort_unstable_by_key(|(key, _)| *key);
        list
    }

    fn add(&mut self, key: Key, candidate: Candidate, line: u64, problems: &mut Problems) {
        let (class, _, scope, _) = key;
        let taken = match (candidate.scope, candidate.basis) {
            (Scope::District, Basis::Class) => self.district[class.index()].replace(candidate).is_some(),
            (Scope::District, Basis::Every) => self.fallback.replace(candidate).is_some(),
            (_, basis) => {
                self.is_conditional |= basis == Basis::Condition;
                self.is_local |= basis != Basis::Condition;
                let taken = self.lines.iter().any(|(known, _)| *known == key);
                self.lines.push((key, candidate));
                taken
            }
        };
        if taken {
            let what = format!("a second line for the same class, condition and place (scope {scope})");
            problems.push(FILE, line, what, "keep one line for each class or condition, and place");
        }
    }

    /// Who could answer, best first: the places narrow to wide for the condition, then the same for the class, and for every class.
    #[inline]
    pub fn candidates(&self, class: ClassId, condition: ConditionId, cell: CellId, area: AreaId) -> Candidates {
        let mut found = Candidates::default();
        if condition.is_some() && self.is_conditional {
            self.add_local(&mut found, class, condition, cell, area);
            found.extend(self.line((class, condition, Scope::District as u8, 0)));
        }
        if self.is_local {
            self.add_local(&mut found, class, ConditionId::NONE, cell, area);
        }
        found.extend(self.district.get(class.index()).copied().flatten());
        if self.is_local {
            self.add_local(&mut found, ClassId::NONE, ConditionId::NONE, cell, area);
        }
        found.extend(self.fallback);
        found
    }

    /// The lines for a cell and its area.
    #[inline(never)]
    fn add_local(&self, found: &mut Candidates, class: ClassId, condition: ConditionId, cell: CellId, area: AreaId) {
        found.extend(self.line((class, condition, Scope::Cell as u8, cell.0)));
        found.extend(self.line((class, condition, Scope::Area as u8, u32::from(area.0))));
    }

    /// Every line, in the order of class, condition, scope and place; those for every class last.
    pub fn lines(&self) -> Vec<DutyLine> {
        let districts = self.district.iter().enumerate().filter_map(|(class, candidate)| {
            candidate.map(|candidate| DutyLine {
                key: (ClassId(class as u16), ConditionId::NONE, Scope::District as u8, 0),
                candidate,
            })
        });
        let local = self.lines.iter().map(|(key, candidate)| DutyLine { key: *key, candidate: *candidate });
        let fallback = self
            .fallback
            .map(|candidate| DutyLine { key: (ClassId::NONE, ConditionId::NONE, Scope::District as u8, 0), candidate });
        let mut lines: Vec<_> = districts.chain(local).chain(fallback).collect();
        lines.sort_unstable_by_key(|line| line.key);
        lines
    }

    /// The line by which a department got a case.
    pub fn line_of(
        &self,
        class: ClassId,
        condition: ConditionId,
        cell: CellId,
        area: AreaId,
        department: DepartmentId,
        scope: Scope,
    ) -> Option<DutyLine> {
        let mut candidates = self.candidates(class, condition, cell, area);
        let candidate = candidates.find(|candidate| (candidate.department, candidate.scope) == (department, scope))?;
        let (class, condition) = match candidate.basis {
            Basis::Condition => (class, condition),
            Basis::Class => (class, ConditionId::NONE),
            Basis::Every => (ClassId::NONE, ConditionId::NONE),
        };
        let place = match scope {
            Scope::Cell => cell.0,
            Scope::Area => u32::from(area.0),
            Scope::District => 0,
        };
        Some(DutyLine { key: (class, condition, scope as u8, place), candidate })
    }

    fn line(&self, key: Key) -> Option<Candidate> {
        self.lines.binary_search_by_key(&key, |(key, _)| *key).ok().map(|index| self.lines[index].1)
    }
}

fn compile_row(row: &Row, tables: &Tables<'_>) -> Result<(Key, Candidate), (String, String)> {
    let class = match row.class.as_str() {
        "*" => ClassId::NONE,
        code => tables
            .classes
            .iter()
            .position(|class| &*class.named.code == code)
            .map(|index| ClassId(index as u16))
            .ok_or_else(|| {
            (format!("class \"{code}\""), "name a code of classes.csv, or * for every class".to_owned())
        })?,
    };
    let (scope, place) = match row.scope.as_str() {
        "district" if row.r#where.is_empty() => (Scope::District, 0),
        "area" => position(tables.areas, &row.r#where)
            .map(|area| (Scope::Area, u32::from(area)))
            .ok_or_else(|| (format!("area \"{}\"", row.r#where), "name a code of areas.csv".to_owned()))?,
        "cell" => tables
            .grid
            .by_code(&row.r#where, tables.areas)
            .map(|cell| (Scope::Cell, cell.0))
            .ok_or_else(|| (format!("cell \"{}\"", row.r#where), "name a cell of the grid".to_owned()))?,
        scope => {
            let what = format!("scope \"{scope}\" with where \"{}\"", row.r#where);
            return Err((what, "scope is cell, area, or district (with an empty where)".to_owned()));
        }
    };
    let department = position(tables.departments, &row.department)
        .map(DepartmentId)
        .ok_or_else(|| (format!("department \"{}\"", row.department), "name a code of departments.csv".to_owned()))?;
    let tier = Tier::ALL
        .into_iter()
        .find(|tier| tier.word() == row.tier)
        .ok_or_else(|| (format!("tier \"{}\"", row.tier), "tier is village, station, street or district".to_owned()))?;
    let (condition, basis) = match row.condition.as_str() {
        "" if class.is_some() => (ConditionId::NONE, Basis::Class),
        "" => (ConditionId::NONE, Basis::Every),
        word => match tables.conditions.find(class, word) {
            ConditionId::NONE => {
                let what = format!("condition \"{word}\" of class \"{}\"", row.class);
                return Err((what, "name a condition that conditions.csv has for the class, or none".to_owned()));
            }
            found => (found, Basis::Condition),
        },
    };
    Ok(((class, condition, scope as u8, place), Candidate { department, tier, scope, basis }))
}
