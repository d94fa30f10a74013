//! A record's bytes from a shape and its values, and a shape from a record's bytes.

use std::collections::BTreeSet;
use std::fmt;

use postlink_format::{
    FORMAT_VERSION, FieldEntry, FieldState, Flags, Header, MAGIC, Origin, RECORD_ALIGN, Record,
    Span, State, Type, VALUES_OFFSET, ValueHeader, descriptor_checksum, values_checksum,
};

use crate::derivation::bad_derivations;
use crate::encoding::with_nuls;
use crate::evaluate::{Evaluated, Given};
use crate::identifiers;
use crate::limits;
use crate::model::{Default, Field, MAX_CAPACITY, MAX_FIELDS, MAX_RECORD, Shape};
use crate::source;
use crate::template::Template;
use crate::value::{Problem, Value};
use crate::words::quoted;

/// The reason why a record whose checksums are right still cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound(pub String);

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the descriptor is not as postlink {} writes it: {}",
            env!("CARGO_PKG_VERSION"),
            self.0
        )
    }
}

impl std::error::Error for Unsound {}

/// The reason why the values of a record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadValues {
    /// The value area is damaged, or a fill was interrupted.
    Damaged(postlink_format::Error),
    /// Its checksum is right, its values are not; the text is a clause.
    Impossible(String),
}

impl fmt::Display for BadValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::Impossible(why) => write!(f, "the values are not those of a fill: {why}"),
        }
    }
}

impl std::error::Error for BadValues {}

