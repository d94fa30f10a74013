//! Writing: into the file itself, or into a new file that takes its place.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use postlink_format::{State, ValueHeader};
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::fill::Edit;
use crate::records::{irregular, is_same};

/// How to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the time of the last modification.
    pub preserve: bool,
    /// Wait until the disk has it.
    pub sync: bool,
}

/// Bytes that are no values: a build-id that follows from these, a string of the loader, a part of
/// a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where they are in the file.
    pub offset: u64,
    /// The bytes now.
    pub before: Vec<u8>,
    /// The bytes as they will be, as many.
    pub after: Vec<u8>,
}

/// All that is written into one file.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The records; at least one.
    pub edits: &'a [Edit],
    /// What follows from them.
    pub change: Option<&'a Change>,
}

impl Plan<'_> {
    /// Whether the file will be another.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.edits.iter().any(Edit::changes)
            || self.change.is_some_and(|change| change.before != change.after)
    }

    /// Offsets, and the bytes as they will be there.
    fn after(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let edits = self.edits.iter().flat_map(Edit::written);
        edits.chain(self.change.iter().map(|change| (change.offset, change.after.as_slice())))
    }
}

/// Writes the value areas into the open file, and what follows from them; nothing else.
///
/// The order makes a kill at any moment safe: first the states say that a fill is under way, then
/// the values change and what
/// follows from them, then states and checksums, each with its state in one write. Accessors stop
/// on a record that is being written.
///
/// # Errors
/// What the system refuses. What was written before is taken back.
pub fn in_place(file: &File, path: &Path, plan: Plan<'_>, options: Options) -> Result<()> {
    let failed = |action| Error::io(action, path);
    let metadata = file.metadata().map_err(failed("open"))?;
    let capabilities = xattr(file, CAPABILITIES).map_err(failed("read the capabilities of"))?;
    if let Some(value) = &capabilities {
        // A write removes them: without the right to put them back nothing is written at all.
        let kept = fsetxattr(file, CAPABILITIES, value, XattrFlags::empty());
        kept.map_err(|error| failed("keep the capabilities of")(error.into()))?;
    }
    let done = write_areas(file, plan, options, |edit| &edit.after, |change| &change.after)
        .map_err(failed("write"))
        .and_then(|()| read_back(file, path, plan))
        .and_then(|()| {
            keep(file, &metadata, capabilities.as_deref()).map_err(failed("keep the mode of"))
        })
        .and_then(|()| match options.preserve {
            true => set_modified(file, &metadata).map_err(failed("set the time of")),
            false => Ok(()),
        });
    if done.is_err() {
        // The first error is the one to show; a second one cannot be helped.
        let _ = write_areas(file, plan, options, |edit| &edit.before, |change| &change.before);
        let _ = keep(file, &metadata, capabilities.as_deref());
    }
    done
}

/// Puts back what a write takes away: capabilities, and, if it is not root who writes, the
/// set-user-ID bit.
fn keep(file: &File, metadata: &Metadata, capabilities: Option<&[u8]>) -> io::Result<()> {
    if file.metadata()?.mode() != metadata.mode() {
        file.set_permissions(metadata.permissions())?;
    }
    if let Some(value) = capabilities {
        fsetxattr(file, CAPABILITIES, value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Writes one value area of each edit, all records at the same time, and the changes beside them.
fn write_areas(
    file: &File,
    Plan { edits, change }: Plan<'_>,
    options: Options,
    area: impl Fn(&Edit) -> &Vec<u8>,
    bytes: impl Fn(&Change) -> &Vec<u8>,
) -> io::Result<()> {
    const HEADER: usize = size_of::<ValueHeader>();
    let barrier = || if options.sync { file.sync_data() } else { Ok(()) };
    for edit in edits {
        file.write_all_at(&State::Writing.code().to_le_bytes(), edit.offset)?;
    }
    barrier()?;
    for edit in edits {
        file.write_all_at(&area(edit)[HEADER..], edit.offset + HEADER as u64)?;
    }
    let descriptors = edits.iter().flat_map(|edit| &edit.descriptor);
    for change in descriptors.chain(change) {
        file.write_all_at(bytes(change), change.offset)?;
    }
    barrier()?;
    for edit in edits {
        file.write_all_at(&area(edit)[..HEADER], edit.offset)?;
    }
    barrier()
}

fn read_back(file: &File, path: &Path, plan: Plan<'_>) -> Result<()> {
    for (offset, after) in plan.after() {
        let mut found = vec![0; after.len()];
        file.read_exact_at(&mut found, offset).map_err(Error::io("read back", path))?;
        if found != after {
            return Err(Error::ReadBack { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Copies `input`, writes the plan's bytes into the copy, and puts it in the place of `output`.
///
/// Where `output` is the input itself, the copy keeps its owner and extended attributes too, and
/// all of its mode; otherwise it is a new file of whoever runs this, and only has its permissions.
///
/// # Errors
/// What the system refuses; then `output` is as it was, and no new file stays.
pub fn copy(input: &File, output: &Path, plan: Plan<'_>, options: Options) -> Result<()> {
    let target = target(output)?;
    let failed = |action| Error::io(action, &target);
    let metadata = input.metadata().map_err(failed("open"))?;
    let replaces_input = is_same(&target, &metadata);
    let new = new_file(&target, 0o600)?;
    let file = new.as_file();
    let (mut from, mut to) = (input, file);
    io::Seek::rewind(&mut from).map_err(failed("read"))?;
    io::copy(&mut from, &mut to).map_err(failed("write"))?;
    for (offset, after) in plan.after() {
        file.write_all_at(after, offset).map_err(failed("write"))?;
    }
    read_back(file, &target, plan)?;
    if replaces_input {
        keep_owner(file, &metadata).map_err(failed("keep the owner of"))?;
        keep_xattrs(input, file).map_err(failed("keep the extended attributes of"))?;
    }
    // After the owner: a change of owner clears the set-user-ID bit.
    let mode = metadata.mode() & if replaces_input { 0o7777 } else { 0o777 };
    let mode = Permissions::from_mode(mode);
    file.set_permissions(mode).map_err(failed("keep the mode of"))?;
    if options.preserve {
        set_modified(file, &metadata).map_err(failed("set the time of"))?;
    }
    finish(new, &target, options)
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
    new_files.into_iter().try_for_each(|(new, target)| finish(new, &target, Options::default()))
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

fn finish(new: NamedTempFile, target: &Path, options: Options) -> Result<()> {
    let failed = |action| Error::io(action, target);
    if options.sync {
        new.as_file().sync_all().map_err(failed("sync"))?;
    }
    let persisted = new.persist(target).map_err(|error| error.error);
    persisted.map_err(failed("put a new file in the place of"))?;
    if options.sync {
        let folder = File::open(folder_of(target)).map_err(failed("sync"))?;
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

const CAPABILITIES: &str = "security.capability";
const ACCESS_LIST: &str = "system.posix_acl_access";

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
pub(crate) fn keep_xattrs(old: &File, new: &File) -> io::Result<()> {
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

fn set_modified(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_modified(old.modified()?)
}
