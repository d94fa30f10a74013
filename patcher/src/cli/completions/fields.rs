//! The names of the fields of a file, which a shell offers behind options such as `--set`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use postlink_codegen::{Field, GitFact, Schema, Shape};
use postlink_format::Type;

use crate::cli::talk;
use crate::files::open::{Mode, read_text};
use crate::record::read::Image;

/// The first word of a command line that a shell asks with. Behind it are the position of the word with the
/// cursor, from 0, and the words of the line that is to be completed. It is no command of people, so that no
/// help tells it.
pub(crate) const COMMAND: &str = "complete-fields";

/// The options whose value names a field or a section.
pub(super) const OPTIONS: [(&str, &str); 13] = [
    ("fill", "--set"),
    ("fill", "--take"),
    ("fill", "--from"),
    ("fill", "--git"),
    ("payload", "--set"),
    ("payload", "--take"),
    ("payload", "--from"),
    ("payload", "--git"),
    ("payload", "--default"),
    ("generate", "--default"),
    ("inspect", "--field"),
    ("payload", "--section"),
    ("generate", "--section"),
];

/// Prints what may stand in the place of the word with the cursor: each on a line, with a tab and what it is behind it.
/// Nothing, where something is wrong: a shell that completes has no place for an error.
pub(crate) fn print(words: &[OsString]) -> ExitCode {
    let lines: Vec<String> =
        offered(words).into_iter().map(|(word, about)| format!("{word}\t{about}")).collect();
    if !lines.is_empty() {
        let _ = talk::write_out(&lines.join("\n"));
    }
    ExitCode::SUCCESS
}

/// A word that may stand there, and what it is.
type Offer = (String, String);

fn offered(words: &[OsString]) -> Vec<Offer> {
    let Some((at, words)) = words.split_first() else { return Vec::new() };
    let at: Option<usize> = at.to_str().and_then(|at| at.parse().ok());
    let Some((before, [current, behind @ ..])) = at.and_then(|at| words.split_at_checked(at))
    else {
        return Vec::new();
    };
    let (Some(current), [_, before @ ..]) = (current.to_str(), before) else { return Vec::new() };
    let is_option = |word: &OsStr| word.as_bytes().starts_with(b"-");
    let command = before.iter().find(|word| !is_option(word)).and_then(|word| word.to_str());
    let (option, typed) = match current.split_once('=') {
        Some((option, typed)) if option.starts_with("--") => (Some(option), typed),
        _ => (before.last().and_then(|word| word.to_str()), current),
    };
    let (Some(command), Some(option)) = (command, option) else { return Vec::new() };
    if !OPTIONS.contains(&(command, option)) {
        return Vec::new();
    }
    let files = [files(before), files(behind)].concat();
    let shapes: Vec<Shape> = files.iter().flat_map(|file| shapes(file)).collect();
    match option {
        "--section" => {
            let sections = shapes.iter().map(|shape| {
                (shape.name.clone(), format!("section of {} fields", shape.fields.len()))
            });
            BTreeMap::from_iter(sections).into_iter().collect()
        }
        "--field" => {
            named(&shapes, typed).into_iter().map(|(name, field)| (name, about(field))).collect()
        }
        "--take" | "--from" => assignments(&shapes, typed, |_| Vec::new()),
        "--git" => assignments(&shapes, typed, |_| GitFact::ALL.map(|(fact, _)| fact).to_vec()),
        _ => assignments(&shapes, typed, values),
    }
}

/// The files among the words of a command line, but those that it writes.
fn files(words: &[OsString]) -> Vec<PathBuf> {
    let is_written = |word: &OsString| word == "-o" || word == "--output";
    let mut files = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(is_written) {
            continue;
        }
        let bytes = word.as_bytes();
        // `--image=FILE`
        let value = match bytes.iter().position(|&byte| byte == b'=') {
            Some(equals) if bytes.starts_with(b"--") => bytes.get(equals + 1..),
            _ => Some(bytes),
        };
        let spellings = [value.map(<[u8]>::to_vec), value.map(unquoted)];
        let paths =
            spellings.into_iter().flatten().map(|name| PathBuf::from(OsString::from_vec(name)));
        files.extend(paths.into_iter().find(|path| path.is_file()));
    }
    files
}

/// A word without the quotes of a shell, as bash has it, and with the home directory for `~`. A word that
/// means more to the shell names no file then.
fn unquoted(word: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut bytes = word.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => name.extend(bytes.next()),
            b'\'' | b'"' => {}
            other => name.push(other),
        }
    }
    match (name.strip_prefix(b"~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => {
            Path::new(&home).join(OsStr::from_bytes(rest)).into_os_string().into_vec()
        }
        _ => name,
    }
}

/// The sections of a schema, or of the records of an image.
fn shapes(path: &Path) -> Vec<Shape> {
    if path.extension() == Some(OsStr::new("toml")) {
        let schema = read_text(path).ok().and_then(|text| Schema::parse("", &text).ok());
        return schema
            .into_iter()
            .flat_map(|schema| schema.sections)
            .map(|one| one.shape)
            .collect();
    }
    let image = Image::open(path, Mode::Read);
    image.iter().flat_map(Image::records).map(|(_, place)| place.shape.clone()).collect()
}

/// The fields by name: `SECTION.FIELD` where several sections have the name, or the word begins so.
fn named<'a>(shapes: &'a [Shape], typed: &str) -> BTreeMap<String, &'a Field> {
    let mut names = BTreeMap::new();
    for shape in shapes {
        let is_asked = typed.starts_with(&format!("{}.", shape.name));
        for field in &shape.fields {
            let elsewhere = shapes.iter().filter(|other| other.name != shape.name);
            let is_shared =
                elsewhere.into_iter().any(|other| other.position(&field.name).is_some());
            let qualified = format!("{}.{}", shape.name, field.name);
            names.insert(if is_asked || is_shared { qualified } else { field.name.clone() }, field);
        }
    }
    names
}

/// `FIELD=`; or, where the word names the field, `FIELD=` and each of what may stand behind it.
fn assignments(shapes: &[Shape], typed: &str, behind: fn(&Field) -> Vec<&str>) -> Vec<Offer> {
    let fields = named(shapes, typed);
    let Some((name, _)) = typed.split_once('=') else {
        return fields
            .into_iter()
            .map(|(name, field)| (format!("{name}="), about(field)))
            .collect();
    };
    let words = fields.get(name).map(|field| behind(field)).unwrap_or_default();
    words.into_iter().map(|word| (format!("{name}={word}"), String::new())).collect()
}

/// The values of a field that has few.
fn values(field: &Field) -> Vec<&str> {
    match field.ty {
        Type::Bool => vec!["false", "true"],
        _ => field.choices.iter().map(String::as_str).filter(|value| is_plain(value)).collect(),
    }
}

/// Whether a text means nothing to a shell: bash puts it down as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.,/@%+-".contains(&byte))
}

/// What a field is, in a few words.
fn about(field: &Field) -> String {
    let mut about = field.ty.name().to_owned();
    if field.ty.is_list() {
        about += &format!(", at most {} items", field.max_items);
    } else if field.ty.fixed_size().is_none() {
        about += &format!(", at most {} bytes", field.capacity);
    }
    if field.default.is_none() {
        about += ", required";
    }
    about
}
