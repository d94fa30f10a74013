//! What a scan finds, and what can be done about it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::SPECIAL_HELP;
use crate::image::places::Purpose;
use crate::search::boundary::Fit;
use crate::search::encoding::Encoding;
use crate::search::hits::Hit;
use crate::shown::{escaped, shown};

/// One reference that was found, or one thing that could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file, relative to its tree, with `\\xNN` for a byte that cannot be shown.
    pub path: String,
    /// Where in the file.
    pub kind: FindingKind,
    /// What `specialize` does about it.
    pub action: Action,
    /// Whether it may be a part of another path or word: what stands around it does not tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub possible: bool,
    /// Where it is exactly; not where a thing could not be looked into.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The section of an image, or of a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The field of a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The symbol of an image that it lies in: `NAME+0xDISTANCE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The line of a text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The member of an archive, behind those that it lies in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member: Vec<String>,
    /// Whether it is in something compressed: its place is in what that unpacks to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packed: bool,
    /// The text around it, or what is wrong.
    pub text: String,
    /// What to do where `specialize` does nothing.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub advice: Cow<'static, str>,
    /// The schema entry, as TOML, that would declare it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}

/// What to do about a value that no rewrite changes.
pub(crate) const JOINED: &str = "it is bytes, or joined of parts of which none is the whole path, and no rewrite changes it: give it a value \
     with --set, or declare it as a path whose default has the whole one";
/// What to do about a value that has an old path after it was set.
pub(crate) const SET_TO_OLD: &str = "it is set to an old path: give it another value with --set";
/// What to do about a default that no rewrite changes.
pub(crate) const IN_DEFAULT: &str = "the schema has the path in a default of bytes, which no rewrite changes: declare it as a path or string, or \
     make it required";

/// The place of a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In bytes from the start: of the file, the member, the link's target or the name.
    pub offset: u64,
    /// In bytes.
    pub length: u64,
    /// How it is written.
    pub encoding: Encoding,
    /// Its position among the references that were given, from 0.
    pub reference: usize,
}

/// Where a reference was found. The order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// In the value of a declared field.
    Value,
    /// In a list of folders in which the loader looks for libraries.
    Runpath,
    /// In a text file.
    Text,
    /// In the target of a symbolic link.
    Link,
    /// In the immutable part of a record.
    Descriptor,
    /// In a section of an image, undeclared.
    String,
    /// In the path of a loader, or the name of a needed library.
    Loader,
    /// In debug information.
    Debug,
    /// In the signature of an image, such as its entitlements.
    Signature,
    /// In a file that is neither a text nor an image.
    Data,
    /// In a member of an archive, or compressed.
    Member,
    /// In the name of a file.
    Name,
    /// A record that is not understood, or cannot be filled where it is.
    Record,
    /// Not found: what could not be looked into.
    Unread,
    /// No reference: a pipe, a device or a socket, with which `specialize` refuses the whole tree.
    Special,
}

/// What `specialize` does about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It fills the field.
    Fill,
    /// It rewrites the list, in place or relative to the file.
    RewriteRunpath,
    /// It rewrites the name, in place.
    RewriteLoader,
    /// It rewrites the text.
    RewriteText,
    /// It makes the link anew.
    RewriteLink,
    /// With `--repack`, it rewrites the text and compresses it again.
    Repack,
    /// Nothing.
    None,
}

impl FindingKind {
    /// Where a reference is that no record has and no loader reads, in a part of an image with this
    /// purpose, or in none.
    pub(crate) fn in_image(purpose: Option<Purpose>) -> Self {
        match purpose {
            Some(Purpose::Debug) => Self::Debug,
            Some(Purpose::Signature) => Self::Signature,
            _ => Self::String,
        }
    }

    /// Whether such a finding is judged by the bytes around it in its file alone.
    pub(crate) fn is_of_bytes(self) -> bool {
        matches!(self, Self::Text | Self::String | Self::Debug | Self::Data)
    }

    /// All of them, in order.
    pub const ALL: [Self; 15] = [
        Self::Value,
        Self::Runpath,
        Self::Text,
        Self::Link,
        Self::Descriptor,
        Self::String,
        Self::Loader,
        Self::Debug,
        Self::Signature,
        Self::Data,
        Self::Member,
        Self::Name,
        Self::Record,
        Self::Unread,
        Self::Special,
    ];

