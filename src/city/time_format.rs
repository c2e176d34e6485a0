//! How a source writes times.

use jiff::civil::Time;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ZonedDateTime};

use super::files::{Problems, Spanned};

/// How a source writes times.
#[derive(Clone, PartialEq, Debug)]
pub enum TimeFormat {
    /// RFC 3339: date, time and offset.
    Rfc3339,
    /// Milliseconds since 1970.
    UnixMs,
    /// Seconds since 1970, perhaps with a fraction.
    UnixS,
    /// By a pattern.
    Pattern(TimePattern),
}

/// A pattern in the manner of `strptime`.
#[derive(Clone, PartialEq, Debug)]
pub struct TimePattern {
    /// The pattern.
    pub text: Box<str>,
    /// The zone of local times; none where the pattern has an offset.
    pub zone: Option<TimeZone>,
    /// What stands between date and time, if the pattern is `%Y-%m-%d %H:%M:%S` or one that differs in nothing else.
    pub plain: Option<u8>,
}

impl TimeFormat {
    pub(super) const MEND: &'static str = "time_format is \"rfc3339\", \"unix_ms\", \"unix_s\", or a pattern such as \"%Y-%m-%dT%H:%M:%S\" or \
         \"%m/%d/%Y %I:%M:%S %p\"";

    pub(super) fn compile(format: &Spanned<String>, zone: Option<&Spanned<String>>, problems: &mut Problems) -> Self {
        let (at, text) = (format.span().start, format.get_ref().as_str());
        let zone_at = zone.map_or(at, |zone| zone.span().start);
        let has_offset = match text {
            "rfc3339" | "unix_ms" | "unix_s" => Ok(true),
            pattern => pattern_has_offset(pattern),
        };
        match (has_offset, zone) {
            (Err(why), _) => problems.setting(at, format!("time_format = \"{text}\": {why}"), Self::MEND),
            (Ok(true), Some(zone)) => {
                let what = format!("zone = \"{}\", but times in \"{text}\" need none", zone.get_ref());
                problems.setting(zone_at, what, "leave the zone out");
            }
            (Ok(false), None) => {
                let what = format!("time_format = \"{text}\" has no offset from UTC, and there is no zone");
                problems.setting(at, what, "add the zone of the times, such as zone = \"Asia/Shanghai\" or \"+08:00\"");
            }
            (Ok(_), _) => {}
        }
        match text {
            "rfc3339" => Self::Rfc3339,
            "unix_ms" => Self::UnixMs,
            "unix_s" => Self::UnixS,
            pattern => {
                let plain = match pattern {
                    "%Y-%m-%dT%H:%M:%S" => Some(b'T'),
                    "%Y-%m-%d %H:%M:%S" => Some(b' '),
                    _ => None,
                };
                let zone = zone.and_then(|zone| compile_zone(zone, problems));
                Self::Pattern(TimePattern { text: pattern.into(), zone, plain })
            }
        }
    }
}

/// A zone of the IANA database, which is part of the program, or a fixed offset.
fn compile_zone(zone: &Spanned<String>, problems: &mut Problems) -> Option<TimeZone> {
    let name = zone.get_ref();
    let fixed = BrokenDownTime::parse("%:z", name).ok().and_then(|read| read.offset()).map(TimeZone::fixed);
    let found = fixed.or_else(|| TimeZoneDatabase::bundled().get(name).ok());
    if found.is_none() {
        let what = format!("zone = \"{name}\" is not known");
        problems.setting(
            zone.span().start,
            what,
            "zone is a name such as \"Asia/Shanghai\", or an offset such as \"+08:00\"",
        );
    }
    found
}

/// Whether times of a pattern say how far they are from UTC; or why the pattern tells no time. It is tried on a moment whose
/// parts all differ.
fn pattern_has_offset(pattern: &str) -> Result<bool, String> {
    let unread = |why: jiff::Error| why.to_string();
    let moment = sample();
    let written = strtime::format(pattern, &moment).map_err(unread)?;
    let read = strtime::parse(pattern, &written).map_err(unread)?;
    if let Some(timestamp) = read.timestamp() {
        let same = timestamp.as_second() == moment.timestamp().as_second();
        return if same { Ok(true) } else { Err("it does not read back what it writes".to_owned()) };
    }
    let told = read.to_datetime().map_err(unread)?;
    let (date, time) = (moment.date(), moment.time());
    let cut = |minute, second| Time::constant(time.hour(), minute, second, 0);
    let parts = [Time::midnight(), cut(0, 0), cut(time.minute(), 0), cut(time.minute(), time.second()), time];
    if told.date() == date && parts.contains(&told.time()) {
        return Ok(read.offset().is_some());
    }
    Err(format!("it writes {date} {time} as \"{written}\" and reads that as {} {}", told.date(), told.time()))
}

/// 2003-02-01 16:05:06.789 in a zone of its own.
fn sample() -> ZonedDateTime {
    let (moment, three_hours) = (Timestamp::constant(1_044_104_706, 789_000_000), Offset::constant(3));
    moment.to_zoned_datetime(TimeZone::fixed(three_hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_tell_whether_they_have_an_offset() {
        for (pattern, expected) in [
            ("%Y-%m-%dT%H:%M:%S", Some(false)),
            ("%Y-%m-%d %H:%M", Some(false)),
            ("%Y-%m-%d", Some(false)),
            ("%Y%m%d%H%M%S", Some(false)),
            ("%m/%d/%Y %I:%M:%S %p", Some(false)),
            ("%d.%m.%y %H:%M", Some(false)),
            ("%Y年%m月%d日 %H时%M分", Some(false)),
            ("%Y-%m-%dT%H:%M:%S%.f", Some(false)),
            ("%Y-%m-%dT%H:%M:%S%z", Some(true)),
            ("%a, %d %b %Y %H:%M:%S %z", Some(true)),
            ("%Y-%m-%dT%H:%M:%S%:z", Some(true)),
            ("%s", Some(true)),
            // No date, no morning or afternoon, no such directive, nothing at all.
            ("%H:%M:%S", None),
            ("%Y-%m", None),
            ("%Y-%m-%d %I:%M", None),
            ("%Y-%m-%d %M", None),
            ("%Y-%m-%d %!", None),
            ("yyyy-MM-dd", None),
            ("", None),
        ] {
            assert_eq!(pattern_has_offset(pattern).ok(), expected, "{pattern} {:?}", pattern_has_offset(pattern));
        }
    }
}
