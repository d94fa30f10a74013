//! An open folder: what is in it is reached from there. Something else may put another folder, or a link to
//! one, at its path meanwhile: nothing is read or written there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, linkat, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::open::id;

/// A folder that is open, and the path by which it was opened.
#[derive(Debug)]
pub(crate) struct Folder {
    file: File,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder that a path names; a link to one is followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?.into();
        Ok(Self { file, path: path.to_owned() })
    }

    /// For messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all that is in it, in no order.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.file)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Whether a name in it is that of a file, and of no link to it.
    pub(crate) fn has(&self, name: &OsStr, file: &Metadata) -> io::Result<bool> {
        match statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((number(there.st_dev), number(there.st_ino)) == id(file)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a name in it with these flags; no link.
    pub(crate) fn open_name(&self, name: &OsStr, flags: OFlags, mode: u32) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.file, name, flags, Mode::from_raw_mode(mode as _))?.into())
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

    /// Gives a file in it a second name in it.
    pub(crate) fn link_name(&self, old: &OsStr, name: &OsStr) -> io::Result<()> {
        Ok(linkat(&self.file, old, &self.file, name, AtFlags::empty())?)
    }

    /// Gives something in it another name, which may be that of something else: then that is gone.
    pub(crate) fn rename(&self, old: &OsStr, new: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.file, old, &self.file, new)?)
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

/// The numbers of devices and inodes have other types on other systems.
fn number(raw: impl TryInto<u64>) -> u64 {
    raw.try_into().unwrap_or_default()
}
