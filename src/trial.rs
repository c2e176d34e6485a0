//! `paidan test`: whether a city decides as its people expect. Beside the city's files lies `tests.ndjson`, a case a line: reports
//! that are given to a dispatcher that knows nothing yet, and what is expected of its decisions. What the cases touch of the city is
//! counted, so that a rule that nothing tries is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::city::{City, DutyLine};
use crate::effect::{Effect, Effects};
use crate::failure::Failure;
use crate::fingerprint::HashKey;
use crate::ids::{AreaId, CaseId, ClassId, ConditionId};
use crate::ingest::door::Door;
use crate::ingest::input::Chunk;
use crate::journal::frame::{Frame, Position};
use crate::lane::Lane;
use crate::publish::each_record;
use crate::rights::Rights;
use crate::run;
use crate::view::decision::Decisions;
use crate::view::paper::Paper;

/// The cases of a city, in its folder.
const FILE: &str = "tests.ndjson";
/// Those of the built-in one.
const PUDONG: &str = include_str!("city/pudong/tests.ndjson");
/// Hash keys never influence a decision.
const KEY: HashKey = HashKey { k0: 1, k1: 2 };

/// A case.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What comes in, in the order in which it comes.
    given: Vec<Value>,
    /// What becomes of each, as far as that is of interest.
    expect: Vec<Map<String, Value>>,
}

/// What the cases of a city came to.
#[derive(Serialize, Debug, Default)]
pub struct Tried {
    /// How many cases there are.
    pub cases: usize,
    /// How many of them came out as expected.
    pub as_expected: usize,
    /// What did not.
    pub surprises: Vec<Surprise>,
    /// What of the city they touched.
    pub coverage: Vec<Coverage>,
}

/// Something that did not come out as expected.
#[derive(Serialize, Debug)]
pub struct Surprise {
    /// The line of the case.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Which of what was given, counted from 1.
    pub given: usize,
    /// The member of the decision.
    pub member: String,
    /// What was expected.
    pub expected: Value,
    /// What there was; null where it was not there.
    pub found: Value,
}

/// How much of the city's rules of one kind was tried.
#[derive(Serialize, Debug)]
pub struct Coverage {
    /// Of what, 中文 and English.
    pub of: [&'static str; 2],
    /// How many there are.
    pub all: usize,
    /// Which ones nothing tried.
    pub untried: Vec<String>,
}

/// What the cases touch.
#[derive(Default)]
struct Touched {
    classes: BTreeSet<ClassId>,
    conditions: BTreeSet<ConditionId>,
    areas: BTreeSet<AreaId>,
    duty: Vec<DutyLine>,
    /// What exactly is the matter with the cases, as far as it was said.
    filed: BTreeMap<CaseId, ConditionId>,
}

/// Tries the cases of a city: of a folder, or the built-in one.
///
/// # Errors
/// If the city is not in order, or its cases cannot be read.
pub fn test(folder: Option<&Path>) -> Result<Tried, Failure> {
    let city = Arc::new(run::city(folder, None)?);
    let text = match folder {
        Some(folder) => {
            let path = folder.join(FILE);
            std::fs::read_to_string(&path).map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => Failure::Refused(format!(
                    "没有用例 there are no cases: {} is not there\n  mend: write one; `paidan test --help` shows a case",
                    path.display()
                )),
                _ => Failure::input(&path, &cause),
            })?
        }
        None => PUDONG.to_owned(),
    };
    let mut tried = Tried::default();
    let mut trial = Trial {
        door: Door::new(&city, KEY, None),
        decisions: Decisions::new(&city),
        city: &city,
        touched: Touched::default(),
    };
    for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let case: Case = serde_json::from_str(text).map_err(|why| bad_case(at + 1, &why))?;
        let before = tried.surprises.len();
        let mut lane = Lane::new(city.clone());
        trial.touched.filed.clear();
        let found: Vec<_> = case.given.iter().map(|given| trial.decide(&mut lane, given)).collect();
        for (given, expected) in case.expect.iter().enumerate() {
            let nothing = Map::new();
            let found = found.get(given).unwrap_or(&nothing);
            for (member, expected) in expected {
                let there = found.get(member).unwrap_or(&Value::Null);
                if !is_same(expected, there) {
                    tried.surprises.push(Surprise {
                        line: at + 1,
                        name: case.name.clone(),
                        given: given + 1,
                        member: member.clone(),
                        expected: expected.clone(),
                        found: there.clone(),
                    });
                }
            }
        }
        tried.cases += 1;
        tried.as_expected += usize::from(tried.surprises.len() == before);
    }
    tried.coverage = trial.touched.coverage(&city);
    Ok(tried)
}

fn bad_case(line: usize, why: &serde_json::Error) -> Failure {
    Failure::Refused(format!(
        "用例有误 {FILE}:{line}:{}: {why}\n  mend: a line is {{\"name\":\"…\",\"given\":[a report, …],\"expect\":[{{\"department\":\"…\"}}, …]}}",
        why.column()
    ))
}

