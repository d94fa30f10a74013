//! Copies a planned tree, with the changes of the plan, to a folder beside its place, or where that cannot be
//! made, to the place.
//!
//! What a copy keeps: bytes and holes, modes, times, extended attributes and access control lists,
//! names of one file, and, for root, owners. Whoever is not root owns the copy. What then is refused
//! (an attribute that only root can set) is left out, as `cp -a` does, and told.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use rustix::fs::{
    Access, AtFlags, Gid, Mode, OFlags, Uid, access, chownat, linkat, mkdirat, openat, symlinkat,
    utimensat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::error::{Error, Result};
use crate::files::attributes::{Owner, keep, keep_times, times};
use crate::files::data::{check_size, copy_data, read_back};
use crate::files::open::{Stamp, open_entry};
use crate::files::temporary::{new_folder, remove_content, remove_tree};
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
    /// The folder that the copy is made in, with its lock as long as it is open: that of the tree, or that in
    /// which a tree of one file lies. What is made is made from here, whatever something else puts at its path.
    root: File,
    /// Sentences about what could not be kept, each with the first of the entries that it is true of,
    /// and with their number.
    lost: Mutex<BTreeMap<String, (PathBuf, usize)>>,
    is_kept: bool,
}

/// Where a copy is made.
#[derive(Debug)]
enum Site {
    /// In a folder beside the place, which no other run takes for one that nobody uses.
    Beside { folder: PathBuf },
    /// At the place, where nothing was.
    Made,
    /// In an empty folder that was at the place, and stays with its mode where the copy goes.
    Given { mode: Permissions },
}

impl<'a> Staged<'a> {
    /// Makes a folder beside the place of a tree; or, where the system does not allow that, at the place
    /// itself. So it is in a build sandbox of macOS, in which only the place may be made.
    ///
    /// # Errors
    /// There is something at the place already; the folder that it is in is not there.
    pub(super) fn new(plan: &'a TreePlan, place: PathBuf) -> Result<Self> {
        let parent = place.parent().unwrap_or(Path::new("/"));
        let (site, root) = match new_folder(parent) {
            Ok((folder, lock)) => (Site::Beside { folder }, lock),
            Err(error) if is_refused(&error) => match in_place(plan, &place) {
                Ok(made) => made,
                // The folder that it is in is what is to be mended, unless the place has a fault of its own.
                Err(own) if is_refused(&own) => {
                    return Err(Error::io("create a folder in", parent)(error));
                }
                Err(own) => return Err(Error::io("create", place)(own)),
            },
            Err(error) => return Err(Error::io("create a folder in", parent)(error)),
        };
        Ok(Self { plan, place, site, root, lost: Mutex::default(), is_kept: false })
    }

    /// Where an entry is now.
    #[must_use]
    pub(super) fn path(&self, entry: &Entry) -> PathBuf {
        let root = match &self.site {
            // The folder becomes the tree; a tree that is a file lies in it.
            Site::Beside { folder } if self.is_file() => folder.join("file"),
            Site::Beside { folder } => folder.clone(),
            Site::Made | Site::Given { .. } => self.place.clone(),
        };
        // A join with nothing would end in a slash, which a file's path may not.
        if entry.path.as_os_str().is_empty() { root } else { root.join(&entry.path) }
    }

    /// The same, from the open folder on.
    fn name(&self, entry: &Entry) -> PathBuf {
        match &self.site {
            Site::Beside { .. } if self.is_file() => "file".into(),
            _ if self.is_file() => self.place.file_name().unwrap_or_default().into(),
            _ if entry.path.as_os_str().is_empty() => ".".into(),
            _ => entry.path.clone(),
        }
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
                    let made = mkdirat(&self.root, self.name(entry), Mode::from_raw_mode(0o700));
                    made.map_err(|error| Error::io("create", self.path(entry))(error.into()))?;
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
        for (entry, planned) in self.entries() {
            let done = match (&entry.kind, planned.same_as) {
                (EntryKind::File(_), Some(first)) => {
                    let first = self.name(&self.plan.tree.entries[first]);
                    let flags = AtFlags::empty();
                    linkat(&self.root, first, &self.root, self.name(entry), flags)
                        .map_err(|error| Error::io("link", self.path(entry))(error.into()))
                }
                (EntryKind::Symlink(target), _) => {
                    self.link(entry, planned.target.as_ref().unwrap_or(target))
                }
                _ => continue,
            };
            // Where a file could not be copied, its other names cannot either.
            if errors.is_empty() {
                errors.extend(done.err());
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::several(errors)) }
    }

