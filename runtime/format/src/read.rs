//! The reader: every number is checked before it is used.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use core::fmt;

use crate::layout::{
    FORMAT_VERSION, FieldEntry, FieldState, Flags, Header, MAGIC, Origin, RECORD_ALIGN, Span,
    State, Type, VALUES_OFFSET, ValueHeader, descriptor_checksum, values_checksum,
};

/// The reason why bytes are not a record that can be trusted. The text fits behind "failed to read the
/// record: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Bytes that are neither a record nor zero padding, at this offset in the section.
    Foreign(usize),
    /// The bytes end before the record does.
    Truncated,
    /// A format version that this reader does not know.
    Version(u32),
    /// The descriptor's checksum is wrong.
    DescriptorChecksum,
    /// The descriptor contradicts itself; the text names the rule.
    Descriptor(&'static str),
    /// The values' checksum is wrong.
    ValuesChecksum,
    /// The state is [`State::Writing`].
    Writing,
    /// The value area contradicts itself; the text names the rule.
    Values(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(at) => write!(
                f,
                "the bytes at offset {at} of the section are neither a record nor zero padding"
            ),
            Self::Truncated => f.write_str("the section ends before the record does"),
            Self::Version(version) => write!(
                f,
                "the record has format version {version}, this program reads version {FORMAT_VERSION}"
            ),
            Self::DescriptorChecksum => f.write_str("the checksum of the descriptor is wrong"),
            Self::Descriptor(rule) => write!(f, "the descriptor is damaged: {rule}"),
            Self::ValuesChecksum => f.write_str("the checksum of the values is wrong"),
            Self::Writing => f.write_str("an earlier fill was interrupted before it ended"),
            Self::Values(rule) => write!(f, "the values are damaged: {rule}"),
        }
    }
}

impl core::error::Error for Error {}

/// A record whose descriptor has been checked.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    bytes: &'a [u8],
    header: Header,
    entries: &'a [[u8; FieldEntry::SIZE]],
    name: &'a str,
}

/// One field, as the descriptor of a record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field's name.
    pub name: &'a str,
    /// Its type.
    pub ty: Type,
    /// Its flags.
    pub flags: Flags,
    /// Most bytes of a value.
    pub capacity: u32,
    /// Most items of a list.
    pub max_items: u32,
    /// The offset of the value, in bytes from the start of the record.
    pub value_offset: u32,
    /// The default: a value as in the value area, or a derivation's text.
    pub default: &'a [u8],
    /// Where the default begins, in bytes from the start of the record; 0 where there is none.
    pub default_offset: u32,
    /// The pattern.
    pub pattern: &'a str,
    /// An enum's names, or the allowed values.
    pub choices: Items<'a>,
    /// Where the value usually comes from, as `git:describe`; empty where nothing is said.
    pub source: &'a str,
    /// Least integer.
    pub min: [u8; 8],
    /// Greatest integer.
    pub max: [u8; 8],
}

/// The value of one field as the value area has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldValue<'a> {
    /// Its source.
    pub origin: Origin,
    /// Items of a list.
    pub count: u32,
    /// The value's bytes: a string without its NUL; of a list, the items, a NUL behind each.
    pub bytes: &'a [u8],
}

/// A value area whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    record: Record<'a>,
    states: &'a [[u8; FieldState::SIZE]],
    /// Generated or filled.
    pub state: State,
}

/// Strings that each have a NUL behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Items<'a>(&'a str);

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (item, rest) = self.0.split_once('\0')?;
        self.0 = rest;
        Some(item)
    }
}

/// The records of a section: one after another, with zero padding of any length between them.
///
/// Yields the offset of each in the section, and the record. Ends at the first error.
pub fn records(section: &[u8]) -> impl Iterator<Item = Result<(usize, Record<'_>), Error>> {
    let mut at = 0_usize;
    core::iter::from_fn(move || {
        let rest = section.get(at..).unwrap_or_default();
        at = at.saturating_add(rest.iter().position(|&byte| byte != 0)?);
        let rest = section.get(at..).unwrap_or_default();
        let here = at;
        at = section.len();
        if !rest.starts_with(&MAGIC) {
            return Some(Err(Error::Foreign(here)));
        }
        Some(Record::parse(rest).map(|record| {
            at = here.saturating_add(record.bytes.len());
            (here, record)
        }))
    })
}

