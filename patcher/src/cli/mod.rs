//! The command `postlink`, with one module for each of its commands. Exit codes, and the words on
//! standard output and standard error, are decided here and nowhere else.

mod completions;
mod demo;
mod examples;
mod fill;
mod generate;
mod inspect;
mod json;
mod man;
mod payload;
mod progress;
mod scan;
mod specialize;
mod usage;
mod verify;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};
use crate::fill::{Earlier, Selection};
use crate::shown::{escaped, line, lines};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did its work.
    Done = 0,
    /// It refused, and what it refused is unchanged. Or all is done, but could not be told.
    Refused = 1,
    /// It was called wrongly.
    Usage = 2,
    /// A check found something.
    Found = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

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

const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused, what was refused is unchanged; 2 wrong \
                          usage; 3 a check found something.";

/// The options that every command has.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Global {
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    verbose: bool,
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
    let cli = examples::in_help(Cli::command().version(version));
    let words: Vec<OsString> = std::env::args_os().collect();
    let matches = cli.clone().try_get_matches_from(&words);
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { command, global } =
        parsed.unwrap_or_else(|error| usage::hinted(error, &words).exit());
    let talk = Talk(global);
    let done = match command {
        Command::Generate(args) => generate::run(&args, talk),
        Command::Fill(args) => fill::run(&args, talk),
        Command::Inspect(args) => inspect::run(&args, talk),
        Command::Payload(args) => payload::run(&args, talk),
        Command::Verify(args) => verify::run(&args, talk),
        Command::Scan(args) => scan::run(&args, talk),
        Command::Specialize(args) => specialize::run(&args, talk),
        Command::Completions(args) => completions::run(&args, cli),
        Command::Man(args) => man::run(&args, cli),
        Command::Demo(args) => demo::run(&args, talk),
    };
    done.unwrap_or_else(|error| talk.refuse(&error)).into()
}

/// Messages to the user, as many as the options ask for.
#[derive(Clone, Copy, Debug)]
struct Talk(Global);

impl Talk {
    /// Tells a step that was done.
    fn say(self, text: &str) {
        if !self.0.quiet {
            tell(text);
        }
    }

    /// Tells a detail, with `--verbose`.
    fn detail(self, text: &str) {
        if self.0.verbose {
            tell(text);
        }
    }

    /// Tells a danger that the user has to see to.
    fn warn(self, text: &str) {
        if !self.0.quiet {
            report(YELLOW, "warning", text, "");
        }
    }

    /// Tells a refusal and the way out.
    fn refuse(self, error: &Error) -> Exit {
        if let Error::Schema { rendered, .. } = error {
            let _ = writeln!(std::io::stderr(), "{rendered}\n");
        }
        report(RED, "error", &error.to_string(), &error.help());
        if matches!(error, Error::Usage { .. }) { Exit::Usage } else { Exit::Refused }
    }
}

/// Prints lines about work that is done. Where they cannot be written, it is done nevertheless.
fn tell(text: &str) {
    if let Err(error) = write_out(&lines(text)) {
        report(YELLOW, "warning", &format!("cannot write to standard output: {error}"), "");
    }
}

/// Prints lines, without the [hidden characters](crate::shown) that a file may have brought in.
fn print(text: &str) {
    print_raw(&lines(text));
}

/// Prints a value for a program that reads it, as it is; for a person, its hidden characters are shown.
fn print_value(value: &str) {
    if std::io::stdout().is_terminal() { print(&line(value)) } else { print_raw(value) }
}

/// Prints text as it is: the result that was asked for, without which the command has failed.
fn print_raw(text: &str) {
    if let Err(error) = write_out(text) {
        let help = "what the command writes elsewhere is as its exit code would have said; only its output is missing";
        report(RED, "error", &format!("cannot write to standard output: {error}"), help);
        std::process::exit(Exit::Refused as i32);
    }
}

/// A reader that went away (`| head`) is no error, a full disk is.
fn write_out(text: &str) -> std::io::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A flag that Ctrl-C and SIGTERM set, so that what is not complete can be removed. The second of
/// them ends the process at once.
fn stopped_by_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(Error::io("wait for signals beside", "postlink"))?;
    }
    Ok(stop)
}

/// Whether standard error may have colours: the rules of no-color.org and bixense.com/clicolors, as
/// clap has them for its own messages.
fn color() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";

/// Writes a message to standard error. All its lines but the first are indented, so that no text from
/// a file can begin a line and pass for a message.
fn report(color: &str, title: &str, message: &str, help: &str) {
    let (color, bold, plain) =
        if self::color() { (color, "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    let message = lines(message);
    let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let indent = if rest.lines().all(|line| line.starts_with("  ")) { "" } else { "  " };
    let mut text = format!("{color}{title}{plain}: {first}\n");
    for line in rest.lines() {
        text += &format!("{indent}{line}\n");
    }
    for line in lines(help).lines() {
        text += &format!("  {bold}help{plain}: {line}\n");
    }
    // Where even this cannot be said, the exit code remains.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The arguments that `fill` and `payload` share: the values, and the records that take them.
#[derive(Debug, clap::Args)]
struct ValueArgs {
    /// Give a field its value; repeat for the items of a list, give nothing for the empty list.
    /// Bytes are hexadecimal. FIELD may be SECTION.FIELD
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    sets: Vec<String>,
    /// Read values from a file, JSON or (.toml) TOML; `-` is JSON on standard input. Can be repeated
    #[arg(long, value_name = "FILE")]
    values: Vec<std::path::PathBuf>,
    /// Keep the values that were set before and are not given now
    #[arg(long, conflicts_with = "reset")]
    keep: bool,
    /// Let values that were set before and are not given now return to their defaults
    #[arg(long)]
    reset: bool,
    /// Fill all records of a section, where the file has several
    #[arg(long)]
    all: bool,
}

impl ValueArgs {
    fn assignments(&self) -> Result<Vec<crate::record::values::Assignment>> {
        crate::record::values::assignments(&self.sets, &self.values)
    }

    fn selection<'a>(&self, schema: Option<&'a postlink_codegen::Schema>) -> Selection<'a> {
        let earlier = match (self.keep, self.reset) {
            (true, _) => Earlier::Keep,
            (_, true) => Earlier::Reset,
            _ => Earlier::Refuse,
        };
        Selection { earlier, all: self.all, schema, spelling: None }
    }
}

/// Reads a schema from a file.
///
/// # Errors
/// The file cannot be read; or all faults of the schema.
fn read_schema(path: &std::path::Path) -> Result<postlink_codegen::Schema> {
    let text = crate::files::open::read_text(path)?;
    postlink_codegen::Schema::parse(&escaped(path), &text).map_err(|diagnostics| Error::Schema {
        rendered: diagnostics.render(color()),
        count: diagnostics.list().len(),
        path: path.to_owned(),
    })
}
