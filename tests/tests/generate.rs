//! `postlink generate`: goldens, that they compile, and what a build system asks for.

use postlink_tests::{COMPILERS, Folder, Run, STRICT, fixture, fixture_text, golden};

/// The header and source of a fixture's section, in a folder.
fn generated(schema: &str, section: &str) -> Folder {
    let folder = Folder::new();
    generate(&folder, schema, section, "").ok();
    folder
}

fn generate(folder: &Folder, schema: &str, section: &str, more: &str) -> Run {
    let schema = fixture(schema).display().to_string();
    folder.postlink(&format!(
        "generate --schema {schema} --section {section} --out-header {section}.gen.hh --out-source {section}.gen.cc {more}"
    ))
}

const SECTIONS: [(&str, &str); 5] = [
    ("kinds.toml", "kinds"),
    ("kinds.toml", "single"),
    ("../../schema.toml", "lix"),
    ("rust_owned.toml", "shared"),
    ("odd.toml", "odd"),
];

#[test]
fn goldens() {
    for (schema, section) in SECTIONS {
        let folder = generated(schema, section);
        generate(&folder, schema, section, &format!("--out-rust {section}.rs")).ok();
        for extension in ["gen.hh", "gen.cc", "rs"] {
            let name = format!("{section}.{extension}");
            golden(&name, &String::from_utf8(folder.read(&name)).expect("UTF-8"));
        }
    }
}

#[test]
fn goldens_compile_without_a_warning() {
    let folder = Folder::new();
    for (schema, section) in SECTIONS {
        generate(&folder, schema, section, "").ok();
    }
    for compiler in COMPILERS {
        for standard in ["-std=c++17", "-std=c++20", "-std=c++23"] {
            for (_, section) in SECTIONS {
                for more in ["", "-fno-exceptions -fno-rtti"] {
                    let flags = STRICT.join(" ");
                    folder.run(&format!("{compiler} {standard} {flags} {more} -fPIC -c {section}.gen.cc -o out.o")).ok();
                }
            }
        }
    }
}

/// The iterators are what the standard library asks for, and all units fit into one.
#[test]
fn lists_are_ranges_and_unity_builds_work() {
    let folder = Folder::new();
    for (schema, section) in SECTIONS {
        generate(&folder, schema, section, "").ok();
    }
    folder.write(
        "unity.cc",
        fixture_text("ranges.cc")
            + "
#include \"kinds.gen.cc\"
#include \"single.gen.cc\"
#include \"lix.gen.cc\"
#include \"odd.gen.cc\"
void a::b::value_failed(const char *, const char *, const char *) {}
int main() {}
",
    );
    for compiler in COMPILERS {
        for standard in ["c++17", "c++20"] {
            let flags = STRICT.join(" ");
            folder.run(&format!("{compiler} -std={standard} {flags} unity.cc -o unity")).ok();
            folder.run("./unity").ok();
        }
    }
}

#[test]
fn every_value_is_read_as_declared() {
    let folder = Folder::new();
    generate(&folder, "kinds.toml", "kinds", "").ok();
    generate(&folder, "kinds.toml", "single", "").ok();
    folder.write("kinds.cc", fixture_text("kinds.cc"));
    for compiler in COMPILERS {
        let flags = STRICT.join(" ");
        folder
            .run(&format!(
                "{compiler} -std=c++17 -O2 {flags} kinds.cc kinds.gen.cc single.gen.cc -o kinds"
            ))
            .ok();
        let unset = folder.run("./kinds");
        assert_eq!(unset.code, 128 + 6, "reading a required field aborts");
        golden(
            "kinds-unset.txt",
            &format!("{}{}", unset.stdout, unset.stderr.lines().next().unwrap_or_default()),
        );
        folder.write("values.json", fixture_text("kinds.json"));
        folder.postlink("fill --in-place kinds --values values.json --set log=/var/log --set kinds.flag=false").ok();
        golden("kinds-filled.txt", &folder.run("./kinds").ok());
        // What the checksum would show stops the accessor as well.
        let good = folder.read("kinds");
        let (offset, layout) = postlink_tests::place_of(&folder, "kinds", "kinds");
        for (at, byte, field) in
            [(layout.values[10], 9, "channel"), (layout.states[15] + 8, 9, "words")]
        {
            let mut bad = good.clone();
            bad[offset + at as usize] = byte;
            folder.write("kinds", &bad);
            let said = folder.run("./kinds").fails(134);
            assert!(said.contains(&format!("field {field}: the record is damaged")), "{said}");
        }
    }
}

