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
#[must_use]
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

#[cfg(test)]
mod tests {
    use super::{STORE_HASH_SIZE, without_store_hashes};

    const HASH: &[u8] = b"0123456789abcdfghijklmnpqrsvwxyz";

    fn masked(parts: &[&[u8]]) -> bool {
        let mut bytes = [0_u8; 128];
        let mut size = 0;
        for part in parts {
            bytes[size..][..part.len()].copy_from_slice(part);
            size += part.len();
        }
        let hidden = bytes[..size].iter().zip(without_store_hashes(&bytes[..size]));
        let hidden = hidden.filter(|&(&before, after)| before != after && after == 0).count();
        assert!(hidden % STORE_HASH_SIZE == 0);
        hidden > 0
    }

    #[test]
    fn a_store_hash_is_hidden_and_nothing_else() {
        assert!(masked(&[b"/nix/store/", HASH, b"-lix"]));
        assert!(masked(&[b"/", HASH, b"-"]));
        assert!(masked(&[b"/x/", HASH, b"-a/", HASH, b"-b"]));
        assert!(!masked(&[HASH, b"-lix"]), "no slash before it");
        assert!(!masked(&[b"/", HASH]), "it ends");
        assert!(!masked(&[b"/", HASH, b"/"]), "no name behind it");
        assert!(!masked(&[b"/", HASH, b"0-lix"]), "33 characters");
        assert!(!masked(&[b"/", &HASH[1..], b"-lix"]), "31 characters");
        for foreign in b"eotuA/-_\0\x80" {
            assert!(!masked(&[b"/", &HASH[1..], &[*foreign], b"-lix"]), "{foreign}");
        }
    }
}
