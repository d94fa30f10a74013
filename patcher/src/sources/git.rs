//! Facts of a git repository, by the program `git`: what it says is what its users know, with worktrees,
//! submodules, `safe.directory` and all. A library was weighed: gix with what is needed here
//! is 86 more crates beside some hundred, 110 seconds of one processor to build, and 3 MB of program.
//!
//! **What runs.** A repository's own configuration may name programs, and one that was unpacked from an
//! archive was configured by a stranger. So hooks and the file system monitor are off, nothing is fetched,
//! no pager and no prompt is started, and no file of the repository is written. Filters cannot be off:
//! whether a file has changed depends on them. Where the repository itself names one, it is refused to look
//! whether files have changed. The user's own configuration is the user's.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::answer::{Answer, moment};
use super::process::{Said, run};
use crate::error::{Error, Result};
use crate::shown::{escaped, line, shown};

/// Variables that name a repository or a part of one (`git rev-parse --local-env-vars`, without those that
/// bring configuration).
const PLACES: [&str; 12] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The most bytes of an answer.
const ANSWER: u64 = 1 << 20;
/// The most bytes of a list of files: of some million files.
const LIST: u64 = 256 << 20;

/// A repository that has a commit, and a folder in it. All facts are of that commit, whatever is committed
/// meanwhile; but for the branch, which is the one of the moment when it is asked for.
#[derive(Debug)]
pub(super) struct Repository {
    git: Git,
    /// The top of the work tree.
    top: Option<PathBuf>,
    /// The folder `.git`.
    dir: PathBuf,
    is_shallow: bool,
    /// The full name of the commit.
    commit: String,
    is_dirty: OnceLock<bool>,
}

