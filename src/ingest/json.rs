//! RFC 8259, strictly and without recursion: where a value ends, or at which byte the text stops being JSON.
//!
//! Nothing is built: each function takes a position and gives the position behind what it read. A text ends like one that
//! goes on with a zero byte, which is allowed nowhere, so a truncated text fails at its length.

use super::scan::Text;
use crate::limits::DEPTH_MAX;
use crate::report::{Field, Reason, Reject};

/// What an escaped lone surrogate (`"\ud800"`) means in a string. The grammar allows it, but it is no character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Surrogates {
    /// Passed over: nobody reads the string.
    Pass,
    /// Refused: the string has to become text.
    Refuse,
}

/// A string that was read over.
#[derive(Clone, Copy)]
pub struct StringEnd {
    /// The position behind its closing quote.
    pub end: usize,
    /// Whether it has at least one escape.
    pub escaped: bool,
}

/// A key of an object, between its quotes.
#[derive(Clone, Copy)]
pub struct Key {
    /// The position of its first byte.
    pub from: usize,
    /// The position of its closing quote.
    pub to: usize,
    /// Whether it has at least one escape.
    pub escaped: bool,
}

/// The text is not JSON at this byte.
#[cold]
#[inline(never)]
pub fn not_json(at: usize) -> Reject {
    Reject { field: Field::Line, reason: Reason::NotJson, at: at as u32 }
}

/// The bracket at this byte opens one level too many.
#[cold]
#[inline(never)]
fn too_deep(at: usize) -> Reject {
    Reject { field: Field::Line, reason: Reason::TooDeep, at: at as u32 }
}

/// The arrays and objects that are open, one bit each, so that depth costs no stack of the machine's.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    /// The innermost is the lowest bit, set for an object.
    objects: u64,
    /// How many are open.
    pub depth: u32,
}

impl Levels {
    /// With another one, whose bracket stands at `at`.
    fn opened(self, at: usize, is_object: bool) -> Result<Self, Reject> {
        const { assert!(DEPTH_MAX <= u64::BITS, "one bit a level") };
        if self.depth == DEPTH_MAX {
            return Err(too_deep(at));
        }
        Ok(Self { objects: self.objects << 1 | u64::from(is_object), depth: self.depth + 1 })
    }

    /// Without the innermost.
    fn closed(self) -> Self {
        Self { objects: self.objects >> 1, depth: self.depth - 1 }
    }

    /// Whether the innermost is an object.
    fn in_object(self) -> bool {
        self.objects & 1 != 0
    }
}

/// What a step between values leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nowhere: the text has not begun.
    Start,
    /// Into a string, behind its quote.
    Text,
    /// To the first byte of a number, `true`, `false` or `null`.
    Plain,
    /// Into an array or object, behind its bracket.
    Open,
    /// Out of one, behind its bracket.
    Close,
}

impl Kind {
    /// Whether a number, `true`, `false` or `null` can begin with this byte.
    #[inline(always)]
    pub fn is_plain(first: u8) -> bool {
        matches!(first, b'0'..=b'9' | b'-' | b't' | b'f' | b'n')
    }
}

/// What stands between two values, read as JSON.
pub struct Between {
    /// The key, if it has one.
    pub key: Option<Key>,
    /// Where it leads.
    pub kind: Kind,
    /// The position behind it.
    pub end: usize,
    /// The levels that are open there.
    pub levels: Levels,
}

/// Reads from `at`, where a step of kind `before` or the value that it led to has ended, up to where the next value shows
/// its kind.
pub fn between(text: &Text<'_>, at: usize, before: Kind, levels: Levels, keys: Surrogates) -> Result<Between, Reject> {
    let (mut next, mut first) = text.skip_space(at);
    if levels.depth > 0 {
        if first == if levels.in_object() { b'}' } else { b']' } {
            return Ok(Between { key: None, kind: Kind::Close, end: next + 1, levels: levels.closed() });
        }
        if before != Kind::Open {
            if first != b',' {
                return Err(not_json(next));
            }
            (next, first) = text.skip_space(next + 1);
        }
    }
    let mut key = None;
    if levels.in_object() {
        let (read, colon) = read_key(text, next, keys)?;
        key = Some(read);
        (next, first) = text.skip_space(colon + 1);
    }
    let (kind, end, levels) = match first {
        b'"' => (Kind::Text, next + 1, levels),
        b'{' | b'[' => (Kind::Open, next + 1, levels.opened(next, first == b'{')?),
        _ if Kind::is_plain(first) => (Kind::Plain, next, levels),
        _ => return Err(not_json(next)),
    };
    Ok(Between { key, kind, end, levels })
}

/// Reads over a number, `true`, `false` or `null`.
#[inline(always)]
pub fn plain_end(text: &Text<'_>, at: usize) -> Result<usize, Reject> {
    match text.decimal_end(at) {
        Some(end) if text.byte(end) | 0x20 != b'e' => Ok(end),
        _ => other_plain_end(text, at),
    }
}

