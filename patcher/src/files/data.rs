//! Copies the bytes of a file, and looks at what was written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::holes::extents;
use super::open::size;
use super::window::Window;
use crate::edit::{Edit, overlay};
use crate::error::{Error, Result};

/// Bytes that are copied between two looks at whether to stop. File systems that share bytes between
/// files do so in blocks, of which this is a multiple.
const PIECE: u64 = 64 << 20;

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// Copies all bytes of a file to a new one, as `cp --sparse=auto` does: holes stay holes, and the
/// system shares the bytes of both files where it can.
///
/// # Errors
/// The system refuses something; the file has become shorter; `stop` was set.
pub(crate) fn copy_data(source: &File, new: &File, stop: &AtomicBool) -> io::Result<()> {
    let size = size(source)?;
    for extent in extents(source)? {
        copy_part(source, new, extent.start, extent.end, stop)?;
    }
    new.set_len(size)
}

/// Copies the bytes from `start` to `end`, to the same place.
fn copy_part(
    mut source: &File,
    mut new: &File,
    start: u64,
    end: u64,
    stop: &AtomicBool,
) -> io::Result<()> {
    source.seek(SeekFrom::Start(start))?;
    new.seek(SeekFrom::Start(start))?;
    let mut at = start;
    while at < end {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped by a signal"));
        }
        let piece = PIECE.min(end - at);
        match io::copy(&mut source.take(piece), &mut new) {
            Ok(copied) if copied == piece => at += piece,
            Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            // Some of them may have been copied.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                at = new.stream_position()?;
                source.seek(SeekFrom::Start(at))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives `take` all bytes that a file has now, in their order, as they are with these edits. None changes the
/// size.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn with_edits(
    file: &File,
    edits: &[Edit],
    mut take: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    // It may grow as fast as it is read.
    let size = size(file)?;
    let mut at = 0;
    while at < size {
        let wanted = (CHUNK as u64).min(size - at) as usize;
        let chunk = &mut buffer[..wanted];
        file.read_exact_at(chunk, at)?;
        overlay(chunk, at, edits);
        take(chunk);
        at += wanted as u64;
    }
    Ok(())
}

/// Refuses a file that does not have what was written.
pub(crate) fn read_back<'a>(
    file: &File,
    path: &Path,
    edits: impl IntoIterator<Item = &'a Edit>,
) -> Result<()> {
    let mut file = Window::new(file);
    for edit in edits {
        if !file.holds(edit.offset, &edit.after).map_err(Error::io("read back", path))? {
            return Err(Error::ReadBack { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Refuses a file that does not have this size.
pub(crate) fn check_size(file: &File, path: &Path, expected: u64) -> Result<()> {
    if size(file).map_err(Error::io("read back", path))? == expected {
        return Ok(());
    }
    Err(Error::ReadBack { path: path.to_owned() })
}
