//! A text as it stands in a line of JSON: read character by character where it stands, without a copy.

use std::iter::FusedIterator;

/// A string of a line that was found to be right, without its quotes, but with its escapes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quoted<'a>(&'a str);

/// Stands for half of a surrogate pair.
const BROKEN: char = '\u{FFFD}';

impl<'a> Quoted<'a> {
    /// What stands between the quotes.
    pub const fn new(between_quotes: &'a str) -> Self {
        Self(between_quotes)
    }

    /// Whether it says nothing.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Its characters, without escapes. Half of a surrogate pair becomes U+FFFD.
    #[inline]
    pub fn chars(self) -> Chars<'a> {
        Chars(self.0.chars())
    }
}

/// Characters without escapes.
#[derive(Clone, Debug)]
pub struct Chars<'a>(std::str::Chars<'a>);

impl FusedIterator for Chars<'_> {}

impl Iterator for Chars<'_> {
    type Item = char;

    #[inline]
    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => self.escaped(),
            c => Some(c),
        }
    }
}

impl Chars<'_> {
    /// What stands behind a backslash.
    #[cold]
    fn escaped(&mut self) -> Option<char> {
        Some(match self.0.next()? {
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                char::from_u32(first).unwrap_or_else(|| self.paired(first))
            }
            c => c,
        })
    }

    /// A code unit of four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.0.as_str().get(..4)?;
        self.0 = self.0.as_str()[4..].chars();
        u32::from_str_radix(digits, 16).ok()
    }

    /// A high surrogate with the low one behind it, if there is one.
    fn paired(&mut self, high: u32) -> char {
        let mut ahead = self.clone();
        let low = ahead.0.as_str().strip_prefix("\\u").and_then(|rest| {
            ahead.0 = rest.chars();
            ahead.unit()
        });
        match low {
            Some(low @ 0xDC00..=0xDFFF) if high < 0xDC00 => {
                *self = ahead;
                char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).unwrap_or(BROKEN)
            }
            _ => BROKEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chars(between_quotes: &str) -> String {
        Quoted::new(between_quotes).chars().collect()
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(chars(r#"路灯\n\"坏\" \/ \\ \b\f\r\t"#), "路灯\n\"坏\" / \\ \u{8}\u{C}\r\t");
        assert_eq!(chars(r"\u8def\u706F \ud83d\ude4f"), "路灯 🙏");
        assert_eq!(
            chars(r"\ud83d\u0041 \ud83d \ude4f \ud83d\n \ud83d"),
            "\u{FFFD}A \u{FFFD} \u{FFFD} \u{FFFD}\n \u{FFFD}"
        );
    }

    proptest! {
        #[test]
        fn what_json_writes_is_read_back(text in any::<String>(), all in any::<bool>()) {
            let written = serde_json::to_string(&text).expect("a string");
            let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect::<String>();
            let escaped = if all { text.chars().map(units).collect() } else { written[1..written.len() - 1].to_owned() };
            prop_assert_eq!(chars(&escaped), text);
        }

        #[test]
        fn whatever_it_is_there_is_an_end(text in any::<String>()) {
            prop_assert!(chars(&text).chars().count() <= text.chars().count());
        }
    }
}
