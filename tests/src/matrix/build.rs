//! Compiles and links a cell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Choice, link_lld};
use crate::{Folder, lix};

/// Object files, each compiled once for all cells that agree on its flags.
#[derive(Debug)]
pub struct Objects {
    folder: Folder,
    made: Mutex<HashMap<String, Arc<OnceLock<String>>>>,
}

/// What a cell's files are called, beside the program, which is `program`.
pub(super) struct Built {
    /// The file that carries the record.
    pub(super) image: &'static str,
    /// All linked files.
    pub(super) linked: &'static [&'static str],
}

/// Libraries are beside the program, when it is linked and when it runs.
const BESIDE: &str = "-L. -Wl,-rpath,$ORIGIN";

impl Default for Objects {
    fn default() -> Self {
        Self::new()
    }
}

impl Objects {
    /// The sources, and no object file yet.
    #[must_use]
    pub fn new() -> Self {
        let folder = lix::sources();
        folder.write("plugin.cc", crate::fixture_text("plugin.cc"));
        folder.write("library.cc", "#include \"values.cc\"\n#include \"lix.gen.cc\"\n");
        folder.write("program.cc", "#include \"library.cc\"\n#include \"main.cc\"\n");
        folder.write("all.hh", "#include \"lix.gen.hh\"\n#include <cstdio>\n#include <string>\n");
        link_lld(&folder);
        Self { folder, made: Mutex::default() }
    }

    /// What a command makes: its output's path, which the line names as `@`.
    fn make(&self, line: &str, extension: &str) -> String {
        let mut made = self.made.lock().expect("no panic in between");
        let next = made.len();
        let output = Arc::clone(made.entry(line.to_owned()).or_default());
        drop(made);
        let make = || {
            let output = self.folder.path(&format!("{next}.{extension}")).display().to_string();
            self.folder.run(&line.replace('@', &output)).ok();
            output
        };
        output.get_or_init(make).clone()
    }

    /// The object file of a source.
    fn object(&self, choice: &Choice<'_>, pic: &str, source: &str) -> String {
        let flags = compile_flags(choice, pic);
        let header = if choice.of("build") == "precompiled header" {
            let clang = choice.of("compiler").starts_with("clang");
            let output = self.make(
                &format!("{flags} -x c++-header all.hh -o @"),
                if clang { "pch" } else { "hh.gch" },
            );
            match output.strip_suffix(".gch") {
                // g++ takes the one beside the header of that name, and is told to insist.
                Some(header) => format!("-Winvalid-pch -Werror -include {header}"),
                None => format!("-include-pch {output}"),
            }
        } else {
            String::new()
        };
        self.make(&format!("{flags} {header} -c {source} -o @"), "o")
    }

    /// Links a cell's files into a folder.
    pub(super) fn build(&self, choice: &Choice<'_>, folder: &Folder) -> Built {
        let linker = self.link_line(choice);
        let link = |shape: &str, inputs: &str, output: &str| {
            folder.run(&format!("{linker} {shape} {inputs} -o {output}")).ok();
        };
        let object = |pic: &str, source: &str| self.object(choice, pic, source);
        match choice.of("shape") {
            "PIE" => link("-pie", &self.program(choice, "-fPIE"), "program"),
            "no-PIE" => link("-no-pie", &self.program(choice, "-fno-pie"), "program"),
            "static" => link("-static", &self.program(choice, "-fno-pie"), "program"),
            "static PIE" => link("-static-pie", &self.program(choice, "-fPIE"), "program"),
            "archive in PIE" => {
                let inputs = format!("{} {}", object("-fPIC", "main.cc"), self.archived(choice));
                link("-pie", &inputs, "program");
            }
            shape @ ("library" | "archive in library" | "plugin") => {
                let inputs = match shape {
                    "archive in library" => self.archived(choice),
                    _ => self.library(choice, "-fPIC"),
                };
                link("-shared", &inputs, "libvalues.so");
                let program = match shape {
                    "plugin" => format!("{} -ldl", object("-fPIC", "plugin.cc")),
                    _ => format!("{} -lvalues {BESIDE}", object("-fPIC", "main.cc")),
                };
                link("-pie", &program, "program");
                return Built { image: "libvalues.so", linked: &["program", "libvalues.so"] };
            }
            "library over library" => {
                link("-shared", &object("-fPIC", "lix.gen.cc"), "librecord.so");
                let values = object("-fPIC", "values.cc");
                link("-shared", &format!("{values} -lrecord {BESIDE}"), "libvalues.so");
                let main = object("-fPIC", "main.cc");
                link("-pie", &format!("{main} -lvalues {BESIDE}"), "program");
                let linked = &["program", "libvalues.so", "librecord.so"];
                return Built { image: "librecord.so", linked };
            }
            _ => {
                link("-shared", &object("-fPIC", "lix.gen.cc"), "librecord.so");
                let (main, values) =
                    (object("-fno-pie", "main.cc"), object("-fno-pie", "values.cc"));
                link("-no-pie", &format!("{main} {values} -lrecord {BESIDE}"), "program");
                return Built { image: "librecord.so", linked: &["program", "librecord.so"] };
            }
        }
        Built { image: "program", linked: &["program"] }
    }

