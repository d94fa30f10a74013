//! What the bytes of a Mach-O file are for (Apple, `<mach-o/loader.h>`, `<mach-o/nlist.h>`).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::Endianness;
use object::macho;
use object::read::ReadRef;
use object::read::macho::{LoadCommandVariant, MachHeader, Nlist, Section};

use super::header::{Mach, MachSection, damaged, is_64, with_width};
use super::loader;
use crate::error::ImageProblem;
use crate::image::places::{Part, Places, Purpose, Symbol, demangled};
use crate::image::section::Region;
use crate::image::strings::{LONGEST_SYMBOL, string};

pub(in crate::image) fn places<'d, R: ReadRef<'d>>(
    data: R,
    offsets: &[u64],
) -> Result<Places, ImageProblem> {
    let mut places = Places { parts: with_width!(parts_as, data)?, ..Places::default() };
    places.strings = loader::texts(data)?;
    places.strings.sort_by_key(|string| string.range.start);
    // Without names of symbols a place is still known by its section.
    let symbols: Result<_, ImageProblem> = with_width!(symbols_as, data, offsets);
    places.symbols = symbols.unwrap_or_else(|_| vec![None; offsets.len()]);
    Ok(places)
}

pub(in crate::image) fn regions<'d, R: ReadRef<'d>>(data: R) -> Result<Vec<Region>, ImageProblem> {
    let header = match is_64(data)? {
        true => size_of::<macho::MachHeader64<Endianness>>() as u64,
        false => size_of::<macho::MachHeader32<Endianness>>() as u64,
    };
    let end = with_width!(commands_end_as, data)?;
    let parts: Vec<Part> = with_width!(parts_as, data)?;
    let mut ranges: Vec<(String, Range<u64>)> =
        parts.into_iter().map(|part| (part.name, part.range)).collect();
    ranges.push(("Mach-O header".to_owned(), 0..header));
    // Behind the UUID, which lies in them.
    ranges.push(("load commands".to_owned(), header..end));
    let region = |(name, range): (String, Range<u64>)| Region {
        name,
        offset: range.start,
        size: range.end.saturating_sub(range.start),
    };
    Ok(ranges.into_iter().map(region).collect())
}

fn commands_end_as<'d, H, R>(data: R) -> Result<u64, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    Ok(Mach::<H>::read(data)?.commands_end())
}

/// What a load command names beside sections.
pub(super) struct Named {
    name: &'static str,
    pub(super) range: Range<u64>,
    purpose: Purpose,
}

