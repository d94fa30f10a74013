//! Mach-O, 32 and 64 bits, both byte orders, and universal files (Apple, `<mach-o/loader.h>`,
//! `<mach-o/fat.h>`).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod code_directory;
mod header;
pub(super) mod loader;
pub(super) mod places;
mod signature;
pub(super) mod universal;

use std::path::Path;

use memchr::memmem;
use object::Endianness;
use object::macho;
use object::read::ReadRef;
use object::read::macho::{MachHeader, Nlist};
use postlink_codegen::names::{ELF_PREFIX, MACHO_SECTION};
use postlink_format::{HEADER_SIZE, MAGIC};

use self::header::{Mach, damaged, is_64, with_width};
use super::section::Candidate;
use crate::error::{Error, ImageProblem, Imports, SectionProblem};
use crate::shown::{escaped, text};

pub(super) use self::signature::finish;

/// How a path begins that is beside the image, beside the program, or in a folder of `LC_RPATH`
/// (dyld(1)).
pub(super) const RELATIVE: [&str; 3] = [LOADER_PATH, "@executable_path", "@rpath"];

/// The file that has hashes of the other files of a bundle, in the folder that these are in (Apple, "Code
/// Signing In Depth", "Resources").
pub(super) const SEAL: &str = "_CodeSignature/CodeResources";

/// The folder of the image itself.
const LOADER_PATH: &str = "@loader_path";

pub(super) fn locate<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Candidate>, ImageProblem> {
    with_width!(locate_as, data)
}

pub(super) fn imports<'d, R: ReadRef<'d>>(data: R) -> Result<Imports, ImageProblem> {
    with_width!(imports_as, data)
}

/// An image keeps its `LC_UUID`: by that its `.dSYM` and crash reports find it.
pub(super) fn keeps_identity(path: &Path) -> Error {
    Error::input(
        format!("{}: a Mach-O file has no build-id", escaped(path)),
        "leave out --rewrite-build-id: the UUID stays, by which debuggers find the .dSYM",
    )
}

fn locate_as<'d, H, R>(data: R) -> Result<Vec<Candidate>, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let mut found = Vec::new();
    for section in Mach::<H>::read(data)?.sections {
        let by_name = section.name == MACHO_SECTION;
        let range = section.range.clone().unwrap_or_default();
        let size = range.end.saturating_sub(range.start);
        let problem = if section.range.is_none() {
            Some(SectionProblem::NoBits)
        } else if section.is_encrypted {
            Some(SectionProblem::Encrypted)
        } else if range.end > length {
            Some(SectionProblem::Outside)
        } else {
            None
        };
        // The linker may have given it another name (-rename_section).
        let may_begin = problem.is_none() && size >= u64::from(HEADER_SIZE);
        let begins = || data.read_bytes_at(range.start, MAGIC.len() as u64) == Ok(&MAGIC);
        if by_name || (may_begin && begins()) {
            found.push(Candidate {
                slice: None,
                member: None,
                name: section.name,
                offset: range.start,
                size,
                by_name,
                problem,
                has_intermediate: false,
            });
        }
    }
    Ok(found)
}

/// The libraries that may carry a record, and whether an undefined symbol is an accessor's.
fn imports_as<'d, H, R>(data: R) -> Result<Imports, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let mach = Mach::<H>::read(data)?;
    let accessor = memmem::Finder::new(ELF_PREFIX);
    let (symbols, names) = places::symbols(&mach, data)?;
    let is_accessor = |symbol: &H::Nlist| {
        let name = places::symbol_name(names, symbol.n_strx(mach.endian));
        symbol.is_undefined() && name.is_some_and(|name| accessor.find(name).is_some())
    };
    let accessors = symbols.iter().any(is_accessor);
    let of_system = ["/usr/lib/", "/System/"];
    let libraries = loader::needed(&mach)?.into_iter();
    let libraries = libraries.map(text);
    Ok(Imports {
        libraries: libraries
            .filter(|library| !of_system.iter().any(|start| library.starts_with(start)))
            .collect(),
        accessors,
        unlinked: mach.header.filetype(mach.endian) == macho::MH_OBJECT,
    })
}
