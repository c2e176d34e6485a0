//! What a journal holds, read as any reader would.

use std::path::Path;

use paidan::data::{self, DataFolder};
use paidan::journal::segment::segment_name;
use paidan::journal::{Found, JournalError};

/// What `each` makes of every frame of a data folder, in order, given the file that it lies in. Nothing where no journal was
/// begun.
pub fn frames<T>(folder: &Path, each: impl Fn(&Path, &Found<'_>) -> T) -> Vec<T> {
    let data = DataFolder::new(folder.to_owned());
    let mut reader = match data::reader(&data) {
        Ok(reader) => reader,
        Err(JournalError::Empty { .. }) => return Vec::new(),
        Err(_) if !data.journal().is_dir() => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let any_segment = reader.path(0);
    let mut frames = Vec::new();
    while let Some(found) = reader.next_frame().expect("a sound journal") {
        frames.push(each(&any_segment.with_file_name(segment_name(found.segment)), &found));
    }
    frames
}
