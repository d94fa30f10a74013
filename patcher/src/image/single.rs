//! One image, in a file or in a part of one: what is asked of it, and the one match on its format. The
//! answers are those of any format.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use object::read::ReadRef;

use super::data::Bytes;
use super::debug_link::DebugLink;
use super::elf;
use super::finish::{Allowed, Finish, FinishProblem};
use super::loader::{LoaderProblem, LoaderText};
use super::macho;
use super::pe;
use super::places::Places;
use super::section::{Candidate, Region};
use crate::edit::Edit;
use crate::error::{ImageProblem, Imports, Result};
use crate::files::compare::UnreadFile;

/// The format of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Of Linux and the BSDs.
    Elf,
    /// Of macOS.
    MachO,
    /// Of Windows.
    Pe,
}

/// A file that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// An image.
    Image(Format),
    /// An archive of images.
    Archive,
    /// An image or archive for each of several processors.
    Universal,
}

impl Format {
    pub(super) fn locate(self, data: Bytes<'_, '_>) -> Result<Vec<Candidate>, ImageProblem> {
        match self {
            Self::Elf => elf::locate(data),
            Self::MachO => macho::locate(data),
            Self::Pe => pe::locate(data),
        }
    }

    pub(super) fn regions(self, data: Bytes<'_, '_>) -> Result<Vec<Region>, ImageProblem> {
        match self {
            Self::Elf => elf::regions(data),
            Self::MachO => macho::places::regions(data),
            Self::Pe => pe::regions(data),
        }
    }

    pub(super) fn imports(self, data: Bytes<'_, '_>) -> Result<Imports, ImageProblem> {
        match self {
            Self::Elf => elf::imports(data),
            Self::MachO => macho::imports(data),
            Self::Pe => pe::imports::imports(data),
        }
    }

    pub(super) fn is_intermediate(self, data: Bytes<'_, '_>) -> bool {
        match self {
            Self::Elf => elf::is_intermediate(data),
            // LLVM's object files for LTO on macOS are no images at all.
            Self::MachO => false,
            Self::Pe => pe::is_intermediate(data),
        }
    }

    pub(super) fn loader_texts(self, data: Bytes<'_, '_>) -> Result<Vec<LoaderText>, ImageProblem> {
        match self {
            Self::Elf => elf::loader::texts(data),
            Self::MachO => macho::loader::texts(data),
            Self::Pe => pe::recognize(data).map(|()| Vec::new()),
        }
    }

    pub(super) fn replace_loader_texts(
        self,
        data: Bytes<'_, '_>,
        changes: &[(LoaderText, &[u8])],
    ) -> Result<Vec<Edit>, LoaderProblem> {
        match self {
            Self::Elf => elf::loader::replace(data, changes),
            Self::MachO => macho::loader::replace(data, changes),
            Self::Pe => Err(LoaderProblem::Changed),
        }
    }

    /// Why each of these texts cannot be where the old one is; `None` where it can.
    pub(super) fn loader_problems(
        self,
        data: Bytes<'_, '_>,
        changes: &[(LoaderText, &[u8])],
    ) -> Vec<Option<LoaderProblem>> {
        let each = |change| elf::loader::replace(data, std::slice::from_ref(change)).err();
        match self {
            Self::Elf => changes.iter().map(each).collect(),
            Self::MachO => macho::loader::problems(data, changes),
            Self::Pe => vec![Some(LoaderProblem::Changed); changes.len()],
        }
    }

    pub(super) fn places(
        self,
        data: Bytes<'_, '_>,
        offsets: &[u64],
    ) -> Result<Places, ImageProblem> {
        match self {
            Self::Elf => elf::places::places(data, offsets),
            Self::MachO => macho::places::places(data, offsets),
            Self::Pe => pe::places::places(data, offsets),
        }
    }

    pub(super) fn new_identity(self, file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
        match self {
            Self::Elf => elf::build_id::rewrite(file, path, edits),
            Self::MachO => Err(macho::keeps_identity(path)),
            Self::Pe => Err(pe::keeps_identity(path)),
        }
    }

    pub(super) fn changed_identity(
        self,
        before: &File,
        after: &File,
    ) -> Result<Option<Range<u64>>, UnreadFile> {
        match self {
            Self::Elf => elf::build_id::changed(before, after),
            Self::MachO | Self::Pe => Ok(None),
        }
    }

    /// Where the identity is by which a debugger finds the debug file.
    pub(super) fn identity(self, file: &File, path: &Path) -> Result<Range<u64>> {
        match self {
            Self::Elf => elf::build_id::find(file, path),
            Self::MachO => Err(macho::keeps_identity(path)),
            Self::Pe => Err(pe::keeps_identity(path)),
        }
    }

    /// See [`DebugLink`].
    pub(super) fn debug_link(self, data: Bytes<'_, '_>) -> Result<Option<DebugLink>, ImageProblem> {
        match self {
            Self::Elf => DebugLink::of(data, &elf::places::parts(data)?, elf::is_big_endian(data)),
            Self::MachO => Ok(None),
            Self::Pe => DebugLink::of(data, &pe::places::places(data, &[])?.parts, false),
        }
    }

    /// See [`finish`](mod@super::finish).
    pub(super) fn finish(
        self,
        data: Bytes<'_, '_>,
        edits: &[Edit],
        allowed: Allowed,
    ) -> Result<Finish, FinishProblem> {
        match self {
            Self::Elf => Ok(elf::finish(data)),
            Self::MachO => macho::finish(data, edits, allowed),
            Self::Pe => pe::finish::finish(data, edits, allowed),
        }
    }
}

/// The format of an image; an archive is none.
pub(super) fn format(data: Bytes<'_, '_>) -> Result<Format, ImageProblem> {
    match carrier(data)? {
        Carrier::Image(format) => Ok(format),
        Carrier::Archive | Carrier::Universal => Err(ImageProblem::Unknown),
    }
}

/// Tells the format by the magic number.
pub(super) fn carrier<'d, R: ReadRef<'d>>(data: R) -> Result<Carrier, ImageProblem> {
    let length = data.len().unwrap_or(0);
    let start = data.read_bytes_at(0, length.min(8)).unwrap_or_default();
    Err(match start {
        [] => ImageProblem::Empty,
        [0x7f, b'E', b'L', b'F', ..] => return Ok(Carrier::Image(Format::Elf)),
        [b'#', b'!', ..] => ImageProblem::Script,
        b"!<arch>\n" | b"!<thin>\n" => return Ok(Carrier::Archive),
        // LLVM bitcode, bare or wrapped.
        [b'B', b'C', 0xc0, 0xde, ..] | [0xde, 0xc0, 0x17, 0x0b, ..] => ImageProblem::Intermediate,
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..] => {
            return Ok(Carrier::Image(Format::MachO));
        }
        // How many processors follows. A Java class begins alike, with its version there, which is at
        // least 45 (Java Virtual Machine Specification, 4.1).
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, 1..45] => return Ok(Carrier::Universal),
        _ => return pe::recognize(data).map(|()| Carrier::Image(Format::Pe)),
    })
}
