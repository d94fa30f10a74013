//! A code directory: the part of a signature that has a hash of each page of the file (Apple,
//! `<kern/cs_blobs.h>`, `CS_CodeDirectory`).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::ops::Range;

use object::BigEndian;
use object::macho;
use object::read::macho::{CodeDirectory, CodeSignatureBlob};
use sha1::Sha1;
use sha2::digest::{Digest, DynDigest};
use sha2::{Sha256, Sha384};

use super::header::damaged;
use crate::edit::{Edit, overlay};
use crate::error::ImageProblem;
use crate::image::data::Bytes;
use crate::image::finish::FinishProblem;

/// Bytes that are hashed at a time.
const CHUNK: u64 = 1 << 16;

/// Where fields of a code directory are in it, named as in `CS_CodeDirectory`.
const FLAGS: Range<usize> = 12..16;
const TEAM_OFFSET: Range<usize> = 48..52;
const PRE_ENCRYPTION_OFFSET: Range<usize> = 92..96;

/// A code directory of a signature.
pub(super) struct Directory<'d> {
    /// As `object` reads it.
    inner: CodeDirectory<'d>,
    /// Its bytes.
    bytes: &'d [u8],
    /// Where it begins in the file.
    start: u64,
    hash: Hash,
    /// Where the signed bytes end, which begin with the file.
    limit: u64,
    /// Bytes of a page; the last one may have fewer.
    page: u64,
}

/// A kind of hash, of which a signature has the first `size` bytes.
#[derive(Clone, Copy)]
struct Hash {
    new: fn() -> Box<dyn DynDigest>,
    size: u8,
}

impl Hash {
    /// `None` for one that is not known.
    fn of(kind: macho::CsHashType) -> Option<Self> {
        let (new, size): (fn() -> Box<dyn DynDigest>, u8) = match kind {
            macho::CS_HASHTYPE_SHA1 => (|| Box::new(Sha1::new()), 20),
            macho::CS_HASHTYPE_SHA256 => (|| Box::new(Sha256::new()), 32),
            macho::CS_HASHTYPE_SHA256_TRUNCATED => (|| Box::new(Sha256::new()), 20),
            macho::CS_HASHTYPE_SHA384 => (|| Box::new(Sha384::new()), 48),
            _ => return None,
        };
        Some(Self { new, size })
    }

    fn finish(self, state: Box<dyn DynDigest>) -> Vec<u8> {
        let mut hash = state.finalize().into_vec();
        hash.truncate(self.size.into());
        hash
    }
}

/// What became of the hashes of pages.
#[derive(Default)]
pub(super) struct Rehashed {
    /// The hashes that are others now.
    pub(super) edits: Vec<Edit>,
    /// The first page whose hash was wrong before, from 0.
    pub(super) stale: Option<u64>,
}

impl<'d> Directory<'d> {
    /// Reads a code directory of a signature that begins at `signature` in the file; `None` if the blob
    /// is something else.
    pub(super) fn read(
        blob: &CodeSignatureBlob<'d>,
        signature: u64,
    ) -> Result<Option<Self>, FinishProblem> {
        let Some(inner) = blob.code_directory().map_err(damaged)? else { return Ok(None) };
        let header = inner.header();
        let hash = Hash::of(header.hash_type).ok_or_else(|| {
            unknown(format!("a kind of hash with the number {}", header.hash_type.0))
        })?;
        if header.hash_size != hash.size {
            return Err(wrong("its hashes have another size than their kind"));
        }
        if inner.scatter_offset().is_some_and(|offset| offset != 0) {
            return Err(unknown("hashes of scattered pages".to_owned()));
        }
        // Behind `execSegFlags` stand the version of the hardened runtime, and the place of hashes that
        // were made before an encryption.
        let has_more = inner.version().0 >= macho::CS_SUPPORTSRUNTIME.0;
        let before_encryption = blob.data().get(PRE_ENCRYPTION_OFFSET).filter(|_| has_more);
        if before_encryption.is_some_and(|offset| offset.iter().any(|&byte| byte != 0)) {
            return Err(unknown("hashes of pages before their encryption".to_owned()));
        }
        let limit = inner.code_limit();
        let page = match header.page_size {
            0 => limit.max(1),
            power => {
                1_u64.checked_shl(power.into()).ok_or_else(|| wrong("its pages are too large"))?
            }
        };
        if limit > signature {
            return Err(wrong("it has hashes of itself"));
        }
        let slots = header.n_code_slots.get(BigEndian);
        if u64::from(slots) != limit.div_ceil(page) {
            return Err(wrong("it has not one hash for each page"));
        }
        // All of them lie in the directory.
        if slots.checked_sub(1).is_some_and(|last| inner.code_hash(last).is_err()) {
            return Err(wrong("its hashes are not in it"));
        }
        let start = signature.saturating_add(blob.offset().into());
        Ok(Some(Self { inner, bytes: blob.data(), start, hash, limit, page }))
    }

