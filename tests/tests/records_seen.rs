//! Records that a search sees: each is filled, or told. Nothing that has one is carried unfilled without a
//! word.
#![forbid(unsafe_code)]

use std::fs::{self, create_dir};

use postlink_format::{MAGIC, VALUES_OFFSET};
use postlink_tests::{Folder, Run, place_of, postlink};
use serde_json::Value as Json;

const SCHEMA: &str = r#"[section.app]
exported = true
[section.app.field.version]
type = "string"
capacity = 64
default = "0.0.0-unspecialized"
[section.app.field.prefix]
type = "path"
capacity = 256
default = "/opt/app"
"#;
const MAIN: &str = r#"#include "app.gen.hh"
#include <iostream>
int main() { std::cout << app::version() << " in " << app::prefix() << "\n"; }
"#;

/// A folder with the program `app` and the library `libapp.so`, each with a record, and an empty tree.
fn built() -> Folder {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder.write("schema.toml", SCHEMA);
    folder.write("main.cc", MAIN);
    let line = "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc";
    folder.postlink(line).ok();
    folder.run("g++ -std=c++17 -O1 main.cc app.gen.cc -o app").ok();
    folder.run("g++ -std=c++17 -O1 -shared -fPIC app.gen.cc -o libapp.so").ok();
    folder
}

const LINE: &str = "specialize --output tree=/srv/new --rewrite /opt/app=/srv/new --destdir out";

fn specialize(folder: &Folder, more: &str) -> Run {
    let _ = fs::remove_dir_all(folder.path("out"));
    folder.postlink(&format!("{LINE} {more}"))
}

/// A file of the tree has a record that cannot be filled: that is told, whether a value is set or not, and
/// also where another file takes the value.
#[track_caller]
fn told(folder: &Folder, name: &str) {
    let run = folder.postlink("scan tree --reference /opt/none --json");
    assert_eq!(run.code, 3, "{name}: {run:?}");
    let report: Json = serde_json::from_str(&run.stdout).expect("one object");
    let findings = report["trees"][0]["findings"].as_array().expect("findings");
    let is_of = |one: &&Json| one["kind"] == "record" && one["path"] == name;
    assert!(findings.iter().any(|one| is_of(&one)), "{name}: {findings:#?}");
    let said = specialize(folder, "--set version=1.2.3").fails(1);
    assert!(said.contains(&format!("no record can be filled; {name}: ")), "{said}");
    folder.copy("app", "tree/filled");
    for set in ["", "--set version=1.2.3"] {
        let run = specialize(folder, set);
        assert_eq!((run.code, folder.path("out").exists()), (3, false), "{name}: {run:?}");
        assert!(run.stdout.contains(&format!("/srv/new/{name}: ")), "{run:?}");
        assert!(run.stdout.contains("fill it before it is packed"), "{run:?}");
    }
    specialize(folder, &format!("--set version=1.2.3 --allow-left {name}")).ok();
    assert_eq!(folder.read(&format!("out/srv/new/{name}")), folder.read(&format!("tree/{name}")));
    assert_eq!(folder.run("out/srv/new/filled").ok(), "1.2.3 in /srv/new\n");
    fs::remove_file(folder.path("tree/filled")).expect("a file");
    fs::remove_file(folder.path("tree").join(name)).expect("a file");
}

#[test]
fn records_inside_of_other_files_are_told() {
    let folder = built();
    let make = r#"import subprocess, zipfile
program = open('app', 'rb').read()
def entry(name, data):
    numbers = 1, 0o100755, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0
    head = b'070701' + b''.join(b'%08x' % number for number in numbers) + name + b'\0'
    pad = lambda bytes: bytes + b'\0' * (-len(bytes) % 4)
    return pad(head) + pad(data)
open('all.cpio', 'wb').write(entry(b'app', program) + entry(b'TRAILER!!!', b''))
for name, method in ('stored.zip', zipfile.ZIP_STORED), ('packed.zip', zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, 'w', method) as archive: archive.write('app')
for name, line in ('all.tar', 'tar cf - app'), ('all.tar.gz', 'tar czf - app'):
    open(name, 'wb').write(subprocess.check_output(line.split()))
open('install.sh', 'wb').write(b'#!/bin/sh\ntail -n +4 "$0" > app\nexit\n' + program)
open('two', 'wb').write(open('/bin/true', 'rb').read() + program)
"#;
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    for name in
        ["all.cpio", "stored.zip", "packed.zip", "all.tar", "all.tar.gz", "install.sh", "two"]
    {
        folder.copy(name, &format!("tree/{name}"));
        told(&folder, name);
    }
}

