//! `paidan train`: from messages with classes to a model that tells classes.
//!
//! A fifth of the messages at a time is held out from a fit to the others; that tells when to stop, and what the model would have
//! said of messages that it has not seen, all of them once. From that comes how sure a margin is, and what the model is
//! worth. Then it is fitted to all.
//!
//! The same messages, in whatever order of threads, give the same bytes: fits run side by side, each of them on one thread.

mod calibrate;
pub mod corpus;
mod fit;
mod kin;
mod matrix;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;

use crate::city::text::{Blueprint, CLASSES_MAX, Feature, Model};
use crate::eval::measure::{Figures, Judged};
use crate::failure::{Failure, tell};
use crate::rehearsal::rng::Rng;
use corpus::{Corpus, MEND, Message};
use fit::{Chosen, EPOCHS_MAX, Examples, Fitted, Stopped};
use matrix::Matrix;

/// Into so many parts messages are divided, each of which is held out once.
const FOLDS: usize = 5;
/// A fit has at most so many weights.
const WEIGHTS_MAX: usize = 32 << 20;

/// What training is asked to do.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files of lines.
    pub files: Vec<PathBuf>,
    /// Where the model goes.
    pub out: PathBuf,
    /// Another seed gives another division, and another model.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
    /// A line that is no message is a reason to refuse.
    pub strict: bool,
    /// Show how far it is.
    pub shows_progress: bool,
}

/// What came of it.
#[derive(Serialize, Debug)]
pub struct Trained {
    /// Messages that were learnt from.
    pub messages: usize,
    /// Lines that were none.
    pub bad_lines: usize,
    /// What classes are called.
    pub classes: Vec<String>,
    /// Runs of characters that the model has a row for.
    pub runs: usize,
    /// Passes of the last fit.
    pub epochs: usize,
    /// What the model said of messages that were held out from it.
    pub held_out: Figures,
    /// Of the file.
    pub bytes: usize,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

/// Trains a model, and writes it.
///
/// # Errors
/// If a file cannot be read or written, or if there are not enough messages of two classes at least.
pub fn train(request: &Request) -> Result<Trained, Failure> {
    let started = Instant::now();
    let corpus = Corpus::read(&request.files)?;
    tell(format_args!("{}", corpus.tell_bad()));
    corpus.refuse_bad(request.strict)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(request.threads).build();
    let pool = pool.map_err(|cause| Failure::Machine(format!("cannot start threads: {cause}")))?;
    let progress = Progress::new(request.shows_progress);
    let (model, mut trained) = pool.install(|| learn(&corpus.messages, request.seed, &progress))?;
    progress.0.finish_and_clear();
    let bytes = model.to_bytes();
    write(&request.out, &bytes)?;
    (trained.bytes, trained.bad_lines, trained.took) = (bytes.len(), corpus.bad.len(), started.elapsed());
    Ok(trained)
}

/// Writes a file as a whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|cause| Failure::file("write", path, &cause))
}

/// Learns from messages.
///
/// # Errors
/// If there are not enough messages of two classes at least, or too many classes.
pub fn learn(messages: &[Message], seed: u64, progress: &Progress) -> Result<(Model, Trained), Failure> {
    let mut labels: Vec<&str> = messages.iter().map(|message| &*message.label).collect();
    labels.sort_unstable();
    labels.dedup();
    if !(2..=CLASSES_MAX).contains(&labels.len()) {
        return Err(Failure::Refused(format!(
            "类别数量不符 there are {} labels, and a model tells 2 to {CLASSES_MAX} apart\n  mend: {MEND}",
            labels.len()
        )));
    }
    let class = |message: &Message| labels.binary_search(&&*message.label).expect("a label of all") as u16;
    let classes: Vec<u16> = messages.iter().map(class).collect();
    let matrix = Matrix::of(messages, WEIGHTS_MAX / labels.len().next_multiple_of(8));
    let examples = Examples { matrix: &matrix, classes: &classes, count: labels.len() };
    progress.0.inc(1);

    let kin = kin::kin(&matrix, messages.iter().map(|message| message.group.as_deref()));
    let folds = folds(&kin, &classes, seed);
    let held_out: Vec<Vec<u32>> = (0..FOLDS).map(|fold| rows(&folds, |of| of == fold)).collect();
    let stopped: Vec<Stopped> = held_out
        .par_iter()
        .enumerate()
        .map(|(fold, held_out)| {
            let others = rows(&folds, |of| of != fold);
            let stopped = fit::until_stopped(examples, &others, held_out, seed ^ fold as u64, || progress.0.inc(1));
            progress.0.inc((EPOCHS_MAX - stopped.epochs) as u64);
            stopped
        })
        .collect();
    let mut epochs: Vec<usize> = stopped.iter().map(|stopped| stopped.epochs).collect();
    epochs.sort_unstable();
    let epochs = epochs[FOLDS / 2].max(1);

    let told: Vec<u16> = held_out.iter().flatten().map(|row| classes[*row as usize]).collect();
    let margins: Vec<Box<[f32]>> = stopped.into_iter().flat_map(|stopped| stopped.margins).collect();
    let sureness = calibrate::sureness(&margins, &told);
    let judge = |margins: &[f32], class: u16| {
        let said = calibrate::best(margins);
        let confidence = sureness.thousandths(calibrate::share(margins, said, sureness.steepness));
        Judged { class: usize::from(class), said, confidence }
    };
    let judged: Vec<Judged> = margins.iter().zip(&told).map(|(margins, class)| judge(margins, *class)).collect();
    let (all, seed) = (rows(&folds, |_| true), seed ^ FOLDS as u64);
    let chosen = fit::choose(examples, &all, seed);
    let fitted = fit::for_epochs(examples, &all, &chosen, epochs, seed, || progress.0.inc(1));
    let model = Model::build(Blueprint {
        labels: labels.iter().map(|label| (*label).into()).collect(),
        biases: fitted.biases(labels.len()).iter().map(|bias| f64::from(*bias)).collect(),
        sureness,
        trained_on: u32::try_from(messages.len()).unwrap_or(u32::MAX),
        features: features(&matrix, &fitted, &chosen, labels.len()),
        room: chosen.room,
    });
    let trained = Trained {
        messages: messages.len(),
        bad_lines: 0,
        classes: labels.iter().map(ToString::to_string).collect(),
        runs: model.runs(),
        epochs,
        held_out: Figures::of(&labels, &judged),
        bytes: 0,
        took: Duration::ZERO,
    };
    Ok((model, trained))
}

