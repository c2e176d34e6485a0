//! RFC 3339 date-times, by their fixed places.

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 date-time (section 5.6), years 0001 to 9999.
///
/// An offset is required, letters may be small, and a fraction is cut off at the millisecond. A leap second (`:60`) is the
/// last millisecond of its minute, because the time of the log has none.
pub fn rfc3339_ms(text: &str) -> Option<i64> {
    let (date_time, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't', h0, h1, b':', i0, i1, b':', s0, s1] = *date_time
    else {
        return None;
    };
    let year = two_digits(y0, y1)? * 100 + two_digits(y2, y3)?;
    let month = two_digits(m0, m1).filter(|month| (1..=12).contains(month))?;
    let day = two_digits(d0, d1).filter(|day| (1..=days_in_month(year, month)).contains(day))?;
    let hour = two_digits(h0, h1).filter(|&hour| hour < 24)?;
    let minute = two_digits(i0, i1).filter(|&minute| minute < 60)?;
    let second = two_digits(s0, s1).filter(|&second| second <= 60)?;
    let (fraction_ms, offset) = fraction_ms(rest)?;
    let offset_min = offset_min(offset)?;
    if year == 0 {
        return None;
    }
    let second_ms = if second == 60 { 59_999 } else { second * 1000 + fraction_ms };
    let minutes = hour * 60 + minute - offset_min;
    Some(days_since_1970(year, month, day) * DAY_MS + minutes * 60_000 + second_ms)
}

/// The number that two digits write.
#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// The milliseconds of the fraction that may stand first, and what stands behind it.
fn fraction_ms(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if length == 0 {
        return None;
    }
    let place = |i: usize| if i < length { i64::from(digits[i] - b'0') } else { 0 };
    Some((place(0) * 100 + place(1) * 10 + place(2), &digits[length..]))
}

/// Minutes that local time is ahead of UTC.
fn offset_min(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let hours = two_digits(h0, h1).filter(|&hours| hours < 24)?;
            let minutes = two_digits(m0, m1).filter(|&minutes| minutes < 60)?;
            let ahead = hours * 60 + minutes;
            Some(if sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

/// Days of a month of the Gregorian calendar.
fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether a year has a 29th of February.
fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 1970-01-01 to a date from the year 1 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    /// Days of a common year before each month.
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    /// Days from 0001-01-01 to 1970-01-01.
    const TO_1970: i64 = 719_162;
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400 + i64::from(month > 2 && is_leap(year));
    past * 365 + leap_days + BEFORE[(month - 1) as usize] + day - 1 - TO_1970
}
