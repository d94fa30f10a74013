//! Generated C++ for Windows: each compiler takes it, and programs and libraries are built, run by wine,
//! filled, and run again.

use postlink_tests::lix::{VERSION, build_program, expected, sources, unspecialized};
use postlink_tests::rust::{cargo, workspace};
use postlink_tests::windows::{CLANG, COMPILERS, assert_checksum, said, wine};
use postlink_tests::{Folder, STRICT, fixture, matrix};

/// A path of Windows that is longer than what any default has.
fn long_prefix() -> String {
    format!("C:/{}", "p".repeat(200))
}

fn set() -> String {
    format!("--set version={VERSION} --set prefix={}", long_prefix())
}

/// The header and source of each schema of the tests.
fn generated() -> (Folder, Vec<&'static str>) {
    let folder = Folder::new();
    let sections = [
        ("kinds.toml", "kinds"),
        ("kinds.toml", "single"),
        ("../../schema.toml", "lix"),
        ("rust_owned.toml", "shared"),
        ("odd.toml", "odd"),
    ];
    for (schema, name) in sections {
        let schema = fixture(schema).display().to_string();
        let out = format!("--out-header {name}.gen.hh --out-source {name}.gen.cc");
        folder.postlink(&format!("generate --schema {schema} --section {name} {out}")).ok();
    }
    (folder, sections.iter().map(|(_, name)| *name).collect())
}

/// One text for all: no compiler for Windows has a word to say.
#[test]
fn generated_code_compiles_without_a_warning() {
    let (folder, names) = generated();
    let strict = STRICT.join(" ");
    let compilers = [
        "x86_64-w64-mingw32-g++",
        "i686-w64-mingw32-g++",
        "clang++-19 --target=x86_64-w64-windows-gnu",
        "clang++-19 --target=i686-w64-windows-gnu",
    ];
    for compiler in compilers {
        for name in &names {
            for standard in ["c++17", "c++23"] {
                let line = format!("{compiler} -std={standard} {strict} -O1 -c {name}.gen.cc");
                folder.run(&format!("{line} -o {name}.obj")).ok();
            }
        }
    }
}

/// In MSVC's mode clang takes the attributes that it knows. Where it does not say that it is clang, it takes
/// what Microsoft's compiler takes: the pragma, `allocate`, and no inline assembler.
#[test]
fn generated_code_compiles_in_the_mode_of_msvc() {
    let (folder, names) = generated();
    for header in [
        "charconv",
        "cstddef",
        "cstdint",
        "cstdlib",
        "io.h",
        "iterator",
        "optional",
        "string_view",
        "type_traits",
    ] {
        folder.write(header, "#include \"std.hh\"\n");
    }
    let headers = fixture("msvc").display().to_string();
    let strict = STRICT.join(" ");
    for target in ["x86_64", "i686", "aarch64"] {
        for dialect in ["", "-U__clang__ -Wno-builtin-macro-redefined"] {
            for name in &names {
                let line = format!(
                    "clang++-19 --target={target}-pc-windows-msvc -std=c++17 {strict} {dialect} \
                     -nostdinc -isystem . -isystem {headers} -O1 -c {name}.gen.cc -o {name}.obj"
                );
                folder.run(&line).ok();
                if *name == "shared" {
                    continue;
                }
                // Once, where a linker that leaves out unused data does not look: in no COMDAT.
                let said = folder.run(&format!("llvm-readobj-19 --sections {name}.obj")).ok();
                let (_, section) = said.split_once("Name: .plink (").expect("the section");
                let (section, _) = section.split_once("\n  }").expect("its end");
                assert!(!section.contains("COMDAT") && section.contains("MEM_READ"), "{section}");
                assert_eq!(said.matches("Name: .plink (").count(), 1, "{said}");
                folder.postlink(&format!("inspect {name}.obj")).ok();
            }
        }
    }
}

/// What Microsoft's compiler would see is also what runs: read through a volatile pointer.
#[test]
fn the_text_for_msvc_runs_too() {
    let folder = sources();
    let standard = [
        "charconv",
        "cstddef",
        "cstdint",
        "cstdlib",
        "optional",
        "string_view",
        "type_traits",
        "io.h",
    ];
    let includes = standard.map(|header| format!("#include <{header}>\n")).concat();
    let text =
        "#undef __GNUC__\n#undef __clang__\n#define _MSC_VER 1939\n#include \"lix.gen.cc\"\n";
    folder.write("msvc.cc", includes + text);
    for optimisation in ["-O0", "-O2", "-O3 -flto"] {
        let clang = format!("{CLANG} -std=c++17 {optimisation} -static");
        folder.run(&format!("{clang} -Wno-all -fms-extensions -c msvc.cc -o msvc.o")).ok();
        folder.run(&format!("{clang} main.cc values.cc msvc.o -o program.exe")).ok();
        assert_eq!(wine(&folder, "./program.exe").ok(), unspecialized(), "{optimisation}");
        folder.postlink(&format!("fill program.exe {}", set())).ok();
        let filled = expected(VERSION, &long_prefix(), true);
        assert_eq!(wine(&folder, "./program.exe").ok(), filled, "{optimisation}");
    }
}

