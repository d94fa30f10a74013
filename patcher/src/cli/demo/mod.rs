//! `postlink demo`.

use super::Exit;
use crate::error::Result;

/// Show the whole way on a small program: declare, generate, build, fill, run
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args) -> Result<Exit> {
    Ok(Exit::Done)
}