impl Repository {
    /// The repository that `root` is in, or the current folder. A folder that it does not know anything in is
    /// refused: it is something else that only lies there, such as an unpacked archive.
    ///
    /// # Errors
    /// No git, no repository, no commit, nothing of it in the folder.
    pub(super) fn open(root: Option<PathBuf>) -> Result<Self> {
        let git = Git { root };
        let path =
            |words: &[&str]| Ok::<_, Error>(PathBuf::from(OsString::from_vec(git.line(words)?)));
        let dir = path(&["rev-parse", "--absolute-git-dir"])?;
        let is = |what| Ok::<_, Error>(git.text(&["rev-parse", what])? == "true");
        let is_shallow = is("--is-shallow-repository")?;
        // A folder `.git` and a bare repository have none.
        let top = git.run(&["rev-parse", "--show-toplevel"])?;
        let top =
            top.status.success().then(|| PathBuf::from(OsString::from_vec(one_line(top.stdout))));
        let commit = git.run(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
        if !commit.status.success() {
            return Err(Error::input(
                format!("the git repository {} has no commit", escaped(&dir)),
                "commit first, or give the value with --set",
            ));
        }
        let commit = text(&commit.stdout)?;
        let is_top = git.line(&["rev-parse", "--show-prefix"])?.is_empty();
        if !is_top && git.bytes(&["ls-tree", "-z", "--name-only", &commit])?.is_empty() {
            return Err(Error::input(
                format!(
                    "the git repository {} has nothing in the folder {}, which may be of another project",
                    escaped(&dir),
                    git.shown()
                ),
                "name the folder of the sources with --git-root, or give the value with --set",
            ));
        }
        Ok(Self { git, top, dir, is_shallow, commit, is_dirty: OnceLock::new() })
    }

    /// The repository, for a message.
    pub(super) fn place(&self) -> String {
        escaped(self.top.as_ref().unwrap_or(&self.dir))
    }

    /// `git describe --tags --always --dirty`.
    pub(super) fn describe(&self) -> Result<String> {
        if self.is_shallow {
            return self.with_dirty(self.tag_of_shallow()?);
        }
        self.with_dirty(self.git.text(&["describe", "--tags", "--always", &self.commit])?)
    }

    /// The same where there is a tag, without its `v`.
    pub(super) fn version(&self) -> Result<String> {
        let described = match self.is_shallow {
            true => self.tag_of_shallow()?,
            false => self.git.text(&["describe", "--tags", &self.commit])?,
        };
        let is_version = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        let version = described.strip_prefix('v').unwrap_or(&described).to_owned();
        if !is_version(&version) {
            return Err(Error::input(
                format!(
                    "the tag that git describes the commit by, `{}`, is no version",
                    line(described)
                ),
                "take it as it is with `git:describe`; or tag versions as `v1.2.3` or `1.2.3`",
            ));
        }
        self.with_dirty(version)
    }

    pub(super) fn commit(&self) -> String {
        self.commit.clone()
    }

    pub(super) fn short(&self) -> Result<String> {
        self.git.text(&["rev-parse", "--verify", "--short", &self.commit])
    }

    pub(super) fn tag(&self) -> Result<String> {
        self.git.text(&["describe", "--tags", "--exact-match", &self.commit])
    }

    /// The tag of the commit, which has to have one: without the history, no earlier one is known.
    fn tag_of_shallow(&self) -> Result<String> {
        if self.git.bytes(&["tag", "--points-at", &self.commit])?.is_empty() {
            return Err(self.shallow());
        }
        self.tag()
    }

    pub(super) fn branch(&self) -> Result<String> {
        let said = self.git.run(&["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        if !said.status.success() {
            return Err(Error::input(
                format!("the git repository {} is at a commit, and at no branch", self.place()),
                "check out a branch, or give the value with --set: CI has it in a variable of its own",
            ));
        }
        text(&said.stdout)
    }

    /// When the commit was made, by its committer.
    pub(super) fn date(&self) -> Result<Answer> {
        let said = self.git.text(&["rev-list", "--max-count=1", "--timestamp", &self.commit])?;
        let seconds = said.split(' ').next().unwrap_or_default();
        moment(seconds).ok_or_else(|| {
            let message = format!(
                "the date of the commit, `{}`, is no moment from 1970 to 9999",
                line(seconds)
            );
            Error::input(message, "give the value with --set")
        })
    }

    /// Whether tracked files, also of submodules, differ from the commit.
    pub(super) fn is_dirty(&self) -> Result<bool> {
        if let Some(known) = self.is_dirty.get() {
            return Ok(*known);
        }
        let Some(top) = &self.top else {
            return Err(Error::input(
                format!(
                    "{} is no work tree, so that nothing tells whether files have changed",
                    escaped(&self.dir)
                ),
                "name the folder of the sources with --git-root; or take `git:commit` or `git:tag`, which are of the commit alone",
            ));
        };
        self.git.check_filters(top, &mut BTreeSet::new())?;
        // The repository may say that submodules are not to be looked into; untracked files are no sources
        // there either.
        let status = [
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=no",
            "--ignore-submodules=untracked",
            "--no-renames",
        ];
        let is_dirty = !self.git.bytes(&status)?.is_empty();
        // That was compared with the commit of now.
        if self.git.text(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])? != self.commit {
            return Err(Error::input(
                format!("the git repository {} has another commit than a moment ago", self.place()),
                "do it again when nobody commits",
            ));
        }
        Ok(*self.is_dirty.get_or_init(|| is_dirty))
    }

    fn with_dirty(&self, described: String) -> Result<String> {
        Ok(if self.is_dirty()? { described + "-dirty" } else { described })
    }

    fn shallow(&self) -> Error {
        Error::input(
            format!(
                "the clone {} is shallow and its commit has no tag, so that git cannot describe it",
                self.place()
            ),
            "get the history and the tags: git fetch --unshallow --tags (`fetch-depth: 0` of actions/checkout); \
             or take `git:commit`",
        )
    }
}

/// The program `git`, in a folder.
#[derive(Debug)]
struct Git {
    /// `None`: the current folder; then the environment may name the repository, as for git itself.
    root: Option<PathBuf>,
}

impl Git {
    /// Refuses a repository whose own configuration names programs that filter files; and each submodule.
    fn check_filters(&self, top: &Path, seen: &mut BTreeSet<PathBuf>) -> Result<()> {
        if !seen.insert(top.canonicalize().map_err(Error::io("open", top))?) {
            return Ok(());
        }
        let list = self.bytes(&["config", "--list", "--show-scope", "--name-only", "-z"])?;
        let words: Vec<&[u8]> = list.split(|&byte| byte == 0).collect();
        for pair in words.chunks(2) {
            let [scope @ (b"local" | b"worktree"), key] = pair else { continue };
            let runs = key.ends_with(b".clean") || key.ends_with(b".process");
            if key.starts_with(b"filter.") && runs {
                let (scope, key) = (shown(scope), shown(key));
                return Err(Error::input(
                    format!(
                        "to see whether files have changed, git would run a program that the configuration of the \
                         repository {} names ({scope}: {key})",
                        escaped(top)
                    ),
                    "if you trust it, ask git yourself: --set FIELD=\"$(git describe --tags --always --dirty)\"; \
                     or take `git:commit`",
                ));
            }
        }
        let entries = self.bytes(&["ls-files", "-z", "--stage", "--full-name", "--", ":/"])?;
        for entry in entries.split(|&byte| byte == 0) {
            // MODE OBJECT STAGE, a tab, the path.
            let path = entry
                .strip_prefix(b"160000 ")
                .and_then(|rest| rest.splitn(2, |&byte| byte == b'\t').nth(1));
            let Some(path) = path else { continue };
            let path = top.join(OsStr::from_bytes(path));
            if path.join(".git").symlink_metadata().is_ok() {
                Self { root: Some(path.clone()) }.check_filters(&path, seen)?;
            }
        }
        Ok(())
    }

