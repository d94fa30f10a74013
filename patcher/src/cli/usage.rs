//! What clap shows: help, versions, and errors about arguments, with hints for those that were given without
//! their option.

use std::ffi::{OsStr, OsString};
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::talk::Exit;
use crate::shown::{escaped, line};

/// An argument as an error may show it.
pub(super) fn shown(word: &OsStr) -> OsString {
    word.to_str().map_or_else(|| escaped(word), line).into()
}

/// The error of an argument that has to be UTF-8 and is not, with its name, which clap leaves out. Paths may have
/// any bytes: which word it is, is seen where it alone is as it was given.
pub(super) fn no_utf8(
    words: &[OsString],
    is_refused: impl Fn(&[OsString]) -> bool,
) -> Option<clap::Error> {
    let is_alone = |at: usize| {
        let as_given = |(other, word): (usize, &OsString)| {
            if other == at { word.clone() } else { shown(word) }
        };
        is_refused(&words.iter().enumerate().map(as_given).collect::<Vec<_>>())
    };
    let wrong = (0..words.len()).find(|&at| words[at].to_str().is_none() && is_alone(at))?;
    let message = format!(
        "the argument `{}` is not UTF-8: only names of files may have other bytes\n",
        escaped(&words[wrong])
    );
    Some(clap::Error::raw(ErrorKind::InvalidUtf8, message))
}

/// The error of an unexpected argument, with the option that was probably meant.
pub(super) fn hinted(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let command =
        words.iter().skip(1).find_map(|word| word.to_str().filter(|word| !is_option(word)));
    let unexpected = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if !is_option(word) => Some(word.clone()),
        _ => None,
    };
    if let (Some(command), Some(word)) = (command, unexpected)
        && let Some(option) = option_of(command, &word)
    {
        let hint = format!("write `{option} {word}`").into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint]));
    }
    error
}

/// Prints what clap has to say, and ends the process.
pub(super) fn end(error: &clap::Error) -> ! {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    // Help is a result that was asked for; an error is told by the exit code too.
    if error.use_stderr() {
        std::process::exit(error.exit_code());
    }
    super::talk::written(printed);
    std::process::exit(super::talk::end(Exit::Done) as i32);
}

fn is_option(word: &str) -> bool {
    word.starts_with('-')
}

/// The option of a command that takes such a value.
fn option_of(command: &str, word: &str) -> Option<&'static str> {
    match (command, word.contains('=')) {
        ("generate", false) => Some("--schema"),
        ("generate", true) => Some("--default"),
        ("payload", false) => Some("--image"),
        ("specialize", true) if word.contains("=/") => Some("--output"),
        ("payload" | "specialize", true) => Some("--set"),
        ("verify", true) => Some("--rewrite"),
        _ => None,
    }
}
