//! New files that take the place of old ones, in one step.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

use super::attributes::{Owner, keep, left_out, mode_alone, only_owner_gains, set_modified};
use super::compare::holds;
use super::data::{check_size, copy_data, read_back};
use super::folder::Folder;
use super::open::{Mode, Stamp, changed, id, irregular, is_nothing, is_same, open};
use super::temporary::{NewFile, SecondName, Swept, Turn};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::shown::escaped;

/// How a result is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durability {
    /// Keep the time of the last modification.
    pub preserve: bool,
    /// Wait until the disk has it.
    pub sync: bool,
}

/// The differences of a copy from its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes<'a> {
    /// None changes the size.
    pub edits: &'a [Edit],
    /// Where it ends, if that is earlier. In bytes.
    pub length: Option<u64>,
}

/// What becomes of the file that a new one is a copy of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Old<'a> {
    /// The new one takes its place, and keeps its owner, extended attributes and mode.
    Goes,
    /// The same, but the new one has another path than this one, which is that of the old file.
    Moves(&'a Path),
    /// It stays. As with `cp`, the new one is a file of whoever runs this, with the old one's permissions less
    /// what the umask takes away.
    Stays,
}

/// What all writes of a run share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writes<'a> {
    /// Where this is set, nothing is begun, and nothing takes its place.
    pub stop: &'a AtomicBool,
    /// Where leftovers were looked for.
    pub swept: &'a Swept,
}

/// Puts a copy of a file, with these changes, at a path, unless `stop` is set. Gives sentences about the new
/// file: what could not be kept.
///
/// # Errors
/// The system refuses something; the file was changed or replaced meanwhile; `stop` was
/// set. Then nothing was written, and no new file stays.
pub(crate) fn put(
    old: &File,
    output: &Path,
    what: Old<'_>,
    changes: Changes<'_>,
    how: Durability,
    writes: Writes<'_>,
) -> Result<Vec<String>> {
    put_ready(Ready::new(old, output, what, changes, how, writes)?, writes.stop)
}

/// A copy of a file with changes, complete, and not in its place yet. It goes away unless it is put there.
#[derive(Debug)]
pub(crate) struct Ready<'a> {
    old: &'a File,
    /// The old file as it was when it was copied.
    before: Metadata,
    what: Old<'a>,
    new: NewFile,
    place: Place,
    target: PathBuf,
    how: Durability,
    notes: Vec<String>,
}

impl<'a> Ready<'a> {
    /// # Errors
    /// See [`put`].
    pub(crate) fn new(
        old: &'a File,
        output: &Path,
        what: Old<'a>,
        changes: Changes<'_>,
        how: Durability,
        Writes { stop, swept }: Writes<'_>,
    ) -> Result<Self> {
        let target = target(output)?;
        let place = Place::open(&target)?;
        let failed = |action| Error::io(action, &target);
        // Until it is complete, nobody else reads what others may not read at all.
        let there = match what {
            Old::Stays => looked_at(&target)?,
            Old::Goes | Old::Moves(_) => None,
        };
        let (mode, held) = match what {
            Old::Goes | Old::Moves(_) => (0o600, Some(old)),
            Old::Stays => {
                let mode = old.metadata().map_err(failed("open"))?.mode() & 0o777;
                // What is there and not open to others, does not become so.
                (mode & there.as_ref().map_or(0o777, |there| there.mode() | 0o700), None)
            }
        };
        let new = place.new_file(mode, held, swept)?;
        if let Some(there) = there {
            // Nor to another group.
            let most = most_of(&there, &target, new.file())?.mode() | 0o700;
            let mode = new.file().metadata().map_err(failed("look at"))?.mode() & most;
            let set = new.file().set_permissions(Permissions::from_mode(mode));
            set.map_err(failed("keep the mode of"))?;
        }
        // Behind that, since the old file may just have lost a second name that a kill left.
        let before = old.metadata().map_err(failed("open"))?;
        let file = new.file();
        copy_data(old, file, stop).or_else(|error| {
            not_stopped(stop, &target)?;
            Err(failed("write")(error))
        })?;
        for edit in changes.edits {
            if !holds(file, edit.offset, &edit.before).map_err(failed("read back"))? {
                return Err(changed(&target));
            }
            file.write_all_at(&edit.after, edit.offset).map_err(failed("write"))?;
        }
        if let Some(length) = changes.length {
            file.set_len(length).map_err(failed("write"))?;
        }
        check_size(file, &target, changes.length.unwrap_or(before.len()))?;
        read_back(file, &target, changes.edits)?;
        let notes = if matches!(what, Old::Stays) {
            left_out(old).map_err(failed("look at"))?.into_iter().collect()
        } else {
            if new.has_name() {
                only_owner_gains(old, &target)?;
            }
            keep(old, file, &target, Owner::Same)?
        };
        if how.preserve {
            set_modified(file, &before).map_err(failed("set the time of"))?;
        }
        if how.sync {
            file.sync_all().map_err(failed("sync"))?;
        }
        Ok(Self { old, before, what, new, place, target, how, notes })
    }

