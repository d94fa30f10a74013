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

use object::read::ReadCache;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, SectionProblem};
use crate::fill::Edit;
use crate::image;
use crate::records::{Image, Section};
use crate::write::Change;

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// The build-id that the rule gives to a file after these edits. The whole file is read.
///
/// # Errors
/// The file has no build-id, or several; it cannot be read.
pub fn rewrite(image: &Image, edits: &[Edit]) -> Result<Change> {
    let path = &image.path;
    let found = image::build_ids(&ReadCache::new(&image.file)).map_err(Error::not_image(path))?;
    let [place] = found.as_slice() else {
        return Err(Error::BuildIds { path: path.clone(), count: found.len() });
    };
    let shared = |section: &&Section| {
        let end = section.offset + section.bytes.len() as u64;
        section.offset < place.end && place.start < end
    };
    if let Some(section) = image.sections.iter().find(shared) {
        let (path, section) = (section.path.clone(), section.name.clone());
        return Err(Error::Section { path, section, problem: SectionProblem::Overlaps });
    }
    let mut before = vec![0; (place.end - place.start) as usize];
    let failed = |action| Error::io(action, path);
    image.file.read_exact_at(&mut before, place.start).map_err(failed("read"))?;
    let filled: Vec<_> = edits.iter().flat_map(Edit::written).collect();
    let after = of_content(&image.file, place, &filled).map_err(failed("read"))?;
    Ok(Change { offset: place.start, before, after })
}

/// The build-id that the rule gives to a file, where the build-id's bytes are at `place` and each
/// of `filled` is taken to stand at its offset.
///
/// # Errors
/// The file cannot be read.
pub fn of_content(file: &File, place: &Range<u64>, filled: &[(u64, &[u8])]) -> io::Result<Vec<u8>> {
    let size = (place.end - place.start) as usize;
    let zeros = vec![0; size];
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            break;
        }
        let chunk = &mut buffer[..read];
        for &(offset, bytes) in filled.iter().chain([&(place.start, zeros.as_slice())]) {
            overlay(chunk, at, offset, bytes);
        }
        hash.update(&*chunk);
        at += read as u64;
    }
    Ok(hash.finalize().iter().copied().cycle().take(size).collect())
}

/// Puts that part of `bytes`, which stand at `offset` in the file, into the chunk that lies in it.
fn overlay(chunk: &mut [u8], at: u64, offset: u64, bytes: &[u8]) {
    let start = offset.max(at);
    let end = (offset + bytes.len() as u64).min(at + chunk.len() as u64);
    if start < end {
        let part = &bytes[(start - offset) as usize..(end - offset) as usize];
        chunk[(start - at) as usize..(end - at) as usize].copy_from_slice(part);
    }
}
