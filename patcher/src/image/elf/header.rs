//! The headers of an ELF file, its section names, and its symbols (System V gABI, chapter 4).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym, SymbolTable};
use object::read::{ReadRef, StringTable};

use crate::error::ImageProblem;
use crate::image::strings::{LONGEST_SYMBOL, string};
use crate::shown::text;

/// Calls a generic function with the header type that the file has.
macro_rules! with_class {
    ($function:ident, $data:expr $(, $argument:expr)*) => {
        match class($data)? {
            1 => $function::<elf::FileHeader32<Endianness>, _>($data $(, $argument)*),
            _ => $function::<elf::FileHeader64<Endianness>, _>($data $(, $argument)*),
        }
    };
}
pub(super) use with_class;

/// `e_ident[EI_CLASS]`.
pub(super) fn class<'d, R: ReadRef<'d>>(data: R) -> Result<u8, ImageProblem> {
    match data.read_bytes_at(4, 1) {
        Ok(&[class @ (1 | 2)]) => Ok(class),
        Ok(_) => Err(damaged("its class is neither 32 nor 64 bits")),
        Err(()) => Err(damaged("it ends inside its header")),
    }
}

pub(super) fn damaged(why: impl ToString) -> ImageProblem {
    ImageProblem::Damaged("ELF", why.to_string())
}

/// Bytes of a section's name that are looked at.
const LONGEST_NAME: usize = 256;

/// A file's header, byte order, section headers, and their names.
pub(super) struct Sections<'d, F: FileHeader> {
    pub(super) header: &'d F,
    pub(super) endian: F::Endian,
    pub(super) headers: &'d [F::SectionHeader],
    names: &'d [u8],
}

impl<'d, F: FileHeader<Endian = Endianness>> Sections<'d, F> {
    pub(super) fn read<R: ReadRef<'d>>(data: R) -> Result<Self, ImageProblem> {
        let header = F::parse(data).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        let headers = header.section_headers(endian, data).map_err(damaged)?;
        if headers.is_empty() {
            return Err(ImageProblem::NoSectionHeaders);
        }
        let names = match header.e_shstrndx(endian) {
            // A file may have none (gABI, "ELF Header").
            elf::SHN_UNDEF => &[],
            // They are read in one piece: far fewer bytes than a look-up for each.
            _ => {
                let index = header.shstrndx(endian, data).map_err(damaged)? as usize;
                let names = headers.get(index);
                let names = names.ok_or_else(|| damaged("its section names are nowhere"))?;
                names.data(endian, data).map_err(damaged)?
            }
        };
        Ok(Self { header, endian, headers, names })
    }

    /// The name; of a very long one only the start, since many sections may share it. Empty where sections
    /// have none.
    pub(super) fn name(&self, section: &F::SectionHeader) -> Result<&'d [u8], ImageProblem> {
        if self.names.is_empty() {
            return Ok(&[]);
        }
        let names = self.names.get(section.sh_name(self.endian) as usize..).unwrap_or_default();
        let start = names.get(..LONGEST_NAME).unwrap_or(names);
        match start.iter().position(|&byte| byte == 0) {
            Some(length) => Ok(start.get(..length).unwrap_or_default()),
            None if start.len() == LONGEST_NAME => Ok(start),
            None => Err(damaged("the name of a section has no end")),
        }
    }

    /// What it is called where it is told. A name that is cut ends with `…`.
    pub(super) fn label(&self, section: &F::SectionHeader) -> Result<String, ImageProblem> {
        let name = self.name(section)?;
        let end = (section.sh_name(self.endian) as usize).saturating_add(name.len());
        let is_cut = self.names.get(end).is_some_and(|&byte| byte != 0);
        Ok(match text(name) {
            name if name.is_empty() => "section without a name".to_owned(),
            name if is_cut => format!("{name}…"),
            name => name,
        })
    }
}

/// Where a section's bytes are in the file, and how many; `None` where it has none there. A header of type
/// `SHT_NULL` is of no section, and its other fields say other things: the size in the first one may be the
/// number of all headers (gABI, "Section Header Table").
pub(super) fn file_range<S>(section: &S, endian: S::Endian) -> Option<(u64, u64)>
where
    S: SectionHeader<Endian = Endianness>,
{
    section.file_range(endian).filter(|_| section.sh_type(endian) != elf::SHT_NULL)
}

/// Symbols, and all their names.
pub(super) struct Symbols<'d, F: FileHeader, R: ReadRef<'d>> {
    pub(super) table: SymbolTable<'d, F, R>,
    names: &'d [u8],
}

impl<'d, F: FileHeader<Endian = Endianness>, R: ReadRef<'d>> Symbols<'d, F, R> {
    /// The table of a type; empty if there is none.
    pub(super) fn read(
        sections: &Sections<'d, F>,
        data: R,
        kind: elf::SectionType,
    ) -> Result<Self, ImageProblem> {
        let endian = sections.endian;
        let all = SectionTable::<F, R>::new(sections.headers, StringTable::default());
        let table = all.symbols(endian, data, kind).map_err(damaged)?;
        // Also read in one piece: most names are looked at.
        let names = sections.headers.get(table.string_section().0).filter(|_| !table.is_empty());
        let names = names.map(|names| names.data(endian, data)).transpose().map_err(damaged)?;
        Ok(Self { table, names: names.unwrap_or_default() })
    }

    /// The name; `None` where it has no end, or none near.
    pub(super) fn name(&self, endian: Endianness, symbol: &F::Sym) -> Option<&'d [u8]> {
        string(self.names, symbol.st_name(endian) as usize, LONGEST_SYMBOL)
    }
}
