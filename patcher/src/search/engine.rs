//! Finds references in bytes: in one pass, and with little memory whatever the size of a file.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::{AhoCorasick, Input, Span, packed};
use postlink_format::MAGIC;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::files::open::{open_entry, read_at};
use crate::search::reference::{BEFORE, BEHIND, Encoding, Reference};

/// Bytes that are read and searched at a time: they stay in a processor's cache.
const WINDOW: usize = 128 << 10;
/// Bytes of a large file that one thread searches before it takes the next.
const SEGMENT: u64 = 4 << 20;
/// Most hits of one search. A tree that has more was made to have them.
const MOST_HITS: usize = 1 << 20;
/// The longest reference: `PATH_MAX` of Linux.
const LONGEST: usize = 4096;

/// A reference that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Where it begins, in bytes from the start of the file or stream.
    pub offset: u64,
    /// Its bytes: those of the path, or of a store path's hash, in this encoding.
    pub length: u64,
    /// Which of the references it is.
    pub reference: usize,
    /// How it is written.
    pub encoding: Encoding,
}

/// What was found in a file or stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// In order. No two overlap: of several at one place the longest is kept.
    pub hits: Vec<Hit>,
    /// Whether there may be a record: its first bytes were found.
    pub has_record: bool,
    /// The first bytes, by which a file's format is known.
    pub start: Vec<u8>,
}

/// Bytes that are kept in [`Hits::start`].
const START: usize = 16;

/// A reference in one encoding.
#[derive(Debug)]
struct Pattern {
    bytes: Vec<u8>,
    /// Zero bytes before the part that the engine looks for.
    lead: usize,
    /// `None`: these are the bytes with which a record begins.
    reference: Option<usize>,
    encoding: Encoding,
}

/// What looks for all patterns at once.
#[derive(Debug)]
enum Engine {
    /// With SIMD: several times as fast.
    Vectors(packed::Searcher),
    /// For processors without that, and for more patterns than it can take.
    Automaton(AhoCorasick),
}

impl Engine {
    /// Where the first pattern begins in a range of these bytes.
    fn find(&self, bytes: &[u8], range: Range<usize>) -> Option<usize> {
        let found = match self {
            Self::Vectors(vectors) => vectors.find_in(bytes, Span::from(range)),
            Self::Automaton(automaton) => automaton.find(Input::new(bytes).range(range)),
        };
        found.map(|found| found.start())
    }
}

/// Looks for references.
#[derive(Debug)]
pub struct Searcher {
    references: Vec<Reference>,
    /// The longest first.
    patterns: Vec<Pattern>,
    /// Finds the patterns without the zero bytes around them: so the two byte orders of an encoding
    /// are one string, and none begins with bytes that are everywhere.
    engine: Engine,
    /// The longest pattern, in bytes.
    longest: usize,
    /// Hits so far.
    count: AtomicUsize,
}

