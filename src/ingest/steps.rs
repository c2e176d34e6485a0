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
use crate::report::Field;

/// Stands for a key that the schema does not have: such keys count as the line's own.
pub const NO_FIELD: Field = Field::Line;

/// Steps that are kept. When they are used up, all are forgotten: either shapes are few, or there is no shape.
const STEPS: usize = 256;

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
    /// The field of the line's own object that it names or is inside of.
    pub field: Field,
    /// The field whose value it begins or ends.
    pub slot: Field,
    /// Whether it has the key of a field.
    pub names_field: bool,
    /// What followed it before; the rest is [`StepId::NONE`].
    followers: [StepId; FOLLOWERS],
}

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
}

impl Steps {
    /// A table that knows nothing yet.
    pub fn new() -> Self {
        // No UTF-8 text has this byte.
        let start = Step::new(&[0xff], Kind::Start, Levels::default(), NO_FIELD);
        Self { steps: Box::new([start; STEPS]), length: 2 }
    }

    /// A step.
    #[inline(always)]
    pub fn get(&self, id: StepId) -> &Step {
        &self.steps[id.0 as usize]
    }

    /// The step behind `from` that stands at `at`, if one of those that did before does now.
    #[inline(always)]
    pub fn follow(&self, from: StepId, text: &Text<'_>, at: usize) -> Option<StepId> {
        let id = self.get(from).followers[0];
        if self.get(id).stands_at(text, at) { Some(id) } else { self.follow_others(from, text, at) }
    }

    /// As [`Steps::follow`], when it is not the first.
    #[inline(never)]
    fn follow_others(&self, from: StepId, text: &Text<'_>, at: usize) -> Option<StepId> {
        self.get(from).followers.into_iter().find(|&id| self.get(id).stands_at(text, at))
    }

    /// Remembers that a step with this text followed `from`; it has no `text` if it cannot be remembered.
    pub fn learn(&mut self, from: StepId, text: Option<&[u8]>, step: Step) -> StepId {
        let id = text.filter(|text| text.len() <= BLOCK).and_then(|_| self.position(&step));
        let Some(id) = id else {
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
    fn position(&mut self, step: &Step) -> Option<StepId> {
        if let Some(position) = self.steps[2..self.length].iter().position(|known| known.is_same(step)) {
            return Some(StepId((position + 2) as u8));
        }
        if self.length == STEPS {
            self.length = 2;
            self.steps[StepId::START.0 as usize].followers = [StepId::NONE; FOLLOWERS];
            return None;
        }
        self.steps[self.length] = *step;
        self.length += 1;
        Some(StepId((self.length - 1) as u8))
    }
}

impl Step {
    /// A step of this text. It names no field and begins and ends none.
    pub fn new(text: &[u8], kind: Kind, levels: Levels, field: Field) -> Self {
        let kept = text.len().min(BLOCK);
        let mut bytes = [0; BLOCK];
        bytes[..kept].copy_from_slice(&text[..kept]);
        let mask = ((1u64 << kept) - 1) as u32;
        let followers = [StepId::NONE; FOLLOWERS];
        let length = text.len() as u32;
        Self { bytes, mask, length, levels, kind, field, slot: NO_FIELD, names_field: false, followers }
    }

    /// Whether it stands in the text, with something of its kind behind it.
    #[inline(always)]
    fn stands_at(&self, text: &Text<'_>, at: usize) -> bool {
        text.has(at, &self.bytes, self.mask)
            && (self.kind != Kind::Plain || Kind::is_plain(text.byte(at + self.length as usize)))
    }

    /// Whether it is the same step, whatever follows it.
    fn is_same(&self, other: &Self) -> bool {
        (self.mask, self.bytes, self.kind, self.levels, self.field)
            == (other.mask, other.bytes, other.kind, other.levels, other.field)
    }
}