    /// Its flags (`CS_ADHOC` and others).
    pub(super) fn flags(&self) -> macho::CsFlags {
        self.inner.header().flags.get(BigEndian)
    }

    /// Whose certificate the signature is made with.
    pub(super) fn team(&self) -> Option<String> {
        let team = self.inner.team_id().ok().flatten()?;
        Some(String::from_utf8_lossy(team).into_owned())
    }

    /// Where the signed bytes end, which begin with the file.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// The hashes of the pages that edits lie in, or of all pages.
    pub(super) fn rehash(
        &self,
        data: Bytes<'_, '_>,
        edits: &[Edit],
        all: bool,
    ) -> Result<Rehashed, ImageProblem> {
        let page_of = |at: u64| at.checked_div(self.page).unwrap_or_default();
        let mut pages = BTreeSet::new();
        if all {
            pages.extend(0..self.limit.div_ceil(self.page));
        }
        for edit in edits.iter().filter(|edit| edit.changes() && edit.offset < self.limit) {
            let last = edit.end().min(self.limit).saturating_sub(1);
            pages.extend(page_of(edit.offset)..=page_of(last));
        }
        let mut done = Rehashed::default();
        for number in pages {
            let start = number.saturating_mul(self.page);
            let range = start..start.saturating_add(self.page).min(self.limit);
            let (before, after) = self.hashes(data, range, edits)?;
            let index = u32::try_from(number).map_err(damaged)?;
            let slot = self.inner.code_hash(index).map_err(damaged)?;
            if slot != before {
                done.stale.get_or_insert(number);
            }
            done.edits.extend(self.edit(slot, after));
        }
        Ok(done)
    }

    /// The hash of a part of the file as it is, and as it will be.
    fn hashes(
        &self,
        data: Bytes<'_, '_>,
        range: Range<u64>,
        edits: &[Edit],
    ) -> Result<(Vec<u8>, Vec<u8>), ImageProblem> {
        let (mut before, mut after) = ((self.hash.new)(), (self.hash.new)());
        let mut at = range.start;
        while at < range.end {
            let size = range.end.saturating_sub(at).min(CHUNK);
            let mut bytes = vec![0; size as usize];
            data.copy_to(&mut bytes, at).map_err(|()| damaged("its signed bytes have no end"))?;
            before.update(&bytes);
            overlay(&mut bytes, at, edits);
            after.update(&bytes);
            at = at.saturating_add(size);
        }
        Ok((self.hash.finish(before), self.hash.finish(after)))
    }

    /// The edit that gives a part of the directory other bytes; `None` if they are these.
    fn edit(&self, part: &'d [u8], new: Vec<u8>) -> Option<Edit> {
        let at = part.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        let offset = self.start.saturating_add(at as u64);
        Some(Edit { offset, before: part.to_vec(), after: new }).filter(Edit::changes)
    }

    /// The edits that make it one without an owner, where `requirements` are the new ones that it has
    /// a hash of.
    pub(super) fn adhoc(&self, requirements: Option<&[u8]>) -> Vec<Edit> {
        let part = |range: Range<usize>| self.bytes.get(range).unwrap_or_default();
        let flags = self.flags().0 | macho::CS_ADHOC.0;
        let mut edits: Vec<Edit> =
            self.edit(part(FLAGS), flags.to_be_bytes().to_vec()).into_iter().collect();
        if self.inner.team_offset().is_some_and(|offset| offset != 0) {
            edits.extend(self.edit(part(TEAM_OFFSET), vec![0; 4]));
        }
        let slot = self.inner.special_hash(macho::CSSLOT_REQUIREMENTS).ok();
        if let (Some(slot), Some(requirements)) = (slot, requirements) {
            let mut state = (self.hash.new)();
            state.update(requirements);
            edits.extend(self.edit(slot, self.hash.finish(state)));
        }
        edits
    }

    /// Whether it has a hash of the file's own `Info.plist`, beside those of pages.
    pub(super) fn seals_info(&self) -> bool {
        let hash = self.inner.special_hash(macho::CSSLOT_INFOSLOT);
        hash.is_ok_and(|hash| hash.iter().any(|&byte| byte != 0))
    }
}

/// A signature that contradicts itself.
pub(super) fn wrong(why: &str) -> FinishProblem {
    FinishProblem::Image(damaged(format!("of its signature, {why}")))
}

/// A signature with something in it that is not known: what follows from a change cannot be told.
pub(super) fn unknown(what: String) -> FinishProblem {
    FinishProblem::Refused {
        why: format!("its signature has {what}, which this version of postlink does not know"),
        help: "change the file before it is signed",
    }
}
