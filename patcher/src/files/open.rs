//! Opens files, and reads parts of them.

use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, OFlags};

use crate::error::{Error, Result, Since};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To be read.
    Read,
    /// To be read, and its sections written. No one else writes at the same time.
    Write,
    /// To be read, and a new file put in its place. No one else does so at the same time.
    Replace,
}

/// Opens a regular file that the user names, never waiting for the other end of a pipe or a device.
pub(crate) fn open(path: &Path, mode: Mode) -> Result<File> {
    loop {
        let metadata = path.metadata().map_err(Error::io("open", path))?;
        let action = if mode == Mode::Write { "write into" } else { "open" };
        if let Some(kind) = irregular(&metadata) {
            return Err(Error::NotRegular { path: path.to_owned(), kind });
        }
        // Something else may be there by now.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::options()
            .read(true)
            .write(mode == Mode::Write)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(Error::io(action, path))?;
        let opened = file.metadata().map_err(Error::io("open", path))?;
        if let Some(kind) = irregular(&opened) {
            return Err(Error::NotRegular { path: path.to_owned(), kind });
        }
        if mode == Mode::Read {
            return Ok(file);
        }
        lock(&file).map_err(Error::io("lock", path))?;
        // While we waited, another fill may have put a new file here.
        let opened = file.metadata().map_err(Error::io("open", path))?;
        if is_same(path, &opened).map_err(Error::io("open", path))? {
            return Ok(file);
        }
    }
}

/// Writers of one file come one after another. Whoever else holds a lock gets ten seconds.
pub(super) fn lock(file: &File) -> io::Result<()> {
    for _ in 0..1000 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            // Not every file system has locks.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Whether a path names this file.
///
/// # Errors
/// What the path names cannot be looked at: it may be this file.
pub(crate) fn is_same(path: &Path, file: &Metadata) -> io::Result<bool> {
    match path.metadata() {
        Ok(there) => Ok(id(&there) == id(file)),
        Err(error) if is_nothing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a path that gives this error names nothing: it, or the folder that it would be in, is not there.
pub(crate) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Device and inode of a file, by which all its names are known.
pub(super) fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// What a path is if it is not a regular file.
pub(crate) fn irregular(metadata: &Metadata) -> Option<&'static str> {
    match FileType::from_raw_mode(metadata.mode()) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Symlink => Some("a symbolic link to nothing"),
        other => Some(special(other)),
    }
}

/// What [`special`] calls a pipe that has a name.
pub(crate) const PIPE: &str = "a named pipe";

/// What a thing is that is neither a file, nor a folder, nor a symbolic link.
pub(super) fn special(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Fifo => PIPE,
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

/// The refusal of a file that changed under the hands of whoever reads or replaces it.
pub(crate) fn changed(path: &Path) -> Error {
    Error::Changed { path: path.to_owned(), since: Since::Opened }
}

/// The state of a file, by which a later change is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Device and inode.
    pub(crate) id: (u64, u64),
    /// In bytes.
    pub(crate) size: u64,
    /// How many names it has.
    pub(crate) links: u64,
    /// When it was last changed, in seconds and nanoseconds: `st_ctim`.
    pub(crate) changed: (i64, i64),
    /// When its content was last changed: `st_mtim`.
    pub(crate) modified: (i64, i64),
}

impl Stamp {
    /// That of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            id: id(metadata),
            size: metadata.len(),
            links: metadata.nlink(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// That of an open file, which has a path for messages.
    pub(crate) fn of_file(file: &File, path: &Path) -> Result<Self> {
        Ok(Self::of(&file.metadata().map_err(Error::io("look at", path))?))
    }

    /// Refuses an open file that has changed since it had this stamp.
    pub(crate) fn check(&self, file: &File, path: &Path) -> Result<()> {
        if Self::of_file(file, path)?.continues(self) { Ok(()) } else { Err(changed(path)) }
    }

    /// Whether a file that had the earlier stamp has not changed since. Another name is no change of
    /// the file: a store that keeps equal files once gives its files names at any time.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        let has_other_names = self.links != earlier.links && self.modified == earlier.modified;
        self.id == earlier.id
            && self.size == earlier.size
            && (self.changed == earlier.changed || has_other_names)
    }
}

/// Reads a text file that the user names.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = open(path, Mode::Read)?.read_to_string(&mut text);
    read.map_err(Error::io("read", path))?;
    Ok(text)
}

/// Reads until the buffer is full or the file ends.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// The size of a file, in bytes.
pub(crate) fn size(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}
