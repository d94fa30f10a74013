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
    let metadata = file.metadata()?;
    let size = metadata.len();
    let is_sparse = metadata.blocks().saturating_mul(512) < size;
    let mut at = 0;
    Ok(std::iter::from_fn(move || {
        if at >= size {
            return None;
        }
        let start = match is_sparse.then(|| seek(file, SeekFrom::Data(at))) {
            Some(Ok(start)) => start,
            // Nothing but a hole up to the end.
            Some(Err(Errno::NXIO)) => return None,
            // No holes, or the file system does not tell.
            None | Some(Err(_)) => at,
        };
        let hole = is_sparse.then(|| seek(file, SeekFrom::Hole(start)).ok()).flatten();
        at = hole.filter(|hole| *hole > start).unwrap_or(size).min(size);
        Some(start..at)
    }))
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
}
