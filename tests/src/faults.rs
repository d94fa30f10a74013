//! Each call of the system that a command makes, in turn: it fails, does nothing, or is the last one.
//!
//! There is no fourth outcome: 0, and all files are those of a good run; 1 or 3, and all are as they were;
//! killed, and each is the old one or the new one, and the next run makes the new ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub mod cases;
mod kills;

pub use self::kills::{Phase, Phases, ended_by_signals};

use crate::matrix::is_full;
use crate::{Folder, Run, postlink};

/// Calls at which signals come that a program may take for something else than its end.
const WRITING: &[&str] = &[
    "openat",
    "copy_file_range",
    "pwrite64",
    "write",
    "fchmod",
    "linkat",
    "renameat",
    "rename",
    "mkdirat",
    "unlinkat",
];

/// What goes wrong, as `strace` has it, and the calls with which that is tried; none: with all.
const FAULTS: &[(&str, &[&str])] = &[
    ("error=EIO", &[]),
    ("signal=KILL", &[]),
    ("retval=0", &["write", "pwrite64", "copy_file_range"]),
    (
        "error=EINTR",
        &["read", "write", "pread64", "pwrite64", "openat", "openat2", "flock", "ftruncate"],
    ),
    (
        "error=ENOSPC",
        &[
            "write",
            "pwrite64",
            "copy_file_range",
            "openat",
            "linkat",
            "renameat",
            "rename",
            "mkdir",
            "symlinkat",
            "symlink",
            "link",
            "ftruncate",
            "fsetxattr",
        ],
    ),
    (
        "error=EACCES",
        &[
            "openat",
            "openat2",
            "statx",
            "newfstatat",
            "readlink",
            "readlinkat",
            "linkat",
            "renameat",
            "rename",
            "mkdir",
            "mkdirat",
            "symlinkat",
            "symlink",
            "link",
            "unlink",
            "rmdir",
            "unlinkat",
        ],
    ),
    (
        "error=EPERM",
        &[
            "fchmod",
            "fchown",
            "chmod",
            "fsetxattr",
            "flistxattr",
            "fgetxattr",
            "utimensat",
            "lchown",
            "fchownat",
        ],
    ),
    ("error=EMFILE", &["openat", "openat2", "fcntl"]),
    (
        "error=ENAMETOOLONG",
        &["openat", "openat2", "mkdirat", "linkat", "renameat", "renameat2", "rename", "symlinkat"],
    ),
    ("error=EXDEV", &["linkat", "link", "renameat", "renameat2", "rename", "copy_file_range"]),
    ("error=EOPNOTSUPP", &["copy_file_range", "flock", "linkat", "lseek"]),
    ("error=EAGAIN", &["clone", "clone3"]),
    ("error=ENOMEM", &["openat", "openat2", "clone3"]),
    ("signal=INT", WRITING),
    ("signal=TERM", WRITING),
    ("signal=HUP", WRITING),
    ("signal=PIPE", WRITING),
];

/// Calls that are none of files, or where a program is killed by the system for what it has not done.
const TRACED: &str = "trace=%file,%desc,clone,clone3,ftruncate,truncate";
const LEFT_OUT: &[&str] =
    &["mmap", "poll", "execve", "ppoll", "epoll_wait", "epoll_ctl", "epoll_create1"];

/// So many are tried of each command, where not all are.
const SAMPLE: usize = 40;

/// Beside the mode: the file has other names.
const SHARED: u32 = 1 << 30;

/// A folder's files, each with its mode and its bytes or target.
type Files = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// A command, and the files that it finds.
pub struct Case {
    /// Has the folders `before` and `work`.
    folder: Folder,
    line: String,
    before: Files,
    good: Files,
    said: String,
    code: i32,
    /// Each call, and which one of its name in its thread.
    calls: Vec<(String, usize)>,
    /// What may be seen of a file that a kill left.
    mends: bool,
}

/// How often each outcome was seen: with 0, with 1, with 3, killed, or not begun.
#[derive(Default, Clone, Copy)]
struct Counts {
    done: usize,
    refused: usize,
    found: usize,
    killed: usize,
    not_begun: usize,
}

