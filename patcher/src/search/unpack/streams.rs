//! Streams that are unpacked while they are read, with little memory whatever they say of themselves.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::PackFormat;
use crate::files::open::read_at;

/// The most memory for unpacking xz, in KiB; `xz -9` needs 64 MiB.
const XZ_MEMORY: u32 = 256 << 10;
/// The most bytes that a frame of Zstandard may refer back: `zstd --ultra -22` needs them.
const ZSTD_WINDOW: u64 = 128 << 20;

/// How often a format is written one after another in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// As often as there is something: what follows the last part is an error.
    All,
    /// Once: what follows is not read.
    One,
}

/// What a compressed stream unpacks to. Of one part, exactly its bytes are read.
pub(super) fn unpacked<'r>(
    format: PackFormat,
    stream: impl BufRead + 'r,
    parts: Parts,
) -> Box<dyn Read + 'r> {
    use PackFormat::{Bzip2, Gzip, Xz, Zstd};
    match (format, parts) {
        (Gzip, Parts::All) => Box::new(Members(Some(GzDecoder::new(stream)))),
        (Gzip, Parts::One) => Box::new(GzDecoder::new(stream)),
        (Xz, parts) => {
            let several = parts == Parts::All;
            Box::new(lzma_rust2::XzReader::new_mem_limit(stream, several, XZ_MEMORY))
        }
        (Zstd, parts) => Box::new(Frames::new(stream, parts)),
        (Bzip2, Parts::All) => Box::new(bzip2::bufread::MultiBzDecoder::new(stream)),
        (Bzip2, Parts::One) => Box::new(bzip2::bufread::BzDecoder::new(stream)),
        _ => Box::new(stream),
    }
}

/// The members of a gzip file, one after another. Zeros up to the end may stand behind them, as on a tape: `gzip`
/// passes over these, and says nothing.
struct Members<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut stream) = self.0.take().map(GzDecoder::into_inner) else { break };
            match stream.fill_buf()? {
                [] => {}
                [0, ..] => only_zeros(stream)?,
                _ => self.0 = Some(GzDecoder::new(stream)),
            }
        }
        Ok(0)
    }
}

fn only_zeros(mut stream: impl BufRead) -> io::Result<()> {
    loop {
        let bytes = stream.fill_buf()?;
        let read = bytes.len();
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(io::Error::other("something stands behind its end"));
        }
        if read == 0 {
            return Ok(());
        }
        stream.consume(read);
    }
}

/// A part of a file, read without moving the place at which others read.
pub(super) struct Slice<'a> {
    file: &'a File,
    range: Range<u64>,
    at: u64,
}

impl<'a> Slice<'a> {
    pub(super) fn new(file: &'a File, range: Range<u64>) -> Self {
        Self { file, at: range.start, range }
    }
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.range.end.saturating_sub(self.at).min(buffer.len() as u64) as usize;
        let read = read_at(self.file, &mut buffer[..left], self.at)?;
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

/// A part of a file that tells how many of its bytes were used.
pub(super) struct Counted<'a> {
    bytes: BufReader<Slice<'a>>,
    used: &'a Cell<u64>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(file: &'a File, range: Range<u64>, used: &'a Cell<u64>) -> Self {
        Self { bytes: BufReader::new(Slice::new(file, range)), used }
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.used.set(self.used.get() + read as u64);
        Ok(read)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.used.set(self.used.get() + amount as u64);
        self.bytes.consume(amount);
    }
}

/// The frames of a Zstandard stream, one after another: the decoder reads one.
pub(super) enum Frames<R: Read> {
    /// Between two frames.
    Between(Unread<R>, Parts),
    Inside(Box<StreamingDecoder<Unread<R>, FrameDecoder>>, Parts),
    Ended,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(stream: R, parts: Parts) -> Self {
        Self::Between(Unread { kept: Cursor::default(), stream }, parts)
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Between(mut stream, parts) => {
                    let mut magic = Vec::new();
                    stream.by_ref().take(4).read_to_end(&mut magic)?;
                    match magic.as_slice() {
                        [] => Self::Ended,
                        // A frame to be skipped: four bytes that say how long it is.
                        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                            let mut length = [0; 4];
                            stream.read_exact(&mut length)?;
                            let length = u64::from(u32::from_le_bytes(length));
                            let mut skipped = stream.by_ref().take(length);
                            if io::copy(&mut skipped, &mut io::sink())? < length {
                                return Err(io::ErrorKind::UnexpectedEof.into());
                            }
                            Self::Between(stream, parts)
                        }
                        _ => {
                            stream.kept = Cursor::new(magic);
                            let decoder =
                                StreamingDecoder::new_with_max_window_size(stream, ZSTD_WINDOW)
                                    .map_err(io::Error::other)?;
                            Self::Inside(Box::new(decoder), parts)
                        }
                    }
                }
                Self::Inside(mut decoder, parts) => match decoder.read(buffer)? {
                    // The library computes the checksum, and leaves the comparison to us.
                    0 if is_damaged(&decoder.decoder) => {
                        return Err(io::Error::other("the checksum of its data is another"));
                    }
                    0 if parts == Parts::One => Self::Ended,
                    0 => Self::Between(decoder.into_inner(), parts),
                    read => {
                        *self = Self::Inside(decoder, parts);
                        return Ok(read);
                    }
                },
            }
        }
    }
}

/// Whether a frame has a checksum that is not that of its data.
fn is_damaged(decoder: &FrameDecoder) -> bool {
    let stated = decoder.get_checksum_from_data();
    stated.is_some() && stated != decoder.get_calculated_checksum()
}

/// A stream some bytes of which were read, and are read again.
pub(super) struct Unread<R> {
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
