//! `paidan eval`: what a model is worth on messages whose class is known: figures for people, for programs, and as a picture.

pub mod measure;
mod picture;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::city::text::Model;
use crate::failure::{Failure, tell};
use crate::train::corpus::Corpus;
use measure::{Figures, Judged};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model's file.
    pub model: PathBuf,
    /// Files of lines.
    pub files: Vec<PathBuf>,
    /// A line that is no message is a reason to refuse.
    pub strict: bool,
}

/// What was found.
#[derive(Serialize, Debug)]
pub struct Evaluated {
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Lines that were no messages.
    pub bad_lines: usize,
    /// Labels of messages that the model does not know, so that it must be wrong about them.
    pub unknown_labels: Vec<String>,
    /// Messages that the model was trained on.
    pub trained_on: u32,
}

/// Reads a model.
///
/// # Errors
/// If the file cannot be read, or is no model.
pub fn model(path: &Path) -> Result<Model, Failure> {
    let bytes = std::fs::read(path).map_err(|cause| Failure::input(path, &cause))?;
    Model::from_bytes(&bytes).map_err(|why| Failure::Refused(format!("{}: {why}", path.display())))
}

/// Lets a model tell the class of messages, and compares.
///
/// # Errors
/// If a file cannot be read, the model is none, or there is no message.
pub fn evaluate(request: &Request) -> Result<Evaluated, Failure> {
    let model = model(&request.model)?;
    let corpus = Corpus::read(&request.files)?;
    tell(format_args!("{}", corpus.tell_bad()));
    corpus.refuse_bad(request.strict)?;
    let mut labels: Vec<&str> = model.labels().iter().map(|label| &**label).collect();
    let known = labels.len();
    let mut unknown: Vec<&str> = corpus.messages.iter().map(|message| &*message.label).collect();
    unknown.retain(|label| !labels.contains(label));
    unknown.sort_unstable();
    unknown.dedup();
    labels.extend(unknown);
    let judged: Vec<Judged> = corpus
        .messages
        .par_iter()
        .map(|message| {
            let guess = model.classify(message.title.chars(), message.text.chars());
            let class = labels.iter().position(|label| **label == *message.label).expect("a label of all");
            Judged { class, said: usize::from(guess.class), confidence: guess.confidence }
        })
        .collect();
    Ok(Evaluated {
        figures: Figures::of(&labels, &judged),
        bad_lines: corpus.bad.len(),
        unknown_labels: labels[known..].iter().map(ToString::to_string).collect(),
        trained_on: model.trained_on(),
    })
}

impl Evaluated {
    /// The figures as a picture.
    pub fn picture(&self) -> String {
        picture::draw(&self.figures)
    }

    /// For people.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { figures, unknown_labels, .. } = self;
        writeln!(
            out,
            "消息 messages {}  macro-F1 {:.4}  准确率 accuracy {:.4}  校准误差 ECE {:.4}",
            figures.messages, figures.macro_f1, figures.accuracy, figures.ece
        )?;
        if !unknown_labels.is_empty() {
            writeln!(out, "模型不认识的类别 labels that the model does not know: {}", unknown_labels.join(", "))?;
        }
        writeln!(out, "\n精确 precision  召回 recall      F1  消息 messages  类别 class")?;
        for class in &figures.classes {
            writeln!(
                out,
                "{:>14.4} {:>12.4} {:>7.4} {:>14}  {}",
                class.precision, class.recall, class.f1, class.messages, class.label
            )?;
        }
        writeln!(out, "\n覆盖 coverage  准确率 accuracy  置信度 confidence ≥")?;
        for coverage in figures.coverage.iter().filter(|one| one.percent >= 50) {
            writeln!(
                out,
                "{:>11} % {:>16.4} {:>20.3}",
                coverage.percent,
                coverage.accuracy,
                f64::from(coverage.confidence) / 1_000.0
            )?;
        }
        self.tell_confused(out)
    }

    /// The pairs of classes that are taken for one another most often.
    fn tell_confused(&self, out: &mut dyn Write) -> io::Result<()> {
        const LISTED: usize = 10;
        let Figures { classes, confusion, .. } = &self.figures;
        let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
        for (class, row) in confusion.iter().enumerate() {
            let others = row.iter().enumerate().filter(|(said, times)| *said != class && **times > 0);
            pairs.extend(others.map(|(said, times)| (*times, class, said)));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        pairs.sort_unstable_by_key(|(times, class, said)| (std::cmp::Reverse(*times), *class, *said));
        writeln!(out, "\n最常混淆 most often confused")?;
        for (times, class, said) in pairs.into_iter().take(LISTED) {
            writeln!(out, "{times:>6}  {} → {}", classes[class].label, classes[said].label)?;
        }
        Ok(())
    }
}
