//! Every refusal: what is wrong and where; and in `help` the way out.

mod help;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use postlink_codegen::{BadValues, Problem, Unsound};

use crate::shown::{escaped, line};

/// The result of what can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal. Its text names the file; [`Error::help`] is the way out. In both, names that come from
/// files are on one line: they cannot pass for a message of their own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {action} {}: {source}", escaped(path))]
    Io {
        /// The attempt, as an infinitive: "open".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A path at which there is something, but no regular file.
    #[error("{} is {kind}, not a regular file", escaped(path))]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// The kind of file: "a directory".
        kind: &'static str,
    },
    /// An entry of a tree that cannot be copied.
    #[error("{} is {}", escaped(path), special(kind))]
    Special {
        /// The path.
        path: PathBuf,
        /// The kind of file: "a named pipe".
        kind: &'static str,
    },
    /// A file that changed while a command worked with it, or since its manifest was made.
    #[error("{} {since}", escaped(path))]
    Changed {
        /// The path.
        path: PathBuf,
        /// Since when.
        since: Since,
    },
    /// A file that is no image, or a damaged one.
    #[error("{} is not an image: {problem}", escaped(path))]
    NotImage {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: ImageProblem,
    },
    /// An image without a record.
    #[error("{} has no postlink section", escaped(path))]
    NoRecord {
        /// The file.
        path: PathBuf,
        /// Libraries that may carry it.
        imports: Imports,
    },
    /// A named section that the image or schema does not have.
    #[error("{} has no section `{}`", escaped(path), line(section))]
    NoSuchSection {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        section: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Several sections where one is asked for.
    #[error("{} has {} sections `{}`, at offsets {}", escaped(path), places.len(), line(section), line(places.join(", ")))]
    SeveralSections {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        section: String,
        /// Their offsets in the file; in an archive with the member.
        places: Vec<String>,
    },
    /// A section whose bytes cannot be changed in the file.
    #[error("{}: section `{}` {problem}", escaped(path), line(section))]
    Section {
        /// The file.
        path: PathBuf,
        /// The section as spelled in the file.
        section: String,
        /// Why.
        problem: SectionProblem,
    },
    /// Bytes of a section that are not a record to be trusted.
    #[error("{}: section `{}`: {source}", escaped(path), line(section))]
    Record {
        /// The file.
        path: PathBuf,
        /// The section as spelled in the file.
        section: String,
        /// The fault.
        source: postlink_format::Error,
    },
    /// Values that are not those of a fill, though their checksum is right.
    #[error("{}: section `{}`: {source}", escaped(path), line(section))]
    BadValues {
        /// The file.
        path: PathBuf,
        /// The section as spelled in the file.
        section: String,
        /// The fault.
        source: BadValues,
    },
    /// A record that contradicts itself.
    #[error("{}: section `{}`: {source}", escaped(path), line(section))]
    Unsound {
        /// The file.
        path: PathBuf,
        /// The section as spelled in the file.
        section: String,
        /// The fault.
        source: Unsound,
    },
    /// More records of one section than one.
    #[error("{} has {} records of section `{}`, at offsets {}", escaped(path), places.len(), line(section), line(places.join(", ")))]
    Doubled {
        /// The file.
        path: PathBuf,
        /// The section's name in the schema.
        section: String,
        /// Their offsets in the file; in an archive with the member.
        places: Vec<String>,
    },
    /// A record of another schema.
    #[error(
        "{}: section `{}` has fingerprint {found}, the schema's is {expected}",
        escaped(path),
        line(section)
    )]
    Fingerprint {
        /// The file.
        path: PathBuf,
        /// The section's name in the schema.
        section: String,
        /// Of the record.
        found: String,
        /// Of the schema.
        expected: String,
    },
    /// Values that do not fit.
    #[error("{}: {}", escaped(path), problems.iter().map(|problem| line(problem.to_string())).collect::<Vec<_>>().join("\n  and "))]
    Values {
        /// The file.
        path: PathBuf,
        /// Each of them.
        problems: Vec<Problem>,
    },
    /// Values that were set before and would be lost.
    #[error(
        "{}: section `{}`: the values that were set before for {} would be lost",
        escaped(path),
        line(section),
        listed(fields)
    )]
    Dropped {
        /// The file.
        path: PathBuf,
        /// The section's name in the schema.
        section: String,
        /// The fields.
        fields: Vec<String>,
        /// Whether one of them has no default.
        required: bool,
    },
    /// A file whose build-id cannot be rewritten: it has none, or several.
    #[error("{} has {}", escaped(path), if *count == 0 { "no build-id".to_owned() } else { format!("{count} build-ids") })]
    BuildIds {
        /// The file.
        path: PathBuf,
        /// How many it has.
        count: usize,
    },
    /// A file that has other bytes than those that were written to it.
    #[error("{}: the bytes that were read back are not those that were written", escaped(path))]
    ReadBack {
        /// The file.
        path: PathBuf,
    },
    /// A schema with something wrong in it.
    #[error("{} has {count} {}", escaped(path), if *count == 1 { "error" } else { "errors" })]
    Schema {
        /// The schema file.
        path: PathBuf,
        /// Everything that is wrong, with its places.
        rendered: String,
        /// How many they are.
        count: usize,
    },
    /// The command was called wrongly.
    #[error("{}", line(message))]
    Usage {
        /// The fault, as a sentence.
        message: String,
        /// The way out, as a sentence.
        help: String,
    },
    /// Several refusals of one command.
    #[error("{}", told(errors))]
    Several {
        /// Each of them; at least one.
        errors: Vec<Error>,
    },
    /// Arguments or files that contradict each other, or cannot be understood.
    #[error("{}", line(message))]
    Input {
        /// The fault, as a sentence.
        message: String,
        /// The way out, as a sentence.
        help: String,
    },
}