impl Case {
    /// Runs the command once, and keeps the calls that it makes. `folder` has the files in `before`; `@` in the
    /// line is the folder `work`.
    ///
    /// # Panics
    /// It does not end with `code`.
    #[must_use]
    pub fn new(folder: Folder, line: &str, code: i32) -> Self {
        let strace = |case: &Self| case.strace(&format!("-o ../trace -e {TRACED}"));
        let mut case = Self::run_once(folder, line, code, strace);
        case.calls = calls(&String::from_utf8_lossy(&case.folder.read("trace")));
        case
    }

    /// The same without the calls: of a command that makes too many.
    ///
    /// # Panics
    /// See [`Self::new`].
    #[must_use]
    pub fn untraced(folder: Folder, line: &str, code: i32) -> Self {
        Self::run_once(folder, line, code, |case| case.run(&case.line))
    }

    fn run_once(folder: Folder, line: &str, code: i32, run: impl Fn(&Self) -> Run) -> Self {
        let line = line.replace('@', folder.path("work").to_str().expect("UTF-8"));
        let mut case = Self {
            folder,
            line,
            before: Files::new(),
            good: Files::new(),
            said: String::new(),
            code,
            calls: Vec::new(),
            mends: false,
        };
        case.reset();
        case.before = case.files();
        let run = run(&case);
        assert_eq!(run.code, code, "{}\n{}\n{}", case.line, run.stdout, run.stderr);
        case.said = run.stdout;
        case.good = case.files();
        case.reset();
        case
    }

    /// The command writes into a file itself.
    #[must_use]
    pub fn in_place(self) -> Self {
        Self { mends: true, ..self }
    }

    fn reset(&self) {
        let copy = "chmod -R u+rwX work 2>/dev/null; rm -rf work && cp -a before work";
        self.folder.run_words("sh".as_ref(), &["-c", copy]).ok();
    }

    fn files(&self) -> Files {
        let mut files = Files::new();
        list(&self.folder.path("work"), Path::new(""), &mut files);
        files
    }

    fn strace(&self, options: &str) -> Run {
        let line = format!(
            "cd work && exec timeout 60 strace -f -qq -E RAYON_NUM_THREADS=1 {options} {} {}",
            postlink().display(),
            self.line
        );
        self.folder.run_words("sh".as_ref(), &["-c", &line])
    }

    fn run(&self, line: &str) -> Run {
        let line = format!("cd work && exec {} {line}", postlink().display());
        self.folder.run_words("sh".as_ref(), &["-c", &line])
    }

    /// Tries all faults with all calls; without the full matrix, some of them.
    ///
    /// # Panics
    /// One of them has another outcome than there may be.
    pub fn try_all(&self) {
        let mut trials = Vec::new();
        for (fault, names) in FAULTS {
            for (call, nth) in &self.calls {
                if names.is_empty() || names.contains(&call.as_str()) {
                    trials.push((*fault, call.as_str(), *nth));
                }
            }
        }
        let step = if is_full() { 1 } else { trials.len().div_ceil(SAMPLE).max(1) };
        let trials: Vec<_> = trials.into_iter().step_by(step).collect();
        self.try_these(&trials);
    }

    /// Runs the command behind some words of a shell, such as `ulimit -n 9;` or `>/dev/full`. Gives what it said.
    ///
    /// # Panics
    /// See [`Self::try_all`].
    pub fn behind(&self, words: &str) -> Run {
        let program = postlink().display();
        let exec = if words.starts_with("exec ") { "" } else { "exec" };
        let line = format!("cd work && {words} {exec} {program} {}", self.line);
        let run = self.folder.run_words("bash".as_ref(), &["-c", &line]);
        let judged = self.judge(&run, &self.files(), words, &mut Counts::default());
        assert_eq!(judged, Ok(()), "{line}: {} {} {}", run.code, run.stdout, run.stderr);
        if self.files() != self.before {
            self.reset();
        }
        run
    }

