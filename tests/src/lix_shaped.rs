//! The meson project `tests/lix-shaped`, configured, built and installed by meson and ninja.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Folder, Run, fixture, postlink};

/// A copy of the project, with what is built and installed from it.
#[derive(Debug)]
pub struct Project {
    folder: Folder,
    source: &'static str,
}

/// The project with its crates vendored. Tests share it and run at the same time: the name of a build
/// is used by one test only. Its folder is kept, so that its crates are compiled once.
///
/// # Panics
/// It cannot be copied, or its crates cannot be vendored.
pub fn project() -> &'static Project {
    static PROJECT: OnceLock<Project> = OnceLock::new();
    PROJECT.get_or_init(|| {
        let project = Project { folder: Folder::kept("lix-shaped"), source: "source" };
        let folder = &project.folder;
        for made in ["source", "changed", "builds", "places", "no-crates"] {
            let _ = fs::remove_dir_all(folder.path(made));
            fs::create_dir(folder.path(made)).expect(made);
        }
        folder.run(&format!("cp -rL {}/. source", fixture("../lix-shaped").display())).ok();
        let root = fixture("../..").canonicalize().expect("the repository").display().to_string();
        let manifest = String::from_utf8(folder.read("source/Cargo.toml")).expect("text");
        folder.write("source/Cargo.toml", manifest.replace("\"../../", &format!("\"{root}/")));
        // The same releases of the crates as ours; cargo drops those that are not needed.
        fs::copy(fixture("../../Cargo.lock"), folder.path("source/Cargo.lock")).expect("Cargo.lock");
        let cargo = env!("CARGO");
        project.run("source", &format!("{cargo} vendor --quiet --versioned-dirs ../vendor")).ok();
        fs::create_dir(folder.path("source/.cargo")).expect(".cargo");
        folder.write(
            "source/.cargo/config.toml",
            "[source.crates-io]\nreplace-with = 'vendored'\n[source.vendored]\ndirectory = '../vendor'\n",
        );
        project
    })
}

impl Project {
    /// The project with sources of its own in `changed`, which one test may change. The Rust part is
    /// still built in `source`: cargo would put what it makes of two copies at one place.
    #[must_use]
    pub fn with_changed_source(&self) -> Self {
        let script = "meson/postlink/cargo-build.sh";
        let source = self.folder.path("source").display().to_string();
        self.folder.run(&format!("cp -rT {source} changed")).ok();
        self.folder.write(
            &format!("changed/{script}"),
            format!("#!/bin/sh\nexec {source}/{script} \"$@\"\n"),
        );
        Self { folder: Folder::kept("lix-shaped"), source: "changed" }
    }

    /// The folder with `source`, and what is built and installed from it.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Runs a command in a folder of the project. It finds meson, ninja and `postlink` on its way, and
    /// no crates but those that are vendored.
    #[track_caller]
    pub fn run(&self, directory: &str, line: &str) -> Run {
        let path = std::env::var("PATH").unwrap_or_default();
        let tools = fixture("../../target/python/bin");
        let ours = postlink().parent().expect("a folder");
        let mut words = vec![
            format!("--chdir={}", self.folder.path(directory).display()),
            format!("PATH={}:{}:{path}", tools.display(), ours.display()),
            format!("CARGO_TARGET_DIR={}", self.folder.path("crates").display()),
        ];
        if !line.contains("cargo vendor") {
            words.push(format!("CARGO_HOME={}", self.folder.path("no-crates").display()));
        }
        words.extend(line.split_whitespace().map(str::to_owned));
        self.folder.run_words("env".as_ref(), &words)
    }

    /// Configures the project, to be installed in a place of its own.
    #[track_caller]
    pub fn configure(&self, name: &str, options: &str) -> Build<'_> {
        let build = Build { project: self, name: name.to_owned(), source: self.source };
        build.configure(options);
        build
    }

    /// Configures `nix-eval-jobs`, which finds the library that `lix` installed.
    #[track_caller]
    pub fn configure_eval_jobs(
        &self,
        lix: &Build<'_>,
        pkgconfig: &Path,
        options: &str,
    ) -> Build<'_> {
        let source = "source/nix-eval-jobs";
        let build = Build { project: self, name: format!("{}-eval", lix.name), source };
        build.configure(&format!("-Dpkg_config_path={} {options}", pkgconfig.display()));
        build
    }
}