/// Since when a file is another one, or has other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Since {
    /// Since it was found in a tree.
    #[error("has changed since it was scanned")]
    Scanned,
    /// Since it was opened.
    #[error("was changed by something else meanwhile")]
    Opened,
}

/// The libraries and accessors that an image without a record takes from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imports {
    /// The libraries that it needs.
    pub libraries: Vec<String>,
    /// Whether it calls accessors that postlink generated.
    pub accessors: bool,
    /// Whether it is an object file, or an archive of these: no linker has worked on it yet.
    pub unlinked: bool,
}

/// Why a file is not an image that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// It begins with `#!`.
    #[error("it is a script")]
    Script,
    /// It is an archive that names its members, and does not hold their bytes.
    #[error("it is a thin archive, which does not hold the object files that it names")]
    ThinArchive(Vec<String>),
    /// It is an archive whose headers name places outside the file, or are no headers.
    #[error("it is a truncated or damaged static library: {}", line(.0))]
    DamagedArchive(String),
    /// A member of an archive is not an image.
    #[error("its member {name}: {1}", name = line(.0))]
    Member(String, Box<Self>),
    /// It holds intermediate code, which a link with LTO compiles, and no machine code.
    #[error("it holds only intermediate code for link-time optimisation, and no record yet")]
    Intermediate,
    /// Its format is known but cannot be patched.
    #[error("it is {0}, which this version cannot patch")]
    Unsupported(&'static str),
    /// It begins with none of the known magic numbers.
    #[error("it is not an ELF, Mach-O or PE file")]
    Unknown,
    /// Its headers name places outside the file, or contradict themselves.
    #[error("it is a truncated or damaged {0} file: {why}", why = line(.1))]
    Damaged(&'static str, String),
    /// Its section headers were removed.
    #[error("it has no section headers")]
    NoSectionHeaders,
    /// The system refused a read, with this error number.
    #[error("it cannot be read: {}", io::Error::from_raw_os_error(*.0))]
    Unread(i32),
}

/// Why a section's bytes cannot be changed in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionProblem {
    /// The section has no bytes in the file.
    #[error("has no bytes in this file")]
    NoBits,
    /// The section is compressed.
    #[error("is compressed")]
    Compressed,
    /// It has more bytes than any records would.
    #[error("is larger than any record")]
    TooLarge,
    /// Two sections share bytes.
    #[error("overlaps another section")]
    Overlaps,
    /// The section is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// The section's place lies behind the end of the file.
    #[error("ends behind the end of the file")]
    Outside,
}

impl Error {
    /// An [`Error::NotImage`] of this file, or of the member that is none; an [`Error::Io`], where the
    /// file cannot be read. For `map_err`.
    pub fn not_image(path: &Path) -> impl Fn(ImageProblem) -> Self {
        move |problem| match problem {
            ImageProblem::Unread(number) => {
                Self::io("read", path)(io::Error::from_raw_os_error(number))
            }
            ImageProblem::Member(name, problem) => {
                Self::NotImage { path: member_path(path, &name), problem: *problem }
            }
            problem => Self::NotImage { path: path.to_owned(), problem },
        }
    }

