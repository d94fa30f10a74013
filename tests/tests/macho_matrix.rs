//! C++ programs for macOS, as compilers and linkers make them with various options: the record is there,
//! once and whole. Nothing here runs them.

use postlink_tests::Folder;
use postlink_tests::macho::{clang_cpp, linker, signatures, zig};
use postlink_tests::matrix::is_full;
use serde_json::json;

/// A default that stands nowhere but in the record, unless that was copied.
const MARK: &[u8] = b"0.0.0-of-this-matrix";

fn sources() -> Folder {
    let folder = Folder::new();
    let mark = String::from_utf8_lossy(MARK);
    let field = format!("type = \"string\"\ncapacity = 128\ndefault = \"{mark}\"\n");
    folder.write("app.toml", format!("[section.app.field.version]\n{field}"));
    folder
        .postlink("generate --schema app.toml --out-header app.gen.hh --out-source app.gen.cc")
        .ok();
    folder.write(
        "use.cc",
        "#include \"app.gen.hh\"\nextern \"C\" int puts(const char *);\n\
         int main() { return puts(app::version().data()) + app::version()[0] + app::version().size(); }\n",
    );
    folder
}

fn count(bytes: &[u8]) -> usize {
    bytes.windows(MARK.len()).filter(|part| *part == MARK).count()
}

/// Fills a file; `strip` says when it is stripped.
fn check(folder: &Folder, file: &str, strip: &str, what: &str) {
    if strip == "before" {
        folder.run(&format!("llvm-strip-19 -x {file}")).ok();
    }
    folder.copy(file, "before");
    folder.postlink(&format!("fill {file} --set version=2.0.1")).ok();
    folder.postlink(&format!("verify before {file}")).ok();
    if strip == "after" {
        folder.run(&format!("llvm-strip-19 -x {file}")).ok();
    }
    let version = folder.postlink(&format!("inspect --field version {file}")).ok();
    assert_eq!(version, "2.0.1\n", "{what}");
    folder.postlink(&format!("payload --image {file} --section app --output payload")).ok();
    let payload = folder.read("payload");
    assert_eq!(count(&folder.read(file)), count(&payload), "{what}: it was copied");
    for one in signatures(folder, &[file]) {
        assert_eq!(one["signature"], "ad-hoc", "{what}");
        assert_eq!(one["directories"][0]["wrong"], json!([]), "{what}: {one}");
    }
}

#[test]
fn each_optimisation_with_and_without_lto() {
    let (folder, compile) = (sources(), clang_cpp());
    let mut sizes = Vec::new();
    for level in ["-O0", "-O2", "-O3"] {
        for lto in ["", "-flto", "-flto=thin", "-fsanitize=address"] {
            folder.run(&format!("{compile} {level} {lto} -c use.cc app.gen.cc")).ok();
            for dead in ["", "-dead_strip"] {
                let link = format!("{} -dylib -undefined dynamic_lookup {dead}", linker("arm64"));
                for strip in ["never", "before", "after"] {
                    folder.run(&format!("{link} use.o app.gen.o -o lib.dylib")).ok();
                    check(&folder, "lib.dylib", strip, &format!("{level} {lto} {dead} {strip}"));
                    sizes.push(folder.read("payload").len());
                }
            }
        }
    }
    // No sanitizer pads the record, and no linker.
    sizes.dedup();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
}

/// The first program takes a minute or two: zig compiles its C++ library.
#[test]
fn programs_of_zig() {
    let folder = sources();
    let (targets, levels) = match is_full() {
        true => (["aarch64-macos", "x86_64-macos"].as_slice(), ["-O0", "-O2", "-O3"].as_slice()),
        false => (["aarch64-macos"].as_slice(), ["-O2"].as_slice()),
    };
    for target in targets {
        for level in levels {
            for dead in ["", "-Wl,-dead_strip"] {
                let build = format!("{} -std=c++17 {level} {dead}", zig("c++", target));
                folder.run(&format!("{build} use.cc app.gen.cc -o program")).ok();
                if *target == "aarch64-macos" {
                    for strip in ["never", "before"] {
                        check(&folder, "program", strip, &format!("zig {level} {dead} {strip}"));
                        folder.postlink("fill program --reset").ok();
                    }
                } else {
                    // zig signs only what the system would not start unsigned.
                    folder.copy("program", "before");
                    folder.postlink("fill program --set version=2.0.1").ok();
                    folder.postlink("verify before program").ok();
                }
            }
        }
    }
}
