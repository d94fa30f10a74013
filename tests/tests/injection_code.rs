//! Hostile texts in what is generated: documentation stays documentation, and each value is the value, for
//! compilers of C++ and Rust, make and ninja.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::create_dir_all;
use std::path::{Path, PathBuf};

use postlink_codegen::generate::{self, Error, Files, Options};
use postlink_codegen::{Build, Schema, rust};
use postlink_tests::hostile::{each_utf8, is_hostile};
use postlink_tests::rust::{cargo, example};
use postlink_tests::{COMPILERS, Folder, STRICT};

/// A text as a string of TOML.
fn toml(text: &str) -> String {
    let units = text.chars().map(|each| match each {
        ' ' | '!' | '#'..='[' | ']'..='~' => each.to_string(),
        each => format!("\\U{:08x}", u32::from(each)),
    });
    format!("\"{}\"", units.collect::<String>())
}

/// The texts that a schema takes as documentation.
fn docs() -> Vec<&'static str> {
    let mut docs = each_utf8();
    let all = docs.len();
    docs.retain(|text| {
        let field = format!("{{ type = 'bool', default = true, doc = {} }}", toml(text));
        let taken = Schema::parse("", &format!("[section.a.field]\na = {field}")).is_ok();
        assert!(taken || text.contains(is_hostile), "{text:?} is no documentation");
        taken
    });
    assert!(all > docs.len() && docs.len() > 25, "{docs:?}");
    docs
}

/// A section with a field for each text, which has it as its default, and all texts that can be documentation.
fn schema(section: &str, owner: &str, docs: &[&str]) -> String {
    let mut text =
        format!("[section.{section}]\nowner = '{owner}'\ndoc = {}\n", toml(&docs.join("\n")));
    let docs = docs.iter().copied().chain(std::iter::repeat(""));
    for (number, (value, doc)) in each_utf8().iter().zip(docs).enumerate() {
        let value = toml(&value.replace('{', "{{").replace('}', "}}"));
        text += &format!(
            "[section.{section}.field.f{number}]\ntype = 'string'\ncapacity = 999\ndefault = {value}\n\
             doc = {}\nmacros = ['F{number}']\n",
            toml(doc)
        );
    }
    text
}

/// What the program prints: each value as JSON.
fn expected() -> Vec<String> {
    each_utf8().iter().map(|text| (*text).to_owned()).collect()
}

