//! `tar` archives (POSIX `pax`, "ustar Interchange Format"): blocks of 512 bytes, a header before each
//! member.

use std::io::{self, Read};

use super::{Look, PackFormat};
use crate::shown::text;

/// Bytes of a header, and of what the content of a member is rounded up to.
const BLOCK: usize = 512;

/// Whether these are the first bytes of an archive: of POSIX, or of GNU.
pub(super) fn begins(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar")
}

/// The size of a member: octal digits, or with the first bit set a big-endian number (GNU).
fn size(header: &[u8]) -> Option<u64> {
    let field = header.get(124..136)?;
    if field.first()? & 0x80 != 0 {
        let low = field.get(4..)?.first_chunk()?;
        return field.get(1..4)?.iter().all(|&byte| byte == 0).then(|| u64::from_be_bytes(*low));
    }
    let digits = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

impl Look<'_> {
    /// Looks into the members of an archive. Of one that lies in the file as it is, `is_plain`, only the
    /// compressed members are looked into: the others are bytes of the file.
    pub(super) fn tar(&mut self, names: &[String], stream: &mut dyn Read, is_plain: bool) {
        let mut header = [0; BLOCK];
        loop {
            match stream.read_exact(&mut header) {
                Ok(()) => {}
                // An archive may end without the two empty blocks.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
                Err(error) => {
                    return self.problem(names, format!("it cannot be unpacked: {error}"));
                }
            }
            if header.iter().all(|&byte| byte == 0) {
                continue;
            }
            let (true, Some(size)) = (begins(&header), size(&header)) else {
                return self.problem(names, "a header of the tar archive is not understood");
            };
            let name = header.split(|&byte| byte == 0).next().unwrap_or_default();
            let name = text(name.get(..100).unwrap_or(name));
            let inner = [names, &[name]].concat();
            if self.is_over(names) {
                return;
            }
            let mut member = Read::take(&mut *stream, size);
            if !is_plain {
                self.plain(&inner, &mut header.as_slice());
                self.stream(&inner, Box::new(&mut member));
            } else {
                let mut start = Vec::new();
                let read = member.by_ref().take(BLOCK as u64).read_to_end(&mut start);
                if read.is_ok() && PackFormat::of(&start).is_some() {
                    self.stream(&inner, Box::new(start.as_slice().chain(&mut member)));
                }
            }
            let padding = size.next_multiple_of(BLOCK as u64) - size;
            let drained = io::copy(&mut member, &mut io::sink())
                .and_then(|_| io::copy(&mut Read::take(&mut *stream, padding), &mut io::sink()));
            if let Err(error) = drained {
                return self.problem(names, format!("it cannot be unpacked: {error}"));
            }
        }
    }
}
