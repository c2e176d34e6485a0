//! What a source says, before it is understood: borrowed from the line, nothing looked up, nothing decided.

use std::iter::FusedIterator;

use serde::{Deserialize, Serialize};

use crate::datum::plane::EastNorth;
use crate::geo::FinePoint;
use crate::quoted::{Chars, Quoted};
use crate::time::At;

/// How pressing a matter is. Ordered: `A` is the greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Urgency {
    /// 一般: routine.
    #[default]
    C = 0,
    /// 重大: important.
    B = 1,
    /// 紧急: urgent.
    A = 2,
}

impl Urgency {
    /// From most to least urgent.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// The letter that people write.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }

    /// From its letter.
    pub fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.letter() == letter)
    }

    /// From its number in a record.
    pub const fn from_code(code: u8) -> Self {
        match code {
            2 => Self::A,
            1 => Self::B,
            _ => Self::C,
        }
    }
}

/// One line, decoded: who says it, and what.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Said<'a> {
    /// The source's name. Absent where the file itself is declared to come from one source.
    pub source: Option<&'a str>,
    /// The source's own id of this message, at most [`crate::limits::ID_BYTES_MAX`] bytes.
    pub id: &'a str,
    /// When it happened, by the sender's clock.
    pub time: Option<At>,
    /// What it is about.
    pub what: What<'a>,
}

/// The kinds of things that the world can say (`kind` in the input schema).
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum What<'a> {
    /// A report 上报: the default kind.
    Report(Report<'a>),
    /// `"kind":"action"`: somebody did something with an order.
    Action(Action<'a>),
    /// `"kind":"unit"`: a unit's status or position.
    Unit(UnitSays<'a>),
    /// `"kind":"ruling"`: somebody decided about a case that went to review.
    Ruling(RulingSays<'a>),
}

/// A place as it is said, in the frame of whoever says it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Spot {
    /// In degrees of some frame.
    Degrees(FinePoint),
    /// In metres of a plane.
    Metres(EastNorth),
}

/// Most texts of a report, beside its title, that are read for what it is about.
pub const TEXTS_MAX: usize = 4;

/// The fields of a report that take part in understanding it. The rest stays in the body.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Report<'a> {
    /// Where; both coordinates or none.
    pub spot: Option<Spot>,
    /// The frame that the report gives its place in, where it says so.
    pub frame: Option<&'a str>,
    /// An area's code. It decides between areas that overlap where the place is, and nothing else.
    pub area: Option<&'a str>,
    /// A cell's code.
    pub cell: Option<&'a str>,
    /// A component's code (a manhole, a lamp).
    pub component: Option<&'a str>,
    /// A postal address, as text.
    pub address: Option<&'a str>,
    /// What the source calls this kind of matter.
    pub category: Option<&'a str>,
    /// What exactly is the matter, in a word that the city has for a filing condition of its class.
    pub condition: Option<&'a str>,
    /// The body that it complains about, if it is a complaint: a department's code or name.
    pub against: Option<&'a str>,
    /// The sender's own word on urgency; a hint unless the city trusts the source.
    pub urgency: Option<Urgency>,
    /// Its title.
    pub title: Option<Quoted<'a>>,
    /// Its texts.
    pub texts: [Option<Quoted<'a>>; TEXTS_MAX],
    /// The reporter, exactly as it stands in the line (a JSON value); only ever hashed.
    pub reporter: Option<&'a [u8]>,
}

impl<'a> Report<'a> {
    /// What it says in words: the title, if there is one, and the texts.
    #[inline]
    pub fn words(&self) -> Words<Chars<'a>> {
        let chars = |text: Option<Quoted<'a>>| text.filter(|text| !text.is_empty()).map(Quoted::chars);
        Words { title: chars(self.title), texts: self.texts.map(chars) }
    }
}

/// What is said in words, as characters.
#[derive(Clone, Debug, Default)]
pub struct Words<C> {
    /// The title.
    pub title: Option<C>,
    /// The texts.
    pub texts: [Option<C>; TEXTS_MAX],
}

impl<C: FusedIterator<Item = char> + Clone> Words<C> {
    /// One text without a title.
    pub fn text(text: C) -> Self {
        Self { title: None, texts: [Some(text), None, None, None] }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.title.is_none() && self.texts.iter().all(Option::is_none)
    }

    /// Title and texts, one after the other.
    pub fn each(&self) -> impl Iterator<Item = C> {
        self.title.iter().chain(self.texts.iter().flatten()).cloned()
    }

    /// The characters of the title.
    pub fn title(&self) -> impl FusedIterator<Item = char> + Clone {
        self.title.clone().into_iter().flatten()
    }

    /// The characters of the texts, line by line.
    pub fn texts(&self) -> impl FusedIterator<Item = char> + Clone {
        self.texts.clone().into_iter().flatten().flat_map(|text| text.chain(Some('\n')))
    }
}

/// What can be done with an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// 签收: the unit takes it.
    Accept = 0,
    /// 退单: the unit gives it back; it goes to another.
    Return = 1,
    /// 办结: the work is done.
    Done = 2,
    /// 结案: the case is closed.
    Close = 3,
    /// 挂账: the unit cannot go on for now; its clock stops.
    Suspend = 4,
    /// 恢复: the unit goes on.
    Resume = 5,
}

