//! Runs all cells, and tells the outcome by axis.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Choice;
use crate::covering::{Axis, Cell, Rule, covering};

/// Whether the environment asks for all that is tested, however long it takes: with
/// `POSTLINK_MATRIX=full`.
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("POSTLINK_MATRIX").is_some_and(|value| value == "full")
}

/// The cells in which each pair of values stands; each triple in the full
/// matrix. Prints how many were right, a table by axis, and what is impossible.
///
/// # Panics
/// A cell is wrong.
pub fn run_all(axes: &'static [Axis], rules: &[Rule], check: impl Fn(&Choice<'_>) + Sync) {
    let (strength, combination) = if is_full() { (3, "triple") } else { (2, "pair") };
    let covering = covering(axes, rules, strength);
    println!("{} cells", covering.cells.len());
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let work = || {
        while let Some(cell) = covering.cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            let choice = Choice::new(axes, cell);
            if let Err(said) = catch_unwind(AssertUnwindSafe(|| check(&choice))) {
                let said = said.downcast::<String>().map_or_else(|_| String::new(), |said| *said);
                println!("WRONG: {choice}\n{said}");
                wrong.lock().expect("no panic in between").push(cell);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("no panic in between");
    let right = covering.cells.len() - wrong.len();
    println!(
        "{right} of {} cells right; in them stands each possible {combination} of values, {}",
        covering.cells.len(),
        covering.combinations
    );
    for (at, axis) in axes.iter().enumerate() {
        for (value, name) in axis.values.iter().enumerate() {
            let of = |cell: &&Cell| cell[at] == value;
            let cells = covering.cells.iter().filter(of).count();
            let wrong = wrong.iter().copied().filter(of).count();
            let axis = if value == 0 { axis.name } else { "" };
            println!("{axis:>15} | {name:<20} | {cells:>4} cells | {:>4} right", cells - wrong);
        }
    }
    let all: usize = axes.iter().map(|axis| axis.values.len()).product();
    println!("left out, of the {all} cells of the whole product:");
    for rule in rules {
        // A cell that two rules forbid counts for each of them.
        let size = |axis: &Axis| {
            let condition = rule.when.iter().find(|(name, _)| *name == axis.name);
            condition.map_or(axis.values.len(), |(_, values)| values.len())
        };
        let cells: usize = axes.iter().map(size).product();
        println!("{cells:>10} {}", rule.because);
    }
    assert_eq!(right, covering.cells.len(), "the cells above are wrong");
}
