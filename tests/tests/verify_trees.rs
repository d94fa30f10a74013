//! `postlink verify` of trees: what specialize made is accepted, everything else is named.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use postlink_tests::Folder;
use postlink_tests::reads::assert_each_is_needed;
use serde_json::Value as Json;

/// Where the other file could not be read, the original was named; and where what a file is could not be read, it
/// differed.
#[test]
fn the_file_that_cannot_be_read_is_named() {
    let folder = specialized("final");
    for file in ["share/app.pc", "lib/libapp.so"] {
        for tree in ["src/package", "final"] {
            assert_each_is_needed(&folder, "verify src/package final", &format!("{tree}/{file}"));
        }
    }
}

/// A package that was built for its own path, `src/package`: a library and a static one that have
/// the record, a program, texts, links.
fn package() -> Folder {
    let folder = Folder::new();
    for part in ["src", "src/package", "src/package/bin", "src/package/lib", "src/package/share"] {
        fs::create_dir(folder.path(part)).expect(part);
    }
    let prefix = prefix(&folder);
    folder.write(
        "schema.toml",
        "[section.app]\nexported = true\n\
         [section.app.field.version]\ntype = \"string\"\ncapacity = 64\ndefault = \"0.0\"\n\
         [section.app.field.prefix]\ntype = \"path\"\ncapacity = 256\nrequired = true\n\
         [section.app.field.data_dir]\ntype = \"path\"\ncapacity = 256\ndefault = \"{prefix}/share\"\n",
    );
    folder
        .postlink(&format!(
            "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc --default prefix={prefix}"
        ))
        .ok();
    folder.write("lib.cc", "#include \"app.gen.hh\"\n#include <string>\nstd::string data() { return std::string(app::version()) + std::string(app::data_dir()); }\n");
    folder.write("main.cc", "#include <iostream>\n#include <string>\nstd::string data();\nint main() { std::cout << data() << '\\n'; }\n");
    let lib = "src/package/lib";
    folder.run(&format!("g++ -std=c++17 -O1 -fPIC -Wl,--build-id -shared lib.cc app.gen.cc -Wl,-rpath,{prefix}/lib -o {lib}/libapp.so")).ok();
    folder
        .run(&format!(
            "g++ -std=c++17 main.cc -L{lib} -lapp -Wl,-rpath,{prefix}/lib -o src/package/bin/app"
        ))
        .ok();
    folder.run("g++ -std=c++17 -c lib.cc app.gen.cc").ok();
    folder.run(&format!("ar rcs {lib}/libapp.a lib.o app.gen.o")).ok();
    folder.write(
        "src/package/share/app.pc",
        format!("prefix={prefix}\n\nLibs: -L{prefix}/lib -lapp\nDescription: none\n"),
    );
    folder.write("src/package/share/data", b"\0\x01 data");
    let hard = folder.path("src/package/share/data");
    fs::hard_link(hard, folder.path("src/package/share/again")).expect("a link");
    symlink(format!("{prefix}/bin/app"), folder.path("src/package/app")).expect("a link");
    symlink("libapp.so", folder.path("src/package/lib/libapp.so.1")).expect("a link");
    folder
}

fn prefix(folder: &Folder) -> String {
    folder.path("src/package").display().to_string()
}

/// A package, and what specialize made of it, in the folder of this name.
fn specialized(name: &str) -> Folder {
    let folder = package();
    let destination = folder.path(name).display().to_string();
    let set = "--set version=1.2.3";
    folder.postlink(&format!("specialize --output src/package={destination} {set}")).ok();
    folder
}

#[track_caller]
fn json(folder: &Folder, line: &str, code: i32) -> Json {
    let run = folder.postlink(&format!("verify --json {line}"));
    assert_eq!(run.code, code, "{run:?}");
    serde_json::from_str(&run.stdout).expect("one object")
}

/// The paths of changes of a kind.
fn changed<'a>(report: &'a Json, what: &str) -> Vec<&'a str> {
    let changed = report["changed"].as_array().expect("changes").iter();
    let is = |entry: &&Json| {
        entry["changes"].as_array().expect("changes").iter().any(|change| change["what"] == what)
    };
    changed.filter(is).map(|entry| entry["path"].as_str().expect("a path")).collect()
}

