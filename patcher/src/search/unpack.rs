//! Looks inside files that hold others, or themselves, in compressed form.
//!
//! What is found there is reported, never rewritten. The members of a `tar` or `ar` archive that are
//! not compressed are plain bytes, which the search of the file itself sees.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use bzip2::read::MultiBzDecoder;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use zip::ZipArchive;

use crate::image::archive::members;
use crate::image::data::ImageData;
use crate::image::places::Compression;
use crate::search::engine::{Hit, Searcher};
use crate::search::reference::Fit;

/// Bytes that may come out of one file: this many, or [`RATIO`] times its size if that is more.
/// More is not looked into, and reported: a small file can be made to unpack to any size.
const LEAST_LIMIT: u64 = 64 << 20;
/// See [`LEAST_LIMIT`].
const RATIO: u64 = 100;
/// The largest archive inside another file that is looked into: it has to be in memory.
const LARGEST_INNER: u64 = 64 << 20;
/// The most memory for unpacking xz, in KiB; `xz -9` needs 64 MiB.
const XZ_MEMORY: u32 = 256 << 10;
/// Compressed inside compressed, so often.
const DEEPEST: usize = 4;

/// A member in which something was found, or which could not be looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMember {
    /// Its name, behind those of the members that it lies in.
    pub names: Vec<String>,
    /// What was found in its bytes.
    pub hits: Vec<Hit>,
    /// How many records there may be.
    pub records: usize,
    /// Why it was not looked into, or not to its end.
    pub problem: Option<String>,
}

/// A format whose bytes have to be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackFormat {
    /// RFC 1952.
    Gzip,
    /// The .xz file format.
    Xz,
    /// RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// ZIP, as in wheels, jars and office documents.
    Zip,
    /// `ar`: a static library, a Debian package.
    Ar,
}

impl PackFormat {
    /// Tells the format by a file's first bytes.
    #[must_use]
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some(Self::Bzip2),
            [b'P', b'K', 3, 4, ..] => Some(Self::Zip),
            [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Some(Self::Ar),
            _ => None,
        }
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
        }
    }
}

/// What is found inside a file of this format and size.
#[must_use]
pub fn search(searcher: &Searcher, file: &File, size: u64, format: PackFormat) -> Vec<FoundMember> {
    let mut look = Look::new(searcher, size);
    match format {
        PackFormat::Zip => look.zip(&[], BufReader::new(Slice::new(file, 0..size))),
        PackFormat::Ar => look.ar(file),
        stream => look.unpack(&[], stream, Box::new(BufReader::new(Slice::new(file, 0..size)))),
    }
    look.members
}

/// What is found inside the compressed section `name` of an image, whose bytes are at `range`.
#[must_use]
pub fn search_section(
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
        Compression::Zstd => look.plain(&names, &mut Frames::new(bytes)),
    }
    look.members
}

/// A look into one file.
struct Look<'a> {
    searcher: &'a Searcher,
    /// Bytes that may still come out of it.
    left: u64,
    limit: u64,
    members: Vec<FoundMember>,
}

impl<'a> Look<'a> {
    fn new(searcher: &'a Searcher, size: u64) -> Self {
        let limit = size.saturating_mul(RATIO).max(LEAST_LIMIT);
        Self { searcher, left: limit, limit, members: Vec::new() }
    }

    fn problem(&mut self, names: &[String], problem: impl ToString) {
        let (names, problem) = (names.to_vec(), Some(problem.to_string()));
        self.members.push(FoundMember { names, hits: Vec::new(), records: 0, problem });
    }

    /// Searches a stream as it is.
    fn plain(&mut self, names: &[String], stream: &mut dyn Read) {
        match self.searcher.stream(stream, self.left) {
            Ok((found, size)) => {
                let problem = (size > self.left)
                    .then(|| format!("it unpacks to more than {} bytes", self.limit));
                self.left = self.left.saturating_sub(size);
                let (mut hits, records) = (found.hits, found.records.len());
                // In a text the ends of a path are seen.
                hits.retain(|hit| !found.is_text || hit.fit != Fit::Inside);
                if !hits.is_empty() || records > 0 || problem.is_some() {
                    let names = names.to_vec();
                    self.members.push(FoundMember { names, hits, records, problem });
                }
            }
            Err(error) => self.problem(names, format!("it cannot be unpacked: {error}")),
        }
    }

