//! Crews: what units and officers do about their orders, as people would, and when. They follow the decisions and say actions;
//! they know no clock of their own, and what they do about an order follows from a seed and the order alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;

use serde::Deserialize;

use super::rng::Rng;
use crate::ids::{CaseId, OrderId, Seq};
use crate::report::{Urgency, Verb};
use crate::time::At;
use crate::view::board::{Board, Case, CaseFilter, PAGE_MAX};
use crate::weighed::Stage;

/// The source that speaks for crews in the built-in city.
const SOURCE: &str = "departments";
/// Orders that are given back, in thousandths.
const RETURNED: u32 = 30;
/// Orders that rest for a while, in thousandths of those that are not given back. Nobody rests what is urgent.
const SUSPENDED: u32 = 20;
const MINUTE_MS: u32 = 60_000;

/// From how many to how many minutes something takes.
type Minutes = (u32, u32);

/// How long a step takes at an urgency, in minutes: until an order is taken, until it is finished, given back or rested, until what
/// rests is taken up again, until what was finished or needs a look is closed.
const fn minutes(verb: Verb, urgency: Urgency) -> Minutes {
    match (verb, urgency) {
        (Verb::Accept, Urgency::A) => (1, 6),
        (Verb::Accept, Urgency::B) => (2, 15),
        (Verb::Accept, Urgency::C) => (5, 40),
        (Verb::Return | Verb::Done | Verb::Suspend, Urgency::A) => (15, 75),
        (Verb::Return | Verb::Done | Verb::Suspend, Urgency::B) => (30, 120),
        (Verb::Return | Verb::Done | Verb::Suspend, Urgency::C) => (40, 180),
        (Verb::Resume, _) => (30, 120),
        (Verb::Close, _) => (5, 45),
    }
}

/// What somebody is about to do with an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Plan {
    at: At,
    order: OrderId,
    verb: Verb,
    urgency: Urgency,
}

impl Ord for Plan {
    /// By time; what is due at one time, by order and step.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order, self.verb as u8).cmp(&(other.at, other.order, other.verb as u8))
    }
}

impl PartialOrd for Plan {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A decision, as far as crews heed it.
#[derive(Deserialize)]
struct Heard<'a> {
    seq: u64,
    at: i64,
    effect: &'a str,
    #[serde(default)]
    case: u64,
    order: Option<&'a str>,
    urgency: Option<&'a str>,
}

/// Everybody who works on orders. Each open case has one plan at most, and plans beyond a bound are not made: such an order stays
/// with its unit.
pub struct Crews {
    seed: u64,
    plans_max: usize,
    plans: BinaryHeap<Reverse<Plan>>,
    /// The order that was given back last, and by which record.
    returned: Option<(u64, OrderId)>,
}

impl Crews {
    /// Crews of a seed, with at most so many plans.
    pub fn new(seed: u64, plans_max: usize) -> Self {
        Self { seed, plans_max, plans: BinaryHeap::new(), returned: None }
    }

    /// How many plans there are.
    pub fn plans(&self) -> usize {
        self.plans.len()
    }

    /// Looks up what is open, and makes plans for that instead of all others.
    pub fn survey(&mut self, board: &Board) {
        self.plans.clear();
        let mut filter = CaseFilter { limit: PAGE_MAX, ..CaseFilter::default() };
        loop {
            let page = board.cases(&filter);
            page.cases.iter().for_each(|case| self.find(case, board.at()));
            match page.next {
                Some(before) => filter.before = Some(before),
                None => return,
            }
        }
    }

    fn find(&mut self, case: &Case, at: At) {
        let order = OrderId { case: case.id, attempt: case.attempts };
        match case.stage {
            Stage::Assigned => self.plan(at, order, Verb::Accept, case.urgency),
            Stage::Accepted => self.finish(at, order, case.urgency),
            Stage::Suspended => self.plan(at, order, Verb::Resume, case.urgency),
            Stage::Done | Stage::Review => self.plan(at, order, Verb::Close, case.urgency),
            Stage::Waiting | Stage::Closed => {}
        }
    }

