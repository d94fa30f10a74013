//! Whatever is wrong with a file, each command refuses it with a sentence that says what to do,
//! changes nothing and leaves nothing behind.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use postlink_tests::lix::{build_library, build_program, sources};
use postlink_tests::{Folder, fixture, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// Runs a line that must be refused, and compares all files before and after.
#[track_caller]
fn refused(folder: &Folder, line: &str, code: i32, said: &[&str]) {
    let content = |name: &String| {
        let path = folder.path(name);
        if path.is_file() { std::fs::read(path).unwrap_or_default() } else { Vec::new() }
    };
    let state =
        || -> Vec<_> { folder.names().iter().map(|name| (name.clone(), content(name))).collect() };
    let before = state();
    let error = folder.postlink(line).fails(code);
    for part in said {
        assert!(error.contains(part), "{line}\nshould say {part:?}, says\n{error}");
    }
    assert!(before == state(), "{line} changed something");
}

/// A folder with one bad image of each kind, under the names of the table.
fn bad_images() -> Folder {
    let folder = sources();
    build_library(&folder, "g++", "-O1 -g");
    build_program(&folder, "g++", "-O1", "program");
    let good = folder.read("libvalues.so");
    folder.write("empty", "");
    folder.write("header", &good[..40]);
    folder.write("truncated", &good[..good.len() / 2]);
    folder.write("script", "#!/bin/sh\nexec program\n");
    folder.write("text", "just text");
    folder.write("archive.a", "!<arch>\n");
    folder.write("plain.cc", "int main() {}\n");
    folder.run("g++ plain.cc -o plain").ok();
    folder.run("g++ -c plain.cc -o plain.o").ok();
    std::fs::create_dir(folder.path("folder")).expect("a folder");

    folder.write(
        "importer.cc",
        "#include \"lix.gen.hh\"\nint main() { return nix::placeholders::version().empty(); }\n",
    );
    folder.run("g++ -std=c++17 importer.cc -L. -lvalues -o importer").ok();

    // The linker dropped the record: not retained, and no accessor is called.
    let source = String::from_utf8(folder.read("lix.gen.cc")).expect("UTF-8");
    folder.write("unretained.cc", source.replace("used, retain", "used"));
    folder.run("g++ -std=c++17 -ffunction-sections -fdata-sections plain.cc unretained.cc -Wl,--gc-sections -o dropped").ok();
    // A library that is linked in twice, under other names.
    folder.run("g++ -std=c++17 -fPIC -c lix.gen.cc -o one.o").ok();
    folder.run("objcopy --prefix-symbols=other_ one.o two.o").ok();
    folder.run("ld -r one.o two.o -o both.o").ok();
    folder.run("ld -shared both.o -o doubled").ok();
    folder.run("objcopy --only-keep-debug libvalues.so companion.debug").ok();
    folder.run("llvm-strip-19 --strip-sections libvalues.so -o sectionless").ok();
    let header = section_header(&folder, "libvalues.so");
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    // sh_flags and sh_size of Elf64_Shdr.
    folder.write("compressed", with(header + 8, &0x802_u64.to_le_bytes()));
    folder.write("outside", with(header + 32, &u64::MAX.to_le_bytes()));
    let record = u64::from_le_bytes(good[header + 24..header + 32].try_into().expect("sh_offset"));
    let record = usize::try_from(record).expect("an offset");
    folder.write("descriptor", with(record + 20, &[0xff; 4]));
    let before = header - 64;
    let mut overlapping = with(before, &good[header..header + 64]);
    overlapping[before..before + 4].copy_from_slice(&good[header..header + 4]);
    folder.write("overlapping", overlapping);
    folder.write("short", with(record + 12, &[0xff; 4]));
    folder.write("newer", with(record + 8, &[2]));
    folder.write("values", with(record + 90, &[9]));
    folder
}

/// Where the record's section header is, in a 64-bit little-endian file.
fn section_header(folder: &Folder, name: &str) -> usize {
    let sections = folder.run(&format!("readelf -SW {name}")).ok();
    let line = sections.lines().find(|line| line.contains(" postlink_lix ")).expect("the section");
    let index = line.trim_start().trim_start_matches('[').split(']').next().expect(line);
    let index: usize = index.trim().parse().expect(line);
    let file = folder.read(name);
    let start = u64::from_le_bytes(file[0x28..0x30].try_into().expect("e_shoff"));
    usize::try_from(start).expect("an offset") + 64 * index
}

/// The image, and what each command says of it.
const IMAGES: &[(&str, &[&str])] = &[
    ("missing", &["cannot open missing", "check the path"]),
    ("folder", &["is a directory"]),
    ("/dev/null", &["is a device"]),
    ("empty", &["it is empty"]),
    ("header", &["truncated or damaged"]),
    ("truncated", &["truncated or damaged"]),
    ("script", &["it is a script", "name the program or library that carries the record"]),
    ("text", &["not an ELF, Mach-O or PE file"]),
    ("archive.a", &["has no postlink section", "name that object file"]),
    ("plain.o", &["has no postlink section", "where the generated source was compiled to"]),
    (
        "plain",
        &["has no postlink section", "the linker dropped it", "--gc-sections", "--whole-archive"],
    ),
    ("dropped", &["has no postlink section", "the linker dropped it", "retain"]),
    ("importer", &["has no postlink section", "another library", "libvalues.so"]),
    ("sectionless", &["no section headers", "before they are stripped"]),
    (
        "companion.debug",
        &[
            "`postlink_lix` has no bytes",
            "separate debug file",
            "the program or library that it belongs to",
        ],
    ),
    ("compressed", &["is compressed", "decompress it first"]),
    ("overlapping", &["overlaps another section"]),
    ("outside", &["ends behind the end of the file"]),
    (
        "descriptor",
        &["the checksum of the descriptor is wrong", "build the file again", "if Nix made"],
    ),
    ("short", &["the section ends before the record does", "build the file again"]),
    ("newer", &["format version 2"]),
];

#[test]
fn every_command_refuses_every_bad_image() {
    let folder = bad_images();
    refused(&folder, &format!("fill folder {SET}"), 1, &["name a regular file"]);
    for (image, said) in IMAGES {
        refused(&folder, &format!("inspect {image}"), 1, said);
        refused(&folder, &format!("payload --image {image} --section lix --output out"), 1, said);
        refused(&folder, &format!("verify {image} libvalues.so"), 1, said);
        for way in ["", "--in-place", "--output out"] {
            refused(&folder, &format!("fill {way} {image} {SET}"), 1, said);
        }
        let json = folder.postlink(&format!("inspect --json {image}"));
        let object: serde_json::Value = serde_json::from_str(&json.stdout).expect("one object");
        assert!(
            object["images"][0]["error"]["message"]
                .as_str()
                .is_some_and(|text| text.contains(said[0])),
            "{object}"
        );
    }
    // Damaged values can be filled again, but are not shown.
    refused(&folder, "inspect values", 1, &["the checksum of the values is wrong", "--reset"]);
    refused(
        &folder,
        &format!("fill values {SET}"),
        1,
        &["the checksum of the values is wrong", "--reset"],
    );
    // Two records of one identity.
    refused(
        &folder,
        &format!("fill doubled {SET}"),
        1,
        &["has 2 records of section `lix`", "linked in twice", "--all"],
    );
    // One that is refused does not keep the others from being done.
    let said = folder.postlink(&format!("fill empty program {SET}")).fails(1);
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    assert_eq!(folder.postlink("inspect --field prefix program").ok(), "/p\n");
    folder.postlink(&format!("fill --all doubled {SET}")).ok();
    assert_eq!(folder.postlink("inspect --field prefix doubled").ok(), "/p\n/p\n");
    folder.postlink(&format!("fill --reset values {SET}")).ok();
}

#[test]
fn bad_values_are_refused_all_at_once() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    let long = "x".repeat(600);
    let too_long = format!("fill libvalues.so --set version=1.0.0 --set prefix=/{long}");
    let many: String = (0..257).map(|each| format!(" --set builtin_dep_closure=/{each}")).collect();
    let cases: &[(&str, &[&str])] = &[
        (&too_long, &["field `prefix`", "601 bytes", "capacity is 512", "shorter"]),
        (
            "fill libvalues.so --set version=abc --set prefix=relative",
            &["field `version`", "pattern", "field `prefix`", "not an absolute path"],
        ),
        (
            "fill libvalues.so --set vresion=1.0.0",
            &["no such field", "did you mean `version`", "`prefix`, `bin_dir`"],
        ),
        ("fill libvalues.so --set nix.version=1.0.0", &["no section `nix`", "`lix`"]),
        (
            "fill libvalues.so --set version=1.0.0 --set version=1.0.1",
            &["2 values are given", "only a list"],
        ),
        ("fill libvalues.so --values missing.json", &["cannot open missing.json"]),
        ("payload --image libvalues.so --section lix --set version=x --output out", &["pattern"]),
        (
            "payload --image libvalues.so --section other --output out",
            &["no section `other`", "`lix`"],
        ),
    ];
    for (line, said) in cases {
        refused(&folder, line, 1, said);
    }
    refused(&folder, &format!("fill libvalues.so{many}"), 1, &["257 items", "max_items is 256"]);
    folder.write("bad.json", "{\"version\": 3, \"prefix\": null, \"bin_dir\": [\"/a\"]}");
    refused(
        &folder,
        "fill libvalues.so --values bad.json",
        1,
        &["an integer is not a value of type string", "null", "an array"],
    );
    folder.write("bad.json", "{\"version\": ");
    refused(&folder, "fill libvalues.so --values bad.json", 1, &["bad.json", "line 1"]);
    folder.write("twice.json", "{\"version\": \"1.0.0\", \"version\": \"1.0.1\"}");
    refused(&folder, "fill libvalues.so --values twice.json", 1, &["`version` is there twice"]);
    folder.write("date.toml", "version = 2026-11-23\nprefix = 1.5");
    let said = ["a date or time is not a value", "a number that is no 64-bit integer"];
    refused(&folder, "fill libvalues.so --values date.toml", 1, &said);
    folder.write("nul.json", "{\"version\": \"1.0.0\\u0000\"}");
    refused(&folder, "fill libvalues.so --values nul.json", 1, &["NUL"]);
    // Required fields: as in the schema, which has no build system's default.
    let schema = fixture("../../schema.toml").display().to_string();
    refused(
        &folder,
        &format!("payload --schema {schema} --section lix --set version=1.0.0 --output out"),
        1,
        &["field `prefix`", "required", "--set prefix=VALUE"],
    );
    // Another schema.
    folder.write(
        "other.toml",
        std::fs::read_to_string(&schema)
            .expect("the schema")
            .replace("capacity = 128", "capacity = 129"),
    );
    refused(
        &folder,
        &format!("fill libvalues.so --schema other.toml {SET}"),
        1,
        &["fingerprint", "built from another schema"],
    );
    folder.postlink(&format!("fill --dry-run libvalues.so --schema {schema} {SET}")).ok();
    refused(
        &folder,
        &format!("fill libvalues.so --schema missing.toml {SET}"),
        1,
        &["cannot open missing.toml"],
    );
}

