//! Searches files in parts, on all processors; what is a hole is passed over.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;

use rayon::prelude::*;

use super::engine::{MOST_HITS, MOST_LEAD, START, Searcher, WINDOW, check_count};
use super::hits::Hits;
use crate::error::{Error, Result, TooMany};
use crate::files::holes::extents;
use crate::files::tree_file::TreeFile;
use crate::watch::Watch;

/// Bytes of a large file that one thread searches before it takes the next.
pub(super) const SEGMENT: u64 = 4 << 20;

/// Searches files, on all processors, large ones in parts.
///
/// # Errors
/// Every file that cannot be read, or was changed; more hits than are kept; it was stopped.
pub(crate) fn files(
    searcher: &Searcher,
    files: &[TreeFile<'_>],
    watch: &impl Watch,
) -> Result<Vec<Hits>> {
    let mut parts: Vec<(usize, Range<u64>)> = Vec::new();
    let mut errors = Vec::new();
    for (position, file) in files.iter().enumerate() {
        let size = file.size();
        let ranges = match size {
            // Of a small file, holes are read as fast as they are found.
            0..=SEGMENT => all_of(size),
            _ => match file.read_bytes("search", |file| written(file, size)) {
                Ok(ranges) => ranges,
                Err(error) => {
                    errors.push((position, error));
                    continue;
                }
            },
        };
        let holes = size - ranges.iter().map(|range| range.end - range.start).sum::<u64>();
        watch.done(0, holes);
        for Range { start: mut from, end } in ranges {
            loop {
                let to = end.min(from + SEGMENT);
                parts.push((position, from..to));
                from = to;
                if from >= end {
                    break;
                }
            }
        }
    }
    let count = AtomicUsize::new(0);
    let search = |buffer: &mut Vec<u8>, (position, part): &(usize, Range<u64>)| {
        let file = files[*position];
        if watch.is_stopped() {
            return Ok(Hits::default());
        }
        let found = file.read_bytes("search", |opened| {
            searcher.segment(opened, part.clone(), file.size(), buffer, &count)
        });
        watch.done(u64::from(part.start == 0), part.end - part.start);
        found?.ok_or_else(|| Error::changed(file.path()))
    };
    let results: Vec<Result<Hits>> = parts.par_iter().map_init(Vec::new, search).collect();
    if watch.is_stopped() {
        return Err(Error::stopped());
    }
    let mut all = vec![Hits::default(); files.len()];
    for ((position, part), result) in parts.iter().zip(results) {
        match result {
            Ok(found) => all[*position].append(found, part.start),
            Err(error) => errors.push((*position, error)),
        }
    }
    // Of a file that was searched in parts, one error.
    errors.sort_by_key(|(position, _)| *position);
    errors.dedup_by_key(|(position, _)| *position);
    if !errors.is_empty() {
        return Err(Error::several(errors.into_iter().map(|(_, error)| error).collect()));
    }
    check_count(count.into_inner()).map_err(|error| match files {
        [only] => Error::io("search", only.path())(io::Error::other(TooMany(MOST_HITS))),
        _ => error,
    })?;
    all.iter_mut().for_each(|found| found.finish(searcher.own));
    Ok(all)
}

fn all_of(size: u64) -> Vec<Range<u64>> {
    std::iter::once(0..size).collect()
}

/// The parts of a file in which hits may begin: all but its holes. The first bytes are always there. The file
/// may have become longer than `size`: what is behind that is no part.
fn written(file: &File, size: u64) -> io::Result<Vec<Range<u64>>> {
    let mut ranges = all_of(size.min(START as u64));
    for extent in extents(file)? {
        let (start, end) = (extent.start.saturating_sub(MOST_LEAD), extent.end.min(size));
        match ranges.last_mut() {
            _ if start >= end => break,
            Some(last) if start < last.end + WINDOW as u64 => last.end = last.end.max(end),
            _ => ranges.push(start..end),
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that became longer, and was cut before it was looked at again: what was behind its end when it was
    /// listed is no part of it.
    #[test]
    fn no_part_of_a_file_ends_behind_its_size() {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(4 * SEGMENT).expect("a size");
        for at in [0, SEGMENT, 3 * SEGMENT] {
            std::os::unix::fs::FileExt::write_all_at(&file, b"text", at).expect("bytes");
        }
        for size in [0, 100, SEGMENT + 1, 2 * SEGMENT, 4 * SEGMENT] {
            let ranges = written(&file, size).expect("parts");
            assert!(ranges.iter().all(|range| range.end <= size), "{size}: {ranges:?}");
            assert!(ranges.iter().map(|range| range.end - range.start).sum::<u64>() <= size);
        }
    }
}
