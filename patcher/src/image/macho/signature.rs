//! The signature of a Mach-O file, after a change of what it has hashes of (Apple,
//! `<kern/cs_blobs.h>`; "Code Signing In Depth").
//!
//! A signature is at the end of the file, and has one or more code directories. Each has a hash of every
//! page up to the signature. **The rule:** in all of them the hashes of the pages that change are made
//! anew. Everything else stays: flags, identifier, entitlements, requirements, and the hashes of
//! these. Nobody vouches for an ad-hoc signature, and so it is as good as before.
//!
//! Where a certificate vouches for the code directory (CMS), it cannot be renewed. `--adhoc` takes that
//! away: the CMS blob becomes empty, `CS_ADHOC` is set, and the team's identifier and the
//! requirements go, which only that certificate meets. All pages are hashed. Flags and entitlements stay,
//! as with `codesign --sign - --preserve-metadata=entitlements,flags`.
//!
//! A page whose hash was wrong before is not mended in passing: then the file is not what was signed. Only
//! where a fill was cut short it is known why.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::Endianness;
use object::macho;
use object::read::ReadRef;
use object::read::macho::{CodeSignature, CodeSignatureBlob, MachHeader, Segment};

use super::code_directory::{Directory, unknown, wrong};
use super::header::{Mach, damaged, is_64};
use crate::edit::{Edit, ordered};
use crate::error::ImageProblem;
use crate::image::data::Bytes;
use crate::image::finish::{Allowed, Finish, FinishProblem};

/// Blobs of one signature: those of Apple's tools have ten at most.
const MOST_BLOBS: usize = 64;

/// Bytes before the content of a blob: its kind and its size.
const BLOB_HEADER: u32 = 8;

/// The requirements of a signature that has none.
const NO_REQUIREMENTS: [u8; 12] = [0xfa, 0xde, 0x0c, 0x01, 0, 0, 0, 12, 0, 0, 0, 0];

const NOT_IN_PLACE: &str = "it is signed, and macOS keeps a signature by the file's inode: a program \
    that was started from it, or a library that was loaded, would be killed when it is used again";

/// What a change of a file makes necessary in its signature; nothing, where it has none.
pub(in crate::image) fn finish(
    data: Bytes<'_, '_>,
    edits: &[Edit],
    allowed: Allowed,
) -> Result<Finish, FinishProblem> {
    match is_64(data)? {
        false => finish_as::<macho::MachHeader32<Endianness>>(data, edits, allowed),
        true => finish_as::<macho::MachHeader64<Endianness>>(data, edits, allowed),
    }
}

