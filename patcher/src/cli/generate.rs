//! `postlink generate`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};
use postlink_codegen::Section;
use postlink_codegen::generate::{self, FLAGS, Files, Options, Outcome, Times};

use super::talk::{Exit, Talk};
use super::values::wrong_schema;
use crate::error::{Error, Result};
use crate::files::open::read_text;
use crate::files::replace;
use crate::files::temporary::{Swept, Turn};
use crate::shown::escaped;

/// The options, from the table that `postlink-generate` has too.
#[derive(Debug)]
pub(super) struct Args(Options);

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        let args = FLAGS.iter().map(|flag| {
            let arg = Arg::new(flag.name).long(flag.name).help(flag.help);
            let arg = if flag.needs.is_empty() { arg } else { arg.requires(flag.needs) };
            if flag.value.is_empty() {
                return arg.action(ArgAction::SetTrue);
            }
            let arg = arg.value_name(flag.value).value_parser(value_parser!(OsString));
            match flag.times {
                Times::Any => arg.action(ArgAction::Append),
                times => arg.required(times == Times::Once),
            }
        });
        command
            .about("Generate accessors from a schema")
            .long_about(
                "Generate accessors from a schema\n\nA file is written only if its content changes. \
                 That is what ninja and meson want; make takes a file that is older than the schema \
                 for one that is to be made again: give it --stamp.",
            )
            .args(args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut options = Options::default();
        for flag in FLAGS {
            let given: Vec<OsString> = if flag.value.is_empty() {
                vec![OsString::new(); usize::from(matches.get_flag(flag.name))]
            } else {
                matches.get_many(flag.name).into_iter().flatten().cloned().collect()
            };
            for value in given {
                let wrong =
                    |sentence| clap::Error::raw(ErrorKind::InvalidUtf8, format!("{sentence}\n"));
                flag.set(&mut options, value).map_err(wrong)?;
            }
        }
        Ok(Self(options))
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn run(Args(options): &Args, talk: Talk) -> Result<Exit> {
    let mut exit = Exit::Done;
    for (path, outcome) in generate::run(options, &InOneStep)? {
        let told = format!("{}: {outcome}", escaped(&path));
        match outcome {
            Outcome::Unchanged | Outcome::Written => talk.detail(&told),
            Outcome::Differs => {
                super::talk::print(&told);
                exit = Exit::Found;
            }
        }
    }
    Ok(exit)
}

/// Replaces the defaults that the texts `FIELD=VALUE` name, of a section of the schema at `path`.
pub(super) fn replace_defaults(section: &mut Section, path: &Path, texts: &[String]) -> Result<()> {
    Ok(generate::replace_defaults(section, path, texts)?)
}

impl From<generate::Error> for Error {
    fn from(error: generate::Error) -> Self {
        match error {
            generate::Error::Usage { message, help } => Self::usage(message, help),
            generate::Error::Schema { path, wrong } => wrong_schema(&path, &wrong),
            generate::Error::Values { path, problems } => Self::Values { path, problems },
            generate::Error::Input { message, help } => Self::input(message, help),
        }
    }
}

/// New files that take the places of old ones, all or none.
struct InOneStep;

impl Files for InOneStep {
    type Error = Error;
    type Turn = Vec<Option<Turn>>;

    fn text(&self, path: &Path) -> Result<String> {
        read_text(path)
    }

    fn refuse_clashes(&self, outputs: &[&Path], schema: &Path) -> Result<()> {
        let targets = replace::targets(outputs, &[schema])?;
        // Where nothing changes, nothing is written: a run that was killed at its end may have left something.
        let swept = Swept::default();
        targets.iter().for_each(|target| replace::sweep_beside(target, &swept));
        Ok(())
    }

    fn wait_for_turn(&self, outputs: &[&Path]) -> Result<Self::Turn> {
        replace::turns(outputs)
    }

    fn replace(&self, outputs: &[(PathBuf, String)], schema: &Path) -> Result<()> {
        replace::files(outputs, &[schema])
    }
}
