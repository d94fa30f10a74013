//! Much of everything: many files, records, fields, sections, members, findings; large files with holes.
//! Each command has a limit of memory that it cannot get over, and has to come to the right result.
//!
//! With `POSTLINK_MATRIX=full` in the environment the sizes are those that a user may meet at most, the
//! program is an optimised one, and each command's seconds and memory are printed.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;

use postlink_codegen::{MAX_CAPACITY, MAX_FIELDS};
use postlink_tests::archive::{MAGIC, member_header};
use postlink_tests::matrix::is_full;
use postlink_tests::{Folder, Run, fast_postlink, postlink, readers_agree};
use serde_json::Value as Json;

const SCHEMA: &str = r#"[section.app.field.version]
type = "string"
capacity = 64
default = "0.0"
[section.app.field.prefix]
type = "path"
capacity = 512
default = "/opt/app"
"#;
const SET: &str = "--set version=1.2.3 --set prefix=/opt/new";
const SCAN: &str = "scan old --reference /opt/app";
const SPECIALIZE: &str =
    "specialize --output old=/opt/new --rewrite /opt/app=/opt/new --destdir out";
const VERIFY: &str = "verify old out/opt/new --rewrite /opt/app=/opt/new";
/// A gibibyte.
const GIB: u64 = 1 << 30;
/// The most hits that a search keeps.
const MOST_HITS: usize = 1 << 20;

/// How many: few, and as many as a user may have.
fn many(few: usize, most: usize) -> usize {
    if is_full() { most } else { few }
}

/// A folder in which commands have a limit of memory.
struct Load {
    folder: Folder,
    name: &'static str,
    /// In mebibytes of addresses, of which a thread takes some dozens and uses few.
    limit: u32,
}

impl Load {
    /// An empty folder `old`.
    fn new(name: &'static str, limit: u32) -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.path("old")).expect("a folder");
        Self { folder, name, limit }
    }

    /// Runs postlink, with two threads.
    fn run(&self, line: &str) -> Run {
        let program = if is_full() { fast_postlink() } else { postlink() };
        let command = format!(
            "export RAYON_NUM_THREADS=2 MALLOC_ARENA_MAX=2; ulimit -v {}; \
             exec /usr/bin/time -q -o measured -f '%e s, user %U s, system %S s, %M KiB' {} {line}",
            self.limit * 1024,
            program.display(),
        );
        let run = self.folder.run_words("sh".as_ref(), &["-c", &command]);
        let measured = String::from_utf8(self.folder.read("measured")).expect("UTF-8");
        let shown = line.split_whitespace().next().unwrap_or_default();
        println!("{}: {shown}: {}, exit {}", self.name, measured.trim(), run.code);
        run
    }

    /// A scan, two ways to specialize and a comparison, all of which find nothing wrong. Gives what the
    /// comparison printed.
    fn carried(&self) -> String {
        self.run(&format!("{SCAN} --manifest manifest")).ok();
        self.run(&format!("{SPECIALIZE} --manifest manifest")).ok();
        fs::remove_dir_all(self.folder.path("out")).expect("a tree");
        self.run(SPECIALIZE).ok();
        self.run(VERIFY).ok()
    }

    /// The one object that a command prints.
    fn json(&self, line: &str, code: i32) -> Json {
        let run = self.run(line);
        assert_eq!(run.code, code, "{}", run.stderr);
        serde_json::from_str(&run.stdout).expect("one object")
    }

    fn record(&self) -> Vec<u8> {
        self.folder.write("schema.toml", SCHEMA);
        self.run("payload --schema schema.toml --section app --output record").ok();
        self.folder.read("record")
    }

    /// The bytes of a file that are on the disk.
    fn on_disk(&self, name: &str) -> u64 {
        self.folder.path(name).metadata().expect(name).blocks() * 512
    }
}

