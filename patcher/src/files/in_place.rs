//! Writes into a file itself, in steps that a kill at any moment may end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::attributes::{Rights, set_modified};
use super::compare::holds;
use super::data::read_back;
use super::replace::Durability;
use crate::edit::Edit;
use crate::error::{Error, Result};

/// A write in three steps. Every edit keeps the size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    /// Says that a write is under way.
    pub mark: Vec<Edit>,
    /// All other bytes.
    pub body: Vec<Edit>,
    /// Where the file ends from then on, if that is earlier than now. In bytes.
    pub length: Option<u64>,
    /// Says that the write is complete; its last edits take the place of the mark.
    pub seal: Vec<Edit>,
}

/// Takes these steps in the open file, and writes nothing else.
///
/// # Errors
/// The set-user-ID bit or capabilities could not be put back: then nothing is written. What the system
/// refuses: what was written before is taken back.
pub(crate) fn in_place(file: &File, path: &Path, steps: &Steps, how: Durability) -> Result<()> {
    let failed = |action| Error::io(action, path);
    let metadata = file.metadata().map_err(failed("open"))?;
    let rights = Rights::of(file, path)?;
    // Bytes that were cut off cannot be put back. The mark stays until then: a run that is killed is seen, and the
    // next one goes on.
    let mut is_cut = false;
    let mut written = || {
        write(file, &[&steps.mark, &steps.body], how).map_err(failed("write"))?;
        read_back(file, path, &steps.body)?;
        if let Some(length) = steps.length {
            file.set_len(length).map_err(failed("shorten"))?;
            is_cut = true;
        }
        write(file, &[&steps.seal], how).map_err(failed("write"))?;
        read_back(file, path, &steps.seal)
    };
    let done = written().and_then(|()| rights.keep(file)).and_then(|()| match how.preserve {
        true => set_modified(file, &metadata).map_err(failed("set the time of")),
        false => Ok(()),
    });
    let Err(error) = done else { return Ok(()) };
    if is_cut {
        return Err(error);
    }
    let taken_back = take_back(file, steps, how).map_err(failed("take back what was written to"));
    match taken_back.and_then(|()| rights.keep(file)) {
        Ok(()) => Err(error),
        Err(second) => Err(Error::several(vec![error, second])),
    }
}

/// Puts back what was there before the steps. Bytes that cannot be written may not have been changed either, as
/// those behind a limit on the size of files: the rest is put back, and then the file is asked. The mark stays
/// where not all other bytes are what they were.
fn take_back(file: &File, steps: &Steps, how: Durability) -> io::Result<()> {
    let mut failed = write(file, &[&steps.mark], how).err();
    for edits in [&steps.body, &steps.seal] {
        for edit in edits {
            failed = file.write_all_at(&edit.before, edit.offset).err().or(failed);
        }
        for edit in edits {
            if !holds(file, edit.offset, &edit.before)? {
                return Err(failed.unwrap_or_else(|| io::Error::other("other bytes are there")));
            }
        }
        if how.sync {
            file.sync_data()?;
        }
    }
    Ok(())
}

fn write(file: &File, steps: &[&Vec<Edit>], how: Durability) -> io::Result<()> {
    for step in steps {
        step.iter().try_for_each(|edit| file.write_all_at(&edit.after, edit.offset))?;
        if how.sync {
            file.sync_data()?;
        }
    }
    Ok(())
}
