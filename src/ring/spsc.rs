//! A bounded ring between two threads: one pushes, one pops, neither ever waits for the other.
//!
//! Each half keeps its own count and a copy of the other's, and looks across only when the copy says full or empty: while
//! both sides are busy, an item costs one store to a line that the other side seldom reads. The halves are not `Clone` and
//! need `&mut self`, so "single producer, single consumer" is checked by the compiler and not by a comment.
#![allow(unsafe_code)]

use std::fmt;
use std::mem::MaybeUninit;

use crossbeam::utils::CachePadded;

use super::sync::{Arc, AtomicBool, AtomicUsize, Ordering, UnsafeCell};

/// A ring that holds at most `capacity` items, as its two halves.
///
/// ```
/// use paidan::ring::{Full, ring};
///
/// let (mut producer, mut consumer) = ring(2);
/// assert_eq!(producer.push('a'), Ok(()));
/// assert_eq!(producer.push('b'), Ok(()));
/// assert_eq!(producer.push('c'), Err(Full('c')));
/// assert_eq!(consumer.pop(), Some('a'));
/// assert_eq!(producer.room(), 1);
/// ```
///
/// # Panics
/// If `capacity` is zero, or so large that its next power of two is not a `usize`.
pub fn ring<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    assert!(capacity > 0, "a ring holds at least one item; its capacity was given as 0");
    // The limit stays `capacity`; only the slots are rounded up, so that a count becomes a position with one mask, also
    // across the wrap-around of the counts themselves.
    let slots = capacity.checked_next_power_of_two().expect("a ring's capacity has a next power of two");
    let shared = Arc::new(Shared {
        pushed: CachePadded::new(AtomicUsize::new(0)),
        popped: CachePadded::new(AtomicUsize::new(0)),
        closed: AtomicBool::new(false),
        slots: (0..slots).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
    });
    let producer = Producer { shared: Arc::clone(&shared), capacity, pushed: 0, popped: 0 };
    (producer, Consumer { shared, pushed: 0, popped: 0 })
}

/// The answer of a full ring: it gives the item back, and the caller chooses to spill, shed or stop reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ring is full")
    }
}

impl<T> std::error::Error for Full<T> {}

/// The half that pushes. Dropping it closes the ring; what was pushed can still be popped.
pub struct Producer<T> {
    shared: Arc<Shared<T>>,
    capacity: usize,
    pushed: usize,
    /// The consumer's count when this side last looked: never ahead of it.
    popped: usize,
}

