//! Looks inside files that hold others, or themselves, in compressed form.
//!
//! What is found there is reported; only `specialize` with its own reader rewrites any of it. The
//! members of a `tar` or `ar` archive that are not compressed are plain bytes, which the search of the
//! file itself sees.

mod checked;
mod script;
mod streams;
mod tar;
mod zip;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::ops::Range;

use flate2::bufread::{GzDecoder, MultiGzDecoder, ZlibDecoder};

pub(crate) use self::checked::checked_format;
use self::streams::{Frames, Parts, Slice, unpacked};
use crate::files::open::read_at;
use crate::image::archive::members;
use crate::image::data::ImageData;
use crate::image::places::Compression;
use crate::search::boundary::Fit;
use crate::search::engine::{START, Searcher, check_count};
use crate::search::hits::{Hit, Hits};
use crate::search::text::is_whole_text;

/// Bytes that may come out of one file: this many, or [`RATIO`] times its size if that is more.
/// More is not looked into, and reported: a small file can be made to unpack to any size.
const LEAST_LIMIT: u64 = 64 << 20;
/// See [`LEAST_LIMIT`].
const RATIO: u64 = 100;
/// The most bytes that are unpacked into memory, such as an archive inside another file.
pub(crate) const LARGEST_INNER: u64 = 64 << 20;
/// Bytes that a damaged stream counts as.
const CHARGE: u64 = 1 << 20;
/// Compressed inside compressed, so often.
const DEEPEST: usize = 4;
/// Members of one file that something is told of: a small file can be made of millions that are
/// damaged.
const MOST_MEMBERS: usize = 1 << 16;

/// A member in which something was found, or which could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundMember {
    /// Its name, behind those of the members that it lies in.
    pub names: Vec<String>,
    /// What was found in its bytes.
    pub hits: Vec<Hit>,
    /// How many records there may be.
    pub records: usize,
    /// Why it was not looked into, or not to its end.
    pub problem: Option<String>,
}

/// The inside of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inside {
    /// Where something was found, or could not be looked for.
    pub members: Vec<FoundMember>,
    /// Where the members lie in the file, in its order and apart. What is before, between and behind
    /// them are bytes of the file alone.
    pub packed: Vec<Range<u64>>,
}

/// A format whose bytes have to be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackFormat {
    /// RFC 1952.
    Gzip,
    /// The .xz file format.
    Xz,
    /// RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// ZIP, as in wheels, jars and office documents; also behind other bytes.
    Zip,
    /// `ar`: a static library, a Debian package.
    Ar,
    /// `tar`: its members are bytes of the file, but those that are compressed.
    Tar,
    /// A script, and compressed bytes behind it.
    Script,
    /// One that is known, by this name, and cannot be looked into.
    Closed(&'static str),
}

impl PackFormat {
    /// Tells the format by a file's first bytes, where these are enough.
    #[must_use]
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some(Self::Bzip2),
            // Also one that was, or was to be, cut into several files.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', b'0', b'0', b'P', b'K', ..] => Some(Self::Zip),
            [b'P', b'K', 7, 8, b'P', b'K', ..] => Some(Self::Zip),
            [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Some(Self::Ar),
            _ if tar::begins(start) => Some(Self::Tar),
            _ => checked::compressed(start).map(Self::Closed),
        }
    }

    /// Whether it is one compressed stream, and no archive.
    #[must_use]
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Gzip | Self::Xz | Self::Zstd | Self::Bzip2)
    }

    /// How a stream of it is called among names.
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Zip => "zip",
            Self::Ar => "ar",
            Self::Tar => "tar",
            Self::Script => "script",
            Self::Closed(name) => name,
        }
    }
}

/// Whether [`detect`] may find something in a file that was searched: of others, nothing need be read.
#[must_use]
pub(crate) fn may_be_packed(found: &Hits) -> bool {
    found.has_zip_end || found.start.starts_with(b"#!") || PackFormat::of(&found.start).is_some()
}

/// Tells the format of a file with these first bytes and this size: by these, by the record with which
/// a ZIP archive ends, or by compressed bytes behind a script.
///
/// # Errors
/// The system refuses something.
pub(crate) fn detect(file: &File, start: &[u8], size: u64) -> io::Result<Option<PackFormat>> {
    if let Some(format) = PackFormat::of(start) {
        return Ok(Some(format));
    }
    if zip::ends_archive(file, size)? {
        return Ok(Some(PackFormat::Zip));
    }
    Ok(script::is_packed(file, start, size)?.then_some(PackFormat::Script))
}

