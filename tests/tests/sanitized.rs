//! Address and undefined-behaviour sanitizers find nothing in generated C++, whatever is in the record.
//! `tests/sanitize` has them, and others, for more tests, which it names.
#![forbid(unsafe_code)]

use postlink_format::{FieldState, VALUES_OFFSET, ValueHeader};
use postlink_tests::{COMPILERS, Folder, STRICT, fixture_text, golden, place_of, sanitized};

/// A folder with the generated C++ of the sections of a schema.
fn generated(schema: &str) -> Folder {
    let folder = Folder::new();
    folder.write("schema.toml", schema);
    for section in ["kinds", "single"] {
        folder.postlink(&format!("generate --schema schema.toml --section {section} --out-header {section}.gen.hh --out-source {section}.gen.cc")).ok();
    }
    folder
}

/// Fills every field of the program `kinds`.
fn fill(folder: &Folder) {
    folder.write("values.json", fixture_text("kinds.json"));
    folder
        .postlink("fill kinds --values values.json --set log=/var/log --set kinds.flag=false")
        .ok();
}

fn compile(folder: &Folder, compiler: &str, more: &str) {
    let flags = STRICT.join(" ");
    folder.run(&format!("{compiler} -std=c++17 -g {flags} {more} -o kinds")).ok();
}

#[test]
fn every_value_is_read() {
    let folder = generated(&fixture_text("kinds.toml"));
    folder.write("kinds.cc", fixture_text("kinds.cc"));
    folder.write("fields.cc", fixture_text("fields.cc"));
    for compiler in COMPILERS.map(sanitized) {
        compile(&folder, &compiler, "kinds.cc kinds.gen.cc single.gen.cc");
        assert!(folder.run("nm kinds").ok().contains("__asan_init"), "a sanitizer is there");
        assert!(folder.run("nm kinds").ok().contains("__ubsan_handle"), "so is the other one");
        fill(&folder);
        golden("kinds-filled.txt", &folder.run("./kinds").ok());
        compile(&folder, &compiler, "fields.cc kinds.gen.cc single.gen.cc");
        fill(&folder);
        for form in ["", " as-text"] {
            assert!(folder.run(&format!("./kinds{form}")).ok().contains("/var/log"));
        }
    }
}

#[test]
fn whatever_is_in_the_record_nothing_outside_of_it_is_read() {
    let schema = fixture_text("kinds.toml");
    let folder = generated(&schema);
    folder.write("main.cc", "int main() {}\n");
    compile(&folder, COMPILERS[0], "main.cc kinds.gen.cc single.gen.cc");
    fill(&folder);
    let (start, layout) = place_of(&folder, "kinds", "kinds");
    let record = &folder.read("kinds")[start..][..layout.fields_offset as usize];
    let bytes: Vec<String> = record.iter().map(u8::to_string).collect();
    // The same section, whose record the C++ half only imports.
    let folder = generated(&schema.replacen("owner = \"cpp\"", "owner = \"rust\"", 1));
    folder.write("record.inc", bytes.join(","));
    folder.write("damaged.cc", fixture_text("damaged.cc"));
    let source = String::from_utf8(folder.read("kinds.gen.cc")).expect("UTF-8");
    let symbol = source.split_once("extern const unsigned char ").expect("the import").1;
    let symbol = symbol.split_once('[').expect("its name").0;
    let states = VALUES_OFFSET as usize + ValueHeader::SIZE;
    let end = states + layout.states.len() * FieldState::SIZE;
    let defines = format!("-DRECORD={symbol} -DSTATES={states} -DSTATES_END={end}");
    for compiler in COMPILERS.map(sanitized) {
        compile(&folder, &compiler, &format!("-O1 {defines} damaged.cc kinds.gen.cc"));
        assert_eq!(folder.run("./kinds").ok(), "1 1 1\n");
    }
}

/// A test that has another name now would no more be run by the script, or no more be left out.
#[test]
fn the_script_names_tests_that_are_there() {
    let script = fixture_text("../sanitize");
    let words = |list: &str| -> Vec<&str> {
        let (_, rest) = script.split_once(&format!("\n{list}=(")).expect(list);
        let (words, _) = rest.split_once("\n)").expect(list);
        let lines = words.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.flat_map(str::split_whitespace).collect()
    };
    for kind in ["cpp", "rust"] {
        let files = words(&format!("{kind}_files")).into_iter();
        let files: Vec<String> =
            files.map(|file| fixture_text(&format!("../tests/{file}.rs"))).collect();
        for test in words(&format!("{kind}_left_out")) {
            let is_there = files.iter().any(|text| text.contains(&format!("fn {test}()")));
            assert!(is_there, "{test}");
        }
    }
}