    /// Refuses to take the place of a file that is not the one that was copied, or after a signal.
    fn check(&self, stop: &AtomicBool) -> Result<()> {
        let Self { old, before, place, target, .. } = self;
        let now = old.metadata().map_err(Error::io("read", target))?;
        let is_there = match self.what {
            // In the folder that was opened, whatever is at its path now.
            Old::Goes => {
                place.folder.has(&place.name, &now).map_err(Error::io("look at", target))?
            }
            Old::Moves(path) => is_same(path, &now).map_err(Error::io("look at", path))?,
            Old::Stays => true,
        };
        if !is_there || !Stamp::of(&now).continues(&Stamp::of(before)) {
            return Err(changed(target));
        }
        not_stopped(stop, target)
    }
}

/// What is at the place of a new file; `None` if nothing is.
fn looked_at(target: &Path) -> Result<Option<Metadata>> {
    match target.metadata() {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", target)(error)),
    }
}

/// The permissions of the file that is there, for a new one in its place.
fn most_of(there: &Metadata, target: &Path, new: &File) -> Result<Permissions> {
    // Who may not read it cannot ask for an access list.
    let old = open(target, Mode::Read).ok();
    mode_alone(there, old.as_ref(), new).map_err(Error::io("keep the mode of", target))
}

/// Puts a file into its place, in one step. Gives the sentences about it.
///
/// # Errors
/// See [`put`].
pub(crate) fn put_ready(ready: Ready<'_>, stop: &AtomicBool) -> Result<Vec<String>> {
    ready.check(stop)?;
    let Ready { new, place, target, how, mut notes, .. } = ready;
    new.put(&place.name).map_err(Error::io("put a new file in the place of", &target))?;
    if how.sync {
        // The file is there: this is no refusal any more.
        let synced = place.folder.sync();
        notes.extend(synced.err().map(|error| {
            format!(
                "it is in its place, but the disk may not know that yet, and have the old file \
                 after a power failure: {error}"
            )
        }));
    }
    Ok(notes)
}

/// Puts two files into their places, one after the other. Gives the sentences about each.
///
/// # Errors
/// See [`put`]: if one cannot be put there, then none is.
pub(crate) fn put_both(
    first: Ready<'_>,
    second: Ready<'_>,
    stop: &AtomicBool,
) -> Result<(Vec<String>, Vec<String>)> {
    // Until both are in their places, the old file at the first one has a second name.
    let (place, target) = (first.place.clone(), first.target.clone());
    let old = place.second_name();
    second.check(stop)?;
    let notes = put_ready(first, stop)?;
    match put_ready(second, stop) {
        Ok(more) => Ok((notes, more)),
        Err(error) => Err(take_back(vec![(place, target, old)], error)),
    }
}

/// Refuses to go on with a file when `stop` is set.
pub(crate) fn not_stopped(stop: &AtomicBool, path: &Path) -> Result<()> {
    if stop.load(Ordering::Relaxed) {
        let message = format!("{}: stopped by a signal", escaped(path));
        return Err(Error::input(message, "it is as it was"));
    }
    Ok(())
}

