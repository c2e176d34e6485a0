//! One line of input schema v1 becomes what it says, or the reason why it says nothing.
//!
//! A line is read once from its first byte to its last, as JSON, and the places of the schema's fields are noted
//! ([`Decoder::read`]). Then the fields that the line's kind uses are given their types ([`Fields`]). A fault of the JSON
//! therefore comes before a field that stands twice, and that before fields that are wrong, in the order of [`Field`].
//! `null` is the same as absent in every field.

use super::json::{self, Surrogates, byte, not_json, space_end};
use super::limits::*;
use super::links::{LinkId, Links};
use super::number::{NotInteger, integer, microdegrees};
use super::time::rfc3339_ms;
use crate::geo::Point;
use crate::report::{Action, Field, Reason, Reject, Report, Said, UnitSays, UnitStatus, Urgency, Verb, What};
use crate::time::At;

/// A line that is accepted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Decoded<'a> {
    /// What it says.
    pub said: Said<'a>,
    /// Where its id begins, behind the opening quote, in bytes from the start of the line.
    pub id_at: u32,
    /// How many bytes its id has in the line, escapes as written.
    pub id_len: u16,
}

/// Reads lines. A thread that reads keeps one: it remembers the shape of lines and reuses its memory.
pub struct Decoder {
    links: Links,
    found: Found,
    /// Strings that had escapes, without them.
    unescaped: String,
}

/// The fields of one line, by the places of their values.
struct Found {
    /// The fields that stand in the line, one bit each.
    present: u32,
    /// Those whose value is a string with escapes.
    escaped: u32,
    /// Their values in the line; of escaped ones the text in `unescaped` too.
    raw: [Span; Field::ALL.len()],
    unescaped: [Span; Field::ALL.len()],
}

/// Bytes from one position to another.
#[derive(Clone, Copy, Default)]
struct Span {
    from: u32,
    to: u32,
}

/// The bit of a field in a set.
const fn bit(field: Field) -> u32 {
    1 << field as u32
}

/// The fields whose text is read. The words of the others are checked where they stand.
const TEXTS: u32 = bit(Field::Source)
    | bit(Field::Id)
    | bit(Field::Ts)
    | bit(Field::Frame)
    | bit(Field::Cell)
    | bit(Field::Component)
    | bit(Field::Address)
    | bit(Field::Category)
    | bit(Field::Unit)
    | bit(Field::Urgency)
    | bit(Field::Kind)
    | bit(Field::Action)
    | bit(Field::Order)
    | bit(Field::Status);

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has seen no line yet.
    pub fn new() -> Self {
        let none = [Span::default(); Field::ALL.len()];
        Self {
            links: Links::new(),
            found: Found { present: 0, escaped: 0, raw: none, unescaped: none },
            unescaped: String::new(),
        }
    }

    /// Decodes one line, given without its newline.
    pub fn decode<'a>(&'a mut self, line: &'a str) -> Result<Decoded<'a>, Reject> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Reject { field: Field::Line, reason: Reason::TooLong, at: LINE_BYTES_MAX as u32 });
        }
        self.read(line.as_bytes())?;
        if self.found.escaped & TEXTS != 0 {
            self.unescape(line);
        }
        let fields = Fields { line, unescaped: &self.unescaped, found: &self.found };
        let said = fields.said()?;
        let id = self.found.raw[Field::Id as usize];
        Ok(Decoded { said, id_at: id.from + 1, id_len: (id.to - id.from - 2) as u16 })
    }

    /// Reads the whole line and notes where its fields are.
    fn read(&mut self, line: &[u8]) -> Result<(), Reject> {
        self.found.present = 0;
        self.found.escaped = 0;
        let mut at = space_end(line, 0);
        if byte(line, at) != b'{' {
            return Err(not_an_object(line, at));
        }
        let mut link = LinkId::START;
        let mut repeated = None;
        loop {
            let (field, value_at) = match self.links.follow(link, line, at) {
                Some(hit) => {
                    link = hit.link;
                    (hit.field, hit.value_at)
                }
                None => match next_key(line, at)? {
                    Ok(key) => {
                        let field = field_named(line, key);
                        link = self.links.learn(link, &line[at..key.value_at], field);
                        (field, key.value_at)
                    }
                    Err(end) => {
                        at = end;
                        break;
                    }
                },
            };
            let surrogates = if field.is_some() { Surrogates::Refuse } else { Surrogates::Pass };
            let value = json::value(line, value_at, 1, surrogates)?;
            if let Some(field) = field {
                if self.found.present & bit(field) != 0 && repeated.is_none() {
                    repeated = Some(repeats(line, at, field));
                }
                self.found.note(field, value_at, value);
            }
            at = value.end;
        }
        at = space_end(line, at);
        if at < line.len() {
            return Err(not_json(at));
        }
        repeated.map_or(Ok(()), Err)
    }

    /// Gives the texts that had escapes without them.
    #[cold]
    #[inline(never)]
    fn unescape(&mut self, line: &str) {
        self.unescaped.clear();
        for field in Field::ALL.into_iter().filter(|&field| self.found.escaped & TEXTS & bit(field) != 0) {
            let Span { from, to } = self.found.raw[field as usize];
            let start = self.unescaped.len();
            json::unescape(&line[from as usize + 1..to as usize - 1], &mut self.unescaped);
            self.found.unescaped[field as usize] = Span { from: start as u32, to: self.unescaped.len() as u32 };
        }
    }
}

