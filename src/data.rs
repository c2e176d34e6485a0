//! The data folder of a run: its journal, the city that it was begun with, and what its inputs were.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::city::{City, CityFiles};
use crate::effect::{Digest, Effects};
use crate::ids::Seq;
use crate::journal::disk::{Disk, RealDisk};
use crate::journal::error::JournalError;
use crate::journal::frame::{Frame, Kind, Order, Position};
use crate::journal::reader::Reader;
use crate::lane::{Lane, Mismatch};
use crate::publish::{Page, Press};

use crate::dispatch::MIND_VERSION;
use crate::ingest::input::Identity;

/// A folder given with `--data`.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: PathBuf,
}

/// What a run reads: written into the journal before its first record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The files; none where lines come from standard input.
    pub inputs: Vec<Identity>,
    /// The source of lines that do not name one.
    pub source: Option<String>,
}

/// How a run ended: written into the journal after its last record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct End {
    /// Digest of all effects, in hexadecimal.
    pub digest: String,
}

/// What a journal held, decided again.
pub struct Replayed {
    /// The lane at the end of it.
    pub lane: Lane,
    /// What was read, if that was written down.
    pub manifest: Option<Manifest>,
    /// How far each input was ordered.
    pub positions: Vec<Position>,
    /// How the run ended, if it did.
    pub end: Option<End>,
    /// How many frames there were.
    pub frames: u64,
    /// Pages of the last frames, in order and not yet printed: nothing in the journal proves that these are on the disk.
    pub unproven: Vec<Page>,
}

/// Why a journal cannot be decided again.
#[derive(Debug)]
pub enum ReplayError {
    /// It cannot be read.
    Journal(JournalError),
    /// What it holds does not fit this city, this program, or itself.
    Mismatch {
        /// In which segment.
        path: PathBuf,
        /// At which byte.
        offset: u64,
        /// What does not fit.
        why: Mismatch,
    },
    /// A note of the run's beginning or end cannot be understood.
    Note {
        /// In which segment.
        path: PathBuf,
        /// At which byte.
        offset: u64,
        /// What is wrong with it.
        why: serde_json::Error,
    },
    /// The run ended with another digest.
    End {
        /// The digest found now.
        here: Digest,
        /// The digest that was written down.
        there: String,
    },
    /// Decisions cannot be written.
    Output(io::Error),
}

impl DataFolder {
    /// A folder, there or not.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Where the city is kept.
    pub fn city(&self) -> PathBuf {
        self.path.join("city")
    }

    /// Keeps a city's files, on the disk before the first record is.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn keep_city(&self, files: &CityFiles) -> io::Result<()> {
        // Under another name until it is whole: a crash leaves a city or none.
        let unfinished = self.path.join("city.unfinished");
        fs::create_dir_all(&unfinished)?;
        for (name, text) in files.iter() {
            let mut file = File::create(unfinished.join(name))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        File::open(&unfinished)?.sync_all()?;
        if self.city().is_dir() {
            fs::remove_dir_all(self.city())?;
        }
        fs::rename(&unfinished, self.city())?;
        File::open(&self.path)?.sync_all()
    }

    /// The city that is kept here, if one is.
    ///
    /// # Errors
    /// If it is not a city.
    pub fn kept_city(&self) -> Result<Option<City>, crate::city::Problems> {
        if self.city().is_dir() { City::load(&self.city()).map(Some) } else { Ok(None) }
    }
}

/// A frame that notes how a run begins or ends.
pub fn note(kind: Kind, note: &impl Serialize, lane: &Lane, city: u64) -> Frame {
    let json = serde_json::to_vec(note).expect("a note is JSON");
    let mut frame = Frame::document(kind, &json);
    let order = Order { first_seq: lane.next(), at_before: lane.at(), digest: lane.digest(), city, mind: MIND_VERSION };
    frame.set_order(order);
    frame
}

