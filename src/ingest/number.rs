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
    let (eights, rest) = number.as_chunks();
    let mut value: u64 = 0;
    for &eight in eights {
        let Some(digits) = eight_digits(eight) else {
            return Err(no_digits(number));
        };
        value = value.wrapping_mul(100_000_000).wrapping_add(digits);
    }
    let Some(value) = more_digits(value, rest) else {
        return Err(no_digits(number));
    };
    // JSON allows no leading zeros, so 20 digits are more than an i64 holds; 19 fit a u64.
    if number.len() > 19 {
        return Err(NotInteger::OutOfRange);
    }
    i64::try_from(value).map_err(|_| NotInteger::OutOfRange)
}

/// The number that eight digits write.
#[inline(always)]
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    /// The same byte eight times.
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let digits = u64::from_le_bytes(digits);
    // A byte is a digit if neither it less '0' nor it and 0x7f - '9' sets the high bit, in it or as a borrow or carry.
    if (digits.wrapping_sub(all(b'0')) | digits.wrapping_add(all(0x7f - b'9')) | digits) & all(0x80) != 0 {
        return None;
    }
    let ones = digits - all(b'0');
    // Neighbours become pairs, pairs become fours, fours become eight; the first digit is the lowest byte.
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// The number that is written by the digits of `value` and these behind them, if they are digits. Only the last digits are
/// right if it is more than a `u64` holds.
#[inline(always)]
fn more_digits(value: u64, digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(value, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value.wrapping_mul(10).wrapping_add(u64::from(digit)))
    })
}

/// Why a number that is not all digits is no integer of the schema.
#[cold]
#[inline(never)]
fn no_digits(number: &[u8]) -> NotInteger {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if digits.iter().all(u8::is_ascii_digit) { NotInteger::OutOfRange } else { NotInteger::WrongType }
}

/// Decimals of a degree that are kept.
const DECIMALS: usize = 9;
/// Nano-degrees of a micro-degree.
const FINE: u64 = 1000;

/// Degrees as nano-degrees, the rest cut off; `None` if their size, rounded to micro-degrees, is over `max_micro`. Cut and not
/// rounded, because who rounds twice may round up what is below a half.
#[inline]
pub fn nanodegrees(number: &[u8], max_micro: i32) -> Option<i64> {
    let is_negative = number[0] == b'-';
    let unsigned = &number[usize::from(is_negative)..];
    let size = decimal_nanodegrees(unsigned).unwrap_or_else(|| exponent_nanodegrees(unsigned));
    let size = i64::try_from(size).ok().filter(|&size| size < (i64::from(max_micro) * 2 + 1) * (FINE as i64 / 2))?;
    Some(if is_negative { -size } else { size })
}

/// A number as people and tables write it, so that [`nanodegrees`] takes it: one of JSON, or with a plus, with leading
/// zeros, or with nothing before or behind the point.
pub fn loose_number(text: &str) -> Option<&str> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_number = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    // Rust takes such texts, and words for infinity, which begin with a letter.
    (is_number && text.parse::<f64>().is_ok()).then_some(text)
}

/// Digits, and perhaps a point and digits, by decimal arithmetic; `None` if there is an exponent.
#[inline]
fn decimal_nanodegrees(unsigned: &[u8]) -> Option<u64> {
    let mut whole: u64 = 0;
    let mut point = 0;
    while let Some(digit) = unsigned.get(point).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
        // Degrees that do not fit are out of range, so it is enough to stay there.
        whole = (whole * 10 + u64::from(digit)).min(1_000_000_000);
        point += 1;
    }
    let nano = match &unsigned[point..] {
        [] => 0,
        &[b'.', a, b, c, d, e, f] => eight_digits([b'0', b'0', a, b, c, d, e, f])? * FINE,
        [b'.', decimals @ ..] => billionths(decimals)?,
        _ => return None,
    };
    Some(whole * 1_000_000_000 + nano)
}

/// Any number of decimals as billionths, the rest cut off.
#[inline(never)]
fn billionths(decimals: &[u8]) -> Option<u64> {
    let (kept, dropped) = decimals.split_at(decimals.len().min(DECIMALS));
    let billionths = more_digits(0, kept)? * 10_u64.pow((DECIMALS - kept.len()) as u32);
    dropped.iter().all(u8::is_ascii_digit).then_some(billionths)
}

