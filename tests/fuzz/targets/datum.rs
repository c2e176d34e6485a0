//! See `paidan::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| paidan::fuzz::datum(data));
