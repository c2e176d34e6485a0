//! A sieve: says of most fingerprints that are not in a set that they are not, without a look at the set.
//!
//! Reports that claim a time far ahead of the log are kept in a table of their own, in which every other report must be looked
//! for. That table is far away when it is needed; this is small enough to be near, so that one sender with an absurd clock
//! slows down nobody else.

use crate::fingerprint::Fingerprint;

/// One bit for each of so many rests of fingerprints: 64 KiB, eight bits for each of the most strays that are kept.
const BITS: usize = 1 << 19;

/// Which fingerprints may be in a set.
#[derive(Default)]
pub(super) struct Sieve {
    /// Empty as long as the set is.
    words: Vec<u64>,
}

#[inline]
const fn bit(print: Fingerprint) -> (usize, u64) {
    // Bits that choose neither a table's shard nor a place in it.
    let bit = print.hi as usize % BITS;
    (bit / 64, 1 << (bit % 64))
}

impl Sieve {
    /// Whether a fingerprint may be in the set; never false of one that is.
    #[inline]
    pub(super) fn may_hold(&self, print: Fingerprint) -> bool {
        let (word, bit) = bit(print);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Notes a fingerprint that is put into the set.
    pub(super) fn note(&mut self, print: Fingerprint) {
        self.words.resize(BITS / 64, 0);
        let (word, bit) = bit(print);
        self.words[word] |= bit;
    }

    /// The set is empty again.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_set_passes_and_most_else_does_not() {
        let key = crate::fingerprint::HashKey { k0: 1, k1: 2 };
        let print = |id: u32| key.fingerprint(b"s", &id.to_le_bytes());
        let mut sieve = Sieve::default();
        assert!(!sieve.may_hold(print(0)), "nothing is in an empty set");
        (0..65_536).for_each(|id| sieve.note(print(id)));
        assert!((0..65_536).all(|id| sieve.may_hold(print(id))));
        let passed = (65_536..165_536).filter(|id| sieve.may_hold(print(*id))).count();
        assert!(passed < 15_000, "of a hundred thousand others {passed} pass");
        sieve.clear();
        assert!(!(0..65_536).any(|id| sieve.may_hold(print(id))));
    }
}
