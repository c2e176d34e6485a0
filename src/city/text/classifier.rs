//! From what a report says in words to its class: rules that people wrote, then the model, then people.

use std::fmt;
use std::iter::FusedIterator;

use serde::Serialize;

use super::rules::{Applied, Rules};
use super::{Guess, Model, Reason};
use crate::city::Names;
use crate::city::files::{CityFiles, KEYWORDS, MODEL, Problems, Settings};
use crate::ids::ClassId;
use crate::report::{Urgency, Words};

/// What a rule says is certain, in thousandths.
const CERTAIN: u16 = 1_000;
/// How sure a model must be where the city does not say.
const THRESHOLD: u16 = 700;
/// So many runs of characters are told that spoke for a class or against it.
const REASONS_TOLD: usize = 8;

/// All that a city knows about words.
pub struct Classifier {
    rules: Rules,
    trained: Option<Trained>,
    threshold: u16,
}

/// A model, and what its labels stand for.
struct Trained {
    model: Model,
    /// By label; [`ClassId::NONE`] for those that stand for no class.
    classes: Vec<ClassId>,
}

/// What a report is, by its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    /// The class, or [`ClassId::NONE`] for people to find.
    pub class: ClassId,
    /// How sure it is, in thousandths.
    pub confidence: u16,
    /// How urgent its words say that it is.
    pub urgency: Option<Urgency>,
}

/// The same with all that led to it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Grounds {
    /// The rule that says the class.
    pub rule: Option<Ground>,
    /// The rule that says how urgent it is.
    pub urgency: Option<(Urgency, Ground)>,
    /// What the model says, if no rule does.
    pub guess: Option<Guessed>,
}

/// A rule, and the words for which it applies.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Ground {
    /// Its line in `keywords.csv`.
    pub line: u64,
    /// The words.
    pub words: Vec<String>,
}

/// What a model says.
#[derive(Clone, PartialEq, Debug)]
pub struct Guessed {
    /// The class, or [`ClassId::NONE`] if the likeliest label stands for none.
    pub class: ClassId,
    /// The next best.
    pub runner_up: ClassId,
    /// How sure it is, in thousandths.
    pub confidence: u16,
    /// From which on it is believed.
    pub threshold: u16,
    /// The runs of characters that did the most, the weightiest first.
    pub reasons: Vec<Reason>,
}

impl Classifier {
    pub(in crate::city) fn compile(
        files: &CityFiles,
        settings: &Settings,
        categories: &Names,
        problems: &mut Problems,
    ) -> Self {
        let rules = Rules::compile(files, categories, problems);
        let trained = files.model().and_then(|bytes| match Model::from_bytes(bytes) {
            Ok(model) => Some(Trained::new(model, settings, categories, problems)),
            Err(why) => {
                problems.push(MODEL, 0, why.to_string(), "`paidan train` writes one");
                None
            }
        });
        let mut threshold = THRESHOLD;
        if let Some(given) = settings.text.threshold.as_ref() {
            threshold = *given.get_ref();
            if !(1..=CERTAIN).contains(&threshold) {
                let what = format!("[text] threshold = {threshold}");
                problems.setting(given.span().start, what, "threshold is 1 to 1000, in thousandths");
            }
        }
        Self { rules, trained, threshold }
    }

    /// Its rules.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether it can tell a class.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.trained.is_none()
    }

    /// Whether it can tell how urgent something is whose class is known.
    pub const fn raises(&self) -> bool {
        self.rules.raises()
    }

    /// How urgent words say that something is.
    pub fn urgency<C: FusedIterator<Item = char> + Clone>(&self, said: &Words<C>) -> Option<Urgency> {
        self.rules.urgency(said).and_then(|rule| rule.urgency)
    }

    /// What a report is, by its words.
    pub fn read<C: FusedIterator<Item = char> + Clone>(&self, said: &Words<C>) -> Read {
        let heard = (!self.rules.is_empty()).then(|| self.rules.hear(said));
        let applied = heard.as_ref().map(|heard| self.rules.apply(heard));
        let urgency = applied.and_then(|applied| applied.urgency?.urgency);
        let (class, confidence) = match (applied.and_then(|applied| applied.class), &self.trained) {
            (Some(rule), _) => (rule.class, CERTAIN),
            (None, Some(trained)) => self.believed(trained, trained.model.classify(said.title(), said.texts())),
            (None, None) => (ClassId::NONE, 0),
        };
        Read { class, confidence, urgency }
    }

    /// What a guess comes to.
    fn believed(&self, trained: &Trained, guess: Guess) -> (ClassId, u16) {
        match trained.class(guess.class) {
            class if class.is_some() && guess.confidence >= self.threshold => (class, guess.confidence),
            _ => (ClassId::NONE, 0),
        }
    }

    /// The same as [`Self::read`], with what led to it. If something else says the class, only how urgent it is was read.
    pub fn grounds<C: FusedIterator<Item = char> + Clone>(&self, said: &Words<C>, is_classed: bool) -> Grounds {
        if said.is_empty() {
            return Grounds::default();
        }
        let heard = self.rules.hear(said);
        let Applied { class, urgency } = self.rules.apply(&heard);
        let ground = |rule: &super::Rule| Ground {
            line: rule.line,
            words: self.rules.words_of(rule, &heard).map(str::to_owned).collect(),
        };
        let class = class.filter(|_| !is_classed);
        let guess = self.trained.as_ref().filter(|_| class.is_none() && !is_classed).map(|trained| {
            let (guess, reasons) = trained.model.reasons(said.title(), said.texts(), REASONS_TOLD);
            Guessed {
                class: trained.class(guess.class),
                runner_up: trained.class(guess.runner_up),
                confidence: guess.confidence,
                threshold: self.threshold,
                reasons,
            }
        });
        Grounds {
            rule: class.map(ground),
            urgency: urgency.and_then(|rule| Some((rule.urgency?, ground(rule)))),
            guess,
        }
    }
}

impl Trained {
    fn new(model: Model, settings: &Settings, categories: &Names, problems: &mut Problems) -> Self {
        let none = &settings.text.none;
        for word in none.iter().filter(|word| !model.labels().iter().any(|label| **label == *word.get_ref().as_str())) {
            let what = format!("[text] none has \"{}\", which is no label of {MODEL}", word.get_ref());
            let mend = format!("the model's labels are {}", listed(model.labels()));
            problems.setting(word.span().start, what, mend);
        }
        let mut class = |label: &str| {
            let class = categories.get(label).map(ClassId);
            if class.is_none() && !none.iter().any(|word| word.get_ref().as_str() == label) {
                let mend = "give a class of classes.csv this alias, or add the label to none in [text] of city.toml";
                problems.push(MODEL, 0, format!("label \"{label}\" is no category word of the city"), mend);
            }
            class.unwrap_or(ClassId::NONE)
        };
        Self { classes: model.labels().iter().map(|label| class(label)).collect(), model }
    }

    fn class(&self, label: u16) -> ClassId {
        self.classes[usize::from(label)]
    }
}

/// The first of some labels.
fn listed(labels: &[Box<str>]) -> String {
    const LISTED: usize = 20;
    let more = if labels.len() > LISTED { ", …" } else { "" };
    labels.iter().take(LISTED).map(|label| &**label).collect::<Vec<_>>().join(", ") + more
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.trained.as_ref().map_or(0, |trained| trained.model.runs());
        write!(f, "{:?} of {KEYWORDS}, and {runs} runs of characters of {MODEL}", self.rules)
    }
}
