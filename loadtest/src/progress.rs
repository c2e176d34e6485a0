//! How far a long mode has come, for a person who waits.

use std::io::IsTerminal;

/// A line of percent on a terminal's stderr, and nothing anywhere else.
pub struct Progress {
    what: &'static str,
    total: u64,
    next: u64,
}

impl Progress {
    /// `what` has `total` steps to go.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self { what, total, next: if std::io::stderr().is_terminal() { 1 } else { u64::MAX } }
    }

    /// Step `done` is over.
    #[inline]
    pub fn reached(&mut self, done: u64) {
        if done >= self.next {
            self.show(done);
        }
    }

    #[cold]
    fn show(&mut self, done: u64) {
        let end = if done == self.total { "\n" } else { "" };
        eprint!("\r{} {} %{end}", self.what, done * 100 / self.total);
        self.next = (done + self.total / 100 + 1).min(self.total);
        if done == self.total {
            self.next = u64::MAX;
        }
    }
}