#[test]
fn wrong_usage_is_told_apart() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.copy("libvalues.so", "other.so");
    let schema = fixture("../../schema.toml").display().to_string();
    for line in [
        "",
        "fill",
        "fil libvalues.so",
        "fill libvalues.so --in-place --output out",
        "fill libvalues.so --keep --reset",
        "fill libvalues.so other.so --output out",
        "fill libvalues.so",
        "fill libvalues.so --set version",
        "payload --section lix --output out",
        "verify libvalues.so",
        "completions nosuchshell",
        &format!("generate --schema {schema}"),
        &format!("generate --schema {schema} --out-header out.hh"),
    ] {
        refused(&folder, line, 2, &[]);
    }
}

#[test]
fn what_generate_refuses() {
    let folder = Folder::new();
    let schema = fixture("../../schema.toml").display().to_string();
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    folder.write("binary.toml", [0xff, 0xfe, 0]);
    folder.write("empty.toml", "");
    let cases: &[(&str, &[&str])] = &[
        ("--schema missing.toml --out-rust out.rs", &["cannot open missing.toml"]),
        ("--schema folder --out-rust out.rs", &["is a directory"]),
        ("--schema binary.toml --out-rust out.rs", &["cannot read binary.toml", "UTF-8"]),
        ("--schema empty.toml --out-rust out.rs", &["has no section", "[section.NAME]"]),
    ];
    for (line, said) in cases {
        refused(&folder, &format!("generate {line}"), 1, said);
    }
    let both =
        format!("generate --schema {schema} --out-header new.hh --out-source missing/new.cc");
    refused(&folder, &both, 1, &["cannot create a file in missing"]);
    folder.write("own.toml", std::fs::read(&schema).expect("the schema"));
    let own = "generate --schema own.toml --out-header own.toml --out-source own.cc";
    refused(&folder, own, 1, &["own.toml is named twice"]);
    for (output, said) in [
        ("folder", "is a directory"),
        ("/dev/null", "is a device"),
        ("missing/out.rs", "cannot create a file in missing"),
    ] {
        refused(&folder, &format!("generate --schema {schema} --out-rust {output}"), 1, &[said]);
    }
}

