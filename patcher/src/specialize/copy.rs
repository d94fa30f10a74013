//! Copies a planned tree, with the changes of the plan, to a folder beside its place, or where that cannot be
//! made, to the place.
//!
//! What a copy keeps: bytes and holes, modes, times, extended attributes and access control lists,
//! names of one file, and, for root, owners. Whoever is not root owns the copy. What then is refused
//! (an attribute that only root can set) is left out, as `cp -a` does, and told.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use rustix::fs::{Access, AtFlags, Gid, OFlags, Uid, accessat, chownat, symlinkat, utimensat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::error::{Error, Result};
use crate::files::attributes::{Given, Owner, keep, keep_times};
use crate::files::data::{check_size, copy_data, read_back};
use crate::files::folder::Folder;
use crate::files::open::is_same;
use crate::files::temporary::{Swept, new_folder, remove_content};
use crate::files::walk::{Entry, EntryKind};
use crate::shown::escaped;
use crate::specialize::plan::{EntryPlan, TreePlan};
use crate::watch::not_stopped;

/// Bytes of a rewritten text that are read, and written, at a time.
const BUFFER: usize = 256 << 10;

/// A copy of a tree, beside its place or in it. It goes away unless it is kept.
#[derive(Debug)]
pub(super) struct Staged<'a> {
    plan: &'a TreePlan,
    /// Where it will be: the destination, or its place under another root.
    place: PathBuf,
    site: Site,
    /// The folder that the place is in.
    parent: Arc<Folder>,
    /// The folder that the copy is made in, with its lock as long as it is open: that of the tree, or that in
    /// which a tree of one file lies. What is made is made from here, whatever something else puts at its path.
    root: Arc<Folder>,
    /// Open files that a removal of the copy needs: the copy goes also where there are too many.
    spare: Vec<File>,
    /// Sentences about what could not be kept, each with the first of the entries that it is true of,
    /// and with their number.
    lost: Mutex<BTreeMap<String, (PathBuf, usize)>>,
    is_kept: bool,
}

/// Where a copy is made.
#[derive(Debug)]
enum Site {
    /// In a folder of this name beside the place, which no other run takes for one that nobody uses.
    Beside { folder: OsString },
    /// At the place, where nothing was.
    Made,
    /// In an empty folder that was at the place, and stays with all that it had where the copy goes.
    Given(Given),
}

impl<'a> Staged<'a> {
    /// Makes a folder beside the place of a tree, in the folder `parent`; or, where the system does not allow
    /// that, at the place itself. So it is in a build sandbox of macOS, in which only the place may be made.
    ///
    /// # Errors
    /// There is something at the place already.
    pub(super) fn new(
        plan: &'a TreePlan,
        place: PathBuf,
        parent: Arc<Folder>,
        swept: &Swept,
    ) -> Result<Self> {
        let failed = |error| Error::io("create a folder in", parent.path())(error);
        // A folder, and the list of what is in it.
        let spare = [(); 2].map(|()| parent.file().try_clone().map_err(failed));
        let spare = spare.into_iter().collect::<Result<_>>()?;
        let (site, root) = match new_folder(&parent, swept) {
            Ok((folder, root)) => (Site::Beside { folder }, Arc::new(root)),
            Err(error) if is_refused(&error) => match in_place(plan, &parent, &place) {
                Ok(made) => made,
                // The folder that it is in is what is to be mended, unless the place has a fault of its own.
                Err(own) if is_refused(&own) => return Err(failed(error)),
                Err(own) => return Err(Error::io("create", place)(own)),
            },
            Err(error) => return Err(failed(error)),
        };
        let lost = Mutex::default();
        Ok(Self { plan, place, site, parent, root, spare, lost, is_kept: false })
    }

    /// Where an entry is now, for messages.
    #[must_use]
    pub(super) fn path(&self, entry: &Entry) -> PathBuf {
        let root = match &self.site {
            // The folder becomes the tree; a tree that is a file lies in it.
            Site::Beside { .. } if self.is_file() => self.root.path().join("file"),
            Site::Beside { .. } => self.root.path().to_owned(),
            Site::Made | Site::Given(_) => self.place.clone(),
        };
        // A join with nothing would end in a slash, which a file's path may not.
        if entry.path.as_os_str().is_empty() { root } else { root.join(&entry.path) }
    }

    /// The same, from the open folder on.
    fn name(&self, entry: &Entry) -> PathBuf {
        match &self.site {
            Site::Beside { .. } if self.is_file() => "file".into(),
            _ if self.is_file() => name_of(&self.place).into(),
            _ => entry.path.clone(),
        }
    }

