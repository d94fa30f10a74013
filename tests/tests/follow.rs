//! The value that a field had before it was set: where texts still have it, and what becomes of it there.
#![forbid(unsafe_code)]

use std::fs::{self, create_dir_all};

use postlink_tests::{Folder, Run};
use serde_json::Value as Json;

const SCHEMA: &str = r#"[section.app]
exported = true
[section.app.field.version]
type = "string"
capacity = 64
default = "VERSION"
[section.app.field.prefix]
type = "path"
capacity = 256
default = "/opt/app"
"#;
const MAIN: &str = r#"#include "app.gen.hh"
#include <iostream>
int main() { std::cout << app::version() << " in " << app::prefix() << "\n"; }
"#;
const LINE: &str = "specialize --output tree=/srv/new --rewrite /opt/app=/srv/new";

/// A package of this version, in the folder `tree`.
fn package(version: &str) -> Folder {
    let folder = Folder::new();
    for name in ["bin", "lib/pkgconfig", "share"] {
        create_dir_all(folder.path("tree").join(name)).expect(name);
    }
    folder.write("schema.toml", SCHEMA.replace("VERSION", version));
    folder.write("main.cc", MAIN);
    let line = "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc";
    folder.postlink(line).ok();
    folder.run("g++ -std=c++17 -O1 main.cc app.gen.cc -o tree/bin/app").ok();
    let pc = format!(
        "prefix=/opt/app\nVersion: {version}\nRequires: app-core >= {version}0\nLibs: -lapp-{version}\n"
    );
    folder.write("tree/lib/pkgconfig/app.pc", pc);
    let text = format!("app {version} and 1{version}, {version}-rc.\nIt is {version}.\n");
    folder.write("tree/share/readme", text);
    folder.write("tree/share/data", format!("\0 {version} \0"));
    folder
}

#[track_caller]
fn specialize(folder: &Folder, more: &str) -> Run {
    let _ = fs::remove_dir_all(folder.path("out"));
    folder.postlink(&format!("{LINE} --destdir out {more}"))
}

fn text(folder: &Folder, name: &str) -> String {
    String::from_utf8(folder.read(&format!("out/srv/new/{name}"))).expect("a text")
}

