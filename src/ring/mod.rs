//! How threads hand things to each other without waiting for each other.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Shelf`] | things finished in any order, taken in the order of their numbers |
//! | [`Baton`] | work that one thread at a time does, in order, whoever comes along |
//! | [`ring`] | a bounded queue from one thread to one other |
//! | [`Pool`] | things that are used again, and a mark for whoever found none |
//! | [`Bell`] | how a thread with nothing to do sleeps until something may have changed |
//!
//! Together they are the engine's hand-over: workers put finished bundles on the shelf and run the baton; its holder takes
//! them in order, decides, and pushes what follows into a ring; the bell wakes the reader.
//!
//! ```
//! use paidan::ring::{Baton, Bell, Shelf, ring};
//!
//! const BUNDLES: u64 = 8;
//! let (out, mut results) = ring(BUNDLES as usize);
//! let (shelf, lane, bell) = (Shelf::new(BUNDLES as usize), Baton::new((0, out)), Bell::new());
//! std::thread::scope(|scope| {
//!     for worker in 0..2 {
//!         let (shelf, lane, bell) = (&shelf, &lane, &bell);
//!         scope.spawn(move || {
//!             for index in (worker..BUNDLES).step_by(2) {
//!                 shelf.put(index, Box::new(index * index));
//!                 let held = lane.run(|(next, out)| match shelf.take(*next) {
//!                     Some(square) => {
//!                         out.push(*square).expect("the ring has room for every bundle");
//!                         *next += 1;
//!                         true
//!                     }
//!                     None => false,
//!                 });
//!                 if held {
//!                     bell.ring();
//!                 }
//!             }
//!         });
//!     }
//!     let mut got = Vec::new();
//!     while got.len() < BUNDLES as usize {
//!         let seen = bell.listen();
//!         if results.take(usize::MAX, |square| got.push(square)) == 0 {
//!             bell.wait(seen);
//!         }
//!     }
//!     assert_eq!(got, [0, 1, 4, 9, 16, 25, 36, 49]);
//! });
//! ```
//!
//! **What "lock-free" means here**: a thread that is suspended anywhere in a shelf, a baton or a ring keeps nobody else from
//! finishing their own call. The bell is the place to wait, and so the one place with a lock: it is taken only by who goes
//! to sleep and who wakes a sleeper.
//!
//! **What is absent**: this room knows no report, no record and no clock, and has no queue that grows.
//!
//! # Proof
//! Every atomic comes through `sync`, so that loom can run the same code through every order of events that the memory
//! model allows (the larger models through all with a bounded number of preemptions):
//!
//! ```text
//! RUSTFLAGS="--cfg paidan_loom" cargo test --release --lib --target-dir target/loom ring::
//! ```
//!
//! A model that cannot fail proves nothing. Each of these edits, made alone, made at least one model fail:
//!
//! | part | edits that loom found |
//! |---|---|
//! | ring | any one Release or Acquire of the two counts made Relaxed, or those of `closed` · one item too many · count published before the item is written · leftovers not dropped, or one dropped twice |
//! | bell | any one Release or Acquire made Relaxed · the bit never set · set in a second step after the check · waking without the lock · waking one instead of all |
//! | baton | any one Release or Acquire made Relaxed · letting go without a look at the mark · a mark upon a mark as a mere load · a marker that goes in |
//! | pool | the mark after the second look · either fence left out · a mark that is never taken up |
//! | shelf | put or take made Relaxed · leftovers not dropped |
//! | hand-over | look, then listen · run, then put · no ring · a reader that makes room and runs nothing |

mod baton;
mod bell;
mod pool;
mod shelf;
mod spsc;
mod sync;

pub use baton::Baton;
pub use bell::{Bell, Seen};
pub use pool::Pool;
pub use shelf::Shelf;
pub use spsc::{Consumer, Full, Producer, ring};

/// Runs a model through every order of events, with at most `preemptions` involuntary switches if the model is too large
/// for all; `LOOM_MAX_PREEMPTIONS` sets another bound for all models.
#[cfg(all(test, paidan_loom))]
fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    builder.check(model);
}

/// The hand-over as the engine uses it, with a ring so small that the reader must lend a hand.
#[cfg(test)]
mod hand_over {
    use super::sync::Arc;
    use super::*;

