//! What a change makes necessary in the headers of an image, and what it makes wrong (PE Format,
//! "Optional Header Windows-Specific Fields", "The Attribute Certificate Table"; Microsoft, "Windows
//! Authenticode Portable Executable Signature Format").
//!
//! **The rule:** a checksum that is there is computed anew; one that is 0 was never asked for. A signature
//! that vouches for the bytes is refused, or removed where the user says so: its table must be the last
//! of the file, which then ends where that began. Hashes in place of times (`/Brepro`) stay, as
//! everything that a debugger finds its files by.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::LittleEndian as LE;
use object::pe;
use object::read::ReadRef;

use super::header::{DIRECTORY, Headers, ImageHeader, damaged};
use crate::edit::{Edit, overlay};
use crate::error::ImageProblem;
use crate::image::data::Bytes;
use crate::image::finish::{Allowed, Finish, FinishProblem};

/// Bytes that are read at a time; a multiple of 4.
const CHUNK: u64 = 1 << 20;

/// Bytes of the checksum.
const CHECKSUM: usize = size_of::<u32>();

/// To how many bytes signing tools fill up the file and their table.
const ALIGNED: u64 = 8;

pub(in crate::image) fn finish(
    data: Bytes<'_, '_>,
    edits: &[Edit],
    allowed: Allowed,
) -> Result<Finish, FinishProblem> {
    let headers = Headers::read(data)?;
    let mut finish = Finish::default();
    let Some(image) = &headers.image else { return Ok(finish) };
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    if let Some(table) = certificates(&headers) {
        if !allowed.drop_signature {
            return Err(FinishProblem::Refused {
                why: "it is signed (Authenticode), and only the owner of the key can sign it again"
                    .into(),
                help: "fill it before it is signed; or add --drop-signature, which removes the signature",
            });
        }
        drop_signature(data, &headers, image, &table, &mut finish)?;
    }
    finish.warnings.extend(told(data, &headers));
    checksum(data, image, edits, length, &mut finish)?;
    Ok(finish)
}

/// Where the certificate table is, which is told by its place in the file, not in memory.
pub(super) fn certificates(headers: &Headers<'_>) -> Option<Range<u64>> {
    let image = headers.image.as_ref()?;
    let entry = image.directories.get(pe::IMAGE_DIRECTORY_ENTRY_SECURITY)?;
    let (start, size): (u64, u64) =
        (entry.virtual_address.get(LE).into(), entry.size.get(LE).into());
    (start != 0 && size != 0).then(|| start..start.saturating_add(size))
}

/// Plans that the certificate table goes, and the entry that names it.
fn drop_signature(
    data: Bytes<'_, '_>,
    headers: &Headers<'_>,
    image: &ImageHeader<'_>,
    table: &Range<u64>,
    finish: &mut Finish,
) -> Result<(), FinishProblem> {
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    let sections = headers.sections.iter().map(|section| {
        u64::from(section.pointer_to_raw_data.get(LE))
            .saturating_add(section.size_of_raw_data.get(LE).into())
    });
    let symbols = headers.string_range(data).map_or(0, |strings| strings.end);
    let others = sections.chain([symbols, headers.header.end]).max().unwrap_or_default();
    let end = table.end.checked_next_multiple_of(ALIGNED).unwrap_or(table.end).min(length);
    let padding = data.read_bytes_at(table.end.min(end), end.saturating_sub(table.end));
    let padding = padding.map_err(|()| damaged("what is behind its signature cannot be read"))?;
    // A run that was killed may have cut it off already.
    let is_cut = table.start == length;
    let (why, help) = if table.end > length && !is_cut {
        ("its signature ends behind the end of the file", "build or copy the file again")
    } else if others > table.start {
        ("its signature lies in what it should vouch for", "build or copy the file again")
    } else if end < length || padding.iter().any(|&byte| byte != 0) {
        (
            "something was appended behind its signature, which therefore cannot be removed",
            "take a copy of the file to which nothing was appended, or one that was not signed",
        )
    } else {
        ("", "")
    };
    if !why.is_empty() {
        return Err(FinishProblem::Refused { why: why.into(), help });
    }
    let number = pe::IMAGE_DIRECTORY_ENTRY_SECURITY as u64;
    let offset = image.directories_at.saturating_add(number.saturating_mul(DIRECTORY));
    let entry = data.read_bytes_at(offset, DIRECTORY);
    let before = entry.map_err(|()| damaged("it ends in its directories"))?.to_vec();
    let after = vec![0; before.len()];
    finish.edits.push(Edit { offset, before, after });
    finish.length = Some(table.start).filter(|_| !is_cut);
    finish.warnings.push("its signature (Authenticode) is removed".into());
    if image.flags.contains(pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY) {
        finish.warnings.push(
            "it was linked with /INTEGRITYCHECK: Windows loads it only when it is signed again"
                .into(),
        );
    }
    Ok(())
}

