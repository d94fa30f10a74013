//! The link from an image to its separate debug file, and the names that such files have.
//!
//! A debugger finds the debug file of an image in two ways (GDB manual, "Debugging Information in
//! Separate Files"): by the build-id, as `.build-id/ab/cdef….debug`; and by a section of the image that
//! has the file's name, zero bytes up to a multiple of four, at least one, and the CRC-32 of the file's
//! content, in the byte order of the image.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use object::read::ReadRef;
use postlink_codegen::hex;

use super::data::Bytes;
use super::places::{Part, Purpose};
use crate::edit::Edit;
use crate::error::ImageProblem;
use crate::files::data::with_edits;

/// Bytes of the checksum.
const CHECKSUM: usize = 4;
/// Most bytes of such a section: paths are no longer.
const LONGEST: u64 = 1 << 16;

/// What an image says of its separate debug file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DebugLink {
    /// The name, without a folder.
    pub(crate) name: Vec<u8>,
    /// The CRC-32 of the file.
    pub(crate) checksum: u32,
    /// The section, from the start of the file in bytes.
    offset: u64,
    bytes: Vec<u8>,
    is_big_endian: bool,
}

impl DebugLink {
    /// The one that an image of these parts has.
    pub(super) fn of(
        data: Bytes<'_, '_>,
        parts: &[Part],
        is_big_endian: bool,
    ) -> Result<Option<Self>, ImageProblem> {
        let mut links = parts.iter().filter(|part| part.purpose == Purpose::DebugLink);
        let (Some(part), None) = (links.next(), links.next()) else {
            return match parts.iter().any(|part| part.purpose == Purpose::DebugLink) {
                true => Err(damaged("it has several links to a debug file")),
                false => Ok(None),
            };
        };
        let size = part.range.end.saturating_sub(part.range.start);
        let bytes = (size <= LONGEST).then(|| data.read_bytes_at(part.range.start, size).ok());
        let bytes =
            bytes.flatten().ok_or_else(|| damaged("its link to a debug file is cut off"))?;
        let parsed = || {
            let length = bytes.iter().position(|&byte| byte == 0)?;
            let checksum = bytes.get(place(length)?..)?.first_chunk::<CHECKSUM>()?;
            let checksum = match is_big_endian {
                true => u32::from_be_bytes(*checksum),
                false => u32::from_le_bytes(*checksum),
            };
            Some((bytes.get(..length)?.to_vec(), checksum))
        };
        let (name, checksum) =
            parsed().ok_or_else(|| damaged("its link to a debug file has no checksum"))?;
        let (offset, bytes) = (part.range.start, bytes.to_vec());
        Ok(Some(Self { name, checksum, offset, bytes, is_big_endian }))
    }

    /// The edit that gives it a name of the same length, and a checksum; `None` where the name is longer
    /// or shorter.
    pub(crate) fn edit(&self, name: &[u8], checksum: u32) -> Option<Edit> {
        let checksum = match self.is_big_endian {
            true => checksum.to_be_bytes(),
            false => checksum.to_le_bytes(),
        };
        let mut after = self.bytes.clone();
        let at = place(name.len()).filter(|_| name.len() == self.name.len())?;
        after.get_mut(..name.len())?.copy_from_slice(name);
        after.get_mut(at..)?.first_chunk_mut::<CHECKSUM>()?.copy_from_slice(&checksum);
        Some(Edit { offset: self.offset, before: self.bytes.clone(), after })
    }

    /// Zero bytes in its place.
    pub(super) fn zeros(&self) -> Edit {
        let after = vec![0; self.bytes.len()];
        Edit { offset: self.offset, before: self.bytes.clone(), after }
    }

    /// The name that the file has if its image has another identity: the same, unless it is made of
    /// the identity.
    pub(crate) fn name_after(&self, old: &[u8], new: &[u8]) -> Vec<u8> {
        let is_of = |id: &[u8]| file_name(id).is_some_and(|name| name.as_bytes() == self.name);
        match file_name(new) {
            Some(name) if is_of(old) => name.into_bytes(),
            _ => self.name.clone(),
        }
    }
}

/// Where the checksum is behind a name of this length.
fn place(length: usize) -> Option<usize> {
    length.checked_add(1)?.checked_next_multiple_of(CHECKSUM)
}

fn damaged(why: &str) -> ImageProblem {
    ImageProblem::Damaged("image", why.to_owned())
}

/// The checksum of a debug file with these edits, none of which changes the size.
///
/// # Errors
/// It cannot be read.
pub(crate) fn checksum(file: &File, edits: &[Edit]) -> io::Result<u32> {
    let mut crc = crc32fast::Hasher::new();
    with_edits(file, edits, |bytes| crc.update(bytes))?;
    Ok(crc.finalize())
}

/// The path of the debug file of an image with this identity, from a folder of debug files on; `None`
/// where the identity is too short.
pub(crate) fn path(identity: &[u8]) -> Option<PathBuf> {
    let (first, _) = identity.split_first()?;
    let folder = Path::new(".build-id").join(hex(&[*first]));
    Some(folder.join(file_name(identity)?))
}

fn file_name(identity: &[u8]) -> Option<String> {
    let (_, rest) = identity.split_first()?;
    (!rest.is_empty()).then(|| format!("{}.debug", hex(rest)))
}
