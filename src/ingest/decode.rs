//! One line becomes what it says, or the reason why it says nothing: a line of input schema v1 here, one of a source with a
//! shape of its own in `shaped.rs`.
//!
//! A line is read once from its first byte to its last, as JSON, and the places of the schema's fields are noted. Then the
//! fields that the line's kind uses are given their types. A fault of the JSON therefore comes before a field that stands
//! twice, and that before fields that are wrong, in the order of [`Field`]. `null` is the same as absent in every field.

use std::sync::LazyLock;

use super::number::{NotInteger, integer, nanodegrees};
use super::reader::{Reader, Values};
use super::time::rfc3339_ms;
use crate::city::{City, Pointer, Pointers, Slot};
use crate::geo::FinePoint;
use crate::ids::SourceId;
use crate::limits::*;
use crate::quoted::Quoted;
use crate::report::{
    Action, Field, Reason, Reject, Report, RulingSays, Said, Spot, TEXTS_MAX, UnitSays, UnitStatus, Urgency, Verb, What,
};

use crate::time::At;

#[cfg(any(test, fuzzing))]
pub(crate) mod oracle;
mod shaped;
#[cfg(test)]
mod tests;

use shaped::Shaped;

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
pub struct Decoder<'c> {
    reader: Reader<'c>,
    /// How the lines of a source with a shape of its own are understood; those of others are of input schema v1.
    shaped: Option<Shaped<'c>>,
    /// Texts of several fields, joined.
    joined: String,
}

/// Input schema v1 as a table of pointers: the number of a slot is that of its field.
static V1: LazyLock<Pointers> = LazyLock::new(|| {
    let mut pointers = Pointers::new();
    for field in Field::ALL.into_iter().filter(|field| *field != Field::Line) {
        let pointer = Pointer::parse(&format!("/{}", field.name())).expect("a name is a key");
        let slot = pointers.add(&pointer, field).expect("names differ, and are few");
        assert_eq!(slot, slot_of(field));
    }
    pointers
});

/// The slot of a field of input schema v1.
const fn slot_of(field: Field) -> Slot {
    Slot::new(field as u8)
}

/// The fields whose text is read. The words of the others are checked where they stand.
const TEXTS: u64 = slot_of(Field::Source).bit()
    | slot_of(Field::Id).bit()
    | slot_of(Field::Ts).bit()
    | slot_of(Field::Frame).bit()
    | slot_of(Field::Cell).bit()
    | slot_of(Field::Component).bit()
    | slot_of(Field::Address).bit()
    | slot_of(Field::Category).bit()
    | slot_of(Field::Unit).bit()
    | slot_of(Field::Urgency).bit()
    | slot_of(Field::Kind).bit()
    | slot_of(Field::Action).bit()
    | slot_of(Field::Order).bit()
    | slot_of(Field::Status).bit()
    | slot_of(Field::Condition).bit()
    | slot_of(Field::Against).bit();

impl Default for Decoder<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'c> Decoder<'c> {
    /// A decoder of input schema v1 that has seen no line yet.
    pub fn new() -> Self {
        Self { reader: Reader::new(&V1), shaped: None, joined: String::new() }
    }

    /// A decoder of what the speaker says: by the shape that the city declares for it, else of input schema v1.
    pub fn of(city: &'c City, speaker: Option<SourceId>) -> Self {
        let source = speaker.and_then(|speaker| city.sources.get(speaker.index()));
        match source.and_then(|source| Shaped::of(source, city)) {
            None => Self::new(),
            Some(shaped) => {
                Self { reader: Reader::new(&shaped.shape.pointers), shaped: Some(shaped), joined: String::new() }
            }
        }
    }

