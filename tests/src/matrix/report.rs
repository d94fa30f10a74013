//! Runs all cells, and tells the outcome by axis.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use super::Choice;
use crate::covering::{Axis, Cell, Rule, covering};

/// Whether the environment asks for all that is tested, however long it takes: with
/// `POSTLINK_MATRIX=full`.
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("POSTLINK_MATRIX").is_some_and(|value| value == "full")
}

/// The cells in which each pair of values stands; each triple in the full matrix.
/// Prints how many were right, a table by axis, what is left out and why, and what is wrong.
///
/// # Panics
/// A cell is wrong.
pub fn run_all(axes: &'static [Axis], rules: &[Rule], check: impl Fn(&Choice<'_>) + Sync) {
    let (strength, combination) = if is_full() { (3, "triple") } else { (2, "pair") };
    let covering = covering(axes, rules, strength);
    println!("{} cells", covering.cells.len());
    // What is said of a wrong cell is printed below: the output of other threads may get lost.
    let said_of = |cell: &Cell| {
        let said = catch_unwind(AssertUnwindSafe(|| check(&Choice::new(axes, cell)))).err()?;
        Some(said.downcast::<String>().map_or_else(|_| "it panicked".to_owned(), |said| *said))
    };
    let outcomes: Vec<Option<String>> = covering.cells.par_iter().map(said_of).collect();
    let right = outcomes.iter().filter(|said| said.is_none()).count();
    println!(
        "{right} of {} cells right; in them stands each possible {combination} of values, {}",
        covering.cells.len(),
        covering.combinations
    );
    for (at, axis) in axes.iter().enumerate() {
        for (value, name) in axis.values.iter().enumerate() {
            let of = covering.cells.iter().zip(&outcomes).filter(|(cell, _)| cell[at] == value);
            let (cells, right) = of.fold((0, 0), |(cells, right), (_, said)| {
                (cells + 1, right + usize::from(said.is_none()))
            });
            let axis = if value == 0 { axis.name } else { "" };
            println!("{axis:>15} | {name:<20} | {cells:>4} cells | {right:>4} right");
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
    for (cell, said) in covering.cells.iter().zip(&outcomes) {
        if let Some(said) = said {
            println!("WRONG: {}\n{said}", Choice::new(axes, cell));
        }
    }
    assert_eq!(right, covering.cells.len(), "the cells above are wrong");
}
