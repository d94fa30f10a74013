//! What the bytes of a PE or COFF file are for (PE Format, "Section Table", "The .debug Section", "COFF
//! Symbol Table").
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::LittleEndian as LE;
use object::pe;
use object::read::ReadRef;

use super::header::{Headers, damaged};
use super::symbols::CoffSymbols;
use crate::error::ImageProblem;
use crate::image::places::{Compression, Part, Places, Purpose, Symbol, demangled};

/// Most entries for debuggers; linkers write a handful.
const MOST_DEBUG: usize = 64;

/// The signature before the name of the file with debug information, and how many bytes stand before that name:
/// this, a number of 16 bytes and one of 4 that the file has too.
const CODEVIEW: &[u8] = b"RSDS";
const CODEVIEW_HEADER: u64 = 24;

pub(in crate::image) fn places<'d, R: ReadRef<'d>>(
    data: R,
    offsets: &[u64],
) -> Result<Places, ImageProblem> {
    let headers = Headers::read(data)?;
    let mut parts = parts(&headers, data);
    for one in inner(&headers, data)? {
        parts = carved(parts, one);
    }
    parts.sort_by_key(|part| part.range.start);
    let symbols = symbols(&headers, data, offsets);
    Ok(Places { parts, strings: Vec::new(), symbols })
}

/// The sections that have bytes in the file.
fn parts<'d, R: ReadRef<'d>>(headers: &Headers<'d>, data: R) -> Vec<Part> {
    let length = data.len().unwrap_or_default();
    let part = |section: &'d pe::ImageSectionHeader| {
        let flags = section.characteristics.get(LE);
        let start: u64 = section.pointer_to_raw_data.get(LE).into();
        let range = start..start.checked_add(section.size_of_raw_data.get(LE).into())?;
        let is_empty = flags.contains(pe::IMAGE_SCN_CNT_UNINITIALIZED_DATA) || range.is_empty();
        if is_empty || range.end > length {
            return None;
        }
        let name = headers.name(section);
        // GNU's way: `ZLIB`, and the size in eight bytes.
        let is_compressed = name.starts_with(".zdebug_");
        let compressed = is_compressed.then(|| (Compression::Zlib, start.saturating_add(12)));
        Some(Part { purpose: purpose(&name, flags), range, name, compressed })
    };
    let mut parts: Vec<Part> = headers.sections.iter().filter_map(part).collect();
    parts.sort_by_key(|part| part.range.start);
    parts
}

fn purpose(name: &str, flags: pe::SectionFlags) -> Purpose {
    if name == ".gnu_debuglink" {
        Purpose::DebugLink
    } else if [".debug", ".zdebug_", ".stab", ".gnu.debuglto_"]
        .iter()
        .any(|one| name.starts_with(one))
    {
        Purpose::Debug
    } else if flags.contains(pe::IMAGE_SCN_MEM_EXECUTE) {
        Purpose::Code
    } else if flags.contains(pe::IMAGE_SCN_CNT_INITIALIZED_DATA)
        && !flags.contains(pe::IMAGE_SCN_MEM_DISCARDABLE)
    {
        Purpose::Data
    } else {
        Purpose::Other
    }
}

