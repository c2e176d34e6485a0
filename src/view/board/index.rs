//! An index: from a name to the place in a table that holds it. One read of memory finds an entry whatever their number; a
//! tree would read one for each of its levels, and all but the upper ones are far away when a million cases are held.

/// Part of a name's hash, and the place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u32,
    place: u32,
}

const EMPTY: Entry = Entry { tag: 0, place: u32::MAX };

impl Entry {
    const fn is_empty(self) -> bool {
        self.place == u32::MAX
    }
}

/// Places by name. The names stand in the table alone.
#[derive(Debug)]
pub(super) struct Index {
    /// A power of two of entries, at most half of them in use. An entry lies at its home or behind it, with no gap between.
    entries: Vec<Entry>,
    used: usize,
}

/// Names are numbers that follow each other: a product with the golden section spreads them evenly.
const fn tag(name: u64) -> u32 {
    (name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

impl Index {
    /// An empty one, with room for so many names before it has to grow.
    pub(super) fn with_room(names: usize) -> Self {
        Self { entries: vec![EMPTY; (names.max(1) * 2).next_power_of_two()], used: 0 }
    }

    const fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    const fn home(&self, tag: u32) -> usize {
        (tag >> (u32::BITS - self.entries.len().trailing_zeros())) as usize
    }

    /// The place of a name; `holds` says whether a place holds it.
    #[inline]
    pub(super) fn find(&self, name: u64, holds: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = tag(name);
        let mut at = self.home(tag);
        loop {
            let entry = self.entries[at];
            if entry.is_empty() {
                return None;
            }
            if entry.tag == tag && holds(entry.place) {
                return Some(entry.place);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Reads where a name would lie, for the sake of having it near.
    #[inline]
    pub(super) fn touch(&self, name: u64) -> u32 {
        self.entries[self.home(tag(name))].tag
    }

    /// Adds a name that is not in it.
    pub(super) fn insert(&mut self, name: u64, place: u32) {
        if (self.used + 1) * 2 > self.entries.len() {
            let larger = vec![EMPTY; self.entries.len() * 2];
            let all = std::mem::replace(&mut self.entries, larger);
            all.into_iter().filter(|entry| !entry.is_empty()).for_each(|entry| self.put(entry));
        }
        self.used += 1;
        self.put(Entry { tag: tag(name), place });
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home(entry.tag);
        while !self.entries[at].is_empty() {
            at = (at + 1) & self.mask();
        }
        self.entries[at] = entry;
    }

    /// Takes out a name that is in it.
    pub(super) fn remove(&mut self, name: u64, place: u32) {
        let mut gap = self.home(tag(name));
        while self.entries[gap].place != place {
            gap = (gap + 1) & self.mask();
        }
        // What lies behind moves up, unless it would come before its home.
        let mut at = gap;
        loop {
            at = (at + 1) & self.mask();
            let entry = self.entries[at];
            if entry.is_empty() {
                break;
            }
            let from_home = at.wrapping_sub(self.home(entry.tag)) & self.mask();
            if from_home >= at.wrapping_sub(gap) & self.mask() {
                self.entries[gap] = entry;
                gap = at;
            }
        }
        self.entries[gap] = EMPTY;
        self.used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_index_finds_what_was_added_and_not_taken_out(steps in prop::collection::vec(0_u64..60, 0..400), stride in 1_u64..1 << 40) {
            let (mut index, mut names) = (Index::with_room(0), Vec::<Option<u64>>::new());
            for pick in steps {
                let name = pick * stride;
                match names.iter().position(|held| *held == Some(name)) {
                    Some(place) => {
                        index.remove(name, place as u32);
                        names[place] = None;
                    }
                    None => {
                        index.insert(name, names.len() as u32);
                        names.push(Some(name));
                    }
                }
                for name in (0..60).map(|pick| pick * stride) {
                    let found = index.find(name, |place| names[place as usize] == Some(name));
                    let place = names.iter().position(|held| *held == Some(name));
                    prop_assert_eq!(found, place.map(|place| place as u32));
                }
            }
        }
    }
}
