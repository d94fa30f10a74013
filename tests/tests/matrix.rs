//! Programs from many toolchains, each built, run, filled and run again.

use postlink_tests::Folder;
use postlink_tests::covering::covering;
use postlink_tests::matrix::{
    AXES, Objects, RULES, RUST_AXES, RUST_RULES, RustCrates, check, check_rust, run_all,
};

/// No compiler, linker or tool folds, drops or doubles the record.
#[test]
fn every_cell_prints_what_is_filled() {
    let objects = Objects::new();
    run_all(AXES, RULES, |choice| check(&objects, choice));
}

/// The same for Rust.
#[test]
fn every_rust_cell_prints_what_is_filled() {
    let crates = RustCrates::new();
    run_all(RUST_AXES, RUST_RULES, |choice| check_rust(&crates, choice));
}

/// The selection holds what it says: each pair stands in a cell, or a rule forbids it.
#[test]
fn each_pair_of_values_is_in_a_cell() {
    let made = covering(AXES, RULES, 2);
    let stands = |first: (usize, usize), second: (usize, usize)| {
        made.cells.iter().any(|cell| cell[first.0] == first.1 && cell[second.0] == second.1)
    };
    let (mut there, mut not_there) = (0, 0);
    for (second, axis) in AXES.iter().enumerate() {
        for (first, other) in AXES[..second].iter().enumerate() {
            for a in 0..other.values.len() {
                for b in 0..axis.values.len() {
                    if stands((first, a), (second, b)) { there += 1 } else { not_there += 1 }
                }
            }
        }
    }
    assert_eq!(there, made.combinations);
    assert_eq!(not_there, made.impossible.iter().sum::<usize>());
    // No cell breaks a rule.
    for cell in &made.cells {
        for rule in RULES {
            let choice = postlink_tests::matrix::Choice::new(AXES, cell);
            let broken = rule.when.iter().all(|(axis, values)| values.contains(&choice.of(axis)));
            assert!(!broken, "{choice}: {}", rule.because);
        }
    }
}

/// What the rules say of tools that fail holds without postlink too.
#[test]
fn a_program_without_a_record_fails_likewise() {
    let folder = Folder::new();
    folder.write("main.cc", "int main() {}\n");
    folder.run("g++ -static-pie main.cc -Wl,-rpath,/r -o runpath").ok();
    folder.run("./runpath").fails(128 + 11);
    folder.run("g++ -static-pie main.cc -o program").ok();
    folder.run("./program").ok();
    folder.run("patchelf --set-rpath /r program").ok();
    folder.run("./program").fails(128 + 11);
    folder.run("g++ -static main.cc -o program").ok();
    let said = folder.run("patchelf --set-rpath /r program").fails(1);
    assert!(said.contains("dynamic"), "{said}");
    for line in ["llvm-objcopy-19 --add-section new=main.cc program", "llvm-strip-19 program"] {
        let said = folder.run(line).fails(1);
        assert!(said.contains("section .rela.plt is not a symbol table"), "{said}");
    }
    folder.run("strip program").ok();
    folder.run("llvm-objcopy-19 --add-section new=main.cc program").ok();
    for linker in ["gold", "lld", "mold"] {
        folder.run(&format!("clang++-19 -static -fuse-ld={linker} main.cc -o program")).ok();
        folder.run("llvm-objcopy-19 program").ok();
        folder.run("objcopy --strip-debug program").ok();
        let said = folder.run("llvm-strip-19 program").fails(1);
        assert!(said.contains("is not a symbol table"), "{said}");
    }
    folder.write(
        "main.cc",
        "#include <string>\nint one(int) { return 1; }\n\
         static const std::string text(static_cast<std::size_t>(one(0)) + 99, 'x');\n\
         int main() { return text.size() != 100; }\n",
    );
    let mold = "clang++-19 -O1 -fuse-ld=mold -fsanitize=address main.cc -o program";
    folder.run(&format!("{mold} -flto")).ok();
    folder.run("./program").ok();
    folder.run(&format!("{mold} -flto -ffat-lto-objects")).ok();
    folder.run("./program").fails(1);
    let gold = "clang++-19 -O0 -fuse-ld=gold -fsanitize=address -fPIC -shared main.cc -o program";
    for build in ["-flto", "-flto=thin", "-flto -ffat-lto-objects"] {
        folder.run(&format!("{gold} {build}")).ok();
        let said = folder.run(&format!("{gold} {build} -Wl,--icf=all")).fails(1);
        assert!(said.contains("internal error in do_section_flags"), "{said}");
    }
    // GNU objcopy warns of an "allocated section `.dynstr' not in segment", and leaves that out.
    let large = "clang++-19 -fno-pie -no-pie -fsanitize=undefined main.cc -o program";
    let patchelf = format!("patchelf --set-rpath /{} program", "r".repeat(300));
    folder.run(&format!("{large} -fuse-ld=mold")).ok();
    folder.run(&patchelf).fails(128 + 11);
    folder.run(&format!("{large} -fuse-ld=bfd")).ok();
    folder.run(&patchelf).ok();
    assert_eq!(folder.run("./program").stderr, "");
    folder.run("objcopy program").ok();
    let said = folder.run("./program").stderr;
    assert!(said.contains("no version information available"), "{said}");
}
