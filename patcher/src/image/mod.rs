//! Files that carry sections. What belongs to one file format only is in its module.

pub(crate) mod archive;
pub(crate) mod data;
pub(crate) mod elf;
pub(crate) mod loader;
pub(crate) mod places;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use object::read::ReadRef;

use self::data::ImageData;
use crate::edit::Edit;
use crate::error::{Error, ImageProblem, Imports, Result, SectionProblem};

/// How a path begins that a loader reads as one beside the image.
pub(crate) const RELATIVE: &[&str] = &elf::ORIGIN;
/// How a path begins that is to be read as one beside the image.
pub(crate) const ORIGIN: &str = elf::ORIGIN[0];

/// A section that may hold records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The member of the archive that it is in; `None` in a file that is no archive.
    pub member: Option<String>,
    /// The name as spelled in the file.
    pub name: String,
    /// Where its bytes begin in the file.
    pub offset: u64,
    /// How many they are.
    pub size: u64,
    /// Whether its name says that it holds records. Otherwise it only begins like one.
    pub by_name: bool,
    /// Why its bytes cannot be read or changed.
    pub problem: Option<SectionProblem>,
    /// Whether the object file also carries itself as intermediate code, which a link with LTO
    /// takes instead of this section.
    pub has_intermediate: bool,
}

/// A part of the file with a name: a header, a table, a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// "ELF header", or a section's name; in an archive with the member's name before it.
    pub name: String,
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it has there.
    pub size: u64,
}

/// The sections that hold, or may hold, records. Reads the headers only, and the first bytes of
/// sections.
///
/// # Errors
/// What is not an image, or damaged.
pub(crate) fn locate(data: &ImageData<'_>) -> Result<Vec<Candidate>, ImageProblem> {
    data.ask(|data| match format(data)? {
        Format::Elf => elf::locate(data),
        Format::Archive => archive::locate(data),
    })
}

/// The parts of the file. Where one lies in another, the smaller one comes first.
///
/// # Errors
/// What is not an image, or damaged.
pub(crate) fn regions(data: &ImageData<'_>) -> Result<Vec<Region>, ImageProblem> {
    data.ask(|data| match format(data)? {
        Format::Elf => elf::regions(data),
        Format::Archive => archive::regions(data),
    })
}

/// What the image takes from elsewhere; nothing, where that cannot be read.
pub(crate) fn imports(data: &ImageData<'_>) -> Imports {
    let imports = data.ask(|data| match format(data)? {
        Format::Elf => elf::imports(data),
        Format::Archive => Ok(Imports { unlinked: true, ..Imports::default() }),
    });
    imports.unwrap_or_default()
}

/// The edit that gives an image the identity that follows from its content after other edits: of ELF
/// files the build-id, by the rule of [`elf::build_id`]. The whole file is read.
///
/// # Errors
/// The image has no identity, or several; it cannot be read.
pub(crate) fn new_identity(file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
    match ImageData::new(file).ask(format).map_err(Error::not_image(path))? {
        Format::Elf => elf::build_id::rewrite(file, path, edits),
        Format::Archive => Err(Error::BuildIds { path: path.to_owned(), count: 0 }),
    }
}

/// Where the identity of an image is, if it differs in another file, and is the one that
/// [`new_identity`] would have given to that.
///
/// # Errors
/// The other file cannot be read.
pub(crate) fn changed_identity(before: &File, after: &File) -> io::Result<Option<Range<u64>>> {
    match format_of(before)? {
        Some(Format::Elf) => elf::build_id::changed(before, after),
        _ => Ok(None),
    }
}

/// The signature at the end of a file that its change makes worthless, and how it is renewed.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn stale_signature(file: &File) -> io::Result<Option<&'static str>> {
    match format_of(file)? {
        Some(Format::Elf) => elf::stale_signature(file),
        _ => Ok(None),
    }
}

/// Whether a file that begins with these bytes may be an image, and no archive.
pub(crate) fn begins_image(start: &[u8]) -> bool {
    format(start) == Ok(Format::Elf)
}

/// Whether a file that begins with these bytes is an archive of object files.
pub(crate) fn begins_archive(start: &[u8]) -> bool {
    format(start) == Ok(Format::Archive)
}

/// Where the record may be in an image that has none: only in intermediate code, of the object
/// file or of a member.
pub(crate) fn intermediate_only(data: &ImageData<'_>) -> Option<ImageProblem> {
    let problem = data.ask(|data| match format(data)? {
        Format::Elf => Ok(elf::is_intermediate(data).then_some(ImageProblem::Intermediate)),
        Format::Archive => archive::intermediate_only(data),
    });
    problem.ok().flatten()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Elf,
    Archive,
}

/// The format of a file; `None` if it is no image.
fn format_of(file: &File) -> io::Result<Option<Format>> {
    match ImageData::new(file).ask(format) {
        Ok(format) => Ok(Some(format)),
        Err(ImageProblem::Unread(number)) => Err(io::Error::from_raw_os_error(number)),
        Err(_) => Ok(None),
    }
}

/// Tells the format by the magic number.
fn format<'d, R: ReadRef<'d>>(data: R) -> Result<Format, ImageProblem> {
    let length = data.len().unwrap_or(0);
    let start = data.read_bytes_at(0, length.min(8)).unwrap_or_default();
    Err(match start {
        [] => ImageProblem::Empty,
        [0x7f, b'E', b'L', b'F', ..] => return Ok(Format::Elf),
        [b'#', b'!', ..] => ImageProblem::Script,
        b"!<arch>\n" | b"!<thin>\n" => return Ok(Format::Archive),
        // LLVM bitcode, bare or wrapped.
        [b'B', b'C', 0xc0, 0xde, ..] | [0xde, 0xc0, 0x17, 0x0b, ..] => ImageProblem::Intermediate,
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => ImageProblem::Unsupported("a Mach-O file"),
        // For several processors: how many follows. A Java class begins alike, with its version there,
        // which is at least 45 (Java Virtual Machine Specification, 4.1).
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, ..45] => ImageProblem::Unsupported("a Mach-O file"),
        [b'M', b'Z', ..] => ImageProblem::Unsupported("a PE file"),
        _ => ImageProblem::Unknown,
    })
}
