//! The command that a report was made by, as a shell takes it.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use crate::shown::is_hidden;

/// `postlink` with these arguments, on one line that bash, zsh and ksh read as it was.
pub(super) fn command(arguments: impl IntoIterator<Item = OsString>) -> String {
    let words = arguments.into_iter().map(|argument| quoted(&argument));
    std::iter::once("postlink".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it. What would not be seen, or is no UTF-8, is written as `$'\xNN'`.
pub(super) fn quoted(word: impl AsRef<OsStr>) -> String {
    let bytes = word.as_ref().as_bytes();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./=:,+@%^".contains(char);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Ok(text) if !text.chars().any(is_hidden) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => escaped(bytes),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = "$'".to_owned();
    let escape = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "\\x{byte:02x}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\'' | '\\' => text.extend(['\\', char]),
                char if is_hidden(char) => {
                    escape(&mut text, char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                char => text.push(char),
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_for_a_shell_what_it_was() {
        let words: [(&[u8], &str); 6] = [
            (b"--html=a/b.html", "--html=a/b.html"),
            (b"", "''"),
            (b"it's", r"'it'\''s'"),
            (b"$HOME *", "'$HOME *'"),
            (b"a\xff'\\\n", r"$'a\xff\'\\\x0a'"),
            ("x\u{202e}y".as_bytes(), r"$'x\xe2\x80\xaey'"),
        ];
        for (word, shown) in words {
            assert_eq!(quoted(OsStr::from_bytes(word)), shown);
        }
    }
}
