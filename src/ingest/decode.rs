//! One line of input schema v1 becomes what it says, or the reason why it says nothing.
//!
//! A line is read once from its first byte to its last, as JSON, and the places of the schema's fields are noted. Then the
//! fields that the line's kind uses are given their types. A fault of the JSON therefore comes before a field that stands twice, and that before fields that are wrong, in the order of [`Field`].
//! `null` is the same as absent in every field.

use super::json::{self, Kind, Surrogates, not_json};
use super::number::{NotInteger, integer, nanodegrees};
use super::scan::Text;
use super::steps::{NO_FIELD, Step, StepId, Steps};
use super::time::rfc3339_ms;
use crate::geo::FinePoint;
use crate::limits::*;
use crate::report::{Action, Field, Reason, Reject, Report, Said, Spot, UnitSays, UnitStatus, Urgency, Verb, What};
use crate::time::At;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

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
    steps: Steps,
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
    /// The first that stands a second time.
    repeated: Option<Reject>,
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

impl Span {
    /// From one position to another.
    #[inline(always)]
    fn new(from: usize, to: usize) -> Self {
        Self { from: from as u32, to: to as u32 }
    }
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
            steps: Steps::new(),
            found: Found { present: 0, escaped: 0, repeated: None, raw: none, unescaped: none },
            unescaped: String::new(),
        }
    }

    /// Decodes one line, given without its newline.
    pub fn decode<'a>(&'a mut self, line: &'a str) -> Result<Decoded<'a>, Reject> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Reject { field: Field::Line, reason: Reason::TooLong, at: LINE_BYTES_MAX as u32 });
        }
        self.read(&Text::new(line.as_bytes()))?;
        if self.found.escaped & TEXTS != 0 {
            self.unescape(line);
        }
        let fields = Fields { line, unescaped: &self.unescaped, found: &self.found };
        let said = fields.said()?;
        let id = self.found.raw[Field::Id as usize];
        Ok(Decoded { said, id_at: id.from + 1, id_len: (id.to - id.from - 2) as u16 })
    }

    /// Where the value of a field begins in the line that was last decoded; 0 if the field is absent.
    pub fn place_of(&self, field: Field) -> u32 {
        if self.found.present & bit(field) == 0 { 0 } else { self.found.raw[field as usize].from }
    }

    /// The source that a line names, if the line is whole and says so plainly: for counting a line that is turned away.
    pub fn source_of<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        self.read(&Text::new(line.as_bytes())).ok()?;
        if self.found.present & !self.found.escaped & bit(Field::Source) == 0 {
            return None;
        }
        let Span { from, to } = self.found.raw[Field::Source as usize];
        line.get(from as usize..to as usize)?.strip_prefix('"')?.strip_suffix('"')
    }

    /// Reads the whole line and notes where its fields are.
    fn read(&mut self, line: &Text<'_>) -> Result<(), Reject> {
        self.found.clear();
        let mut at = 0;
        let mut id = StepId::START;
        loop {
            let step;
            (id, step) = match self.steps.follow(id, line, at) {
                Some(known) => known,
                None => new_step(&mut self.steps, id, line, at, &mut self.unescaped)?,
            };
            at += step.length as usize;
            if step.kind != Kind::Close && self.found.adds(step.slot) {
                self.found.repeat(step.slot, line, at);
            }
            let value = &mut self.found.raw[step.slot as usize];
            if step.kind == Kind::Text {
                let surrogates = if step.slot == NO_FIELD { Surrogates::Pass } else { Surrogates::Refuse };
                let string = json::string_end(line, at, surrogates)?;
                *value = Span::new(at - 1, string.end);
                if string.escaped {
                    self.found.escaped |= bit(step.slot);
                }
                at = string.end;
            } else if step.kind == Kind::Plain {
                let end = json::plain_end(line, at)?;
                *value = Span::new(at, end);
                at = end;
            } else if step.kind == Kind::Close {
                value.to = at as u32;
            } else {
                value.from = (at - 1) as u32;
            }
            if step.levels.depth == 0 {
                break;
            }
        }
        check_around(line, at)?;
        self.found.repeated.map_or(Ok(()), Err)
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
    /// Back to a line of which nothing is known.
    #[inline(always)]
    fn clear(&mut self) {
        self.present = 0;
        self.escaped = 0;
        self.repeated = None;
    }

    /// Adds a field to those that stand in the line, and says whether it was there.
    #[inline(always)]
    fn adds(&mut self, field: Field) -> bool {
        let was_there = self.present & bit(field) & !bit(NO_FIELD) != 0;
        self.present |= bit(field);
        was_there
    }

    /// Notes that a key has stood before, if it is the first that has. The step with it ends at `end`.
    #[cold]
    #[inline(never)]
    fn repeat(&mut self, field: Field, line: &Text<'_>, end: usize) {
        // The names of fields hold no quotes, so the last two before the colon are around the key.
        let step = &line.bytes()[..end];
        let colon = step.iter().rposition(|&byte| byte == b':').expect("a key has a colon");
        let close = step[..colon].iter().rposition(|&byte| byte == b'"').expect("a key has quotes");
        let open = step[..close].iter().rposition(|&byte| byte == b'"').expect("a key has quotes");
        self.repeated.get_or_insert(Reject { field, reason: Reason::Repeated, at: open as u32 });
    }
}

/// Checks that a line whose value ends at `end` is an object with nothing behind it.
fn check_around(line: &Text<'_>, end: usize) -> Result<(), Reject> {
    let (rest, _) = line.skip_space(end);
    if rest < line.bytes().len() {
        return Err(not_json(rest));
    }
    match line.skip_space(0) {
        (_, b'{') => Ok(()),
        (at, _) => Err(Reject { field: Field::Line, reason: Reason::NotAnObject, at: at as u32 }),
    }
}

