//! The linear model: for each class, what speaks for it, in integers.
//!
//! A run of characters that training met often enough has a row: how much it counts for the length of a text, and a weight for
//! each class. A text's margin for a class is the sum of weights over the text's length (in the sense of vectors), and the
//! class with the greatest margin is said; how sure that is, a softmax over the margins tells, with the steepness that training
//! found on messages it had not learnt from.
//!
//! Where a run's row is, one entry of the index says, which belongs to one run: of several that fall there, training gives it to
//! the most important, and then fits once more to those that have a row. (Rows for hashes alone, 2¹⁹ of them and shared by whatever
//! falls into one, were measured: 0.006 of macro-F1 is lost.)

use std::iter::FusedIterator;

use super::grams::{BLOCK, GRAMS_MAX, RUNS, Rank, STEP_MAX, Step, Window, in_blocks};

/// Weights of a row that are added at once.
pub(super) const LANES: usize = 8;
/// The most classes of a model.
pub const CLASSES_MAX: usize = CHUNKS_MAX * LANES - 1;
const CHUNKS_MAX: usize = 64;
/// The greatest weight. Sums of it stay within 32 bits, whatever the text.
pub(super) const WEIGHT_MAX: i16 = 2_000;
const _: () = assert!(GRAMS_MAX as i64 * STEP_MAX as i64 * WEIGHT_MAX as i64 <= i32::MAX as i64);

/// An entry of the index: which row, below a tag that tells its run from the others.
pub(super) const ROW_BITS: u32 = 18;
pub(super) const ROW: u32 = (1 << ROW_BITS) - 1;
/// The index has at most so many entries, as a binary logarithm: 1 MiB, which a processor keeps in a cache of its own.
pub(super) const INDEX_BITS_MAX: u32 = 18;
/// So many entries for a run, so that few fall on another.
const ENTRIES_FOR_ONE: usize = 2;
/// Rows of a model are at most so many (with twice as many macro-F1 is the same), and weigh at most so many bytes.
const ROWS_MAX: usize = 1 << 17;
const ROW_BYTES_MAX: usize = 12 << 20;

/// Margins and steepness are fixed-point numbers with so many bits behind the point.
pub(super) const MARGIN_BITS: u32 = 16;
/// [`Model::unit`] has so many bits more.
const UNIT_BITS: u32 = 12;
/// A text's length is taken with so many bits behind the point.
const LENGTH_BITS: u32 = 8;
/// Rows tell their share in the square of a length in such units.
const SHARE_UNIT: f64 = 8.0;
/// Shares of the softmax are told apart so finely.
const SHARES: u64 = 1_000;
/// The softmax's exponentials are taken from a table with so many points for 1, in such units, up to where they are nothing.
const FALL_BITS: u32 = 6;
const FALL_ONE: u64 = 1 << 30;
const FALL_END: u32 = 21;

/// What a text is about, as far as a model can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guess {
    /// Position of the class in [`Model::labels`].
    pub class: u16,
    /// The next best.
    pub runner_up: u16,
    /// How sure it is, in thousandths.
    pub confidence: u16,
}

/// A model.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// What its classes are called.
    pub(super) labels: Vec<Box<str>>,
    /// A class's margin before anything is read.
    pub(super) biases: Vec<i32>,
    /// From sums to margins.
    pub(super) unit: u64,
    /// Steepness, slope and offset of [`Sureness`].
    pub(super) sureness: [i32; 3],
    /// What a softmax in thousandths is worth, by [`Sureness::thousandths`].
    pub(super) worth: Box<[u16]>,
    /// e to the power of minus n, in steps of 2 to the power of minus [`FALL_BITS`].
    pub(super) fall: Box<[u32]>,
    /// How many messages it was trained on.
    pub(super) trained_on: u32,
    /// Where rows are found; a power of two.
    pub(super) index: Vec<u32>,
    /// Rows, each of [`Self::chunks`]: the share in the square of a length, then the weights. The first is that of unknown runs; of
    /// the others the most frequent come first, so that what is often read lies together.
    pub(super) rows: Vec<[i16; LANES]>,
}

