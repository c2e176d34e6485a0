//! Several values of one figure.

use std::fmt;

use serde::Serialize;

/// The middle of several values, and how far they spread.
#[derive(Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (last, half) = (sorted.len() - 1, sorted.len() / 2);
        Self { min: sorted[0], median: (sorted[half] + sorted[last - half]) / 2.0, max: sorted[last] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.2} / {:6.2} / {:6.2}", self.min, self.median, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_of_sorted_values() {
        let check = |values: &[f64], expected: [f64; 3]| {
            let Spread { min, median, max } = Spread::of(values.iter().copied());
            assert_eq!([min, median, max], expected);
        };
        check(&[3.0], [3.0, 3.0, 3.0]);
        check(&[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]);
        check(&[4.0, 1.0, 2.0, 9.0], [1.0, 3.0, 9.0]);
    }
}