    /// The objects of a library with values and record.
    fn library(&self, choice: &Choice<'_>, pic: &str) -> String {
        if choice.of("build") == "unity" {
            return self.object(choice, pic, "library.cc");
        }
        let values = self.object(choice, pic, "values.cc");
        format!("{values} {}", self.object(choice, pic, "lix.gen.cc"))
    }

    /// The objects of a whole program.
    fn program(&self, choice: &Choice<'_>, pic: &str) -> String {
        if choice.of("build") == "unity" {
            return self.object(choice, pic, "program.cc");
        }
        format!("{} {}", self.object(choice, pic, "main.cc"), self.library(choice, pic))
    }

    /// Values, and an archive with the record, which the accessors pull out. In a unity build both are
    /// in the archive.
    fn archived(&self, choice: &Choice<'_>) -> String {
        let clang = choice.of("compiler").starts_with("clang");
        let ar = if clang { "llvm-ar-19" } else { "gcc-ar" };
        let archive = |object: &str| self.make(&format!("{ar} rcs @ {object}"), "a");
        if choice.of("build") == "unity" {
            return format!("-Wl,-u,print_values {}", archive(&self.library(choice, "-fPIC")));
        }
        let record = archive(&self.object(choice, "-fPIC", "lix.gen.cc"));
        format!("{} {record}", self.object(choice, "-fPIC", "values.cc"))
    }

    fn link_line(&self, choice: &Choice<'_>) -> String {
        let lld = match (choice.of("linker"), choice.of("compiler")) {
            ("lld", "g++") => format!("-B {}", self.folder.path(".").display()),
            _ => String::new(),
        };
        let options = match choice.of("linker options") {
            "gc-sections" => "-Wl,--gc-sections",
            "icf" => "-Wl,--icf=all",
            "now" => "-Wl,-z,now,-z,relro,-z,separate-code",
            "Bsymbolic" => "-Wl,-Bsymbolic",
            "start-stop-gc" => "-Wl,--gc-sections,-z,start-stop-gc",
            "nostart-stop-gc" => "-Wl,--gc-sections,-z,nostart-stop-gc",
            _ => "",
        };
        let hardening = match choice.of("hardening") {
            "Debian" => "-Wl,-z,relro",
            "nixpkgs" => "-Wl,-z,relro,-z,now",
            _ => "",
        };
        let linker = choice.of("linker");
        format!("{} {lld} -fuse-ld={linker} {options} {hardening}", common_flags(choice))
    }
}

/// The flags of both the compiler and the linker.
fn common_flags(choice: &Choice<'_>) -> String {
    let build = match choice.of("build") {
        "LTO" => "-flto",
        "ThinLTO" => "-flto=thin",
        "fat LTO" => "-flto -ffat-lto-objects",
        _ => "",
    };
    let sanitizer = match choice.of("sanitizer") {
        "address" => "-fsanitize=address",
        "undefined" => "-fsanitize=undefined -fno-sanitize-recover=all",
        _ => "",
    };
    format!("{} {} {build} {sanitizer}", choice.of("compiler"), choice.of("optimisation"))
}

fn compile_flags(choice: &Choice<'_>, pic: &str) -> String {
    let sections = match choice.of("linker options") {
        "none" | "now" | "Bsymbolic" => "",
        _ => "-ffunction-sections -fdata-sections",
    };
    let hardening = match choice.of("hardening") {
        "Debian" => "-fstack-protector-strong",
        "nixpkgs" => {
            "-fPIC -fstack-protector-strong -fstack-clash-protection -fno-strict-overflow \
             -ftrivial-auto-var-init=zero"
        }
        _ => "",
    };
    // It needs optimisation.
    let fortification = match (choice.of("hardening"), choice.of("optimisation")) {
        ("none", _) | (_, "-O0") => "",
        ("Debian", _) => "-D_FORTIFY_SOURCE=2",
        _ => "-D_FORTIFY_SOURCE=3",
    };
    let standard = choice.of("standard");
    let flags = common_flags(choice);
    format!("{flags} -std={standard} -g1 {pic} {sections} {hardening} {fortification}")
}
