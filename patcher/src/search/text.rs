//! Text files: which files are, and the lines of what was found in them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::files::open::read_at;
use crate::search::engine::Hit;
use crate::search::reference::Encoding;

/// Bytes that are read at a time.
const WINDOW: usize = 256 << 10;
/// Bytes before and behind a hit that are shown at most.
const SHOWN: u64 = 96;

/// Whether this byte is not of any text: a control character other than tab, line feed, form feed
/// and carriage return.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11 | 14..=31 | 127)
}

/// Whether all bytes may be those of a text: of UTF-8, or of another encoding that contains ASCII.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().copied().any(is_binary)
}

/// The line number of each hit, from 1; `None` if the file is not a text.
///
/// A text has no NUL and no other control character that a text has no use for: so hardly a format
/// that counts its bytes in binary is taken for one. A PDF file is none either: it has a table of offsets.
///
/// # Errors
/// What the system refuses.
pub fn lines(file: &File, hits: &[Hit]) -> io::Result<Option<Vec<u64>>> {
    let mut buffer = vec![0; WINDOW];
    let (mut at, mut line) = (0_u64, 1_u64);
    let mut lines = Vec::with_capacity(hits.len());
    loop {
        let read = file.read_at(&mut buffer, at)?;
        let window = &buffer[..read];
        if !is_text(window) || (at == 0 && window.starts_with(b"%PDF-")) {
            return Ok(None);
        }
        if read == 0 {
            // The hits behind the end of a file that became shorter.
            lines.resize(hits.len(), line);
            return Ok(Some(lines));
        }
        let mut counted = 0;
        while let Some(hit) = hits.get(lines.len()).filter(|hit| hit.offset < at + read as u64) {
            let to = hit.offset.saturating_sub(at) as usize;
            line += newlines(&window[counted..to]);
            counted = to;
            lines.push(line);
        }
        line += newlines(&window[counted..]);
        at += read as u64;
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// The printable text around a hit, on one line, without the white space at its ends, and how many
/// characters of it stand before the hit.
///
/// # Errors
/// What the system refuses.
pub fn around(file: &File, hit: &Hit) -> io::Result<(String, usize)> {
    let width = hit.encoding.width() as u64;
    let reach = SHOWN * width;
    let start = hit.offset.saturating_sub(reach / width * width).max(hit.offset % width);
    let mut bytes = vec![0; (hit.offset - start + hit.length.min(4 * 4096) + reach) as usize];
    let read = read_at(file, &mut bytes, start)?;
    bytes.truncate(read);
    let from = ((hit.offset - start) as usize).min(read);
    let to = (from + hit.length as usize).min(read);
    let before = printable(hit.encoding, bytes[..from].rchunks_exact(width as usize));
    let before: String = before.chars().rev().collect();
    let inside = printable(hit.encoding, bytes[from..to].chunks_exact(width as usize));
    let behind = printable(hit.encoding, bytes[to..].chunks_exact(width as usize));
    let before = before.trim_start();
    Ok((format!("{before}{inside}{}", behind.trim_end()), before.chars().count()))
}

/// The text around a hit in another one, shown on one line: a NUL stands between items of a list.
#[must_use]
pub fn inside(text: &[u8], hit: &Hit) -> String {
    let start = (hit.offset as usize).saturating_sub(SHOWN as usize);
    let end = (hit.offset + hit.length + SHOWN) as usize;
    let part = text.get(start..end.min(text.len())).unwrap_or_default();
    String::from_utf8_lossy(part).trim_end_matches('\0').replace('\0', ", ")
}

/// The characters up to the first that cannot be shown.
fn printable<'a>(encoding: Encoding, units: impl Iterator<Item = &'a [u8]>) -> String {
    let chars = units.map_while(|unit| {
        encoding.ascii(unit).filter(|byte| *byte == b'\t' || (b' '..=b'~').contains(byte))
    });
    chars.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_binaries() {
        assert!(is_text("größe\t\r\n\u{c}".as_bytes()) && is_text(b"Gr\xf6\xdfe"));
        // NUL, and the length of a string in a binary format.
        assert!(!is_text(b"a\0b") && !is_text(b"\x0a\x08/opt/app"));
    }
}
