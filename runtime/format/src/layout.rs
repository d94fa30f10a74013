//! The structs of a record: plain bytes without padding, little-endian.

use crate::crc32::Crc32;
use crate::store_hash::without_store_hashes;

/// The first eight bytes of every record: DEL, then `postlnk`.
pub const MAGIC: [u8; 8] = *b"\x7fpostlnk";
/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of [`Header`].
pub const HEADER_SIZE: u32 = Header::SIZE as u32;
/// The offset of the value area in every record of format version 1, in bytes.
pub const VALUES_OFFSET: u32 = HEADER_SIZE;
/// Every record's size is a multiple of this, and so is its address in memory.
pub const RECORD_ALIGN: u32 = 16;

/// A run of bytes in a struct of the record; numbers are little-endian.
trait Part {
    /// Bytes.
    const SIZE: usize;

    /// Takes it from the start of `bytes`, which is long enough.
    fn take(bytes: &mut &[u8]) -> Self;

    /// Writes it to the start of `bytes`, which is long enough, and leaves the rest there.
    fn put(&self, bytes: &mut &mut [u8]);
}

const FITS: &str = "the size of a struct is the sum of its parts";

impl<const N: usize> Part for [u8; N] {
    const SIZE: usize = N;

    fn take(bytes: &mut &[u8]) -> Self {
        let (part, rest) = bytes.split_first_chunk().expect(FITS);
        *bytes = rest;
        *part
    }

    fn put(&self, bytes: &mut &mut [u8]) {
        let (part, rest) = core::mem::take(bytes).split_first_chunk_mut().expect(FITS);
        *part = *self;
        *bytes = rest;
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Part for $number {
            const SIZE: usize = size_of::<Self>();

            fn take(bytes: &mut &[u8]) -> Self {
                Self::from_le_bytes(Part::take(bytes))
            }

            fn put(&self, bytes: &mut &mut [u8]) {
                self.to_le_bytes().put(bytes);
            }
        }
    )*};
}

numbers!(u8 u16 u32);

/// Structs that are so many bytes, one part behind the other; no byte is between them.
macro_rules! structs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$part_doc:meta])* $part:ident: $ty:ty,)* })*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name { $($(#[$part_doc])* pub $part: $ty,)* }

        impl $name {
            /// Bytes.
            pub const SIZE: usize = 0 $(+ <$ty as Part>::SIZE)*;

            /// From its bytes.
            #[must_use]
            pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
                Part::take(&mut &bytes[..])
            }

            /// Its bytes.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; Self::SIZE] {
                let mut bytes = [0; Self::SIZE];
                self.put(&mut &mut bytes[..]);
                bytes
            }
        }

        impl Part for $name {
            const SIZE: usize = Self::SIZE;

            fn take(bytes: &mut &[u8]) -> Self {
                // In this order: it is that of the struct.
                Self { $($part: Part::take(bytes),)* }
            }

            fn put(&self, bytes: &mut &mut [u8]) {
                $(self.$part.put(bytes);)*
            }
        }

        // Each part is where Rust, and generated C++, have it: `offset_of!` may be asked.
        const _: () = assert!(size_of::<$name>() == $name::SIZE);
    )*};
}

