//! PE, of 32 and 64 bits, and COFF, of which its object files are (Microsoft, "PE Format").
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

pub(super) mod finish;
mod header;
pub(super) mod imports;
pub(super) mod kind;
pub(super) mod places;
mod symbols;

use std::path::Path;

use object::LittleEndian as LE;
use object::pe;
use object::read::ReadRef;
use postlink_codegen::names::PE_SECTION;
use postlink_format::{HEADER_SIZE, MAGIC};

use self::header::{Headers, damaged};
use self::symbols::CoffSymbols;
use super::section::{Candidate, Region};
use crate::error::{Error, ImageProblem, SectionProblem};
use crate::shown::escaped;

/// How the names of sections with GCC's intermediate code begin (GCC, `lto-section-names.h`).
const INTERMEDIATE: &str = ".gnu.lto_";

/// How the symbol ends by which GCC marks an object file without machine code. On some machines, all
/// names begin with a further `_`.
const ONLY_INTERMEDIATE: &[u8] = b"__gnu_lto_slim";

pub(super) fn recognize<'d, R: ReadRef<'d>>(data: R) -> Result<(), ImageProblem> {
    kind::kind(data).map(|_| ())
}

/// An image keeps the number that the `.pdb` file has too: by that debuggers find it.
pub(super) fn keeps_identity(path: &Path) -> Error {
    Error::input(
        format!("{}: a PE file has no build-id that could be rewritten", escaped(path)),
        "leave out --rewrite-build-id: the number stays by which debuggers find the .pdb file",
    )
}

pub(super) fn locate<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Candidate>, ImageProblem> {
    let headers = Headers::read(data)?;
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let mut found = Vec::new();
    let mut has_intermediate = false;
    for section in headers.sections.iter() {
        let name = headers.name(section);
        has_intermediate |= name.starts_with(INTERMEDIATE);
        let (offset, size) = headers.used(section);
        let by_name = name == PE_SECTION;
        let flags = section.characteristics.get(LE);
        let problem = if flags.contains(pe::IMAGE_SCN_CNT_UNINITIALIZED_DATA) || size == 0 {
            Some(SectionProblem::NoBits)
        } else if offset.checked_add(size).is_none_or(|end| end > length) {
            Some(SectionProblem::Outside)
        } else {
            None
        };
        // A linker may be told to give it another name: then the section is known by how it begins.
        let may_begin = problem.is_none()
            && size >= u64::from(HEADER_SIZE)
            && flags.contains(pe::IMAGE_SCN_CNT_INITIALIZED_DATA);
        let begins = || data.read_bytes_at(offset, MAGIC.len() as u64) == Ok(&MAGIC);
        if by_name || (may_begin && begins()) {
            found.push(Candidate {
                member: None,
                slice: None,
                name,
                offset,
                size,
                by_name,
                problem,
                has_intermediate: false,
            });
        }
    }
    let is_object = headers.image.is_none();
    found.iter_mut().for_each(|one| one.has_intermediate = is_object && has_intermediate);
    Ok(found)
}

pub(super) fn regions<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Region>, ImageProblem> {
    let headers = Headers::read(data)?;
    let region = |name: &str, offset: u64, end: u64| Region {
        name: name.to_owned(),
        offset,
        size: end.saturating_sub(offset),
    };
    let table = (headers.sections.len() as u64)
        .saturating_mul(size_of::<pe::ImageSectionHeader>() as u64)
        .saturating_add(headers.header.end);
    let mut regions = vec![
        region("DOS header", 0, headers.header.start),
        region("header", headers.header.start, headers.header.end),
        region("section headers", headers.header.end, table),
    ];
    for section in headers.sections.iter() {
        let offset = section.pointer_to_raw_data.get(LE).into();
        let size: u64 = section.size_of_raw_data.get(LE).into();
        if !section.characteristics.get(LE).contains(pe::IMAGE_SCN_CNT_UNINITIALIZED_DATA) {
            let name = headers.name(section);
            regions.push(Region { name, offset, size });
        }
    }
    if let Some(strings) = headers.string_range(data) {
        regions.push(region("symbols", headers.symbols.offset, strings.end));
    }
    if let Some(range) = finish::certificates(&headers) {
        regions.push(region("certificate table", range.start, range.end));
    }
    let length = data.len().unwrap_or_default();
    let end = regions.iter().map(|one| one.offset.saturating_add(one.size)).max();
    regions.push(region("data behind the image", end.unwrap_or_default(), length));
    regions.retain(|region| region.size > 0);
    regions.sort_by_key(|region| region.offset);
    Ok(regions)
}

/// Whether this is an object file that holds intermediate code and nothing else.
pub(super) fn is_intermediate<'d, R: ReadRef<'d>>(data: R) -> bool {
    let Ok(headers) = Headers::read(data) else { return false };
    let symbols = CoffSymbols::read(&headers, data);
    let is_mark = |name: &[u8]| name.ends_with(ONLY_INTERMEDIATE);
    headers.image.is_none()
        && symbols.all.iter().any(|symbol| symbols.name(symbol).is_some_and(is_mark))
}
