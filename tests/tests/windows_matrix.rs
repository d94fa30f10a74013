//! Programs for Windows from each toolchain that can be had, each built, run by wine, filled and run again; and
//! files that others built.

use postlink_tests::covering::{Axis, Rule};
use postlink_tests::lix::{VERSION, expected, long_prefix, sources, unspecialized};
use postlink_tests::matrix::{Choice, is_full, run_all};
use postlink_tests::windows::{CLANG, assert_checksum, script, wine};
use postlink_tests::{Folder, STRICT};

const fn axis(name: &'static str, values: &'static [&'static str]) -> Axis {
    Axis { name, values }
}

const SHAPES: Axis = axis("shape", &["program", "library", "static library"]);
const OPTIMISATIONS: Axis = axis("optimisation", &["-O0", "-O2", "-O3"]);
const OPTIONS: Axis = axis("linker options", &["none", "REF", "REF,ICF"]);
const STRIPPED: Axis = axis("stripped", &["no", "before", "after", "by llvm-strip"]);
const FILLED: Axis = axis("filled by", &["replace", "in place", "objcopy"]);

const AXES: &[Axis] = &[
    axis("compiler", &["g++", "clang++-19"]),
    OPTIMISATIONS,
    axis("build", &["plain", "LTO"]),
    OPTIONS,
    SHAPES,
    STRIPPED,
    FILLED,
];

const RULES: &[Rule] = &[
    Rule {
        when: &[("compiler", &["g++"]), ("linker options", &["REF,ICF"])],
        because: "GNU's linker folds no identical code",
    },
    Rule {
        when: &[("stripped", &["by llvm-strip"]), ("filled by", &["objcopy"])],
        because: "one tool more on one file is enough",
    },
];

/// The same with zig's clang, linker and C++ library. zig passes on no option that folds identical code, and
/// its own C library does not link with LTO.
const ZIG_AXES: &[Axis] = &[
    axis("compiler", &["zig"]),
    OPTIMISATIONS,
    axis("build", &["plain"]),
    axis("linker options", &["none", "REF"]),
    SHAPES,
    STRIPPED,
    FILLED,
];

fn compiler(choice: &Choice<'_>) -> String {
    let compiler = match choice.of("compiler") {
        "g++" => "x86_64-w64-mingw32-g++ -static".to_owned(),
        "zig" => {
            let python = Folder::kept("python").path("bin/python").display().to_string();
            format!("{python} -m ziglang c++ -target x86_64-windows-gnu")
        }
        _ => format!("{CLANG} -static"),
    };
    let lto = if choice.of("build") == "LTO" { "-flto" } else { "" };
    let sections = if choice.of("linker options") == "none" {
        ""
    } else {
        "-ffunction-sections -fdata-sections"
    };
    format!(
        "{compiler} {} {lto} {sections} -std=c++17 {}",
        choice.of("optimisation"),
        STRICT.join(" ")
    )
}

fn check(choice: &Choice<'_>) {
    let folder = sources();
    let compiler = compiler(choice);
    let options = match choice.of("linker options") {
        "REF" => "-Wl,--gc-sections",
        "REF,ICF" => "-Wl,--gc-sections,-Xlink=/OPT:REF,-Xlink=/OPT:ICF",
        _ => "",
    };
    for source in ["main", "values", "lix.gen"] {
        folder.run(&format!("{compiler} -c {source}.cc -o {source}.obj")).ok();
    }
    let link = |inputs: &str| folder.run(&format!("{compiler} {options} {inputs}")).ok();
    let image = match choice.of("shape") {
        "library" => {
            let out = "-o values.dll -Wl,--out-implib,values.lib";
            // Accessors are exported by their source, and nothing else unless it is asked for.
            folder.write("values.def", "EXPORTS\n    print_values\n");
            link(&format!("-shared values.obj lix.gen.obj values.def {out}"));
            link("main.obj values.lib -o program.exe");
            "values.dll"
        }
        "static library" => {
            let ar = if choice.of("compiler") == "g++" {
                "x86_64-w64-mingw32-gcc-ar"
            } else {
                "llvm-ar-19"
            };
            folder.run(&format!("{ar} rcs record.lib lix.gen.obj")).ok();
            link("main.obj values.obj record.lib -o program.exe");
            "program.exe"
        }
        _ => {
            link("main.obj values.obj lix.gen.obj -o program.exe");
            "program.exe"
        }
    };
    let run = || wine(&folder, "./program.exe").ok();
    assert_eq!(run(), unspecialized(), "before it is filled");
    let strip = |tool: &str| folder.run(&format!("{tool} {image}")).ok();
    match choice.of("stripped") {
        "before" => strip("x86_64-w64-mingw32-strip"),
        "by llvm-strip" => strip("llvm-strip-19"),
        _ => String::new(),
    };
    let prefix = long_prefix().replace("/nix", "C:/nix");
    let set = format!("--set version={VERSION} --set prefix={prefix}");
    folder.copy(image, "original");
    match choice.of("filled by") {
        "objcopy" => {
            folder
                .postlink(&format!("payload --image {image} --section lix {set} --output payload"))
                .ok();
            let update = format!("--update-section .plink=payload {image}");
            folder.run(&format!("x86_64-w64-mingw32-objcopy {update}")).ok();
        }
        mode => {
            let mode = if mode == "in place" { "--in-place" } else { "" };
            folder.postlink(&format!("fill {mode} {image} {set}")).ok();
            folder.postlink(&format!("verify original {image}")).ok();
            assert_checksum(&folder, image);
        }
    }
    if choice.of("stripped") == "after" {
        strip("x86_64-w64-mingw32-strip");
    }
    assert_eq!(run(), expected(VERSION, &prefix, true), "after it is filled");
    let version = folder.postlink(&format!("inspect --field version {image}")).ok();
    assert_eq!(version, format!("{VERSION}\n"));
}

/// No compiler, linker or tool folds, drops or doubles the record.
#[test]
fn every_cell_prints_what_is_filled() {
    run_all(AXES, RULES, check);
}

/// zig compiles its libraries the first time, which takes minutes.
#[test]
fn every_cell_of_zig_prints_what_is_filled() {
    if !is_full() {
        println!("POSTLINK_MATRIX=full builds with zig");
        return;
    }
    run_all(ZIG_AXES, &RULES[1..], check);
}

/// What Microsoft's and others' tools made: the package clients bring 1.2 GB.
#[test]
fn files_that_others_built_are_read_and_filled() {
    if !is_full() {
        println!("POSTLINK_MATRIX=full tries files that others built");
        return;
    }
    let kept = Folder::kept("windows-files");
    kept.run(&format!("{} .", script("fetch"))).ok();
    let folder = sources();
    folder.run("x86_64-w64-mingw32-g++ -std=c++17 -c lix.gen.cc -o record.obj").ok();
    folder.postlink("payload --image record.obj --section lix --output record").ok();
    let python = Folder::kept("python").path("bin/python").display().to_string();
    let (postlink, record) = (postlink_tests::postlink().display(), folder.path("record"));
    let said = kept
        .run(&format!("{python} {} {postlink} {} files", script("files.py"), record.display()))
        .ok();
    println!("{said}");
}
