#![doc = include_str!("../README.md")]
//!
//! There is [the specification](specification), the structs that follow it ([`Header`], [`FieldEntry`],
//! [`FieldState`], [`ValueHeader`]), and the reader ([`Record`], [`records`]).
#![no_std]
#![forbid(unsafe_code)]

mod crc32;
mod layout;
mod read;
mod store_hash;

pub use crc32::CRC32_NIBBLES;
pub use layout::{
    FORMAT_VERSION, FieldEntry, FieldState, Flags, HEADER_SIZE, Header, MAGIC, Origin,
    RECORD_ALIGN, Span, State, Type, VALUES_OFFSET, ValueHeader, descriptor_checksum,
    values_checksum,
};
pub use read::{Error, Field, FieldValue, Items, Record, Values, records};
pub use store_hash::{STORE_HASH_SIZE, store_hash, without_store_hashes};

/// The sentence of a program that stops because a field has no value; the field to be set follows.
pub const NO_VALUE: &str =
    " has no value: the file was not specialized. Fill it: postlink fill FILE --set ";
/// The sentence of a program that stops because a record cannot be read; the field to be set follows.
pub const DAMAGED: &str = ": the record is damaged, or a fill was interrupted. \
    Fill the file again: postlink fill FILE --reset --set ";

/// The text of the [specification], as Markdown.
pub const SPECIFICATION: &str = include_str!("specification.md");

#[doc = include_str!("specification.md")]
pub mod specification {}
