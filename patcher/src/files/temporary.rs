//! New files and folders beside the places that they will have.
//!
//! A new file has no name until it is complete, where the file system allows that, so that not even a
//! kill leaves anything. Otherwise its name is `.postlink-` and sixteen letters and digits, as is that
//! of a new folder. Whoever makes one holds a lock on it. What has such a name, is the user's own (for
//! root, a file may be anyone's), and nobody holds a lock on, was left by a run that was killed: the next
//! run beside it removes it, and looks for that [once in each folder](Swept).

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::process::geteuid;
use tempfile::NamedTempFile;

use super::attributes::is_trusted_owner;
use super::folder::Folder;
use super::open::{id, lock};

const PREFIX: &str = ".postlink-";
/// Letters and digits behind the prefix: more than there would be by chance.
const RANDOM: usize = 16;

/// Opens a new file without a name in a folder; other systems than Linux have none.
#[cfg(target_os = "linux")]
const UNNAMED: Option<OFlags> = Some(OFlags::TMPFILE);
#[cfg(not(target_os = "linux"))]
const UNNAMED: Option<OFlags> = None;

/// A name of ours in a folder, which goes away unless it takes the place of another one.
#[derive(Debug)]
struct Name {
    folder: Arc<Folder>,
    name: OsString,
    is_there: bool,
}

