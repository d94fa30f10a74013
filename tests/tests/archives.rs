//! Object files and static libraries are filled before the link, and the program shows it.

use postlink_tests::lix::{VERSION, build_library, expected, long_prefix, sources, unspecialized};
use postlink_tests::rust::{FILLED, build_cpp, cargo, workspace};
use postlink_tests::{COMPILERS, Folder, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// A compiler with a linker that it finds.
const LINKS: [(&str, &str); 6] = [
    ("g++", "-fuse-ld=bfd"),
    ("g++", "-fuse-ld=mold"),
    ("g++", "-Wl,--gc-sections"),
    ("clang++-19", "-fuse-ld=bfd"),
    ("clang++-19", "-fuse-ld=lld"),
    ("clang++-19", "-fuse-ld=mold"),
];

/// A folder with the object files `main.o`, `values.o` and `lix.gen.o`.
fn objects(compiler: &str, flags: &str) -> Folder {
    let folder = sources();
    for source in ["main", "values", "lix.gen"] {
        let line = format!("{compiler} -std=c++17 {flags} -c {source}.cc -o {source}.o");
        folder.run(&line).ok();
    }
    folder
}

/// Links the program and runs it.
fn linked(folder: &Folder, link: &str, inputs: &str) -> String {
    folder.run(&format!("{link} main.o {inputs} -o program")).ok();
    folder.run("./program").ok()
}

#[test]
fn an_object_file() {
    for compiler in COMPILERS {
        for flags in ["-O0", "-O2 -ffunction-sections -fdata-sections -g"] {
            let folder = objects(compiler, flags);
            folder.copy("lix.gen.o", "fresh.o");
            for (way, version) in [("", "1.2.3"), ("--in-place", VERSION)] {
                folder
                    .postlink(&format!(
                        "fill {way} lix.gen.o --reset --set version={version} --set prefix=/p"
                    ))
                    .ok();
                folder.postlink("verify fresh.o lix.gen.o").ok();
                for (link, linker) in LINKS {
                    let printed =
                        linked(&folder, &format!("{link} {linker}"), "values.o lix.gen.o");
                    assert_eq!(printed, expected(version, "/p", true), "{compiler} {linker}");
                }
            }
        }
    }
}

/// Every format of `ar` in both modes: only values change, the index stays valid, it links.
#[test]
fn a_static_library() {
    let folder = objects("g++", "-O2 -ffunction-sections");
    folder.copy("lix.gen.o", "a member whose name has more than fifteen bytes.o");
    let long = "a member whose name has more than fifteen bytes.o";
    for (ar, format) in [
        ("ar", "rcs"),
        ("llvm-ar-19", "rcs"),
        ("llvm-ar-19", "--format=bsd rcs"),
        ("llvm-ar-19", "--format=darwin rcs"),
    ] {
        let _ = std::fs::remove_file(folder.path("libvalues.a"));
        folder.write("note.txt", "odd");
        let mut words: Vec<&str> = format.split(' ').collect();
        words.extend(["libvalues.a", "note.txt", "values.o", long]);
        folder.run_words(ar.as_ref(), &words).ok();
        folder.copy("libvalues.a", "fresh.a");
        let prefix = long_prefix();
        for way in ["", "--in-place", "--output other.a"] {
            folder.copy("fresh.a", "libvalues.a");
            let said = folder
                .postlink(&format!(
                    "fill {way} libvalues.a --set version=1.2.3 --set prefix={prefix}"
                ))
                .ok();
            assert!(said.contains(&format!(".a({long}): section `lix` filled")), "{said}");
            if way.starts_with("--output") {
                assert!(folder.read("libvalues.a") == folder.read("fresh.a"));
                folder.copy("other.a", "libvalues.a");
            }
            folder.postlink("verify fresh.a libvalues.a").ok();
            assert_eq!(folder.postlink("inspect --field version libvalues.a").ok(), "1.2.3\n");
        }
        for list in ["t", "tv"] {
            let contents = |name: &str| folder.run(&format!("llvm-ar-19 {list} {name}")).ok();
            assert_eq!(contents("fresh.a"), contents("libvalues.a"));
        }
        let index = |name: &str| {
            folder.run(&format!("llvm-nm-19 --print-armap {name}")).ok().replace(name, "")
        };
        assert_eq!(index("fresh.a"), index("libvalues.a"));
        // GNU ld knows no BSD index.
        for (link, linker) in LINKS.iter().filter(|(_, linker)| {
            !format.starts_with("--") || linker.ends_with("lld") || linker.ends_with("mold")
        }) {
            let printed = linked(&folder, &format!("{link} {linker}"), "libvalues.a");
            assert_eq!(printed, expected("1.2.3", &prefix, true), "{ar} {format} {linker}");
        }
        // The payload is what objcopy takes for the object file.
        folder.postlink("payload --image libvalues.a --section lix --output payload").ok();
        folder.run("objcopy --update-section postlink_lix=payload lix.gen.o updated.o").ok();
        assert_eq!(linked(&folder, "g++", "values.o updated.o"), expected("1.2.3", &prefix, true));
    }
}

#[test]
fn several_members_with_a_record() {
    let folder = objects("g++", "-O1");
    folder.run("ar qc twice.a lix.gen.o values.o lix.gen.o").ok();
    folder.copy("twice.a", "fresh.a");
    let said = folder.postlink(&format!("fill twice.a {SET}")).fails(1);
    assert!(said.contains("twice.a has 2 records of section `lix`"), "{said}");
    assert_eq!(said.matches("(lix.gen.o)").count(), 2, "{said}");
    let said = folder.postlink("payload --image twice.a --section lix --output out").fails(1);
    assert!(said.contains("2 sections `lix`") && said.contains("ar x"), "{said}");
    folder.postlink(&format!("fill --all -i twice.a {SET}")).ok();
    assert_eq!(folder.postlink("inspect --field prefix twice.a").ok(), "/p\n/p\n");
    let json = folder.postlink("inspect --json twice.a").ok();
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["images"][0]["records"][1]["member"], "lix.gen.o");
    folder.postlink("verify fresh.a twice.a").ok();

    // A byte of a section, of a header and of the index.
    folder.run("ar s fresh.a").ok();
    folder.copy("fresh.a", "libvalues.a");
    let good = folder.read("fresh.a");
    let text = good.windows(4).position(|bytes| bytes == b"\x7fELF").expect("a member");
    for (place, region) in [
        (text + 64, "lix.gen.o: .group"),
        (text - 44, "lix.gen.o: member header"),
        (9, "archive's symbols and names"),
    ] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        folder.write("libvalues.a", bad);
        let run = folder.postlink("verify fresh.a libvalues.a");
        assert!(run.code == 3 && run.stdout.contains(region), "{region} {run:?}");
    }
}

