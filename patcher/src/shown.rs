//! Text from files, for people: it can neither end a line nor move the cursor of a terminal.
//!
//! What is hidden is the rule of [`is_hidden`], which schemas and generators have too.
//! [`escaped`] and [`shown`] make text of bytes, and different bytes make different text: manifests
//! and JSON name files by it. [`line()`] is for what is text already, so it leaves backslashes alone,
//! and can be applied twice. `lines` and `json` are the last step before standard output and
//! standard error, whatever went through the others.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

pub(crate) use postlink_codegen::{is_hidden, visible};

/// A path, or the name of a file, as text on one line: see [`shown`].
#[must_use]
pub(crate) fn escaped(name: impl AsRef<OsStr>) -> String {
    shown(name.as_ref().as_bytes())
}

/// Bytes as text on one line. A byte that is no UTF-8, and each byte of a
/// [hidden character](is_hidden), becomes `\xNN`; a backslash becomes `\\`.
#[must_use]
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += &visible(&chunk.valid().replace('\\', "\\\\"), &[]);
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Bytes that are nearly always a text, such as the name of a section: it stays as it is. What is no
/// UTF-8 is as in [`shown`].
#[must_use]
pub(crate) fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| shown(bytes), str::to_owned)
}

/// A name or a value on one line: its hidden characters as in [`shown`].
#[must_use]
pub(crate) fn line(text: impl AsRef<str>) -> String {
    visible(text.as_ref(), &[])
}

/// A text of several lines: its hidden characters as in [`shown`], but for line feeds and tabs.
#[must_use]
pub(crate) fn lines(text: &str) -> String {
    visible(text, &['\n', '\t'])
}

/// JSON with its hidden characters as escapes of JSON, which mean the same: `serde_json` escapes those
/// of ASCII only. JSON has no hidden characters outside of strings but line feeds.
#[must_use]
pub(crate) fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_hidden(char) && char != '\n' {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(char);
        }
    }
    shown
}
