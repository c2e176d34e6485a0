//! A limit: how long something may take, in the units of the standards. The [`calendar`](super::Calendar) says when it is over.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::files::{Problems, Settings};

/// How long something may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// How many of the unit.
    pub amount: u32,
    /// What is counted.
    pub unit: LimitUnit,
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitUnit {
    /// 分钟, around the clock.
    Minute,
    /// 紧急工作时, around the clock.
    UrgentHour,
    /// 工作时, while people work.
    WorkHour,
    /// 工作日, as many working hours as a day has.
    WorkDay,
    /// 自然日, 24 hours each.
    NaturalDay,
}

impl LimitUnit {
    pub(super) const ALL: [Self; 5] = [Self::Minute, Self::UrgentHour, Self::WorkHour, Self::WorkDay, Self::NaturalDay];

    /// Its name in a city's tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::UrgentHour => "urgent_hour",
            Self::WorkHour => "work_hour",
            Self::WorkDay => "work_day",
            Self::NaturalDay => "natural_day",
        }
    }

    /// Its name for people: 中文, English.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Minute => ("分钟", "min"),
            Self::UrgentHour => ("紧急工作时", "urgent h"),
            Self::WorkHour => ("工作时", "working h"),
            Self::WorkDay => ("工作日", "working d"),
            Self::NaturalDay => ("自然日", "d"),
        }
    }

    /// Whether it counts only while people work.
    pub const fn is_working(self) -> bool {
        matches!(self, Self::WorkHour | Self::WorkDay)
    }
}

/// The limit of a table's row; none if the row leaves it out.
pub(super) fn compile(
    file: &'static str,
    line: u64,
    text: &str,
    settings: &Settings,
    problems: &mut Problems,
) -> Option<Limit> {
    if text.is_empty() {
        return None;
    }
    match text.parse::<Limit>() {
        Ok(limit) if limit.unit.is_working() && settings.calendar.is_none() => {
            let mend = "city.toml needs [calendar] with utc_offset, days and hours";
            problems.push(file, line, format!("limit \"{text}\", but nobody knows when people work"), mend);
            None
        }
        Ok(limit) => Some(limit),
        Err(mend) => {
            problems.push(file, line, format!("limit \"{text}\""), mend);
            None
        }
    }
}

impl fmt::Display for Limit {
    /// As it stands in a city's tables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.unit.name())
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Limit {
    type Err = String;

    /// An amount and a unit, as in `4 work_hour`.
    fn from_str(text: &str) -> Result<Self, String> {
        let unit = |name: &str| LimitUnit::ALL.into_iter().find(|unit| unit.name() == name);
        let read = text
            .split_once(' ')
            .and_then(|(amount, name)| Some(Self { amount: amount.parse().ok()?, unit: unit(name.trim_start())? }));
        read.ok_or_else(|| {
            let units = LimitUnit::ALL.map(LimitUnit::name).join(", ");
            format!("a limit is a whole number and one of {units}, such as \"4 work_hour\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        for text in ["30 minute", "2 urgent_hour", "4 work_hour", "5 work_day", "2 natural_day"] {
            assert_eq!(text.parse::<Limit>().map(|limit| limit.to_string()).as_deref(), Ok(text));
        }
        for text in
            ["", "4", "work_hour", "4work_hour", "-4 work_hour", "4 hours", "4.5 work_hour", "4294967296 minute"]
        {
            assert!(text.parse::<Limit>().is_err_and(|why| why.contains("\"4 work_hour\"")), "{text}");
        }
    }
}
