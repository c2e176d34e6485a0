//! When a batch passed each stage of its way, and so how long each took.

use super::Moment;

/// A stage of the way from the arrival of bytes to a published decision. Together they are all of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// From the arrival at the door to being cut into a chunk of lines.
    Door,
    /// Waiting: for somebody who understands, and for the turn of the chunk in the lane.
    Queue,
    /// Decoding, locating, classifying, hashing.
    Understand,
    /// The lane: order, time, decisions.
    Decide,
    /// Waiting for the ink, writing, syncing.
    Journal,
    /// Setting the page, waiting for the pages before it, printing.
    Publish,
}

impl Stage {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 6] = [Self::Door, Self::Queue, Self::Understand, Self::Decide, Self::Journal, Self::Publish];

    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Door => "door",
            Self::Queue => "queue",
            Self::Understand => "understand",
            Self::Decide => "decide",
            Self::Journal => "journal",
            Self::Publish => "publish",
        }
    }

    /// Its name for people, 中文.
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::Door => "接入",
            Self::Queue => "排队",
            Self::Understand => "理解",
            Self::Decide => "决策",
            Self::Journal => "落盘",
            Self::Publish => "发布",
        }
    }
}

/// The moments of a batch's way. Reports of a batch share them; it arrived when its oldest bytes did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Journey {
    /// Its oldest bytes came to the door.
    pub arrived: Moment,
    /// It was cut into lines.
    pub cut: Moment,
    /// Somebody began to understand it.
    pub taken: Moment,
    /// It was understood.
    pub understood: Moment,
    /// The lane took it.
    pub ordered: Moment,
    /// It was decided.
    pub decided: Moment,
    /// It was on the disk, where there is one.
    pub durable: Moment,
    /// Its decisions were printed.
    pub published: Moment,
}

impl Journey {
    /// From arrival to publication, in nanoseconds.
    #[inline]
    pub const fn total(&self) -> u64 {
        self.published.since(self.arrived)
    }

    /// Nanoseconds in each stage, in the order of [`Stage::ALL`].
    #[inline]
    pub const fn stages(&self) -> [u64; Stage::ALL.len()] {
        [
            self.cut.since(self.arrived),
            self.taken.since(self.cut) + self.ordered.since(self.understood),
            self.understood.since(self.taken),
            self.decided.since(self.ordered),
            self.durable.since(self.decided),
            self.published.since(self.durable),
        ]
    }

    /// The stage that took the largest part; of equals, the first on the way.
    pub fn slowest(&self) -> Stage {
        let stages = self.stages();
        let mut slowest = Stage::Door;
        for stage in Stage::ALL {
            if stages[stage as usize] > stages[slowest as usize] {
                slowest = stage;
            }
        }
        slowest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journey(moments: [u64; 8]) -> Journey {
        let [arrived, cut, taken, understood, ordered, decided, durable, published] = moments.map(Moment);
        Journey { arrived, cut, taken, understood, ordered, decided, durable, published }
    }

    #[test]
    fn the_stages_are_all_of_the_way() {
        let check = |moments: [u64; 8], expected: [u64; 6], slowest: Stage| {
            let journey = journey(moments);
            assert_eq!(journey.stages(), expected);
            assert_eq!(journey.stages().iter().sum::<u64>(), journey.total());
            assert_eq!(journey.slowest(), slowest, "{moments:?}");
        };
        check([0; 8], [0; 6], Stage::Door);
        check([10, 11, 13, 16, 20, 25, 31, 38], [1, 2 + 4, 3, 5, 6, 7], Stage::Publish);
        check([0, 5, 5, 5, 10, 10, 10, 10], [5, 5, 0, 0, 0, 0], Stage::Door);
        check([0, 1, 4, 4, 8, 9, 10, 10], [1, 7, 0, 1, 1, 0], Stage::Queue);
    }
}
