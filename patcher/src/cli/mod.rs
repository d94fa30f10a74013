//! The command `postlink`, with one module for each of its commands.

mod completions;
mod demo;
mod examples;
mod fill;
mod generate;
mod inspect;
mod json;
mod json_keys;
mod man;
mod payload;
mod progress;
mod scan;
mod signals;
mod specialize;
mod talk;
mod usage;
mod values;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use self::talk::{EXIT_CODES, Global, Talk};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use self::talk::Exit;

/// Values that are only known after a program is built: declare them, generate accessors, fill them
/// into the linked file.
#[derive(Debug, Parser)]
#[command(name = "postlink", propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(generate::Args),
    Fill(fill::Args),
    Inspect(inspect::Args),
    Payload(payload::Args),
    Verify(verify::Args),
    Scan(scan::Args),
    Specialize(specialize::Args),
    Completions(completions::Args),
    Man(man::Args),
    Demo(demo::Args),
}

/// Runs the command that the process was called with. `--version` prints `version`.
#[must_use]
pub fn main(version: String) -> ExitCode {
    signals::outlive_large_files();
    let words: Vec<OsString> = std::env::args_os().collect();
    if let [_, first, rest @ ..] = &*words
        && first == completions::COMMAND
    {
        return completions::print(rest);
    }
    let plain = || Cli::command().version(version.clone());
    let with_examples = || examples::in_help(plain());
    let read = |command: clap::Command, words: &[OsString]| {
        let matches = command.try_get_matches_from(words)?;
        Cli::from_arg_matches(&matches)
    };
    let Cli { command, global } = read(plain(), &words).unwrap_or_else(|error| {
        // Most runs show no help: the texts for it are made where clap has something to show. It shows
        // words as they are, so it gets them again without what a terminal obeys.
        let shown: Vec<OsString> = words.iter().map(|word| usage::shown(word)).collect();
        let shown_error = read(with_examples(), &shown).err();
        let is_refused = |words: &[OsString]| {
            read(plain(), words).is_err_and(|error| error.kind() == ErrorKind::InvalidUtf8)
        };
        let named = usage::no_utf8(&words, is_refused);
        usage::end(&usage::hinted(shown_error.or(named).unwrap_or(error), &shown))
    });
    let talk = Talk::new(global);
    let done = match command {
        Command::Generate(args) => generate::run(&args, talk),
        Command::Fill(args) => fill::run(&args, talk),
        Command::Inspect(args) => inspect::run(&args, talk),
        Command::Payload(args) => payload::run(&args, talk),
        Command::Verify(args) => verify::run(&args, talk),
        Command::Scan(args) => scan::run(&args, talk),
        Command::Specialize(args) => specialize::run(&args, talk),
        Command::Completions(args) => completions::run(&args, with_examples()),
        Command::Man(args) => man::run(&args, with_examples()),
        Command::Demo(args) => demo::run(&args, talk),
    };
    let exit = talk::end(done.unwrap_or_else(|error| talk.refuse(&error)));
    if exit == Exit::Refused {
        signals::end_by_what_arrived();
    }
    exit.into()
}