    /// Searches a stream, which may be compressed once more.
    fn stream<'r>(&mut self, names: &[String], mut stream: Box<dyn Read + 'r>) {
        let mut start = Vec::new();
        if let Err(error) = stream.by_ref().take(16).read_to_end(&mut start) {
            return self.problem(names, format!("it cannot be unpacked: {error}"));
        }
        let format = PackFormat::of(&start);
        let mut stream = Cursor::new(start).chain(stream);
        match format {
            None | Some(PackFormat::Ar) => self.plain(names, &mut stream),
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
        self.stream(
            &names,
            match format {
                PackFormat::Gzip => Box::new(MultiGzDecoder::new(stream)),
                PackFormat::Xz => Box::new(XzReader::new_mem_limit(stream, true, XZ_MEMORY)),
                PackFormat::Zstd => Box::new(Frames::new(stream)),
                PackFormat::Bzip2 => Box::new(MultiBzDecoder::new(stream)),
                PackFormat::Zip | PackFormat::Ar => stream,
            },
        );
    }

    fn zip(&mut self, names: &[String], archive: impl Read + Seek) {
        let mut archive = match ZipArchive::new(archive) {
            Ok(archive) => archive,
            Err(error) => return self.problem(names, format!("it is a damaged archive: {error}")),
        };
        for index in 0..archive.len() {
            // The bytes of one member may serve many: each counts.
            if self.left == 0 {
                return self
                    .problem(names, format!("it unpacks to more than {} bytes", self.limit));
            }
            let name = match archive.name_for_index(index) {
                Some(Ok(name)) => name.into_owned(),
                _ => format!("member {index}"),
            };
            let names = [names, &[name]].concat();
            match archive.by_index(index) {
                Ok(member) if member.is_dir() => {}
                Ok(member) => self.stream(&names, Box::new(member)),
                Err(error) => self.problem(&names, format!("it cannot be unpacked: {error}")),
            }
        }
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
            if slice().take(16).read_to_end(&mut start).is_ok() && PackFormat::of(&start).is_some()
            {
                self.stream(&[name], Box::new(slice()));
            }
        }
    }
}

/// A part of a file, read without moving the place at which others read.
struct Slice<'a> {
    file: &'a File,
    range: Range<u64>,
    at: u64,
}

impl<'a> Slice<'a> {
    fn new(file: &'a File, range: Range<u64>) -> Self {
        Self { file, at: range.start, range }
    }
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let left = self.range.end.saturating_sub(self.at).min(buffer.len() as u64) as usize;
        let read = self.file.read_at(&mut buffer[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Slice<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let at = match position {
            SeekFrom::Start(at) => self.range.start.checked_add(at),
            SeekFrom::End(distance) => self.range.end.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
        };
        let at = at.filter(|at| *at >= self.range.start);
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at - self.range.start)
    }
}

/// The frames of a Zstandard stream, one after another: the decoder reads one.
enum Frames<R: Read> {
    /// Between two frames.
    Between(Unread<R>),
    Inside(Box<StreamingDecoder<Unread<R>, FrameDecoder>>),
    Ended,
}

impl<R: Read> Frames<R> {
    fn new(stream: R) -> Self {
        Self::Between(Unread { kept: Cursor::default(), stream })
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Between(mut stream) => {
                    let mut magic = Vec::new();
                    stream.by_ref().take(4).read_to_end(&mut magic)?;
                    match magic.as_slice() {
                        [] => Self::Ended,
                        // A frame to be skipped: four bytes that say how long it is.
                        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                            let mut length = [0; 4];
                            stream.read_exact(&mut length)?;
                            let length = u64::from(u32::from_le_bytes(length));
                            io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
                            Self::Between(stream)
                        }
                        _ => {
                            stream.kept = Cursor::new(magic);
                            let decoder =
                                StreamingDecoder::new(stream).map_err(io::Error::other)?;
                            Self::Inside(Box::new(decoder))
                        }
                    }
                }
                Self::Inside(mut decoder) => match decoder.read(buffer)? {
                    0 => Self::Between(decoder.into_inner()),
                    read => {
                        *self = Self::Inside(decoder);
                        return Ok(read);
                    }
                },
            }
        }
    }
}

/// A stream some bytes of which were read, and are read again.
struct Unread<R> {
    kept: Cursor<Vec<u8>>,
    stream: R,
}

impl<R: Read> Read for Unread<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.kept.read(buffer)? {
            0 => self.stream.read(buffer),
            read => Ok(read),
        }
    }
}
