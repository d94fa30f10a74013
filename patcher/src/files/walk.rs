//! The entries of a tree, always in the same order.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::open::Stamp;
use crate::error::{Error, Result};

/// A tree of files, or a single file.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The path as the user gave it. A link to a tree is the tree.
    pub root: PathBuf,
    /// The root itself, if the path is a link.
    target: Option<PathBuf>,
    /// Everything in it, sorted by path, component by component: a folder comes before what is in
    /// it. The root itself is the first, and its path is empty.
    pub entries: Vec<Entry>,
}

/// A name in a tree, and the thing that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root. Any bytes but NUL: names need not be UTF-8.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions, with the set-user-ID, set-group-ID and sticky bits: `st_mode & 0o7777`.
    pub mode: u32,
    /// Device and inode: the same for all names of one file.
    pub id: (u64, u64),
    /// How many names it has, here or elsewhere.
    pub links: u64,
    /// When it was last changed, in seconds and nanoseconds: `st_ctim`. A new name changes it too.
    pub changed: (i64, i64),
    /// When its content was last changed: `st_mtim`.
    pub modified: (i64, i64),
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// A symbolic link, and its target as it is written there. It is never followed.
    Symlink(PathBuf),
    /// A thing that is never opened: "a named pipe".
    Special(&'static str),
}

impl Entry {
    /// What tells whether a file has changed; `None` of anything else.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let EntryKind::File(size) = self.kind else { return None };
        let Self { id, links, changed, modified, .. } = *self;
        Some(Stamp { id, size, links, changed, modified })
    }
}

impl Tree {
    /// Lists a tree. Only metadata and the targets of links are read.
    ///
    /// # Errors
    /// Everything that cannot be listed, at once.
    pub fn walk(root: &Path) -> Result<Self> {
        let top = root.metadata().map_err(Error::io("open", root))?;
        let mut entries = Vec::new();
        let mut errors = Vec::new();
        // The root, then what is in it, then what is in that, each time on all processors.
        let mut folders = vec![PathBuf::new()];
        entries.push(entry(root, PathBuf::new(), &top)?);
        if !top.is_dir() {
            folders.clear();
        }
        while !folders.is_empty() {
            let listed: Vec<Vec<Result<Entry>>> =
                folders.par_iter().map(|folder| list(root, folder)).collect();
            folders.clear();
            for found in listed.into_iter().flatten() {
                match found {
                    Ok(entry) => {
                        if entry.kind == EntryKind::Directory {
                            folders.push(entry.path.clone());
                        }
                        entries.push(entry);
                    }
                    Err(error) => errors.push(error),
                }
            }
        }
        if !errors.is_empty() {
            return Err(Error::several(errors));
        }
        entries.par_sort_by(|a, b| a.path.cmp(&b.path));
        let target = match root.is_symlink() {
            true => Some(root.canonicalize().map_err(Error::io("open", root))?),
            false => None,
        };
        Ok(Self { root: root.to_owned(), target, entries })
    }

    /// For each entry, the position of another name of the same file that comes before it.
    #[must_use]
    pub fn same_files(&self) -> Vec<Option<usize>> {
        let mut first_names = HashMap::new();
        let first = |(position, entry): (usize, &Entry)| {
            let is_shared = matches!(entry.kind, EntryKind::File(_)) && entry.links > 1;
            let first = *first_names.entry(entry.id).or_insert(position);
            (is_shared && first != position).then_some(first)
        };
        self.entries.iter().enumerate().map(first).collect()
    }

    /// The path by which the system knows an entry of this tree.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> PathBuf {
        // A join with nothing would end in a slash, which a file's path may not.
        if entry.path.as_os_str().is_empty() {
            self.target.as_ref().unwrap_or(&self.root).clone()
        } else {
            self.root.join(&entry.path)
        }
    }
}

/// What is in a folder of a tree, or why it cannot be listed.
fn list(root: &Path, folder: &Path) -> Vec<Result<Entry>> {
    let path = root.join(folder);
    let found = match path.read_dir() {
        Ok(found) => found,
        Err(error) => return vec![Err(Error::io("list", path)(error))],
    };
    let look = |found: io::Result<fs::DirEntry>| {
        let found = found.map_err(Error::io("list", &path))?;
        let metadata = found.metadata().map_err(Error::io("list", found.path()))?;
        entry(root, folder.join(found.file_name()), &metadata)
    };
    found.map(look).collect()
}

fn entry(root: &Path, path: PathBuf, metadata: &Metadata) -> Result<Entry> {
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        EntryKind::File(metadata.len())
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        let place = root.join(&path);
        EntryKind::Symlink(place.read_link().map_err(Error::io("read the link", place))?)
    } else if file_type.is_fifo() {
        EntryKind::Special("a named pipe")
    } else if file_type.is_socket() {
        EntryKind::Special("a socket")
    } else {
        EntryKind::Special("a device")
    };
    Ok(Entry {
        path,
        kind,
        mode: metadata.mode() & 0o7777,
        id: (metadata.dev(), metadata.ino()),
        links: metadata.nlink(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    })
}
