//! ELF, 32 and 64 bits, both byte orders (System V gABI, chapter 4, "Object Files").
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

pub(super) mod build_id;
mod header;
pub(super) mod loader;
pub(super) mod places;

use std::ops::Range;

use memchr::memmem;
use object::Endianness;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{FileHeader, SectionHeader, Sym};
use postlink_codegen::names::ELF_PREFIX;
use postlink_format::{HEADER_SIZE, MAGIC};

use self::header::{Sections, Symbols, class, damaged, file_range, with_class};
use super::finish::Finish;
use super::section::{Candidate, Region};
use crate::error::{ImageProblem, Imports, SectionProblem};
use crate::shown::text;

/// The folder of the file itself, in a RUNPATH (ld.so(8), "Dynamic string tokens").
pub(super) const ORIGIN: [&str; 2] = ["$ORIGIN", "${ORIGIN}"];

pub(super) fn locate<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Candidate>, ImageProblem> {
    with_class!(locate_as, data)
}

pub(super) fn regions<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Region>, ImageProblem> {
    with_class!(regions_as, data)
}

pub(super) fn imports<'d, R: ReadRef<'d>>(data: R) -> Result<Imports, ImageProblem> {
    with_class!(imports_as, data)
}

fn build_ids<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Range<u64>>, ImageProblem> {
    with_class!(build_ids_as, data)
}

/// Whether the highest byte of a number comes first: `e_ident[EI_DATA]`.
pub(super) fn is_big_endian<'d, R: ReadRef<'d>>(data: R) -> bool {
    data.read_bytes_at(5, 1) == Ok(&[elf::ELFDATA2MSB.0])
}

/// How a signed kernel module ends (Linux, `MODULE_SIG_STRING` in `module_signature.h`).
const MODULE_SIGNATURE: &[u8] = b"~Module signature appended~\n";

/// Nothing depends on the bytes of a file but the signature of a kernel module, which is at its end.
pub(super) fn finish<'d, R: ReadRef<'d>>(data: R) -> Finish {
    let size = MODULE_SIGNATURE.len() as u64;
    let start = data.len().unwrap_or_default().saturating_sub(size);
    let is_signed = data.read_bytes_at(start, size) == Ok(MODULE_SIGNATURE);
    let warning = is_signed.then(|| {
        "it ends with a kernel module's signature, which is no longer valid: sign it again \
         (strip --strip-debug removes the old signature, scripts/sign-file adds one)"
            .to_owned()
    });
    Finish { warnings: warning.into_iter().collect(), ..Finish::default() }
}

/// Whether this is an object file that holds intermediate code and nothing else.
pub(super) fn is_intermediate<'d, R: ReadRef<'d>>(data: R) -> bool {
    let is_intermediate = || with_class!(is_intermediate_as, data);
    is_intermediate().unwrap_or_default()
}

/// How the names of sections with intermediate code begin: of GCC (`lto-section-names.h`), and of
/// LLVM ("Fat LTO").
const INTERMEDIATE: [&[u8]; 2] = [b".gnu.lto_", b".llvm.lto"];

/// The symbol by which GCC marks an object file without machine code.
const ONLY_INTERMEDIATE: &[u8] = b"__gnu_lto_slim";

fn locate_as<'d, F, R>(data: R) -> Result<Vec<Candidate>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let sections = Sections::<F>::read(data)?;
    let endian = sections.endian;
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let mut found = Vec::new();
    let mut has_intermediate = false;
    for header in sections.headers {
        let name = sections.name(header)?;
        has_intermediate |= INTERMEDIATE.iter().any(|start| name.starts_with(start));
        let (offset, size) = (header.sh_offset(endian).into(), header.sh_size(endian).into());
        let by_name = name.starts_with(ELF_PREFIX.as_bytes());
        let is_program_data = header.sh_type(endian) == elf::SHT_PROGBITS;
        let flags = header.sh_flags(endian);
        let problem = if header.sh_type(endian) == elf::SHT_NOBITS {
            Some(SectionProblem::NoBits)
        } else if flags.contains(elf::SHF_COMPRESSED) {
            Some(SectionProblem::Compressed)
        } else if offset.checked_add(size).is_none_or(|end| end > length) {
            Some(SectionProblem::Outside)
        } else {
            None
        };
        // A schema may set another name: then the section is known by how it begins.
        let may_begin = is_program_data && problem.is_none() && size >= u64::from(HEADER_SIZE);
        let begins = || data.read_bytes_at(offset, MAGIC.len() as u64) == Ok(&MAGIC);
        if (by_name && (is_program_data || problem.is_some()))
            || (may_begin && flags.contains(elf::SHF_ALLOC) && begins())
        {
            let name = text(name);
            found.push(Candidate {
                slice: None,
                member: None,
                name,
                offset,
                size,
                by_name,
                problem,
                has_intermediate: false,
            });
        }
    }
    found.iter_mut().for_each(|section| section.has_intermediate = has_intermediate);
    Ok(found)
}

