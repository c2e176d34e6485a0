//! Times as they are written: RFC 3339 date-times, by their fixed places, and what sources declare.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::city::{TimeFormat, TimePattern};

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

/// Milliseconds since 1970-01-01T00:00:00Z of a time that is written in a declared format.
pub fn declared_ms(text: &str, format: &TimeFormat) -> Option<i64> {
    match format {
        TimeFormat::Rfc3339 => rfc3339_ms(text),
        TimeFormat::UnixMs => unix_ms(text, 1),
        TimeFormat::UnixS => unix_ms(text, 1000),
        TimeFormat::Pattern(pattern) => pattern_ms(text, pattern),
    }
}

/// A count of units of so many milliseconds. A fraction is cut off at the millisecond.
fn unix_ms(text: &str, unit_ms: i64) -> Option<i64> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if [whole, fraction].iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |all, digit| all * 10 + i64::from(digit - b'0'));
    let ms = whole.parse::<i64>().ok()?.checked_mul(unit_ms)?.checked_add(thousandths * unit_ms / 1000)?;
    Some(if is_negative { -ms } else { ms })
}

/// A time by a pattern.
fn pattern_ms(text: &str, pattern: &TimePattern) -> Option<i64> {
    let local = pattern.plain.and_then(|between| plain_local(text, between));
    if let (Some(local), Some(zone)) = (local, &pattern.zone) {
        return utc_ms(local, zone);
    }
    let read = strtime::parse(&*pattern.text, text).ok()?;
    match &pattern.zone {
        Some(zone) => utc_ms(read.to_datetime().ok()?, zone),
        None => read.to_timestamp().ok().map(|timestamp| timestamp.as_millisecond()),
    }
}

/// `2026-01-01T08:00:00` with `between` for the `T`, in the usual places; the rest is for the pattern to judge.
fn plain_local(text: &str, between: u8) -> Option<DateTime> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, t, h0, h1, b':', i0, i1, b':', s0, s1] =
        text.as_bytes().as_array::<19>()?
    else {
        return None;
    };
    if t != between {
        return None;
    }
    let year = two_digits(y0, y1)? * 100 + two_digits(y2, y3)?;
    let part = |tens, ones| two_digits(tens, ones).map(|part| part as i8);
    DateTime::new(year as i16, part(m0, m1)?, part(d0, d1)?, part(h0, h1)?, part(i0, i1)?, part(s0, s1)?, 0).ok()
}

