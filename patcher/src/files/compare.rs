//! Compares the bytes of two files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::holes::{Written, in_either};
use super::open::read_at;
use super::tree_file::TreeFile;
use crate::error::{Error, Result};

/// Bytes that are compared at a time.
const WINDOW: usize = 256 << 10;

/// Whether two files have the same bytes.
pub(crate) fn is_equal(ours: TreeFile<'_>, theirs: TreeFile<'_>) -> Result<bool> {
    if ours.size() != theirs.size() {
        // Both are still what they were.
        return ours.open("search").and(theirs.open("search")).map(|_| false);
    }
    ours.read("search", |our| {
        theirs.read("search", |their| {
            let mut same = true;
            let look = |_, ours: &[u8], theirs: &[u8]| {
                same = ours == theirs;
                same
            };
            let done = pairs(our, their, (0, 0), ours.size(), look);
            done.map_err(|unread| unread.of("search", &ours.path(), &theirs.path()))?;
            Ok(same)
        })
    })
}

/// Why two files could not be compared: one of them cannot be read.
#[derive(Debug)]
pub(crate) enum UnreadFile {
    Ours(io::Error),
    Theirs(io::Error),
}

impl UnreadFile {
    /// The refusal, which names the one.
    pub(crate) fn of(self, action: &'static str, ours: &Path, theirs: &Path) -> Error {
        match self {
            Self::Ours(error) => Error::io(action, ours)(error),
            Self::Theirs(error) => Error::io(action, theirs)(error),
        }
    }
}

/// Reads two files, from these offsets on, in windows of the same size, as long as `look` says to
/// go on. It is told how far from the offsets the windows are. What is a hole in both is passed over.
pub(crate) fn pairs(
    ours: &File,
    theirs: &File,
    from: (u64, u64),
    size: u64,
    mut look: impl FnMut(u64, &[u8], &[u8]) -> bool,
) -> Result<(), UnreadFile> {
    let window = (WINDOW as u64).min(size) as usize;
    let mut buffers = (vec![0; window], vec![0; window]);
    let written = (
        (Written::of(ours).map_err(UnreadFile::Ours)?, from.0),
        (Written::of(theirs).map_err(UnreadFile::Theirs)?, from.1),
    );
    for part in in_either(written.0, written.1, size) {
        let mut at = part.start;
        while at < part.end {
            let window = (WINDOW as u64).min(part.end - at) as usize;
            let (one, other) = (&mut buffers.0[..window], &mut buffers.1[..window]);
            ours.read_exact_at(one, from.0 + at).map_err(UnreadFile::Ours)?;
            theirs.read_exact_at(other, from.1 + at).map_err(UnreadFile::Theirs)?;
            if !look(at, one, other) {
                return Ok(());
            }
            at += window as u64;
        }
    }
    Ok(())
}

/// Whether a file has these bytes at an offset.
pub(crate) fn holds(file: &File, offset: u64, bytes: &[u8]) -> io::Result<bool> {
    let mut there = vec![0; bytes.len()];
    Ok(read_at(file, &mut there, offset)? == bytes.len() && there == bytes)
}