    /// Opens the copy of a file, to be read.
    pub(super) fn open(&self, entry: &Entry) -> io::Result<File> {
        self.root.open_below(&self.name(entry), OFlags::RDONLY | OFlags::NONBLOCK)
    }

    /// The folder that an entry is in, and its name there.
    fn place_of(&self, entry: &Entry) -> io::Result<(Arc<Folder>, OsString)> {
        let name = self.name(entry);
        let folder = match name.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => {
                Arc::new(self.root.folder_below(folder)?)
            }
            _ => Arc::clone(&self.root),
        };
        Ok((folder, name_of(&name).to_owned()))
    }

    fn is_file(&self) -> bool {
        is_file(self.plan)
    }

    /// The path that the tree will have.
    #[must_use]
    pub(super) fn destination(&self) -> &'a Path {
        &self.plan.destination
    }

    /// The files whose bytes were changed.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'a Entry, &'a EntryPlan)> {
        self.entries().filter(|(_, planned)| !planned.edits.is_empty())
    }

    /// Sentences about what the copy could not keep, each with the first entry that it is true of.
    #[must_use]
    pub(super) fn lost(&self) -> Vec<String> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let sentence = |(sentence, (first, entries)): (&String, &(PathBuf, usize))| {
            let place: PathBuf = self.place.components().chain(first.components()).collect();
            let more = match entries - 1 {
                0 => String::new(),
                1 => " (and of 1 more entry)".to_owned(),
                more => format!(" (and of {more} more entries)"),
            };
            format!("{}{more}: {sentence}", escaped(place.as_os_str()))
        };
        lost.iter().map(sentence).collect()
    }

    /// Gives the copy of an entry what the entry has beside its bytes and times.
    fn keep_attributes(&self, entry: &Entry, old: &File, new: &File) -> Result<()> {
        let from = self.plan.tree.path(entry);
        for sentence in keep(old, new, &from, Owner::Runner)? {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            let (first, entries) = lost.entry(sentence).or_insert((entry.path.clone(), 0));
            *entries += 1;
            if entry.path < *first {
                first.clone_from(&entry.path);
            }
        }
        Ok(())
    }

    fn entries(&self) -> impl Iterator<Item = (&'a Entry, &'a EntryPlan)> {
        self.plan.tree.entries.iter().zip(&self.plan.entries)
    }

    /// Copies everything but what is known of folders. `copied` is told the files and bytes that are
    /// done. No file is begun when `stop` is set.
    ///
    /// # Errors
    /// Everything that cannot be read or written; files that are others than when they were planned;
    /// it was stopped.
    pub(super) fn copy(
        &self,
        copied: &(impl Fn(u64, u64) + Sync),
        stop: &AtomicBool,
    ) -> Result<()> {
        let mut files = Vec::new();
        for (entry, planned) in self.entries() {
            match entry.kind {
                EntryKind::Directory if !entry.path.as_os_str().is_empty() => {
                    let made =
                        self.place_of(entry).and_then(|(folder, name)| folder.make(&name, 0o700));
                    made.map_err(|error| Error::io("create", self.path(entry))(error))?;
                }
                EntryKind::File(size) if planned.same_as.is_none() => {
                    files.push((entry, planned, size));
                }
                _ => {}
            }
        }
        let copy = |(entry, planned, size): &(&Entry, &EntryPlan, u64)| {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let done = self.file(entry, planned, stop);
            copied(1, *size);
            done.err()
        };
        let mut errors: Vec<Error> = files.par_iter().filter_map(copy).collect();
        not_stopped(stop)?;
        // Where a file could not be copied, its other names cannot either.
        let has_all_files = errors.is_empty();
        for (entry, planned) in self.entries() {
            let done = match (&entry.kind, planned.same_as) {
                (EntryKind::File(_), Some(first)) if has_all_files => {
                    let linked = self.place_of(&self.plan.tree.entries[first]).and_then(
                        |(folder, first)| {
                            let (to, name) = self.place_of(entry)?;
                            folder.link_to(&first, &to, &name)
                        },
                    );
                    linked.map_err(|error| Error::io("link", self.path(entry))(error))
                }
                (EntryKind::Symlink(target), _) => {
                    self.link(entry, planned.target.as_ref().unwrap_or(target))
                }
                _ => continue,
            };
            errors.extend(done.err());
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::several(errors)) }
    }

    fn file(&self, entry: &Entry, planned: &EntryPlan, stop: &AtomicBool) -> Result<()> {
        let (found, to) = (self.plan.tree.file(entry), self.path(entry));
        let from = found.path();
        // The file that was copied is the one that was looked at.
        found.read("open", |source| {
            let written = || {
                let (folder, name) = self.place_of(entry)?;
                // That of a tree that is made in its place is there.
                let is_there = self.is_file() && !matches!(self.site, Site::Beside { .. });
                let flags = match is_there {
                    true => OFlags::RDWR,
                    false => OFlags::RDWR | OFlags::CREATE | OFlags::EXCL,
                };
                let new = folder.open_name(&name, flags, 0o600)?;
                content(source, &new, (found.size(), planned), stop)?;
                io::Result::Ok(new)
            };
            let new = written().map_err(Error::io("copy", &from))?;
            check_size(&new, &to, new_size(found.size(), planned))?;
            if planned.keeps_size() {
                read_back(&new, &to, &planned.edits)?;
            }
            self.keep_attributes(entry, source, &new)?;
            let times = source.metadata().and_then(|metadata| keep_times(&metadata, &new));
            times.map_err(Error::io("keep the times of", &from))
        })
    }

    fn link(&self, entry: &Entry, target: &Path) -> Result<()> {
        let old = self.plan.tree.look_at_link(entry)?;
        let made = || {
            let (folder, name) = self.place_of(entry)?;
            symlinkat(target, folder.file(), &name)?;
            let (owner, group) = (Uid::from_raw(old.owner), Gid::from_raw(old.group));
            let itself = AtFlags::SYMLINK_NOFOLLOW;
            if geteuid().is_root() {
                chownat(folder.file(), &name, Some(owner), Some(group), itself)?;
            }
            io::Result::Ok(utimensat(folder.file(), &name, &old.times(), itself)?)
        };
        made().map_err(Error::io("copy", self.plan.tree.path(entry)))
    }

    /// Gives folders their owners, modes and times.
    ///
    /// # Errors
    /// The system refuses something.
    pub(super) fn close(&self) -> Result<()> {
        // Inner folders come first: once a folder may not be written, nothing in it can change.
        let folders: Vec<_> =
            self.entries().filter(|(entry, _)| entry.kind == EntryKind::Directory).collect();
        for (entry, _) in folders.into_iter().rev() {
            let old = self.plan.tree.open_folder(entry)?;
            let new = self.root.folder_below(&self.name(entry));
            let new = new.map_err(|error| Error::io("open", self.path(entry))(error))?;
            self.keep_attributes(entry, &old, new.file())?;
            let times = old.metadata().and_then(|metadata| keep_times(&metadata, new.file()));
            times.map_err(Error::io("keep the times of", self.plan.tree.path(entry)))?;
        }
        Ok(())
    }

    /// Puts the copy into its place.
    ///
    /// # Errors
    /// The system refuses something; there is something by now; the folder is no longer where it was.
    pub(super) fn put(&mut self) -> Result<()> {
        if let Site::Beside { folder } = &self.site {
            let name = name_of(&self.place);
            let moved = match self.is_file() {
                true => self.root.rename_to("file".as_ref(), &self.parent, name),
                false => self.parent.rename_to(folder, &self.parent, name),
            };
            moved.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists
                | io::ErrorKind::DirectoryNotEmpty
                | io::ErrorKind::NotADirectory => exists(&self.place),
                _ => Error::io("put a new tree in the place of", &self.place)(error),
            })?;
            if self.is_file() {
                // It is empty now. Where it cannot be removed, the tree is complete nevertheless.
                let _ = self.parent.remove_folder(folder);
            }
            self.site = Site::Made;
        }
        let failed = || Error::io("look at", self.parent.path());
        let parent = self.parent.file().metadata().map_err(failed())?;
        match is_same(self.parent.path(), &parent).map_err(failed())? {
            true => Ok(()),
            false => Err(Error::changed(&self.place)),
        }
    }

    /// Lets the copy stay.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        self.spare.clear();
        let name = name_of(&self.place);
        let emptied = || remove_content(&self.root);
        // There is an error to show already; a second one cannot be helped.
        let _ = match &self.site {
            Site::Beside { folder } => emptied().and_then(|()| self.parent.remove_folder(folder)),
            Site::Made if self.is_file() => self.parent.remove(name),
            Site::Made => emptied().and_then(|()| self.parent.remove_folder(name)),
            Site::Given(given) => {
                let emptied = emptied();
                given.give_back(self.root.file()).and(emptied)
            }
        };
    }
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// Makes the place of a tree itself, or takes an empty folder that is there. Gives the folder to make it in.
fn in_place(
    plan: &TreePlan,
    parent: &Arc<Folder>,
    place: &Path,
) -> io::Result<(Site, Arc<Folder>)> {
    let name = name_of(place);
    if is_file(plan) {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        parent.open_name(name, flags, 0o600)?;
        return Ok((Site::Made, Arc::clone(parent)));
    }
    let made = parent.make(name, 0o700);
    let is_there = made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists);
    if !is_there {
        made?;
    }
    let root = parent.folder_below(Path::new(name))?;
    if is_there {
        let given = given(&root)?;
        // Others who may write there may not meanwhile.
        root.file().set_permissions(Permissions::from_mode(0o700))?;
        return Ok((Site::Given(given), Arc::new(root)));
    }
    match root.file().metadata()?.uid() == geteuid().as_raw() {
        true => Ok((Site::Made, Arc::new(root))),
        false => Err(Errno::PERM.into()),
    }
}

