//! `postlink demo`: what a user would type, really run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Exit, print};
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

pub(super) fn run(args: &Args) -> Result<Exit> {
    let compiler = compiler()?;
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
    let shell = Shell { folder, compiler };
    shell.play()?;
    Ok(Exit::Done)
}

/// The C++ compiler that is there.
fn compiler() -> Result<OsString> {
    let named = std::env::var_os("CXX").filter(|name| !name.is_empty());
    let candidates = named
        .map_or_else(|| ["c++", "g++", "clang++"].map(OsString::from).to_vec(), |name| vec![name]);
    let works = |name: &&OsString| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    candidates.iter().find(works).cloned().ok_or_else(|| {
        let tried: Vec<_> = candidates.iter().map(|name| name.to_string_lossy()).collect();
        Error::input(
            format!("no C++ compiler runs: tried {}", postlink_codegen::listed(&tried)),
            "install one (on Debian: apt-get install g++), or name it in CXX",
        )
    })
}

struct Shell<'a> {
    folder: &'a Path,
    compiler: OsString,
}

impl Shell<'_> {
    fn play(&self) -> Result<()> {
        let generate =
            "generate --schema schema.toml --out-header lix.gen.hh --out-source lix.gen.cc";
        let library = "-std=c++17 -O2 -fPIC -shared -o liblix.so library.cc lix.gen.cc";

        print(
            "# schema.toml declares what is only known after the build (postlink demo DIR leaves it in DIR).",
        );
        print("# Generate accessors; a development build knows a prefix:");
        self.postlink(&format!("{generate} --default prefix=/usr/local"))?;
        print(
            "\n# Build a library that carries the values and a program that asks for them, and run it:",
        );
        self.compile(library)?;
        self.compile("-std=c++17 -O2 -o nix program.cc -L. -llix -Wl,-rpath,$ORIGIN")?;
        self.run("./nix")?;
        print("\n# The usual way to a new version and prefix: generate, compile and link again:");
        self.copy("liblix.so", "liblix.unspecialized.so")?;
        let rebuild = self
            .postlink(&format!("{generate} --default {VERSION} --default {PREFIX}"))?
            + self.compile(library)?;
        print("\n# The same without a compiler: fill the library that was built first:");
        self.copy("liblix.unspecialized.so", "liblix.so")?;
        let fill =
            self.postlink(&format!("fill --in-place liblix.so --set {VERSION} --set {PREFIX}"))?;
        print("\n# Nothing but the declared values changed:");
        self.postlink("verify liblix.unspecialized.so liblix.so")?;
        print("");
        self.run("./nix")?;
        print(&format!(
            "\nThe fill took {:.1} ms, the rebuild of this small library {:.0} ms: {:.0} times as long.",
            milliseconds(fill),
            milliseconds(rebuild),
            milliseconds(rebuild) / milliseconds(fill)
        ));
        Ok(())
    }

    fn postlink(&self, words: &str) -> Result<Duration> {
        let program = std::env::current_exe().map_err(Error::io("find", "the program postlink"))?;
        self.command("postlink", program.as_os_str(), words)
    }

    fn compile(&self, words: &str) -> Result<Duration> {
        self.command(&self.compiler.to_string_lossy(), &self.compiler, words)
    }

    fn run(&self, name: &str) -> Result<Duration> {
        self.command(name, self.folder.join(name).as_os_str(), "")
    }

    fn copy(&self, from: &str, to: &str) -> Result<Duration> {
        self.command("cp", "cp".as_ref(), &format!("{from} {to}"))
    }

    /// Shows a command as it would be typed, runs it, shows what it prints.
    fn command(&self, shown: &str, program: &std::ffi::OsStr, words: &str) -> Result<Duration> {
        let typed = words.replace("$ORIGIN", "'$ORIGIN'");
        print(format!("$ {shown} {typed}").trim_end());
        let start = Instant::now();
        let output =
            Command::new(program).args(words.split_whitespace()).current_dir(self.folder).output();
        let took = start.elapsed();
        let output = output.map_err(Error::io("run", shown))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !text.trim_end().is_empty() {
            print(text.trim_end());
        }
        if output.status.success() {
            return Ok(took);
        }
        Err(Error::input(
            format!(
                "`{shown} {typed}` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            ),
            "if the C++ compiler is older than C++17, name a newer one in CXX",
        ))
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
