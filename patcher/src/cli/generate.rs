//! `postlink generate`.

use std::path::{Path, PathBuf};

use postlink_codegen::{Owner, Section, cpp, rust};

use super::talk::{Exit, Talk};
use crate::error::{Error, Result};
use crate::files::open::read_text;
use crate::files::replace;
use crate::record::values::split;
use crate::shown::{escaped, line};

/// Generate accessors from a schema
///
/// A file is written only if its content changes. That is what ninja and meson want; make takes a file
/// that is older than the schema for one that is to be made again: give it --stamp.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The schema
    #[arg(long, value_name = "SCHEMA")]
    schema: PathBuf,
    /// The section to generate; optional if the schema has one
    #[arg(long, value_name = "NAME")]
    section: Option<String>,
    /// Write the C++ header here
    #[arg(long, value_name = "FILE", requires = "out_source")]
    out_header: Option<PathBuf>,
    /// Write the C++ source here
    #[arg(long, value_name = "FILE", requires = "out_header")]
    out_source: Option<PathBuf>,
    /// Write a second C++ header here, with the macros of old names that the schema gives to fields
    #[arg(long, value_name = "FILE", requires = "out_header")]
    out_macros: Option<PathBuf>,
    /// How the source, and the header of macros, include the header; by default its file name
    #[arg(long, value_name = "PATH", requires = "out_source")]
    include: Option<String>,
    /// Write the Rust module here
    #[arg(long, value_name = "FILE")]
    out_rust: Option<PathBuf>,
    /// Write this file each time, when all others are what they should be, also if none of them
    /// changed: make and CMake then know that they are
    #[arg(long, value_name = "FILE")]
    stamp: Option<PathBuf>,
    /// Write the dependencies of the outputs, or of the stamp if there is one, here, as a Makefile rule
    #[arg(long, value_name = "FILE")]
    depfile: Option<PathBuf>,
    /// Replace a default, or give a required field one; repeat for the items of a list
    #[arg(long = "default", value_name = "FIELD=VALUE")]
    defaults: Vec<String>,
    /// Write nothing; end with 3 if an output is not what would be written
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    if args.out_header.is_none() && args.out_rust.is_none() {
        talk.refuse(&Error::input(
            "no output is named",
            "name --out-header and --out-source, or --out-rust",
        ));
        return Ok(Exit::Usage);
    }
    let schema = super::values::read_schema(&args.schema)?;
    let section = schema.section(args.section.as_deref());
    let mut section = section
        .map_err(|message| {
            Error::input(
                format!("{}: {message}", escaped(&args.schema)),
                "choose one with --section",
            )
        })?
        .clone();
    check_owner(&section, args)?;
    replace_defaults(&mut section, &args.schema, &args.defaults)?;
    let outputs = outputs(&section, args)?;
    if !args.check {
        // Also those that would not be written now: one may be another one's file.
        let paths = outputs.iter().map(|(path, _)| path).chain(&args.stamp);
        let paths: Vec<&Path> = paths.map(PathBuf::as_path).collect();
        replace::targets(&paths, &[&args.schema])?;
    }

    let (same, changed): (Vec<_>, Vec<_>) = outputs
        .into_iter()
        .partition(|(path, text)| read_text(path).is_ok_and(|existing| existing == *text));
    for (path, _) in same {
        talk.detail(&format!("{}: unchanged", escaped(path)));
    }
    if args.check {
        for (path, _) in &changed {
            super::talk::print(&format!("{}: is not what the schema gives", escaped(path)));
        }
        return Ok(if changed.is_empty() { Exit::Done } else { Exit::Found });
    }
    replace::files(&changed, &[&args.schema])?;
    for (path, _) in changed {
        talk.detail(&format!("{}: written", escaped(path)));
    }
    if let Some(stamp) = &args.stamp {
        replace::files(&[(stamp.clone(), "")], &[])?;
    }
    Ok(Exit::Done)
}

