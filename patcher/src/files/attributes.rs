//! What a file has beside its bytes: owner, mode, times, extended attributes, access control lists.
//! What becomes of these is decided here, for new files in the place of old ones ([`keep`] with
//! [`Owner::Same`]), for copies of trees ([`keep`] with [`Owner::Runner`]), for files that are
//! written into ([`Rights`]), and for folders that are given back ([`Given`]).
//!
//! As with `cp -a`, everything is kept that the system lets us keep, each by itself. What it refuses
//! is told in a sentence. Rights of set-user-ID, and of access lists, are never gained; the bits of the
//! group then count for the group that the copy has.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{
    Timespec, Timestamps, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, futimens,
};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid, getgroups};

use crate::error::{Error, Result};
use crate::shown::escaped;

const CAPABILITIES: &str = "security.capability";
const ACCESS_LIST: &str = "system.posix_acl_access";
/// What a folder gives to new files.
const DEFAULT_LIST: &str = "system.posix_acl_default";

/// The set-user-ID, set-group-ID and sticky bits.
const SPECIAL_BITS: u32 = 0o7000;
/// Those bits that a write by someone else takes away.
const SET_ID_BITS: u32 = 0o6000;

/// Who owns the new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The owner of the old file, whose place the new one takes. Refused where that cannot be.
    Same,
    /// The owner of the old file where the system allows that, else the user who runs this. Then the
    /// set-user-ID, set-group-ID and sticky bits are left out.
    Runner,
}

/// Gives the new file or folder at `path` what the old one has: owner, extended attributes with access
/// control lists, and mode. What the folder around it gave to the new file is taken away again.
///
/// Gives sentences about the new file, of what could not be kept. Owners that only root can give are
/// none.
///
/// # Errors
/// The old file cannot be looked at; the new one would have another owner, where it may not, or others
/// could do more with it.
pub(crate) fn keep(old: &File, new: &File, path: &Path, owner: Owner) -> Result<Vec<String>> {
    let metadata = old.metadata().map_err(Error::io("look at", path))?;
    let now = new.metadata().map_err(Error::io("look at", path))?;
    let is_owned = match (keep_owner(new, &now, &metadata), owner) {
        (Err(error), Owner::Same) => return Err(Error::io("keep the owner of", path)(error)),
        (kept, _) => kept.is_ok(),
    };
    let mut mode = metadata.mode() & 0o7777;
    let mut lost = keep_xattrs(old, new, metadata.is_dir())
        .map_err(Error::io("keep the extended attributes of", path))?
        .into_iter()
        .map(|(name, error)| {
            if name == ACCESS_LIST {
                // What stands in the mode for the group is the most that anyone in the list may do.
                mode &= !0o070;
                format!("its access control list was lost, and its group has no rights: {error}")
            } else {
                format!("its extended attribute {name} was lost: {error}")
            }
        })
        .collect::<Vec<_>>();
    // The sticky bit of a folder takes rights away.
    let of_owner = if metadata.is_dir() { SET_ID_BITS } else { SPECIAL_BITS };
    if !is_owned && mode & of_owner != 0 {
        mode &= !of_owner;
        lost.push(
            "its set-user-ID, set-group-ID and sticky bits were left out: it has another owner"
                .to_owned(),
        );
    }
    // After the owner: a change of owner clears the set-user-ID bit.
    let set = new.set_permissions(Permissions::from_mode(mode));
    set.map_err(Error::io("keep the mode of", path))?;
    Ok(lost)
}

/// A sentence about a new file that is a copy of a file which stays: the rights that it does not have.
pub(super) fn left_out(old: &File) -> io::Result<Option<String>> {
    let mut rights = Vec::new();
    if old.metadata()?.mode() & SPECIAL_BITS != 0 {
        rights.push("set-user-ID, set-group-ID and sticky bits");
    }
    for (name, right) in [(CAPABILITIES, "capabilities"), (ACCESS_LIST, "access control list")] {
        if xattr(old, name)?.is_some() {
            rights.push(right);
        }
    }
    let Some((last, first)) = rights.split_last() else { return Ok(None) };
    let all = if first.is_empty() {
        (*last).to_owned()
    } else {
        format!("{} and {last}", first.join(", "))
    };
    Ok(Some(format!("it has not got the {all} of the file that it was made from: give them to it")))
}

/// The permissions of a new file of ours in the place of an old one, of which nothing else is kept. Where there is an
/// access list, the bits of the group are what anyone in it may.
pub(super) fn mode_alone(
    before: &Metadata,
    old: Option<&File>,
    new: &File,
) -> io::Result<Permissions> {
    let list = old.map(|old| xattr(old, ACCESS_LIST)).transpose()?;
    // A file that cannot be asked may have one.
    let may_have_list = list.is_none_or(|list| list.is_some());
    let keeps_group = before.gid() == new.metadata()?.gid() && !may_have_list;
    Ok(Permissions::from_mode(postlink_codegen::generate::mode_alone(before.mode(), keeps_group)))
}

