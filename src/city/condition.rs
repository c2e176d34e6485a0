//! Filing conditions 立案条件: what exactly is the matter with something of a class. How pressing it is and how long its handling may
//! take belong to the condition; a class answers for itself only while its condition is not known.

use serde::Deserialize;

use super::files::{CONDITIONS, CityFiles, Problems, Settings, is_plain};
use super::limit::{self, Limit};
use super::{City, Class, Named, Names};
use crate::ids::{ClassId, ConditionId};
use crate::report::Urgency;

/// One filing condition of a class.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// Its class.
    pub class: ClassId,
    /// Code and names; the code differs from those of the class's other conditions.
    pub named: Named,
    /// Other words for it, of which the class's other conditions have none.
    aliases: Vec<Box<str>>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Time allowed from the first order to handling; absent where no limit is set.
    pub limit: Option<Limit>,
}

impl Condition {
    /// Whether a word stands for it: its code, its Chinese name, or an alias.
    fn is_called(&self, word: &str) -> bool {
        self.words().any(|own| own == word)
    }

    /// The codes of its class and of itself.
    pub fn text(&self, city: &City) -> String {
        format!("{} {}", city.classes[self.class.index()].named.code, self.named.code)
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let words = [&*self.named.code, &*self.named.zh].into_iter().chain(self.aliases.iter().map(|alias| &**alias));
        words.filter(|word| !word.is_empty())
    }
}

/// All conditions, those of a class side by side.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Conditions {
    all: Vec<Condition>,
    /// The first condition of each class, and one past the last.
    starts: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: String,
    code: Box<str>,
    name_zh: Box<str>,
    name_en: Box<str>,
    urgency: String,
    #[serde(default)]
    limit: String,
    #[serde(default)]
    aliases: String,
}

/// Most conditions: their positions are 16 bits, one of which says that there is none.
const CONDITIONS_MAX: usize = u16::MAX as usize - 1;

impl Conditions {
    pub(super) fn compile(
        files: &CityFiles,
        settings: &Settings,
        classes: &[Class],
        categories: &Names,
        problems: &mut Problems,
    ) -> Self {
        let mut all: Vec<Condition> = Vec::new();
        for (line, row) in files.rows::<Row>(CONDITIONS, problems) {
            let class =
                categories.get(&row.class).filter(|class| *classes[usize::from(*class)].named.code == *row.class);
            let Some(class) = class.map(ClassId) else {
                problems.push(CONDITIONS, line, format!("class \"{}\"", row.class), "name a code of classes.csv");
                continue;
            };
            let urgency = Urgency::from_letter(&row.urgency).unwrap_or_else(|| {
                problems.push(CONDITIONS, line, format!("urgency \"{}\"", row.urgency), "urgency is A, B or C");
                Urgency::C
            });
            let condition = Condition {
                class,
                named: Named { code: row.code, zh: row.name_zh, en: row.name_en },
                aliases: row.aliases.split('|').filter(|word| !word.is_empty()).map(Box::from).collect(),
                urgency,
                limit: limit::compile(CONDITIONS, line, &row.limit, settings, problems),
            };
            let code = &condition.named.code;
            if code.is_empty() || !is_plain(code) {
                let mend = "a condition has a code, without quotes, backslashes and control characters";
                problems.push(CONDITIONS, line, format!("code {code:?}"), mend);
            }
            let others = || all.iter().filter(|other| other.class == class);
            if let Some(word) = condition.words().find(|word| others().any(|other| other.is_called(word))) {
                let what = format!("\"{word}\" stands for two conditions of class {}", row.class);
                problems.push(
                    CONDITIONS,
                    line,
                    what,
                    "a code, a name or an alias stands for one condition of its class",
                );
            }
            all.push(condition);
        }
        if all.len() > CONDITIONS_MAX {
            problems.push(CONDITIONS, 0, format!("{} conditions", all.len()), "list at most 65,534");
        }
        all.sort_by_key(|condition| condition.class);
        let start = |class: usize| all.partition_point(|condition| condition.class.index() < class) as u16;
        let starts = (0..=classes.len()).map(start).collect();
        Self { all, starts }
    }

