//! The build-id of a file, made anew from what a fill leaves in it.
//!
//! A linker writes a build-id into the note `NT_GNU_BUILD_ID` of owner `GNU` (ELF gABI, "Note
//! Section"; the note is GNU's). It is any number of bytes that tell one build from another; a
//! fill leaves it alone, so that the separate debug file that is found by it still is.
//!
//! **The rule**, where a new one is asked for: the SHA-256 of the whole file as the fill leaves it,
//! with the bytes of the build-id itself taken as zero. Its first bytes are the build-id; where the
//! build-id has more than 32, the same 32 follow again. The size stays. So files of equal content
//! have equal build-ids, and filling again with the same values changes nothing.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::edit::{Edit, overlay};
use crate::error::{Error, Result};
use crate::files::open::read_at;
use crate::image::data::ImageData;

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// The edit that gives a file the build-id that follows from its content after other edits.
pub(in crate::image) fn rewrite(file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
    let found = ImageData::new(file).ask(super::build_ids).map_err(Error::not_image(path))?;
    let [place] = found.as_slice() else {
        return Err(Error::BuildIds { path: path.to_owned(), count: found.len() });
    };
    let made = || {
        let mut before = vec![0; length(place)];
        file.read_exact_at(&mut before, place.start)?;
        let after = of_content(file, place, edits)?;
        io::Result::Ok(Edit { offset: place.start, before, after })
    };
    made().map_err(Error::io("read", path))
}

/// Where the build-id is, if `after` has a new one that follows from its content.
pub(in crate::image) fn changed(before: &File, after: &File) -> io::Result<Option<Range<u64>>> {
    let found = ImageData::new(before).ask(super::build_ids).unwrap_or_default();
    let [place] = found.as_slice() else { return Ok(None) };
    let bytes = |file: &File| {
        let mut bytes = vec![0; length(place)];
        file.read_exact_at(&mut bytes, place.start).is_ok().then_some(bytes)
    };
    let (Some(old), Some(new)) = (bytes(before), bytes(after)) else { return Ok(None) };
    let accepted = old != new && of_content(after, place, &[])? == new;
    Ok(accepted.then(|| place.clone()))
}

/// Bytes of a place, which lie in the file.
fn length(place: &Range<u64>) -> usize {
    place.end.saturating_sub(place.start) as usize
}

/// The build-id that the rule gives to a file with these edits, where the build-id's bytes are at
/// `place`.
fn of_content(file: &File, place: &Range<u64>, edits: &[Edit]) -> io::Result<Vec<u8>> {
    let size = length(place);
    let zeros = Edit { offset: place.start, before: vec![0; size], after: vec![0; size] };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let read = read_at(file, &mut buffer, at)?;
        if read == 0 {
            break;
        }
        let chunk = buffer.get_mut(..read).unwrap_or_default();
        overlay(chunk, at, edits.iter().chain([&zeros]));
        hash.update(&*chunk);
        at = at.saturating_add(read as u64);
    }
    Ok(hash.finalize().iter().copied().cycle().take(size).collect())
}