    /// Workers, lane and reader of numbered bundles, each a `u64`.
    struct World {
        shelf: Shelf<u64>,
        lane: Baton<Lane>,
        bell: Bell,
    }

    struct Lane {
        next: u64,
        out: Producer<u64>,
    }

    impl World {
        fn new(bundles: usize, room: usize) -> (Arc<Self>, Consumer<u64>) {
            let (out, results) = ring(room);
            let lane = Baton::new(Lane { next: 0, out });
            (Arc::new(Self { shelf: Shelf::new(bundles), lane, bell: Bell::new() }), results)
        }

        fn put(&self, index: u64) {
            self.shelf.put(index, Box::new(index * 3));
            self.step();
        }

        /// What everybody does who may have made progress possible: the reader by making room, too.
        fn step(&self) {
            let mut moved = false;
            self.lane.run(|lane| {
                if lane.out.room() == 0 {
                    return false;
                }
                let Some(bundle) = self.shelf.take(lane.next) else { return false };
                lane.out.push(*bundle).expect("room that was seen is room reserved");
                lane.next += 1;
                moved = true;
                true
            });
            if moved {
                self.bell.ring();
            }
        }

        /// Receives all of `bundles` in order and says what they add up to.
        fn receive(&self, results: &mut Consumer<u64>, bundles: u64, received: impl Fn(u64)) -> u64 {
            let (mut next, mut sum) = (0, 0);
            while next < bundles {
                let seen = self.bell.listen();
                let count = results.take(usize::MAX, |bundle| {
                    assert_eq!(bundle, next * 3);
                    next += 1;
                    sum += bundle;
                });
                if count == 0 {
                    self.bell.wait(seen);
                } else {
                    received(count as u64);
                    self.step();
                }
            }
            sum
        }
    }

    /// Real threads, sixteen bundles in flight, room for four results.
    #[cfg(not(paidan_loom))]
    #[test]
    fn bundles_of_three_workers_arrive_in_order() {
        use super::sync::{AtomicU64, Ordering};

        const BUNDLES: u64 = 100_000;
        const IN_FLIGHT: u64 = 16;
        let (world, mut results) = World::new(IN_FLIGHT as usize, 4);
        let claims = AtomicU64::new(0);
        let (taken, places) = (AtomicU64::new(0), Bell::new());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let index = claims.fetch_add(1, Ordering::Relaxed);
                        if index >= BUNDLES {
                            break;
                        }
                        loop {
                            let seen = places.listen();
                            if index < taken.load(Ordering::Acquire) + IN_FLIGHT {
                                break;
                            }
                            places.wait(seen);
                        }
                        world.put(index);
                    }
                });
            }
            let sum = world.receive(&mut results, BUNDLES, |count| {
                taken.fetch_add(count, Ordering::Release);
                places.ring();
            });
            assert_eq!(sum, 3 * BUNDLES * (BUNDLES - 1) / 2);
        });
    }

    #[cfg(paidan_loom)]
    fn all_arrive_in_order(preemptions: Option<usize>, workers: u64, each: u64, room: usize) {
        explore(preemptions, move || {
            let bundles = workers * each;
            let (world, mut results) = World::new(bundles as usize, room);
            let threads: Vec<_> = (0..workers)
                .map(|worker| {
                    let world = Arc::clone(&world);
                    loom::thread::spawn(move || (worker..bundles).step_by(workers as usize).for_each(|n| world.put(n)))
                })
                .collect();
            assert_eq!(world.receive(&mut results, bundles, |_| ()), 3 * bundles * (bundles - 1) / 2);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    #[cfg(paidan_loom)]
    #[test]
    fn one_worker_and_a_reader_who_makes_room() {
        all_arrive_in_order(Some(4), 1, 2, 1);
    }

    #[cfg(paidan_loom)]
    #[test]
    fn two_workers_and_a_reader_with_room_for_all() {
        all_arrive_in_order(Some(3), 2, 1, 2);
    }

    #[cfg(paidan_loom)]
    #[test]
    fn two_workers_and_a_reader_who_makes_room() {
        all_arrive_in_order(Some(2), 2, 2, 1);
    }
}
