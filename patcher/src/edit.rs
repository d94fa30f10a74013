//! Bytes at an offset that become others: the one form in which everything that is written is planned.

use std::ops::Range;

/// Bytes of a file, and those that take their place. Only in a text may these be more, or fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where they begin, in bytes from the start of the file.
    pub offset: u64,
    /// The bytes now.
    pub before: Vec<u8>,
    /// The bytes as they will be.
    pub after: Vec<u8>,
}

impl Edit {
    /// Where the bytes are now.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.offset..self.end()
    }

    /// Where the bytes end now.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.before.len() as u64)
    }

    /// Whether the bytes will be others.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.before != self.after
    }

    /// Whether everything behind these bytes stays where it is.
    #[must_use]
    pub fn keeps_size(&self) -> bool {
        self.before.len() == self.after.len()
    }

    /// The edit of a file in which these bytes lie so much further behind.
    #[must_use]
    pub(crate) fn moved(self, distance: u64) -> Self {
        Self { offset: self.offset.saturating_add(distance), ..self }
    }
}

/// Edits in the order of the file, without those that change nothing; `None` if two overlap.
#[must_use]
pub(crate) fn ordered(mut edits: Vec<Edit>) -> Option<Vec<Edit>> {
    edits.retain(Edit::changes);
    edits.sort_by_key(|edit| edit.offset);
    let is_apart = |pair: &[Edit]| match pair {
        [one, next] => one.end() <= next.offset && one.offset < next.offset,
        _ => true,
    };
    edits.windows(2).all(is_apart).then_some(edits)
}

/// The edits in the order of the file; of those that overlap, the one that begins first, and of these
/// the longest.
#[must_use]
pub(crate) fn outermost(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.offset, std::cmp::Reverse(edit.before.len())));
    let mut end = 0;
    edits.retain(|edit| {
        let is_apart = edit.offset >= end;
        if is_apart {
            end = edit.end();
        }
        is_apart
    });
    edits
}

/// Writes those parts of edits that lie in `bytes`, which begin at `base` in the file. The edits keep
/// the size.
pub(crate) fn overlay<'a>(bytes: &mut [u8], base: u64, edits: impl IntoIterator<Item = &'a Edit>) {
    for edit in edits {
        let after = edit.after.as_slice();
        let start = edit.offset.max(base);
        let end = edit
            .offset
            .saturating_add(after.len() as u64)
            .min(base.saturating_add(bytes.len() as u64));
        if start >= end {
            continue;
        }
        let from = (start - edit.offset) as usize..(end - edit.offset) as usize;
        let to = (start - base) as usize..(end - base) as usize;
        if let (Some(to), Some(from)) = (bytes.get_mut(to), after.get(from)) {
            to.copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(offset: u64, before: &str, after: &str) -> Edit {
        Edit { offset, before: before.into(), after: after.into() }
    }

    #[test]
    fn edits_are_ordered_and_apart() {
        let (one, two) = (edit(4, "cd", "CD"), edit(0, "ab", "x"));
        let none = edit(1, "b", "b");
        assert_eq!(ordered(vec![one.clone(), two.clone(), none]), Some(vec![two, one.clone()]));
        assert_eq!(ordered(vec![one.clone(), edit(5, "de", "DE")]), None);
        assert_eq!(ordered(vec![one.clone(), one]), None);
    }

    #[test]
    fn of_edits_that_overlap_the_longest_counts() {
        let (long, short, next) = (edit(0, "abcd", ""), edit(0, "ab", "x"), edit(4, "e", "E"));
        let inner = edit(2, "c", "C");
        let all = vec![short, inner, next.clone(), long.clone()];
        assert_eq!(outermost(all), [long, next]);
    }

    #[test]
    fn a_window_takes_the_parts_that_lie_in_it() {
        let edits = [edit(2, "cdef", "CDEF"), edit(8, "i", "I")];
        let mut window = *b"defgh";
        overlay(&mut window, 3, &edits);
        assert_eq!(&window, b"DEFgh");
    }
}