/// So many were listed, and the others were passed over.
#[test]
fn more_records_than_are_listed_are_told_as_such() {
    const MOST: usize = 1 << 16;
    let folder = built();
    let library = folder.read("libapp.so");
    let at = library.windows(MAGIC.len()).position(|bytes| bytes == MAGIC).expect("a record");
    let header = &library[at..at + VALUES_OFFSET as usize];
    for (count, is_told) in [(MOST, false), (MOST + 1, true)] {
        folder.write("tree/many", header.repeat(count));
        let run = folder.postlink("scan tree --reference /opt/none");
        let said = run.fails_with_output(3);
        assert_eq!(said.contains("more than 65536 records begin in it"), is_told);
    }
}

/// The first record is filled, the second one was not, and nothing said so.
#[test]
fn a_record_behind_an_image_that_has_one_is_told() {
    let folder = built();
    folder.write("tree/two", [folder.read("libapp.so"), folder.read("app")].concat());
    let run = specialize(&folder, "--set version=1.2.3");
    assert_eq!((run.code, folder.path("out").exists()), (3, false), "{run:?}");
    assert!(run.stdout.contains("/srv/new/two: a record begins at "), "{run:?}");
}

#[test]
fn a_program_without_section_headers_runs_and_its_record_is_told() {
    let folder = built();
    folder.run("llvm-strip-19 --strip-sections app -o tree/stripped").ok();
    assert_eq!(folder.run("tree/stripped").ok(), "0.0.0-unspecialized in /opt/app\n");
    told(&folder, "stripped");
}

/// `fill` takes it, and `specialize` did nothing to it.
#[test]
fn a_library_whose_table_of_strings_has_a_wrong_size_is_filled() {
    let folder = built();
    let damage = "import struct
image = bytearray(open('libapp.so', 'rb').read())
at, count = struct.unpack_from('<Q', image, 32)[0], struct.unpack_from('<H', image, 56)[0]
headers = [struct.unpack_from('<IIQQQQQQ', image, at + 56 * number) for number in range(count)]
[dynamic] = [header for header in headers if header[0] == 2]
entries = range(dynamic[2], dynamic[2] + dynamic[5], 16)
[size] = [at for at in entries if struct.unpack_from('<Q', image, at)[0] == 10]
struct.pack_into('<Q', image, size + 8, 3)
open('tree/libapp.so', 'wb').write(image)
";
    folder.run_words("python3".as_ref(), &["-c", damage]).ok();
    specialize(&folder, "--set version=1.2.3").ok();
    let said = folder.postlink("inspect --json out/srv/new/libapp.so").ok();
    assert!(said.contains("\"1.2.3\"") && said.contains("\"/srv/new\""), "{said}");
}

