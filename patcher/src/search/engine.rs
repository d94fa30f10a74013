//! Finds references in bytes: in one pass, and with little memory whatever the size of a file.

use std::fs::File;
use std::io::{self, Read};
use std::mem::offset_of;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use postlink_codegen::MAX_RECORD;
use postlink_format::{HEADER_SIZE, Header, MAGIC, RECORD_ALIGN};

use super::boundary::Fit;
use super::boundary::{BEFORE, BEHIND};
use super::encoding::Encoding;
use super::hits::{Hit, Hits, MOST_RECORDS};
use super::matcher::Engine;
use super::pieces::{self, HALF, PIECE};
use super::reference::Reference;
use crate::error::{Error, Result, TooMany};
use crate::files::open::read_at;
use crate::search::text::is_text_at;
use crate::shown::shown;

/// Bytes that are read and searched at a time: they stay in a processor's cache.
pub(super) const WINDOW: usize = 512 << 10;
/// Most hits that are kept of one search. A tree that has more was made to have them.
pub(super) const MOST_HITS: usize = 1 << 20;
/// The longest reference: `PATH_MAX` of Linux.
const LONGEST: usize = 4096;

/// Bytes that are kept in [`Hits::start`].
pub(super) const START: usize = 264;

/// The first bytes of the record with which a ZIP archive ends (APPNOTE 4.3.16).
pub(crate) const ZIP_END: [u8; 4] = *b"PK\x05\x06";
/// The most zero bytes with which a pattern begins: those before the first character in UTF-32BE.
pub(super) const MOST_LEAD: u64 = 3;

/// A reference in one encoding, or the first half of a piece of it.
#[derive(Debug)]
struct Pattern {
    bytes: Vec<u8>,
    /// Zero bytes before the part that the engine looks for.
    lead: usize,
    /// `None`: these are the bytes with which a record begins, or the last part of a ZIP archive.
    reference: Option<usize>,
    encoding: Encoding,
    /// All of the piece.
    piece: Option<[u8; PIECE]>,
}

/// Looks for references.
#[derive(Debug)]
pub(crate) struct Searcher {
    references: Vec<Reference>,
    /// So many of these are searched; the others are longer paths that hide them.
    pub(super) own: usize,
    /// The longest first.
    patterns: Vec<Pattern>,
    /// Finds the patterns without the zero bytes around them: so the two byte orders of an encoding
    /// are one string, and none begins with bytes that are everywhere.
    engine: Engine,
    /// The longest pattern, in bytes.
    longest: usize,
}