impl Found {
    /// Notes the value of a field.
    #[inline(always)]
    fn note(&mut self, field: Field, at: usize, value: json::Value) {
        self.present |= bit(field);
        self.escaped |= u32::from(value.escaped) << field as u32;
        self.raw[field as usize] = Span { from: at as u32, to: value.end as u32 };
    }
}

/// The key behind the bracket or value that ends at `at`, or (the inner error) the position behind the object's end.
#[inline(never)]
fn next_key(line: &[u8], at: usize) -> Result<Result<json::Key, usize>, Reject> {
    let is_first = byte(line, at) == b'{';
    let before = if is_first { at } else { space_end(line, at) };
    match byte(line, before) {
        b'{' if is_first => {}
        b'}' => return Ok(Err(before + 1)),
        b',' => {}
        _ => return Err(not_json(before)),
    }
    let key_at = space_end(line, before + 1);
    if is_first && byte(line, key_at) == b'}' {
        return Ok(Err(key_at + 1));
    }
    json::key(line, key_at, Surrogates::Refuse).map(Ok)
}

/// The field that a key names.
fn field_named(line: &[u8], key: json::Key) -> Option<Field> {
    let name = &line[key.at + 1..key.end - 1];
    if key.escaped {
        let mut plain = String::new();
        json::unescape(std::str::from_utf8(name).ok()?, &mut plain);
        return field_of(plain.as_bytes());
    }
    field_of(name)
}

/// The field of a name without escapes.
fn field_of(name: &[u8]) -> Option<Field> {
    Field::ALL.into_iter().skip(1).find(|field| field.name().as_bytes() == name)
}

/// The field whose key stands behind `at` has stood before.
#[cold]
#[inline(never)]
fn repeats(line: &[u8], at: usize, field: Field) -> Reject {
    let quote = line[at..].iter().position(|&byte| byte == b'"').map_or(at, |length| at + length);
    Reject { field, reason: Reason::Repeated, at: quote as u32 }
}

/// What is wrong with a line that does not begin with an object.
#[cold]
#[inline(never)]
fn not_an_object(line: &[u8], at: usize) -> Reject {
    match json::value(line, at, 0, Surrogates::Pass) {
        Err(fault) => fault,
        Ok(value) => match space_end(line, value.end) {
            end if end < line.len() => not_json(end),
            _ => Reject { field: Field::Line, reason: Reason::NotAnObject, at: at as u32 },
        },
    }
}

/// The fields of a line that is JSON, to be given their types.
struct Fields<'a> {
    line: &'a str,
    unescaped: &'a str,
    found: &'a Found,
}

