//! The kept inputs of the fuzzers: what must hold for any input, holds for these.

use std::path::Path;

use rayon::prelude::*;

use postlink_fuzz::{TARGETS, run, shared};
use postlink_tests::random::Random;
use postlink_tests::{Folder, fixture};

#[test]
fn every_kept_input() {
    replay(&fixture("../fuzz/corpus"));
}

/// What the fuzzers have grown: as few as reach the same code (`-set_cover_merge=1 -use_counters=0 -max_len=16384`).
#[test]
fn every_grown_input() {
    let folder = Folder::new();
    let grown = fixture("../fuzz/grown.tar.xz");
    folder.run_words("tar".as_ref(), &["-xf", grown.to_str().expect("a path")]).ok();
    replay(&folder.path("."));
}

fn replay(corpus: &Path) {
    for (target, _) in TARGETS {
        let entries = std::fs::read_dir(corpus.join(target)).expect(target);
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