/// One read that fails, of every file and at every step: the file was taken for one without a record.
#[test]
fn a_read_that_fails_leaves_no_record_unfilled() {
    let folder = built();
    for name in ["app", "libapp.so"] {
        folder.copy(name, &format!("tree/{name}"));
    }
    folder.write("tree/text", "in /opt/app\n");
    // The first reads are those of the program's own libraries. One thread always reads in the same order.
    let mut number = 3;
    loop {
        let _ = fs::remove_dir_all(folder.path("out"));
        let strace = format!(
            "env RAYON_NUM_THREADS=1 strace -f -o trace -e inject=pread64:error=EIO:when={number}"
        );
        let line = format!("{strace} {} {LINE} --set version=1.2.3", postlink().display());
        let run = folder.run(&line);
        let is_injected = String::from_utf8_lossy(&folder.read("trace")).contains("INJECTED");
        if !is_injected {
            assert_eq!(folder.run("out/srv/new/app").ok(), "1.2.3 in /srv/new\n");
            let line = "inspect --field version out/srv/new/libapp.so";
            assert_eq!(folder.postlink(line).ok(), "1.2.3\n");
            break;
        }
        assert!(run.code == 1 && run.stderr.contains("Input/output error"), "{number} {run:?}");
        assert!(!folder.path("out/srv/new").exists());
        number += 1;
    }
    assert!(number > 20, "{number}");
}

/// Where records are is asked for twice; that the first answer failed was not told.
#[test]
fn a_scan_tells_of_each_read_that_fails() {
    let folder = built();
    // So large that some sections begin far from what the loader and the linker read.
    let large = r#"
asm(".text\n.zero 50000");
extern const char table[];
const char table[50000] = {1};
"#;
    folder.write("main.cc", format!("{MAIN}{large}"));
    folder.run("g++ -std=c++17 -O1 main.cc app.gen.cc -o app").ok();
    // The first reads are those of the program's own libraries.
    for number in 3.. {
        let strace = format!(
            "env RAYON_NUM_THREADS=1 strace -f -o trace -e inject=pread64:error=EIO:when={number}"
        );
        let line = format!("{strace} {} scan app --reference /opt/app", postlink().display());
        let run = folder.run(&line);
        if !String::from_utf8_lossy(&folder.read("trace")).contains("INJECTED") {
            run.ok();
            assert!(number > 10, "{number}");
            break;
        }
        assert!(run.code == 1 && run.stderr.contains("Input/output error"), "{number} {run:?}");
    }
}

/// Each finding held the whole default: 3.2 gigabytes for a library of 468 kB.
#[test]
fn a_list_of_ten_thousand_items_costs_little_memory() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    let items: Vec<String> =
        (0..10_000).map(|item| format!("\"/opt/app/item{item:05}\"")).collect();
    let field = "[section.app]\n[section.app.field.dirs]\ntype = \"list<path>\"\ncapacity = 220000";
    let schema = format!("{field}\nmax_items = 10000\ndefault = [{}]\n", items.join(", "));
    folder.write("schema.toml", schema);
    folder.postlink("generate --schema schema.toml --out-header a.hh --out-source a.cc").ok();
    folder.run("g++ -std=c++17 -shared -fPIC a.cc -o tree/liba.so").ok();
    let postlink = format!("prlimit --as=800000000 {}", postlink().display());
    let printed = folder.run(&format!("{postlink} scan tree --reference /opt/app --json")).ok();
    let report: Json = serde_json::from_str(&printed).expect("one object");
    assert_eq!(report["handled"], 20_000);
    assert!(printed.len() < 16 << 20, "{}", printed.len());
    folder.run(&format!("{postlink} {LINE} --quiet")).ok();
    assert!(!folder.read("out/srv/new/liba.so").windows(8).any(|bytes| bytes == b"/opt/app"));
}

/// Where one default begins like another, its place was that of the other.
#[test]
fn the_place_of_a_default_is_its_own() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    let defaults = ["/opt/app/x", "/opt/app/x/y", "/opt/app/x", "/opt/app"];
    let fields: String = (0..4)
        .map(|at| {
            format!(
                "[section.app.field.the_{at}]\ntype = \"path\"\ncapacity = 64\ndefault = \"{}\"\n",
                defaults[at]
            )
        })
        .collect();
    folder.write("schema.toml", format!("[section.app]\n{fields}"));
    folder.postlink("generate --schema schema.toml --out-header a.hh --out-source a.cc").ok();
    folder.run("g++ -std=c++17 -shared -fPIC a.cc -o tree/liba.so").ok();
    let run = folder.postlink("scan tree --reference /opt/app --json").ok();
    let report: Json = serde_json::from_str(&run).expect("one object");
    let findings = report["trees"][0]["findings"].as_array().expect("findings");
    let library = folder.read("tree/liba.so");
    let told: Vec<&Json> = findings.iter().filter(|one| one["kind"] == "descriptor").collect();
    assert_eq!(told.len(), 4, "{findings:#?}");
    for (one, default) in told.iter().zip(defaults) {
        let (field, at) = (one["field"].as_str(), one["offset"].as_u64());
        let (field, at) = (field.expect("a field"), at.expect("an offset") as usize);
        // In a descriptor, the name of a field stands before its default.
        let expected = format!("{field}{default}");
        let start = at - field.len();
        assert_eq!(&library[start..start + expected.len()], expected.as_bytes(), "{field}");
    }
}