/// What training found.
pub struct Blueprint {
    /// What classes are called.
    pub labels: Vec<Box<str>>,
    /// A class's margin before anything is read.
    pub biases: Vec<f64>,
    /// How sure a margin is.
    pub sureness: Sureness,
    /// How many messages there were.
    pub trained_on: u32,
    /// Where runs have their rows.
    pub room: Room,
    /// The runs that have one.
    pub features: Vec<Feature>,
}

/// How sure a margin is: a softmax of some steepness over the margins, and a line through its log odds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sureness {
    /// By how much margins are steepened.
    pub steepness: f64,
    /// The line's slope.
    pub slope: f64,
    /// Its height at even odds.
    pub offset: f64,
}

impl Sureness {
    /// The log odds of a softmax; certainty is nowhere.
    pub fn log_odds(share: f64) -> f64 {
        const SURE: f64 = 0.9995;
        let share = share.clamp(1.0 - SURE, SURE);
        libm::log(share / (1.0 - share))
    }

    /// How sure a class is that the softmax gives a share, in thousandths.
    pub fn thousandths(&self, share: f64) -> u16 {
        (1_000.0 / (1.0 + libm::exp(-(self.slope * Self::log_odds(share) + self.offset))) + 0.5) as u16
    }
}

/// A run that counts.
pub struct Feature {
    /// Its hash.
    pub hash: u64,
    /// How rare it is.
    pub idf: f32,
    /// For each class, how much it moves the margin.
    pub weights: Box<[f32]>,
}

/// Room for the rows of runs.
pub struct Room {
    taken: Vec<bool>,
    free: usize,
}

impl Room {
    /// For the rows of a model with so many classes, and so many runs to choose from.
    pub fn new(classes: usize, runs: usize) -> Self {
        let entries = (runs * ENTRIES_FOR_ONE).next_power_of_two().clamp(2, 1 << INDEX_BITS_MAX);
        Self {
            taken: vec![false; entries],
            free: ROWS_MAX.min(ROW_BYTES_MAX / (chunks(classes) * LANES * size_of::<i16>())),
        }
    }

    /// Whether there is room for a run, which it has from then on.
    pub fn take(&mut self, hash: u64) -> bool {
        let entry = entry_of(hash, self.taken.len());
        let has_room = !self.taken[entry] && self.free > 0;
        if has_room {
            self.taken[entry] = true;
            self.free -= 1;
        }
        has_room
    }
}

impl Model {
    /// Makes a model.
    ///
    /// # Panics
    /// If there is no class or more than [`CLASSES_MAX`], or if a feature has taken no room.
    pub fn build(blueprint: Blueprint) -> Self {
        let Blueprint { labels, biases, sureness, trained_on, room, mut features } = blueprint;
        let sureness = [sureness.steepness, sureness.slope, sureness.offset].map(fixed);
        assert!((1..=CLASSES_MAX).contains(&labels.len()), "a model has 1 to {CLASSES_MAX} classes");
        features.sort_by(|a, b| a.idf.total_cmp(&b.idf).then(a.hash.cmp(&b.hash)));
        let weights = features.iter().flat_map(|one| one.weights.iter().map(|weight| (weight * one.idf).abs()));
        let scale = f64::from(WEIGHT_MAX) / f64::from(weights.fold(1e-3_f32, f32::max));
        let chunks = chunks(labels.len());
        let mut model = Self {
            biases: biases.iter().map(|bias| fixed(*bias)).collect(),
            unit: (SHARE_UNIT.sqrt() / scale * f64::from(1_u32 << (MARGIN_BITS + UNIT_BITS))) as u64,
            sureness,
            worth: worth(sureness),
            fall: fall(),
            trained_on,
            index: vec![0; room.taken.len()],
            rows: vec![[0; LANES]; (features.len() + 1) * chunks],
            labels,
        };
        for (row, feature) in (1..).zip(&features) {
            let entry = entry_of(feature.hash, model.index.len());
            assert!(model.index[entry] == 0 && room.taken[entry], "every feature has room");
            model.index[entry] = tag(feature.hash) | row as u32;
            let lanes = model.rows[row * chunks..][..chunks].as_flattened_mut();
            let idf = f64::from(feature.idf);
            lanes[0] = ((idf * idf * SHARE_UNIT).round() as i16).min(WEIGHT_MAX);
            for (lane, weight) in lanes[1..].iter_mut().zip(&feature.weights) {
                *lane = (f64::from(*weight) * idf * scale).round() as i16;
            }
        }
        model
    }

