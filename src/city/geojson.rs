//! GeoJSON (RFC 7946), as far as it draws areas: a collection of features that are polygons.

use serde::Deserialize;
use serde_json::Value;

/// A file.
#[derive(Deserialize)]
pub(super) struct Collection {
    #[serde(rename = "type")]
    _kind: CollectionWord,
    pub features: Vec<Feature>,
}

#[derive(Deserialize)]
enum CollectionWord {
    FeatureCollection,
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
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(try_from = "Vec<f64>")]
pub(super) struct Position {
    pub x: f64,
    pub y: f64,
}

impl TryFrom<Vec<f64>> for Position {
    type Error = &'static str;

    fn try_from(numbers: Vec<f64>) -> Result<Self, Self::Error> {
        match numbers[..] {
            [x, y, ..] => Ok(Self { x, y }),
            _ => Err("a position has at least two numbers"),
        }
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
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
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