/// As [`plain_end`], for all that is not a simple decimal of few digits, which nearly all numbers are.
#[inline(never)]
fn other_plain_end(text: &Text<'_>, at: usize) -> Result<usize, Reject> {
    match text.byte(at) {
        b't' => word_end(text, at, b"true"),
        b'f' => word_end(text, at, b"false"),
        b'n' => word_end(text, at, b"null"),
        b'-' => number_end(text, at + 1),
        _ => number_end(text, at),
    }
}

/// Reads over a key and the space behind it, and gives the position of its colon too.
fn read_key(text: &Text<'_>, at: usize, surrogates: Surrogates) -> Result<(Key, usize), Reject> {
    if text.byte(at) != b'"' {
        return Err(not_json(at));
    }
    let StringEnd { end, escaped } = string_end(text, at + 1, surrogates)?;
    let (colon, first) = text.skip_space(end);
    if first != b':' {
        return Err(not_json(colon));
    }
    Ok((Key { from: at + 1, to: end - 1, escaped }, colon))
}

/// Reads over a string from behind its opening quote.
#[inline(always)]
pub fn string_end(text: &Text<'_>, at: usize, surrogates: Surrogates) -> Result<StringEnd, Reject> {
    let stop = text.string_stop(at);
    if text.byte(stop) == b'"' {
        return Ok(StringEnd { end: stop + 1, escaped: false });
    }
    escaped_string_end(text, stop, surrogates).map(|end| StringEnd { end, escaped: true })
}

/// Reads on in a string that stopped at something else than a quote.
#[inline(never)]
fn escaped_string_end(text: &Text<'_>, mut at: usize, surrogates: Surrogates) -> Result<usize, Reject> {
    loop {
        match text.byte(at) {
            b'"' => return Ok(at + 1),
            b'\\' => at = escape_end(text, at, surrogates)?,
            _ => return Err(not_json(at)),
        }
        // Texts that are escaped throughout have one escape behind the other.
        if text.byte(at) != b'\\' {
            at = text.string_stop(at);
        }
    }
}

/// Reads over the escape whose backslash stands at `at`; over both halves of a surrogate pair.
#[inline]
fn escape_end(text: &Text<'_>, at: usize, surrogates: Surrogates) -> Result<usize, Reject> {
    match text.byte(at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => return Ok(at + 2),
        b'u' => {}
        _ => return Err(not_json(at + 1)),
    }
    let unit = code_unit(text, at + 2)?;
    if surrogates == Surrogates::Pass || !matches!(unit, 0xd800..=0xdfff) {
        return Ok(at + 6);
    }
    let has_second = unit < 0xdc00 && text.byte(at + 6) == b'\\' && text.byte(at + 7) == b'u';
    if has_second && matches!(code_unit(text, at + 8)?, 0xdc00..=0xdfff) {
        return Ok(at + 12);
    }
    Err(not_json(at))
}

/// The four hexadecimal digits at `at`.
#[inline]
fn code_unit(text: &Text<'_>, at: usize) -> Result<u32, Reject> {
    (at..at + 4).try_fold(0, |unit, at| match char::from(text.byte(at)).to_digit(16) {
        Some(digit) => Ok(unit << 4 | digit),
        None => Err(not_json(at)),
    })
}

/// Reads over a number without its sign: digits, and a fraction and an exponent if they are there.
fn number_end(text: &Text<'_>, at: usize) -> Result<usize, Reject> {
    // A zero is an integer part by itself: a digit behind it is behind the number, where nothing allows it.
    let mut end = if text.byte(at) == b'0' { at + 1 } else { some_digits_end(text, at)? };
    if text.byte(end) == b'.' {
        end = some_digits_end(text, end + 1)?;
    }
    if text.byte(end) | 0x20 == b'e' {
        let sign = usize::from(matches!(text.byte(end + 1), b'+' | b'-'));
        end = some_digits_end(text, end + 1 + sign)?;
    }
    Ok(end)
}

/// Reads over at least one digit.
fn some_digits_end(text: &Text<'_>, at: usize) -> Result<usize, Reject> {
    let end = text.digits_end(at);
    if end == at { Err(not_json(at)) } else { Ok(end) }
}

/// Reads over one of the three words.
fn word_end(text: &Text<'_>, at: usize, word: &[u8]) -> Result<usize, Reject> {
    if text.bytes()[at..].starts_with(word) { Ok(at + word.len()) } else { Err(not_word(text, at, word)) }
}

/// The first byte that is not the word's.
#[cold]
#[inline(never)]
fn not_word(text: &Text<'_>, at: usize, word: &[u8]) -> Reject {
    let same = word.iter().zip(&text.bytes()[at..]).take_while(|(a, b)| a == b).count();
    not_json(at + same)
}
