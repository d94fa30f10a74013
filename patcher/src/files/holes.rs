//! The parts of a file that are on the disk: what is between them was never written, and reads as
//! zeros.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// The parts of a file that are not holes, in its order, as far as the file system tells. Moves the
/// place at which the file is read.
///
/// # Errors
/// The system refuses something.
pub(crate) fn extents(file: &File) -> io::Result<impl Iterator<Item = Range<u64>>> {
    let written = Written::of(file)?;
    let mut at = 0;
    Ok(std::iter::from_fn(move || {
        let extent = written.next(at)?;
        at = extent.end;
        Some(extent)
    }))
}

/// The parts of two files that are a hole in one of them at most, in their order: of so many bytes, from
/// these offsets on, and told by how far they are from there. Moves the places at which the files are read.
pub(super) fn in_either<'f>(
    ours: (Written<'f>, u64),
    theirs: (Written<'f>, u64),
    size: u64,
) -> impl Iterator<Item = Range<u64>> {
    let files = [ours, theirs];
    let mut at = 0;
    std::iter::from_fn(move || {
        let next = files.each_ref().map(|(written, from)| {
            let part = written.next(from + at)?;
            Some(part.start - from..part.end - from)
        });
        let start = next.iter().flatten().map(|part| part.start).min()?;
        let begun = next.iter().flatten().filter(|part| part.start == start);
        let end = begun.map(|part| part.end).max()?.min(size);
        at = end;
        (start < end).then_some(start..end)
    })
}

/// What was written of a file.
pub(super) struct Written<'f> {
    file: &'f File,
    size: u64,
    is_sparse: bool,
}

impl<'f> Written<'f> {
    pub(super) fn of(file: &'f File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let size = metadata.len();
        Ok(Self { file, size, is_sparse: metadata.blocks().saturating_mul(512) < size })
    }

    /// The first part from a place on, up to the next hole.
    fn next(&self, at: u64) -> Option<Range<u64>> {
        if at >= self.size {
            return None;
        }
        let start = match self.is_sparse.then(|| seek(self.file, SeekFrom::Data(at))) {
            Some(Ok(start)) => start,
            // Nothing but a hole up to the end.
            Some(Err(Errno::NXIO)) => return None,
            // No holes, or the file system does not tell.
            None | Some(Err(_)) => at,
        };
        let hole = self.is_sparse.then(|| seek(self.file, SeekFrom::Hole(start)).ok()).flatten();
        Some(start..hole.filter(|hole| *hole > start).unwrap_or(self.size).min(self.size))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn holes_are_not_among_the_extents() {
        let file = tempfile::tempfile().expect("a file");
        let of = |file: &File| extents(file).expect("extents").collect::<Vec<_>>();
        assert_eq!(of(&file), []);
        file.write_all_at(b"text", 0).expect("bytes");
        assert_eq!(of(&file).iter().map(|extent| extent.end).collect::<Vec<_>>(), [4]);
        file.set_len(8 << 40).expect("a size");
        file.write_all_at(b"x", 1 << 40).expect("a byte");
        let found = of(&file);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(&3) && found[1].contains(&(1 << 40)), "{found:?}");
        assert!(found.iter().all(|extent| extent.end - extent.start < 1 << 20), "{found:?}");
    }

    /// Two files, one of which has a part where the other has a hole, at another distance from the start.
    #[test]
    fn a_hole_in_one_of_two_files_is_looked_at() {
        let (ours, theirs) = (tempfile::tempfile(), tempfile::tempfile());
        let (ours, theirs) = (ours.expect("a file"), theirs.expect("a file"));
        let (near, far) = (1 << 30, 3 << 30);
        ours.set_len(8 << 40).expect("a size");
        theirs.set_len((8 << 40) + (1 << 20)).expect("a size");
        ours.write_all_at(b"x", near).expect("a byte");
        theirs.write_all_at(b"x", far + (1 << 20)).expect("a byte");
        let of = |file, from| (Written::of(file).expect("a file"), from);
        let found = in_either(of(&ours, 0), of(&theirs, 1 << 20), 8 << 40);
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(&near) && found[1].contains(&far), "{found:?}");
        assert!(found.iter().all(|part| part.end - part.start < 1 << 20), "{found:?}");
        let short: Vec<_> = in_either(of(&ours, near), of(&theirs, 0), 1).collect();
        assert_eq!(short.iter().map(|part| part.end).collect::<Vec<_>>(), [1]);
    }
}