impl Searcher {
    /// A searcher for these references.
    ///
    /// # Errors
    /// A reference that is longer than any path.
    pub fn new(references: Vec<Reference>) -> Result<Self> {
        // In the same pass, files with records are found: all others need not be opened again.
        let record =
            Pattern { bytes: MAGIC.to_vec(), lead: 0, reference: None, encoding: Encoding::Plain };
        let mut patterns = vec![record];
        for (position, reference) in references.iter().enumerate() {
            if reference.path.len() >= LONGEST {
                let help = "name the path of a file or folder";
                return Err(Error::usage("a reference is longer than any path", help));
            }
            for encoding in Encoding::ALL {
                let Some(bytes) = encoding.encode(&reference.needle) else { continue };
                let lead = bytes.iter().take_while(|&&byte| byte == 0).count();
                patterns.push(Pattern { bytes, lead, reference: Some(position), encoding });
            }
        }
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.bytes.len()));
        let mut cores: Vec<&[u8]> = patterns.iter().map(Pattern::core).collect();
        cores.sort_unstable();
        cores.dedup();
        let engine = match packed::Config::new().builder().extend(&cores).build() {
            Some(vectors) => Engine::Vectors(vectors),
            None => Engine::Automaton(AhoCorasick::new(&cores).map_err(|error| {
                Error::usage(format!("cannot search this many references: {error}"), "name fewer")
            })?),
        };
        let longest = patterns.first().map_or(0, |pattern| pattern.bytes.len());
        Ok(Self { references, patterns, engine, longest, count: AtomicUsize::new(0) })
    }

    /// What is searched.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Refuses, if this searcher met more hits than it keeps: what it found is not all then.
    ///
    /// # Errors
    /// There were more.
    pub fn check_complete(&self) -> Result<()> {
        if self.count.load(Ordering::Relaxed) <= MOST_HITS {
            return Ok(());
        }
        Err(Error::input(
            format!("there are more than {MOST_HITS} references"),
            "name longer paths as references, or look at parts of the tree",
        ))
    }

    /// The hits in these bytes.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut found = Hits::default();
        self.window(bytes, 0..bytes.len(), 0, &mut found);
        found.finish();
        found.hits
    }

    /// The hits in a stream, up to `limit` bytes. Also tells how many bytes there were; one more
    /// than `limit` where there are more.
    ///
    /// # Errors
    /// What the stream refuses.
    pub fn stream(&self, stream: impl Read, limit: u64) -> io::Result<(Hits, u64)> {
        let mut stream = stream.take(limit.saturating_add(1));
        let mut found = Hits::default();
        let mut buffer = Vec::new();
        // Where the buffer begins in the stream, and from where on it was not searched yet.
        let (mut base, mut from) = (0_u64, 0);
        loop {
            let read = stream.by_ref().take(WINDOW as u64).read_to_end(&mut buffer)?;
            if found.start.is_empty() {
                found.start = buffer.iter().copied().take(START).collect();
            }
            let is_end = read == 0;
            let to = if is_end { buffer.len() } else { buffer.len().saturating_sub(self.behind()) };
            self.window(&buffer, from..to.max(from), base, &mut found);
            from = to.max(from);
            if is_end {
                break;
            }
            let done = from.saturating_sub(BEFORE);
            buffer.drain(..done);
            base += done as u64;
            from -= done;
        }
        found.finish();
        Ok((found, base + buffer.len() as u64))
    }

    /// The most bytes of a hit.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Bytes behind the start of a hit that have to be there.
    fn behind(&self) -> usize {
        self.longest + BEHIND
    }

    /// Searches a part of a file. `buffer` is for bytes, so that it need not be made each time.
    fn segment(&self, file: &File, part: Range<u64>, buffer: &mut Vec<u8>) -> io::Result<Hits> {
        buffer.resize(BEFORE + WINDOW + self.behind(), 0);
        let mut found = Hits::default();
        let mut from = part.start;
        loop {
            let start = from.saturating_sub(BEFORE as u64);
            let before = (from - start) as usize;
            let window = WINDOW.min((part.end - from) as usize);
            let wanted = before + window + self.behind();
            let read = read_at(file, &mut buffer[..wanted], start)?;
            let bytes = &buffer[..read];
            if from == 0 {
                found.start = bytes.iter().copied().take(START).collect();
            }
            self.window(bytes, before.min(read)..(before + window).min(read), start, &mut found);
            from += window as u64;
            // A file that became shorter ends where it ends.
            if from >= part.end || read < before + window {
                return Ok(found);
            }
        }
    }

    /// The hits that begin in a range of these bytes, which begin at `base`.
    fn window(&self, bytes: &[u8], range: Range<usize>, base: u64, found: &mut Hits) {
        // What the engine looks for may begin behind the zero bytes of a pattern.
        let end = bytes.len();
        let mut at = range.start;
        while let Some(core) = self.engine.find(bytes, at..end) {
            at = core + 1;
            if core >= range.end + 3 {
                return;
            }
            for pattern in &self.patterns {
                let Some(start) = core.checked_sub(pattern.lead) else { continue };
                let rest = bytes.get(start..).unwrap_or_default();
                if !range.contains(&start) || !rest.starts_with(&pattern.bytes) {
                    continue;
                }
                let stop = start + pattern.bytes.len();
                let Some(position) = pattern.reference else {
                    found.has_record = true;
                    continue;
                };
                let reference = &self.references[position];
                if reference.is_at(bytes, start, stop, pattern.encoding) {
                    if self.count.fetch_add(1, Ordering::Relaxed) >= MOST_HITS {
                        return;
                    }
                    found.hits.push(Hit {
                        offset: base + start as u64,
                        length: pattern.bytes.len() as u64,
                        reference: position,
                        encoding: pattern.encoding,
                    });
                }
            }
        }
    }
}

impl Pattern {
    /// The bytes without the zero bytes at both ends.
    fn core(&self) -> &[u8] {
        let tail = self.bytes.iter().rev().take_while(|&&byte| byte == 0).count();
        self.bytes.get(self.lead..self.bytes.len() - tail).unwrap_or(&self.bytes)
    }
}

