//! Git repositories that tests make, apart from the machine's configuration.

use crate::{Folder, Run, fixture, postlink};

/// A folder in which scripts run with a git of their own.
#[derive(Debug, Default)]
pub struct Repository {
    /// The folder; `sources` is where the repository usually is.
    pub folder: Folder,
}

impl Repository {
    /// A repository `sources` with one commit, and beside it `lib.so` with this schema.
    #[must_use]
    pub fn with_library(schema: &str) -> Self {
        let folder = Folder::new();
        folder.write("schema.toml", schema);
        folder
            .postlink(
                "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc",
            )
            .ok();
        folder.run("g++ -std=c++17 -fPIC -shared app.gen.cc -o lib.so").ok();
        let here = Self { folder };
        here.sh("git init --quiet sources; cd sources; echo one > file; git add file; git commit --quiet --message one")
            .ok();
        here
    }

    /// Runs a script. `postlink` is on PATH; `VERSION` and the like are not set.
    pub fn sh(&self, script: &str) -> Run {
        let tools = postlink().parent().expect("a folder").display();
        self.folder.write(
            "gitconfig",
            "[user]\nname = A\nemail = a@b\n[init]\ndefaultBranch = main\n[protocol \"file\"]\nallow = always\n",
        );
        let home = self.folder.path("").display().to_string();
        let variables = [
            format!("PATH={tools}:{}", std::env::var("PATH").unwrap_or_default()),
            format!("GIT_CONFIG_GLOBAL={home}gitconfig"),
            format!("GIT_CEILING_DIRECTORIES={}", home.trim_end_matches('/')),
            format!("FIXTURES={}", fixture("").display()),
            "GIT_CONFIG_NOSYSTEM=1".to_owned(),
            "GIT_COMMITTER_DATE=2026-11-24T10:20:30+02:00".to_owned(),
        ];
        let mut words: Vec<&str> = vec!["-u", "SOURCE_DATE_EPOCH", "-u", "GIT_DIR"];
        words.extend(variables.iter().map(String::as_str));
        words.extend(["sh", "-e", "-c", script]);
        self.folder.run_words("env".as_ref(), &words)
    }

    /// The value of a field of `lib.so`.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let value = self.folder.postlink(&format!("inspect --field {name} lib.so")).ok();
        value.trim_end_matches('\n').to_owned()
    }
}
