//! The symbols of COFF files, and of images whose linker keeps them (PE Format, "COFF Symbol Table").
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use object::pe;
use object::pod::from_bytes;
use object::read::ReadRef;
use object::read::coff::Symbol;

use super::header::{Headers, string};

/// Bytes of a symbol's name that are looked at: the longest of C++ have some thousands.
pub(super) const LONGEST_SYMBOL: usize = 1 << 14;

/// All symbols, and the strings that their names lie in; none where they cannot be read.
pub(super) struct CoffSymbols<'d> {
    pub(super) all: Vec<CoffSymbol<'d>>,
    strings: &'d [u8],
}

/// A symbol, of either kind of object files.
pub(super) struct CoffSymbol<'d> {
    name: &'d [u8; 8],
    /// Where it is in its section, in bytes.
    pub(super) value: u32,
    /// The number of its section, from 1; 0 where it is of another file.
    pub(super) section: usize,
    /// Whether it stands for a function or an object, and not for a section or a file.
    pub(super) is_definition: bool,
}

impl<'d> CoffSymbols<'d> {
    pub(super) fn read<R: ReadRef<'d>>(headers: &Headers<'d>, data: R) -> Self {
        let place = headers.symbols;
        let all = match place.size == size_of::<pe::ImageSymbolBytes>() as u64 {
            true => read_as::<pe::ImageSymbol, R>(headers, data),
            false => read_as::<pe::ImageSymbolEx, R>(headers, data),
        };
        Self { all: all.unwrap_or_default(), strings: headers.strings(data) }
    }

    /// The name of a symbol; `None` where it has no end, or none near.
    pub(super) fn name(&self, symbol: &CoffSymbol<'d>) -> Option<&'d [u8]> {
        match symbol.name {
            [0, 0, 0, 0, offset @ ..] => {
                string(self.strings, u32::from_le_bytes(*offset) as usize, LONGEST_SYMBOL)
            }
            name => name.split(|&byte| byte == 0).next(),
        }
    }
}

fn read_as<'d, S: Symbol, R: ReadRef<'d>>(
    headers: &Headers<'d>,
    data: R,
) -> Option<Vec<CoffSymbol<'d>>> {
    let place = headers.symbols;
    if place.offset == 0 {
        return None;
    }
    let size = u64::from(place.count).checked_mul(place.size)?;
    let mut bytes = data.read_bytes_at(place.offset, size).ok()?;
    let mut found = Vec::new();
    while let Ok((symbol, _)) = from_bytes::<S>(bytes) {
        found.push(CoffSymbol {
            name: symbol.raw_name(),
            value: symbol.value(),
            section: symbol.section().map_or(0, |section| section.0),
            is_definition: symbol.is_definition() && symbol.section().is_some(),
        });
        // Some are followed by more about them, in the places of symbols.
        let more = usize::from(symbol.number_of_aux_symbols()).saturating_add(1);
        let more = more.saturating_mul(usize::try_from(place.size).ok()?);
        bytes = bytes.get(more..).unwrap_or_default();
    }
    Some(found)
}
