//! The kept inputs of the fuzzers: what must hold for any input, holds for these.

use rayon::prelude::*;

use postlink_fuzz::{TARGETS, run, shared};
use postlink_tests::fixture;
use postlink_tests::random::Random;

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

/// Whatever shares the bytes of a RUNPATH keeps its own name: an own reading of the tables says so.
#[test]
fn strings_that_share_bytes() {
    let done = (0..1000_u64).into_par_iter().filter(|case| {
        let mut random = Random::of_case(*case);
        let done = std::panic::catch_unwind(move || shared(&mut |limit| random.below(limit)));
        done.unwrap_or_else(|_| panic!("case {case}"))
    });
    let done = done.count();
    // Most are refused: the library says something else then.
    println!("{done} of 1000 specialized");
    assert!((100..900).contains(&done), "{done} of 1000 specialized");
}
