//! The texts to be written.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::options::Options;
use crate::cpp;
use crate::model::{Owner, Schema, Section};
use crate::value::Problem;
use crate::words::{is_deceptive, quoted, shown};

/// What is to be written, the depfile last.
pub(super) fn texts(options: &Options, schema: &str) -> Result<Vec<(PathBuf, String)>, Error> {
    let path = &options.schema;
    let mut section = section(options, schema)?;
    check_owner(&section, options)?;
    replace_defaults(&mut section, path, &options.defaults)?;
    let wrong = |problems| Error::Values { path: path.clone(), problems };
    let mut outputs = Vec::new();
    if let (Some(header), Some(source)) = (&options.out_header, &options.out_source) {
        let name = header.file_name().unwrap_or_default().to_string_lossy();
        let include = options.include.as_deref().unwrap_or(&name);
        check_include(include)?;
        outputs.push((header.clone(), cpp::header(&section)));
        outputs.push((source.clone(), cpp::source(&section, include).map_err(wrong)?));
        if let Some(path) = &options.out_macros {
            outputs.push((path.clone(), macros(&section, include, &options.schema)?));
        }
    }
    if let Some(path) = &options.out_rust {
        outputs.push((path.clone(), rust(&section, &options.schema)?));
    }
    if let Some(depfile) = &options.depfile {
        let targets: Result<Vec<String>, Error> = match &options.stamp {
            Some(stamp) => escape(stamp).map(|stamp| vec![stamp]),
            None => outputs.iter().map(|(path, _)| escape(path)).collect(),
        };
        let rule = format!("{}: {}\n", targets?.join(" "), escape(&options.schema)?);
        outputs.push((depfile.clone(), rule));
    }
    Ok(outputs)
}

/// Refuses what no `#include` finds, or what it would find another file by: `??/` and its like are other
/// characters where compilers still know trigraphs, and U+FFFD stands for bytes that are no UTF-8.
fn check_include(include: &str) -> Result<(), Error> {
    let is_wrong =
        |each: char| ['"', '\\', char::REPLACEMENT_CHARACTER].contains(&each) || is_deceptive(each);
    if !include.is_empty() && !include.contains(is_wrong) && !include.contains("??") {
        return Ok(());
    }
    Err(Error::Input {
        message: format!("{} cannot stand in an #include", quoted(include)),
        help: "name the header otherwise, or give --include".into(),
    })
}

/// The section that the options choose, as the schema has it.
pub(super) fn section(options: &Options, schema: &str) -> Result<Section, Error> {
    let path = shown(&options.schema.to_string_lossy());
    let schema = Schema::parse(&path, schema)
        .map_err(|wrong| Error::Schema { path: options.schema.clone(), wrong })?;
    let section = schema.section(options.section.as_deref());
    section.cloned().map_err(|message| Error::Input {
        message: format!("{path}: {message}"),
        help: "choose one with --section".into(),
    })
}

/// Refuses a default that no output would have: only the owner's text has them.
fn check_owner(section: &Section, options: &Options) -> Result<(), Error> {
    let (language, option, has_it) = match section.owner {
        Owner::Cpp => ("C++", "--out-source", options.out_source.is_some()),
        Owner::Rust => ("Rust", "--out-rust", options.out_rust.is_some()),
    };
    if has_it || options.defaults.is_empty() {
        return Ok(());
    }
    let name = &section.shape.name;
    Err(Error::Usage {
        message: format!(
            "--default has no effect: the section `{name}` belongs to {language}, which has its defaults"
        ),
        help: format!("give it where the {language} text is generated, with {option}"),
    })
}

/// `FIELD=VALUE`, at the first `=`.
///
/// # Errors
/// There is none, or nothing before it.
pub fn field_and_value(text: &str) -> Result<(&str, &str), Error> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    parts.ok_or_else(|| Error::Usage {
        message: format!("{} is not FIELD=VALUE", quoted(text)),
        help: "write the field's name, `=`, and its value".into(),
    })
}

