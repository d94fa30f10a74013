//! New files and folders beside the places that they will have.
//!
//! A new file has no name until it is complete, where the file system allows that, so that not even a
//! kill leaves anything. Otherwise its name is `.postlink-` and sixteen letters and digits, as is that
//! of a new folder. Whoever makes one holds a lock on it. What has such a name, is the user's own, and
//! nobody holds a lock on, was left by a run that was killed: the next run beside it removes it.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags, linkat};
use rustix::process::geteuid;
use tempfile::{NamedTempFile, TempPath};

use super::open::{id, is_same_entry, open_entry};

const PREFIX: &str = ".postlink-";
/// Letters and digits behind the prefix: more than there would be by chance.
const RANDOM: usize = 16;

/// Opens a new file without a name in a folder; other systems than Linux have none.
#[cfg(target_os = "linux")]
const UNNAMED: Option<OFlags> = Some(OFlags::TMPFILE);
#[cfg(not(target_os = "linux"))]
const UNNAMED: Option<OFlags> = None;

/// A new file in the folder of its place, locked, which goes away unless it is put there.
#[derive(Debug)]
pub(super) struct NewFile {
    file: File,
    /// Where it is meanwhile, if it has a name.
    name: Option<TempPath>,
    folder: PathBuf,
}

impl NewFile {
    /// Makes one of this mode, less what the process's umask takes away. `held` is the file that it is for, if
    /// we hold its lock.
    pub(super) fn new(folder: &Path, mode: u32, held: Option<&File>) -> io::Result<Self> {
        sweep(folder, held);
        let (file, name) = match unnamed(folder, mode) {
            Some(file) => (file, None),
            None => named(folder, mode)?,
        };
        Ok(Self { file, name, folder: folder.to_owned() })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Puts it in the place of what has this path in its folder, if anything does, in one step.
    pub(super) fn put(self, place: &Path) -> io::Result<()> {
        // The file stays locked until it is in its place.
        let Self { file, name, folder } = self;
        let name = match name {
            Some(name) => name,
            // A file cannot be linked over another one: it first gets a name of its own.
            None => link(&descriptor_path(&file), AtFlags::SYMLINK_FOLLOW, &folder)?,
        };
        name.persist(place).map_err(|error| error.error)
    }
}

/// A second name for a file that is about to be replaced. It goes away at the end.
#[derive(Debug)]
pub(super) struct SecondName {
    name: TempPath,
    _lock: Option<File>,
}

impl SecondName {
    /// One in the file's folder; `None` if there is no such file.
    pub(super) fn new(path: &Path, folder: &Path) -> io::Result<Option<Self>> {
        loop {
            let name = match link(path, AtFlags::empty(), folder) {
                Ok(name) => name,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            // Without a lock, another run may remove the name, and the file could not be put back. Where it is
            // locked already, that is enough.
            let lock = open_entry(&name).ok();
            let _ = lock.as_ref().map(File::try_lock);
            let metadata = lock.as_ref().and_then(|lock| lock.metadata().ok());
            if metadata.is_none_or(|metadata| is_same_entry(&name, &metadata)) {
                return Ok(Some(Self { name, _lock: lock }));
            }
        }
    }

    /// Puts the file back into its place.
    pub(super) fn put_back(self, place: &Path) -> io::Result<()> {
        self.name.persist(place).map_err(|error| error.error)
    }
}

fn link(file: &Path, flags: AtFlags, folder: &Path) -> io::Result<TempPath> {
    let ((), name) = make(folder, |name| Ok(linkat(CWD, file, CWD, name, flags)?))?;
    Ok(name)
}

/// Makes something at a new path in a folder.
fn make<R>(
    folder: &Path,
    mut new: impl FnMut(&Path) -> io::Result<R>,
) -> io::Result<(R, TempPath)> {
    let mut failed = None;
    let made = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).make_in(folder, |path| {
        new(path).map_err(|error| {
            let kind = error.kind();
            failed = Some(error);
            kind.into()
        })
    });
    // That of `tempfile` has the new path in its text, which says nothing to the user.
    made.map(NamedTempFile::into_parts).map_err(|error| failed.unwrap_or(error))
}

/// A new file without a name, which the system removes when it is closed.
fn unnamed(folder: &Path, mode: u32) -> Option<File> {
    let flags = UNNAMED?.bits().cast_signed();
    let mut options = File::options();
    let file = options.read(true).write(true).mode(mode).custom_flags(flags).open(folder).ok()?;
    // Its name will be made from this one; not everywhere is there a /proc.
    descriptor_path(&file).symlink_metadata().ok()?;
    // Nobody else knows it.
    file.try_lock().ok()?;
    Some(file)
}

fn descriptor_path(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn named(folder: &Path, mode: u32) -> io::Result<(File, Option<TempPath>)> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true).mode(mode);
    loop {
        let (file, name) = make(folder, |path| options.open(path))?;
        if is_ours(&file, &name)? {
            return Ok((file, Some(name)));
        }
    }
}

/// A new folder, and its lock, which holds as long as that is open.
pub(crate) fn new_folder(parent: &Path) -> io::Result<(PathBuf, File)> {
    sweep(parent, None);
    loop {
        let ((), path) = make(parent, |path| DirBuilder::new().mode(0o700).create(path))?;
        let path = path.keep().map_err(|error| error.error)?;
        match File::open(&path) {
            Ok(lock) if is_ours(&lock, &path)? => return Ok((path, lock)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Another run removed it.
            _ => {}
        }
    }
}

/// Whether a new file is locked by us, and still is there: before it was locked, another run may have
/// taken it for one that nobody uses. Where there are no locks, no run does that.
fn is_ours(file: &File, path: &Path) -> io::Result<bool> {
    let is_locked_elsewhere = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    Ok(!is_locked_elsewhere && is_same_entry(path, &file.metadata()?))
}

/// Removes what runs that were killed left in a folder. What cannot be removed now may be so by the
/// next run.
pub(super) fn sweep(folder: &Path, held: Option<&File>) {
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_our_name) {
            let _ = remove_stale(&entry.path(), held);
        }
    }
}

fn is_our_name(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn remove_stale(path: &Path, held: Option<&File>) -> io::Result<()> {
    let file = open_entry(path)?;
    let metadata = file.metadata()?;
    let is_stale =
        metadata.uid() == geteuid().as_raw() && (metadata.is_dir() || metadata.is_file());
    // A second name of the file whose lock is ours: nobody else replaces that now.
    let is_held =
        held.is_some_and(|held| held.metadata().is_ok_and(|held| id(&held) == id(&metadata)));
    if !is_stale || !is_held && file.try_lock().is_err() || !is_same_entry(path, &metadata) {
        return Ok(());
    }
    if metadata.is_dir() { remove_tree(path) } else { fs::remove_file(path) }
}

/// Removes a folder and all that is in it, also out of folders that may not be written.
pub(crate) fn remove_tree(folder: &Path) -> io::Result<()> {
    make_writable(folder)?;
    fs::remove_dir_all(folder)
}

/// Removes all that is in a folder.
pub(crate) fn remove_content(folder: &Path) -> io::Result<()> {
    make_writable(folder)?;
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.symlink_metadata()?.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}