#[test]
fn outputs_that_are_no_regular_files_are_left_alone() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    folder.run("mkfifo pipe").ok();
    symlink("nowhere", folder.path("dangling")).expect("a link");
    symlink("/dev/null", folder.path("to_device")).expect("a link");
    for (output, kind) in [
        ("folder", "a directory"),
        ("pipe", "a named pipe"),
        ("/dev/null", "a device"),
        ("to_device", "a device"),
        ("dangling", "a symbolic link to nothing"),
    ] {
        refused(&folder, &format!("fill libvalues.so --output {output} {SET}"), 1, &[kind]);
        refused(
            &folder,
            &format!("payload --image libvalues.so --section lix --output {output}"),
            1,
            &[kind],
        );
    }
    refused(&folder, &format!("fill pipe {SET}"), 1, &["a named pipe"]);
}

#[test]
fn a_running_program_is_replaced_but_not_written_into() {
    let folder = sources();
    folder.write("main.cc", "extern \"C\" void print_values();\nint main() { print_values(); __builtin_printf(\"%d\", getchar()); }\n");
    folder.run("g++ -std=c++17 -include cstdio main.cc values.cc lix.gen.cc -o program").ok();
    let mut running = Command::new(folder.path("program"));
    let mut running =
        running.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the program");
    let line = format!("fill --in-place program {SET}");
    refused(&folder, &line, 1, &["cannot write into program", "busy", "leave out --in-place"]);
    folder.postlink(&format!("fill program {SET}")).ok();
    running.kill().and_then(|()| running.wait()).expect("its end");
    assert!(folder.run("./program").ok().contains("prefix=/p"));
}

