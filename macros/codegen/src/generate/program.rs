//! The command `postlink-generate`: `postlink generate` alone, for a build that does not carry the
//! patcher's crates.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::{Arg, Parser};

use super::error::Error;
use super::options::{FLAGS, Flag, Options, Times};
use super::run::{Outcome, run};
use super::write::Plain;
use crate::words::{quoted, shown};

/// Runs the command that the process was called with. Its options are those of `postlink generate`;
/// the word `generate` may stand before them, so that a build can use either program.
#[must_use]
pub fn program() -> ExitCode {
    match called(Parser::from_env()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(if matches!(error, Error::Usage { .. }) { 2 } else { 1 })
        }
    }
}

fn called(mut words: Parser) -> Result<ExitCode, Error> {
    let mut options = Options::default();
    let mut given: Vec<&str> = Vec::new();
    let wrong = |error: lexopt::Error| usage(error.to_string());
    let (mut is_first, mut is_verbose) = (true, false);
    while let Some(word) = words.next().map_err(wrong)? {
        let flag = match &word {
            Arg::Long("help") | Arg::Short('h') => return Ok(print(&help())),
            Arg::Long("version") | Arg::Short('V') => {
                return Ok(print(concat!("postlink-generate ", env!("CARGO_PKG_VERSION"), "\n")));
            }
            // There is nothing to keep quiet about: a build may say so all the same.
            Arg::Long("quiet") | Arg::Short('q') => None,
            Arg::Long("verbose") | Arg::Short('v') => {
                is_verbose = true;
                None
            }
            Arg::Value(word) if is_first && word == "generate" => None,
            Arg::Long(name) => match FLAGS.iter().find(|flag| flag.name == *name) {
                Some(flag) => Some(flag),
                None => return Err(wrong(word.unexpected())),
            },
            _ => return Err(wrong(word.unexpected())),
        };
        is_first = false;
        if let Some(flag) = flag {
            if given.contains(&flag.name) && flag.times != Times::Any {
                return Err(usage(format!("--{} is given twice", flag.name)));
            }
            given.push(flag.name);
            let value = if flag.value.is_empty() { OsString::new() } else { value(&mut words)? };
            flag.set(&mut options, value).map_err(usage)?;
        }
    }
    let missing = FLAGS.iter().find(|flag| {
        given.contains(&flag.name) && !flag.needs.is_empty() && !given.contains(&flag.needs)
    });
    if let Some(flag) = missing {
        return Err(usage(format!("--{} needs --{}", flag.name, flag.needs)));
    }
    let is_missing = |flag: &&Flag| flag.times == Times::Once && !given.contains(&flag.name);
    if let Some(flag) = FLAGS.iter().find(is_missing) {
        return Err(usage(format!("--{} is missing", flag.name)));
    }
    let outcomes = run(&options, &Plain)?;
    let mut differing = String::new();
    for (path, outcome) in &outcomes {
        let told = format!("{}: {outcome}\n", shown(&path.to_string_lossy()));
        match outcome {
            Outcome::Differs => differing += &told,
            Outcome::Unchanged | Outcome::Written if is_verbose => {
                let _ = io::stderr().write_all(told.as_bytes());
            }
            Outcome::Unchanged | Outcome::Written => {}
        }
    }
    print(&differing);
    Ok(ExitCode::from(if differing.is_empty() { 0 } else { 3 }))
}

/// The value of an option. A word that looks like an option is one, unless `=` stands before it.
fn value(words: &mut Parser) -> Result<OsString, Error> {
    if let Some(value) = words.optional_value() {
        return Ok(value);
    }
    let value = words.value().map_err(|error| usage(error.to_string()))?;
    let text = value.to_string_lossy();
    if text.len() > 1 && text.starts_with('-') {
        return Err(usage(format!(
            "{} is an option, and stands where a value is missing",
            quoted(&text)
        )));
    }
    Ok(value)
}

fn usage(message: String) -> Error {
    Error::Usage { message, help: "postlink-generate --help lists the options".into() }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

fn help() -> String {
    let mut text = String::from(
        "Generate accessors from a postlink schema\n\n\
         Usage: postlink-generate --schema SCHEMA [OPTIONS]\n\n\
         The options, and what is written, are those of `postlink generate`.\n\nOptions:\n",
    );
    for flag in FLAGS {
        let value =
            if flag.value.is_empty() { String::new() } else { format!(" <{}>", flag.value) };
        text += &format!("  --{}{value}\n          {}\n", flag.name, flag.help);
    }
    text + "  -q, --quiet\n          Say nothing but errors, as without it\n  \
            -v, --verbose\n          Tell what becomes of each file\n  \
            -h, --help\n          Print this help\n  \
            -V, --version\n          Print the version\n\n\
            Exit codes: 0 done; 1 refused, nothing changed; 2 wrong usage; 3 --check found a difference.\n"
}
