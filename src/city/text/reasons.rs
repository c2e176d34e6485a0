//! What spoke for a class: worked out from the text when somebody asks, by the sums that decided.

use std::iter::FusedIterator;

use serde::Serialize;

use super::model::{Guess, MARGIN_BITS, Model, square_of};

/// A run of characters that spoke for the class that was said, or against it.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Reason {
    /// The run; `|` is the seam between title and text.
    pub gram: String,
    /// By how much it moved the margin of the class, in thousandths.
    pub for_class: i32,
    /// By how much it moved the margin of the next best one, in thousandths.
    pub for_runner_up: i32,
}

impl Reason {
    /// By how much it moved the class against the next best.
    const fn weight(&self) -> i32 {
        self.for_class - self.for_runner_up
    }
}

impl Model {
    /// The runs that did the most for and against the class of a message, the weightiest first.
    pub fn reasons(
        &self,
        title: impl FusedIterator<Item = char> + Clone,
        text: impl FusedIterator<Item = char> + Clone,
        count: usize,
    ) -> (Guess, Vec<Reason>) {
        let guess = self.classify(title.clone(), text.clone());
        let (mut found, mut square) = (std::collections::BTreeMap::new(), 0);
        super::grams(title, text, |gram| {
            let row = &self.rows[self.row(gram.hash) * self.chunks()..][..self.chunks()];
            square += square_of(&row[0], gram.step);
            let row = row.as_flattened();
            let [ours, theirs] = [guess.class, guess.runner_up].map(|class| i32::from(row[usize::from(class) + 1]));
            if (ours, theirs) != (0, 0) {
                let (step, sums) = (i32::from(gram.step.count), found.entry(gram.chars).or_insert((gram, 0, 0)));
                *sums = (gram, sums.1 + step * ours, sums.2 + step * theirs);
            }
        });
        let scale = self.scale(square);
        let thousandths = |sum| ((i128::from(self.margin(sum, scale)) * 1_000) >> MARGIN_BITS) as i32;
        let mut reasons: Vec<_> = found
            .into_values()
            .map(|(gram, ours, theirs)| Reason {
                gram: gram.text(),
                for_class: thousandths(ours),
                for_runner_up: thousandths(theirs),
            })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight().abs()));
        reasons.truncate(count);
        (guess, reasons)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::of_three;

    #[test]
    fn what_spoke_for_a_class_stands_first() {
        let model = of_three();
        let (guess, reasons) = model.reasons("".chars(), "路灯坏了,漏水".chars(), 5);
        assert_eq!(guess, model.classify("".chars(), "路灯坏了,漏水".chars()));
        assert!(reasons.len() == 5 && reasons.is_sorted_by_key(|reason| -reason.weight().abs()), "{reasons:?}");
        let known = ["路", "灯", "路灯", "漏", "水", "漏水"];
        assert!(reasons.iter().all(|reason| known.contains(&reason.gram.as_str())), "{reasons:?}");
        let (_, all) = model.reasons("".chars(), "路灯坏了,漏水".chars(), 50);
        let of = |gram: &str| all.iter().find(|reason| reason.gram == gram).expect("it is there");
        let (ours, theirs) = if &*model.labels()[usize::from(guess.class)] == "照明" {
            ("路灯", "漏水")
        } else {
            ("漏水", "路灯")
        };
        assert!(of(ours).for_class > 0 && of(theirs).for_class < 0 && of(theirs).for_runner_up > 0, "{all:?}");
    }
}
