//! RFC 8259, strictly and without recursion: where a value ends, or at which byte the text stops being JSON.
//!
//! Nothing is built: each function takes a position and gives the position behind what it read. A text ends like one that
//! goes on with a zero byte, which is allowed nowhere, so a truncated text fails at its length.

use super::limits::DEPTH_MAX;
use super::scan::{digits_end, string_stop};
use crate::report::{Field, Reason, Reject};

/// What an escaped lone surrogate (`"\ud800"`) means in a string. The grammar allows it, but it is no character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Surrogates {
    /// Passed over: nobody reads the string.
    Pass,
    /// Refused: the string has to become text.
    Refuse,
}

/// A value that was read over.
#[derive(Clone, Copy)]
pub struct Value {
    /// The position behind it.
    pub end: usize,
    /// Whether it is a string with at least one escape.
    pub escaped: bool,
}

/// A key of an object, with all that stands around it.
#[derive(Clone, Copy)]
pub struct Key {
    /// The position of its opening quote.
    pub at: usize,
    /// The position behind its closing quote.
    pub end: usize,
    /// Whether it has at least one escape.
    pub escaped: bool,
    /// Where its value begins.
    pub value_at: usize,
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

/// The byte at a position, zero behind the end.
#[inline(always)]
pub fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The position of the first byte from `at` on that is not white space.
#[inline(always)]
pub fn space_end(text: &[u8], mut at: usize) -> usize {
    while matches!(byte(text, at), b' ' | b'\t' | b'\r' | b'\n') {
        at += 1;
    }
    at
}

/// Reads over the value that begins at `at`, inside `outer` levels of arrays and objects.
#[inline(always)]
pub fn value(text: &[u8], at: usize, outer: u32, surrogates: Surrogates) -> Result<Value, Reject> {
    match byte(text, at) {
        b'"' => string(text, at, surrogates),
        b'{' | b'[' => nested_end(text, at, outer).map(plain),
        _ => number_or_word_end(text, at).map(plain),
    }
}

/// A value without escapes of its own.
#[inline(always)]
fn plain(end: usize) -> Value {
    Value { end, escaped: false }
}

/// Reads over an array or object. The levels are kept as bits, so the depth costs no stack of ours or the machine's.
fn nested_end(text: &[u8], mut at: usize, outer: u32) -> Result<usize, Reject> {
    const { assert!(DEPTH_MAX <= u64::BITS, "one bit a level") };
    let mut is_object: u64 = 0;
    let mut depth = outer;
    loop {
        let first = byte(text, at);
        at = match first {
            b'"' => string(text, at, Surrogates::Pass)?.end,
            b'{' | b'[' => {
                if depth == DEPTH_MAX {
                    return Err(too_deep(at));
                }
                depth += 1;
                is_object = is_object << 1 | u64::from(first == b'{');
                let inside = space_end(text, at + 1);
                match (first, byte(text, inside)) {
                    (b'{', b'}') | (b'[', b']') => inside,
                    (b'{', _) => {
                        at = key(text, inside, Surrogates::Pass)?.value_at;
                        continue;
                    }
                    _ => {
                        at = inside;
                        continue;
                    }
                }
            }
            _ => number_or_word_end(text, at)?,
        };
        // Behind a value, or before the closing bracket of an empty array or object.
        loop {
            at = space_end(text, at);
            match (byte(text, at), is_object & 1) {
                (b',', 1) => {
                    at = key(text, space_end(text, at + 1), Surrogates::Pass)?.value_at;
                    break;
                }
                (b',', _) => {
                    at = space_end(text, at + 1);
                    break;
                }
                (b'}', 1) | (b']', 0) => {
                    at += 1;
                    depth -= 1;
                    is_object >>= 1;
                    if depth == outer {
                        return Ok(at);
                    }
                }
                _ => return Err(not_json(at)),
            }
        }
    }
}

/// Reads over a key, its colon, and the space up to its value.
#[inline(always)]
pub fn key(text: &[u8], at: usize, surrogates: Surrogates) -> Result<Key, Reject> {
    if byte(text, at) != b'"' {
        return Err(not_json(at));
    }
    let Value { end, escaped } = string(text, at, surrogates)?;
    let colon = space_end(text, end);
    if byte(text, colon) != b':' {
        return Err(not_json(colon));
    }
    Ok(Key { at, end, escaped, value_at: space_end(text, colon + 1) })
}

/// Reads over the string whose opening quote stands at `at`.
#[inline(always)]
fn string(text: &[u8], at: usize, surrogates: Surrogates) -> Result<Value, Reject> {
    let stop = string_stop(text, at + 1);
    if byte(text, stop) == b'"' {
        return Ok(plain(stop + 1));
    }
    escaped_string_end(text, stop, surrogates).map(|end| Value { end, escaped: true })
}

/// Reads on in a string that stopped at something else than a quote.
#[inline(never)]
fn escaped_string_end(text: &[u8], mut at: usize, surrogates: Surrogates) -> Result<usize, Reject> {
    loop {
        match byte(text, at) {
            b'"' => return Ok(at + 1),
            b'\\' => at = escape_end(text, at, surrogates)?,
            _ => return Err(not_json(at)),
        }
        // Texts that are escaped throughout have one escape behind the other.
        if byte(text, at) != b'\\' {
            at = string_stop(text, at);
        }
    }
}

/// Reads over the escape whose backslash stands at `at`; over both halves of a surrogate pair.
#[inline]
fn escape_end(text: &[u8], at: usize, surrogates: Surrogates) -> Result<usize, Reject> {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => return Ok(at + 2),
        b'u' => {}
        _ => return Err(not_json(at + 1)),
    }
    let unit = code_unit(text, at + 2)?;
    if surrogates == Surrogates::Pass || !matches!(unit, 0xd800..=0xdfff) {
        return Ok(at + 6);
    }
    if unit < 0xdc00 && byte(text, at + 6) == b'\\' && byte(text, at + 7) == b'u' {
        if let 0xdc00..=0xdfff = code_unit(text, at + 8)? {
            return Ok(at + 12);
        }
    }
    Err(not_json(at))
}

