//! What a city may say, but hardly means: nobody answers, nobody can come, nothing is ever due. It works all the same, so this is
//! told by `paidan check`, and refused by nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::patches::Exclaves;
use super::seam::Warning;
use super::text::Mute;
use super::{City, Named};
use crate::ids::{AreaId, CellId, ClassId, ConditionId, DepartmentId};

/// Something that whoever keeps the city should look at.
#[derive(Clone, PartialEq, Debug)]
pub enum Remark {
    /// Borders of areas do not fit.
    Seam(Warning),
    /// No line of the duty list is for a class in some areas.
    NobodyAnswers(Places),
    /// Who answers for a class in some areas has no unit that could come.
    NobodyComes(Places),
    /// A department answers somewhere, and no unit of it could come there.
    NoUnits {
        /// Its code.
        department: Box<str>,
        /// In how many areas that is so.
        areas: usize,
        /// The code of one of them.
        area: Box<str>,
    },
    /// A line of the duty list is for a cell that is closed, and never counts.
    ClosedCell {
        /// The line.
        line: String,
    },
    /// Open cells lie under others, which have their ground.
    HiddenCells {
        /// How many.
        cells: usize,
        /// The code of one of them.
        cell: Box<str>,
    },
    /// Areas have no cell.
    NoCells {
        /// How many.
        areas: usize,
        /// The code of one of them.
        area: Box<str>,
    },
    /// An area has pieces apart from its largest, among other areas.
    Exclaves {
        /// Its code.
        area: Box<str>,
        /// How many.
        pieces: usize,
        /// The code of a cell of one of them.
        cell: String,
    },
    /// Units belong to a department that answers for nothing where they are.
    IdleUnits {
        /// The department's code.
        department: Box<str>,
        /// How many.
        units: usize,
        /// The code of one of them.
        unit: Box<str>,
    },
    /// Classes without a handling limit, or with a condition that has none: their orders are never due.
    NoLimit {
        /// Their codes.
        classes: Vec<Box<str>>,
    },
    /// A policy that no class has.
    UnusedPolicy {
        /// Its name.
        name: Box<str>,
    },
    /// A keyword rule never says anything.
    MuteRule(Mute),
}

/// A class, and where something is so of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Places {
    /// The class's code.
    pub class: Box<str>,
    /// In how many areas.
    pub areas: usize,
    /// The code of one of them.
    pub area: Box<str>,
}

/// Codes that are listed; the others are counted.
const LISTED: usize = 8;

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seam(warning) => warning.fmt(f),
            Self::NobodyAnswers(Places { class, areas, area }) => write!(
                f,
                "类别 {class} 在 {areas} 个街镇无人负责 class {class}: nobody on the duty list answers for it in {areas} areas, for \
                 example {area}; a line for * in duty.csv catches what is left"
            ),
            Self::NobodyComes(Places { class, areas, area }) => write!(
                f,
                "类别 {class} 在 {areas} 个街镇无处置力量 class {class}: in {areas} areas, for example {area}, nobody who answers for it \
                 has units; its cases go to people"
            ),
            Self::NoUnits { department, areas, area } => write!(
                f,
                "部门 {department} 在 {areas} 个街镇无处置力量 department {department} answers in {areas} areas, for example {area}, where \
                 it has no units; the next on the duty list gets its cases"
            ),
            Self::ClosedCell { line } => write!(
                f,
                "责任清单的网格已关闭 duty.csv: {line}: the cell is closed, and the line never counts; name the cells that followed it"
            ),
            Self::HiddenCells { cells, cell } => write!(
                f,
                "{cells} 个网格被其他网格覆盖 {cells} cells, for example {cell}, lie under others with lower codes, and nothing is ever \
                 found in their middle"
            ),
            Self::NoCells { areas, area } => write!(
                f,
                "{areas} 个街镇没有网格 {areas} areas, for example {area}, have no cell, and no place lies in them"
            ),
            Self::Exclaves { area, pieces, cell } => write!(
                f,
                "街镇 {area} 有 {pieces} 块飞地 area {area} has {pieces} pieces among other areas, apart from its largest, for example around \
                 cell {cell}; look at its runs in area_cells.csv"
            ),
            Self::IdleUnits { department, units, unit } => write!(
                f,
                "部门 {department} 的 {units} 个力量不会被派单 {units} units of department {department}, for example {unit}, can never be \
                 chosen: where they are it answers for nothing"
            ),
            Self::NoLimit { classes } => {
                let shown: Vec<&str> = classes.iter().take(LISTED).map(|code| &**code).collect();
                let (count, shown) = (classes.len(), shown.join(", "));
                let more = if count > LISTED { ", …" } else { "" };
                write!(
                    f,
                    "{count} 个类别无处置时限 {count} classes have no limit, and their orders are never due: {shown}{more}"
                )
            }
            Self::UnusedPolicy { name } => write!(f, "策略 {name} 未被使用 no class has the policy {name}"),
            Self::MuteRule(Mute::Dead { line }) => write!(
                f,
                "关键词规则第 {line} 行永不生效 keywords.csv:{line}: the rule never applies: it asks for a word that holds one of its unless"
            ),
            Self::MuteRule(Mute::Shadowed { line, by, is_conflict }) => {
                let (zh, en) = match is_conflict {
                    true => ("冲突，其类别永不生效", "which says another class"),
                    false => ("重复，其类别永不生效", "which says the same"),
                };
                write!(
                    f,
                    "关键词规则第 {line} 行与第 {by} 行{zh} keywords.csv:{line}: its class never counts: wherever the rule applies, that of line \
                     {by} comes first, {en}"
                )
            }
        }
    }
}