/// Refuses a default that no output would have: only the owner's text has them.
fn check_owner(section: &Section, args: &Args) -> Result<()> {
    let (language, option, has_it) = match section.owner {
        Owner::Cpp => ("C++", "--out-source", args.out_source.is_some()),
        Owner::Rust => ("Rust", "--out-rust", args.out_rust.is_some()),
    };
    if has_it || args.defaults.is_empty() {
        return Ok(());
    }
    Err(Error::usage(
        format!(
            "--default has no effect: the section `{}` belongs to {language}, which has its defaults",
            section.shape.name
        ),
        format!("give it where the {language} text is generated, with {option}"),
    ))
}

fn refused(path: &Path, problems: Vec<postlink_codegen::Problem>) -> Error {
    Error::Values { path: path.to_owned(), problems }
}

/// Replaces the defaults that the texts `FIELD=VALUE` name, of a section of the schema at `path`.
pub(super) fn replace_defaults(section: &mut Section, path: &Path, texts: &[String]) -> Result<()> {
    let mut defaults: Vec<(&str, Vec<&str>)> = Vec::new();
    let own = format!("{}.", section.shape.name);
    for text in texts {
        let (name, value) = split(text)?;
        // The section is chosen already; it may be named here as well.
        let field = name.strip_prefix(&own).unwrap_or(name);
        match defaults.iter_mut().find(|(known, _)| *known == field) {
            Some((_, values)) => values.push(value),
            None => defaults.push((field, vec![value])),
        }
    }
    let mut problems = Vec::new();
    for (field, values) in defaults {
        problems
            .extend(section.replace_default(field, |field| field.value_of_texts(&values)).err());
    }
    if problems.is_empty() { Ok(()) } else { Err(refused(path, problems)) }
}

/// What is to be written, the depfile last.
fn outputs(section: &Section, args: &Args) -> Result<Vec<(PathBuf, String)>> {
    let wrong = |problems| refused(&args.schema, problems);
    let mut outputs = Vec::new();
    if let (Some(header), Some(source)) = (&args.out_header, &args.out_source) {
        let name = header.file_name().unwrap_or_default().to_string_lossy();
        let include = args.include.as_deref().unwrap_or(&name);
        if include.contains(['"', '\\', '\n', '\r']) {
            return Err(Error::input(
                format!("`{}` cannot stand in an #include", line(include)),
                "name the header otherwise, or give --include",
            ));
        }
        outputs.push((header.clone(), cpp::header(section)));
        outputs.push((source.clone(), cpp::source(section, include).map_err(wrong)?));
        if let Some(path) = &args.out_macros {
            let name = &section.shape.name;
            let macros = cpp::macros(section, include).ok_or_else(|| {
                Error::input(
                    format!(
                        "{}: no field of section `{name}` has `macros`: there is nothing to write with --out-macros",
                        escaped(&args.schema)
                    ),
                    "leave out --out-macros, or name them in the schema: macros = [\"PACKAGE_VERSION\"]",
                )
            })?;
            outputs.push((path.clone(), macros));
        }
    }
    if let Some(path) = &args.out_rust {
        outputs.push((path.clone(), rust::file(section).map_err(wrong)?));
    }
    if let Some(depfile) = &args.depfile {
        let targets: Vec<String> = match &args.stamp {
            Some(stamp) => vec![escape(stamp)],
            None => outputs.iter().map(|(path, _)| escape(path)).collect(),
        };
        let rule = format!("{}: {}\n", targets.join(" "), escape(&args.schema));
        outputs.push((depfile.clone(), rule));
    }
    Ok(outputs)
}

/// A path in a Makefile rule, as GCC writes it and ninja reads it.
fn escape(path: &Path) -> String {
    let mut text = String::new();
    for each in path.to_string_lossy().chars() {
        match each {
            ' ' | '#' => text.extend(['\\', each]),
            '$' => text.push_str("$$"),
            _ => text.push(each),
        }
    }
    text
}
