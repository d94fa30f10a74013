//! Generated files: what `postlink generate`, `postlink-generate` and build scripts write.

mod build;
mod options;
mod outputs;
#[cfg(feature = "program")]
mod program;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::value::Problem;
use crate::words::shown;

pub use build::{Build, Generated};
pub use options::{FLAGS, Flag, Options};
pub use outputs::{field_and_value, replace_defaults};
#[cfg(feature = "program")]
pub use program::program;

/// The reason why nothing is generated.
#[non_exhaustive]
pub enum Error {
    /// The options do not fit together.
    Usage {
        /// The fault, as a sentence.
        message: String,
        /// The way out.
        help: String,
    },
    /// A file that cannot be read or written, or that does not fit.
    Input {
        /// The fault, as a sentence.
        message: String,
        /// The way out; may be empty.
        help: String,
    },
    /// A schema with something wrong in it.
    Schema {
        /// The schema.
        path: PathBuf,
        /// Everything that is wrong, with its places.
        wrong: Diagnostics,
    },
    /// Defaults that do not fit.
    Values {
        /// The schema.
        path: PathBuf,
        /// All of them.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for Error {
    /// All of it, with the ways out: for a terminal, or what cargo shows of a build script.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, help } | Self::Input { message, help } => told(f, message, help),
            Self::Schema { wrong, .. } => f.write_str(&wrong.render(false)),
            Self::Values { path, problems } => {
                let path = shown(&path.to_string_lossy());
                problems.iter().enumerate().try_for_each(|(at, problem)| {
                    f.write_str(if at == 0 { "" } else { "\n" })?;
                    told(f, &format!("{path}: {problem}"), &problem.help)
                })
            }
        }
    }
}

fn told(f: &mut fmt::Formatter<'_>, message: &str, help: &str) -> fmt::Result {
    write!(f, "error: {message}")?;
    if help.is_empty() { Ok(()) } else { write!(f, "\n  help: {help}") }
}

impl fmt::Debug for Error {
    /// As [`fmt::Display`]: this is what a `main` prints that ends with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for Error {}

/// A system's error about a file.
fn failed(action: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let what = format!("cannot {action} {}", shown(&path.to_string_lossy()));
    move |error| Error::Input { message: format!("{what}: {error}"), help: String::new() }
}

/// The files that a generator reads and writes.
pub trait Files {
    /// The error of the program that generates.
    type Error: From<Error>;

    /// The text of a file.
    ///
    /// # Errors
    /// What the system refuses; no UTF-8.
    fn text(&self, path: &Path) -> Result<String, Self::Error>;

    /// Refuses outputs of which two are one file, or one is also the schema.
    ///
    /// # Errors
    /// Such outputs.
    fn check(&self, outputs: &[&Path], schema: &Path) -> Result<(), Self::Error>;

    /// Writes whole new files; all are written before the first takes its place.
    ///
    /// # Errors
    /// What the system refuses.
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

/// Generates what the options name; only what changes is written.
///
/// # Errors
/// Everything that is wrong with the schema, with the defaults or with the options; what the system
/// refuses.
pub fn run<F: Files>(options: &Options, files: &F) -> Result<Vec<(PathBuf, Outcome)>, F::Error> {
    options.check_outputs()?;
    let schema = files.text(&options.schema)?;
    let outputs = outputs::of(options, &schema)?;
    if !options.check {
        // Also those that would not be written now: one may be another one's file.
        let paths = outputs.iter().map(|(path, _)| path).chain(&options.stamp);
        let paths: Vec<&Path> = paths.map(PathBuf::as_path).collect();
        files.check(&paths, &options.schema)?;
    }
    let is_same = |path: &Path, text: &str| files.text(path).is_ok_and(|existing| existing == text);
    let (same, changed): (Vec<_>, Vec<_>) =
        outputs.into_iter().partition(|(path, text)| is_same(path, text));
    let mut outcome = Outcome::Differs;
    if !options.check {
        outcome = Outcome::Written;
        files.replace(&changed, &options.schema)?;
        if let Some(stamp) = &options.stamp {
            files.replace(&[(stamp.clone(), String::new())], &options.schema)?;
        }
    }
    let same = same.into_iter().map(|(path, _)| (path, Outcome::Unchanged));
    Ok(same.chain(changed.into_iter().map(|(path, _)| (path, outcome))).collect())
}