impl<'a> Record<'a> {
    /// Reads the record at the start of `bytes`, which may go on behind it, and checks its
    /// descriptor. The values are checked by [`Record::values`].
    ///
    /// # Errors
    /// Every rule of the specification that the descriptor breaks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::from_bytes(bytes.first_chunk().ok_or(Error::Truncated)?);
        if header.magic != MAGIC {
            return Err(Error::Foreign(0));
        }
        if header.version != FORMAT_VERSION {
            return Err(Error::Version(header.version));
        }
        let size = header.record_size;
        let bytes = bytes.get(..size as usize).ok_or(Error::Truncated)?;
        let fields_offset = header.fields_offset as usize;
        let tail = bytes
            .get(fields_offset..)
            .ok_or(Error::Descriptor("the fields begin behind the record's end"))?;
        if descriptor_checksum(&header, tail) != header.checksum {
            return Err(Error::DescriptorChecksum);
        }
        ensure(
            size % RECORD_ALIGN == 0 && header.reserved == 0,
            "its size is not a multiple of 16, or a reserved byte is not zero",
        )?;
        ensure(
            header.values_offset == VALUES_OFFSET
                && VALUES_OFFSET.checked_add(header.values_size) == Some(header.fields_offset),
            "the value area is not between the header and the fields",
        )?;
        let entries = (header.field_count as usize)
            .checked_mul(FieldEntry::SIZE)
            .and_then(|length| tail.get(..length))
            .ok_or(Error::Descriptor("the fields end behind the record's end"))?;
        let mut record = Self { bytes, header, entries: bytemuck::cast_slice(entries), name: "" };
        record.name = record.text(header.name)?;
        record.check_fields()?;
        Ok(record)
    }

    /// Values lie behind the states and before the fields, in order, without overlap.
    fn check_fields(&self) -> Result<(), Error> {
        let states = self
            .entries
            .len()
            .checked_mul(FieldState::SIZE)
            .and_then(|states| states.checked_add(ValueHeader::SIZE))
            .and_then(|states| states.checked_add(VALUES_OFFSET as usize))
            .ok_or(Error::Descriptor("there are too many fields"))?;
        let mut free = states;
        // Texts do not share bytes, so that a small record cannot describe something large.
        let mut texts = self.header.name.length as usize;
        let room_for_texts = self.bytes.len().saturating_sub(self.header.fields_offset as usize);
        for entry in self.entries() {
            for span in [entry.name, entry.default, entry.pattern, entry.choices] {
                texts = texts.saturating_add(span.length as usize);
            }
            texts = texts.saturating_add(entry.source_length.into());
            ensure(texts <= room_for_texts, "two texts overlap")?;
            let field = self.field(&entry)?;
            let room = field.ty.room(field.capacity) as usize;
            let at = field.value_offset as usize;
            ensure(at >= free, "the values of two fields overlap")?;
            free = at
                .checked_add(room)
                .filter(|&end| end <= self.header.fields_offset as usize)
                .ok_or(Error::Descriptor("a value ends behind the value area"))?;
        }
        ensure(
            free.max(states) <= self.header.fields_offset as usize,
            "the value area is too small for its states",
        )
    }

    fn entries(&self) -> impl Iterator<Item = FieldEntry> + use<'a> {
        self.entries.iter().map(FieldEntry::from_bytes)
    }

    fn field(&self, entry: &FieldEntry) -> Result<Field<'a>, Error> {
        let flags = Flags(entry.flags);
        ensure(
            flags.0 & !Flags::ALL == 0 && flags.has(Flags::SOURCE) == (entry.source_length > 0),
            "a field has a flag that is not known, or a source without one",
        )?;
        let ty = Type::from_code(entry.ty)
            .ok_or(Error::Descriptor("a field has a type that is not known"))?;
        let capacity = entry.capacity;
        ensure(
            ty.fixed_size().is_none_or(|size| size == capacity),
            "a field's capacity is not the size of its type",
        )?;
        let choices = self.text(entry.choices)?;
        ensure(
            choices.is_empty() || choices.ends_with('\0'),
            "the last choice of a field has no NUL",
        )?;
        Ok(Field {
            name: self.text(entry.name)?,
            ty,
            flags,
            capacity,
            max_items: entry.max_items,
            value_offset: entry.value_offset,
            default: self.tail(entry.default)?,
            default_offset: entry.default.offset,
            pattern: self.text(entry.pattern)?,
            choices: Items(choices),
            source: self.source(entry)?,
            min: entry.min,
            max: entry.max,
        })
    }

    /// The source's text, which has no span: it is right behind the last text that the field has.
    fn source(&self, entry: &FieldEntry) -> Result<&'a str, Error> {
        let length = u32::from(entry.source_length);
        let spans = [entry.choices, entry.pattern, entry.default, entry.name];
        let offset = match spans.iter().find(|span| span.length > 0) {
            _ if length == 0 => return Ok(""),
            Some(last) => last.offset.checked_add(last.length),
            None => None,
        };
        let offset = offset.ok_or(Error::Descriptor("a text lies outside the descriptor"))?;
        self.text(Span { offset, length })
    }

    fn tail(&self, span: Span) -> Result<&'a [u8], Error> {
        let (offset, length) = (span.offset, span.length);
        if (offset, length) == (0, 0) {
            return Ok(&[]);
        }
        let end = offset.checked_add(length);
        end.filter(|_| offset >= self.header.fields_offset)
            .and_then(|end| self.bytes.get(offset as usize..end as usize))
            .ok_or(Error::Descriptor("a text lies outside the descriptor"))
    }

    fn text(&self, span: Span) -> Result<&'a str, Error> {
        core::str::from_utf8(self.tail(span)?).map_err(|_| Error::Descriptor("a text is not UTF-8"))
    }

    /// All bytes of the record.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The section's name as in the schema.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// SHA-256 of the section's canonical text.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.header.fingerprint
    }

    /// The fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + '_ {
        // Each was read once by `parse`, so none is lost here.
        self.entries().filter_map(|entry| self.field(&entry).ok())
    }

    /// The bytes of the value area, unchecked.
    #[must_use]
    pub fn value_area(&self) -> &'a [u8] {
        self.bytes
            .get(VALUES_OFFSET as usize..self.header.fields_offset as usize)
            .unwrap_or_default()
    }

    /// Checks the state and the checksum of the value area, and each value.
    ///
    /// # Errors
    /// Every rule of the specification that the values break, and [`Error::Writing`].
    pub fn values(&self) -> Result<Values<'a>, Error> {
        let (header, rest) = self.value_area().split_first_chunk().ok_or(Error::Truncated)?;
        let header = ValueHeader::from_bytes(header);
        let state = match State::from_code(header.state) {
            Some(State::Writing) => return Err(Error::Writing),
            Some(state) => state,
            None => return Err(Error::Values("the state is not known")),
        };
        if values_checksum(state.code(), rest) != header.checksum {
            return Err(Error::ValuesChecksum);
        }
        let states = self
            .entries
            .len()
            .checked_mul(FieldState::SIZE)
            .and_then(|length| rest.get(..length))
            .ok_or(Error::Truncated)?;
        let values = Values { record: *self, states: bytemuck::cast_slice(states), state };
        self.fields()
            .zip(values.states())
            .try_for_each(|(field, state)| values.value(&field, &state).map(drop))?;
        Ok(values)
    }
}

