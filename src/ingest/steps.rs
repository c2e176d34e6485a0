//! Remembers the shape of lines, because a source writes all of its lines alike.
//!
//! A step is what stands between two values, up to where the next shows its kind: `,"lng":`, `,"device":{`, `}`. After each
//! step, those that followed it before are compared with the text, 32 bytes at once. A hit replaces reading brackets,
//! commas, keys, colons and space, looking the key up, and counting levels. A miss costs a comparison; then the step is read
//! as JSON and learned.
//!
//! What is remembered changes how fast a line is read and nothing else. A step is learned with the levels that are open
//! behind it, it is put only behind the step behind which it was read, and it is taken only where the same bytes stand
//! again; so reading would lead to the same place.

use super::json::{Kind, Levels};
use super::scan::{BLOCK, Text};
use crate::city::{Node, Slot};

/// Steps that are kept. When they are used up, all are forgotten: either shapes are few, or there is no shape.
const STEPS: usize = 256;

/// Places of the index. Few of them are taken, so most searches end at once.
const PLACES: usize = 4 * STEPS;

/// Steps that are tried behind a step.
const FOLLOWERS: usize = 4;

/// A step, and where it leads.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Step {
    /// Its text, as much as `mask` has ones.
    bytes: [u8; BLOCK],
    mask: u32,
    /// The length of its text.
    pub length: u32,
    /// The levels that are open behind it.
    pub levels: Levels,
    /// What stands behind it.
    pub kind: Kind,
    /// The innermost value of the table of pointers that it leads to, or is inside of.
    pub node: Node,
    /// The slot whose value it begins or ends, if it does.
    pub slot: Slot,
    /// What followed it before; the rest is [`StepId::NONE`].
    followers: [StepId; FOLLOWERS],
}

const _: () = assert!(size_of::<Step>() == 64, "a step is one line of the cache");

/// The position of a step in the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StepId(u8);

impl StepId {
    /// Before the line.
    pub const START: Self = Self(0);
    /// A step that is not remembered, as it was read last.
    const PASSING: Self = Self(1);
    /// No step. The start follows nothing, so its number is free, and its text stands nowhere.
    const NONE: Self = Self::START;
}

/// The table of steps, and who follows whom.
pub struct Steps {
    steps: Box<[Step; STEPS]>,
    /// How many of them are in use.
    length: usize,
    /// The steps in use by the hash of their text, each at its place or, where that is taken, at the next free one.
    index: Box<[StepId; PLACES]>,
}

impl Steps {
    /// A table that knows nothing yet.
    pub fn new() -> Self {
        // No UTF-8 text has this byte.
        let start = Step::new(&[0xff], Kind::Start, Levels::default(), Node::ROOT);
        Self { steps: Box::new([start; STEPS]), length: 2, index: Box::new([StepId::NONE; PLACES]) }
    }

    /// A step.
    #[inline(always)]
    pub fn get(&self, id: StepId) -> &Step {
        &self.steps[id.0 as usize]
    }

    /// The step behind `from` that stands at `at`, if one of those that did before does now.
    #[inline(always)]
    pub fn follow(&self, from: StepId, text: &Text<'_>, at: usize) -> Option<(StepId, &Step)> {
        let id = self.get(from).followers[0];
        let step = self.get(id);
        if step.stands_at(text, at) { Some((id, step)) } else { self.follow_others(from, text, at) }
    }

    /// As [`Steps::follow`], when it is not the first.
    #[inline(never)]
    fn follow_others(&self, from: StepId, text: &Text<'_>, at: usize) -> Option<(StepId, &Step)> {
        let others = self.get(from).followers.into_iter().skip(1);
        others.map(|id| (id, self.get(id))).find(|(_, step)| step.stands_at(text, at))
    }

    /// Remembers that a step followed `from`, if it `can_return` at all.
    pub fn learn(&mut self, from: StepId, step: Step, can_return: bool) -> StepId {
        let known = if can_return && step.length as usize <= BLOCK { self.find_or_add(&step) } else { None };
        let Some(id) = known else {
            self.steps[StepId::PASSING.0 as usize] = step;
            return StepId::PASSING;
        };
        // What comes behind a passing step is true only of that one.
        if from != StepId::PASSING {
            let followers = &mut self.steps[from.0 as usize].followers;
            let free = followers.iter().position(|&follower| follower == StepId::NONE).unwrap_or(FOLLOWERS - 1);
            followers[free] = id;
        }
        id
    }

    /// Where the step is, or now is, in the table; nowhere if the table was full.
    fn find_or_add(&mut self, step: &Step) -> Option<StepId> {
        let mut place = step.hash() as usize % PLACES;
        while self.index[place] != StepId::NONE {
            if self.get(self.index[place]).is_same(step) {
                return Some(self.index[place]);
            }
            place = (place + 1) % PLACES;
        }
        if self.length == STEPS {
            self.length = 2;
            self.index.fill(StepId::NONE);
            self.steps[StepId::START.0 as usize].followers = [StepId::NONE; FOLLOWERS];
            return None;
        }
        let id = StepId(self.length as u8);
        self.steps[self.length] = *step;
        self.index[place] = id;
        self.length += 1;
        Some(id)
    }
}

impl Step {
    /// A step of this text. It begins and ends the value of no slot.
    pub fn new(text: &[u8], kind: Kind, levels: Levels, node: Node) -> Self {
        let kept = text.len().min(BLOCK);
        let mut bytes = [0; BLOCK];
        bytes[..kept].copy_from_slice(&text[..kept]);
        let mask = ((1u64 << kept) - 1) as u32;
        let followers = [StepId::NONE; FOLLOWERS];
        let length = text.len() as u32;
        Self { bytes, mask, length, levels, kind, node, slot: Slot::NONE, followers }
    }

    /// Whether it stands in the text, with something of its kind behind it.
    #[inline(always)]
    fn stands_at(&self, text: &Text<'_>, at: usize) -> bool {
        text.has(at, &self.bytes, self.mask)
            && (self.kind != Kind::Plain || Kind::is_plain(text.byte(at + self.length as usize)))
    }

    /// A hash of all that makes it what it is.
    fn hash(&self) -> u64 {
        rapidhash::v3::rapidhash_v3(&self.bytes) ^ (u64::from(self.levels.depth) << 8 | self.node.index() as u64)
    }

    /// Whether it is the same step, whatever follows it.
    fn is_same(&self, other: &Self) -> bool {
        (self.mask, self.bytes, self.kind, self.levels, self.node)
            == (other.mask, other.bytes, other.kind, other.levels, other.node)
    }
}