    fn file(&self, entry: &Entry, planned: &EntryPlan, stop: &AtomicBool) -> Result<()> {
        let (from, to) = (self.plan.tree.path(entry), self.path(entry));
        let source = open_entry(&from).map_err(Error::io("open", &from))?;
        let check = || {
            let now = source.metadata().map_err(Error::io("read", &from))?;
            match entry.stamp().is_some_and(|before| Stamp::of(&now).continues(&before)) {
                true => Ok(now),
                false => Err(Error::Changed { path: from.clone() }),
            }
        };
        check()?;
        let written = || {
            // That of a tree that is made in its place is there.
            let is_there = self.is_file() && !matches!(self.site, Site::Beside { .. });
            let flags = match is_there {
                true => OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                false => OFlags::RDWR | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL,
            };
            let mode = Mode::from_raw_mode(0o600);
            let new: File = openat(&self.root, self.name(entry), flags, mode)?.into();
            content(&source, &new, planned, stop)?;
            io::Result::Ok(new)
        };
        let new = written().map_err(Error::io("copy", &from))?;
        check_size(&new, &to, new_size(entry, planned))?;
        if planned.keeps_size() {
            read_back(&new, &to, &planned.edits)?;
        }
        self.keep_attributes(entry, &source, &new)?;
        // The file that was copied is the one that was looked at.
        keep_times(&check()?, &new).map_err(Error::io("keep the times of", from))
    }

    fn link(&self, entry: &Entry, target: &Path) -> Result<()> {
        let (from, to) = (self.plan.tree.path(entry), self.name(entry));
        let made = || {
            let old = from.symlink_metadata()?;
            symlinkat(target, &self.root, &to)?;
            let (owner, group) = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
            let itself = AtFlags::SYMLINK_NOFOLLOW;
            if geteuid().is_root() {
                chownat(&self.root, &to, Some(owner), Some(group), itself)?;
            }
            io::Result::Ok(utimensat(&self.root, &to, &times(&old), itself)?)
        };
        made().map_err(Error::io("copy", &from))
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
            let from = self.plan.tree.path(entry);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let old = File::open(&from).map_err(Error::io("open", &from))?;
            let is_it = old.metadata().map_err(Error::io("look at", &from))?;
            if (is_it.dev(), is_it.ino()) != entry.id {
                return Err(Error::Changed { path: from });
            }
            let new = openat(&self.root, self.name(entry), flags, Mode::empty())
                .map_err(|error| Error::io("open", self.path(entry))(error.into()))?;
            let new = File::from(new);
            self.keep_attributes(entry, &old, &new)?;
            let times = old.metadata().and_then(|metadata| keep_times(&metadata, &new));
            times.map_err(Error::io("keep the times of", from))?;
        }
        Ok(())
    }

    /// Puts the copy into its place.
    ///
    /// # Errors
    /// The system refuses something.
    pub(super) fn put(&mut self) -> Result<()> {
        let Site::Beside { folder } = &self.site else { return Ok(()) };
        free(&self.place, self.is_file())?;
        let from = if self.is_file() { folder.join("file") } else { folder.clone() };
        fs::rename(from, &self.place)
            .map_err(Error::io("put a new tree in the place of", &self.place))?;
        if self.is_file() {
            // It is empty now. Where it cannot be removed, the tree is complete nevertheless.
            let _ = fs::remove_dir(folder);
        }
        self.site = Site::Made;
        if !self.is_file() {
            let failed = || Error::io("look at", &self.place);
            let own = self.root.metadata().map_err(failed())?;
            let there = self.place.symlink_metadata().map_err(failed())?;
            if (own.dev(), own.ino()) != (there.dev(), there.ino()) {
                // Something else put another folder at the path of ours: it is not ours to remove.
                self.is_kept = true;
                return Err(Error::Changed { path: self.place.clone() });
            }
        }
        Ok(())
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
        // There is an error to show already; a second one cannot be helped.
        let _ = match &self.site {
            Site::Beside { folder } => remove_tree(folder),
            Site::Made if self.is_file() => fs::remove_file(&self.place),
            Site::Made => remove_tree(&self.place),
            Site::Given { mode } => {
                remove_content(&self.place).and(fs::set_permissions(&self.place, mode.clone()))
            }
        };
    }
}

