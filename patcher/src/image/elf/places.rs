//! What the bytes of an ELF file are for (System V gABI, chapter 4, "Sections" and "Symbol Table").
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use object::Endianness;
use object::elf;
use object::read::ReadRef;
use object::read::elf::{FileHeader, SectionHeader, Sym, SymbolTable};

use super::header::{Sections, Symbols, class, damaged, file_range, with_class};
use super::loader;
use crate::error::ImageProblem;
use crate::image::places::{Compression, Part, Places, Purpose, Symbol, demangled};

pub(in crate::image) fn places<'d, R: ReadRef<'d>>(
    data: R,
    offsets: &[u64],
) -> Result<Places, ImageProblem> {
    let parts = match parts(data) {
        // The loader needs none.
        Err(ImageProblem::NoSectionHeaders) => vec![Part {
            name: "file without section headers".to_owned(),
            range: 0..data.len().unwrap_or_default(),
            purpose: Purpose::Other,
            compressed: None,
        }],
        parts => parts?,
    };
    let mut places = Places { parts, ..Places::default() };
    places.strings = loader::texts(data)?;
    places.strings.sort_by_key(|string| string.range.start);
    // Without names of symbols a place is still known by its section.
    let symbols = || with_class!(symbols_as, data, offsets);
    places.symbols = symbols().unwrap_or_else(|_| vec![None; offsets.len()]);
    Ok(places)
}

/// The sections that have bytes in the file, sorted by offset.
pub(in crate::image) fn parts<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Part>, ImageProblem> {
    with_class!(parts_as, data)
}

fn parts_as<'d, F, R>(data: R) -> Result<Vec<Part>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let sections = Sections::<F>::read(data)?;
    let endian = sections.endian;
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let mut parts = Vec::new();
    for section in sections.headers {
        let Some((offset, size)) = file_range(section, endian) else { continue };
        if offset.checked_add(size).is_none_or(|end| end > length) {
            continue;
        }
        let name = sections.label(section)?;
        let compressed = match section.compression(endian, data) {
            Ok(Some((header, offset, _))) => {
                compression::<F>(header, endian).map(|how| (how, offset))
            }
            // The older way of GNU: `ZLIB`, and the size in eight bytes.
            _ if name.starts_with(".zdebug_") => {
                Some((Compression::Zlib, offset.saturating_add(12)))
            }
            _ => None,
        };
        parts.push(Part {
            purpose: purpose::<F>(&name, section, endian),
            range: offset..offset.saturating_add(size),
            name,
            compressed,
        });
    }
    parts.sort_by_key(|part| part.range.start);
    Ok(parts)
}

fn compression<F: FileHeader>(
    header: &F::CompressionHeader,
    endian: F::Endian,
) -> Option<Compression> {
    use object::read::elf::CompressionHeader;
    match header.ch_type(endian) {
        elf::ELFCOMPRESS_ZLIB => Some(Compression::Zlib),
        elf::ELFCOMPRESS_ZSTD => Some(Compression::Zstd),
        _ => None,
    }
}

fn purpose<F: FileHeader>(name: &str, section: &F::SectionHeader, endian: F::Endian) -> Purpose {
    let flags = section.sh_flags(endian);
    if name == ".note.gnu.build-id" {
        Purpose::BuildId
    } else if name == ".gnu_debuglink" {
        Purpose::DebugLink
    } else if flags.contains(elf::SHF_EXECINSTR) {
        Purpose::Code
    } else if flags.contains(elf::SHF_ALLOC) {
        Purpose::Data
    } else if name.starts_with(".debug_") || name.starts_with(".gnu.debuglto_") {
        Purpose::Debug
    } else {
        Purpose::Other
    }
}

/// A symbol that stands for bytes of the file: where they begin, how many, its place in the table.
struct Extent {
    start: u64,
    size: u64,
    section: usize,
    index: object::SymbolIndex,
}

fn symbols_as<'d, F, R>(data: R, offsets: &[u64]) -> Result<Vec<Option<Symbol>>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    if offsets.is_empty() {
        return Ok(Vec::new());
    }
    let sections = Sections::<F>::read(data)?;
    let endian = sections.endian;
    let mut symbols = Symbols::read(&sections, data, elf::SHT_SYMTAB)?;
    if symbols.table.is_empty() {
        symbols = Symbols::read(&sections, data, elf::SHT_DYNSYM)?;
    }
    let mut extents = extents(&sections, &symbols.table);
    extents.sort_by_key(|extent| (extent.start, extent.size));
    // Many offsets may lie in one object, and a name takes long to demangle.
    let mut last: Option<(object::SymbolIndex, String)> = None;
    let mut symbol_at = |offset: u64| {
        let behind = extents.partition_point(|extent| extent.start <= offset);
        let extent = extents.get(behind.checked_sub(1)?)?;
        let (start, size) = file_range(sections.headers.get(extent.section)?, endian)?;
        // A symbol of another section says nothing.
        if !(start..start.saturating_add(size)).contains(&offset) {
            return None;
        }
        let (_, name) = match last.take().filter(|(index, _)| *index == extent.index) {
            Some(known) => last.insert(known),
            None => {
                let symbol = symbols.table.symbol(extent.index).ok()?;
                last.insert((extent.index, demangled(symbols.name(endian, symbol)?)))
            }
        };
        Some(Symbol {
            name: name.clone(),
            distance: offset.saturating_sub(extent.start),
            size: extent.size,
        })
    };
    Ok(offsets.iter().map(|&offset| symbol_at(offset)).collect())
}

fn extents<'d, F, R>(sections: &Sections<'d, F>, table: &SymbolTable<'d, F, R>) -> Vec<Extent>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let endian = sections.endian;
    // In an object file a value is an offset in its section, elsewhere an address.
    let relocatable = sections.header.e_type(endian) == elf::ET_REL;
    let extent = |(index, symbol): (object::SymbolIndex, &F::Sym)| {
        let kind = symbol.st_type();
        let named = [elf::STT_OBJECT, elf::STT_FUNC, elf::STT_GNU_IFUNC].contains(&kind);
        let section = table.symbol_section(endian, symbol, index).ok()??.0;
        if !named {
            return None;
        }
        let header = sections.headers.get(section)?;
        let base: u64 = if relocatable { 0 } else { header.sh_addr(endian).into() };
        let distance = symbol.st_value(endian).into().checked_sub(base)?;
        let (start, _) = file_range(header, endian)?;
        let start = start.checked_add(distance)?;
        Some(Extent { start, size: symbol.st_size(endian).into(), section, index })
    };
    table.enumerate().filter_map(extent).collect()
}
