//! `postlink fill` on what real compilers and linkers made, really run afterwards.

use postlink_tests::lix::{
    VERSION, build_library, build_program, expected, long_prefix, sources, unspecialized,
};
use postlink_tests::{COMPILERS, Folder};

fn fill(folder: &Folder, images: &str, version: &str, prefix: &str) {
    folder.postlink(&format!("fill {images} --set version={version} --set prefix={prefix}")).ok();
}

/// Optimisation levels; clang's LTO needs a linker that knows it.
fn optimisations(compiler: &str) -> [&'static str; 5] {
    if compiler.starts_with("clang") {
        ["-O0", "-O2", "-O3", "-O2 -flto -fuse-ld=lld", "-O3 -flto -fuse-ld=lld"]
    } else {
        ["-O0", "-O2", "-O3", "-O2 -flto", "-O3 -flto"]
    }
}

/// A library and a program by each compiler: filled, run, filled again with less, compared with a
/// fresh one.
#[test]
fn what_is_filled_is_what_the_program_prints() {
    let folder = sources();
    for compiler in COMPILERS {
        for optimisation in optimisations(compiler) {
            build_library(&folder, compiler, optimisation);
            build_program(&folder, compiler, optimisation, "program");
            assert_eq!(folder.run("./dynamic").ok(), unspecialized());
            assert_eq!(folder.run("./program").ok(), unspecialized());
            folder.copy("libvalues.so", "fresh.so");
            folder.copy("program", "fresh");

            fill(&folder, "--in-place libvalues.so program", VERSION, &long_prefix());
            let expected_long = expected(VERSION, &long_prefix(), true);
            assert_eq!(folder.run("./dynamic").ok(), expected_long, "{compiler} {optimisation}");
            assert_eq!(folder.run("./program").ok(), expected_long, "{compiler} {optimisation}");

            fill(&folder, "libvalues.so program", "2.0.1", "/opt/lix");
            fill(&folder, "fresh.so --output second.so", "2.0.1", "/opt/lix");
            fill(&folder, "fresh --output second", "2.0.1", "/opt/lix");
            assert_eq!(folder.run("./dynamic").ok(), expected("2.0.1", "/opt/lix", true));
            assert_eq!(folder.run("./second").ok(), expected("2.0.1", "/opt/lix", true));
            assert!(
                folder.read("libvalues.so") == folder.read("second.so"),
                "{compiler} {optimisation}"
            );
            assert!(folder.read("program") == folder.read("second"), "{compiler} {optimisation}");
            folder.postlink("verify fresh.so second.so").ok();
            folder.postlink("verify fresh program").ok();
            let exported = folder.run("nm -D libvalues.so").ok();
            assert!(
                exported.contains("versionEv") && !exported.contains("postlink_record"),
                "{exported}"
            );
        }
    }
}

/// The harness sees a fold: both ways of reading without the barrier print the old version.
#[test]
fn a_naive_accessor_is_seen_to_fail() {
    let folder = sources();
    let source = String::from_utf8(folder.read("lix.gen.cc")).expect("UTF-8");
    let naive = source.replace("    __asm__ volatile(\"\" : \"+r\"(start));\n", "");
    assert_ne!(source, naive, "the barrier is where this test looks for it");
    folder.write("lix.gen.cc", naive);
    for (compiler, flags) in [("g++", "-O2"), ("clang++-19", "-O3 -flto -fuse-ld=lld")] {
        build_program(&folder, compiler, flags, "program");
        fill(&folder, "--in-place program", VERSION, "/opt/lix");
        let run = folder.run("./program");
        assert_ne!(run.stdout, expected(VERSION, "/opt/lix", true), "{compiler} {flags}");
        // It prints the old value, or half of it, or notices that the parts do not fit, or sees the old
        // state.
        let said = run.stdout + &run.stderr;
        let folded = ["0.0.0", "length=19", "the record is damaged", "specialized=0"];
        assert!(folded.iter().any(|sign| said.contains(sign)), "{said}");
    }
}

/// The payload is what GNU objcopy and llvm-objcopy take and give.
#[test]
fn objcopy_does_the_same() {
    let folder = sources();
    for compiler in COMPILERS {
        build_library(&folder, compiler, "-O2");
        folder.copy("libvalues.so", "fresh.so");
        fill(&folder, "libvalues.so", VERSION, &long_prefix());
        let set = format!("--set version={VERSION} --set prefix={}", long_prefix());
        folder.postlink("payload --image libvalues.so --section lix --output as_is").ok();
        folder
            .postlink(&format!(
                "payload --image fresh.so --section postlink_lix {set} --output planned"
            ))
            .ok();
        folder.run("objcopy --dump-section postlink_lix=dumped libvalues.so /dev/null").ok();
        assert!(folder.read("dumped") == folder.read("as_is"));
        assert!(folder.read("dumped") == folder.read("planned"));
        for objcopy in ["objcopy", "llvm-objcopy-19"] {
            folder.copy("fresh.so", "libvalues.so");
            folder
                .run(&format!("{objcopy} --update-section postlink_lix=planned libvalues.so"))
                .ok();
            assert_eq!(
                folder.run("./dynamic").ok(),
                expected(VERSION, &long_prefix(), true),
                "{objcopy}"
            );
        }
    }
    let schema = postlink_tests::fixture("../../schema.toml").display().to_string();
    let line = format!(
        "payload --schema {schema} --section lix --default prefix=/usr/local --set version={VERSION} --set prefix=/p --output made"
    );
    folder.postlink(&line).ok();
    folder.copy("fresh.so", "libvalues.so");
    folder.run("objcopy --update-section postlink_lix=made libvalues.so").ok();
    assert_eq!(folder.run("./dynamic").ok(), expected(VERSION, "/p", true));
}

