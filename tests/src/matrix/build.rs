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

/// What a cell's files are called.
pub(super) struct Built {
    /// The program to run.
    pub(super) program: &'static str,
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

    /// An archive of one object file.
    fn archive(&self, choice: &Choice<'_>, object: &str) -> String {
        let clang = choice.of("compiler").starts_with("clang");
        let ar = if clang { "llvm-ar-19" } else { "gcc-ar" };
        self.make(&format!("{ar} rcs @ {object}"), "a")
    }

    /// Links a cell's files into a folder.
    pub(super) fn build(&self, choice: &Choice<'_>, folder: &Folder) -> Built {
        let linker = self.link_line(choice);
        let link = |shape: &str, inputs: &str, output: &str| {
            folder.run(&format!("{linker} {shape} {inputs} -o {output}")).ok();
        };
        let unity = choice.of("build") == "unity";
        let object = |pic: &str, source: &str| self.object(choice, pic, source);
        let library = |pic: &str| {
            let sources: &[&str] =
                if unity { &["library.cc"] } else { &["values.cc", "lix.gen.cc"] };
            let objects: Vec<String> = sources.iter().map(|source| object(pic, source)).collect();
            objects.join(" ")
        };
        let whole = |pic: &str| {
            if unity {
                object(pic, "program.cc")
            } else {
                format!("{} {}", object(pic, "main.cc"), library(pic))
            }
        };
        // Without unity the record alone is in the archive, and the accessors pull it out.
        let archived = || match unity {
            true => format!("-Wl,-u,print_values {}", self.archive(choice, &library("-fPIC"))),
            false => {
                let record = self.archive(choice, &object("-fPIC", "lix.gen.cc"));
                format!("{} {record}", object("-fPIC", "values.cc"))
            }
        };
        let of_one = Built { program: "./program", image: "program", linked: &["program"] };
        let of_two = Built {
            program: "./program",
            image: "libvalues.so",
            linked: &["program", "libvalues.so"],
        };
        match choice.of("shape") {
            "PIE" => link("-pie", &whole("-fPIE"), "program"),
            "no-PIE" => link("-no-pie", &whole("-fno-pie"), "program"),
            "static" => link("-static", &whole("-fno-pie"), "program"),
            "static PIE" => link("-static-pie", &whole("-fPIE"), "program"),
            "archive in PIE" => {
                link("-pie", &format!("{} {}", object("-fPIC", "main.cc"), archived()), "program");
            }
            "library" => {
                link("-shared", &library("-fPIC"), "libvalues.so");
                let main = object("-fPIC", "main.cc");
                link("-pie", &format!("{main} -lvalues {BESIDE}"), "program");
                return of_two;
            }
            "archive in library" => {
                link("-shared", &archived(), "libvalues.so");
                let main = object("-fPIC", "main.cc");
                link("-pie", &format!("{main} -lvalues {BESIDE}"), "program");
                return of_two;
            }
            "plugin" => {
                link("-shared", &library("-fPIC"), "libvalues.so");
                link("-pie", &format!("{} -ldl", object("-fPIC", "plugin.cc")), "program");
                return of_two;
            }
            shape => {
                link("-shared", &object("-fPIC", "lix.gen.cc"), "librecord.so");
                let needs = format!("-lrecord {BESIDE}");
                if shape == "no-PIE over library" {
                    let pic = "-fno-pie";
                    let reader = format!("{} {}", object(pic, "main.cc"), object(pic, "values.cc"));
                    link("-no-pie", &format!("{reader} {needs}"), "program");
                } else {
                    let values = object("-fPIC", "values.cc");
                    link("-shared", &format!("{values} {needs}"), "libvalues.so");
                    let main = object("-fPIC", "main.cc");
                    link("-pie", &format!("{main} -lvalues {BESIDE}"), "program");
                }
                let linked: &[&str] = match shape {
                    "no-PIE over library" => &["program", "librecord.so"],
                    _ => &["program", "libvalues.so", "librecord.so"],
                };
                return Built { program: "./program", image: "librecord.so", linked };
            }
        }
        of_one
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
    // Both leave fortification out where nothing is optimized.
    let fortified = choice.of("optimisation") != "-O0";
    let hardening = match (choice.of("hardening"), fortified) {
        ("Debian", true) => "-fstack-protector-strong -D_FORTIFY_SOURCE=2",
        ("Debian", false) => "-fstack-protector-strong",
        ("nixpkgs", fortified) => {
            if fortified {
                "-fPIC -fstack-protector-strong -fstack-clash-protection -fno-strict-overflow -ftrivial-auto-var-init=zero -D_FORTIFY_SOURCE=3"
            } else {
                "-fPIC -fstack-protector-strong -fstack-clash-protection -fno-strict-overflow -ftrivial-auto-var-init=zero"
            }
        }
        _ => "",
    };
    let standard = choice.of("standard");
    format!("{} -std={standard} -g1 {pic} {sections} {hardening}", common_flags(choice))
}
