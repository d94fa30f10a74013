//! The record as it is in the program's memory. This is the only unsafe code of postlink.

/// A record, or its start, as a static of the program.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Bytes<N> {
    /// Zero bytes, with `parts` at their offsets.
    #[must_use]
    pub const fn new(parts: &[(usize, &[u8])]) -> Self {
        let mut bytes = [0; N];
        let mut part = 0;
        while part < parts.len() {
            let (offset, content) = parts[part];
            let (_, rest) = bytes.split_at_mut(offset);
            let (place, _) = rest.split_at_mut(content.len());
            place.copy_from_slice(content);
            part += 1;
        }
        Self(bytes)
    }

    /// The bytes that are really there.
    ///
    /// They are changed after the link, so the compiler must not compute with the initialiser that
    /// it sees: it may know where the bytes are only when the program runs.
    #[inline]
    #[must_use]
    pub fn read(&'static self) -> &'static [u8] {
        let bytes: *const [u8; N] = &self.0;
        // SAFETY: `&raw const bytes` points to a local variable that is initialised and aligned.
        // The read is volatile, so the compiler takes its result to be any pointer.
        let bytes = unsafe { core::ptr::read_volatile(&raw const bytes) };
        // SAFETY: this is the pointer to `self.0` again, which lives as long as the program. No one
        // writes to it while the program runs: it lies in a page that is read-only, and a fill
        // changes the file, before the program starts; `fill --in-place` is not for a file that a
        // running program uses, and says so.
        unsafe { &*bytes }
    }
}
