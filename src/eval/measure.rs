//! What a classifier is worth, from what it said and what was right.

use serde::Serialize;

/// What was said of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judged {
    /// The right class.
    pub class: usize,
    /// The class that was said.
    pub said: usize,
    /// How sure, in thousandths.
    pub confidence: u16,
}

impl Judged {
    const fn is_right(&self) -> bool {
        self.class == self.said
    }
}

/// Confidence is compared with accuracy in so many bins of equal width.
const BINS: usize = 15;
/// Coverage is told in steps of so many percent.
const COVERAGE_STEP: usize = 5;

/// The figures.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Figures {
    /// How many messages there were.
    pub messages: usize,
    /// The mean of the classes' F1.
    pub macro_f1: f64,
    /// The share that was right.
    pub accuracy: f64,
    /// Expected calibration error: how far confidence lies from accuracy, the mean over messages, in 15 bins of equal width.
    pub ece: f64,
    /// Each class.
    pub classes: Vec<OfClass>,
    /// How often a class (row) was said to be another (column).
    pub confusion: Vec<Vec<usize>>,
    /// Accuracy of the most confident, from few to all.
    pub coverage: Vec<Coverage>,
    /// Confidence and accuracy of each bin that has messages.
    pub calibration: Vec<Bin>,
}

/// The figures of a class.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct OfClass {
    /// What it is called.
    pub label: String,
    /// How many messages are of it.
    pub messages: usize,
    /// How many were said to be.
    pub said: usize,
    /// The share of those said that are.
    pub precision: f64,
    /// The share of those that are that were said.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

/// What the most confident are worth.
#[derive(Clone, Copy, PartialEq, Serialize, Debug)]
pub struct Coverage {
    /// How many of a hundred messages.
    pub percent: usize,
    /// The least confidence among them, in thousandths: the threshold that lets through so many.
    pub confidence: u16,
    /// The share that is right.
    pub accuracy: f64,
}

/// Messages of about the same confidence.
#[derive(Clone, Copy, PartialEq, Serialize, Debug)]
pub struct Bin {
    /// How many.
    pub messages: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share that is right.
    pub accuracy: f64,
}

impl Figures {
    /// The figures of what was said; classes are positions in `labels`.
    pub fn of(labels: &[&str], judged: &[Judged]) -> Self {
        let mut confusion = vec![vec![0; labels.len()]; labels.len()];
        judged.iter().for_each(|one| confusion[one.class][one.said] += 1);
        let classes: Vec<OfClass> =
            (0..labels.len()).map(|class| OfClass::of(class, labels[class], &confusion)).collect();
        let met: Vec<f64> = classes.iter().filter(|one| one.messages + one.said > 0).map(|one| one.f1).collect();
        let right = judged.iter().filter(|one| one.is_right()).count();
        let calibration = calibration(judged);
        let off: f64 = calibration.iter().map(|bin| bin.messages as f64 * (bin.accuracy - bin.confidence).abs()).sum();
        Self {
            messages: judged.len(),
            macro_f1: ratio(met.iter().sum::<f64>(), met.len()),
            accuracy: ratio(right as f64, judged.len()),
            ece: ratio(off, judged.len()),
            classes,
            confusion,
            coverage: coverage(judged),
            calibration,
        }
    }

    /// The accuracy of the most confident, so many of a hundred.
    pub fn accuracy_at(&self, percent: usize) -> f64 {
        self.coverage.iter().find(|one| one.percent == percent).map_or(self.accuracy, |one| one.accuracy)
    }
}

impl OfClass {
    fn of(class: usize, label: &str, confusion: &[Vec<usize>]) -> Self {
        let right = confusion[class][class] as f64;
        let messages: usize = confusion[class].iter().sum();
        let said: usize = confusion.iter().map(|row| row[class]).sum();
        Self {
            label: label.to_owned(),
            messages,
            said,
            precision: ratio(right, said),
            recall: ratio(right, messages),
            f1: ratio(2.0 * right, messages + said),
        }
    }
}

/// A share of nothing is 0.
fn ratio(part: f64, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}

fn coverage(judged: &[Judged]) -> Vec<Coverage> {
    // Among equals none is preferred for being right.
    let mut order: Vec<(u16, bool)> = judged.iter().map(|one| (one.confidence, one.is_right())).collect();
    order.sort_unstable_by_key(|(confidence, is_right)| (std::cmp::Reverse(*confidence), *is_right));
    let of = |percent: usize| {
        let most = &order[..order.len() * percent / 100];
        let right = most.iter().filter(|(_, is_right)| *is_right).count();
        most.last().map(|(confidence, _)| Coverage {
            percent,
            confidence: *confidence,
            accuracy: ratio(right as f64, most.len()),
        })
    };
    (COVERAGE_STEP..=100).step_by(COVERAGE_STEP).filter_map(of).collect()
}

fn calibration(judged: &[Judged]) -> Vec<Bin> {
    let mut bins = [(0_usize, 0_u64, 0_usize); BINS];
    for one in judged {
        let bin = &mut bins[(usize::from(one.confidence) * BINS / 1_000).min(BINS - 1)];
        *bin = (bin.0 + 1, bin.1 + u64::from(one.confidence), bin.2 + usize::from(one.is_right()));
    }
    let bin = |(messages, confidence, right): (usize, u64, usize)| Bin {
        messages,
        confidence: confidence as f64 / 1_000.0 / messages as f64,
        accuracy: right as f64 / messages as f64,
    };
    bins.into_iter().filter(|(messages, ..)| *messages > 0).map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn judged(class: usize, said: usize, confidence: u16) -> Judged {
        Judged { class, said, confidence }
    }

    #[test]
    fn figures_are_those_that_one_works_out_by_hand() {
        let figures = Figures::of(
            &["a", "b", "never"],
            &[judged(0, 0, 900), judged(0, 0, 900), judged(0, 1, 600), judged(1, 1, 800)],
        );
        assert_eq!((figures.messages, figures.accuracy), (4, 0.75));
        let of: Vec<_> =
            figures.classes.iter().map(|one| (one.messages, one.said, one.precision, one.recall)).collect();
        assert_eq!(of, [(3, 2, 1.0, 2.0 / 3.0), (1, 2, 0.5, 1.0), (0, 0, 0.0, 0.0)]);
        // A class that is neither there nor said does not count.
        assert!((figures.macro_f1 - (0.8 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        // 2 × (1 − 0.9) + (0.6 − 0) + (1 − 0.8), over 4.
        assert!((figures.ece - 0.25).abs() < 1e-12, "{}", figures.ece);
        assert_eq!(figures.confusion, [[2, 1, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!((figures.accuracy_at(75), figures.accuracy_at(100)), (1.0, 0.75));
        let all = figures.coverage.last().expect("some");
        assert_eq!((all.percent, all.confidence), (100, 600));
    }

    #[test]
    fn nothing_has_figures_too() {
        let figures = Figures::of(&["a"], &[]);
        assert_eq!((figures.macro_f1, figures.accuracy, figures.ece), (0.0, 0.0, 0.0));
        assert!(figures.coverage.is_empty());
    }
}