/// Which part each message belongs to: classes are spread evenly, and kin stay together.
fn folds(kin: &[u32], classes: &[u16], seed: u64) -> Vec<usize> {
    let mut chance = Rng::seeded(seed);
    let keys: Vec<u64> = kin.iter().map(|_| chance.bits()).collect();
    // By the class of the first of kin, and within it by chance.
    let mut order: Vec<(u16, u64, u32)> =
        kin.iter().map(|first| (classes[*first as usize], keys[*first as usize], *first)).collect();
    order.sort_unstable();
    order.dedup();
    let mut fold_of = vec![0; kin.len()];
    order.iter().enumerate().for_each(|(at, (.., first))| fold_of[*first as usize] = at % FOLDS);
    kin.iter().map(|first| fold_of[*first as usize]).collect()
}

fn rows(folds: &[usize], is_meant: impl Fn(usize) -> bool) -> Vec<u32> {
    folds.iter().enumerate().filter(|(_, fold)| is_meant(**fold)).map(|(row, _)| row as u32).collect()
}

/// The runs that were chosen, as the model takes them.
fn features(matrix: &Matrix, fitted: &Fitted, chosen: &Chosen, classes: usize) -> Vec<Feature> {
    let columns = (0..matrix.hashes.len()).filter(|column| chosen.columns[*column]);
    let feature = |column: usize| Feature {
        hash: matrix.hashes[column],
        idf: fitted.idf[column],
        weights: fitted.weights(column, classes).into(),
    };
    columns.map(feature).collect()
}

/// How far it is: on a terminal a bar, else nothing.
pub struct Progress(indicatif::ProgressBar);

impl Progress {
    /// Shown, or not.
    pub fn new(is_shown: bool) -> Self {
        if !is_shown {
            return Self(indicatif::ProgressBar::hidden());
        }
        let steps = 1 + (FOLDS + 1) * EPOCHS_MAX;
        let style = indicatif::ProgressStyle::with_template("{bar:40} {percent} % 训练 training {elapsed}");
        Self(indicatif::ProgressBar::new(steps as u64).with_style(style.expect("a constant template")))
    }
}

impl Trained {
    /// For people.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { messages, bad_lines, classes, runs, epochs, held_out, bytes, took, .. } = self;
        writeln!(
            out,
            "数据 messages {messages}, 不可用 left out {bad_lines}, 类别 classes {}, 特征 runs of characters {runs}, 轮次 passes {epochs}",
            classes.len()
        )?;
        writeln!(
            out,
            "交叉检验 held out: macro-F1 {:.4}, 准确率 accuracy {:.4}, 校准误差 ECE {:.4}, 覆盖 90 % 时 accuracy at 90 % coverage {:.4}",
            held_out.macro_f1,
            held_out.accuracy,
            held_out.ece,
            held_out.accuracy_at(90)
        )?;
        writeln!(out, "模型 model {:.1} MiB, {:.1} s", *bytes as f64 / f64::from(1 << 20), took.as_secs_f64())
    }
}
