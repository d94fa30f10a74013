//! Archives of object files: static libraries, as `ar` makes them (System V and GNU, and BSD).
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use object::read::ReadRef;
use object::read::archive::ArchiveFile;

use super::data::{Bytes, ImageData};
use super::finish::{Allowed, Finish, FinishProblem, edits_in};
use super::places::{Part, Places, Purpose};
use super::section::{Candidate, Region};
use super::single::format;
use crate::edit::Edit;
use crate::error::ImageProblem;

/// Bytes of a member's name: more is no path on any system, and `ar` would not find its end.
const LONGEST_NAME: usize = 4096;

/// Bytes of a member's header.
const HEADER: u64 = 60;

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

    fn problem(&self, problem: ImageProblem) -> ImageProblem {
        ImageProblem::Member(self.name.clone(), Box::new(problem))
    }
}

pub(super) fn locate(data: Bytes<'_, '_>) -> Result<Vec<Candidate>, ImageProblem> {
    let mut found = Vec::new();
    for member in members_of(data)? {
        let part = data.part(&member.range());
        // What is no object file (a text, an index of a language's own) holds no record.
        let Ok(format) = format(part) else { continue };
        let located = match format.locate(part) {
            Err(ImageProblem::NoSectionHeaders) => continue,
            located => located.map_err(|problem| member.problem(problem))?,
        };
        found.extend(located.into_iter().map(|section| Candidate {
            member: Some(member.name.clone()),
            offset: section.offset.saturating_add(member.offset),
            ..section
        }));
    }
    Ok(found)
}

pub(super) fn regions(data: Bytes<'_, '_>) -> Result<Vec<Region>, ImageProblem> {
    let mut regions = Vec::new();
    let mut end = 0_u64;
    for member in members_of(data)? {
        if end == 0 {
            end = member.offset.saturating_sub(HEADER);
            let name = "archive's symbols and names".to_owned();
            regions.push(Region { name, offset: 0, size: end });
        }
        let name = |part: &str| format!("{}: {part}", member.name);
        let size = member.offset.saturating_sub(end);
        regions.push(Region { name: name("member header"), offset: end, size });
        let part = data.part(&member.range());
        let parts = format(part).and_then(|format| format.regions(part)).unwrap_or_default();
        regions.extend(parts.into_iter().map(|region| Region {
            name: name(&region.name),
            offset: region.offset.saturating_add(member.offset),
            size: region.size,
        }));
        regions.push(Region { name: name("member"), offset: member.offset, size: member.size });
        end = member.offset.saturating_add(member.size);
    }
    Ok(regions)
}

/// What the members are made of, each with the member's name before its own, and the symbols at
/// these offsets.
pub(super) fn places(data: Bytes<'_, '_>, offsets: &[u64]) -> Result<Places, ImageProblem> {
    let mut all = Places { symbols: vec![None; offsets.len()], ..Places::default() };
    let mut sorted: Vec<(u64, usize)> = offsets.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    for member in members_of(data)? {
        let (name, range) = (member.name.clone(), member.range());
        let start = range.start;
        let first = sorted.partition_point(|(offset, _)| *offset < start);
        let behind = sorted.partition_point(|(offset, _)| *offset < range.end);
        let asked = sorted.get(first..behind).unwrap_or_default();
        let inside: Vec<u64> =
            asked.iter().map(|(offset, _)| offset.saturating_sub(start)).collect();
        let part = data.part(&range);
        let Ok(places) = format(part).and_then(|format| format.places(part, &inside)) else {
            // A text, an index of the linker, or of another language.
            all.parts.push(Part { name, range, purpose: Purpose::Other, compressed: None });
            continue;
        };
        all.parts.extend(places.parts.into_iter().map(|part| Part {
            name: format!("{name}: {}", part.name),
            range: start.saturating_add(part.range.start)..start.saturating_add(part.range.end),
            compressed: part.compressed.map(|(how, at)| (how, start.saturating_add(at))),
            purpose: part.purpose,
        }));
        for ((_, at), symbol) in asked.iter().zip(places.symbols) {
            if let Some(slot) = all.symbols.get_mut(*at) {
                *slot = symbol;
            }
        }
    }
    Ok(all)
}

/// What finishes the members that edits lie in.
pub(super) fn finish(
    data: Bytes<'_, '_>,
    edits: &[Edit],
    allowed: Allowed,
) -> Result<Finish, FinishProblem> {
    let mut all = Finish::default();
    for member in members_of(data)? {
        let (range, part) = (member.range(), data.part(&member.range()));
        let inside = edits_in(edits, &range);
        let Ok(format) = format(part) else { continue };
        if !inside.is_empty() {
            all.add(format.finish(part, &inside, allowed)?, range.start)?;
        }
    }
    Ok(all)
}

/// The first member that is intermediate code and nothing else.
pub(super) fn intermediate_only(data: Bytes<'_, '_>) -> Result<Option<ImageProblem>, ImageProblem> {
    let is_intermediate = |member: &ArchiveMember| {
        let part = data.part(&member.range());
        match format(part) {
            Ok(format) => format.is_intermediate(part),
            Err(problem) => problem == ImageProblem::Intermediate,
        }
    };
    let member = members_of(data)?.into_iter().find(is_intermediate);
    Ok(member.map(|member| member.problem(ImageProblem::Intermediate)))
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
        let name = String::from_utf8_lossy(member.name()).into_owned();
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