#[test]
fn what_specialize_made_is_accepted_and_told() {
    // A shorter path fits everywhere, a longer one makes the RUNPATH relative.
    for (name, runpath) in [("new", "/new/lib`"), ("final-place-with-a-longer-name", "$ORIGIN")] {
        let folder = specialized(name);
        let run = folder.postlink(&format!("verify -v src/package {name}"));
        let said = run.clone().ok();
        assert!(said.contains("2 files identical, 2 filled, 2 with a changed RUNPATH, 1 text rewritten, 1 link rewritten"), "{said}");
        assert!(said.contains("app.version: `0.0` is now `1.2.3`"), "{said}");
        assert!(
            said.lines().any(|line| line.contains("RUNPATH `") && line.contains(runpath)),
            "{said}"
        );
        let report = json(&folder, &format!("src/package {name}"), 0);
        assert_eq!(changed(&report, "value"), ["lib/libapp.a", "lib/libapp.so"]);
        assert_eq!(changed(&report, "runpath"), ["bin/app", "lib/libapp.so"]);
        assert_eq!(changed(&report, "text"), ["share/app.pc"]);
        assert_eq!(changed(&report, "link"), ["app"]);
        assert_eq!(report["differences"].as_array().map(Vec::len), Some(0));
        // The same tree, and a copy of it for the same place.
        folder.postlink("verify src/package src/package").ok();
        folder.run(&format!("cp -a {name} copy")).ok();
        folder.postlink(&format!("verify {name} copy")).ok();
    }
}

#[test]
fn a_tree_that_stands_elsewhere_needs_its_rewrites() {
    let folder = package();
    let old = prefix(&folder);
    folder.write(
        "src/package/share/app.pc",
        format!("prefix={old}\nOther: /opt/other-package/lib\n"),
    );
    fs::create_dir_all(folder.path("root/opt")).expect("a folder");
    let rewrite = "--rewrite /opt/other-package=/opt/another";
    let root = folder.path("root").display().to_string();
    let line = format!(
        "specialize --output src/package=/opt/final {rewrite} --destdir {root} --set version=2"
    );
    for (more, verb) in [("--dry-run", "would be"), ("", "is")] {
        let said = folder.postlink(&format!("{line} {more}")).ok();
        let told = format!("{root}/opt/final {verb} src/package for /opt/final: ");
        assert!(said.starts_with(&told), "{said}");
    }
    let line = format!("src/package root/opt/final {rewrite} --rewrite {old}=/opt/final");
    assert_eq!(changed(&json(&folder, &line, 0), "text"), ["share/app.pc"]);
    let told = folder.postlink("verify src/package root/opt/final");
    let help = format!("if it was to become that: --rewrite {old}=/opt/final\n");
    assert!(told.code == 3 && told.stdout.ends_with(&help), "{}", told.stdout);
    let told =
        folder.postlink(&format!("verify src/package root/opt/final --rewrite {old}=/opt/final"));
    assert!(told.code == 3 && !told.stdout.contains("help: "), "{}", told.stdout);
    let report = json(&folder, "src/package root/opt/final", 3);
    let differences = report["differences"].as_array().expect("differences");
    let paths: Vec<&str> =
        differences.iter().map(|one| one["path"].as_str().expect("a path")).collect();
    for path in ["app", "bin/app", "lib/libapp.so", "share/app.pc"] {
        assert!(paths.contains(&path), "{path} {report:#}");
    }
    let reasons = differences.iter().map(|one| one["reason"].as_str().expect("a reason"));
    assert!(reasons.into_iter().any(|reason| reason.contains("the default of `prefix` is not")));
}

#[test]
fn strings_that_nobody_declared_are_accepted_only_where_this_is_said() {
    let folder = package();
    folder.write("src/package/share/data", b"\0/opt/old-place/share\0");
    let destination = folder.path("src/another").display().to_string();
    let rewrite = "--rewrite /opt/old-place=/opt/new-place";
    folder
        .postlink(&format!(
            "specialize --output src/package={destination} {rewrite} --equal-length --set version=2"
        ))
        .ok();
    let line = format!("src/package src/another {rewrite}");
    let report = json(&folder, &format!("{line} --equal-length"), 0);
    assert_eq!(changed(&report, "strings"), ["share/again", "share/data"]);
    let report = json(&folder, &line, 3);
    assert_eq!(report["differences"][0]["path"], "share/again");
}

/// Writes other bytes into a file of the filled tree, in the place of the first that are these.
fn replace(folder: &Folder, name: &str, old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    let mut bytes = folder.read(name);
    let at = bytes.windows(old.len()).position(|window| window == old).expect(name);
    bytes.splice(at..at + old.len(), new.iter().copied());
    folder.write(name, bytes);
}

/// Where a section's bytes begin, as readelf says.
fn offset(folder: &Folder, file: &str, section: &str) -> usize {
    let sections = folder.run(&format!("readelf -SW {file}")).ok();
    let line = sections.lines().find(|line| line.contains(&format!(" {section} "))).expect(section);
    let words = line.split(&format!(" {section} ")).nth(1).expect(line);
    usize::from_str_radix(words.split_whitespace().nth(2).expect(line), 16).expect(line)
}

