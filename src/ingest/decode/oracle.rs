//! Input schema v1 once more, the slow way: serde_json reads the line, and the rules are applied to what it built.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Decoded, Decoder};
use crate::geo::FinePoint;
use crate::ingest::time::rfc3339_ms;
use crate::quoted::Quoted;
use crate::report::*;
use crate::time::At;

/// Checks what a decoder makes of a line: panics where it is not what the oracle says.
pub fn check(decoder: &mut Decoder<'_>, line: &str) {
    let ours = decoder.decode(line);
    let reason = ours.map_or_else(|reject| Some(reject.reason), |_| None);
    match read(line) {
        Verdict::Unsure => {}
        Verdict::NotJson => assert!(matches!(reason, Some(Reason::NotJson | Reason::TooDeep)), "{reason:?} {line}"),
        Verdict::NotAnObject => assert_eq!(reason, Some(Reason::NotAnObject), "{line}"),
        Verdict::Object(facts) => match (ours, facts.said()) {
            (Ok(decoded), Ok(expected)) => check_said(line, decoded, expected, facts.has_reporter()),
            (Err(ours), Err((field, reason))) => {
                assert_eq!((ours.field, ours.reason), (field, reason.unwrap_or(ours.reason)), "{line}");
            }
            (ours, expected) => panic!("{ours:?} but expected {expected:?}: {line}"),
        },
    }
}

/// What a line says in words.
#[derive(serde::Deserialize)]
struct Words {
    title: Option<String>,
    text: Option<String>,
}

/// Checks what is said against what the oracle says, which knows no reporter, no texts and only floats.
fn check_said(line: &str, decoded: Decoded<'_>, expected: Said<'_>, has_reporter: bool) {
    let mut said = decoded.said;
    if let What::Report(report) = &mut said.what {
        assert_eq!(report.reporter.is_some(), has_reporter, "{line}");
        let words: Words = serde_json::from_str(line).expect(line);
        let chars = |said: Quoted<'_>| said.chars().collect::<String>();
        let [text, others @ ..] = report.texts.map(|said| said.map(chars));
        assert_eq!((report.title.map(chars), text), (words.title, words.text), "{line}");
        assert_eq!(others, [None, None, None]);
        (report.title, report.texts) = Default::default();
        if let Some(raw) = report.reporter.take() {
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(raw).is_ok(), "{line}");
        }
    }
    if let (
        What::Report(Report { spot: Some(Spot::Degrees(a)), .. }),
        What::Report(Report { spot: Some(Spot::Degrees(b)), .. }),
    )
    | (
        What::Unit(UnitSays { spot: Some(Spot::Degrees(a)), .. }),
        What::Unit(UnitSays { spot: Some(Spot::Degrees(b)), .. }),
    ) = (&mut said.what, expected.what)
    {
        assert!(a.lng.abs_diff(b.lng) <= 1 && a.lat.abs_diff(b.lat) <= 1, "{a:?} {b:?}: {line}");
        *a = b;
    }
    assert_eq!(said, expected, "{line}");
    let raw = &line[decoded.id_at as usize - 1..][..decoded.id_len as usize + 2];
    assert_eq!(serde_json::from_str::<String>(raw).unwrap(), said.id, "{line}");
}

/// The verdict of the oracle.
pub enum Verdict {
    /// The line is no JSON, or nested too deeply.
    NotJson,
    /// It is JSON, but not an object.
    NotAnObject,
    /// The object, which may still be wrong in its fields.
    Object(Facts),
    /// serde_json has no opinion: it refuses numbers that no float holds, and keys with lone surrogates in values that
    /// are skipped by us and built by it.
    Unsure,
}

/// What is wrong; `None` where serde_json loses the difference between a huge integer and a fraction.
pub type Wrong = (Field, Option<Reason>);