/// Decides again about everything that a journal holds, and prints what it proves to be on the disk. The rest may have been
/// written by a process that was killed before it could sync, so it is given back, to be printed when it is safe.
///
/// # Errors
/// If the journal is damaged, does not fit the lane's city, or does not lead to what it says.
pub fn replay<D: Disk>(reader: &mut Reader<D>, mut lane: Lane, press: &mut Press<'_>) -> Result<Replayed, ReplayError> {
    let (mut effects, mut pages) = (Effects::default(), Held::default());
    let (mut manifest, mut end, mut positions, mut frames) = (None, None, Vec::new(), 0);
    let any_segment = reader.path(0);
    while let Some(found) = reader.next_frame().map_err(ReplayError::Journal)? {
        frames += 1;
        pages.print_proven(found.view.header().ink.durable_frames, press).map_err(ReplayError::Output)?;
        let place = || (any_segment.with_file_name(crate::journal::segment::segment_name(found.segment)), found.offset);
        let bad_note = |why| {
            let (path, offset) = place();
            ReplayError::Note { path, offset, why }
        };
        match found.view.header().kind {
            Kind::Manifest => manifest = Some(serde_json::from_slice(found.view.bodies()).map_err(bad_note)?),
            Kind::End => end = Some(serde_json::from_slice::<End>(found.view.bodies()).map_err(bad_note)?),
            Kind::Records => {
                effects.clear();
                lane.replay(&found.view, &mut effects).map_err(|why| {
                    let (path, offset) = place();
                    ReplayError::Mismatch { path, offset, why }
                })?;
                positions.clear();
                positions.extend(found.view.positions());
                let mut page = pages.spare.pop().unwrap_or_else(|| press.page());
                page.set(&found.view, effects.as_slice(), press.forms());
                pages.held.push_back((found.view.header().ink.index, page));
            }
        }
    }
    match &end {
        Some(end) if end.digest != lane.digest().to_string() => {
            Err(ReplayError::End { here: lane.digest(), there: end.digest.clone() })
        }
        _ => {
            let unproven = pages.held.into_iter().map(|(_, page)| page).collect();
            Ok(Replayed { lane, manifest, positions, end, frames, unproven })
        }
    }
}

/// Pages that wait for a later frame to say that theirs was on the disk: as many as one sync covers.
#[derive(Default)]
struct Held {
    /// Each with how many frames come before its own.
    held: VecDeque<(u64, Page)>,
    spare: Vec<Page>,
}

impl Held {
    /// Prints the pages of the first `durable_frames` frames of the log.
    fn print_proven(&mut self, durable_frames: u64, press: &mut Press<'_>) -> io::Result<()> {
        while let Some((_, mut page)) = self.held.pop_front_if(|(index, _)| *index < durable_frames) {
            press.print(&mut page)?;
            self.spare.push(page);
        }
        Ok(())
    }
}

/// What the run of a journal was begun with, if it came so far as to note it.
///
/// # Errors
/// If the journal cannot be read.
pub fn manifest<D: Disk>(reader: &mut Reader<D>) -> Result<Option<Manifest>, ReplayError> {
    let path = reader.path(0);
    let Some(found) = reader.next_frame().map_err(ReplayError::Journal)? else { return Ok(None) };
    let offset = found.offset;
    let note = serde_json::from_slice(found.view.bodies());
    note.map(Some).map_err(|why| ReplayError::Note { path, offset, why })
}

/// The journal of a folder, for reading only.
///
/// # Errors
/// If there is none, or it cannot be opened.
pub fn reader(folder: &DataFolder) -> Result<Reader<RealDisk>, JournalError> {
    reader_from(folder, Seq(0))
}

/// As [`reader`], from the start of the segment that holds a record.
///
/// # Errors
/// As [`reader`].
pub fn reader_from(folder: &DataFolder, from: Seq) -> Result<Reader<RealDisk>, JournalError> {
    Reader::open_at(disk(folder)?, from)
}

/// As [`reader_from`], but where a segment is missing or damaged, the segments before it can be read all the same; the damage
/// is given too.
///
/// # Errors
/// If there is no journal, or none of it can be opened.
pub fn sound_reader(folder: &DataFolder, from: Seq) -> Result<(Reader<RealDisk>, Option<JournalError>), JournalError> {
    Reader::open_sound(disk(folder)?, from)
}

fn disk(folder: &DataFolder) -> Result<RealDisk, JournalError> {
    let path = folder.journal();
    RealDisk::read_only(&path).map_err(|cause| JournalError::Io { doing: "open", path, offset: 0, cause: cause.into() })
}
