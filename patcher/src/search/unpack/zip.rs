//! ZIP archives: all members that their directory lists, and those that it does not.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use zip::ZipArchive;
use zip::read::read_zipfile_from_stream;

use super::Look;
use crate::files::open::read_at;
use crate::search::engine::ZIP_END;

/// Bytes of the last record of an archive, without its comment (APPNOTE 4.3.16).
const END: usize = 22;
/// Bytes of the header before each member, without its name (APPNOTE 4.3.7).
const HEADER: usize = 30;
/// Bytes that are read at a time.
const WINDOW: usize = 128 << 10;

/// Whether a file of this size ends like a ZIP archive, whatever it begins with.
///
/// # Errors
/// The system refuses something.
pub(super) fn ends_archive(file: &File, size: u64) -> io::Result<bool> {
    // The comment has at most as many bytes as its length can say.
    let start = size.saturating_sub((END + usize::from(u16::MAX)) as u64);
    let mut tail = vec![0; (size - start) as usize];
    let read = read_at(file, &mut tail, start)?;
    tail.truncate(read);
    let is_end = |at: usize| {
        let Some(record) = tail.get(at..at + END) else { return false };
        let number =
            |at: usize| u64::from(u32::from_le_bytes([0, 1, 2, 3].map(|n| record[at + n])));
        let entries = u64::from(u16::from_le_bytes([record[10], record[11]]));
        let (bytes, offset) = (number(12), number(16));
        let before = start + at as u64;
        // Of an archive that is too large for these fields they say nothing.
        [bytes, offset].contains(&u64::from(u32::MAX))
            || (bytes >= 46 * entries && bytes + offset <= before)
    };
    Ok(memchr::memmem::rfind_iter(&tail, &ZIP_END).any(is_end))
}

/// The size of a member's header with its name, and of its bytes as far as the header says it; `None`
/// where there is no such header.
fn local_header(bytes: &[u8]) -> Option<(u64, Option<u64>)> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (version, flags, method) = (short(4), short(6), short(8));
    let (name, extra) = (u64::from(short(26)), u64::from(short(28)));
    // Versions up to 6.3, and the methods that were ever given a number (APPNOTE 4.4.3, 4.4.5).
    let is_header = header.starts_with(b"PK\x03\x04")
        && version & 0xff <= 63
        && matches!(method, 0..=20 | 93..=99)
        && name > 0;
    let size = u32::from_le_bytes([18, 19, 20, 21].map(|at: usize| header[at]));
    let is_known = flags & 8 == 0 && size != u32::MAX;
    is_header.then_some((HEADER as u64 + name + extra, is_known.then_some(size.into())))
}

impl Look<'_> {
    /// Looks into an archive. Gives the places of its members, in their order.
    pub(super) fn zip(&mut self, names: &[String], bytes: impl Read + Seek) -> Vec<Range<u64>> {
        let mut archive = match ZipArchive::new(BufReader::new(bytes)) {
            Ok(archive) => archive,
            Err(error) => {
                self.problem(names, format!("it is a damaged archive: {error}"));
                return Vec::new();
            }
        };
        let mut listed: Vec<Range<u64>> = Vec::new();
        for index in 0..archive.len() {
            // The bytes of one member may serve many: each counts.
            if self.is_over(names) {
                return listed;
            }
            let name = match archive.name_for_index(index) {
                Some(Ok(name)) => name.into_owned(),
                _ => format!("member {index}"),
            };
            let names = [names, &[name]].concat();
            match archive.by_index(index) {
                Ok(member) => {
                    let data = member.data_start().unwrap_or_default();
                    let end = data.saturating_add(member.compressed_size());
                    listed.push(member.header_start()..end);
                    if !member.is_dir() {
                        self.stream(&names, Box::new(member));
                    }
                    continue;
                }
                Err(error) => self.problem(&names, format!("it cannot be unpacked: {error}")),
            }
            listed.extend(archive.by_index_data(index).ok().map(|entry| {
                let size = (HEADER as u64).saturating_add(entry.compressed_size());
                entry.header_start()..entry.header_start().saturating_add(size)
            }));
        }
        let mut ends = listed.clone();
        ends.push(archive.central_directory_start()..u64::MAX);
        ends.sort_by_key(|range| range.start);
        let mut at = 0;
        let mut reader = archive.into_inner();
        for range in ends {
            if at < range.start
                && let Err(error) = self.unlisted(names, &mut reader, at..range.start, &mut listed)
            {
                self.problem(names, format!("it cannot be read: {error}"));
            }
            at = at.max(range.end);
        }
        listed.sort_by_key(|range| range.start);
        listed
    }

    /// Looks into the members in a part of an archive of which its directory knows nothing: those that
    /// another one of the same name took the place of, or of an archive that another was put behind.
    fn unlisted<R: Read + Seek>(
        &mut self,
        names: &[String],
        reader: &mut R,
        part: Range<u64>,
        found: &mut Vec<Range<u64>>,
    ) -> io::Result<()> {
        let mut at = part.start;
        while let Some((start, header, size)) = next_header(reader, at..part.end)? {
            if self.is_over(names) {
                break;
            }
            let end = (start + header).saturating_add(size.unwrap_or(0));
            if size.is_none() || end > part.end {
                at = start + header.min(part.end - start);
            } else {
                at = end;
            }
            found.push(start..at);
            reader.seek(SeekFrom::Start(start))?;
            let mut bytes = reader.by_ref().take(part.end - start);
            match read_zipfile_from_stream(&mut bytes) {
                Ok(Some(member)) if member.is_dir() => {}
                Ok(Some(member)) => {
                    let name = member.name().map_or_else(|_| "member".into(), Into::into);
                    self.stream(&[names, &[name]].concat(), Box::new(member));
                }
                Ok(None) => {}
                Err(error) => {
                    let what = format!("a member at {start:#x} that it does not list");
                    self.problem(names, format!("{what} cannot be unpacked: {error}"));
                }
            }
        }
        Ok(())
    }
}

/// The first header of a member in a part of an archive: where it is, and what [`local_header`] says.
fn next_header<R: Read + Seek>(
    reader: &mut R,
    part: Range<u64>,
) -> io::Result<Option<(u64, u64, Option<u64>)>> {
    let mut base = part.start;
    let mut window = Vec::new();
    loop {
        reader.seek(SeekFrom::Start(base + window.len() as u64))?;
        let left = part.end.saturating_sub(base + window.len() as u64);
        let read = reader.by_ref().take(left.min(WINDOW as u64)).read_to_end(&mut window)?;
        for at in memchr::memmem::find_iter(&window, b"PK\x03\x04") {
            let start = base + at as u64;
            if let Some((header, size)) = local_header(&window[at..])
                && start + header <= part.end
            {
                return Ok(Some((start, header, size)));
            }
        }
        if read == 0 {
            return Ok(None);
        }
        let done = window.len().saturating_sub(HEADER - 1);
        window.drain(..done);
        base += done as u64;
    }
}
