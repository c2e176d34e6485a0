//! An open-addressing table that grows and empties in small steps.
//!
//! The mind's tables hold millions of entries and must never make one report wait for all of them to be moved or wiped. So a
//! table is many shards, chosen by the top bits of the hash: each grows by half when it is two thirds full (some thousand
//! entries at a time). They begin with different sizes, so that they never all grow at once: shards of one size did, and held
//! up whoever came in that quarter of a second. Clearing is one increment of an epoch; a shard of an older epoch is empty, and
//! is wiped when it is next written. Probing is linear: one cache line answers most look-ups.

/// An entry of a [`Table`], with one value that means "nothing here".
pub(super) trait Slot: Copy {
    /// Nothing here.
    const EMPTY: Self;
    /// Whether nothing is here.
    fn is_empty(&self) -> bool;
    /// 32 uniform bits that choose the entry's place in its shard; kept in the entry, so that a shard can grow.
    fn home(&self) -> u32;
}

const SHARDS: usize = 256;
const SHARD_SLOTS_MIN: usize = 16;

#[derive(Clone)]
struct Shard<S> {
    slots: Vec<S>,
    used: u32,
    epoch: u32,
}

/// Where an entry lies; good until the table is next changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    shard: u32,
    slot: u32,
}

/// A sharded table of entries of type `S`.
pub(super) struct Table<S> {
    shards: Box<[Shard<S>]>,
    /// Slots that the smallest shard begins with.
    first: usize,
    epoch: u32,
    len: usize,
}

impl<S: Slot> Table<S> {
    pub(super) fn new() -> Self {
        Self::with_room(0)
    }

    /// As [`Table::new`]; each shard begins with room for its part of so many entries, so that filling it moves few of them.
    pub(super) fn with_room(entries: usize) -> Self {
        let shard = Shard { slots: Vec::new(), used: 0, epoch: 0 };
        // Shards differ by chance: four standard deviations are enough for all of them.
        let mean = entries.div_ceil(SHARDS);
        let most = mean + 4 * mean.isqrt();
        let first = (most * 3 / 2 + 1).max(SHARD_SLOTS_MIN);
        Self { shards: vec![shard; SHARDS].into(), first, epoch: 0, len: 0 }
    }

    /// Number of entries.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Empties the table in one step, keeping its room.
    pub(super) fn clear(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.len = 0;
    }

    /// The first entry at or after `home` for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, shard: u8, home: u32, mut is_it: impl FnMut(&S) -> bool) -> Option<Place> {
        let shard_ref = &self.shards[usize::from(shard)];
        if shard_ref.epoch != self.epoch || shard_ref.slots.is_empty() {
            return None;
        }
        let mut slot = position(home, shard_ref.slots.len());
        loop {
            let entry = &shard_ref.slots[slot];
            if entry.is_empty() {
                return None;
            }
            if is_it(entry) {
                return Some(Place { shard: u32::from(shard), slot: slot as u32 });
            }
            slot = after(slot, shard_ref.slots.len());
        }
    }

    /// The entries where a search would begin, not yet read.
    #[inline]
    pub(super) fn first_places(&self, shard: u8, home: u32) -> &[S] {
        let shard = &self.shards[usize::from(shard)];
        shard.slots.get(position(home, shard.slots.len())..).unwrap_or_default()
    }

    /// The entry at a place.
    #[inline]
    pub(super) fn get(&self, place: Place) -> &S {
        &self.shards[place.shard as usize].slots[place.slot as usize]
    }

    /// The entry at a place, to change all of it but its home.
    #[inline]
    pub(super) fn get_mut(&mut self, place: Place) -> &mut S {
        &mut self.shards[place.shard as usize].slots[place.slot as usize]
    }

    /// Adds an entry; equal ones may lie side by side.
    #[inline]
    pub(super) fn insert(&mut self, shard: u8, entry: S) -> Place {
        self.len += 1;
        let index = shard;
        let shard = &mut self.shards[usize::from(index)];
        if shard.epoch != self.epoch {
            shard.slots.fill(S::EMPTY);
            shard.used = 0;
            shard.epoch = self.epoch;
        }
        if (shard.used as usize + 1) * 3 > shard.slots.len() * 2 {
            grow(shard, first_slots(self.first, index));
        }
        shard.used += 1;
        let slot = settle(&mut shard.slots, entry);
        Place { shard: u32::from(index), slot: slot as u32 }
    }

    /// Removes the entry at a place, closing the gap so that no search ends too early.
    pub(super) fn remove(&mut self, place: Place) {
        self.len -= 1;
        let shard = &mut self.shards[place.shard as usize];
        shard.used -= 1;
        let slots = &mut shard.slots;
        let (mut gap, mut next) = (place.slot as usize, after(place.slot as usize, slots.len()));
        while !slots[next].is_empty() {
            // An entry may fill the gap if its home does not lie between the gap (excluded) and where it is now.
            let home = position(slots[next].home(), slots.len());
            let reach = |from: usize, to: usize| (to + slots.len() - from) % slots.len();
            if reach(home, next) >= reach(gap, next) {
                slots[gap] = slots[next];
                gap = next;
            }
            next = after(next, slots.len());
        }
        slots[gap] = S::EMPTY;
    }

    /// Every entry, in no order that may decide anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &S> {
        let epoch = self.epoch;
        let live = self.shards.iter().filter(move |shard| shard.epoch == epoch);
        live.flat_map(|shard| &shard.slots).filter(|entry| !entry.is_empty())
    }
}

