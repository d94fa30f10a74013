//! Finds references in bytes: in one pass, and with little memory whatever the size of a file.

use std::fs::File;
use std::io::{self, Read};
use std::mem::offset_of;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::{AhoCorasick, Input, Span, packed};
use postlink_codegen::MAX_RECORD;
use postlink_format::{HEADER_SIZE, Header, MAGIC, RECORD_ALIGN};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::files::open::{open_entry, read_at};
use crate::search::reference::{BEFORE, BEHIND, Encoding, Fit, Reference};
use crate::search::text::is_text;
use crate::shown::shown;

/// Bytes that are read and searched at a time: they stay in a processor's cache.
const WINDOW: usize = 128 << 10;
/// Bytes of a large file that one thread searches before it takes the next.
const SEGMENT: u64 = 4 << 20;
/// Most hits of one search. A tree that has more was made to have them.
const MOST_HITS: usize = 1 << 20;
/// Most records of one file that are told of.
const MOST_RECORDS: usize = 1 << 16;
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
    /// How it stands among other bytes.
    pub fit: Fit,
}

/// What was found in a file or stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// In order. No two overlap: of several at one place the longest is kept.
    pub hits: Vec<Hit>,
    /// Where there may be a record: its first bytes were found there. In order.
    pub records: Vec<u64>,
    /// Whether all bytes of a stream may be those of a text.
    pub is_text: bool,
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
    /// So many of these are searched; the others are longer paths that hide them.
    own: usize,
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
        Ok(Self {
            own: references.len(),
            references,
            patterns,
            engine,
            longest,
            count: AtomicUsize::new(0),
        })
    }

    /// A searcher for these references that leaves them alone inside `others`: longer paths that have
    /// one of them in it, wherever it stands.
    ///
    /// # Errors
    /// A reference that is longer than any path; another path that has none in it, or one at a path
    /// boundary.
    pub fn among(references: Vec<Reference>, others: &[PathBuf]) -> Result<Self> {
        let alone = Self::new(references.clone())?;
        let mut hiding = Vec::new();
        for other in others {
            let other = Reference::whole(other.as_os_str().as_bytes().to_vec());
            let hits = alone.bytes(&other.path);
            let wrong = match hits.iter().map(|hit| hit.fit).min() {
                None => "has no path in it that is searched",
                Some(Fit::Certain) => "is inside a path that is searched: it is rewritten with it",
                Some(Fit::Unclear | Fit::Inside) => {
                    hiding.push(other);
                    continue;
                }
            };
            return Err(Error::usage(
                format!("--other-path {} {wrong}", shown(&other.path)),
                "name a longer path that only begins or ends like one that is searched: /opt/apple for /opt/app",
            ));
        }
        Self::hiding(references, hiding)
    }

    /// A searcher for these references that does not see them inside of other paths.
    pub(crate) fn hiding(references: Vec<Reference>, others: Vec<Reference>) -> Result<Self> {
        let own = references.len();
        Ok(Self { own, ..Self::new([references, others].concat())? })
    }

    /// What is searched.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        self.references.get(..self.own).unwrap_or_default()
    }

    /// Whether this is one of the paths that are not searched, and hide what is inside of them.
    fn is_other(&self, position: usize) -> bool {
        position >= self.own
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

    /// The hits in a text: only those that are references, or may be when a program runs.
    #[must_use]
    pub fn text(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = self.bytes(text);
        hits.retain(|hit| hit.fit != Fit::Inside);
        hits
    }

    /// The hits in these bytes.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut found = Hits::default();
        self.window(bytes, 0..bytes.len(), 0, &mut found);
        found.finish(self.own);
        found.hits
    }

    /// The hits in a stream, up to `limit` bytes. Also tells how many bytes there were; one more
    /// than `limit` where there are more.
    ///
    /// # Errors
    /// What the stream refuses.
    pub fn stream(&self, stream: impl Read, limit: u64) -> io::Result<(Hits, u64)> {
        let mut stream = stream.take(limit.saturating_add(1));
        let mut found = Hits { is_text: true, ..Hits::default() };
        let mut buffer = Vec::new();
        // Where the buffer begins in the stream, and from where on it was not searched yet.
        let (mut base, mut from) = (0_u64, 0);
        loop {
            let read = stream.by_ref().take(WINDOW as u64).read_to_end(&mut buffer)?;
            if found.start.is_empty() {
                found.start = buffer.iter().copied().take(START).collect();
            }
            found.is_text &= is_text(&buffer[buffer.len() - read..]);
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
        found.finish(self.own);
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
                    if is_record(rest) && found.records.len() < MOST_RECORDS {
                        found.records.push(base + start as u64);
                    }
                    continue;
                };
                let reference = &self.references[position];
                let fit = match self.is_other(position) {
                    true => Fit::Certain,
                    false => reference.fit(bytes, start, stop, pattern.encoding),
                };
                if self.count.fetch_add(1, Ordering::Relaxed) >= MOST_HITS {
                    return;
                }
                found.hits.push(Hit {
                    offset: base + start as u64,
                    length: pattern.bytes.len() as u64,
                    reference: position,
                    encoding: pattern.encoding,
                    fit,
                });
            }
        }
    }
}

