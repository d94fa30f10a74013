//! Files that carry sections. What belongs to one file format only is in its module.

mod elf;

use object::read::ReadRef;

use crate::error::{ImageProblem, SectionProblem};

/// A section that may hold records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
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
}

/// A part of the file with a name: a header, a table, a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// "ELF header", or a section's name.
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
pub fn locate<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Section>, ImageProblem> {
    match format(data)? {
        Format::Elf => elf::locate(data),
    }
}

/// The parts of the file, sorted by offset.
///
/// # Errors
/// What is not an image, or damaged.
pub fn regions<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Region>, ImageProblem> {
    match format(data)? {
        Format::Elf => elf::regions(data),
    }
}

/// What an image takes from shared libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imports {
    /// The libraries that it needs.
    pub libraries: Vec<String>,
    /// Whether it calls accessors that postlink generated.
    pub accessors: bool,
}

/// What the image takes from shared libraries; nothing, where that cannot be read.
pub fn imports<'d, R: ReadRef<'d>>(data: R) -> Imports {
    match format(data) {
        Ok(Format::Elf) => elf::imports(data),
        Err(_) => Imports::default(),
    }
}

enum Format {
    Elf,
}

/// Tells the format by the magic number.
fn format<'d, R: ReadRef<'d>>(data: R) -> Result<Format, ImageProblem> {
    let length = data.len().unwrap_or(0);
    let start = data.read_bytes_at(0, length.min(8)).unwrap_or_default();
    Err(match start {
        [] => ImageProblem::Empty,
        [0x7f, b'E', b'L', b'F', ..] => return Ok(Format::Elf),
        [b'#', b'!', ..] => ImageProblem::Script,
        b"!<arch>\n" | b"!<thin>\n" => ImageProblem::Archive,
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            ImageProblem::Unsupported("a Mach-O file")
        }
        [b'M', b'Z', ..] => ImageProblem::Unsupported("a PE file"),
        _ => ImageProblem::Unknown,
    })
}
