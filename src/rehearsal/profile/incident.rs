//! What happens in the city, and which of it is still going on, so that more people report it.

use super::mix::TopicId;
use super::sensor::Device;
use super::wording::Address;
use crate::rehearsal::pudong::{CellId, ClassId, PUDONG, Spot};
use crate::rehearsal::rng::Rng;

/// Something that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matter {
    /// Its class.
    pub class: ClassId,
    /// How it is talked about.
    pub topic: TopicId,
    /// Its cell.
    pub cell: CellId,
    /// Where it is.
    pub spot: Spot,
    /// Where it is, in words.
    pub address: Address,
    /// The device that found it, if one did.
    pub device: Option<Device>,
}

/// Something that was reported before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Incident {
    /// The first report's line.
    pub line: u64,
    /// When it was sent, in milliseconds.
    pub at_ms: u64,
    /// What happened.
    pub matter: Matter,
}

/// For how long people go on reporting one matter, as a part of the time in which the city would join their reports.
const REPORTED_PART: u64 = 2;
const REPORTED_MS_MAX: u64 = 12 * 3_600_000;

impl Incident {
    /// Whether people still report it.
    pub fn goes_on(&self, now_ms: u64) -> bool {
        let reported_ms = (PUDONG.joinable_ms(self.matter.class) / REPORTED_PART).min(REPORTED_MS_MAX);
        now_ms.saturating_sub(self.at_ms) <= reported_ms
    }
}

/// Incidents that are kept at most.
const KEPT: usize = 1_024;
/// How often another one is drawn, when the one that was drawn is over.
const DRAWS: usize = 4;

/// The newest incidents.
#[derive(Default)]
pub struct Incidents {
    kept: Vec<Incident>,
    count: usize,
    /// The number of incidents before the oldest one that may go on.
    over: usize,
}

impl Incidents {
    /// Keeps one.
    pub fn keep(&mut self, incident: Incident) {
        if self.kept.len() < KEPT {
            self.kept.push(incident)
        } else {
            self.kept[self.count % KEPT] = incident
        }
        self.count += 1;
        self.over = self.over.max(self.count.saturating_sub(KEPT));
    }

    /// One that goes on.
    pub fn draw(&mut self, now_ms: u64, rng: &mut Rng) -> Option<Incident> {
        while self.over < self.count && now_ms.saturating_sub(self.kept[self.over % KEPT].at_ms) > REPORTED_MS_MAX {
            self.over += 1;
        }
        let going = self.count - self.over;
        if going == 0 {
            return None;
        }
        let mut draw = || self.kept[(self.over + rng.below(going as u32) as usize) % KEPT];
        let drawn = (0..DRAWS).map(|_| draw()).find(|incident| incident.goes_on(now_ms));
        drawn.or_else(|| Some(self.kept[(self.count - 1) % KEPT]).filter(|newest| newest.goes_on(now_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_MS: u64 = 60_000;

    fn incident(line: u64, at_ms: u64, code: &str) -> Incident {
        let class = PUDONG.class_of(code);
        let (spot, mut rng) = (Spot { lng: 121_600_000, lat: 31_200_000 }, Rng::seeded(line));
        let (cell, address) = (PUDONG.grid.cell(spot).expect("in the district"), Address::draw(&mut rng));
        Incident { line, at_ms, matter: Matter { class, topic: TopicId::of(class), cell, spot, address, device: None } }
    }

    #[test]
    fn emergencies_are_over_sooner_than_matters() {
        let check = |code: &str, minutes, expected| {
            assert_eq!(incident(1, 0, code).goes_on(minutes * MIN_MS), expected, "{code} after {minutes} min");
        };
        check("90008", 65, true);
        check("90008", 66, false);
        check("09009", 719, true);
        check("09009", 721, false);
    }

    #[test]
    fn only_what_goes_on_is_drawn() {
        let (mut incidents, mut rng) = (Incidents::default(), Rng::seeded(1));
        assert_eq!(incidents.draw(0, &mut rng), None);
        (0..3_000).for_each(|line| incidents.keep(incident(line, line * MIN_MS, "90008")));
        let now = 3_000 * MIN_MS;
        let lines: Vec<u64> = (0..500).filter_map(|_| incidents.draw(now, &mut rng)).map(|found| found.line).collect();
        assert_eq!(lines.len(), 500);
        assert!(lines.iter().all(|line| *line >= 2_935), "{lines:?}");
        assert_eq!(incidents.draw(now + 20 * 60 * MIN_MS, &mut rng), None);
    }
}
