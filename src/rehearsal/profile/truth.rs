//! What a line is meant to be: what a right answer to it says.

use std::io::{self, Write};
use std::ops::{BitOr, BitOrAssign};

use crate::rehearsal::pudong::{CellId, ClassId, PUDONG, SourceId, Urgency};

/// What a line is meant to be. `of` is the number of an earlier line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A report on something that nobody has reported before.
    New,
    /// The same bytes again.
    Resend {
        /// The line that they were first.
        of: u64,
    },
    /// A report of its own on what was reported before.
    SameIncident {
        /// The first report on it.
        of: u64,
    },
    /// No JSON object.
    Malformed(Damage),
    /// An object that says what no source can say.
    Invalid(Flaw),
}

impl Kind {
    /// All names, in the order of [`Kind::index`].
    pub const NAMES: [&str; 5] = ["new", "resend", "incident", "malformed", "invalid"];

    /// Position of its name.
    pub const fn index(self) -> usize {
        match self {
            Self::New => 0,
            Self::Resend { .. } => 1,
            Self::SameIncident { .. } => 2,
            Self::Malformed(_) => 3,
            Self::Invalid(_) => 4,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// Whether the line must be turned away.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Invalid(_))
    }
}

/// How a line came to be no JSON object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// It ends too early.
    Truncated,
    /// It has a byte that is never part of UTF-8.
    NotUtf8,
    /// It is an array.
    Array,
}

impl Damage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Truncated, Self::NotUtf8, Self::Array];

    /// The reason by which paidan turns the line away.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Truncated => "not_json",
            Self::NotUtf8 => "not_utf8",
            Self::Array => "not_an_object",
        }
    }
}

/// What is wrong with an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// It has no id.
    NoId,
    /// Its id is empty.
    EmptyId,
    /// Its id is longer than any may be.
    LongId,
    /// It has two ids.
    TwoIds,
    /// Nobody knows its source.
    UnknownSource,
    /// Its time is told in words.
    WordyTime,
    /// It lies north of the pole.
    FarLatitude,
    /// Nobody knows its frame.
    UnknownFrame,
    /// Its text is a number.
    NumberText,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NoId,
        Self::EmptyId,
        Self::LongId,
        Self::TwoIds,
        Self::UnknownSource,
        Self::WordyTime,
        Self::FarLatitude,
        Self::UnknownFrame,
        Self::NumberText,
    ];

    /// The field and the reason by which paidan turns the line away.
    pub const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::NoId => ("id", "missing"),
            Self::EmptyId => ("id", "empty"),
            Self::LongId => ("id", "field_too_long"),
            Self::TwoIds => ("id", "repeated"),
            Self::UnknownSource => ("source", "unknown"),
            Self::WordyTime => ("ts", "not_a_value"),
            Self::FarLatitude => ("lat", "out_of_range"),
            Self::UnknownFrame => ("frame", "not_a_value"),
            Self::NumberText => ("text", "wrong_type"),
        }
    }
}