/// Whether a record begins here, also a damaged one or one of a later version: any program that knows
/// records has their first bytes.
fn is_record(bytes: &[u8]) -> bool {
    let number = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
    let version = number(offset_of!(Header, version)).unwrap_or_default();
    let size = number(offset_of!(Header, record_size)).unwrap_or_default();
    (1..=u32::from(u16::MAX)).contains(&version)
        && (HEADER_SIZE..=MAX_RECORD).contains(&size)
        && size.is_multiple_of(RECORD_ALIGN)
}

impl Pattern {
    /// The bytes without the zero bytes at both ends.
    fn core(&self) -> &[u8] {
        let tail = self.bytes.iter().rev().take_while(|&&byte| byte == 0).count();
        self.bytes.get(self.lead..self.bytes.len() - tail).unwrap_or(&self.bytes)
    }
}

impl Hits {
    /// Sorts, keeps one of those that overlap, and drops those of the references from `own` on, which
    /// are other paths.
    fn finish(&mut self, own: usize) {
        // In text of UTF-16, ASCII characters look the same in both byte orders, one byte apart:
        // characters lie at multiples of their width.
        let aligned = |hit: &Hit| hit.offset.is_multiple_of(hit.encoding.width() as u64);
        let overlaps = |one: &Hit, other: &Hit| {
            one.offset < other.offset + other.length && other.offset < one.offset + one.length
        };
        self.hits.sort_by_key(|hit| (hit.offset, std::cmp::Reverse(hit.length), hit.reference));
        let (certain, doubtful): (Vec<Hit>, Vec<Hit>) =
            self.hits.drain(..).partition(|hit| hit.fit == Fit::Certain);
        let apart = |hits: Vec<Hit>| {
            let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
            for hit in hits {
                match kept.last_mut() {
                    Some(last) if overlaps(last, &hit) => {
                        let same = last.reference == hit.reference && last.length == hit.length;
                        if same && aligned(&hit) && !aligned(last) {
                            *last = hit;
                        }
                    }
                    _ => kept.push(hit),
                }
            }
            kept
        };
        let (mut kept, doubtful) = (apart(certain), apart(doubtful));
        // Where there is no doubt, a longer path that would be possible there is none.
        let is_free = |hit: &Hit| {
            let behind = kept.partition_point(|one| one.offset < hit.offset + hit.length);
            let before = behind.checked_sub(1).and_then(|last| kept.get(last));
            before.is_none_or(|last| !overlaps(last, hit))
        };
        let free: Vec<Hit> = doubtful.into_iter().filter(is_free).collect();
        kept.extend(free);
        kept.retain(|hit| hit.reference < own);
        kept.sort_by_key(|hit| hit.offset);
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
                whole.records.append(&mut found.records);
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
    all.iter_mut().for_each(|found| found.finish(searcher.own));
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

    /// Where strings have no end that can be seen, the bytes count, and a longer path hides them only
    /// if it is named.
    #[test]
    fn bytes_that_match_are_found_wherever_they_stand() {
        let found = |searcher: &Searcher, text: &str| -> Vec<(u64, usize, Fit)> {
            let hits = searcher.bytes(text.as_bytes()).into_iter();
            hits.map(|hit| (hit.offset, hit.reference, hit.fit)).collect()
        };
        let alone = searcher(&["/opt/app"]);
        let text = "/opt/appdeadlock /opt/apple /etc/opt/app /opt/app";
        let all = [(0, Fit::Inside), (17, Fit::Inside), (32, Fit::Inside), (41, Fit::Certain)];
        assert_eq!(found(&alone, text), all.map(|(at, fit)| (at, 0, fit)));
        assert_eq!(alone.text(text.as_bytes()).len(), 1);
        let among = |others: &[&str]| {
            let others: Vec<PathBuf> = others.iter().map(PathBuf::from).collect();
            Searcher::among(alone.references().to_vec(), &others)
        };
        let apples = among(&["/opt/apple", "/etc/opt/app"]).expect("a searcher");
        assert_eq!(found(&apples, text), [(0, 0, Fit::Inside), (41, 0, Fit::Certain)]);
        assert_eq!(apples.references().len(), 1);
        for other in ["/opt/ap", "/opt/app/lib", "/opt/app"] {
            among(&[other]).expect_err(other);
        }
        // What is certain is not hidden by a longer reference that is only possible.
        let two = searcher(&["/opt/app", "/opt/app/lib"]);
        assert_eq!(found(&two, "/opt/app/libs"), [(0, 0, Fit::Certain)]);
        assert_eq!(found(&two, "/opt/app/lib/x"), [(0, 1, Fit::Certain)]);
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
