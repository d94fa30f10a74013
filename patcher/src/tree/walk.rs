//! The entries of a tree, always in the same order.

use std::collections::HashMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use walkdir::WalkDir;

use crate::error::{Error, Result};

/// A tree of files, or a single file.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The path as the user gave it. A link to a tree is the tree.
    pub root: PathBuf,
    /// Everything in it, sorted by path, component by component: a folder comes before what is in
    /// it. The root itself is the first, and its path is empty.
    pub entries: Vec<Entry>,
}

/// What has a name in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root. Any bytes but NUL: names need not be UTF-8.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Permissions, with the set-user-ID, set-group-ID and sticky bits: `st_mode & 0o7777`.
    pub mode: u32,
    /// Device and inode: the same for all names of one file.
    pub id: (u64, u64),
    /// How many names it has, here or elsewhere.
    pub links: u64,
    /// When it was last changed, in seconds and nanoseconds: `st_ctim`.
    pub changed: (i64, i64),
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// A symbolic link, and its target as it is written there. It is never followed.
    Symlink(PathBuf),
    /// Something else, which is never opened: "a named pipe".
    Special(&'static str),
}

impl Tree {
    /// Lists a tree. Only metadata and the targets of links are read.
    ///
    /// # Errors
    /// Everything that cannot be listed, at once.
    pub fn walk(root: &Path) -> Result<Self> {
        // A root that is not there is told without walkdir's words for it.
        root.metadata().map_err(Error::io("open", root))?;
        // Folders are listed one after another; the rest is done on all processors.
        let listed: Vec<_> = WalkDir::new(root).sort_by_file_name().into_iter().collect();
        let look = |found: walkdir::Result<walkdir::DirEntry>| {
            entry(root, &found.map_err(|error| walk_error(root, error))?)
        };
        let looked: Vec<Result<Entry>> = listed.into_par_iter().map(look).collect();
        let mut entries = Vec::with_capacity(looked.len());
        let mut errors = Vec::new();
        for found in looked {
            match found {
                Ok(entry) => entries.push(entry),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { root: root.to_owned(), entries })
        } else {
            Err(Error::several(errors))
        }
    }

    /// For each entry, the position of another name of the same file that comes before it.
    #[must_use]
    pub fn same_files(&self) -> Vec<Option<usize>> {
        let mut first_names = HashMap::new();
        let first = |(position, entry): (usize, &Entry)| {
            let is_shared = matches!(entry.kind, Kind::File(_)) && entry.links > 1;
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
            self.root.clone()
        } else {
            self.root.join(&entry.path)
        }
    }
}

fn walk_error(root: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(root).to_owned();
    Error::io("list", path)(error.into())
}

fn entry(root: &Path, found: &walkdir::DirEntry) -> Result<Entry> {
    let path = found.path();
    let metadata = found.metadata().map_err(|error| walk_error(root, error))?;
    let file_type = metadata.file_type();
    let kind = if file_type.is_file() {
        Kind::File(metadata.len())
    } else if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_symlink() {
        Kind::Symlink(path.read_link().map_err(Error::io("read the link", path))?)
    } else if file_type.is_fifo() {
        Kind::Special("a named pipe")
    } else if file_type.is_socket() {
        Kind::Special("a socket")
    } else {
        Kind::Special("a device")
    };
    Ok(Entry {
        path: path.strip_prefix(root).unwrap_or(path).to_owned(),
        kind,
        mode: metadata.mode() & 0o7777,
        id: (metadata.dev(), metadata.ino()),
        links: metadata.nlink(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}