impl City {
    /// Everything about it that is odd.
    pub fn remarks(&self) -> Vec<Remark> {
        let seams = self.warnings.iter().cloned().map(Remark::Seam);
        seams
            .chain(self.drawing())
            .chain(self.exclaves())
            .chain(self.responsibilities())
            .chain(self.limits())
            .chain(self.policies_without_class())
            .chain(self.classifier.rules().mute().into_iter().map(Remark::MuteRule))
            .collect()
    }

    /// What is odd about cells that are polygons.
    fn drawing(&self) -> Vec<Remark> {
        let Some(cells) = self.grid.drawn() else { return Vec::new() };
        let open = || (0..cells.count() as u32).map(CellId).filter(|cell| !cells.is_closed(*cell));
        let lines = self.duty.lines().into_iter();
        let closed = lines.filter(|line| line.cell().is_some_and(|cell| cells.is_closed(cell)));
        let mut remarks: Vec<_> = closed.map(|line| Remark::ClosedCell { line: line.text(self) }).collect();
        let hidden: Vec<CellId> = open().filter(|cell| cells.cell(self.grid.centre(*cell)) != Some(*cell)).collect();
        remarks.extend(
            hidden.first().map(|first| Remark::HiddenCells { cells: hidden.len(), cell: cells.code(*first).into() }),
        );
        let used: BTreeSet<AreaId> =
            open().filter_map(|cell| self.grid.locate_cell(cell)).map(|located| located.area).collect();
        let bare: Vec<AreaId> = (0..self.areas.len() as u16).map(AreaId).filter(|area| !used.contains(area)).collect();
        let area = |first: &AreaId| Remark::NoCells { areas: bare.len(), area: self.code_of(*first) };
        remarks.extend(bare.first().map(area));
        remarks
    }

    /// Areas in several pieces, on a raster whose cells say which they are in. An island is none: no area lies beside it.
    fn exclaves(&self) -> Vec<Remark> {
        let remark = |Exclaves { area, pieces, cell }| Remark::Exclaves {
            area: self.code_of(area),
            pieces,
            cell: self.grid.code(cell, &self.areas).to_string(),
        };
        self.grid.patches().map_or_else(Vec::new, |patches| patches.exclaves().into_iter().map(remark).collect())
    }

