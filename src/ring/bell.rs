//! A bell: "something may have changed". Whoever finds nothing to do waits for the next ring.
//!
//! One word holds the number of rings and, in its lowest bit, whether somebody may be asleep. A ring adds to the word and
//! sees the bit in the same instruction; a sleeper sets the bit only if the word still holds the number that it listened
//! to. Whichever of the two comes first, the other notices, so no wake-up is lost. (Two words, a count and a number of
//! sleepers, would need a sequentially consistent fence on both sides for the same guarantee.)

use std::num::NonZero;
use std::thread;

use crossbeam::utils::CachePadded;

use super::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering, PoisonError};

/// How long a waiter looks before it sleeps, in `spin_loop` hints: 3 µs where the processor pauses for 40 cycles, 10 µs
/// where for 140. That is about what a sleep and its wake-up cost, so spinning at most doubles the price of a wait.
const SPINS: u32 = 256;

/// Somebody may be asleep.
const ASLEEP: u64 = 1;
/// One ring; the count lies above the bit and does not wrap in a thousand years.
const RING: u64 = 2;

/// An event count. Any number of threads may ring and wait.
///
/// Listen, *then* look, then wait for what changed since you listened:
///
/// ```
/// # use std::{sync::atomic::{AtomicBool, Ordering}, thread};
/// use paidan::ring::Bell;
///
/// let (bell, done) = (Bell::new(), AtomicBool::new(false));
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         done.store(true, Ordering::Relaxed);
///         bell.ring();
///     });
///     loop {
///         let seen = bell.listen();
///         if done.load(Ordering::Relaxed) {
///             break;
///         }
///         bell.wait(seen);
///     }
/// });
/// ```
///
/// What a thread did before it rang is visible to everyone whom that ring let go on. A ring with nobody asleep is one
/// atomic addition. With somebody asleep it takes a lock for the length of one store, which only sleepers share; what the
/// bell announces can be seen without it.
pub struct Bell {
    state: CachePadded<AtomicU64>,
    lock: Mutex<()>,
    rung: Condvar,
    spins: u32,
}

/// How often a [`Bell`] had rung when somebody listened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "listening matters only to a later wait"]
pub struct Seen(u64);

impl Bell {
    /// A bell that nobody has rung.
    pub fn new() -> Self {
        Self { state: CachePadded::new(AtomicU64::new(0)), lock: Mutex::new(()), rung: Condvar::new(), spins: spins() }
    }

    /// Says that something may have changed, and wakes everybody who waits.
    #[inline]
    pub fn ring(&self) {
        if self.state.fetch_add(RING, Ordering::Release) & ASLEEP != 0 {
            self.wake();
        }
    }

    /// The number of rings so far, to be taken before the look that may lead to a wait.
    #[inline]
    pub fn listen(&self) -> Seen {
        Seen(self.state.load(Ordering::Acquire) & !ASLEEP)
    }

    /// Blocks until the bell has rung since `seen`. It spins first, for a constant number of `spin_loop` hints, and only
    /// where more than one core is there: on a single core the ringer cannot run meanwhile.
    pub fn wait(&self, seen: Seen) {
        if self.rings_soon(seen) {
            return;
        }
        let mut guard = self.lock();
        while self.may_sleep(seen) {
            guard = self.rung.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`wait`](Self::wait), but for `limit` at most; says whether the bell has rung. For whoever shows progress: nothing
    /// that is decided may depend on it.
    #[cfg(not(paidan_loom))]
    pub fn wait_for(&self, seen: Seen, limit: std::time::Duration) -> bool {
        let waiting = self.rung.wait_timeout_while(self.lock(), limit, |()| self.may_sleep(seen));
        let (_guard, end) = waiting.unwrap_or_else(PoisonError::into_inner);
        !end.timed_out()
    }

    /// Loom has no clock: there the bell always rings in time.
    #[cfg(paidan_loom)]
    pub fn wait_for(&self, seen: Seen, _limit: std::time::Duration) -> bool {
        self.wait(seen);
        true
    }

    fn rings_soon(&self, seen: Seen) -> bool {
        (0..self.spins).any(|_| {
            std::hint::spin_loop();
            self.listen() != seen
        })
    }

    /// Says that somebody is about to sleep, unless the bell has rung since `seen`. Only under the lock, which is held until
    /// the sleep has begun: a ring that sees the bit then finds the sleeper on the condition variable.
    fn may_sleep(&self, Seen(rings): Seen) -> bool {
        match self.state.compare_exchange(rings, rings | ASLEEP, Ordering::Relaxed, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == rings | ASLEEP,
        }
    }

    /// Clears the bit for all who sleep now. One who wakes for nothing (it listened to this very ring) sets it again.
    #[cold]
    #[inline(never)]
    fn wake(&self) {
        let guard = self.lock();
        self.state.fetch_and(!ASLEEP, Ordering::Relaxed);
        drop(guard);
        self.rung.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}

/// No spinning in a model: it would only repeat the first look of the wait.
fn spins() -> u32 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    if cores > 1 && !cfg!(paidan_loom) { SPINS } else { 0 }
}

#[cfg(all(test, not(paidan_loom)))]
mod tests {
    use std::time::Duration;

