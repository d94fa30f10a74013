//! Fills the records of one file: plan, refuse, write, read back.

pub(crate) mod plan;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::edit::Edit;
use crate::error::{Error, Result, SectionProblem};
use crate::files::in_place::in_place;
use crate::files::open::{Mode, is_same};
use crate::files::replace::{self, not_stopped};
use crate::image;
use crate::record::edit::{RecordEdit, steps};
use crate::record::read::Image;
use crate::record::values::Assignment;
use crate::record::warnings;

pub use crate::files::replace::Durability;
pub use plan::{Earlier, Selection};

/// How a file is filled.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct FillOptions<'a> {
    /// Which records, and what becomes of their earlier values.
    pub selection: Selection<'a>,
    /// Where the filled file goes; `None`: it takes the place of the image.
    pub output: Option<&'a Path>,
    /// Write into the image itself.
    pub in_place: bool,
    /// Give the image the identity that follows from its content: in ELF the build-id.
    pub rewrite_identity: bool,
    /// How the result is kept.
    pub durability: Durability,
    /// Plan and check, write nothing.
    pub dry_run: bool,
    /// Nothing is begun where this is set, and no new file takes its place.
    pub stop: Option<&'a AtomicBool>,
}

/// How a fill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file was written.
    Filled,
    /// It has these values already; nothing was written.
    Unchanged,
    /// It would be written.
    Planned,
}

/// A fill that was done, or planned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Filled {
    /// Where the filled file is.
    pub output: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
    /// The records that took part.
    pub records: Vec<RecordEdit>,
    /// The new identity, where one was asked for.
    pub identity: Option<Vec<u8>>,
    /// What is left to do, or was lost, in sentences.
    pub warnings: Vec<String>,
}

/// Fills one file.
///
/// # Errors
/// Everything that cannot be read, does not fit, or cannot be written; then no file has changed.
pub fn fill(path: &Path, assignments: &[Assignment], options: &FillOptions<'_>) -> Result<Filled> {
    let (never, output) = (AtomicBool::new(false), options.output.unwrap_or(path));
    let stop = options.stop.unwrap_or(&never);
    not_stopped(stop, output)?;
    // An output may be the image itself under another name.
    let replaces = path.metadata().is_ok_and(|metadata| is_same(output, &metadata));
    let mode = match (options.dry_run || !replaces, options.in_place) {
        (true, _) => Mode::Read,
        (false, true) => Mode::Write,
        (false, false) => Mode::Replace,
    };
    let image = Image::open(path, mode)?;
    let records = plan::plan(&image, assignments, options.selection)?;
    replace::target(output)?;
    let mut edits: Vec<Edit> = records.iter().flat_map(RecordEdit::edits).cloned().collect();
    let identity = match options.rewrite_identity {
        true => Some(identity(&image, &edits)?),
        false => None,
    };
    edits.extend(identity.clone());
    let changed = edits.iter().any(Edit::changes);
    let mut warnings = if changed {
        warnings::of(&image.file, &image.path, &records, replaces)?
    } else {
        Vec::new()
    };
    if changed && replaces && !options.in_place {
        let metadata = image.file.metadata().map_err(Error::io("read", path))?;
        warnings.extend(replace::other_names(&metadata));
    }
    let outcome = if options.dry_run {
        Outcome::Planned
    } else if !changed && replaces {
        Outcome::Unchanged
    } else {
        if options.in_place {
            let steps = steps(&records, identity.as_slice());
            in_place(&image.file, path, &steps, options.durability)?;
        } else {
            let write = if replaces { replace::replace } else { replace::copy };
            warnings.extend(write(&image.file, output, &edits, options.durability, stop)?);
        }
        Outcome::Filled
    };
    Ok(Filled {
        output: output.to_owned(),
        outcome,
        records,
        identity: identity.map(|identity| identity.after),
        warnings,
    })
}

/// The edit of the identity. It lies in no record.
fn identity(image: &Image, edits: &[Edit]) -> Result<Edit> {
    let identity = image::new_identity(&image.file, &image.path, edits)?;
    let (start, end) = (identity.offset, identity.end());
    let shared = image.sections.iter().find(|section| {
        section.offset < end && start < section.offset + section.bytes.len() as u64
    });
    match shared {
        Some(section) => Err(Error::Section {
            path: section.path.clone(),
            section: section.name.clone(),
            problem: SectionProblem::Overlaps,
        }),
        None => Ok(identity),
    }
}