    /// What its classes are called.
    pub fn labels(&self) -> &[Box<str>] {
        &self.labels
    }

    /// How many messages it was trained on.
    pub const fn trained_on(&self) -> u32 {
        self.trained_on
    }

    /// How many runs of characters have a row.
    pub fn runs(&self) -> usize {
        self.rows.len() / self.chunks() - 1
    }

    /// Chunks of a row.
    pub(super) fn chunks(&self) -> usize {
        chunks(self.labels.len())
    }

    /// Says what a message is about.
    #[inline]
    pub fn classify(&self, title: impl FusedIterator<Item = char>, text: impl FusedIterator<Item = char>) -> Guess {
        // Nearly all models have few classes, whose sums then stay in registers.
        if self.chunks() == 1 { self.classify_few(title, text) } else { self.classify_many(title, text) }
    }

    fn classify_few(&self, title: impl FusedIterator<Item = char>, text: impl FusedIterator<Item = char>) -> Guess {
        let (mut found, mut sums, mut square, rows) = (Found::default(), [0; LANES], 0, &self.rows[..]);
        in_blocks(title, text, |window, block, rank| {
            let (mut own, mut own_square) = (sums, 0);
            for (row, step) in self.find(window, block, rank, &mut found) {
                let row = &rows[row as usize];
                add(&mut own, row, step);
                own_square += square_of(row, step);
            }
            sums = own;
            square += own_square;
        });
        self.decide(&[sums], square)
    }

    fn classify_many(&self, title: impl FusedIterator<Item = char>, text: impl FusedIterator<Item = char>) -> Guess {
        let (mut found, mut sums, mut square) = (Found::default(), [[0; LANES]; CHUNKS_MAX], 0);
        let (chunks, sums) = (self.chunks(), &mut sums[..self.chunks()]);
        in_blocks(title, text, |window, block, rank| {
            for (row, step) in self.find(window, block, rank, &mut found) {
                let row = &self.rows[row as usize * chunks..][..chunks];
                sums.iter_mut().zip(row).for_each(|(sums, weights)| add(sums, weights, step));
                square += square_of(&row[0], step);
            }
        });
        self.decide(sums, square)
    }

