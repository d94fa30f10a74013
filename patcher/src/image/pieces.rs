//! The images that are in one file: one; or the members of an archive; or, in a universal file, one
//! image or archive for each processor.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::ops::Range;

use super::archive::members_of;
use super::data::Bytes;
use super::macho;
use super::single::{Carrier, Format, carrier, format};
use crate::error::ImageProblem;

/// A file, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The processor, in a universal file.
    pub(super) slice: Option<String>,
    /// The member, in an archive.
    member: Option<String>,
    /// Where it is in the file.
    pub(super) range: Range<u64>,
    /// Why it is no image; a member of an archive need not be one.
    pub(super) format: Result<Format, ImageProblem>,
}

impl Piece {
    /// The processor and the member; `None` for a file as a whole.
    pub(super) fn name(&self) -> Option<String> {
        match (&self.slice, &self.member) {
            (Some(slice), Some(member)) => Some(format!("{slice}: {member}")),
            (one, other) => one.clone().or_else(|| other.clone()),
        }
    }

    /// The name of something in it.
    pub(super) fn named(&self, name: &str) -> String {
        match self.name() {
            Some(own) => format!("{own}: {name}"),
            None => name.to_owned(),
        }
    }

    pub(super) fn is_member(&self) -> bool {
        self.member.is_some()
    }

    /// A problem of it.
    pub(super) fn problem(&self, problem: ImageProblem) -> ImageProblem {
        match self.name() {
            Some(name) => ImageProblem::Member(name, Box::new(problem)),
            None => problem,
        }
    }

    /// The format. What is no image is passed over in an archive, which holds texts and indices of
    /// other languages too.
    ///
    /// # Errors
    /// A part of a universal file that is no image.
    pub(super) fn image(&self) -> Result<Option<Format>, ImageProblem> {
        match &self.format {
            Ok(format) => Ok(Some(*format)),
            Err(_) if self.is_member() => Ok(None),
            Err(problem) => Err(self.problem(problem.clone())),
        }
    }
}

/// The parts, in the order of the file.
pub(super) fn pieces(data: Bytes<'_, '_>) -> Result<Vec<Piece>, ImageProblem> {
    Ok(match carrier(data)? {
        Carrier::Image(format) => {
            let range = data.part_range();
            vec![Piece { slice: None, member: None, range, format: Ok(format) }]
        }
        Carrier::Archive => in_archive(data, 0, None)?,
        Carrier::Universal => {
            let mut found = Vec::new();
            for slice in macho::universal::slices(data)? {
                let part = data.part(&slice.range);
                let piece = |format| Piece {
                    slice: Some(slice.name.clone()),
                    member: None,
                    range: slice.range.clone(),
                    format,
                };
                match carrier(part) {
                    Ok(Carrier::Image(format)) => found.push(piece(Ok(format))),
                    Ok(Carrier::Archive) => {
                        let members = in_archive(part, slice.range.start, Some(&slice.name));
                        found.extend(members.map_err(|problem| {
                            ImageProblem::Member(slice.name.clone(), Box::new(problem))
                        })?);
                    }
                    Ok(Carrier::Universal) => found.push(piece(Err(ImageProblem::Unknown))),
                    Err(problem) => found.push(piece(Err(problem))),
                }
            }
            found
        }
    })
}

fn in_archive(
    data: Bytes<'_, '_>,
    start: u64,
    slice: Option<&str>,
) -> Result<Vec<Piece>, ImageProblem> {
    let members = members_of(data)?.into_iter();
    let piece = |(name, range): (String, Range<u64>)| Piece {
        slice: slice.map(str::to_owned),
        member: Some(name),
        format: format(data.part(&range)),
        range: start.saturating_add(range.start)..start.saturating_add(range.end),
    };
    Ok(members.map(|member| piece((member.name.clone(), member.range()))).collect())
}
