//! A shelf: things finished by many threads in any order, taken in the order of their numbers.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr;

use super::sync::{AtomicPtr, AtomicU64, Ordering};

/// A bounded reorder buffer of `len` places; number `n` lies at place `n % len`. Numbers count from 0, without gaps.
///
/// The caller bounds the numbers in flight: `n` is put only when it is known (through anything that synchronises: a channel,
/// a ring, a lock) that `n - len` has been taken. Nobody waits here: a place that is not ready is `None`.
///
/// ```
/// use paidan::ring::Shelf;
///
/// let shelf = Shelf::new(4);
/// shelf.put(1, Box::new("second"));
/// assert_eq!(shelf.take(0), None);
/// shelf.put(0, Box::new("first"));
/// assert_eq!(shelf.take(0).as_deref(), Some(&"first"));
/// assert_eq!(shelf.take(1).as_deref(), Some(&"second"));
/// ```
///
/// What cannot be sent to another thread cannot be put where another thread takes it:
///
/// ```compile_fail,E0277
/// let shelf = paidan::ring::Shelf::<std::rc::Rc<u8>>::new(1);
/// std::thread::scope(|scope| scope.spawn(|| shelf.take(0)).join());
/// ```
pub struct Shelf<T> {
    places: Box<[Place<T>]>,
    /// The places own what they point to; an `AtomicPtr` alone would be shared across threads for any `T`.
    owns: PhantomData<*mut T>,
}

struct Place<T> {
    /// The number that this place holds or waits for. Relaxed: who may put here knows, by the caller's own synchronisation,
    /// that the one before was taken, and memory safety does not rest on it.
    turn: AtomicU64,
    /// From `Box::into_raw`, or null while the place waits.
    item: AtomicPtr<T>,
}

// SAFETY: the shelf owns its items as a collection of boxes does, and moving it moves them, for which `T: Send` is enough.
unsafe impl<T: Send> Send for Shelf<T> {}
// SAFETY: through a shared shelf an item can only be put whole and taken whole, each by one atomic exchange of its pointer
// and so by one thread; nobody gets a reference to an item inside. `T: Send` is enough.
unsafe impl<T: Send> Sync for Shelf<T> {}

impl<T> Shelf<T> {
    /// An empty shelf of `len` places.
    ///
    /// # Panics
    /// If `len` is zero.
    pub fn new(len: usize) -> Self {
        assert!(len > 0, "a shelf has at least one place; its length was given as 0");
        let place = |n| Place { turn: AtomicU64::new(n), item: AtomicPtr::new(ptr::null_mut()) };
        Self { places: (0..len as u64).map(place).collect(), owns: PhantomData }
    }

    /// Puts item number `index` in its place, for whoever takes it.
    ///
    /// # Panics
    /// If the place does not wait for `index`: the caller let more than `len` numbers into flight, or used one twice. Going
    /// on would deliver out of order or lose an item, so this stops.
    pub fn put(&self, index: u64, item: Box<T>) {
        let place = self.place(index);
        let turn = place.turn.load(Ordering::Relaxed);
        if turn != index {
            not_its_turn(index, turn, self.places.len());
        }
        let item = Box::into_raw(item);
        let put = place.item.compare_exchange(ptr::null_mut(), item, Ordering::Release, Ordering::Relaxed);
        if put.is_err() {
            // SAFETY: `item` came from the box above, and the exchange that would have given it away did not happen.
            drop(unsafe { Box::from_raw(item) });
            already_there(index);
        }
    }

    /// Item number `index`, if it is there. One thread at a time takes: whoever holds the baton.
    pub fn take(&self, index: u64) -> Option<Box<T>> {
        let place = self.place(index);
        if place.turn.load(Ordering::Relaxed) != index {
            return None;
        }
        let item = place.item.swap(ptr::null_mut(), Ordering::Acquire);
        if item.is_null() {
            return None;
        }
        place.turn.store(index + self.places.len() as u64, Ordering::Relaxed);
        // SAFETY: a pointer in a place came from `Box::into_raw` in `put`, and the swap took it out for this thread alone;
        // Acquire makes what was written into the box before `put` visible here.
        Some(unsafe { Box::from_raw(item) })
    }

    fn place(&self, index: u64) -> &Place<T> {
        &self.places[(index % self.places.len() as u64) as usize]
    }
}

impl<T> Drop for Shelf<T> {
    fn drop(&mut self) {
        for place in &self.places {
            let item = place.item.load(Ordering::Relaxed);
            if !item.is_null() {
                // SAFETY: it came from `Box::into_raw` in `put` and was not taken; whoever drops the shelf is the last to
                // have it, and comes after everybody who put.
                drop(unsafe { Box::from_raw(item) });
            }
        }
    }
}

#[cold]
#[inline(never)]
fn not_its_turn(index: u64, turn: u64, len: usize) -> ! {
    panic!(
        "at most {len} numbers may be in flight on a shelf of {len} places, each used once: \
         number {index} was put where number {turn} is awaited"
    );
}

#[cold]
#[inline(never)]
fn already_there(index: u64) -> ! {
    panic!("a number is used once on a shelf: number {index} was put while it lay there already");
}

