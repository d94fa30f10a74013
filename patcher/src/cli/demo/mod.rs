//! `postlink demo`: the commands that a user would type, really run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::talk::{Exit, Talk};
use crate::error::{Error, Result};

const SCHEMA: &str = include_str!("../../../schema.toml");
const LIBRARY: &str = include_str!("library.cc");
const PROGRAM: &str = include_str!("program.cc");
const VERSION: &str = "version=2.96.0-dev-20261122_be438c62e1bd";
const PREFIX: &str =
    "prefix=/nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-2.96.0-dev-20261122_be438c62e1bd";

/// Show the whole way on a small program: declare, generate, build, fill, run
///
/// It needs a C++ compiler: the one that CXX names, or c++, g++ or clang++.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Work in this new folder and leave it there; otherwise a temporary one is used and removed
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    let compiler = compiler()?;
    let stop = super::signals::stop()?;
    let temporary;
    let folder = match &args.dir {
        Some(folder) => {
            std::fs::create_dir(folder).map_err(Error::io("create", folder))?;
            folder
        }
        None => {
            let made = tempfile::Builder::new().prefix("postlink-demo-").tempdir();
            temporary = made.map_err(Error::io("create a folder in", std::env::temp_dir()))?;
            temporary.path()
        }
    };
    for (name, text) in [("schema.toml", SCHEMA), ("library.cc", LIBRARY), ("program.cc", PROGRAM)]
    {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(Error::io("write", path))?;
    }
    // Commands run in it, and it may be named relative to where we are.
    let folder = &folder.canonicalize().map_err(Error::io("open", folder))?;
    let shell = Shell { folder, compiler, talk, stop: &stop };
    shell.play()?;
    Ok(Exit::Done)
}

/// The command of the C++ compiler that is there: a program, and perhaps options.
fn compiler() -> Result<String> {
    let named = std::env::var("CXX").ok().filter(|name| !name.trim().is_empty());
    let candidates = named
        .map_or_else(|| ["c++", "g++", "clang++"].map(String::from).to_vec(), |name| vec![name]);
    let works = |command: &&String| {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_default();
        let output = Command::new(program).args(words).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    candidates.iter().find(works).cloned().ok_or_else(|| {
        Error::input(
            format!("no C++ compiler runs: tried {}", postlink_codegen::listed(&candidates)),
            "install one (on Debian: apt-get install g++), or name one that is there in CXX",
        )
    })
}

struct Shell<'a> {
    folder: &'a Path,
    compiler: String,
    talk: Talk,
    stop: &'a AtomicBool,
}

impl Shell<'_> {
    fn play(&self) -> Result<()> {
        let generate =
            "generate --schema schema.toml --out-header lix.gen.hh --out-source lix.gen.cc";
        let library = format!(
            "{} -std=c++17 -O2 -fPIC -shared -o liblix.so library.cc lix.gen.cc",
            self.compiler
        );
        let program = format!(
            "{} -std=c++17 -O2 -o nix program.cc -L. -llix -Wl,-rpath,$ORIGIN",
            self.compiler
        );

        self.say("# The Lix package manager has a version and install paths that are known after the build.");
        self.say(&format!(
            "# Its schema declares {} values, first these; `postlink demo DIR` leaves all files in DIR:",
            SCHEMA.lines().filter(|line| line.starts_with("[section.lix.field.")).count()
        ));
        self.run("grep -A 10 field.version schema.toml")?;
        self.say("\n# Generate accessors; a development build gives a prefix:");
        self.postlink(&format!("{generate} --default prefix=/usr/local"))?;
        self.say("\n# A small library and a program ask for the values. Build and run them:");
        self.run("grep banner library.cc")?;
        self.run(&library)?;
        self.run(&program)?;
        self.run("./nix")?;
        self.say(
            "\n# The usual way to another version and prefix: generate, compile and link again:",
        );
        self.run("cp liblix.so liblix.unspecialized.so")?;
        let rebuild = self
            .postlink(&format!("{generate} --default {VERSION} --default {PREFIX}"))?
            + self.run(&library)?;
        self.say("\n# The same without a compiler: fill the library that was built first:");
        self.run("cp liblix.unspecialized.so liblix.so")?;
        let fill =
            self.postlink(&format!("fill --in-place liblix.so --set {VERSION} --set {PREFIX}"))?;
        self.say("\n# Nothing but the declared values changed:");
        self.postlink("verify liblix.unspecialized.so liblix.so")?;
        self.say("");
        self.run("./nix")?;
        self.say(&format!(
            "\nThe fill took {:.1} ms, the rebuild of this small library {:.0} ms: {:.0} times as long.",
            milliseconds(fill),
            milliseconds(rebuild),
            milliseconds(rebuild) / milliseconds(fill)
        ));
        Ok(())
    }

    fn say(&self, text: &str) {
        self.talk.say_lines(text);
    }

    fn postlink(&self, words: &str) -> Result<Duration> {
        let program = std::env::current_exe().map_err(Error::io("find", "the program postlink"))?;
        self.command(program, "postlink", words)
    }

    fn run(&self, line: &str) -> Result<Duration> {
        let (name, words) = line.split_once(' ').unwrap_or((line, ""));
        let program = match name.strip_prefix("./") {
            Some(local) => self.folder.join(local),
            None => name.into(),
        };
        self.command(program, name, words)
    }

    /// Shows a command as it would be typed, runs it, and shows its output.
    fn command(&self, program: PathBuf, name: &str, words: &str) -> Result<Duration> {
        let typed = format!("{name} {}", words.replace("$ORIGIN", "'$ORIGIN'"));
        let typed = typed.trim_end();
        self.say(&format!("$ {typed}"));
        let start = Instant::now();
        let output =
            Command::new(program).args(words.split_whitespace()).current_dir(self.folder).output();
        let took = start.elapsed();
        let output = output.map_err(Error::io("run", name))?;
        // It may have ended the command too.
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::input("stopped by a signal", ""));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        if !text.trim_end().is_empty() {
            self.say(text.trim_end());
        }
        if output.status.success() {
            return Ok(took);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::input(
            format!("`{typed}` failed: {}", said.trim_end()),
            "if the C++ compiler is older than C++17, name a newer one in CXX",
        ))
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