/// An ELF file for x86-64 with these sections, each at an offset or behind the last one. What is between them
/// is a hole.
fn elf(path: &Path, sections: &[(&str, Option<u64>, &[u8])]) {
    let file = File::create(path).expect("a file");
    let (mut names, mut headers, mut end) = (vec![0_u8], vec![0_u8; 64], 64_u64);
    let mut section = |name: &str, kind: u32, flags: u64, at: Option<u64>, bytes: &[u8]| {
        let at = at.unwrap_or_else(|| end.next_multiple_of(16));
        let name_at = names.len() as u32;
        names.extend([name.as_bytes(), b"\0"].concat());
        let bytes = if kind == 3 { names.clone() } else { bytes.to_vec() };
        headers.extend([name_at.to_le_bytes(), kind.to_le_bytes()].concat());
        let numbers = [flags, 0, at, bytes.len() as u64, 0, 16, 0];
        headers.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        file.write_all_at(&bytes, at).expect("bytes");
        end = at + bytes.len() as u64;
    };
    for (name, at, bytes) in sections {
        section(name, 1, 2, *at, bytes);
    }
    section(".shstrtab", 3, 0, None, &[]);
    // Where 16 bits are too few for the number of sections, the first header has it (gABI, e_shnum).
    let count = sections.len() as u64 + 2;
    let is_many = count >= 0xff00;
    if is_many {
        headers[32..40].copy_from_slice(&count.to_le_bytes());
        headers[40..44].copy_from_slice(&(count as u32 - 1).to_le_bytes());
    }
    let place = end.next_multiple_of(8);
    file.write_all_at(&headers, place).expect("headers");
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend([3, 0, 62, 0, 1, 0, 0, 0]);
    header.extend([0, 0, place].iter().flat_map(|number: &u64| number.to_le_bytes()));
    let (number, last) = if is_many { (0, 0xffff) } else { (count as u16, count as u16 - 1) };
    header.extend([0, 0, 64, 0, 0, 64, number, last].iter().flat_map(|half| half.to_le_bytes()));
    file.write_all_at(&header, 0).expect("a header");
}

/// An archive of these members, each with its size, which may be more than the bytes it is given.
fn archive(path: &Path, members: &[(String, &[u8], u64)]) {
    let file = File::create(path).expect("a file");
    file.write_all_at(MAGIC, 0).expect("a header");
    let mut at = MAGIC.len() as u64;
    for (name, bytes, size) in members {
        let header = member_header(&format!("{name}/"), *size);
        file.write_all_at(header.as_bytes(), at).expect("a header");
        file.write_all_at(bytes, at + 60).expect("a member");
        at += 60 + size.next_multiple_of(2);
    }
    file.set_len(at).expect("a size");
}

#[test]
fn many_files_with_long_names_in_one_folder() {
    let load = Load::new("files in one folder", 600);
    let count = many(1_000, 100_000);
    let old = load.folder.path("old");
    for at in 0..count {
        let text = if at % 2 == 0 { "in /opt/app/share\n" } else { "elsewhere\n" };
        fs::write(old.join(format!("{at:0255}")), text).expect("a file");
    }
    let (names, links) = (count / 10, count / 10);
    for at in 0..names {
        fs::hard_link(old.join(format!("{:0255}", at / 1_000 * 2)), old.join(format!("name{at}")))
            .expect("a name");
    }
    for at in 0..links {
        symlink(format!("/opt/app/{at}"), old.join(format!("link{at}"))).expect("a link");
    }
    let texts = count / 2 + names;
    let expected = format!(
        "{} files identical, {texts} texts rewritten, {links} links rewritten\n",
        count / 2
    );
    assert_eq!(load.carried(), expected);
    let last = load.folder.path("out/opt/new").join(format!("{:0255}", count - 2));
    assert_eq!(fs::read(last).expect("a file"), b"in /opt/new/share\n");
}

/// A look above each file for a bundle's seal took sixteen seconds for 1,000 levels, and eight times as long
/// for each doubling.
#[test]
fn folders_deep_in_each_other() {
    let load = Load::new("deep folders", 400);
    let levels = many(200, 1_000);
    let mut path = load.folder.path("old");
    for _ in 0..levels {
        path.push("d");
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("f"), "in /opt/app\n").expect("a file");
    }
    assert_eq!(load.carried(), format!("0 files identical, {levels} texts rewritten\n"));
}

