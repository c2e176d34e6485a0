//! The gate on instruction counts: what was found against the baseline that is written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How far a count may lie from its baseline, in percent, until the baseline's file says otherwise.
const TOLERANCE_PERCENT: f64 = 2.0;

/// How a new baseline is taken.
pub const REBASELINE: &str = "cargo bench --bench instructions -- --rebaseline \"why\"";

/// Instructions for each event, by scenario.
pub type Counts = BTreeMap<String, f64>;

/// What is written down in `benches/instructions.toml`.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Baseline {
    /// When it was taken.
    pub date: String,
    /// Why it was taken.
    pub reason: String,
    /// What compiled the code that was counted: another compiler makes other instructions.
    pub compiler: String,
    /// By name.
    pub scenario: BTreeMap<String, Scenario>,
}

/// What a scenario may cost.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub struct Scenario {
    /// Instructions for each event.
    pub instructions: f64,
    /// How far a count may lie above or below.
    pub tolerance_percent: f64,
}

impl Baseline {
    /// A baseline of what was found, with the tolerances of the one before.
    pub fn taken(found: &Counts, before: Option<&Self>, date: String, reason: String, compiler: String) -> Self {
        let tolerance =
            |name: &String| before.and_then(|before| before.scenario.get(name)).map(|s| s.tolerance_percent);
        let scenario = |(name, instructions): (&String, &f64)| {
            let tolerance_percent = tolerance(name).unwrap_or(TOLERANCE_PERCENT);
            (name.clone(), Scenario { instructions: *instructions, tolerance_percent })
        };
        Self { date, reason, compiler, scenario: found.iter().map(scenario).collect() }
    }

    /// What is wrong with the counts that were found, a sentence for each scenario. Nothing: the gate is open.
    pub fn objections(&self, found: &Counts) -> Vec<String> {
        let unknown = found.keys().filter(|name| !self.scenario.contains_key(*name));
        let unknown = unknown.map(|name| format!("{name}: has no baseline; take one: {REBASELINE}"));
        let known = self.scenario.iter().filter_map(|(name, scenario)| match found.get(name) {
            Some(found) => self.objection(name, *scenario, *found),
            None => Some(format!("{name}: has a baseline and was not counted; if the scenario is gone: {REBASELINE}")),
        });
        known.chain(unknown).collect()
    }

    fn objection(&self, name: &str, scenario: Scenario, found: f64) -> Option<String> {
        let Scenario { instructions, tolerance_percent } = scenario;
        let percent = difference_percent(instructions, found);
        if percent.abs() <= tolerance_percent {
            return None;
        }
        let said = format!(
            "{name}: {found:.1} instructions an event, the baseline is {instructions:.1}: {percent:+.1} %, but {tolerance_percent} % is allowed"
        );
        Some(if percent > 0.0 {
            format!("{said}. Make it cheaper again; if it is worth its price, say why: {REBASELINE}")
        } else {
            format!(
                "{said}. It became cheaper and the baseline is stale: write that down, so that it stays so: {REBASELINE}"
            )
        })
    }
}

/// How much more was found, in percent of the baseline, to a hundredth.
pub fn difference_percent(baseline: f64, found: f64) -> f64 {
    ((found / baseline - 1.0) * 10_000.0).round() / 100.0
}

/// The instructions that a file of callgrind's counted in all.
pub fn counted_in(callgrind: &str) -> Option<u64> {
    callgrind
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")))?
        .trim()
        .parse()
        .ok()
}