/// What is found inside a file of this format and size.
#[must_use]
pub(crate) fn search(searcher: &Searcher, file: &File, size: u64, format: PackFormat) -> Inside {
    let mut look = Look::new(searcher, size);
    look.packed.push(0..size);
    match format {
        PackFormat::Zip => {
            look.packed = look.zip(&[], Slice::new(file, 0..size));
            let before = look.packed.first().map_or(0, |first| first.start);
            let mut start = [0; 2];
            if read_at(file, &mut start, 0).is_ok() && start == *b"#!" {
                look.script(file, 0..before);
            }
        }
        PackFormat::Script => {
            look.packed.clear();
            look.script(file, 0..size);
        }
        PackFormat::Ar => look.ar(file),
        PackFormat::Tar => {
            look.packed.clear();
            look.tar(&[], &mut BufReader::new(Slice::new(file, 0..size)), true);
        }
        PackFormat::Closed(name) => look.problem(&[], format!("{name} is not looked into")),
        stream => {
            if stream == PackFormat::Gzip {
                // A name and a comment are read as they are.
                let header = gzip_header(BufReader::new(Slice::new(file, 0..size)));
                look.packed.iter_mut().for_each(|range| range.start = header);
            }
            look.unpack(&[], stream, Box::new(Slice::new(file, 0..size)));
        }
    }
    look.packed.sort_by_key(|range| range.start);
    Inside { members: look.members, packed: look.packed }
}

/// How many bytes of a gzip file tell of it (RFC 1952, 2.3), up to the end of its comment; 0 if it is damaged.
fn gzip_header(bytes: impl BufRead) -> u64 {
    /// What each has before the fields that only some have.
    const FIXED: usize = 10;
    let decoder = GzDecoder::new(bytes);
    let Some(header) = decoder.header() else { return 0 };
    let extra = header.extra().map_or(0, |extra| 2 + extra.len());
    let texts = [header.filename(), header.comment()].into_iter().flatten();
    (FIXED + extra + texts.map(|text| text.len() + 1).sum::<usize>()) as u64
}

/// What is found inside the compressed section `name` of an image, whose bytes are at `range`.
#[must_use]
pub(crate) fn search_section(
    searcher: &Searcher,
    file: &File,
    name: &str,
    range: Range<u64>,
    compression: Compression,
) -> Vec<FoundMember> {
    let mut look = Look::new(searcher, range.end.saturating_sub(range.start));
    let bytes = BufReader::new(Slice::new(file, range));
    let names = [name.to_owned()];
    match compression {
        Compression::Zlib => look.plain(&names, &mut ZlibDecoder::new(bytes)),
        Compression::Zstd => look.plain(&names, &mut Frames::new(bytes, Parts::All)),
    }
    look.members
}

/// A compressed text: its format, its bytes, and those that it unpacks to.
pub(crate) type PackedText = (PackFormat, Vec<u8>, Vec<u8>);

/// The text of a file that is one compressed text. Others than single streams
/// (archives, scripts that unpack themselves) are none: then why it is none, as a sentence of which the file is the
/// subject.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn packed_text(file: &File, size: u64) -> io::Result<Result<PackedText, String>> {
    let mut start = [0; 16];
    let read = read_at(file, &mut start, 0)?;
    let format = PackFormat::of(&start[..read]).filter(|format| format.is_stream());
    let Some(format) = format else { return Ok(Err("it is not one compressed text".into())) };
    if size > LARGEST_INNER {
        return Ok(Err(format!("it has more than {LARGEST_INNER} bytes")));
    }
    let mut bytes = vec![0; size as usize];
    if read_at(file, &mut bytes, 0)? != bytes.len() {
        return Ok(Err("it became shorter".into()));
    }
    // An extra field tells where parts of the text begin (BGZF, dictzip), or what nobody else knows.
    if GzDecoder::new(bytes.as_slice()).header().is_some_and(|one| one.extra().is_some()) {
        return Ok(Err("it has an extra field of gzip".into()));
    }
    Ok(whole(Cursor::new(&bytes), format).and_then(|text| match is_whole_text(&text) {
        true if is_padded(format, &bytes) => Err("zeros stand behind the end of gzip".into()),
        true => Ok((format, bytes, text)),
        false => Err("it does not unpack to a text".into()),
    }))
}

/// Whether something stands behind the last member of a gzip file that can be unpacked.
fn is_padded(format: PackFormat, bytes: &[u8]) -> bool {
    format == PackFormat::Gzip
        && io::copy(&mut MultiGzDecoder::new(bytes), &mut io::sink()).is_err()
}

/// All bytes that a compressed stream unpacks to, up to [`LARGEST_INNER`].
///
/// # Errors
/// Why it cannot be unpacked, as a sentence: it is damaged, or too much for the memory.
pub(crate) fn whole(stream: impl BufRead, format: PackFormat) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let stream = unpacked(format, stream, Parts::All);
    match stream.take(LARGEST_INNER + 1).read_to_end(&mut bytes) {
        Ok(size) if size as u64 <= LARGEST_INNER => Ok(bytes),
        Ok(_) => Err(format!("it unpacks to more than {LARGEST_INNER} bytes")),
        Err(error) => Err(format!("it cannot be unpacked: {error}")),
    }
}

