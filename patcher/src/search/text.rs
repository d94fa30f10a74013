//! Text files: which files are, and the lines of what was found in them.

use std::fs::File;
use std::io;
use std::ops::Range;

use crate::files::open::{read_at, size};
use crate::files::window::Window;
use crate::search::hits::Hit;
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
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    !bytes.iter().copied().any(is_binary)
}

/// Whether these bytes, which are all of a file or its beginning, may be a text. A PDF file is none: it
/// has a table of offsets.
#[must_use]
pub(crate) fn is_whole_text(bytes: &[u8]) -> bool {
    !bytes.starts_with(b"%PDF-") && is_text(bytes)
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
        if !(if at == 0 { is_whole_text(window) } else { is_text(window) }) {
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
/// before it: see [`counted_strings`].
///
/// # Errors
/// The system refuses something.
pub(crate) fn counted(file: &File, hits: &[Hit]) -> io::Result<Vec<bool>> {
    const REACH: usize = 2 * LONGEST_COUNTED;
    let mut counted = Vec::with_capacity(hits.len());
    let mut buffer = Vec::new();
    while let Some(next) = hits.get(counted.len()) {
        let start = next.offset.saturating_sub(REACH as u64);
        buffer.resize(WINDOW, 0);
        let read = read_at(file, &mut buffer, start)?;
        let mut strings = counted_strings(&buffer[..read]).into_iter().peekable();
        // The strings of these hits are in the buffer as a whole, with what is before and behind them.
        let end = if read < WINDOW { usize::MAX } else { WINDOW - REACH };
        let ranges = hits[counted.len()..].iter().map(|hit| {
            let at = (hit.offset - start) as usize;
            at..at + hit.length as usize
        });
        let mut counted_to = 0;
        for range in ranges.take_while(|range| range.end <= end) {
            while let Some(string) = strings.next_if(|string| string.start <= range.start) {
                counted_to = counted_to.max(string.end);
            }
            counted.push(range.end <= counted_to);
        }
    }
    Ok(counted)
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
    let before = printable(hit.encoding, bytes[..from].rchunks_exact(width as usize));
    let before: String = before.chars().rev().collect();
    let inside = printable(hit.encoding, bytes[from..to].chunks_exact(width as usize));
    let behind = printable(hit.encoding, bytes[to..].chunks_exact(width as usize));
    let before = before.trim_start();
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

/// The characters up to the first that cannot be shown.
fn printable<'a>(encoding: Encoding, units: impl Iterator<Item = &'a [u8]>) -> String {
    let chars = units.map_while(|unit| {
        encoding.ascii(unit).filter(|byte| *byte == b'\t' || (b' '..=b'~').contains(byte))
    });
    chars.map(char::from).collect()
}

/// Bytes of a string that is taken for one whose length is written before it.
const LONGEST_COUNTED: usize = 16 << 10;

/// The strings of a text whose length is written before them, so that the text is wrong when they become
/// longer or shorter: `s:9:"/opt/app/"` of PHP, `9:/opt/app/,` of netstrings, `9:/opt/app/` in lists of
/// bencode and in canonical S-expressions, `$9` on a line of its own in the protocol of Redis.
///
/// The number has to be right, and what is behind the string has to follow there in such a format: so
/// `12:/opt/app` in the output of `grep` is none. Strings of more than some thousand bytes are not seen.
/// They are sorted by where they begin.
pub(crate) fn counted_strings(text: &[u8]) -> Vec<Range<usize>> {
    // Behind a number stands a colon, or the end of a line.
    let marks = memchr::memchr2_iter(b':', b'\n', text);
    let mut strings: Vec<_> = marks.filter_map(|mark| counted_string(text, mark)).collect();
    strings.sort_by_key(|string| string.start);
    strings
}

/// The string whose length is written before a mark.
fn counted_string(text: &[u8], mark: usize) -> Option<Range<usize>> {
    let number = &text[..mark];
    let number = number.strip_suffix(b"\r").unwrap_or(number);
    let digits = number.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, digits) = number.split_at(number.len() - digits);
    let count: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let string = |open: &[u8], follows: &dyn Fn(&[u8]) -> bool| {
        let from = mark + 1 + open.len();
        let to = from.checked_add(count).filter(|_| count <= LONGEST_COUNTED)?;
        let is_there = text[mark + 1..].starts_with(open) && follows(text.get(to..)?);
        is_there.then_some(from..to)
    };
    if text[mark] == b'\n' {
        return string(b"", &|rest| head.ends_with(b"$") && rest.starts_with(b"\r\n"));
    }
    let quoted = |quote: &[u8]| string(quote, &|rest| rest.starts_with(quote));
    let bare = || string(b"", &|rest| rest.starts_with(b",") || is_counted_list(rest));
    quoted(b"\"").or_else(|| quoted(b"\\\"")).or_else(bare)
}

/// Whether bytes begin with what follows a string in a list of bencode, or in an S-expression: the ends
/// of lists, and then the end of the text, or another element.
fn is_counted_list(rest: &[u8]) -> bool {
    let is_end = |byte: &&u8| matches!(byte, b'e' | b')' | b'l' | b'd' | b'(');
    let marks = rest.iter().take_while(is_end).count();
    let ends = rest[..marks].iter().any(|byte| matches!(byte, b'e' | b')'));
    let element = &rest[marks..];
    let number = element.strip_prefix(b"i").unwrap_or(element);
    let number = number.strip_prefix(b"-").unwrap_or(number);
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let closing = if element.starts_with(b"i") { b'e' } else { b':' };
    (ends && matches!(element, [] | [b'\n', ..]))
        || (digits > 0 && number.get(digits) == Some(&closing))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::search::reference::Fit;

    #[test]
    fn texts_and_binaries() {
        assert!(is_text("größe\t\r\n\u{c}".as_bytes()) && is_text(b"Gr\xf6\xdfe"));
        // NUL, and the length of a string in a binary format.
        assert!(!is_text(b"a\0b") && !is_text(b"\x0a\x08/opt/app"));
    }

    /// A text that counts its bytes is wrong when a path in it gets longer, and nothing says so.
    #[test]
    fn strings_whose_bytes_are_counted() {
        let counted = |text: &str| {
            let all = text.as_bytes();
            let found: Vec<bool> = memchr::memmem::find_iter(all, "/opt/app")
                .map(|at| {
                    let strings = counted_strings(all).into_iter();
                    strings.into_iter().any(|string| string.start <= at && at + 8 <= string.end)
                })
                .collect();
            assert!(!found.is_empty(), "{text}");
            found
        };
        for text in [
            "s:10:\"/opt/app/x\";",
            "a:1:{s:3:\"dir\";s:20:\"in:/opt/app: and x12\";}",
            "INSERT 's:10:\\\"/opt/app/x\\\";'",
            "a:1:{i:0;s:40:\"a:1:{i:0;s:16:\"include /opt/app\";}      \";}",
            "10:/opt/app/x,",
            "30:14:include=/opt/app,6:x=y+zz,\n,",
            "d4:path8:/opt/app4:name1:xe",
            "d4:path8:/opt/appe",
            "l8:/opt/appi-7ee\n",
            "(6:prefix8:/opt/app)",
            "((6:prefix8:/opt/app)(1:a1:b))",
            "*2\r\n$3\r\nGET\r\n$8\r\n/opt/app\r\n",
        ] {
            assert_eq!(counted(text), [true], "{text}");
        }
        for text in [
            "/opt/app",
            // The number is not that of the bytes.
            "s:11:\"/opt/app/x\";",
            "12:/opt/app/x,",
            "at 10:30:/opt/app,",
            // Numbers that count something else.
            "main.c:8:/opt/app is here",
            "12:/opt/app/include/a.h",
            "16:/opt/app/include\n",
            "x:8:8:/opt/app:y",
            "$8\n/opt/app/x",
            "PATH=/bin:/opt/app:/usr/bin",
            "99999999999999999999999:/opt/app,",
            "s:18446744073709551615:\"/opt/app\";",
            // The count belongs to a different string.
            "3:abc,/opt/app,",
            "s:3:\"abc\";/opt/app",
        ] {
            assert_eq!(counted(text), [false], "{text}");
        }
        assert_eq!(counted("8:/opt/app,7:/opt/app,8:/opt/app,"), [true, false, true]);
    }
    /// Files are looked at in parts: a string at a seam is seen like any other, among very many hits.
    #[test]
    fn strings_are_counted_wherever_they_lie_in_a_file() {
        let plain = "/opt/app\n".repeat(90_000);
        let reach = 2 * LONGEST_COUNTED;
        for at in [0, WINDOW - reach, WINDOW, WINDOW + reach, plain.len() - 9] {
            let at = at.next_multiple_of(9);
            let inside = "/opt/app\n".repeat(LONGEST_COUNTED / 9);
            let string = format!("{}:{inside},", inside.len());
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
            let hits = memchr::memmem::find_iter(text.as_bytes(), "/opt/app").map(hit);
            let hits: Vec<Hit> = hits.collect();
            let counted = counted(&file, &hits).expect("a file");
            let is_counted = |hit: &Hit| (at..at + string.len()).contains(&(hit.offset as usize));
            let expected: Vec<bool> = hits.iter().map(is_counted).collect();
            assert!(counted == expected, "{at}");
        }
    }
}
