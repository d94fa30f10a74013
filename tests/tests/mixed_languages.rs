//! C++ and Rust in one image: one record each way round, read by both.

use postlink_tests::Folder;
use postlink_tests::rust::{FILLED, SET, UNSPECIALIZED, build_cpp, cargo, expected, workspace};

/// Environment variables for cargo.
type Variables = &'static [(&'static str, &'static str)];

const LTO: &str = "CARGO_PROFILE_RELEASE_LTO";
const UNITS: &str = "CARGO_PROFILE_RELEASE_CODEGEN_UNITS";
const PANIC: &str = "CARGO_PROFILE_RELEASE_PANIC";

fn exports_no_record(folder: &Folder, image: &str) {
    let exported = folder.run(&format!("nm -D --defined-only {image}")).ok();
    assert!(!exported.contains("postlink_record"), "{exported}");
}

/// Fills the image that carries the records and runs the program before and after.
fn fill_and_run(folder: &Folder, image: &str, program: &str) {
    assert_eq!(folder.run(program).ok(), expected(UNSPECIALIZED[0], UNSPECIALIZED[1]));
    exports_no_record(folder, image);
    folder.copy(image, "original");
    folder.postlink(&format!("fill {image} --schema mixed/mixed.toml {SET}")).ok();
    assert_eq!(folder.run(program).ok(), expected(FILLED[0], FILLED[1]));
    folder.postlink(&format!("verify original {image}")).ok();
}

#[test]
fn a_rust_static_library_linked_whole_into_a_shared_object() {
    let folder = workspace();
    let builds: [(&str, &str, Variables); 5] = [
        ("g++", "-O2", &[]),
        ("g++", "-O0", &[(UNITS, "256")]),
        ("g++", "-O2 -flto", &[(LTO, "fat"), (UNITS, "1"), (PANIC, "abort")]),
        ("clang++-19", "-O2 -fuse-ld=lld", &[(LTO, "thin")]),
        ("g++", "-O2 -fuse-ld=mold", &[(LTO, "off")]),
    ];
    for (compiler, flags, variables) in builds {
        cargo(&folder, "build --release --package exported", variables).ok();
        build_cpp(&folder, compiler, flags.split(" -fuse-ld").next().expect("flags"));
        let whole =
            "-Wl,--whole-archive libreport.a target/release/libexported.a -Wl,--no-whole-archive";
        let line = format!("{compiler} {flags} -shared -Wl,--gc-sections -o libmixed.so {whole}");
        folder.run(&format!("{line} -lpthread -ldl -lm")).ok();
        folder.run(&format!("{compiler} main.cc -L. -lmixed -Wl,-rpath,$ORIGIN -o program")).ok();
        fill_and_run(&folder, "libmixed.so", "./program");
    }
}

#[test]
fn a_cpp_static_library_in_a_rust_program() {
    let folder = workspace();
    build_cpp(&folder, "g++", "-O2");
    build_app(&folder, "release", &[]).ok();
    fill_and_run(&folder, "program", "./program");
}

/// Builds the program in Rust, as `program`.
fn build_app(folder: &Folder, profile: &str, variables: &[(&str, &str)]) -> postlink_tests::Run {
    let line = format!(
        "rustc --profile {} --package app -- -L {} -C link-arg=-lstdc++",
        if profile == "debug" { "dev" } else { profile },
        folder.path(".").display()
    );
    let built = cargo(folder, &line, variables);
    if built.code == 0 {
        folder.copy(&format!("target/{profile}/app"), "program");
    }
    built
}