/// Slots that a shard begins with: up to half as many again as the smallest, which is how far a shard grows. So their sizes stay
/// spread, and as much of the table grows at any time as at any other.
const fn first_slots(smallest: usize, shard: u8) -> usize {
    smallest + smallest * shard as usize / (2 * SHARDS)
}

/// Maps 32 uniform bits onto any number of slots.
#[inline]
const fn position(home: u32, slots: usize) -> usize {
    ((home as u64 * slots as u64) >> 32) as usize
}

#[inline]
const fn after(slot: usize, slots: usize) -> usize {
    if slot + 1 == slots { 0 } else { slot + 1 }
}

/// Puts an entry into the first free slot from its home on. There is one: a shard is never full.
#[inline]
fn settle<S: Slot>(slots: &mut [S], entry: S) -> usize {
    let mut slot = position(entry.home(), slots.len());
    while !slots[slot].is_empty() {
        slot = after(slot, slots.len());
    }
    slots[slot] = entry;
    slot
}

#[cold]
#[inline(never)]
fn grow<S: Slot>(shard: &mut Shard<S>, first: usize) {
    let larger = if shard.slots.is_empty() { first } else { shard.slots.len() + shard.slots.len() / 2 };
    let old = std::mem::replace(&mut shard.slots, vec![S::EMPTY; larger]);
    for entry in old.into_iter().filter(|entry| !entry.is_empty()) {
        settle(&mut shard.slots, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Clone, Copy)]
    struct Key(u32);

    impl Slot for Key {
        const EMPTY: Self = Self(u32::MAX);
        fn is_empty(&self) -> bool {
            self.0 == u32::MAX
        }
        fn home(&self) -> u32 {
            // Few different homes, so that runs grow long and wrap around.
            (self.0 % 7).wrapping_mul(0x2492_4925)
        }
    }

    fn place(table: &Table<Key>, key: u32) -> Option<Place> {
        table.find((key % 2) as u8, Key(key).home(), |entry| entry.0 == key)
    }

    /// Filled evenly, as hashes fill it, hardly any two shards grow at the same time.
    #[test]
    fn shards_do_not_all_grow_at_once() {
        let mut table = Table::new();
        let (mut grown, mut most) = (Vec::new(), 0);
        for key in 0..200_000_u32 {
            let (shard, before) = ((key % 256) as u8, table.shards[(key % 256) as usize].slots.len());
            table.insert(shard, Key(key));
            if table.shards[usize::from(shard)].slots.len() > before && before > 0 {
                grown.push(key);
            }
            // Within a tenth of what it holds already.
            let since = key - key / 10;
            most = most.max(grown.iter().rev().take_while(|when| **when > since).count() * usize::from(key > 20_000));
        }
        assert!(grown.len() > 5 * 256 && most < 110, "{} grew, {most} of them together", grown.len());
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(steps in prop::collection::vec((0_u8..20, 0_u32..200), 1..2000)) {
            let (mut table, mut oracle) = (Table::new(), BTreeSet::new());
            for (step, key) in steps {
                match (step, place(&table, key)) {
                    (0, _) => {
                        table.clear();
                        oracle.clear();
                    }
                    (1..=8, Some(place)) => {
                        table.remove(place);
                        oracle.remove(&key);
                    }
                    (_, None) => {
                        table.insert((key % 2) as u8, Key(key));
                        oracle.insert(key);
                    }
                    _ => {}
                }
                prop_assert_eq!(place(&table, key).is_some(), oracle.contains(&key));
            }
            prop_assert_eq!(table.len(), oracle.len());
            prop_assert_eq!(table.iter().map(|key| key.0).collect::<BTreeSet<_>>(), oracle.clone());
            for key in 0..200 {
                prop_assert_eq!(place(&table, key).is_some(), oracle.contains(&key));
            }
        }
    }
}
