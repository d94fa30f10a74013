//! Writing: into the file itself, or into a new file that takes its place.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use postlink_format::{State, ValueHeader};
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::fill::Edit;
use crate::records::irregular;

/// How to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the time of the last modification.
    pub preserve: bool,
    /// Wait until the disk has it.
    pub sync: bool,
}

/// Writes the value areas into the open file, and nothing else.
///
/// The order makes a kill at any moment safe: first the state says that a fill is under way, then
/// the values change, then state and checksum, in one write. Accessors stop on a record that is
/// being written.
///
/// # Errors
/// What the system refuses. What was written before is taken back.
pub fn in_place(file: &File, path: &Path, edits: &[Edit], options: Options) -> Result<()> {
    let metadata = file.metadata().map_err(Error::io("open", path))?;
    let written =
        edits.iter().try_for_each(|edit| write_area(file, edit.offset, &edit.after, options));
    let written =
        written.map_err(Error::io("write", path)).and_then(|()| read_back(file, path, edits));
    if written.is_err() {
        for edit in edits {
            // The first error is the one to show; a second one cannot be helped.
            let _ = write_area(file, edit.offset, &edit.before, options);
        }
    }
    written?;
    if options.preserve {
        set_modified(file, &metadata).map_err(Error::io("set the time of", path))?;
    }
    Ok(())
}

fn write_area(file: &File, offset: u64, area: &[u8], options: Options) -> io::Result<()> {
    let (header, values) = area.split_at(size_of::<ValueHeader>());
    let barrier = || if options.sync { file.sync_data() } else { Ok(()) };
    file.write_all_at(&State::Writing.code().to_le_bytes(), offset)?;
    barrier()?;
    file.write_all_at(values, offset + header.len() as u64)?;
    barrier()?;
    file.write_all_at(header, offset)?;
    barrier()
}

fn read_back(file: &File, path: &Path, edits: &[Edit]) -> Result<()> {
    for edit in edits {
        let mut found = vec![0; edit.after.len()];
        file.read_exact_at(&mut found, edit.offset).map_err(Error::io("read back", path))?;
        if found != edit.after {
            return Err(Error::ReadBack { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Copies `input`, writes the value areas into the copy, and puts it in the place of `output`.
///
/// Where `output` is the input itself, the copy keeps its owner and extended attributes too.
///
/// # Errors
/// What the system refuses; then `output` is as it was, and no new file stays.
pub fn copy(
    input: &File,
    output: &Path,
    edits: &[Edit],
    replaces_input: bool,
    options: Options,
) -> Result<()> {
    let target = target(output)?;
    let metadata = input.metadata().map_err(Error::io("open", output))?;
    let new = new_file(&target, 0o600)?;
    let file = new.as_file();
    let failed = |action| Error::io(action, &target);
    let (mut from, mut to) = (input, file);
    io::Seek::rewind(&mut from).map_err(failed("read"))?;
    io::copy(&mut from, &mut to).map_err(failed("write"))?;
    for edit in edits {
        file.write_all_at(&edit.after, edit.offset).map_err(failed("write"))?;
    }
    read_back(file, &target, edits)?;
    if replaces_input {
        keep_owner(file, &metadata).map_err(failed("keep the owner of"))?;
        keep_xattrs(input, file).map_err(failed("keep the extended attributes of"))?;
    }
    // After the owner: a change of owner clears the set-user-ID bit.
    file.set_permissions(metadata.permissions()).map_err(failed("keep the mode of"))?;
    if options.preserve {
        set_modified(file, &metadata).map_err(failed("set the time of"))?;
    }
    finish(new, &target, options)
}

/// Writes bytes as a whole new file, in the place of what is there.
///
/// # Errors
/// What the system refuses; then `output` is as it was, and no new file stays.
pub fn bytes(output: &Path, content: &[u8], options: Options) -> Result<()> {
    let target = target(output)?;
    let new = new_file(&target, 0o666)?;
    io::Write::write_all(&mut new.as_file(), content).map_err(Error::io("write", &target))?;
    if let Ok(metadata) = target.metadata() {
        let kept = new.as_file().set_permissions(metadata.permissions());
        kept.map_err(Error::io("keep the mode of", &target))?;
    }
    finish(new, &target, options)
}

/// The file that a path names, behind all links; refused if it exists and is no regular file.
///
/// # Errors
/// A directory, a device, a pipe, a socket, a link to nothing.
pub fn target(path: &Path) -> Result<PathBuf> {
    let kind = match path.metadata() {
        Ok(metadata) => irregular(metadata.file_type()),
        // Nothing there, or a link to nothing.
        Err(_) => match path.symlink_metadata() {
            Ok(metadata) => irregular(metadata.file_type()),
            Err(_) => return Ok(path.to_owned()),
        },
    };
    match kind {
        Some(kind) => Err(Error::NotRegular { path: path.to_owned(), kind }),
        None => path.canonicalize().map_err(Error::io("open", path)),
    }
}

/// A new file in the folder of the target, which goes away unless it is finished. Its mode is less
/// what the process's umask takes away.
fn new_file(target: &Path, mode: u32) -> Result<NamedTempFile> {
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let new = tempfile::Builder::new()
        .prefix(".postlink-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder);
    // The error's text has the name of the new file in it, which says nothing to the user.
    new.map_err(|error| Error::io("create a file in", folder)(error.kind().into()))
}

fn finish(new: NamedTempFile, target: &Path, options: Options) -> Result<()> {
    let failed = |action| Error::io(action, target);
    if options.sync {
        new.as_file().sync_all().map_err(failed("sync"))?;
    }
    let persisted = new.persist(target).map_err(|error| error.error);
    persisted.map_err(failed("put a new file in the place of"))?;
    if options.sync {
        let folder = target.parent().filter(|folder| *folder != Path::new(""));
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed("sync"))?;
        folder.sync_all().map_err(failed("sync"))?;
    }
    Ok(())
}

fn keep_owner(new: &File, old: &Metadata) -> io::Result<()> {
    let now = new.metadata()?;
    let user = (now.uid() != old.uid()).then(|| old.uid());
    let group = (now.gid() != old.gid()).then(|| old.gid());
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    fchown(new, user, group)
}

/// Copies extended attributes, among them access control lists and security labels.
fn keep_xattrs(old: &File, new: &File) -> io::Result<()> {
    let mut names = vec![0; 64 << 10];
    let length = match flistxattr(old, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut value = vec![0; 64 << 10];
    for name in names[..length].split_inclusive(|&byte| byte == 0) {
        let name = std::ffi::CStr::from_bytes_with_nul(name).map_err(io::Error::other)?;
        let size = fgetxattr(old, name, &mut value)?;
        // The kernel gives some attributes to every new file by itself.
        let mut existing = vec![0; 64 << 10];
        let same = fgetxattr(new, name, &mut existing)
            .is_ok_and(|found| existing[..found] == value[..size]);
        if !same {
            fsetxattr(new, name, &value[..size], XattrFlags::empty())?;
        }
    }
    Ok(())
}

fn set_modified(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_modified(old.modified()?)
}
