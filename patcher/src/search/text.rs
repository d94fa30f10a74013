//! Text files: which files are, and the lines of what was found in them.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;

use memchr::memmem;

use crate::files::open::{read_at, size};
use crate::files::window::Window;
use crate::search::counted::{CountedStrings, REACH, marks};
use crate::search::hits::Hit;
use crate::shown::is_hidden;

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
fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().copied().any(is_binary)
}

/// Whether these bytes, which are all of a file or its beginning, may be a text. A PDF file is none: it
/// has a table of offsets. Blanks may stand before it.
#[must_use]
pub(crate) fn is_whole_text(bytes: &[u8]) -> bool {
    !beginning(bytes).starts_with(b"%PDF-") && is_text(bytes)
}

/// Whether the bytes at this offset of a whole may be those of a text: see [`is_whole_text`].
#[must_use]
pub(crate) fn is_text_at(at: u64, bytes: &[u8]) -> bool {
    if at == 0 { is_whole_text(bytes) } else { is_text(bytes) }
}

/// Bytes without the white space, and the mark of Unicode, with which they begin.
fn beginning(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start()
}

/// The line number of each hit, from 1; `None` if the file is not a text.
///
/// A text has no NUL and no other control character that a text has no use for: so hardly a format
/// that counts its bytes in binary is taken for one.
///
/// # Errors
/// The system refuses something.
pub(crate) fn lines(file: &File, hits: &[Hit]) -> io::Result<Option<Vec<u64>>> {
    let mut buffer = vec![0; WINDOW];
    let (mut at, mut line) = (0_u64, 1_u64);
    let mut lines = Vec::with_capacity(hits.len());
    // It may grow as fast as it is read.
    let end = size(file)?;
    loop {
        let window = (WINDOW as u64).min(end.saturating_sub(at)) as usize;
        let read = read_at(file, &mut buffer[..window], at)?;
        let window = &buffer[..read];
        if !is_text_at(at, window) {
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

/// Which of these hits of a text, which are in its order, lie in a string whose length is written
/// before it, or in a format all of whose bytes count: see [`CountedStrings`] and [`COUNTING`].
///
/// # Errors
/// The system refuses something.
pub(crate) fn counted(file: &File, hits: &[Hit]) -> io::Result<Vec<bool>> {
    if hits.is_empty() || counts(|at, buffer| read_at(file, buffer, at))? {
        return Ok(vec![true; hits.len()]);
    }
    let mut strings = strings_of_file(file)?.into_iter().peekable();
    let mut counted_to = 0;
    let is_counted = |hit: &Hit| {
        while let Some(string) = strings.next_if(|string| string.start <= hit.offset) {
            counted_to = counted_to.max(string.end);
        }
        hit.offset + hit.length <= counted_to
    };
    Ok(hits.iter().map(is_counted).collect())
}

/// The strings of a file whose length is written before them, in order.
fn strings_of_file(file: &File) -> io::Result<Vec<Range<u64>>> {
    let (mut strings, mut buffer) = (CountedStrings::default(), vec![0; WINDOW]);
    let (mut at, mut failed) = (0_u64, None);
    loop {
        let read = read_at(file, &mut buffer, at)?;
        let bytes = &buffer[..read];
        let is_end = read < WINDOW;
        for mark in marks(bytes) {
            // Near a seam, it is looked at in the other part.
            if (at > 0 && mark < REACH) || (!is_end && mark + REACH > read) {
                continue;
            }
            // What is behind a string tells whether it is one.
            let mut rest = |to: usize| {
                let behind = bytes.get(to..).unwrap_or_default();
                if is_end || behind.len() >= REACH {
                    return bytes.get(to..).map(Cow::Borrowed);
                }
                let mut behind = vec![0; REACH];
                match read_at(file, &mut behind, at.checked_add(to as u64)?) {
                    Ok(read) => {
                        behind.truncate(read);
                        Some(Cow::Owned(behind))
                    }
                    Err(error) => {
                        failed = Some(error);
                        None
                    }
                }
            };
            strings.look(bytes, at, mark, &mut rest);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if is_end {
            return Ok(strings.sorted());
        }
        at += (WINDOW - 2 * REACH) as u64;
    }
}

/// Formats of texts whose numbers, or signature, follow from their bytes: how one begins, what it has, in lower
/// case, if that is needed. Git and Subversion count what they write out, so do HTTP, WARC and mailboxes with
/// lengths, and PostScript (DSC, 5).
const COUNTING: [(&[u8], &[u8]); 12] = [
    (b"blob\nmark :", b""),
    (b"blob\ndata ", b""),
    (b"reset refs/", b"\ndata "),
    (b"commit refs/", b"\ndata "),
    (b"feature ", b"\ndata "),
    (b"SVN-fs-dump-format-version:", b""),
    (b"HTTP/", b"\ncontent-length:"),
    (b"WARC/", b"\ncontent-length:"),
    (b"From ", b"\ncontent-length:"),
    (b"%!PS", b"\n%%begindata:"),
    (b"%!PS", b"\n%%beginbinary:"),
    (b"-----BEGIN PGP SIGNED MESSAGE-----", b""),
];

/// Whether a text is in a format all of whose bytes count.
#[must_use]
pub(crate) fn is_counting(text: &[u8]) -> bool {
    let mut rest = text;
    let read = |at: u64, buffer: &mut [u8]| {
        rest = text.get(at as usize..).unwrap_or_default();
        io::Read::read(&mut rest, buffer)
    };
    counts(read).unwrap_or(false)
}

/// The same of what is read, from an offset on, into a buffer.
fn counts(mut read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>) -> io::Result<bool> {
    let mut buffer = vec![0; WINDOW];
    let size = read(0, &mut buffer)?;
    let start = beginning(&buffer[..size]);
    let begun = COUNTING.iter().filter(|(begins, _)| start.starts_with(begins));
    let needles: Vec<&[u8]> = begun.map(|(_, needle)| *needle).collect();
    let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or_default();
    let (mut at, mut size) = (0_u64, size);
    while !needles.is_empty() && size > 0 {
        let bytes = buffer[..size].to_ascii_lowercase();
        if needles.iter().any(|needle| memmem::find(&bytes, needle).is_some()) {
            return Ok(true);
        }
        if size <= longest {
            break;
        }
        at += (size - longest) as u64;
        size = read(at, &mut buffer)?;
    }
    Ok(false)
}

/// The printable text around a hit, on one line, without the white space at its ends, and how many
/// characters of it stand before the hit.
///
/// # Errors
/// The system refuses something.
pub(crate) fn around(window: &mut Window<'_>, hit: &Hit) -> io::Result<(String, usize)> {
    let width = hit.encoding.width() as u64;
    let reach = SHOWN * width;
    let start = hit.offset.saturating_sub(reach / width * width).max(hit.offset % width);
    let bytes = window.read(start..hit.offset + hit.length.min(4 * 4096) + reach)?;
    let from = ((hit.offset - start) as usize).min(bytes.len());
    let to = (from + hit.length as usize).min(bytes.len());
    let text = |bytes| hit.encoding.text(bytes);
    let before = text(&bytes[..from]);
    let start = before.trim_end_matches(is_printable).len();
    let before = before.get(start..).unwrap_or_default().trim_start();
    let printable = |bytes| text(bytes).chars().take_while(|&char| is_printable(char)).collect();
    let (inside, behind): (String, String) = (printable(&bytes[from..to]), printable(&bytes[to..]));
    Ok((format!("{before}{inside}{}", behind.trim_end()), before.chars().count()))
}

/// The text around a hit in another one, shown on one line: a NUL stands between items of a list.
#[must_use]
pub(crate) fn inside(text: &[u8], hit: &Hit) -> String {
    let start = (hit.offset as usize).saturating_sub(SHOWN as usize);
    let end = (hit.offset + hit.length + SHOWN) as usize;
    let part = text.get(start..end.min(text.len())).unwrap_or_default();
    String::from_utf8_lossy(part).trim_end_matches('\0').replace('\0', ", ")
}

fn is_printable(char: char) -> bool {
    char == '\t' || !(is_hidden(char) || char == char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::search::boundary::Fit;
    use crate::search::encoding::Encoding;

    #[test]
    fn texts_all_of_whose_bytes_count() {
        for text in [
            "blob\nmark :1\ndata 9\n/opt/app\n",
            "\nSVN-fs-dump-format-version: 2\n",
            "From a@b Mon\nSubject: a\nContent-length: 9\n\n/opt/app\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n/opt/app\n",
            "%!PS-Adobe-3.0\n%%BeginData: 1 Hex Lines\n",
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
        ] {
            assert!(is_counting(text.as_bytes()), "{text}");
            let far = text.replacen('\n', &format!("\n{}\n", "x".repeat(2 * WINDOW)), 1);
            // What such a text has may stand anywhere, and how it begins not.
            let is_told = !text.starts_with(['b', '\n']);
            assert_eq!(is_counting(far.as_bytes()), is_told, "{text}");
        }
        for text in ["From here on\n", "HTTP/1.1\n", "Content-Length: 9\n", "%!PS-Adobe\n", ""] {
            assert!(!is_counting(text.as_bytes()), "{text}");
        }
        assert!(!is_whole_text(b"\n%PDF-1.4\n") && is_whole_text(b"a %PDF-1.4\n"));
    }

    #[test]
    fn texts_and_binaries() {
        assert!(is_text("größe\t\r\n\u{c}".as_bytes()) && is_text(b"Gr\xf6\xdfe"));
        // NUL, and the length of a string in a binary format.
        assert!(!is_text(b"a\0b") && !is_text(b"\x0a\x08/opt/app"));
    }

    /// Files are looked at in parts: a string at a seam is seen like any other, among very many hits.
    #[test]
    fn strings_are_counted_wherever_they_lie_in_a_file() {
        let plain = "/opt/app\n".repeat(90_000);
        let near = [WINDOW - 200, WINDOW - 64, WINDOW - 9, WINDOW];
        let sizes = [1, 60_000];
        let all = [0].into_iter().chain(near).chain([plain.len() - 9]);
        for (at, size) in all.flat_map(|at| sizes.map(|size| (at, size))) {
            let at = at.next_multiple_of(9);
            let inside = "/opt/app\n".repeat(size);
            let string = format!("{}:{inside},\n", inside.len());
            let text = [&plain[..at], &string, &plain[at..]].concat();
            let file = tempfile::tempfile().expect("a file");
            file.write_all_at(text.as_bytes(), 0).expect("bytes");
            let hit = |offset: usize| Hit {
                offset: offset as u64,
                length: 8,
                reference: 0,
                encoding: Encoding::Plain,
                fit: Fit::Certain,
            };
            let hits = memmem::find_iter(text.as_bytes(), "/opt/app").map(hit);
            let hits: Vec<Hit> = hits.collect();
            let counted = counted(&file, &hits).expect("a file");
            let is_counted = |hit: &Hit| (at..at + string.len()).contains(&(hit.offset as usize));
            let expected: Vec<bool> = hits.iter().map(is_counted).collect();
            assert!(counted == expected, "{at}");
        }
    }
}
