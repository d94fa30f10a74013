//! The kept inputs of the fuzzers: what must hold for any input, holds for these.

use rayon::prelude::*;

use postlink_fuzz::{TARGETS, run};
use postlink_tests::fixture;

#[test]
fn every_kept_input() {
    for (target, _) in TARGETS {
        let folder = fixture("../fuzz/corpus").join(target);
        let entries = std::fs::read_dir(&folder).expect(target);
        let inputs: Vec<_> = entries.map(|entry| entry.expect("an input").path()).collect();
        assert!(!inputs.is_empty(), "{target}");
        inputs.par_iter().for_each(|input| {
            let bytes = std::fs::read(input).expect("an input");
            let holds = std::panic::catch_unwind(|| run(target, &bytes));
            assert!(holds.is_ok(), "{target}: {}", input.display());
        });
    }
}
