//! `postlink man`.

mod command;
mod formats;
mod markdown;

use std::path::PathBuf;

use clap::Command;
use clap_mangen::roff::Roff;

use super::talk::Exit;
use crate::error::Result;
use crate::files::parents::Parents;
use crate::files::replace;

/// The day on which commands or options changed last. With the day of the build, equal sources would
/// give different pages.
const DATE: &str = "2026-11-28";

/// Print the manual page, or write the pages of all commands and file formats into a folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; it is made where it is missing
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, mut cli: Command) -> Result<Exit> {
    cli.build();
    let Some(dir) = &args.dir else {
        super::talk::print(command::page(&cli, &cli)?.text.trim_end());
        return Ok(Exit::Done);
    };
    let commands = cli.get_subcommands().chain([&cli]);
    let mut pages: Vec<Page> =
        commands.map(|command| command::page(&cli, command)).collect::<Result<_>>()?;
    pages.extend(formats::pages(&source(&cli)));
    let files = pages.into_iter().map(|page| (dir.join(page.file), page.text));
    let mut parents = Parents::default();
    parents.make(dir)?;
    replace::files(&files.collect::<Vec<_>>(), &[])?;
    Ok(Exit::Done)
}

/// A manual page.
struct Page {
    /// The name of its file: `postlink-fill.1`.
    file: String,
    text: String,
}

/// The program and its version, for the foot of a page: without the commit and the day, with which the
/// foot is wider than a terminal.
fn source(cli: &Command) -> String {
    let version = cli.get_version().unwrap_or_default();
    format!("postlink {}", version.split(' ').next().unwrap_or_default())
}

/// The section in which a page names others, each as `NAME(SECTION)`.
fn see_also(roff: &mut Roff, names: &[String]) {
    let names: Vec<String> =
        names.iter().map(|name| format!("**{}", name.replacen('(', "**(", 1))).collect();
    markdown::render(roff, &format!("## See also\n{}\n", names.join(", ")));
}

/// The text of a page out of its parts: one preamble, and lines that are no longer than 80 bytes, as
/// mandoc wants them.
fn assembled(parts: &[String]) -> String {
    const WIDTH: usize = 78;
    let preamble = Roff::new().render();
    let mut text = preamble.clone();
    let (mut before, mut is_example) = (String::new(), false);
    for line in parts.iter().flat_map(|part| part.strip_prefix(&preamble).unwrap_or(part).lines()) {
        let line = line.trim_end();
        let is_first = [".SH", ".SS"].iter().any(|heading| before.starts_with(heading));
        if line.is_empty() && !is_example || line == ".PP" && is_first {
            continue;
        }
        is_example = line == ".EX" || is_example && line != ".EE";
        let line = &if is_example { line.to_owned() } else { in_bold(line) };
        // A tag is one line, and so is a row of a table.
        let is_whole = is_example || line.starts_with(['.', '\'']) || before == ".TP";
        let mut rest = &**line;
        while !is_whole && !line.contains('\t') && cost(rest) > WIDTH {
            // Not behind a space that is escaped, nor in front of a character that begins a request.
            let spaces = rest.match_indices(' ').map(|(at, _)| at).filter(|&at| {
                let (start, end) = rest.split_at(at);
                !start.ends_with('\\') && !end.trim_start().starts_with(['.', '\''])
            });
            let (fit, long): (Vec<usize>, Vec<usize>) =
                spaces.partition(|&at| cost(&rest[..at]) <= WIDTH);
            let Some(&space) = fit.last().or(long.first()) else { break };
            let (start, end) = rest.split_at(space);
            text += start;
            text.push('\n');
            rest = end.trim_start();
        }
        text += rest;
        text.push('\n');
        line.clone_into(&mut before);
    }
    text
}

/// The bytes of a line as mandoc counts them, which writes `\[u00A7]` for a character that is not ASCII.
fn cost(line: &str) -> usize {
    line.chars().map(|char| if char.is_ascii() { 1 } else { 8 }).sum()
}

/// A line of text with the names between backticks, as `--help` has them, in bold.
fn in_bold(line: &str) -> String {
    let mut text = String::new();
    let mut parts = line.split('`');
    text += parts.next().unwrap_or_default();
    while let Some(part) = parts.next() {
        match parts.next() {
            Some(rest) => text += &format!("\\fB{part}\\fR{rest}"),
            None => text += &format!("`{part}"),
        }
    }
    text
}
