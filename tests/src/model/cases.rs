//! Many cases, each tried by its number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rayon::prelude::*;

use crate::Folder;

/// The variable with the cases to try: one, which is shown then, or `FIRST..END`.
const CASES: &str = "POSTLINK_MODEL_CASES";

/// Before the number of a case that does not hold.
const WRONG: &str = "wrong; POSTLINK_MODEL_CASES tries again ";

/// How often each thing happened.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// It happened once more.
    pub fn count(&mut self, what: impl Into<String>) {
        self.add(what.into(), 1);
    }

    fn add(&mut self, what: String, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    fn with(mut self, more: Self) -> Self {
        more.0.into_iter().for_each(|(what, times)| self.add(what, times));
        self
    }
}

/// Whether one case was asked for, which is to be shown.
#[must_use]
pub fn is_shown() -> bool {
    std::env::var(CASES).is_ok_and(|cases| !cases.contains(".."))
}

/// Tries so many cases, or those that are asked for.
///
/// # Panics
/// Some do not hold: their numbers are told. Or what should happen at least once did not.
pub fn try_all(cases: u64, wanted: &[&str], try_case: fn(u64, &Path, &mut Tally)) {
    let asked = asked();
    let is_all = asked.is_none();
    let cases = asked.unwrap_or(0..cases);
    let one = |folder: &mut Folder, case| {
        let mut tally = Tally::default();
        let done = catch_unwind(AssertUnwindSafe(|| try_case(case, &folder.path(""), &mut tally)));
        if done.is_err() {
            *folder = Folder::in_memory();
            tally.count(format!("{WRONG}{case}"));
        }
        tally
    };
    let tally =
        cases.into_par_iter().map_init(Folder::in_memory, one).reduce(Tally::default, Tally::with);
    let mut shown = String::new();
    for (what, times) in &tally.0 {
        let _ = writeln!(shown, "{times:9} {what}");
    }
    println!("{shown}");
    assert!(!tally.0.keys().any(|what| what.starts_with(WRONG)), "{shown}");
    let missing: Vec<_> = wanted.iter().filter(|what| !tally.0.contains_key(**what)).collect();
    assert!(!is_all || missing.is_empty(), "never seen: {missing:?}\n{shown}");
}

fn asked() -> Option<Range<u64>> {
    let asked = std::env::var(CASES).ok()?;
    let number = |text: &str| text.parse::<u64>().expect(CASES);
    Some(match asked.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&asked)..number(&asked) + 1,
    })
}
