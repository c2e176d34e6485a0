//! Words, numbers and places as the bytes of a line: no formatting machinery, no allocation.

use crate::rehearsal::rng::Rng;

/// `true` or `false`, each as likely.
pub fn boolean(rng: &mut Rng, out: &mut Vec<u8>) {
    text(out, if rng.below(2) == 0 { "true" } else { "false" });
}

/// Text that needs no escapes.
#[inline]
pub fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// A whole number.
#[inline]
pub fn decimal(out: &mut Vec<u8>, value: u64) {
    padded(out, value, 1);
}

/// `value` in at least `width` digits.
pub fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let (mut digits, mut first, mut rest) = ([b'0'; 20], 20, value);
    while rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[first.min(20 - width)..]);
}

/// `key`, then `value` with its last `places` digits behind the point.
pub fn fixed(out: &mut Vec<u8>, key: &str, value: u32, places: u32) {
    let one = 10u32.pow(places);
    text(out, key);
    decimal(out, u64::from(value / one));
    text(out, ".");
    padded(out, u64::from(value % one), places as usize);
}

/// `key`, then micro-degrees as degrees.
pub fn degrees(out: &mut Vec<u8>, key: &str, micro: i32) {
    fixed(out, key, micro.unsigned_abs(), 6);
}

/// `digits` random hexadecimal digits, at most 16.
pub fn hex(out: &mut Vec<u8>, rng: &mut Rng, digits: usize) {
    let bits = rng.bits();
    let all: [u8; 16] = std::array::from_fn(|i| b"0123456789abcdef"[(bits >> (4 * i)) as usize & 15]);
    out.extend_from_slice(&all[..digits]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_asked() {
        let check = |write: fn(&mut Vec<u8>), expected: &str| {
            let mut out = Vec::new();
            write(&mut out);
            assert_eq!(out, expected.as_bytes());
        };
        check(|out| decimal(out, 0), "0");
        check(|out| decimal(out, u64::MAX), "18446744073709551615");
        check(|out| padded(out, 42, 9), "000000042");
        check(|out| padded(out, 12_345, 3), "12345");
        check(|out| fixed(out, ":", 3_005, 3), ":3.005");
        check(|out| degrees(out, "", 121_450_000), "121.450000");
        check(|out| degrees(out, "", 30_317_305), "30.317305");
    }
}