impl Searcher {
    /// A searcher for these references.
    ///
    /// # Errors
    /// A reference that is longer than any path.
    pub(crate) fn new(references: Vec<Reference>) -> Result<Self> {
        // In the same pass, files with records and ZIP archives are found: all others need not be
        // opened again.
        let (encoding, lead) = (Encoding::Plain, 0);
        let mark = |bytes: &[u8]| Pattern {
            bytes: bytes.to_vec(),
            lead,
            reference: None,
            encoding,
            piece: None,
        };
        let mut patterns = vec![mark(&MAGIC), mark(&ZIP_END)];
        for (position, reference) in references.iter().enumerate() {
            if reference.path.len() >= LONGEST {
                let help = "name the path of a file or folder";
                return Err(Error::usage("a reference is longer than any path", help));
            }
            for encoding in Encoding::ALL {
                let Some(bytes) = encoding.encode(&reference.needle) else { continue };
                let lead = bytes.iter().take_while(|&&byte| byte == 0).count();
                let reference = Some(position);
                patterns.push(Pattern { bytes, lead, reference, encoding, piece: None });
            }
            if let Some(piece) = reference.piece() {
                let (reference, first) = (Some(position), mark(&piece[..HALF]));
                patterns.push(Pattern { reference, piece: Some(*piece), ..first });
            }
        }
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.bytes.len()));
        let mut cores: Vec<&[u8]> = patterns.iter().map(Pattern::core).collect();
        cores.sort_unstable();
        cores.dedup();
        let engine = Engine::new(&cores)?;
        let longest = patterns.first().map_or(0, |pattern| pattern.bytes.len());
        Ok(Self { own: references.len(), references, patterns, engine, longest })
    }

    /// A searcher for these references that leaves them alone inside `others`: longer paths that have
    /// one of them in it, wherever it stands.
    ///
    /// # Errors
    /// A reference that is longer than any path; another path that has none in it, or one at a path
    /// boundary.
    pub(crate) fn among(references: Vec<Reference>, others: &[PathBuf]) -> Result<Self> {
        let alone = Self::new(references.clone())?;
        let mut hiding = Vec::new();
        for other in others {
            let other = Reference::whole(other.as_os_str().as_bytes().to_vec());
            let Hits { hits, pieces, .. } = alone.all(&other.path);
            let wrong = match hits.iter().chain(&pieces).map(|hit| hit.fit).min() {
                None => "has no path in it that is searched",
                Some(Fit::Certain) => "is inside a path that is searched: it is rewritten with it",
                Some(Fit::Unclear | Fit::Inside | Fit::Piece) => {
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
    pub(crate) fn references(&self) -> &[Reference] {
        self.references.get(..self.own).unwrap_or_default()
    }

    /// Whether this is one of the paths that are not searched, and hide what is inside of them.
    fn is_other(&self, position: usize) -> bool {
        position >= self.own
    }

    /// The hits in a text: only those that are references, or may be when a program runs.
    #[must_use]
    pub(crate) fn text(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = self.bytes(text);
        hits.retain(|hit| hit.fit != Fit::Inside);
        hits
    }

    /// Whether a path has a reference that is written in another way: with doubled slashes, or components `.` and
    /// `..`.
    #[must_use]
    pub(crate) fn is_in_another_way(&self, path: &[u8]) -> bool {
        let mut plain: Vec<&[u8]> = Vec::new();
        for (at, part) in path.split(|&byte| byte == b'/').enumerate() {
            match part {
                b"" | b"." if at > 0 => {}
                b".." if plain.len() > 1 && plain.last() != Some(&part) => {
                    plain.pop();
                }
                _ => plain.push(part),
            }
        }
        let plain = plain.join(&b'/');
        plain != path && self.text(&plain).len() > self.text(path).len()
    }

    /// The hits in these bytes.
    #[must_use]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Vec<Hit> {
        self.all(bytes).hits
    }

    fn all(&self, bytes: &[u8]) -> Hits {
        let mut found = Hits::default();
        self.window(bytes, 0..bytes.len(), 0, &mut found);
        found.finish(self.own);
        found
    }

    /// The hits in a stream, up to `limit` bytes. Also tells how many bytes there were; one more
    /// than `limit` where there are more.
    ///
    /// # Errors
    /// The stream refuses to be read, or has more hits than are kept.
    pub(crate) fn stream(&self, stream: impl Read, limit: u64) -> io::Result<(Hits, u64)> {
        let mut stream = stream.take(limit.saturating_add(1));
        let mut found = Hits { is_text: true, ..Hits::default() };
        let mut buffer = Vec::new();
        // Where the buffer begins in the stream, and from where on it was not searched yet.
        let (mut base, mut from) = (0_u64, 0);
        let mut settled = 0;
        loop {
            let read = stream.by_ref().take(WINDOW as u64).read_to_end(&mut buffer)?;
            if found.start.is_empty() {
                found.start = buffer.iter().copied().take(START).collect();
            }
            let new = buffer.len() - read;
            found.is_text &= is_text_at(base + new as u64, &buffer[new..]);
            let is_end = read == 0;
            let to = if is_end { buffer.len() } else { buffer.len().saturating_sub(self.behind()) };
            self.window(&buffer, from..to.max(from), base, &mut found);
            from = to.max(from);
            settled = found.settle(settled, self.own, base + from as u64);
            if found.hits.len() > MOST_HITS {
                return Err(io::Error::other(TooMany(MOST_HITS)));
            }
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
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Bytes behind the start of a hit that have to be there.
    fn behind(&self) -> usize {
        self.longest + BEHIND
    }

    /// Searches a part of a file of this size; `None` if its size has changed. `buffer` is for
    /// bytes, so that it need not be made each time. Beyond [`MOST_HITS`] in `count`, nothing more
    /// is searched: it counts only what stays, so that it never becomes less, and tells that at the end too.
    pub(super) fn segment(
        &self,
        file: &File,
        part: Range<u64>,
        size: u64,
        buffer: &mut Vec<u8>,
        count: &AtomicUsize,
    ) -> io::Result<Option<Hits>> {
        buffer.resize(BEFORE + WINDOW + self.behind(), 0);
        let (mut found, mut settled) = (Hits::default(), 0);
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
            let ends = from + window as u64 == size;
            if read < before + window || (ends && read > before + window) {
                return Ok(None);
            }
            self.window(bytes, before..before + window, start, &mut found);
            from += window as u64;
            let known = settled;
            settled = found.settle(settled, self.own, from);
            let is_end = from >= part.end;
            let all = found.hits.len();
            // What is not settled may go yet, but for very many that overlap.
            let more = if is_end || all > MOST_HITS { all - known } else { settled - known };
            let is_too_many = count.fetch_add(more, Ordering::Relaxed) + more > MOST_HITS;
            if is_end || is_too_many {
                return Ok(Some(found));
            }
        }
    }

    /// The hits that begin in a range of these bytes, which begin at `base`.
    fn window(&self, bytes: &[u8], range: Range<usize>, base: u64, found: &mut Hits) {
        // The engine may look for a part of a pattern, behind its zero bytes.
        let end = bytes.len();
        let mut at = range.start;
        while let Some(core) = self.engine.find(bytes, at..end) {
            at = core + 1;
            if core >= range.end + MOST_LEAD as usize {
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
                    found.has_zip_end |= pattern.bytes == ZIP_END;
                    if pattern.bytes == MAGIC
                        && is_record(rest)
                        && found.records.len() <= MOST_RECORDS
                    {
                        found.records.push(base + start as u64);
                    }
                    continue;
                };
                if let Some(piece) = &pattern.piece {
                    pieces::add(found, position, piece, (bytes, base), start);
                    continue;
                }
                let reference = &self.references[position];
                let fit = match self.is_other(position) {
                    true => Fit::Certain,
                    false => reference.fit(bytes, start, stop, pattern.encoding),
                };
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

/// Refuses more findings than are kept in memory.
///
/// # Errors
/// There are more.
pub(crate) fn check_count(count: usize) -> Result<()> {
    if count <= MOST_HITS {
        return Ok(());
    }
    Err(Error::input(TooMany(MOST_HITS).to_string(), TooMany::HELP))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parts::{self, SEGMENT};
    use super::*;
    use crate::files::walk::Tree;
    use crate::shown::escaped;

    fn searcher(paths: &[&str]) -> Searcher {
        let references = paths.iter().map(|path| Reference::new(Path::new(path)).expect(path));
        Searcher::new(references.collect()).expect("a searcher")
    }

    fn found_in(searcher: &Searcher, path: &Path) -> Result<Vec<Hits>> {
        let tree = Tree::walk(path)?;
        parts::files(searcher, &[tree.file(&tree.entries[0])], &())
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
            let found = found_in(&searcher, &path).expect("a file");
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
        // A longer reference that is only possible does not hide a certain one.
        let two = searcher(&["/opt/app", "/opt/app/lib"]);
        assert_eq!(found(&two, "/opt/app/libs"), [(0, 0, Fit::Certain)]);
        assert_eq!(found(&two, "/opt/app/lib/x"), [(0, 1, Fit::Certain)]);
    }

    /// With many references another engine searches: it lost a path in which another one lies.
    #[test]
    fn many_references_are_found_as_few_are() {
        let paths: Vec<String> = (0..200).map(|number| format!("/opt/app{number:03}")).collect();
        let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        paths.extend(["/stage/opt/app007-2", "/opt/app007/lib"]);
        let text = b"x=/stage/opt/app007-2/x /opt/app007/lib /opt/app199:";
        let hits = searcher(&paths).bytes(text);
        let found: Vec<_> = hits.iter().map(|hit| (hit.offset, hit.reference)).collect();
        assert_eq!(found, [(2, 200), (24, 201), (40, 199)]);
    }

    #[test]
    fn a_limit_ends_a_stream_and_too_many_hits_are_refused() {
        let searcher = searcher(&["/a"]);
        assert_eq!(searcher.stream(io::repeat(b'x'), 1000).expect("a stream").1, 1001);
        let many = b"/a ".repeat(MOST_HITS + 1);
        let refused = searcher.stream(many.as_slice(), 1 << 30).map(drop).expect_err("too many");
        let refused = Error::io("search", "a")(refused);
        assert_eq!(refused.to_string(), "cannot search a: there are more than 1048576 references");
        assert!(refused.help().starts_with("name longer paths"), "{}", refused.help());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &many).expect("a file");
        let refused = found_in(&searcher, file.path()).map(drop).expect_err("too many");
        let more = "there are more than 1048576 references";
        assert_eq!(refused.to_string(), format!("cannot search {}: {more}", escaped(file.path())));
        // Each search counts for itself: whoever looks at a text again and again sees all of it.
        let fewer = &many[..many.len() - 3];
        assert_eq!(searcher.stream(fewer, 1 << 30).expect("a stream").0.hits.len(), MOST_HITS);
        assert_eq!(searcher.bytes(fewer).len(), MOST_HITS);
    }

    /// A file that was cut, or written to, after it was listed: its references are not known.
    #[test]
    fn a_file_of_another_size_is_refused() {
        let searcher = searcher(&["/opt/app"]);
        let file = tempfile::NamedTempFile::new().expect("a file");
        for size in [0, 100, SEGMENT + 100, 2 * SEGMENT] {
            std::fs::write(file.path(), vec![b' '; size as usize]).expect("a file");
            let tree = Tree::walk(file.path()).expect("a file");
            let search = || parts::files(&searcher, &[tree.file(&tree.entries[0])], &());
            assert!(search().is_ok());
            for now in [size + SEGMENT, size + 1, size / 2, size.saturating_sub(1)] {
                file.as_file().set_len(now).expect("another size");
                assert!(matches!(search(), Err(Error::Changed { .. })), "{size} {now}");
            }
        }
    }

    /// Of a file of eight tebibytes that has four written places, only these are read. What touches a
    /// hole is found, with the zero bytes that an encoding has in it.
    #[test]
    fn holes_are_not_read() {
        use std::os::unix::fs::FileExt;
        let searcher = searcher(&["/opt/app"]);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let file = File::create_new(&path).expect("a file");
        let size = 8_u64 << 40;
        file.set_len(size).expect("a size");
        let wide = Encoding::Utf32Be.encode(b"/opt/app").expect("text");
        let little = Encoding::Utf32Le.encode(b"/opt/app").expect("text");
        // Its first character is the first byte that is written; its last one the last.
        let wide = [&wide[3..], b"\xff"].concat();
        let little = [b"\xff", &little[..little.len() - 3]].concat();
        file.write_all_at(&wide, 1 << 40).expect("bytes");
        file.write_all_at(&little, (2 << 40) - 30).expect("bytes");
        file.write_all_at(b"/opt/app", size - 8).expect("bytes");
        file.write_all_at(b"/opt/apple", 5 << 40).expect("bytes");
        let done = crate::watch::Done::default();
        let tree = Tree::walk(&path).expect("a file");
        let found =
            parts::files(&searcher, &[tree.file(&tree.entries[0])], &done).expect("a search");
        let certain = found[0].hits.iter().filter(|hit| hit.fit == Fit::Certain);
        let hits: Vec<_> = certain.map(|hit| (hit.offset, hit.encoding)).collect();
        let expected = [
            ((1 << 40) - 3, Encoding::Utf32Be),
            ((2 << 40) - 29, Encoding::Utf32Le),
            (size - 8, Encoding::Plain),
        ];
        assert_eq!(hits, expected);
        assert_eq!((done.0.into_inner(), found[0].start.len()), (size, START));
    }
}
