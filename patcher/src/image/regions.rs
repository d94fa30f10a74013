//! The parts of a file, by name.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::archive::HEADER;
use super::data::ImageData;
use super::pieces::pieces;
use super::section::Region;
use crate::error::ImageProblem;

/// The parts of the file. Where one lies in another, the smaller one comes first.
///
/// # Errors
/// The file is no image, or damaged.
pub(crate) fn regions(data: &ImageData<'_>) -> Result<Vec<Region>, ImageProblem> {
    data.ask(|data| {
        let mut regions = Vec::new();
        let (mut end, mut last) = (0_u64, None);
        for piece in pieces(data)? {
            let (start, size) =
                (piece.range.start, piece.range.end.saturating_sub(piece.range.start));
            let part = data.part(&piece.range);
            let parts = piece.format.clone().and_then(|format| format.regions(part));
            let parts = match piece.name() {
                None => parts?,
                Some(_) => parts.unwrap_or_default(),
            };
            // The bytes between the pieces.
            if piece.is_member() && last.as_ref() != Some(&piece.slice) {
                let (offset, name) = (end, piece.named("archive's symbols and names"));
                let name =
                    if piece.slice.is_none() { "archive's symbols and names" } else { &name };
                end = start.saturating_sub(HEADER).max(end);
                let size = end.saturating_sub(offset);
                regions.push(Region { name: name.to_owned(), offset, size });
            }
            if start > end {
                let what = if piece.is_member() { "member header" } else { "what is before it" };
                let size = start.saturating_sub(end);
                regions.push(Region { name: piece.named(what), offset: end, size });
            }
            regions.extend(parts.into_iter().map(|region| Region {
                name: piece.named(&region.name),
                offset: region.offset.saturating_add(start),
                size: region.size,
            }));
            if piece.name().is_some() {
                let name = if piece.is_member() { "member" } else { "slice" };
                regions.push(Region { name: piece.named(name), offset: start, size });
            }
            end = piece.range.end;
            last = Some(piece.slice);
        }
        Ok(regions)
    })
}