impl<T> Producer<T> {
    /// Puts one item in, visible to the consumer at once.
    ///
    /// # Errors
    /// [`Full`] with the item. A ring whose consumer is gone takes items until it is full; see [`is_closed`](Self::is_closed).
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        if self.room_as_seen() == 0 && self.room() == 0 {
            return Err(Full(item));
        }
        self.shared.slot(self.pushed).with_mut(|slot| {
            // SAFETY: fewer than `capacity` items lie between `popped` and `pushed`, so this slot is empty: the consumer
            // has released it (its count was read with Acquire) and comes here only after the store below.
            unsafe { slot.write(MaybeUninit::new(item)) }
        });
        self.pushed = self.pushed.wrapping_add(1);
        self.shared.pushed.store(self.pushed, Ordering::Release);
        Ok(())
    }

    /// How many items can be pushed now without an answer of [`Full`]. It can only have grown by the time of the push, so
    /// room that was seen is room reserved.
    #[inline]
    pub fn room(&mut self) -> usize {
        self.popped = self.shared.popped.load(Ordering::Acquire);
        self.room_as_seen()
    }

    /// Whether the consumer is gone, so that nobody will take what is pushed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    #[inline]
    fn room_as_seen(&self) -> usize {
        self.capacity - self.pushed.wrapping_sub(self.popped)
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

/// The half that pops. Dropping it closes the ring; what is left inside is dropped with the last half.
pub struct Consumer<T> {
    shared: Arc<Shared<T>>,
    /// The producer's count when this side last looked: never ahead of it.
    pushed: usize,
    popped: usize,
}

impl<T> Consumer<T> {
    /// The oldest item, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.pushed == self.popped && self.look() == 0 {
            return None;
        }
        let item = self.move_out();
        self.shared.popped.store(self.popped, Ordering::Release);
        Some(item)
    }

    /// Hands the items that are there now, oldest first and at most `max`, to `each`; says how many. Their room goes back
    /// to the producer in one store at the end, also if `each` panics.
    ///
    /// ```
    /// let (mut producer, mut consumer) = paidan::ring::ring(8);
    /// (0..5).for_each(|n| producer.push(n).unwrap());
    /// let mut sum = 0;
    /// assert_eq!(consumer.take(usize::MAX, |n| sum += n), 5);
    /// assert_eq!(sum, 10);
    /// ```
    pub fn take(&mut self, max: usize, mut each: impl FnMut(T)) -> usize {
        let count = self.look().min(max);
        let taking = Taking(self);
        for _ in 0..count {
            each(taking.0.move_out());
        }
        count
    }

    /// Whether the producer is gone. What it pushed before may still be inside: a ring is finished when it was closed
    /// *first* and *then* [`pop`](Self::pop) finds nothing.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    #[inline]
    fn look(&mut self) -> usize {
        self.pushed = self.shared.pushed.load(Ordering::Acquire);
        self.pushed.wrapping_sub(self.popped)
    }

    /// Moves the oldest item out and counts it on this side; the caller has seen that there is one, and publishes.
    #[inline]
    fn move_out(&mut self) -> T {
        let item = self.shared.slot(self.popped).with_mut(|slot| {
            // SAFETY: `popped` is behind `pushed`, which was read with Acquire after the slot was written; it is counted as
            // popped right below, so it is read once, and the producer comes back only after that count is published.
            unsafe { slot.read().assume_init() }
        });
        self.popped = self.popped.wrapping_add(1);
        item
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

/// Publishes what was moved out when it goes, so that a panic in between neither loses the count nor drops an item twice.
struct Taking<'a, T>(&'a mut Consumer<T>);

impl<T> Drop for Taking<'_, T> {
    fn drop(&mut self) {
        self.0.shared.popped.store(self.0.popped, Ordering::Release);
    }
}

/// The counts run freely and wrap; their difference is the number of items inside.
struct Shared<T> {
    /// Written by the producer only.
    pushed: CachePadded<AtomicUsize>,
    /// Written by the consumer only.
    popped: CachePadded<AtomicUsize>,
    /// One of the two halves is gone. There are two, so whoever reads it knows which.
    closed: AtomicBool,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

// SAFETY: a slot is touched by one side at a time, as the two counts say, and items only ever move from one thread to
// another, for which `T: Send` is enough.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    #[inline]
    fn slot(&self, count: usize) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[count & (self.slots.len() - 1)]
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let pushed = self.pushed.load(Ordering::Relaxed);
        let mut popped = self.popped.load(Ordering::Relaxed);
        while popped != pushed {
            self.slot(popped).with_mut(|slot| {
                // SAFETY: both halves are gone and the counts are final; what lies between them was written and never read.
                unsafe { slot.read().assume_init() }
            });
            popped = popped.wrapping_add(1);
        }
    }
}

#[cfg(all(test, not(paidan_loom)))]
mod tests {
    use std::collections::VecDeque;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;
    use std::thread;

    use proptest::prelude::*;

    use super::super::Bell;
    use super::*;

    #[test]
    fn a_ring_holds_exactly_its_capacity() {
        for capacity in [1, 2, 3, 5, 8, 1000] {
            let (mut producer, mut consumer) = ring(capacity);
            for round in 0..3 {
                assert_eq!(producer.room(), capacity);
                for n in 0..capacity {
                    assert_eq!(producer.push((round, n)), Ok(()), "item {n} of {capacity}");
                }
                assert_eq!(producer.push((9, 9)), Err(Full((9, 9))), "capacity {capacity}");
                for n in 0..capacity {
                    assert_eq!(consumer.pop(), Some((round, n)), "item {n} of {capacity}");
                }
                assert_eq!(consumer.pop(), None);
            }
        }
    }

