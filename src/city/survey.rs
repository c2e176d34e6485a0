//! The survey of cells: `cells.geojson`, where cells are polygons.

use rayon::prelude::*;

use super::area::{Wrong, pointer, settled};
use super::cells::{Cells, DrawnCell};
use super::files::{CELLS, CellsSettings, CityFiles, PLAIN, Problems, Settings, Spanned, is_plain};
use super::geojson::{self, Feature, Pointer};
use super::{FrameId, Frames, Named, position};
use crate::geo::{FinePoint, Point};
use crate::ids::AreaId;
use crate::limits::TEXT_BYTES_MAX;

/// The cells of a city, if they are polygons.
pub(super) fn compile(
    files: &CityFiles,
    settings: &Settings,
    frames: &Frames,
    areas: &[Named],
    problems: &mut Problems,
) -> Option<Cells> {
    match (files.get(CELLS), &settings.cells) {
        (None, None) => None,
        (Some(_), None) => {
            let mend = "city.toml says with [cells] code = \"/properties/…\" what the polygons are called";
            problems.push(CELLS, 0, "[cells] is missing".to_owned(), mend);
            None
        }
        (None, Some(spanned)) => {
            let what = format!("[cells] without {CELLS}");
            problems.setting(spanned.span().start, what, "leave out [cells], or put the file into the city's folder");
            None
        }
        (Some(text), Some(spanned)) => {
            let survey = Survey::new(spanned, frames, areas, problems)?;
            let drawn = survey.read(text, problems);
            let snap_cm = survey.snap_cm;
            if drawn.iter().all(|cell| cell.is_closed) {
                return None;
            }
            let cells = Cells::new(&drawn, snap_cm);
            if cells.is_err() {
                let mend = "draw cells side by side: what is one cell's is no other's";
                problems.push(CELLS, 0, "cells lie over each other, dozens deep".to_owned(), mend);
            }
            cells.ok()
        }
    }
}

/// What a survey's features are read by.
struct Survey<'a> {
    settings: &'a CellsSettings,
    frames: &'a Frames,
    areas: &'a [Named],
    frame: FrameId,
    code: Pointer<'a>,
    area: Option<Pointer<'a>>,
    opened: Option<Pointer<'a>>,
    closed: Option<Pointer<'a>>,
    snap_cm: u32,
}

/// Digits of an area's code, with which the code of a unit grid begins (GB/T 47678.3).
const AREA_DIGITS: usize = 9;
/// Further away than this nobody means a cell.
const SNAP_M_MAX: u32 = 500;

impl<'a> Survey<'a> {
    fn new(
        spanned: &'a Spanned<CellsSettings>,
        frames: &'a Frames,
        areas: &'a [Named],
        problems: &mut Problems,
    ) -> Option<Self> {
        let (offset, settings) = (spanned.span().start, spanned.get_ref());
        let frame = frames.of_setting(settings.frame.as_ref(), problems);
        let mut pointer =
            |text: Option<&'a String>, key| pointer("cells", text.map(String::as_str), key, offset, problems);
        let (area, opened, closed) = (
            pointer(settings.area.as_ref(), "area"),
            pointer(settings.opened.as_ref(), "opened"),
            pointer(settings.closed.as_ref(), "closed"),
        );
        let code = pointer(Some(&settings.code), "code")?;
        let snap_m = settings.snap_m.unwrap_or(0);
        if snap_m > SNAP_M_MAX {
            let mend = format!("choose at most {SNAP_M_MAX} m, or 0 for none");
            problems.setting(offset, format!("[cells] snap_m = {snap_m}"), mend);
        }
        let snap_cm = snap_m.min(SNAP_M_MAX) * 100;
        Some(Self { settings, frames, areas, frame, code, area, opened, closed, snap_cm })
    }