/// Replaces the defaults that the texts `FIELD=VALUE` name, of a section of the schema at `path`;
/// several of one field are the items of a list.
///
/// # Errors
/// A text that is not `FIELD=VALUE`; all values that do not fit.
pub fn replace_defaults(section: &mut Section, path: &Path, texts: &[String]) -> Result<(), Error> {
    let mut defaults: Vec<(&str, Vec<&str>)> = Vec::new();
    let own = format!("{}.", section.shape.name);
    for text in texts {
        let (name, value) = field_and_value(text)?;
        // The section is chosen already; it may be named here as well.
        let field = name.strip_prefix(&own).unwrap_or(name);
        match defaults.iter_mut().find(|(known, _)| *known == field) {
            Some((_, values)) => values.push(value),
            None => defaults.push((field, vec![value])),
        }
    }
    let replaced = defaults.into_iter().filter_map(|(field, values)| {
        section.replace_default(field, |field| field.value_of_texts(&values)).err()
    });
    let problems: Vec<Problem> = replaced.collect();
    let path = path.to_owned();
    if problems.is_empty() { Ok(()) } else { Err(Error::Values { path, problems }) }
}

fn macros(section: &Section, include: &str, schema: &Path) -> Result<String, Error> {
    cpp::macros(section, include).ok_or_else(|| Error::Input {
        message: format!(
            "{}: no field of section `{}` has `macros`: there is nothing to write with --out-macros",
            shown(&schema.to_string_lossy()),
            section.shape.name
        ),
        help: "leave out --out-macros, or name them in the schema: macros = [\"PACKAGE_VERSION\"]"
            .into(),
    })
}

#[cfg(feature = "rust-files")]
fn rust(section: &Section, path: &Path) -> Result<String, Error> {
    use crate::rust::{Unfit, file};

    let path = path.to_owned();
    file(section).map_err(|unfit| match unfit {
        Unfit::Owner(wrong) => Error::Schema { path, wrong },
        Unfit::Defaults(problems) => Error::Values { path, problems },
    })
}

#[cfg(not(feature = "rust-files"))]
fn rust(_: &Section, _: &Path) -> Result<String, Error> {
    Err(Error::Usage {
        message: "this generator was built for C++ only".into(),
        help: "build it with the feature `rust-files` of postlink-codegen".into(),
    })
}

/// A path in a Makefile rule, as GCC writes it, and make and ninja read it. What one of them would read as
/// something else is refused: ninja ends a name at it (`depfile_parser.in.cc`), and to make it is a pattern, an
/// assignment, a recipe or a home directory.
fn escape(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let shown_path = path.to_string_lossy();
    // Make drops a space that ends a line, and `lib(x)` is a member of an archive.
    if shown_path.ends_with([' ', ')']) {
        return Err(unwritable(&shown_path));
    }
    for (at, each) in shown_path.char_indices() {
        match each {
            ' ' | '#' => text.extend(['\\', each]),
            '$' => text.push_str("$$"),
            // A drive's colon is one that make knows; a folder of Windows is separated by a backslash.
            ':' if at == 1 => text.push(each),
            '\\' if cfg!(windows) => text.push(each),
            '~' if at > 0 => text.push(each),
            ':' | '\\' | '~' | '\u{fffd}' => return Err(unwritable(&shown_path)),
            _ if MISREAD.contains(each) || each.is_control() => {
                return Err(unwritable(&shown_path));
            }
            _ => text.push(each),
        }
    }
    Ok(text)
}

/// Characters of a name that make or ninja reads as something else, and that nothing escapes for both.
const MISREAD: &str = "\"%&'*;<=>?[^`|";

fn unwritable(path: &str) -> Error {
    Error::Input {
        message: format!(
            "{} cannot stand in the rule of a depfile: make or ninja would read another name",
            quoted(path)
        ),
        help: format!(
            "name files in UTF-8 without control characters, colons, backslashes and {MISREAD}, without `~` at the start and a space or `)` at the end; or leave out --depfile"
        ),
    }
}
