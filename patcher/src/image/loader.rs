//! The strings that the loader reads from an image, and what may be put in their place.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::read::{ReadCache, ReadCacheOps};

use super::{Format, elf, format};
use crate::edit::Edit;
use crate::error::ImageProblem;

/// A string that the loader reads, and what is in it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderText {
    /// What for.
    pub role: Role,
    /// Where it is in the file, without its NUL.
    pub range: Range<u64>,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// What the loader reads a string for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Folders in which it looks for libraries: `DT_RUNPATH` or `DT_RPATH`.
    Runpath,
    /// The loader itself.
    Interpreter,
    /// A library that is needed, or the name of this one.
    Library,
}

/// Why a string that the loader reads cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoaderProblem {
    /// The new text has more bytes than there is room for.
    #[error("it needs {needed} bytes, there is room for {room}")]
    TooLong {
        /// Bytes of the new text, without its NUL.
        needed: usize,
        /// Bytes that fit, without a NUL.
        room: usize,
    },
    /// Something else reads the same bytes, and would read another text.
    #[error("the linker put {what} `{text}` into the same bytes")]
    Shared {
        /// What reads them: "the name of a symbol".
        what: &'static str,
        /// What it reads now.
        text: String,
    },
    /// The new text has a NUL inside, or is empty where something must be named.
    #[error("the new text is empty, or has a NUL inside")]
    Invalid,
    /// The string is not there, or no longer.
    #[error("it is not what it was when the file was read first")]
    Changed,
    /// The image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageProblem),
}

impl Role {
    /// As messages call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runpath => "RUNPATH",
            Self::Interpreter => "interpreter",
            Self::Library => "library's name",
        }
    }
}

impl LoaderProblem {
    /// What the user can do; empty where the message says it all.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => {
                "link it with a longer path, which any shorter one can replace, or with one relative to $ORIGIN"
            }
            Self::Shared { .. } => "link it with a path that does not end like that",
            Self::Invalid => "give another text",
            Self::Changed => "do not change the file at the same time",
            Self::Image(_) => "build or copy the file again",
        }
    }
}

/// Strings that lie together in the file, each with a NUL behind it.
pub(super) struct Table<'d> {
    /// Where the first begins in the file.
    pub(super) start: u64,
    pub(super) bytes: &'d [u8],
    pub(super) readers: Vec<Reader>,
}

/// Something that reads the string which begins at an offset of a table.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) at: usize,
    pub(super) what: What,
}

/// What a string is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Text(Role),
    Symbol,
    Version,
    Other,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Text(Role::Runpath) => "another RUNPATH",
            Self::Text(Role::Interpreter) => "the loader's name",
            Self::Text(Role::Library) => "the name of a library",
            Self::Symbol => "the name of a symbol",
            Self::Version => "the name of a version",
            Self::Other => "another string",
        }
    }
}

/// The strings that the loader reads: each once, in the order of the file's headers.
///
/// # Errors
/// What is not an image, or damaged.
pub fn loader_texts<R: ReadCacheOps>(data: &ReadCache<R>) -> Result<Vec<LoaderText>, ImageProblem> {
    match format(data)? {
        Format::Elf => elf::loader::texts(data),
        Format::Archive => Ok(Vec::new()),
    }
}

/// The edit that puts `new` in the place of `old`; what is left over becomes zero bytes.
///
/// There is as much room as `old` has, and the unused zero bytes behind it. Linkers let strings
/// share bytes where one is the end of another: everything else that is read from the same bytes
/// reads the same text afterwards.
///
/// # Errors
/// There is too little room, or another string would change.
pub fn replace_loader_text<R: ReadCacheOps>(
    data: &ReadCache<R>,
    old: &LoaderText,
    new: &[u8],
) -> Result<Edit, LoaderProblem> {
    if new.contains(&0) || (new.is_empty() && old.role != Role::Runpath) {
        return Err(LoaderProblem::Invalid);
    }
    let table = match format(data)? {
        Format::Elf => elf::loader::table(data, old.role)?,
        Format::Archive => return Err(LoaderProblem::Changed),
    };
    let at = old.range.start.checked_sub(table.start).and_then(|at| usize::try_from(at).ok());
    let at = at.ok_or(LoaderProblem::Changed)?;
    table.replace(at, old, new)
}

impl Table<'_> {
    fn replace(&self, at: usize, old: &LoaderText, new: &[u8]) -> Result<Edit, LoaderProblem> {
        let end = at.saturating_add(old.text.len());
        let is_read = |reader: &Reader| reader.at == at && reader.what == What::Text(old.role);
        if self.string(at) != Some(&old.text) || !self.readers.iter().any(is_read) {
            return Err(LoaderProblem::Changed);
        }
        // The last byte that may be this string's NUL: before the next string, which may be empty.
        let behind = self.bytes.get(end..).unwrap_or_default();
        let zeros = behind.iter().position(|&byte| byte != 0).unwrap_or(behind.len());
        let nul = end.saturating_add(zeros).saturating_sub(1);
        let next = self.readers.iter().map(|reader| reader.at).filter(|&next| next >= end).min();
        let room = next.map_or(nul, |next| next.min(nul)).saturating_sub(at);
        if new.len() > room {
            return Err(LoaderProblem::TooLong { needed: new.len(), room });
        }
        let size = old.text.len().max(new.len());
        let padded = |text: &[u8]| {
            let mut bytes = text.to_vec();
            bytes.resize(size, 0);
            bytes
        };
        let (before, after) = (padded(&old.text), padded(new));
        if let Some(reader) = self.disturbed(at, &before, &after, old.role) {
            let text = self.string(reader.at).unwrap_or_default();
            return Err(LoaderProblem::Shared {
                what: reader.what.name(),
                text: String::from_utf8_lossy(text).into_owned(),
            });
        }
        Ok(Edit { offset: old.range.start, before, after })
    }

    /// A reader that would read another string.
    fn disturbed(&self, at: usize, before: &[u8], after: &[u8], role: Role) -> Option<&Reader> {
        let same = before.iter().rev().zip(after.iter().rev()).take_while(|(old, new)| old == new);
        let same = same.count();
        // A string that begins inside stays the same if all that is read of it does, ...
        let same_from = at.saturating_add(before.len().saturating_sub(same));
        // ... and one that begins before, and goes on into these bytes, does not.
        let first = memchr::memrchr(0, self.bytes.get(..at).unwrap_or_default());
        let first = first.map_or(0, |nul| nul.saturating_add(1));
        self.readers.iter().filter(|_| before != after).find(|reader| {
            let itself = reader.at == at && reader.what == What::Text(role);
            (first..same_from).contains(&reader.at) && !itself
        })
    }

    /// The string at an offset, which must have a NUL behind it.
    pub(super) fn string(&self, at: usize) -> Option<&[u8]> {
        let bytes = self.bytes.get(at..)?;
        bytes.get(..memchr::memchr(0, bytes)?)
    }
}
