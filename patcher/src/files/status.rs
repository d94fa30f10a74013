//! What the system says of a name in a folder.

use rustix::fs::{FileType, Stat, Timespec, Timestamps};

/// What a name is, and the state of what has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub(crate) kind: FileType,
    /// Permissions, with the set-user-ID, set-group-ID and sticky bits.
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    /// Device and inode.
    pub(crate) id: (u64, u64),
    /// How many names it has.
    pub(crate) links: u64,
    /// In bytes.
    pub(crate) size: u64,
    /// In seconds and nanoseconds: `st_atim`.
    accessed: (i64, i64),
    /// `st_mtim`.
    pub(crate) modified: (i64, i64),
    /// `st_ctim`.
    pub(crate) changed: (i64, i64),
}

impl Status {
    /// Its times, for another file.
    pub(crate) fn times(&self) -> Timestamps {
        let time = |(tv_sec, tv_nsec)| Timespec { tv_sec, tv_nsec };
        Timestamps { last_access: time(self.accessed), last_modification: time(self.modified) }
    }
}

impl From<Stat> for Status {
    #[expect(
        clippy::unnecessary_cast,
        reason = "other systems have other types; std casts so, too"
    )]
    fn from(stat: Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode as u32 & 0o7777,
            owner: stat.st_uid,
            group: stat.st_gid,
            id: (stat.st_dev as u64, stat.st_ino as u64),
            links: stat.st_nlink as u64,
            size: stat.st_size as u64,
            accessed: (stat.st_atime as i64, stat.st_atime_nsec as i64),
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}