/// Every way in which rustc optimizes across functions, crates and units.
#[test]
fn no_profile_folds_a_value() {
    let folder = workspace();
    build_cpp(&folder, "g++", "-O2");
    let profiles: &[(&str, Variables)] = &[
        ("debug", &[]),
        ("debug", &[("CARGO_PROFILE_DEV_CODEGEN_UNITS", "256")]),
        ("release", &[(UNITS, "1")]),
        ("release", &[(UNITS, "16"), (PANIC, "abort")]),
        ("release", &[(LTO, "fat"), (UNITS, "1"), (PANIC, "abort")]),
        ("release", &[(LTO, "fat"), (UNITS, "16")]),
        ("release", &[(LTO, "thin"), (UNITS, "16")]),
        ("release", &[(LTO, "thin"), (UNITS, "1"), ("CARGO_PROFILE_RELEASE_STRIP", "true")]),
        ("release", &[(LTO, "off"), ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")]),
    ];
    for (profile, variables) in profiles {
        build_app(&folder, profile, variables).ok();
        fill_and_run(&folder, "program", "./program");
    }
}

/// clang's bitcode and rustc's, optimized together by the linker that comes with rustc: its LLVM is
/// the newer one, and reads what clang 19 wrote.
#[test]
fn cross_language_lto_folds_nothing() {
    let folder = workspace();
    build_cpp(&folder, "clang++-19", "-O2 -flto=thin");
    let libraries = folder.run("rustc --print target-libdir").ok();
    let lld = format!("{}/../bin/gcc-ld/ld.lld", libraries.trim());
    let flags = format!("-Clinker-plugin-lto -Clinker=clang-19 -Clink-arg=--ld-path={lld}");
    // With a target named, cargo does not use the flags for the macro.
    let triple = folder.run("rustc --print host-tuple").ok();
    let line = format!(
        "rustc --release --target {} --package app -- -L {} -C link-arg=-lstdc++",
        triple.trim(),
        folder.path(".").display()
    );
    cargo(&folder, &line, &[("RUSTFLAGS", &flags)]).ok();
    folder.copy(&format!("target/{}/release/app", triple.trim()), "program");
    let comment = folder.run("readelf -p .comment program").ok();
    assert!(comment.contains("clang version 19") && comment.contains("LLD"), "{comment}");
    fill_and_run(&folder, "program", "./program");
}

#[test]
fn a_shared_library_in_rust_and_one_without_std() {
    let folder = workspace();
    let variables = [(PANIC, "abort"), (LTO, "fat"), (UNITS, "1")];
    cargo(&folder, "build --release --package alone --package bare", &variables).ok();
    folder.write("print.c", "void print_name(void);\nint main(void) { print_name(); return 0; }\n");
    folder.copy("target/release/libalone.so", "libalone.so");
    folder.run("gcc print.c -L. -lalone -Wl,-rpath,$ORIGIN -o print").ok();
    assert_eq!(folder.run("./print").ok(), "v1.2.3 false\n");
    exports_no_record(&folder, "libalone.so");
    folder.postlink("fill libalone.so --set name=filled").ok();
    assert_eq!(folder.run("./print").ok(), "filled true\n");
    // Neither std nor an allocator: it links with nothing but the C library.
    folder.run("gcc bare.c target/release/libbare.a -nodefaultlibs -lc -o bare_program").ok();
    assert_eq!(folder.run("./bare_program").ok(), "17\n");
    folder.postlink("fill bare_program --set name=x --set items=").ok();
    assert_eq!(folder.run("./bare_program").ok(), "5\n");
}

/// Halves of different schemas do not link, and the symbol that is missing says why.
#[test]
fn halves_of_different_schemas_fail_at_link() {
    let folder = workspace();
    let schema = String::from_utf8(folder.read("mixed/mixed.toml")).expect("UTF-8");
    folder.write("other.toml", schema.replace("capacity = 64", "capacity = 65"));
    for section in ["of_cpp", "of_rust"] {
        folder.postlink(&format!("generate --schema other.toml --section {section} --out-header {section}.gen.hh --out-source {section}.gen.cc")).ok();
    }
    build_cpp(&folder, "g++", "-O2");
    let said = build_app(&folder, "release", &[]).fails(101);
    assert!(said.contains("postlink_record_of_cpp_of_schema_"), "{said}");
    assert!(said.contains("postlink_record_of_rust_of_schema_"), "{said}");
}
