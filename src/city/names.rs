//! A table of names: text in, small number out, without allocation and with the same layout on every machine.

use crate::fingerprint::body_hash;

/// Names to positions. Built once, then only read.
#[derive(Clone, PartialEq, Debug)]
pub struct Names<P = u16> {
    entries: Vec<(Box<str>, P)>,
    /// Open addressing over `entries`; [`FREE`] is free. Length is a power of two, at most half full.
    slots: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl<P> Default for Names<P> {
    fn default() -> Self {
        Self { entries: Vec::new(), slots: Vec::new() }
    }
}

impl<P: Copy> Names<P> {
    /// Adds a name. False if it is there already.
    pub fn insert(&mut self, name: &str, position: P) -> bool {
        if self.get(name).is_some() {
            return false;
        }
        self.entries.push((name.into(), position));
        if self.entries.len() * 2 > self.slots.len() {
            self.slots = vec![FREE; (self.entries.len() * 4).next_power_of_two()];
            (0..self.entries.len()).for_each(|index| self.place(index));
        } else {
            self.place(self.entries.len() - 1);
        }
        true
    }

    fn place(&mut self, index: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = Self::home(&self.entries[index].0, self.slots.len());
        while self.slots[slot] != FREE {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = index as u32;
    }

    /// The position of a name.
    #[inline]
    pub fn get(&self, name: &str) -> Option<P> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = Self::home(name, self.slots.len());
        loop {
            let index = *self.slots.get(slot)?;
            let (entry, position) = self.entries.get(index as usize)?;
            if &**entry == name {
                return Some(*position);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// All names, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| &**name)
    }

    #[inline]
    fn home(name: &str, slots: usize) -> usize {
        body_hash(name.as_bytes()) as usize & slots.wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let mut names = Names::default();
        assert_eq!(names.get("a"), None);
        // More names than positions: a class may have many words.
        for n in 0..70_000_u32 {
            assert!(names.insert(&format!("name {n}"), (n / 2) as u16));
        }
        assert!(!names.insert("name 7", 1), "a name stands for one thing");
        for n in 0..70_000_u32 {
            assert_eq!(names.get(&format!("name {n}")), Some((n / 2) as u16));
        }
        assert_eq!(names.get("name 70000"), None);
        assert_eq!(names.get(""), None);
    }
}
