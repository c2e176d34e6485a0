//! Classes of the catalogue, and the policies that they share.

use serde::Deserialize;

use super::files::{CityFiles, Problems, Settings};
use super::limit::{self, Limit, LimitUnit};
use super::{Named, Names};
use crate::report::Urgency;
use crate::time::Window;

/// One class of the catalogue.
#[derive(Clone, PartialEq, Debug)]
pub struct Class {
    /// Code and names.
    pub named: Named,
    /// How pressing its matters are, as long as their condition is not known.
    pub urgency: Urgency,
    /// Position of its policy.
    pub policy: u16,
    /// Time allowed from the first order to handling, as long as the condition is not known; absent where no limit is set.
    pub limit: Option<Limit>,
}

/// How reports of a class become cases and cases find units. Compiled once.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Its name in the settings.
    pub name: Box<str>,
    /// How far apart in time two reports of one matter may lie.
    pub merge: Window,
    /// When two reports are about the same place.
    pub same_place: SamePlace,
    /// Which unit gets the case.
    pub assign: Assign,
}

/// When two reports are about the same place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SamePlace {
    /// In the same cell.
    Cell,
    /// Within so many centimetres.
    Radius {
        /// The radius.
        cm: u32,
    },
    /// About the same component (manhole, lamp).
    Component,
    /// With the same address text.
    Address,
}

/// Which unit gets a case; ties go to the lowest numeric id.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Assign {
    /// The unit with the fewest open orders.
    LeastLoaded,
    /// The nearest unit that has room.
    Nearest,
}

/// Radii beyond this make candidate search pointless: a district has cells and areas for that.
const RADIUS_M_MAX: u32 = 5_000;

pub(super) fn compile_policies(settings: &Settings, problems: &mut Problems) -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for spanned in &settings.policy {
        let (offset, raw) = (spanned.span().start, spanned.get_ref());
        if raw.name.is_empty() || policies.iter().any(|known| *known.name == *raw.name) {
            let what = format!("[[policy]] name \"{}\" is empty or stands twice", raw.name);
            problems.setting(offset, what, "give each policy its own name");
        }
        let same_place = match (raw.same_place.as_str(), raw.radius_m) {
            ("cell", None) => SamePlace::Cell,
            ("component", None) => SamePlace::Component,
            ("address", None) => SamePlace::Address,
            ("radius", Some(metres @ 1..=RADIUS_M_MAX)) => SamePlace::Radius { cm: metres * 100 },
            (word, radius) => {
                let what = format!("[[policy]] \"{}\": same_place = \"{word}\" with radius_m = {radius:?}", raw.name);
                let mend =
                    format!("same_place is cell, component, address, or radius with radius_m = 1 to {RADIUS_M_MAX}");
                problems.setting(offset, what, mend);
                SamePlace::Cell
            }
        };
        let merge = raw.merge.compile(offset, problems);
        policies.push(Policy { name: raw.name.as_str().into(), merge, same_place, assign: raw.assign });
    }
    policies
}

const FILE: &str = "classes.csv";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: Box<str>,
    name_zh: Box<str>,
    name_en: Box<str>,
    urgency: String,
    policy: String,
    #[serde(default)]
    limit: Option<String>,
    #[serde(default)]
    limit_min: Option<u32>,
    #[serde(default)]
    aliases: Option<String>,
}

impl Row {
    /// The limit, in whichever of the two columns it stands.
    fn limit(&self, line: u64, settings: &Settings, problems: &mut Problems) -> Option<Limit> {
        let minutes = self.limit_min.map(|amount| Limit { amount, unit: LimitUnit::Minute });
        let Some(text) = self.limit.as_deref().filter(|text| !text.is_empty()) else { return minutes };
        if minutes.is_some() {
            let mend = "give one of them; limit_min = 30 is limit = \"30 minute\"";
            problems.push(FILE, line, format!("limit \"{text}\" beside limit_min"), mend);
        }
        limit::compile(FILE, line, text, settings, problems)
    }
}

pub(super) fn compile_classes(files: &CityFiles, settings: &Settings, problems: &mut Problems) -> (Vec<Class>, Names) {
    let (mut classes, mut categories) = (Vec::new(), Names::default());
    for (line, row) in files.rows::<Row>(FILE, problems) {
        let aliases = row.aliases.as_deref().unwrap_or_default();
        for word in std::iter::once(&*row.code).chain(aliases.split('|').filter(|word| !word.is_empty())) {
            if word.is_empty() || !categories.insert(word, classes.len() as u16) {
                let what = format!("category word \"{word}\" is empty or stands twice");
                problems.push(FILE, line, what, "a code or alias stands for one class");
            }
        }
        let urgency = Urgency::from_letter(&row.urgency).unwrap_or_else(|| {
            problems.push(FILE, line, format!("urgency \"{}\"", row.urgency), "urgency is A, B or C");
            Urgency::C
        });
        let policy =
            settings.policy.iter().position(|policy| policy.get_ref().name == row.policy).unwrap_or_else(|| {
                let known: Vec<_> = settings.policy.iter().map(|policy| policy.get_ref().name.as_str()).collect();
                let mend = format!("city.toml declares the policies {}", known.join(", "));
                problems.push(FILE, line, format!("policy \"{}\"", row.policy), mend);
                0
            });
        let limit = row.limit(line, settings, problems);
        classes.push(Class {
            named: Named { code: row.code, zh: row.name_zh, en: row.name_en },
            urgency,
            policy: policy as u16,
            limit,
        });
    }
    if classes.is_empty() || classes.len() > 60_000 {
        problems.push(FILE, 0, format!("{} classes", classes.len()), "list at least one class, at most 60,000");
    }
    (classes, categories)
}
