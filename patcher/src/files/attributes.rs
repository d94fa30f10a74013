//! What a file has beside its bytes: owner, mode, times, extended attributes, access control lists.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use rustix::fs::{
    Timespec, Timestamps, XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, futimens,
};
use rustix::io::Errno;
use rustix::process::geteuid;

pub(super) const CAPABILITIES: &str = "security.capability";
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Gives a copy, of a file or a folder, what the original has: owner, extended attributes, mode and
/// times.
pub(crate) fn keep_all(old: &File, new: &File) -> io::Result<()> {
    let metadata = old.metadata()?;
    let mut mode = metadata.mode() & 0o7777;
    let is_root = geteuid().is_root();
    if is_root {
        fchown(new, Some(metadata.uid()), Some(metadata.gid()))?;
    } else if new.metadata()?.uid() != metadata.uid() {
        // Set-user-ID of somebody else.
        mode &= 0o777;
    }
    match keep_xattrs(old, new) {
        Err(error) if is_root && error.kind() != io::ErrorKind::Unsupported => return Err(error),
        _ => {}
    }
    new.set_permissions(Permissions::from_mode(mode))?;
    Ok(futimens(new, &times(&metadata))?)
}

/// The times of a file, for another one.
pub(crate) fn times(old: &Metadata) -> Timestamps {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    Timestamps {
        last_access: time(old.atime(), old.atime_nsec()),
        last_modification: time(old.mtime(), old.mtime_nsec()),
    }
}

/// Puts back what a write takes away: capabilities, and, if it is not root who writes, the
/// set-user-ID bit.
pub(super) fn keep_rights(
    file: &File,
    metadata: &Metadata,
    capabilities: Option<&[u8]>,
) -> io::Result<()> {
    if file.metadata()?.mode() != metadata.mode() {
        file.set_permissions(metadata.permissions())?;
    }
    if let Some(value) = capabilities {
        set_capabilities(file, value)?;
    }
    Ok(())
}

pub(super) fn set_capabilities(file: &File, value: &[u8]) -> io::Result<()> {
    Ok(fsetxattr(file, CAPABILITIES, value, XattrFlags::empty())?)
}

pub(super) fn keep_owner(new: &File, old: &Metadata) -> io::Result<()> {
    let now = new.metadata()?;
    let user = (now.uid() != old.uid()).then(|| old.uid());
    let group = (now.gid() != old.gid()).then(|| old.gid());
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    fchown(new, user, group)
}

pub(super) fn set_modified(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_modified(old.modified()?)
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
    Ok(xattr(file, CAPABILITIES)?.is_some())
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

/// Copies extended attributes, among them access control lists and security labels.
pub(super) fn keep_xattrs(old: &File, new: &File) -> io::Result<()> {
    let names = xattr_names(old)?;
    for name in &names {
        let value = xattr(old, name)?;
        // The kernel gives some attributes to every new file by itself.
        if let Some(value) =
            value.filter(|value| xattr(new, name).ok().flatten().as_ref() != Some(value))
        {
            fsetxattr(new, name.as_str(), &value, XattrFlags::empty())?;
        }
    }
    // What the folder gives to new files by default would let others in.
    if !names.iter().any(|name| name == ACCESS_LIST) && xattr(new, ACCESS_LIST)?.is_some() {
        fremovexattr(new, ACCESS_LIST)?;
    }
    Ok(())
}
