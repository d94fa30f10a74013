//! What is written, and when.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::options::Options;
use super::outputs;

/// The files that a generator reads and writes.
pub trait Files {
    /// The error of the program that generates.
    type Error: From<Error>;

    /// What keeps other runs from writing the same files, as long as it is there.
    type Turn;

    /// The text of a file.
    ///
    /// # Errors
    /// The system refuses something; no UTF-8.
    fn text(&self, path: &Path) -> Result<String, Self::Error>;

    /// Refuses outputs of which two are one file, or one is also the schema.
    ///
    /// # Errors
    /// Such outputs.
    fn refuse_clashes(&self, outputs: &[&Path], schema: &Path) -> Result<(), Self::Error>;

    /// Waits until no other run writes these files.
    ///
    /// # Errors
    /// The system refuses something; another run takes too long.
    fn wait_for_turn(&self, outputs: &[&Path]) -> Result<Self::Turn, Self::Error>;

    /// Writes whole new files; all are written before the first takes its place.
    ///
    /// # Errors
    /// The system refuses something.
    fn replace(&self, outputs: &[(PathBuf, String)], schema: &Path) -> Result<(), Self::Error>;
}

/// What became of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was what it should be, and is untouched: whatever depends on it is not made again.
    Unchanged,
    /// It is new, or has a new content.
    Written,
    /// It is not what it should be, but nothing was to be written ([`Options::check`]).
    Differs,
}

impl fmt::Display for Outcome {
    /// As it is told behind the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Written => "written",
            Self::Differs => "is not what the schema gives: generate it again, without --check",
        })
    }
}

/// Generates what the options name; only what changes is written.
///
/// # Errors
/// Everything that is wrong with the schema, with the defaults or with the options; what the system
/// refuses.
pub fn run<F: Files>(options: &Options, files: &F) -> Result<Vec<(PathBuf, Outcome)>, F::Error> {
    options.refuse_no_output()?;
    let schema = files.text(&options.schema)?;
    let outputs = outputs::texts(options, &schema)?;
    let paths = outputs.iter().map(|(path, _)| path).chain(&options.stamp);
    let paths: Vec<&Path> = paths.map(PathBuf::as_path).collect();
    if !options.check {
        // Also those that would not be written now: one may be another one's file.
        files.refuse_clashes(&paths, &options.schema)?;
    }
    let is_same = |path: &Path, text: &str| files.text(path).is_ok_and(|existing| existing == text);
    let compared = || -> (Vec<_>, Vec<_>) {
        outputs.iter().cloned().partition(|(path, text)| is_same(path, text))
    };
    let (mut same, mut changed) = compared();
    let mut outcome = Outcome::Differs;
    let is_done = changed.is_empty() && options.stamp.is_none();
    if !options.check && !is_done {
        // Another run may write others of them at this moment.
        let _turn = files.wait_for_turn(&paths)?;
        (same, changed) = compared();
        outcome = Outcome::Written;
        // The stamp is the last one, so that it is not older than any of them.
        let stamp = options.stamp.iter().map(|stamp| (stamp.clone(), String::new()));
        let new: Vec<_> = changed.iter().cloned().chain(stamp).collect();
        files.replace(&new, &options.schema)?;
    }
    let same = same.into_iter().map(|(path, _)| (path, Outcome::Unchanged));
    Ok(same.chain(changed.into_iter().map(|(path, _)| (path, outcome))).collect())
}