fn is_file(plan: &TreePlan) -> bool {
    plan.tree.entries.first().is_none_or(|root| root.kind != EntryKind::Directory)
}

/// What a folder has that can be filled where it is: it is empty and our own, so that it can get the mode of
/// the tree, and be emptied again, and nobody else reaches what is not complete; and no other run fills it. It is
/// locked as long as it is open.
pub(super) fn given(folder: &Folder) -> io::Result<Given> {
    if folder.file().metadata()?.uid() != geteuid().as_raw() {
        return Err(Errno::PERM.into());
    }
    accessat(folder.file(), ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?;
    if matches!(folder.file().try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(Errno::BUSY.into());
    }
    // Another run may have had it until now.
    let given = Given::of(folder.file())?;
    if !folder.is_empty()? {
        return Err(io::Error::other(exists(folder.path())));
    }
    Ok(given)
}

/// Whether the system does not let us make anything in a folder.
pub(super) fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Refuses a place where something is; for a folder, an empty folder is nothing.
pub(super) fn free(place: &Path, is_file: bool) -> Result<()> {
    let is_free = match place.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(Error::io("look at", place)(error)),
        Ok(there) => {
            let is_empty = || Folder::open(place).and_then(|folder| folder.is_empty());
            let may_serve = !is_file && there.is_dir();
            may_serve && is_empty().map_err(Error::io("list", place))?
        }
    };
    if is_free { Ok(()) } else { Err(exists(place)) }
}

