//! Lines of a declared shape: what the values mean that lie where the city says.
//!
//! Other people's files are taken as they are. Only three things turn a line away here: an id that is missing or no text or
//! number, a time that cannot be read, and coordinates that lie nowhere on earth. Whatever else is `null`, empty or of
//! another type counts as absent: the report is understood as far as it goes, and what the city cannot place or classify
//! goes to review.

use super::Decoded;
use crate::city::{City, Frame, Shape, Slot, Source};
use crate::datum::plane::EastNorth;
use crate::geo::FinePoint;
use crate::ingest::number::{loose_number, nanodegrees};
use crate::ingest::reader::Values;
use crate::ingest::time::declared_ms;
use crate::limits::*;
use crate::quoted::Quoted;
use crate::report::{Field, Reason, Reject, Report, Said, Spot, TEXTS_MAX, What};
use crate::time::At;

/// A shape, and the city whose classes its words stand for.
#[derive(Clone, Copy)]
pub struct Shaped<'c> {
    pub shape: &'c Shape,
    pub city: &'c City,
    /// Its places are metres of a plane.
    in_metres: bool,
}

impl<'c> Shaped<'c> {
    /// The shape of a source, if it has one.
    pub fn of(source: &'c Source, city: &'c City) -> Option<Self> {
        let in_metres = matches!(city.frames.get(source.frame), Frame::Plane(_));
        source.shape.as_ref().map(|shape| Self { shape, city, in_metres })
    }

    /// What a line says. It is a report of the source that was declared, whatever its own `source` and `kind` are.
    #[inline(never)]
    pub fn decode<'a>(self, values: Values<'a>, joined: &'a mut String) -> Result<Decoded<'a>, Reject>
    where
        'c: 'a,
    {
        let (id, id_at, id_len) = self.id(values)?;
        let time = self.time(values)?;
        let word = |field| self.shape.slot(field).and_then(|slot| values.word(slot));
        let short = |field| word(field).filter(|word| word.len() <= TEXT_BYTES_MAX);
        let report = Report {
            spot: self.spot(values)?,
            frame: None,
            area: self.shape.area.and_then(|slot| values.word(slot)),
            cell: short(Field::Cell),
            component: short(Field::Component),
            address: values
                .join(self.shape.slots(Field::Address), " ", joined)
                .filter(|address| address.len() <= ADDRESS_BYTES_MAX),
            category: self.category(values),
            condition: short(Field::Condition),
            against: None,
            urgency: word(Field::Urgency).and_then(|word| self.shape.urgency(word)),
            title: self.shape.slot(Field::Title).and_then(|slot| values.quoted(slot)),
            texts: self.texts(values),
            reporter: self.reporter(values),
        };
        Ok(Decoded { said: Said { source: None, id, time, what: What::Report(report) }, id_at, id_len })
    }

    /// The id: a text that says something, or a number; and where it stands in the line.
    fn id<'a>(self, values: Values<'a>) -> Result<(&'a str, u32, u16), Reject> {
        let Some((slot, raw)) = self.shape.slot(Field::Id).and_then(|slot| Some((slot, values.raw(slot)?))) else {
            return Err(Reject { field: Field::Id, reason: Reason::Missing, at: 0 });
        };
        let wrong = |reason| Err(values.wrong(Field::Id, slot, reason));
        let (from, to) = values.ends(slot);
        let (id, from, to) = match raw[0] {
            b'"' => (values.string(slot), from + 1, to - 1),
            b'-' | b'0'..=b'9' => (values.number(slot), from, to),
            _ => return wrong(Reason::WrongType),
        };
        match id.len() {
            0 => wrong(Reason::Empty),
            1..=ID_BYTES_MAX => Ok((id, from, (to - from) as u16)),
            _ => wrong(Reason::FieldTooLong),
        }
    }

    /// When it happened.
    fn time(self, values: Values<'_>) -> Result<Option<At>, Reject> {
        let Some((slot, text)) = self.shape.slot(Field::Ts).and_then(|slot| Some((slot, values.word(slot)?))) else {
            return Ok(None);
        };
        match declared_ms(text, &self.shape.time_format) {
            Some(ms @ 1..) => Ok(Some(At(ms))),
            Some(_) => Err(values.wrong(Field::Ts, slot, Reason::OutOfRange)),
            None => Err(values.wrong(Field::Ts, slot, Reason::NotAValue)),
        }
    }

    /// Where: both coordinates or none. Exactly 0, 0 is what exports write for "not known", so it counts as none.
    fn spot(self, values: Values<'_>) -> Result<Option<Spot>, Reject> {
        let (Some(lng), Some(lat)) = (self.number(values, Field::Lng), self.number(values, Field::Lat)) else {
            return Ok(None);
        };
        let out_of_range = |field, slot| values.wrong(field, slot, Reason::OutOfRange);
        let degrees = |(slot, number): (Slot, &str), max, field| {
            nanodegrees(number.as_bytes(), max).ok_or_else(|| out_of_range(field, slot))
        };
        let metres = |(slot, number): (Slot, &str), field| {
            let metres = number.parse::<f64>().ok().filter(|metres| metres.is_finite());
            metres.ok_or_else(|| out_of_range(field, slot))
        };
        if self.in_metres {
            let spot = EastNorth { east: metres(lng, Field::Lng)?, north: metres(lat, Field::Lat)? };
            return Ok((spot != EastNorth { east: 0.0, north: 0.0 }).then_some(Spot::Metres(spot)));
        }
        let spot = FinePoint {
            lng: degrees(lng, LNG_MICRODEGREES_MAX, Field::Lng)?,
            lat: degrees(lat, LAT_MICRODEGREES_MAX, Field::Lat)?,
        };
        Ok((spot != FinePoint { lng: 0, lat: 0 }).then_some(Spot::Degrees(spot)))
    }

    /// A number, or a text that is one, and where it stands.
    fn number<'a>(self, values: Values<'a>, field: Field) -> Option<(Slot, &'a str)> {
        let slot = self.shape.slot(field)?;
        Some((slot, loose_number(values.word(slot)?)?))
    }

    /// The first word of a category that the source or the city knows, given as the code of its class, which the city knows
    /// too; else the first word there is.
    fn category<'a>(self, values: Values<'a>) -> Option<&'a str>
    where
        'c: 'a,
    {
        let words = || self.shape.slots(Field::Category).iter().filter_map(|&slot| values.word(slot));
        let class = |word| self.shape.class(word).or_else(|| self.city.categories.get(word));
        match words().find_map(class) {
            Some(class) => Some(&self.city.classes[usize::from(class)].named.code),
            None => words().next(),
        }
    }

    /// Its first texts, as they stand in the line.
    fn texts<'a>(self, values: Values<'a>) -> [Option<Quoted<'a>>; TEXTS_MAX] {
        let mut slots = self.shape.slots(Field::Text).iter();
        std::array::from_fn(|_| slots.next().and_then(|slot| values.quoted(*slot)))
    }

    /// Who said it, as it stands in the line, unless it is empty: tables have an empty text where they know nobody.
    fn reporter(self, values: Values<'_>) -> Option<&[u8]> {
        values.raw(self.shape.slot(Field::Reporter)?).filter(|raw| *raw != b"\"\"")
    }
}

#[cfg(test)]
mod tests;
