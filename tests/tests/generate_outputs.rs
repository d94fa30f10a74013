//! Where `generate` writes, when, and what build systems make of it.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture, postlink};

fn schema() -> Folder {
    let folder = Folder::new();
    folder.write("schema.toml", fs::read(fixture("../../schema.toml")).expect("the schema"));
    folder
}

/// Two names of one file: the header was written over by the source, with exit code 0.
#[test]
fn one_file_is_no_two_outputs() {
    let folder = schema();
    fs::create_dir(folder.path("d")).expect("a folder");
    symlink(".", folder.path("here")).expect("a link");
    let generate = |more: &str| folder.postlink(&format!("generate --schema schema.toml {more}"));
    // They do not exist yet, and then they do.
    for _ in 0..2 {
        for other in ["./g.h", "d/../g.h", "here/g.h", folder.path("g.h").to_str().expect("UTF-8")]
        {
            let said = generate(&format!("--out-header g.h --out-source {other}")).fails(1);
            assert!(said.contains("is named twice"), "{other}: {said}");
        }
        generate("--out-header g.h --out-source g.cc --stamp here/g.cc").fails(1);
        generate("--out-header g.h --out-source here/schema.toml").fails(1);
        generate("--out-header g.h --out-source g.cc --depfile ./schema.toml").fails(1);
        generate("--out-header g.h --out-source g.cc").ok();
    }
    assert!(folder.read("schema.toml") == fs::read(fixture("../../schema.toml")).expect("it"));
    generate("--out-header g.h --out-source new/").fails(1);
}

/// Where the second of two files cannot take its place, the first one is taken back.
#[test]
fn of_several_outputs_all_are_new_or_none() {
    let folder = schema();
    let line = "generate --schema schema.toml --out-header g.h --out-source g.cc";
    folder.write("g.h", "old");
    let program = postlink().display();
    let inject = "strace -o /dev/null -e inject=rename,renameat,renameat2:error=EIO";
    let said = folder.run(&format!("{inject}:when=2 {program} {line}")).fails(1);
    assert!(said.contains("g.cc: Input/output error") && !said.contains("take back"), "{said}");
    assert_eq!(folder.read("g.h"), b"old");
    assert_eq!(folder.names(), ["g.h", "schema.toml"]);
    // Where not even that is possible, it says which file is new.
    let said = folder.run(&format!("{inject}:when=2+ {program} {line}")).fails(1);
    assert!(
        said.contains("cannot take back what was written to") && said.contains("g.h"),
        "{said}"
    );
    assert_ne!(folder.read("g.h"), b"old");
}

#[test]
fn what_is_written_is_read_back() {
    let folder = schema();
    let line = "generate --schema schema.toml --out-header g.h --out-source g.cc";
    folder.postlink(line).ok();
    let size = folder.read("g.h").len();
    fs::remove_file(folder.path("g.h")).expect("the header");
    let inject = format!("strace -o /dev/null -e inject=pwrite64:retval={size}:when=1");
    let said = folder.run(&format!("{inject} {} {line}", postlink().display())).fails(1);
    assert!(said.contains("not those that were written"), "{said}");
    assert!(!folder.path("g.h").exists());
}

/// Make takes an unchanged output, which keeps its time, for one that is to be made again: at every
/// build. The stamp tells it that all is done.
#[test]
fn make_generates_once() {
    let folder = Folder::new();
    let page = Page::read("patcher/guides/make.md");
    let schema = &page.blocks("toml")[0];
    folder.write("lib.cc", &page.blocks("cpp")[0]);
    folder.write("main.cc", &page.blocks("cpp")[1]);
    let make = page.blocks("make")[0].replace("\tpostlink", &format!("\t{}", postlink().display()));
    folder.write("Makefile", make);
    for jobs in ["make", "make -j8"] {
        folder.write("schema.toml", schema);
        let made = || {
            let said = folder.run(jobs).ok();
            (said.matches(" generate ").count(), said.matches(" -c ").count())
        };
        made();
        assert!(folder.path("app").exists());
        assert_eq!(made(), (0, 0), "{jobs}");
        later(&folder, "schema.toml");
        assert_eq!(made(), (1, 0), "{jobs}: nothing changes, nothing is compiled");
        assert_eq!(made(), (0, 0), "{jobs}: and nothing is generated at each build");
        folder.write("schema.toml", schema.replacen("capacity = 512", "capacity = 600", 1));
        later(&folder, "schema.toml");
        assert_eq!(made(), (1, 3), "{jobs}: what changes is compiled in the same build");
        assert_eq!(made(), (0, 0), "{jobs}");
    }
}

/// Gives a file a time that is later than that of all others.
fn later(folder: &Folder, name: &str) {
    std::thread::sleep(std::time::Duration::from_millis(20));
    let file = fs::File::options().append(true).open(folder.path(name)).expect(name);
    file.set_modified(SystemTime::now()).expect(name);
}

/// The depfile is that of the stamp, and `--check` writes neither.
#[test]
fn the_stamp_is_what_depends_on_the_schema() {
    let folder = schema();
    let line =
        "generate --schema schema.toml --out-header g.h --out-source g.cc --stamp s --depfile d";
    folder.postlink(&format!("{line} --check")).fails(3);
    assert_eq!(folder.names(), ["schema.toml"]);
    folder.postlink(line).ok();
    assert_eq!(folder.read("d"), b"s: schema.toml\n");
    let time = || folder.path("s").metadata().and_then(|file| file.modified()).expect("the stamp");
    let (before, header) = (time(), folder.path("g.h").metadata().expect("the header").modified());
    folder.postlink(&format!("{line} --check")).ok();
    assert_eq!(time(), before);
    std::thread::sleep(std::time::Duration::from_millis(20));
    folder.postlink(line).ok();
    assert_ne!(time(), before);
    let now = folder.path("g.h").metadata().expect("the header").modified();
    assert_eq!(now.expect("a time"), header.expect("a time"));
}
