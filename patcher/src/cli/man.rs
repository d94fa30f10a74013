//! `postlink man`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::examples;
use super::talk::{EXIT_CODES, Exit};
use crate::error::{Error, Result};
use crate::files::replace;

/// The day on which commands or options changed last. With the day of the build, equal sources would
/// give different pages.
const DATE: &str = "2026-11-27";

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; it must exist
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, mut cli: Command) -> Result<Exit> {
    cli.build();
    let Some(dir) = &args.dir else {
        super::talk::print(page(&cli)?.1.trim_end());
        return Ok(Exit::Done);
    };
    let pages = cli.get_subcommands().chain([&cli]).map(|command| {
        let (name, text) = page(command)?;
        Ok((dir.join(name), text))
    });
    replace::files(&pages.collect::<Result<Vec<_>>>()?, &[])?;
    Ok(Exit::Done)
}

/// The file name and the text of a command's page.
fn page(command: &Command) -> Result<(String, String)> {
    let source = format!("postlink {}", command.get_version().unwrap_or_default());
    // The examples have a section of their own here, and so have the exit codes.
    let shown = command.clone().after_help(None::<&str>).after_long_help(None::<&str>);
    let shown = shown.override_usage(synopsis(command));
    let page = Man::new(shown).source(source).date(DATE).manual("postlink");
    let name = page.get_filename();
    let mut text = Vec::new();
    let mut more = Roff::new();
    more.control("SH", ["EXIT STATUS"]).text([roman(EXIT_CODES)]).control("SH", ["EXAMPLES"]);
    for (purpose, line) in examples::of(command.get_name()) {
        more.control("PP", []).text([roman(*purpose)]);
        more.control("EX", []).text([roman(line.replace('\n', "\n    "))]).control("EE", []);
    }
    let render = page.render(&mut text).and_then(|()| more.to_writer(&mut text));
    render.map_err(Error::io("write", &name))?;
    Ok((name, String::from_utf8_lossy(&text).into_owned()))
}

/// The command with all its options and their values. clap's own manual pages leave the values out,
/// and do not tell what can be repeated.
fn synopsis(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let own = command.get_arguments().filter(|arg| !arg.is_global_set());
    let own = own.filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) = own.partition(|arg| arg.is_positional());
    let mut words = vec![name.to_owned()];
    words.extend(options.into_iter().map(|option| {
        let word =
            if option.is_required_set() { option.to_string() } else { format!("[{option}]") };
        if matches!(option.get_action(), ArgAction::Append) { word + "..." } else { word }
    }));
    words.extend(positional.into_iter().map(ToString::to_string));
    words.extend(command.has_subcommands().then(|| "<COMMAND> ...".to_owned()));
    words.join(" ")
}