fn flip(folder: &Folder, file: &str, at: usize) {
    let mut bytes = folder.read(file);
    bytes[at] ^= 1;
    folder.write(file, bytes);
}

type Tamper = fn(&Folder, PathBuf);

#[test]
fn everything_else_is_named() {
    let tampered: [(&str, &str, Tamper); 18] = [
        ("lib/libapp.so", ".text: 1 bytes differ", |folder, _| {
            let at = offset(folder, "new/lib/libapp.so", ".text");
            flip(folder, "new/lib/libapp.so", at + 5);
        }),
        ("lib/libapp.so", "record `app`", |folder, _| {
            let at = offset(folder, "new/lib/libapp.so", "postlink_app");
            flip(folder, "new/lib/libapp.so", at + 120);
        }),
        ("lib/libapp.so", "end of file", |folder, path| {
            fs::write(path, [folder.read("new/lib/libapp.so"), b"x".to_vec()].concat())
                .expect("written");
        }),
        ("lib/libapp.a", "record `app`", |folder, _| {
            replace(folder, "new/lib/libapp.a", b"1.2.3", b"1.2.4");
        }),
        ("lib/libapp.a", "member header", |folder, _| {
            replace(folder, "new/lib/libapp.a", b"app.gen.o/", b"app.gem.o/");
        }),
        ("bin/app", "RUNPATH `", |folder, _| {
            replace(folder, "new/bin/app", b"/new/lib\0", b"/nex/lib\0");
        }),
        ("bin/app", "RUNPATH `", |folder, _| {
            let new = format!("{}/lib", folder.path("new").display());
            let mut other = b"$ORIGIN/lib".to_vec();
            other.resize(new.len(), 0);
            replace(folder, "new/bin/app", new.as_bytes(), &other);
        }),
        ("bin/app", "library's name", |folder, _| {
            replace(folder, "new/bin/app", b"libapp.so\0", b"libapq.so\0");
        }),
        ("bin/app", "mode 0755 became 4755", |_, path| {
            fs::set_permissions(path, Permissions::from_mode(0o4755)).expect("a mode");
        }),
        (".", "mode 0755 became 0777", |folder, _| {
            fs::set_permissions(folder.path("new"), Permissions::from_mode(0o777)).expect("a mode");
        }),
        ("share/app.pc", "line 4: `Description: none` became `Description: some`", |folder, _| {
            replace(folder, "new/share/app.pc", b"none", b"some");
        }),
        ("share/app.pc", "line 3: ", |folder, _| {
            replace(folder, "new/share/app.pc", b"/new/lib", b"/old/lib");
        }),
        ("share/app.pc", "line 5: ", |folder, path| {
            fs::write(path, [folder.read("new/share/app.pc"), b"more".to_vec()].concat())
                .expect("written");
        }),
        ("share/data", "the data differs", |folder, path| {
            fs::remove_file(path).expect("removed");
            folder.write("new/share/data", b"\0\x01 date");
        }),
        ("share/evil", "a file was added", |_, path| fs::write(path, "").expect("written")),
        ("share/again", "a file is missing", |_, path| fs::remove_file(path).expect("removed")),
        ("app", "the rewrites give `", |_, path| {
            fs::remove_file(&path).expect("removed");
            symlink("/bin/sh", path).expect("a link");
        }),
        ("lib/libapp.so.1", "a symbolic link became a named pipe", |folder, path| {
            fs::remove_file(path).expect("removed");
            folder.run("mkfifo new/lib/libapp.so.1").ok();
        }),
    ];
    let folder = specialized("new");
    folder.run("chmod 755 src/package new src/package/bin/app new/bin/app").ok();
    folder.run("cp -a new good").ok();
    for (path, text, tamper) in tampered {
        folder.run("rm -r new").ok();
        folder.run("cp -a good new").ok();
        tamper(&folder, folder.path("new").join(path));
        let run = folder.postlink("verify src/package new");
        assert_eq!(run.code, 3, "{path} {text} {run:?}");
        let mut lines = run.stdout.lines().skip_while(|line| *line != format!("{path}:")).skip(1);
        assert!(
            lines.any(|line| line.starts_with("  ") && line.contains(text)),
            "{path} {text} {run:?}"
        );
        let report = json(&folder, "src/package new", 3);
        let others = report["differences"].as_array().expect("differences").iter();
        assert!(others.clone().count() > 0 && others.clone().all(|one| one["path"] == path));
    }
}
