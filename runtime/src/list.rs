//! Lists of strings.

/// The items of a list, in order; its length is known.
///
/// ```
/// fn closure(list: postlink::List) -> usize {
///     list.map(str::len).sum()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct List {
    items: &'static str,
    count: usize,
}

impl List {
    /// `items` has one NUL behind each of its `count` items.
    pub(crate) fn new(items: &'static str, count: usize) -> Self {
        Self { items, count }
    }
}

impl Iterator for List {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        let (item, rest) = self.items.split_once('\0')?;
        self.items = rest;
        self.count = self.count.saturating_sub(1);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for List {}
impl core::iter::FusedIterator for List {}
