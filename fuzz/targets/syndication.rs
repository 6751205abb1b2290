//! See `visnyk_fuzz::syndication`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visnyk_fuzz::syndication(bytes));
