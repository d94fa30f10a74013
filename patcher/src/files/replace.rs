//! New files that take the place of old ones, in one step.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::attributes::{keep_owner, keep_xattrs, set_modified};
use super::open::{irregular, is_same};
use crate::edit::Edit;
use crate::error::{Error, Result};

/// How a result is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durability {
    /// Keep the time of the last modification.
    pub preserve: bool,
    /// Wait until the disk has it.
    pub sync: bool,
}

/// Refuses a file that does not have what was written.
pub(super) fn read_back<'a>(
    file: &File,
    path: &Path,
    edits: impl IntoIterator<Item = &'a Edit>,
) -> Result<()> {
    for edit in edits {
        let mut found = vec![0; edit.after.len()];
        file.read_exact_at(&mut found, edit.offset).map_err(Error::io("read back", path))?;
        if found != edit.after {
            return Err(Error::ReadBack { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Copies `input`, writes the edits into the copy, and puts it in the place of `output`.
///
/// Where `output` is the input itself, the copy keeps its owner and extended attributes too, and
/// all of its mode; otherwise it is a new file of whoever runs this, and only has its permissions.
///
/// # Errors
/// What the system refuses; then `output` is as it was, and no new file stays.
pub fn copy(input: &File, output: &Path, edits: &[Edit], how: Durability) -> Result<()> {
    let target = target(output)?;
    let failed = |action| Error::io(action, &target);
    let metadata = input.metadata().map_err(failed("open"))?;
    let replaces_input = is_same(&target, &metadata);
    let new = new_file(&target, 0o600)?;
    let file = new.as_file();
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
    let mode = metadata.mode() & if replaces_input { 0o7777 } else { 0o777 };
    let mode = Permissions::from_mode(mode);
    file.set_permissions(mode).map_err(failed("keep the mode of"))?;
    if how.preserve {
        set_modified(file, &metadata).map_err(failed("set the time of"))?;
    }
    finish(new, &target, how)
}

/// Writes whole new files. All are written before the first takes its place.
///
/// # Errors
/// What the system refuses; then what was there is as it was, and no new file stays. Two outputs
/// that are one file, or one that is also among `inputs`.
pub fn files(outputs: &[(PathBuf, impl AsRef<[u8]>)], inputs: &[&Path]) -> Result<()> {
    let mut taken: Vec<PathBuf> = inputs.iter().filter_map(|input| target(input).ok()).collect();
    let mut new_files = Vec::new();
    for (output, content) in outputs {
        let target = target(output)?;
        if taken.contains(&target) {
            return Err(Error::input(
                format!("{} is named twice", output.display()),
                "name another file for each output, and none that is read",
            ));
        }
        let new = new_file(&target, 0o666)?;
        let written = io::Write::write_all(&mut new.as_file(), content.as_ref());
        written.map_err(Error::io("write", &target))?;
        if let Ok(metadata) = target.metadata() {
            let kept = new.as_file().set_permissions(metadata.permissions());
            kept.map_err(Error::io("keep the mode of", &target))?;
        }
        taken.push(target.clone());
        new_files.push((new, target));
    }
    new_files.into_iter().try_for_each(|(new, target)| finish(new, &target, Durability::default()))
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
    let folder = folder_of(target);
    let new = tempfile::Builder::new()
        .prefix(".postlink-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder);
    // The error's text has the name of the new file in it, which says nothing to the user.
    new.map_err(|error| Error::io("create a file in", folder)(error.kind().into()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

fn finish(new: NamedTempFile, target: &Path, how: Durability) -> Result<()> {
    let failed = |action| Error::io(action, target);
    if how.sync {
        new.as_file().sync_all().map_err(failed("sync"))?;
    }
    let persisted = new.persist(target).map_err(|error| error.error);
    persisted.map_err(failed("put a new file in the place of"))?;
    if how.sync {
        let folder = File::open(folder_of(target)).map_err(failed("sync"))?;
        folder.sync_all().map_err(failed("sync"))?;
    }
    Ok(())
}
