//! What a text is weighed by: the runs of one, two and three characters in it, and how often each stands there.
//!
//! What is said first says what it is about: a title counts four times, the beginning of a text twice. (Measured on citizens'
//! messages, five splits: macro-F1 0.919 without, 0.924 with.) All digits are one, because a house number names no matter.

use std::iter::FusedIterator;

use super::normalise::normalise;

/// The title beyond this is left aside.
pub const TITLE_CHARS_MAX: usize = 200;
/// The text beyond this is left aside: what a message is about stands in the first page of it.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// The runs of a message are at most so many.
pub const GRAMS_MAX: usize = RUNS * BLOCK * BLOCKS_MAX;
/// Blocks that are looked at, three of them not full; for one character that is written may be spelt with several.
const BLOCKS_MAX: usize = (TITLE_CHARS_MAX + 1 + TEXT_CHARS_MAX).div_ceil(BLOCK) + 3;
/// Runs that end with a character: of one, two and three.
pub(super) const RUNS: usize = 3;

/// Where a character stands, and so how often it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rank {
    Title = 0,
    /// The beginning of a text.
    Head = 1,
    Body = 2,
}

const fn times(rank: usize) -> usize {
    4 >> rank
}
/// So many characters are the beginning of a text: a block, and what is left of the next.
const HEAD_CHARS: usize = 50;
const HEAD_FIRST: usize = BLOCK;

/// Stands in front of a title, and between it and the text.
const SEAM: char = '\u{1}';

/// A run of characters, where it stands once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gram {
    /// The characters; NUL in front of less than three.
    pub chars: [char; RUNS],
    /// Stands for them.
    pub hash: u64,
    /// By how much it counts more here.
    pub step: Step,
}

/// What counts once counts so much.
pub const COUNT_UNIT: f32 = 64.0;
/// The most by which a run counts more at once.
pub(super) const STEP_MAX: u16 = steps(Rank::Title as usize)[0].count;

/// Whoever says something more often is counted anew.
const COUNTED_MAX: usize = 255;
/// For each rank, and each count that was reached, what comes next.
static STEPS: [[Step; COUNTED_MAX + 1]; 3] = [steps(0), steps(1), steps(2)];

/// By how much something counts more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// What counts n times counts 1 + ln n, in units of [`COUNT_UNIT`].
    pub count: u16,
    /// The square of that.
    pub square: u16,
}

/// How much counts what counted so often.
const COUNTS: [u32; COUNTED_MAX + 1] = {
    // ln n is the sum of ln (k / (k - 1)), and that is 2 artanh (1 / (2k - 1)).
    let (mut counts, mut ln, mut k) = ([0; COUNTED_MAX + 1], 0.0, 1);
    while k <= COUNTED_MAX {
        let z = 1.0 / (2 * k - 1) as f64;
        let (mut power, mut odd) = (if k == 1 { 0.0 } else { z }, 1);
        while odd < 20 {
            ln += 2.0 * power / odd as f64;
            power *= z * z;
            odd += 2;
        }
        counts[k] = (COUNT_UNIT as f64 * (1.0 + ln) + 0.5) as u32;
        k += 1;
    }
    counts
};

const fn steps(rank: usize) -> [Step; COUNTED_MAX + 1] {
    let (mut steps, mut before) = ([Step { count: 0, square: 0 }; COUNTED_MAX + 1], 0);
    while before < COUNTED_MAX {
        let (then, now) = (COUNTS[before], COUNTS[counted(before, times(rank))]);
        steps[before] = Step { count: (now - then) as u16, square: (now * now - then * then) as u16 };
        before += 1;
    }
    steps
}

const fn counted(before: usize, times: usize) -> usize {
    if before + times < COUNTED_MAX { before + times } else { COUNTED_MAX }
}

/// By so many bits a character's hash is turned for each that follows.
const TURN: u32 = 21;

/// Characters are worked on so many at a time: to normalise, to hash, to look up and to add, each in a loop of its own, is faster than
/// all of it character by character, for in a small loop the processor fetches from afar for many at once.
pub(super) const BLOCK: usize = 32;

/// Hands on every run of a message, as often as it stands there.
pub fn grams(
    title: impl FusedIterator<Item = char>,
    text: impl FusedIterator<Item = char>,
    mut sink: impl FnMut(Gram),
) {
    in_blocks(title, text, |window, block, rank| {
        for c in block {
            window.push(*c, rank).into_iter().for_each(&mut sink);
        }
    });
}

/// Hands on the characters of a message in blocks of one rank, and what finds the runs that end with each.
#[inline]
pub(super) fn in_blocks(
    title: impl FusedIterator<Item = char>,
    text: impl FusedIterator<Item = char>,
    weigh: impl FnMut(&mut Window, &[char], Rank),
) {
    let window = Window { chars: [SEAM; RUNS - 1], mixed: [mix(SEAM); RUNS - 1], counted: [0; COUNTERS] };
    let mut blocks =
        Blocks { window, block: [SEAM; BLOCK], length: 0, end: BLOCK, rank: Rank::Title, left: BLOCKS_MAX, weigh };
    normalise(title.take(TITLE_CHARS_MAX), |c| blocks.push(c));
    blocks.go_on(Rank::Body);
    blocks.push(SEAM);
    blocks.go_on(Rank::Head);
    normalise(text.take(TEXT_CHARS_MAX), |c| blocks.push(c));
    blocks.hand_on();
}

/// A block that is being filled.
struct Blocks<W> {
    window: Window,
    block: [char; BLOCK],
    length: usize,
    /// Where it is full, or its rank ends.
    end: usize,
    rank: Rank,
    /// How many more are looked at.
    left: usize,
    weigh: W,
}