/// A look into one file.
struct Look<'a> {
    searcher: &'a Searcher,
    /// Bytes that may still come out of it.
    left: u64,
    limit: u64,
    /// Hits in the members so far.
    count: usize,
    members: Vec<FoundMember>,
    packed: Vec<Range<u64>>,
}

impl<'a> Look<'a> {
    fn new(searcher: &'a Searcher, size: u64) -> Self {
        let limit = size.saturating_mul(RATIO).max(LEAST_LIMIT);
        Self { searcher, left: limit, limit, count: 0, members: Vec::new(), packed: Vec::new() }
    }

    fn problem(&mut self, names: &[String], problem: impl ToString) {
        let (names, problem) = (names.to_vec(), Some(problem.to_string()));
        self.members.push(FoundMember { names, hits: Vec::new(), records: 0, problem });
    }

    /// Whether no more members are looked into; says so if that is not said yet.
    fn is_over(&mut self, names: &[String]) -> bool {
        let problem = if self.left == 0 {
            format!("it unpacks to more than {} bytes", self.limit)
        } else if self.members.len() >= MOST_MEMBERS {
            format!("something is to be told of more than {MOST_MEMBERS} members")
        } else {
            return false;
        };
        self.problem(names, problem);
        true
    }

    /// Searches a stream as it is.
    fn plain(&mut self, names: &[String], stream: &mut dyn Read) {
        match self.searcher.stream(stream, self.left) {
            Ok((found, size)) => {
                let mut problem = (size > self.left)
                    .then(|| format!("it unpacks to more than {} bytes", self.limit));
                self.left = self.left.saturating_sub(size);
                let (mut hits, records) = (found.hits, found.records.len());
                // In a text the ends of a path are seen.
                hits.retain(|hit| !found.is_text || hit.fit != Fit::Inside);
                self.count += hits.len();
                if let Err(too_many) = check_count(self.count) {
                    hits.clear();
                    problem = Some(too_many.to_string());
                }
                if !hits.is_empty() || records > 0 || problem.is_some() {
                    let names = names.to_vec();
                    self.members.push(FoundMember { names, hits, records, problem });
                }
            }
            Err(error) => {
                // How much was unpacked until then is not known.
                self.left = self.left.saturating_sub(CHARGE);
                self.problem(names, format!("it cannot be unpacked: {error}"));
            }
        }
    }

    /// Searches a stream, which may be compressed once more.
    fn stream<'r>(&mut self, names: &[String], mut stream: Box<dyn Read + 'r>) {
        let mut start = Vec::new();
        if let Err(error) = stream.by_ref().take(START as u64).read_to_end(&mut start) {
            return self.problem(names, format!("it cannot be unpacked: {error}"));
        }
        let format = PackFormat::of(&start);
        let mut stream = Cursor::new(start).chain(stream);
        match format {
            None | Some(PackFormat::Ar) => self.plain(names, &mut stream),
            Some(PackFormat::Tar) => self.tar(names, &mut stream, false),
            Some(PackFormat::Closed(name)) => {
                self.problem(names, format!("{name} is not looked into"));
            }
            Some(_) if names.len() >= DEEPEST => {
                self.problem(names, format!("it is compressed more than {DEEPEST} times over"));
            }
            Some(PackFormat::Zip) => {
                let mut bytes = Vec::new();
                let limit = LARGEST_INNER.min(self.left);
                match stream.by_ref().take(limit + 1).read_to_end(&mut bytes) {
                    Ok(size) if size as u64 <= limit => {
                        self.left -= size as u64;
                        self.zip(names, Cursor::new(bytes));
                    }
                    Ok(_) => self.problem(names, format!("it is larger than {limit} bytes")),
                    Err(error) => self.problem(names, format!("it cannot be unpacked: {error}")),
                }
            }
            Some(inner) => self.unpack(names, inner, Box::new(stream)),
        }
    }

    fn unpack<'r>(&mut self, names: &[String], format: PackFormat, stream: Box<dyn Read + 'r>) {
        let names = [names, &[format.name().to_owned()]].concat();
        self.stream(&names, unpacked(format, BufReader::new(stream), Parts::All));
    }

    /// The compressed members of an `ar` archive; the others were searched with the file.
    fn ar(&mut self, file: &File) {
        let members = match members(&ImageData::new(file)) {
            Ok(members) => members,
            Err(error) => return self.problem(&[], error),
        };
        for member in members {
            let (name, range) = (member.name.clone(), member.range());
            let mut start = Vec::new();
            let slice = || BufReader::new(Slice::new(file, range.clone()));
            match slice().take(16).read_to_end(&mut start) {
                Ok(_) if PackFormat::of(&start).is_some() => {
                    self.stream(&[name], Box::new(slice()));
                }
                Ok(_) => {}
                Err(error) => self.problem(&[name], error),
            }
        }
    }
}
