//! What the tests share: a folder of their own, commands that are really run, goldens.
#![forbid(unsafe_code)]

pub mod archive;
pub mod covering;
pub mod crates;
pub mod faults;
pub mod hostile;
pub mod lix;
pub mod lix_shaped;
pub mod macho;
pub mod matrix;
pub mod model;
pub mod nix;
pub mod package;
pub mod page;
pub mod random;
pub mod reads;
pub mod repository;
pub mod rust;
mod untouched;
pub mod windows;

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::ThreadId;
use std::time::Duration;

use tempfile::TempDir;

use self::untouched::End;

/// The compilers that every test of compiled code uses.
pub const COMPILERS: [&str; 2] = ["g++", "clang++-19"];
/// Warnings that generated code must not give.
pub const STRICT: &[&str] =
    &["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"];

/// One of these compilers, with sanitizers for addresses and undefined behaviour: what they find stops
/// the program.
#[must_use]
pub fn sanitized(compiler: &str) -> String {
    fixture("../sanitized").join(compiler).display().to_string()
}

/// What a command printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    shown: String,
}

impl Run {
    fn of(command: &Command, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            shown: format!("{command:?}"),
        }
    }

    /// Its standard output; it must have ended well.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}\n{}", self.shown, self.stdout, self.stderr);
        self.stdout
    }

    /// All that it said; it must have ended with this code.
    ///
    /// # Panics
    /// It did not, or it panicked.
    #[track_caller]
    pub fn fails_with_output(self, code: i32) -> String {
        let stdout = self.stdout.clone();
        stdout + &self.fails(code)
    }

    /// Its standard error; it must have ended with this code.
    ///
    /// # Panics
    /// It did not, or it panicked.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}\n{}", self.shown, self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// A new folder, removed at the end, in which commands run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The one that made it, and alone changes it, together with what it runs.
    owner: Option<ThreadId>,
    /// Removes it at the end.
    _temporary: Option<TempDir>,
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    /// There is no room for it.
    #[must_use]
    pub fn new() -> Self {
        Self::of(TempDir::with_prefix("postlink-test-").expect("a temporary folder"))
    }

    /// One on a ram disk.
    ///
    /// # Panics
    /// There is none, or no room on it.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::of(TempDir::with_prefix_in("postlink-test-", "/dev/shm").expect("a folder in memory"))
    }

    fn of(temporary: TempDir) -> Self {
        let owner = Some(std::thread::current().id());
        Self { path: temporary.path().to_owned(), owner, _temporary: Some(temporary) }
    }

    /// Something else changes it too: a run says nothing of what changed.
    #[must_use]
    pub fn changed_by_others(self) -> Self {
        Self { owner: None, ..self }
    }

    /// The folder of this name under the target folder, which is kept for the next run.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn kept(name: &str) -> Self {
        let target = postlink().ancestors().nth(2).expect("the target folder");
        let path = target.join(name);
        std::fs::create_dir_all(&path).expect(name);
        Self { path, owner: None, _temporary: None }
    }

    /// The path of a file in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect(name);
    }

    /// Reads a file.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect(name)
    }

    /// Copies a file.
    ///
    /// # Panics
    /// It cannot be copied.
    #[track_caller]
    pub fn copy(&self, from: &str, to: &str) {
        std::fs::copy(self.path(from), self.path(to)).expect(from);
    }

    /// The names of all files in it, sorted.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).expect("the folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Runs a command in the folder: the words of `line`, split at spaces.
    ///
    /// # Panics
    /// The program is not there: nothing is skipped.
    #[track_caller]
    pub fn run(&self, line: &str) -> Run {
        let words: Vec<&str> = line.split_whitespace().collect();
        let program = words.first().expect("a command");
        let program = match program.strip_prefix("./") {
            Some(local) => self.path(local).into_os_string(),
            None => program.into(),
        };
        self.run_words(&program, &words[1..])
    }

    /// Runs a program with these arguments in the folder.
    ///
    /// # Panics
    /// The program is not there: nothing is skipped.
    #[track_caller]
    pub fn run_words<S: AsRef<OsStr>>(&self, program: &OsStr, words: &[S]) -> Run {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.path).stdin(Stdio::null());
        let is_ours = Path::new(program).file_name() == Some("postlink".as_ref());
        let is_own = self.owner == Some(std::thread::current().id());
        let before = (is_ours && is_own).then(|| untouched::snapshot(&self.path));
        let mut output = command.output();
        // A program that another thread started meanwhile holds what was open for writing, for the
        // moment between fork and exec.
        let is_busy = |output: &io::Result<Output>| {
            output.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ExecutableFileBusy)
        };
        for _ in 0..100 {
            if !is_busy(&output) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
            output = command.output();
        }
        let output = output.unwrap_or_else(|error| {
            panic!("{}: {error}; tests/run installs it", program.display())
        });
        let run = Run::of(&command, output);
        if let Some(before) = before {
            let words: Vec<_> = words.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
            let end = End { words: &words, code: run.code, stderr: &run.stderr };
            untouched::check(&self.path, &before, &untouched::snapshot(&self.path), &end);
        }
        run
    }

    /// Runs `postlink` in the folder.
    #[track_caller]
    pub fn postlink(&self, line: &str) -> Run {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run_words(postlink().as_os_str(), &words)
    }
}