/// The four hexadecimal digits at `at`.
#[inline]
fn code_unit(text: &[u8], at: usize) -> Result<u32, Reject> {
    (at..at + 4).try_fold(0, |unit, at| match char::from(byte(text, at)).to_digit(16) {
        Some(digit) => Ok(unit << 4 | digit),
        None => Err(not_json(at)),
    })
}

/// Appends what a string means that [`value`] read over with [`Surrogates::Refuse`], given without its quotes.
pub fn unescape(mut raw: &str, into: &mut String) {
    while let Some((plain, escape)) = raw.split_once('\\') {
        into.push_str(plain);
        let escape = escape.as_bytes();
        let (character, length) = match escape[0] {
            b'u' => escaped_character(escape),
            b'b' => ('\u{8}', 1),
            b'f' => ('\u{c}', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b't' => ('\t', 1),
            itself => (char::from(itself), 1),
        };
        into.push(character);
        raw = &raw[plain.len() + 1 + length..];
    }
    into.push_str(raw);
}

/// The character of `uXXXX` or `uXXXX\uXXXX`, and the length of that.
fn escaped_character(escape: &[u8]) -> (char, usize) {
    const READ: &str = "unescape is given strings whose escapes have been read over";
    let unit = |at| code_unit(escape, at).expect(READ);
    let (code, length) = match unit(1) {
        high @ 0xd800..=0xdbff => (0x10000 + ((high - 0xd800) << 10) + (unit(7) - 0xdc00), 11),
        code => (code, 5),
    };
    (char::from_u32(code).expect(READ), length)
}

/// Reads over a number, `true`, `false` or `null`.
#[inline(always)]
fn number_or_word_end(text: &[u8], at: usize) -> Result<usize, Reject> {
    match byte(text, at) {
        b'-' => number_end(text, at + 1),
        b'0'..=b'9' => number_end(text, at),
        b't' => word_end(text, at, b"true"),
        b'f' => word_end(text, at, b"false"),
        b'n' => word_end(text, at, b"null"),
        _ => Err(not_json(at)),
    }
}

/// Reads over a number without its sign: digits, and a fraction and an exponent if they are there.
#[inline(always)]
fn number_end(text: &[u8], at: usize) -> Result<usize, Reject> {
    // A zero is the whole integer part: a digit behind it is behind the number, where nothing allows it.
    let mut end = if byte(text, at) == b'0' { at + 1 } else { some_digits_end(text, at)? };
    if byte(text, end) == b'.' {
        end = some_digits_end(text, end + 1)?;
    }
    if byte(text, end) | 0x20 == b'e' {
        let sign = usize::from(matches!(byte(text, end + 1), b'+' | b'-'));
        end = some_digits_end(text, end + 1 + sign)?;
    }
    Ok(end)
}

/// Reads over at least one digit.
#[inline(always)]
fn some_digits_end(text: &[u8], at: usize) -> Result<usize, Reject> {
    let end = digits_end(text, at);
    if end == at { Err(not_json(at)) } else { Ok(end) }
}

/// Reads over one of the three words.
#[inline(always)]
fn word_end(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Reject> {
    match word.iter().zip(at..).find(|&(&letter, at)| byte(text, at) != letter) {
        None => Ok(at + word.len()),
        Some((_, at)) => Err(not_json(at)),
    }
}
