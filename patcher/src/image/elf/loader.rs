//! What the loader of an ELF file reads (System V gABI, chapter 5, "Program Header" and "Dynamic
//! Section"; Linux Standard Base, "Symbol Versioning").
//!
//! Everything is found by the program headers, as the loader does: section headers may be stripped.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::collections::HashSet;

use object::Endianness;
use object::elf;
use object::pod::Pod;
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, Sym};

use super::header::{class, damaged, with_class};
use crate::edit::Edit;
use crate::error::ImageProblem;
use crate::image::loader::{LoaderProblem, LoaderText, Reader, Role, Table};
use crate::image::strings::string;

/// The records of symbol versions that are read. An index of a version has 15 bits.
const MOST_VERSIONS: usize = 1 << 17;

/// Strings that the loader of one file reads: the largest programs need some hundred libraries.
const MOST_TEXTS: usize = 1 << 12;

/// Bytes that these have together. Linkers let strings share bytes, so that those of a small table
/// could be very many.
const MOST_BYTES: usize = 1 << 24;

/// Bytes of a library's or the loader's name, which is a path (Linux, `PATH_MAX` without the NUL).
const LONGEST_NAME: usize = 4095;

/// Dynamic entries that are the address of a table.
const TABLES: [elf::DynamicTag; 11] = [
    elf::DT_STRTAB,
    elf::DT_SYMTAB,
    elf::DT_HASH,
    elf::DT_GNU_HASH,
    elf::DT_VERSYM,
    elf::DT_VERNEED,
    elf::DT_VERDEF,
    elf::DT_REL,
    elf::DT_RELA,
    elf::DT_RELR,
    elf::DT_JMPREL,
];

/// The way out where a text is too long, which depends on how programs of the format are linked.
pub(in crate::image) const SHORTER: &str = "link it with a longer path, which any shorter one can \
    replace, or with one relative to $ORIGIN";

pub(in crate::image) fn texts<'d, R: ReadRef<'d>>(
    data: R,
) -> Result<Vec<LoaderText>, ImageProblem> {
    with_class!(texts_as, data)
}

/// The edits that put new texts in the place of old ones, each where it is.
pub(in crate::image) fn replace<'d, R: ReadRef<'d>>(
    data: R,
    changes: &[(LoaderText, &[u8])],
) -> Result<Vec<Edit>, LoaderProblem> {
    changes.iter().map(|(old, new)| table(data, old.role)?.replace(old, new)).collect()
}

/// The strings among which those of a role are, and all that reads them.
fn table<'d, R: ReadRef<'d>>(data: R, role: Role) -> Result<Table<'d>, ImageProblem> {
    with_class!(table_as, data, role)
}

fn texts_as<'d, F, R>(data: R) -> Result<Vec<LoaderText>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let loaded = Loaded::<F, R>::read(data)?;
    let mut texts = texts_in(&loaded.interpreter()?)?;
    texts.extend(texts_in(&loaded.dynamic_strings()?)?);
    let is_of_program = loaded.is_program();
    Ok(texts.into_iter().map(|text| LoaderText { is_of_program, ..text }).collect())
}

/// The strings of a table that the loader reads, each once.
fn texts_in(table: &Table<'_>) -> Result<Vec<LoaderText>, ImageProblem> {
    let mut texts = Vec::new();
    let mut known = HashSet::new();
    let mut left = MOST_BYTES;
    for reader in &table.readers {
        let Some(role) = reader.role.filter(|&role| known.insert((role, reader.at))) else {
            continue;
        };
        if known.len() > MOST_TEXTS {
            return Err(damaged("its loader would read more strings than it can"));
        }
        // A list of folders has no limit of its own.
        let longest = if role == Role::SearchPath { left } else { left.min(LONGEST_NAME) };
        let Some(text) = string(table.bytes, reader.at, longest) else {
            match table.bytes.get(reader.at..) {
                Some(bytes) if bytes.len() > longest => {
                    return Err(damaged("a string that its loader reads is too long"));
                }
                _ => continue,
            }
        };
        left = left.saturating_sub(text.len());
        let start = table.start.saturating_add(reader.at as u64);
        let range = start..start.saturating_add(text.len() as u64);
        let (name, origin) = match role {
            Role::SearchPath => ("RUNPATH", Some(super::ORIGIN[0])),
            Role::Interpreter => ("interpreter", None),
            Role::Library => ("library's name", None),
        };
        let is_list = role == Role::SearchPath;
        let text = text.to_owned();
        texts.push(LoaderText { role, name, is_list, origin, is_of_program: false, range, text });
    }
    Ok(texts)
}

