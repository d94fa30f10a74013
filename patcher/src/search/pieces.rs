//! Pieces of a path. A compiler cuts a string that a program copies or compares: into pieces of 16 bytes,
//! which it puts among the constants and loads into a vector, or of 8, which instructions have in them.
//! The string itself need not be in the program then.
//!
//! Of each path one piece is searched, where a string that begins with the path is cut. What has other
//! bytes before it, or is cut in another way, is not found.

use memchr::memmem;
use postlink_format::STORE_HASH_SIZE;

use super::boundary::Fit;
use super::encoding::Encoding;
use super::hits::{Hit, Hits};
use super::reference::Reference;

/// Bytes of an instruction's operand.
pub(super) const HALF: usize = 8;
/// Bytes of a constant.
pub(crate) const PIECE: usize = 2 * HALF;
/// The least of what tells a path from others that a piece of it has, in bytes.
const LEAST: usize = 4;
/// Bytes before and behind the first half in which the other one is, if instructions have them. Compilers
/// write a string from its start, or from its end.
const NEAR: usize = 64;
/// Most pieces that are told of what is searched at a time: of 4 MiB of a large file.
const MOST: usize = 1 << 10;

impl Reference {
    /// The piece that tells the most: of the path's last component, or of its hash. `None` if none tells enough.
    #[must_use]
    pub(crate) fn piece(&self) -> Option<&[u8; PIECE]> {
        let (from, to) = match self.is_hash {
            true => {
                let from =
                    self.path.windows(STORE_HASH_SIZE).position(|part| part == self.needle)?;
                (from, from + STORE_HASH_SIZE)
            }
            false => (self.path.iter().rposition(|&byte| byte == b'/')? + 1, self.path.len()),
        };
        let says = |piece: usize| (piece + PIECE).min(to).saturating_sub(piece.max(from));
        let pieces = (0..self.path.len() / PIECE).map(|number| number * PIECE);
        // With the slash before the component, it is no part of a name or version alone.
        let has_slash = |piece: usize| (piece..piece + PIECE).contains(&(from - 1));
        let enough = pieces.filter(|&piece| says(piece) >= LEAST);
        let best = enough.max_by_key(|&piece| (!self.is_hash && has_slash(piece), says(piece)))?;
        self.path.get(best..)?.first_chunk()
    }
}

/// Adds the piece of a reference whose first half is at `start` of these bytes, which begin at `base`: if all of
/// it is there, or the other half is near.
pub(super) fn add(
    found: &mut Hits,
    reference: usize,
    piece: &[u8; PIECE],
    (bytes, base): (&[u8], u64),
    start: usize,
) {
    let offset = base + start as u64;
    // What is there as a whole is told as that.
    if found.hits.last().is_some_and(|hit| offset < hit.offset + hit.length) {
        return;
    }
    let near = start.saturating_sub(NEAR)..bytes.len().min(start + NEAR);
    let near = bytes.get(near).unwrap_or_default();
    let is_whole = bytes.get(start..).is_some_and(|rest| rest.starts_with(piece));
    if !is_whole && memmem::find(near, &piece[HALF..]).is_none() {
        return;
    }
    if found.pieces.len() >= MOST {
        found.has_more_pieces = true;
        return;
    }
    let length = if is_whole { PIECE } else { HALF } as u64;
    let (encoding, fit) = (Encoding::Plain, Fit::Piece);
    found.pieces.push(Hit { offset, length, reference, encoding, fit });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_piece_that_says_most_is_taken() {
        let piece = |path: &str| {
            let reference = Reference::named(path.as_ref()).expect(path);
            reference.piece().map(|piece| String::from_utf8_lossy(piece).into_owned())
        };
        for (path, expected) in [
            ("/opt/aaaa-unspecialized", Some("/opt/aaaa-unspec")),
            ("/a/b/c/d/e/ap-unspecialized-build-aaaaa", Some("/a/b/c/d/e/ap-un")),
            ("/a/b/c/d/e/f/app-unspecialized-build", Some("-unspecialized-b")),
            ("/nix/store/0c5nbsmfkl4ra2xjm9v36v5d4jw1fwn1-app", Some("smfkl4ra2xjm9v36")),
            // Too short; all of it is folders; a word.
            ("/opt/app-unspec", None),
            ("/usr/local/share/app", None),
            ("0.0.0-unspecialized", None),
        ] {
            assert_eq!(piece(path).as_deref(), expected, "{path}");
        }
    }
}