impl<W: FnMut(&mut Window, &[char], Rank)> Blocks<W> {
    #[inline(always)]
    fn push(&mut self, c: char) {
        self.block[self.length % BLOCK] = c;
        self.length += 1;
        if self.length == self.end {
            self.hand_on();
        }
    }

    #[inline(never)]
    fn hand_on(&mut self) {
        if self.left > 0 {
            (self.weigh)(&mut self.window, &self.block[..self.length.min(BLOCK)], self.rank);
            self.left -= 1;
        }
        self.length = 0;
        match (self.rank, self.end) {
            (Rank::Head, HEAD_FIRST) => self.end = HEAD_CHARS - HEAD_FIRST,
            (Rank::Head, _) => (self.rank, self.end) = (Rank::Body, BLOCK),
            _ => {}
        }
    }

    /// Hands on what there is, and goes on with another rank.
    fn go_on(&mut self, rank: Rank) {
        self.hand_on();
        (self.rank, self.end) = (rank, BLOCK);
    }
}

/// Counters of runs. They are few, so that they are cleared fast; now and then two runs share one, the same two in every text
/// that has both, in training too.
const COUNTERS: usize = 1 << 13;

/// The last characters of a text, and what was counted.
pub(super) struct Window {
    /// The last two, the last one first.
    chars: [char; RUNS - 1],
    mixed: [u64; RUNS - 1],
    counted: [u8; COUNTERS],
}

impl Window {
    /// The runs that end with a character.
    #[inline(always)]
    pub fn push(&mut self, c: char, rank: Rank) -> [Gram; RUNS] {
        let c = if c.is_ascii_digit() { '0' } else { c };
        // A cyclic polynomial (Cohen, 1997): characters are mixed once, and turned by where they stand in the run.
        let (one, [b, a]) = (mix(c), self.mixed);
        let two = one ^ b.rotate_left(TURN);
        let three = two ^ a.rotate_left(2 * TURN);
        let [second, first] = self.chars;
        (self.mixed, self.chars) = ([one, b], [c, second]);
        [(['\0', '\0', c], one), (['\0', second, c], two), ([first, second, c], three)].map(|(chars, hash)| Gram {
            chars,
            hash,
            step: self.count(hash, rank),
        })
    }

    #[inline(always)]
    fn count(&mut self, hash: u64, rank: Rank) -> Step {
        // Other bits than those that find its row.
        let counted = &mut self.counted[hash as usize % COUNTERS];
        let before = usize::from(*counted);
        *counted = counted.wrapping_add(times(rank as usize) as u8);
        STEPS[rank as usize][before]
    }
}

/// One multiplication, its halves folded: every bit of the character moves every bit of the result.
#[inline(always)]
const fn mix(c: char) -> u64 {
    let product = (c as u64 ^ 0x9E37_79B9_7F4A_7C15) as u128 * 0xD1B5_4A32_D192_ED03;
    (product >> 64) as u64 ^ product as u64
}

impl Gram {
    /// The run as people read it; the seam of title and text is `|`.
    pub fn text(&self) -> String {
        self.chars.iter().filter(|c| **c != '\0').map(|c| if *c == SEAM { '|' } else { *c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(title: &str, text: &str) -> Vec<(String, u16)> {
        let mut found = Vec::new();
        grams(title.chars(), text.chars(), |gram| found.push((gram.text(), gram.step.count)));
        found
    }

    #[test]
    fn what_counts_more_often_counts_more_but_ever_less_so() {
        for (times, count) in COUNTS.into_iter().enumerate().skip(1) {
            let ln = libm::log(times as f64);
            assert_eq!(f64::from(count), (64.0 * (1.0 + ln)).round(), "{times}");
        }
        assert_eq!((COUNTS[0], COUNTS[1], COUNTS[2], COUNTS[4]), (0, 64, 108, 153));
        let step = |count, square| Step { count, square };
        assert_eq!((STEPS[2][0], STEPS[2][1]), (step(64, 64 * 64), step(44, 108 * 108 - 64 * 64)));
        assert_eq!((STEPS[1][0], STEPS[0][0], STEP_MAX), (step(108, 108 * 108), step(153, 153 * 153), 153));
        assert_eq!(STEPS[0][COUNTED_MAX], step(0, 0));
    }

    #[test]
    fn runs_of_one_two_and_three_characters_are_found_and_counted() {
        let runs: Vec<String> = all("", "漏水水").into_iter().map(|(run, _)| run).collect();
        assert_eq!(runs, ["|", "||", "|||", "漏", "|漏", "||漏", "水", "漏水", "|漏水", "水", "水水", "漏水水"]);
        let steps: Vec<u16> = all("", "漏水水").into_iter().map(|(_, step)| step).collect();
        assert_eq!(steps, [64, 64, 64, 108, 108, 108, 108, 108, 108, 45, 108, 108]);
        let titled: Vec<String> = all("路灯", "坏").into_iter().map(|(run, _)| run).skip(6).collect();
        assert_eq!(titled, ["|", "灯|", "路灯|", "坏", "|坏", "灯|坏"]);
    }

    #[test]
    fn the_beginning_counts_twice_and_numbers_are_one() {
        let text = format!("{}灯", "一".repeat(50));
        assert!(all("", &text).contains(&("灯".to_owned(), 64)));
        assert!(all("", &text[3..]).contains(&("灯".to_owned(), 108)));
        assert_eq!(all("", "12号"), all("", "90号"));
    }

    proptest! {
        #[test]
        fn any_text_has_boundedly_many(title in any::<String>(), text in any::<String>(), times in 1_usize..200) {
            let found = all(&title.repeat(times), &text.repeat(times));
            prop_assert!(found.len() <= GRAMS_MAX);
            prop_assert!(found.iter().all(|(run, _)| run.chars().count() <= 3));
        }
    }
}