    /// The one line that git answers, as text.
    fn text(&self, words: &[&str]) -> Result<String> {
        text(&self.bytes(words)?)
    }

    /// The one line that git answers, of any bytes.
    fn line(&self, words: &[&str]) -> Result<Vec<u8>> {
        Ok(one_line(self.bytes(words)?))
    }

    /// What git answers.
    fn bytes(&self, words: &[&str]) -> Result<Vec<u8>> {
        let said = self.run(words)?;
        if said.status.success() { Ok(said.stdout) } else { Err(self.refused(words, &said)) }
    }

    fn run(&self, words: &[&str]) -> Result<Said> {
        let mut git = Command::new("git");
        git.args(["--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false"]);
        git.args(["-c", "core.hooksPath=/dev/null"]).args(words);
        // Messages are told from one another; nothing is fetched or asked.
        git.env("LC_ALL", "C").env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
        git.env("GIT_TERMINAL_PROMPT", "0").env_remove("GIT_LITERAL_PATHSPECS");
        if let Some(root) = &self.root {
            for name in PLACES {
                git.env_remove(name);
            }
            // The system's error of a folder that is not there would be taken for one of git.
            root.metadata().map_err(Error::io("open", root))?;
            git.current_dir(root);
        }
        let longest = match words.first() {
            Some(&("ls-files" | "ls-tree" | "status")) => LIST,
            _ => ANSWER,
        };
        run(git, longest).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::input(
                "the program `git` is not on PATH",
                "install git, or give the value with --set",
            ),
            _ => Error::input(format!("cannot run `git`: {error}"), "give the value with --set"),
        })
    }

    fn refused(&self, words: &[&str], said: &Said) -> Error {
        let all = String::from_utf8_lossy(&said.stderr);
        let first = all.lines().find(|line| line.starts_with("fatal: ")).or(all.lines().next());
        let why = first.map(|line| line.trim_start_matches("fatal: "));
        let why = why.map_or_else(|| format!("it ended with {}", said.status), line);
        let help = if why.contains("dubious ownership") || why.contains("unsafe repository") {
            "the folder is another user's; if you trust what is in it: git config --global --add safe.directory FOLDER"
        } else if why.starts_with("not a git repository") {
            "name the folder of the sources with --git-root; where there is no repository, as in an unpacked \
             archive, give the value with --set"
        } else if words.contains(&"describe") {
            "tag the commit or one before it, and get the tags: git fetch --tags; or take `git:describe`, which is \
             the commit's name where there is no tag, or `git:commit`"
        } else {
            "see what git says there, or give the value with --set"
        };
        Error::input(format!("git says of {}: {why}", self.shown()), help)
    }

    /// The folder, for a message.
    fn shown(&self) -> String {
        let current = || std::env::current_dir().unwrap_or_default();
        escaped(self.root.clone().unwrap_or_else(current))
    }
}

/// An answer without the line feed at its end.
fn one_line(mut answer: Vec<u8>) -> Vec<u8> {
    answer.pop_if(|last| *last == b'\n');
    answer
}

/// An answer of one line, as text.
fn text(bytes: &[u8]) -> Result<String> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty());
    text.filter(|text| !text.chars().any(char::is_control)).map(str::to_owned).ok_or_else(|| {
        Error::input(
            format!("git's answer, `{}`, is not one line of UTF-8", shown(bytes)),
            "give the value with --set",
        )
    })
}
