//! Names that are looked for among millions. Most looks find nothing, so a few bits of a name are asked first.

use std::collections::BTreeSet;

use crate::fingerprint::Fingerprint;
use crate::ids::CaseId;

/// Cases that are looked for.
pub(super) type Cases = Sought<CaseId, 32>;
/// Ids that are looked for.
pub(super) type Prints = Sought<Fingerprint, 1024>;

/// A name of which some bits differ where names do.
pub(super) trait Name: Ord + Copy {
    fn bits(self) -> u64;
}

impl Name for CaseId {
    #[inline]
    fn bits(self) -> u64 {
        self.0
    }
}

impl Name for Fingerprint {
    #[inline]
    fn bits(self) -> u64 {
        self.lo
    }
}

/// Names, and a bit of `WORDS` words for each.
#[derive(Clone)]
pub(super) struct Sought<T, const WORDS: usize> {
    names: BTreeSet<T>,
    bits: [u64; WORDS],
}

impl<T: Name, const WORDS: usize> Default for Sought<T, WORDS> {
    fn default() -> Self {
        Self { names: BTreeSet::new(), bits: [0; WORDS] }
    }
}

impl<T: Name, const WORDS: usize> Sought<T, WORDS> {
    #[inline]
    fn bit(name: T) -> (usize, u64) {
        ((name.bits() / 64) as usize % WORDS, 1 << (name.bits() % 64))
    }

    pub(super) fn add(&mut self, name: T) {
        let (word, bit) = Self::bit(name);
        self.bits[word] |= bit;
        self.names.insert(name);
    }

    #[inline]
    pub(super) fn has(&self, name: T) -> bool {
        let (word, bit) = Self::bit(name);
        self.bits[word] & bit != 0 && self.names.contains(&name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.names.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
