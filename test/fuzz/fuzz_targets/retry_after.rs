#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| gatepost::fuzz::retry_after(text));