#[test]
fn many_records() {
    let load = Load::new("records", 600);
    let (record, count) = (load.record(), many(300, 10_000));
    let image = load.folder.path("old/image");
    let of_one_section = record.repeat(count);
    let names: Vec<String> = (0..count).map(|at| format!("postlink_s{at}")).collect();
    let sections: Vec<(&str, Option<u64>, &[u8])> =
        names.iter().map(|name| (name.as_str(), None, &*record)).collect();
    for sections in [&[("postlink_app", None, &*of_one_section)][..], &sections] {
        elf(&image, sections);
        let told = load.json(&format!("fill old/image --all --output filled {SET} --json"), 0);
        assert_eq!(told["images"][0]["records"].as_array().map(Vec::len), Some(count));
        let said = load.run("verify old/image filled").ok();
        // Both values of a record were and are there: `0.0` and `/opt/app`, `1.2.3` and `/opt/new`.
        assert!(said.starts_with("filled: nothing but declared values differs ("), "{said}");
        if !is_full() {
            readers_agree(&load.folder, "filled");
        }
        assert_eq!(load.carried(), "0 files identical, 1 filled\n");
        fs::remove_dir_all(load.folder.path("out")).expect("a tree");
    }
}

#[test]
fn as_many_fields_and_as_long_values_as_there_may_be() {
    let load = Load::new("fields", 600);
    let schema = |fields: usize, capacity: u32| {
        let mut text = String::from("[section.app]\nowner = \"rust\"\n");
        for at in 0..fields {
            let _ = writeln!(
                text,
                "[section.app.field.f{at}]\ntype = \"string\"\ncapacity = {capacity}\ndefault = \"\""
            );
        }
        load.folder.write("schema.toml", text);
    };
    let generate =
        "generate --schema schema.toml --out-header g.h --out-source g.cc --out-rust g.rs";
    let payload = "payload --schema schema.toml --section app --output payload";
    let long = "x".repeat(64);
    schema(MAX_FIELDS, 64);
    load.run(generate).ok();
    load.run(payload).ok();
    elf(&load.folder.path("image"), &[("postlink_app", None, &load.folder.read("payload"))]);
    let all: Vec<String> = (0..MAX_FIELDS).map(|at| format!("\"f{at}\": \"{long}\"")).collect();
    load.folder.write("values.json", format!("{{{}}}", all.join(",")));
    load.run("fill image --values values.json").ok();
    let told = load.json("inspect image --json", 0);
    let fields = told["images"][0]["records"][0]["fields"].as_array().expect("fields");
    assert_eq!(fields.iter().filter(|field| field["value"] == long.as_str()).count(), MAX_FIELDS);
    let said = load.run(&format!("fill image --keep --set f7={long}x")).fails(1);
    assert!(said.contains("field `f7`: the value has 65 bytes, the capacity is 64"), "{said}");
    schema(MAX_FIELDS + 1, 64);
    let said = load.run(generate).fails(1);
    assert!(said.contains("a section has at most 1024; use several sections"), "{said}");

    let most = MAX_CAPACITY as usize;
    schema(3, MAX_CAPACITY);
    load.run(payload).ok();
    elf(&load.folder.path("image"), &[("postlink_app", None, &load.folder.read("payload"))]);
    load.folder.write("values.json", format!("{{\"f1\": \"{}\"}}", "y".repeat(most)));
    load.run("fill image --values values.json").ok();
    assert_eq!(load.run("inspect image --field f1").ok().trim_end().len(), most);
    load.folder.write("values.json", format!("{{\"f1\": \"{}\"}}", "y".repeat(most + 1)));
    let said = load.run("fill image --values values.json").fails(1);
    assert!(said.contains("the value has 16777217 bytes, the capacity is 16777216"), "{said}");
    schema(3, MAX_CAPACITY + 1);
    let said = load.run(generate).fails(1);
    assert!(said.contains("`capacity` must be from 1 to 16777216"), "{said}");
    schema(4, MAX_CAPACITY);
    let said = load.run(generate).fails(1);
    assert!(said.contains("use smaller capacities, or several sections"), "{said}");
}