/// Makes the place of a tree itself, or takes an empty folder that is there. Gives the folder to make it in.
fn in_place(plan: &TreePlan, place: &Path) -> io::Result<(Site, File)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if is_file(plan) {
        let parent =
            rustix::fs::open(place.parent().unwrap_or(Path::new("/")), flags, Mode::empty())?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        openat(&parent, place.file_name().unwrap_or_default(), flags, mode)?;
        return Ok((Site::Made, parent.into()));
    }
    match DirBuilder::new().mode(0o700).create(place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let (mode, lock) = given(place)?;
            Ok((Site::Given { mode }, lock))
        }
        made => {
            made?;
            let root: File =
                rustix::fs::open(place, flags | OFlags::NOFOLLOW, Mode::empty())?.into();
            if root.metadata()?.uid() != geteuid().as_raw() {
                return Err(Errno::PERM.into());
            }
            Ok((Site::Made, root))
        }
    }
}

fn is_file(plan: &TreePlan) -> bool {
    plan.tree.entries.first().is_none_or(|root| root.kind != EntryKind::Directory)
}

/// The mode and the lock of a folder that can be filled where it is: it is empty and our own, so that it
/// can get the mode of the tree, and be emptied again; and no other run fills it.
pub(super) fn given(place: &Path) -> io::Result<(Permissions, File)> {
    let flags = OFlags::NOFOLLOW | OFlags::DIRECTORY;
    let folder = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(place)?;
    let metadata = folder.metadata()?;
    if metadata.uid() != geteuid().as_raw() && !geteuid().is_root() {
        return Err(Errno::PERM.into());
    }
    access(place, Access::WRITE_OK | Access::EXEC_OK)?;
    if matches!(folder.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(Errno::BUSY.into());
    }
    free(place, false).map_err(io::Error::other)?;
    Ok((metadata.permissions(), folder))
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
            let is_empty = || fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
            !is_file && there.is_dir() && is_empty()
        }
    };
    if is_free {
        return Ok(());
    }
    Err(Error::input(
        format!("{} exists already", escaped(place)),
        "name a destination that does not exist, or remove what is there",
    ))
}

/// How many bytes a file has after the changes of the plan.
fn new_size(entry: &Entry, planned: &EntryPlan) -> u64 {
    let EntryKind::File(size) = entry.kind else { return 0 };
    if let Some(length) = planned.length {
        return length;
    }
    let edits = planned.edits.iter();
    edits.fold(size, |size, edit| size - edit.before.len() as u64 + edit.after.len() as u64)
}

/// Copies bytes, with the changes of the plan.
fn content(source: &File, new: &File, planned: &EntryPlan, stop: &AtomicBool) -> io::Result<()> {
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
    at_most(&mut from, &mut to, u64::MAX)?;
    to.flush()
}

/// Writes so many bytes as they are.
fn transfer(from: &mut impl BufRead, to: &mut impl Write, size: u64) -> io::Result<()> {
    if at_most(from, to, size)? == size { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Writes so many bytes as they are, or all that there are; tells how many. [`io::copy`] asks the system about
/// both files each time.
fn at_most(from: &mut impl BufRead, to: &mut impl Write, size: u64) -> io::Result<u64> {
    let mut done = 0;
    while done < size {
        let bytes = match from.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            break;
        }
        let bytes = &bytes[..bytes.len().min((size - done) as usize)];
        to.write_all(bytes)?;
        let count = bytes.len();
        from.consume(count);
        done += count as u64;
    }
    Ok(done)
}
