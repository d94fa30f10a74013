//! What a run of `specialize` needs, and what would stay after it: `scan` and a dry run say so before.
#![forbid(unsafe_code)]

use std::fs::create_dir_all;

use postlink_tests::{Folder, postlink};

const LINE: &str =
    "specialize --output un=/srv/app --rewrite /opt/one=/srv/app --destdir uno --dry-run";

/// The tree `un` with a program whose record has these fields, unfilled.
fn unfilled(fields: &str) -> Folder {
    let folder = Folder::new();
    create_dir_all(folder.path("un/bin")).expect("a folder");
    folder.write("schema.toml", format!("[section.app]\nexported = true\n{fields}"));
    folder
        .write("main.cc", "#include \"app.gen.hh\"\nint main() { return app::name().empty(); }\n");
    folder
        .postlink("generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc")
        .ok();
    folder.run("g++ -std=c++17 main.cc app.gen.cc -o un/bin/app").ok();
    folder
}

fn field(name: &str, ty: &str, more: &str) -> String {
    format!("[section.app.field.{name}]\ntype = \"{ty}\"\ncapacity = 64\n{more}\n")
}

/// The program that nobody filled stopped with "has no value", where all had said that it is well.
#[test]
fn a_required_field_gets_a_value_or_the_tree_is_refused() {
    let name = field("name", "string", "default = \"one\"");
    let folder = unfilled(&(name + &field("prefix", "path", "required = true")));
    folder.write("un/app.conf", "data: /opt/one/share\n");
    for more in ["", "--set name=two"] {
        let run = folder.postlink(&format!("{LINE} {more}"));
        let said = run.fails(1);
        assert!(said.contains("`prefix`: it is required and no value is given"), "{more}: {said}");
        assert!(said.contains("bin/app"), "{said}");
    }
    folder.postlink(&format!("{LINE} --set prefix=/srv/app")).ok();
    let scan = "scan un --reference /opt/one --html page.html";
    let said = folder.postlink(scan).ok();
    assert!(said.contains("\n  --set app.prefix=VALUE for bin/app\n"), "{said}");
    assert!(said.contains("handles all of it, with the values that it needs"), "{said}");
    let alone = folder.postlink("scan un/bin/app --reference /opt/one").stdout;
    assert!(alone.contains("\n  --set app.prefix=VALUE for un/bin/app\n"), "{alone}");
    let page = String::from_utf8(folder.read("page.html")).expect("a text");
    assert!(page.contains("needs <code>--set app.prefix=VALUE</code>"), "{page}");
    folder.postlink("fill un/bin/app --in-place --set prefix=/opt/one").ok();
    let said = folder.postlink(scan).ok();
    assert!(said.ends_with("handles all of it\npage.html: written\n"), "{said}");
    folder.postlink(LINE).ok();
}

/// A dry run was well, and the run ended with 3 without the field.
#[test]
fn what_stays_in_a_record_is_told_before_and_with_its_field() {
    let hex: String = "/opt/one".bytes().map(|byte| format!("{byte:02x}")).collect();
    let fields = [
        field("name", "string", "default = \"one\""),
        field("data", "path", "default = \"/opt/{name}/x\""),
        field("raw", "bytes", &format!("default = \"{hex}\"")),
        field("key", "bytes", "default = \"\""),
    ];
    let folder = unfilled(&fields.concat());
    let run = LINE.replace(" --dry-run", "");
    let key = format!("--set key={hex}");
    for line in [&format!("{LINE} {key}"), &format!("{run} {key}")] {
        let said = folder.postlink(line).fails_with_output(3);
        for told in ["app.data", "app.raw", "app.key"] {
            assert_eq!(
                said.matches(&format!("bin/app: {told}, at ")).count(),
                1 + usize::from(told == "app.raw"),
                "{told}: {said}"
            );
        }
        assert!(said.contains("help: it is bytes, or joined of parts"), "{said}");
        assert!(said.contains("help: the schema has the path in a default of bytes"), "{said}");
        assert!(!folder.path("uno").exists());
    }
    let said = folder.postlink("scan un --reference /opt/one").fails_with_output(3);
    assert!(said.contains("does nothing about 3"), "{said}");
    // A value that is given takes its place.
    let fields = &fields[..2];
    let folder = unfilled(&fields.concat());
    folder.postlink(LINE).fails(3);
    for more in ["--set name=two", "--set data=/srv/app/x"] {
        folder.postlink(&format!("{LINE} {more}")).ok();
        folder.postlink(&format!("{run} {more}")).ok();
        std::fs::remove_dir_all(folder.path("uno")).expect("the tree");
    }
}

