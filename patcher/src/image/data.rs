//! Reads an image in few pieces, and in bounded memory.
//!
//! The reader of the formats asks for each header and each table by its place. Small pieces come from
//! blocks that are read whole, a table comes in one piece. All of it stays in memory; so there is a
//! limit, for a small file can name the same bytes over and over.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use object::read::{ReadCache, ReadCacheOps, ReadRef};
use rustix::io::Errno;

use crate::error::ImageProblem;
use crate::files::open::{read_at, size};

/// Bytes of a block. Of a large file hardly more is read than what is asked for.
const BLOCK: usize = 1 << 14;

/// Blocks that are kept.
const MOST_BLOCKS: usize = 8;

/// Bytes that are kept of one file at most. Only symbol tables and their strings are large, and in
/// the largest programs there are they have fewer.
const MOST: u64 = 1 << 30;

/// Bytes that are kept for each byte of a file at most. Tables do not lie in each other, but some are
/// asked for in several ways.
const MOST_TIMES: u64 = 4;

/// An open file, of which headers and tables are read.
#[derive(Debug)]
pub(crate) struct ImageData<'f> {
    file: &'f File,
    cache: ReadCache<Blocks<'f>>,
    length: u64,
    state: Rc<State>,
}

/// What is known of the reads.
#[derive(Debug)]
struct State {
    /// How many bytes may still be kept.
    left: Cell<u64>,
    /// The number of the system's error; the reader of the formats knows only that there was an error.
    failed: Cell<Option<i32>>,
}

impl State {
    fn checked<T>(&self, result: io::Result<T>) -> Result<T, ()> {
        result.map_err(|error| {
            // That a file ends is no failure of the system: it became shorter meanwhile.
            if error.kind() != io::ErrorKind::UnexpectedEof {
                self.failed.set(Some(error.raw_os_error().unwrap_or(Errno::IO.raw_os_error())));
            }
        })
    }
}

impl<'f> ImageData<'f> {
    /// Takes the file's size, and reads nothing yet.
    #[must_use]
    pub(crate) fn new(file: &'f File) -> Self {
        let state = Rc::new(State { left: Cell::default(), failed: Cell::default() });
        let length = state.checked(size(file)).unwrap_or_default();
        state.left.set(length.saturating_mul(MOST_TIMES).saturating_add(BLOCK as u64).min(MOST));
        let blocks = Blocks { file, length, at: 0, blocks: Vec::new(), state: Rc::clone(&state) };
        Self { file, cache: ReadCache::new(blocks), length, state }
    }

    /// Answers a question about the file. Where the system refused a read, that is the answer: a file
    /// that cannot be read is not a damaged one.
    pub(super) fn ask<'d, T>(
        &'d self,
        question: impl FnOnce(Bytes<'d, 'f>) -> Result<T, ImageProblem>,
    ) -> Result<T, ImageProblem> {
        let answer = question(Bytes { data: self, start: 0, size: self.length });
        match self.state.failed.take() {
            Some(number) => Err(ImageProblem::Unread(number)),
            None => answer,
        }
    }
}

/// The bytes of a file, or of a part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'d, 'f> {
    data: &'d ImageData<'f>,
    start: u64,
    size: u64,
}

impl Bytes<'_, '_> {
    /// All of them, as a part.
    pub(super) fn part_range(self) -> Range<u64> {
        0..self.size
    }

    /// A part of them; empty where they have no such part.
    pub(super) fn part(self, range: &Range<u64>) -> Self {
        let is_inside = range.start <= range.end && range.end <= self.size;
        let size = if is_inside { range.end.saturating_sub(range.start) } else { 0 };
        Self { start: self.start.saturating_add(range.start), size, ..self }
    }
}

impl Bytes<'_, '_> {
    /// Copies bytes that nobody asks for again, so that none of them are kept; fails where there are
    /// fewer.
    pub(super) fn copy_to(self, buffer: &mut [u8], offset: u64) -> Result<(), ()> {
        let is_inside = offset.checked_add(buffer.len() as u64).is_some_and(|end| end <= self.size);
        let at = self.start.checked_add(offset).filter(|_| is_inside).ok_or(())?;
        self.data.state.checked(self.data.file.read_exact_at(buffer, at))
    }
}

impl<'d> ReadRef<'d> for Bytes<'d, '_> {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'d [u8], ()> {
        let is_inside = offset.checked_add(size).is_some_and(|end| end <= self.size);
        // The cache reserves memory for a piece before it reads it.
        if !is_inside || size > self.data.state.left.get() {
            return Err(());
        }
        self.data.cache.read_bytes_at(self.start.checked_add(offset).ok_or(())?, size)
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'d [u8], ()> {
        if range.end > self.size {
            return Err(());
        }
        let inside = |at: u64| self.start.checked_add(at).ok_or(());
        self.data.cache.read_bytes_at_until(inside(range.start)?..inside(range.end)?, delimiter)
    }
}

