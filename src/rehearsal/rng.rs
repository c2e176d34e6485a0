//! A small generator of random numbers of our own, so that a seed means the same file for ever, whatever a crate's next
//! version does. Integers only: no result depends on a machine's floating point.

/// xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021).
pub struct Rng([u64; 4]);

impl Rng {
    /// The generator of `seed`. The state is filled by SplitMix64, as its authors advise, so that near seeds differ at once.
    pub fn seeded(seed: u64) -> Self {
        let mut counter = seed;
        Self(std::array::from_fn(|_| {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }))
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let (c2, d2) = (c ^ a, d ^ b);
        self.0 = [a ^ d2, b ^ c2, c2 ^ (b << 17), d2.rotate_left(45)];
        a.wrapping_add(d).rotate_left(23).wrapping_add(a)
    }

    /// A number in `0..n`, by multiplication: its bias, `n` in 2^32, is far below what a file can show.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(n)) >> 32) as u32
    }

    /// A number in `low..=high`.
    #[inline]
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// One of `items`, each as likely as the others.
    #[inline]
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }
}

/// Ranks drawn by weight, from cumulative sums: exact, and the same everywhere.
pub struct Weighted(Vec<u64>);

impl Weighted {
    /// `ranks` ranks from 0, where `weight(rank)` over the sum of all is the chance of `rank`.
    pub fn new(ranks: u64, weight: impl Fn(u64) -> u64) -> Self {
        let sums = (0..ranks).scan(0, |sum, rank| {
            *sum += weight(rank);
            Some(*sum)
        });
        Self(sums.collect())
    }

    /// A rank.
    #[inline]
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let total = self.0.last().copied().unwrap_or(0);
        let ticket = ((u128::from(rng.bits()) * u128::from(total)) >> 64) as u64;
        self.0.partition_point(|sum| *sum <= ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_sequence() {
        // The first outputs of xoshiro256++ from the state 1, 2, 3, 4, as its reference code prints them.
        let mut rng = Rng([1, 2, 3, 4]);
        let seen: [u64; 4] = std::array::from_fn(|_| rng.bits());
        assert_eq!(seen, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
        // SplitMix64 from 0.
        assert_eq!(Rng::seeded(0).0[..2], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn draws_stay_in_range_and_follow_the_weights() {
        let mut rng = Rng::seeded(7);
        assert!((0..10_000).all(|_| (3..=9).contains(&rng.between(3, 9))));
        let weighted = Weighted::new(3, |rank| [6, 0, 2][rank as usize]);
        let mut hits = [0u32; 3];
        (0..8_000).for_each(|_| hits[weighted.draw(&mut rng)] += 1);
        assert_eq!(hits[1], 0);
        assert!((5_800..6_200).contains(&hits[0]), "{hits:?}");
    }
}