/// Writes whole new files, and reads them back. All are written before the first takes its place.
///
/// # Errors
/// The system refuses something; two outputs that are one file, or one that is also among `inputs`. Then
/// what was there is as it was, and no new file stays; otherwise the error says which are new.
pub(crate) fn files(outputs: &[(PathBuf, impl AsRef<[u8]>)], inputs: &[&Path]) -> Result<()> {
    let paths: Vec<&Path> = outputs.iter().map(|(path, _)| path.as_path()).collect();
    let (mut new_files, swept) = (Vec::new(), Swept::default());
    for (target, (_, content)) in targets(&paths, inputs)?.into_iter().zip(outputs) {
        let place = Place::open(&target)?;
        let new = place.new_file(0o666, None, &swept)?;
        let (file, content) = (new.file(), content.as_ref());
        file.write_all_at(content, 0).map_err(Error::io("write", &target))?;
        if !holds(file, 0, content).map_err(Error::io("read back", &target))? {
            return Err(Error::ReadBack { path: target });
        }
        if let Some(there) = looked_at(&target)? {
            let set = file.set_permissions(most_of(&there, &target, file)?);
            set.map_err(Error::io("keep the mode of", &target))?;
        }
        new_files.push((new, place, target));
    }
    // Until all are in their places, the old ones have second names.
    let mut done: Vec<Done> = Vec::new();
    for (new, place, target) in new_files {
        let old = place.second_name();
        if let Err(error) = new.put(&place.name) {
            let error = Error::io("put a new file in the place of", &target)(error);
            return Err(take_back(done, error));
        }
        done.push((place, target, old));
    }
    Ok(())
}

/// Waits for the turn in the folder of each output. All runs take them in one order, so that none waits for another
/// one for ever.
///
/// # Errors
/// The system refuses something; another run takes too long.
pub(crate) fn turns(outputs: &[&Path]) -> Result<Vec<Option<Turn>>> {
    let mut folders = BTreeMap::new();
    for output in outputs {
        let Place { folder, .. } = Place::open(&target(output)?)?;
        let metadata = folder.file().metadata().map_err(Error::io("look at", folder.path()))?;
        folders.insert(id(&metadata), folder);
    }
    let take = |folder: Arc<Folder>| Turn::take(&folder).map_err(Error::io("lock", folder.path()));
    folders.into_values().map(take).collect()
}

/// A file that is in its place, and the second name of what was there.
type Done = (Place, PathBuf, io::Result<Option<SecondName>>);

/// Puts old files back into their places; removes those that are new. The error tells where that
/// cannot be.
fn take_back(done: Vec<Done>, error: Error) -> Error {
    let mut errors = vec![error];
    for (place, target, old) in done.into_iter().rev() {
        let back = match old {
            Ok(Some(old)) => old.put_back(&place.name),
            Ok(None) => place.folder.remove(&place.name),
            Err(error) => Err(error),
        };
        errors.extend(back.err().map(Error::io("take back what was written to", target)));
    }
    Error::several(errors)
}

/// The files that paths name, as [`target`] gives them. None of them need exist.
///
/// # Errors
/// Two outputs that are one file, or one that is also among `inputs`; an input cannot be looked at.
pub(crate) fn targets(outputs: &[&Path], inputs: &[&Path]) -> Result<Vec<PathBuf>> {
    // A hard link is another name of an input.
    let look = |input: &&Path| match input.metadata() {
        Ok(metadata) => Some(Ok(metadata)),
        Err(error) if is_nothing(&error) => None,
        Err(error) => Some(Err(Error::io("look at", input)(error))),
    };
    let inputs: Vec<Metadata> = inputs.iter().filter_map(look).collect::<Result<_>>()?;
    let mut targets: Vec<PathBuf> = Vec::new();
    for output in outputs {
        let target = target(output)?;
        let mut is_named_twice = targets.contains(&target);
        for input in &inputs {
            is_named_twice |= is_same(&target, input).map_err(Error::io("look at", &target))?;
        }
        if is_named_twice {
            return Err(Error::input(
                format!("{} is named twice", escaped(output)),
                "name another file for each output, and none that is read",
            ));
        }
        targets.push(target);
    }
    Ok(targets)
}

