//! A file that grows: it is read to its end, and then for as long as somebody writes on it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often a file is looked at that does not grow. It also works where the system tells nobody of changes, as on network
/// file systems, and costs nothing that could be measured.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A growing file. Its end is never reached: it says [`io::ErrorKind::WouldBlock`] while nothing is added.
pub struct Follow {
    path: PathBuf,
    file: File,
    at: u64,
}

impl Follow {
    /// Opens a file at its start.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: File::open(path)?, at: 0 })
    }

    /// Refuses to go on with another file than the one that was begun with.
    fn check(&self) -> io::Result<()> {
        let place = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        let file = self.file.metadata()?;
        if file.len() < self.at {
            let (left, read) = (file.len(), self.at);
            return Err(changed(&format!("文件变短 became shorter: {read} bytes were read, {left} are left")));
        }
        match std::fs::metadata(&self.path) {
            Ok(named) if place(&named) == place(&file) => Ok(()),
            Ok(_) => Err(changed("文件已被替换 was replaced by another file")),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                Err(changed("文件已被移走 is gone from its place"))
            }
            Err(cause) => Err(cause),
        }
    }
}

fn changed(what: &str) -> io::Error {
    let mend = "what was read of it is decided; follow the new file with a run of its own";
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} while it was followed; {mend}"))
}

impl Read for Follow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.at += read as u64;
        if read == 0 {
            self.check()?;
            thread::sleep(LOOK_EVERY);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(read)
    }
}
