//! The hashes in store paths of Nix, which checksums leave out.
//!
//! Nix gives a content-addressed package its path when it has been built, and replaces the hash of the
//! path it was built for wherever that stands in its files, also in a record. A checksum of these
//! bytes would no longer fit.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

/// Bytes of the hash that begins a name in the store.
pub const STORE_HASH_SIZE: usize = 32;

/// The hash that a name in the store of Nix begins with: 32 digits or small letters, but for `e`, `o`, `t`
/// and `u`, before a `-`.
///
/// ```
/// let name = b"0c5n7h1v2zq8sdlvry3dga4zibx6wk9f-lix-2.97.0";
/// assert_eq!(postlink_format::store_hash(name), Some(&name[..32]));
/// ```
#[must_use]
pub fn store_hash(name: &[u8]) -> Option<&[u8]> {
    let (hash, rest) = name.split_at_checked(STORE_HASH_SIZE)?;
    // In this order most names are done with at once.
    (rest.first() == Some(&b'-') && hash.iter().all(|&byte| is_base32(byte))).then_some(hash)
}

fn is_base32(byte: u8) -> bool {
    (byte.is_ascii_digit() || byte.is_ascii_lowercase()) && !b"eotu".contains(&byte)
}

/// The bytes as a checksum takes them: those of a hash with a `/` before it are 0.
pub fn without_store_hashes(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = bytes;
    let mut hidden = 0_usize;
    core::iter::from_fn(move || {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        if let Some(left) = hidden.checked_sub(1) {
            hidden = left;
            return Some(0);
        }
        if byte == b'/' && store_hash(behind).is_some() {
            hidden = STORE_HASH_SIZE;
        }
        Some(byte)
    })
}
