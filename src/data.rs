//! The data folder of a run: its journal, the city that it was begun with, and what its inputs were.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::city::{City, CityFiles};
use crate::effect::{Digest, Effect, Effects};
use crate::ids::{Seq, SourceId};
use crate::journal::disk::{Disk, RealDisk};
use crate::journal::error::JournalError;
use crate::journal::frame::{Frame, FrameView, Kind, Order, Position};
use crate::journal::reader::Reader;
use crate::journal::snapshot::NoteAt;
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

impl Manifest {
    /// Whether two runs read the same. What came through a pipe is gone, so no later pipe is the same.
    pub fn is_same(&self, other: &Self) -> bool {
        let pairs = || self.inputs.iter().zip(&other.inputs);
        !self.inputs.is_empty()
            && self.inputs.len() == other.inputs.len()
            && self.source == other.source
            && pairs().all(|(known, input)| known.is_same(input))
    }

    /// The source of lines that do not name one, if a city has it: by its shape they are read.
    pub fn speaker(&self, city: &City) -> Option<SourceId> {
        self.source.as_ref().and_then(|name| city.source_names.get(name)).map(SourceId)
    }

    /// Whether it reads files as they grow.
    pub fn is_growing(&self) -> bool {
        self.inputs.iter().any(Identity::is_growing)
    }
}

/// How a run ended: written into the journal after its last record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct End {
    /// Digest of all effects, in hexadecimal.
    pub digest: String,
    /// An input broke off: it may be whole another time, and is read on then.
    #[serde(default)]
    pub broken: bool,
}

/// One of the runs that a journal holds, one behind the other.
#[derive(Debug)]
pub struct Run {
    /// What it reads.
    pub manifest: Manifest,
    /// How far each of its inputs was ordered; none before its first batch.
    pub positions: Vec<Position>,
    /// How it ended, if it did.
    pub end: Option<End>,
}

impl Run {
    /// Whether all that it was to read was read.
    pub fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| !end.broken)
    }
}

/// What a journal held, decided again.
pub struct Replayed {
    /// The lane at the end of it.
    pub lane: Lane,
    /// The runs that were written down, from the first to the last.
    pub runs: Vec<Run>,
    /// Where their beginnings were written down.
    pub notes: Vec<NoteAt>,
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

    /// Where snapshots are: made by who walks through the journal, and never needed.
    pub fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    /// Keeps a city's files, on the disk before the first record is.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn keep_city(&self, files: &CityFiles) -> io::Result<()> {
        // Under another name until it is whole: a crash leaves a city or none.
        let unfinished = self.path.join("city.unfinished");
        if unfinished.is_dir() {
            // Of a crash, and perhaps of another city, which had files that this one has not.
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(&unfinished)?;
        for (name, bytes) in files.iter() {
            let mut file = File::create(unfinished.join(name))?;
            file.write_all(bytes)?;
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

/// Which runs of a journal are printed when it is decided again.
#[derive(Clone, Copy, Debug)]
pub enum Printed<'a> {
    /// All of them.
    All,
    /// Those that were begun with this.
    Begun(&'a Manifest),
    /// None.
    Nothing,
}

impl Printed<'_> {
    fn takes(self, run: Option<&Run>) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Begun(manifest) => run.is_some_and(|run| run.manifest.is_same(manifest)),
        }
    }
}

/// Decides again about everything that a journal holds, and prints what it proves to be on the disk. The rest may have been
/// written by a process that was killed before it could sync, so it is given back, to be printed when it is safe. `watch` sees
/// every frame of records and what was decided about it.
///
/// # Errors
/// If the journal is damaged, does not fit the lane's city, or does not lead to what it says.
pub fn replay<D: Disk>(
    reader: &mut Reader<D>,
    lane: Lane,
    printed: Printed<'_>,
    press: &mut Press<'_>,
    mut watch: impl FnMut(&FrameView<'_>, &[(Seq, Effect)]),
) -> Result<Replayed, ReplayError> {
    replay_while(reader, lane, printed, press, |_, frame, effects| {
        watch(frame, effects);
        true
    })
}

/// As [`replay`], as long as `watch` wants more; it is told of the run that a frame is of, too, where its beginning was read.
///
/// # Errors
/// As [`replay`].
pub fn replay_while<D: Disk>(
    reader: &mut Reader<D>,
    mut lane: Lane,
    printed: Printed<'_>,
    press: &mut Press<'_>,
    mut watch: impl FnMut(Option<&Run>, &FrameView<'_>, &[(Seq, Effect)]) -> bool,
) -> Result<Replayed, ReplayError> {
    let (mut effects, mut pages) = (Effects::default(), Held::default());
    let (mut runs, mut notes, mut frames) = (Vec::<Run>::new(), Vec::new(), 0);
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
            Kind::Manifest => {
                let manifest = serde_json::from_slice(found.view.bodies()).map_err(bad_note)?;
                notes.push((found.segment, found.offset));
                runs.push(Run { manifest, positions: Vec::new(), end: None });
            }
            Kind::End => {
                let end: End = serde_json::from_slice(found.view.bodies()).map_err(bad_note)?;
                if end.digest != lane.digest().to_string() {
                    return Err(ReplayError::End { here: lane.digest(), there: end.digest });
                }
                if let Some(run) = runs.last_mut() {
                    run.end = Some(end);
                }
            }
            Kind::Records => {
                effects.clear();
                lane.replay(&found.view, &mut effects).map_err(|why| {
                    let (path, offset) = place();
                    ReplayError::Mismatch { path, offset, why }
                })?;
                if !watch(runs.last(), &found.view, effects.as_slice()) {
                    break;
                }
                if let Some(run) = runs.last_mut() {
                    run.positions.clear();
                    run.positions.extend(found.view.positions());
                }
                if printed.takes(runs.last()) {
                    let mut page = pages.spare.pop().unwrap_or_else(|| press.page());
                    page.set(&found.view, effects.as_slice(), &[], press.forms());
                    pages.held.push_back((found.view.header().ink.index, page));
                }
            }
        }
    }
    let unproven = pages.held.into_iter().map(|(_, page)| page).collect();
    Ok(Replayed { lane, runs, notes, frames, unproven })
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