impl Verb {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] = [Self::Accept, Self::Return, Self::Done, Self::Close, Self::Suspend, Self::Resume];

    /// The word in the input schema.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Return => "return",
            Self::Done => "done",
            Self::Close => "close",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

/// An action on an order, as said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Action<'a> {
    /// What is done.
    pub verb: Verb,
    /// The order's name, `case-attempt`.
    pub order: &'a str,
}

/// What people decide about a case that went to review, as said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RulingSays<'a> {
    /// The case as an order's name, `case-attempt`; attempt 0 before the first order.
    pub order: &'a str,
    /// What it is about, if said: a category word.
    pub category: Option<&'a str>,
    /// What exactly is the matter, if said with its category: a word for a filing condition.
    pub condition: Option<&'a str>,
    /// Where it is, if said.
    pub spot: Option<Spot>,
    /// The frame of that place, if said.
    pub frame: Option<&'a str>,
    /// The cell where it is, if said.
    pub cell: Option<&'a str>,
    /// The unit that is to get it, if said: of a department that the duty list names for it, in whatever area, with room or without.
    pub unit: Option<&'a str>,
}

/// Whether a unit can be given work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum UnitStatus {
    /// 在岗: can be given work.
    Available = 0,
    /// 忙: keeps its work, gets no more.
    Busy = 1,
    /// 离岗: off duty.
    Off = 2,
}

impl UnitStatus {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Available, Self::Busy, Self::Off];

    /// The word in the input schema.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::Off => "off",
        }
    }
}

/// A unit's status, as said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UnitSays<'a> {
    /// The unit's code.
    pub unit: &'a str,
    /// Its new status, if said.
    pub status: Option<UnitStatus>,
    /// Its position, if said.
    pub spot: Option<Spot>,
    /// The frame of its position, if said.
    pub frame: Option<&'a str>,
    /// How many orders it can hold at once, if said.
    pub capacity: Option<u32>,
}

/// The fields of input schema v1 that can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub enum Field {
    Line = 0,
    Source,
    Id,
    Ts,
    Lng,
    Lat,
    Frame,
    Cell,
    Component,
    Address,
    Category,
    Title,
    Text,
    Value,
    Unit,
    Urgency,
    Reporter,
    Media,
    Kind,
    Action,
    Order,
    Status,
    Capacity,
    Condition,
    Against,
}

impl Field {
    /// Every field, in the order of their codes.
    pub const ALL: [Self; 25] = [
        Self::Line,
        Self::Source,
        Self::Id,
        Self::Ts,
        Self::Lng,
        Self::Lat,
        Self::Frame,
        Self::Cell,
        Self::Component,
        Self::Address,
        Self::Category,
        Self::Title,
        Self::Text,
        Self::Value,
        Self::Unit,
        Self::Urgency,
        Self::Reporter,
        Self::Media,
        Self::Kind,
        Self::Action,
        Self::Order,
        Self::Status,
        Self::Capacity,
        Self::Condition,
        Self::Against,
    ];

