//! Fields by their names when a program runs, and old macros that stand for them.
#![forbid(unsafe_code)]

use postlink_tests::{COMPILERS, Folder, STRICT, fixture_text};
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