    /// The cells that a file draws, by code.
    fn read(&self, text: &str, problems: &mut Problems) -> Vec<DrawnCell> {
        let features = match geojson::features(text) {
            Ok(features) => features,
            Err(unreadable) => {
                problems.push(CELLS, unreadable.line, unreadable.what, geojson::MEND);
                return Vec::new();
            }
        };
        let cell = |(line, feature): &(u64, geojson::Read)| {
            let wrong = |what: &String| Err((what.clone(), geojson::MEND));
            (*line, feature.as_ref().map_or_else(wrong, |feature| self.cell(feature)))
        };
        let read: Vec<_> = features.par_iter().map(cell).collect();
        let mut cells = Vec::with_capacity(read.len());
        for (index, (line, cell)) in read.into_iter().enumerate() {
            match cell {
                Ok(cell) => cells.push((line, cell)),
                Err((what, mend)) => problems.push(CELLS, line, format!("feature {}: {what}", index + 1), mend),
            }
        }
        cells.par_sort_by(|(_, one), (_, other)| one.code.cmp(&other.code));
        for pair in cells.windows(2).filter(|pair| pair[0].1.code == pair[1].1.code) {
            let what = format!("cell \"{}\" stands here and in line {}", pair[1].1.code, pair[0].0);
            let mend = "a code is given once and for ever: a closed cell keeps it, and its successors have others";
            problems.push(CELLS, pair[1].0, what, mend);
        }
        if cells.iter().all(|(_, cell)| cell.is_closed) {
            problems.push(CELLS, 0, "no open cell".to_owned(), "draw at least one cell that is not closed");
        }
        cells.into_iter().map(|(_, cell)| cell).collect()
    }

    fn cell(&self, feature: &Feature) -> Result<DrawnCell, Wrong> {
        let text = |pointer: &Pointer<'_>| {
            feature.text(pointer).map_err(|what| (what, "codes and dates are strings or numbers"))
        };
        let given = |pointer: &Option<Pointer<'_>>| pointer.as_ref().map_or(Ok(None), text);
        let Some(code) = text(&self.code)? else {
            let what = format!("{} is missing or empty", self.settings.code);
            return Err((what, "every feature says which cell it is"));
        };
        if !is_plain(&code) || code.len() > TEXT_BYTES_MAX {
            return Err((format!("cell code {code:?}"), PLAIN));
        }
        let (opened, closed) = (Self::date(given(&self.opened)?)?, Self::date(given(&self.closed)?)?);
        if closed.is_some() && closed < opened {
            return Err((format!("cell \"{code}\" is closed before it is opened"), "give dates in the order of time"));
        }
        Ok(DrawnCell {
            area: self.area(&code, given(&self.area)?)?,
            rings: self.rings(feature)?,
            is_closed: closed.is_some(),
            code: code.into(),
        })
    }

    fn date(text: Option<String>) -> Result<Option<jiff::civil::Date>, Wrong> {
        let parse = |text: String| {
            text.parse().map_err(|_| (format!("\"{text}\" is no date"), "write dates as 2026-07-01, or leave them out"))
        };
        text.map(parse).transpose()
    }

    /// The area that a cell says, or the one whose code its own begins with.
    fn area(&self, code: &str, said: Option<String>) -> Result<AreaId, Wrong> {
        let area = match (&said, &self.area) {
            (Some(said), _) => said,
            (None, None) => code.get(..AREA_DIGITS).unwrap_or(code),
            (None, Some(_)) => {
                return Err((format!("cell \"{code}\" says no area"), "every feature says which area it is in"));
            }
        };
        let known = position(self.areas, area).map(AreaId);
        known.ok_or_else(|| (format!("cell \"{code}\" is in area \"{area}\""), "name a code of areas.csv"))
    }

    /// Its rings in whole micro-degrees.
    fn rings(&self, feature: &Feature) -> Result<Vec<Vec<Point>>, Wrong> {
        let mut polygons = feature.polygons();
        let (Some((path, rings)), None) = (polygons.next(), polygons.next()) else {
            let what = "a cell that is not one polygon".to_owned();
            return Err((what, "a cell is all of one piece: give each piece its own code"));
        };
        let mut whole = Vec::new();
        for ring in settled(rings, &path, self.frame, self.frames)? {
            let mut corners: Vec<Point> = ring.into_iter().map(FinePoint::rounded).collect();
            corners.dedup();
            let turns = |pair: &[Point]| {
                let [a, b, c] =
                    [corners[0], pair[0], pair[1]].map(|point| [i64::from(point.lng), i64::from(point.lat)]);
                (b[0] - a[0]) * (c[1] - a[1]) != (c[0] - a[0]) * (b[1] - a[1])
            };
            if corners.len() < 4 || !corners.windows(2).any(turns) {
                let what = format!("{path} has a ring that is nothing in micro-degrees");
                return Err((what, "leave out what is thinner than 0.1 m"));
            }
            whole.push(corners);
        }
        Ok(whole)
    }
}
