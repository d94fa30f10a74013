//! What is left of old paths in trees that were copied.
//!
//! Bytes that are copied as they are were searched when the tree was scanned, and a file that was
//! changed since then is noticed by its inode and time. So the gate searches what was written: a
//! file whose size changed as a whole, others around their changes. An old path that is a part of a
//! new one is not left. The texts in the descriptor of a record follow each other without anything
//! between them: they are searched one by one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use rayon::prelude::*;

use super::copy::Staged;
use super::plan::EntryPlan;
use super::rewrite::Rewrites;
use crate::error::{Error, Result};
use crate::files::open::{read_at, size};
use crate::files::walk::Entry;
use crate::image::data::ImageData;
use crate::image::loader_texts;
use crate::record::area::areas;
use crate::record::read::Image;
use crate::scan::finding::{Finding, FindingKind, finding_of};
use crate::search::boundary::Fit;
use crate::search::boundary::{BEFORE, BEHIND};
use crate::search::engine::{Searcher, check_count};
use crate::search::hits::Hit;
use crate::search::reference::Reference;
use crate::search::unpack::{self, PackFormat};
use crate::shown::shown;

/// Searches what was written. Gives what is left beyond what the plan knows, each with the
/// destination of its tree.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn search(
    staged: &[Staged<'_>],
    rewrites: &Rewrites,
) -> Result<Vec<(PathBuf, Finding)>> {
    let gate = Gate { searcher: searcher(rewrites)? };
    let jobs: Vec<(&Staged<'_>, &Entry, &EntryPlan)> = staged
        .iter()
        .flat_map(|copy| copy.written().map(move |(entry, planned)| (copy, entry, planned)))
        .collect();
    let found: Vec<Result<Vec<(PathBuf, Finding)>>> =
        jobs.par_iter().map(|(copy, entry, planned)| gate.file(copy, entry, planned)).collect();
    let mut left = Vec::new();
    for one in found {
        left.extend(one?);
    }
    check_count(left.len())?;
    Ok(left)
}

struct Gate {
    searcher: Searcher,
}

/// Looks for the old paths that are none of the new ones. An old path in a new one is not seen.
///
/// # Errors
/// Too many of them.
pub(super) fn searcher(rewrites: &Rewrites) -> Result<Searcher> {
    let new: BTreeSet<&[u8]> = rewrites.pairs().map(|(_, new)| new).collect();
    let old = rewrites.pairs().map(|(old, _)| old);
    let old = old.filter(|old| !new.contains(old.path.as_slice())).cloned().collect();
    let new = new.iter().map(|path| Reference::whole(path.to_vec())).collect();
    Searcher::hiding(old, new)
}

impl Gate {
    fn file(
        &self,
        copy: &Staged<'_>,
        entry: &Entry,
        planned: &EntryPlan,
    ) -> Result<Vec<(PathBuf, Finding)>> {
        let path = copy.path(entry);
        let failed = || Error::io("search", &path);
        let file = copy.open(entry).map_err(failed())?;
        let mut hits = self.hits(&file, planned).map_err(failed())?;
        let kept = kept(planned);
        hits.retain(|hit| !kept.contains(&hit.offset));
        if planned.has_records {
            let image = Image::of(file, path)?;
            let areas = areas(&image);
            hits.retain(|hit| {
                let within = |range: &Range<u64>| range.contains(&hit.offset);
                let area = areas.iter().find(|area| within(&area.record));
                // A value is a text; defaults are searched one by one.
                area.is_none_or(|area| within(&area.values) && hit.fit != Fit::Inside)
            });
            hits.extend(self.in_defaults(&image));
        }
        let found = |hit: Hit| {
            let reference = &self.searcher.references()[hit.reference];
            let finding = finding_of(&entry.path, FindingKind::Data, &hit, shown(&reference.path));
            (copy.destination().to_owned(), finding)
        };
        Ok(hits.into_iter().map(found).collect())
    }

    /// The hits in defaults; their place is that of the record.
    fn in_defaults(&self, image: &Image) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (section, place) in image.records() {
            let Ok(record) = section.record(place) else { continue };
            for field in record.fields() {
                let offset = section.offset + place.at as u64;
                let found = self.searcher.text(field.default).into_iter();
                hits.extend(found.map(|hit| Hit { offset, ..hit }));
            }
        }
        hits
    }

    fn hits(&self, file: &File, planned: &EntryPlan) -> io::Result<Vec<Hit>> {
        if planned.is_repacked {
            return self.around_packed(file);
        }
        if planned.is_text {
            let mut hits = self.searcher.stream(file, size(file)?)?.0.hits;
            hits.retain(|hit| hit.fit != Fit::Inside);
            return Ok(hits);
        }
        let mut hits = self.around_edits(file, planned)?;
        if hits.iter().any(|hit| hit.fit == Fit::Inside) {
            // Of what the loader reads, the ends are seen: `$ORIGIN/opt/app` is another path. A file
            // that is no image has none.
            let texts = loader_texts(&ImageData::new(file)).unwrap_or_default();
            let is_read = |hit: &Hit| texts.iter().any(|text| text.range.contains(&hit.offset));
            hits.retain(|hit| hit.fit != Fit::Inside || !is_read(hit));
        }
        Ok(hits)
    }

    /// The paths in what a compressed text says of itself. That it unpacks to the rewritten text was seen when
    /// it was made.
    fn around_packed(&self, file: &File) -> io::Result<Vec<Hit>> {
        let (found, size) = self.searcher.stream(file, size(file)?)?;
        let Some(format) = PackFormat::of(&found.start) else {
            return Err(io::Error::other("it is not compressed any more"));
        };
        let inside = unpack::search(&self.searcher, file, size, format);
        let is_packed = |hit: &Hit| inside.packed.iter().any(|range| range.contains(&hit.offset));
        let is_word = |hit: &Hit| self.searcher.references()[hit.reference].is_word();
        let mut hits = found.hits;
        // The names of files keep their words.
        hits.retain(|hit| hit.fit != Fit::Inside && !is_packed(hit) && !is_word(hit));
        Ok(hits)
    }

    /// The hits that lie in changed bytes, or touch them, each once. No edit changes the size.
    fn around_edits(&self, file: &File, planned: &EntryPlan) -> io::Result<Vec<Hit>> {
        let longest = self.searcher.longest() as u64;
        let mut hits: Vec<Hit> = Vec::new();
        for edit in &planned.edits {
            let reach = longest + BEFORE as u64;
            let start = edit.offset.saturating_sub(reach);
            let length = edit.end() - start + longest + BEHIND as u64;
            let mut bytes = vec![0; length as usize];
            let read = read_at(file, &mut bytes, start)?;
            let found = self.searcher.bytes(&bytes[..read]).into_iter();
            let found = found.map(|hit| Hit { offset: hit.offset + start, ..hit });
            let touches =
                |hit: &Hit| hit.offset < edit.end() && edit.offset < hit.offset + hit.length;
            let is_new =
                |hit: &Hit, hits: &[Hit]| hits.last().is_none_or(|last| last.offset < hit.offset);
            for hit in found.filter(touches) {
                if is_new(&hit, &hits) {
                    hits.push(hit);
                }
            }
        }
        Ok(hits)
    }
}

/// Where the references that stay are after the edits before them.
fn kept(planned: &EntryPlan) -> BTreeSet<u64> {
    let mut left = planned.left.clone();
    left.sort_unstable();
    let mut edits = planned.edits.iter().peekable();
    let (mut added, mut removed) = (0, 0);
    let moved = |at: u64| {
        while let Some(edit) = edits.next_if(|edit| edit.end() <= at) {
            added += edit.after.len() as u64;
            removed += edit.before.len() as u64;
        }
        (at + added).saturating_sub(removed)
    };
    left.into_iter().map(moved).collect()
}