impl Name {
    /// Gives the file this name instead, in one step, whatever has it.
    fn put(mut self, name: &OsStr) -> io::Result<()> {
        self.folder.rename(&self.name, name)?;
        self.is_there = false;
        Ok(())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.is_there {
            // What cannot be removed now may be so by the next run.
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// A new file in the folder of its place, locked, which goes away unless it is put there.
#[derive(Debug)]
pub(super) struct NewFile {
    file: File,
    /// What it has meanwhile, if it has a name.
    name: Option<Name>,
    folder: Arc<Folder>,
}

impl NewFile {
    /// Makes one of this mode, less what the process's umask takes away. `held` is the file that it is for, if
    /// we hold its lock.
    pub(super) fn new(
        folder: &Arc<Folder>,
        mode: u32,
        held: Option<&File>,
        swept: &Swept,
    ) -> io::Result<Self> {
        swept.sweep(folder, held);
        let (file, name) = match unnamed(folder, mode) {
            Some(file) => (file, None),
            None => named(folder, mode)?,
        };
        Ok(Self { file, name, folder: Arc::clone(folder) })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether others reach it by a name before it is complete.
    pub(super) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Puts it in the place of what has this name in its folder, if anything does, in one step.
    pub(super) fn put(self, place: &OsStr) -> io::Result<()> {
        // The file stays locked until it is in its place.
        let Self { file, name, folder } = self;
        let name = match name {
            Some(name) => name,
            // A file cannot be linked over another one: it first gets a name of its own.
            None => {
                let link = |name: &OsStr| {
                    folder.link(&descriptor_path(&file), AtFlags::SYMLINK_FOLLOW, name)
                };
                make(&folder, link)?.1
            }
        };
        name.put(place)
    }
}

/// A second name for a file that is about to be replaced. It goes away at the end.
#[derive(Debug)]
pub(super) struct SecondName {
    name: Name,
    _lock: Option<File>,
}

impl SecondName {
    /// One for what has this name in a folder; `None` if nothing has.
    pub(super) fn new(folder: &Arc<Folder>, file: &OsStr) -> io::Result<Option<Self>> {
        loop {
            let name = match make(folder, |name| folder.link_to(file, folder, name)) {
                Ok(((), name)) => name,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            // Without a lock, another run may remove the name, and the file could not be put back. Where it is
            // locked already, that is enough.
            let lock = folder.open_name(&name.name, READ, 0).ok();
            let _ = lock.as_ref().map(File::try_lock);
            let metadata = lock.as_ref().and_then(|lock| lock.metadata().ok());
            if metadata.is_none_or(|file| folder.has(&name.name, &file).unwrap_or(true)) {
                return Ok(Some(Self { name, _lock: lock }));
            }
        }
    }

    /// Puts the file back into its place.
    pub(super) fn put_back(self, place: &OsStr) -> io::Result<()> {
        self.name.put(place)
    }
}

/// Makes something with a new name in a folder.
fn make<R>(
    folder: &Arc<Folder>,
    mut new: impl FnMut(&OsStr) -> io::Result<R>,
) -> io::Result<(R, Name)> {
    let mut failed = None;
    // The folder that is told here is not used: all happens in the open one.
    let made = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).make_in("/", |path| {
        new(path.file_name().unwrap_or_default()).map_err(|error| {
            let kind = error.kind();
            failed = Some(error);
            kind.into()
        })
    });
    // That of `tempfile` has the new path in its text, which says nothing to the user.
    let (made, path) =
        made.map(NamedTempFile::into_parts).map_err(|error| failed.unwrap_or(error))?;
    let path = path.keep().map_err(|error| error.error)?;
    let name = path.file_name().unwrap_or_default().to_owned();
    Ok((made, Name { folder: Arc::clone(folder), name, is_there: true }))
}

/// Opens to be read, never waiting for the other end of a pipe.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

/// A new file without a name, which the system removes when it is closed.
fn unnamed(folder: &Folder, mode: u32) -> Option<File> {
    let file = folder.open_unnamed(UNNAMED?, mode).ok()?;
    // Its name will be made from this one; not everywhere is there a /proc.
    descriptor_path(&file).symlink_metadata().ok()?;
    // Nobody else knows it.
    file.try_lock().ok()?;
    Some(file)
}

fn descriptor_path(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn named(folder: &Arc<Folder>, mode: u32) -> io::Result<(File, Option<Name>)> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    loop {
        let (file, name) = make(folder, |name| folder.open_name(name, flags, mode))?;
        if is_ours(&file, folder, &name.name)? {
            return Ok((file, Some(name)));
        }
    }
}

/// A new folder in another one, and its name. It is locked as long as it is open.
pub(crate) fn new_folder(parent: &Arc<Folder>, swept: &Swept) -> io::Result<(OsString, Folder)> {
    swept.sweep(parent, None);
    loop {
        let ((), mut name) = make(parent, |name| parent.make(name, 0o700))?;
        name.is_there = false;
        let opened = parent.folder_below(Path::new(&name.name)).and_then(|folder| {
            let is_ours = is_ours(folder.file(), parent, &name.name)?;
            Ok((folder, is_ours))
        });
        match opened {
            Ok((folder, true)) => return Ok((std::mem::take(&mut name.name), folder)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let _ = parent.remove_folder(&name.name);
                return Err(error);
            }
            // Another run removed it.
            _ => {}
        }
    }
}

/// Whether something new is locked by us, and still is there: before it was locked, another run may have
/// taken it for one that nobody uses. Where there are no locks, no run does that.
fn is_ours(file: &File, folder: &Folder, name: &OsStr) -> io::Result<bool> {
    let is_locked_elsewhere = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    let metadata = file.metadata()?;
    let is_own = metadata.uid() == geteuid().as_raw();
    Ok(!is_locked_elsewhere && is_own && folder.has(name, &metadata)?)
}

/// The name of the file by which runs that put several files into a folder wait for each other. A lock on the folder
/// itself could be that of whoever started both: `flock FOLDER make`.
const TURN: &str = ".postlink-0000000000000000";

/// The turn of a run to put files into a folder: no other run has it meanwhile.
#[derive(Debug)]
pub(crate) struct Turn {
    // It goes away while the lock holds.
    _name: Name,
    _lock: File,
}

impl Turn {
    /// Waits for it. Where the file is somebody else's, or there are no locks, nobody waits.
    pub(super) fn take(folder: &Arc<Folder>) -> io::Result<Option<Self>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
        loop {
            let file = match folder.open_name(TURN.as_ref(), flags, 0o600) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
                opened => opened?,
            };
            lock(&file)?;
            // Whoever had the turn before has removed it. Where that cannot be told, the file would stay: it is asked
            // again.
            let is_there = || folder.has(TURN.as_ref(), &file.metadata()?);
            if is_there().or_else(|_| is_there())? {
                let name = Name { folder: Arc::clone(folder), name: TURN.into(), is_there: true };
                return Ok(Some(Self { _name: name, _lock: file }));
            }
        }
    }
}

/// The folders, by device and inode, that a run has looked for leftovers in: a run that writes thousands of files
/// into one folder reads its names once. What is left there meanwhile is for the next run.
#[derive(Debug, Default)]
pub struct Swept(Mutex<BTreeSet<(u64, u64)>>);

impl Swept {
    /// Removes what runs that were killed left in a folder, unless that was done already. What cannot be removed
    /// now may be so by the next run.
    pub(super) fn sweep(&self, folder: &Folder, held: Option<&File>) {
        let Ok(metadata) = folder.file().metadata() else { return };
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id(&metadata)) {
            return;
        }
        let Ok(names) = folder.names() else { return };
        for name in names.iter().filter(|name| name.to_str().is_some_and(is_our_name)) {
            let _ = remove_stale(folder, name, held);
        }
    }
}

fn is_our_name(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn remove_stale(folder: &Folder, name: &OsStr, held: Option<&File>) -> io::Result<()> {
    let file = folder.open_name(name, READ, 0)?;
    let metadata = file.metadata()?;
    let user = geteuid();
    let is_own = metadata.uid() == user.as_raw();
    // What root wrote for another user belongs to that one. A second name may be that user's way back to a file that
    // only root can read, and lock.
    let is_of_root = user.is_root() && metadata.is_file() && metadata.nlink() == 1;
    let is_stale = is_own && (metadata.is_dir() || metadata.is_file()) || is_of_root;
    // A second name of the file whose lock is ours: nobody else replaces that now.
    let is_held =
        held.is_some_and(|held| held.metadata().is_ok_and(|held| id(&held) == id(&metadata)));
    if !is_stale || !is_held && file.try_lock().is_err() || !folder.has(name, &metadata)? {
        return Ok(());
    }
    if metadata.is_file() {
        return folder.remove(name);
    }
    if names_are_safe(folder)? {
        remove_content(&Folder::of(file, folder.path().join(name)))?;
    }
    // Where something is in it, the system refuses.
    folder.remove_folder(name)
}

/// Whether nobody but us and root can give other names to what is in a folder. Elsewhere somebody could give a
/// folder of ours, which only we can empty, a name as if it were left over. (A file they could remove as well.)
fn names_are_safe(folder: &Folder) -> io::Result<bool> {
    let metadata = folder.file().metadata()?;
    let is_sticky = metadata.mode() & 0o1000 != 0;
    Ok(is_trusted_owner(&metadata) && (is_sticky || metadata.mode() & 0o022 == 0))
}

/// A folder that may not even be read is made readable first: by its number, since a name may be that of a link by now.
fn opened_up(top: &Folder, path: &Path, error: io::Error) -> io::Result<Folder> {
    #[cfg(target_os = "linux")]
    if error.kind() == io::ErrorKind::PermissionDenied {
        let there = top.open_below(path, OFlags::PATH | OFlags::DIRECTORY)?;
        std::fs::set_permissions(descriptor_path(&there), Permissions::from_mode(0o700))?;
        return top.folder_below(path);
    }
    Err(error)
}

/// Removes all that is in a folder, also out of folders that may not be written. Nothing outside of it is changed,
/// whatever is swapped meanwhile.
///
/// # Errors
/// The system refuses something: the rest stays.
pub(crate) fn remove_content(top: &Folder) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    let mut at = 0;
    while let Some(path) = folders.get(at).cloned() {
        let folder = top.folder_below(&path).or_else(|error| opened_up(top, &path, error))?;
        // Most may be written already, also where the system sets no modes.
        if folder.file().metadata()?.mode() & 0o700 != 0o700 {
            folder.file().set_permissions(Permissions::from_mode(0o700))?;
        }
        for name in folder.names()? {
            match folder.look(&name)? {
                Some(there) if there.kind == FileType::Directory => folders.push(path.join(name)),
                Some(_) => folder.remove(&name)?,
                None => {}
            }
        }
        at += 1;
    }
    for path in folders.iter().rev() {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            top.folder_below(parent)?.remove_folder(name)?;
        }
    }
    Ok(())
}
