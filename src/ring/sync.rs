//! Where this room gets its atomics, cells, locks and shared ownership: std, or loom's models of them under `cfg(paidan_loom)`.
//!
//! Nothing else in the room names `std::sync` or `std::cell`, so what loom explores is what runs.

#[cfg(paidan_loom)]
pub(super) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};
#[cfg(not(paidan_loom))]
pub(super) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering},
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
