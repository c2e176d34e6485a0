//! The census of a page: how many reports of each source and urgency it answers, and the first of each.

use crate::ids::{Seq, SourceId};
use crate::record::{Input, Record};
use crate::report::Urgency;

/// Reports by source and urgency.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// By source, then by the urgency's code: how many, and the first.
    sources: Vec<[(u64, Seq); 3]>,
}

impl Census {
    /// Of nobody, for so many sources.
    pub fn new(sources: usize) -> Self {
        Self { sources: vec![[(0, Seq(0)); 3]; sources] }
    }

    /// Counts a record, if it is a report.
    #[inline]
    pub fn fold(&mut self, record: &Record) {
        let Input::Report(head) = &record.input else { return };
        let (reports, first) = &mut self.sources[record.origin.source.index()][head.urgency as usize];
        if *reports == 0 {
            *first = record.seq;
        }
        *reports += 1;
    }

    /// Source, urgency, how many reports, and the first of them.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, Urgency, u64, Seq)> {
        let of_source = |(counts, source): (&[(u64, Seq); 3], u16)| {
            let named = move |(code, (reports, first))| (SourceId(source), Urgency::from_code(code), reports, first);
            (0..).zip(*counts).map(named)
        };
        self.sources.iter().zip(0..).flat_map(of_source).filter(|(_, _, reports, _)| *reports > 0)
    }

    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.sources.fill([(0, Seq(0)); 3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Point;
    use crate::ids::UnitId;
    use crate::record::{Head, UnitChange};

    #[test]
    fn reports_are_counted_and_nothing_else() {
        let report = |urgency| Input::Report(Head { urgency, ..Head::SAMPLE });
        let unit = UnitChange { unit: UnitId(0), status: None, point: Point::NONE, capacity: None };
        let mut census = Census::new(2);
        for (seq, source, input) in [
            (1, 0, report(Urgency::C)),
            (2, 1, report(Urgency::A)),
            (3, 0, report(Urgency::C)),
            (4, 0, Input::Unit(unit)),
        ] {
            census.fold(&Record::sample(seq, source, input));
        }
        let counted: Vec<_> = census.iter().collect();
        let expected = [(SourceId(0), Urgency::C, 2, Seq(1)), (SourceId(1), Urgency::A, 1, Seq(2))];
        assert_eq!(counted, expected);
        census.clear();
        assert_eq!(census.iter().count(), 0);
    }
}
