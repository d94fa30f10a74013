//! Lines that differ in nothing but the path that was searched.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::search::encoding::Encoding;
use crate::search::engine::Searcher;
use crate::search::reference::Reference;

/// What stands in the other tree for each reference: learned from the first line that has it.
pub(super) struct Replacements<'a> {
    searcher: &'a Searcher,
    /// The key tells the reference, and whether all of its path is replaced or only the hash.
    known: BTreeMap<(usize, bool), Vec<u8>>,
}

impl<'a> Replacements<'a> {
    pub(super) fn new(searcher: &'a Searcher) -> Self {
        Self { searcher, known: BTreeMap::new() }
    }

    /// Whether `theirs` is `ours` with its references replaced, each always by the same.
    pub(super) fn explain(&mut self, ours: &[u8], theirs: &[u8]) -> bool {
        let places = self.places(ours);
        let unknown = places.iter().find(|(key, _)| !self.known.contains_key(key));
        let learned =
            unknown.map(|(key, first)| (*key, self.learn(&places, *key, first, ours, theirs)));
        let mut expected = Vec::new();
        let mut done = 0;
        for (key, range) in &places {
            let known = self.known.get(key).map(Vec::as_slice);
            let new = match &learned {
                Some((learned, bytes)) if learned == key => bytes.as_deref(),
                _ => known,
            };
            let Some(new) = new else { return false };
            expected.extend_from_slice(&ours[done..range.start]);
            expected.extend_from_slice(new);
            done = range.end;
        }
        expected.extend_from_slice(&ours[done..]);
        let explained = !places.is_empty() && expected == theirs;
        if let (true, Some((key, Some(bytes)))) = (explained, learned) {
            self.known.insert(key, bytes);
        }
        explained
    }

    /// The references of a line, and where they are.
    fn places(&self, line: &[u8]) -> Vec<((usize, bool), Range<usize>)> {
        let hits = self.searcher.text(line).into_iter();
        let plain = hits.filter(|hit| hit.encoding == Encoding::Plain);
        let place = |hit: crate::search::hits::Hit| {
            let (start, reference) =
                (hit.offset as usize, &self.searcher.references()[hit.reference]);
            let whole = whole(reference, line, start);
            let range = whole.clone().unwrap_or(start..start + hit.length as usize);
            ((hit.reference, whole.is_some()), range)
        };
        plain.map(place).collect()
    }

    /// The text in the place of a reference that is not known yet, if the rest of the line is the same.
    fn learn(
        &self,
        places: &[((usize, bool), Range<usize>)],
        unknown: (usize, bool),
        first: &Range<usize>,
        ours: &[u8],
        theirs: &[u8],
    ) -> Option<Vec<u8>> {
        // Bytes of their line that are not of the unknown, and where its first place begins there.
        let mut rest = ours.len();
        let mut start = first.start;
        let mut times = 0;
        for (key, range) in places {
            rest -= range.len();
            if *key == unknown {
                times += 1;
                continue;
            }
            let known = self.known.get(key)?.len();
            rest += known;
            if range.start < first.start {
                start = (start + known).checked_sub(range.len())?;
            }
        }
        let length = theirs.len().checked_sub(rest)?.checked_div(times)?;
        Some(theirs.get(start..start.checked_add(length)?)?.to_vec())
    }
}

/// Where all of a store path stands whose hash was found.
fn whole(reference: &Reference, line: &[u8], start: usize) -> Option<Range<usize>> {
    let before =
        reference.path.windows(reference.needle.len()).position(|at| at == reference.needle)?;
    let start = start.checked_sub(before)?;
    let range = start..start + reference.path.len();
    (line.get(range.clone())? == reference.path.as_slice()).then_some(range)
}

/// The lines of a text, each with its line feed.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').collect()
}

/// The start of a line.
pub(super) fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
