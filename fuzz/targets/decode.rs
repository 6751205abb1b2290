//! See `visnyk_fuzz::decode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| visnyk_fuzz::decode(bytes));