    /// One of them.
    #[inline]
    pub fn get(&self, condition: ConditionId) -> Option<&Condition> {
        self.all.get(condition.index())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (ConditionId, &Condition)> {
        (0..).map(ConditionId).zip(&self.all)
    }

    /// Those of a class.
    pub fn of(&self, class: ClassId) -> impl Iterator<Item = (ConditionId, &Condition)> {
        let range = match self.starts.get(class.index()..class.index() + 2) {
            Some(ends) => ends[0]..ends[1],
            None => 0..0,
        };
        range.map(|position| (ConditionId(position), &self.all[usize::from(position)]))
    }

    /// The condition of a class that a word stands for, or [`ConditionId::NONE`].
    pub fn find(&self, class: ClassId, word: &str) -> ConditionId {
        let found = self.of(class).find(|(_, condition)| condition.is_called(word));
        found.map_or(ConditionId::NONE, |(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::{CityFiles, Remark};

    const HEADER: &str = "class,code,name_zh,name_en,urgency,limit,aliases\n";

    fn compile(rows: &str) -> Result<City, Problems> {
        let table = format!("{HEADER}{rows}");
        let pudong = CityFiles::pudong();
        let texts: Vec<_> =
            pudong.texts().map(|(name, text)| (name, if name == CONDITIONS { &table } else { text })).collect();
        City::compile(CityFiles::from_texts(&texts))
    }

    #[test]
    fn a_condition_is_found_by_each_of_its_words_and_only_in_its_class() {
        let rows = "01003,gone,缺失,Gone,A,2 urgent_hour,丢失|不见了\n01001,gone,缺失,Gone,B,4 work_hour,\n01003,loud,异响,Loud,C,,\n";
        let city = compile(rows).expect("a city");
        let class = |code: &str| ClassId(city.categories.get(code).expect("a class"));
        let found = |code: &str, word: &str| city.conditions.get(city.conditions.find(class(code), word));
        for word in ["gone", "缺失", "丢失", "不见了"] {
            assert_eq!(
                found("01003", word).map(|condition| condition.text(&city)).as_deref(),
                Some("01003 gone"),
                "{word}"
            );
        }
        assert_eq!(found("01001", "缺失").map(|condition| condition.urgency), Some(Urgency::B));
        for (code, word) in [("01001", "丢失"), ("01002", "gone"), ("01003", ""), ("01003", "Gone"), ("90012", "gone")]
        {
            assert!(found(code, word).is_none(), "{code} {word}");
        }
        assert_eq!(city.conditions.find(ClassId::NONE, "gone"), ConditionId::NONE);
        let (gone, loud) = (city.conditions.find(class("01003"), "gone"), city.conditions.find(class("01003"), "loud"));
        let of = |class, condition| (city.urgency_of(class, condition), city.limit_of(class, condition));
        let hours = Limit { amount: 2, unit: limit::LimitUnit::UrgentHour };
        assert_eq!(of(class("01003"), gone), (Some(Urgency::A), Some(hours)));
        assert_eq!(of(class("01003"), loud), (Some(Urgency::C), None));
        assert_eq!(of(class("01003"), ConditionId::NONE), (Some(Urgency::A), Some(hours)));
        assert_eq!(of(ClassId::NONE, ConditionId::NONE), (None, None));
        let unlimited =
            |remark: &Remark| matches!(remark, Remark::NoLimit { classes } if **classes == ["01003".into()]);
        assert!(city.remarks().iter().any(unlimited), "a class is never due under one of its conditions");
    }

    #[test]
    fn duty_lines_name_conditions_of_their_class() {
        let compile = |row: &str| {
            let duty = format!(
                "class,scope,where,department,tier,condition\n01001,district,,D-WATER,district,surround_sunk\n{row}\n"
            );
            let pudong = CityFiles::pudong();
            let texts =
                pudong.texts().map(|(name, text)| (name, if name == "duty.csv" { duty.as_str() } else { text }));
            City::compile(CityFiles::from_texts(&texts.collect::<Vec<_>>()))
        };
        let city = compile("01001,district,,U-WATER,district,弹跳异响").expect("a city");
        let lines: Vec<_> = city.duty.lines().iter().map(|line| line.text(&city)).collect();
        assert_eq!(lines, ["01001 noisy_or_flipping district U-WATER", "01001 surround_sunk district D-WATER"]);
        for (row, what) in [
            ("01001,district,,U-WATER,district,loud", "condition \"loud\" of class \"01001\""),
            ("*,district,,U-WATER,district,surround_sunk", "condition \"surround_sunk\" of class \"*\""),
            ("01001,district,,U-WATER,district,周边下沉", "a second line for the same class, condition and place"),
        ] {
            let problems = compile(row).expect_err("a mistake");
            let found = problems.as_slice().iter().find(|problem| problem.what.contains(what));
            let found = found.unwrap_or_else(|| panic!("{row}: {problems}"));
            assert!((found.file, found.line) == ("duty.csv", 3) && !found.mend.is_empty(), "{row}: {problems}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (rows, line, what) in [
            ("1003,gone,,,A,,\n", 2, "class \"1003\""),
            ("供水井盖,gone,,,A,,\n", 2, "class \"供水井盖\""),
            ("01003,gone,,,D,,\n", 2, "urgency \"D\""),
            ("01003,,缺失,,A,,\n", 2, "code \"\""),
            ("01003,\"a\"\"b\",,,A,,\n", 2, "code \"a\\\"b\""),
            ("01003,gone,,,A,2 hours,\n", 2, "limit \"2 hours\""),
            ("01003,gone,缺失,,A,,\n01003,lost,,,A,,缺失\n", 3, "\"缺失\" stands for two conditions of class 01003"),
            ("01003,gone,,,A,,\n01003,gone,,,A,,\n", 3, "\"gone\" stands for two"),
        ] {
            let problems = compile(rows).expect_err("a mistake");
            let found = problems.as_slice().iter().find(|problem| problem.what.contains(what));
            let found = found.unwrap_or_else(|| panic!("{rows}: {problems}"));
            assert!((found.file, found.line) == (CONDITIONS, line) && !found.mend.is_empty(), "{rows}: {problems}");
        }
    }
}
