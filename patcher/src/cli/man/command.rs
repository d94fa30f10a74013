//! The page of a command.

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{DATE, Page, assembled, markdown, see_also, source};
use crate::cli::examples;
use crate::cli::json_keys;
use crate::error::{Error, Result};

const EXIT_STATUS: &str = "
## Exit status
**0**
: Done.

**1**
: Refused. What was refused is unchanged. Also if all was done and only the result could not be printed,
  which the error says.

**2**
: Wrong usage.

**3**
: A check found something: `verify`, `scan`, `specialize` and `generate --check`.
";

const ENVIRONMENT: &str = "
## Environment
**NO_COLOR**, **CLICOLOR**, **CLICOLOR_FORCE**
: Whether there are colours; see https://no-color.org and https://bixense.com/clicolors.
";

const ENVIRONMENT_OF_DEMO: &str = "
**CXX**
: The C++ compiler.
";

/// The page of a command of `cli`, or of `cli` itself.
pub(super) fn page(cli: &Command, command: &Command) -> Result<Page> {
    // The examples have a section of their own here, and so have the exit codes.
    let shown = command.clone().after_help(None::<&str>).after_long_help(None::<&str>);
    let shown = shown.override_usage(synopsis(command)).subcommand_help_heading("COMMANDS");
    let page = Man::new(shown).source(source(cli)).date(DATE).manual("postlink");
    let file = page.get_filename();
    let name = file.trim_end_matches(".1").to_owned();
    let page = page.title(name.to_uppercase());
    let mut parts = Vec::new();
    let mut part = |render: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut text = Vec::new();
        render(&mut text).map_err(Error::io("write", &file))?;
        parts.push(String::from_utf8_lossy(&text).into_owned());
        Ok::<_, Error>(())
    };
    part(&|to| page.render_title(to))?;
    part(&|to| page.render_name_section(to))?;
    part(&|to| page.render_synopsis_section(to))?;
    part(&|to| page.render_description_section(to))?;
    part(&|to| page.render_options_section(to))?;
    if command.has_subcommands() {
        part(&|to| page.render_subcommands_section(to))?;
    }
    let mut more = Roff::new();
    markdown::render(&mut more, EXIT_STATUS);
    markdown::render(&mut more, ENVIRONMENT);
    if command.get_name() == "demo" {
        markdown::render(&mut more, ENVIRONMENT_OF_DEMO);
    }
    json(&mut more, command.get_name());
    more.control("SH", ["EXAMPLES"]);
    for (purpose, line) in examples::of(command.get_name()) {
        more.control("PP", []).text([roman(*purpose)]);
        more.control("PP", []).control("RS", ["4"]).control("EX", []);
        for line in line.replace('\n', "\n    ").lines() {
            more.text([roman(line)]);
        }
        more.control("EE", []).control("RE", []);
    }
    see_also(&mut more, &others(cli, command));
    parts.push(more.render());
    Ok(Page { text: assembled(&parts), file })
}

/// The pages beside that of a command: those of the commands, and of what they read.
fn others(cli: &Command, command: &Command) -> Vec<String> {
    let commands = cli.get_subcommands().filter(|other| other.get_name() != command.get_name());
    let mut names: Vec<String> =
        commands.map(|other| format!("postlink-{}(1)", other.get_name())).collect();
    if command.get_name() != cli.get_name() {
        names.insert(0, "postlink(1)".to_owned());
    }
    names.extend(["postlink-schema(5)", "postlink-record(5)"].map(str::to_owned));
    names
}

/// The keys of what a command prints with `--json`.
fn json(roff: &mut Roff, command: &str) {
    let objects = json_keys::of(command);
    if objects.is_empty() {
        return;
    }
    let mut text = "## JSON\n\
        **--json** prints one object on standard output, also where the command is refused; where the command \
        line itself cannot be read, the error is text. A key that does not apply is left out, and `null` is said \
        of a value that is not there. In each path a backslash is `\\\\`, and each byte that is no UTF-8, or of a hidden \
        character, `\\xNN`. Its keys, with `[]` for each item of an array:\n\n"
        .to_owned();
    for (place, keys) in objects {
        if !place.is_empty() {
            text += &format!("### {}\n", place.replace('_', "\\_").replace('[', "\\["));
        }
        for (key, meaning) in keys.iter().copied().flatten() {
            text += &format!("**{}**\n: {meaning}\n\n", key.replace('_', "\\_"));
        }
    }
    markdown::render(roff, &text);
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
