//! The strings that the loader reads from an image, and what may be put in their place.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use crate::edit::Edit;
use crate::error::ImageProblem;

/// A string that the loader reads, and what is in it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoaderText {
    /// What for.
    pub role: Role,
    /// As messages call it: "RUNPATH".
    pub name: &'static str,
    /// Whether these are several paths, with a `:` between them.
    pub is_list: bool,
    /// How a path begins here that the loader reads as one beside the image, where it knows such.
    pub origin: Option<&'static str>,
    /// Whether the image is a program. For a library the loader takes the name by which it was opened.
    pub is_of_program: bool,
    /// Where it is in the file, without its NUL.
    pub range: Range<u64>,
    /// Its bytes.
    pub text: Vec<u8>,
}

impl LoaderText {
    /// Each path in bytes that may stand in its place.
    pub(crate) fn split<'t>(&self, bytes: &'t [u8]) -> impl Iterator<Item = &'t [u8]> + use<'t> {
        let is_list = self.is_list;
        bytes.split(move |&byte| is_list && byte == b':')
    }

    /// The same string, where the image lies so much further behind.
    pub(super) fn moved(self, distance: u64) -> Self {
        let Range { start, end } = self.range;
        let range = start.saturating_add(distance)..end.saturating_add(distance);
        Self { range, ..self }
    }

    /// The same string, where the image lies so much before.
    pub(super) fn moved_back(&self, distance: u64) -> Self {
        let Range { start, end } = self.range;
        let range = start.saturating_sub(distance)..end.saturating_sub(distance);
        Self { range, ..self.clone() }
    }
}

/// What the loader reads a string for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// Folders in which it looks for libraries.
    SearchPath,
    /// The loader itself.
    Interpreter,
    /// A library that is needed, or the name of this one.
    Library,
}

/// Why a string that the loader reads cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoaderProblem {
    /// The new text has more bytes than there is room for.
    #[error("it needs {needed} bytes, there is room for {room}")]
    TooLong {
        /// Bytes of the new text, without its NUL.
        needed: usize,
        /// Bytes that fit, without a NUL.
        room: usize,
        /// How it is linked with more room.
        help: &'static str,
    },
    /// A second reader of the same bytes would read a changed text.
    #[error("the linker put {what} `{text}` into the same bytes")]
    Shared {
        /// What reads them: "the name of a symbol".
        what: &'static str,
        /// What it reads now.
        text: String,
    },
    /// The loader refuses a file that has the same text twice.
    #[error("the file would have it twice, which its loader refuses")]
    Repeated,
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

impl LoaderProblem {
    /// What the user can do; empty where the message says it all.
    #[must_use]
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::TooLong { help, .. } => help,
            Self::Shared { .. } => "link it with a path that does not end like that",
            Self::Repeated => "link it with one of the two",
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
    /// What to do where there is too little room.
    pub(super) shorter: &'static str,
}

/// Something that reads the string which begins at an offset of a table.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) at: usize,
    /// What the loader reads it for; `None` if its text is never replaced.
    pub(super) role: Option<Role>,
    /// What it reads, in words: "the name of a symbol".
    pub(super) name: &'static str,
}