/// The values that a program printed, each as JSON on a line.
fn printed(lines: &str) -> Vec<String> {
    lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

const PROGRAM: &str = r#"
#include "a.macros.hh"
#include <cstdio>
#include <iostream>

int main()
{
    for (const auto &field : a::fields())
        std::cout << field.json() << "\n";
    return std::fputs(F0, stderr) < 0 || a::f0().empty();
}
"#;

#[test]
fn cpp_compiles_and_has_the_values() {
    let folder = Folder::new();
    let line =
        "generate --schema s.toml --out-header a.hh --out-source a.cc --out-macros a.macros.hh";
    folder.write("s.toml", schema("a", "cpp", &[]));
    folder.postlink(line).ok();
    // Without comments, with the trigraphs that C++ had.
    let code = || folder.run("g++ -std=c++17 -trigraphs -E -P -nostdinc -undef a.macros.hh").stdout;
    let undocumented = code();
    folder.write("s.toml", schema("a", "cpp", &docs()));
    folder.postlink(line).ok();
    assert!(undocumented.contains("fields()"), "{undocumented}");
    assert_eq!(undocumented, code());
    for name in ["a.hh", "a.cc", "a.macros.hh"] {
        let text = String::from_utf8(folder.read(name)).expect("UTF-8");
        let each = text.chars().find(|each| each.is_control() && *each != '\n');
        assert_eq!(each, None, "{name}");
    }
    folder.write("main.cc", PROGRAM);
    for (compiler, more, newest) in
        [(COMPILERS[0], "-Wbidi-chars=any", "c++23"), (COMPILERS[1], "-Wcomment", "c++2c")]
    {
        let strict = format!("{compiler} {} -trigraphs {more}", STRICT.join(" "));
        for std in ["", &format!("-std={newest}")] {
            folder.run(&format!("{strict} {std} -fsyntax-only a.cc main.cc")).ok();
        }
        folder.run(&format!("{strict} -std=c++17 a.cc main.cc -o a")).ok();
        assert_eq!(printed(&folder.run("./a").ok()), expected(), "{compiler}");
    }
}

#[test]
fn rust_compiles_and_has_the_values() {
    let code = |docs: &[&str]| {
        let schema = Schema::parse("", &schema("of_file", "rust", docs)).expect("a schema");
        rust::file(&schema.sections[0]).expect("Rust")
    };
    let file = code(&docs());
    let without_docs = |text: &str| -> Vec<String> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("///"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(without_docs(&file), without_docs(&code(&[])));
    let main = "#![deny(warnings)]\nmod file;\npostlink::schema!(\"schema.toml\");\nfn main() {\n    \
        for field in file::of_file::fields().chain(of_macro::fields()) {\n        println!(\"{}\", field.json());\n    }\n}\n";
    let folder = example(&schema("of_macro", "rust", &docs()), main);
    folder.write("src/file.rs", file);
    let said = cargo(&folder, "run --quiet", &[]).ok();
    assert_eq!(printed(&said), [expected(), expected()].concat());
    std::fs::remove_file(folder.path("src/file.rs")).expect("a file");
}

/// What the options would have written, and no file.
struct Memory(PathBuf, RefCell<Vec<(PathBuf, String)>>);

impl Files for Memory {
    type Error = Error;
    type Turn = ();

    fn text(&self, path: &Path) -> Result<String, Error> {
        let schema = "[section.a]\nowner = 'rust'\nfield.a = { type = 'bool', default = true }\n";
        let other = || Error::Input { message: String::new(), help: String::new() };
        if path == self.0 { Ok(schema.to_owned()) } else { Err(other()) }
    }

    fn refuse_clashes(&self, _: &[&Path], _: &Path) -> Result<(), Error> {
        Ok(())
    }

    fn wait_for_turn(&self, _: &[&Path]) -> Result<(), Error> {
        Ok(())
    }

    fn replace(&self, outputs: &[(PathBuf, String)], _: &Path) -> Result<(), Error> {
        self.1.borrow_mut().extend_from_slice(outputs);
        Ok(())
    }
}

/// The text of an output, or why there is none.
fn written(options: Options, output: &str) -> Result<String, String> {
    let files = Memory(options.schema.clone(), RefCell::default());
    generate::run(&options, &files).map_err(|error| error.to_string())?;
    let outputs = files.1.into_inner();
    Ok(outputs.into_iter().find(|(path, _)| path == output).expect(output).1)
}

/// A line of its own would be an instruction to cargo.
#[test]
fn a_build_script_tells_cargo_one_line() {
    for path in ["s.toml\ncargo::rustc-env=FORGED=1", "\n"] {
        let refused = Build::new(path).generate().expect_err(path).to_string();
        assert!(refused.contains("is not one line of UTF-8"), "{refused}");
    }
}

/// The header that an `#include` names is found by compilers that know trigraphs, and by those that do not.
#[test]
fn an_include_is_that_of_the_header() {
    let folder = Folder::new();
    let mut taken = 0;
    for text in each_utf8() {
        let name = format!("{}.hh", text.replace('/', "|"));
        let mut options = Options::default();
        options.schema = "s.toml".into();
        options.out_header = Some(name.clone().into());
        options.out_source = Some("a.cc".into());
        match written(options, "a.cc") {
            Ok(source) => {
                taken += 1;
                folder.write(&name, "");
                let include = source.lines().find(|line| line.contains(&name)).expect(&name);
                folder.write("include.cc", format!("{include}\n"));
                for compiler in COMPILERS {
                    folder.run(&format!("{compiler} -std=c++17 -trigraphs -Wall -Werror -fsyntax-only include.cc")).ok();
                }
            }
            Err(said) => assert!(said.contains("cannot stand in an #include"), "{said}"),
        }
    }
    assert!(taken > 10, "{taken}");
}

/// A depfile names what make and ninja read in it, or there is none.
#[test]
fn make_and_ninja_read_the_names_of_a_depfile() {
    let folder = Folder::new();
    let signs = (' '..='~').chain(['\u{e9}', '\u{3000}', '\u{200b}']);
    let signs = signs.filter(|each| *each != '/' && !each.is_ascii_alphanumeric());
    let forms = ["a@b", "a@", "a@b@", "a@b@c", "@b"];
    let names = signs.flat_map(|sign| forms.map(|form| form.replace('@', &sign.to_string())));
    let more = ["[a]", "lib(a)", "~root", "$(b)", "${b}", "a\\ b", "include a"].map(str::to_owned);
    let (mut rules, mut ninja) = (
        Vec::new(),
        String::from("rule none\n  command = true\n  deps = gcc\n  depfile = $out.d\n"),
    );
    for (number, name) in names.chain(more).enumerate() {
        // What a pattern would find instead.
        create_dir_all(folder.path(&number.to_string())).expect("a folder");
        for other in ["axb", "axbxc", "a"] {
            folder.write(&format!("{number}/{other}"), "");
        }
        // `~` means something in front of all.
        let name = if name.starts_with('~') { name } else { format!("{number}/{name}") };
        for (schema, stamp) in
            [(name.clone(), format!("{number}.stamp")), ("s.toml".to_owned(), name)]
        {
            let mut options = Options::default();
            options.schema = schema.clone().into();
            options.out_rust = Some("a.rs".into());
            options.stamp = Some(stamp.clone().into());
            options.depfile = Some("d".into());
            match written(options, "d") {
                Ok(rule) => {
                    let position = rules.len();
                    folder.write(&format!("n{position}.d"), &rule);
                    ninja += &format!("build n{position}: none\n");
                    rules.push((rule, stamp, schema));
                }
                Err(said) => assert!(said.contains("would read another name"), "{said}"),
            }
        }
    }
    assert!(rules.len() > 150, "{}", rules.len());
    folder.write("Makefile", rules.iter().map(|(rule, ..)| rule.as_str()).collect::<String>());
    folder.write("s.toml", "");
    let database = folder.run_words(OsStr::new("make"), &["-rRnp"]).stdout;
    let (_, database) = database.split_once("\n# Files\n").expect("rules without patterns");
    folder.write("build.ninja", ninja);
    folder.run("ninja").ok();
    let read = folder.run("ninja -t deps").ok();
    for (position, (rule, stamp, schema)) in rules.iter().enumerate() {
        let line = format!("\n{stamp}: {schema}\n");
        assert!(database.contains(&line), "make reads another name: {rule}");
        let lines = format!("n{position}: #deps 1, ");
        let (_, behind) =
            read.split_once(&lines).unwrap_or_else(|| panic!("ninja reads no name: {rule}"));
        let found = behind.lines().nth(1).and_then(|line| line.strip_prefix("    "));
        assert_eq!(found, Some(&**schema), "ninja reads another name");
    }
}