/// What a change cannot put right.
fn told<'d, R: ReadRef<'d>>(data: R, headers: &Headers<'d>) -> Vec<String> {
    let mut told = Vec::new();
    let debug = headers.debug(data);
    if debug.iter().any(|entry| entry.typ.get(LE) == pe::IMAGE_DEBUG_TYPE_REPRO) {
        told.push(
            "in place of times it has hashes of the file as it was linked (/Brepro): they stay, so \
             that debuggers and symbol servers still know it"
                .into(),
        );
    }
    let managed = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR);
    let managed = managed.and_then(|place| data.read_at::<pe::ImageCor20Header>(place.start).ok());
    if managed.is_some_and(|one| one.flags.get(LE).contains(pe::COMIMAGE_FLAGS_STRONGNAMESIGNED)) {
        told.push("its strong name is no longer valid: sign it again (sn -R)".into());
    }
    told
}

/// Plans another checksum, where the file has one.
fn checksum(
    data: Bytes<'_, '_>,
    image: &ImageHeader<'_>,
    edits: &[Edit],
    length: u64,
    finish: &mut Finish,
) -> Result<(), ImageProblem> {
    if image.checksum == 0 {
        return Ok(());
    }
    let offset = image.checksum_at;
    let zeros = [Edit { offset, before: vec![0; CHECKSUM], after: vec![0; CHECKSUM] }];
    let before = sum(data, length, &zeros)?;
    if before != image.checksum {
        finish.warnings.push(format!(
            "its checksum was wrong before, {:#010x} in place of {before:#010x}; now it is right",
            image.checksum
        ));
    }
    let all: Vec<Edit> = edits.iter().chain(&finish.edits).chain(&zeros).cloned().collect();
    let after = sum(data, finish.length.unwrap_or(length), &all)?;
    let (before, after) = (image.checksum.to_le_bytes(), after.to_le_bytes());
    finish.edits.push(Edit { offset, before: before.to_vec(), after: after.to_vec() });
    Ok(())
}

/// The checksum of the first `length` bytes with these edits, in which its own place has zeros: words
/// of 16 bits added up, each carry added too, and the length (Microsoft, `CheckSumMappedFile`).
fn sum(data: Bytes<'_, '_>, length: u64, edits: &[Edit]) -> Result<u32, ImageProblem> {
    let mut buffer = Vec::new();
    let (mut at, mut sum) = (0, 0_u64);
    while at < length {
        let size = CHUNK.min(length.saturating_sub(at));
        // The missing bytes of the last word are zero.
        buffer.clear();
        buffer.resize(size.next_multiple_of(4) as usize, 0);
        let bytes = buffer.get_mut(..size as usize).unwrap_or_default();
        data.copy_to(bytes, at).map_err(|()| damaged("it became shorter"))?;
        overlay(bytes, at, edits);
        // Two words at a time: folded, that is the same sum. A chunk of them cannot overflow.
        for words in buffer.chunks_exact(4) {
            let words = words.try_into().map_or(0, u32::from_le_bytes);
            sum = sum.wrapping_add(words.into());
        }
        while sum > 0xffff {
            sum = (sum & 0xffff).saturating_add(sum >> 16);
        }
        at = at.saturating_add(size);
    }
    Ok((sum as u32).wrapping_add(length as u32))
}
