//! Crates that use the macro, built by cargo in a folder of their own, offline.

use std::ops::Deref;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Folder, Run, fixture, fixture_text};

/// The workspace's folder; only one test at a time has it.
#[derive(Debug)]
pub struct Workspace {
    folder: Folder,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Workspace {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.folder
    }
}

/// A folder with a cargo workspace of the fixtures' Rust crates:
///
/// - `mixed`, a library, and `exported`, a static library of it for C++;
/// - `app`, a program that links the C++ static library `report`;
/// - `bare`, a static library without std; `alone`, a cdylib; `calls`, programs that a test writes;
/// - `renamed`, a library that has postlink under another name; `freestanding`, a program without std.
///
/// It is the same folder each time, so that dependencies are compiled once.
#[must_use]
pub fn workspace() -> Workspace {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::kept("rust-programs");
    let runtime = fixture("../../runtime").display().to_string();
    let package = |name: &str, kind: &str, dependencies: &str| {
        std::fs::create_dir_all(folder.path(&format!("{name}/src"))).expect(name);
        folder.write(
            &format!("{name}/Cargo.toml"),
            format!("[package]\nname = '{name}'\nversion = '1.2.3'\nedition = '2024'\n{kind}\n[dependencies]\n{dependencies}\n"),
        );
    };
    let postlink = format!("postlink = {{ path = '{runtime}' }}");
    let mixed = "mixed = { path = '../mixed' }";
    package("mixed", "", &postlink);
    package("exported", "[lib]\ncrate-type = ['staticlib']", mixed);
    package("app", "", mixed);
    package("bare", "[lib]\ncrate-type = ['staticlib']", &postlink);
    package("alone", "[lib]\ncrate-type = ['cdylib']", &postlink);
    package("calls", "", &postlink);
    package(
        "renamed",
        "",
        &format!("filled_later = {{ package = 'postlink', path = '{runtime}' }}"),
    );
    package("freestanding", "", &postlink);
    for (fixture, file) in [
        ("mixed.toml", "mixed/mixed.toml"),
        ("mixed.rs", "mixed/src/lib.rs"),
        ("exported.rs", "exported/src/lib.rs"),
        ("app.rs", "app/src/main.rs"),
        ("bare.toml", "bare/bare.toml"),
        ("bare.rs", "bare/src/lib.rs"),
        ("alone.rs", "alone/src/lib.rs"),
        ("bare.toml", "alone/bare.toml"),
        ("report.cc", "report.cc"),
        ("main.cc", "main.cc"),
        ("bare.c", "bare.c"),
        ("calls.rs", "calls/src/main.rs"),
        ("bare.toml", "calls/bare.toml"),
        ("renamed.rs", "renamed/src/lib.rs"),
        ("bare.toml", "renamed/bare.toml"),
        ("freestanding.rs", "freestanding/src/main.rs"),
        ("bare.toml", "freestanding/bare.toml"),
    ] {
        folder.write(file, fixture_text(&format!("rust/{fixture}")));
    }
    folder.write(
        "Cargo.toml",
        "[workspace]\nresolver = '3'\nmembers = ['mixed', 'exported', 'app', 'bare', 'alone', 'calls', 'renamed', 'freestanding']\n",
    );
    // The same versions as postlink's own, all of which are there already.
    let lock = std::fs::read(fixture("../../Cargo.lock")).expect("Cargo.lock");
    folder.write("Cargo.lock", lock);
    for section in ["of_cpp", "of_rust"] {
        folder
            .postlink(&format!(
                "generate --schema mixed/mixed.toml --section {section} --out-header {section}.gen.hh --out-source {section}.gen.cc"
            ))
            .ok();
    }
    Workspace { folder, _turn: turn }
}

/// A crate `app` of an example in the documentation, with its schema and its main file. It is the same
/// folder each time, so that dependencies are compiled once.
#[must_use]
pub fn example(schema: &str, main: &str) -> Workspace {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Folder::kept("rust-example");
    let runtime = fixture("../../runtime").display().to_string();
    std::fs::create_dir_all(folder.path("src")).expect("a folder");
    folder.write(
        "Cargo.toml",
        format!("[package]\nname = 'app'\nedition = '2024'\n[dependencies]\npostlink = {{ path = '{runtime}' }}\n[workspace]\n"),
    );
    folder.write("Cargo.lock", std::fs::read(fixture("../../Cargo.lock")).expect("Cargo.lock"));
    folder.write("schema.toml", schema);
    folder.write("src/main.rs", main);
    Workspace { folder, _turn: turn }
}

/// Runs cargo offline; what it builds is under `target` in the folder.
#[track_caller]
pub fn cargo(folder: &Folder, line: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(line.split_whitespace())
        .current_dir(folder.path("."))
        .env("CARGO_TARGET_DIR", folder.path("target"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env_remove("RUSTFLAGS")
        .envs(variables.iter().copied());
    let output = command.output().expect("cargo");
    Run::of(&command, output)
}

/// Compiles the C++ half into the static library `libreport.a`.
#[track_caller]
pub fn build_cpp(folder: &Folder, compiler: &str, flags: &str) {
    for source in ["report", "of_cpp.gen", "of_rust.gen"] {
        folder
            .run(&format!("{compiler} -std=c++17 {flags} -fPIC -c {source}.cc -o {source}.o"))
            .ok();
    }
    let _ = std::fs::remove_file(folder.path("libreport.a"));
    let ar = if compiler.starts_with("clang") { "llvm-ar-19" } else { "ar" };
    folder.run(&format!("{ar} rcs libreport.a report.o of_cpp.gen.o of_rust.gen.o")).ok();
}

/// What both halves print, twice: each in its own language.
#[must_use]
pub fn expected(of_cpp: &str, of_rust: &str) -> String {
    format!("{of_cpp}\n{of_rust}\n").repeat(2)
}

/// What they print unspecialized.
pub const UNSPECIALIZED: [&str; 2] = [
    "of_cpp 0.0.0-unspecialized 19 true /usr [\"/usr\", \"/bin\"] false",
    "of_rust 0.0.0-unspecialized 19 true Stable -1 false [0, 255] [\"a\", \"\", \"b\"] false",
];

/// The values of [`FILLED`].
pub const SET: &str = "--set of_cpp.version=3.2.1 --set prefix=/opt/p --set of_rust.version=2.96.0-dev \
    --set channel=nightly --set level=300 --set flag=true --set key=010203 --set of_rust.items=x";

/// What they print with the values of [`SET`].
pub const FILLED: [&str; 2] = [
    "of_cpp 3.2.1 5 false /opt/p [\"/opt/p\", \"/bin\"] true",
    "of_rust 2.96.0-dev 10 false Nightly 300 true [1, 2, 3] [\"x\"] true",
];