    /// The rows of a block's runs, and by how much each counts.
    #[inline(always)]
    fn find<'f>(
        &self,
        window: &mut Window,
        block: &[char],
        rank: Rank,
        found: &'f mut Found,
    ) -> impl Iterator<Item = (u32, Step)> + use<'f> {
        let count = block.len() * RUNS;
        for (c, (hashes, steps)) in block.iter().zip(found.hashes.iter_mut().zip(&mut found.steps)) {
            for (run, gram) in window.push(*c, rank).into_iter().enumerate() {
                (hashes[run], steps[run]) = (gram.hash, gram.step);
            }
        }
        for (row, hash) in found.rows.iter_mut().zip(&found.hashes.as_flattened()[..count]) {
            *row = self.row(*hash) as u32;
        }
        found.rows[..count].iter().copied().zip(found.steps.as_flattened().iter().copied())
    }

    /// The row of a run; that of unknown ones if it has none. Nothing is foretold wrongly here: about half of all runs are unknown,
    /// and a branch would cost more than all the rest.
    #[inline(always)]
    pub(super) fn row(&self, hash: u64) -> usize {
        let entry = self.index[entry_of(hash, self.index.len())];
        let row = (entry & ROW) as usize;
        if entry >> ROW_BITS == hash as u32 >> ROW_BITS { row } else { 0 }
    }

    fn decide(&self, sums: &[[i32; LANES]], square: u64) -> Guess {
        let (sums, scale) = (&sums.as_flattened()[1..], self.scale(square));
        let margin = |class: usize| self.margin(sums[class], scale) + i64::from(self.biases[class]);
        let (mut best, mut next) = ((0_u16, margin(0)), (0_u16, i64::MIN));
        for class in 1..self.labels.len() {
            let margin = margin(class);
            if margin > best.1 {
                (next, best) = (best, (class as u16, margin));
            } else if margin > next.1 {
                next = (class as u16, margin);
            }
        }
        let mut sum = 0;
        for class in 0..self.labels.len() {
            let behind = (i128::from(best.1 - margin(class)) * i128::from(self.sureness[0])) >> MARGIN_BITS;
            sum += self.falling(behind as u64);
        }
        let share = (SHARES * FALL_ONE + sum / 2) / sum;
        Guess { class: best.0, runner_up: next.0, confidence: self.worth[share as usize] }
    }

    /// e to the power of less than nothing, in units of [`FALL_ONE`], on straight lines between the points of a table.
    #[inline]
    fn falling(&self, behind: u64) -> u64 {
        const STEP: u32 = MARGIN_BITS - FALL_BITS;
        let [Some(here), Some(there)] = [0, 1].map(|next| self.fall.get((behind >> STEP) as usize + next)) else {
            return 0;
        };
        let part = behind & ((1 << STEP) - 1);
        u64::from(*here) - ((u64::from(here - there) * part) >> STEP)
    }

    /// From sums to margins, for a text of a length with this square.
    pub(super) fn scale(&self, square: u64) -> u64 {
        let length = (square << (2 * LENGTH_BITS)).isqrt().max(1);
        (self.unit << (20 + LENGTH_BITS)) / length
    }

    /// What a sum is in a margin.
    #[inline]
    pub(super) fn margin(&self, sum: i32, scale: u64) -> i64 {
        ((i128::from(sum) * i128::from(scale)) >> (20 + UNIT_BITS)) as i64
    }
}

/// What was found of a block's runs.
struct Found {
    hashes: [[u64; RUNS]; BLOCK],
    steps: [[Step; RUNS]; BLOCK],
    rows: [u32; RUNS * BLOCK],
}

impl Default for Found {
    fn default() -> Self {
        Self { hashes: [[0; RUNS]; BLOCK], steps: [[Step::default(); RUNS]; BLOCK], rows: [0; RUNS * BLOCK] }
    }
}

/// Adds a run's weights to sums, as often as it counts. The share, which stands first, is added too, and the sum not used.
#[inline(always)]
fn add(sums: &mut [i32; LANES], weights: &[i16; LANES], step: Step) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += i32::from(*weight) * i32::from(step.count);
    }
}

/// What a run adds to the square of a text's length.
#[inline(always)]
pub(super) fn square_of(row: &[i16; LANES], step: Step) -> u64 {
    u64::from(row[0].cast_unsigned()) * u64::from(step.square)
}

/// Chunks of a row with so many classes and the share in the length.
pub(super) const fn chunks(classes: usize) -> usize {
    (classes + 1).div_ceil(LANES)
}

/// What tells a run from others that fall on its entry.
#[inline(always)]
const fn tag(hash: u64) -> u32 {
    hash as u32 & !ROW
}

/// The entry of a run.
#[inline(always)]
const fn entry_of(hash: u64, entries: usize) -> usize {
    (hash >> 32) as usize & (entries - 1)
}

/// What each share of the softmax is worth.
pub(super) fn worth(sureness: [i32; 3]) -> Box<[u16]> {
    let [steepness, slope, offset] = sureness.map(|fixed| f64::from(fixed) / f64::from(1_u32 << MARGIN_BITS));
    let sureness = Sureness { steepness, slope, offset };
    (0..=SHARES).map(|share| sureness.thousandths(share as f64 / SHARES as f64)).collect()
}

/// The table of [`Model::falling`].
pub(super) fn fall() -> Box<[u32]> {
    let point = |n: u32| libm::exp(f64::from(n) / -f64::from(1_u32 << FALL_BITS));
    (0..=FALL_END << FALL_BITS).map(|n| (FALL_ONE as f64 * point(n) + 0.5) as u32).collect()
}

