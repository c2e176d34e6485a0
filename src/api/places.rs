//! The places of a door: how many connections it serves at a time, and who leaves when more come than there are places.
//!
//! A connection that has said nothing yet holds its place only as long as nobody else needs it: thousands that are opened and
//! left alone keep no report out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Most connections of a door, where the system gives so many handles.
const CONNECTIONS_MAX: u64 = 16_384;
/// Handles that are kept for the journal, snapshots and whatever else is opened.
const HANDLES_KEPT: u64 = 512;
/// Connections of a door where the system gives hardly any handles.
const CONNECTIONS_MIN: u64 = 64;

/// How many connections each of some doors may have. As many handles are asked for as the system gives without being asked for more
/// than it allows.
pub fn connections(doors: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS_MAX * doors as u64 + HANDLES_KEPT;
    if limit.current.is_some_and(|current| current < wanted) {
        let more = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let raised = rustix::process::Rlimit { current: Some(more), maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit.current = Some(more);
        }
    }
    let handles = limit.current.unwrap_or(wanted).saturating_sub(HANDLES_KEPT);
    (handles / doors as u64).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX) as usize
}

/// The places of one door.
pub(super) struct Places {
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

/// A connection's place, which is free again when this is dropped.
pub(super) struct Seat {
    number: u64,
    asked_to_leave: oneshot::Receiver<()>,
    silent: Arc<Mutex<Silent>>,
    _place: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(connections: usize) -> Self {
        let all = u32::try_from(connections).expect("a small number");
        Self { free: Arc::new(Semaphore::new(connections)), all, silent: Arc::default() }
    }

    /// A place for a connection that has come. Where all are taken, whoever has been silent for longest leaves.
    pub(super) async fn take(&self) -> Seat {
        let place = match self.free.clone().try_acquire_owned() {
            Ok(place) => place,
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
        Seat { number, asked_to_leave, silent: self.silent.clone(), _place: place }
    }

    /// Waits until all places are free.
    pub(super) async fn until_empty(&self) {
        let _ = self.free.acquire_many(self.all).await;
    }
}

impl Seat {
    /// Waits for the first word of the connection. Whether it came: where others need the place, it is not waited for.
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
            let places = Places::new(2);
            let (mut spoken, mut silent) = (places.take().await, places.take().await);
            assert!(spoken.until(ready(true)).await);
            let leaving = async {
                assert!(!silent.until(pending()).await, "it is asked to leave");
                drop(silent);
            };
            let (third, ()) = tokio::join!(places.take(), leaving);
            // Nobody leaves who has spoken: the next one waits until somebody goes.
            let mut third = third;
            assert!(third.until(ready(true)).await);
            let going = async { drop(spoken) };
            let (fourth, ()) = tokio::join!(places.take(), going);
            drop((third, fourth));
            places.until_empty().await;
            assert!(lock(&places.silent).waiting.is_empty());
        });
    }

    #[test]
    fn there_are_places_whatever_the_system_gives() {
        assert!((CONNECTIONS_MIN as usize..=CONNECTIONS_MAX as usize).contains(&connections(2)));
    }
}