impl<'a> Fields<'a> {
    /// What the line says.
    #[inline]
    fn said(&self) -> Result<Said<'a>, Reject> {
        let source = match self.text(Field::Source, SOURCE_BYTES_MAX)? {
            Some("") => return Err(self.wrong(Field::Source, Reason::Empty)),
            source => source,
        };
        let id = self.name(Field::Id, ID_BYTES_MAX)?;
        let time = self.time()?;
        let what = match self.text(Field::Kind, usize::MAX)? {
            None | Some("report") => What::Report(self.report()?),
            Some("action") => What::Action(self.action()?),
            Some("unit") => What::Unit(self.unit()?),
            Some(_) => return Err(self.wrong(Field::Kind, Reason::NotAValue)),
        };
        Ok(Said { source, id, time, what })
    }

    /// The fields of a report.
    #[inline]
    fn report(&self) -> Result<Report<'a>, Reject> {
        let point = self.point()?;
        let report = Report {
            point,
            cell: self.text_or_empty(Field::Cell, TEXT_BYTES_MAX)?,
            component: self.text_or_empty(Field::Component, TEXT_BYTES_MAX)?,
            address: self.text_or_empty(Field::Address, ADDRESS_BYTES_MAX)?,
            category: self.text_or_empty(Field::Category, TEXT_BYTES_MAX)?,
            urgency: None,
            reporter: None,
        };
        self.begins(Field::Title, |first| first == b'"')?;
        self.begins(Field::Text, |first| first == b'"')?;
        self.begins(Field::Value, |first| first == b'-' || first.is_ascii_digit())?;
        self.begins(Field::Unit, |first| first == b'"')?;
        let urgency = self.word(Field::Urgency, Urgency::ALL, Urgency::letter)?;
        let reporter = self.begins(Field::Reporter, |first| first == b'{' || first == b'"')?;
        self.begins(Field::Media, |first| first == b'[')?;
        Ok(Report { urgency, reporter, ..report })
    }

    /// The fields of an action.
    #[inline(never)]
    fn action(&self) -> Result<Action<'a>, Reject> {
        let verb = self.word(Field::Action, Verb::ALL, Verb::word)?;
        let verb = verb.ok_or_else(|| self.wrong(Field::Action, Reason::Missing))?;
        Ok(Action { verb, order: self.name(Field::Order, ORDER_BYTES_MAX)? })
    }

    /// The fields of a unit's status.
    #[inline(never)]
    fn unit(&self) -> Result<UnitSays<'a>, Reject> {
        let point = self.point()?;
        Ok(UnitSays {
            unit: self.name(Field::Unit, UNIT_BYTES_MAX)?,
            status: self.word(Field::Status, UnitStatus::ALL, UnitStatus::word)?,
            point,
            capacity: self.capacity()?,
        })
    }

    /// When it happened.
    #[inline]
    fn time(&self) -> Result<Option<At>, Reject> {
        let Some(raw) = self.raw(Field::Ts) else {
            return Ok(None);
        };
        let ms = match raw[0] {
            b'"' => match self.text(Field::Ts, usize::MAX)?.and_then(rfc3339_ms) {
                Some(ms) => ms,
                None => return Err(self.wrong(Field::Ts, Reason::NotAValue)),
            },
            _ => self.integer(Field::Ts, raw)?,
        };
        if ms > 0 { Ok(Some(At(ms))) } else { Err(self.wrong(Field::Ts, Reason::OutOfRange)) }
    }

    /// Where: both coordinates or none.
    #[inline]
    fn point(&self) -> Result<Option<Point>, Reject> {
        let lng = self.degrees(Field::Lng, LNG_MICRODEGREES_MAX)?;
        if lng.is_none() && self.raw(Field::Lat).is_some() {
            return Err(self.wrong(Field::Lng, Reason::Missing));
        }
        let lat = self.degrees(Field::Lat, LAT_MICRODEGREES_MAX)?;
        // Both frames that are known agree to some centimetres, so neither is converted.
        self.word(Field::Frame, ["wgs84", "cgcs2000"], |frame| frame)?;
        match (lng, lat) {
            (Some(lng), Some(lat)) => Ok(Some(Point { lng, lat })),
            (Some(_), None) => Err(self.wrong(Field::Lat, Reason::Missing)),
            (None, _) => Ok(None),
        }
    }

    /// A coordinate in micro-degrees.
    #[inline]
    fn degrees(&self, field: Field, max: i32) -> Result<Option<i32>, Reject> {
        match self.begins(field, |first| first == b'-' || first.is_ascii_digit())? {
            None => Ok(None),
            Some(raw) => match microdegrees(raw, max) {
                None => Err(self.wrong(field, Reason::OutOfRange)),
                degrees => Ok(degrees),
            },
        }
    }

    /// How many orders a unit can hold.
    fn capacity(&self) -> Result<Option<u32>, Reject> {
        let Some(raw) = self.raw(Field::Capacity) else {
            return Ok(None);
        };
        match u32::try_from(self.integer(Field::Capacity, raw)?) {
            Ok(capacity) if capacity <= CAPACITY_ORDERS_MAX => Ok(Some(capacity)),
            _ => Err(self.wrong(Field::Capacity, Reason::OutOfRange)),
        }
    }

    /// An integer from 0 on.
    #[inline]
    fn integer(&self, field: Field, raw: &[u8]) -> Result<i64, Reject> {
        integer(raw).map_err(|error| match error {
            NotInteger::WrongType => self.wrong(field, Reason::WrongType),
            NotInteger::OutOfRange => self.wrong(field, Reason::OutOfRange),
        })
    }

    /// One of some words.
    #[inline]
    fn word<T: Copy, const N: usize>(
        &self,
        field: Field,
        all: [T; N],
        word: fn(T) -> &'static str,
    ) -> Result<Option<T>, Reject> {
        let Some(text) = self.text(field, usize::MAX)? else {
            return Ok(None);
        };
        match all.into_iter().find(|&one| word(one) == text) {
            None => Err(self.wrong(field, Reason::NotAValue)),
            found => Ok(found),
        }
    }

    /// A text that has to be there and to say something.
    #[inline]
    fn name(&self, field: Field, bytes_max: usize) -> Result<&'a str, Reject> {
        match self.text(field, bytes_max)? {
            None => Err(self.wrong(field, Reason::Missing)),
            Some("") => Err(self.wrong(field, Reason::Empty)),
            Some(name) => Ok(name),
        }
    }

    /// A text; one that is empty is absent.
    #[inline]
    fn text_or_empty(&self, field: Field, bytes_max: usize) -> Result<Option<&'a str>, Reject> {
        Ok(self.text(field, bytes_max)?.filter(|text| !text.is_empty()))
    }

    /// A string without its quotes and escapes.
    #[inline]
    fn text(&self, field: Field, bytes_max: usize) -> Result<Option<&'a str>, Reject> {
        let Some(raw) = self.begins(field, |first| first == b'"')? else {
            return Ok(None);
        };
        let text = if self.found.escaped & bit(field) == 0 {
            let Span { from, .. } = self.found.raw[field as usize];
            &self.line[from as usize + 1..from as usize + raw.len() - 1]
        } else {
            let Span { from, to } = self.found.unescaped[field as usize];
            &self.unescaped[from as usize..to as usize]
        };
        if text.len() > bytes_max {
            return Err(self.wrong(field, Reason::FieldTooLong));
        }
        Ok(Some(text))
    }

    /// A value as it stands in the line. Its first byte tells its type.
    #[inline]
    fn begins(&self, field: Field, is_right: fn(u8) -> bool) -> Result<Option<&'a [u8]>, Reject> {
        match self.raw(field) {
            Some(raw) if !is_right(raw[0]) => Err(self.wrong(field, Reason::WrongType)),
            raw => Ok(raw),
        }
    }

    /// A value as it stands in the line, unless it is `null`.
    #[inline]
    fn raw(&self, field: Field) -> Option<&'a [u8]> {
        if self.found.present & bit(field) == 0 {
            return None;
        }
        let Span { from, to } = self.found.raw[field as usize];
        Some(&self.line.as_bytes()[from as usize..to as usize]).filter(|raw| raw[0] != b'n')
    }

    /// The rejection of the line for one of its fields.
    #[cold]
    #[inline(never)]
    fn wrong(&self, field: Field, reason: Reason) -> Reject {
        let at = if reason == Reason::Missing { 0 } else { self.found.raw[field as usize].from };
        Reject { field, reason, at }
    }
}