/// A local time in UTC. One that a zone skips in spring is as late as if the clock had gone on; of two in autumn it is the
/// first (RFC 5545).
fn utc_ms(local: DateTime, zone: &TimeZone) -> Option<i64> {
    zone.to_ambiguous_timestamp(local).compatible().ok().map(|timestamp| timestamp.as_millisecond())
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

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZoneDatabase;
    use proptest::prelude::*;

    fn pattern(text: &str, zone: &str, plain: Option<u8>) -> TimePattern {
        let zone = TimeZoneDatabase::bundled().get(zone).expect("a zone");
        TimePattern { text: text.into(), zone: Some(zone), plain }
    }

    #[test]
    fn counts_since_1970() {
        for (text, unit_ms, expected) in [
            ("0", 1, Some(0)),
            ("1767225600001", 1, Some(1_767_225_600_001)),
            ("1767225600001.9", 1, Some(1_767_225_600_001)),
            ("1767225600", 1000, Some(1_767_225_600_000)),
            ("1767225600.0", 1000, Some(1_767_225_600_000)),
            ("1767225600.1239", 1000, Some(1_767_225_600_123)),
            ("1767225600.5", 1000, Some(1_767_225_600_500)),
            ("-1.5", 1000, Some(-1_500)),
            ("9223372036854775807", 1, Some(i64::MAX)),
            ("9223372036854775807", 1000, None),
            ("9223372036854775.9", 1000, None),
            ("99999999999999999999", 1, None),
            ("1e9", 1000, None),
            ("1.", 1000, None),
            (".5", 1000, None),
            ("--5", 1000, None),
            ("+5", 1000, None),
            ("five", 1, None),
            ("", 1, None),
            ("-", 1, None),
        ] {
            assert_eq!(unix_ms(text, unit_ms), expected, "{text}");
        }
    }

    #[test]
    fn local_times_in_their_zone() {
        for (zone, text, utc) in [
            ("Asia/Shanghai", "2026-01-01T08:00:00", Some("2026-01-01T00:00:00Z")),
            // Shanghai had summer time.
            ("Asia/Shanghai", "1989-07-01T09:00:00", Some("1989-07-01T00:00:00Z")),
            ("America/New_York", "2010-01-07T11:41:51", Some("2010-01-07T16:41:51Z")),
            ("America/New_York", "2010-07-07T11:41:51", Some("2010-07-07T15:41:51Z")),
            // Between 2:00 and 3:00 in spring there was no time; in autumn that between 1:00 and 2:00 came twice.
            ("America/New_York", "2010-03-14T01:59:59", Some("2010-03-14T06:59:59Z")),
            ("America/New_York", "2010-03-14T02:30:00", Some("2010-03-14T07:30:00Z")),
            ("America/New_York", "2010-03-14T03:00:00", Some("2010-03-14T07:00:00Z")),
            ("America/New_York", "2010-11-07T00:59:59", Some("2010-11-07T04:59:59Z")),
            ("America/New_York", "2010-11-07T01:30:00", Some("2010-11-07T05:30:00Z")),
            ("America/New_York", "2010-11-07T02:00:00", Some("2010-11-07T07:00:00Z")),
            // Far ahead, by the rule of the zone.
            ("America/New_York", "2090-07-01T00:00:00", Some("2090-07-01T04:00:00Z")),
            ("Asia/Kathmandu", "2026-01-01T05:45:00", Some("2026-01-01T00:00:00Z")),
            ("UTC", "2016-12-31T23:59:60", Some("2016-12-31T23:59:59Z")),
            ("UTC", "2026-1-1T00:00:00", Some("2026-01-01T00:00:00Z")),
            ("UTC", "2026-02-29T00:00:00", None),
            ("UTC", "2026-01-01T24:00:00", None),
            ("UTC", "2026-01-01T00:00:00.5", None),
            ("UTC", "2026-01-01T00:00:00Z", None),
            ("UTC", "2026-01-01T00:00", None),
        ] {
            for plain in [None, Some(b'T')] {
                let pattern = pattern("%Y-%m-%dT%H:%M:%S", zone, plain);
                assert_eq!(pattern_ms(text, &pattern), utc.and_then(rfc3339_ms), "{text} in {zone}");
            }
        }
    }

    proptest! {
        /// The short way reads what the long way reads, and leaves the rest to it.
        #[test]
        fn plain_patterns_are_read_alike(
            date in (0..10_000, 0..14, 0..33), time in (0..26, 0..62, 0..62),
            between in "[T t]", change in proptest::option::of((0..19_usize, "[0-9a:+ -]")),
        ) {
            let ((year, month, day), (hour, minute, second)) = (date, time);
            let mut text = format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}");
            if let Some((at, character)) = change {
                text.replace_range(at..=at, &character);
            }
            for between in ["T", " "] {
                let text_of = format!("%Y-%m-%d{between}%H:%M:%S");
                for zone in ["Asia/Shanghai", "America/New_York"] {
                    let long = pattern_ms(&text, &pattern(&text_of, zone, None));
                    let short = pattern_ms(&text, &pattern(&text_of, zone, Some(between.as_bytes()[0])));
                    prop_assert_eq!(short, long, "{} by {} in {}", text, text_of, zone);
                }
            }
        }
    }

    #[test]
    fn date_times() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1970-01-01T00:00:00.001Z", 1),
            ("1970-01-01T00:00:00+00:00", 0),
            ("1970-01-01T00:00:00-00:00", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2026-01-01T08:00:00+08:00", 1_767_225_600_000),
            ("2026-01-01T00:00:00Z", 1_767_225_600_000),
            ("2025-12-31T18:30:00-05:30", 1_767_225_600_000),
            ("2026-01-01T00:00:00.5Z", 1_767_225_600_500),
            ("2026-01-01T00:00:00.12Z", 1_767_225_600_120),
            ("2026-01-01T00:00:00.123Z", 1_767_225_600_123),
            ("2026-01-01T00:00:00.1239999999999999999999999999Z", 1_767_225_600_123),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("2024-02-29T12:00:00Z", 1_709_208_000_000),
            ("2024-03-01T00:00:00Z", 1_709_251_200_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
            ("1900-03-01T00:00:00Z", -2_203_891_200_000),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("2016-12-31T23:59:60.7Z", 1_483_228_799_999),
            ("2017-01-01T07:59:60+08:00", 1_483_228_799_999),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("9999-12-31T23:59:59.999-23:59", 253_402_387_139_999),
            ("2026-01-31T23:59:59+23:59", 1_769_817_659_000),
        ] {
            assert_eq!(rfc3339_ms(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_time() {
        for text in [
            "",
            "2026",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00.5",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00Z ",
            " 2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00+08",
            "2026-01-01T00:00:00+0800",
            "2026-01-01T00:00:00+8:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+08:60",
            "2026-01-01T00:00:00*08:00",
            "2026-01-01T00:00:00+08:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-32T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-06-31T00:00:00Z",
            "2026-09-31T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2024-02-30T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "-026-01-01T00:00:00Z",
            "12026-01-01T00:00:00Z",
            "2026/01/01T00:00:00Z",
            "2026-1-01T00:00:00Z",
            "2026-01-01T0a:00:00Z",
            "2026-01-01T00:00:0:Z",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(rfc3339_ms(text), None, "{text}");
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut expected = days_since_1970(1, 1, 1);
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_since_1970(year, month, day), expected, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
        assert_eq!(days_since_1970(1970, 1, 1), 0);
    }
}
