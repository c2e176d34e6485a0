//! Keyed hashes of what people and machines call themselves.
//!
//! A fingerprint stands for (source, id) in exact dedup. It is SipHash-1-3 with 128 bits of output and a secret key, so
//! nobody who can choose ids can aim two of them at one fingerprint. The chance that any two of `n` different live ids share
//! one is below n² / 2^129: with 10 million live ids, 1.5e-25.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// The secret of one data folder: drawn once, kept in the journal's header, never in an effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashKey {
    /// First half.
    pub k0: u64,
    /// Second half.
    pub k1: u64,
}

/// 128 keyed bits that stand for (source, id).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Fingerprint {
    /// Low half; uniformly distributed, so tables take their position from it.
    pub lo: u64,
    /// High half.
    pub hi: u64,
}

impl HashKey {
    /// The fingerprint of one message of one source.
    #[inline]
    pub fn fingerprint(&self, source: &[u8], id: &[u8]) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.k0, self.k1);
        hasher.write(id);
        // The id comes first and the source is closed by its length: no two pairs make the same bytes.
        hasher.write(source);
        hasher.write_u64(source.len() as u64);
        let hash = hasher.finish128();
        Fingerprint { lo: hash.h1, hi: hash.h2 }
    }

    /// A pseudonym of a reporter, an address or a component: equal for equal text, useless without the key. Never zero,
    /// which means "none".
    #[inline]
    pub fn pseudonym(&self, text: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.k0, !self.k1);
        hasher.write(text);
        hasher.finish128().h1.max(1)
    }
}

/// Hash of a body, to tell a re-send from a conflicting message under the same id. Not a secret, not a signature.
#[inline]
pub fn body_hash(body: &[u8]) -> u64 {
    rapidhash::v3::rapidhash_v3(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: HashKey = HashKey { k0: 1, k1: 2 };

    #[test]
    fn moving_a_byte_between_source_and_id_changes_the_fingerprint() {
        let all = [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc"), ("b", "ca")];
        for (i, x) in all.iter().enumerate() {
            for y in &all[i + 1..] {
                let print = |p: &(&str, &str)| KEY.fingerprint(p.0.as_bytes(), p.1.as_bytes());
                assert_ne!(print(x), print(y), "{x:?} {y:?}");
            }
        }
    }

    #[test]
    fn another_key_gives_another_fingerprint() {
        let other = HashKey { k0: 1, k1: 3 };
        assert_ne!(KEY.fingerprint(b"app", b"1"), other.fingerprint(b"app", b"1"));
        assert_ne!(KEY.pseudonym(b"139"), other.pseudonym(b"139"));
    }
}
