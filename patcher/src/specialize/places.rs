//! Where trees are put.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, access};

use super::copy::{free, given, is_refused};
use super::options::Output;
use crate::error::{Error, Result};
use crate::files::below::{Below, below, outside};
use crate::files::folder::Folder;
use crate::files::parents::Parents;
use crate::shown::escaped;

/// Refuses trees of which one is in another, or that have one destination.
pub(super) fn check_apart(outputs: &[Output]) -> Result<()> {
    for (at, one) in outputs.iter().enumerate() {
        for other in &outputs[at + 1..] {
            let within = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
            if within(&one.destination, &other.destination) {
                let (one, other) = (escaped(&one.destination), escaped(&other.destination));
                return Err(Error::usage(
                    format!("the destinations {one} and {other} are in one another"),
                    "give each tree a place of its own",
                ));
            }
        }
    }
    Ok(())
}

/// Whether this place can be made, though nothing beside it can, or is an empty folder that can be filled.
/// Only a trial tells.
fn can_be_made(place: &Path) -> bool {
    let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else { return false };
    Folder::open(parent).is_ok_and(|parent| match parent.folder_below(Path::new(name)) {
        Ok(there) => given(&there).is_ok(),
        Err(_) => parent.make(name, 0o777).and_then(|()| parent.remove_folder(name)).is_ok(),
    })
}

/// Where a tree is put.
#[derive(Debug)]
pub(super) struct Placed {
    /// Its path.
    pub(super) path: PathBuf,
    /// The folder that stands for the root of all files, if there is one, and the way from there to the folder that
    /// the tree will be in, without links.
    below: Option<(PathBuf, PathBuf)>,
}

impl Placed {
    /// Opens the folder that the tree will be in. Under another root, it is made where it is not there.
    ///
    /// # Errors
    /// The system refuses; there is a link on the way now.
    pub(super) fn parent(&self, parents: &mut Parents) -> Result<Arc<Folder>> {
        if let Some((root, way)) = &self.below {
            return parents.make_below(root, way);
        }
        let parent = self.path.parent().unwrap_or(Path::new("/"));
        let opened = Folder::open(parent).map_err(Error::io("create a folder in", parent));
        opened.map(Arc::new)
    }
}

/// The places of trees; under `destdir`, if that is given. A trial may be made where the places'
/// folders are not there.
///
/// # Errors
/// Each that a tree cannot be put into: something is there already, the folder that it is in is not
/// there or cannot be written, or it is in one of the trees, which would change.
pub(super) fn places(
    outputs: &[Output],
    destdir: Option<&Path>,
    is_trial: bool,
) -> Result<Vec<Placed>> {
    let sources: Vec<PathBuf> =
        outputs.iter().filter_map(|output| output.source.canonicalize().ok()).collect();
    let place = |output: &Output| {
        let (place, below) = match destdir {
            Some(root) => {
                let Below { place, way } = below(root, &output.destination)?;
                (place, Some((root.to_owned(), way)))
            }
            None => (output.destination.clone(), None),
        };
        free(&place, output.source.is_file())?;
        let parent = place.parent().unwrap_or(Path::new("/"));
        let there = parent.ancestors().find(|folder| folder.symlink_metadata().is_ok());
        // A relative path begins in the current folder.
        let there = there.unwrap_or(Path::new("."));
        // Missing folders under `destdir` are made.
        let needed = if destdir.is_some() { there } else { parent };
        if !is_trial {
            let can_be = access(needed, Access::WRITE_OK | Access::EXEC_OK);
            // Then the place alone may be ours to make, or be there already.
            if let Err(error) = can_be.map_err(io::Error::from)
                && !(is_refused(&error) && can_be_made(&place))
            {
                return Err(Error::io("create a folder in", needed)(error));
            }
        }
        let real = there.canonicalize().map_err(Error::io("create a folder in", there))?;
        let real = real.join(place.strip_prefix(there).unwrap_or(&place));
        outside(&place, &real, &sources)?;
        Ok(Placed { path: place, below })
    };
    Error::all(outputs.iter().map(place).collect())
}