/// A number with an exponent, which no device writes for degrees: through a float, good to far less than a micro-degree.
#[cold]
#[inline(never)]
fn exponent_nanodegrees(unsigned: &[u8]) -> u64 {
    let degrees = std::str::from_utf8(unsigned).ok().and_then(|text| text.parse::<f64>().ok());
    (degrees.expect("a JSON number is a Rust number") * 1e9).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::FinePoint;
    use proptest::prelude::*;

    /// Degrees, rounded to micro-degrees as places are.
    fn microdegrees(number: &[u8], max: i32) -> Option<i32> {
        nanodegrees(number, max).map(|lng| FinePoint { lng, lat: 0 }.rounded().lng)
    }

    #[test]
    fn integers() {
        for (number, expected) in [
            ("0", Ok(0)),
            ("7", Ok(7)),
            ("1767225606729", Ok(1_767_225_606_729)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("9223372036854775808", Err(NotInteger::OutOfRange)),
            ("9999999999999999999", Err(NotInteger::OutOfRange)),
            ("10000000000000000000", Err(NotInteger::OutOfRange)),
            ("-1", Err(NotInteger::OutOfRange)),
            ("-0", Err(NotInteger::OutOfRange)),
            ("1.0", Err(NotInteger::WrongType)),
            ("1e2", Err(NotInteger::WrongType)),
            ("-1.5", Err(NotInteger::WrongType)),
            ("99999999999999999999999.5", Err(NotInteger::WrongType)),
        ] {
            assert_eq!(integer(number.as_bytes()), expected, "{number}");
        }
    }

    #[test]
    fn eight_digits_are_digits() {
        for byte in 0..=255 {
            for place in 0..8 {
                let mut digits = *b"98765432";
                digits[place] = byte;
                let expected = std::str::from_utf8(&digits).ok().filter(|_| byte.is_ascii_digit());
                assert_eq!(eight_digits(digits), expected.and_then(|text| text.parse().ok()), "{digits:?}");
            }
        }
    }

    #[test]
    fn degrees() {
        const MAX: i32 = 180_000_000;
        for (number, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("121.812730", Some(121_812_730)),
            ("-121.81273", Some(-121_812_730)),
            ("7", Some(7_000_000)),
            ("0.0000004", Some(0)),
            ("0.0000005", Some(1)),
            ("-0.0000005", Some(-1)),
            ("0.00000049999999999999999999999999", Some(0)),
            ("0.00000050000000000000000000000000", Some(1)),
            ("1.9999995", Some(2_000_000)),
            ("179.9999999", Some(180_000_000)),
            ("180", Some(180_000_000)),
            ("180.0000004999", Some(180_000_000)),
            ("180.0000005", None),
            ("-180.000001", None),
            ("181", None),
            ("1000000000000000000000000000000000000", None),
            ("1000000000000000000000000000000000000.5", None),
            ("18446744073709", None),
            ("18446744073709551616", None),
            ("1e2", Some(100_000_000)),
            ("1.2181273E+2", Some(121_812_730)),
            ("-12181273000e-8", Some(-121_812_730)),
            ("5e-7", Some(1)),
            ("4e-7", Some(0)),
            ("1.50000000000000e1", Some(15_000_000)),
            ("1e-999", Some(0)),
            ("1e999", None),
            ("-1e999", None),
            ("0e999", Some(0)),
        ] {
            assert_eq!(microdegrees(number.as_bytes(), MAX), expected, "{number}");
        }
    }

    #[test]
    fn nine_decimals_are_kept() {
        for (number, expected) in [
            ("-73.869424572841751", -73_869_424_572),
            ("121.812730", 121_812_730_000),
            ("40.7491568", 40_749_156_800),
            ("0.0000000019", 1),
            ("180.0000004999", 180_000_000_499),
            ("-1.5e-9", -2),
        ] {
            assert_eq!(nanodegrees(number.as_bytes(), 180_000_000), Some(expected), "{number}");
        }
    }

    proptest! {
        /// The oracle is whole-number arithmetic on all the digits.
        #[test]
        fn decimals_are_exact(minus in any::<bool>(), whole in 0u128..200, decimals in "[0-9]{1,25}", cut in 0usize..25) {
            let decimals = &decimals[..decimals.len().min(cut)];
            let sign = if minus { "-" } else { "" };
            let point = if decimals.is_empty() { "" } else { "." };
            let number = format!("{sign}{whole}{point}{decimals}");
            let scale = 10u128.pow(decimals.len() as u32);
            let scaled = (whole * scale + format!("0{decimals}").parse::<u128>().unwrap()) * 1_000_000;
            let size = ((2 * scaled + scale) / (2 * scale)) as i32;
            let expected = (size <= 180_000_000).then_some(if minus { -size } else { size });
            prop_assert_eq!(microdegrees(number.as_bytes(), 180_000_000), expected, "{}", number);
        }

        #[test]
        fn an_exponent_changes_nothing(micro in -180_000_000i32..=180_000_000, shift in -9i32..=9) {
            let exact = format!("{micro}e{}", -6);
            prop_assert_eq!(microdegrees(exact.as_bytes(), 180_000_000), Some(micro));
            let degrees = f64::from(micro) / 1e6;
            let shifted = format!("{}e{shift}", degrees / 10f64.powi(shift));
            prop_assert_eq!(microdegrees(shifted.as_bytes(), 180_000_000), Some(micro), "{}", shifted);
        }
    }
}
