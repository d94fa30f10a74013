//! Files that carry sections. What belongs to one file format only is in its module.

pub(crate) mod archive;
pub(crate) mod data;
mod elf;
pub(crate) mod finish;
pub(crate) mod loader;
mod pe;
pub(crate) mod places;
mod section;
mod single;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use self::data::ImageData;
use self::finish::Finish;
use self::loader::{LoaderProblem, LoaderText};
use self::places::Places;
use self::single::{Carrier, Format, carrier, format};
use crate::edit::Edit;
use crate::error::{Error, ImageProblem, Imports, Result};

pub use self::finish::Allowed;
pub(crate) use self::section::{Candidate, Region};

/// How a path begins that a loader reads as one beside the image.
pub(crate) const RELATIVE: &[&str] = &elf::ORIGIN;
/// How a path begins that is to be read as one beside the image.
pub(crate) const ORIGIN: &str = elf::ORIGIN[0];

/// The sections that hold, or may hold, records. Reads the headers only, and the first bytes of
/// sections.
///
/// # Errors
/// What is not an image, or damaged.
pub(crate) fn locate(data: &ImageData<'_>) -> Result<Vec<Candidate>, ImageProblem> {
    data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => format.locate(data),
        Carrier::Archive => archive::locate(data),
    })
}

/// The parts of the file. Where one lies in another, the smaller one comes first.
///
/// # Errors
/// What is not an image, or damaged.
pub(crate) fn regions(data: &ImageData<'_>) -> Result<Vec<Region>, ImageProblem> {
    data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => format.regions(data),
        Carrier::Archive => archive::regions(data),
    })
}

/// What the image takes from elsewhere; nothing, where that cannot be read.
pub(crate) fn imports(data: &ImageData<'_>) -> Imports {
    let imports = data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => format.imports(data),
        Carrier::Archive => Ok(Imports { unlinked: true, ..Imports::default() }),
    });
    imports.unwrap_or_default()
}

/// The edit that gives an image the identity that follows from its content after other edits: of ELF
/// files the build-id, by the rule of `build_id`. The whole file is read.
///
/// # Errors
/// The image has no identity, or several; it cannot be read.
pub(crate) fn new_identity(file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
    match ImageData::new(file).ask(carrier).map_err(Error::not_image(path))? {
        Carrier::Image(format) => format.new_identity(file, path, edits),
        Carrier::Archive => Err(Error::BuildIds { path: path.to_owned(), count: 0 }),
    }
}

/// Where the identity of an image is, if it differs in another file, and is the one that
/// [`new_identity`] would have given to that.
///
/// # Errors
/// The other file cannot be read.
pub(crate) fn changed_identity(before: &File, after: &File) -> io::Result<Option<Range<u64>>> {
    match format_of(before)? {
        Some(format) => format.changed_identity(before, after),
        None => Ok(None),
    }
}

/// What these edits of a file make necessary elsewhere in it; see [`finish`](mod@finish). Nothing, for
/// what is no image.
///
/// # Errors
/// The file would be wrong afterwards, or cannot be read.
pub(crate) fn finish(file: &File, path: &Path, edits: &[Edit], allowed: Allowed) -> Result<Finish> {
    let data = ImageData::new(file);
    let kind = match data.ask(carrier) {
        Ok(kind) => kind,
        Err(ImageProblem::Unread(number)) => {
            return Err(Error::not_image(path)(ImageProblem::Unread(number)));
        }
        Err(_) => return Ok(Finish::default()),
    };
    let mut problem = None;
    let finished = data.ask(|data| {
        let finished = match kind {
            Carrier::Image(format) => format.finish(data, edits, allowed),
            Carrier::Archive => archive::finish(data, edits, allowed),
        };
        Ok(finished.map_err(|error| problem = Some(error)).unwrap_or_default())
    });
    match problem {
        Some(problem) => Err(problem.error(path)),
        None => finished.map_err(Error::not_image(path)),
    }
}

/// Whether a file that begins with these bytes may be an image, and no archive.
pub(crate) fn begins_image(start: &[u8]) -> bool {
    matches!(carrier(start), Ok(Carrier::Image(_))) || pe::kind::begins(start)
}

/// Whether a file that begins with these bytes is an archive of object files.
pub(crate) fn begins_archive(start: &[u8]) -> bool {
    carrier(start) == Ok(Carrier::Archive)
}

/// Where the record may be in an image that has none: only in intermediate code, of the object
/// file or of a member.
pub(crate) fn intermediate_only(data: &ImageData<'_>) -> Option<ImageProblem> {
    let problem = data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => {
            Ok(format.is_intermediate(data).then_some(ImageProblem::Intermediate))
        }
        Carrier::Archive => archive::intermediate_only(data),
    });
    problem.ok().flatten()
}

/// The strings that the loader reads: each once, in the order of the file's headers.
///
/// # Errors
/// What is not an image, or damaged.
pub(crate) fn loader_texts(data: &ImageData<'_>) -> Result<Vec<LoaderText>, ImageProblem> {
    data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => format.loader_texts(data),
        Carrier::Archive => Ok(Vec::new()),
    })
}

/// The edit that puts `new` in the place of `old`; what is left over becomes zero bytes.
///
/// There is as much room as `old` has, and the unused zero bytes behind it. Linkers let strings
/// share bytes where one is the end of another: everything else that is read from the same bytes
/// reads the same text afterwards.
///
/// # Errors
/// There is too little room, or another string would change.
pub(crate) fn replace_loader_text(
    data: &ImageData<'_>,
    old: &LoaderText,
    new: &[u8],
) -> Result<Edit, LoaderProblem> {
    let table = data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => format.loader_table(data, old.role).map(Some),
        Carrier::Archive => Ok(None),
    })?;
    table.ok_or(LoaderProblem::Changed)?.replace(old, new)
}

/// What an image is made of, and the symbols at these offsets. The sections of an archive are those
/// of its members, each with the member's name before its own.
///
/// # Errors
/// What is not an image, or damaged.
pub(crate) fn places(data: &ImageData<'_>, offsets: &[u64]) -> Result<Places, ImageProblem> {
    data.ask(|data| match carrier(data)? {
        Carrier::Image(format) => format.places(data, offsets),
        Carrier::Archive => archive::places(data, offsets),
    })
}

/// The format of a file; `None` if it is no image.
fn format_of(file: &File) -> io::Result<Option<Format>> {
    match ImageData::new(file).ask(format) {
        Ok(format) => Ok(Some(format)),
        Err(ImageProblem::Unread(number)) => Err(io::Error::from_raw_os_error(number)),
        Err(_) => Ok(None),
    }
}