    #[test]
    #[should_panic(expected = "at least one item")]
    fn a_ring_of_nothing_is_refused() {
        ring::<u8>(0);
    }

    #[test]
    fn counts_may_wrap() {
        let (mut producer, mut consumer) = ring(3);
        let near_the_end = usize::MAX - 1;
        (producer.pushed, producer.popped, consumer.pushed, consumer.popped) =
            (near_the_end, near_the_end, near_the_end, near_the_end);
        producer.shared.pushed.store(near_the_end, Ordering::Relaxed);
        producer.shared.popped.store(near_the_end, Ordering::Relaxed);
        for n in 0..10 {
            for item in 3 * n..3 * n + 3 {
                assert_eq!(producer.push(item), Ok(()));
            }
            assert_eq!(producer.push(0), Err(Full(0)));
            let mut got = Vec::new();
            assert_eq!(consumer.take(9, |item| got.push(item)), 3);
            assert_eq!(got, [3 * n, 3 * n + 1, 3 * n + 2]);
        }
    }

    #[test]
    fn each_half_learns_that_the_other_is_gone() {
        let (producer, consumer) = ring::<u8>(1);
        assert!(!producer.is_closed() && !consumer.is_closed());
        drop(consumer);
        assert!(producer.is_closed());

        let (mut producer, mut consumer) = ring(1);
        producer.push(7).unwrap();
        drop(producer);
        assert!(consumer.is_closed());
        assert_eq!((consumer.pop(), consumer.pop()), (Some(7), None));
    }

    #[test]
    fn a_panic_while_taking_drops_each_item_once() {
        let token = Rc::new(());
        let (mut producer, mut consumer) = ring(4);
        (0..4).for_each(|n| producer.push((n, Rc::clone(&token))).unwrap());
        let taking = AssertUnwindSafe(|| consumer.take(4, |(n, _)| assert_ne!(n, 1, "the second item is refused")));
        catch_unwind(taking).unwrap_err();
        assert_eq!((producer.room(), Rc::strong_count(&token)), (2, 3));
        assert_eq!(consumer.pop().map(|(n, _)| n), Some(2));
        drop((producer, consumer));
        assert_eq!(Rc::strong_count(&token), 1);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push,
        Pop,
        Take(usize),
        Room,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Push),
            2 => Just(Step::Pop),
            1 => (0..9_usize).prop_map(Step::Take),
            1 => Just(Step::Room),
        ]
    }

    proptest! {
        #[test]
        fn a_ring_is_a_bounded_queue(capacity in 1..9_usize, steps in prop::collection::vec(step(), 0..200)) {
            let token = Rc::new(());
            let (mut producer, mut consumer) = ring(capacity);
            let mut queue = VecDeque::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        let pushed = producer.push((n, Rc::clone(&token))).is_ok();
                        prop_assert_eq!(pushed, queue.len() < capacity);
                        if pushed {
                            queue.push_back(n);
                        }
                    }
                    Step::Pop => prop_assert_eq!(consumer.pop().map(|(n, _)| n), queue.pop_front()),
                    Step::Take(max) => {
                        let mut got = Vec::new();
                        let count = consumer.take(max, |(n, _)| got.push(n));
                        prop_assert_eq!(count, max.min(queue.len()));
                        prop_assert_eq!(got, queue.drain(..count).collect::<Vec<_>>());
                    }
                    Step::Room => prop_assert_eq!(producer.room(), capacity - queue.len()),
                }
                prop_assert_eq!(Rc::strong_count(&token), 1 + queue.len());
            }
            drop((producer, consumer));
            prop_assert_eq!(Rc::strong_count(&token), 1);
        }
    }

    /// Two real threads, a million items, each batch announced once; whoever finds nothing to do sleeps.
    #[test]
    fn a_million_items_cross_in_order() {
        const ITEMS: u64 = 1_000_000;
        let (mut producer, mut consumer) = ring(1024);
        let (items, room) = (Bell::new(), Bell::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut next = 0;
                while next < ITEMS {
                    let seen = room.listen();
                    let end = ITEMS.min(next + producer.room() as u64);
                    if next == end {
                        room.wait(seen);
                        continue;
                    }
                    for item in next..end {
                        producer.push(item).expect("room that was seen is room reserved");
                    }
                    next = end;
                    items.ring();
                }
            });
            let (mut next, mut sum) = (0, 0);
            while next < ITEMS {
                let seen = items.listen();
                let count = consumer.take(256, |item| {
                    assert_eq!(item, next);
                    next += 1;
                    sum += item;
                });
                if count == 0 { items.wait(seen) } else { room.ring() }
            }
            assert_eq!(sum, ITEMS * (ITEMS - 1) / 2);
        });
    }
}