/// Code that a link with LTO compiles again has no record, or not the one that counts.
#[test]
fn intermediate_code() {
    for (compiler, ar) in [("g++", "ar"), ("clang++-19", "llvm-ar-19")] {
        let folder = objects(compiler, "-O2 -flto");
        folder.run(&format!("{ar} rc only.a values.o lix.gen.o")).ok();
        for (image, named) in [("lix.gen.o", "lix.gen.o"), ("only.a", "only.a(values.o)")] {
            let before = folder.read(image);
            let said = folder.postlink(&format!("fill {image} {SET}")).fails(1);
            assert!(said.contains(&format!("{named} is not an image")), "{said}");
            assert!(said.contains("only intermediate code") && said.contains("-ffat-lto-objects"));
            assert!(folder.read(image) == before);
        }
        // With machine code beside it: the link decides.
        let folder = objects(compiler, "-O2 -flto -ffat-lto-objects");
        folder.run(&format!("{ar} rc fat.a values.o lix.gen.o")).ok();
        let run = folder.postlink(&format!("fill -i fat.a {SET}"));
        let warning = "warning: fat.a: lix.gen.o also holds intermediate code";
        assert!(run.stderr.starts_with(warning) && run.stderr.contains("-fno-lto"), "{run:?}");
        run.ok();
        let printed = linked(&folder, &format!("{compiler} -fno-lto"), "fat.a");
        assert_eq!(printed, expected("1.2.3", "/p", true));
        let lld = if compiler == "g++" { "" } else { "-fuse-ld=lld -ffat-lto-objects" };
        let printed = linked(&folder, &format!("{compiler} -flto {lld}"), "fat.a");
        assert_eq!(printed, unspecialized(), "{compiler}: the fill does not reach a link with LTO");
    }
}