    /// Hears decisions from a record on, a line each.
    pub fn hear(&mut self, lines: &[u8], from: Seq) {
        for line in lines.split(|byte| *byte == b'\n') {
            // What crews do not understand is not for them.
            if let Ok(heard) = serde_json::from_slice::<Heard<'_>>(line)
                && heard.seq >= from.0
            {
                self.heed(&heard);
            }
        }
    }

    fn heed(&mut self, heard: &Heard<'_>) {
        let order = heard.order.and_then(|order| order.parse().ok());
        let urgency = heard.urgency.and_then(Urgency::from_letter).unwrap_or(Urgency::C);
        match (heard.effect, order) {
            ("assigned", Some(order)) => self.plan(At(heard.at), order, Verb::Accept, urgency),
            ("returned", Some(order)) => self.returned = Some((heard.seq, order)),
            ("review", _) => {
                // Where everybody gave a case back, the order that is named is the last.
                let last = self.returned.filter(|(seq, order)| (*seq, order.case.0) == (heard.seq, heard.case));
                let unordered = OrderId { case: CaseId(heard.case), attempt: 0 };
                self.plan(At(heard.at), last.map_or(unordered, |(_, order)| order), Verb::Close, urgency);
            }
            _ => {}
        }
    }

    /// What a crew does once it has taken an order.
    fn finish(&mut self, at: At, order: OrderId, urgency: Urgency) {
        let happens = |verb, thousandths| self.chance(order, verb).below(1_000) < thousandths;
        let verb = if happens(Verb::Return, RETURNED) {
            Verb::Return
        } else if urgency != Urgency::A && happens(Verb::Suspend, SUSPENDED) {
            Verb::Suspend
        } else {
            Verb::Done
        };
        self.plan(at, order, verb, urgency);
    }

    fn plan(&mut self, at: At, order: OrderId, verb: Verb, urgency: Urgency) {
        if self.plans.len() < self.plans_max {
            let (least, most) = minutes(verb, urgency);
            let takes_ms = self.chance(order, verb).between(least * MINUTE_MS, most * MINUTE_MS);
            self.plans.push(Reverse(Plan { at: at.plus(i64::from(takes_ms)), order, verb, urgency }));
        }
    }

    /// Chance, as it is for one step of one order.
    fn chance(&self, order: OrderId, verb: Verb) -> Rng {
        let step = u64::from(order.attempt) << 3 | verb as u64;
        Rng::seeded(self.seed ^ order.case.0.rotate_left(24) ^ step)
    }

    /// When something is to be done next.
    pub fn next_at(&self) -> Option<At> {
        self.plans.peek().map(|Reverse(plan)| plan.at)
    }