/// What all cases share.
struct Trial<'a> {
    city: &'a City,
    door: Door<'a>,
    decisions: Decisions<'a>,
    touched: Touched,
}

impl Trial<'_> {
    /// Decides about one thing that comes in. Gives the members of all that was decided, the later over the earlier; of the names of
    /// what was decided, all.
    fn decide(&mut self, lane: &mut Lane, given: &Value) -> Map<String, Value> {
        let line = format!("{given}\n");
        let mut frame = Frame::new();
        frame.push_body(line.as_bytes());
        let (end, rights) = (line.len() as u64, Rights::ALL);
        self.door.fill(&Chunk { lines: 0..line.len(), end, last: true, rights, ..Chunk::default() }, &mut frame);
        for record in 0..frame.records() {
            let time = frame.event_time(record).unwrap_or(lane.at());
            frame.set_stamp(record, time);
        }
        let (mut effects, mut paper) = (Effects::default(), Paper::default());
        lane.order_and_decide(&mut frame, &[Position::default()], &mut effects);
        let view = frame.view();
        each_record(&view, effects.as_slice(), |record, own| {
            for (_, effect) in own {
                self.touched.note(self.city, effect);
                self.decisions.write(effect, record, view.body(record.origin.body), &mut paper);
            }
        });
        let (mut members, mut names) = (Map::new(), Vec::new());
        for line in paper.as_bytes().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let mut decision: Map<String, Value> = serde_json::from_slice(line).expect("a decision is JSON");
            names.extend(decision.remove("effect"));
            members.append(&mut decision);
        }
        members.insert("effect".to_owned(), Value::Array(names));
        members
    }
}

/// Whether a member is as expected: the same value; a time by any of its spellings; of several effects, one.
fn is_same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(text), Value::Number(ms)) => {
            text.parse::<jiff::Timestamp>().is_ok_and(|time| Some(time.as_millisecond()) == ms.as_i64())
        }
        (Value::String(_), Value::Array(several)) => several.contains(expected),
        _ => expected == found,
    }
}

impl Touched {
    fn note(&mut self, city: &City, effect: &Effect) {
        match *effect {
            Effect::Opened { class, area, .. } | Effect::Merged { class, area, .. } => {
                self.classes.insert(class);
                self.areas.insert(area);
            }
            Effect::Filed { case, condition, .. } => {
                self.conditions.insert(condition);
                self.filed.insert(case, condition);
            }
            Effect::Assigned { order, class, cell, area, department, scope, .. } => {
                let condition = self.filed.get(&order.case).copied().unwrap_or(ConditionId::NONE);
                let line = city.duty.line_of(class, condition, cell, area, department, scope);
                self.duty.extend(line.filter(|line| !self.duty.contains(line)));
            }
            _ => {}
        }
    }

    fn coverage(&self, city: &City) -> Vec<Coverage> {
        let areas = (0..city.areas.len() as u16).map(AreaId).filter(|area| !self.areas.contains(area));
        let classes = (0..city.classes.len() as u16).map(ClassId).filter(|class| !self.classes.contains(class));
        let duty = city.duty.lines();
        let conditions = city.conditions.iter().filter(|(id, _)| !self.conditions.contains(id));
        vec![
            Coverage {
                of: ["类别", "classes"],
                all: city.classes.len(),
                untried: classes.map(|class| city.classes[class.index()].named.code.to_string()).collect(),
            },
            Coverage {
                of: ["立案条件", "filing conditions"],
                all: city.conditions.len(),
                untried: conditions.map(|(_, condition)| condition.text(city)).collect(),
            },
            Coverage {
                of: ["街镇", "areas"],
                all: city.areas.len(),
                untried: areas.map(|area| city.areas[area.index()].code.to_string()).collect(),
            },
            Coverage {
                of: ["职责清单", "duty lines"],
                all: duty.len(),
                untried: duty.iter().filter(|line| !self.duty.contains(line)).map(|line| line.text(city)).collect(),
            },
        ]
    }
}

impl Tried {
    /// Whether everything came out as expected.
    pub fn is_as_expected(&self) -> bool {
        self.surprises.is_empty()
    }

    /// For people.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        /// Untried rules that are listed; the others are counted.
        const LISTED: usize = 10;
        for Surprise { line, name, given, member, expected, found } in &self.surprises {
            writeln!(
                out,
                "{FILE}:{line}: {name}\n  第 {given} 条 given {given}: {member}  期望 expected {expected}  实际 found {found}"
            )?;
        }
        for Coverage { of: [zh, en], all, untried } in &self.coverage {
            write!(out, "覆盖 covered: {zh} {en} {}/{all}", all - untried.len())?;
            if !untried.is_empty() {
                let more = if untried.len() > LISTED { ", …" } else { "" };
                write!(out, "; 未试 untried: {}{more}", untried[..untried.len().min(LISTED)].join(", "))?;
            }
            writeln!(out)?;
        }
        let Self { cases, as_expected, .. } = self;
        writeln!(out, "用例 cases {cases}, 符合 as expected {as_expected}")
    }
}