/// The libraries that the loader opens for this one, in the order of the file.
pub(super) fn needed<'d, F, R>(data: R) -> Result<Vec<String>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let loaded = Loaded::<F, R>::read(data)?;
    let endian = loaded.endian;
    let mut table = loaded.dynamic_strings()?;
    let entries = loaded.entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED);
    let needed: HashSet<u64> = entries.map(|entry| entry.val(endian)).collect();
    table.readers.retain(|reader| needed.contains(&(reader.at as u64)));
    let texts = texts_in(&table)?.into_iter();
    Ok(texts.map(|text| crate::shown::text(&text.text)).collect())
}

fn table_as<'d, F, R>(data: R, role: Role) -> Result<Table<'d>, ImageProblem>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let loaded = Loaded::<F, R>::read(data)?;
    if role == Role::Interpreter {
        return loaded.interpreter();
    }
    let mut table = loaded.dynamic_strings()?;
    loaded.symbol_names(&mut table.readers)?;
    loaded.version_names(&mut table.readers)?;
    Ok(table)
}

/// The program headers, and the dynamic section up to its end.
struct Loaded<'d, F: FileHeader, R> {
    data: R,
    endian: Endianness,
    /// Whether its type is `ET_EXEC`.
    is_executable: bool,
    segments: &'d [F::ProgramHeader],
    entries: &'d [F::Dyn],
    /// Where sections are that have addresses and no bytes.
    empty: HashSet<u64>,
    /// The dynamic symbols as a section header tells of them: their address, and their size in bytes.
    symbols: Option<(u64, u64)>,
}

