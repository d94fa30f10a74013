//! The recipe of `patcher/nix`, and Nix itself, with a store in a temporary folder.

use std::fs;
use std::path::PathBuf;

use crate::{Folder, Run, fixture, postlink};

/// A store, and `tests/fixtures/nix/lix.nix` with sources of its own.
///
/// Nothing is built in a sandbox: the compilers are those of this machine.
#[derive(Debug)]
pub struct Store {
    folder: Folder,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Only root can remove what is in folders that are not writable.
        let _ = self.folder.run("chmod -R u+w store");
    }
}

impl Store {
    /// An empty one.
    ///
    /// # Panics
    /// There is no room for it.
    #[must_use]
    pub fn new() -> Self {
        let folder = Folder::new();
        for made in ["conf", "home", "postlink/bin"] {
            fs::create_dir_all(folder.path(made)).expect(made);
        }
        folder.write(
            "conf/nix.conf",
            "sandbox = false\nbuild-users-group =\nsubstituters =\nexperimental-features = nix-command flakes\n",
        );
        // Nix hashes it at each evaluation: without debug information it is a tenth.
        let program = postlink().display();
        folder.run(&format!("strip -o postlink/bin/postlink {program}")).ok();
        let project = fixture("../lix-shaped").display().to_string();
        folder.run(&format!("cp -rL {project} source")).ok();
        Self { folder }
    }

    /// The folder: with `source`, the sources, and `store`.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Runs a command of Nix.
    #[track_caller]
    pub fn nix(&self, command: &str, words: &[&str]) -> Run {
        let place = |name: &str| self.folder.path(name).display().to_string();
        let mut all = vec![
            "-u".to_owned(),
            "NIX_REMOTE".to_owned(),
            "-u".to_owned(),
            "NIX_PATH".to_owned(),
            format!("NIX_STORE_DIR={}", place("store")),
            format!("NIX_LOCALSTATE_DIR={}", place("var")),
            format!("NIX_STATE_DIR={}", place("state")),
            format!("NIX_LOG_DIR={}", place("log")),
            format!("NIX_CONF_DIR={}", place("conf")),
            format!("HOME={}", place("home")),
            command.to_owned(),
        ];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        self.folder.run_words("env".as_ref(), &all)
    }

    /// Runs a command on `lix.nix`.
    #[track_caller]
    pub fn on_lix(&self, command: &str, options: &str) -> Run {
        let text = self.expression("all");
        let words: Vec<&str> =
            ["-E", &text].into_iter().chain(options.split_whitespace()).collect();
        self.nix(command, &words)
    }

    /// An expression in which the attributes of `lix.nix` are at hand, and `all` of them. It is a function
    /// of that file's options.
    #[must_use]
    pub fn expression(&self, text: &str) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        format!(
            "{{ ... }}@options: let all = import {} ({{ recipe = {}; postlink = {}; \
             source = {}; path = \"{}:{path}\"; }} // options); in with all; {text}",
            fixture("nix/lix.nix").display(),
            recipe().display(),
            self.folder.path("postlink").display(),
            self.folder.path("source").display(),
            fixture("../../target/python/bin").display(),
        )
    }

    /// An expression in which the attributes of `shapes.nix` are at hand.
    #[must_use]
    pub fn shapes(&self, expression: &str) -> String {
        let file = fixture("nix/shapes.nix");
        let source = self.folder.path("source").display().to_string();
        let text = format!("(import {} {{ inherit pkgs; source = {source}; }})", file.display());
        format!("({}) {{ }}", self.expression(&format!("with {text}; {expression}")))
    }

    /// Builds attributes of `lix.nix`, and gives the paths of their first outputs.
    #[track_caller]
    pub fn build(&self, options: &str) -> Vec<String> {
        let paths = self.on_lix("nix-build", options).ok();
        paths.lines().map(str::to_owned).collect()
    }

    /// The path of an attribute's derivation.
    #[track_caller]
    pub fn drv_path(&self, options: &str) -> String {
        let path = self.on_lix("nix-instantiate", &format!("{options} --quiet")).ok();
        path.trim().to_owned()
    }

    /// What an expression evaluates to; the attributes of `lix.nix` are at hand.
    ///
    /// # Panics
    /// It is no JSON.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> serde_json::Value {
        let text = format!("({}) {{ }}", self.expression(expression));
        let words = ["--eval", "--strict", "--json", "-E", text.as_str()];
        let printed = self.nix("nix-instantiate", &words).ok();
        serde_json::from_str(&printed).expect("JSON")
    }

    /// The paths that Nix found in a path of the store, sorted.
    #[track_caller]
    pub fn references(&self, path: &str) -> Vec<String> {
        let printed = self.nix("nix-store", &["--query", "--references", path]).ok();
        let mut all: Vec<String> = printed.lines().map(str::to_owned).collect();
        all.sort();
        all
    }

    /// Replaces a text in a file of the sources.
    ///
    /// # Panics
    /// It is not in it.
    #[track_caller]
    pub fn edit(&self, name: &str, old: &str, new: &str) {
        let name = format!("source/{name}");
        let text = String::from_utf8(self.folder.read(&name)).expect("text");
        assert!(text.contains(old), "{name}");
        self.folder.write(&name, text.replace(old, new));
    }
}

/// The folder of the recipe.
///
/// # Panics
/// It is not there.
#[must_use]
pub fn recipe() -> PathBuf {
    fixture("../../patcher/nix").canonicalize().expect("the recipe")
}