/// What a folder that is lent to us has, to be given back with it.
#[derive(Debug)]
pub(crate) struct Given {
    metadata: Metadata,
    /// Names and values.
    xattrs: Vec<(String, Vec<u8>)>,
}

impl Given {
    /// What it has now.
    pub(crate) fn of(folder: &File) -> io::Result<Self> {
        let metadata = folder.metadata()?;
        let mut xattrs = Vec::new();
        for name in xattr_names(folder)? {
            xattrs.extend(xattr(folder, &name)?.map(|value| (name, value)));
        }
        Ok(Self { metadata, xattrs })
    }

    /// Gives it that again, each by itself. What cannot be given back takes rights away, as in [`keep`].
    ///
    /// # Errors
    /// Something of it could not be given back: the first reason.
    pub(crate) fn give_back(&self, folder: &File) -> io::Result<()> {
        let mut mode = self.metadata.mode() & 0o7777;
        let now = folder.metadata();
        let owner = now.and_then(|now| keep_owner(folder, &now, &self.metadata));
        if owner.is_err() {
            // What its group might do would be for another one.
            mode &= !(SET_ID_BITS | 0o070);
        }
        let lists = self.give_back_xattrs(folder);
        let access_list = || self.xattrs.iter().find(|(name, _)| name == ACCESS_LIST);
        let is_list = xattr(folder, ACCESS_LIST)
            .is_ok_and(|now| now.as_ref() == access_list().map(|(_, value)| value));
        if !is_list {
            mode &= !0o070;
        }
        let set = folder.set_permissions(Permissions::from_mode(mode));
        let timed = keep_times(&self.metadata, folder);
        owner.and(lists).and(set).and(timed)
    }

    fn give_back_xattrs(&self, folder: &File) -> io::Result<()> {
        let mut done = Ok(());
        for name in xattr_names(folder)? {
            if self.xattrs.iter().all(|(own, _)| *own != name) {
                done = done.and(fremovexattr(folder, name.as_str()));
            }
        }
        for (name, value) in &self.xattrs {
            if xattr(folder, name).ok().flatten().as_ref() != Some(value) {
                done = done.and(fsetxattr(folder, name.as_str(), value, XattrFlags::empty()));
            }
        }
        Ok(done?)
    }
}

/// Gives a file or folder the times of another one.
pub(crate) fn keep_times(old: &Metadata, new: &File) -> io::Result<()> {
    Ok(futimens(new, &times(old))?)
}

/// The times of a file, for another one.
pub(crate) fn times(old: &Metadata) -> Timestamps {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps {
        last_access: time(old.atime(), old.atime_nsec()),
        last_modification: time(old.mtime(), old.mtime_nsec()),
    }
}

pub(super) fn set_modified(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_modified(old.modified()?)
}

/// Gives a new file the owner of an old one; if that fails, at least its group.
fn keep_owner(new: &File, now: &Metadata, old: &Metadata) -> io::Result<()> {
    let user = (now.uid() != old.uid()).then(|| old.uid());
    let group = (now.gid() != old.gid()).then(|| old.gid());
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    fchown(new, user, group).inspect_err(|_| {
        // The error to show is the first one.
        let _ = fchown(new, None, group);
    })
}

/// Copies extended attributes, among them access control lists and security labels. Gives the names of
/// those that could not be copied, and why not.
///
/// # Errors
/// They cannot be listed; a list that the folder gave to the new file cannot be removed.
fn keep_xattrs(old: &File, new: &File, is_folder: bool) -> io::Result<Vec<(String, io::Error)>> {
    let names = xattr_names(old)?;
    let mut lost = Vec::new();
    for name in &names {
        let copy = || match xattr(old, name)? {
            // The kernel gives some attributes to every new file by itself.
            Some(value) if xattr(new, name).ok().flatten().as_ref() != Some(&value) => {
                Ok(fsetxattr(new, name.as_str(), &value, XattrFlags::empty())?)
            }
            _ => Ok(()),
        };
        lost.extend(copy().err().map(|error: io::Error| (name.clone(), error)));
    }
    // The access lists that a folder gives to new files would let others in.
    let lists = [ACCESS_LIST, DEFAULT_LIST];
    for list in if is_folder { &lists[..] } else { &lists[..1] } {
        let is_kept =
            names.iter().any(|name| name == list) && lost.iter().all(|(name, _)| name != list);
        if !is_kept && has_xattr(new, list)? {
            fremovexattr(new, *list)?;
        }
    }
    Ok(lost)
}

/// The rights that a write into a file takes away, and who may put them back: the set-user-ID and set-group-ID
/// bits, and capabilities.
#[derive(Debug)]
pub(super) struct Rights {
    path: PathBuf,
    mode: u32,
    capabilities: Option<Vec<u8>>,
}

