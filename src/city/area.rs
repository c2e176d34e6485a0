//! Areas 街镇: their codes and names, and where they are, if they are polygons and no blocks of the raster.

use super::border::{Borders, Polygon};
use super::files::{AREAS, AreasSettings, CityFiles, PLAIN, POLYGONS, Problems, Settings, Spanned, is_plain};
use super::geojson::{self, Feature, Pointer, Rings};
use super::{Frame, FrameId, Frames, Named, Names};
use crate::datum::plane::EastNorth;
use crate::geo::FinePoint;
use crate::ids::AreaId;
use crate::report::Spot;

/// The areas of a city, and their borders if it has any.
pub(super) fn compile(
    files: &CityFiles,
    settings: &Settings,
    frames: &Frames,
    problems: &mut Problems,
) -> (Vec<Named>, Option<Borders>) {
    let listed = files.named(AREAS, problems);
    match (files.get(POLYGONS), &settings.areas) {
        (None, None) => (listed, None),
        (Some(_), None) => {
            let mend = "city.toml says with [areas] id = \"/properties/…\" what the polygons are called";
            problems.push(POLYGONS, 0, "[areas] is missing".to_owned(), mend);
            (listed, None)
        }
        (None, Some(spanned)) => {
            let what = format!("[areas] without {POLYGONS}");
            problems.setting(spanned.span().start, what, "leave out [areas], or put the file into the city's folder");
            (listed, None)
        }
        (Some(text), Some(spanned)) => {
            let mut drawing = Drawing::new(files, listed);
            drawing.compile(text, spanned, frames, problems);
            (drawing.named, Some(Borders::new(drawing.polygons)))
        }
    }
}

/// Areas as they are found in a file of polygons.
struct Drawing {
    /// Whether codes and names are those of a table; else they come with the polygons.
    is_listed: bool,
    named: Vec<Named>,
    codes: Names,
    polygons: Vec<Polygon>,
}

/// Most areas: their positions are 16 bits, one of which says that there is none.
const AREAS_MAX: usize = u16::MAX as usize - 1;

/// What is wrong, and what to do about it.
pub(super) type Wrong = (String, &'static str);

/// Where features say what they are.
struct Pointers<'a> {
    id: Pointer<'a>,
    zh: Option<Pointer<'a>>,
    en: Option<Pointer<'a>>,
}

impl Drawing {
    fn new(files: &CityFiles, listed: Vec<Named>) -> Self {
        let mut codes = Names::default();
        for (position, named) in listed.iter().enumerate() {
            codes.insert(&named.code, position as u16);
        }
        Self { is_listed: files.get(AREAS).is_some(), named: listed, codes, polygons: Vec::new() }
    }

    fn compile(&mut self, text: &str, spanned: &Spanned<AreasSettings>, frames: &Frames, problems: &mut Problems) {
        let (offset, settings) = (spanned.span().start, spanned.get_ref());
        let frame = frames.of_setting(settings.frame.as_ref(), problems);
        let (zh, en) = (
            pointer("areas", settings.name_zh.as_deref(), "name_zh", offset, problems),
            pointer("areas", settings.name_en.as_deref(), "name_en", offset, problems),
        );
        let Some(id) = pointer("areas", Some(&settings.id), "id", offset, problems) else { return };
        let pointers = Pointers { id, zh, en };
        let features = match geojson::features(text) {
            Ok(features) => features,
            Err(unreadable) => {
                problems.push(POLYGONS, unreadable.line, unreadable.what, geojson::MEND);
                return;
            }
        };
        if features.is_empty() {
            problems.push(POLYGONS, 0, "no features".to_owned(), "draw at least one area");
        }
        for (index, (line, feature)) in features.iter().enumerate() {
            let mut wrong = |(what, mend): Wrong| {
                problems.push(POLYGONS, *line, format!("feature {}: {what}", index + 1), mend);
            };
            let feature = match feature {
                Ok(feature) => feature,
                Err(what) => {
                    wrong((what.clone(), geojson::MEND));
                    continue;
                }
            };
            let area = match self.area(feature, &pointers, &settings.id) {
                Ok(area) => area,
                Err(what) => {
                    wrong(what);
                    continue;
                }
            };
            for (path, rings) in feature.polygons() {
                match settled(rings, &path, frame, frames) {
                    Ok(rings) => self.polygons.push(Polygon::new(area, &rings)),
                    Err(what) => wrong(what),
                }
            }
        }
    }