/// Places with a purpose of their own, in sections and headers.
fn inner<'d, R: ReadRef<'d>>(headers: &Headers<'d>, data: R) -> Result<Vec<Part>, ImageProblem> {
    let part = |name: &str, start: u64, size: u64, purpose| Part {
        name: name.to_owned(),
        range: start..start.saturating_add(size),
        purpose,
        compressed: None,
    };
    let stamp = |start| part("time stamp", start, 4, Purpose::Stamp);
    let mut found = vec![stamp(headers.stamp)];
    let Some(image) = &headers.image else { return Ok(found) };
    found.push(part("checksum", image.checksum_at, 4, Purpose::Stamp));
    if let Some(exports) = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_EXPORT) {
        // `TimeDateStamp` is the second field of the table.
        found.push(stamp(exports.start.saturating_add(4)));
    }
    let table = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG).unwrap_or_default();
    let entries = headers.debug(data);
    if entries.len() > MOST_DEBUG {
        return Err(damaged(format!("its debug directory has more than {MOST_DEBUG} entries")));
    }
    let size = size_of::<pe::ImageDebugDirectory>() as u64;
    let starts = (0..).map(|at: u64| table.start.saturating_add(at.saturating_mul(size)));
    for (entry, start) in entries.iter().zip(starts) {
        // Here too.
        found.push(stamp(start.saturating_add(4)));
        let (start, size): (u64, u64) =
            (entry.pointer_to_raw_data.get(LE).into(), entry.size_of_data.get(LE).into());
        match entry.typ.get(LE) {
            pe::IMAGE_DEBUG_TYPE_REPRO => {
                found.push(part("hash of the linker", start, size, Purpose::Stamp));
            }
            pe::IMAGE_DEBUG_TYPE_CODEVIEW
                if data.read_bytes_at(start, 4) == Ok(CODEVIEW) && size > CODEVIEW_HEADER =>
            {
                found.push(part("debug identity", start, CODEVIEW_HEADER, Purpose::BuildId));
                let name = start.saturating_add(CODEVIEW_HEADER);
                let rest = size.saturating_sub(CODEVIEW_HEADER);
                found.push(part("name of the debug file", name, rest, Purpose::Debug));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The parts with one of its own that lies in one of them, or between them. One that does not is left
/// out.
fn carved(parts: Vec<Part>, inner: Part) -> Vec<Part> {
    let Range { start, end } = inner.range;
    let mut all = Vec::new();
    let mut fits = start < end;
    for part in &parts {
        let overlaps = part.range.start < end && start < part.range.end;
        fits &= !overlaps || (part.range.start <= start && end <= part.range.end);
    }
    if !fits {
        return parts;
    }
    for part in parts {
        if part.range.start <= start && end <= part.range.end {
            let (before, after) = (part.range.start..start, end..part.range.end);
            let piece = |range| Part { range, ..part.clone() };
            all.extend([before, after].into_iter().filter(|one| !one.is_empty()).map(piece));
        } else {
            all.push(part);
        }
    }
    all.push(inner);
    all
}

/// The symbols at these offsets. A symbol has no size of its own: it reaches to the next one, or to the
/// end of its section.
fn symbols<'d, R: ReadRef<'d>>(
    headers: &Headers<'d>,
    data: R,
    offsets: &[u64],
) -> Vec<Option<Symbol>> {
    if offsets.is_empty() {
        return Vec::new();
    }
    let symbols = CoffSymbols::read(headers, data);
    let place = |number: usize| {
        let section = headers.sections.section(object::SectionIndex(number)).ok()?;
        let (start, size) = headers.used(section);
        Some(start..start.checked_add(size)?)
    };
    let defined = symbols.all.iter().filter(|symbol| symbol.is_definition);
    let mut found: Vec<_> = defined
        .filter_map(|symbol| {
            let section = place(symbol.section)?;
            let start = section.start.checked_add(symbol.value.into())?;
            section.contains(&start).then_some((start, section.end, symbol))
        })
        .collect();
    found.sort_by_key(|(start, ..)| *start);
    // Many offsets may lie in one object, and a name takes long to demangle.
    let mut last: Option<(usize, String)> = None;
    let mut symbol_at = |offset: u64| {
        let behind = found.partition_point(|(start, ..)| *start <= offset);
        let (start, end, symbol) = found.get(behind.checked_sub(1)?)?;
        if offset >= *end {
            return None;
        }
        let next = found.get(behind).map_or(*end, |(next, ..)| *next);
        let (_, name) = match last.take().filter(|(known, _)| *known == behind) {
            Some(known) => last.insert(known),
            None => last.insert((behind, demangled(symbols.name(symbol)?))),
        };
        Some(Symbol {
            name: name.clone(),
            distance: offset.saturating_sub(*start),
            size: next.min(*end).saturating_sub(*start),
        })
    };
    offsets.iter().map(|&offset| symbol_at(offset)).collect()
}
