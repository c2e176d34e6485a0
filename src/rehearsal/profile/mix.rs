//! Who reports what: sources of a group and classes of a source, drawn by weight.

use std::sync::LazyLock;

use super::curve::Group;
use super::facts::{CLASS_TOPICS, TOPICS};
use crate::rehearsal::pudong::{ClassId, PUDONG, SourceId, Urgency};
use crate::rehearsal::rng::{Rng, Weighted};

/// Things drawn by weight.
pub struct Choice<T> {
    weights: Weighted,
    things: Vec<T>,
}

impl<T: Copy> Choice<T> {
    /// Of things and their weights.
    pub fn new(weighed: impl IntoIterator<Item = (T, u64)>) -> Self {
        let (things, weights): (Vec<T>, Vec<u64>) = weighed.into_iter().unzip();
        Self { weights: Weighted::new(weights.len() as u64, |rank| weights[rank as usize]), things }
    }

    /// One of them.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> T {
        self.things[self.weights.draw(rng)]
    }
}

/// A kind of matter as it is talked about: a position in the table of topics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicId(pub u8);

/// The topic of each class of the city; most have none, for nobody reports them here.
static TOPICS_OF_CLASSES: LazyLock<Vec<Option<TopicId>>> = LazyLock::new(|| {
    let topic_of = |code| TOPICS[..CLASS_TOPICS].iter().position(|topic| topic.code == code);
    PUDONG.class_codes().map(|code| topic_of(code).map(|index| TopicId(index as u8))).collect()
});

impl TopicId {
    /// How people talk about a class that is reported here.
    pub fn of(class: ClassId) -> Self {
        TOPICS_OF_CLASSES[usize::from(class.0)].expect("a class that is reported has a topic")
    }
}

/// The topics of an outage with their weights in percent.
pub const OUTAGE_TOPICS: [(TopicId, u64); 3] =
    [(TopicId(CLASS_TOPICS as u8), 72), (TopicId(CLASS_TOPICS as u8 + 1), 20), (TopicId(CLASS_TOPICS as u8 + 2), 8)];

/// What people report on an ordinary day, in parts of a thousand and a few.
#[rustfmt::skip]
const EVERYDAY: [(&str, u64); 27] = [
    ("09009", 170), ("06028", 130), ("06010", 90), ("08001", 85), ("09010", 65), ("06013", 65), ("09006", 65), ("06001", 60), ("07001", 60),
    ("01037", 60), ("06042", 45), ("06017", 40), ("08004", 30), ("06014", 20), ("01050", 10), ("09012", 10), ("90003", 8), ("90006", 6),
    ("90010", 6), ("90001", 5), ("90008", 5), ("01001", 5), ("01002", 5), ("01003", 5), ("10002", 4), ("90005", 2), ("90002", 2),
];

/// What they report besides in winter.
const WINTER: (&str, u64) = ("10001", 6);

/// What people report in a typhoon: trees, floods, power lines.
const TYPHOON: [(&str, u64); 3] = [("90008", 38), ("90006", 37), ("10002", 25)];

/// What the parking source says.
const PARKING: [(&str, u64); 3] = [("09009", 75), ("09010", 20), ("09012", 5)];

/// Draws sources and what they say.
pub struct Mix {
    groups: [Choice<SourceId>; 5],
    everyday: Choice<ClassId>,
    winter: Choice<ClassId>,
    typhoon: Choice<ClassId>,
    parking: Choice<ClassId>,
    outage: Choice<TopicId>,
    /// The source that reports nothing but parked vehicles, and who reports what is none of its matters.
    parking_source: SourceId,
    app: SourceId,
    /// Sources whose own word on urgency counts where they give it, and the patrols.
    hotlines: [SourceId; 2],
    grid: SourceId,
}

/// Classes of codes, with their weights.
fn classes(weighed: impl IntoIterator<Item = (&'static str, u64)>) -> Choice<ClassId> {
    Choice::new(weighed.into_iter().map(|(code, weight)| (PUDONG.class_of(code), weight)))
}

/// Sources of names, with their weights.
fn sources(weighed: &[(&str, u64)]) -> Choice<SourceId> {
    Choice::new(weighed.iter().map(|(name, weight)| (PUDONG.source_of(name), *weight)))
}

impl Mix {
    /// The mix of the built-in city.
    pub fn new() -> Self {
        Self {
            groups: [
                sources(&[("sensor", 1)]),
                sources(&[
                    ("app", 40),
                    ("wechat", 22),
                    ("property", 11),
                    ("grid", 10),
                    ("chengguan", 7),
                    ("parking", 6),
                    ("weibo", 4),
                ]),
                sources(&[("12345", 85), ("12319", 15)]),
                sources(&[("110", 1)]),
                sources(&[("12345", 70), ("12319", 15), ("app", 10), ("wechat", 5)]),
            ],
            everyday: classes(EVERYDAY),
            winter: classes(EVERYDAY.into_iter().chain([WINTER])),
            typhoon: classes(TYPHOON),
            parking: classes(PARKING),
            outage: Choice::new(OUTAGE_TOPICS),
            parking_source: PUDONG.source_of("parking"),
            app: PUDONG.source_of("app"),
            hotlines: ["12345", "12319"].map(|name| PUDONG.source_of(name)),
            grid: PUDONG.source_of("grid"),
        }
    }

    /// Who of a group reports.
    pub fn source(&self, group: Group, rng: &mut Rng) -> SourceId {
        self.groups[group as usize].draw(rng)
    }

    /// Who reports on a given matter: whoever was drawn, unless it is none of its matters.
    pub fn source_for(&self, drawn: SourceId, class: ClassId) -> SourceId {
        let fits = drawn != self.parking_source || PARKING.iter().any(|(code, _)| PUDONG.class(class).code == *code);
        if fits { drawn } else { self.app }
    }

    /// What a person reports on an ordinary day.
    pub fn everyday(&self, source: SourceId, in_winter: bool, rng: &mut Rng) -> ClassId {
        let choice = match in_winter {
            _ if source == self.parking_source => &self.parking,
            true => &self.winter,
            false => &self.everyday,
        };
        choice.draw(rng)
    }

    /// What a person reports in a typhoon.
    pub fn typhoon(&self, rng: &mut Rng) -> ClassId {
        self.typhoon.draw(rng)
    }

    /// What a person reports whose power has gone.
    pub fn outage(&self, rng: &mut Rng) -> TopicId {
        self.outage.draw(rng)
    }

    /// The sender's own word on urgency, which many leave out. Those who type for themselves find it pressing more often,
    /// and the city does not believe them.
    pub fn word_on_urgency(&self, source: SourceId, rng: &mut Rng) -> Option<Urgency> {
        let [a, b] = if self.hotlines.contains(&source) || source == self.grid {
            [5, 60]
        } else if source == self.app {
            [50, 150]
        } else {
            [0, 0]
        };
        match rng.below(1_000) {
            ticket if ticket < a => Some(Urgency::A),
            ticket if ticket < a + b => Some(Urgency::B),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_people_report_has_its_topic() {
        for (code, _) in EVERYDAY.into_iter().chain([WINTER]).chain(TYPHOON).chain(PARKING) {
            assert_eq!(TOPICS[usize::from(TopicId::of(PUDONG.class_of(code)).0)].code, code);
        }
    }
}
