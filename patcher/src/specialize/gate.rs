//! What is left of old paths in trees that were copied.
//!
//! Bytes that are copied as they are were searched when the tree was scanned, and a file that was
//! changed since then is noticed by its inode and time. So the gate searches what was written: a
//! file whose size changed as a whole, others around their changes. An old path that is a part of a
//! new one is not left. The texts in the descriptor of a record follow each other without anything
//! between them: they are searched one by one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::files::open::Mode;
use crate::files::open::{open_entry, read_at};
use crate::files::walk::Entry;
use crate::record::read::Image;
use crate::scan::classify;
use crate::scan::finding::Finding;
use crate::search::engine::{Hit, Searcher, check_count};
use crate::search::reference::{BEFORE, BEHIND, Reference};
use crate::shown::shown;
use crate::specialize::copy::Staged;
use crate::specialize::plan::EntryPlan;
use crate::specialize::rewrite::Rewrites;

/// Searches what was written. Gives what is left beyond what the plan knows, each with the
/// destination of its tree.
///
/// # Errors
/// A file cannot be read.
pub fn search(staged: &[Staged<'_>], rewrites: &Rewrites) -> Result<Vec<(PathBuf, Finding)>> {
    let gate = Gate::new(rewrites)?;
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
    /// Which of the searcher's references are old paths, and not new ones as well.
    is_old: Vec<bool>,
}

impl Gate {
    fn new(rewrites: &Rewrites) -> Result<Self> {
        let mut references = rewrites.references();
        let new: Vec<&[u8]> = rewrites.pairs().map(|(_, new)| new).collect();
        let mut is_old: Vec<bool> =
            references.iter().map(|old| !new.contains(&old.path.as_slice())).collect();
        // Where an old path is in a new one, the new one is found: it is longer.
        for path in new {
            references.push(Reference::whole(path.to_vec()));
            is_old.push(false);
        }
        Ok(Self { searcher: Searcher::new(references)?, is_old })
    }

    fn file(
        &self,
        copy: &Staged<'_>,
        entry: &Entry,
        planned: &EntryPlan,
    ) -> Result<Vec<(PathBuf, Finding)>> {
        let path = copy.path(entry);
        let mut hits = self.hits(&path, planned).map_err(Error::io("search", &path))?;
        if planned.has_records {
            let image = Image::open(&path, Mode::Read)?;
            let (_, areas) = classify::describe(&image);
            let is_default = |hit: &Hit| {
                let within = |range: &Range<u64>| range.contains(&hit.offset);
                areas.iter().any(|area| within(&area.record) && !within(&area.values))
            };
            hits.retain(|hit| !is_default(hit));
            hits.extend(self.in_defaults(&image));
        }
        let found = |hit: Hit| {
            let reference = &self.searcher.references()[hit.reference];
            let finding = classify::left(&entry.path, &hit, shown(&reference.path));
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
                let found = self.searcher.bytes(field.default).into_iter();
                let offset = section.offset + place.at as u64;
                hits.extend(
                    found.filter(|hit| self.is_old[hit.reference]).map(|hit| Hit { offset, ..hit }),
                );
            }
        }
        hits
    }

    fn hits(&self, path: &Path, planned: &EntryPlan) -> io::Result<Vec<Hit>> {
        let file = open_entry(path)?;
        let is_old = |hit: &Hit| self.is_old[hit.reference];
        if planned.keeps_size() {
            let mut hits = self.around_changes(&file, planned)?;
            hits.retain(|hit| is_old(hit) && !planned.left.contains(&hit.offset));
            return Ok(hits);
        }
        let (mut found, _) = self.searcher.stream(&file, u64::MAX - 1)?;
        found.hits.retain(is_old);
        // Those that the plan knows have moved: they are as many.
        if found.hits.len() == planned.left.len() {
            found.hits.clear();
        }
        Ok(found.hits)
    }

    /// The hits that lie in changed bytes, or touch them.
    fn around_changes(&self, file: &File, planned: &EntryPlan) -> io::Result<Vec<Hit>> {
        let longest = self.searcher.longest() as u64;
        let mut hits = Vec::new();
        for edit in &planned.edits {
            let reach = longest + BEFORE as u64;
            let start = edit.offset.saturating_sub(reach);
            let length = edit.end() - start + longest + BEHIND as u64;
            let mut bytes = vec![0; length as usize];
            let read = read_at(file, &mut bytes, start)?;
            let found = self.searcher.bytes(&bytes[..read]).into_iter();
            let found = found.map(|hit| Hit { offset: hit.offset + start, ..hit });
            hits.extend(
                found
                    .filter(|hit| hit.offset < edit.end() && edit.offset < hit.offset + hit.length),
            );
        }
        Ok(hits)
    }
}