/// What load commands name beside sections, most of it in `__LINKEDIT`.
pub(super) fn tables<H: MachHeader<Endian = Endianness>>(
    mach: &Mach<'_, H>,
) -> Result<Vec<Named>, ImageProblem> {
    let endian = mach.endian;
    let mut found = Vec::new();
    for command in &mach.commands {
        let mut add_for = |purpose, name, start: u64, size: u64| {
            if size > 0 {
                found.push(Named { name, range: start..start.saturating_add(size), purpose });
            }
        };
        let mut add = |name, start, size| add_for(Purpose::Other, name, start, size);
        match command.variant().map_err(damaged)? {
            LoadCommandVariant::Symtab(table) => {
                let size = u64::from(table.nsyms.get(endian));
                let size = size.saturating_mul(size_of::<H::Nlist>() as u64);
                add("symbol table", table.symoff.get(endian).into(), size);
                add(
                    "names of symbols",
                    table.stroff.get(endian).into(),
                    table.strsize.get(endian).into(),
                );
            }
            LoadCommandVariant::Dysymtab(table) => {
                let size = u64::from(table.nindirectsyms.get(endian)).saturating_mul(4);
                add("indirect symbols", table.indirectsymoff.get(endian).into(), size);
            }
            LoadCommandVariant::DyldInfo(info) => {
                for (name, start, size) in [
                    ("rebases", &info.rebase_off, &info.rebase_size),
                    ("bindings", &info.bind_off, &info.bind_size),
                    ("weak bindings", &info.weak_bind_off, &info.weak_bind_size),
                    ("lazy bindings", &info.lazy_bind_off, &info.lazy_bind_size),
                    ("exports", &info.export_off, &info.export_size),
                ] {
                    add(name, start.get(endian).into(), size.get(endian).into());
                }
            }
            LoadCommandVariant::LinkeditData(data) => {
                let (purpose, name) = match command.cmd() {
                    macho::LC_CODE_SIGNATURE => (Purpose::Signature, "code signature"),
                    macho::LC_FUNCTION_STARTS => (Purpose::Other, "function starts"),
                    macho::LC_DATA_IN_CODE => (Purpose::Other, "data in code"),
                    macho::LC_DYLD_EXPORTS_TRIE => (Purpose::Other, "exports"),
                    macho::LC_DYLD_CHAINED_FIXUPS => (Purpose::Other, "chained fixups"),
                    _ => (Purpose::Other, "other tables of the linker"),
                };
                let (start, size) = (data.dataoff.get(endian), data.datasize.get(endian));
                add_for(purpose, name, start.into(), size.into());
            }
            LoadCommandVariant::Note(note) => {
                add("note", note.offset.get(endian), note.size.get(endian));
            }
            LoadCommandVariant::Uuid(_) => {
                // Behind the command's kind and size.
                let start = command.offset().saturating_add(8);
                add_for(Purpose::BuildId, "UUID", start, 16);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn parts_as<'d, H, R>(data: R) -> Result<Vec<Part>, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let mach = Mach::<H>::read(data)?;
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let sections = mach.sections.iter().filter_map(|section| {
        Some((section.name.clone(), section.range.clone()?, purpose(section, mach.endian)))
    });
    let tables = tables(&mach)?.into_iter();
    let tables = tables.map(|table| (table.name.to_owned(), table.range, table.purpose));
    let parts = sections.chain(tables).filter(|(_, range, _)| range.end <= length);
    let part = |(name, range, purpose)| Part { name, range, purpose, compressed: None };
    let mut parts: Vec<Part> = parts.map(part).collect();
    parts.sort_by_key(|part| part.range.start);
    Ok(parts)
}

fn purpose<H: MachHeader<Endian = Endianness>>(
    section: &MachSection<'_, H>,
    endian: Endianness,
) -> Purpose {
    let flags = section.header.flags(endian);
    if section.header.segment_name() == b"__DWARF" || flags.contains(macho::S_ATTR_DEBUG) {
        Purpose::Debug
    } else if flags.contains(macho::S_ATTR_PURE_INSTRUCTIONS)
        || flags.contains(macho::S_ATTR_SOME_INSTRUCTIONS)
    {
        Purpose::Code
    } else {
        Purpose::Data
    }
}

/// The symbols, and all their names.
pub(super) fn symbols<'d, H, R>(
    mach: &Mach<'d, H>,
    data: R,
) -> Result<(&'d [H::Nlist], &'d [u8]), ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    for command in &mach.commands {
        let Some(table) = command.symtab().map_err(damaged)? else { continue };
        let endian = mach.endian;
        let (start, count) = (table.symoff.get(endian), table.nsyms.get(endian));
        let outside = |()| damaged("its symbols are behind its end");
        let symbols = data.read_slice_at(start.into(), count as usize).map_err(outside)?;
        let (start, size) = (table.stroff.get(endian), table.strsize.get(endian));
        let names = data.read_bytes_at(start.into(), size.into()).map_err(outside)?;
        return Ok((symbols, names));
    }
    Ok((&[], &[]))
}

/// The name of a symbol, as C knows it; `None` where it has no end, or none near.
pub(super) fn symbol_name(names: &[u8], at: u32) -> Option<&[u8]> {
    let name = string(names, at as usize, LONGEST_SYMBOL)?;
    Some(name.strip_prefix(b"_").unwrap_or(name))
}

/// A symbol that stands for bytes of the file. It goes on to the next one: a symbol has no size.
struct Extent {
    start: u64,
    name: u32,
    /// Where its section ends.
    end: u64,
}

fn symbols_as<'d, H, R>(data: R, offsets: &[u64]) -> Result<Vec<Option<Symbol>>, ImageProblem>
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    if offsets.is_empty() {
        return Ok(Vec::new());
    }
    let mach = Mach::<H>::read(data)?;
    let (symbols, names) = symbols(&mach, data)?;
    let extent = |symbol: &H::Nlist| {
        if symbol.is_stab() || !symbol.is_definition() {
            return None;
        }
        let number = usize::from(symbol.n_sect()).checked_sub(1)?;
        let section = mach.sections.get(number)?;
        let range = section.range.as_ref()?;
        let address: u64 = symbol.n_value(mach.endian).into();
        let distance = address.checked_sub(section.header.addr(mach.endian).into())?;
        let start = range.start.checked_add(distance).filter(|start| *start < range.end)?;
        Some(Extent { start, name: symbol.n_strx(mach.endian), end: range.end })
    };
    let mut extents: Vec<Extent> = symbols.iter().filter_map(extent).collect();
    extents.sort_by_key(|extent| extent.start);
    let symbol_at = |offset: u64| {
        let behind = extents.partition_point(|extent| extent.start <= offset);
        let extent = extents.get(behind.checked_sub(1)?)?;
        // A symbol of another section says nothing.
        let name = symbol_name(names, extent.name).filter(|_| offset < extent.end)?;
        let next = extents.get(behind).map_or(extent.end, |next| next.start.min(extent.end));
        Some(Symbol {
            name: demangled(name),
            distance: offset.saturating_sub(extent.start),
            size: next.saturating_sub(extent.start),
        })
    };
    // Many offsets may lie in one function, and a name takes long to demangle: they are sorted mostly.
    let mut last: Option<(u64, Option<Symbol>)> = None;
    let symbols = offsets.iter().map(|&offset| {
        if let Some((at, Some(symbol))) = &last {
            let start = at.saturating_sub(symbol.distance);
            let distance = offset.checked_sub(start).filter(|distance| *distance < symbol.size);
            if let Some(distance) = distance {
                return Some(Symbol { distance, ..symbol.clone() });
            }
        }
        let found = symbol_at(offset);
        last = Some((offset, found.clone()));
        found
    });
    Ok(symbols.collect())
}
