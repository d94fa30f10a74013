//! Fills the records of one file: plan, refuse, write, read back.

mod debug_file;
pub(crate) mod plan;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use self::debug_file::{DebugFile, Pairing};
use crate::edit::Edit;
use crate::error::{Error, Result, SectionProblem};
use crate::files::in_place::in_place;
use crate::files::open::{Mode, is_same};
use crate::files::replace::{self, Changes, Old, Writes, not_stopped};
use crate::image;
use crate::image::data::ImageData;
use crate::image::debug_link::DebugLink;
use crate::image::finish::Finish;
use crate::record::edit::{RecordEdit, steps};
use crate::record::read::Image;
use crate::record::seals;
use crate::record::values::Assignment;
use crate::record::warnings;
use crate::shown::{escaped, shown};

pub use crate::files::replace::Durability;
pub use crate::files::temporary::Swept;
pub use crate::image::Allowed;
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
    /// The separate debug file, which gets the same identity; with `rewrite_identity`, and not `in_place`.
    pub debug_file: Option<&'a Path>,
    /// Where that goes: a file, or a folder of debug files, which gets `.build-id/ab/cdef….debug`. `None`:
    /// it takes the place of the old one; one that is in a folder `.build-id` has the new name there.
    pub debug_output: Option<&'a Path>,
    /// Files that values or a schema were read from: nothing takes their places.
    pub read: &'a [&'a Path],
    /// What may become of a signature.
    pub allowed: Allowed,
    /// With `in_place`: write also into a file that should be replaced by a new one.
    pub force: bool,
    /// How the result is kept.
    pub durability: Durability,
    /// Plan and check, write nothing.
    pub dry_run: bool,
    /// Nothing is begun where this is set, and no new file takes its place.
    pub stop: Option<&'a AtomicBool>,
    /// Where leftovers of killed runs were looked for: fills that share this look once in each folder. `None`: this
    /// one looks.
    pub swept: Option<&'a Swept>,
}

/// How a fill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file was written.
    Filled,
    /// It has these values already, and was not written.
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
    /// Where the debug file is that has it too.
    pub debug_file: Option<PathBuf>,
    /// What is left to do, or was lost, in sentences.
    pub warnings: Vec<String>,
}

/// Fills one file.
///
/// # Errors
/// Everything that cannot be read, does not fit, or cannot be written; then no file has changed.
pub fn fill(path: &Path, assignments: &[Assignment], options: &FillOptions<'_>) -> Result<Filled> {
    let (never, output) = (AtomicBool::new(false), options.output.unwrap_or(path));
    let (stop, fresh) = (options.stop.unwrap_or(&never), Swept::default());
    let writes = Writes { stop, swept: options.swept.unwrap_or(&fresh) };
    not_stopped(stop, output)?;
    check_options(options)?;
    // An output may be the image itself under another name.
    let metadata = path.metadata().map_err(Error::io("open", path))?;
    let replaces = is_same(output, &metadata).map_err(Error::io("look at", output))?;
    let mode = match (options.dry_run || !replaces, options.in_place) {
        (true, _) => Mode::Read,
        (false, true) => Mode::Write,
        (false, false) => Mode::Replace,
    };
    let image = Image::open(path, mode)?;
    let records = plan::plan(&image, assignments, options.selection)?;
    replace::targets(&[output], options.read)?;
    let mut edits: Vec<Edit> = records.iter().flat_map(RecordEdit::edits).cloned().collect();
    let identity = match options.rewrite_identity {
        true => Some(identity(&image, &edits)?),
        false => None,
    };
    edits.extend(identity.clone());
    let mut warnings = Vec::new();
    let mut debug = None;
    if let (Some(identity), Some(path)) = (&identity, options.debug_file) {
        let FillOptions { debug_output, read, .. } = *options;
        let wanted =
            Pairing { image: &image, output, replaces, identity, path, debug_output, read };
        let mut planned = DebugFile::plan(&wanted)?;
        check_apart(&image, planned.link.as_slice())?;
        edits.extend(planned.link.clone());
        warnings.append(&mut planned.warnings);
        debug = Some(planned);
    } else if identity.as_ref().is_some_and(Edit::changes) {
        let link = match debug_file::link(&image) {
            Err(error) if error.is_of_reading() => return Err(error),
            // A damaged one leads no debugger anywhere.
            found => found.ok().flatten(),
        };
        warnings.extend(link.map(|link| link_stays(&link)));
    }
    let changed = edits.iter().any(Edit::changes);
    let mut finish = Finish::default();
    if changed {
        finish = finish_of(&image, &records, &edits, options)?;
        warnings.append(&mut finish.warnings);
        warnings.extend(slices_without(&image)?);
        warnings.extend(seals::sealed(output));
        warnings.extend(warnings::of(&image.file, &image.path, &records, replaces)?);
        edits.extend(finish.edits.iter().cloned());
        if replaces && !options.in_place {
            let metadata = image.file.metadata().map_err(Error::io("read", path))?;
            let others = replace::other_names("the file", &metadata);
            let more =
                ". Cargo puts that back with the next build; --in-place writes into all of them";
            warnings.extend(others.map(|others| others + more));
        }
    }
    let debug_output = debug.as_ref().map(|debug| debug.output.clone());
    let debug = debug.filter(DebugFile::changes);
    let is_written = changed || !replaces;
    let outcome = if options.dry_run {
        Outcome::Planned
    } else if !is_written && debug.is_none() {
        // The run before, which wrote this, may have been killed at its very end.
        let places = debug_output.iter().map(PathBuf::as_path).chain([output]);
        places.for_each(|place| replace::sweep_beside(place, writes.swept));
        Outcome::Unchanged
    } else {
        let how = options.durability;
        let what = if replaces { Old::Goes } else { Old::Stays };
        let changes = Changes { edits: &edits, length: finish.length };
        match debug {
            Some(debug) => {
                let image = is_written.then_some((&image.file, output, what, changes));
                warnings.extend(debug.put(image, how, writes)?);
            }
            None if options.in_place => {
                let follows: Vec<Edit> = identity.iter().chain(&finish.edits).cloned().collect();
                let steps = steps(&records, &follows, finish.length);
                in_place(&image.file, path, &steps, how)?;
            }
            None => warnings.extend(replace::put(&image.file, output, what, changes, how, writes)?),
        }
        if is_written { Outcome::Filled } else { Outcome::Unchanged }
    };
    Ok(Filled {
        output: output.to_owned(),
        outcome,
        records,
        identity: identity.map(|identity| identity.after),
        debug_file: debug_output,
        warnings,
    })
}

