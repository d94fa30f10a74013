//! The errors of a generator.

use std::path::{Path, PathBuf};
use std::{fmt, io};

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
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let what = format!("cannot {action} {}", named(path));
    move |error| Error::Input {
        message: format!("{what}: {error}"),
        help: way_out(action, &error).into(),
    }
}

/// The way out where the system refuses to do this to a file or folder, the same for every command; empty where
/// the message says it all. The action is an infinitive: "open".
#[must_use]
pub fn way_out(action: &str, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file or folder: check the path, or create the folder"
        }
        io::ErrorKind::PermissionDenied if is_not_permitted(error) => {
            "permissions are not enough: only the owner or root may do this, and nobody while the file or its \
             folder is immutable (lsattr tells, chattr -i ends it)"
        }
        io::ErrorKind::PermissionDenied => match action {
            "write into" => "you need read and write permission for the file",
            "create"
            | "create a file in"
            | "create a folder in"
            | "link"
            | "write"
            | "put a new file in the place of"
            | "put a new tree in the place of" => {
                "you need write permission for the folder, and permission to enter each folder on the way to it"
            }
            _ => "you need permission to read it, and to enter each folder on the way to it",
        },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        io::ErrorKind::ReadOnlyFilesystem => {
            "nothing can be written to that file system: name another place for what is written"
        }
        io::ErrorKind::InvalidData if action == "read" => {
            "it has to be a text in UTF-8: convert it, or name another file"
        }
        _ => "",
    }
}

/// Whether permissions allow it, and something else does not: `EPERM`, not `EACCES`.
fn is_not_permitted(error: &io::Error) -> bool {
    const EPERM: i32 = 1;
    cfg!(unix) && error.raw_os_error() == Some(EPERM)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `chattr +i` was told as a missing permission.
    #[cfg(unix)]
    #[test]
    fn what_no_permission_allows_is_told_as_that() {
        let told = |number| way_out("write into", &io::Error::from_raw_os_error(number));
        assert!(told(1).contains("immutable"), "EPERM");
        assert_eq!(told(13), "you need read and write permission for the file", "EACCES");
    }
}
