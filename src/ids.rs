//! Names of things: newtypes over integers, so that a cell is never taken for a case.
//!
//! Ids that the city interns (source, class, area, department, cell, unit) are positions in its tables: dense, small, and
//! meaningful only together with that city version. Ids that the log gives (sequence, case, order) are for ever.

use std::fmt;

/// An interned id that may be absent. The absent value is the type's largest.
macro_rules! interned {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
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

/// A case 案件: named by the record that opened it, so that a replay gives the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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
