//! An open folder: what is in it is reached from there. Something else may put another folder, or a link to
//! one, at its path meanwhile: nothing is read or written there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, linkat, mkdirat, openat, readlinkat, renameat, statat,
    unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::open::id;
use super::status::Status;

/// How a folder is opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// A folder that is open, and the path by which it was opened.
#[derive(Debug)]
pub(crate) struct Folder {
    file: File,
    path: PathBuf,
}

impl Folder {
    /// One that is open already, and has a path for messages.
    pub(crate) fn of(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    /// Opens the folder that a path names; a link to one is followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = FOLDER | OFlags::CLOEXEC;
        let file = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?.into();
        Ok(Self { file, path: path.to_owned() })
    }

    /// For messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Opens what a relative path without `..` leads to from here, to be read. No link is followed, whatever
    /// changes meanwhile: so it lies in this folder.
    pub(crate) fn open_below(&self, path: &Path, flags: OFlags) -> io::Result<File> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{ResolveFlags, openat2};
            let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match retry_on_intr(|| openat2(&self.file, path, flags, Mode::empty(), beneath)) {
                // Linux before 5.6, or a sandbox that does not let unknown calls through.
                Err(Errno::NOSYS | Errno::PERM) => {}
                opened => return Ok(opened?.into()),
            }
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let mut folder: Option<Self> = None;
        for part in path.parent().into_iter().flat_map(Path::components) {
            let from = folder.as_ref().unwrap_or(self);
            folder = Some(Self::of(from.open_name(part.as_os_str(), FOLDER, 0)?, PathBuf::new()));
        }
        folder.as_ref().unwrap_or(self).open_name(name, flags, 0)
    }

    /// Opens a folder that such a path leads to.
    pub(crate) fn folder_below(&self, path: &Path) -> io::Result<Self> {
        Ok(Self::of(self.open_below(path, FOLDER)?, self.path.join(path)))
    }

    /// The names of all that is in it, in no order.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        self.each_name()?.collect()
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.each_name()?.next().transpose()?.is_none())
    }

    fn each_name(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
        let entries = Dir::read_from(&self.file)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => {
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                (name != "." && name != "..").then(|| Ok(name.to_owned()))
            }
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// What a name in it is; of a link, the link itself. `None` if nothing has the name.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Option<Status>> {
        match statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Ok(Some(Status::from(there))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a name in it is that of a file, and of no link to it.
    pub(crate) fn has(&self, name: &OsStr, file: &Metadata) -> io::Result<bool> {
        Ok(self.look(name)?.is_some_and(|there| there.id == id(file)))
    }

    /// The target of a link.
    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = readlinkat(&self.file, name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Opens a name in it with these flags; no link.
    pub(crate) fn open_name(&self, name: &OsStr, flags: OFlags, mode: u32) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode as _);
        Ok(retry_on_intr(|| openat(&self.file, name, flags, mode))?.into())
    }

    /// Opens a new file without a name; `flags` are those that say so.
    pub(crate) fn open_unnamed(&self, flags: OFlags, mode: u32) -> io::Result<File> {
        let flags = flags | OFlags::RDWR | OFlags::CLOEXEC;
        Ok(openat(&self.file, ".", flags, Mode::from_raw_mode(mode as _))?.into())
    }

    /// Makes a folder in it.
    pub(crate) fn make(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        Ok(mkdirat(&self.file, name, Mode::from_raw_mode(mode as _))?)
    }

    /// Gives the file at a path a name in it.
    pub(crate) fn link(&self, path: &Path, flags: AtFlags, name: &OsStr) -> io::Result<()> {
        Ok(linkat(rustix::fs::CWD, path, &self.file, name, flags)?)
    }

    /// Gives a file in it another name, in a folder.
    pub(crate) fn link_to(&self, old: &OsStr, to: &Self, name: &OsStr) -> io::Result<()> {
        Ok(linkat(&self.file, old, &to.file, name, AtFlags::empty())?)
    }

    /// Gives something in it another name, which may be that of something else: then that is gone.
    pub(crate) fn rename(&self, old: &OsStr, new: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.file, old, &self.file, new)?)
    }

    /// Gives something in it a name in another folder, where nothing may have that; a folder may take the place
    /// of an empty one.
    pub(crate) fn rename_to(&self, old: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        if self.look(old)?.is_some_and(|old| old.kind == FileType::Directory) {
            return Ok(renameat(&self.file, old, &to.file, new)?);
        }
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            match renameat_with(&self.file, old, &to.file, new, RenameFlags::NOREPLACE) {
                // This file system, an older kernel, or a sandbox that does not let unknown calls through.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::PERM) => {}
                done => return Ok(done?),
            }
        }
        // A link takes no other's place either.
        self.link_to(old, to, new)?;
        // It is in its place. What cannot be removed now may be so by the next run.
        let _ = self.remove(old);
        Ok(())
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.file, name, AtFlags::empty())?)
    }

    /// Removes a folder in which nothing is.
    pub(crate) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.file, name, AtFlags::REMOVEDIR)?)
    }

    /// Waits until the disk has what is in it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