/// The bytes of a file, for [`ReadCache`], which keeps each piece that it asked for.
#[derive(Debug)]
struct Blocks<'f> {
    file: &'f File,
    length: u64,
    /// Where the next read begins.
    at: u64,
    /// The number of each block, and its bytes: fewer at the end of the file.
    blocks: Vec<(u64, Vec<u8>)>,
    state: Rc<State>,
}

impl Blocks<'_> {
    /// The bytes from where the next read begins to the end of the block.
    fn block(&mut self) -> Result<&[u8], ()> {
        let size = BLOCK as u64;
        let number = self.at.checked_div(size).ok_or(())?;
        let known = self.blocks.iter().position(|(known, _)| *known == number);
        let place = match known {
            Some(place) => place,
            None => {
                let start = number.checked_mul(size).ok_or(())?;
                let left = self.length.saturating_sub(start);
                let mut bytes = vec![0; left.min(size) as usize];
                let read = self.state.checked(read_at(self.file, &mut bytes, start))?;
                bytes.truncate(read);
                if self.blocks.len() == MOST_BLOCKS {
                    self.blocks.remove(0);
                }
                self.blocks.push((number, bytes));
                self.blocks.len().saturating_sub(1)
            }
        };
        let (_, bytes) = self.blocks.get(place).ok_or(())?;
        let distance = self.at.checked_rem(size).ok_or(())?;
        Ok(bytes.get(distance as usize..).unwrap_or_default())
    }
}

impl ReadCacheOps for Blocks<'_> {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn seek(&mut self, to: u64) -> Result<u64, ()> {
        self.at = to;
        Ok(to)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        let bytes = self.block()?;
        let size = bytes.len().min(buffer.len());
        let (Some(filled), Some(read)) = (buffer.get_mut(..size), bytes.get(..size)) else {
            return Err(());
        };
        filled.copy_from_slice(read);
        self.at = self.at.checked_add(size as u64).ok_or(())?;
        Ok(size)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ()> {
        let left = self.state.left.get().checked_sub(buffer.len() as u64).ok_or(())?;
        self.state.left.set(left);
        if buffer.len() >= BLOCK {
            return self.state.checked(self.file.read_exact_at(buffer, self.at));
        }
        let mut done = 0_usize;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => return Err(()),
                read => done = done.saturating_add(read),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads of a file of this size, most of which is a hole.
    fn reads(length: u64, ranges: &[(u64, u64)]) -> Vec<bool> {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(length).expect("a hole");
        let data = ImageData::new(&file);
        let read = |data: Bytes<'_, '_>, at, size| data.read_bytes_at(at, size).is_ok();
        let all = |data| Ok(ranges.iter().map(|&(at, size)| read(data, at, size)).collect());
        data.ask(all).expect("no error of the system")
    }

    #[test]
    fn a_table_as_large_as_a_hole_is_not_read() {
        let length = 1 << 40;
        assert_eq!(reads(length, &[(0, MOST + 1), (0, length), (0, 100)]), [false, false, true]);
    }

    #[test]
    fn bytes_that_are_named_over_and_over_are_not_read_each_time() {
        let ranges: Vec<(u64, u64)> = (0..20).map(|at| (at, 1_000_000)).collect();
        let done = reads(1_000_100, &ranges);
        assert_eq!(done.iter().filter(|&&done| done).count(), 4, "{done:?}");
        // The same piece is kept once.
        assert_eq!(reads(1_000_000, &[(0, 900_000); 20]), [true; 20]);
    }

    #[test]
    fn pieces_lie_in_one_block_or_two_or_in_none() {
        let block = BLOCK as u64;
        let file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0..3 * BLOCK + 100).map(|at| (at % 251) as u8).collect();
        file.write_all_at(&bytes, 0).expect("bytes");
        let data = ImageData::new(&file);
        for (at, size) in [(0, 8), (block - 4, 8), (block, block), (5, 2 * block), (3 * block, 100)]
        {
            let read = data.ask(|data| Ok(data.read_bytes_at(at, size))).expect("no error");
            let expected = bytes.get(at as usize..(at + size) as usize);
            assert!(read.ok() == expected, "{at} {size}");
        }
        let part = |data: Bytes<'_, '_>| Ok(data.part(&(10..20)).read_bytes_at(4, 7).is_err());
        assert_eq!(data.ask(part), Ok(true));
        let behind = |data: Bytes<'_, '_>| Ok(data.read_bytes_at(3 * block, 101).is_err());
        assert_eq!(data.ask(behind), Ok(true));
    }

    /// A folder can be opened, and not read.
    #[test]
    fn a_refused_read_is_no_damage() {
        let folder = File::open("/").expect("a folder");
        let answer = ImageData::new(&folder).ask(|data| Ok(data.read_bytes_at(0, 1).is_ok()));
        assert_eq!(answer, Err(ImageProblem::Unread(Errno::ISDIR.raw_os_error())));
    }
}
