//! The seats of a door: how many connections it serves at a time, and who leaves when more come than there are seats.
//!
//! A connection that has said nothing yet holds its seat only as long as nobody else needs it: thousands that are opened and
//! left alone keep no report out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Most connections of a door, where the system gives so many handles.
const CONNECTIONS_MAX: u64 = 16_384;
/// Handles that are kept for the journal, snapshots and whatever else is opened.
const HANDLES_KEPT: u64 = 512;
/// Connections of a door where the system gives hardly any handles.
const CONNECTIONS_MIN: u64 = 64;

/// Raises the process's own limit of handles as far as the system allows and the doors need, and gives how many connections each of
/// them may have.
pub fn connections(doors: usize) -> usize {
    let Rlimit { mut current, maximum } = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS_MAX * doors as u64 + HANDLES_KEPT;
    if current.is_some_and(|current| current < wanted) {
        let more = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        if setrlimit(Resource::Nofile, Rlimit { current: more, maximum }).is_ok() {
            current = more;
        }
    }
    share(current.unwrap_or(wanted), doors as u64) as usize
}

/// How many of some handles each door has for connections.
fn share(handles: u64, doors: u64) -> u64 {
    (handles.saturating_sub(HANDLES_KEPT) / doors).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

/// The seats of one door.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    all: u32,
    silent: Arc<Mutex<Silent>>,
}

/// Connections that have said nothing yet, in the order in which they came. Who is dropped from here leaves.
#[derive(Default)]
struct Silent {
    next: u64,
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

fn lock(silent: &Mutex<Silent>) -> MutexGuard<'_, Silent> {
    silent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection's seat, which is free again when this is dropped.
pub(super) struct Seat {
    number: u64,
    asked_to_leave: oneshot::Receiver<()>,
    silent: Arc<Mutex<Silent>>,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    pub(super) fn new(connections: usize) -> Self {
        let all = u32::try_from(connections).expect("a small number");
        Self { free: Arc::new(Semaphore::new(connections)), all, silent: Arc::default() }
    }

    /// A seat for a connection that has come. Where all are taken, whoever has been silent for longest leaves.
    pub(super) async fn take(&self) -> Seat {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                drop(lock(&self.silent).waiting.pop_first());
                self.free.clone().acquire_owned().await.expect("never closed")
            }
        };
        let (waiting, asked_to_leave) = oneshot::channel();
        let mut silent = lock(&self.silent);
        let number = silent.next;
        silent.next += 1;
        silent.waiting.insert(number, waiting);
        Seat { number, asked_to_leave, silent: self.silent.clone(), _permit: permit }
    }

    /// Waits until all seats are free.
    pub(super) async fn until_empty(&self) {
        let _ = self.free.acquire_many(self.all).await;
    }
}

impl Seat {
    /// Waits for the first word of the connection. Whether it came: where others need the seat, it is not waited for.
    pub(super) async fn until(&mut self, first_word: impl Future<Output = bool>) -> bool {
        tokio::select! {
            has_spoken = first_word => {
                // From now on it cannot be asked to leave any more.
                lock(&self.silent).waiting.remove(&self.number).is_some() && has_spoken
            }
            _ = &mut self.asked_to_leave => false,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.silent).waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[test]
    fn who_is_silent_for_longest_makes_room_and_who_has_spoken_does_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let seats = Seats::new(2);
            let (mut spoken, mut silent) = (seats.take().await, seats.take().await);
            assert!(spoken.until(ready(true)).await);
            let leaving = async {
                assert!(!silent.until(pending()).await, "it is asked to leave");
                drop(silent);
            };
            let (third, ()) = tokio::join!(seats.take(), leaving);
            // Nobody leaves who has spoken: the next one waits until somebody goes.
            let mut third = third;
            assert!(third.until(ready(true)).await);
            let going = async { drop(spoken) };
            let (fourth, ()) = tokio::join!(seats.take(), going);
            drop((third, fourth));
            seats.until_empty().await;
            assert!(lock(&seats.silent).waiting.is_empty());
        });
    }

    #[test]
    fn doors_share_the_handles_that_there_are() {
        for (handles, doors, each) in
            [(100, 2, 64), (1024, 1, 512), (1024, 2, 256), (20_000, 2, 9_744), (1 << 20, 3, 16_384)]
        {
            assert_eq!(share(handles, doors), each, "{handles} handles, {doors} doors");
        }
    }
}