structs! {
    /// A run of bytes inside the record; both numbers are zero where there is none.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    Span {
        /// Bytes from the start of the record.
        offset: u32,
        /// Bytes.
        length: u32,
    }

    /// The fixed start of a record: 80 bytes, never changed after the program is compiled.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    Header {
        /// [`MAGIC`].
        magic: [u8; 8],
        /// [`FORMAT_VERSION`].
        version: u32,
        /// Size of the whole record in bytes, a multiple of [`RECORD_ALIGN`].
        record_size: u32,
        /// The offset of the value area: [`VALUES_OFFSET`].
        values_offset: u32,
        /// Size of the value area in bytes.
        values_size: u32,
        /// The offset of the table of [`FieldEntry`]: right behind the value area.
        fields_offset: u32,
        /// Number of fields.
        field_count: u32,
        /// The section's name as in the schema, UTF-8.
        name: Span,
        /// See [`descriptor_checksum`].
        checksum: u32,
        /// Zero.
        reserved: u32,
        /// SHA-256 of the canonical text of the section (see the specification).
        fingerprint: [u8; 32],
    }

    /// The description of one field: 64 bytes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    FieldEntry {
        /// The field's name, UTF-8.
        name: Span,
        /// A [`Type`].
        ty: u8,
        /// [`Flags`].
        flags: u8,
        /// Bytes of the source's text, which is right behind the field's other texts.
        source_length: u16,
        /// Most bytes of a value: without its NUL; of a list, with the NUL of each item.
        capacity: u32,
        /// Most items of a list; 0 for other types.
        max_items: u32,
        /// The offset of the value, in bytes from the start of the record.
        value_offset: u32,
        /// The default: a value as in the value area, or a derivation's text.
        default: Span,
        /// The pattern's text.
        pattern: Span,
        /// An enum's names, or the allowed values, each with a NUL behind it.
        choices: Span,
        /// Least integer, 64-bit two's complement, little-endian.
        min: [u8; 8],
        /// Greatest integer, likewise.
        max: [u8; 8],
    }

    /// The start of the value area: 8 bytes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    ValueHeader {
        /// A [`State`].
        state: u32,
        /// See [`values_checksum`].
        checksum: u32,
    }

    /// The state of one field in the value area: 12 bytes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    FieldState {
        /// An [`Origin`].
        origin: u8,
        /// Zero.
        reserved: [u8; 3],
        /// Bytes of the value: without the NUL of a string; of a list, with the NUL of each item.
        length: u32,
        /// Items of a list; 0 for other types.
        count: u32,
    }
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr($repr)]
        pub enum $name { $($(#[$variant_doc])* $variant = $code,)* }

        impl $name {
            /// All of them, in the order of their codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The one with this code.
            #[must_use]
            pub const fn from_code(code: $repr) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The code.
            #[must_use]
            pub const fn code(self) -> $repr {
                self as $repr
            }

            /// The name that users read and write.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// The type of a field.
    Type: u8 {
        /// One byte, 0 or 1.
        Bool = 1 "bool",
        /// Unsigned, 1 byte.
        U8 = 2 "u8",
        /// Unsigned, 2 bytes.
        U16 = 3 "u16",
        /// Unsigned, 4 bytes.
        U32 = 4 "u32",
        /// Unsigned, 8 bytes.
        U64 = 5 "u64",
        /// Two's complement, 1 byte.
        I8 = 6 "i8",
        /// Two's complement, 2 bytes.
        I16 = 7 "i16",
        /// Two's complement, 4 bytes.
        I32 = 8 "i32",
        /// Two's complement, 8 bytes.
        I64 = 9 "i64",
        /// UTF-8 without NUL.
        String = 10 "string",
        /// A string that is an absolute path.
        Path = 11 "path",
        /// Any bytes.
        Bytes = 12 "bytes",
        /// Strings, each with a NUL behind it.
        StringList = 13 "list<string>",
        /// Paths, each with a NUL behind it.
        PathList = 14 "list<path>",
        /// The index of a name, 4 bytes.
        Enum = 15 "enum",
    }
}

codes! {
    /// The state of a record's values.
    State: u32 {
        /// As generated: the program is unspecialized.
        Generated = 1 "generated",
        /// A fill has begun and not ended: the values are not to be read.
        Writing = 2 "writing",
        /// Filled.
        Filled = 3 "filled",
    }
}

codes! {
    /// The source of a field's value.
    Origin: u8 {
        /// There is no value: the field is required and the program unspecialized.
        Unset = 0 "unset",
        /// The schema's default.
        Default = 1 "default",
        /// Computed from other fields.
        Derived = 2 "derived",
        /// Given when the record was filled.
        Set = 3 "set",
    }
}

impl Type {
    /// Bytes of a value, where that is the same for all values.
    #[must_use]
    pub const fn fixed_size(self) -> Option<u32> {
        match self {
            Self::Bool | Self::U8 | Self::I8 => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::Enum => Some(4),
            Self::U64 | Self::I64 => Some(8),
            Self::String | Self::Path | Self::Bytes | Self::StringList | Self::PathList => None,
        }
    }

    /// Bytes that are set aside for a value: the capacity, and a string's NUL.
    #[must_use]
    pub const fn room(self, capacity: u32) -> u32 {
        capacity.saturating_add(self.is_text() as u32)
    }

    /// Whether values are lists.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, Self::StringList | Self::PathList)
    }

    /// Whether values are one string.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::String | Self::Path)
    }

    /// Whether values, or the items of a list, are paths.
    #[must_use]
    pub const fn is_path(self) -> bool {
        matches!(self, Self::Path | Self::PathList)
    }

    /// The least and greatest value of an integer type.
    #[must_use]
    pub const fn integer_range(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::U8 => (0, u8::MAX as i128),
            Self::U16 => (0, u16::MAX as i128),
            Self::U32 => (0, u32::MAX as i128),
            Self::U64 => (0, u64::MAX as i128),
            Self::I8 => (i8::MIN as i128, i8::MAX as i128),
            Self::I16 => (i16::MIN as i128, i16::MAX as i128),
            Self::I32 => (i32::MIN as i128, i32::MAX as i128),
            Self::I64 => (i64::MIN as i128, i64::MAX as i128),
            _ => return None,
        })
    }
}

/// Bits of [`FieldEntry::flags`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// The field has no default: a fill must give its value.
    pub const REQUIRED: u8 = 1;
    /// The default is a derivation's text.
    pub const DERIVED: u8 = 2;
    /// There is a pattern.
    pub const PATTERN: u8 = 4;
    /// There is a least integer.
    pub const MIN: u8 = 8;
    /// There is a greatest integer.
    pub const MAX: u8 = 16;
    /// There are choices.
    pub const CHOICES: u8 = 32;
    /// There is a source, where the value usually comes from.
    pub const SOURCE: u8 = 64;
    /// All bits that have a meaning.
    pub const ALL: u8 = 127;

    /// Whether the bit is set.
    #[must_use]
    pub const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// The checksum of a descriptor: CRC-32 of the header with [`Header::checksum`] zero, followed by
/// all bytes from [`Header::fields_offset`] to the end of the record (`tail`), store hashes left out.
#[must_use]
pub fn descriptor_checksum(header: &Header, tail: &[u8]) -> u32 {
    checksum(&Header { checksum: 0, ..*header }.to_bytes(), tail)
}

/// The checksum of a value area: CRC-32 of its state, then of all that follows the checksum, store
/// hashes left out.
///
/// `state` is the state's code, `rest` the area without its first eight bytes.
#[must_use]
pub fn values_checksum(state: u32, rest: &[u8]) -> u32 {
    checksum(&state.to_le_bytes(), rest)
}

fn checksum(head: &[u8], rest: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(head.iter().copied());
    crc.update(without_store_hashes(rest));
    crc.value()
}