    /// The key in the input schema; `line` for the line as a whole.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Source => "source",
            Self::Id => "id",
            Self::Ts => "ts",
            Self::Lng => "lng",
            Self::Lat => "lat",
            Self::Frame => "frame",
            Self::Cell => "cell",
            Self::Component => "component",
            Self::Address => "address",
            Self::Category => "category",
            Self::Title => "title",
            Self::Text => "text",
            Self::Value => "value",
            Self::Unit => "unit",
            Self::Urgency => "urgency",
            Self::Reporter => "reporter",
            Self::Media => "media",
            Self::Kind => "kind",
            Self::Action => "action",
            Self::Order => "order",
            Self::Status => "status",
            Self::Capacity => "capacity",
            Self::Condition => "condition",
            Self::Against => "against",
        }
    }
}

/// Why a line is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Reason {
    /// The line is not valid UTF-8.
    NotUtf8 = 0,
    /// The line is longer than is accepted.
    TooLong,
    /// The line is not RFC 8259 JSON.
    NotJson,
    /// The line is JSON, but not an object.
    NotAnObject,
    /// Arrays and objects are nested too deeply.
    TooDeep,
    /// A schema field stands twice.
    Repeated,
    /// A required field is absent.
    Missing,
    /// The field has another type than the schema says.
    WrongType,
    /// The field's value is not one of those that it can have.
    NotAValue,
    /// The field's value is empty.
    Empty,
    /// The field's value is longer than is accepted.
    FieldTooLong,
    /// A number lies outside what the schema allows.
    OutOfRange,
    /// The city knows no such source, category, cell or unit.
    Unknown,
    /// The place lies outside the district, and the source must name one inside.
    OutsideDistrict,
    /// The source may not say this kind of thing, or the key not speak for the source.
    NotAllowed,
    /// The row does not fit its table: a quote is not closed, it has more cells than there are columns, or none at all.
    NotCsv,
    /// The line is no text in the encoding that its source declares.
    BadEncoding,
}

impl Reason {
    /// Every reason, in the order of their codes.
    pub const ALL: [Self; 17] = [
        Self::NotUtf8,
        Self::TooLong,
        Self::NotJson,
        Self::NotAnObject,
        Self::TooDeep,
        Self::Repeated,
        Self::Missing,
        Self::WrongType,
        Self::NotAValue,
        Self::Empty,
        Self::FieldTooLong,
        Self::OutOfRange,
        Self::Unknown,
        Self::OutsideDistrict,
        Self::NotAllowed,
        Self::NotCsv,
        Self::BadEncoding,
    ];

    /// The name in summaries, decisions and dead letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::TooDeep => "too_deep",
            Self::Repeated => "repeated",
            Self::Missing => "missing",
            Self::WrongType => "wrong_type",
            Self::NotAValue => "not_a_value",
            Self::Empty => "empty",
            Self::FieldTooLong => "field_too_long",
            Self::OutOfRange => "out_of_range",
            Self::Unknown => "unknown",
            Self::OutsideDistrict => "outside_district",
            Self::NotAllowed => "not_allowed",
            Self::NotCsv => "not_csv",
            Self::BadEncoding => "bad_encoding",
        }
    }
}

/// A line that is not accepted: which field, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reject {
    /// The field that is wrong.
    pub field: Field,
    /// What is wrong with it.
    pub reason: Reason,
    /// Where in the line, in bytes from its start.
    pub at: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_positions() {
        assert!(Field::ALL.iter().enumerate().all(|(code, field)| *field as usize == code));
        assert!(Reason::ALL.iter().enumerate().all(|(code, reason)| *reason as usize == code));
        assert!(Verb::ALL.iter().enumerate().all(|(code, verb)| *verb as usize == code));
        assert!(UnitStatus::ALL.iter().enumerate().all(|(code, status)| *status as usize == code));
        assert!(Urgency::ALL.iter().all(|urgency| Urgency::from_code(*urgency as u8) == *urgency));
    }
}