/// Defaults and the checksum of a descriptor differ rightly between two builds; nothing else of it does.
#[test]
fn against_another_build_a_descriptor_differs_in_defaults_only() {
    let folder = Folder::new();
    // The name of the second field stands behind the default of the first, which differs at its end.
    let fields: Vec<&str> = SCHEMA.split("[section.app.field").collect();
    let schema = [fields[0], fields[2], fields[1]].join("[section.app.field");
    folder.write("schema.toml", schema);
    for prefix in ["one", "two"] {
        let line = "generate --schema schema.toml --out-header a.hh --out-source a.cc";
        folder.postlink(&format!("{line} --default prefix=/opt/{prefix}")).ok();
        create_dir(folder.path(prefix)).expect("a folder");
        folder
            .run(&format!(
                "g++ -std=c++17 -shared -fPIC a.cc -Wl,--build-id=none -o {prefix}/liba.so"
            ))
            .ok();
    }
    let scan = || folder.postlink("scan one --reference /opt/one --against two --json");
    scan().ok();
    let library = folder.read("two/liba.so");
    let (start, layout) = place_of(&folder, "two/liba.so", "app");
    let name = b"version0.0.0-unspecialized";
    let at = library[start..].windows(name.len()).position(|bytes| bytes == name);
    let at = start + at.expect("a field");
    // In the field's name; in its default; among the numbers that describe the fields.
    for (at, is_explained) in
        [(at, false), (at + 8, true), (start + layout.fields_offset as usize + 9, false)]
    {
        let mut other = library.clone();
        other[at] ^= 1;
        folder.write("two/liba.so", other);
        let run = scan();
        assert_eq!(run.code, if is_explained { 0 } else { 3 }, "{at:#x} {run:?}");
    }
}

/// Three hundred texts of a hundred references each were too many, counted again at each change.
#[test]
fn many_texts_with_many_references_are_carried() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    for number in 0..300 {
        folder.write(&format!("tree/{number}"), "/opt/app\n".repeat(100));
    }
    specialize(&folder, "").ok();
    for number in [0, 299] {
        let text = folder.read(&format!("out/srv/new/{number}"));
        assert!(text == "/srv/new\n".repeat(100).as_bytes());
    }
    folder.postlink("verify tree out/srv/new --rewrite /opt/app=/srv/new").ok();
}

/// One that a fill had left half-written was counted among those that specialize handles.
#[test]
fn a_record_that_no_fill_can_go_on_from_is_told() {
    let folder = built();
    let (at, layout) = place_of(&folder, "app", "app");
    let value = at + layout.values[0] as usize;
    for (damage, why) in
        [(at + VALUES_OFFSET as usize, "interrupted"), (value, "checksum of the values")]
    {
        let mut bytes = folder.read("app");
        bytes[damage] = 2;
        folder.copy("app", "tree/app");
        folder.write("tree/app", bytes);
        let said = folder.postlink("scan tree --reference /opt/app").fails_with_output(3);
        assert!(said.contains("records that cannot be filled: 1 in 1 file"), "{said}");
        assert!(said.contains(why) && said.contains("--reset"), "{said}");
        assert!(specialize(&folder, "").fails(1).contains(why));
    }
}