impl Rights {
    /// Those that a file has. Nothing has been written yet.
    ///
    /// # Errors
    /// They could not be put back.
    pub(super) fn of(file: &File, path: &Path) -> Result<Self> {
        let failed = |action| Error::io(action, path);
        let metadata = file.metadata().map_err(failed("open"))?;
        let capabilities = xattr(file, CAPABILITIES).map_err(failed("read the capabilities of"))?;
        let rights = Self { path: path.to_owned(), mode: metadata.mode(), capabilities };
        if metadata.mode() & SET_ID_BITS != 0 && !may_keep_bits(file, &metadata) {
            return Err(Error::input(
                format!(
                    "a write would take away the set-user-ID and set-group-ID bits of {}, and you \
                     cannot put them back",
                    escaped(path)
                ),
                "run it as the file's owner or as root, or write elsewhere with --output",
            ));
        }
        if rights.could_be_given(&metadata, has_xattr(file, ACCESS_LIST).map_err(failed("open"))?) {
            return Err(Error::input(
                format!(
                    "a write takes away the rights that {} has beyond its user's, and to put them back would \
                     give them to whoever else may write into it meanwhile",
                    escaped(path)
                ),
                "let nobody but its owner write into it, or leave out --in-place",
            ));
        }
        // A user who can set them now can do so again.
        rights.keep_capabilities(file)?;
        Ok(rights)
    }

    /// Whether someone who may write into the file, and so take its rights away, would have them put back.
    fn could_be_given(&self, metadata: &Metadata, has_list: bool) -> bool {
        let mode = self.mode;
        let (as_user, as_group) = (mode & 0o4000 != 0, mode & 0o2000 != 0);
        let has_more = self.capabilities.is_some();
        // An owner has the rights of the owner, and who is in the group those of the group.
        !is_trusted_owner(metadata) && (as_group || has_more)
            || mode & 0o020 != 0 && (as_user || has_more || as_group && has_list)
            || mode & 0o002 != 0 && (as_user || as_group || has_more)
    }

    /// Puts back what a write took away.
    ///
    /// # Errors
    /// The system refuses something.
    pub(super) fn keep(&self, file: &File) -> Result<()> {
        let failed = || Error::io("keep the mode of", &self.path);
        if file.metadata().map_err(failed())?.mode() != self.mode {
            file.set_permissions(Permissions::from_mode(self.mode & 0o7777)).map_err(failed())?;
        }
        self.keep_capabilities(file)
    }

    fn keep_capabilities(&self, file: &File) -> Result<()> {
        let Some(value) = &self.capabilities else { return Ok(()) };
        fsetxattr(file, CAPABILITIES, value, XattrFlags::empty())
            .map_err(|error| Error::io("keep the capabilities of", &self.path)(error.into()))
    }
}

/// Whether what has this metadata belongs to us or to root, and so to nobody who could do more through us.
pub(super) fn is_trusted_owner(metadata: &Metadata) -> bool {
    [0, geteuid().as_raw()].contains(&metadata.uid())
}

/// Refuses a new file that would get rights beyond its owner's while its owner, who is somebody else, can write
/// into it.
pub(super) fn only_owner_gains(old: &File, path: &Path) -> Result<()> {
    let metadata = old.metadata().map_err(Error::io("look at", path))?;
    let has_more = || has_capabilities(old).map_err(Error::io("read the capabilities of", path));
    if !is_trusted_owner(&metadata) && (metadata.mode() & 0o2000 != 0 || has_more()?) {
        return Err(Error::input(
            format!(
                "{} has rights beyond its owner's, who could write into the new file before it is complete: this \
                 file system gives each new file a name",
                escaped(path)
            ),
            "write elsewhere with --output, into a folder that is yours alone",
        ));
    }
    Ok(())
}

/// Whether we may give the file the set-user-ID and set-group-ID bits that it has.
fn may_keep_bits(file: &File, metadata: &Metadata) -> bool {
    // A user who is not in the file's group loses its set-group-ID bit without an error.
    let is_member = || {
        let ours = getgroups().unwrap_or_default();
        ours.iter().chain([&getegid()]).any(|group| group.as_raw() == metadata.gid())
    };
    let has_group_bit = metadata.mode() & 0o2000 != 0;
    (geteuid().is_root() || !has_group_bit || is_member())
        && file.set_permissions(metadata.permissions()).is_ok()
}

/// The value of an extended attribute; `None` if there is none.
pub(crate) fn xattr(file: &File, name: &str) -> io::Result<Option<Vec<u8>>> {
    // The largest that Linux has: XATTR_SIZE_MAX.
    let mut value = vec![0; 64 << 10];
    match fgetxattr(file, name, &mut value) {
        Ok(size) => {
            value.truncate(size);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the kernel gives a program more rights than its user has.
pub(crate) fn has_capabilities(file: &File) -> io::Result<bool> {
    has_xattr(file, CAPABILITIES)
}

fn has_xattr(file: &File, name: &str) -> io::Result<bool> {
    match fgetxattr(file, name, &mut [0; 0]) {
        Ok(_) => Ok(true),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The names of all extended attributes.
fn xattr_names(file: &File) -> io::Result<Vec<String>> {
    // The longest list that Linux has: XATTR_LIST_MAX.
    let mut names = vec![0; 64 << 10];
    let length = match flistxattr(file, &mut names) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let names = String::from_utf8(names[..length].to_vec()).map_err(io::Error::other)?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}