/// AddressSanitizer of clang pads globals in all sections of PE, and moves them to COMDATs.
#[test]
fn a_sanitizer_does_not_pad_the_record() {
    let folder = sources();
    folder.write(
        "other.cc",
        "__attribute__((used, section(\".other\"))) const char padded[100] = {1};\n",
    );
    let clang = "clang++-19 --target=x86_64-w64-windows-gnu -std=c++17 -fsanitize=address -c";
    let size = |source: &str, section: &str| {
        folder.run(&format!("{clang} {source} -o out.obj")).ok();
        let said = folder.run("llvm-objdump-19 --section-headers out.obj").ok();
        let line = said.lines().find(|line| line.contains(section)).expect(section).to_owned();
        usize::from_str_radix(line.split_whitespace().nth(2).expect("a size"), 16)
            .expect("a number")
    };
    assert!(size("other.cc", ".other") > 100, "what is not told otherwise is padded");
    let padded = size("lix.gen.cc", ".plink");
    folder.run("x86_64-w64-mingw32-g++ -std=c++17 -c lix.gen.cc -o plain.obj").ok();
    folder.postlink("payload --image plain.obj --section lix --output payload").ok();
    assert_eq!(folder.read("payload").len(), padded);
    folder.postlink("inspect out.obj").ok();
}

/// Programs that carry the record. Those of 32 bits run in the full matrix only.
#[test]
fn programs_print_what_is_filled() {
    let folder = sources();
    let filled = expected(VERSION, &long_prefix(), true);
    for compiler in COMPILERS.into_iter().chain(["i686-w64-mingw32-g++"]) {
        build_program(&folder, compiler, "-O2 -static", "program.exe");
        let bits = if compiler.starts_with("i686") { 32 } else { 64 };
        let runs = bits == 64 || matrix::is_full();
        if runs {
            assert_eq!(wine(&folder, "./program.exe").ok(), unspecialized(), "{compiler}");
        }
        folder.copy("program.exe", "in_place.exe");
        folder.postlink(&format!("fill program.exe --output filled.exe {}", set())).ok();
        folder.postlink(&format!("fill --in-place in_place.exe {}", set())).ok();
        assert!(folder.read("in_place.exe") == folder.read("filled.exe"), "{compiler}");
        folder.postlink("verify program.exe filled.exe").ok();
        assert_checksum(&folder, "filled.exe");
        assert_eq!(said(&folder, "filled.exe")["bits"], bits);
        if runs {
            assert_eq!(wine(&folder, "./filled.exe").ok(), filled, "{compiler}");
            folder.run("x86_64-w64-mingw32-strip filled.exe").ok();
            assert_eq!(wine(&folder, "./filled.exe").ok(), filled, "{compiler}, stripped");
        }
        // Filled again: the same bytes as a fresh one.
        folder.postlink(&format!("fill in_place.exe --reset {}", set())).ok();
        folder.postlink("fill in_place.exe --reset --set version=1.0.0 --set prefix=D:/x").ok();
        folder
            .postlink("fill program.exe --output other.exe --set version=1.0.0 --set prefix=D:/x")
            .ok();
        assert!(folder.read("in_place.exe") == folder.read("other.exe"), "{compiler}");
    }
}

/// A program that reads a value which it must be given stops, and says so.
#[test]
fn a_required_value_that_is_missing_stops_the_program() {
    let folder = sources();
    let schema = fixture("../../schema.toml").display().to_string();
    let out = "--out-header lix.gen.hh --out-source lix.gen.cc";
    folder.postlink(&format!("generate --schema {schema} {out}")).ok();
    for compiler in COMPILERS {
        build_program(&folder, compiler, "-O2 -static", "program.exe");
        let stopped = wine(&folder, "./program.exe");
        // The code of `abort`.
        let said = stopped.fails(3);
        assert!(said.contains("field prefix has no value: the file was not specialized"), "{said}");
        folder.postlink("fill program.exe --set prefix=C:/app").ok();
        let right = expected("0.0.0-unspecialized", "C:/app", true);
        assert_eq!(wine(&folder, "./program.exe").ok(), right);
    }
}

