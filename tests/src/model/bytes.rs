//! The bytes of a record (chapters 2, 4 and 5).

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::values::{Origin, Values};
use super::{Default, Field, Given, Kind, Refused, Section, Value};

impl Section {
    /// The record as a compiler writes it.
    ///
    /// # Errors
    /// What is refused.
    pub fn generated(&self) -> Result<Vec<u8>, Refused> {
        Ok(self.record(1, &self.values_of(None)?))
    }

    /// The record after a fill with these values.
    ///
    /// # Errors
    /// What is refused.
    pub fn filled(&self, given: &Given) -> Result<Vec<u8>, Refused> {
        Ok(self.record(3, &self.values_of(Some(given))?))
    }

    /// A record that says this, whether or not it is one.
    ///
    /// # Panics
    /// It would be larger than 4 GiB.
    #[must_use]
    pub fn forged(&self, state: u32, values: &Values) -> Vec<u8> {
        self.record(state, values)
    }

    /// Whether a reader takes the record that says this (chapter 7).
    #[must_use]
    pub fn can_be_read(&self, state: u32, values: &Values) -> bool {
        let set = self.fields.iter().zip(values).filter_map(|(field, (origin, value))| {
            Some((field.name.clone(), value.clone().filter(|_| *origin == Origin::Set)?))
        });
        let made = match state {
            1 => self.generated(),
            3 => self.filled(&set.collect()),
            _ => return false,
        };
        made.is_ok_and(|made| made == self.record(state, values))
    }

    /// The size of the record.
    #[must_use]
    pub fn size(&self) -> usize {
        let mut end = 88 + 12 * self.fields.len();
        let mut texts = self.name.len();
        for field in &self.fields {
            let room =
                field.capacity + usize::from(matches!(field.kind, Kind::String | Kind::Path));
            end = end.next_multiple_of(8) + room;
            let own = [field.pattern.as_deref(), field.source.as_deref()];
            texts +=
                field.name.len() + field.written_default().len() + with_nuls(&field.choices).len();
            texts += own.iter().flatten().map(|text| text.len()).sum::<usize>();
        }
        (end.next_multiple_of(16) + 64 * self.fields.len() + texts).next_multiple_of(16)
    }

    /// The SHA-256 of the canonical text.
    fn fingerprint(&self) -> [u8; 32] {
        let mut text = format!("postlink 1\nsection {}\n", self.name);
        for field in &self.fields {
            let Field { name, kind, capacity, max_items, choices, .. } = field;
            let _ = write!(text, "field {name} {} {capacity} {max_items}", kind.code().1);
            if *kind == Kind::Enum {
                let _ = write!(text, " {}", choices.join(","));
            }
            text.push('\n');
        }
        Sha256::digest(text).into()
    }

    fn record(&self, state: u32, values: &Values) -> Vec<u8> {
        let count = self.fields.len();

        let mut area = vec![0; 8];
        put32(&mut area, 0, state);
        for (field, (origin, value)) in self.fields.iter().zip(values) {
            area.extend([*origin as u8, 0, 0, 0]);
            let length = value.as_ref().map_or(0, |value| field.encode(value).len());
            area.extend(number32(length).to_le_bytes());
            let items = match value {
                Some(Value::Items(items)) => items.len(),
                _ => 0,
            };
            area.extend(number32(items).to_le_bytes());
        }
        let mut places = Vec::new();
        for (field, (_, value)) in self.fields.iter().zip(values) {
            pad(&mut area, 8);
            places.push(80 + area.len());
            let room =
                field.capacity + usize::from(matches!(field.kind, Kind::String | Kind::Path));
            let end = area.len() + room;
            area.extend(value.as_ref().map(|value| field.encode(value)).unwrap_or_default());
            area.resize(end, 0);
        }
        pad(&mut area, 16);
        let mut summed = area[..4].to_vec();
        summed.extend(without_store_hashes(&area[8..]));
        put32(&mut area, 4, crc32(&summed));

        // From `fields_offset` on, for the texts come behind all entries.
        let fields_offset = 80 + area.len();
        let mut behind = vec![0; 64 * count];
        let name = put_text(&mut behind, fields_offset, self.name.as_bytes());
        for (index, (field, place)) in self.fields.iter().zip(&places).enumerate() {
            let entry = field.entry(*place, &mut behind, fields_offset);
            behind[64 * index..][..64].copy_from_slice(&entry);
        }
        pad(&mut behind, 16);

        let mut header = b"\x7fpostlnk".to_vec();
        for number in [1, fields_offset + behind.len(), 80, area.len(), fields_offset, count] {
            header.extend(number32(number).to_le_bytes());
        }
        header.extend(name);
        header.extend([0; 8]);
        header.extend(self.fingerprint());
        let mut summed = header.clone();
        summed.extend(without_store_hashes(&behind));
        put32(&mut header, 40, crc32(&summed));

        [header, area, behind].concat()
    }
}