#[test]
fn a_large_static_library_is_hardly_read() {
    let folder = objects("g++", "-O1");
    folder.write("big.s", ".section .big,\"a\",@progbits\n.zero 268435456\n");
    folder.run("g++ -c big.s -o big.o").ok();
    folder.run("ar rcs big.a big.o values.o lix.gen.o").ok();
    let line = format!(
        "strace -f -y -e trace=/read.*,mmap,sendfile,copy_file_range -o trace {} fill -i big.a {SET}",
        postlink().display()
    );
    folder.run(&line).ok();
    let trace = String::from_utf8(folder.read("trace")).expect("UTF-8");
    let calls: Vec<&str> = trace.lines().filter(|line| line.contains("/big.a>")).collect();
    let read: u64 = calls
        .iter()
        .map(|line| line.rsplit("= ").next().and_then(|size| size.parse::<u64>().ok()).expect(line))
        .sum();
    assert!(read < 256 << 10 && calls.len() > 3, "{read} {calls:?}");
    assert!(!calls.iter().any(|line| line.contains("mmap")), "{calls:?}");
}

#[test]
fn thin_damaged_and_hostile_archives() {
    let folder = objects("g++", "-O1");
    folder.run("ar rcsT thin.a values.o lix.gen.o").ok();
    let said = folder.postlink(&format!("fill thin.a {SET}")).fails(1);
    assert!(said.contains("thin archive") && said.contains("`values.o` and `lix.gen.o`"), "{said}");

    folder.run("ar rcs good.a main.o lix.gen.o").ok();
    let good = folder.read("good.a");
    let headers: Vec<usize> = (8..good.len())
        .filter(|&at| at % 2 == 0 && good[at..].starts_with(b"lix.gen.o/"))
        .collect();
    let header = *headers.last().expect("the header of lix.gen.o");
    let damaged = |bytes: &[u8], said: &str| {
        folder.write("bad.a", bytes);
        for line in ["inspect bad.a", &format!("fill -i bad.a {SET}"), "verify bad.a good.a"] {
            let error = folder.postlink(line).fails(1);
            assert!(error.contains(said), "{said}: {error}");
        }
        assert!(folder.read("bad.a") == bytes);
    };
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    damaged(&good[..good.len() - 9], "its member lix.gen.o ends behind the end of the file");
    damaged(&good[..header + 30], "truncated or damaged static library");
    damaged(&with(header + 48, b"9999999999"), "ends behind the end of the file");
    damaged(&with(header + 48, b"x"), "truncated or damaged static library");
    damaged(&with(header + 58, b"xx"), "truncated or damaged static library");
    damaged(&with(header, b"/99999999 "), "truncated or damaged static library");
    damaged(&with(header, b"#1/99999999"), "truncated or damaged static library");
    damaged(&with(header + 60 + 0x28, &[0xff; 8]), "bad.a(lix.gen.o) is not an image");
    let mut endless = b"!<arch>\n".to_vec();
    endless.extend(format!("{:<16}{:<32}{:<10}`\n", "//", "", 9000).bytes());
    endless.extend([b'a'; 8998]);
    endless.extend(b"/\n");
    endless.extend(format!("{:<16}{:<32}{:<10}`\n", "/0", "", 0).bytes());
    damaged(&endless, "the name of a member has no end");
}

#[test]
fn a_rust_static_library_whose_record_is_owned_by_rust() {
    let folder = workspace();
    cargo(&folder, "build --release --package exported", &[]).ok();
    build_cpp(&folder, "g++", "-O2");
    folder.copy("target/release/libexported.a", "libexported.a");
    let rust = "--set version=2.96.0-dev --set channel=nightly --set level=300 --set flag=true \
                --set key=010203 --set items=x";
    let said = folder.postlink(&format!("fill --in-place libexported.a {rust}")).ok();
    assert!(said.contains("libexported.a(") && said.contains("section `of_rust`"), "{said}");
    folder.postlink("verify target/release/libexported.a libexported.a").ok();
    folder.postlink("fill libreport.a --set version=3.2.1 --set prefix=/opt/p").ok();
    for (compiler, linker) in LINKS {
        let whole = "-Wl,--whole-archive libreport.a libexported.a -Wl,--no-whole-archive";
        let line = format!("{compiler} {linker} main.cc {whole} -lpthread -ldl -lm -o program");
        folder.run(&line).ok();
        let printed = folder.run("./program").ok();
        assert_eq!(printed, postlink_tests::rust::expected(FILLED[0], FILLED[1]), "{linker}");
    }
}

/// What a program is linked with later does not matter to what is filled now.
#[test]
fn a_shared_library_of_a_filled_object() {
    let folder = objects("g++", "-fPIC");
    folder.postlink(&format!("fill lix.gen.o {SET}")).ok();
    build_library(&folder, "g++", "-O1");
    folder.run("g++ -shared values.o lix.gen.o -o libvalues.so").ok();
    assert_eq!(folder.run("./dynamic").ok(), expected("1.2.3", "/p", true));
}