/// The step that stands at `at` behind `from`, where it has not stood before. `unescaped` is for keys with escapes.
#[inline(never)]
fn new_step<'a>(
    steps: &'a mut Steps,
    from: StepId,
    line: &Text<'_>,
    at: usize,
    unescaped: &mut String,
) -> Result<(StepId, &'a Step), Reject> {
    let &Step { kind, levels, field, .. } = steps.get(from);
    let is_top = levels.depth == 1;
    let keys = if is_top { Surrogates::Refuse } else { Surrogates::Pass };
    let read = json::between(line, at, kind, levels, keys)?;
    let field = match read.key {
        Some(key) if is_top => field_of_key(line, key, unescaped),
        _ => field,
    };
    let mut step = Step::new(&line.bytes()[at..read.end], read.kind, read.levels, field);
    if is_top && read.key.is_some() || read.kind == Kind::Close && read.levels.depth == 1 {
        step.slot = field;
    }
    // Keys with escapes are for reading each time: whether they may hold lone surrogates depends on their level.
    let can_return = read.key.is_none_or(|key| !key.escaped);
    let id = steps.learn(from, step, can_return);
    Ok((id, steps.get(id)))
}

/// The field that a key names.
fn field_of_key(line: &Text<'_>, key: json::Key, unescaped: &mut String) -> Field {
    let name = &line.bytes()[key.from..key.to];
    if !key.escaped {
        return field_named(name);
    }
    unescaped.clear();
    json::unescape(std::str::from_utf8(name).expect("quotes stand between characters"), unescaped);
    field_named(unescaped.as_bytes())
}

/// The field of a name without escapes.
fn field_named(name: &[u8]) -> Field {
    let same_length = FIELDS_BY_LENGTH.get(name.len()).into_iter().flatten();
    same_length.copied().find(|field| field.name().as_bytes() == name).unwrap_or(NO_FIELD)
}

/// The fields whose names have each length; the rest of a row is [`NO_FIELD`].
const FIELDS_BY_LENGTH: [[Field; 5]; 10] = {
    let mut rows = [[NO_FIELD; 5]; 10];
    let mut lengths = [0; 10];
    let mut code = 0;
    while code < Field::ALL.len() {
        let length = Field::ALL[code].name().len();
        rows[length][lengths[length]] = Field::ALL[code];
        lengths[length] += 1;
        code += 1;
    }
    rows
};

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
    #[inline(always)]
    fn report(&self) -> Result<Report<'a>, Reject> {
        let spot = self.spot()?;
        let report = Report {
            spot,
            frame: self.text(Field::Frame, usize::MAX)?,
            area: None,
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
        let spot = self.spot()?;
        Ok(UnitSays {
            spot,
            frame: self.text(Field::Frame, usize::MAX)?,
            unit: self.name(Field::Unit, UNIT_BYTES_MAX)?,
            status: self.word(Field::Status, UnitStatus::ALL, UnitStatus::word)?,
            capacity: self.capacity()?,
        })
    }

    /// When it happened.
    #[inline(always)]
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
    #[inline(always)]
    fn spot(&self) -> Result<Option<Spot>, Reject> {
        let lng = self.degrees(Field::Lng, LNG_MICRODEGREES_MAX)?;
        if lng.is_none() && self.raw(Field::Lat).is_some() {
            return Err(self.wrong(Field::Lng, Reason::Missing));
        }
        let lat = self.degrees(Field::Lat, LAT_MICRODEGREES_MAX)?;
        match (lng, lat) {
            (Some(lng), Some(lat)) => Ok(Some(Spot::Degrees(FinePoint { lng, lat }))),
            (Some(_), None) => Err(self.wrong(Field::Lat, Reason::Missing)),
            (None, _) => Ok(None),
        }
    }

    /// A coordinate in nano-degrees.
    #[inline(always)]
    fn degrees(&self, field: Field, max: i32) -> Result<Option<i64>, Reject> {
        match self.begins(field, |first| first == b'-' || first.is_ascii_digit())? {
            None => Ok(None),
            Some(raw) => match nanodegrees(raw, max) {
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
    #[inline(always)]
    fn word<T: Copy, const N: usize>(
        &self,
        field: Field,
        all: [T; N],
        word: impl Fn(T) -> &'static str,
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
    #[inline(always)]
    fn name(&self, field: Field, bytes_max: usize) -> Result<&'a str, Reject> {
        match self.text(field, bytes_max)? {
            None => Err(self.wrong(field, Reason::Missing)),
            Some("") => Err(self.wrong(field, Reason::Empty)),
            Some(name) => Ok(name),
        }
    }

    /// A text; one that is empty is absent.
    #[inline(always)]
    fn text_or_empty(&self, field: Field, bytes_max: usize) -> Result<Option<&'a str>, Reject> {
        Ok(self.text(field, bytes_max)?.filter(|text| !text.is_empty()))
    }

    /// A string without its quotes and escapes.
    #[inline(always)]
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
    #[inline(always)]
    fn begins(&self, field: Field, is_right: impl Fn(u8) -> bool) -> Result<Option<&'a [u8]>, Reject> {
        match self.raw(field) {
            Some(raw) if !is_right(raw[0]) => Err(self.wrong(field, Reason::WrongType)),
            raw => Ok(raw),
        }
    }

    /// A value as it stands in the line, unless it is `null`.
    #[inline(always)]
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