fn fixed(value: f64) -> i32 {
    (value * f64::from(1_u32 << MARGIN_BITS)).round() as i32
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::grams;
    use super::*;

    /// A model that knows the runs of some texts, each of which speaks for one class and against the others.
    pub fn model(texts: &[(&str, &str)]) -> Model {
        let mut labels: Vec<Box<str>> = texts.iter().map(|(label, _)| (*label).into()).collect();
        labels.sort();
        labels.dedup();
        let mut room = Room::new(labels.len(), 1 << 12);
        let mut features: Vec<Feature> = Vec::new();
        for (label, text) in texts {
            let of = labels.iter().position(|one| **one == **label).expect("a label of all");
            grams("".chars(), text.chars(), |gram| {
                let weights = (0..labels.len()).map(|class| if class == of { 1.0 } else { -0.5 });
                if !gram.text().contains('|') && room.take(gram.hash) {
                    features.push(Feature { hash: gram.hash, idf: 2.0, weights: weights.collect() });
                }
            });
        }
        let sureness = Sureness { steepness: 1.0, slope: 1.0, offset: 0.0 };
        Model::build(Blueprint { biases: vec![-0.5; labels.len()], labels, sureness, trained_on: 3, room, features })
    }

    pub fn of_three() -> Model {
        model(&[("水务", "管道爆裂漏水"), ("照明", "路灯不亮"), ("环卫", "垃圾没有清运")])
    }

    fn say(model: &Model, title: &str, text: &str) -> (String, u16) {
        let guess = model.classify(title.chars(), text.chars());
        (model.labels()[usize::from(guess.class)].to_string(), guess.confidence)
    }

    #[test]
    fn the_class_that_most_speaks_for_is_said_and_how_sure_that_is() {
        let model = of_three();
        let (class, sure) = say(&model, "", "家门口管道漏水,请处理");
        assert!(class == "水务" && sure > 500, "{class} {sure}");
        // 臺 and full-width forms are other spellings of the same.
        assert_eq!(say(&model, "", "路燈不亮"), say(&model, "", "路灯不亮"));
        assert_eq!(say(&model, "路灯不亮", "").0, "照明");
        let (_, unsure) = say(&model, "", "有水,有灯,有垃圾");
        assert!(unsure < sure, "{unsure} {sure}");
        // Nothing is known: all are alike, and the first is said.
        let (class, sure) = say(&model, "", "");
        assert_eq!((class.as_str(), sure), (&*model.labels()[0], 333));
    }

    #[test]
    fn a_model_of_many_classes_says_what_one_of_few_says() {
        let few = of_three();
        let mut texts = vec![("水务", "管道爆裂漏水"), ("照明", "路灯不亮"), ("环卫", "垃圾没有清运")];
        let more: Vec<String> = (0..20).map(|n| format!("类{n}")).collect();
        texts.extend(more.iter().map(|label| (label.as_str(), "乙")));
        let many = model(&texts);
        assert!(few.chunks() == 1 && many.chunks() == 3);
        for text in ["家门口管道漏水", "路灯", "垃圾清运"] {
            assert_eq!(say(&few, "", text).0, say(&many, "", text).0, "{text}");
        }
    }

    #[test]
    fn room_is_bounded_and_each_entry_has_one_run() {
        let mut room = Room::new(2, 4);
        assert_eq!(room.taken.len(), 8);
        assert!(room.take(0) && !room.take(0) && !room.take(1 << 40) && room.take(1 << 32));
        assert_eq!(Room::new(2, usize::MAX >> 8).taken.len(), 1 << INDEX_BITS_MAX);
        assert!(Room::new(CLASSES_MAX, 1 << 20).free * CHUNKS_MAX * LANES * 2 <= ROW_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn whatever_is_said_a_class_is_told(title in any::<String>(), text in any::<String>(), times in 1_usize..100) {
            let guess = of_three().classify(title.repeat(times).chars(), text.repeat(times).chars());
            prop_assert!(guess.class < 3 && guess.runner_up < 3 && guess.confidence <= 1_000);
        }
    }
}