    /// Does the next thing if it is to be done by now, and appends it as a line.
    pub fn act(&mut self, now: At, out: &mut Vec<u8>) -> bool {
        let Some(Reverse(plan)) = self.plans.peek().copied() else { return false };
        if plan.at > now {
            return false;
        }
        self.plans.pop();
        let Plan { at, order, verb, urgency } = plan;
        let word = verb.word();
        // It says no time, so that an action that is said once more, after a survey, is the same and is recognised.
        writeln!(
            out,
            "{{\"source\":\"{SOURCE}\",\"kind\":\"action\",\"id\":\"{order}-{word}\",\"action\":\"{word}\",\"order\":\"{order}\"}}"
        )
        .expect("writing into memory cannot fail");
        match verb {
            Verb::Accept => self.finish(at, order, urgency),
            Verb::Done => self.plan(at, order, Verb::Close, urgency),
            Verb::Suspend => self.plan(at, order, Verb::Resume, urgency),
            Verb::Resume => self.plan(at, order, Verb::Done, urgency),
            Verb::Return | Verb::Close => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::city::City;
    use crate::effect::{Doubt, Effect, Scope, Tier, Why};
    use crate::ids::{AreaId, CellId, ClassId, DepartmentId, SourceId, UnitId};
    use crate::record::{Head, Input, Record};

    const START: i64 = 1_789_401_600_000;

    fn assigned(seq: u64, case: u64, attempt: u16, urgency: &str) -> String {
        format!(
            "{{\"seq\":{seq},\"at\":{START},\"effect\":\"assigned\",\"source\":\"app\",\"id\":\"a\\u0062\",\"case\":{case},\
             \"order\":\"{case}-{attempt}\",\"unit\":\"PD1\",\"urgency\":\"{urgency}\"}}\n"
        )
    }

    /// All that is done up to a time, each with when it was, its verb and its order.
    fn done(crews: &mut Crews, until: At) -> Vec<(i64, String, String)> {
        let mut acts = Vec::new();
        while let Some(at) = crews.next_at() {
            let mut line = Vec::new();
            if !crews.act(until, &mut line) {
                break;
            }
            let value: serde_json::Value = serde_json::from_slice(&line).expect("an action is JSON");
            let word = |key: &str| value[key].as_str().expect("a word").to_owned();
            assert_eq!(word("id"), format!("{}-{}", word("order"), word("action")));
            acts.push((at.0, word("action"), word("order")));
        }
        acts
    }

    const LONG_AFTER: At = At(START + 10 * 3_600_000);

    #[test]
    fn every_order_is_taken_and_finished_or_given_back_in_its_time() {
        let mut crews = Crews::new(1, usize::MAX);
        let urgencies = ["A", "B", "C"];
        let lines: String = (1..=3_000).map(|case| assigned(case, case, 1, urgencies[case as usize % 3])).collect();
        crews.hear(lines.as_bytes(), Seq(1));
        let acts = done(&mut crews, LONG_AFTER);
        assert_eq!(crews.plans(), 0, "nothing is left to do");
        assert!(acts.is_sorted_by_key(|act| act.0), "in the order of time");
        let count = |verb: &str| acts.iter().filter(|act| act.1 == verb).count();
        assert_eq!((count("accept"), count("done") + count("return")), (3_000, 3_000));
        assert_eq!(count("close"), count("done"));
        assert!((50..150).contains(&count("return")), "{}", count("return"));
        assert!((20..60).contains(&count("suspend")), "{}", count("suspend"));
        assert_eq!(count("suspend"), count("resume"));
        let mut minutes = vec![Vec::new(); 3_001];
        for (at, _, order) in &acts {
            let order: OrderId = order.parse().expect("an order");
            minutes[order.case.0 as usize].push((at - START) / i64::from(MINUTE_MS));
        }
        for (case, minutes) in minutes.iter().enumerate().skip(1) {
            let (soonest, latest) = [(16, 81), (32, 135), (45, 220)][case % 3];
            assert!((soonest..=latest).contains(&minutes[1]), "{case}: {minutes:?}");
        }
    }

    #[test]
    fn the_same_decisions_are_answered_alike_however_they_are_heard() {
        let lines: Vec<String> = (1..=300).map(|case| assigned(case, case, 1, "B")).collect();
        let mut at_once = Crews::new(5, usize::MAX);
        at_once.hear(lines.concat().as_bytes(), Seq(1));
        let mut one_by_one = Crews::new(5, usize::MAX);
        lines.iter().rev().for_each(|line| one_by_one.hear(line.as_bytes(), Seq(1)));
        let acts = done(&mut at_once, LONG_AFTER);
        assert_eq!(acts, done(&mut one_by_one, LONG_AFTER));
        let mut others = Crews::new(6, usize::MAX);
        others.hear(lines.concat().as_bytes(), Seq(1));
        assert_ne!(acts, done(&mut others, LONG_AFTER));
    }

    #[test]
    fn what_people_must_look_at_is_closed_under_its_last_order() {
        let mut crews = Crews::new(1, usize::MAX);
        let line = |seq: u64, effect: &str, rest: &str| {
            format!("{{\"seq\":{seq},\"at\":{START},\"effect\":\"{effect}\",\"case\":9{rest}}}\n")
        };
        let returned = |seq| line(seq, "returned", ",\"order\":\"9-2\",\"unit\":\"PD1\"");
        let check = |crews: &mut Crews, said: String, order: Option<&str>| {
            crews.hear(said.as_bytes(), Seq(5));
            let closed: Vec<String> = done(crews, LONG_AFTER).into_iter().map(|act| act.1 + " " + &act.2).collect();
            assert_eq!(closed.first().map(String::as_str), order, "{said}");
        };
        check(&mut crews, line(5, "review", ",\"reason\":\"no_class\""), Some("close 9-0"));
        check(&mut crews, returned(6) + &line(6, "review", ",\"reason\":\"all_returned\""), Some("close 9-2"));
        check(&mut crews, returned(7) + &line(8, "review", ",\"reason\":\"no_class\""), Some("close 9-0"));
        check(&mut crews, line(4, "review", ",\"reason\":\"no_class\""), None);
        check(&mut crews, "no decision at all\n\n".to_owned(), None);
    }

    #[test]
    fn plans_are_bounded() {
        let mut crews = Crews::new(1, 10);
        (1..=100).for_each(|case| crews.hear(assigned(case, case, 1, "C").as_bytes(), Seq(1)));
        assert_eq!(crews.plans(), 10);
        assert_eq!(done(&mut crews, LONG_AFTER).iter().filter(|act| act.1 == "accept").count(), 10);
    }

    #[test]
    fn a_survey_finds_what_is_open() {
        let city = City::pudong();
        let mut board = Board::new(&city, 100);
        let order = |case| OrderId { case: CaseId(case), attempt: 1 };
        let unit = UnitId(0);
        let (source, class, cell, area) = (SourceId(0), ClassId(0), CellId(0), AreaId(0));
        for case in 1..=5 {
            let urgency = Urgency::A;
            let opened = Effect::Opened { source, case: CaseId(case), class, cell, area, urgency, late: false };
            let assigned = Effect::Assigned {
                order: order(case),
                unit,
                department: DepartmentId(0),
                class,
                cell,
                area,
                tier: Tier::District,
                scope: Scope::District,
                urgency,
                why: Why::New,
                due: None,
            };
            let accepted = Effect::Accepted { order: order(case), unit };
            let done = Effect::Done { order: order(case), unit };
            let closed = Effect::Closed { case: CaseId(case) };
            let steps = [opened, assigned, accepted, done, closed];
            let review = [opened, Effect::Review { case: CaseId(case), doubt: Doubt::NoClass }];
            let effects = if case == 5 { &review[..] } else { &steps[..=case as usize] };
            let effects: Vec<_> = effects.iter().map(|effect| (Seq(case), *effect)).collect();
            board.fold(&Record { at: At(START), ..Record::sample(case, 0, Input::Report(Head::SAMPLE)) }, &effects);
        }
        let mut crews = Crews::new(3, usize::MAX);
        crews.hear(assigned(9, 99, 1, "A").as_bytes(), Seq(1));
        crews.survey(&board);
        let acts = done(&mut crews, LONG_AFTER);
        let of =
            |order: &str| -> Vec<&str> { acts.iter().filter(|act| act.2 == order).map(|act| act.1.as_str()).collect() };
        assert_eq!(of("1-1"), ["accept", "done", "close"]);
        assert_eq!(of("2-1"), ["done", "close"]);
        assert_eq!(of("3-1"), ["close"]);
        assert_eq!((of("4-1").len(), of("5-0"), of("99-1").len()), (0, vec!["close"], 0));
    }
}