    /// The area that a feature is of, which is a new one if no table says which there are. `id_at` is where its id should be.
    fn area(&mut self, feature: &Feature, pointers: &Pointers<'_>, id_at: &str) -> Result<AreaId, Wrong> {
        let text = |pointer: &Pointer<'_>| {
            feature.text(pointer).map_err(|what| (what, "ids and names are strings or numbers"))
        };
        let name = |pointer: &Option<Pointer<'_>>| pointer.as_ref().map_or(Ok(None), text);
        let (zh, en) = (name(&pointers.zh)?, name(&pointers.en)?);
        let Some(id) = text(&pointers.id)? else {
            return Err((format!("{id_at} is missing or empty"), "every feature says which area it is of"));
        };
        if let Some(known) = self.codes.get(&id) {
            return Ok(AreaId(known));
        }
        if !is_plain(&id) {
            return Err((format!("area {id:?}"), PLAIN));
        }
        if self.is_listed {
            return Err((format!("area \"{id}\""), "name a code of areas.csv, or leave that file out"));
        }
        if self.named.len() >= AREAS_MAX {
            return Err((format!("area \"{id}\" is one too many"), "a city has at most 65,534 areas"));
        }
        let area = AreaId(self.named.len() as u16);
        self.codes.insert(&id, area.0);
        let name = |first: &Option<String>, second: &Option<String>| -> Box<str> {
            first.as_ref().or(second.as_ref()).unwrap_or(&id).as_str().into()
        };
        self.named.push(Named { zh: name(&zh, &en), en: name(&en, &zh), code: id.into() });
        Ok(area)
    }
}

/// The pointer of a setting. One that does not lead to what features say of themselves is a problem.
pub(super) fn pointer<'a>(
    table: &str,
    text: Option<&'a str>,
    key: &str,
    offset: usize,
    problems: &mut Problems,
) -> Option<Pointer<'a>> {
    let pointer = Pointer::new(text?);
    if pointer.is_none() {
        let mend = "give a JSON pointer into a feature: \"/id\", or \"/properties/…\"";
        problems.setting(offset, format!("[{table}] {key} = \"{}\"", text.unwrap_or_default()), mend);
    }
    pointer
}

/// Rings in the city's frame, from the frame that a table of the settings says.
pub(super) fn settled(
    rings: &Rings,
    path: &str,
    frame: FrameId,
    frames: &Frames,
) -> Result<Vec<Vec<FinePoint>>, Wrong> {
    if rings.is_empty() {
        return Err((format!("{path} has no rings"), "a polygon has an outer ring"));
    }
    let one = |(index, ring): (usize, &Vec<_>)| {
        let path = format!("{path}/{index}");
        if ring.first() != ring.last() || ring.is_empty() {
            return Err((format!("{path} is not closed"), "a ring ends where it begins"));
        }
        let corner = |(index, position): (usize, &super::geojson::Position)| {
            let spot = match frames.get(frame) {
                Frame::Degrees(_) => FinePoint::of_degrees(position.x, position.y).map(Spot::Degrees),
                Frame::Plane(_) => Some(Spot::Metres(EastNorth { east: position.x, north: position.y })),
            };
            spot.and_then(|spot| frames.settle(spot, frame).ok()).ok_or_else(|| {
                let what = format!("{path}/{index} is {} {}", position.x, position.y);
                (what, "give longitude, then latitude, or metres east, then north, in the frame that city.toml says")
            })
        };
        let corners = ring.iter().enumerate().map(corner).collect::<Result<Vec<FinePoint>, _>>()?;
        let mut distinct = corners.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 3 {
            return Err((format!("{path} has {} different corners", distinct.len()), "a ring has at least three"));
        }
        Ok(corners)
    };
    rings.iter().enumerate().map(one).collect()
}