    /// What `specialize` does about what is found there.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::Value | Self::Descriptor => Action::Fill,
            Self::Runpath => Action::RewriteRunpath,
            Self::Loader => Action::RewriteLoader,
            Self::Text => Action::RewriteText,
            Self::Link => Action::RewriteLink,
            _ => Action::None,
        }
    }

    /// As the heading of a report.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Value => "values of declared fields",
            Self::Runpath => "RUNPATH, rpath",
            Self::Text => "text files",
            Self::Link => "symbolic links",
            Self::Descriptor => "defaults that the file keeps for later fills",
            Self::String => "undeclared, in programs and libraries",
            Self::Loader => "loader and names of libraries",
            Self::Debug => "debug information",
            Self::Signature => "signatures",
            Self::Data => "other binary files",
            Self::Member => "inside archives and compressed files",
            Self::Name => "names of files",
            Self::Record => "records that cannot be filled",
            Self::Unread => "not looked into",
            Self::Special => "pipes, devices and sockets: specialize refuses the tree",
        }
    }

    /// What is done about it, or what to do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Value => "specialize fills them",
            Self::Runpath => "specialize rewrites it in place, or relative to the file",
            Self::Text => "specialize rewrites them",
            Self::Link => "specialize makes them anew",
            Self::Descriptor => "specialize rewrites them too",
            Self::String => {
                "declare it in schema.toml and read it through the accessor; specialize --equal-length \
                 rewrites it where the new path is as long"
            }
            Self::Loader => "specialize rewrites it in place, where it fits",
            Self::Debug => "compile with -ffile-prefix-map=OLD=NEW, or strip it off",
            Self::Signature => {
                "no edit keeps a signature right: leave the path out of its entitlements, or sign it anew \
                 at its new place"
            }
            Self::Data => {
                "generate the file after installation, or leave the path out of it; specialize \
                 --equal-length rewrites it where the new path is as long"
            }
            Self::Member => {
                "pack it again after specialize, or leave the path out of it; specialize --repack \
                 rewrites single compressed texts"
            }
            Self::Name => "rename it after specialize",
            Self::Record => {
                "fill it before it is packed, stripped of section headers, or appended to another file"
            }
            Self::Unread => "look at it by other means; --no-members leaves archives out",
            Self::Special => SPECIAL_HELP,
        }
    }
}

/// A finding in this file; what is not known of it is empty.
pub(crate) fn finding(name: &Path, kind: FindingKind) -> Finding {
    Finding {
        path: escaped(name.as_os_str()),
        kind,
        action: kind.action(),
        possible: false,
        place: None,
        section: None,
        field: None,
        symbol: None,
        line: None,
        member: Vec::new(),
        packed: false,
        text: String::new(),
        advice: match kind.action() {
            Action::None => kind.advice().into(),
            _ => "".into(),
        },
        entry: None,
    }
}

/// A finding of this hit.
pub(crate) fn finding_of(name: &Path, kind: FindingKind, hit: &Hit, text: String) -> Finding {
    let Hit { offset, length, reference, encoding, fit } = *hit;
    let place = Some(Place { offset, length, encoding, reference });
    let found = Finding { place, text, ..finding(name, kind) };
    match fit {
        Fit::Certain if name.extension() == Some(OsStr::new("pyc")) => {
            Finding { advice: COMPILE_AGAIN.into(), ..found }
        }
        Fit::Certain if encoding != Encoding::Plain && found.action == Action::None => {
            Finding { advice: WIDE.into(), ..found }
        }
        Fit::Certain => found,
        Fit::Unclear | Fit::Inside | Fit::Piece => Finding {
            possible: true,
            action: Action::None,
            advice: match (fit, name.extension()) {
                (_, Some(extension)) if extension == "pyc" => COMPILE_AGAIN.into(),
                (Fit::Unclear, _) => UNCLEAR.into(),
                (Fit::Piece, _) => PIECES.into(),
                _ => POSSIBLE.into(),
            },
            ..found
        },
    }
}

/// That a reference is written in another way in a text, which is not looked at further.
pub(crate) fn in_another_way(name: &Path, kind: FindingKind, text: &[u8]) -> Finding {
    Finding {
        possible: true,
        action: Action::None,
        advice: IN_ANOTHER_WAY.into(),
        text: shown(text),
        ..finding(name, kind)
    }
}

const IN_ANOTHER_WAY: &str =
    "the path is written with doubled slashes, or with `.`: write it without them";
const POSSIBLE: &str = "if it is a part of a longer path, name that with --other-path; a build prefix \
                        that nothing else begins like leaves no doubt";
const PIECES: &str = "a compiler cut the path into pieces, which only another compilation makes anew: declare it \
                     in schema.toml and read it through the accessor. If it is another path, name that with \
                     --other-path";
const WIDE: &str = "specialize does not rewrite UTF-16 and UTF-32: declare it in schema.toml, whose values are \
                    UTF-8, and read it through the accessor, or leave the path out of it";
const UNCLEAR: &str = "what stands before or behind it may make it another path: name that with --other-path, write \
                       the path so that it stands alone, or name the file with --allow-left";
const COMPILE_AGAIN: &str = "remove it before, and compile the Python file again at its new place: python3 -m compileall -f FOLDER";
