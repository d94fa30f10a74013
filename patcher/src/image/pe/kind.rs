//! Which kind of PE or COFF file one is.
//!
//! An object file has no magic number: it begins with the number of a machine. So it is one only if its
//! whole header is what a compiler writes.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use object::LittleEndian as LE;
use object::pe;
use object::read::ReadRef;

use crate::error::ImageProblem;

/// A file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program or library.
    Image,
    /// An object file (PE Format, "COFF File Header").
    Object,
    /// One with more than 65,279 sections (`ANON_OBJECT_HEADER_BIGOBJ` in `winnt.h`).
    BigObject,
}

/// The machines of object files.
const MACHINES: [pe::Machine; 9] = [
    pe::IMAGE_FILE_MACHINE_I386,
    pe::IMAGE_FILE_MACHINE_AMD64,
    pe::IMAGE_FILE_MACHINE_ARM,
    pe::IMAGE_FILE_MACHINE_ARMNT,
    pe::IMAGE_FILE_MACHINE_ARM64,
    pe::IMAGE_FILE_MACHINE_ARM64EC,
    pe::IMAGE_FILE_MACHINE_ARM64X,
    pe::IMAGE_FILE_MACHINE_RISCV32,
    pe::IMAGE_FILE_MACHINE_RISCV64,
];

/// Of an object file with Microsoft's intermediate code, by `cl /GL`.
const INTERMEDIATE: [u8; 16] = [
    0x38, 0xfe, 0xb3, 0x0c, 0xa5, 0xd9, 0xab, 0x4d, 0xac, 0x9b, 0xd6, 0xb6, 0x22, 0x26, 0x53, 0xc2,
];

/// Bytes of a section header.
const SECTION: u64 = size_of::<pe::ImageSectionHeader>() as u64;
/// Bytes of a symbol.
const SYMBOL: u64 = size_of::<pe::ImageSymbolBytes>() as u64;

pub(super) fn kind<'d, R: ReadRef<'d>>(data: R) -> Result<Kind, ImageProblem> {
    let length = data.len().unwrap_or_default();
    match data.read_bytes_at(0, length.min(4)).unwrap_or_default() {
        [b'M', b'Z', ..] => of_dos_program(data),
        [0, 0, 0xff, 0xff] => of_anonymous(data),
        _ if is_object(data, length) == Some(true) => Ok(Kind::Object),
        _ => Err(ImageProblem::Unknown),
    }
}

/// Whether a file that begins with these bytes may be one that is read.
pub(in crate::image) fn begins(start: &[u8]) -> bool {
    match start {
        [b'M', b'Z', ..] | [0, 0, 0xff, 0xff, ..] => true,
        [low, high, sections, more, ..] => {
            let machine = pe::Machine(u16::from_le_bytes([*low, *high]));
            MACHINES.contains(&machine) && (*sections, *more) != (0, 0)
        }
        _ => false,
    }
}

/// Every program of Windows begins as one of DOS, and says where the other header is.
fn of_dos_program<'d, R: ReadRef<'d>>(data: R) -> Result<Kind, ImageProblem> {
    let header = pe::ImageDosHeader::parse(data).ok();
    let start =
        header.and_then(|header| data.read_bytes_at(header.nt_headers_offset().into(), 4).ok());
    Err(ImageProblem::Unsupported(match start {
        Some(b"PE\0\0") => return Ok(Kind::Image),
        Some([b'N', b'E', ..]) => "a program of 16-bit Windows or OS/2 (NE)",
        Some([b'L', b'E' | b'X', ..]) => "a program of OS/2 or a driver of Windows 95 (LE, LX)",
        _ => "a program of DOS",
    }))
}

fn of_anonymous<'d, R: ReadRef<'d>>(data: R) -> Result<Kind, ImageProblem> {
    let version = data.read_bytes_at(4, 2).unwrap_or_default();
    let class = data.read_bytes_at(12, 16).unwrap_or_default();
    match version {
        [0, 0] => Err(ImageProblem::Unsupported("a symbol of an import library")),
        _ if class == pe::ANON_OBJECT_HEADER_BIGOBJ_CLASS_ID.0 => Ok(Kind::BigObject),
        _ if class == INTERMEDIATE => Err(ImageProblem::Intermediate),
        _ => Err(ImageProblem::Unknown),
    }
}

/// Whether the header of an object file says nothing that no compiler would write.
fn is_object<'d, R: ReadRef<'d>>(data: R, length: u64) -> Option<bool> {
    let header = data.read_at::<pe::ImageFileHeader>(0).ok()?;
    let sections = header.number_of_sections.get(LE);
    let table = u64::from(sections).checked_mul(SECTION)?;
    let headers = table.checked_add(size_of::<pe::ImageFileHeader>() as u64)?;
    let symbols: u64 = header.pointer_to_symbol_table.get(LE).into();
    let symbol_size = u64::from(header.number_of_symbols.get(LE)).checked_mul(SYMBOL)?;
    let is_program = header.characteristics.get(LE).contains(pe::IMAGE_FILE_EXECUTABLE_IMAGE);
    Some(
        MACHINES.contains(&header.machine.get(LE))
            && header.size_of_optional_header.get(LE) == 0
            && !is_program
            && sections > 0
            && headers <= length
            && (symbols == 0 || symbols >= headers)
            && symbols.checked_add(symbol_size)? <= length,
    )
}
