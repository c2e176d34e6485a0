//! GeoJSON (RFC 7946), as far as it draws areas: a collection of features that are polygons.

use std::fmt;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A file, whose features are still text: there may be hundreds of thousands.
#[derive(Deserialize)]
pub(super) struct Collection<'a> {
    #[serde(rename = "type")]
    _kind: CollectionWord,
    #[serde(borrow)]
    features: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
enum CollectionWord {
    FeatureCollection,
}

/// What is wrong with a file, and in which line.
pub(super) struct Unreadable {
    pub line: u64,
    pub what: String,
}

/// What a file of polygons is.
pub(super) const MEND: &str = "the file is a GeoJSON FeatureCollection of features that are a Polygon or MultiPolygon";

/// A feature, or what is wrong with it.
pub(super) type Read = Result<Feature, String>;

/// The features of a file, each with the line that it begins in, or with what is wrong with it and where.
///
/// # Errors
/// What is no such file.
pub(super) fn features(text: &str) -> Result<Vec<(u64, Read)>, Unreadable> {
    let collection: Collection<'_> = serde_json::from_str(text)
        .map_err(|error| Unreadable { line: error.line() as u64, what: without_place(&error) })?;
    let mut lines = Lines { text, at: 0, line: 1 };
    let features: Vec<_> = collection.features.into_iter().map(|raw| (lines.line_of(raw.get()), raw.get())).collect();
    let read = |(line, raw): (u64, &str)| match serde_json::from_str(raw) {
        Ok(feature) => (line, Ok(feature)),
        Err(error) => (line + error.line() as u64 - 1, Err(without_place(&error))),
    };
    Ok(features.into_par_iter().map(read).collect())
}

/// What is wrong, without the line and column, which are counted from elsewhere.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Counts lines from the beginning of a text to parts of it, which are asked for in order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn line_of(&mut self, part: &str) -> u64 {
        let at = part.as_ptr().addr() - self.text.as_ptr().addr();
        self.line += memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.at..at]).count() as u64;
        self.at = at;
        self.line
    }
}

/// One feature.
#[derive(Deserialize)]
pub(super) struct Feature {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    properties: Value,
    pub geometry: Geometry,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
pub(super) enum Geometry {
    Polygon(Rings),
    MultiPolygon(Vec<Rings>),
}

/// The outer ring of a polygon, then its holes.
pub(super) type Rings = Vec<Vec<Position>>;

/// Two coordinates; a height may follow, and counts for nothing.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Position {
    pub x: f64,
    pub y: f64,
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl<'de> Visitor<'de> for Numbers {
            type Value = Position;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position of at least two numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Position, A::Error> {
                let mut next = |count| {
                    let number = numbers.next_element::<f64>()?;
                    number.ok_or_else(|| serde::de::Error::invalid_length(count, &self))
                };
                let position = Position { x: next(0)?, y: next(1)? };
                while numbers.next_element::<IgnoredAny>()?.is_some() {}
                Ok(position)
            }
        }
        deserializer.deserialize_seq(Numbers)
    }
}

/// A JSON pointer to something that a feature says of itself.
pub(super) struct Pointer<'a>(&'a str);

impl<'a> Pointer<'a> {
    /// Of its text; none if it leads elsewhere.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        (text == "/id" || text.starts_with("/properties/")).then_some(Self(text))
    }
}

impl Feature {
    /// The text or number that a pointer leads to; what is empty or `null` is not there.
    ///
    /// # Errors
    /// If it leads to something else.
    pub(super) fn text(&self, pointer: &Pointer<'_>) -> Result<Option<String>, String> {
        let value = match pointer.0.strip_prefix("/properties") {
            Some(rest) => self.properties.pointer(rest),
            None => Some(&self.id),
        };
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
            Some(other) => Err(format!("{} is {other}", pointer.0)),
        }
    }

    /// Its polygons, each with where it stands in the feature.
    pub(super) fn polygons(&self) -> impl Iterator<Item = (String, &Rings)> {
        const PATH: &str = "/geometry/coordinates";
        let (one, many) = match &self.geometry {
            Geometry::Polygon(rings) => (Some((PATH.to_owned(), rings)), &[][..]),
            Geometry::MultiPolygon(polygons) => (None, &polygons[..]),
        };
        one.into_iter().chain(many.iter().enumerate().map(|(index, rings)| (format!("{PATH}/{index}"), rings)))
    }
}
