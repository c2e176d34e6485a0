//! A pool: things that are used again and again, and whoever finds none is told of the next.
//!
//! Ringing a bell for every thing that comes back wakes threads that want none; ringing only when the pool was empty loses
//! a wake-up if two come back at once. So whoever finds none leaves a mark, *then* looks again; whoever gives back takes the
//! mark *after* the thing is there. One of the two sees the other.

use super::sync::{ArrayQueue, AtomicBool, Ordering, fence};

/// A bounded number of things. Any number of threads may take and give.
///
/// ```
/// use paidan::ring::{Bell, Pool};
///
/// let (pool, bell) = (Pool::new(1), Bell::new());
/// assert!(!pool.give("a cup"), "nobody wants one");
/// assert_eq!(pool.take(), Some("a cup"));
/// let seen = bell.listen();
/// assert_eq!(pool.take(), None);
/// if pool.give("a cup") {
///     bell.ring();
/// }
/// bell.wait(seen);
/// ```
pub struct Pool<T> {
    things: ArrayQueue<T>,
    missed: AtomicBool,
}

impl<T> Pool<T> {
    /// A pool with room for `room` things, and none in it.
    pub fn new(room: usize) -> Self {
        Self { things: ArrayQueue::new(room), missed: AtomicBool::new(false) }
    }

    /// Takes a thing. If there is none, whoever gives one next is told so.
    #[inline]
    pub fn take(&self) -> Option<T> {
        self.things.pop().or_else(|| self.take_or_miss())
    }

    #[cold]
    fn take_or_miss(&self) -> Option<T> {
        self.missed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.things.pop()
    }

    /// Gives a thing back. Whether somebody found none since the last time that this was said: they may be waiting.
    ///
    /// # Panics
    /// If there is no room: more is given than there is.
    #[inline]
    #[must_use = "somebody may wait for it"]
    pub fn give(&self, thing: T) -> bool {
        assert!(self.things.push(thing).is_ok(), "a pool has room for everything that was taken out of it");
        fence(Ordering::SeqCst);
        self.missed.load(Ordering::Relaxed) && self.missed.swap(false, Ordering::Relaxed)
    }
}

#[cfg(all(test, not(paidan_loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_who_found_none_is_told_of() {
        let pool = Pool::new(2);
        assert!(!pool.give(1));
        assert!(!pool.give(2));
        assert_eq!((pool.take(), pool.take(), pool.take(), pool.take()), (Some(1), Some(2), None, None));
        assert!(pool.give(3));
        assert!(!pool.give(4), "it was said");
        assert_eq!(pool.take(), Some(3));
    }

    #[test]
    #[should_panic(expected = "room")]
    fn more_than_there_is_is_an_error() {
        let pool = Pool::new(1);
        let _ = pool.give(1);
        let _ = pool.give(2);
    }
}

#[cfg(all(test, paidan_loom))]
mod models {
    use loom::thread;

    use super::super::sync::Arc;
    use super::super::{Bell, explore};
    use super::*;

    struct World {
        pool: Pool<u32>,
        bell: Bell,
    }

    impl World {
        fn give(&self, thing: u32) {
            if self.pool.give(thing) {
                self.bell.ring();
            }
        }

        fn take(&self) -> u32 {
            loop {
                let seen = self.bell.listen();
                match self.pool.take() {
                    Some(thing) => return thing,
                    None => self.bell.wait(seen),
                }
            }
        }
    }

    /// Takers that wait, givers that ring only when told to: a wake-up that is lost stops the model.
    fn all_are_served(preemptions: Option<usize>, takers: u32, givers: u32) {
        explore(preemptions, move || {
            let world = Arc::new(World { pool: Pool::new(2), bell: Bell::new() });
            let spawn = |act: fn(&World) -> u32| {
                let world = Arc::clone(&world);
                thread::spawn(move || act(&world))
            };
            let give = |world: &World| {
                world.give(1);
                0
            };
            let threads: Vec<_> =
                (1..takers).map(|_| spawn(World::take)).chain((0..givers).map(|_| spawn(give))).collect();
            let mine = world.take();
            assert_eq!(mine + threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>(), takers);
        });
    }

    #[test]
    fn one_giver_and_one_taker() {
        all_are_served(None, 1, 1);
    }

    #[test]
    fn two_givers_and_one_taker() {
        all_are_served(Some(3), 1, 2);
    }

    #[test]
    fn two_givers_and_two_takers() {
        all_are_served(Some(2), 2, 2);
    }
}