    /// The folder that has the folders of the files.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Tries one fault with each call of a name.
    ///
    /// # Panics
    /// See [`Self::try_all`]; the command makes no such call.
    pub fn try_each(&self, fault: &str, call: &str) {
        let calls = self.calls.iter().filter(|(name, _)| name == call);
        let trials: Vec<_> = calls.map(|(name, nth)| (fault, name.as_str(), *nth)).collect();
        assert!(!trials.is_empty(), "{}: no {call}", self.line);
        self.try_these(&trials);
    }

    fn try_these(&self, trials: &[(&str, &str, usize)]) {
        let mut table: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut wrong = String::new();
        let mut sentences: BTreeMap<String, String> = BTreeMap::new();
        let leaves = |fault: &str, call: &str| {
            // What cannot be removed now is removed by the next run.
            let is_removing = ["unlink", "unlinkat", "rmdir"].contains(&call);
            is_removing && fault != "signal=KILL"
        };
        for (fault, call, nth) in trials {
            let run = self.strace(&format!(
                "-o /dev/null -e trace={call} -e inject={call}:{fault}:when={nth}"
            ));
            let counts = table.entry(fault).or_default();
            let mut after = self.files();
            if leaves(fault, call) {
                after.retain(|path, _| !is_ours(path));
            }
            if let Err(why) = self.judge(&run, &after, call, counts) {
                let _ = writeln!(
                    wrong,
                    "{fault} {call} {nth}: {why}\n  {} {:?} {:?}",
                    run.code, run.stderr, run.stdout
                );
            }
            let first = run.stderr.lines().next().unwrap_or_default().to_owned();
            sentences
                .entry(format!("{} {first}", run.code))
                .or_insert(format!("{fault} {call} {nth}"));
            if self.files() != self.before {
                self.reset();
            }
        }
        let mut text = format!("{}\n", self.line);
        for (fault, Counts { done, refused, found, killed, not_begun }) in table {
            let _ = writeln!(
                text,
                "{fault:20} {done:5} done {refused:5} refused {found:5} found {killed:5} killed {not_begun:5} not begun"
            );
        }
        if is_full() {
            for (sentence, first) in sentences {
                let _ = writeln!(text, "  {first}: {sentence}");
            }
        }
        println!("{text}");
        assert!(wrong.is_empty(), "{text}\n{wrong}");
    }

    /// What is wrong with an outcome. `tried` is the call that failed, or the words in front of the command.
    fn judge(
        &self,
        run: &Run,
        after: &Files,
        tried: &str,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let is_elsewhere = tried.contains('>');
        let untold = is_elsewhere || run.stderr.contains("cannot write to standard output");
        match run.code {
            // That the system did not give the bytes of an archive is told among what is left.
            3 if self.code == 3 && run.stdout.contains("it cannot be unpacked: Input/output") => {
                counts.found += 1;
            }
            code if code == self.code => {
                match code {
                    0 => counts.done += 1,
                    _ => counts.found += 1,
                }
                differs(after, &self.good)?;
                if run.stdout != self.said && !untold {
                    return Err(format!("it says something else: {:?}", self.said));
                }
            }
            1 if untold && (is_elsewhere || tried == "write") => {
                counts.refused += 1;
                differs(after, &self.good)?;
            }
            code if code == 1 || is_stopped(run) => {
                counts.refused += 1;
                differs(after, &self.before)?;
                if !run.stderr.starts_with("error: ") && !run.stderr.is_empty() {
                    return Err("no error is told".to_owned());
                }
            }
            3 => {
                counts.found += 1;
                differs(after, &self.before)?;
            }
            127 if run.stderr.contains("error while loading shared libraries") => {
                counts.not_begun += 1;
                differs(after, &self.before)?;
            }
            // Without the memory for the program itself, the system ends it.
            139 if tried.starts_with("ulimit -v") && run.stderr.is_empty() => {
                counts.not_begun += 1;
                differs(after, &self.before)?;
            }
            // Where there is no memory, the standard library ends the process, or the system's does.
            134 if run.stderr.contains("memory allocation of ")
                || run.stderr.contains("out of memory") =>
            {
                counts.killed += 1;
                self.judge_killed(after)?;
            }
            // By SIGHUP, SIGINT, SIGKILL or SIGTERM; by SIGPIPE before the program ignores it.
            129 | 130 | 137 | 141 | 143 => {
                counts.killed += 1;
                self.judge_killed(after)?;
            }
            code => return Err(format!("the exit code is {code}")),
        }
        Ok(())
    }