/// What is peculiar about a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    /// GCJ-02 coordinates that claim, or by saying nothing imply, to be CGCS2000 or WGS-84: some 480 m off.
    pub const WRONG_FRAME: Self = Self(1);
    /// A telephone's position, 5 to 30 m off.
    pub const GPS_NOISE: Self = Self(2);
    /// A telephone's position, 60 to 140 m off.
    pub const GPS_FAR: Self = Self(4);
    /// Sent minutes to hours after it happened, within the time for which its source's ids are remembered.
    pub const LATE: Self = Self(8);
    /// Sent after the ids of its time were forgotten: refused as expired, unless it is of urgency A.
    pub const STALE: Self = Self(16);
    /// The device's clock is off by a constant.
    pub const SKEWED: Self = Self(32);
    /// It names no category: only its text says what it is about.
    pub const NEEDS_TEXT: Self = Self(64);

    /// All of them with their names.
    pub const ALL: [(Self, &str); 7] = [
        (Self::WRONG_FRAME, "wrong_frame"),
        (Self::GPS_NOISE, "gps_noise"),
        (Self::GPS_FAR, "gps_far"),
        (Self::LATE, "late"),
        (Self::STALE, "stale"),
        (Self::SKEWED, "skewed"),
        (Self::NEEDS_TEXT, "needs_text"),
    ];

    /// None of them.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any of `other` is among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The flag, if it is so.
    #[must_use]
    pub const fn when(self, is_so: bool) -> Self {
        if is_so { self } else { Self(0) }
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What a line is meant to be. Of a line that is turned away: what it was meant to be before it was spoilt; of a re-send: what
/// the line was that it repeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truth {
    /// Its number in the stream, from 1.
    pub number: u64,
    /// When it is to be sent, in nanoseconds from the start of the stream on the profile's clock.
    pub offset_ns: u64,
    /// What it is.
    pub kind: Kind,
    /// Who sends it.
    pub source: SourceId,
    /// How urgent the city finds it: from its source, the class that it names, and its own word if that counts. What only its
    /// text tells is not in it.
    pub urgency: Urgency,
    /// What it is about, whether or not it says so.
    pub class: ClassId,
    /// Where it happened, whatever the coordinates say.
    pub cell: CellId,
    /// What is peculiar about it.
    pub flags: Flags,
}

impl Truth {
    /// The columns of [`Truth::write`].
    pub const COLUMNS: &str = "line\toffset_ms\tkind\tof\tsource\turgency\tclass\tcell\tflags";

    /// One row of a table, without its newline. `of` is the earlier line, or how a line is bad; what is absent is `-`.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}\t{}\t{}\t", self.number, self.offset_ns / 1_000_000, self.kind.name())?;
        match self.kind {
            Kind::New => write!(out, "-"),
            Kind::Resend { of } | Kind::SameIncident { of } => write!(out, "{of}"),
            Kind::Malformed(damage) => write!(out, "line:{}", damage.reason()),
            Kind::Invalid(flaw) => {
                let (field, reason) = flaw.told();
                write!(out, "{field}:{reason}")
            }
        }?;
        let (source, class) = (&PUDONG.source(self.source).name, &PUDONG.class(self.class).code);
        let cell = PUDONG.cell_code(self.cell);
        write!(out, "\t{source}\t{}\t{class}\t{}\t", self.urgency.letter(), cell.as_str())?;
        if self.flags.is_empty() {
            return write!(out, "-");
        }
        let mut between = "";
        for (_, name) in Flags::ALL.into_iter().filter(|(flag, _)| self.flags.has(*flag)) {
            write!(out, "{between}{name}")?;
            between = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns() {
        let cell = PUDONG.grid.nth(0);
        let check = |kind: Kind, flags: Flags, expected: &str| {
            let truth = Truth {
                number: 7,
                offset_ns: 1_999_999,
                kind,
                source: PUDONG.source_of("110"),
                urgency: Urgency::A,
                class: PUDONG.class_of("90006"),
                cell,
                flags,
            };
            let mut row = Vec::new();
            truth.write(&mut row).unwrap();
            assert_eq!(String::from_utf8(row).unwrap(), expected);
            assert_eq!(expected.split('\t').count(), Truth::COLUMNS.split('\t').count());
        };
        let place = format!("110\tA\t90006\t{}", PUDONG.cell_code(cell).as_str());
        check(Kind::New, Flags::default(), &format!("7\t1\tnew\t-\t{place}\t-"));
        check(Kind::Resend { of: 3 }, Flags::LATE, &format!("7\t1\tresend\t3\t{place}\tlate"));
        let both = Flags::WRONG_FRAME | Flags::NEEDS_TEXT;
        check(Kind::SameIncident { of: 3 }, both, &format!("7\t1\tincident\t3\t{place}\twrong_frame,needs_text"));
        check(
            Kind::Malformed(Damage::NotUtf8),
            Flags::default(),
            &format!("7\t1\tmalformed\tline:not_utf8\t{place}\t-"),
        );
        check(Kind::Invalid(Flaw::TwoIds), Flags::default(), &format!("7\t1\tinvalid\tid:repeated\t{place}\t-"));
    }
}
