//! `paidan explain`: the log is decided about once more around the record in question, and the mind is asked why.
//!
//! Nothing is kept for this beside the log but snapshots, which may be thrown away at any time. Heads are read and decided
//! about again, bodies are left in the file, and only the records that the story is about are read whole. A walk begins
//! at the snapshot that is nearest before the first record that matters, and ends when nothing that follows can concern what
//! was asked: the mind says when only actions and re-sends still can, and these are found by a scan of the heads, without
//! deciding. What lies between is stepped over where a snapshot helps.
//!
//! What comes late in a walk may make an earlier record matter: a report joined a case that was opened before. So the cases
//! that a record may turn out to belong to are followed on suspicion: those that the mind has at the snapshot, and those
//! that look alike to their heads. A suspicion decides nothing; where none was right, the walk is done again, knowing what
//! to look for.

mod question;
mod scan;
mod sought;
mod walk;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use crate::city::City;
use crate::data::DataFolder;
use crate::failure::Failure;
use crate::run;
pub use crate::snapshots::{EVERY, SNAPSHOTS_MAX};
use crate::snapshots::{Snapshots, no_beginning};
use crate::view::explain::{Explanation, Teller};
use question::Question;
use scan::Log;
use walk::{Walk, Walked};
use watch::Watch;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The names of what is to be explained.
    pub ids: Vec<String>,
    /// The data folder.
    pub data: PathBuf,
    /// The city's folder; the one kept with the data without it.
    pub city: Option<PathBuf>,
    /// The source of ids that do not name one.
    pub source: Option<String>,
    /// How many records lie between two snapshots, at least; [`EVERY`] where nobody measures or tests.
    pub every: u64,
}

/// What an explanation cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Records that were decided about again.
    pub decided: u64,
    /// Snapshots from which the way went on.
    pub snapshots: u64,
}

/// Explains, in the order in which it was asked; `tell` takes each story.
///
/// # Errors
/// If something is not found, or the folder cannot be read or does not fit the city.
pub fn explain(request: &Request, tell: impl FnMut(&Explanation<'_>) -> Result<(), Failure>) -> Result<Cost, Failure> {
    let folder = DataFolder::new(request.data.clone());
    explain_in(request, Arc::new(run::city(request.city.as_deref(), Some(&folder))?), tell)
}

/// As [`explain`], for whoever has the city at hand.
///
/// # Errors
/// As [`explain`].
pub fn explain_in(
    request: &Request,
    city: Arc<City>,
    mut tell: impl FnMut(&Explanation<'_>) -> Result<(), Failure>,
) -> Result<Cost, Failure> {
    let folder = DataFolder::new(request.data.clone());
    let mut log = Log::open(&folder)?;
    let mut snapshots = Snapshots::open(&folder, log.key, log.next, city.clone(), request.every)?;
    log.first = snapshots.first_seq().ok_or_else(|| no_beginning(&folder))?;
    let questions: Result<Vec<Question>, Failure> =
        request.ids.iter().map(|id| Question::of(id, request.source.as_deref(), &city, &log)).collect();
    let questions = questions?;
    let (mut watch, mut cost) = (Watch::of(&questions, &log, &city)?, Cost::default());
    let walk = loop {
        let (walk, walked) = Walk::to_the_end(&log, &mut snapshots, &watch, &mut cost)?;
        match walked {
            Walked::All => break walk,
            Walked::Again(more) => watch = *more,
        }
    };
    let shown = walk.read(&city)?;
    let teller = Teller::new(&city);
    for question in &questions {
        for story in question.stories(&walk, &city)? {
            tell(&story.told(question, &shown, &teller, &walk))?;
        }
    }
    Ok(cost)
}