/// `verify` read the holes of both files.
#[test]
fn files_that_are_mostly_holes() {
    let load = Load::new("holes", 300);
    let record = load.record();
    let far = 2 << 40;
    let places: [(&str, u64, u64); 4] = [
        ("with a record before a hole", 4096, 5 * GIB),
        ("with a record behind a hole", 5 * GIB, 6 * GIB),
        ("with a record over 4 GiB", 4 * GIB - 400, 5 * GIB),
        ("with two tebibytes", far, far + GIB),
    ];
    for (what, of_record, of_data) in places {
        let sections: [(&str, Option<u64>, &[u8]); 2] =
            [("postlink_app", Some(of_record), &record), (".data", Some(of_data), b"some data\0")];
        elf(&load.folder.path("old/image"), &sections);
        load.run(&format!("fill old/image --output filled {SET}")).ok();
        load.run("fill filled --in-place --keep --set version=1.2.4").ok();
        assert!(load.on_disk("filled") < 1 << 20, "{what}");
        let told = load.json("inspect filled --json", 0);
        let told = &told["images"][0]["records"][0];
        assert_eq!(
            (&told["offset"], &told["fields"][0]["value"]),
            (&of_record.into(), &"1.2.4".into())
        );
        load.run("verify old/image filled").ok();
        assert_eq!(load.carried(), "0 files identical, 1 filled\n", "{what}");
        assert!(load.on_disk("out/opt/new/image") < 1 << 20, "{what}");
        // One byte that was in a hole before, and one that was not.
        for at in [of_data - 99_999, of_data + 2] {
            load.folder.run("cp --sparse=always old/image other").ok();
            let other = File::options().write(true).open(load.folder.path("other"));
            other.and_then(|file| file.write_all_at(b"!", at)).expect("a byte");
            let told = load.json("verify old/image other --json", 3);
            assert_eq!(told["differences"][0]["offset"], at, "{what}: {told}");
        }
        fs::remove_dir_all(load.folder.path("out")).expect("a tree");
    }
    // What is no image is compared by another way.
    let data = File::create(load.folder.path("old/image")).expect("a file");
    data.write_all_at(b"\0/opt/app\0", far).expect("bytes");
    load.run(&format!("{SPECIALIZE} --equal-length")).ok();
    assert_eq!(
        load.run(&format!("{VERIFY} --equal-length")).ok(),
        "0 files identical, 1 with changed strings\n"
    );
    let other = File::options().write(true).open(load.folder.path("out/opt/new/image"));
    other.and_then(|file| file.write_all_at(b"!", far - 7)).expect("a byte");
    let said = load.run(&format!("{VERIFY} --equal-length")).fails_with_output(3);
    assert!(said.contains(&format!("first at {:#x}", far - 7)), "{said}");
}

/// Beyond 65,279 sections the header has no room for their number.
#[test]
fn more_sections_than_the_header_can_count() {
    let load = Load::new("sections", 600);
    let record = load.record();
    let names: Vec<String> = (0..65_536).map(|at| format!("s{at}")).collect();
    let mut sections: Vec<(&str, Option<u64>, &[u8])> =
        names.iter().map(|name| (name.as_str(), None, &b"data"[..])).collect();
    sections.push(("postlink_app", None, &record));
    elf(&load.folder.path("old/image"), &sections);
    let read = load.folder.run("readelf --file-header --wide old/image").ok();
    assert!(read.contains("Number of section headers:         0 (65539)"), "{read}");
    load.run(&format!("fill old/image --output filled {SET}")).ok();
    load.run("verify old/image filled").ok();
    load.folder.run("objcopy --dump-section postlink_app=section filled /dev/null").ok();
    let set = format!("payload --schema schema.toml --section app --output payload {SET}");
    load.run(&set).ok();
    assert!(load.folder.read("section") == load.folder.read("payload"));
    assert_eq!(load.carried(), "0 files identical, 1 filled\n");
}

#[test]
fn an_archive_of_many_members_or_of_large_ones() {
    let load = Load::new("archive", 600);
    let record = load.record();
    let object = load.folder.path("object.o");
    elf(&object, &[("postlink_app", None, &record)]);
    let object = fs::read(object).expect("an object file");
    let size = object.len() as u64;
    let count = many(300, 10_000);
    let path = load.folder.path("old/lib.a");
    let members: Vec<_> = (0..count).map(|at| (format!("m{at}.o"), &*object, size)).collect();
    archive(&path, &members);
    assert_eq!(load.folder.run("ar t old/lib.a").ok().lines().count(), count);
    load.run(&format!("fill old/lib.a --all --output filled {SET}")).ok();
    load.run("verify old/lib.a filled").ok();
    assert_eq!(load.carried(), "0 files identical, 1 filled\n");
    fs::remove_dir_all(load.folder.path("out")).expect("a tree");

    archive(&path, &[("m.o".into(), b"text", 2 * GIB), ("n.o".into(), &object, size)]);
    load.run(&format!("fill old/lib.a --output filled {SET}")).ok();
    load.run("verify old/lib.a filled").ok();
    assert_eq!(load.carried(), "0 files identical, 1 filled\n");
    assert!(load.on_disk("filled") < 1 << 20 && load.on_disk("out/opt/new/lib.a") < 1 << 20);
}

