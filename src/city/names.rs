//! A table of names: text in, small number out, without allocation and with the same layout on every machine.

use crate::fingerprint::body_hash;

/// Names to positions. Built once, then only read.
#[derive(Debug, Default)]
pub struct Names {
    entries: Vec<(Box<str>, u16)>,
    /// Open addressing over `entries`; `u16::MAX` is free. Length is a power of two, at most half full.
    slots: Vec<u16>,
}

impl Names {
    /// Adds a name. False if it is there already.
    pub fn insert(&mut self, name: &str, position: u16) -> bool {
        if self.get(name).is_some() {
            return false;
        }
        self.entries.push((name.into(), position));
        self.slots = vec![u16::MAX; (self.entries.len() * 2).next_power_of_two()];
        for (index, (name, _)) in self.entries.iter().enumerate() {
            let mut slot = Self::home(name, self.slots.len());
            while self.slots[slot] != u16::MAX {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = index as u16;
        }
        true
    }

    /// The position of a name.
    #[inline]
    pub fn get(&self, name: &str) -> Option<u16> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = Self::home(name, self.slots.len());
        loop {
            let index = *self.slots.get(slot)?;
            let (entry, position) = self.entries.get(usize::from(index))?;
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
        for n in 0..500_u16 {
            assert!(names.insert(&format!("name {n}"), n * 2));
        }
        assert!(!names.insert("name 7", 1), "a name stands for one thing");
        for n in 0..500_u16 {
            assert_eq!(names.get(&format!("name {n}")), Some(n * 2));
        }
        assert_eq!(names.get("name 500"), None);
        assert_eq!(names.get(""), None);
    }
}
