//! `postlink completions`.

use super::talk::Exit;
use crate::error::Result;

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(hide_possible_values = true)]
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args, mut cli: clap::Command) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "postlink", &mut text);
    super::talk::print(String::from_utf8_lossy(&text).trim_end());
    Ok(Exit::Done)
}
