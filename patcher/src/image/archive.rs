//! Archives of object files: static libraries, as `ar` makes them (System V and GNU, and BSD).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::read::ReadRef;
use object::read::archive::ArchiveFile;

use super::data::{Bytes, ImageData};
use crate::error::ImageProblem;
use crate::shown::text;

/// Bytes of a member's name: more is no path on any system, and `ar` would not find its end.
const LONGEST_NAME: usize = 4096;

/// Bytes of a member's header.
pub(super) const HEADER: u64 = 60;

/// A member's name, and where its content is in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArchiveMember {
    pub(crate) name: String,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl ArchiveMember {
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.size)
    }
}

/// The members, without the archive's own tables, in the order of the archive. Only headers and names
/// are read.
///
/// # Errors
/// A file that is no archive, is damaged, or holds no members but only their names.
pub(crate) fn members(data: &ImageData<'_>) -> Result<Vec<ArchiveMember>, ImageProblem> {
    data.ask(members_of)
}

pub(super) fn members_of(data: Bytes<'_, '_>) -> Result<Vec<ArchiveMember>, ImageProblem> {
    let damaged = |why: &dyn ToString| ImageProblem::DamagedArchive(why.to_string());
    let length = data.len().map_err(|()| damaged(&"its length is unknown"))?;
    let archive = ArchiveFile::parse(data).map_err(|error| damaged(&error))?;
    let mut members = Vec::new();
    for member in archive.members() {
        let member = member.map_err(|error| damaged(&error))?;
        // Also keeps hostile names, which may share their bytes, from costing more than their sum.
        if member.name().len() > LONGEST_NAME {
            return Err(damaged(&"the name of a member has no end"));
        }
        let name = text(member.name());
        let (offset, size) = member.file_range();
        if !archive.is_thin() && offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(damaged(&format!("its member {name} ends behind the end of the file")));
        }
        members.push(ArchiveMember { name, offset, size });
    }
    if archive.is_thin() {
        let names = members.into_iter().map(|member| member.name);
        return Err(ImageProblem::ThinArchive(names.collect()));
    }
    Ok(members)
}
