//! Whereabouts: how many of the places of each source lie outside the district. If many do, the source has probably another
//! frame than the city believes, and reading the places in other frames may show which.

use std::fmt;

use crate::city::{City, Frame};
use crate::datum::{Datum, LngLat};
use crate::geo::{FinePoint, Point};
use crate::record::{Input, Record};
use crate::report::Reason;

/// A fold of records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Whereabouts {
    sources: Vec<Places>,
}

/// The places of one source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Places {
    said: u64,
    outside: u64,
    /// The first of those outside.
    sample: Vec<Point>,
}

/// Places outside that are kept of each source.
const SAMPLE_MAX: usize = 64;
/// Places that a source has at least before it is suspected of anything.
const PLACES_MIN: u64 = 100;
/// One in so many places may lie outside.
const OUTSIDE_ONE_IN: u64 = 5;

impl Whereabouts {
    /// Of so many sources.
    pub fn new(sources: usize) -> Self {
        Self { sources: vec![Places::default(); sources] }
    }

    /// Takes in a record.
    #[inline]
    pub fn fold(&mut self, record: &Record) {
        match &record.input {
            Input::Report(head) if head.point.is_some() => {
                let Some(places) = self.sources.get_mut(record.origin.source.index()) else { return };
                places.said += 1;
                if !head.cell.is_some() {
                    places.outside += 1;
                    places.keep(head.point);
                }
            }
            Input::Tally(tally) if tally.reason == Reason::OutsideDistrict => {
                let Some(places) = self.sources.get_mut(record.origin.source.index()) else { return };
                places.said += u64::from(tally.count);
                places.outside += u64::from(tally.count);
            }
            _ => {}
        }
    }

    /// Adds what comes next in the log, of the same sources, and empties it.
    pub fn absorb(&mut self, next: &mut Self) {
        for (mine, theirs) in self.sources.iter_mut().zip(&mut next.sources) {
            mine.said += std::mem::take(&mut theirs.said);
            mine.outside += std::mem::take(&mut theirs.outside);
            theirs.sample.drain(..).for_each(|point| mine.keep(point));
        }
    }

    /// The sources whose frame is doubtful.
    pub fn suspicions(&self, city: &City) -> Vec<Suspicion> {
        let doubtful = |places: &Places| places.said >= PLACES_MIN && places.outside * OUTSIDE_ONE_IN > places.said;
        let suspicion = |(source, places): (&crate::city::Source, &Places)| Suspicion {
            source: source.name.clone(),
            places: places.said,
            outside: places.outside,
            sampled: places.sample.len(),
            inside_as: places.inside_as(city, city.frames.get(source.frame)),
        };
        let sources = city.sources.iter().zip(&self.sources);
        sources.filter(|(_, places)| doubtful(places)).map(suspicion).collect()
    }
}

impl Places {
    #[cold]
    fn keep(&mut self, point: Point) {
        if self.sample.len() < SAMPLE_MAX {
            self.sample.push(point);
        }
    }

    /// How many places of the sample would lie inside if they were read in each of the other frames of degrees.
    fn inside_as(&self, city: &City, frame: &Frame) -> Vec<(Datum, usize)> {
        let &Frame::Degrees(believed) = frame else { return Vec::new() };
        let is_inside = |point: &Point, datum: Datum| {
            let (lng, lat) = FinePoint::from(*point).degrees();
            let said = city.frames.own.convert(LngLat { lng, lat }, believed);
            let place = datum.convert(said, city.frames.own);
            FinePoint::of_degrees(place.lng, place.lat).and_then(|place| city.grid.locate(place)).is_some()
        };
        let others = [Datum::Wgs84, Datum::Gcj02, Datum::Bd09].into_iter().filter(|datum| !datum.agrees_with(believed));
        let count = |datum| self.sample.iter().filter(|point| is_inside(point, datum)).count();
        others.map(|datum| (datum, count(datum))).collect()
    }
}

/// A source whose frame is doubtful.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// Its name.
    pub source: Box<str>,
    /// How many places it said.
    pub places: u64,
    /// How many of them lie outside the district.
    pub outside: u64,
    /// How many of these were kept.
    pub sampled: usize,
    /// How many of the kept ones would lie inside in other frames.
    pub inside_as: Vec<(Datum, usize)>,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, places, outside, sampled, inside_as } = self;
        let share = outside * 100 / places;
        write!(f, "来源 {source} 坐标系可能有误：{places} 处中 {outside} 处（{share} %）在辖区外 ")?;
        write!(f, "the frame of source {source} may be wrong: {outside} of {places} places ({share} %) lie outside")?;
        if *sampled > 0 {
            for (datum, inside) in inside_as {
                write!(f, "; as {} {inside} of {sampled} would lie inside", datum.word())?;
            }
        }
        // Of several that are as good the first: it is the more common one.
        let best = inside_as.iter().rev().max_by_key(|(_, inside)| *inside).filter(|(_, inside)| inside * 2 > *sampled);
        best.map_or(Ok(()), |(datum, _)| write!(f, "; 可试 try frame = \"{}\" in its [[source]]", datum.word()))
    }
}
