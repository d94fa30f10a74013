//! What a search finds.

use super::boundary::Fit;
use super::encoding::Encoding;

/// Most records of one file that are told one by one. Of more, one more is kept.
pub(crate) const MOST_RECORDS: usize = 1 << 16;

/// A reference that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Where it begins, in bytes from the start of the file or stream.
    pub offset: u64,
    /// Its bytes: those of the path, or of a store path's hash, in this encoding.
    pub length: u64,
    /// Which of the references it is.
    pub reference: usize,
    /// How it is written.
    pub encoding: Encoding,
    /// How it stands among other bytes.
    pub fit: Fit,
}

/// What was found in a file or stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hits {
    /// In order. No two overlap: of several at one place the longest is kept.
    pub hits: Vec<Hit>,
    /// Pieces of references, as a compiler cuts them, in order: they mean something in an image only.
    pub pieces: Vec<Hit>,
    /// Whether there may be more pieces than are kept.
    pub has_more_pieces: bool,
    /// Where there may be a record: its first bytes were found there. In order; one more than
    /// [`MOST_RECORDS`] where there are more.
    pub records: Vec<u64>,
    /// Whether there may be a ZIP archive, whatever stands before it: the first bytes of the record
    /// with which one ends were found.
    pub has_zip_end: bool,
    /// Whether all bytes of a stream may be those of a text.
    pub is_text: bool,
    /// The first bytes, by which a file's format is known.
    pub start: Vec<u8>,
}

impl Hits {
    /// Adds what was found in the part of the file that begins at `start`, behind all others.
    pub(super) fn append(&mut self, mut part: Self, start: u64) {
        self.records.append(&mut part.records);
        self.records.truncate(MOST_RECORDS + 1);
        self.has_zip_end |= part.has_zip_end;
        self.hits.append(&mut part.hits);
        self.pieces.append(&mut part.pieces);
        self.has_more_pieces |= part.has_more_pieces;
        if start == 0 {
            self.start = part.start;
        }
    }

    /// Does with the hits behind the first `settled`, as far as they end before a place, what [`Self::finish`]
    /// does: all that is found later begins at that place or behind it. So of other paths, of which there may
    /// be any number, few are kept at a time. Gives how many hits are settled now.
    pub(super) fn settle(&mut self, settled: usize, own: usize, before: u64) -> usize {
        let mut open = self.hits.split_off(settled);
        open.sort_by_key(|hit| hit.offset);
        let (mut complete, mut end) = (0, 0);
        for (position, hit) in open.iter().enumerate() {
            if end <= hit.offset {
                complete = position;
            }
            end = end.max(hit.offset + hit.length);
            if end > before {
                break;
            }
        }
        if end <= before {
            complete = open.len();
        }
        let mut rest = open.split_off(complete);
        let pieces = std::mem::take(&mut self.pieces);
        let mut done = Self { hits: open, pieces, ..Self::default() };
        done.finish(own);
        self.pieces = done.pieces;
        self.hits.append(&mut done.hits);
        let settled = self.hits.len();
        self.hits.append(&mut rest);
        settled
    }