/// Runs `postlink` as a user who is not root; root may write everywhere.
fn as_a_user(folder: &Folder, line: &str) -> postlink_tests::Run {
    std::fs::set_permissions(folder.path("."), PermissionsExt::from_mode(0o755)).expect("a mode");
    if !folder.path("postlink").exists() {
        std::fs::copy(postlink(), folder.path("postlink")).expect("a copy");
    }
    let root = folder.run("id -u").ok().trim() == "0";
    let user = if root { "setpriv --reuid=65534 --regid=65534 --clear-groups " } else { "" };
    let program = folder.path("postlink");
    folder.run(&format!("{user}{} {line}", program.display()))
}

#[test]
fn a_file_or_folder_without_write_permission() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    let before = folder.read("libvalues.so");
    let locked = folder.path("libvalues.so");
    as_a_user(&folder, "inspect libvalues.so").ok();
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o444)).expect("a mode");
    std::fs::set_permissions(folder.path("."), PermissionsExt::from_mode(0o555)).expect("a mode");
    let names = folder.names();
    for (way, said) in [
        ("--in-place", "cannot write into libvalues.so"),
        ("", "cannot create a file in"),
        ("--output other.so", "cannot create a file in"),
    ] {
        std::fs::set_permissions(folder.path("."), PermissionsExt::from_mode(0o555))
            .expect("a mode");
        let error = as_a_user(&folder, &format!("fill {way} libvalues.so {SET}")).fails(1);
        assert!(error.contains(said) && error.contains("write permission"), "{error}");
    }
    assert_eq!(names, folder.names());
    assert!(before == folder.read("libvalues.so"));
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o000)).expect("a mode");
    let read = "you need permission to read it";
    for (command, help) in [
        ("inspect", read),
        ("verify libvalues.so", read),
        ("scan --reference /p", "who may read all of it"),
    ] {
        let error = as_a_user(&folder, &format!("{command} libvalues.so")).fails(1);
        assert!(error.contains(help) && !error.contains("--in-place"), "{error}");
    }
}

#[test]
fn a_full_disk() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    std::fs::create_dir(folder.path("small")).expect("a folder");
    let postlink = postlink().display();
    // The library fits, and one page more: no second one, nor its section. In place nothing is needed.
    folder.write(
        "try",
        format!(
            "set -e
pages=$((($(stat -c %s libvalues.so) + 4095) / 4096 + 1))
mount -t tmpfs -o nr_blocks=$pages tmpfs small
cp libvalues.so small/
cp small/libvalues.so before
code=0
{postlink} fill small/libvalues.so {SET} || code=$?
cmp before small/libvalues.so
test $(ls -A small) = libvalues.so
{postlink} payload --image libvalues.so --section lix --output small/payload && exit 9
test $(ls -A small) = libvalues.so
{postlink} fill --in-place small/libvalues.so {SET}
exit $code
"
        ),
    );
    let error = folder.run("unshare --user --map-root-user --mount sh try").fails(1);
    assert!(error.contains("cannot write") && error.contains("make room on the disk"), "{error}");
}
