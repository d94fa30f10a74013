//! What a PE or COFF file takes from elsewhere (PE Format, "The .idata Section", "COFF Symbol Table").
//! It is looked at for the words of a message: what is damaged is passed over.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use memchr::memmem;
use object::LittleEndian as LE;
use object::pe;
use object::read::ReadRef;
use object::read::pe::{ImageNtHeaders, ImportTable};
use postlink_codegen::names::ELF_PREFIX;

use super::header::Headers;
use super::symbols::{CoffSymbols, LONGEST_SYMBOL};
use crate::error::{ImageProblem, Imports};

/// Libraries of one file that are looked at.
const MOST_LIBRARIES: usize = 1 << 10;
/// Symbols that are looked at, of all libraries together.
const MOST_SYMBOLS: usize = 1 << 20;
/// Bytes of their names together. Names could share bytes, so that those of a small table could be very
/// many.
const MOST_BYTES: usize = 1 << 28;

pub(in crate::image) fn imports<'d, R: ReadRef<'d>>(data: R) -> Result<Imports, ImageProblem> {
    let headers = Headers::read(data)?;
    let accessor = memmem::Finder::new(ELF_PREFIX);
    let Some(image) = &headers.image else {
        let symbols = CoffSymbols::read(&headers, data);
        let mut undefined = symbols.all.iter().filter(|symbol| symbol.section == 0);
        let is_accessor = |name: &[u8]| accessor.find(name).is_some();
        return Ok(Imports {
            libraries: Vec::new(),
            accessors: undefined.any(|symbol| symbols.name(symbol).is_some_and(is_accessor)),
            unlinked: true,
        });
    };
    let mut imports = Imports::default();
    let directory = image.directories.get(pe::IMAGE_DIRECTORY_ENTRY_IMPORT);
    let address = directory.map_or(0, |directory| directory.virtual_address.get(LE));
    let Ok(table) = ImportTable::from_sections(data, &headers.sections, address) else {
        return Ok(imports);
    };
    let mut left = Left { symbols: MOST_SYMBOLS, bytes: MOST_BYTES };
    let descriptors = table.descriptors().into_iter().flatten();
    for descriptor in descriptors.take(MOST_LIBRARIES).filter_map(Result::ok) {
        if left.bytes == 0 {
            break;
        }
        let Ok(name) = table.name(descriptor.name.get(LE)) else { break };
        left.bytes = left.bytes.saturating_sub(name.len());
        let name = String::from_utf8_lossy(name.get(..LONGEST_SYMBOL).unwrap_or(name));
        if is_of_system(&name) {
            continue;
        }
        imports.accessors = imports.accessors
            || match image.is_64 {
                true => calls::<pe::ImageNtHeaders64>(&table, descriptor, &accessor, &mut left),
                false => calls::<pe::ImageNtHeaders32>(&table, descriptor, &accessor, &mut left),
            };
        imports.libraries.push(name.into_owned());
    }
    Ok(imports)
}

/// What may still be looked at.
struct Left {
    symbols: usize,
    bytes: usize,
}

/// Whether a function of a library has an accessor's name.
fn calls<P: ImageNtHeaders>(
    table: &ImportTable<'_>,
    descriptor: &pe::ImageImportDescriptor,
    accessor: &memmem::Finder<'_>,
    left: &mut Left,
) -> bool {
    // Some linkers leave out the first, which stays as it is when the file is loaded.
    let first = match descriptor.original_first_thunk.get(LE) {
        0 => descriptor.first_thunk.get(LE),
        first => first,
    };
    let Ok(mut thunks) = table.thunks(first) else { return false };
    while let Ok(Some(thunk)) = thunks.next::<P>() {
        if left.symbols == 0 || left.bytes == 0 {
            return false;
        }
        left.symbols = left.symbols.saturating_sub(1);
        let Ok(object::read::pe::Import::Name(_, name)) = table.import::<P>(thunk) else {
            continue;
        };
        left.bytes = left.bytes.saturating_sub(name.len());
        if accessor.find(name).is_some() {
            return true;
        }
    }
    false
}

/// Whether a library comes with Windows, or with a compiler.
fn is_of_system(library: &str) -> bool {
    let name = library.to_ascii_lowercase();
    let name = name.strip_suffix(".dll").unwrap_or(&name);
    SYSTEM_LIBRARIES.contains(&name) || FAMILIES.iter().any(|start| name.starts_with(start))
}

/// Of Windows, each with many members.
const FAMILIES: [&str; 10] = [
    "api-ms-win-",
    "concrt",
    "ext-ms-win-",
    "libgcc_s_",
    "libstdc++-",
    "mfc1",
    "msvcp",
    "msvcr",
    "python3",
    "vcruntime",
];

const SYSTEM_LIBRARIES: [&str; 34] = [
    "advapi32",
    "bcrypt",
    "bcryptprimitives",
    "combase",
    "comctl32",
    "comdlg32",
    "crypt32",
    "dbghelp",
    "gdi32",
    "imm32",
    "iphlpapi",
    "kernel32",
    "kernelbase",
    "libc++",
    "libunwind",
    "libwinpthread-1",
    "mscoree",
    "mswsock",
    "ncrypt",
    "ntdll",
    "ole32",
    "oleaut32",
    "powrprof",
    "psapi",
    "rpcrt4",
    "secur32",
    "setupapi",
    "shell32",
    "shlwapi",
    "ucrtbase",
    "user32",
    "userenv",
    "version",
    "ws2_32",
];
