#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| gatepost::fuzz::foreign_text(text));
