//! What the loader reads from a file is replaced, and really read by it afterwards.

use std::fs::File;
use std::os::unix::fs::FileExt;

use object::read::ReadCache;
use postlink_patcher::image::loader::{
    LoaderProblem, LoaderText, Role, loader_texts, replace_loader_text,
};
use postlink_tests::Folder;

/// Linkers, each with a compiler that takes it. The first two let strings share their ends.
const LINKERS: [&str; 4] = [
    "g++ -fuse-ld=bfd",
    "g++ -fuse-ld=gold -Wl,-O2",
    "clang++-19 -fuse-ld=lld -Wl,-O2",
    "g++ -fuse-ld=mold",
];

fn texts(folder: &Folder, file: &str) -> Vec<LoaderText> {
    let file = File::open(folder.path(file)).expect(file);
    loader_texts(&ReadCache::new(file)).expect("the strings")
}

/// The one string of a role.
#[track_caller]
fn text(folder: &Folder, file: &str, role: Role) -> LoaderText {
    let texts = texts(folder, file);
    let mut found = texts.iter().filter(|text| text.role == role);
    let text = found.next().unwrap_or_else(|| panic!("{texts:?}"));
    assert!(found.next().is_none(), "{texts:?}");
    text.clone()
}

/// Replaces the one string of a role in the file itself.
fn replace(folder: &Folder, file: &str, role: Role, new: &str) -> Result<(), LoaderProblem> {
    let old = text(folder, file, role);
    let file = File::options().read(true).write(true).open(folder.path(file)).expect(file);
    let change = replace_loader_text(&ReadCache::new(&file), &old, new.as_bytes())?;
    assert_eq!(change.before.len(), change.after.len());
    let mut before = vec![0; change.before.len()];
    file.read_exact_at(&mut before, change.offset).expect("bytes");
    assert_eq!(before, change.before);
    file.write_all_at(&change.after, change.offset).expect("bytes");
    Ok(())
}

/// A folder with `libfoo.so` in `old` and `main.o` that needs it.
fn sources(compiler: &str) -> Folder {
    let folder = Folder::new();
    folder.write("foo.cc", "int foo() { return 7; }\n");
    folder.write("main.cc", "int foo();\nint main() { return foo() - 7; }\n");
    std::fs::create_dir(folder.path("old")).expect("old");
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
                link(&folder, &format!("{linker} -Wl,{tags}"), &format!("{old}:/nowhere"));
                if strip {
                    folder.run("llvm-objcopy-19 --strip-sections program").ok();
                }
                folder.run("./program").ok();
                std::fs::rename(old, new).expect("new");
                assert_ne!(folder.run("./program").code, 0, "{linker}");
                assert_eq!(
                    text(&folder, "program", Role::Runpath).text,
                    format!("{old}:/nowhere").as_bytes()
                );
                replace(&folder, "program", Role::Runpath, new).expect(linker);
                assert_eq!(text(&folder, "program", Role::Runpath).text, new.as_bytes());
                folder.run("./program").ok();
                let shown = folder.run("readelf -d program").ok();
                assert!(shown.contains(&format!("path: [{new}]")), "{linker} {shown}");
                // The room that is free now can be taken again, and no more.
                let long = format!("{new}:/somewhere");
                let refused = replace(&folder, "program", Role::Runpath, &long);
                let (needed, room) = (long.len(), old.len() + 9);
                assert_eq!(refused, Err(LoaderProblem::TooLong { needed, room }), "{linker}");
                replace(&folder, "program", Role::Runpath, &long[..room]).expect(linker);
                folder.run("./program").ok();
                std::fs::rename(new, old).expect("old");
            }
        }
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
        for (new, fits) in [("/lib64/ld-linux-x86-64.so.2", true), (&*format!("{long}r"), false)] {
            let replaced = replace(&folder, "program", Role::Interpreter, new);
            assert_eq!(replaced.is_ok(), fits, "{linker} {replaced:?}");
        }
        folder.run("./program").ok();
        let shown = folder.run("readelf -lW program").ok();
        assert!(shown.contains("interpreter: /lib64/ld-linux-x86-64.so.2]"), "{linker} {shown}");
        let invalid = replace(&folder, "program", Role::Interpreter, "");
        assert_eq!(invalid, Err(LoaderProblem::Invalid));
    }
}

