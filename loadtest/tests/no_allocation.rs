//! Once it is warm, a stream allocates nothing for a line.
//!
//! This file holds one test, because it counts what the whole process allocates.

#![expect(unsafe_code, reason = "a global allocator that counts can be written in no other way")]

use loadtest::profile::Profile;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, and how often it was asked for memory.
struct Counting(AtomicU64);

#[global_allocator]
static COUNTING: Counting = Counting(AtomicU64::new(0));

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory came from `System` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        self.0.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the memory came from `System` with this layout; the caller keeps the rest of the contract.
        unsafe { System.realloc(memory, layout, bytes) }
    }
}

#[test]
fn a_line_costs_no_allocation() {
    for profile in Profile::all() {
        let (mut stream, mut line) = (profile.stream(1, 200_000), Vec::with_capacity(4_096));
        let mut take = |lines: u32| {
            for _ in 0..lines {
                line.clear();
                stream.next(&mut line);
            }
        };
        take(60_000);
        let before = COUNTING.0.load(Ordering::Relaxed);
        take(100_000);
        assert_eq!(COUNTING.0.load(Ordering::Relaxed) - before, 0, "{}", profile.name());
    }
}
