//! Files that carry sections. What belongs to one file format only is in its module.

pub(crate) mod archive;
pub(crate) mod elf;
pub mod loader;
pub mod places;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use object::read::{ReadCache, ReadCacheOps, ReadRef};

use crate::edit::Edit;
use crate::error::{Error, ImageProblem, Imports, Result, SectionProblem};

/// How a path begins that a loader reads as one beside the image.
pub(crate) const RELATIVE: &[&str] = &elf::ORIGIN;
/// How a path begins that is to be read as one beside the image.
pub(crate) const ORIGIN: &str = elf::ORIGIN[0];

/// A section that may hold records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
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
pub struct Region {
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
pub fn locate<R: ReadCacheOps>(data: &ReadCache<R>) -> Result<Vec<Candidate>, ImageProblem> {
    match format(data)? {
        Format::Elf => elf::locate(data),
        Format::Archive => archive::locate(data),
    }
}

/// The parts of the file. Where one lies in another, the smaller one comes first.
///
/// # Errors
/// What is not an image, or damaged.
pub fn regions<R: ReadCacheOps>(data: &ReadCache<R>) -> Result<Vec<Region>, ImageProblem> {
    match format(data)? {
        Format::Elf => elf::regions(data),
        Format::Archive => archive::regions(data),
    }
}

/// What the image takes from elsewhere; nothing, where that cannot be read.
pub fn imports<'d, R: ReadRef<'d>>(data: R) -> Imports {
    match format(data) {
        Ok(Format::Elf) => elf::imports(data),
        Ok(Format::Archive) => Imports { unlinked: true, ..Imports::default() },
        Err(_) => Imports::default(),
    }
}

/// The edit that gives an image the identity that follows from its content after other edits: of ELF
/// files the build-id, by the rule of [`elf::build_id`]. The whole file is read.
///
/// # Errors
/// The image has no identity, or several; it cannot be read.
pub(crate) fn new_identity(file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
    match format(&ReadCache::new(file)).map_err(Error::not_image(path))? {
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
    match format(&ReadCache::new(before)) {
        Ok(Format::Elf) => elf::build_id::changed(before, after),
        _ => Ok(None),
    }
}

/// The signature at the end of a file that its change makes worthless, and how it is renewed.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn stale_signature(file: &File) -> io::Result<Option<&'static str>> {
    match format(&ReadCache::new(file)) {
        Ok(Format::Elf) => elf::stale_signature(file),
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
pub fn intermediate_only<R: ReadCacheOps>(data: &ReadCache<R>) -> Option<ImageProblem> {
    match format(data) {
        Ok(Format::Elf) => elf::is_intermediate(data).then_some(ImageProblem::Intermediate),
        Ok(Format::Archive) => archive::intermediate_only(data),
        Err(_) => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Elf,
    Archive,
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
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            ImageProblem::Unsupported("a Mach-O file")
        }
        [b'M', b'Z', ..] => ImageProblem::Unsupported("a PE file"),
        _ => ImageProblem::Unknown,
    })
}