impl<'a> Values<'a> {
    /// The fields and their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Field<'a>, FieldValue<'a>)> + '_ {
        let pairs = self.record.fields().zip(self.states());
        pairs.filter_map(|(field, state)| Some((field, self.value(&field, &state).ok()?)))
    }

    fn states(&self) -> impl Iterator<Item = FieldState> + use<'a> {
        self.states.iter().map(FieldState::from_bytes)
    }

    fn value(&self, field: &Field<'_>, state: &FieldState) -> Result<FieldValue<'a>, Error> {
        let origin = Origin::from_code(state.origin)
            .filter(|_| state.reserved == [0; 3])
            .ok_or(Error::Values("an origin is not known"))?;
        let (length, count) = (state.length, state.count);
        let from = field.value_offset;
        let bytes = from
            .checked_add(length)
            .filter(|_| length <= field.capacity)
            .and_then(|end| self.record.bytes.get(from as usize..end as usize))
            .ok_or(Error::Values("a value is longer than its capacity"))?;
        let value = FieldValue { origin, count, bytes };
        if origin == Origin::Unset {
            let rule = "a field that is unset has a value, or is not required";
            let required = field.flags.has(Flags::REQUIRED) || field.flags.has(Flags::DERIVED);
            ensure_value(required && self.state == State::Generated, rule)?;
            ensure_value(length == 0 && count == 0, rule)?;
        } else {
            check_value(field, &value)?;
        }
        let end = from.checked_add(field.ty.room(field.capacity)).ok_or(Error::Truncated)?;
        let unused = from.saturating_add(length) as usize..end as usize;
        let unused = self.record.bytes.get(unused).unwrap_or_default();
        ensure_value(unused.iter().all(|&byte| byte == 0), "a byte behind a value is not zero")?;
        Ok(value)
    }
}

fn check_value(field: &Field<'_>, value: &FieldValue<'_>) -> Result<(), Error> {
    let bytes = value.bytes;
    ensure_value(field.ty.is_list() || value.count == 0, "a value that is no list has a count")?;
    match field.ty {
        Type::Bytes => Ok(()),
        Type::String | Type::Path | Type::StringList | Type::PathList => {
            ensure_value(core::str::from_utf8(bytes).is_ok(), "a string is not UTF-8")?;
            let nuls = bytes.iter().filter(|&&byte| byte == 0).count();
            if field.ty.is_text() {
                return ensure_value(nuls == 0, "a string has a NUL inside");
            }
            ensure_value(
                nuls == value.count as usize && bytes.last().is_none_or(|&last| last == 0),
                "a list's count is not the number of its items",
            )?;
            ensure_value(value.count <= field.max_items, "a list has more items than its max_items")
        }
        _ => {
            ensure_value(
                field.ty.fixed_size() == u32::try_from(bytes.len()).ok(),
                "a value does not have the size of its type",
            )?;
            let number =
                bytes.iter().rev().fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
            match field.ty {
                Type::Bool => ensure_value(number <= 1, "a bool is neither 0 nor 1"),
                Type::Enum => ensure_value(
                    usize::try_from(number).is_ok_and(|index| index < field.choices.count()),
                    "an enum has no name for its value",
                ),
                _ => Ok(()),
            }
        }
    }
}

fn ensure(holds: bool, rule: &'static str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Descriptor(rule)) }
}

fn ensure_value(holds: bool, rule: &'static str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Values(rule)) }
}