    fn responsibilities(&self) -> Vec<Remark> {
        let (mut unanswered, mut uncovered) = (Vec::new(), Vec::new());
        // Where departments answer, by what lines for areas and the district say; and where they have nobody.
        let (mut answering, mut absent) = (BTreeSet::new(), BTreeMap::<DepartmentId, BTreeSet<AreaId>>::new());
        for class in (0..self.classes.len() as u16).map(ClassId) {
            let (mut nobody, mut nobody_comes) = (Vec::new(), Vec::new());
            for area in (0..self.areas.len() as u16).map(AreaId) {
                let of = |condition| self.duty.candidates(class, condition, CellId::NONE, area);
                let candidates: Vec<_> = of(ConditionId::NONE).collect();
                let narrower = self.conditions.of(class).flat_map(|(condition, _)| of(condition));
                for department in candidates.iter().copied().chain(narrower).map(|candidate| candidate.department) {
                    answering.insert((department, area));
                    if !self.has_units(department, area) {
                        absent.entry(department).or_default().insert(area);
                    }
                }
                if candidates.is_empty() {
                    nobody.push(area);
                } else if !candidates.iter().any(|candidate| self.has_units(candidate.department, area)) {
                    nobody_comes.push(area);
                }
            }
            let places = |areas: &[AreaId]| {
                let code = self.classes[class.index()].named.code.clone();
                areas.first().map(|area| Places { class: code, areas: areas.len(), area: self.code_of(*area) })
            };
            unanswered.extend(places(&nobody).map(Remark::NobodyAnswers));
            uncovered.extend(places(&nobody_comes).map(Remark::NobodyComes));
        }
        for line in self.duty.lines() {
            let is_closed = |cell| self.grid.drawn().is_some_and(|cells| cells.is_closed(cell));
            let open = line.cell().filter(|cell| !is_closed(*cell));
            if let Some(located) = open.and_then(|cell| self.grid.locate_cell(cell)) {
                answering.insert((line.candidate.department, located.area));
            }
        }
        let absent = absent.into_iter().map(|(department, areas)| Remark::NoUnits {
            department: self.departments[department.index()].code.clone(),
            areas: areas.len(),
            area: self.code_of(*areas.first().expect("it is absent somewhere")),
        });
        unanswered.into_iter().chain(uncovered).chain(absent).chain(self.idle_units(&answering)).collect()
    }

    /// Whether a department has units that could come to an area.
    fn has_units(&self, department: DepartmentId, area: AreaId) -> bool {
        let pools = [self.roster.area_pool(department, area), self.roster.district_pool(department)];
        pools.into_iter().any(|pool| !self.roster.pool(pool).is_empty())
    }

    fn idle_units(&self, answering: &BTreeSet<(DepartmentId, AreaId)>) -> Vec<Remark> {
        let mut idle = BTreeMap::<DepartmentId, (usize, &str)>::new();
        let areas = || (0..self.areas.len() as u16).map(AreaId);
        for department in (0..self.departments.len() as u16).map(DepartmentId) {
            let answers = |area| answering.contains(&(department, area));
            let in_areas = areas().filter(|area| !answers(*area)).map(|area| self.roster.area_pool(department, area));
            let in_district = (!areas().any(answers)).then(|| self.roster.district_pool(department));
            for unit in in_areas.chain(in_district).flat_map(|pool| self.roster.pool(pool)) {
                idle.entry(department).or_insert((0, &self.roster.units()[unit].code)).0 += 1;
            }
        }
        let remark = |(department, (units, unit)): (DepartmentId, (usize, &str))| Remark::IdleUnits {
            department: self.departments[department.index()].code.clone(),
            units,
            unit: unit.into(),
        };
        idle.into_iter().map(remark).collect()
    }

    fn limits(&self) -> Option<Remark> {
        let classes: Vec<_> = (0..)
            .map(ClassId)
            .zip(&self.classes)
            .filter(|(id, class)| class.limit.is_none() || self.conditions.of(*id).any(|(_, one)| one.limit.is_none()))
            .map(|(_, class)| class.named.code.clone())
            .collect();
        (!classes.is_empty()).then_some(Remark::NoLimit { classes })
    }

    fn policies_without_class(&self) -> impl Iterator<Item = Remark> {
        let is_used = |policy: usize| self.classes.iter().any(|class| usize::from(class.policy) == policy);
        let unused = self.policies.iter().enumerate().filter(move |(policy, _)| !is_used(*policy));
        unused.map(|(_, policy)| Remark::UnusedPolicy { name: policy.name.clone() })
    }

