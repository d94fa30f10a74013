//! Fields by their names when a program runs, and old macros that stand for them.
#![forbid(unsafe_code)]

use postlink_tests::{COMPILERS, Folder, STRICT, fixture_text, golden};
use serde_json::{Value, json};

/// A program's JSON as Python reads it, and as Rust does.
fn parsed(folder: &Folder, program: &str) -> Value {
    let text = folder.run(program).ok();
    folder.write("out.json", &text);
    folder.write(
        "parse.py",
        "import json\nprint(json.dumps(json.load(open('out.json', encoding='utf-8'))))\n",
    );
    let by_python: Value =
        serde_json::from_str(&folder.run("python3 parse.py").ok()).expect("JSON");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value, by_python);
    value
}

/// The fixture with every type, whose words may be any.
fn kinds() -> Folder {
    let folder = Folder::new();
    folder.write("kinds.toml", fixture_text("kinds.toml").replace("pattern = '^\\w*$'\n", ""));
    folder
        .postlink("generate --schema kinds.toml --section kinds --out-header kinds.gen.hh --out-source kinds.gen.cc")
        .ok();
    folder.write("fields.cc", fixture_text("fields.cc"));
    folder
}

#[test]
fn all_values_as_json_and_as_text() {
    let folder = kinds();
    let odd = "a \"quote\", back\\slash, \u{1}\u{1f}\t\n\r \u{7f} π 🦀";
    folder.write(
        "values.json",
        json!({ "kinds": { "label": odd, "words": ["\n\"", "", "ä"], "root": "/a b\"c", "key": "",
            "none": [], "signed_small": -300, "large": u64::MAX } })
        .to_string(),
    );
    for compiler in COMPILERS {
        let strict = STRICT.join(" ");
        folder
            .run(&format!("{compiler} -std=c++17 -O2 {strict} fields.cc kinds.gen.cc -o fields"))
            .ok();
        let unset = parsed(&folder, "./fields");
        assert_eq!(
            unset,
            json!({
                "flag": true, "tiny": 255, "half": 65535, "medium": 4_000_000_000_u32,
                "large": u64::MAX, "signed_tiny": -128, "signed_small": -2, "signed_medium": 7,
                "signed_large": i64::MIN,
                "label": "π ≈ 3 {not a field} \"quoted\" back\\slash what??!",
                "channel": "release_candidate", "root": null, "log": null, "key": "00ff10",
                "nothing": "", "words": ["one", "", "three"], "paths": null, "none": [],
                "mode": "slow"
            })
        );
        let text = folder.run("./fields text").ok();
        assert!(text.contains("root path 0\n\nlog path 0\n\nkey bytes 1\n00ff10\n"), "{text}");

        folder.postlink("fill fields --values values.json").ok();
        let filled = parsed(&folder, "./fields");
        assert_eq!(filled["label"], odd);
        assert_eq!(filled["words"], json!(["\n\"", "", "ä"]));
        assert_eq!(filled["paths"], json!(["/a b\"c", "/usr"]));
        assert_eq!((&filled["key"], &filled["none"]), (&json!(""), &json!([])));
        // As text each is what `inspect` prints.
        let text = folder.run("./fields text").ok();
        for field in filled.as_object().expect("an object").keys() {
            let printed = folder.postlink(&format!("inspect --field {field} fields")).ok();
            let name = format!("{field} ");
            let mut found = text.split(&name).skip(1).filter_map(|rest| rest.split_once(" 1\n"));
            assert!(found.any(|(_, rest)| rest.starts_with(&printed)), "{field}: {printed}{text}");
        }
        // A damaged record stops, as accessors do.
        let (start, layout) = postlink_tests::place_of(&folder, "fields", "kinds");
        let mut image = folder.read("fields");
        image[start + layout.values[10] as usize] = 9;
        folder.write("fields", image);
        let said = folder.run("./fields").fails(134);
        assert!(
            said.starts_with("postlink: section kinds: field channel: the record is damaged"),
            "{said}"
        );
    }
}