#[test]
fn texts_with_many_paths_and_long_lines() {
    let load = Load::new("text", many(400, 2_500) as u32);
    let count = many(5_000, 1_000_000);
    load.folder.write("old/text", "in /opt/app/share\n".repeat(count));
    assert_eq!(load.carried(), "0 files identical, 1 text rewritten\n");
    let new = load.folder.read("out/opt/new/text");
    assert!(new == "in /opt/new/share\n".repeat(count).as_bytes());
    fs::remove_dir_all(load.folder.path("out")).expect("a tree");

    let mut line = vec![b'x'; many(4 << 20, 1 << 30)];
    line.extend(b" /opt/app/share ");
    load.folder.write("old/text", &line);
    assert_eq!(load.carried(), "0 files identical, 1 text rewritten\n");

    if is_full() {
        load.folder.write("old/text", "in /opt/app/share\n".repeat(MOST_HITS + 1));
        for line in [SCAN, VERIFY] {
            let said = load.run(line).fails(1);
            assert!(said.contains("there are more than 1048576 references"), "{said}");
            assert!(said.contains("name longer paths as references, or look at parts"), "{said}");
        }
    }
}

#[test]
fn many_findings_in_one_report() {
    let load = Load::new("findings", many(400, 1_000) as u32);
    let count = many(3_000, 100_000);
    let data: String = (0..count).map(|at| format!("\0/opt/app/share/{at}\0")).collect();
    load.folder.write("old/data", data);
    let told = load.json(&format!("{SCAN} --json --html page.html"), 3);
    assert_eq!(told["trees"][0]["findings"].as_array().map(Vec::len), Some(count));
    let said = load.run(SCAN).fails_with_output(3);
    let last =
        format!("{count} found; specialize handles 0 of them and does nothing about {count}");
    // The report for a person stays one that a person reads.
    assert!(said.contains(&last) && said.lines().count() < 30, "{said}");
    assert!(load.folder.read("page.html").len() < 32 << 20);
    let said = load.run(SPECIALIZE).fails_with_output(3);
    assert!(said.contains("/opt/app/share/7"), "{said}");
    assert!(!load.folder.path("out").exists());
}

#[test]
fn many_files_on_one_command_line() {
    let load = Load::new("command line", 300);
    let record = load.record();
    let count = many(100, 1_000);
    for at in 0..count {
        elf(&load.folder.path(&format!("old/{at}")), &[("postlink_app", None, &record)]);
    }
    load.folder.write("old/none", "text");
    let run = load.run(&format!("fill old/* --json {SET}"));
    let told: Json = serde_json::from_str(&run.stdout).expect("one object");
    let images = told["images"].as_array().expect("images");
    assert_eq!((run.code, images.len()), (1, count + 1));
    assert_eq!(images.iter().filter(|image| image["outcome"] == "filled").count(), count);
    let said = load.run("inspect old/*").fails_with_output(1);
    assert_eq!(said.matches("version: string = 1.2.3 (set)").count(), count);
    assert!(said.contains("old/none is not an image"), "{said}");
}

#[test]
fn a_large_schema() {
    let load = Load::new("schema", many(300, 600) as u32);
    let sections = many(100, 20_000);
    let mut text = String::new();
    for at in 0..sections {
        let _ = writeln!(text, "[section.s{at}]\nowner = \"rust\"");
        for field in 0..5 {
            let _ = writeln!(
                text,
                "[section.s{at}.field.f{field}]\ntype = \"string\"\ncapacity = 64\ndoc = \"some words\"\ndefault = \"\""
            );
        }
    }
    assert!(text.len() > many(40_000, 9_000_000), "{}", text.len());
    load.folder.write("schema.toml", &text);
    let generate = "generate --schema schema.toml --section s7 --out-rust g.rs";
    load.run(generate).ok();
    // A mistake at its end.
    text.push_str("[section.last.field.f]\ntype = \"text\"\n");
    load.folder.write("schema.toml", text);
    let said = load.run(generate).fails(1);
    assert!(said.contains("schema.toml has 1 error") && said.len() < 2_000, "{said}");
}
