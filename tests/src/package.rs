//! A small installed package: a library with a record, a program that finds it by RUNPATH, texts,
//! links, and files of every sort that a copy has to keep.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::lix::build_library;
use crate::{Folder, fixture, fixture_text};

/// How a package is built.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// The version that it is built with.
    pub version: &'a str,
    /// What the program's RUNPATH has behind the library's folder, such as room.
    pub runpath: &'a str,
    /// Further arguments of the compiler.
    pub flags: &'a str,
}

impl Default for Build<'_> {
    fn default() -> Self {
        Self { version: "0.0.0-unspecialized", runpath: "", flags: "" }
    }
}

/// Builds and installs the package at a path of the folder; gives its path.
///
/// # Panics
/// It cannot be built.
#[track_caller]
pub fn install(folder: &Folder, name: &str, build: Build<'_>) -> PathBuf {
    let Build { version, runpath, flags } = build;
    let place = folder.path(name);
    let prefix = place.display().to_string();
    let sources = Folder::new();
    let schema = fixture("../../schema.toml").display().to_string();
    sources
        .postlink(&format!(
            "generate --schema {schema} --out-header lix.gen.hh --out-source lix.gen.cc \
             --default version={version} --default prefix={prefix}"
        ))
        .ok();
    sources.write("values.cc", fixture_text("values.cc"));
    sources.write("main.cc", fixture_text("main.cc"));
    build_library(&sources, "g++", flags);
    sources
        .run(&format!(
            "g++ -std=c++17 {flags} main.cc -L. -lvalues -Wl,-rpath,{prefix}/lib{runpath} -o program"
        ))
        .ok();
    for directory in ["bin", "lib/pkgconfig", "libexec", "share/doc", "share/empty"] {
        fs::create_dir_all(place.join(directory)).expect(directory);
    }
    let put = |from: &str, to: &str| {
        fs::copy(sources.path(from), place.join(to)).expect(to);
    };
    put("program", "bin/program");
    put("libvalues.so", "lib/libvalues.so");
    let write = |name: &str, text: &str| fs::write(place.join(name), text).expect(name);
    write(
        "lib/pkgconfig/values.pc",
        &format!(
            "prefix={prefix}\nVersion: {version}\nLibs: -L{prefix}/lib -lvalues # {prefix}:{prefix}\n"
        ),
    );
    write("share/doc/readme", &format!("It is in {prefix}. Not in {prefix}2 or /x{prefix}.\n"));
    write("share/doc/latin1", "Gr\u{fc}\u{df}e\n");
    fs::write(
        place.join("share/doc/latin1"),
        [b"Gr\xfc\xdfe aus ", prefix.as_bytes(), b"\n"].concat(),
    )
    .expect("latin1");
    symlink(place.join("bin/program"), place.join("libexec/absolute")).expect("a link");
    symlink("program", place.join("bin/relative")).expect("a link");
    symlink("/usr/bin/env", place.join("libexec/outside")).expect("a link");
    symlink("nowhere", place.join("libexec/dangling")).expect("a link");
    fs::hard_link(place.join("lib/libvalues.so"), place.join("lib/libvalues.so.1"))
        .expect("a name");
    place
}

/// Makes a file or folder of a package read-only.
///
/// # Panics
/// It is not there.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}
