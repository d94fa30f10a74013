//! Writes into a file itself, in steps that a kill at any moment may end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::attributes::{CAPABILITIES, keep_rights, set_capabilities, set_modified, xattr};
use super::replace::{Durability, read_back};
use crate::edit::Edit;
use crate::error::{Error, Result};

/// A write in three steps. Every edit keeps the size.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// Says that a write is under way.
    pub mark: Vec<Edit>,
    /// All other bytes.
    pub body: Vec<Edit>,
    /// Says that the write is complete; takes the place of the mark.
    pub seal: Vec<Edit>,
}

/// Takes these steps in the open file, and writes nothing else.
///
/// # Errors
/// What the system refuses. What was written before is taken back.
pub fn in_place(file: &File, path: &Path, steps: &Steps, how: Durability) -> Result<()> {
    let failed = |action| Error::io(action, path);
    let metadata = file.metadata().map_err(failed("open"))?;
    let capabilities = xattr(file, CAPABILITIES).map_err(failed("read the capabilities of"))?;
    if let Some(value) = &capabilities {
        // A write removes them: without the right to put them back nothing is written at all.
        set_capabilities(file, value).map_err(failed("keep the capabilities of"))?;
    }
    let done = write(file, [&steps.mark, &steps.body, &steps.seal], how)
        .map_err(failed("write"))
        .and_then(|()| read_back(file, path, steps.body.iter().chain(&steps.seal)))
        .and_then(|()| {
            keep_rights(file, &metadata, capabilities.as_deref())
                .map_err(failed("keep the mode of"))
        })
        .and_then(|()| match how.preserve {
            true => set_modified(file, &metadata).map_err(failed("set the time of")),
            false => Ok(()),
        });
    if done.is_err() {
        let reversed = |edits: &[Edit]| edits.iter().map(Edit::reversed).collect::<Vec<_>>();
        // The first error is the one to show; a second one cannot be helped.
        let back = [&steps.mark, &reversed(&steps.body), &reversed(&steps.seal)];
        let _ = write(file, back, how);
        let _ = keep_rights(file, &metadata, capabilities.as_deref());
    }
    done
}

fn write(file: &File, steps: [&Vec<Edit>; 3], how: Durability) -> io::Result<()> {
    for step in steps {
        step.iter().try_for_each(|edit| file.write_all_at(&edit.after, edit.offset))?;
        if how.sync {
            file.sync_data()?;
        }
    }
    Ok(())
}
