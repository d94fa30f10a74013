//! Names of files, sections and members as text: a name can neither end a line nor move the cursor
//! of a terminal.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

/// A name as text. A byte that is no UTF-8, a control character, and a character that turns the
/// direction of a text, becomes `\xNN` for each of its bytes; a backslash becomes `\\`.
#[must_use]
pub fn escaped(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                char if is_hidden(char) => {
                    let mut bytes = [0; 4];
                    for byte in char.encode_utf8(&mut bytes).bytes() {
                        let _ = write!(text, "\\x{byte:02x}");
                    }
                }
                char => text.push(char),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// [`escaped`], of bytes.
#[must_use]
pub fn shown(name: &[u8]) -> String {
    escaped(OsStr::from_bytes(name))
}

/// Whether a terminal does something else with a character than to show it: control characters,
/// separators of lines, and marks of direction (Unicode Standard Annex 9).
#[must_use]
pub(crate) fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
