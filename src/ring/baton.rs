//! A baton: work that one thread at a time must do, in order, done by whoever comes along.
//!
//! A lock would make the second comer wait for the first. Here it leaves a mark and goes on with its own work; the holder
//! sees the mark before it lets go, and does the second comer's work too. The states are ordered so that one `fetch_max`
//! says "there is work" whoever holds the baton, and the answer says whether it is now ours.
#![allow(unsafe_code)]

use std::mem;

use super::sync::{AtomicU8, Ordering, UnsafeCell};

/// Nobody holds the baton.
const IDLE: u8 = 0;
/// Somebody does, and has taken notice of every mark so far.
const RUNNING: u8 = 1;
/// Somebody does, and there may be work that the holder has not seen.
const MARKED: u8 = 2;
/// A holder panicked. The largest state: no mark replaces it.
const POISONED: u8 = 3;

/// A value on which work is done by one thread at a time, without anybody waiting.
///
/// Deposit the work where the holder will find it (a [`Shelf`](super::Shelf), a queue), *then* [`run`](Self::run):
///
/// ```
/// # use std::{sync::Mutex, thread};
/// use paidan::ring::Baton;
///
/// let (deposits, baton) = (Mutex::new(Vec::new()), Baton::new(0));
/// thread::scope(|scope| {
///     for n in 1..=4 {
///         let (deposits, baton) = (&deposits, &baton);
///         scope.spawn(move || {
///             deposits.lock().unwrap().push(n);
///             baton.run(|sum| deposits.lock().unwrap().pop().map(|n| *sum += n).is_some());
///         });
///     }
/// });
/// assert_eq!(baton.into_inner(), 10);
/// ```
pub struct Baton<T> {
    state: AtomicU8,
    work: UnsafeCell<T>,
}

// SAFETY: `work` is touched only by the thread that moved `state` away from IDLE, after it has acquired what the holder
// before it released; `T` is then used by one thread after another, for which `T: Send` is enough.
unsafe impl<T: Send> Sync for Baton<T> {}

impl<T> Baton<T> {
    /// A baton that nobody holds, over `work`.
    pub fn new(work: T) -> Self {
        Self { state: AtomicU8::new(IDLE), work: UnsafeCell::new(work) }
    }

    /// Does the work if nobody else is at it: calls `round` until it answers `false` (nothing left), and again if somebody
    /// came meanwhile. Says whether this call held the baton. If not, it returned at once, and the holder will call its own
    /// `round` after this moment: what was deposited before `run` is found by one or the other, so every caller's `round`
    /// must be able to do everybody's work. A `round` that itself comes back here counts as somebody who came meanwhile.
    ///
    /// # Panics
    /// If `round` panicked in this run or in an earlier one: the value may be half changed, and nobody touches it again.
    pub fn run(&self, mut round: impl FnMut(&mut T) -> bool) -> bool {
        // A mark on a mark is still a read-modify-write: it joins the release sequence that the holder acquires, so the
        // holder sees this thread's deposit too. A load that finds MARKED and returns would not do.
        match self.state.fetch_max(MARKED, Ordering::Release) {
            IDLE => {}
            RUNNING | MARKED => return false,
            _ => poisoned(),
        }
        let holding = Holding(&self.state);
        loop {
            // Acquires both what the holder before let go and what those who left marks had deposited.
            self.state.swap(RUNNING, Ordering::Acquire);
            self.work.with_mut(|work| {
                // SAFETY: this thread found IDLE and has not let go, so nobody else has a reference to the value, and the
                // swap above ordered it after everything that the holders before did to it.
                let work = unsafe { &mut *work };
                while round(work) {}
            });
            if self.state.compare_exchange(RUNNING, IDLE, Ordering::Release, Ordering::Relaxed).is_ok() {
                mem::forget(holding);
                return true;
            }
        }
    }

    /// The value, when nobody can come any more.
    ///
    /// # Panics
    /// If a `round` panicked.
    pub fn into_inner(self) -> T {
        if self.state.load(Ordering::Relaxed) == POISONED {
            poisoned();
        }
        self.work.into_inner()
    }
}

