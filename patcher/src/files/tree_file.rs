//! Files that a walk found: each is read as the one that it was then, or refused.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::open::Stamp;
use super::walk::{Entry, EntryKind, Tree, in_tree};
use crate::error::{Error, Result};

/// A file of a tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeFile<'t> {
    tree: &'t Tree,
    /// What the walk found.
    pub(crate) entry: &'t Entry,
}

impl Tree {
    /// A file of the tree.
    pub(crate) fn file<'t>(&'t self, entry: &'t Entry) -> TreeFile<'t> {
        TreeFile { tree: self, entry }
    }
}

impl<'t> TreeFile<'t> {
    /// The path by which the user knows it.
    pub(crate) fn path(self) -> PathBuf {
        self.tree.path(self.entry)
    }

    /// All its names in the tree, each from the root of that.
    pub(crate) fn names(self) -> impl Iterator<Item = &'t Path> {
        let is_other = move |entry: &&Entry| {
            self.entry.links > 1 && entry.links > 1 && entry.id == self.entry.id
        };
        let others = self.tree.entries.iter().filter(is_other).map(|entry| entry.path.as_path());
        others.chain(std::iter::once(self.entry.path.as_path()))
    }

    /// Its size when it was listed, in bytes.
    pub(crate) fn size(self) -> u64 {
        match self.entry.kind {
            EntryKind::File(size) => size,
            _ => 0,
        }
    }

    /// Opens it to be read, never waiting for the other end of a pipe.
    ///
    /// # Errors
    /// The system refuses; it is another file now, or was changed.
    pub(crate) fn open(self, action: &'static str) -> Result<File> {
        let opened = self.tree.open(self.entry, OFlags::RDONLY | OFlags::NONBLOCK);
        let file = opened.map_err(|error| in_tree(action, self.path())(error))?;
        self.check(&file)?;
        Ok(file)
    }

    /// Refuses an open file that is not as it was when it was listed.
    pub(crate) fn check(self, file: &File) -> Result<()> {
        let now = file.metadata().map_err(|error| Error::io("look at", self.path())(error))?;
        match self.entry.stamp().is_some_and(|before| Stamp::of(&now).continues(&before)) {
            true => Ok(()),
            false => Err(Error::changed(self.path())),
        }
    }

    /// Opens it, and reads it. What was read of a file that changes meanwhile is no answer.
    ///
    /// # Errors
    /// See [`open`](Self::open); what `read` refuses.
    pub(crate) fn read<R>(
        self,
        action: &'static str,
        read: impl FnOnce(&File) -> Result<R>,
    ) -> Result<R> {
        let file = self.open(action)?;
        let answer = read(&file);
        self.check(&file)?;
        answer
    }

    /// The same, where only the system refuses.
    pub(crate) fn read_bytes<R>(
        self,
        action: &'static str,
        read: impl FnOnce(&File) -> io::Result<R>,
    ) -> Result<R> {
        self.read(action, |file| read(file).map_err(|error| Error::io(action, self.path())(error)))
    }
}
