//! The schema entry that would declare an undeclared string.

use std::ffi::OsStr;
use std::path::Path;

use crate::search::reference::Reference;

/// The longest name that is proposed for a field.
const LONGEST_FIELD: usize = 40;

/// The tables of a schema that would declare an undeclared string.
pub(super) fn entry(file: &Path, reference: &Reference, position: usize, text: &str) -> String {
    let section = identifier(file.file_name().unwrap_or(OsStr::new("app")));
    let prefix = if position == 0 { "prefix".into() } else { format!("prefix_{}", position + 1) };
    let table = |field: &str, rest: &str| {
        format!("[section.{section}.field.{field}]\ntype = \"path\"\ncapacity = 512\n{rest}")
    };
    let mut tables = table(&prefix, "required = true\n");
    // A string that is a path as a whole, below the reference, is a field that follows the prefix.
    let needle = String::from_utf8_lossy(&reference.needle);
    let is_path = |text: &str| {
        text.starts_with('/')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "/_-.+".contains(char))
    };
    let behind =
        text.split_once(needle.as_ref()).filter(|_| is_path(text)).map_or("", |(_, behind)| behind);
    // Of a store path, the rest of the component is not below it.
    let below = behind.find('/').filter(|&at| reference.is_hash || at == 0);
    let path = below.map_or("", |at| behind[at..].trim_end_matches('/'));
    let field = words(path);
    if field.starts_with(|char: char| char.is_ascii_alphabetic()) && field.len() <= LONGEST_FIELD {
        tables += "\n";
        tables += &table(&format!("{field}_path"), &format!("default = \"{{{prefix}}}{path}\"\n"));
    }
    tables
}

/// `libnix-store.so.2` as an identifier: `nix_store`.
fn identifier(name: &OsStr) -> String {
    let name = name.to_string_lossy();
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let words = words(stem.strip_prefix("lib").filter(|rest| !rest.is_empty()).unwrap_or(stem));
    if words.starts_with(|char: char| char.is_ascii_alphabetic()) {
        words
    } else {
        format!("app{words}")
    }
}

/// Lower-case ASCII letters and digits, with one `_` for all that is between them.
fn words(text: &str) -> String {
    let words =
        text.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}