    /// Sorts, keeps one of those that overlap, and drops those of the references from `own` on, which
    /// are other paths.
    pub(super) fn finish(&mut self, own: usize) {
        // In text of UTF-16, ASCII characters look the same in both byte orders, one byte apart:
        // characters lie at multiples of their width.
        let aligned = |hit: &Hit| hit.offset.is_multiple_of(hit.encoding.width() as u64);
        let overlaps = |one: &Hit, other: &Hit| {
            one.offset < other.offset + other.length && other.offset < one.offset + one.length
        };
        self.hits.sort_by_key(|hit| (hit.offset, std::cmp::Reverse(hit.length), hit.reference));
        self.drop_pieces_of_what_is_whole();
        self.pieces.retain(|piece| piece.reference < own);
        let (mut certain, doubtful): (Vec<Hit>, Vec<Hit>) =
            self.hits.drain(..).partition(|hit| hit.fit == Fit::Certain);
        // Where a program may go on with a longer reference, a shorter one is as unclear.
        certain.retain(|hit| {
            let first = doubtful.partition_point(|one| one.offset < hit.offset);
            let mut there = doubtful.iter().skip(first).take_while(|one| one.offset == hit.offset);
            let is_cut = there.any(|one| {
                one.fit == Fit::Unclear && one.reference < own && one.length > hit.length
            });
            hit.reference >= own || !is_cut
        });
        let apart = |hits: Vec<Hit>| {
            let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
            for hit in hits {
                match kept.last_mut() {
                    Some(last) if overlaps(last, &hit) => {
                        let same = last.reference == hit.reference && last.length == hit.length;
                        if same && aligned(&hit) && !aligned(last) {
                            *last = hit;
                        }
                    }
                    _ => kept.push(hit),
                }
            }
            kept
        };
        let (mut kept, doubtful) = (apart(certain), apart(doubtful));
        // Where there is no doubt, a longer path that would be possible there is none.
        let is_free = |hit: &Hit| {
            let behind = kept.partition_point(|one| one.offset < hit.offset + hit.length);
            let mut there = kept.iter().take(behind).rev().take_while(|one| overlaps(one, hit));
            there.all(|one| {
                let is_within =
                    one.offset <= hit.offset && hit.offset + hit.length <= one.offset + one.length;
                // Another path hides what is inside of it, and nothing longer.
                one.reference >= own && !is_within
            })
        };
        let free: Vec<Hit> = doubtful.into_iter().filter(is_free).collect();
        kept.extend(free);
        kept.retain(|hit| hit.reference < own);
        kept.sort_by_key(|hit| hit.offset);
        self.hits = kept;
    }

    /// The hits are sorted.
    fn drop_pieces_of_what_is_whole(&mut self) {
        let (mut hits, mut whole_to) = (self.hits.iter().peekable(), 0);
        self.pieces.sort_unstable();
        self.pieces.retain(|piece| {
            while let Some(hit) = hits.next_if(|hit| hit.offset < piece.offset + piece.length) {
                whole_to = whole_to.max(hit.offset + hit.length);
            }
            whole_to <= piece.offset
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of these references, the last one is another path.
    const OWN: usize = 2;

    fn hit(offset: u64, reference: usize, fit: Fit) -> Hit {
        let length = [8, 12, 16][reference];
        Hit { offset, length, reference, encoding: Encoding::Plain, fit }
    }

    #[test]
    fn what_is_settled_early_is_what_would_be_settled_at_the_end() {
        const WINDOW: u64 = 50;
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..500 {
            let mut hits = Vec::new();
            for _ in 0..60 {
                let reference = random(3) as usize;
                let fit = match (reference, random(3)) {
                    (OWN, _) | (_, 0) => Fit::Certain,
                    (_, 1) => Fit::Unclear,
                    _ => Fit::Inside,
                };
                hits.push(hit(random(1000).into(), reference, fit));
            }
            let mut at_the_end = Hits { hits: hits.clone(), ..Hits::default() };
            at_the_end.finish(OWN);
            let (mut early, mut settled) = (Hits::default(), 0);
            for window in 0..1000 / WINDOW {
                let range = window * WINDOW..(window + 1) * WINDOW;
                early.hits.extend(hits.iter().filter(|hit| range.contains(&hit.offset)));
                settled = early.settle(settled, OWN, range.end);
            }
            early.finish(OWN);
            assert_eq!(early, at_the_end);
        }
    }

    /// A text that was rewritten names its new path a million times, and old paths nowhere: the search for
    /// these was refused.
    #[test]
    fn other_paths_are_kept_only_as_long_as_they_may_hide_something() {
        let mut found = Hits::default();
        let mut settled = 0;
        for at in 0..1000 {
            found.hits.push(hit(at * 20, OWN, Fit::Certain));
            settled = found.settle(settled, OWN, (at + 1) * 20);
            assert_eq!((settled, found.hits.len()), (0, 0));
        }
    }
}