/// Held while the rounds run and forgotten when they end well: dropped only by a panic.
struct Holding<'a>(&'a AtomicU8);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.store(POISONED, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn poisoned() -> ! {
    panic!("a thread panicked while it held the baton: the value behind it may be half changed and is not used again");
}

#[cfg(all(test, not(paidan_loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;
    use std::thread;

    use super::super::sync::AtomicU64;
    use super::*;

    /// Moves one unit of work out of `left`, if there is one.
    fn take_one(left: &AtomicU64) -> bool {
        left.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
    }

    #[test]
    fn rounds_go_on_until_nothing_is_left() {
        for deposits in [0, 1, 2, 100] {
            let (left, baton) = (AtomicU64::new(deposits), Baton::new(0));
            let held = baton.run(|done| {
                let more = take_one(&left);
                *done += u64::from(more);
                more
            });
            assert!(held);
            assert_eq!(baton.into_inner(), deposits);
        }
    }

    #[test]
    fn nobody_waits_for_a_suspended_holder_and_the_holder_does_their_work() {
        let (left, baton) = (AtomicU64::new(0), Baton::new(0));
        let (inside, is_inside) = mpsc::sync_channel(1);
        let (resume, may_resume) = mpsc::sync_channel(1);
        thread::scope(|scope| {
            let (left, baton) = (&left, &baton);
            let holder = scope.spawn(move || {
                let mut suspended = false;
                baton.run(|done| {
                    if !mem::replace(&mut suspended, true) {
                        inside.send(()).unwrap();
                        may_resume.recv().unwrap();
                        return false;
                    }
                    let more = take_one(left);
                    *done += u64::from(more);
                    more
                })
            });
            is_inside.recv().unwrap();
            for _ in 0..3 {
                left.fetch_add(1, Ordering::Relaxed);
                assert!(!baton.run(|_| unreachable!("the baton is held by the other thread")));
            }
            resume.send(()).unwrap();
            assert!(holder.join().unwrap());
        });
        assert_eq!(baton.into_inner(), 3);
    }

    #[test]
    fn coming_back_from_inside_is_a_mark_and_not_a_second_reference() {
        let baton = Baton::new(0);
        assert!(baton.run(|rounds| {
            *rounds += 1;
            if *rounds < 5 {
                assert!(!baton.run(|_| unreachable!("the baton is held by the outer call")));
            }
            false
        }));
        assert_eq!(baton.into_inner(), 5);
    }

    #[test]
    fn a_panic_poisons() {
        let message = |run: &mut dyn FnMut()| {
            let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
            panic.downcast_ref::<&str>().map_or("", |text| text).to_owned()
        };
        let baton = Baton::new(0);
        assert_eq!(message(&mut || assert!(baton.run(|_| panic!("first")))), "first");
        for _ in 0..2 {
            let text = message(&mut || assert!(baton.run(|_| unreachable!("a poisoned value is never touched"))));
            assert!(text.contains("panicked while it held the baton"), "{text}");
        }
        let mut baton = Some(baton);
        let text = message(&mut || assert_eq!(baton.take().map(Baton::into_inner), None));
        assert!(text.contains("half changed"), "{text}");
    }

    #[test]
    fn four_threads_strand_nothing() {
        const EACH: u64 = 50_000;
        let (left, baton) = (AtomicU64::new(0), Baton::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        left.fetch_add(1, Ordering::Relaxed);
                        baton.run(|done| {
                            let more = take_one(&left);
                            *done += u64::from(more);
                            more
                        });
                    }
                });
            }
        });
        assert_eq!(baton.into_inner(), 4 * EACH);
    }
}

#[cfg(all(test, paidan_loom))]
mod models {
    use loom::thread;

    use super::super::explore;
    use super::super::sync::{Arc, AtomicUsize};
    use super::*;

    /// One mailbox for each depositor, as plain as can be: Relaxed, so that the baton alone must carry the deposit over.
    struct World<const THREADS: usize> {
        mail: [AtomicUsize; THREADS],
        baton: Baton<[usize; THREADS]>,
    }

    impl<const THREADS: usize> World<THREADS> {
        fn new() -> Arc<Self> {
            let mail = std::array::from_fn(|_| AtomicUsize::new(0));
            Arc::new(Self { mail, baton: Baton::new([0; THREADS]) })
        }

        fn deposit(&self, me: usize, item: usize) -> bool {
            self.mail[me].store(item, Ordering::Relaxed);
            self.baton.run(|seen| {
                for (seen, mail) in seen.iter_mut().zip(&self.mail) {
                    *seen = mail.load(Ordering::Relaxed);
                }
                false
            })
        }
    }

    /// Each thread deposits `times`; the holders together must have seen everyone's last deposit.
    fn nothing_is_stranded<const THREADS: usize>(preemptions: Option<usize>, times: usize) {
        explore(preemptions, move || {
            let world = World::<THREADS>::new();
            let depositing = |me| {
                let world = Arc::clone(&world);
                move || {
                    let mut held = false;
                    for item in 1..=times {
                        held |= world.deposit(me, item);
                    }
                    held
                }
            };
            let threads: Vec<_> = (1..THREADS).map(|me| thread::spawn(depositing(me))).collect();
            let mut held = depositing(0)();
            for thread in threads {
                held |= thread.join().unwrap();
            }
            assert!(held, "somebody held the baton");
            let mut seen = None;
            assert!(world.baton.run(|last| {
                seen = Some(*last);
                false
            }));
            assert_eq!(seen, Some([times; THREADS]));
        });
    }

    #[test]
    fn two_threads_strand_nothing_in_two_deposits_each() {
        nothing_is_stranded::<2>(None, 2);
    }

    #[test]
    fn three_threads_strand_nothing() {
        nothing_is_stranded::<3>(Some(4), 1);
    }

    #[test]
    fn one_thread_at_a_time_and_each_sees_what_the_last_one_did() {
        explore(None, || {
            // loom's cell reports two holders at once, also inside the value.
            let baton = Arc::new(Baton::new(0));
            let count = |baton: &Baton<usize>| {
                let mut rounds = 0;
                baton.run(|total| {
                    thread::yield_now();
                    *total += 1;
                    rounds += 1;
                    false
                });
                rounds
            };
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let baton = Arc::clone(&baton);
                    thread::spawn(move || count(&baton))
                })
                .collect();
            let rounds: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert!((1..=2).contains(&rounds), "{rounds} rounds for two comers");
            let baton = Arc::try_unwrap(baton).map_err(|_| "shared").expect("the threads have ended");
            assert_eq!(baton.into_inner(), rounds);
        });
    }
}