/// A script ran another program, or none, and nobody had said a word.
#[test]
fn a_destination_that_means_something_else_in_texts_is_told() {
    let folder = Folder::new();
    create_dir_all(folder.path("un/bin")).expect("a folder");
    folder.write("un/bin/run", "#!/bin/sh\nexec /opt/one/bin/real\n");
    folder.write("un/more", "in /opt/one and /opt/one/x\n");
    let carry = |to: &str| {
        let (output, rewrite) = (format!("un={to}"), format!("/opt/one={to}"));
        let words = [
            "specialize",
            "--output",
            &output,
            "--rewrite",
            &rewrite,
            "--dry-run",
            "--destdir",
            "q",
        ];
        folder.run_words(postlink().as_os_str(), &words)
    };
    for (to, odd) in
        [("/srv/My App", ' '), ("/srv/a\"b", '"'), ("/srv/a:b", ':'), ("/srv/a$b", '$')]
    {
        let run = carry(to);
        assert_eq!(run.code, 0, "{run:?}");
        let told = format!("has `{odd}`, which may mean something else in 2 texts that get it");
        assert_eq!(run.stderr.matches(&told).count(), 1, "{run:?}");
    }
    assert_eq!(carry("/srv/Größe-1.2_+@%~,=x").stderr, "");
    let said = carry("/srv/a\nb").fails(2);
    assert!(said.contains("/srv/a\\x0ab has a newline"), "{said}");
    // Where no text gets it, there is nothing to say.
    folder.run("rm -r un/bin un/more").ok();
    assert_eq!(carry("/srv/My App").stderr, "");
}

/// The folder above the tree was carried, and its program stood in `/opt/n/opt/notes`.
#[test]
fn the_folder_in_which_a_tree_was_staged_is_told() {
    let folder = Folder::new();
    create_dir_all(folder.path("stage/opt/notes")).expect("a folder");
    folder.write("stage/opt/notes/readme", "in /opt/notes\n");
    let line = "--rewrite /opt/notes=/opt/n --destdir q --dry-run";
    let run = folder.postlink(&format!("specialize --output stage=/opt/n {line}"));
    let told = "did you mean --output stage/opt/notes=/opt/n?";
    assert!(run.code == 0 && run.stderr.contains(told), "{run:?}");
    let run = folder.postlink(&format!("specialize --output stage/opt/notes=/opt/n {line}"));
    assert!(run.code == 0 && run.stderr.is_empty(), "{run:?}");
}

/// A relative link stays, and led nowhere.
#[test]
fn a_relative_link_to_another_tree_is_told_where_that_moves_away() {
    let folder = Folder::new();
    create_dir_all(folder.path("stage/app/lib")).expect("a folder");
    create_dir_all(folder.path("stage/dev")).expect("a folder");
    folder.write("stage/dev/y", "text");
    std::os::unix::fs::symlink("../../dev/y", folder.path("stage/app/lib/y")).expect("a link");
    let carry = |dev: &str| {
        let line = "specialize --destdir out --dry-run --output stage/app=/srv/app --output";
        folder.postlink(&format!("{line} stage/dev={dev}")).stderr
    };
    let told =
        "/srv/app/lib/y: the link to ../../dev/y leads to /srv/dev/y now, and not to /usr/dev/y";
    assert!(carry("/usr/dev").contains(told), "{}", carry("/usr/dev"));
    assert_eq!(carry("/srv/dev"), "");
}
