//! Mach-O files: how they are built here, and what others say of them.

use serde_json::Value;

use crate::{Folder, fixture};

/// zig's compiler, which has all that a program for macOS needs. The first program in C++ takes a minute
/// or two.
#[must_use]
pub fn zig(compiler: &str, target: &str) -> String {
    let python = fixture("../../target/python/bin/python");
    format!("{} -m ziglang {compiler} -target {target}", python.display())
}

/// What the check that shares no code with postlink says of signatures: an object for each file, and
/// each processor of a universal one.
#[must_use]
pub fn signatures(folder: &Folder, files: &[&str]) -> Vec<Value> {
    let check = fixture("../macho_signatures.py").display().to_string();
    let said = folder.run(&format!("python3 {check} {}", files.join(" ")));
    // With 1 it ends where a hash is wrong, which is told too.
    assert!(said.code < 2, "{}{}", said.stdout, said.stderr);
    said.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// LLVM's linker for a processor; it needs no libraries of the system.
#[must_use]
pub fn linker(processor: &str) -> String {
    format!("ld64.lld-19 -arch {processor} -platform_version macos 13.0 13.0")
}

/// LLVM's compiler for a processor.
#[must_use]
pub fn clang(processor: &str) -> String {
    format!("clang-19 --target={processor}-apple-macos13 -O2")
}

/// A record of the schema `app.toml` as a C array, in the section in which postlink looks for it; and that
/// schema.
#[must_use]
pub fn record_in_c(folder: &Folder) -> String {
    folder.write("app.toml", SCHEMA);
    folder.postlink("payload --schema app.toml --section app --output app.bin").ok();
    let bytes: Vec<String> = folder.read("app.bin").iter().map(u8::to_string).collect();
    let bytes = bytes.join(",");
    format!(
        "__attribute__((used, section(\"__TEXT,__postlink\"))) const unsigned char record[] = {{{bytes}}};\n"
    )
}

const SCHEMA: &str = r#"[section.app.field.version]
type = "string"
capacity = 64
default = "0.0.0"
[section.app.field.prefix]
type = "path"
capacity = 256
default = "/opt/old"
"#;

/// Makes `name`, a small library of arm64 with a record of `app.toml`; how, `macho_mint.py` says.
pub fn mint(folder: &Folder, name: &str, how: &str) {
    folder.write("app.toml", SCHEMA);
    folder.postlink("payload --schema app.toml --section app --output app.bin").ok();
    let mint = fixture("../macho_mint.py").display().to_string();
    folder.run_words("python3".as_ref(), &[&mint, "app.bin", name, how]).ok();
}

/// What LIEF reads of the record's section: its bytes, in hexadecimal digits, for each processor.
#[must_use]
pub fn sections_by_lief(folder: &Folder, file: &str) -> Vec<String> {
    let script = "import lief, sys\n\
                  images = lief.MachO.parse(sys.argv[1])\n\
                  for image in images:\n    \
                  print(bytes(image.get_section('__postlink').content).hex())";
    let python = fixture("../../target/python/bin/python");
    let lines = folder.run_words(python.as_os_str(), &["-c", script, file]).ok();
    lines.lines().map(str::to_owned).collect()
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    postlink_codegen::hex(bytes)
}

/// LLVM's compiler for C++ programs of arm64, with the headers that zig brings.
#[must_use]
pub fn clang_cpp() -> String {
    let find = "import ziglang, os; print(os.path.dirname(ziglang.__file__))";
    let python = fixture("../../target/python/bin/python");
    let zig = Folder::new().run_words(python.as_os_str(), &["-c", find]).ok();
    let library = format!("{}/lib", zig.trim());
    // What zig tells its own compiler of this library.
    let configuration = "ABI_VERSION=1 ABI_NAMESPACE=__1 HAS_THREADS=1 HAS_MONOTONIC_CLOCK=1 HAS_TERMINAL=1 \
        HAS_MUSL_LIBC=0 HAS_VENDOR_AVAILABILITY_ANNOTATIONS=0 HAS_FILESYSTEM=1 HAS_RANDOM_DEVICE=1 \
        HAS_LOCALIZATION=1 HAS_UNICODE=1 HAS_WIDE_CHARACTERS=1 HAS_TIME_ZONE_DATABASE=0 \
        PSTL_BACKEND_SERIAL HARDENING_MODE_DEFAULT=2 HARDENING_MODE=_LIBCPP_HARDENING_MODE_NONE \
        ASSERTION_SEMANTIC_DEFAULT=2 HAS_LIBRARY_ALIGNED_ALLOCATION=0";
    let defines: String =
        configuration.split_whitespace().map(|one| format!(" -D_LIBCPP_{one}")).collect();
    let headers = ["libcxx/include", "libcxxabi/include", "libc/include/any-darwin-any"];
    let headers = headers.map(|header| format!(" -isystem {library}/{header}")).concat();
    format!(
        "clang++-19 --target=arm64-apple-macos13 -std=c++17 -nostdinc++ -nostdlibinc{headers}{defines}"
    )
}