#[cfg(all(test, paidan_loom))]
mod models {
    use loom::thread;

    use super::super::explore;
    use super::*;

    #[test]
    fn items_cross_in_order_around_a_full_ring() {
        explore(None, || {
            let (mut producer, mut consumer) = ring(2);
            let pushing = thread::spawn(move || {
                for mut item in (1..=3).map(Box::new) {
                    while let Err(Full(back)) = producer.push(item) {
                        item = back;
                        thread::yield_now();
                    }
                }
            });
            for expected in 1..=3 {
                let item = loop {
                    match consumer.pop() {
                        Some(item) => break item,
                        None => thread::yield_now(),
                    }
                };
                assert_eq!(*item, expected);
            }
            pushing.join().unwrap();
            assert!(consumer.pop().is_none());
        });
    }

    #[test]
    fn taking_and_reserving_agree() {
        explore(None, || {
            let (mut producer, mut consumer) = ring(3);
            let pushing = thread::spawn(move || {
                let mut pushed = 0;
                for _ in 0..3 {
                    for _ in 0..producer.room().min(2) {
                        producer.push(Box::new(pushed)).expect("room that was seen is room reserved");
                        pushed += 1;
                    }
                }
                pushed
            });
            let mut got = 0;
            let mut each = |item: Box<u32>| {
                assert_eq!(*item, got);
                got += 1;
            };
            consumer.take(2, &mut each);
            consumer.take(2, &mut each);
            let pushed = pushing.join().unwrap();
            while consumer.take(2, &mut each) > 0 {}
            assert_eq!(got, pushed);
        });
    }

    #[test]
    fn closed_and_then_empty_is_finished() {
        explore(None, || {
            let (mut producer, mut consumer) = ring(2);
            let pushing = thread::spawn(move || {
                producer.push(Box::new(1)).unwrap();
                producer.push(Box::new(2)).unwrap();
            });
            let mut got = Vec::new();
            loop {
                let closed = consumer.is_closed();
                match consumer.pop() {
                    Some(item) => got.push(*item),
                    None if closed => break,
                    None => thread::yield_now(),
                }
            }
            assert_eq!(got, [1, 2]);
            pushing.join().unwrap();
        });
    }

    /// loom reports an `Arc` that is never freed; the count shows one that is freed twice.
    #[test]
    fn leftovers_are_dropped_once_whichever_half_goes_last() {
        explore(None, || {
            let token = Arc::new(());
            let (mut producer, mut consumer) = ring(2);
            let items = [Arc::clone(&token), Arc::clone(&token), Arc::clone(&token)];
            let pushing = thread::spawn(move || {
                for item in items {
                    let _ = producer.push(item);
                }
                producer.is_closed()
            });
            drop(consumer.pop());
            drop(consumer);
            pushing.join().unwrap();
            assert_eq!(Arc::strong_count(&token), 1);
        });
    }
}