impl Table<'_> {
    /// The edit that puts `new` in the place of `old`; what is left over becomes zero bytes.
    pub(super) fn replace(&self, old: &LoaderText, new: &[u8]) -> Result<Edit, LoaderProblem> {
        if new.contains(&0) || (new.is_empty() && old.role != Role::SearchPath) {
            return Err(LoaderProblem::Invalid);
        }
        let at = old.range.start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let at = at.ok_or(LoaderProblem::Changed)?;
        let end = at.saturating_add(old.text.len());
        let is_read = |reader: &Reader| reader.at == at && reader.role == Some(old.role);
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
            return Err(LoaderProblem::TooLong { needed: new.len(), room, help: self.shorter });
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
                what: reader.name,
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
            let itself = reader.at == at && reader.role == Some(role);
            (first..same_from).contains(&reader.at) && !itself
        })
    }

    /// The string at an offset, which must have a NUL behind it.
    fn string(&self, at: usize) -> Option<&[u8]> {
        let bytes = self.bytes.get(at..)?;
        bytes.get(..memchr::memchr(0, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[u8] = b"\0/deep/lib\0/opt/app/lib\0\0\0\0name\0";
    const LIBRARY: Reader =
        Reader { at: 1, role: Some(Role::Library), name: "the name of a library" };
    const RUNPATH: Reader =
        Reader { at: 11, role: Some(Role::SearchPath), name: "another RUNPATH" };
    const SYMBOL: Reader = Reader { at: 27, role: None, name: "the name of a symbol" };

    fn of(role: Role) -> LoaderText {
        let (range, text) = (0..0, Vec::new());
        LoaderText {
            role,
            name: "",
            is_list: false,
            origin: None,
            is_of_program: false,
            range,
            text,
        }
    }

    /// Replaces the string that a reader reads, in a table that is at 100 in its file.
    fn replace(readers: &[Reader], reader: Reader, new: &str) -> Result<Edit, LoaderProblem> {
        let table = Table { start: 100, bytes: NAMES, readers: readers.to_vec(), shorter: "" };
        let text = table.string(reader.at).unwrap_or_default().to_vec();
        let (start, size) = (reader.at as u64, text.len() as u64);
        let range = start.saturating_add(100)..start.saturating_add(100).saturating_add(size);
        let old = LoaderText { range, text, ..of(reader.role.expect("a role")) };
        table.replace(&old, new.as_bytes())
    }

    #[test]
    fn zeros_behind_a_string_are_room() {
        let edit = replace(&[RUNPATH, SYMBOL], RUNPATH, "/opt/app/lib64").expect("it fits");
        assert_eq!((edit.offset, &*edit.after), (111, &b"/opt/app/lib64"[..]));
        let edit = replace(&[RUNPATH], RUNPATH, "/x").expect("it fits");
        assert_eq!(edit.after, b"/x\0\0\0\0\0\0\0\0\0\0");
        // The last zero ends the string, and an empty string that something reads is no room.
        let too_long = |room| Err(LoaderProblem::TooLong { needed: 16, room, help: "" });
        assert_eq!(replace(&[RUNPATH], RUNPATH, "/opt/app/lib6464"), too_long(15));
        let empty = Reader { at: 24, ..SYMBOL };
        assert_eq!(replace(&[RUNPATH, empty], RUNPATH, "/opt/app/lib6464"), too_long(13));
    }

    #[test]
    fn a_string_that_is_the_end_of_another_is_not_replaced() {
        let tail = Reader { at: 6, ..RUNPATH };
        let shared = LoaderProblem::Shared { what: LIBRARY.name, text: "/deep/lib".to_owned() };
        assert_eq!(replace(&[LIBRARY, tail], tail, "/bin"), Err(shared));
        // Nor is the other one, but where the end stays.
        let shared = LoaderProblem::Shared { what: tail.name, text: "/lib".to_owned() };
        assert_eq!(replace(&[LIBRARY, tail], LIBRARY, "/deep/bin"), Err(shared));
        let edit = replace(&[LIBRARY, tail], LIBRARY, "/flat/lib").expect("the end stays");
        assert_eq!(edit.after, b"/flat/lib");
    }

    #[test]
    fn a_string_that_is_not_read_is_not_replaced() {
        assert_eq!(replace(&[LIBRARY], RUNPATH, "/x"), Err(LoaderProblem::Changed));
        let other = Reader { role: Some(Role::Library), ..RUNPATH };
        assert_eq!(replace(&[other], RUNPATH, "/x"), Err(LoaderProblem::Changed));
    }

    #[test]
    fn only_a_list_of_folders_may_be_empty() {
        let table = Table { start: 0, bytes: b"", readers: Vec::new(), shorter: "" };
        let empty = |role, new: &[u8]| {
            let old = LoaderText { range: 0..1, text: b"x".to_vec(), ..of(role) };
            table.replace(&old, new)
        };
        for (role, new) in
            [(Role::Interpreter, ""), (Role::Library, ""), (Role::SearchPath, "/x\0")]
        {
            assert_eq!(empty(role, new.as_bytes()), Err(LoaderProblem::Invalid), "{role:?}");
        }
        assert_ne!(empty(Role::SearchPath, b""), Err(LoaderProblem::Invalid));
    }
}
