//! The control: the same lines through the same inbox into a file that is synced, and nothing else. What it takes is what
//! the machine and its disk take; the rest is paidan's.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use memchr::memchr_iter;
use paidan::ingest::inbox::{Inbox, Sender, inbox};
use paidan::meter::Moment;
use paidan::ring::Full;

use super::in_process::PARCELS;
use super::{Answer, Answers, Target};
use crate::Outcome;

const READ_BYTES: usize = 256 * 1024;

/// Appends and syncs.
pub struct Control {
    sender: Sender,
    answered: Arc<AtomicU64>,
    writer: JoinHandle<io::Result<Vec<Answer>>>,
}

impl Control {
    /// One that writes into a new file in a folder.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn new(folder: &Path) -> Outcome<Self> {
        let path = folder.join("control.ndjson");
        let failed = |cause| format!("{}: cannot write: {cause}", path.display());
        let file = std::fs::create_dir_all(folder).and_then(|()| File::create(&path)).map_err(failed)?;
        let (sender, lines) = inbox(PARCELS);
        let answered = Arc::new(AtomicU64::new(0));
        let counter = answered.clone();
        let writer = std::thread::spawn(move || append_and_sync(lines, file, &counter));
        Ok(Self { sender, answered, writer })
    }
}

/// Whatever has come is written at once and synced at once.
fn append_and_sync(mut lines: Inbox, mut file: File, answered: &AtomicU64) -> io::Result<Vec<Answer>> {
    let (mut batches, mut buffer, mut first) = (Vec::new(), vec![0; READ_BYTES], 0);
    loop {
        let read = match lines.read(&mut buffer) {
            Ok(0) => return Ok(batches),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => continue,
            read => read?,
        };
        file.write_all(&buffer[..read])?;
        file.sync_data()?;
        let next = first + memchr_iter(b'\n', &buffer[..read]).count() as u64;
        batches.push(Answer { first, next, at: Moment::now() });
        answered.store(next, Ordering::Relaxed);
        first = next;
    }
}

impl Target for Control {
    fn offer(&mut self, lines: Vec<u8>, _reports: u32, sent: Moment) -> Result<(), Vec<u8>> {
        self.sender.push(lines, sent).map_err(|Full(lines)| lines)
    }

    fn room(&mut self) -> Vec<u8> {
        self.sender.room()
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn finish(self: Box<Self>) -> Outcome<Answers> {
        drop(self.sender);
        let written = self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let batches = written.map_err(|cause| format!("the control cannot write: {cause}"))?;
        Ok(Answers { batches, ledger: None })
    }
}
