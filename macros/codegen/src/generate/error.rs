//! The errors of a generator.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::value::Problem;
use crate::words::{quoted, shown};

/// The reason why nothing is generated.
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
    write!(f, "error: {}", shown(message))?;
    let mut helps = help.lines();
    helps.try_for_each(|help| write!(f, "\n  help: {}", shown(help)))
}

impl fmt::Debug for Error {
    /// As [`fmt::Display`]: this is what a `main` prints that ends with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for Error {}

/// A path in a message: an empty one would not be seen.
fn named(path: &Path) -> String {
    if path.as_os_str().is_empty() { quoted("") } else { shown(&path.to_string_lossy()) }
}

/// A system's error about a file.
pub(super) fn failed(action: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let what = format!("cannot {action} {}", named(path));
    move |error| Error::Input { message: format!("{what}: {error}"), help: String::new() }
}