    use super::super::sync::AtomicUsize;
    use super::*;

    #[test]
    fn a_wait_returns_at_once_if_the_bell_has_rung_since() {
        let bell = Bell::new();
        let seen = bell.listen();
        bell.ring();
        bell.wait(seen);
        assert!(bell.wait_for(seen, Duration::ZERO));
    }

    #[test]
    fn a_bounded_wait_ends_without_a_ring_and_leaves_the_bell_whole() {
        let bell = Bell::new();
        let seen = bell.listen();
        assert!(!bell.wait_for(seen, Duration::ZERO));
        assert!(!bell.wait_for(seen, Duration::from_micros(50)));
        assert_eq!(bell.listen(), seen, "sleepers do not show in the count");
        bell.ring();
        assert_ne!(bell.listen(), seen);
        bell.wait(seen);
    }

    #[test]
    fn every_ring_is_news_once() {
        let bell = Bell::new();
        for _ in 0..1000 {
            let seen = bell.listen();
            assert_eq!(bell.listen(), seen);
            bell.ring();
            assert_ne!(bell.listen(), seen);
        }
    }

    /// Threads pass a number around: each waits for its own turn, so that every turn needs a wake-up of one among many
    /// sleepers, and one that is lost stops the test.
    #[test]
    fn no_turn_of_many_is_slept_through() {
        const THREADS: usize = 4;
        const TURNS: usize = 20_000;
        let (bell, turn) = (Bell::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for me in 0..THREADS {
                let (bell, turn) = (&bell, &turn);
                scope.spawn(move || {
                    for mine in (me..TURNS).step_by(THREADS) {
                        loop {
                            let seen = bell.listen();
                            if turn.load(Ordering::Relaxed) == mine {
                                break;
                            }
                            bell.wait(seen);
                        }
                        turn.store(mine + 1, Ordering::Relaxed);
                        bell.ring();
                    }
                });
            }
        });
        assert_eq!(turn.load(Ordering::Relaxed), TURNS);
    }
}

#[cfg(all(test, paidan_loom))]
mod models {
    use loom::thread::{self, JoinHandle};

    use super::super::explore;
    use super::super::sync::{Arc, AtomicUsize};
    use super::*;

    struct World {
        bell: Bell,
        changes: AtomicUsize,
    }

    impl World {
        fn new() -> Arc<Self> {
            Arc::new(Self { bell: Bell::new(), changes: AtomicUsize::new(0) })
        }

        /// Relaxed on purpose: that the change is seen must follow from the bell alone.
        fn change(&self) {
            self.changes.fetch_add(1, Ordering::Relaxed);
            self.bell.ring();
        }

        fn wait_until(&self, changes: usize) {
            loop {
                let seen = self.bell.listen();
                if self.changes.load(Ordering::Relaxed) >= changes {
                    return;
                }
                self.bell.wait(seen);
            }
        }
    }

    fn spawn(world: &Arc<World>, act: impl FnOnce(&World) + 'static) -> JoinHandle<()> {
        let world = Arc::clone(world);
        thread::spawn(move || act(&world))
    }

    #[test]
    fn one_ring_wakes_one_waiter() {
        explore(None, || {
            let world = World::new();
            let ringing = spawn(&world, World::change);
            let seen = world.bell.listen();
            if world.changes.load(Ordering::Relaxed) == 0 {
                world.bell.wait(seen);
                assert_eq!(world.changes.load(Ordering::Relaxed), 1, "the ring that ends a wait shows what led to it");
            }
            ringing.join().unwrap();
        });
    }

    #[test]
    fn one_ring_wakes_two_waiters() {
        explore(Some(4), || {
            let world = World::new();
            let waiting = spawn(&world, |world| world.wait_until(1));
            let ringing = spawn(&world, World::change);
            world.wait_until(1);
            waiting.join().unwrap();
            ringing.join().unwrap();
        });
    }

    #[test]
    fn two_ringers_wake_one_waiter_who_needs_both() {
        explore(Some(4), || {
            let world = World::new();
            let ringing = [spawn(&world, World::change), spawn(&world, World::change)];
            world.wait_until(2);
            for thread in ringing {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn two_ringers_wake_two_waiters_who_need_different_things() {
        explore(Some(2), || {
            let world = World::new();
            let waiting = spawn(&world, |world| world.wait_until(1));
            let ringing = [spawn(&world, World::change), spawn(&world, World::change)];
            world.wait_until(2);
            waiting.join().unwrap();
            for thread in ringing {
                thread.join().unwrap();
            }
        });
    }
}
