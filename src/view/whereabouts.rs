//! Whereabouts: how many of the places of each source lie outside the district. If many do, the source has probably another
//! frame than the city believes, and reading the places in other frames may show which.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::city::{City, Frame};
use crate::datum::{Datum, LngLat};
use crate::geo::{FinePoint, Point};
use crate::record::{Input, Record};
use crate::report::Reason;

/// A fold of records.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Whereabouts {
    sources: Vec<Places>,
}

/// The places of one source.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CellId;
    use crate::record::{Head, Tally, Turned};
    use crate::report::Field;

    /// What the n-th record of the default city's second source says.
    fn record(n: u64, input: Input) -> Record {
        Record::sample(n, 1, input)
    }

    fn report(n: u64, point: Point, cell: CellId) -> Record {
        record(n, Input::Report(Head { point, cell, ..Head::SAMPLE }))
    }

    fn turned_away(n: u64, reason: Reason) -> Record {
        let turned = Turned::Rejected;
        let tally = Tally { turned, count: 1, field: Field::Lat, reason, input: 0, line: n, offset: 0, wrong_at: 0 };
        record(n, Input::Tally(tally))
    }

    #[test]
    fn suspicion_begins_above_a_fifth_of_a_hundred_places() {
        let city = City::pudong();
        let nowhere = |n| report(n, Point::NONE, CellId::NONE);
        for (inside, outside, rejected, suspected) in [
            (79, 21, 0, true),
            (80, 20, 0, false),
            (78, 21, 0, false),
            (79, 0, 21, true),
            (0, 100, 0, true),
            (0, 99, 0, false),
        ] {
            let mut whereabouts = Whereabouts::new(city.sources.len());
            let inside = (0..inside).map(|n| report(n, Point { lng: 1, lat: 1 }, CellId(0)));
            let outside = (0..outside).map(|n| report(n, Point { lng: n as i32, lat: 1 }, CellId::NONE));
            let rejected = (0..rejected).map(|n| turned_away(n, Reason::OutsideDistrict));
            inside.chain(outside).chain(rejected).for_each(|record| whereabouts.fold(&record));
            // What has no place, or was turned away for another reason, says nothing about frames.
            (0..500).for_each(|n| whereabouts.fold(&nowhere(n)));
            (0..500).for_each(|n| whereabouts.fold(&turned_away(n, Reason::OutOfRange)));
            let suspicions = whereabouts.suspicions(&city);
            assert_eq!(suspicions.len(), usize::from(suspected), "{suspicions:?}");
            assert!(suspicions.iter().all(|one| *one.source == *city.sources[1].name && one.places == 100));
        }
    }

    #[test]
    fn where_the_log_is_cut_shows_nowhere() {
        let fold = |size: usize| {
            let (mut whole, mut part) = (Whereabouts::new(3), Whereabouts::new(3));
            let records: Vec<_> = (0..200).map(|n| report(n, Point { lng: n as i32, lat: 1 }, CellId::NONE)).collect();
            for records in records.chunks(size) {
                records.iter().for_each(|record| part.fold(record));
                whole.absorb(&mut part);
            }
            assert_eq!(part, Whereabouts::new(3), "what was absorbed is gone");
            whole
        };
        let whole = fold(200);
        assert_eq!(whole.sources[1].sample.len(), SAMPLE_MAX);
        for size in [1, 7, 63, 64, 65, 199] {
            assert_eq!(fold(size), whole, "{size}");
        }
    }
}