    fn judge_killed(&self, after: &Files) -> Result<(), String> {
        for (path, file) in after {
            let is_known = [&self.before, &self.good].iter().any(|files| {
                // A second name goes with the next run.
                files
                    .get(path)
                    .is_some_and(|one| (one.0 & !SHARED, &one.1) == (file.0 & !SHARED, &file.1))
            });
            if is_ours(path) || is_known {
                continue;
            }
            if !self.mends {
                return Err(format!("after the kill, {} is neither old nor new", path.display()));
            }
            let name = path.to_str().unwrap_or_default();
            let seen = self.folder.postlink(&format!("inspect work/{name}"));
            if seen.code == 0 || !seen.stderr.contains("interrupted") {
                return Err(format!("inspect does not see it: {} {}", seen.stdout, seen.stderr));
            }
            let run = self.folder.run(&format!("./work/{name}"));
            if run.code != 134 || !run.stderr.contains("a fill was interrupted") {
                return Err(format!("it does not see that itself: {} {}", run.code, run.stderr));
            }
        }
        let is_there = self.good.iter().all(|(path, file)| after.get(path) == Some(file));
        // What a fill in place was writing is known by nothing but its values.
        let reset = if self.mends { " --reset" } else { "" };
        let again = self.run(&format!("{}{reset}", self.line));
        let now = self.files();
        if again.code != self.code && !(is_there && again.stderr.contains("exists already")) {
            return Err(format!("the next run: {} {}", again.code, again.stderr));
        }
        differs(&now, &self.good).map_err(|why| format!("after the next run: {why}"))
    }
}

/// A signal has ended the run, and it has cleaned up and told that before.
fn is_stopped(run: &Run) -> bool {
    [129, 130, 143].contains(&run.code) && run.stderr.contains("stopped by a signal")
}

/// What a run that was killed leaves to the next one.
fn is_ours(path: &Path) -> bool {
    path.iter().any(|part| part.to_string_lossy().starts_with(".postlink-"))
}

fn differs(after: &Files, expected: &Files) -> Result<(), String> {
    for (path, (mode, bytes)) in expected {
        let Some((other, content)) = after.get(path) else {
            return Err(format!("{} is gone", path.display()));
        };
        if mode != other {
            return Err(format!("{} has the mode {other:o} and not {mode:o}", path.display()));
        }
        if bytes != content {
            return Err(format!("{} has another content", path.display()));
        }
    }
    match after.keys().find(|path| !expected.contains_key(*path)) {
        Some(path) => Err(format!("{} is there", path.display())),
        None => Ok(()),
    }
}

fn list(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = folder.join(entry.file_name());
        let metadata = entry.metadata().expect("an entry");
        let content = if metadata.is_dir() {
            list(root, &name, files);
            Vec::new()
        } else if metadata.is_symlink() {
            fs::read_link(entry.path()).expect("a link").into_os_string().into_encoded_bytes()
        } else {
            fs::read(entry.path()).expect("a file")
        };
        let is_shared = metadata.nlink() > 1 && metadata.is_file();
        let mode = metadata.permissions().mode() | if is_shared { SHARED } else { 0 };
        files.insert(name, (mode, content));
    }
}

/// The calls in a trace, each with its number among those of its name in its thread. Those that the
/// system's loader and the start of a Rust program make are left out.
fn calls(trace: &str) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = Vec::new();
    let mut begun = false;
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        let call = (name.to_owned(), *count);
        if begun && !LEFT_OUT.contains(&name) && !found.contains(&call) {
            found.push(call);
        }
        // The last thing that happens before `main`.
        begun |= rest.contains("= 258") || rest.contains("/proc/self/maps");
    }
    found
}