fn finish_as<H: MachHeader<Endian = Endianness>>(
    data: Bytes<'_, '_>,
    edits: &[Edit],
    allowed: Allowed,
) -> Result<Finish, FinishProblem> {
    let mach = Mach::<H>::read(data)?;
    if !mach.encrypted()?.is_empty() {
        return Err(FinishProblem::Refused {
            why: "it is encrypted (LC_ENCRYPTION_INFO), and only the kernel can read its code"
                .to_owned(),
            help: "change the file before it is encrypted",
        });
    }
    let signature = match mach.linkedit_data(macho::LC_CODE_SIGNATURE)?.as_slice() {
        [] => return Ok(Finish::default()),
        [signature] => signature.clone(),
        _ => return Err(wrong("there are several")),
    };
    check_last(&mach, data, &signature)?;
    let touches = |range: &Range<u64>| {
        edits.iter().any(|edit| edit.offset < range.end && range.start < edit.end())
    };
    if touches(&signature) {
        return Err(FinishProblem::Refused {
            why: "the change lies in its signature itself".to_owned(),
            help: "sign it anew after the change",
        });
    }
    let blobs = blobs(data, &signature)?;
    let mut directories = Vec::new();
    for blob in &blobs {
        let directory = Directory::read(blob, signature.start)?;
        let slot = blob.slot();
        let is_asked = slot == macho::CSSLOT_CODEDIRECTORY || slot.is_alternate_codedirectory();
        if is_asked != directory.is_some() {
            return Err(wrong("its code directories are not where they should be"));
        }
        directories.extend(directory);
    }
    if directories.is_empty() {
        return Err(wrong("it has no code directory"));
    }
    let info = mach.sections.iter().find(|section| section.name.ends_with(",__info_plist"));
    let info = info.and_then(|section| section.range.clone()).filter(touches);
    if info.is_some() && directories.iter().any(Directory::seals_info) {
        return Err(FinishProblem::Refused {
            why: "the change lies in its Info.plist, which the signature has a hash of by itself"
                .to_owned(),
            help: "change the file before it is signed",
        });
    }
    let certified = blobs.iter().find(|blob| is_cms(blob));
    if certified.is_some() && !allowed.adhoc {
        return Err(FinishProblem::Refused {
            why: format!(
                "it is signed with a certificate{}, and nobody else can renew that signature",
                of_team(&directories)
            ),
            help: "change the file before it is signed; or let an ad-hoc signature take the place of \
                   this one: --adhoc",
        });
    }
    let mut finish = Finish { not_in_place: Some(NOT_IN_PLACE), ..Finish::default() };
    let mut stale = None;
    for directory in &directories {
        let rehashed = directory.rehash(data, edits, allowed.adhoc)?;
        finish.edits.extend(rehashed.edits);
        stale = stale.or(rehashed.stale);
    }
    if let Some(page) = stale.filter(|_| !allowed.is_interrupted) {
        let what = format!(
            "its signature was wrong before: the hash of page {page} is not that of its bytes"
        );
        if !allowed.adhoc {
            return Err(FinishProblem::Refused {
                why: what,
                help: "something changed the file after it was signed: build it again; or, if that is \
                       as it should be, have all hashes made anew: --adhoc",
            });
        }
        finish.warnings.push(format!("{what}; all hashes were made anew"));
    }
    let limit = directories.iter().map(Directory::limit).min().unwrap_or_default();
    let unsigned = edits.iter().filter(|edit| edit.changes() && edit.end() > limit);
    if let Some(first) = unsigned.map(|edit| edit.offset.max(limit)).min() {
        finish.warnings.push(format!(
            "the change at {first:#x} has no hash in its signature, which has those of the bytes up to \
             {limit:#x} only: whether macOS takes it nobody can tell, build it again if it does not"
        ));
    }
    if let Some(cms) = certified {
        finish.edits.extend(replaced(&blobs, cms, &directories, &signature)?);
        finish.warnings.push(told(&directories));
    }
    finish.edits = ordered(finish.edits).ok_or_else(|| wrong("parts of it overlap"))?;
    Ok(finish)
}

/// Refuses a signature that is not at the end of the file, and of the segment of the linker.
fn check_last<H: MachHeader<Endian = Endianness>>(
    mach: &Mach<'_, H>,
    data: Bytes<'_, '_>,
    signature: &Range<u64>,
) -> Result<(), FinishProblem> {
    let length = data.len().map_err(|()| damaged("its length is unknown"))?;
    if signature.end > length {
        return Err(wrong("it ends behind the end of the file"));
    }
    if signature.is_empty() {
        return Err(wrong("it is empty"));
    }
    if signature.end < length {
        return Err(FinishProblem::Refused {
            why: format!(
                "its signature ends at {:#x}, and is not the last thing in it: {} bytes follow",
                signature.end,
                length.saturating_sub(signature.end)
            ),
            help: "something added to the file after it was signed: change it before",
        });
    }
    let segment = mach.segments.iter().find(|segment| segment.name() == b"__LINKEDIT");
    let Some(segment) = segment else {
        return Err(wrong("it lies in no segment __LINKEDIT"));
    };
    let (start, size) = segment.file_range(mach.endian);
    let end = start.saturating_add(size);
    if end != length {
        return Err(wrong(&format!(
            "it ends at {length:#x} with the file, and the segment __LINKEDIT at {end:#x}"
        )));
    }
    Ok(())
}