/// A build folder, and the place where its result is installed.
#[derive(Debug)]
pub struct Build<'a> {
    project: &'a Project,
    name: String,
    source: &'a str,
}

impl Drop for Build<'_> {
    /// It takes 200 MB. After a failure it is left, to be looked at.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(self.project.folder.path(&self.folder()));
            let _ = fs::remove_dir_all(self.place());
        }
    }
}

impl Build<'_> {
    #[track_caller]
    fn configure(&self, options: &str) {
        let (source, place) = (self.project.folder.path(self.source), self.place());
        self.project
            .run(
                "builds",
                &format!(
                    "meson setup {} {} --prefix={} --libdir=lib {options}",
                    self.name,
                    source.display(),
                    place.display()
                ),
            )
            .ok();
    }

    /// The name of the build folder in the project's.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("builds/{}", self.name)
    }

    /// The prefix, where it is installed.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        self.project.folder.path("places").join(&self.name)
    }

    /// Builds it, with few jobs at a time: other tests run meanwhile.
    #[track_caller]
    pub fn ninja(&self) -> Run {
        self.project.run(&self.folder(), "ninja -j2")
    }

    /// Builds and installs it.
    #[track_caller]
    pub fn install(&self) {
        self.project.run(&self.folder(), "ninja -j2 install").ok();
    }

    /// Runs a program of its place.
    #[track_caller]
    pub fn installed(&self, line: &str) -> Run {
        self.project.run("places", &format!("{}/{line}", self.place().display()))
    }

    /// Each file of the build folder, and when it was written. Ninja's log says this too, but some
    /// releases of ninja write other times into it when meson configures again.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, String> {
        let found = self.project.run(&self.folder(), r"find -type f -printf %P\t%T@\n").ok();
        let entry =
            |line: &str| line.split_once('\t').map(|(name, time)| (name.into(), time.into()));
        found.lines().filter_map(entry).collect()
    }

    /// The files under `lix` that were written since all files were these: what was compiled and
    /// linked. Manual pages and build files are elsewhere.
    #[must_use]
    pub fn compiled_since(&self, before: &BTreeMap<String, String>) -> Vec<String> {
        let is_new = |(name, time): &(String, String)| before.get(name) != Some(time);
        let names = self.files().into_iter().filter(is_new).map(|(name, _)| name);
        names.filter(|name| name.starts_with("lix/")).collect()
    }
}

/// What the program's report says.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The version with its suffix.
    pub version: &'a str,
    /// Where the values say that it is installed.
    pub prefix: &'a str,
    /// Where its helpers are.
    pub libexec: &'a str,
    /// What the sandbox needs beside the prefix.
    pub closure: &'a [&'a str],
    /// Whether it was filled.
    pub specialized: bool,
    /// The machine it was built for.
    pub system: &'a str,
    /// What the part written in Rust says, or nothing if it is not there.
    pub rust: bool,
}

impl Expected<'_> {
    /// The report, line by line.
    #[must_use]
    pub fn report(&self) -> String {
        let Self { version, prefix, libexec, closure, specialized, system, rust } = self;
        let yes = |truth: bool| if truth { "yes" } else { "no" };
        let unspecialized = if *specialized { "" } else { " (unspecialized)" };
        let mut sandbox: Vec<&str> = closure.to_vec();
        sandbox.push(prefix);
        sandbox.sort_unstable();
        sandbox.dedup();
        let sandbox: String = sandbox.iter().map(|path| format!("sandbox={path}\n")).collect();
        let paths = if closure.is_empty() { &[*prefix][..] } else { closure };
        let bytes: usize = paths.iter().map(|path| path.len()).sum();
        let rust = match rust {
            true => format!("{version} {} paths of {bytes} bytes", paths.len()),
            false => "no Rust".to_owned(),
        };
        format!(
            "version={version}\nrelease={}\nspecialized={}\nprotocol=lix/legacy/{version}\n\
             agent=curl Lix/{version} {system}\nbanner=Lix {version}{unspecialized}\nprefix={prefix}\n\
             bin={prefix}/bin\ndata={prefix}/share\nman={prefix}/share/man/man1/nix.1.gz\n\
             libexec={libexec}\n{sandbox}rust={rust}\nhelper={libexec}/launch-builder --build\n",
            yes(!version.contains("-dev")),
            yes(*specialized),
        )
    }
}
