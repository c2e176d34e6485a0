//! The register of cases: from a case's name to where it is kept.
//!
//! Names are given in ascending order, so the register is a list that only grows at its end and is searched by halving; entries
//! of forgotten cases are blanked, and a block of them is squeezed or dropped when most of it is blank. Noting and blanking
//! cost no search, because a case remembers where it stands.

use std::collections::VecDeque;

use crate::ids::CaseId;

const BLOCK: usize = 4096;
const BLANK: u32 = u32::MAX;

/// Where a case stands in the register. Packed, because a case has no byte to spare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(Rust, packed(2))]
pub(super) struct Line {
    block: u32,
    line: u16,
}

const _: () = assert!(BLOCK <= 1 << u16::BITS);

impl Line {
    /// Not yet noted.
    pub(super) const NONE: Self = Self { block: 0, line: 0 };
}

#[derive(Default)]
struct Block {
    /// The first case that was noted here; stays when all are forgotten, so that blocks keep their order.
    first: u64,
    /// Case and slot, ascending by case. Empty once all are forgotten.
    lines: Vec<(u64, u32)>,
    live: usize,
}

/// All cases in memory, by name.
#[derive(Default)]
pub(super) struct Register {
    blocks: VecDeque<Block>,
    /// Number of the first block, modulo 2³².
    first: u32,
    spare: Vec<Vec<(u64, u32)>>,
}

impl Register {
    /// Notes a case, which must be younger than all others.
    #[inline]
    pub(super) fn note(&mut self, case: CaseId, slot: u32) -> Line {
        if self.blocks.back().is_none_or(|block| block.lines.len() == BLOCK) {
            self.begin_block(case);
        }
        let number = self.first.wrapping_add(self.blocks.len() as u32 - 1);
        let block = self.blocks.back_mut().expect("one was just made");
        debug_assert!(block.lines.last().is_none_or(|(last, _)| *last < case.0), "cases are noted in order");
        block.lines.push((case.0, slot));
        block.live += 1;
        Line { block: number, line: (block.lines.len() - 1) as u16 }
    }

    /// Where a case is kept.
    pub(super) fn find(&self, case: CaseId) -> Option<u32> {
        let after = self.blocks.partition_point(|block| block.first <= case.0);
        let block = &self.blocks[after.checked_sub(1)?];
        let line = block.lines.binary_search_by_key(&case.0, |(case, _)| *case).ok()?;
        Some(block.lines[line].1).filter(|slot| *slot != BLANK)
    }

    /// The oldest case.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.blocks.iter().flat_map(|block| &block.lines).map(|(_, slot)| *slot).find(|slot| *slot != BLANK)
    }

    /// Blanks a case's line. `moved` is told of cases whose line changes with it.
    #[inline]
    pub(super) fn forget(&mut self, at: Line, moved: impl FnMut(u32, Line)) {
        let index = at.block.wrapping_sub(self.first) as usize;
        let is_last = index + 1 == self.blocks.len();
        let block = &mut self.blocks[index];
        block.lines[usize::from(at.line)].1 = BLANK;
        block.live -= 1;
        if is_last {
            return;
        }
        if block.live == 0 {
            self.drop_block(index);
        } else if block.live * 4 <= block.lines.len() {
            squeeze(block, at.block, moved);
        }
    }

    #[cold]
    fn begin_block(&mut self, first: CaseId) {
        if self.blocks.back().is_some_and(|block| block.live == 0) {
            self.drop_block(self.blocks.len() - 1);
        }
        let lines = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
        self.blocks.push_back(Block { first: first.0, lines, live: 0 });
    }

    #[cold]
    fn drop_block(&mut self, index: usize) {
        let mut lines = std::mem::take(&mut self.blocks[index].lines);
        lines.clear();
        if lines.capacity() == BLOCK {
            self.spare.push(lines);
        }
        while self.blocks.front().is_some_and(|block| block.lines.is_empty()) {
            self.blocks.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cold]
fn squeeze(block: &mut Block, number: u32, mut moved: impl FnMut(u32, Line)) {
    block.lines.retain(|(_, slot)| *slot != BLANK);
    block.lines.shrink_to_fit();
    for (line, (_, slot)) in block.lines.iter().enumerate() {
        moved(*slot, Line { block: number, line: line as u16 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Cases are noted in order and forgotten in any order; long runs cross many blocks.
        #[test]
        fn finds_what_is_noted_and_not_forgotten(steps in prop::collection::vec((0_u8..8, any::<u16>()), 20_000..30_000), keep in 0_usize..3) {
            let (mut register, mut lines, mut slots) = (Register::default(), BTreeMap::new(), BTreeMap::new());
            let mut next = 1_u64;
            for (step, pick) in steps {
                if step < 4 || slots.is_empty() {
                    let slot = next as u32;
                    lines.insert(slot, register.note(CaseId(next), slot));
                    slots.insert(next, slot);
                    next += u64::from(pick % 3) + 1;
                } else {
                    // Forget mostly from the old end, leaving a few behind, as time does.
                    let at = (pick as usize % 40 + keep).min(slots.len() - 1);
                    let (&case, &slot) = slots.iter().nth(at).expect("within");
                    slots.remove(&case);
                    let line = lines.remove(&slot).expect("noted");
                    register.forget(line, |slot, line| {
                        lines.insert(slot, line);
                    });
                }
            }
            prop_assert_eq!(register.oldest(), slots.values().next().copied());
            for case in 0..next + 2 {
                prop_assert_eq!(register.find(CaseId(case)), slots.get(&case).copied());
            }
        }
    }
}