    /// An [`Error::Io`] of this action and path, for `map_err`.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// An [`Error::Changed`] of a file or folder that a walk found.
    pub(crate) fn changed(path: impl Into<PathBuf>) -> Self {
        Self::Changed { path: path.into(), since: Since::Scanned }
    }

    /// Whether nothing is known of the file: it could not be read, or not all of it as one state.
    pub(crate) fn is_of_reading(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Changed { .. })
    }

    /// An [`Error::Record`] or [`Error::BadValues`] of this section, for `map_err`.
    pub fn bad_values(path: &Path, section: &str) -> impl FnOnce(BadValues) -> Self {
        let (path, section) = (path.to_owned(), section.to_owned());
        move |source| match source {
            BadValues::Damaged(source) => Self::Record { path, section, source },
            BadValues::Impossible(_) => Self::BadValues { path, section, source },
        }
    }

    /// An [`Error::Usage`].
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// An [`Error::Input`].
    pub fn input(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Input { message: message.into(), help: help.into() }
    }

    /// Work on trees that was stopped before it was done.
    pub(crate) fn stopped() -> Self {
        Self::input("stopped by a signal", "no tree was put into its place")
    }

    /// What many files share that are refused for one reason; `None` where the refusal says more of its file than that.
    fn reason(&self) -> Option<String> {
        match self {
            Self::Io { action, source, .. } => Some(format!("cannot {action}: {source}")),
            Self::Special { kind, .. } => Some(format!("{kind} cannot be copied")),
            Self::Changed { since, .. } => Some(format!("each {since}")),
            Self::ReadBack { .. } => Some("other bytes than those that were written".to_owned()),
            _ => None,
        }
    }

    /// All results, or all errors.
    pub(crate) fn all<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
        let mut done = Vec::new();
        let mut errors = Vec::new();
        for result in results {
            match result {
                Ok(one) => done.push(one),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(done) } else { Err(Self::several(errors)) }
    }

    /// An [`Error::Several`]; an error that is alone stays what it is.
    #[must_use]
    pub fn several(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1 { errors.remove(0) } else { Self::Several { errors } }
    }
}

/// Refusals of one reason that are told one by one: a disk that is full is so for each of a million files.
const MOST_ALIKE: usize = 10;

/// Refusals, each on a line; of many that have one reason, the first, and how many more there are.
fn told(errors: &[Error]) -> String {
    let mut all: HashMap<String, usize> = HashMap::new();
    for reason in errors.iter().filter_map(Error::reason) {
        *all.entry(reason).or_default() += 1;
    }
    let (mut so_far, mut lines) = (HashMap::new(), Vec::new());
    for error in errors {
        // One more takes no more room than the line that says so.
        let many = error.reason().and_then(|reason| Some((*all.get(&reason)?, reason)));
        let Some((all, reason)) = many.filter(|(all, _)| *all > MOST_ALIKE + 1) else {
            lines.push(error.to_string());
            continue;
        };
        let count: &mut usize = so_far.entry(reason.clone()).or_default();
        *count += 1;
        if *count <= MOST_ALIKE {
            lines.push(error.to_string());
        }
        if *count == MOST_ALIKE {
            lines.push(format!("{} more: {}", all - MOST_ALIKE, line(reason)));
        }
    }
    lines.join("\n  and ")
}

/// Names as a sentence lists them, each on one line.
fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(line).collect();
    postlink_codegen::listed(&names)
}

/// A member as `ar` and linkers show it: `libapp.a(app.o)`.
#[must_use]
pub fn member_path(archive: &Path, member: &str) -> PathBuf {
    let mut path = archive.to_owned().into_os_string();
    path.push(format!("({member})"));
    path.into()
}

/// More references than a search keeps.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("there are more than {0} references")]
pub(crate) struct TooMany(pub(crate) usize);

impl TooMany {
    pub(crate) const HELP: &str = "name longer paths as references, or look at parts of the tree";
}

/// What is said of a thing in a tree that is no file, folder or link.
pub(crate) fn special(kind: &str) -> String {
    format!("{kind}, which cannot be copied")
}

pub(crate) const SPECIAL_HELP: &str =
    "remove it from the tree: a package has files, folders and links only";