/// Refuses options that do not go together.
fn check_options(options: &FillOptions<'_>) -> Result<()> {
    let (why, help) = match (options.debug_file, options.debug_output) {
        (None, Some(_)) => ("--debug-output needs a debug file", "name it: --debug-file FILE"),
        (Some(_), _) if !options.rewrite_identity => (
            "the debug file changes only where the build-id does",
            "add --rewrite-build-id; without it, the debug file fits the filled file as it is",
        ),
        (Some(_), _) if options.in_place => (
            "a debug file does not follow a fill in place: of two files, one could be left behind",
            "leave out --in-place",
        ),
        _ => return Ok(()),
    };
    Err(Error::usage(why, help))
}

/// A sentence about the debug file that an image names, and that does not follow.
fn link_stays(link: &DebugLink) -> String {
    format!(
        "its debug file {} has the old build-id, by which a debugger no longer finds it: name it with \
         --debug-file",
        shown(&link.name)
    )
}

/// The edit of the identity.
fn identity(image: &Image, edits: &[Edit]) -> Result<Edit> {
    let identity = image::new_identity(&image.file, &image.path, edits)?;
    check_apart(image, std::slice::from_ref(&identity))?;
    Ok(identity)
}

/// What finishes the edits.
fn finish_of(
    image: &Image,
    records: &[RecordEdit],
    edits: &[Edit],
    options: &FillOptions<'_>,
) -> Result<Finish> {
    let is_interrupted = records.iter().any(RecordEdit::is_interrupted);
    let allowed = Allowed { is_interrupted, ..options.allowed };
    let finish = image::finish(&image.file, &image.path, edits, allowed)?;
    check_apart(image, &finish.edits)?;
    match finish.not_in_place {
        Some(why) if options.in_place && !options.force => Err(Error::input(
            format!("{}: {why}", escaped(&image.path)),
            "leave out --in-place, and a new file takes the old one's place; or, where the file was \
             never run, add --force",
        )),
        _ => Ok(finish),
    }
}

/// Sentences about the processors of a universal file that have no record.
fn slices_without(image: &Image) -> Result<Vec<String>> {
    let with: Vec<&str> =
        image.sections.iter().filter_map(|section| section.slice.as_deref()).collect();
    let without = image::slices_without(&ImageData::new(&image.file), &with);
    let told =
        |slice| format!("its part {slice} has no record: for that processor nothing was filled");
    Ok(image::known(&image.path, without)?.into_iter().map(told).collect())
}

/// Refuses edits that lie in a section of records.
fn check_apart(image: &Image, edits: &[Edit]) -> Result<()> {
    let shared = image.sections.iter().find(|section| {
        let end = section.offset + section.bytes.len() as u64;
        edits.iter().any(|edit| section.offset < edit.end() && edit.offset < end)
    });
    match shared {
        Some(section) => Err(Error::Section {
            path: section.path.clone(),
            section: section.name.clone(),
            problem: SectionProblem::Overlaps,
        }),
        None => Ok(()),
    }
}
