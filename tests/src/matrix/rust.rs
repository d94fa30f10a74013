//! The matrix for Rust.

use std::sync::Mutex;

use super::check::{fill, linked_by, process};
use super::{Choice, axis, link_lld};
use crate::covering::{Axis, Rule};
use crate::rust::{Workspace, cargo, workspace};
use crate::{Folder, fixture_text};

/// What is varied for Rust.
pub const RUST_AXES: &[Axis] = &[
    axis("profile", &["debug", "optimized", "thin LTO", "fat LTO", "small"]),
    axis("linker", &["bfd", "gold", "lld", "mold"]),
    axis("shape", &["program", "cdylib", "static library in program", "static library in library"]),
    axis(
        "processing",
        &["none", "strip", "strip-debug", "llvm-strip", "objcopy strip-debug", "debug file"],
    ),
    axis("processed", &["before", "after"]),
    axis("filled by", &["replace", "in place", "objcopy", "llvm-objcopy"]),
];

/// What cannot be combined for Rust.
pub const RUST_RULES: &[Rule] = &[Rule {
    when: &[("processing", &["none"]), ("processed", &["after"])],
    because: "what is not processed is the same before and after",
}];

/// The crates that the cells are built from.
#[derive(Debug)]
pub struct RustCrates {
    workspace: Workspace,
    /// Cargo's outputs have the same names for all cells.
    turn: Mutex<()>,
}

impl Default for RustCrates {
    fn default() -> Self {
        Self::new()
    }
}

impl RustCrates {
    /// The crates `calls`, a program, and `alone`, a library.
    #[must_use]
    pub fn new() -> Self {
        let workspace = workspace();
        let values = fixture_text("rust/values.rs");
        workspace.write("alone/src/lib.rs", format!("//! A library.\n{values}"));
        workspace.write(
            "calls/src/main.rs",
            format!("//! A program.\n{values}\nfn main() {{ print_values() }}\n"),
        );
        Self { workspace, turn: Mutex::default() }
    }

    /// Builds a crate and copies what cargo made.
    fn build(&self, choice: &Choice<'_>, package: &str, more: &str, made: &str, folder: &Folder) {
        let turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let link = format!(
            "-C link-arg=-fuse-ld={} -C link-arg=-B{}",
            choice.of("linker"),
            folder.path(".").display()
        );
        let (optimisation, lto, units, panic) = match choice.of("profile") {
            "debug" => ("0", "off", "256", "unwind"),
            "thin LTO" => ("3", "thin", "16", "unwind"),
            "fat LTO" => ("3", "fat", "1", "abort"),
            "small" => ("s", "off", "1", "abort"),
            _ => ("2", "off", "16", "unwind"),
        };
        let variables = [
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", optimisation),
            ("CARGO_PROFILE_RELEASE_LTO", lto),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", units),
            ("CARGO_PROFILE_RELEASE_PANIC", panic),
        ];
        let line = format!("rustc --release --package {package} {more} -- {link}");
        cargo(&self.workspace, &line, &variables).ok();
        let made_at = self.workspace.path(&format!("target/release/{made}"));
        std::fs::copy(made_at, folder.path(made)).expect(made);
        drop(turn);
    }
}

/// Builds the cell and runs it, fills and processes it, and runs it again.
///
/// # Panics
/// A command fails, or the program prints anything but what was filled in.
pub fn check_rust(crates: &RustCrates, choice: &Choice<'_>) {
    let folder = Folder::new();
    link_lld(&folder);
    let image = build(crates, choice, &folder);
    assert_eq!(linked_by(&folder, image), choice.of("linker"));
    let unspecialized = "banner 0.0.0-unspecialized 0 19 true\none/x\ntwo/x\n2 0 false\n";
    assert_eq!(folder.run("./program").ok(), unspecialized, "before it is filled");
    let before = choice.of("processed") == "before";
    if before {
        process(&folder, choice.of("processing"), image);
    }
    let set = "--set name=9.87.654-pre --set items=a --set items=b --set items=c --set count=7";
    fill(&folder, choice.of("filled by"), image, "bare", set);
    if !before {
        process(&folder, choice.of("processing"), image);
    }
    let filled = "banner 9.87.654-pre 9 12 false\na/x\nb/x\nc/x\n3 7 true\n";
    assert_eq!(folder.run("./program").ok(), filled, "after it is filled");
}

/// Makes the file `program`, and the image that carries the record, whose name it gives.
fn build(crates: &RustCrates, choice: &Choice<'_>, folder: &Folder) -> &'static str {
    folder.write("main.cc", fixture_text("main.cc"));
    let link = |line: &str| {
        let linker = choice.of("linker");
        folder.run(&format!("g++ -B. -fuse-ld={linker} {line} -lpthread -ldl -lm")).ok();
    };
    match choice.of("shape") {
        "program" => {
            crates.build(choice, "calls", "", "calls", folder);
            folder.copy("calls", "program");
            "program"
        }
        "cdylib" => {
            crates.build(choice, "alone", "--crate-type cdylib", "libalone.so", folder);
            link("main.cc -L. -lalone -Wl,-rpath,$ORIGIN -o program");
            "libalone.so"
        }
        shape => {
            crates.build(choice, "alone", "--crate-type staticlib", "libalone.a", folder);
            if shape == "static library in program" {
                link("main.cc libalone.a -o program");
                return "program";
            }
            link("-shared -Wl,--whole-archive libalone.a -Wl,--no-whole-archive -o libwhole.so");
            link("main.cc -L. -lwhole -Wl,-rpath,$ORIGIN -o program");
            "libwhole.so"
        }
    }
}
