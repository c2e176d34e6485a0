//! The load harness's profiles on the real program with the built-in city: what each line is meant to be is what it becomes.

#[path = "common/program.rs"]
mod program;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use loadtest::profile::{Flags, Kind, Profile, Truth};
use loadtest::pudong::{PUDONG, Urgency};
use program::{end, paidan, read};
use serde_json::{Value, json};
use tempfile::TempDir;

const LINES: u64 = 50_000;

/// What a profile became: the truth of each line, and the first effect that each line had.
struct Run {
    name: &'static str,
    truths: Vec<Truth>,
    effects: Vec<Value>,
}

impl Run {
    /// The whole period of a profile in so many lines.
    fn new(name: &'static str) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
        let path = |name: &str| folder.path().join(name);
        let profile = Profile::by_name(name).expect("a profile");
        let (mut stream, mut text, mut truths) = (profile.stream(1, LINES), Vec::new(), Vec::new());
        for _ in 0..LINES {
            truths.push(stream.next(&mut text));
            text.push(b'\n');
        }
        std::fs::write(path("in"), &text).expect("an input");
        let mut command = paidan("run");
        command.arg(path("in")).arg("--quiet").arg("--out").arg(path("out")).arg("--summary").arg(path("summary"));
        end(&mut command).with(0);
        let summary: Value = serde_json::from_slice(&read(&path("summary"))).expect("a summary is JSON");
        let told = ["closes", "forgotten", "conflicts"].map(|heading| &summary[heading]);
        assert_eq!(told, [&json!(true), &json!(0), &json!(0)], "{name}: {summary}");
        Self { name, truths, effects: first_effects(&path("out")) }
    }

    fn lines(&self) -> impl Iterator<Item = (&Truth, &Value)> {
        self.truths.iter().zip(&self.effects)
    }

    /// Bad lines are turned away for what is bad about them, and no others.
    fn check_rejected(&self) {
        for (truth, effect) in self.lines() {
            let expected = match truth.kind {
                Kind::Malformed(damage) => Some(("line", damage.reason())),
                Kind::Invalid(flaw) => Some(flaw.told()),
                _ => None,
            };
            let told = (effect["effect"] == "rejected").then(|| (word(&effect["field"]), word(&effect["reason"])));
            assert_eq!(told, expected, "{}: {truth:?}", self.name);
        }
    }

    /// Re-sends are duplicates of the line that they repeat, and no others.
    fn check_duplicates(&self) {
        for (truth, effect) in self.lines() {
            let expected = match truth.kind {
                Kind::Resend { of } => Some(of),
                _ => None,
            };
            let told = (effect["effect"] == "duplicate").then(|| effect["of"].as_u64().expect("a line"));
            assert_eq!(told, expected, "{}: {truth:?}", self.name);
        }
    }

    /// What comes when its time is forgotten is refused, unless it is urgent, and nothing else is.
    fn check_expired(&self) {
        for (truth, effect) in self.lines() {
            let is_stale = truth.flags.has(Flags::STALE) && truth.urgency != Urgency::A && !truth.kind.is_bad();
            assert_eq!(effect["effect"] == "expired", is_stale, "{}: {truth:?} {effect}", self.name);
        }
    }

    /// Class, cell and urgency are those of the truth, but for what flags excuse.
    fn check_understood(&self) {
        let mut cases: HashMap<u64, Urgency> = HashMap::new();
        let (mut noisy, mut noisy_right) = (0, 0);
        for (truth, effect) in self.lines().filter(|(_, effect)| is_part_of_case(effect)) {
            // Where only the text says what it is about, the text is read.
            assert_eq!(effect["class"], PUDONG.class(truth.class).code, "{}: {truth:?} {effect}", self.name);
            let cell_is_right = effect["cell"] == PUDONG.cell_code(truth.cell).as_str();
            if truth.flags.has(Flags::GPS_NOISE) && !truth.flags.has(Flags::WRONG_FRAME) {
                noisy += 1;
                noisy_right += u64::from(cell_is_right);
            } else if !truth.flags.has(Flags::WRONG_FRAME | Flags::GPS_FAR) {
                assert!(cell_is_right, "{}: {truth:?} {effect}", self.name);
            }
            let urgency = cases.entry(case(effect)).or_insert(truth.urgency);
            *urgency = truth.urgency.max(*urgency);
            assert_eq!(effect["urgency"], urgency.letter(), "{}: {truth:?} {effect}", self.name);
        }
        assert!(noisy_right * 100 >= noisy * 75, "{}: {noisy_right} of {noisy} noisy places", self.name);
    }

