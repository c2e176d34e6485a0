//! A verdict: what was decided about a record, so that decisions of two cities can be compared.

use serde::Serialize;

use crate::city::City;
use crate::effect::{Effect, Tier};
use crate::ids::{AreaId, CaseId, CellId, ClassId, Seq};
use crate::view::decision::word;

/// What was decided about a record, in words that mean the same in every city.
#[derive(Serialize, Clone, PartialEq, Debug, Default)]
#[expect(missing_docs, reason = "each is the member of its name in a decision")]
pub struct Verdict {
    pub decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<str>>,
}

/// The part that is least of a change: another unit of the same department.
pub(super) const UNIT: &str = "unit";

impl Verdict {
    /// From the effects of a record, in a city. What else it set in motion, for cases of others, does not count.
    pub(super) fn of(city: &City, effects: &[(Seq, Effect)]) -> Self {
        let mut verdict = Self::default();
        let mut own = None;
        for (_, effect) in effects {
            let is_first = verdict.decision.is_empty();
            if is_first {
                verdict.decision = word(effect);
                own = effect.case().filter(|case| *case != CaseId::NONE);
                verdict.case = own.map(|case| case.0);
            }
            match *effect {
                Effect::Tallied { field, reason, .. } if is_first => {
                    verdict.reason = Some(format!("{} {}", field.name(), reason.name()));
                }
                Effect::Opened { class, cell, area, urgency, .. }
                | Effect::Merged { class, cell, area, urgency, .. }
                | Effect::Ruled { class, cell, area, urgency, .. } => {
                    verdict.lies(city, class, cell, area);
                    verdict.urgency = Some(urgency.letter());
                }
                Effect::Raised { case, urgency } if own == Some(case) => {
                    verdict.urgency = Some(urgency.letter());
                }
                Effect::Assigned { order, unit, department, tier, due, .. } if own == Some(order.case) => {
                    verdict.department = Some(city.departments[department.index()].code.clone());
                    verdict.tier = Some(Tier::word(tier));
                    verdict.due = due.map(|due| due.0);
                    verdict.unit = Some(city.roster.units()[unit.index()].code.clone());
                }
                Effect::Waiting { case, department, .. } if own == Some(case) => {
                    verdict.department = Some(city.departments[department.index()].code.clone());
                    verdict.reason = Some("waiting".to_owned());
                }
                Effect::Review { case, doubt } if own == Some(case) => {
                    verdict.reason = serde_json::to_value(doubt).ok().and_then(|word| word.as_str().map(str::to_owned));
                }
                _ => {}
            }
        }
        verdict
    }

    fn lies(&mut self, city: &City, class: ClassId, cell: CellId, area: AreaId) {
        self.class = city.classes.get(class.index()).map(|class| class.named.code.clone());
        self.area = city.areas.get(area.index()).map(|area| area.code.clone());
        self.cell = cell.is_some().then(|| city.grid.code(cell, &city.areas).to_string().into());
    }

    /// Its parts that are not as in another.
    pub(super) fn parts_unlike(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("decision", self.decision != other.decision),
            ("reason", self.reason != other.reason),
            ("case", self.case != other.case),
            ("class", self.class != other.class),
            ("area", self.area != other.area),
            ("cell", self.cell != other.cell),
            ("urgency", self.urgency != other.urgency),
            ("department", self.department != other.department),
            ("tier", self.tier != other.tier),
            ("due", self.due != other.due),
            (UNIT, self.unit != other.unit),
        ];
        parts.into_iter().filter(|(_, is_unlike)| *is_unlike).map(|(part, _)| part).collect()
    }

    /// A part in words, for people.
    pub(super) fn part(&self, part: &str) -> String {
        let all = serde_json::to_value(self).unwrap_or_default();
        match &all[part] {
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}
