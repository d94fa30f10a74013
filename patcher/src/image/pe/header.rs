//! The headers of PE and COFF files, and their section names (PE Format, "COFF File Header", "Optional
//! Header", "Section Table").
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::LittleEndian as LE;
use object::pe;
use object::pod::Pod;
use object::read::ReadRef;
use object::read::coff::{CoffHeader, SectionTable};
use object::read::pe::{DataDirectories, ImageNtHeaders, ImageOptionalHeader};

use super::kind::{Kind, kind};
use crate::error::ImageProblem;
use crate::shown::text;

pub(super) fn damaged(why: impl ToString) -> ImageProblem {
    ImageProblem::Damaged("PE", why.to_string())
}

/// Bytes of a section's name that are looked at.
const LONGEST_NAME: usize = 256;

/// Data directories that there are; loaders look at no more.
const MOST_DIRECTORIES: u32 = 16;

/// Bytes of an entry of the data directories.
pub(super) const DIRECTORY: u64 = size_of::<pe::ImageDataDirectory>() as u64;

/// What both programs and object files have, and where it is. Offsets are in bytes from the start of
/// the file.
pub(super) struct Headers<'d> {
    /// What only programs and libraries have.
    pub(super) image: Option<ImageHeader<'d>>,
    /// Where all headers before the section headers begin and end.
    pub(super) header: Range<u64>,
    /// Where it says when the file was made.
    pub(super) stamp: u64,
    /// The section headers.
    pub(super) sections: SectionTable<'d>,
    pub(super) symbols: SymbolPlace,
    /// The strings behind the symbols, which names of sections may lie in.
    strings: &'d [u8],
}

/// Where the symbols are.
#[derive(Clone, Copy)]
pub(super) struct SymbolPlace {
    pub(super) offset: u64,
    pub(super) count: u32,
    /// Bytes of a symbol.
    pub(super) size: u64,
}

/// What only programs and libraries have.
pub(super) struct ImageHeader<'d> {
    /// Whether it is of 64 bits.
    pub(super) is_64: bool,
    /// Where the checksum is, which is 0 where nobody asks for one.
    pub(super) checksum_at: u64,
    pub(super) checksum: u32,
    pub(super) flags: pe::DllFlags,
    /// Where the data directories are.
    pub(super) directories_at: u64,
    pub(super) directories: DataDirectories<'d>,
}

