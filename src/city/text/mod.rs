//! What a text is about: a linear model over runs of characters says a class, and how sure it is.
//!
//! [`normalise()`] makes one spelling of many, [`grams()`] finds what a text is weighed by, [`Model`] weighs it. All of it is sums of
//! integers in the order of the text, so that every machine comes to the same class with the same confidence; nothing
//! is allocated. What spoke for a class is worked out again from the text when somebody asks ([`Model::reasons`]).
//!
//! Models are made by `paidan train`, and are files.

mod classifier;
mod format;
mod grams;
mod lexicon;
mod model;
mod normalise;
mod reasons;
mod rules;

pub use classifier::{Classifier, Ground, Grounds, Guessed, Read};
pub use format::Unreadable;
pub use grams::{COUNT_UNIT, Gram, Step, TEXT_CHARS_MAX, TITLE_CHARS_MAX, grams};
pub use model::{Blueprint, CLASSES_MAX, Feature, Guess, Model, Room, Sureness};
pub use normalise::normalise;
pub use reasons::Reason;
pub use rules::{Mute, Rule, Rules};