fn blobs<'d>(
    data: Bytes<'d, '_>,
    signature: &Range<u64>,
) -> Result<Vec<CodeSignatureBlob<'d>>, FinishProblem> {
    let size = signature.end.saturating_sub(signature.start);
    let bytes = data.read_bytes_at(signature.start, size);
    let bytes = bytes.map_err(|()| wrong("it ends behind the end of the file"))?;
    if bytes.starts_with(&macho::CSMAGIC_EMBEDDED_SIGNATURE_OLD.to_be_bytes()) {
        return Err(unknown("an older form".to_owned()));
    }
    let parsed = CodeSignature::parse(bytes).map_err(damaged)?;
    if parsed.index().len() > MOST_BLOBS {
        return Err(wrong("it has too many parts"));
    }
    let blobs: Result<Vec<_>, _> = parsed.blobs().collect();
    Ok(blobs.map_err(damaged)?)
}

/// Whether this is a certificate's signature of the code directories; an ad-hoc one is empty.
fn is_cms(blob: &CodeSignatureBlob<'_>) -> bool {
    blob.slot() == macho::CSSLOT_SIGNATURESLOT && !blob.contents().is_empty()
}

/// The edits that make a certificate's signature an ad-hoc one.
fn replaced(
    blobs: &[CodeSignatureBlob<'_>],
    cms: &CodeSignatureBlob<'_>,
    directories: &[Directory<'_>],
    signature: &Range<u64>,
) -> Result<Vec<Edit>, ImageProblem> {
    // A blob that becomes shorter: what is left over becomes zero bytes.
    let shortened = |blob: &CodeSignatureBlob<'_>, new: &[u8]| {
        let mut after = new.to_vec();
        after.resize(blob.data().len(), 0);
        let offset = signature.start.saturating_add(blob.offset().into());
        Edit { offset, before: blob.data().to_vec(), after }
    };
    let wrapper = [macho::CSMAGIC_BLOBWRAPPER.to_be_bytes(), BLOB_HEADER.to_be_bytes()].concat();
    let mut edits = vec![shortened(cms, &wrapper)];
    let is_required = |blob: &&CodeSignatureBlob<'_>| {
        blob.slot() == macho::CSSLOT_REQUIREMENTS && blob.magic() == macho::CSMAGIC_REQUIREMENTS
    };
    let required = blobs.iter().find(is_required);
    let required = required.filter(|blob| blob.data().len() > NO_REQUIREMENTS.len());
    edits.extend(required.map(|blob| shortened(blob, &NO_REQUIREMENTS)));
    let requirements = required.map(|_| NO_REQUIREMENTS.as_slice());
    edits.extend(directories.iter().flat_map(|directory| directory.adhoc(requirements)));
    ordered(edits).ok_or_else(|| damaged("of its signature, parts overlap"))
}

fn of_team(directories: &[Directory<'_>]) -> String {
    let team = directories.iter().find_map(Directory::team);
    team.map_or_else(String::new, |team| format!(" of {team}"))
}

/// A sentence about an ad-hoc signature that took the place of one with a certificate.
fn told(directories: &[Directory<'_>]) -> String {
    let mut told = format!(
        "an ad-hoc signature took the place of that with the certificate{}: Gatekeeper no longer knows \
         who made it, and entitlements that need a certificate have no effect or keep it from starting",
        of_team(directories)
    );
    let strict = macho::CS_RUNTIME.0 | macho::CS_REQUIRE_LV.0;
    if directories.iter().any(|directory| directory.flags().0 & strict != 0) {
        told.push_str(
            "; it keeps the hardened runtime, in which a program loads no libraries but the system's \
             and those of the same team, which it has no longer",
        );
    }
    told
}