/// The program `postlink`, built from the sources that are there.
pub fn postlink() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("postlink-patcher", "postlink", "debug", &[]))
}

/// The same, optimised: for what would take hours.
pub fn fast_postlink() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("postlink-patcher", "postlink", "release", &["--release"]))
}

/// The program `postlink-generate`, which has nothing of the patcher.
pub fn generator() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("postlink-codegen", "postlink-generate", "debug", &[]))
}

/// The same for C++ only, with the fewest crates.
pub fn cpp_generator() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let more = ["--no-default-features", "--features", "program"];
        built("postlink-codegen", "postlink-generate", "cpp-only/debug", &more)
    })
}

/// A program, built into a folder of the target folder.
///
/// # Panics
/// It does not build.
fn built(package: &str, program: &str, folder: &str, more: &[&str]) -> PathBuf {
    // The tests are in target/PROFILE/deps.
    let tests = std::env::current_exe().expect("the path of the test");
    let target = tests.ancestors().nth(3).expect("the target folder");
    let folder = target.join(folder);
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--package", package, "--bin", program]).args(more);
    command.arg("--target-dir").arg(folder.parent().expect("a target folder"));
    let status = command.current_dir(fixture("../..")).status();
    assert!(status.expect("cargo").success(), "{program} does not build");
    folder.join(program)
}

/// Asserts that `reader.py`, which was written from the specification alone, says of an image what
/// `inspect --json` says.
///
/// # Panics
/// They differ, or one of them refuses it.
#[track_caller]
pub fn readers_agree(folder: &Folder, image: &str) {
    let reader = fixture("../reader.py").display().to_string();
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("one object");
    let ours = parse(&folder.postlink(&format!("inspect --json {image}")).ok());
    let theirs = parse(&folder.run(&format!("python3 {reader} {image}")).ok());
    assert_eq!(ours, theirs, "{image}");
}

/// Where the record of a section begins in an image, and the record's layout.
///
/// # Panics
/// The image has no such record.
#[must_use]
pub fn place_of(folder: &Folder, image: &str, section: &str) -> (usize, postlink_codegen::Layout) {
    let file = folder.read(image);
    let starts = file.windows(8).enumerate().filter(|(_, bytes)| *bytes == postlink_format::MAGIC);
    let mut records =
        starts.filter_map(|(at, _)| Some((at, postlink_format::Record::parse(&file[at..]).ok()?)));
    let (at, record) = records.find(|(_, record)| record.name() == section).expect(section);
    (at, postlink_codegen::Shape::from_record(&record).expect(section).layout())
}

/// The path of a file under `tests/fixtures`.
#[must_use]
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The text of a file under `tests/fixtures`.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn fixture_text(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).expect(name)
}

/// Compares a text with the golden file of this name under `tests/golden`. With `POSTLINK_BLESS=1`
/// in the environment it is written instead.
///
/// # Panics
/// They differ.
#[track_caller]
pub fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("POSTLINK_BLESS").is_some() {
        std::fs::write(&path, actual).expect(name);
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{name} is another; POSTLINK_BLESS=1 accepts it. It is now:\n{actual}"
    );
}