#[test]
fn ninja_reads_the_depfile_and_builds_only_what_changed() {
    let folder = Folder::new();
    folder.write("my schema.toml", fixture_text("kinds.toml"));
    let postlink = postlink_tests::postlink().display();
    folder.write("build.ninja", format!("
rule generate
  command = {postlink} generate --schema 'my schema.toml' --section kinds --out-header 'a b/k$$.hh' --out-source 'a b/k$$.cc' --depfile d
  depfile = d
  deps = gcc
  restat = 1
build a$ b/k$$.hh a$ b/k$$.cc: generate
"));
    std::fs::create_dir(folder.path("a b")).expect("a folder");
    assert!(folder.run("ninja").ok().contains("[1/1]"));
    let header = || {
        std::fs::metadata(folder.path("a b/k$.hh"))
            .and_then(|file| file.modified())
            .expect("the header")
    };
    let written = header();
    assert!(folder.run("ninja").ok().contains("no work to do"));
    folder.write("my schema.toml", fixture_text("kinds.toml") + "# nothing changes\n");
    assert!(folder.run("ninja").ok().contains("[1/1]"), "the schema is a dependency");
    assert_eq!(header(), written, "what does not change is not written");
}

#[test]
fn check_and_defaults() {
    let folder = generated("../../schema.toml", "lix");
    let check =
        |more: &str| generate(&folder, "../../schema.toml", "lix", &format!("--check {more}"));
    check("").ok();
    assert_eq!(check("--default version=1.2.3").code, 3);
    let before = folder.read("lix.gen.cc");
    generate(&folder, "../../schema.toml", "lix", "--default version=1.2.3 --default prefix=/usr")
        .ok();
    assert_ne!(before, folder.read("lix.gen.cc"));
    assert!(String::from_utf8_lossy(&folder.read("lix.gen.cc")).contains("\"/usr/libexec/lix\""));
    let said =
        generate(&folder, "../../schema.toml", "lix", "--default version=x --default perfix=/usr")
            .fails(1);
    assert!(said.contains("pattern") && said.contains("did you mean `prefix`"), "{said}");
    generate(&folder, "../../schema.toml", "lix", "--include a/b.hh").ok();
    assert!(String::from_utf8_lossy(&folder.read("lix.gen.cc")).contains("#include \"a/b.hh\""));
    let long = format!("--default prefix=/{}", "x".repeat(505));
    let said = generate(&folder, "../../schema.toml", "lix", &long).fails(1);
    assert!(
        said.contains("man_dir") && said.contains("capacity is 512"),
        "a derived default grows too: {said}"
    );
    let said = generate(&folder, "kinds.toml", "none", "").fails(1);
    assert!(said.contains("`kinds` and `single`") && said.contains("--section"), "{said}");
}

/// A default that only the other language's text would have had was taken without a word.
#[test]
fn a_default_is_given_where_the_record_is_defined() {
    let folder = Folder::new();
    let section = "field.dir = { type = \"path\", capacity = 64, required = true }\n";
    for (owner, outputs, wrong) in [
        ("rust", "--out-header a.hh --out-source a.cc", "belongs to Rust"),
        ("cpp", "--out-rust a.rs", "belongs to C++"),
    ] {
        folder.write("schema.toml", format!("[section.app]\nowner = \"{owner}\"\n{section}"));
        let line = format!("generate --schema schema.toml {outputs}");
        let said = folder.postlink(&format!("{line} --default dir=/x")).fails(2);
        assert!(said.contains(wrong), "{said}");
        folder.postlink(&line).ok();
    }
}