/// A value, as far as the schema looks into it.
pub enum Any {
    Null,
    Bool,
    Integer(i64),
    Other(f64),
    Text(String),
    Array,
    Object,
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: Error>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Any, E> {
        Ok(Any::Bool)
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Any, E> {
        Ok(Any::Integer(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Any, E> {
        Ok(i64::try_from(value).map_or(Any::Other(value as f64), Any::Integer))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Any, E> {
        Ok(Any::Other(value))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Any, E> {
        Ok(Any::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Any, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Any::Array)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Any::Object)
    }
}

/// The fields of the schema that stand in a line, in order, repeated ones too.
pub struct Facts(Vec<(Field, Any)>);

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FactsVisitor;
        impl<'de> Visitor<'de> for FactsVisitor {
            type Value = Facts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
                let mut facts = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    match Field::ALL.into_iter().find(|field| *field != Field::Line && field.name() == key) {
                        Some(field) => facts.push((field, map.next_value()?)),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Facts(facts))
            }
        }
        from.deserialize_map(FactsVisitor)
    }
}

/// What serde_json makes of a line.
pub fn read(line: &str) -> Verdict {
    if serde_json::from_str::<IgnoredAny>(line).is_err() || depth(line) > 64 {
        return Verdict::NotJson;
    }
    if !line.trim_start().starts_with('{') {
        return Verdict::NotAnObject;
    }
    match serde_json::from_str::<Facts>(line) {
        Ok(facts) => Verdict::Object(facts),
        Err(error) if error.to_string().contains("out of range") => Verdict::Unsure,
        Err(_) if line.matches("\\u").count() > 0 && line.matches(['{', '[']).count() > 1 => Verdict::Unsure,
        Err(_) => Verdict::NotJson,
    }
}

/// How deeply a text that is JSON is nested.
fn depth(line: &str) -> i32 {
    let (mut depth, mut deepest, mut inside, mut skip) = (0, 0, false, false);
    for byte in line.bytes() {
        match byte {
            _ if skip => skip = false,
            b'\\' if inside => skip = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => depth += 1,
            b'}' | b']' if !inside => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl Facts {
    /// What the line says, with the reporter left out; or what is wrong.
    pub fn said(&self) -> Result<Said<'_>, Wrong> {
        for (i, (field, _)) in self.0.iter().enumerate() {
            if self.0[..i].iter().any(|(before, _)| before == field) {
                return Err((*field, Some(Reason::Repeated)));
            }
        }
        let source = self.text(Field::Source, 64)?;
        if source == Some("") {
            return Err((Field::Source, Some(Reason::Empty)));
        }
        let id = self.name(Field::Id, 128)?;
        let time = self.time()?;
        let what = match self.text(Field::Kind, usize::MAX)?.unwrap_or("report") {
            "report" => What::Report(self.report()?),
            "action" => {
                let word = self.text(Field::Action, usize::MAX)?.ok_or((Field::Action, Some(Reason::Missing)))?;
                let verb = match word {
                    "accept" => Verb::Accept,
                    "return" => Verb::Return,
                    "done" => Verb::Done,
                    "close" => Verb::Close,
                    "suspend" => Verb::Suspend,
                    "resume" => Verb::Resume,
                    _ => return Err((Field::Action, Some(Reason::NotAValue))),
                };
                What::Action(Action { verb, order: self.name(Field::Order, 64)? })
            }
            "unit" => What::Unit(self.unit()?),
            "ruling" => What::Ruling(self.ruling()?),
            _ => return Err((Field::Kind, Some(Reason::NotAValue))),
        };
        Ok(Said { source, id, time, what })
    }

    fn ruling(&self) -> Result<RulingSays<'_>, Wrong> {
        let (spot, frame) = (self.spot()?, self.text(Field::Frame, usize::MAX)?);
        let full = |field, max| Ok(self.text(field, max)?.filter(|text| !text.is_empty()));
        let (cell, category, unit) = (full(Field::Cell, 256)?, full(Field::Category, 256)?, full(Field::Unit, 64)?);
        let order = self.name(Field::Order, 64)?;
        Ok(RulingSays { order, category, condition: full(Field::Condition, 256)?, spot, frame, cell, unit })
    }

    /// Whether a reporter stands in the line.
    pub fn has_reporter(&self) -> bool {
        self.get(Field::Reporter).is_some()
    }

    fn report(&self) -> Result<Report<'_>, Wrong> {
        let (spot, frame) = (self.spot()?, self.text(Field::Frame, usize::MAX)?);
        let full = |field, max| Ok(self.text(field, max)?.filter(|text| !text.is_empty()));
        let cell = full(Field::Cell, 256)?;
        let component = full(Field::Component, 256)?;
        let address = full(Field::Address, 4096)?;
        let category = full(Field::Category, 256)?;
        self.is(Field::Title, |value| matches!(value, Any::Text(_)))?;
        self.is(Field::Text, |value| matches!(value, Any::Text(_)))?;
        self.is(Field::Value, |value| matches!(value, Any::Integer(_) | Any::Other(_)))?;
        self.is(Field::Unit, |value| matches!(value, Any::Text(_)))?;
        let urgency = match self.text(Field::Urgency, usize::MAX)? {
            None => None,
            Some("A") => Some(Urgency::A),
            Some("B") => Some(Urgency::B),
            Some("C") => Some(Urgency::C),
            Some(_) => return Err((Field::Urgency, Some(Reason::NotAValue))),
        };
        self.is(Field::Reporter, |value| matches!(value, Any::Text(_) | Any::Object))?;
        self.is(Field::Media, |value| matches!(value, Any::Array))?;
        let condition = full(Field::Condition, 256)?;
        let against = full(Field::Against, 256)?;
        Ok(Report { spot, frame, cell, component, address, category, condition, against, urgency, ..Report::default() })
    }

    fn unit(&self) -> Result<UnitSays<'_>, Wrong> {
        let (spot, frame) = (self.spot()?, self.text(Field::Frame, usize::MAX)?);
        let unit = self.name(Field::Unit, 64)?;
        let status = match self.text(Field::Status, usize::MAX)? {
            None => None,
            Some("available") => Some(UnitStatus::Available),
            Some("busy") => Some(UnitStatus::Busy),
            Some("off") => Some(UnitStatus::Off),
            Some(_) => return Err((Field::Status, Some(Reason::NotAValue))),
        };
        let capacity = match self.get(Field::Capacity) {
            None => None,
            Some(Any::Integer(value @ 0..=1_000_000)) => Some(*value as u32),
            Some(Any::Integer(_)) => return Err((Field::Capacity, Some(Reason::OutOfRange))),
            Some(Any::Other(_)) => return Err((Field::Capacity, None)),
            Some(_) => return Err((Field::Capacity, Some(Reason::WrongType))),
        };
        Ok(UnitSays { unit, status, spot, frame, capacity })
    }

    fn time(&self) -> Result<Option<At>, Wrong> {
        let ms = match self.get(Field::Ts) {
            None => return Ok(None),
            Some(Any::Integer(ms)) => *ms,
            Some(Any::Other(_)) => return Err((Field::Ts, None)),
            Some(Any::Text(text)) => rfc3339_ms(text).ok_or((Field::Ts, Some(Reason::NotAValue)))?,
            Some(_) => return Err((Field::Ts, Some(Reason::WrongType))),
        };
        if ms > 0 { Ok(Some(At(ms))) } else { Err((Field::Ts, Some(Reason::OutOfRange))) }
    }

    fn spot(&self) -> Result<Option<Spot>, Wrong> {
        let lng = self.degrees(Field::Lng, 180.0)?;
        if lng.is_none() && self.get(Field::Lat).is_some() {
            return Err((Field::Lng, Some(Reason::Missing)));
        }
        let lat = self.degrees(Field::Lat, 90.0)?;
        if lng.is_some() && lat.is_none() {
            return Err((Field::Lat, Some(Reason::Missing)));
        }
        Ok(lng.zip(lat).map(|(lng, lat)| Spot::Degrees(FinePoint { lng, lat })))
    }

    fn degrees(&self, field: Field, max: f64) -> Result<Option<i64>, Wrong> {
        let degrees = match self.get(field) {
            None => return Ok(None),
            Some(Any::Integer(degrees)) => *degrees as f64,
            Some(Any::Other(degrees)) => *degrees,
            Some(_) => return Err((field, Some(Reason::WrongType))),
        };
        let in_range = (degrees * 1e6).round().abs() <= max * 1e6;
        if in_range { Ok(Some((degrees * 1e9) as i64)) } else { Err((field, Some(Reason::OutOfRange))) }
    }

    fn name(&self, field: Field, max: usize) -> Result<&str, Wrong> {
        match self.text(field, max)? {
            None => Err((field, Some(Reason::Missing))),
            Some("") => Err((field, Some(Reason::Empty))),
            Some(text) => Ok(text),
        }
    }

    fn text(&self, field: Field, max: usize) -> Result<Option<&str>, Wrong> {
        match self.get(field) {
            None => Ok(None),
            Some(Any::Text(text)) if text.len() <= max => Ok(Some(text)),
            Some(Any::Text(_)) => Err((field, Some(Reason::FieldTooLong))),
            Some(_) => Err((field, Some(Reason::WrongType))),
        }
    }

    fn is(&self, field: Field, right: fn(&Any) -> bool) -> Result<(), Wrong> {
        match self.get(field) {
            Some(value) if !right(value) => Err((field, Some(Reason::WrongType))),
            _ => Ok(()),
        }
    }

    fn get(&self, field: Field) -> Option<&Any> {
        self.0.iter().find(|fact| fact.0 == field).map(|fact| &fact.1).filter(|value| !matches!(value, Any::Null))
    }
}