impl Hits {
    /// Sorts, and keeps one of those that overlap.
    fn finish(&mut self) {
        // In text of UTF-16, ASCII characters look the same in both byte orders, one byte apart:
        // characters lie at multiples of their width.
        let aligned = |hit: &Hit| hit.offset.is_multiple_of(hit.encoding.width() as u64);
        self.hits.sort_by_key(|hit| (hit.offset, std::cmp::Reverse(hit.length), hit.reference));
        let mut kept: Vec<Hit> = Vec::with_capacity(self.hits.len());
        for hit in self.hits.drain(..) {
            match kept.last_mut() {
                Some(last) if hit.offset < last.offset + last.length => {
                    let same = last.reference == hit.reference && last.length == hit.length;
                    if same && aligned(&hit) && !aligned(last) {
                        *last = hit;
                    }
                }
                _ => kept.push(hit),
            }
        }
        self.hits = kept;
    }
}

/// Searches files of these sizes, on all processors, large ones in parts. `searched` is told how
/// many files and bytes were done since it was last told.
///
/// # Errors
/// Every file that cannot be read; more hits than are kept.
pub fn files(
    searcher: &Searcher,
    files: &[(PathBuf, u64)],
    searched: &(impl Fn(u64, u64) + Sync),
) -> Result<Vec<Hits>> {
    let mut parts: Vec<(usize, Range<u64>)> = Vec::new();
    for (position, (_, size)) in files.iter().enumerate() {
        let mut from = 0;
        loop {
            let to = size.saturating_sub(from).min(SEGMENT) + from;
            parts.push((position, from..to));
            from = to;
            if from >= *size {
                break;
            }
        }
    }
    let search = |buffer: &mut Vec<u8>, (position, part): &(usize, Range<u64>)| {
        let path = &files[*position].0;
        let found = open_entry(path).and_then(|file| searcher.segment(&file, part.clone(), buffer));
        searched(u64::from(part.start == 0), part.end - part.start);
        found.map_err(Error::io("search", path))
    };
    let results: Vec<Result<Hits>> = parts.par_iter().map_init(Vec::new, search).collect();
    let mut all = vec![Hits::default(); files.len()];
    let mut errors = Vec::new();
    for ((position, part), result) in parts.iter().zip(results) {
        match result {
            Ok(mut found) => {
                let whole = &mut all[*position];
                whole.has_record |= found.has_record;
                whole.hits.append(&mut found.hits);
                if part.start == 0 {
                    whole.start = found.start;
                }
            }
            Err(error) => errors.push((*position, error)),
        }
    }
    // Of a file that was searched in parts, one error.
    errors.dedup_by_key(|(position, _)| *position);
    if !errors.is_empty() {
        return Err(Error::several(errors.into_iter().map(|(_, error)| error).collect()));
    }
    searcher.check_complete()?;
    all.iter_mut().for_each(Hits::finish);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn searcher(paths: &[&str]) -> Searcher {
        let references = paths.iter().map(|path| Reference::new(Path::new(path)).expect(path));
        Searcher::new(references.collect()).expect("a searcher")
    }

    /// Whatever way the bytes are cut, the hits are the same.
    #[test]
    fn windows_and_streams_find_what_is_at_their_seams() {
        let searcher = searcher(&["/opt/app", "/opt/app/lib"]);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let size = SEGMENT as usize + WINDOW + 8000;
        for (number, encoding) in Encoding::ALL.into_iter().enumerate() {
            let mut bytes = vec![b' '; size];
            let seams = [WINDOW, 2 * WINDOW, SEGMENT as usize, WINDOW - 2000, WINDOW + 4000, size];
            for seam in seams {
                let texts = [" /opt/app/lib:", "/x/opt/app", "-L/opt/app.", "/opt/app..x"];
                let text = encoding.encode(texts[seam / WINDOW % 4].as_bytes()).expect("text");
                let at = seam - 9 * number - 5;
                let text = &text[..text.len().min(size - at)];
                bytes[at..at + text.len()].copy_from_slice(text);
            }
            let expected = searcher.bytes(&bytes);
            assert!(expected.len() >= 2, "{expected:?}");
            let (found, length) = searcher.stream(bytes.as_slice(), 1 << 30).expect("a stream");
            assert_eq!((&found.hits, length), (&expected, size as u64));
            std::fs::write(&path, &bytes).expect("a file");
            let files = [(path.clone(), size as u64)];
            let found = super::files(&searcher, &files, &|_, _| ()).expect("a file");
            assert_eq!(found[0].hits, expected);
        }
    }

    #[test]
    fn a_limit_ends_a_stream_and_too_many_hits_are_refused() {
        let searcher = searcher(&["/a"]);
        assert_eq!(searcher.stream(io::repeat(b'x'), 1000).expect("a stream").1, 1001);
        assert_eq!(searcher.bytes(&b"/a ".repeat(MOST_HITS)).len(), MOST_HITS);
        assert!(searcher.check_complete().is_ok());
        assert_eq!(searcher.bytes(b"/a").len(), 0);
        assert!(searcher.check_complete().is_err());
    }
}