/// The file that a path names, behind all links; refused if it exists and is no regular file. Paths of
/// one file are equal, also where it does not exist yet.
///
/// # Errors
/// A directory, a device, a pipe, a socket, a link to nothing; a folder that is not there.
pub(crate) fn target(path: &Path) -> Result<PathBuf> {
    let kind = match path.metadata() {
        Ok(metadata) => irregular(&metadata),
        // Nothing there, or a link to nothing.
        Err(error) if is_nothing(&error) => match path.symlink_metadata() {
            Ok(metadata) => irregular(&metadata),
            Err(_) => return new_target(path),
        },
        Err(error) => return Err(Error::io("look at", path)(error)),
    };
    match kind {
        Some(kind) => Err(Error::NotRegular { path: path.to_owned(), kind }),
        None => path.canonicalize().map_err(Error::io("open", path)),
    }
}

/// The path of a file that does not exist yet.
fn new_target(path: &Path) -> Result<PathBuf> {
    let name = match path.file_name() {
        Some(name) if !path.as_os_str().as_bytes().ends_with(b"/") => name,
        // The name of a folder.
        _ => return Err(Error::io("create", path)(Errno::NOTDIR.into())),
    };
    let folder = folder_of(path);
    let real = folder.canonicalize().map_err(Error::io("create a file in", folder))?;
    Ok(real.join(name))
}

/// A name in a folder that stays open: from when a file is planned until it is there, it is that folder.
#[derive(Clone, Debug)]
struct Place {
    folder: Arc<Folder>,
    name: OsString,
}

impl Place {
    /// That of a target, which is no link.
    fn open(target: &Path) -> Result<Self> {
        let path = folder_of(target);
        let folder = Folder::open(path).map_err(Error::io("open", path))?;
        let name = target.file_name().unwrap_or_default().to_owned();
        Ok(Self { folder: Arc::new(folder), name })
    }

    /// A new file in the folder.
    fn new_file(&self, mode: u32, held: Option<&File>, swept: &Swept) -> Result<NewFile> {
        let new = NewFile::new(&self.folder, mode, held, swept);
        new.map_err(Error::io("create a file in", self.folder.path()))
    }

    fn second_name(&self) -> io::Result<Option<SecondName>> {
        SecondName::new(&self.folder, &self.name)
    }
}

/// Removes what runs that were killed left beside a file: for a run that has nothing to write there.
pub(crate) fn sweep_beside(path: &Path, swept: &Swept) {
    if let Ok(target) = target(path) {
        let _ = Folder::open(folder_of(&target)).map(|folder| swept.sweep(&folder, None));
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// A sentence about the other names of a file that is replaced by a new one; `file` is its subject.
pub(crate) fn other_names(file: &str, metadata: &Metadata) -> Option<String> {
    let others = metadata.nlink().checked_sub(1).filter(|&others| others > 0)?;
    let names = if others == 1 { "another name" } else { "other names" };
    Some(format!("{file} has {names} (hard links), where the old content stays"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A newer file that was put in place while the old one was copied was lost.
    #[test]
    fn a_newer_file_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, newer) = (folder.path().join("file"), folder.path().join("newer"));
        fs::write(&path, "old").expect("a file");
        let old = File::open(&path).expect("the file");
        fs::write(&newer, "newer").expect("a file");
        fs::rename(&newer, &path).expect("a newer file");
        let writes = Writes { stop: &AtomicBool::new(false), swept: &Swept::default() };
        let error = put(
            &old,
            &path,
            Old::Goes,
            Changes { edits: &[], length: None },
            Durability::default(),
            writes,
        );
        let error = error.expect_err("it is another file").to_string();
        assert!(error.contains("was changed by something else meanwhile"), "{error}");
        assert_eq!(fs::read(&path).expect("the file"), b"newer");
    }
}