fn regions_as<'d, F, R>(data: R) -> Result<Vec<Region>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let sections = Sections::<F>::read(data)?;
    let (header, endian) = (sections.header, sections.endian);
    let table = |name: &str, offset: u64, count: usize, size: u16| Region {
        name: name.to_owned(),
        offset,
        size: (count as u64).saturating_mul(u64::from(size)),
    };
    let segments = header.program_headers(endian, data).map_err(damaged)?;
    let mut regions = vec![
        table("ELF header", 0, 1, header.e_ehsize(endian)),
        table(
            "program headers",
            header.e_phoff(endian).into(),
            segments.len(),
            header.e_phentsize(endian),
        ),
        table(
            "section headers",
            header.e_shoff(endian).into(),
            sections.headers.len(),
            header.e_shentsize(endian),
        ),
    ];
    for section in sections.headers {
        if let Some((offset, size)) = file_range(section, endian) {
            let name = sections.label(section)?;
            regions.push(Region { name, offset, size });
        }
    }
    regions.retain(|region| region.size > 0);
    regions.sort_by_key(|region| region.offset);
    Ok(regions)
}

/// The descriptors of all notes `NT_GNU_BUILD_ID` that have bytes.
fn build_ids_as<'d, F, R>(data: R) -> Result<Vec<Range<u64>>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let sections = Sections::<F>::read(data)?;
    let endian = sections.endian;
    let mut found = Vec::new();
    for header in sections.headers {
        let Some(mut notes) = header.notes(endian, data).map_err(damaged)? else { continue };
        let bytes = header.data(endian, data).map_err(damaged)?;
        while let Some(note) = notes.next().map_err(damaged)? {
            let is_build_id =
                note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID;
            let descriptor = note.desc();
            // A part of the section's bytes.
            let at = descriptor.as_ptr().addr().checked_sub(bytes.as_ptr().addr());
            if let (true, false, Some(at)) = (is_build_id, descriptor.is_empty(), at) {
                let start = header.sh_offset(endian).into().saturating_add(at as u64);
                found.push(start..start.saturating_add(descriptor.len() as u64));
            }
        }
    }
    Ok(found)
}

fn is_intermediate_as<'d, F, R>(data: R) -> Result<bool, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let sections = Sections::<F>::read(data)?;
    let endian = sections.endian;
    if sections.header.e_type(endian) != elf::ET_REL {
        return Ok(false);
    }
    let symbols = Symbols::read(&sections, data, elf::SHT_SYMTAB)?;
    let is_mark = |symbol: &F::Sym| symbols.name(endian, symbol) == Some(ONLY_INTERMEDIATE);
    Ok(symbols.table.iter().any(is_mark))
}

/// The libraries that may carry a record, and whether an undefined dynamic symbol is an accessor's.
fn imports_as<'d, F, R>(data: R) -> Result<Imports, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let sections = Sections::<F>::read(data)?;
    let endian = sections.endian;
    let symbols = Symbols::read(&sections, data, elf::SHT_DYNSYM)?;
    let accessor = memmem::Finder::new(ELF_PREFIX);
    let is_accessor = |symbol: &F::Sym| {
        let name = || symbols.name(endian, symbol).unwrap_or_default();
        symbol.is_undefined(endian) && accessor.find(name()).is_some()
    };
    let mut libraries = loader::needed::<F, R>(data)?;
    libraries.retain(|library| !is_of_system(library));
    Ok(Imports {
        libraries,
        accessors: symbols.table.iter().any(is_accessor),
        unlinked: sections.header.e_type(endian) == elf::ET_REL,
    })
}

/// Whether a library comes with the system or the compiler: glibc, musl, GCC, LLVM.
fn is_of_system(library: &str) -> bool {
    let (name, _) = library.split_once(".so").unwrap_or((library, ""));
    SYSTEM_LIBRARIES.contains(&name)
        || ["ld-", "ld64", "libc.musl-", "libclang_rt."].iter().any(|start| name.starts_with(start))
}

const SYSTEM_LIBRARIES: [&str; 25] = [
    "libanl",
    "libasan",
    "libatomic",
    "libc",
    "libc++",
    "libc++abi",
    "libcrypt",
    "libdl",
    "libgcc_s",
    "libgfortran",
    "libgomp",
    "libhwasan",
    "liblsan",
    "libm",
    "libmvec",
    "libnsl",
    "libpthread",
    "libquadmath",
    "libresolv",
    "librt",
    "libstdc++",
    "libtsan",
    "libubsan",
    "libunwind",
    "libutil",
];
