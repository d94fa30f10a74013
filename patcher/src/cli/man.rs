//! `postlink man`.

use std::path::PathBuf;

use clap::CommandFactory;

use super::{Cli, Exit};
use crate::error::{Error, Result};
use crate::write;

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; it must exist
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let mut command = Cli::command();
    let Some(dir) = &args.dir else {
        super::print(page(command)?.1.trim_end());
        return Ok(Exit::Done);
    };
    command.build();
    let commands = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    let sub_pages = commands.map(|sub| page(sub.clone()));
    for page in std::iter::once(page(command.clone())).chain(sub_pages) {
        let (name, text) = page?;
        write::bytes(&dir.join(name), text.as_bytes(), write::Options::default())?;
    }
    Ok(Exit::Done)
}

/// The file name and the text of a command's page.
fn page(command: clap::Command) -> Result<(String, String)> {
    let page = clap_mangen::Man::new(command);
    let name = page.get_filename();
    let mut text = Vec::new();
    page.render(&mut text).map_err(Error::io("write", &name))?;
    Ok((name, String::from_utf8_lossy(&text).into_owned()))
}