    fn check_urgency(&self) {
        let urgent = self.truths.iter().filter(|truth| truth.urgency == Urgency::A).count() as u64;
        assert!(urgent * 100 >= 2 * LINES, "{}: {urgent} lines of urgency A", self.name);
    }

    /// How well reports of one incident become one case, where they say class and place rightly and in time: which part of what was
    /// merged belongs together, and which part of what belongs together was merged, in percent.
    fn merging(&self) -> (u64, u64) {
        let excused = Flags::NEEDS_TEXT | Flags::WRONG_FRAME | Flags::GPS_FAR | Flags::LATE | Flags::STALE;
        let (mut merged, mut rightly, mut further, mut found) = (0, 0, 0, 0);
        for (truth, effect) in
            self.lines().filter(|(truth, effect)| is_part_of_case(effect) && !truth.flags.has(excused))
        {
            let belongs = self.root(case(effect)) == self.root(truth.number);
            if effect["effect"] == "merged" {
                merged += 1;
                rightly += u64::from(belongs);
            }
            let Kind::SameIncident { of } = truth.kind else { continue };
            if !self.truths[of as usize - 1].flags.has(excused) {
                further += 1;
                found += u64::from(belongs && effect["effect"] == "merged");
            }
        }
        (100 * rightly / merged, 100 * found / further)
    }

    /// The first report on the incident that a line is about.
    fn root(&self, line: u64) -> u64 {
        match self.truths[line as usize - 1].kind {
            Kind::SameIncident { of } => of,
            _ => line,
        }
    }
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a word")
}

/// Cases are called by the line that opened them.
fn case(effect: &Value) -> u64 {
    effect["case"].as_u64().expect("a case")
}

fn is_part_of_case(effect: &Value) -> bool {
    effect["effect"] == "opened" || effect["effect"] == "merged"
}

/// The first effect of each line, in the order of the lines.
fn first_effects(path: &Path) -> Vec<Value> {
    let (file, mut effects) = (BufReader::new(File::open(path).expect("decisions")), Vec::new());
    for line in file.lines().map(|line| line.expect("a line")) {
        let effect: Value = serde_json::from_str(&line).expect("a decision is JSON");
        let seq = effect["seq"].as_u64().expect("a number");
        if seq > effects.len() as u64 {
            assert_eq!(seq, effects.len() as u64 + 1, "no line is passed over");
            effects.push(effect);
        }
    }
    assert_eq!(effects.len() as u64, LINES);
    effects
}

/// All of a profile's promises. The parts of merging, in percent, are what the city's policies make of it: those of components
/// join whatever is of one class in one cell, so the more lies in a cell the more is joined that is not one incident.
fn check(name: &'static str, rightly_min: u64, found_min: u64) {
    let run = Run::new(name);
    run.check_rejected();
    run.check_duplicates();
    run.check_expired();
    run.check_understood();
    run.check_urgency();
    let (rightly, found) = run.merging();
    println!("{name}: {rightly} % of what is merged belongs together, {found} % of what belongs together is merged");
    assert!(rightly >= rightly_min && found >= found_min, "{name}: {rightly} %, {found} %");
}

#[test]
fn lines_of_an_ordinary_day_become_what_they_are() {
    check("normal", 53, 82);
}

#[test]
fn lines_of_a_typhoon_become_what_they_are() {
    check("typhoon", 45, 81);
}

#[test]
fn lines_of_an_outage_become_what_they_are() {
    check("outage", 72, 90);
}

#[test]
fn lines_of_a_sensor_storm_become_what_they_are() {
    check("sensor-storm", 48, 80);
}

#[test]
fn lines_of_a_hot_cell_become_what_they_are() {
    check("hot-cell", 14, 43);
}

#[test]
fn lines_of_a_year_become_what_they_are() {
    check("year", 95, 96);
}