    /// Decodes one line, given without its newline.
    pub fn decode<'a>(&'a mut self, line: &'a str) -> Result<Decoded<'a>, Reject> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Reject { field: Field::Line, reason: Reason::TooLong, at: LINE_BYTES_MAX as u32 });
        }
        if let Some(shaped) = self.shaped {
            return shaped.decode(self.reader.values(line, shaped.shape.understood)?, &mut self.joined);
        }
        let fields = Fields { values: self.reader.values(line, TEXTS)? };
        let said = fields.said()?;
        let (from, to) = fields.values.ends(slot_of(Field::Id));
        Ok(Decoded { said, id_at: from + 1, id_len: (to - from - 2) as u16 })
    }

    /// Where the value of a field begins in the line that was last decoded; 0 if the field is absent.
    pub fn place_of(&self, field: Field) -> u32 {
        match self.shaped {
            None => self.reader.begin_of(slot_of(field)),
            Some(shaped) => {
                let begins = shaped.shape.slots(field).iter().map(|slot| self.reader.begin_of(*slot));
                begins.into_iter().find(|at| *at > 0).unwrap_or(0)
            }
        }
    }

    /// The source that a line names, if the line is whole and says so plainly: for counting a line that is turned away.
    /// In a file of a shape of its own no line names a source.
    pub fn source_of<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if self.shaped.is_some() {
            return None;
        }
        let values = self.reader.values(line, 0).ok()?;
        values.raw(slot_of(Field::Source))?;
        let (from, to) = values.ends(slot_of(Field::Source));
        let name = line.get(from as usize..to as usize)?.strip_prefix('"')?.strip_suffix('"')?;
        (!name.contains('\\')).then_some(name)
    }

    /// What a report says in words, its title first, with line breaks between the texts; nothing if it says nothing or is
    /// no line. Whoever decides needs no words, so this reads the line once more.
    pub fn texts<'a>(&'a mut self, line: &'a str) -> Option<&'a str> {
        const TITLE_AND_TEXT: [Slot; 2] = [slot_of(Field::Title), slot_of(Field::Text)];
        let slots = self.shaped.map_or(TITLE_AND_TEXT.to_vec(), |shaped| shaped.shape.texts().collect());
        let set = slots.iter().fold(0, |set, slot| set | slot.bit());
        let values = self.reader.values(line, set).ok()?;
        values.join(&slots, "\n", &mut self.joined)
    }
}

/// The fields of a line that is JSON, to be given their types.
struct Fields<'a> {
    values: Values<'a>,
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
            Some("ruling") => What::Ruling(self.ruling()?),
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
            condition: None,
            against: None,
            urgency: None,
            title: None,
            texts: [None; TEXTS_MAX],
            reporter: None,
        };
        let title = self.quoted(Field::Title)?;
        let text = self.quoted(Field::Text)?;
        self.begins(Field::Value, |first| first == b'-' || first.is_ascii_digit())?;
        self.begins(Field::Unit, |first| first == b'"')?;
        let urgency = self.word(Field::Urgency, Urgency::ALL, Urgency::letter)?;
        let reporter = self.begins(Field::Reporter, |first| first == b'{' || first == b'"')?;
        self.begins(Field::Media, |first| first == b'[')?;
        let condition = self.text_or_empty(Field::Condition, TEXT_BYTES_MAX)?;
        let against = self.text_or_empty(Field::Against, TEXT_BYTES_MAX)?;
        Ok(Report { condition, against, urgency, reporter, title, texts: [text, None, None, None], ..report })
    }

    /// The fields of an action.
    #[inline(never)]
    fn action(&self) -> Result<Action<'a>, Reject> {
        let verb = self.word(Field::Action, Verb::ALL, Verb::word)?;
        let verb = verb.ok_or_else(|| self.wrong(Field::Action, Reason::Missing))?;
        Ok(Action { verb, order: self.name(Field::Order, ORDER_BYTES_MAX)? })
    }

    /// The fields of a ruling.
    #[inline(never)]
    fn ruling(&self) -> Result<RulingSays<'a>, Reject> {
        Ok(RulingSays {
            spot: self.spot()?,
            frame: self.text(Field::Frame, usize::MAX)?,
            cell: self.text_or_empty(Field::Cell, TEXT_BYTES_MAX)?,
            category: self.text_or_empty(Field::Category, TEXT_BYTES_MAX)?,
            unit: self.text_or_empty(Field::Unit, UNIT_BYTES_MAX)?,
            order: self.name(Field::Order, ORDER_BYTES_MAX)?,
            condition: self.text_or_empty(Field::Condition, TEXT_BYTES_MAX)?,
        })
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
        if self.begins(field, |first| first == b'"')?.is_none() {
            return Ok(None);
        }
        let text = self.values.string(slot_of(field));
        if text.len() > bytes_max {
            return Err(self.wrong(field, Reason::FieldTooLong));
        }
        Ok(Some(text))
    }

    /// A string as it stands in the line.
    #[inline(always)]
    fn quoted(&self, field: Field) -> Result<Option<Quoted<'a>>, Reject> {
        self.begins(field, |first| first == b'"')?;
        Ok(self.values.quoted(slot_of(field)))
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
        self.values.raw(slot_of(field))
    }

    /// The rejection of the line for one of its fields.
    fn wrong(&self, field: Field, reason: Reason) -> Reject {
        self.values.wrong(field, slot_of(field), reason)
    }
}
