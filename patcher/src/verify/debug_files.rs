//! Which debug file the link of a changed image is right for.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::files::compare::holds;
use crate::files::open::{Mode, Stamp, is_nothing, open};
use crate::files::walk::{Entry, EntryKind, Tree};
use crate::image;
use crate::image::data::ImageData;
use crate::image::debug_link::{self, DebugLink, checksum};
use crate::shown::shown;

/// Files that a link may be to.
#[derive(Debug, Default)]
pub(super) struct DebugFiles<'a> {
    /// Those that the user names, which may have another name than the link says.
    given: Vec<PathBuf>,
    /// Folders that the user names.
    folders: Vec<Tree>,
    /// The tree that the images are in. Where there is none, what is beside an image counts.
    tree: Option<&'a Tree>,
}

/// A link that differs.
#[derive(Debug)]
pub(super) struct ChangedLink {
    /// Where it is, and what it is now.
    pub(super) edit: Edit,
    /// The name of the debug file, for people.
    pub(super) name: String,
    /// Whether that is known, and is the one that the link should be to.
    pub(super) is_right: bool,
}

impl<'a> DebugFiles<'a> {
    /// Those of the paths that the user gives, files, and folders of them; and those of a tree.
    ///
    /// # Errors
    /// A folder cannot be listed, a file cannot be opened.
    pub(super) fn new(paths: &[PathBuf], tree: Option<&'a Tree>) -> Result<Self> {
        let mut files = Self { tree, ..Self::default() };
        for path in paths {
            if path.is_dir() {
                files.folders.push(Tree::walk(path)?);
            } else {
                // Also where no link asks for it, a file that is not there is told.
                open(path, Mode::Read)?;
                files.given.push(path.clone());
            }
        }
        Ok(files)
    }

    /// The link of an image to its debug file, if it differs in another file, and has
    /// the name that it should have.
    ///
    /// # Errors
    /// One of both, or what may be its debug file, cannot be read, or changes meanwhile.
    pub(super) fn changed(
        &self,
        (before, original): (&File, &Path),
        (after, filled): (&File, &Path),
    ) -> Result<Option<ChangedLink>> {
        let link = |file, path| image::known(path, image::debug_link(&ImageData::new(file)));
        let links = (link(before, original)?, link(after, filled)?);
        let (Some(old), Some(new)) = links else { return Ok(None) };
        let old_identity = image::known_identity(before, original)?;
        let identity = image::known_identity(after, filled)?;
        let name = old.name_after(&old_identity, &identity);
        let Some(edit) = old.edit(&name, new.checksum).filter(Edit::changes) else {
            return Ok(None);
        };
        if !holds(after, edit.offset, &edit.after).map_err(Error::io("read", filled))? {
            return Ok(None);
        }
        let is_right = self.has(&new, &identity, filled)?;
        Ok(Some(ChangedLink { edit, name: shown(&name), is_right }))
    }

    /// Whether there is a debug file of this checksum and build-id: among these, or where a debugger looks
    /// for it beside the image.
    fn has(&self, link: &DebugLink, identity: &[u8], filled: &Path) -> Result<bool> {
        for path in &self.given {
            if is_at(path, link, identity)? {
                return Ok(true);
            }
        }
        let name = OsStr::from_bytes(&link.name);
        let by_id = debug_link::path(identity);
        let is_named = |entry: &&Entry| {
            let path = &entry.path;
            matches!(entry.kind, EntryKind::File(_))
                && (path.file_name() == Some(name)
                    || by_id.as_ref().is_some_and(|id| path.ends_with(id)))
        };
        for tree in self.folders.iter().chain(self.tree) {
            for entry in tree.entries.iter().filter(is_named) {
                let file = tree.file(entry);
                if file.read("read", |opened| is_of(opened, &file.path(), link, identity))? {
                    return Ok(true);
                }
            }
        }
        // What the image says may be a path that leads anywhere.
        let is_name = Path::new(name).file_name() == Some(name);
        if self.tree.is_some() || !is_name {
            return Ok(false);
        }
        for path in [filled.with_file_name(name), filled.with_file_name(".debug").join(name)] {
            match is_at(&path, link, identity) {
                Ok(true) => return Ok(true),
                Ok(false) | Err(Error::NotRegular { .. }) => {}
                Err(Error::Io { source, .. }) if names_nothing(&source) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Whether no file can be at a path that gives this error: what an image says may also be longer than any name.
fn names_nothing(error: &io::Error) -> bool {
    is_nothing(error) || error.kind() == io::ErrorKind::InvalidFilename
}

/// Whether the file at a path is the one that a link is to.
///
/// # Errors
/// It cannot be opened or read, or changes meanwhile.
fn is_at(path: &Path, link: &DebugLink, identity: &[u8]) -> Result<bool> {
    let file = open(path, Mode::Read)?;
    let before = Stamp::of_file(&file, path)?;
    let is_its = is_of(&file, path, link, identity);
    before.check(&file, path)?;
    is_its
}

fn is_of(file: &File, path: &Path, link: &DebugLink, identity: &[u8]) -> Result<bool> {
    let is_its = image::known_identity(file, path)? == identity;
    Ok(is_its && checksum(file, &[]).map_err(Error::io("read", path))? == link.checksum)
}
