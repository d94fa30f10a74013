//! How the characters of a text are written: in one byte each, in UTF-16 or UTF-32.

use serde::{Deserialize, Serialize};

/// How the characters of a match are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// One byte a character: ASCII and everything that contains it.
    #[serde(rename = "plain")]
    Plain,
    /// UTF-16, little-endian.
    #[serde(rename = "UTF-16LE")]
    Utf16Le,
    /// UTF-16, big-endian.
    #[serde(rename = "UTF-16BE")]
    Utf16Be,
    /// UTF-32, little-endian: a `wchar_t` of Linux on most machines.
    #[serde(rename = "UTF-32LE")]
    Utf32Le,
    /// UTF-32, big-endian.
    #[serde(rename = "UTF-32BE")]
    Utf32Be,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Plain, Self::Utf16Le, Self::Utf16Be, Self::Utf32Le, Self::Utf32Be];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Utf32Le => "UTF-32LE",
            Self::Utf32Be => "UTF-32BE",
        }
    }

    /// Bytes of a code unit.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::Plain => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
            Self::Utf32Le | Self::Utf32Be => 4,
        }
    }

    /// A text in this encoding; `None` if it is not UTF-8, and this is not [`Self::Plain`].
    #[must_use]
    pub fn encode(self, text: &[u8]) -> Option<Vec<u8>> {
        let text = match self {
            Self::Plain => return Some(text.to_vec()),
            _ => std::str::from_utf8(text).ok()?,
        };
        Some(match self {
            Self::Plain | Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf32Le => text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect(),
            Self::Utf32Be => text.chars().flat_map(|char| u32::from(char).to_be_bytes()).collect(),
        })
    }

    /// The code unit as ASCII; `None` for any other character.
    pub(crate) fn ascii(self, unit: &[u8]) -> Option<u8> {
        let (byte, zeros) = match self {
            Self::Plain | Self::Utf16Le | Self::Utf32Le => unit.split_first()?,
            Self::Utf16Be | Self::Utf32Be => unit.split_last()?,
        };
        (byte.is_ascii() && zeros.iter().all(|&zero| zero == 0)).then_some(*byte)
    }

    /// The characters of bytes; `None` where they are no text.
    fn chars(self, bytes: &[u8]) -> impl Iterator<Item = Option<char>> {
        let unit = move |unit: &[u8]| match (self, unit) {
            (Self::Utf16Le, &[a, b]) => u32::from(u16::from_le_bytes([a, b])),
            (Self::Utf16Be, &[a, b]) => u32::from(u16::from_be_bytes([a, b])),
            (Self::Utf32Le, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            (Self::Utf32Be, &[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
            _ => u32::MAX,
        };
        let (of_bytes, of_pairs, of_units) = match self {
            Self::Plain => (bytes, [].as_slice(), [].as_slice()),
            Self::Utf16Le | Self::Utf16Be => ([].as_slice(), bytes, [].as_slice()),
            Self::Utf32Le | Self::Utf32Be => ([].as_slice(), [].as_slice(), bytes),
        };
        let of_bytes = of_bytes.utf8_chunks().flat_map(|chunk| {
            let invalid = (!chunk.invalid().is_empty()).then_some(None);
            chunk.valid().chars().map(Some).chain(invalid)
        });
        // No unit of two bytes is larger.
        let pairs = of_pairs.chunks_exact(2).map(unit).map(|unit| unit as u16);
        let of_pairs = char::decode_utf16(pairs).map(Result::ok);
        let of_units = of_units.chunks_exact(4).map(unit).map(char::from_u32);
        of_bytes.chain(of_pairs).chain(of_units)
    }

    /// The first character of bytes; `None` where they are no text.
    pub(super) fn first(self, bytes: &[u8]) -> Option<char> {
        self.chars(bytes).next()?
    }

    /// Bytes as text, with U+FFFD where they are none.
    pub(crate) fn text(self, bytes: &[u8]) -> String {
        match self {
            Self::Plain => String::from_utf8_lossy(bytes).into_owned(),
            _ => self.chars(bytes).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
        }
    }
}
