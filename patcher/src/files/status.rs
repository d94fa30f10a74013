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
    fn from(stat: Stat) -> Self {
        let mode: u32 = number(stat.st_mode);
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: mode & 0o7777,
            owner: number(stat.st_uid),
            group: number(stat.st_gid),
            id: (number(stat.st_dev), number(stat.st_ino)),
            links: number(stat.st_nlink),
            size: number(stat.st_size),
            accessed: (number(stat.st_atime), number(stat.st_atime_nsec)),
            modified: (number(stat.st_mtime), number(stat.st_mtime_nsec)),
            changed: (number(stat.st_ctime), number(stat.st_ctime_nsec)),
        }
    }
}

/// These numbers have other types on other systems.
fn number<To: Default>(raw: impl TryInto<To>) -> To {
    raw.try_into().unwrap_or_default()
}