/// A package said its old version to `pkg-config`, and nothing reminded of it.
#[test]
fn where_an_old_value_still_stands_is_told() {
    let folder = package("2.91.3");
    let said = specialize(&folder, "--set version=2.92.0").ok();
    for part in [
        "`version` was `2.91.3`, which 4 places in text files still have; --follow version rewrites them",
        "/srv/new/lib/pkgconfig/app.pc: line 2: Version: 2.91.3",
        "/srv/new/share/readme: line 2: It is 2.91.3.",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(text(&folder, "lib/pkgconfig/app.pc").contains("\nVersion: 2.91.3\n"));
    let report = specialize(&folder, "--set version=2.92.0 --json").ok();
    let report: Json = serde_json::from_str(&report).expect("one object");
    let standing = &report["standing"][0];
    assert_eq!((&standing["field"], &standing["new"]), (&"version".into(), &"2.92.0".into()));
    assert_eq!(standing["places"].as_array().map(Vec::len), Some(4));
    // What does not change, and what is rewritten everywhere, needs no word.
    for more in [
        "",
        "--set version=2.91.3",
        "--set version=2.92.0 --rewrite 2.91.3=2.92.0 --allow-left share/data",
    ] {
        let said = specialize(&folder, more).ok();
        assert!(!said.contains("still have"), "{more}: {said}");
    }
}

#[test]
fn a_followed_value_becomes_the_new_one_in_texts_as_a_word() {
    let folder = package("2.91.3");
    for field in ["version", "app.version"] {
        for set in ["version", "app.version"] {
            let said = specialize(&folder, &format!("--set {set}=2.92.0 --follow {field}")).ok();
            assert!(!said.contains("still have"), "{said}");
        }
    }
    let pc =
        "prefix=/srv/new\nVersion: 2.92.0\nRequires: app-core >= 2.91.30\nLibs: -lapp-2.92.0\n";
    assert_eq!(text(&folder, "lib/pkgconfig/app.pc"), pc);
    let readme = "app 2.92.0 and 12.91.3, 2.91.3-rc.\nIt is 2.92.0.\n";
    assert_eq!(text(&folder, "share/readme"), readme);
    assert_eq!(folder.read("out/srv/new/share/data"), folder.read("tree/share/data"));
    // The word is a rewrite like any other.
    let verify = "verify tree out/srv/new --rewrite /opt/app=/srv/new";
    folder.postlink(&format!("{verify} --rewrite 2.91.3=2.92.0")).ok();
    assert_eq!(folder.postlink(verify).code, 3);
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    assert_eq!(folder.run("out/srv/new/bin/app").ok(), "2.92.0 in /srv/new\n");
}

/// `1.2.3` is in many texts that mean something else.
#[test]
fn a_short_value_is_followed_in_version_lines_only() {
    let folder = package("1.2.3");
    folder.write("tree/share/control", "Version: 1.2.3\n");
    let said = specialize(&folder, "--set version=1.2.4 --follow version").ok();
    assert!(said.contains("which 4 places in text files still have"), "{said}");
    let pc = "prefix=/srv/new\nVersion: 1.2.4\nRequires: app-core >= 1.2.30\nLibs: -lapp-1.2.3\n";
    assert_eq!(text(&folder, "lib/pkgconfig/app.pc"), pc);
    for name in ["readme", "control"] {
        let (old, new) = (format!("tree/share/{name}"), format!("out/srv/new/share/{name}"));
        assert_eq!(folder.read(&old), folder.read(&new));
    }
    // `verify` knows the same rule, and the same way around it.
    let verify = "verify tree out/srv/new --rewrite /opt/app=/srv/new --rewrite 1.2.3=1.2.4";
    folder.postlink(verify).ok();
    assert_eq!(folder.postlink(&format!("{verify} --force")).code, 3);
    specialize(&folder, "--set version=1.2.4 --follow version --force").ok();
    assert!(text(&folder, "share/readme").ends_with("It is 1.2.4.\n"));
    folder.postlink(&format!("{verify} --force")).ok();
    assert_eq!(folder.postlink(verify).code, 3);
}

/// A manifest knows the values of the records, also where a text of another output has them.
/// A version such as 3 cannot be searched, and can be written: it was refused as no word.
#[test]
fn one_character_may_take_the_place_of_a_word() {
    let folder = package("0.0.0-unspecialized");
    for more in ["--follow version", "--rewrite 0.0.0-unspecialized=3 --allow-left share/data"] {
        specialize(&folder, &format!("--set version=3 {more}")).ok();
        assert!(text(&folder, "lib/pkgconfig/app.pc").contains("Version: 3\n"), "{more}");
    }
    let line =
        "verify tree out/srv/new --rewrite /opt/app=/srv/new --rewrite 0.0.0-unspecialized=3";
    folder.postlink(line).ok();
    let said = folder.postlink("scan tree --reference 3").fails(2);
    assert!(said.contains("too short"), "{said}");
}

#[test]
fn a_manifest_knows_where_values_stand() {
    let folder = package("2.91.3");
    create_dir_all(folder.path("dev/lib")).expect("a folder");
    fs::rename(folder.path("tree/lib/pkgconfig"), folder.path("dev/lib/pkgconfig")).expect("moved");
    // The second tree stands where it was built for.
    let dev = folder.path("dev").display().to_string();
    let scan = format!("scan tree dev --reference /opt/app --reference {dev} --manifest manifest");
    folder.postlink(&scan).ok();
    let line = format!("{LINE} --output dev=/srv/dev --set version=2.92.0");
    let said = folder.postlink(&format!("{line} --destdir told --manifest manifest")).ok();
    assert!(said.contains("/srv/dev/lib/pkgconfig/app.pc: line 2: Version: 2.91.3"), "{said}");
    for (out, more) in [("one", "--manifest manifest"), ("two", "")] {
        folder.postlink(&format!("{line} --follow version --destdir {out} {more}")).ok();
    }
    folder.run("diff -r one two").ok();
    let pc = String::from_utf8(folder.read("one/srv/dev/lib/pkgconfig/app.pc")).expect("a text");
    assert!(pc.contains("\nVersion: 2.92.0\n"), "{pc}");
    // Made of one output alone, it does not know the values that another one has.
    for name in ["tree", "dev"] {
        let references = format!("--reference /opt/app --reference {dev}");
        folder.postlink(&format!("scan {name} {references} --manifest {name}.json")).ok();
    }
    let json = |name: &str| -> Json { serde_json::from_slice(&folder.read(name)).expect("JSON") };
    let (mut all, dev) = (json("tree.json"), json("dev.json"));
    all["trees"].as_array_mut().expect("trees").push(dev["trees"][0].clone());
    folder.write("joined.json", all.to_string());
    let line = format!("{line} --destdir out --manifest joined.json");
    let said = folder.postlink(&line).fails(1);
    assert!(said.contains("the manifest knows nothing of the value `2.91.3`"), "{said}");
}

#[test]
fn what_cannot_be_followed_is_wrong_usage() {
    let folder = package("2.91.3");
    for (more, why) in [
        ("--follow version", "--follow version: the field is not set"),
        ("--set version=1 --follow prefix", "--follow prefix: the field is not set"),
        ("--set version=1 --follow other.version", "--follow other.version: no section `other`"),
        ("--set prefix=/srv/new --follow prefix", "--follow prefix: the field is no string"),
        ("--set version=a/b --follow version", "`2.91.3` cannot become `a/b` in texts"),
    ] {
        let said = specialize(&folder, more).fails(2);
        assert!(said.contains(why), "{more}: {said}");
        assert!(!folder.path("out").exists());
    }
}

/// A value that does not fit was told as one that is not set.
#[test]
fn a_value_that_does_not_fit_is_told_as_that() {
    let folder = package("2.91.3");
    let more = format!("--set version={} --follow version", "1".repeat(5000));
    let said = specialize(&folder, &more).fails(1);
    assert!(said.contains("version") && !said.contains("is not set"), "{said}");
}

/// Texts named a folder that kept the old version in its name, and nobody said so.
#[test]
fn names_of_files_stay_and_are_told() {
    let word = "0.0.0-unspecialized";
    let folder = package(word);
    create_dir_all(folder.path(&format!("tree/include/app-{word}"))).expect("a folder");
    let link = format!("/opt/app/include/app-{word}");
    std::os::unix::fs::symlink(link, folder.path("tree/current")).expect("a link");
    let verify = "verify tree out/srv/new --rewrite /opt/app=/srv/new";
    for more in ["--follow version", "--rewrite 0.0.0-unspecialized=2.97 --allow-left share/data"] {
        let set = format!("--set version=2.97 {more}");
        let run = specialize(&folder, &set);
        assert!(run.stdout.contains(&format!("include/app-{word}: app-{word}")), "{run:?}");
        assert!(run.stdout.contains("help: rename it after specialize"), "{run:?}");
        run.fails(3);
        // A link keeps the name too, and leads to the new place: `verify` knows.
        specialize(&folder, &format!("{set} --allow-left include/* --allow-left current")).ok();
        let link = fs::read_link(folder.path("out/srv/new/current")).expect("a link");
        assert_eq!(link, std::path::Path::new(&format!("/srv/new/include/app-{word}")));
        folder.postlink(&format!("{verify} --rewrite {word}=2.97")).ok();
    }
    // A short one is followed where no file is named.
    let folder = package("1.2");
    create_dir_all(folder.path("tree/include/app-1.2")).expect("a folder");
    specialize(&folder, "--set version=1.3 --follow version").ok();
}

/// The first of a file's names decided alone: `a.txt` comes before `b.pc`, `z.txt` behind it.
#[test]
fn any_name_of_a_file_makes_it_a_pc_file() {
    let folder = package("1.2");
    for other in ["a.txt", "z.txt"] {
        let other = folder.path("tree/lib/pkgconfig").join(other);
        fs::hard_link(folder.path("tree/lib/pkgconfig/app.pc"), &other).expect("a name");
        specialize(&folder, "--set version=1.3 --follow version").ok();
        assert!(text(&folder, "lib/pkgconfig/app.pc").contains("\nVersion: 1.3\n"), "{other:?}");
        let verify = "verify tree out/srv/new --rewrite /opt/app=/srv/new --rewrite 1.2=1.3";
        folder.postlink(verify).ok();
        fs::remove_file(other).expect("a name");
    }
}
