//! `postlink man`.

use std::path::PathBuf;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{EXIT_CODES, Exit};
use crate::error::{Error, Result};
use crate::files::replace;

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; it must exist
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cli: clap::Command) -> Result<Exit> {
    let mut command = cli.after_help(None::<&str>);
    command.build();
    let Some(dir) = &args.dir else {
        super::print(page(command)?.1.trim_end());
        return Ok(Exit::Done);
    };
    let pages = command.get_subcommands().chain([&command]).map(|command| {
        let (name, text) = page(command.clone())?;
        Ok((dir.join(name), text))
    });
    replace::files(&pages.collect::<Result<Vec<_>>>()?, &[])?;
    Ok(Exit::Done)
}

/// The file name and the text of a command's page.
fn page(command: clap::Command) -> Result<(String, String)> {
    let source = format!("postlink {}", command.get_version().unwrap_or_default());
    let page = Man::new(command).source(source);
    let name = page.get_filename();
    let mut text = Vec::new();
    let mut status = Roff::new();
    status.control("SH", ["EXIT STATUS"]).text([roman(EXIT_CODES)]);
    let render = page.render(&mut text).and_then(|()| status.to_writer(&mut text));
    render.map_err(Error::io("write", &name))?;
    Ok((name, String::from_utf8_lossy(&text).into_owned()))
}