impl<'d> Headers<'d> {
    pub(super) fn read<R: ReadRef<'d>>(data: R) -> Result<Self, ImageProblem> {
        match kind(data)? {
            Kind::Image => Self::image(data),
            Kind::Object => Self::object::<pe::ImageFileHeader, R>(data),
            Kind::BigObject => Self::object::<pe::AnonObjectHeaderBigobj, R>(data),
        }
    }

    fn image<R: ReadRef<'d>>(data: R) -> Result<Self, ImageProblem> {
        match object::read::pe::optional_header_magic(data).map_err(damaged)? {
            pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => Self::image_as::<pe::ImageNtHeaders32, R>(data),
            pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC => Self::image_as::<pe::ImageNtHeaders64, R>(data),
            _ => Err(damaged("it is neither PE32 nor PE32+")),
        }
    }

    fn image_as<P: ImageNtHeaders, R: ReadRef<'d>>(data: R) -> Result<Self, ImageProblem> {
        let start = pe::ImageDosHeader::parse(data).map_err(damaged)?.nt_headers_offset().into();
        let header = data.read_at::<P>(start).map_err(|()| damaged("it ends in its header"))?;
        let (file, optional) = (header.file_header(), header.optional_header());
        let fixed = size_of::<P>() as u64;
        let directories_at = u64::saturating_add(start, fixed);
        let fixed = size_of::<P::ImageOptionalHeader>() as u64;
        let size = u64::from(file.size_of_optional_header.get(LE)).checked_sub(fixed);
        let size = size.ok_or_else(|| damaged("its optional header is too small"))?;
        let table = directories_at.saturating_add(size);
        let directories = data
            .read_bytes_at(directories_at, size)
            .map_err(|()| damaged("it ends in its optional header"))?;
        let count = optional.number_of_rva_and_sizes().min(MOST_DIRECTORIES);
        let directories = DataDirectories::parse(directories, count).map_err(damaged)?;
        // `CheckSum` is at 64 in both kinds of optional headers, which are the last part of `P`.
        let optional_at = directories_at.saturating_sub(fixed);
        let image = ImageHeader {
            is_64: header.is_type_64(),
            checksum_at: optional_at.saturating_add(64),
            checksum: optional.check_sum(),
            flags: optional.dll_characteristics(),
            directories_at,
            directories,
        };
        // `TimeDateStamp` is the third field of the file header, behind the signature.
        let stamp = u64::saturating_add(start, 8);
        let headers = Self::with_sections(data, file, Some(image), start..table, stamp)?;
        // No loader takes a file that is cut off, wherever the record is.
        let length = data.len().unwrap_or_default();
        let is_cut = |section: &&pe::ImageSectionHeader| {
            let (start, size) =
                (section.pointer_to_raw_data.get(LE), section.size_of_raw_data.get(LE));
            !section.characteristics.get(LE).contains(pe::IMAGE_SCN_CNT_UNINITIALIZED_DATA)
                && size > 0
                && u64::from(start).saturating_add(size.into()) > length
        };
        match headers.sections.iter().find(is_cut) {
            Some(section) => {
                let name = headers.name(section);
                Err(damaged(format!("its section {name} ends behind the end of the file")))
            }
            None => Ok(headers),
        }
    }

    fn object<C: CoffHeader + ObjectHeader, R: ReadRef<'d>>(data: R) -> Result<Self, ImageProblem> {
        let mut table = 0;
        let header = C::parse(data, &mut table).map_err(damaged)?;
        Self::with_sections(data, header, None, 0..table, C::STAMP)
    }

    fn with_sections<C: CoffHeader, R: ReadRef<'d>>(
        data: R,
        coff: &C,
        image: Option<ImageHeader<'d>>,
        header: Range<u64>,
        stamp: u64,
    ) -> Result<Self, ImageProblem> {
        let sections = SectionTable::parse(coff, data, header.end).map_err(damaged)?;
        let symbols = SymbolPlace {
            offset: coff.pointer_to_symbol_table().into(),
            count: coff.number_of_symbols(),
            size: size_of::<C::SymbolBytes>() as u64,
        };
        let mut headers = Self { image, header, stamp, sections, symbols, strings: &[] };
        if sections.iter().any(|section| section.name.first() == Some(&b'/')) {
            headers.strings = headers.strings(data);
        }
        Ok(headers)
    }

    /// The strings behind the symbols, in one piece: far fewer bytes than a look-up for each. Empty
    /// where there are none.
    pub(super) fn strings<R: ReadRef<'d>>(&self, data: R) -> &'d [u8] {
        let strings = self
            .string_range(data)
            .map(|range| data.read_bytes_at(range.start, range.end.saturating_sub(range.start)));
        strings.and_then(Result::ok).unwrap_or_default()
    }

    /// Where these are. They begin with their length.
    pub(super) fn string_range<R: ReadRef<'d>>(&self, data: R) -> Option<Range<u64>> {
        let SymbolPlace { offset, count, size } = self.symbols;
        if offset == 0 {
            return None;
        }
        let start = offset.checked_add(u64::from(count).checked_mul(size)?)?;
        let length = data.read_at::<object::U32<LE>>(start).ok()?.get(LE);
        Some(start..start.checked_add(length.into())?)
    }

    /// The name of a section. One that is too long for the header lies behind the symbols; where it
    /// cannot be found, the name is what the header has. One that is cut ends with `…`.
    pub(super) fn name(&self, section: &'d pe::ImageSectionHeader) -> String {
        let long = section.name_offset().ok().flatten();
        let Some(at) = long.map(|at| at as usize) else { return text(section.raw_name()) };
        match string(self.strings, at, LONGEST_NAME) {
            Some(name) => text(name),
            None => match at.checked_add(LONGEST_NAME).and_then(|end| self.strings.get(at..end)) {
                Some(start) => format!("{}…", text(start)),
                None => text(section.raw_name()),
            },
        }
    }

    /// Where the bytes of a section are, and how many are used. A linker rounds up those that an image
    /// has in the file.
    pub(super) fn used(&self, section: &pe::ImageSectionHeader) -> (u64, u64) {
        let raw = section.size_of_raw_data.get(LE);
        let used = match section.virtual_size.get(LE) {
            // Of an object file, and of some old linkers.
            0 => raw,
            _ if self.image.is_none() => raw,
            used => used.min(raw),
        };
        (section.pointer_to_raw_data.get(LE).into(), used.into())
    }

    /// Where a table is that a directory of an image names, if it lies in one section.
    pub(super) fn directory(&self, number: usize) -> Option<Range<u64>> {
        let image = self.image.as_ref()?;
        let (start, size) = image.directories.get(number)?.file_range(&self.sections).ok()?;
        let start = u64::from(start);
        Some(start..start.saturating_add(size.into())).filter(|range| !range.is_empty())
    }

    /// What the linker put down for debuggers, as far as it can be read.
    pub(super) fn debug<R: ReadRef<'d>>(&self, data: R) -> &'d [pe::ImageDebugDirectory] {
        let Some(place) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_DEBUG) else { return &[] };
        read_all(data, &place)
    }
}

/// As many as fit into a place.
fn read_all<'d, T: Pod, R: ReadRef<'d>>(data: R, place: &Range<u64>) -> &'d [T] {
    let size = place.end.saturating_sub(place.start);
    let count = size.checked_div(size_of::<T>() as u64).unwrap_or_default();
    let count = usize::try_from(count).unwrap_or_default();
    data.read_slice_at(place.start, count).unwrap_or_default()
}

/// The difference between the two kinds of object files.
trait ObjectHeader {
    /// Where `TimeDateStamp` is.
    const STAMP: u64;
}

impl ObjectHeader for pe::ImageFileHeader {
    const STAMP: u64 = 4;
}

impl ObjectHeader for pe::AnonObjectHeaderBigobj {
    const STAMP: u64 = 8;
}

/// The string that begins at an offset of a table, if it has its NUL in the table and not more bytes
/// than `longest`.
pub(super) fn string(table: &[u8], at: usize, longest: usize) -> Option<&[u8]> {
    let bytes = table.get(at..)?;
    let near = bytes.get(..=longest).unwrap_or(bytes);
    near.get(..memchr::memchr(0, near)?)
}