    fn code_of(&self, area: AreaId) -> Box<str> {
        let Named { code, .. } = &self.areas[area.index()];
        code.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::CityFiles;

    /// Two areas, two departments, two classes.
    fn remarks(change: impl Fn(&str) -> String) -> Vec<String> {
        let texts = [
            (
                "city.toml",
                "[city]\nid = \"x\"\nname_zh = \"镇\"\nname_en = \"X\"\n\
                 [grid]\nwest = 0\nsouth = 0\neast = 2000\nnorth = 1000\ncell_width = 1000\ncell_height = 1000\n\
                 area_columns = 1\narea_rows = 1\ncell_code = \"index\"\n\
                 [[policy]]\nname = \"p\"\nmerge = { window = \"aligned\", minutes = 5 }\nsame_place = \"cell\"\nassign = \"least_loaded\"\n\
                 [[pool]]\ndepartments = \"all\"\nareas = \"all\"\nsize = 1\ncode_prefix = \"U\"\nfirst_code = 1\n\
                 [[source]]\nname = \"app\"\nname_zh = \"应用\"\nkind = \"app\"\nurgency = \"C\"\nlate = \"refuse\"\nmay = [\"report\"]\n\
                 dedup = { window = \"aligned\", minutes = 5 }\n",
            ),
            (
                "classes.csv",
                "code,name_zh,name_en,urgency,policy,limit\nx,甲,X,C,p,30 minute\ny,乙,Y,C,p,1 natural_day\n",
            ),
            ("departments.csv", "code,name_zh,name_en\nd,部,D\ne,局,E\n"),
            ("areas.csv", "code,name_zh,name_en\na1,一,One\na2,二,Two\n"),
            ("duty.csv", "class,scope,where,department,tier\nx,district,,d,street\n*,district,,e,street\n"),
            ("keywords.csv", "words,unless,class,urgency\n路灯+坏|不亮,,x,\n"),
        ];
        let texts: Vec<(&str, String)> = texts.into_iter().map(|(name, text)| (name, change(text))).collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let city = City::compile(CityFiles::from_texts(&texts)).unwrap_or_else(|problems| panic!("{problems}"));
        city.remarks().iter().map(Remark::to_string).collect()
    }

    fn replaced(from: &'static str, to: &'static str) -> Vec<String> {
        remarks(|text| text.replace(from, to))
    }

    #[test]
    fn what_is_in_order_gives_no_remark() {
        assert_eq!(replaced("", ""), [""; 0]);
        assert_eq!(City::pudong().remarks(), []);
    }

    #[test]
    fn each_kind_of_slip_is_remarked_upon() {
        let check = |from, to, expected: &[&[&str]]| {
            let remarks = replaced(from, to);
            assert_eq!(remarks.len(), expected.len(), "{remarks:?}");
            for (remark, parts) in remarks.iter().zip(expected) {
                assert!(parts.iter().all(|part| remark.contains(part)), "{parts:?}: {remark}");
            }
        };
        check(
            "*,district,,e",
            "x,area,a1,e",
            &[&["class y", "nobody on the duty list", "in 2 areas", "a1"], &["1 units of department e", "U4"]],
        );
        check(
            "areas = \"all\"",
            "areas = [\"a1\"]",
            &[
                &["class x", "in 1 areas", "a2", "go to people"],
                &["class y", "in 1 areas", "a2", "go to people"],
                &["department d", "in 1 areas", "a2"],
                &["department e", "in 1 areas", "a2"],
            ],
        );
        check(
            "departments = \"all\"",
            "departments = [\"e\"]",
            &[&["department d", "in 2 areas", "a1", "next on the duty list"]],
        );
        // The next on the list may have units, and be called upon; who is on no line is not.
        check("*,district,,e", "*,district,,d", &[&["2 units of department e", "U3"]]);
        check("*,district,,e", "*,district,,d,street\nx,cell,1,e", &[&["1 units of department e", "U3"]]);
        check("1 natural_day", "", &[&["1 classes have no limit", ": y"]]);
        check("不亮,,x,", "不亮,,x,\n新路灯+坏了,,y,", &[&["keywords.csv:3", "line 2", "another class"]]);
        check("不亮,,x,", "不亮,,x,\n不亮+路灯,,x,", &[&["keywords.csv:3", "line 2", "says the same"]]);
        check("不亮,,x,", "不亮,灯,x,", &[&["keywords.csv:2", "never applies"]]);
    }

    #[test]
    fn a_policy_without_a_class_is_remarked_upon() {
        let more = "[[policy]]\nname = \"q\"\nmerge = { window = \"aligned\", minutes = 5 }\nsame_place = \"cell\"\nassign = \"nearest\"\n[[pool]]";
        assert_eq!(replaced("[[pool]]", more).len(), 1);
        assert!(replaced("[[pool]]", more)[0].contains("policy q"));
    }
}
