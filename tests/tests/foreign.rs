//! Programs for other machines and systems: built, filled, and run by an emulator where there is one.

use postlink_tests::lix::{
    VERSION, build_library, build_program, expected, long_prefix, sources, unspecialized,
};
use postlink_tests::{Folder, macho, matrix};

/// The triple of Debian's cross compiler, class and byte order as `readelf` says, and the emulator.
const MACHINES: [(&str, &str, &str, &str); 7] = [
    ("aarch64-linux-gnu", "ELF64", "little endian", "aarch64"),
    ("arm-linux-gnueabihf", "ELF32", "little endian", "arm"),
    ("i686-linux-gnu", "ELF32", "little endian", "i386"),
    ("powerpc-linux-gnu", "ELF32", "big endian", "ppc"),
    ("powerpc64le-linux-gnu", "ELF64", "little endian", "ppc64le"),
    ("riscv64-linux-gnu", "ELF64", "little endian", "riscv64"),
    ("s390x-linux-gnu", "ELF64", "big endian", "s390x"),
];

/// Fills an image and checks that nothing else changed. Gives its section.
fn fill(folder: &Folder, mode: &str, image: &str) -> Vec<u8> {
    folder.copy(image, "fresh");
    let set = format!("--set version={VERSION} --set prefix={}", long_prefix());
    folder.postlink(&format!("fill {mode} {image} {set}")).ok();
    folder.postlink(&format!("verify fresh {image}")).ok();
    let version = folder.postlink(&format!("inspect --field version {image}")).ok();
    assert_eq!(version, format!("{VERSION}\n"));
    folder.postlink(&format!("payload --image {image} --section lix --output payload")).ok();
    folder.read("payload")
}

#[test]
fn foreign_machines() {
    let folder = sources();
    let filled = expected(VERSION, &long_prefix(), true);
    let mut sections = Vec::new();
    for (triple, class, order, emulator) in MACHINES {
        let compiler = format!("{triple}-g++");
        let run = |program: &str| {
            let emulated = format!("qemu-{emulator}-static -L /usr/{triple} {program}");
            folder.run(&emulated).ok()
        };
        build_library(&folder, &compiler, "-O2");
        build_program(&folder, &compiler, "-O2 -flto -static", "program");
        let header = folder.run("readelf -h libvalues.so").ok();
        assert!(header.contains(class) && header.contains(order), "{header}");
        assert_eq!(run("dynamic"), unspecialized(), "{triple}");
        assert_eq!(run("program"), unspecialized(), "{triple}");
        sections.push(fill(&folder, "", "libvalues.so"));
        sections.push(fill(&folder, "--in-place", "program"));
        assert_eq!(run("dynamic"), filled, "{triple}");
        assert_eq!(run("program"), filled, "{triple}");
    }
    sections.dedup();
    assert_eq!(sections.len(), 1, "the record is the same on every machine");
}

/// What `zig c++` makes: another clang, another C++ library, and systems that Debian has no compiler
/// for. It takes minutes, so only the full matrix has it.
#[test]
fn zig() {
    if !matrix::is_full() {
        println!("POSTLINK_MATRIX=full builds with zig");
        return;
    }
    let folder = sources();
    let filled = expected(VERSION, &long_prefix(), true);
    for (target, emulator, optimisations) in [
        ("x86_64-linux-gnu", "env", ["-O0", "-O2", "-O3 -flto", "-Os"].as_slice()),
        ("x86_64-linux-musl", "env", &["-O2"]),
        ("aarch64-linux-musl", "qemu-aarch64-static", &["-O2"]),
        // Nothing here runs it.
        ("x86_64-freebsd", "", &["-O2"]),
    ] {
        for optimisation in optimisations {
            let zig = macho::zig("c++", target);
            build_program(&folder, &zig, optimisation, "program");
            let library = "-std=c++17 -fPIC -shared lix.gen.cc -o librecord.so";
            folder.run(&format!("{zig} {optimisation} {library}")).ok();
            fill(&folder, "", "program");
            fill(&folder, "--in-place", "librecord.so");
            println!("{target} {optimisation}: filled");
            if !emulator.is_empty() {
                let program = folder.path("program").display().to_string();
                let said = folder.run(&format!("{emulator} {program}")).ok();
                assert_eq!(said, filled, "{target} {optimisation}");
            }
        }
    }
    let notes = folder.run("readelf --notes program").ok();
    assert!(notes.contains("FreeBSD"), "{notes}");
}
