//! Functions that generated code calls; not for use by hand.

use postlink_format::{Crc32, DAMAGED, NO_VALUE, Origin, State, VALUES_OFFSET};

pub use crate::record::Bytes;

use crate::List;

/// A field, and its place in the record; offsets and sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The section's name.
    pub section: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The field that must be given so that this one has a value.
    pub needed: &'static str,
    /// The offset of its state.
    pub state: usize,
    /// The offset of its value.
    pub value: usize,
    /// Most bytes of the value.
    pub capacity: usize,
}

/// A value's bytes, and its number of items.
struct Found {
    bytes: &'static [u8],
    count: usize,
}

/// Stops the program: the generated code was not made for such a record.
#[cold]
pub fn damaged(place: Place) -> ! {
    stop(place, DAMAGED, place.field)
}

/// Stops the program with the sentence that generated C++ says too.
#[cold]
fn stop(place: Place, why: &str, needed: &str) -> ! {
    panic!("postlink: section {}: field {}{why}{needed}=...", place.section, place.field)
}

fn u32_at(record: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*record.get(at..)?.first_chunk()?))
}

fn find<const N: usize>(record: &'static Bytes<N>, place: Place) -> Found {
    let record = record.read();
    let state = u32_at(record, VALUES_OFFSET as usize);
    let ready = [State::Generated.code(), State::Filled.code()];
    let length = u32_at(record, place.state + 4).map(|length| length as usize);
    let count = u32_at(record, place.state + 8).map(|count| count as usize);
    let (true, Some(length), Some(count)) =
        (state.is_some_and(|state| ready.contains(&state)), length, count)
    else {
        damaged(place)
    };
    if record[place.state] == Origin::Unset.code() {
        stop(place, NO_VALUE, place.needed);
    }
    match record.get(place.value..).and_then(|value| value.get(..length)) {
        Some(bytes) if length <= place.capacity => Found { bytes, count },
        _ => damaged(place),
    }
}

/// A string or path.
#[must_use]
pub fn text<const N: usize>(record: &'static Bytes<N>, place: Place) -> &'static str {
    let found = find(record, place);
    match core::str::from_utf8(found.bytes) {
        Ok(text) if !text.contains('\0') => text,
        _ => damaged(place),
    }
}

/// Bytes.
#[must_use]
pub fn bytes<const N: usize>(record: &'static Bytes<N>, place: Place) -> &'static [u8] {
    find(record, place).bytes
}

/// A list.
#[must_use]
pub fn list<const N: usize>(record: &'static Bytes<N>, place: Place) -> List {
    let found = find(record, place);
    match core::str::from_utf8(found.bytes) {
        Ok(items)
            if (items.is_empty() || items.ends_with('\0'))
                && items.bytes().filter(|&byte| byte == 0).count() == found.count =>
        {
            List::new(items, found.count)
        }
        _ => damaged(place),
    }
}

/// The little-endian bytes of an integer, a bool or an enum.
#[must_use]
pub fn number<const N: usize, const SIZE: usize>(
    record: &'static Bytes<N>,
    place: Place,
) -> [u8; SIZE] {
    find(record, place).bytes.try_into().unwrap_or_else(|_| damaged(place))
}

/// Whether the state is *filled*, and the checksum of the value area, which ends at `end`, right.
#[must_use]
pub fn is_specialized<const N: usize>(record: &'static Bytes<N>, end: usize) -> bool {
    let area = record.read().get(VALUES_OFFSET as usize..end).unwrap_or_default();
    let Some((state, [c0, c1, c2, c3, values @ ..])) = area.split_at_checked(4) else {
        return false;
    };
    let mut crc = Crc32::new();
    crc.update(state);
    crc.update(values);
    state == State::Filled.code().to_le_bytes()
        && crc.value() == u32::from_le_bytes([*c0, *c1, *c2, *c3])
}