const TWO: &str = "
#include \"lix.gen.hh\"
#include <cstdio>
extern \"C\" void say_one();
extern \"C\" void say_two();
int main()
{
    say_one();
    say_two();
    std::printf(\"main %s\\n\", nix::placeholders::version().data());
}
";

const LIBRARY: &str = "
#include \"lix.gen.hh\"
#include <cstdio>
extern \"C\" __declspec(dllexport) void SAY()
{
    std::printf(\"%s %s %d\\n\", WHO, nix::placeholders::version().data(), nix::placeholders::is_specialized());
}
";

/// Each of two libraries reads its own record, and a program that carries none calls the accessors of the
/// first.
#[test]
fn two_libraries_of_one_section() {
    let folder = sources();
    folder.write("two.cc", TWO);
    folder.write("library.cc", LIBRARY);
    for compiler in COMPILERS {
        let compiler = format!("{compiler} -std=c++17 -O2 -static {}", STRICT.join(" "));
        for name in ["one", "two"] {
            let names = format!("-DSAY=say_{name} -DWHO=\"{name}\"");
            let out = format!("-o {name}.dll -Wl,--out-implib,{name}.lib");
            folder.run(&format!("{compiler} {names} -shared library.cc lix.gen.cc {out}")).ok();
        }
        folder.run(&format!("{compiler} two.cc one.lib two.lib -o two.exe")).ok();
        let default = "0.0.0-unspecialized";
        let unset = format!("one {default} 0\ntwo {default} 0\nmain {default}\n");
        assert_eq!(wine(&folder, "./two.exe").ok(), unset);
        for name in ["one", "two"] {
            let values = format!("--set version={}.0.0 --set prefix=C:/{name}", name.len());
            folder.postlink(&format!("fill {name}.dll {values}")).ok();
            assert_checksum(&folder, &format!("{name}.dll"));
        }
        folder.postlink("fill two.dll --keep --set version=2.0.0").ok();
        assert_eq!(wine(&folder, "./two.exe").ok(), "one 3.0.0 1\ntwo 2.0.0 1\nmain 3.0.0\n");
        // The program itself, and a library for the linker, say where the record is.
        let said = folder.postlink("inspect two.exe").fails(1);
        assert!(
            said.contains("calls accessors of another library") && said.contains("`one.dll`"),
            "{said}"
        );
        let said = folder.postlink("inspect one.lib").fails(1);
        assert!(said.contains("has no postlink section"), "{said}");
    }
}

/// Object files, and libraries of them by GNU's and LLVM's tools.
#[test]
fn objects_and_static_libraries() {
    let folder = sources();
    let filled = expected(VERSION, &long_prefix(), true);
    let gcc = "x86_64-w64-mingw32-g++ -std=c++17 -O2";
    for more in ["", "-Wa,-mbig-obj"] {
        folder.run(&format!("{gcc} {more} -c lix.gen.cc -o record.obj")).ok();
        folder.copy("record.obj", "before.obj");
        folder.run("x86_64-w64-mingw32-ar rcs gnu.lib record.obj").ok();
        folder.run("llvm-lib-19 /out:llvm.lib record.obj").ok();
        folder.postlink(&format!("fill record.obj {}", set())).ok();
        folder.postlink("verify before.obj record.obj").ok();
        for file in ["gnu.lib", "llvm.lib"] {
            folder.copy(file, "before.lib");
            folder.postlink(&format!("fill {file} {}", set())).ok();
            folder.postlink(&format!("verify before.lib {file}")).ok();
        }
        for file in ["record.obj", "gnu.lib", "llvm.lib"] {
            folder.run(&format!("{gcc} -static main.cc values.cc {file} -o program.exe")).ok();
            assert_eq!(wine(&folder, "./program.exe").ok(), filled, "{file} {more}");
        }
    }
    // Beside symbols of an import library, which are no object files.
    folder.write("other.def", "LIBRARY other.dll\nEXPORTS\n    other\n    another\n");
    folder.run("llvm-dlltool-19 -m i386:x86-64 -d other.def -l other.lib").ok();
    folder.postlink("inspect other.lib").fails(1);
    folder.run("llvm-lib-19 /out:mixed.lib before.obj other.lib").ok();
    folder.postlink(&format!("fill mixed.lib {}", set())).ok();
    folder.run(&format!("{gcc} -static main.cc values.cc mixed.lib -o program.exe")).ok();
    assert_eq!(wine(&folder, "./program.exe").ok(), filled);
    // A link with LTO takes the other half.
    folder.run(&format!("{gcc} -flto -ffat-lto-objects -c lix.gen.cc -o fat.obj")).ok();
    let said = folder.postlink(&format!("fill fat.obj {}", set())).stderr;
    assert!(said.contains("also holds intermediate code"), "{said}");
    folder.run(&format!("{gcc} -flto -fno-fat-lto-objects -c lix.gen.cc -o slim.obj")).ok();
    let said = folder.postlink(&format!("fill slim.obj {}", set())).fails(1);
    assert!(said.contains("only intermediate code"), "{said}");
}

/// There is no standard library of Rust for these systems here. So a compiler for this one is told that it were
/// another: then the attributes say where the record goes, by the names of that system.
#[test]
fn rust_spells_the_section_for_each_system() {
    let folder = workspace();
    let systems = [
        ("windows", ".plink"),
        ("target_vendor=\"apple\"", "__TEXT,__postlink"),
        ("some_other", "postlink_bare"),
    ];
    for (system, section) in systems {
        let object = folder.path("record.o").display().to_string();
        let line = format!(
            "rustc --package alone --lib -- --cfg {system} -A explicit_builtin_cfgs_in_flags \
             --emit obj={object}"
        );
        cargo(&folder, &line, &[]).ok();
        let said = folder.run(&format!("readelf --sections --wide {object}")).ok();
        assert!(said.contains(&format!(" {section} ")), "{system}: {said}");
    }
}
