//! Programs for Windows: the compilers of Debian that make them, and wine, which runs them.

use std::sync::OnceLock;

use crate::matrix::is_full;
use crate::{Folder, Run, fixture};

/// g++ and clang for 64 bits, the latter with its own linker.
pub const COMPILERS: [&str; 2] = ["x86_64-w64-mingw32-g++", CLANG];

/// clang, which finds the headers and libraries of mingw.
pub const CLANG: &str = "clang++-19 --target=x86_64-w64-windows-gnu -fuse-ld=lld \
                         --ld-path=/usr/bin/ld.lld-19 -Wno-unused-command-line-argument";

/// Runs a program for Windows in a folder: of 64 bits, and in the full matrix also of 32. Lines end as they
/// do elsewhere.
///
/// # Panics
/// wine is not there, or does not start.
#[track_caller]
#[must_use]
pub fn wine(folder: &Folder, line: &str) -> Run {
    // A drive of its own, which takes some seconds to make, for all tests.
    static DRIVE: OnceLock<Folder> = OnceLock::new();
    let drive = DRIVE.get_or_init(|| {
        let drive = Folder::kept(if is_full() { "wine32" } else { "wine" });
        if is_full() {
            drive.run(&script("wine32")).ok();
        }
        drive.run(&format!("{} wineboot --init", script("wine"))).ok();
        drive
    });
    let setup = script("wine");
    let drive = drive.path(".").display().to_string();
    let run = folder.run(&format!("env POSTLINK_WINE={drive} {setup} wine {line}"));
    Run {
        stdout: run.stdout.replace("\r\n", "\n"),
        stderr: run.stderr.replace("\r\n", "\n"),
        ..run
    }
}

/// The path of a script under `tests/windows`.
#[must_use]
pub fn script(name: &str) -> String {
    fixture("../windows").join(name).display().to_string()
}

/// What other parties say of PE files: `tests/windows/check.py`.
///
/// # Panics
/// They refuse it.
#[track_caller]
#[must_use]
pub fn said(folder: &Folder, image: &str) -> serde_json::Value {
    let python = crate::postlink().ancestors().nth(2).expect("the target folder");
    let python = python.join("python/bin/python").display().to_string();
    let check = script("check.py");
    let said = folder.run(&format!("{python} {check} {image}")).ok();
    serde_json::from_str(&said).expect("one object")
}

/// Asserts that the checksum of an image is right, if it has one, as Python computes it.
///
/// # Panics
/// It is wrong.
#[track_caller]
pub fn assert_checksum(folder: &Folder, image: &str) {
    let said = said(folder, image);
    assert!(said["checksum"] == 0 || said["checksum"] == said["computed"], "{image}: {said}");
}