/// A name that is the end of the RUNPATH lies in the same bytes.
#[test]
fn what_shares_its_bytes_stays_as_it_is() {
    for (linker, shares) in LINKERS.into_iter().zip([true, true, false, false]) {
        let folder = sources(linker);
        std::fs::create_dir(folder.path("y")).expect("y");
        folder.run("ln -s ../old/libfoo.so y/libfoo.so").ok();
        let readers = [
            ("/x/libfoo.so", "the name of a library"),
            ("/x/_Z3foov", "the name of a symbol"),
            ("/x/GLIBC_2.34", "the name of a version"),
        ];
        for (runpath, what) in readers {
            link(&folder, linker, runpath);
            let all = ["-d", "-V", "--dyn-syms"]
                .map(|what| folder.run(&format!("readelf -W {what} program")).ok());
            let replaced = replace(&folder, "program", Role::Runpath, "/x/y");
            if shares {
                let text = runpath[3..].to_owned();
                assert_eq!(replaced, Err(LoaderProblem::Shared { what, text }), "{linker}");
                // The end stays, and so does what reads it alone.
                replace(&folder, "program", Role::Runpath, &runpath.replace('x', "y"))
                    .expect(linker);
                replace(&folder, "program", Role::Runpath, runpath).expect(linker);
            } else {
                assert_eq!(replaced, Ok(()), "{linker}");
                replace(&folder, "program", Role::Runpath, runpath).expect(linker);
            }
            let again = ["-d", "-V", "--dyn-syms"]
                .map(|what| folder.run(&format!("readelf -W {what} program")).ok());
            assert_eq!(all, again, "{linker}");
            let run = folder.run("env LD_LIBRARY_PATH=old ./program");
            assert_eq!(run.code, 0, "{linker} {run:?}");
        }
        // The RUNPATH that is itself the end of another string.
        folder
            .run(&format!(
                "{linker} -fPIC -shared foo.cc -Wl,-soname,/deep/lib -Wl,-rpath,/lib -o tail.so"
            ))
            .ok();
        let old = text(&folder, "tail.so", Role::Runpath);
        let file = File::open(folder.path("tail.so")).expect("tail.so");
        let replaced = replace_loader_text(&ReadCache::new(file), &old, b"/bin");
        assert_eq!(replaced.is_err(), shares, "{linker} {replaced:?}");
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
        link(&folder, compiler, "/nix/store/old:/nix/store/older");
        let symbols = folder.run("readelf -W --dyn-syms -V program").ok();
        replace(&folder, "program", Role::Runpath, "/nix/store/new").expect(compiler);
        replace(&folder, "program", Role::Interpreter, "/ld.so").expect(compiler);
        let shown = folder.run("readelf -dlW program").ok();
        assert!(shown.contains("path: [/nix/store/new]"), "{compiler} {shown}");
        assert!(shown.contains("interpreter: /ld.so]"), "{compiler} {shown}");
        assert!(shown.contains("[libfoo.so]"), "{compiler} {shown}");
        assert_eq!(folder.run("readelf -W --dyn-syms -V program").ok(), symbols, "{compiler}");
    }
}

/// The names that the loader reads besides; and where there are none.
#[test]
fn all_strings_of_a_library() {
    let folder = sources("g++");
    folder.run("g++ -fPIC -shared foo.cc -Wl,-soname,me.so -Wl,-f,auxiliary -Wl,-F,filter -Wl,--audit,audit -o all.so").ok();
    let all = texts(&folder, "all.so");
    let names: Vec<_> = all.iter().map(|text| String::from_utf8_lossy(&text.text)).collect();
    for name in ["me.so", "auxiliary", "filter"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    assert!(all.iter().all(|text| text.role == Role::Library), "{all:?}");
    folder.run("g++ -c foo.cc -o foo.o").ok();
    folder.run("g++ -static main.cc foo.cc -o static").ok();
    assert!(texts(&folder, "foo.o").is_empty() && texts(&folder, "static").is_empty());
    // The places in a separate debug file are those of the program.
    link(&folder, "g++ -g", "/x");
    for split in
        ["objcopy --only-keep-debug program debug", "eu-strip program -o stripped -f debug"]
    {
        folder.run(split).ok();
        assert!(texts(&folder, "debug").is_empty(), "{split} {:?}", texts(&folder, "debug"));
    }
    assert_eq!(texts(&folder, "stripped"), texts(&folder, "program"));
}

/// Damage is refused, or does not matter; it never stops the program.
#[test]
fn damaged_files() {
    for compiler in ["clang++-19 -fuse-ld=lld", "powerpc-linux-gnu-g++"] {
        let folder = sources(compiler);
        link(&folder, compiler, "/nix/store/old");
        let good = folder.read("program");
        let old = text(&folder, "program", Role::Runpath);
        let interpreter = text(&folder, "program", Role::Interpreter);
        let try_all = |bytes: &[u8]| {
            let data = ReadCache::new(std::io::Cursor::new(bytes));
            let _ = loader_texts(&data);
            let _ = replace_loader_text(&data, &interpreter, b"/ld.so");
            replace_loader_text(&data, &old, b"/nix/store/new")
        };
        assert!(try_all(&good).is_ok(), "{compiler}");
        // All that stands before the code, and the dynamic section.
        let shown = folder.run("readelf -lW program").ok();
        let line = shown.lines().find(|line| line.trim_start().starts_with("DYNAMIC")).expect("it");
        let dynamic = line.split_whitespace().nth(1).and_then(|at| at.strip_prefix("0x"));
        let dynamic = usize::from_str_radix(dynamic.expect(line), 16).expect(line);
        let mut refused = 0;
        for at in (0..old.range.end as usize).chain(dynamic..dynamic + 0x200) {
            for flip in [0xff, 0x80, 0x01] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                refused += usize::from(try_all(&bad).is_err());
            }
        }
        assert!(refused > 100, "{compiler} {refused}");
        for length in (0..old.range.end as usize).step_by(7) {
            try_all(&good[..length]).expect_err("a part of it");
        }
    }
}