/// Values that were set are not lost silently.
#[test]
fn keep_and_reset() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.copy("libvalues.so", "fresh.so");
    fill(
        &folder,
        "libvalues.so --set builtin_dep_closure=/a --set builtin_dep_closure=/b",
        "1.2.3",
        "/p",
    );
    let before = folder.read("libvalues.so");
    let said = folder.postlink("fill libvalues.so --set version=1.2.4").fails(1);
    assert!(
        said.contains("`prefix` and `builtin_dep_closure`") && said.contains("--keep"),
        "{said}"
    );
    assert!(folder.read("libvalues.so") == before);

    folder.postlink("fill libvalues.so --set version=1.2.4 --keep").ok();
    let field = |name: &str| folder.postlink(&format!("inspect --field {name} libvalues.so")).ok();
    assert_eq!(field("version"), "1.2.4\n");
    assert_eq!(field("builtin_dep_closure"), "/a\n/b\n");
    assert_eq!(field("libexec_dir"), "/p/libexec/lix\n");

    folder.postlink("fill libvalues.so --set version=1.2.4 --reset").ok();
    assert_eq!(field("prefix"), "/usr/local\n");
    assert_eq!(field("builtin_dep_closure"), "/usr/local\n");
    folder.postlink("fill fresh.so --set version=1.2.4").ok();
    assert!(folder.read("fresh.so") == folder.read("libvalues.so"));
}

#[test]
fn values_from_files() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.write(
        "v.toml",
        "version = '3.0.0'\n[lix]\nprefix = '/toml'\nbuiltin_dep_closure = ['/a', '/b']\n",
    );
    folder.write("v.json", r#"{"version": "3.0.1", "lix": {"man_dir": "/man"}}"#);
    let line = "fill libvalues.so --values v.toml --values v.json --set lix.version=3.0.2";
    let said = folder.postlink(&format!("{line} --set version=3.0.3")).fails(1);
    assert!(said.contains("set twice"), "{said}");
    folder.postlink(line).ok();
    let shown = folder.postlink("inspect libvalues.so").ok();
    for line in [
        "version: string = 3.0.2 (set)",
        "prefix: path = /toml (set)",
        "man_dir: path = /man (set)",
        "bin_dir: path = /toml/bin (derived)",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

/// A program whose record was changed by something else does not say that it is specialized.
#[test]
fn a_damaged_record_is_not_specialized() {
    let folder = sources();
    for compiler in COMPILERS {
        build_program(&folder, compiler, "-O2", "program");
        fill(&folder, "program", "1.2.3", "/p");
        let mut damaged = folder.read("program");
        let prefix = damaged.windows(3).rposition(|bytes| bytes == b"/p\0").expect("a value");
        damaged[prefix + 100] = 1;
        folder.write("damaged", &damaged);
        folder.run("chmod +x damaged").ok();
        let printed = folder.run("./damaged").ok();
        assert_eq!(
            printed,
            expected("1.2.3", "/p", true).replace("specialized=1", "specialized=0")
        );
        // A length beyond the capacity, and an unknown state, stop the program.
        let record = damaged
            .windows(8)
            .rposition(|bytes| bytes == postlink_format::MAGIC)
            .expect("a record");
        for (at, byte) in [(88 + 4 + 2, 1), (80, 9)] {
            let mut bad = folder.read("program");
            bad[record + at] = byte;
            folder.write("damaged", &bad);
            assert!(
                folder.run("./damaged").fails(134).contains("field version: the record is damaged")
            );
        }
    }
}

/// Two libraries of one process carry the same section: each reads its own record, though the
/// accessors of both have the same names and are exported.
#[test]
fn each_library_reads_its_own_record() {
    let folder = sources();
    folder.write(
        "main.cc",
        "extern \"C\" void print_values();\nextern \"C\" void print_others();\nint main() { print_values(); print_others(); }\n",
    );
    for compiler in COMPILERS {
        for flags in ["-O0", "-O2"] {
            let line = format!("{compiler} -std=c++17 {flags} -fPIC -shared");
            folder.run(&format!("{line} values.cc lix.gen.cc -o libvalues.so")).ok();
            let renamed = "-Dprint_values=print_others -Dbanner=other_banner";
            folder.run(&format!("{line} {renamed} values.cc lix.gen.cc -o libothers.so")).ok();
            let line = format!("{compiler} main.cc -L. -lvalues -lothers -Wl,-rpath,$ORIGIN");
            folder.run(&format!("{line} -o both")).ok();
            fill(&folder, "libvalues.so", "1.0.0", "/one");
            fill(&folder, "libothers.so", "2.0.0", "/two");
            let both = expected("1.0.0", "/one", true) + &expected("2.0.0", "/two", true);
            assert_eq!(folder.run("./both").ok(), both, "{compiler} {flags}");
        }
    }
}
