//! What is said, where, and with which exit code a command ends: the one place where this is decided.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use crate::error::Error;
use crate::shown::{line, lines};

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

pub(super) const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused, what was refused is unchanged; 2 wrong \
                          usage; 3 a check found something.";

/// The options that every command has.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Global {
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

/// Messages to the user, as many as the options ask for, and whether they are all that a command does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) global: Global,
    is_result: bool,
}

impl Talk {
    /// That of a command which does something beside telling it.
    pub(super) fn new(global: Global) -> Self {
        Self { global, is_result: false }
    }

    /// The same, but no steps are told where standard output is for an object of JSON.
    pub(super) fn beside_json(self, json: bool) -> Self {
        let global = Global { quiet: self.global.quiet || json, ..self.global };
        Self { global, ..self }
    }

    /// The same, but what is told is the result, if this is so: without it, the command has failed.
    pub(super) fn as_result(self, is_result: bool) -> Self {
        Self { is_result, ..self }
    }

    /// Tells a step that was done, on one line.
    pub(super) fn say(self, text: &str) {
        self.say_lines(&line(text));
    }

    /// Tells steps that were done, each on a line.
    pub(super) fn say_lines(self, text: &str) {
        if !self.global.quiet {
            self.tell(text);
        }
    }

    /// Tells a detail on one line, with `--verbose`.
    pub(super) fn detail(self, text: &str) {
        if self.global.verbose {
            self.tell(&line(text));
        }
    }

    fn tell(self, text: &str) {
        if self.is_result { print(text) } else { tell(text) }
    }

    /// Tells a danger that the user has to see to, on one line.
    pub(super) fn warn(self, text: &str) {
        if !self.global.quiet {
            report(YELLOW, "warning", &line(text), "");
        }
    }

    /// Tells a refusal and the way out.
    pub(super) fn refuse(self, error: &Error) -> Exit {
        if let Error::Schema { rendered, .. } = error {
            let _ = writeln!(io::stderr(), "{rendered}\n");
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
pub(super) fn print(text: &str) {
    print_raw(&lines(text));
}

/// Prints a value for a program that reads it, as it is; for a person, its hidden characters are shown.
pub(super) fn print_value(value: &str) {
    if io::stdout().is_terminal() { print(&line(value)) } else { print_raw(value) }
}

/// Prints text as it is: the result that was asked for, without which the command has failed.
pub(super) fn print_raw(text: &str) {
    if UNWRITTEN.get().is_none() {
        written(write_out(text));
    }
}

/// Why a result that was asked for could not be written: nothing more is, and [`end`] tells it.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Keeps why a result that was asked for could not be written.
pub(super) fn written(result: io::Result<()>) {
    if let Err(error) = unless_unread(result) {
        let _ = UNWRITTEN.set(error);
    }
}

/// How the command ends that would have ended so: where its result could not be written, it has failed, and
/// what it did beside that is told.
pub(super) fn end(exit: Exit) -> Exit {
    let Some(error) = UNWRITTEN.get() else { return exit };
    let help = match exit {
        Exit::Done => "everything else is done, and only the output is missing",
        Exit::Refused | Exit::Usage => {
            "something was refused, as is told here too, and the output is missing"
        }
        Exit::Found => {
            "the command would have ended with 3: it found something, and only the output is missing"
        }
    };
    report(RED, "error", &format!("cannot write to standard output: {error}"), help);
    Exit::Refused
}

pub(super) fn write_out(text: &str) -> io::Result<()> {
    unless_unread(writeln!(io::stdout(), "{text}"))
}

/// A reader that went away (`| head`) is no error, a full disk is.
fn unless_unread(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

/// Whether standard error may have colours: the rules of no-color.org and bixense.com/clicolors, as
/// clap has them for its own messages.
pub(super) fn color() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

pub(super) const RED: &str = "\x1b[1;31m";
pub(super) const YELLOW: &str = "\x1b[1;33m";

/// Writes a message to standard error. All its lines but the first are indented, so that no text from
/// a file can begin a line and pass for a message.
pub(super) fn report(color: &str, title: &str, message: &str, help: &str) {
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
    let _ = io::stderr().write_all(text.as_bytes());
}
