//! See `visnyk_fuzz::listing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visnyk_fuzz::listing(bytes));