/// A library that exports its accessors, of either compiler, and a program that has none of its own.
#[test]
fn a_program_asks_a_library() {
    let folder = Folder::new();
    let schema = "[section.app]\nnamespace = \"NAMESPACE\"\nexported = true\non_failure = \"hook::failed\"\n\
        field.version = { type = \"string\", capacity = 9, required = true }\n";
    folder.write(
        "hook.cc",
        "#include \"app.gen.hh\"\nvoid hook::failed(const char *, const char *field, const char *) { throw field; }\n",
    );
    let program = r#"
#include "app.gen.hh"
#include <iostream>
int main()
{
    using namespace NAMESPACE;
    failure why = failure::none;
    std::cout << try_version(&why).value_or("none") << ' ' << static_cast<int>(why);
    for (const auto &field : fields())
        std::cout << ' ' << field.name() << ' ' << field.has_value() << field.json();
    try {
        const std::string_view known = version();
        std::cout << ' ' << known;
    } catch (const char *field) {
        std::cout << " caught " << field;
    }
    std::cout << std::endl;
}
"#;
    // The namespaces are a part of the symbols, and what stands for them there has a number.
    for depth in [1, 11, 36, 37] {
        let namespace: Vec<String> = (0..depth).map(|number| format!("n{number}")).collect();
        let namespace = namespace.join("::");
        folder.write("schema.toml", schema.replace("NAMESPACE", &namespace));
        folder.write("main.cc", program.replace("NAMESPACE", &namespace));
        folder
            .postlink(
                "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc",
            )
            .ok();
        for compiler in COMPILERS {
            let line = format!("{compiler} -std=c++17 {}", STRICT.join(" "));
            let library = "-fPIC -fvisibility=hidden -shared hook.cc app.gen.cc -o libapp.so";
            folder.run(&format!("{line} {library}")).ok();
            folder.copy("libapp.so", "unfilled.so");
            let symbols = folder.run("readelf --dyn-syms --wide libapp.so").ok();
            let protected = symbols.lines().filter(|symbol| symbol.contains(" PROTECTED "));
            let mut names: Vec<&str> = protected
                .filter_map(|symbol| symbol.split("postlink_").nth(1)?.get(16..))
                .collect();
            names.sort_unstable();
            assert_eq!(names.len(), 4, "{symbols}");
            assert!(
                names[0].starts_with("11try_versionEPNS")
                    && names[2..] == ["6fieldsEv", "7versionEv"],
                "{names:?}"
            );
            for other in COMPILERS {
                let line = format!("{other} -std=c++17 {}", STRICT.join(" "));
                folder.run(&format!("{line} main.cc -L. -lapp -Wl,-rpath,$ORIGIN -o app")).ok();
                assert_eq!(folder.run("./app").ok(), "none 1 version 0null caught version\n");
                folder.postlink("fill libapp.so --set version=1.2").ok();
                assert_eq!(folder.run("./app").ok(), "1.2 0 version 1\"1.2\" 1.2\n");
                folder.copy("unfilled.so", "libapp.so");
            }
        }
    }
}

const OLD: &str = r#"
[section.old]
namespace = "old::values"
[section.old.field]
version = { type = "string", capacity = 40, default = "1.0", macros = ["PACKAGE_VERSION", "VERSION"], doc = "The *version* \\" }
prefix = { type = "path", capacity = 40, default = "/usr", macros = ["PREFIX"] }
jobs = { type = "u16", default = 7, macros = ["JOBS"] }
dirs = { type = "list<path>", capacity = 40, max_items = 2, default = ["/a", "/b"], macros = ["DIRS"] }
plain = { type = "bool", default = true }
"#;

const OLD_PROGRAM: &str = r#"
#include "old.macros.hh"
#include "old.macros.hh"
#include <cstdio>
#include <string>

static const char *const early = PACKAGE_VERSION;

int main()
{
    std::string s = PACKAGE_VERSION;
    const auto joined = "x" + std::string(PACKAGE_VERSION) + VERSION;
    std::string dirs;
    for (const auto dir : DIRS)
        dirs += dir;
    std::printf("%s %s %s %s %d %s\n", early, s.c_str(), joined.c_str(), PREFIX, JOBS + 1, dirs.c_str());
}
"#;

/// Sources that use the old macros compile as they are, and print what was filled in.
#[test]
fn macros_stand_for_fields() {
    let folder = Folder::new();
    folder.write("old.toml", OLD);
    folder.write("main.cc", OLD_PROGRAM);
    let line = "generate --schema old.toml --out-header old.gen.hh --out-source old.gen.cc \
        --out-macros old.macros.hh --depfile old.d";
    folder.postlink(line).ok();
    assert_eq!(folder.read("old.d"), b"old.gen.hh old.gen.cc old.macros.hh: old.toml\n");
    golden("old.macros.hh", &String::from_utf8(folder.read("old.macros.hh")).expect("UTF-8"));
    folder.postlink(&format!("{line} --check")).ok();
    for compiler in COMPILERS {
        let line = format!("{compiler} -std=c++17 {}", STRICT.join(" "));
        folder.run(&format!("{line} main.cc old.gen.cc -o old")).ok();
        assert_eq!(folder.run("./old").ok(), "1.0 1.0 x1.01.0 /usr 8 /a/b\n");
        folder.postlink("fill old --set version=2.0 --set prefix=/opt --set jobs=8").ok();
        assert_eq!(folder.run("./old").ok(), "2.0 2.0 x2.02.0 /opt 9 /a/b\n");
        let said = folder.run(&format!("{line} -DVERSION=\"3\" -c main.cc")).fails(1);
        let wrong = "VERSION is defined already: remove the old definition, it is now the value of field version";
        assert!(said.contains(wrong) && said.matches("error").count() < 4, "{said}");
    }
    folder.write("old.macros.hh", "");
    assert!(
        folder.postlink(&format!("{line} --check")).fails_with_output(3).contains("old.macros.hh")
    );
    folder.write("old.toml", "[section.old]\nfield.plain = { type = \"bool\", default = true }\n");
    let said = folder.postlink(line).fails(1);
    assert!(said.contains("old.toml: no field of section `old` has `macros`"), "{said}");
    assert!(said.contains("macros = [\"PACKAGE_VERSION\"]"), "{said}");
    folder
        .postlink("generate --schema old.toml --out-rust old.rs --out-macros old.macros.hh")
        .fails(2);
}
