//! What can be read only once: a pipe, a terminal, a device. It may be quiet for as long as it likes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::input::STDIN;

/// How long nothing may come before the reader is told so.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A reader that says [`io::ErrorKind::WouldBlock`] when nothing has come for a while, so that nobody waits for it in vain.
pub struct Patient(File);

impl Patient {
    /// Opens what a path names; `-` is standard input.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new(STDIN) {
            return io::stdin().as_fd().try_clone_to_owned().map(|stdin| Self(stdin.into()));
        }
        // A pipe that nobody writes yet must not keep the run from being stopped: it is opened at once, and waited for.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        OpenOptions::new().read(true).custom_flags(flags).open(path).map(Self)
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wait = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut wait, Some(&LOOK_EVERY))? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => self.0.read(buffer),
        }
    }
}
