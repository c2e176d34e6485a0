//! The numbers of the schema, out of text that is known to be a JSON number: exact integers, no floats.

/// Why a number is no integer of the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotInteger {
    /// It has a fraction or an exponent.
    WrongType,
    /// It is not between 0 and `i64::MAX`.
    OutOfRange,
}

/// An integer from 0 to `i64::MAX`. Minus zero counts as below zero.
#[inline]
pub fn integer(number: &[u8]) -> Result<i64, NotInteger> {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotInteger::WrongType);
    }
    // JSON allows no leading zeros, so 20 digits are more than an i64 holds; 19 fit a u64.
    if digits.len() < number.len() || digits.len() > 19 {
        return Err(NotInteger::OutOfRange);
    }
    let value = digits.iter().fold(0, |value: u64, digit| value * 10 + u64::from(digit - b'0'));
    i64::try_from(value).map_err(|_| NotInteger::OutOfRange)
}

/// Decimals of a degree that are kept.
const DECIMALS: usize = 6;

/// Degrees as micro-degrees, rounded half away from zero; `None` if their size is over `max`.
#[inline]
pub fn microdegrees(number: &[u8], max: i32) -> Option<i32> {
    let unsigned = number.strip_prefix(b"-").unwrap_or(number);
    let size = match decimal_microdegrees(unsigned) {
        Some(size) => size,
        None => exponent_microdegrees(unsigned),
    };
    let size = i32::try_from(size).ok().filter(|&size| size <= max)?;
    Some(if unsigned.len() < number.len() { -size } else { size })
}

/// Digits, and perhaps a point and digits, by decimal arithmetic; `None` if there is an exponent.
#[inline]
fn decimal_microdegrees(unsigned: &[u8]) -> Option<u64> {
    let mut digits = unsigned.iter();
    let mut size: u64 = 0;
    let mut decimals = 0;
    let digit = |byte: u8| byte.wrapping_sub(b'0');
    for &byte in digits.by_ref() {
        match digit(byte) {
            // More digits than a u64 holds stay at its end, which is out of range.
            value @ 0..=9 => size = size.saturating_mul(10).saturating_add(u64::from(value)),
            _ if byte == b'.' => break,
            _ => return None,
        }
    }
    for &byte in digits.by_ref() {
        match digit(byte) {
            value @ 0..=9 => size = size.saturating_mul(10).saturating_add(u64::from(value)),
            _ => return None,
        }
        decimals += 1;
        if decimals == DECIMALS {
            break;
        }
    }
    size = size.saturating_mul(10_u64.pow((DECIMALS - decimals) as u32));
    // The first digit that is dropped decides: from 5 on, the rest is at least a half.
    let rest = digits.as_slice();
    if !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(size.saturating_add(u64::from(rest.first().is_some_and(|&first| first >= b'5'))))
}

/// A number with an exponent, which no device writes for degrees: through a float, good to far less than a micro-degree.
#[cold]
#[inline(never)]
fn exponent_microdegrees(unsigned: &[u8]) -> u64 {
    let degrees = std::str::from_utf8(unsigned).ok().and_then(|text| text.parse::<f64>().ok());
    (degrees.expect("a JSON number is a Rust number") * 1e6).round() as u64
}