impl<'d, F, R> Loaded<'d, F, R>
where
    F: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    fn read(data: R) -> Result<Self, ImageProblem> {
        let header = F::parse(data).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        let segments = header.program_headers(endian, data).map_err(damaged)?;
        let sections = header.section_headers(endian, data).unwrap_or_default();
        // Variables of threads without a value take no addresses: these are of the next section.
        let is_empty = |section: &&F::SectionHeader| {
            let flags = section.sh_flags(endian);
            section.sh_type(endian) == elf::SHT_NOBITS
                && flags.contains(elf::SHF_ALLOC)
                && !flags.contains(elf::SHF_TLS)
                && section.sh_size(endian).into() > 0
        };
        let empty = sections.iter().filter(is_empty);
        let empty = empty.map(|section| section.sh_addr(endian).into()).collect();
        let symbols = sections.iter().find(|section| section.sh_type(endian) == elf::SHT_DYNSYM);
        let symbols =
            symbols.map(|section| (section.sh_addr(endian).into(), section.sh_size(endian).into()));
        let is_executable = header.e_type(endian) == elf::ET_EXEC;
        let mut loaded =
            Self { data, endian, is_executable, segments, entries: &[], empty, symbols };
        // Where there are several, glibc takes the last.
        if let Some(segment) = loaded.segments(elf::PT_DYNAMIC).last() {
            let entries = segment.dynamic(endian, data).map_err(damaged)?.unwrap_or_default();
            let end = entries.iter().position(|entry| entry.tag(endian) == elf::DT_NULL);
            loaded.entries = entries.get(..end.unwrap_or(entries.len())).unwrap_or_default();
        }
        Ok(loaded)
    }

    /// The segments of a type that have bytes in this file: in a separate debug file their places
    /// are those of the file that it was split off.
    fn segments(&self, kind: elf::ProgramType) -> impl Iterator<Item = &'d F::ProgramHeader> {
        self.segments.iter().filter(move |segment| {
            segment.p_type(self.endian) == kind
                && !self.empty.contains(&segment.p_vaddr(self.endian).into())
        })
    }

    /// `PT_INTERP`. The kernel takes the first, and wants a NUL at its end (Linux, `binfmt_elf.c`).
    /// Whether it is a program. A library may have an interpreter too, and some can be run: libc. Linkers mark a
    /// program with `DF_1_PIE` where the type of the file is that of a library (binutils from 2.26 on).
    fn is_program(&self) -> bool {
        let flags = self.value(elf::DT_FLAGS_1).unwrap_or_default();
        self.is_executable || flags & elf::DF_1_PIE.0 != 0
    }

    fn interpreter(&self) -> Result<Table<'d>, ImageProblem> {
        let Some(segment) = self.segments(elf::PT_INTERP).next() else {
            return Ok(Table { start: 0, bytes: &[], readers: Vec::new(), shorter: SHORTER });
        };
        let (start, size) = segment.file_range(self.endian);
        if size.saturating_sub(1) > LONGEST_NAME as u64 {
            return Err(damaged("the name of its interpreter is too long"));
        }
        let bytes = self.data.read_bytes_at(start, size);
        let bytes = bytes.map_err(|()| damaged("its interpreter is behind its end"))?;
        let readers =
            vec![Reader { at: 0, role: Some(Role::Interpreter), name: "the loader's name" }];
        Ok(Table { start, bytes, readers, shorter: SHORTER })
    }

    /// The string table of the dynamic section, and the entries of this that read it.
    fn dynamic_strings(&self) -> Result<Table<'d>, ImageProblem> {
        let (Some(address), Some(size)) = (self.value(elf::DT_STRTAB), self.value(elf::DT_STRSZ))
        else {
            return Ok(Table { start: 0, bytes: &[], readers: Vec::new(), shorter: SHORTER });
        };
        let outside = || damaged("its dynamic strings are not in a segment");
        let (start, room) = self.place(address).ok_or_else(outside)?;
        if size > room {
            return Err(outside());
        }
        // A size that reaches into another table is wrong: the bytes of that one are no room.
        let size = size.min(self.up_to_next_table(address, room));
        let bytes = self.data.read_bytes_at(start, size).map_err(|()| outside())?;
        let readers = self.entries.iter().filter_map(|entry| {
            let (role, name) = match entry.tag(self.endian) {
                elf::DT_RUNPATH | elf::DT_RPATH => (Some(Role::SearchPath), "another RUNPATH"),
                elf::DT_NEEDED | elf::DT_SONAME | elf::DT_AUXILIARY | elf::DT_FILTER => {
                    (Some(Role::Library), "the name of a library")
                }
                elf::DT_CONFIG | elf::DT_AUDIT | elf::DT_DEPAUDIT => (None, "another string"),
                _ => return None,
            };
            Some(Reader { at: usize::try_from(entry.val(self.endian)).ok()?, role, name })
        });
        Ok(Table { start, bytes, readers: readers.collect(), shorter: SHORTER })
    }

    /// No dynamic entry says how many symbols there are: they are read up to the next table, or to the end of the
    /// segment; and as far as a section header says, since the next table may be a damaged address. What is no
    /// symbol there can only make a string seem to be shared.
    fn symbol_names(&self, readers: &mut Vec<Reader>) -> Result<(), ImageProblem> {
        let Some(address) = self.value(elf::DT_SYMTAB) else { return Ok(()) };
        let outside = || damaged("its dynamic symbols are not in a segment");
        let (start, room) = self.place(address).ok_or_else(outside)?;
        let told = self.symbols.filter(|(start, _)| *start == address).map_or(0, |told| told.1);
        let size = self.up_to_next_table(address, room).max(told.min(room));
        let count = usize::try_from(size).map_err(|_| outside())?;
        let count = count.checked_div(size_of::<F::Sym>()).unwrap_or_default();
        let symbols = self.data.read_slice_at::<F::Sym>(start, count).map_err(|()| outside())?;
        readers.extend(symbols.iter().map(|symbol| Reader {
            at: symbol.st_name(self.endian) as usize,
            role: None,
            name: "the name of a symbol",
        }));
        Ok(())
    }

    /// The bytes from a table to the next one, or to the end of the segment, which has `room` from there.
    fn up_to_next_table(&self, address: u64, room: u64) -> u64 {
        let tables = TABLES.into_iter().filter_map(|tag| self.value(tag)?.checked_sub(address));
        tables.filter(|&distance| distance > 0).chain([room]).min().unwrap_or(room)
    }

    /// A loader follows the records to the one that says that none is behind it, and asks for no count (glibc,
    /// `dl-version.c`; musl, `dynlink.c`).
    fn version_names(&self, readers: &mut Vec<Reader>) -> Result<(), ImageProblem> {
        let endian = self.endian;
        let outside = || damaged("its symbol versions are not in a segment");
        let first = |tag| {
            let address = self.value(tag);
            address.map(|address| Ok(self.place(address).ok_or_else(outside)?.0)).transpose()
        };
        let mut add = |name: u32| {
            readers.push(Reader { at: name as usize, role: None, name: "the name of a version" });
        };
        let mut all = 0_usize;
        let next = |needed: &elf::Verneed<Endianness>| needed.vn_next.get(endian);
        for (at, needed) in self.chain(first(elf::DT_VERNEED)?, &mut all, next)? {
            add(needed.vn_file.get(endian));
            let first = at.checked_add(needed.vn_aux.get(endian).into());
            let next = |name: &elf::Vernaux<Endianness>| name.vna_next.get(endian);
            for (_, name) in self.chain(first, &mut all, next)? {
                add(name.vna_name.get(endian));
            }
        }
        let next = |defined: &elf::Verdef<Endianness>| defined.vd_next.get(endian);
        for (at, defined) in self.chain(first(elf::DT_VERDEF)?, &mut all, next)? {
            let first = at.checked_add(defined.vd_aux.get(endian).into());
            let next = |name: &elf::Verdaux<Endianness>| name.vda_next.get(endian);
            for (_, name) in self.chain(first, &mut all, next)? {
                add(name.vda_name.get(endian));
            }
        }
        Ok(())
    }

    /// Records each of which says how far behind it the next one is, 0 at the end; `all` counts.
    fn chain<T: Pod>(
        &self,
        first: Option<u64>,
        all: &mut usize,
        next: impl Fn(&T) -> u32,
    ) -> Result<Vec<(u64, &'d T)>, ImageProblem> {
        let mut records = Vec::new();
        let mut place = first;
        while let Some(at) = place {
            let record = self.data.read_at::<T>(at).ok().filter(|_| *all < MOST_VERSIONS);
            let record = record.ok_or_else(|| damaged("its symbol versions have no end"))?;
            *all = all.saturating_add(1);
            records.push((at, record));
            let distance = next(record);
            place = (distance > 0).then_some(at.saturating_add(distance.into()));
        }
        Ok(records)
    }

    /// The last entry of a tag; glibc takes it where there are several.
    fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        let mut entries = self.entries.iter().rev();
        Some(entries.find(|entry| entry.tag(self.endian) == tag)?.val(self.endian))
    }

    /// Where an address lies in the file, and how many bytes its segment has from there on.
    fn place(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().find_map(|segment| {
            if segment.p_type(self.endian) != elf::PT_LOAD {
                return None;
            }
            let distance = address.checked_sub(segment.p_vaddr(self.endian).into())?;
            let (offset, size) = segment.file_range(self.endian);
            let room = size.checked_sub(distance).filter(|&room| room > 0)?;
            Some((offset.checked_add(distance)?, room))
        })
    }
}
