//! Reads many small pieces of a file, which lie near each other, with few calls of the system.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::open::read_at;

/// Bytes that are read at least.
const SIZE: usize = 16 << 10;

/// A part of a file that is in memory.
#[derive(Debug)]
pub(crate) struct Window<'f> {
    file: &'f File,
    /// Where the part begins.
    start: u64,
    bytes: Vec<u8>,
    /// Whether the file ends with it.
    is_last: bool,
}

impl<'f> Window<'f> {
    /// Reads nothing yet.
    pub(crate) fn new(file: &'f File) -> Self {
        Self { file, start: 0, bytes: Vec::new(), is_last: false }
    }

    /// The bytes of a range, as far as the file has them. Ranges in the order of the file are read once.
    pub(crate) fn read(&mut self, range: Range<u64>) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if range.start < self.start || (range.end > end && !self.is_last) {
            let wanted = range.end.saturating_sub(range.start) as usize;
            self.bytes.resize(wanted.max(SIZE), 0);
            let read = read_at(self.file, &mut self.bytes, range.start)?;
            self.is_last = read < self.bytes.len();
            self.bytes.truncate(read);
            self.start = range.start;
        }
        let inside = |at: u64| ((at - self.start) as usize).min(self.bytes.len());
        Ok(&self.bytes[inside(range.start)..inside(range.end.max(range.start))])
    }

    /// Whether the file has these bytes at an offset.
    pub(crate) fn holds(&mut self, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.read(offset..offset + bytes.len() as u64)? == bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// In whatever order: before and behind what is in memory, over its end, and behind that of the file.
    #[test]
    fn each_range_has_the_bytes_of_the_file() {
        let file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0..3 * SIZE + 100).map(|at| (at % 251) as u8).collect();
        file.write_all_at(&bytes, 0).expect("bytes");
        let mut window = Window::new(&file);
        let size = SIZE as u64;
        let ranges = [(0, 10), (9, 20), (size - 5, 10), (5, 5), (1, 3 * size), (3 * size, 200)];
        for (start, length) in ranges.into_iter().chain([(3 * size + 90, 9), (9 * size, 1), (7, 0)])
        {
            let there = bytes.len().min(start as usize)..bytes.len().min((start + length) as usize);
            let read = window.read(start..start + length).expect("bytes");
            assert!(*read == bytes[there], "{start} {length}");
        }
        assert!(window.holds(251, &bytes[..9]).expect("bytes"));
        assert!(!window.holds(size, &bytes[..9]).expect("bytes"));
    }
}
