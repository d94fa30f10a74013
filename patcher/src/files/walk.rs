//! The entries of a tree, always in the same order.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::folder::Folder;
use super::open::{Stamp, id, special};
use super::status::Status;
use crate::error::{Error, Result};

/// A tree of files, or a single file.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The path as the user gave it. A link to a tree is the tree.
    pub root: PathBuf,
    /// The root itself, if the path is a link.
    target: Option<PathBuf>,
    /// The root, as long as the tree is known; of a single file, the folder that it is in. Everything is opened from
    /// here: what somebody swaps for a link meanwhile leads nowhere.
    folder: Arc<Folder>,
    /// The name of a single file in that folder.
    name: Option<OsString>,
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
        let target = match root.is_symlink() || !top.is_dir() {
            true => Some(root.canonicalize().map_err(Error::io("open", root))?),
            false => None,
        };
        let (folder, name) = match target.as_deref().filter(|_| !top.is_dir()) {
            Some(file) => {
                let path = file.parent().unwrap_or(Path::new("/"));
                (Folder::open(path).map_err(Error::io("open", path))?, file.file_name())
            }
            None => (Folder::open(root).map_err(Error::io("list", root))?, None),
        };
        let mut tree = Self {
            root: root.to_owned(),
            name: name.map(OsStr::to_owned),
            target: target.filter(|_| root.is_symlink()),
            folder: Arc::new(folder),
            entries: Vec::new(),
        };
        tree.list()?;
        Ok(tree)
    }

    /// Lists what is in the open folder, or the file in it.
    fn list(&mut self) -> Result<()> {
        let mut errors = Vec::new();
        // The root, then what is in it, then what is in that, each time on all processors.
        let top = match &self.name {
            Some(name) => entry(&self.folder, name, PathBuf::new()),
            None => entry(&self.folder, ".".as_ref(), PathBuf::new()),
        };
        let top = top.map_err(Error::io("open", &self.root))?;
        let mut folders = Vec::new();
        if self.name.is_none() {
            folders.push(PathBuf::new());
        } else if matches!(top.kind, EntryKind::Directory | EntryKind::Symlink(_)) {
            return Err(Error::changed(&self.root));
        }
        self.entries.push(top);
        while !folders.is_empty() {
            let listed: Vec<Vec<Result<Entry>>> =
                folders.par_iter().map(|folder| list(self, folder)).collect();
            folders.clear();
            for found in listed.into_iter().flatten() {
                match found {
                    Ok(entry) => {
                        if entry.kind == EntryKind::Directory {
                            folders.push(entry.path.clone());
                        }
                        self.entries.push(entry);
                    }
                    Err(error) => errors.push(error),
                }
            }
        }
        if !errors.is_empty() {
            return Err(Error::several(errors));
        }
        self.entries.par_sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// Opens something in the tree, also another folder or link that has its name now: see
    /// [`Folder::open_below`].
    pub(super) fn open(&self, entry: &Entry, flags: OFlags) -> io::Result<File> {
        self.folder.open_below(self.name.as_ref().map_or(&entry.path, Path::new), flags)
    }

    /// Opens a folder of the tree.
    ///
    /// # Errors
    /// The system refuses; it is another folder now.
    pub(crate) fn open_folder(&self, entry: &Entry) -> Result<File> {
        let failed = |error| in_tree("open", self.path(entry))(error);
        let folder = self.open(entry, OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
        match id(&folder.metadata().map_err(failed)?) == entry.id {
            true => Ok(folder),
            false => Err(Error::changed(self.path(entry))),
        }
    }

    /// What a link of the tree is now.
    ///
    /// # Errors
    /// The system refuses; it is another one now.
    pub(crate) fn look_at_link(&self, entry: &Entry) -> Result<Status> {
        let failed = |error| in_tree("look at", self.path(entry))(error);
        let (Some(folder), Some(name)) = (entry.path.parent(), entry.path.file_name()) else {
            return Err(Error::changed(self.path(entry)));
        };
        let now = self.folder.folder_below(folder).and_then(|folder| folder.look(name));
        now.map_err(failed)?
            .filter(|now| (now.id, now.changed) == (entry.id, entry.changed))
            .ok_or_else(|| Error::changed(self.path(entry)))
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
fn list(tree: &Tree, path: &Path) -> Vec<Result<Entry>> {
    let shown = tree.root.join(path);
    let listed = tree.folder.folder_below(path).and_then(|folder| Ok((folder.names()?, folder)));
    let (names, folder) = match listed {
        Ok(listed) => listed,
        Err(error) => return vec![Err(in_tree("list", shown)(error))],
    };
    let look = |name: OsString| {
        entry(&folder, &name, path.join(&name)).map_err(Error::io("list", shown.join(&name)))
    };
    names.into_iter().map(look).collect()
}

/// For `map_err`, where the system refused to open what a walk found.
pub(super) fn in_tree(action: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Error {
    move |error| match Errno::from_io_error(&error) {
        // A link, or no folder, where there was none.
        Some(Errno::LOOP | Errno::NOTDIR) => Error::changed(path),
        _ => Error::io(action, path)(error),
    }
}

fn entry(folder: &Folder, name: &OsStr, path: PathBuf) -> io::Result<Entry> {
    let status = folder.look(name)?.ok_or(io::ErrorKind::NotFound)?;
    let kind = match status.kind {
        FileType::RegularFile => EntryKind::File(status.size),
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink(folder.read_link(name)?),
        other => EntryKind::Special(special(other)),
    };
    let Status { mode, id, links, changed, modified, .. } = status;
    Ok(Entry { path, kind, mode, id, links, changed, modified })
}
