//! The build-id of a file, made anew from what a fill leaves in it.
//!
//! A linker writes a build-id into the note `NT_GNU_BUILD_ID` of owner `GNU` (ELF gABI, "Note
//! Section"; the note is GNU's). It is any number of bytes that tell one build from another; a
//! fill leaves it alone, so that the separate debug file that is found by it still is.
//!
//! **The rule**, where a new one is asked for: the SHA-256 of the whole file as the fill leaves it,
//! with the bytes of the build-id itself taken as zero, and those of the link to a separate debug file
//! (a section of its own) too: its checksum is of a file that has the same build-id. The first bytes are the
//! build-id; where the build-id has more than 32, the same 32 follow again. The size stays. So files of
//! equal content have equal build-ids, and filling again with the same values changes nothing.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::edit::Edit;
use crate::error::{Error, ImageProblem, Result};
use crate::files::compare::UnreadFile;
use crate::files::data::with_edits;
use crate::files::open::read_at;
use crate::image::data::ImageData;
use crate::image::debug_link::DebugLink;

/// Where the build-id is. There has to be one, and only one.
pub(in crate::image) fn find(file: &File, path: &Path) -> Result<Range<u64>> {
    let mut found = ImageData::new(file).ask(super::build_ids).map_err(Error::not_image(path))?;
    match found.pop() {
        Some(place) if found.is_empty() => Ok(place),
        last => {
            let count = found.len().saturating_add(usize::from(last.is_some()));
            Err(Error::BuildIds { path: path.to_owned(), count })
        }
    }
}

/// The edit that gives a file the build-id that follows from its content after other edits.
pub(in crate::image) fn rewrite(file: &File, path: &Path, edits: &[Edit]) -> Result<Edit> {
    let place = find(file, path)?;
    let made = || {
        let mut before = vec![0; length(&place)];
        file.read_exact_at(&mut before, place.start)?;
        let after = of_content(file, &place, edits)?;
        io::Result::Ok(Edit { offset: place.start, before, after })
    };
    made().map_err(Error::io("read", path))
}

/// Where the build-id is, if `after` has a new one that follows from its content.
pub(in crate::image) fn changed(
    before: &File,
    after: &File,
) -> Result<Option<Range<u64>>, UnreadFile> {
    let found = match ImageData::new(before).ask(super::build_ids) {
        Err(ImageProblem::Unread(number)) => {
            return Err(UnreadFile::Ours(io::Error::from_raw_os_error(number)));
        }
        found => found.unwrap_or_default(),
    };
    let [place] = found.as_slice() else { return Ok(None) };
    let bytes = |file: &File| {
        let mut bytes = vec![0; length(place)];
        let is_there = read_at(file, &mut bytes, place.start)? == bytes.len();
        io::Result::Ok(is_there.then_some(bytes))
    };
    let old = bytes(before).map_err(UnreadFile::Ours)?;
    let new = bytes(after).map_err(UnreadFile::Theirs)?;
    let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
    let accepted = old != new && of_content(after, place, &[]).map_err(UnreadFile::Theirs)? == new;
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
    let link = |data| DebugLink::of(data, &super::places::parts(data)?, false);
    let link = match ImageData::new(file).ask(link) {
        Err(ImageProblem::Unread(number)) => return Err(io::Error::from_raw_os_error(number)),
        // Of a damaged one, nobody writes a checksum.
        found => found.ok().flatten(),
    };
    let identity = Edit { offset: place.start, before: vec![0; size], after: vec![0; size] };
    let zeros = link.map(|link| link.zeros()).into_iter().chain([identity]);
    let edits: Vec<Edit> = edits.iter().cloned().chain(zeros).collect();
    let mut hash = Sha256::new();
    with_edits(file, &edits, |bytes| hash.update(bytes))?;
    Ok(hash.finalize().iter().copied().cycle().take(size).collect())
}
