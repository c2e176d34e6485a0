//! The control: the same lines through the same inbox into a file that is synced, and nothing else. What it takes is what
//! the machine and its disk take; the rest is paidan's.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr_iter;
use paidan::ingest::inbox::{Found, Inbox};
use paidan::meter::Moment;

use super::{Answer, Answers, Worker};
use crate::Outcome;

const READ_BYTES: usize = 256 * 1024;

/// A target that appends to a new file in a folder, and syncs.
///
/// # Errors
/// If the file cannot be made.
pub fn control(folder: &Path) -> Outcome<Worker> {
    let path = folder.join("control.ndjson");
    let failed = move |path: &Path, cause: io::Error| format!("{}: cannot write: {cause}", path.display());
    let made = std::fs::create_dir_all(folder).and_then(|()| File::create(&path));
    let file = made.map_err(|cause| failed(&path, cause))?;
    Ok(Worker::start(move |lines, answered| {
        let batches = append_and_sync(lines, file, answered).map_err(|cause| failed(&path, cause))?;
        Ok(Answers { batches, ..Answers::default() })
    }))
}

/// Whatever has come is written at once and synced at once.
fn append_and_sync(mut lines: Inbox, mut file: File, answered: &AtomicU64) -> io::Result<Vec<Answer>> {
    let (mut batches, mut buffer, mut first) = (Vec::new(), Vec::new(), 0);
    loop {
        buffer.clear();
        match lines.take(READ_BYTES, |parcel, _, _| buffer.extend_from_slice(parcel)) {
            Found::Parcels { .. } => {}
            Found::Nothing => continue,
            Found::End => return Ok(batches),
        }
        file.write_all(&buffer)?;
        file.sync_data()?;
        let next = first + memchr_iter(b'\n', &buffer).count() as u64;
        batches.push(Answer { first, next, at: Moment::now() });
        answered.store(next, Ordering::Relaxed);
        first = next;
    }
}
