//! See `visnyk_fuzz::cleaner`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visnyk_fuzz::cleaner(bytes));
