#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| postlink_fuzz::run("manifest", data));