fn listed_problems(problems: &[Problem]) -> String {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

/// Texts behind the field table; offsets are from the start of the record.
struct Pool {
    start: u32,
    bytes: Vec<u8>,
}

impl Pool {
    fn add(&mut self, text: &[u8]) -> Span {
        if text.is_empty() {
            return Span::default();
        }
        let offset = self.start + self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        Span { offset, length: text.len() as u32 }
    }
}

impl Shape {
    /// The whole record in the state `state`.
    #[must_use]
    pub fn record(&self, state: State, values: &[Evaluated]) -> Vec<u8> {
        let (header, tail) = self.descriptor();
        [&header.to_bytes()[..], &self.value_area(state, values), &tail].concat()
    }

    /// The descriptor: the header, and what lies behind the values.
    fn descriptor(&self) -> (Header, Vec<u8>) {
        let layout = self.layout();
        let table = self.fields.len() * FieldEntry::SIZE;
        let mut pool = Pool { start: layout.fields_offset + table as u32, bytes: Vec::new() };
        let name = pool.add(self.name.as_bytes());
        let entries = self.fields.iter().zip(&layout.values);
        let mut tail: Vec<u8> = entries
            .flat_map(|(field, &offset)| entry(field, offset, &mut pool).to_bytes())
            .collect();
        tail.append(&mut pool.bytes);
        tail.resize(tail.len().next_multiple_of(RECORD_ALIGN as usize), 0);

        let mut header = Header {
            magic: MAGIC,
            version: FORMAT_VERSION,
            record_size: layout.fields_offset + tail.len() as u32,
            values_offset: VALUES_OFFSET,
            values_size: layout.values_size(),
            fields_offset: layout.fields_offset,
            field_count: self.fields.len() as u32,
            name,
            checksum: 0,
            reserved: 0,
            fingerprint: self.fingerprint(),
        };
        header.checksum = descriptor_checksum(&header, &tail);
        (header, tail)
    }

    /// The size of the record, in bytes.
    #[must_use]
    pub fn record_size(&self) -> u64 {
        let texts = self.fields.iter().map(|field| {
            let choices: usize = field.choices.iter().map(|choice| choice.len() + 1).sum();
            let pattern = field.pattern.as_ref().map_or(0, String::len);
            let source = field.source.as_ref().map_or(0, String::len);
            field.name.len() + field.default_size() + pattern + choices + source
        });
        let texts = texts.sum::<usize>() + self.name.len();
        let tail = self.fields.len() * FieldEntry::SIZE + texts;
        let values: u64 = self.fields.iter().map(|field| u64::from(field.room()) + 8).sum();
        // Beyond what a layout can have there is no exact size, nor need of one.
        let values_end = match values {
            0..0x4000_0000 => u64::from(self.layout().fields_offset),
            many => many,
        };
        values_end + (tail as u64).next_multiple_of(RECORD_ALIGN.into())
    }

    /// The value area in the state `state`: what a fill writes.
    #[must_use]
    pub fn value_area(&self, state: State, values: &[Evaluated]) -> Vec<u8> {
        let mut area = self.unsealed_area(values);
        let (head, rest) = area.split_at_mut(ValueHeader::SIZE);
        let checksum = values_checksum(state.code(), rest);
        head.copy_from_slice(&ValueHeader { state: state.code(), checksum }.to_bytes());
        area
    }

    /// The value area without its state and checksum: zeros are there.
    fn unsealed_area(&self, values: &[Evaluated]) -> Vec<u8> {
        let layout = self.layout();
        let mut area = vec![0; layout.values_size() as usize];
        let mut put = |offset: u32, bytes: &[u8]| {
            let at = (offset - VALUES_OFFSET) as usize;
            area[at..at + bytes.len()].copy_from_slice(bytes);
        };
        for (position, field) in self.fields.iter().enumerate() {
            let Evaluated { origin, value } = &values[position];
            let (bytes, count) =
                value.as_ref().map(|value| field.encode(value)).unwrap_or_default();
            let state = FieldState {
                origin: origin.code(),
                reserved: [0; 3],
                length: bytes.len() as u32,
                count,
            };
            put(layout.states[position], &state.to_bytes());
            put(layout.values[position], &bytes);
        }
        area
    }

    /// The values of a record of this shape: its state, and the value and origin of each field.
    ///
    /// # Errors
    /// A value area that is damaged, or that no fill would have written.
    pub fn values_of(&self, record: &Record<'_>) -> Result<(State, Vec<Evaluated>), BadValues> {
        let stored = record.values().map_err(BadValues::Damaged)?;
        let mut given = Given::new();
        for (position, ((_, value), field)) in stored.iter().zip(&self.fields).enumerate() {
            if let (Origin::Set, Some(value)) = (value.origin, field.decode(&value)) {
                field
                    .check(&value)
                    .map_err(|problem| BadValues::Impossible(problem.to_string()))?;
                given.insert(position, value);
            }
        }
        let values = self
            .evaluate(&given)
            .map_err(|problems| BadValues::Impossible(listed_problems(&problems)))?;
        // Everything else at once: a fill of these values must write the bytes that are there. State and
        // checksum were checked above.
        let complete = stored.state == State::Generated || self.missing(&values).is_empty();
        if !complete
            || self.unsealed_area(&values)[ValueHeader::SIZE..]
                != record.value_area()[ValueHeader::SIZE..]
        {
            return Err(BadValues::Impossible("no fill would have written them".into()));
        }
        if stored.state == State::Generated && !given.is_empty() {
            return Err(BadValues::Impossible("some are set, but no fill was done".into()));
        }
        Ok((stored.state, values))
    }

    /// The shape that a record describes, without the documentation of its fields.
    ///
    /// # Errors
    /// A descriptor that this crate would not have written: another layout, a wrong fingerprint,
    /// a derivation that cannot be computed.
    pub fn from_record(record: &Record<'_>) -> Result<Self, Unsound> {
        let unsound = |what: &str| Unsound(what.to_owned());
        if !(1..=MAX_FIELDS).contains(&record.fields().count())
            || record.bytes().len() > MAX_RECORD as usize
        {
            return Err(unsound("it has no field, or is larger than a schema allows"));
        }
        let fields = record.fields().map(|stored| field(&stored).ok_or(stored.name));
        let fields = fields
            .collect::<Result<Vec<_>, _>>()
            .map_err(|name| Unsound(format!("field {} contradicts itself", quoted(name))))?;
        if identifiers::malformed(record.name()).is_some() {
            return Err(unsound("its name is not an identifier"));
        }
        let shape = Self { name: record.name().to_owned(), fields };
        if shape.positions().len() != shape.fields.len() {
            return Err(unsound("two fields have one name"));
        }
        if let Some((field, sentence)) = bad_derivations(&shape).first() {
            return Err(Unsound(format!("the default of field `{}`: {sentence}", field.name)));
        }
        if shape.fingerprint() != record.fingerprint() {
            return Err(unsound("the fingerprint is not that of its fields"));
        }
        // Everything else at once: the shape must be written as the bytes that were read.
        // The header has the size of all.
        let (header, tail) = shape.descriptor();
        let same =
            record.bytes().starts_with(&header.to_bytes()) && record.bytes().ends_with(&tail);
        same.then_some(shape).ok_or_else(|| unsound("its parts lie elsewhere, or have other bytes"))
    }
}

impl Field {
    /// Bytes of the default in the descriptor; 0 where there is none.
    #[must_use]
    pub fn default_size(&self) -> usize {
        encoded_default(self).len()
    }
}

/// The default as the descriptor has it.
fn encoded_default(field: &Field) -> Vec<u8> {
    match &field.default {
        None => Vec::new(),
        Some(Default::Value(value)) => field.encode(value).0,
        Some(Default::Derived(templates)) if field.ty.is_list() => {
            with_nuls(&templates.iter().map(Template::source).collect::<Vec<_>>())
        }
        Some(Default::Derived(templates)) => {
            templates.iter().map(Template::source).collect::<String>().into_bytes()
        }
    }
}

fn entry(field: &Field, value_offset: u32, pool: &mut Pool) -> FieldEntry {
    let flag = |bit: u8, set: bool| if set { bit } else { 0 };
    let flags = flag(Flags::REQUIRED, field.default.is_none())
        | flag(Flags::DERIVED, matches!(field.default, Some(Default::Derived(_))))
        | flag(Flags::PATTERN, field.pattern.is_some())
        | flag(Flags::MIN, field.min.is_some())
        | flag(Flags::MAX, field.max.is_some())
        | flag(Flags::CHOICES, !field.choices.is_empty())
        | flag(Flags::SOURCE, field.source.is_some());
    // The 64-bit pattern of the number, which is within the range of the field's type.
    let limit = |number: Option<i128>| (number.unwrap_or_default() as u64).to_le_bytes();
    let source = field.source.as_deref().unwrap_or_default();
    let entry = FieldEntry {
        name: pool.add(field.name.as_bytes()),
        ty: field.ty.code(),
        flags,
        source_length: source.len() as u16,
        capacity: field.capacity,
        max_items: field.max_items,
        value_offset,
        default: pool.add(&encoded_default(field)),
        pattern: pool.add(field.pattern.as_deref().unwrap_or_default().as_bytes()),
        choices: pool.add(&with_nuls(&field.choices)),
        min: limit(field.min),
        max: limit(field.max),
    };
    // Right behind the others: the entry has no room for its span.
    pool.add(source.as_bytes());
    entry
}

/// Whether these can be the names of an enum: some identifiers, no two of them equal.
fn are_names(choices: &[String]) -> bool {
    let different: BTreeSet<&String> = choices.iter().collect();
    !choices.is_empty()
        && different.len() == choices.len()
        && !choices.iter().any(|name| identifiers::malformed(name).is_some())
}

/// A field from its entry; `None` where the entry contradicts itself.
fn field(stored: &postlink_format::Field<'_>) -> Option<Field> {
    let flags = stored.flags;
    let limit = |bit: u8, bytes: [u8; 8]| -> Option<i128> {
        let number = if stored.ty.integer_range()?.0 < 0 {
            i128::from(i64::from_le_bytes(bytes))
        } else {
            i128::from(u64::from_le_bytes(bytes))
        };
        flags.has(bit).then_some(number)
    };
    let mut field = Field {
        name: stored.name.to_owned(),
        doc: String::new(),
        macros: Vec::new(),
        ty: stored.ty,
        capacity: stored.capacity,
        max_items: stored.max_items,
        default: None,
        pattern: flags.has(Flags::PATTERN).then(|| stored.pattern.to_owned()),
        min: limit(Flags::MIN, stored.min),
        max: limit(Flags::MAX, stored.max),
        choices: stored.choices.map(str::to_owned).collect(),
        source: flags.has(Flags::SOURCE).then(|| stored.source.to_owned()),
    };
    let is_text = stored.ty.is_text() || stored.ty.is_list();
    let takes_choices = is_text || stored.ty.integer_range().is_some();
    let bounded = (1..=MAX_CAPACITY).contains(&field.capacity)
        && (1..=MAX_CAPACITY).contains(&field.max_items.max(1))
        && stored.ty.is_list() == (field.max_items > 0);
    let is_integer =
        |choice: &String| choice.parse::<i128>().is_ok_and(|number| number.to_string() == *choice);
    if identifiers::malformed(&field.name).is_some()
        || (stored.ty.integer_range().is_some() && !field.choices.iter().all(is_integer))
        || !bounded
        || field.source.as_deref().is_some_and(|source| !source::is_well_formed(source))
        || (field.pattern.is_some() && !is_text)
        || field.pattern.as_deref().is_some_and(|pattern| limits::regex(pattern).is_err())
        || (flags.has(Flags::CHOICES) && !takes_choices && stored.ty != Type::Enum)
        || (stored.ty == Type::Enum && !are_names(&field.choices))
    {
        return None;
    }
    let text = || std::str::from_utf8(stored.default).ok();
    field.default = if flags.has(Flags::REQUIRED) {
        None
    } else if flags.has(Flags::DERIVED) {
        let sources: Vec<&str> = match stored.ty {
            Type::String | Type::Path => vec![text()?],
            Type::StringList | Type::PathList => text()?.split_terminator('\0').collect(),
            _ => return None,
        };
        let templates = sources.into_iter().map(|source| Template::parse(source).ok());
        let templates: Vec<Template> = templates.collect::<Option<_>>()?;
        // A text that refers to no field is a value.
        templates.iter().find(|template| template.references().next().is_some())?;
        Some(Default::Derived(templates))
    } else {
        let value = postlink_format::FieldValue {
            origin: Origin::Default,
            count: 0,
            bytes: stored.default,
        };
        let value: Value = field.decode(&value)?;
        field.check(&value).ok()?;
        Some(Default::Value(value))
    };
    Some(field)
}