#[cfg(all(test, not(paidan_loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    use super::*;

    /// Puts and takes in any order that keeps within the shelf; expects each number to come out once, with its item.
    fn check(len: usize, puts: &[&[u64]]) {
        let shelf = Shelf::new(len);
        let mut next = 0;
        for &batch in puts {
            for &index in batch {
                shelf.put(index, Box::new(index * 10));
            }
            while let Some(item) = shelf.take(next) {
                assert_eq!(*item, next * 10, "shelf of {len}, puts {puts:?}");
                assert_eq!(shelf.take(next), None, "a number comes out once");
                next += 1;
            }
        }
        let all: usize = puts.iter().map(|batch| batch.len()).sum();
        assert_eq!(next, all as u64, "shelf of {len}, puts {puts:?}");
    }

    #[test]
    fn numbers_come_out_in_order() {
        check(1, &[&[0], &[1], &[2]]);
        check(2, &[&[1], &[0], &[3, 2], &[4]]);
        check(3, &[&[2, 1, 0], &[3], &[5], &[4]]);
        check(4, &[&[3], &[2], &[1], &[0], &[7, 5, 6, 4]]);
        check(7, &[&[6, 0, 5, 1], &[7, 8], &[2, 4, 3]]);
    }

    #[test]
    fn a_number_too_early_too_late_or_twice_stops() {
        let cases: [(&[u64], &[u64], u64, &str); 5] = [
            (&[], &[], 2, "number 2 was put where number 0 is awaited"),
            (&[0], &[], 2, "number 2 was put where number 0 is awaited"),
            (&[0], &[0], 0, "number 0 was put where number 2 is awaited"),
            (&[0, 1], &[], 1, "number 1 was put while it lay there already"),
            (&[0, 1], &[0], 4, "number 4 was put where number 2 is awaited"),
        ];
        for (puts, takes, bad, expected) in cases {
            let token = Arc::new(());
            let shelf = Shelf::new(2);
            puts.iter().for_each(|&index| shelf.put(index, Box::new(Arc::clone(&token))));
            takes.iter().for_each(|&index| drop(shelf.take(index).expect("it was put")));
            let panic = catch_unwind(AssertUnwindSafe(|| shelf.put(bad, Box::new(Arc::clone(&token))))).unwrap_err();
            let text = panic.downcast_ref::<String>().map_or("", |text| text);
            assert!(text.ends_with(expected), "{puts:?} {takes:?} {bad}: {text}");
            assert_eq!(Arc::strong_count(&token), 1 + puts.len() - takes.len(), "the refused item is dropped");
            drop(shelf);
            assert_eq!(Arc::strong_count(&token), 1, "what is left is dropped");
        }
    }

    #[test]
    #[should_panic(expected = "at least one place")]
    fn a_shelf_without_places_is_refused() {
        Shelf::<u8>::new(0);
    }
}

#[cfg(all(test, paidan_loom))]
mod models {
    use loom::thread;

    use super::super::explore;
    use super::super::sync::{Arc, UnsafeCell};
    use super::*;

    /// An item whose inside is a cell: loom reports a reader that was not ordered after the writer.
    fn item(value: u64) -> Box<UnsafeCell<u64>> {
        let item = Box::new(UnsafeCell::new(0));
        // SAFETY: nobody else has the box.
        item.with_mut(|inside| unsafe { *inside = value });
        item
    }

    fn value(item: &UnsafeCell<u64>) -> u64 {
        // SAFETY: the caller took the box and owns it.
        item.with_mut(|inside| unsafe { *inside })
    }

    fn take_when_there(shelf: &Shelf<UnsafeCell<u64>>, index: u64) -> u64 {
        loop {
            match shelf.take(index) {
                Some(item) => break value(&item),
                None => thread::yield_now(),
            }
        }
    }

    #[test]
    fn what_two_threads_put_one_takes_whole_and_in_order() {
        explore(None, || {
            let shelf = Arc::new(Shelf::new(2));
            let putting: Vec<_> = (0..2)
                .map(|index| {
                    let shelf = Arc::clone(&shelf);
                    thread::spawn(move || shelf.put(index, item(index + 7)))
                })
                .collect();
            assert_eq!((take_when_there(&shelf, 0), take_when_there(&shelf, 1)), (7, 8));
            putting.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    /// The taker lets the next number in through a flag, as an engine does through a list of free bundles.
    #[test]
    fn a_place_is_used_again() {
        explore(None, || {
            let shelf = Arc::new(Shelf::new(1));
            let taken = Arc::new(AtomicU64::new(0));
            let putting = {
                let (shelf, taken) = (Arc::clone(&shelf), Arc::clone(&taken));
                thread::spawn(move || {
                    for index in 0..2 {
                        while taken.load(Ordering::Acquire) < index {
                            thread::yield_now();
                        }
                        shelf.put(index, item(index + 7));
                    }
                })
            };
            for index in 0..2 {
                assert_eq!(take_when_there(&shelf, index), index + 7);
                taken.store(index + 1, Ordering::Release);
            }
            putting.join().unwrap();
        });
    }

    /// loom reports an `Arc` that is never freed.
    #[test]
    fn what_is_left_is_dropped() {
        explore(None, || {
            let token = Arc::new(());
            let shelf = Arc::new(Shelf::new(2));
            let putting = {
                let (shelf, token) = (Arc::clone(&shelf), Arc::clone(&token));
                thread::spawn(move || {
                    shelf.put(1, Box::new(Arc::clone(&token)));
                    shelf.put(0, Box::new(token));
                })
            };
            drop(shelf.take(0));
            putting.join().unwrap();
            drop(shelf);
            assert_eq!(Arc::strong_count(&token), 1);
        });
    }
}
