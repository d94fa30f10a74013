//! The matrix of toolchains: what is varied, and what cannot be combined.
//!
//! A cell is a real program: built, run, filled and run again.

mod build;
mod check;
mod report;
mod rust;

pub use build::Objects;
pub use check::check;
pub use report::{is_full, run_all};
pub use rust::{RUST_AXES, RUST_RULES, RustCrates, check_rust};

use crate::Folder;
use crate::covering::{Axis, Cell, Rule};

const fn axis(name: &'static str, values: &'static [&'static str]) -> Axis {
    Axis { name, values }
}

/// What is varied for C++.
pub const AXES: &[Axis] = &[
    axis("compiler", &["g++", "clang++-19"]),
    axis("standard", &["c++17", "c++20", "c++23"]),
    axis("optimisation", &["-O0", "-O1", "-O2", "-O3", "-Os"]),
    axis("build", &["plain", "LTO", "ThinLTO", "fat LTO", "unity", "precompiled header"]),
    axis("linker", &["bfd", "gold", "lld", "mold"]),
    axis(
        "linker options",
        &["none", "gc-sections", "icf", "now", "Bsymbolic", "start-stop-gc", "nostart-stop-gc"],
    ),
    axis(
        "shape",
        &[
            "PIE",
            "no-PIE",
            "static",
            "static PIE",
            "library",
            "plugin",
            "archive in PIE",
            "archive in library",
            "library over library",
            "no-PIE over library",
        ],
    ),
    axis("sanitizer", &["none", "address", "undefined"]),
    axis("hardening", &["none", "Debian", "nixpkgs"]),
    axis(
        "processing",
        &[
            "none",
            "strip",
            "strip-debug",
            "llvm-strip",
            "objcopy strip-debug",
            "debug file",
            "patchelf",
        ],
    ),
    axis("processed", &["before", "after"]),
    axis("filled by", &["replace", "in place", "objcopy", "llvm-objcopy"]),
];

/// What cannot be combined.
pub const RULES: &[Rule] = &[
    Rule {
        when: &[("compiler", &["g++"]), ("build", &["ThinLTO"])],
        because: "g++ has no ThinLTO",
    },
    Rule {
        when: &[("compiler", &["g++"]), ("build", &["LTO"]), ("linker", &["lld"])],
        because: "lld does not read what g++ -flto writes",
    },
    Rule {
        when: &[("linker", &["bfd"]), ("linker options", &["icf"])],
        because: "bfd folds no identical code",
    },
    Rule {
        when: &[("linker", &["gold"]), ("linker options", &["now"])],
        because: "gold does not know -z separate-code",
    },
    Rule {
        when: &[
            ("linker", &["gold", "mold"]),
            ("linker options", &["start-stop-gc", "nostart-stop-gc"]),
        ],
        because: "gold and mold 1.10 do not know -z start-stop-gc and -z nostart-stop-gc",
    },
    Rule {
        when: &[("linker", &["gold"]), ("shape", &["static PIE"])],
        because: "gold does not know --no-dynamic-linker, without which no static PIE is made",
    },
    Rule {
        when: &[("shape", &["static", "static PIE"]), ("sanitizer", &["address"])],
        because: "AddressSanitizer needs the dynamic loader",
    },
    Rule {
        when: &[("build", &["unity"]), ("shape", &["library over library", "no-PIE over library"])],
        because: "with one source in each image nothing is united",
    },
    Rule {
        when: &[("processing", &["patchelf"]), ("shape", &["static", "static PIE"])],
        because: "a static program has no RUNPATH; glibc 2.36 stops a static PIE that has one",
    },
    Rule {
        when: &[("linker", &["bfd"]), ("shape", &["static"]), ("processing", &["llvm-strip"])],
        because: "llvm-strip refuses the relocations of static programs by bfd",
    },
    Rule {
        when: &[
            ("linker", &["bfd"]),
            ("shape", &["static"]),
            ("filled by", &["llvm-objcopy"]),
            ("processing", &["none"]),
        ],
        because: "llvm-objcopy refuses the relocations of static programs by bfd",
    },
    Rule {
        when: &[
            ("linker", &["bfd"]),
            ("shape", &["static"]),
            ("filled by", &["llvm-objcopy"]),
            ("processed", &["after"]),
        ],
        because: "llvm-objcopy refuses them, unless the symbols are stripped before",
    },
    Rule {
        when: &[
            ("shape", &["static"]),
            ("filled by", &["llvm-objcopy"]),
            ("processing", &["strip-debug", "objcopy strip-debug"]),
            ("processed", &["before"]),
        ],
        because: "GNU strip and objcopy make such relocations in static programs by every linker",
    },
    Rule {
        when: &[
            ("shape", &["static"]),
            ("filled by", &["objcopy"]),
            ("processing", &["llvm-strip"]),
            ("processed", &["after"]),
        ],
        because: "llvm-strip refuses what GNU objcopy makes of static programs by every linker",
    },
    Rule {
        when: &[
            ("compiler", &["clang++-19"]),
            ("build", &["fat LTO"]),
            ("linker", &["mold"]),
            ("sanitizer", &["address"]),
        ],
        because: "mold 1.10 links clang's fat objects wrongly with AddressSanitizer",
    },
    Rule {
        when: &[
            ("compiler", &["clang++-19"]),
            ("shape", &["no-PIE"]),
            ("sanitizer", &["address", "undefined"]),
            ("processing", &["patchelf"]),
            ("processed", &["before"]),
            ("filled by", &["objcopy"]),
        ],
        because: "GNU objcopy breaks large programs without PIE that patchelf 0.14 changed",
    },
    Rule {
        when: &[
            ("compiler", &["clang++-19"]),
            ("linker", &["mold"]),
            ("shape", &["no-PIE"]),
            ("sanitizer", &["address", "undefined"]),
            ("processing", &["patchelf"]),
        ],
        because: "patchelf 0.14 crashes on large programs without PIE by mold",
    },
    Rule {
        when: &[
            ("compiler", &["clang++-19"]),
            ("build", &["LTO", "ThinLTO", "fat LTO"]),
            ("linker", &["gold"]),
            ("linker options", &["icf"]),
            ("sanitizer", &["address"]),
        ],
        because: "gold --icf=all ends with an internal error on clang's bitcode with AddressSanitizer",
    },
    Rule {
        when: &[("processing", &["none"]), ("processed", &["after"])],
        because: "what is not processed is the same before and after",
    },
];

/// Puts lld into a folder under the only name that g++ knows; `-B` gives it the folder.
fn link_lld(folder: &Folder) {
    std::os::unix::fs::symlink("/usr/bin/ld.lld-19", folder.path("ld.lld")).expect("a link");
}

/// A cell with the names of its values.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    axes: &'static [Axis],
    cell: &'a Cell,
}

impl<'a> Choice<'a> {
    /// The cell in the words of its axes.
    #[must_use]
    pub fn new(axes: &'static [Axis], cell: &'a Cell) -> Self {
        Self { axes, cell }
    }

    /// The value of an axis.
    ///
    /// # Panics
    /// There is no such axis.
    #[must_use]
    pub fn of(&self, name: &str) -> &'static str {
        let axis = self.axes.iter().position(|axis| axis.name == name).expect(name);
        self.axes[axis].values[self.cell[axis]]
    }
}

impl std::fmt::Display for Choice<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values: Vec<String> =
            self.axes.iter().map(|axis| format!("{}: {}", axis.name, self.of(axis.name))).collect();
        to.write_str(&values.join(", "))
    }
}
