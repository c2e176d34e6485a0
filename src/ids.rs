//! Names of things: newtypes over integers, so that a cell is never taken for a case.
//!
//! Ids that the city interns (source, class, area, department, cell, unit) are positions in its tables: dense, small, and
//! meaningful only together with that city version. Ids that the log gives (sequence, case, order) are for ever.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An interned id that may be absent. The absent value is the type's largest.
macro_rules! interned {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub struct $name(pub $repr);

        impl $name {
            /// No such thing is known.
            pub const NONE: Self = Self(<$repr>::MAX);

            /// Whether an id is there at all.
            #[inline]
            pub const fn is_some(self) -> bool {
                self.0 != <$repr>::MAX
            }

            /// The position in the city's table. Only for ids that are there.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

interned!(
    /// A source 来源: one system that may speak (a hotline, an app, a kind of sensor).
    SourceId(u16)
);
interned!(
    /// A class 类别 of the catalogue (5-digit code in GB/T 47678.5).
    ClassId(u16)
);
interned!(
    /// A filing condition 立案条件 of a class: what exactly is the matter.
    ConditionId(u16)
);
interned!(
    /// An area 街镇: a street or town (9-digit code).
    AreaId(u16)
);
interned!(
    /// A department 责任单位: the body that answers for a class somewhere.
    DepartmentId(u16)
);
interned!(
    /// A cell 单元网格 (15-digit code).
    CellId(u32)
);
interned!(
    /// A unit 处置力量: crew, patrol or vehicle.
    UnitId(u32)
);

/// The position of a record in the log, counted from 1. Zero means "before the first".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Seq(pub u64);

impl Seq {
    /// The record after this one.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A tracking number 跟踪号: what a reporter is told, to ask later what became of a report. Written `SL`, the record's number
/// in ten digits or more, and two check digits (ISO 7064 MOD 97-10), so that a mistyped number is noticed instead of showing
/// somebody else's report. A function of the record's number alone: there is nothing to store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tracking(pub Seq);

impl Tracking {
    const PREFIX: &'static str = "SL";
    /// Digits of a record's number, check digits not counted.
    const DIGITS_MIN: usize = 10;

    /// The two digits that make the number behind the prefix leave 1 when it is divided by 97.
    const fn check(seq: Seq) -> u64 {
        98 - (seq.0 as u128 * 100 % 97) as u64
    }
}

impl fmt::Display for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:0width$}{:02}", Self::PREFIX, self.0.0, Self::check(self.0), width = Self::DIGITS_MIN)
    }
}

/// Why a text is no tracking number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTracking {
    /// It does not look like one.
    Shape,
    /// Its check digits do not fit: a digit is wrong, or two were swapped.
    Check,
}

impl std::str::FromStr for Tracking {
    type Err = NotTracking;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(Self::PREFIX).ok_or(NotTracking::Shape)?;
        let are_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
        if !are_digits || digits.len() < Self::DIGITS_MIN + 2 {
            return Err(NotTracking::Shape);
        }
        let (seq, _) = digits.split_at(digits.len() - 2);
        // One way to write each: leading zeros only up to the least number of digits.
        if seq.len() > Self::DIGITS_MIN && seq.starts_with('0') {
            return Err(NotTracking::Shape);
        }
        let tracking = Self(Seq(seq.parse().map_err(|_| NotTracking::Shape)?));
        if tracking.to_string() == text { Ok(tracking) } else { Err(NotTracking::Check) }
    }
}

/// A case 案件: named by the record that opened it, so that a replay gives the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct CaseId(pub u64);

impl CaseId {
    /// No case.
    pub const NONE: Self = Self(0);
}

/// An order 工单: the n-th attempt to have a case handled. Written `case-attempt`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId {
    /// The case that the order works on.
    pub case: CaseId,
    /// Counted from 1; a returned order is followed by the next attempt.
    pub attempt: u16,
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.case.0, self.attempt)
    }
}

impl std::str::FromStr for OrderId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "an order is written case-attempt, for example 12345-1";
        let (case, attempt) = text.split_once('-').ok_or(SHAPE)?;
        Ok(Self { case: CaseId(case.parse().map_err(|_| SHAPE)?), attempt: attempt.parse().map_err(|_| SHAPE)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracking_numbers_are_written_one_way_and_read_back() {
        assert_eq!(Tracking(Seq(794)).to_string(), "SL000000079444");
        for seq in (0..2000).chain([9_999_999_999, 10_000_000_000, u64::MAX]) {
            let text = Tracking(Seq(seq)).to_string();
            assert_eq!(text.parse(), Ok(Tracking(Seq(seq))), "{text}");
            let number: u128 = text[2..].parse().expect("digits");
            assert_eq!(number % 97, 1, "{text}");
        }
    }

    #[test]
    fn every_wrong_digit_and_every_swap_of_neighbours_is_noticed() {
        for seq in [1, 7, 123, 5_000_000, 9_876_543_210, 123_456_789_012, u64::MAX] {
            let text = Tracking(Seq(seq)).to_string();
            for at in 2..text.len() {
                let mut changed = text.clone().into_bytes();
                for digit in (b'0'..=b'9').filter(|digit| *digit != text.as_bytes()[at]) {
                    changed[at] = digit;
                    let changed = str::from_utf8(&changed).expect("digits");
                    assert!(changed.parse::<Tracking>().is_err(), "{changed} for {text}");
                }
                let mut swapped = text.clone().into_bytes();
                if at > 2 && swapped[at] != swapped[at - 1] {
                    swapped.swap(at, at - 1);
                    let swapped = str::from_utf8(&swapped).expect("digits");
                    assert!(swapped.parse::<Tracking>().is_err(), "{swapped} for {text}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_tracking_number_is_told_from_one_that_was_mistyped() {
        let cases = [
            ("", NotTracking::Shape),
            ("SL", NotTracking::Shape),
            ("sl000000079444", NotTracking::Shape),
            ("SL00000079444", NotTracking::Shape),
            ("SL0000000079444", NotTracking::Shape),
            ("SL00000007944x", NotTracking::Shape),
            ("SL99999999999999999999999", NotTracking::Shape),
            ("SL000000079445", NotTracking::Check),
        ];
        for (text, expect) in cases {
            assert_eq!(text.parse::<Tracking>(), Err(expect), "{text}");
        }
    }
}
