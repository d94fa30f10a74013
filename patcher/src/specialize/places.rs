//! Where trees are put.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::{Access, access};

use super::copy::{free, given, is_refused};
use super::options::Output;
use crate::error::{Error, Result};
use crate::files::below::{below, outside};
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
    if place.is_dir() {
        return given(place).is_ok();
    }
    fs::create_dir(place).and_then(|()| fs::remove_dir(place)).is_ok()
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
) -> Result<Vec<PathBuf>> {
    let sources: Vec<PathBuf> =
        outputs.iter().filter_map(|output| output.source.canonicalize().ok()).collect();
    let place = |output: &Output| {
        let place = match destdir {
            Some(root) => below(root, &output.destination)?,
            None => output.destination.clone(),
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
        Ok(place)
    };
    Error::all(outputs.iter().map(place).collect())
}
