//! The structs of a record. All are plain bytes: alignment 1, no padding, little-endian.

use bytemuck::{Pod, Zeroable};

use crate::Crc32;

/// The first eight bytes of every record: DEL, then `postlnk`.
pub const MAGIC: [u8; 8] = *b"\x7fpostlnk";
/// The version of the format that this crate reads and writes.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of [`Header`].
pub const HEADER_SIZE: u32 = size_of::<Header>() as u32;
/// The offset of the value area in every record of format version 1, in bytes.
pub const VALUES_OFFSET: u32 = HEADER_SIZE;
/// Every record's size is a multiple of this, and so is its address in memory.
pub const RECORD_ALIGN: u32 = 16;

/// A 16-bit little-endian number at any address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct U16([u8; 2]);

/// A 32-bit little-endian number at any address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct U32([u8; 4]);

impl U16 {
    /// The number as the machine has it.
    #[must_use]
    pub const fn get(self) -> u16 {
        u16::from_le_bytes(self.0)
    }
}

impl From<u16> for U16 {
    fn from(value: u16) -> Self {
        Self(value.to_le_bytes())
    }
}

impl U32 {
    /// The number as the machine has it.
    #[must_use]
    pub const fn get(self) -> u32 {
        u32::from_le_bytes(self.0)
    }
}

impl From<u32> for U32 {
    fn from(value: u32) -> Self {
        Self(value.to_le_bytes())
    }
}

/// A run of bytes inside the record; both numbers are zero where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Span {
    /// Bytes from the start of the record.
    pub offset: U32,
    /// Bytes.
    pub length: U32,
}

/// The fixed start of a record: 80 bytes, never changed after the program is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`FORMAT_VERSION`].
    pub version: U32,
    /// Size of the whole record in bytes, a multiple of [`RECORD_ALIGN`].
    pub record_size: U32,
    /// The offset of the value area: [`VALUES_OFFSET`].
    pub values_offset: U32,
    /// Size of the value area in bytes.
    pub values_size: U32,
    /// The offset of the table of [`FieldEntry`]: right behind the value area.
    pub fields_offset: U32,
    /// Number of fields.
    pub field_count: U32,
    /// The section's name as in the schema, UTF-8.
    pub name: Span,
    /// See [`descriptor_checksum`].
    pub checksum: U32,
    /// Zero.
    pub reserved: U32,
    /// SHA-256 of the canonical text of the section (see the specification).
    pub fingerprint: [u8; 32],
}

/// The description of one field: 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FieldEntry {
    /// The field's name, UTF-8.
    pub name: Span,
    /// A [`Type`].
    pub ty: u8,
    /// [`Flags`].
    pub flags: u8,
    /// Zero.
    pub reserved: U16,
    /// Most bytes of a value: without its NUL; of a list, with the NUL of each item.
    pub capacity: U32,
    /// Most items of a list; 0 for other types.
    pub max_items: U32,
    /// The offset of the value, in bytes from the start of the record.
    pub value_offset: U32,
    /// The default: a value as in the value area, or a derivation's text.
    pub default: Span,
    /// The pattern's text.
    pub pattern: Span,
    /// An enum's names, or the allowed values, each with a NUL behind it.
    pub choices: Span,
    /// Least integer, 64-bit two's complement, little-endian.
    pub min: [u8; 8],
    /// Greatest integer, likewise.
    pub max: [u8; 8],
}

/// The start of the value area: 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ValueHeader {
    /// A [`State`].
    pub state: U32,
    /// See [`values_checksum`].
    pub checksum: U32,
}

/// The state of one field in the value area: 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FieldState {
    /// An [`Origin`].
    pub origin: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Bytes of the value: without the NUL of a string; of a list, with the NUL of each item.
    pub length: U32,
    /// Items of a list; 0 for other types.
    pub count: U32,
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
    /// All bits that have a meaning.
    pub const ALL: u8 = 63;

    /// Whether the bit is set.
    #[must_use]
    pub const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// The checksum of a descriptor: CRC-32 of the header with [`Header::checksum`] zero, followed by
/// all bytes from [`Header::fields_offset`] to the end of the record (`tail`).
#[must_use]
pub fn descriptor_checksum(header: &Header, tail: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytemuck::bytes_of(&Header { checksum: 0.into(), ..*header }));
    crc.update(tail);
    crc.value()
}

/// The checksum of a value area: CRC-32 of its state, then of all that follows the checksum.
///
/// `state` is the state's code, `rest` the area without its first eight bytes.
#[must_use]
pub fn values_checksum(state: u32, rest: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(&state.to_le_bytes());
    crc.update(rest);
    crc.value()
}
