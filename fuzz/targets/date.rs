//! See `visnyk_fuzz::date`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visnyk_fuzz::date(bytes));
