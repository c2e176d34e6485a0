//! Words to be found in a text, all in one pass: an automaton over characters, which rests where no word can begin.

use std::iter::FusedIterator;

use daachorse::CharwiseDoubleArrayAhoCorasick;

use super::normalise;

/// Some words with their numbers.
#[derive(Default)]
pub struct Lexicon {
    automaton: Option<CharwiseDoubleArrayAhoCorasick<u16>>,
    /// The characters below 2¹⁶ that words begin with, a bit each.
    begins: Box<[u64]>,
    /// The characters of the longest word.
    longest: usize,
}

impl Lexicon {
    /// Of words in the spelling of [`normalise`].
    ///
    /// # Errors
    /// If they are too many or too long.
    pub fn new(words: Vec<(&str, u16)>) -> Result<Self, String> {
        if words.is_empty() {
            return Ok(Self::default());
        }
        let (mut begins, mut longest) = (vec![0; 1 << 10].into_boxed_slice(), 0);
        for (word, _) in &words {
            longest = longest.max(word.chars().count());
            let first = word.chars().next().map_or(0, u32::from) as usize;
            if let Some(bits) = begins.get_mut(first / 64) {
                *bits |= 1 << (first % 64);
            }
        }
        let automaton = CharwiseDoubleArrayAhoCorasick::with_values(words).map_err(|error| error.to_string())?;
        Ok(Self { automaton: Some(automaton), begins, longest })
    }

    /// Whether it has no words.
    pub const fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// Hands on the number of each word, as often as it stands in a text, whatever the spelling.
    #[inline]
    pub fn hear(&self, text: impl FusedIterator<Item = char>, mut sink: impl FnMut(u16)) {
        let Some(automaton) = &self.automaton else { return };
        // So many characters may still be part of a word that has begun.
        let (mut stepper, mut awake) = (automaton.find_overlapping_stepper(), 0);
        normalise(text, |c| {
            if self.can_begin(c) {
                if awake == 0 {
                    stepper = automaton.find_overlapping_stepper();
                }
                awake = self.longest;
            }
            if awake > 0 {
                awake -= 1;
                stepper.consume(c);
                stepper.matches().for_each(|found| sink(found.value()));
            }
        });
    }

    /// Whether a word may begin with a character.
    #[inline]
    fn can_begin(&self, c: char) -> bool {
        let code = u32::from(c) as usize;
        self.begins.get(code / 64).is_none_or(|bits| bits >> (code % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_word_is_heard_wherever_it_stands(
            words in prop::collection::btree_set("[甲乙丙a😀]{1,4}", 0..6),
            text in "[甲乙丙丁a😀]{0,24}",
        ) {
            let lexicon = Lexicon::new(words.iter().map(String::as_str).zip(0..).collect()).expect("few words");
            let mut heard = vec![0; words.len()];
            lexicon.hear(text.chars(), |word| heard[usize::from(word)] += 1);
            let stands = |word: &String| text.char_indices().filter(|(at, _)| text[*at..].starts_with(word.as_str())).count();
            prop_assert_eq!(heard, words.iter().map(stands).collect::<Vec<_>>());
            prop_assert_eq!(lexicon.is_empty(), words.is_empty());
        }
    }
}
