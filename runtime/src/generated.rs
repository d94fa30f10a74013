//! Functions that generated code calls; not for use by hand.

use postlink_format::{FieldState, Origin, State, VALUES_OFFSET, values_checksum};

pub use postlink_format::Type;

pub use crate::record::Bytes;

use crate::field::{Fields, Value};
use crate::{Error, List};

/// A field, and its place in the record; offsets and sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The section's name.
    pub section: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The field that must be given so that this one has a value.
    pub needed: &'static str,
    /// The field's type.
    pub ty: Type,
    /// The names of an enum; none of other types.
    pub names: &'static [&'static str],
    /// The offset of its state.
    pub state: u32,
    /// The offset of its value.
    pub value: u32,
    /// Most bytes of the value.
    pub capacity: u32,
}

/// A value's bytes, the byte behind them, and its number of items.
struct Found {
    bytes: &'static [u8],
    behind: Option<u8>,
    count: usize,
}

/// Stops the program.
#[cold]
#[track_caller]
pub fn stop(error: Error) -> ! {
    panic!("{error}")
}

fn u32_at(record: &[u8], at: u32) -> Option<u32> {
    Some(u32::from_le_bytes(*record.get(at as usize..)?.first_chunk()?))
}

fn find(record: &'static [u8], place: &Place) -> Result<Found, Error> {
    let read = || {
        let state = u32_at(record, VALUES_OFFSET)?;
        let is_ready = state == State::Generated.code() || state == State::Filled.code();
        let field = FieldState::from_bytes(record.get(place.state as usize..)?.first_chunk()?);
        let (bytes, behind) =
            record.get(place.value as usize..)?.split_at_checked(field.length as usize)?;
        let found = Found { bytes, behind: behind.first().copied(), count: field.count as usize };
        (is_ready && field.length <= place.capacity).then_some((field, found))
    };
    let (field, found) = read().ok_or_else(|| Error::damaged(place))?;
    if field.origin == Origin::Unset.code() {
        return Err(Error::missing(place));
    }
    Ok(found)
}

/// A string or path.
///
/// # Errors
/// There is none, or the record is damaged.
pub fn text(record: &'static [u8], place: &Place) -> Result<&'static str, Error> {
    let found = find(record, place)?;
    let text = core::str::from_utf8(found.bytes).ok();
    let text = text.filter(|text| !text.contains('\0') && found.behind == Some(0));
    text.ok_or_else(|| Error::damaged(place))
}

/// Bytes.
///
/// # Errors
/// As [`text`].
pub fn bytes(record: &'static [u8], place: &Place) -> Result<&'static [u8], Error> {
    Ok(find(record, place)?.bytes)
}

/// A list.
///
/// # Errors
/// As [`text`].
pub fn list(record: &'static [u8], place: &Place) -> Result<List, Error> {
    let found = find(record, place)?;
    let items = core::str::from_utf8(found.bytes).ok().filter(|items| {
        (items.is_empty() || items.ends_with('\0'))
            && items.bytes().filter(|&byte| byte == 0).count() == found.count
    });
    items.map(|items| List::new(items, found.count)).ok_or_else(|| Error::damaged(place))
}

/// A bool.
///
/// # Errors
/// As [`text`].
pub fn boolean(record: &'static [u8], place: &Place) -> Result<bool, Error> {
    match number(record, place)? {
        [byte @ 0..=1] => Ok(byte == 1),
        [_] => Err(Error::damaged(place)),
    }
}

/// The little-endian bytes of an integer or an enum.
///
/// # Errors
/// As [`text`].
pub fn number<const SIZE: usize>(
    record: &'static [u8],
    place: &Place,
) -> Result<[u8; SIZE], Error> {
    find(record, place)?.bytes.try_into().map_err(|_| Error::damaged(place))
}

/// The position of an enum's name.
///
/// # Errors
/// As [`text`].
pub fn choice(record: &'static [u8], place: &Place) -> Result<u32, Error> {
    let code = u32::from_le_bytes(number(record, place)?);
    if (code as usize) < place.names.len() { Ok(code) } else { Err(Error::damaged(place)) }
}

/// A value of any type.
pub(crate) fn value(record: &'static [u8], place: &Place) -> Result<Value, Error> {
    macro_rules! integer {
        ($kind:ident, $ty:ty) => {
            Value::$kind(<$ty>::from_le_bytes(number(record, place)?).into())
        };
    }
    Ok(match place.ty {
        Type::Bool => Value::Bool(boolean(record, place)?),
        Type::U8 => integer!(Unsigned, u8),
        Type::U16 => integer!(Unsigned, u16),
        Type::U32 => integer!(Unsigned, u32),
        Type::U64 => integer!(Unsigned, u64),
        Type::I8 => integer!(Signed, i8),
        Type::I16 => integer!(Signed, i16),
        Type::I32 => integer!(Signed, i32),
        Type::I64 => integer!(Signed, i64),
        Type::String | Type::Path => Value::Text(text(record, place)?),
        Type::Bytes => Value::Bytes(bytes(record, place)?),
        Type::StringList | Type::PathList => Value::List(list(record, place)?),
        Type::Enum => Value::Text(place.names[choice(record, place)? as usize]),
    })
}

/// All fields.
#[must_use]
pub fn fields(record: &'static [u8], places: &'static [Place]) -> Fields {
    Fields::new(record, places)
}

/// Whether the state is *filled*, and the checksum of the value area, which ends at `end`, right.
#[must_use]
pub fn is_specialized(record: &[u8], end: u32) -> bool {
    let area = record.get(VALUES_OFFSET as usize..end as usize).unwrap_or_default();
    let (Some(state), Some(checksum), Some(values)) =
        (u32_at(area, 0), u32_at(area, 4), area.get(8..))
    else {
        return false;
    };
    state == State::Filled.code() && values_checksum(state, values) == checksum
}
