//! How names of places are compared: people write them with digits and with words, with spaces and without.

use std::iter::FusedIterator;

use super::text::normalise;

/// Hands on a text as names are compared: in one spelling, without spaces, and numbers up to 99 as words, because 潍坊1村 is 潍坊一村.
pub(super) fn fold(text: impl FusedIterator<Item = char>, mut sink: impl FnMut(char)) {
    let mut digits = Digits::default();
    normalise(text, |c| match c {
        '0'..='9' => digits.push(c, &mut sink),
        c => {
            digits.end(&mut sink);
            Some(c).filter(|c| !c.is_whitespace()).into_iter().for_each(&mut sink);
        }
    });
    digits.end(&mut sink);
}

/// A name as names are compared.
pub(super) fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    fold(name.chars(), |c| folded.push(c));
    folded
}

/// Digits that may yet be a number up to 99.
#[derive(Default)]
struct Digits {
    held: [char; 2],
    count: usize,
}

impl Digits {
    fn push(&mut self, digit: char, sink: &mut impl FnMut(char)) {
        match self.held.get_mut(self.count) {
            Some(held) => *held = digit,
            None => {
                if self.count == self.held.len() {
                    self.held.into_iter().for_each(&mut *sink);
                }
                sink(digit);
            }
        }
        self.count += 1;
    }

    /// The number, as words if it is one.
    fn end(&mut self, sink: &mut impl FnMut(char)) {
        let held = &self.held[..if self.count > self.held.len() { 0 } else { self.count }];
        match held.iter().try_fold(0, |number, digit| Some(number * 10 + digit.to_digit(10)? as usize)) {
            Some(number @ 1..) if held[0] != '0' => push_number(number, sink),
            _ => held.iter().copied().for_each(sink),
        }
        self.count = 0;
    }
}

/// A number from 1 to 99 in words.
fn push_number(number: usize, sink: &mut impl FnMut(char)) {
    const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    let (tens, ones) = (number / 10, number % 10);
    if tens > 1 {
        sink(DIGITS[tens]);
    }
    if tens > 0 {
        sink('十');
    }
    if ones > 0 {
        sink(DIGITS[ones]);
    }
}
