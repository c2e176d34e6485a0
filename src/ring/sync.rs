//! Where this room gets its atomics, cells, locks and shared ownership: std, or loom's models of them under `cfg(paidan_loom)`.
//!
//! Nothing else in the room names `std::sync` or `std::cell`, so what loom explores is what runs.

#[cfg(not(paidan_loom))]
pub(super) use crossbeam::queue::ArrayQueue;
#[cfg(paidan_loom)]
pub(super) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
    },
};
#[cfg(not(paidan_loom))]
pub(super) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence},
};
// loom has no poisoning of its own: its locks answer with std's type.
pub(super) use std::sync::PoisonError;

/// A std cell with the interface of loom's: access is a closure, so that a model knows when it begins and ends.
#[cfg(not(paidan_loom))]
pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(paidan_loom))]
impl<T> UnsafeCell<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    pub(super) fn into_inner(self) -> T {
        self.0.into_inner()
    }

    #[inline(always)]
    pub(super) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

/// What of crossbeam's queue a model needs. Like the original it orders only a push and the pop that finds it: a lock around it
/// all would order everything, and hide what a fence is for.
#[cfg(paidan_loom)]
pub(super) struct ArrayQueue<T>(Vec<(AtomicU8, UnsafeCell<Option<T>>)>);

// SAFETY: a place is touched only by who moved its state to BUSY, and was acquired from whoever did so before.
#[cfg(paidan_loom)]
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for ArrayQueue<T> {}

#[cfg(paidan_loom)]
#[allow(unsafe_code)]
impl<T> ArrayQueue<T> {
    const EMPTY: u8 = 0;
    const BUSY: u8 = 1;
    const FULL: u8 = 2;

    pub(super) fn new(room: usize) -> Self {
        Self((0..room).map(|_| (AtomicU8::new(Self::EMPTY), UnsafeCell::new(None))).collect())
    }

    pub(super) fn push(&self, thing: T) -> Result<(), T> {
        let mut thing = Some(thing);
        self.change(Self::EMPTY, Self::FULL, |place| *place = thing.take());
        thing.map_or(Ok(()), Err)
    }

    pub(super) fn pop(&self) -> Option<T> {
        let mut thing = None;
        self.change(Self::FULL, Self::EMPTY, |place| thing = place.take());
        thing
    }

    /// Does it to the first place that can be moved from one state to the other.
    fn change(&self, from: u8, to: u8, act: impl FnOnce(&mut Option<T>)) {
        let busy = |(state, _): &&(AtomicU8, _)| {
            state.compare_exchange(from, Self::BUSY, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        if let Some((state, place)) = self.0.iter().find(busy) {
            // SAFETY: the state was moved to BUSY by this thread, and nobody else touches the place until it is moved on.
            place.with_mut(|place| act(unsafe { &mut *place }));
            state.store(to, Ordering::Release);
        }
    }
}
