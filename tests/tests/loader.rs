//! Strings that the loader reads are replaced, and really read by it afterwards.
#![forbid(unsafe_code)]

use std::fs;

use postlink_tests::{Folder, Run, postlink};

/// Linkers, each with a compiler that takes it. The first two let strings share their ends.
const LINKERS: [&str; 4] = [
    "g++ -fuse-ld=bfd",
    "g++ -fuse-ld=gold -Wl,-O2",
    "clang++-19 -fuse-ld=lld -Wl,-O2",
    "g++ -fuse-ld=mold",
];

/// Specializes a program, and puts the result in its place.
fn rewrite(folder: &Folder, file: &str, old: &str, new: &str) -> Run {
    let _ = fs::remove_dir_all(folder.path("out"));
    let line = format!(
        "specialize --output {file}=/final/place/{file} --rewrite {old}={new} --destdir out --force"
    );
    let run = folder.postlink(&line);
    if run.code == 0 {
        fs::rename(folder.path(&format!("out/final/place/{file}")), folder.path(file)).expect(file);
    }
    run
}

/// The references that the loader reads, as `scan` finds them in a file.
fn kinds(folder: &Folder, file: &str, reference: &str) -> Vec<String> {
    let said = folder.postlink(&format!("scan --json --reference {reference} {file}"));
    let report: serde_json::Value = serde_json::from_str(&said.stdout).expect("one object");
    let findings = report["trees"][0]["findings"].as_array().expect("findings").clone();
    findings.iter().map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// A folder with `libfoo.so` in `old` and `main.cc` that needs it.
fn sources(compiler: &str) -> Folder {
    let folder = Folder::new();
    folder.write("foo.cc", "int foo() { return 7; }\n");
    folder.write("main.cc", "int foo();\nint main() { return foo() - 7; }\n");
    fs::create_dir(folder.path("old")).expect("old");
    folder
        .run(&format!("{compiler} -fPIC -shared foo.cc -Wl,-soname,libfoo.so -o old/libfoo.so"))
        .ok();
    folder
}

/// Links `program` with these folders in its RUNPATH.
#[track_caller]
fn link(folder: &Folder, compiler: &str, runpath: &str) {
    folder.run(&format!("{compiler} main.cc -Lold -lfoo -Wl,-rpath,{runpath} -o program")).ok();
}

#[test]
fn a_program_finds_its_library_by_the_new_runpath() {
    for linker in LINKERS {
        let folder = sources(linker);
        let (old, new) = (folder.path("old"), folder.path("new"));
        let (old, new) = (old.to_str().expect("UTF-8"), new.to_str().expect("UTF-8"));
        for tags in ["--enable-new-dtags", "--disable-new-dtags"] {
            for strip in [false, true] {
                let long = format!("{old}/longer");
                link(&folder, &format!("{linker} -Wl,{tags}"), &format!("{long}:{old}"));
                if strip {
                    folder.run("llvm-objcopy-19 --strip-sections program").ok();
                }
                folder.run("./program").ok();
                fs::rename(old, new).expect("new");
                assert_ne!(folder.run("./program").code, 0, "{linker}");
                rewrite(&folder, "program", old, new).ok();
                folder.run("./program").ok();
                let shown = folder.run("readelf -d program").ok();
                assert!(shown.contains(&format!("path: [{new}/longer:{new}]")), "{linker} {shown}");
                // The room that becomes free can be taken again, and no more.
                rewrite(&folder, "program", &format!("{new}/longer"), "/x").ok();
                folder.run("./program").ok();
                let said = rewrite(&folder, "program", "/x", &format!("{long}r")).fails(1);
                let (needed, room) = (2 * old.len() + 9, 2 * old.len() + 8);
                let problem = format!("it needs {needed} bytes, there is room for {room}");
                assert!(said.contains(&problem) && said.contains("$ORIGIN"), "{linker} {said}");
                rewrite(&folder, "program", "/x", &long).ok();
                folder.run("./program").ok();
                fs::rename(new, old).expect("old");
            }
        }
    }
}

/// Each symbol's name was once read by itself.
#[test]
fn tables_are_read_whole() {
    let folder = sources("g++");
    let functions: Vec<String> =
        (0..2000).map(|at| format!("int function{at}() {{ return {at}; }}\n")).collect();
    folder.write("many.cc", functions.concat());
    folder.run("g++ -g -fPIC -shared many.cc -Wl,-rpath,/opt/app/lib -o many.so").ok();
    let program = postlink().display();
    for line in [
        "specialize --output many.so=/opt/new --rewrite /opt/app=/opt/b --destdir out",
        "inspect many.so",
    ] {
        let calls = "trace=read,pread64,lseek";
        folder.run(&format!("strace -f -y -o trace -e {calls} {program} {line}"));
        let trace = String::from_utf8(folder.read("trace")).expect("UTF-8");
        let reads = trace.lines().filter(|line| line.contains("many.so>")).count();
        assert!((1..60).contains(&reads), "{line}: {trace}");
    }
}

#[test]
fn a_program_is_started_by_the_new_interpreter() {
    for linker in LINKERS {
        let folder = sources(linker);
        let long = folder.path("a/loader/that/is/nowhere").display().to_string();
        link(&folder, &format!("{linker} -Wl,--dynamic-linker={long}"), "$ORIGIN/old");
        let started = std::process::Command::new(folder.path("program")).status();
        assert!(started.is_err(), "{linker}");
        let said = rewrite(&folder, "program", &long, &format!("{long}r")).fails(1);
        assert!(said.contains("the interpreter `"), "{linker} {said}");
        rewrite(&folder, "program", &long, "/lib64/ld-linux-x86-64.so.2").ok();
        folder.run("./program").ok();
        let shown = folder.run("readelf -lW program").ok();
        assert!(shown.contains("interpreter: /lib64/ld-linux-x86-64.so.2]"), "{linker} {shown}");
    }
}

/// A name that is the end of the RUNPATH lies in the same bytes.
#[test]
fn strings_that_share_bytes_with_the_runpath_stay_as_they_are() {
    for (linker, shares) in LINKERS.into_iter().zip([true, true, false, false]) {
        let folder = sources(linker);
        let readers = [
            ("/x/libfoo.so", "the name of a library"),
            ("/x/_Z3foov", "the name of a symbol"),
            ("/x/GLIBC_2.34", "the name of a version"),
        ];
        for (runpath, what) in readers {
            link(&folder, linker, runpath);
            let tables = ["-V", "--dyn-syms"];
            let shown =
                || tables.map(|what| folder.run(&format!("readelf -W {what} program")).ok());
            let all = shown();
            let rewritten = rewrite(&folder, "program", runpath, "/x/y");
            if shares {
                let said = rewritten.fails(1);
                let reason =
                    format!("the linker put {what} `{}` into the same bytes", &runpath[3..]);
                assert!(said.contains(&reason), "{linker} {said}");
                // The end stays, and so does what reads it alone.
                rewrite(&folder, "program", runpath, &runpath.replace('x', "y")).ok();
            } else {
                rewritten.ok();
            }
            assert_eq!(all, shown(), "{linker}");
            folder.run("env LD_LIBRARY_PATH=old ./program").ok();
        }
    }
}

#[test]
fn foreign_machines() {
    let machines = [
        "aarch64-linux-gnu-g++",
        "i686-linux-gnu-g++",
        "s390x-linux-gnu-g++",
        "powerpc-linux-gnu-g++",
    ];
    for compiler in machines {
        let folder = sources(compiler);
        let compiler = format!("{compiler} -Wl,--dynamic-linker=/nix/store/old/ld.so");
        link(&folder, &compiler, "/nix/store/old/a:/nix/store/old/b");
        let symbols = folder.run("readelf -W --dyn-syms -V program").ok();
        rewrite(&folder, "program", "/nix/store/old", "/nix/new").ok();
        let shown = folder.run("readelf -dlW program").ok();
        assert!(shown.contains("path: [/nix/new/a:/nix/new/b]"), "{compiler} {shown}");
        assert!(shown.contains("interpreter: /nix/new/ld.so]"), "{compiler} {shown}");
        assert!(shown.contains("[libfoo.so]"), "{compiler} {shown}");
        assert_eq!(folder.run("readelf -W --dyn-syms -V program").ok(), symbols, "{compiler}");
    }
}

/// The names that the loader reads besides; and where there are none.
#[test]
fn all_strings_of_a_library() {
    let folder = sources("g++");
    folder.run("g++ -fPIC -shared foo.cc -Wl,-soname,/opt/app/me.so -Wl,-f,/opt/app/auxiliary -Wl,-F,/opt/app/filter -Wl,-rpath,/opt/app/lib -o all.so").ok();
    let mut found = kinds(&folder, "all.so", "/opt/app");
    found.sort();
    assert_eq!(found, ["loader", "loader", "loader", "runpath"]);
    folder.run("g++ -static main.cc foo.cc -o static").ok();
    assert_eq!(kinds(&folder, "static", "/opt/app"), [""; 0]);
    // The places in a separate debug file are those of the program.
    link(&folder, "g++ -g", "/opt/app/lib");
    for split in
        ["objcopy --only-keep-debug program debug", "eu-strip program -o stripped -f debug"]
    {
        folder.run(split).ok();
        assert_eq!(kinds(&folder, "debug", "/opt/app"), [""; 0], "{split}");
    }
    assert_eq!(kinds(&folder, "stripped", "/opt/app"), ["runpath"]);
}

/// Damage is refused, or does not matter; it never stops the program, nor takes much memory.
#[test]
fn damaged_files() {
    for compiler in ["clang++-19 -fuse-ld=lld", "powerpc-linux-gnu-g++"] {
        let folder = sources(compiler);
        link(&folder, compiler, "/nix/store/old");
        let good = folder.read("program");
        // All that stands before the code, and the dynamic section.
        let shown = folder.run("readelf -lSW program").ok();
        let offset = |start: &str, word: usize| {
            let line = shown.lines().find(|line| line.trim_start().starts_with(start));
            let line = line.unwrap_or_else(|| panic!("{shown}"));
            let word = line.split_whitespace().nth(word).expect(line).trim_start_matches("0x");
            usize::from_str_radix(word, 16).expect(line)
        };
        let text =
            good.windows(15).position(|bytes| bytes == b"/nix/store/old\0").expect("it") + 15;
        let dynamic = offset("DYNAMIC", 1);
        fs::create_dir(folder.path("tree")).expect("tree");
        folder.copy("program", "tree/good");
        for at in (0..text).step_by(3).chain(dynamic..dynamic + 0x200) {
            for flip in [0xff, 0x80, 0x01] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                folder.write(&format!("tree/{at}-{flip}"), bad);
            }
        }
        for length in (0..text).step_by(7) {
            folder.write(&format!("tree/cut-{length}"), &good[..length]);
        }
        let limited = |line: &str| {
            let program = postlink().display();
            folder.run(&format!("env RAYON_NUM_THREADS=2 prlimit --as=1000000000 {program} {line}"))
        };
        let said = limited("scan --json --reference /nix/store/old tree");
        // In some of them it is in the bytes of a damaged file.
        assert_eq!((said.code, &*said.stderr), (3, ""));
        let report: serde_json::Value = serde_json::from_str(&said.stdout).expect("one object");
        let findings = report["trees"][0]["findings"].as_array().expect("findings");
        let is = |kind: &str| findings.iter().filter(|one| one["kind"] == kind).count();
        let (runpath, data) = (is("runpath"), is("data"));
        assert!(runpath > 500 && data > 30, "{compiler} {runpath} {data}");
        let said = limited(
            "specialize --output tree=/x/y --rewrite /nix/store/old=/nix/store/new --destdir out",
        );
        assert!(said.code == 1 || said.code == 3, "{said:?}");
        assert!(!said.stderr.contains("panicked") && !folder.path("out/x").exists(), "{said:?}");
    }
}