impl Field {
    /// The bytes of a value that was checked.
    fn encode(&self, value: &Value) -> Vec<u8> {
        match value {
            Value::Bool(value) => vec![u8::from(*value)],
            Value::Number(number) => number.to_le_bytes()[..self.capacity].to_vec(),
            Value::Text(name) if self.kind == Kind::Enum => {
                let position = self.choices.iter().position(|one| one == name);
                number32(position.unwrap_or_default()).to_le_bytes().to_vec()
            }
            Value::Text(text) => text.clone().into_bytes(),
            Value::Bytes(bytes) => bytes.clone(),
            Value::Items(items) => with_nuls(items),
        }
    }

    /// The default as the descriptor has it; nothing where there is none.
    fn written_default(&self) -> Vec<u8> {
        match (&self.default, self.derivation()) {
            (Some(Default::Value(value)), _) => self.encode(value),
            (_, Some(texts)) if self.kind.is_list() => with_nuls(&texts),
            (_, Some(texts)) => texts.concat().into_bytes(),
            (_, None) => Vec::new(),
        }
    }

    /// Its entry in the field table; its texts are put behind all others.
    fn entry(&self, place: usize, behind: &mut Vec<u8>, start: usize) -> Vec<u8> {
        let name = put_text(behind, start, self.name.as_bytes());
        let default = put_text(behind, start, &self.written_default());
        let pattern = put_text(behind, start, self.pattern.as_deref().unwrap_or("").as_bytes());
        let choices = put_text(behind, start, &with_nuls(&self.choices));
        let source = self.source.as_deref().unwrap_or("");
        put_text(behind, start, source.as_bytes());

        let flags = [
            self.default.is_none(),
            matches!(self.default, Some(Default::Derived(_))),
            self.pattern.is_some(),
            self.min.is_some(),
            self.max.is_some(),
            !self.choices.is_empty(),
            self.source.is_some(),
        ];
        let flags = flags.iter().rev().fold(0, |flags, flag| flags * 2 + u8::from(*flag));

        let mut entry = name.to_vec();
        entry.extend([self.kind.code().0, flags]);
        entry.extend(u16::try_from(source.len()).unwrap_or(u16::MAX).to_le_bytes());
        for number in [self.capacity, self.max_items, place] {
            entry.extend(number32(number).to_le_bytes());
        }
        entry.extend([default, pattern, choices].concat());
        for bound in [self.min, self.max] {
            entry.extend(&bound.unwrap_or(0).to_le_bytes()[..8]);
        }
        entry
    }
}

fn with_nuls(texts: &[String]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

/// Puts a text behind others, and gives its span.
fn put_text(behind: &mut Vec<u8>, start: usize, text: &[u8]) -> [u8; 8] {
    let mut span = [0; 8];
    if !text.is_empty() {
        put32(&mut span, 0, number32(start + behind.len()));
        put32(&mut span, 4, number32(text.len()));
        behind.extend(text);
    }
    span
}

fn number32(number: usize) -> u32 {
    u32::try_from(number).expect("records of the model are smaller than 4 GiB")
}

fn put32(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// The bytes with each store hash as 32 zero bytes.
fn without_store_hashes(bytes: &[u8]) -> Vec<u8> {
    let is_digit =
        |byte: &u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"eotu".contains(byte));
    let mut hidden = bytes.to_vec();
    for (at, window) in bytes.windows(34).enumerate() {
        if window[0] == b'/' && window[33] == b'-' && window[1..33].iter().all(is_digit) {
            hidden[at + 1..at + 33].fill(0);
        }
    }
    hidden
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut table = [0_u32; 256];
    for (number, entry) in (0..).zip(&mut table) {
        *entry = (0..8).fold(number, |rest: u32, _| (rest >> 1) ^ (0xedb8_8320 * (rest & 1)));
    }
    !bytes
        .iter()
        .fold(u32::MAX, |rest, byte| (rest >> 8) ^ table[(rest as usize ^ *byte as usize) & 0xff])
}
