//! Compressed bytes behind a script that unpacks them, such as makeself and many installers write.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::streams::{Counted, Parts, unpacked};
use super::{Look, PackFormat};
use crate::files::holes::extents;
use crate::files::open::read_at;
use crate::search::text;

/// Bytes that are read at a time.
const WINDOW: usize = 128 << 10;
/// Bytes by which the start of a stream is known.
const START: usize = 16;
/// Bytes that are searched for a stream. What is unpacked does not count.
const REACH: u64 = 1 << 30;

/// The first bytes of the formats that are looked for.
const MAGICS: [&[u8]; 8] = [
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x04\x22\x4d\x18",
    b"LZIP\x01",
];

/// Whether a file of this size, which begins so, is a script that is not a text as a whole, and has
/// compressed bytes in it.
///
/// # Errors
/// The system refuses something.
pub(super) fn is_packed(file: &File, start: &[u8], size: u64) -> io::Result<bool> {
    let is_script = start.starts_with(b"#!") && text::lines(file, &[])?.is_none();
    if !is_script {
        return Ok(false);
    }
    for written in extents(file)? {
        if next_stream(file, written.start..written.end.min(size).min(REACH))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells the format of a stream by its first bytes, with all that its header says of itself: these
/// bytes may be anywhere.
fn stream_format(start: &[u8]) -> Option<PackFormat> {
    let format = PackFormat::of(start)?;
    let is_sane = match (format, start) {
        // Flags that are not reserved, and how hard the compressor tried.
        (PackFormat::Gzip, [_, _, _, flags, _, _, _, _, 0 | 2 | 4, system, ..]) => {
            flags & 0xe0 == 0 && matches!(system, 0..=13 | 255)
        }
        // The first byte of the flags is 0, the second is the check: none, CRC32, CRC64 or SHA-256.
        (PackFormat::Xz, [_, _, _, _, _, _, 0, 0 | 1 | 4 | 10, ..]) => true,
        (PackFormat::Zstd, [0x28, _, _, _, descriptor, ..]) => descriptor & 8 == 0,
        (PackFormat::Bzip2, [_, _, _, _, _, _, _, _, 0x53, 0x59, ..]) => true,
        // Of lz4, the version.
        (PackFormat::Closed(_), [4, _, _, _, flags, ..]) => flags & 0xc0 == 0x40,
        (PackFormat::Closed(_), _) => true,
        _ => false,
    };
    is_sane.then_some(format)
}

/// The first stream in a part of a file.
fn next_stream(file: &File, part: Range<u64>) -> io::Result<Option<(u64, PackFormat)>> {
    let magics = AhoCorasick::new(MAGICS).map_err(io::Error::other)?;
    let mut window = vec![0; WINDOW + START];
    let mut at = part.start;
    while at < part.end {
        let wanted = (part.end - at).min(window.len() as u64) as usize;
        let read = read_at(file, &mut window[..wanted], at)?;
        for found in magics.find_iter(&window[..read]) {
            if let Some(format) = stream_format(&window[found.start()..read]) {
                return Ok(Some((at + found.start() as u64, format)));
            }
        }
        if read <= START {
            break;
        }
        // A match that begins in the last bytes is looked for again, with the bytes behind.
        at += (read - START) as u64;
    }
    Ok(None)
}

impl Look<'_> {
    /// Looks into the streams in a part of a file.
    pub(super) fn script(&mut self, file: &File, part: Range<u64>) {
        let mut at = part.start;
        let mut reach = REACH;
        while at < part.end {
            let end = part.end.min(at.saturating_add(reach));
            let (start, format) = match next_stream(file, at..end) {
                Ok(Some(stream)) => stream,
                Ok(None) if end < part.end => {
                    let problem =
                        format!("compressed data is looked for in {REACH} bytes of it only");
                    return self.problem(&[], problem);
                }
                Ok(None) => return,
                Err(error) => return self.problem(&[], format!("it cannot be read: {error}")),
            };
            if self.is_over(&[]) {
                return;
            }
            reach -= start - at;
            let used = Cell::new(0);
            let known = self.members.len();
            let stream = Counted::new(file, start..part.end, &used);
            let names = [format!("{} at {start:#x}", format.name())];
            self.stream(&names, unpacked(format, stream, Parts::One));
            let is_damaged = self.members[known..].iter().any(|member| member.problem.is_some());
            if is_damaged {
                // Behind what cannot be unpacked there may be something that can.
                at = start + MAGICS[0].len() as u64;
            } else {
                at = start + used.get().max(1);
                self.packed.push(start..at);
            }
        }
    }
}