fn exists(place: &Path) -> Error {
    Error::input(
        format!("{} exists already", escaped(place)),
        "name a destination that does not exist, or remove what is there",
    )
}

/// How many bytes a file of this size has after the changes of the plan.
fn new_size(size: u64, planned: &EntryPlan) -> u64 {
    if let Some(length) = planned.length {
        return length;
    }
    let edits = planned.edits.iter();
    edits.fold(size, |size, edit| size - edit.before.len() as u64 + edit.after.len() as u64)
}

/// Copies the bytes of a file of this size, with the changes of the plan.
fn content(
    source: &File,
    new: &File,
    (size, planned): (u64, &EntryPlan),
    stop: &AtomicBool,
) -> io::Result<()> {
    let stays_in_place = planned.keeps_size() && !planned.is_text;
    if planned.edits.is_empty() || stays_in_place {
        copy_data(source, new, stop)?;
        let mut edits = planned.edits.iter();
        edits.try_for_each(|edit| new.write_all_at(&edit.after, edit.offset))?;
        return planned.length.map_or(Ok(()), |length| new.set_len(length));
    }
    // A text may have a million changes: each costs no call of the system.
    let mut from = BufReader::with_capacity(BUFFER, source);
    let mut to = BufWriter::with_capacity(BUFFER, new);
    let mut at = 0;
    for edit in &planned.edits {
        transfer(&mut from, &mut to, edit.offset - at)?;
        transfer(&mut from, &mut io::sink(), edit.before.len() as u64)?;
        to.write_all(&edit.after)?;
        at = edit.end();
    }
    // It may grow as fast as it is read.
    transfer(&mut from, &mut to, size.saturating_sub(at))?;
    to.flush()
}

/// Writes so many bytes as they are. [`io::copy`] asks the system about both files each time.
fn transfer(from: &mut impl BufRead, to: &mut impl Write, size: u64) -> io::Result<()> {
    let mut done = 0;
    while done < size {
        let bytes = match from.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = &bytes[..bytes.len().min((size - done) as usize)];
        to.write_all(bytes)?;
        let count = bytes.len();
        from.consume(count);
        done += count as u64;
    }
    Ok(())
}
