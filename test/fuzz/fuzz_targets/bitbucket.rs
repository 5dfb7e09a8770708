#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| gatepost::fuzz::bitbucket(text));
