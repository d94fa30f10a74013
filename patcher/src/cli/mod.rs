//! The command `postlink`: one module a command. This is the one place where exit codes, and what
//! goes to standard output and standard error, are decided.

mod completions;
mod demo;
mod fill;
mod generate;
mod inspect;
mod json;
mod man;
mod payload;
mod progress;
mod scan;
mod specialize;
mod verify;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};
use crate::fill::{Earlier, Selection};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked for.
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

/// What every command understands.
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

/// Runs the command that the process was called with. `version` is what `--version` tells.
#[must_use]
pub fn main(version: String) -> ExitCode {
    let cli = Cli::command().version(version);
    let Cli { command, global } = match Cli::from_arg_matches(&cli.clone().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
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
    printed(done.unwrap_or_else(|error| talk.refuse(&error))).into()
}

/// What is said, and how much of it.
#[derive(Clone, Copy, Debug)]
struct Talk(Global);

impl Talk {
    /// Says what was done.
    fn say(self, text: &str) {
        if !self.0.quiet {
            print(text);
        }
    }

    /// Says what only some want to know.
    fn detail(self, text: &str) {
        if self.0.verbose {
            print(text);
        }
    }

    /// Says what the user has to see to.
    fn warn(self, text: &str) {
        if !self.0.quiet {
            let (yellow, plain) = if color() { ("\x1b[1;33m", "\x1b[0m") } else { ("", "") };
            let _ = writeln!(io::stderr(), "{yellow}warning{plain}: {text}");
        }
    }

    /// Says what was refused.
    fn refuse(self, error: &Error) -> Exit {
        if let Error::Schema { rendered, .. } = error {
            let _ = writeln!(io::stderr(), "{rendered}\n");
        }
        report(&error.to_string(), &error.help());
        if matches!(error, Error::Usage { .. }) { Exit::Usage } else { Exit::Refused }
    }
}

/// Why something that was to be printed was not.
static UNSAID: OnceLock<io::Error> = OnceLock::new();

/// Prints a line. A reader that went away (`| head`) is no error; a full disk is, and is told when
/// everything is done.
fn print(text: &str) {
    if UNSAID.get().is_none()
        && let Err(error) = writeln!(io::stdout(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = UNSAID.set(error);
    }
}

/// How a command ended, where it also had to print. What was done stays done.
fn printed(exit: Exit) -> Exit {
    let Some(error) = UNSAID.get() else { return exit };
    let help = match exit {
        Exit::Done => "what the command writes elsewhere is written; only its output is missing",
        Exit::Refused | Exit::Usage | Exit::Found => "",
    };
    report(&format!("cannot write to standard output: {error}"), help);
    if exit == Exit::Done { Exit::Refused } else { exit }
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

/// A value as one line, which cannot write to the terminal whatever it likes.
fn shown(value: &str) -> String {
    value.escape_debug().to_string()
}

/// Whether standard error may have colours (see no-color.org).
fn color() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

fn report(message: &str, help: &str) {
    let (red, bold, plain) =
        if color() { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error{plain}: {message}\n");
    for line in help.lines() {
        text += &format!("  {bold}help{plain}: {line}\n");
    }
    // Where even this cannot be said, the exit code remains.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Arguments that `fill` and `payload` share: where values come from.
#[derive(Debug, clap::Args)]
struct ValueArgs {
    /// Give a field its value; repeat for the items of a list, give nothing for the empty list.
    /// Bytes are hexadecimal. FIELD may be SECTION.FIELD
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    sets: Vec<String>,
    /// Read values from a file, JSON or (.toml) TOML; `-` is JSON on standard input
    #[arg(long, value_name = "FILE")]
    values: Vec<std::path::PathBuf>,
    /// Keep the values that were set before and are not given now
    #[arg(long, conflicts_with = "reset")]
    keep: bool,
    /// Let values that were set before and are not given now return to their defaults
    #[arg(long)]
    reset: bool,
    /// Fill every record of a section that the file has more than one of
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
/// It cannot be read; everything that is wrong with it.
fn read_schema(path: &std::path::Path) -> Result<postlink_codegen::Schema> {
    let text = crate::files::open::read_text(path)?;
    postlink_codegen::Schema::parse(&path.display().to_string(), &text).map_err(|diagnostics| {
        Error::Schema {
            rendered: diagnostics.render(color()),
            count: diagnostics.list().len(),
            path: path.to_owned(),
        }
    })
}
