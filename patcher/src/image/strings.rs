//! Strings that lie in a table of an image, each with a NUL behind it.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

/// Bytes of a symbol's name that are looked at: the longest of C++ have some thousands.
pub(super) const LONGEST_SYMBOL: usize = 1 << 14;

/// The string that begins at an offset of a table, if it has its NUL in the table and not more bytes
/// than `longest`. So many of them that share one end cost no more than many of that length.
pub(super) fn string(table: &[u8], at: usize, longest: usize) -> Option<&[u8]> {
    let bytes = table.get(at..)?;
    let near = bytes.get(..=longest).unwrap_or(bytes);
    near.get(..memchr::memchr(0, near)?)
}
