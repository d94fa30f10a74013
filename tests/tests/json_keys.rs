//! The manual pages tell the keys of what `--json` prints: each key that is printed, and no other.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use postlink_tests::macho::mint;
use postlink_tests::package::{Build, install};
use postlink_tests::{Folder, fixture, fixture_text, postlink};
use serde_json::Value;

/// Keys, each behind the place of its object: `images[] path`.
type Keys = BTreeSet<String>;

/// The page of a command.
fn page(command: &str) -> String {
    let folder = Folder::new();
    folder.postlink("man .").ok();
    String::from_utf8(folder.read(&format!("postlink-{command}.1"))).expect("UTF-8")
}

/// The keys that the page of a command tells.
fn told(command: &str, page: &str) -> Keys {
    let (mut keys, mut place) = (Keys::new(), String::new());
    let lines: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != ".SH JSON")
        .skip(1)
        .take_while(|line| !line.starts_with(".SH"))
        .collect();
    for pair in lines.windows(2) {
        if let Some(heading) = pair[0].strip_prefix(".SS ") {
            heading.trim_matches('"').clone_into(&mut place);
        }
        if pair[0] == ".TP" {
            let key = pair[1].trim_start_matches("\\fB").trim_end_matches("\\fR");
            keys.insert(format!("{place} {key}"));
        }
    }
    assert!(keys.len() > 15, "{command}: {keys:?}");
    keys
}

/// Adds the keys of a value that stands at this place.
fn collect(place: &str, value: &Value, keys: &mut Keys) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                keys.insert(format!("{place} {key}"));
                // Its keys are sentences.
                if key != "explained" {
                    collect(format!("{place}.{key}").trim_start_matches('.'), value, keys);
                }
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| collect(&format!("{place}[]"), item, keys));
        }
        _ => {}
    }
}

/// Asserts that the page tells each word that an object has as its kind.
#[track_caller]
fn assert_kinds(page: &str, value: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(kind)) = object.get("what") {
                let shown = format!("\\fB{}\\fR", kind.replace('-', "\\-"));
                assert!(page.contains(&shown), "no page tells `{kind}`");
            }
            object.values().for_each(|value| assert_kinds(page, value));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_kinds(page, item)),
        _ => {}
    }
}

/// Runs the command with these arguments, once for each, and compares what it prints with its page.
#[track_caller]
fn assert_told(folder: &Folder, command: &str, lines: &[&str]) {
    let (mut printed, page) = (Keys::new(), page(command));
    for line in lines {
        let run = folder.postlink(&format!("{command} --json {line}"));
        let value: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        collect("", &value, &mut printed);
        assert_kinds(&page, &value);
    }
    // A path that is no UTF-8, which no line has.
    if matches!(command, "fill" | "inspect") {
        let words = [command, "--json"].map(OsStr::new);
        let words = [&words[..], &[OsStr::from_bytes(b"\xff")]].concat();
        let run = folder.run_words(postlink().as_os_str(), &words);
        collect("", &serde_json::from_str(&run.stdout).expect("JSON"), &mut printed);
    }
    let mut told = told(command, &page);
    let unknown: Vec<&String> = printed.difference(&told).collect();
    assert!(unknown.is_empty(), "{command} prints what no page tells: {unknown:?}");
    // Findings have other places here than where `scan` prints them: not each kind of them is left.
    told.retain(|key| !key.starts_with("left[] ") && !key.starts_with("standing[].places[] "));
    let missing: Vec<&String> = told.difference(&printed).collect();
    assert!(missing.is_empty(), "{command} never prints {missing:?}");
}

/// Builds `app.so`, whose field says where its value is from, with its debug file `app.debug`.
fn with_debug_file(folder: &Folder) {
    let field = "{ type = 'string', capacity = 8, default = '', from = 'git:version' }";
    folder.write("app.toml", format!("[section.app.field]\nversion = {field}\n"));
    folder.postlink("generate --schema app.toml --out-header app.gen.hh --out-source app.cc").ok();
    folder.run("g++ -g -std=c++17 -fPIC -shared app.cc -Wl,--build-id -o app.so").ok();
    folder.run("objcopy --only-keep-debug app.so app.debug").ok();
    folder.run("objcopy --strip-debug --add-gnu-debuglink=app.debug app.so").ok();
}

const FILL_BOTH: &str = "app.so --set version=1 --rewrite-build-id --debug-file app.debug";

#[test]
fn of_fill_and_inspect() {
    let folder = Folder::new();
    with_debug_file(&folder);
    let schema = fixture("kinds.toml").display().to_string();
    folder
        .postlink(&format!(
            "generate --schema {schema} --section kinds --out-header kinds.gen.hh --out-source k.cc"
        ))
        .ok();
    folder.run("g++ -std=c++17 -fPIC -shared k.cc -Wl,--build-id -o lib.so").ok();
    folder.run("g++ -std=c++17 -c k.cc -o k.o").ok();
    folder.run("ar rc lib.a k.o").ok();
    assert_told(&folder, "inspect", &["lib.so", "lib.a", "app.so", "missing"]);
    let values = fixture_text("kinds.json").replace(",\n  \"single.flag\": true", "");
    folder.write("values.json", values);
    let fill = "--values values.json";
    assert_told(
        &folder,
        "fill",
        &[
            &format!("lib.so --rewrite-build-id {fill}"),
            &format!("lib.a missing {fill}"),
            FILL_BOTH,
            "lib.so --set nonsense",
        ],
    );
}

const SET: &str = "--set version=2.0.1 --set prefix=/opt/new";

/// A file whose byte in the middle of these bytes is another one.
fn spoil(folder: &Folder, from: &str, bytes: &[u8], to: &str) {
    let mut file = folder.read(from);
    let at = file.windows(bytes.len()).position(|each| each == bytes).expect("the bytes");
    file[at + bytes.len() / 2] ^= 1;
    folder.write(to, file);
}

#[test]
fn of_verify_and_specialize() {
    let folder = Folder::new();
    let tree = install(&folder, "tree", Build::default());
    // A certificate's signature, which an ad-hoc one replaces.
    mint(
        &folder,
        "signed.dylib",
        r#"{"directories": [{"hash": 2, "team": "T"}], "cms": 700, "rpaths": ["/opt/old/lib"]}"#,
    );
    folder.postlink(&format!("fill --adhoc signed.dylib -o adhoc.dylib {SET}")).ok();
    spoil(&folder, "adhoc.dylib", b"postlnk", "damaged.dylib");
    folder.copy("signed.dylib", "tree/lib/signed.dylib");

    let tree = tree.display();
    let set = "--set version=3.0.0 --adhoc";
    let there = "--rewrite /opt/old=/opt/old --destdir";
    let pair = format!("--output {tree}=/opt/new");
    assert_told(
        &folder,
        "specialize",
        &[
            &format!("{pair} {set} {there} out"),
            &format!("{pair} {set} --rewrite Gr=Gr {there} left"),
            "--output missing=/opt/new",
        ],
    );

    with_debug_file(&folder);
    folder.run("mkdir before after").ok();
    folder.run("cp app.so app.debug before").ok();
    folder.postlink(&format!("fill {FILL_BOTH}")).ok();
    folder.run("cp app.so app.debug after").ok();

    let new = "out/opt/new";
    let verify = format!("{tree} {new} --rewrite {tree}=/opt/new");
    folder.run(&format!("cp -a {new} spoiled")).ok();
    spoil(&folder, &format!("{new}/lib/libvalues.so"), b"postlink_lix", "spoiled/lib/libvalues.so");
    folder.write("spoiled/share/doc/readme", "Another text.\n");
    assert_told(
        &folder,
        "verify",
        &[
            "signed.dylib adhoc.dylib",
            "signed.dylib damaged.dylib",
            &verify,
            &format!("{tree} spoiled --rewrite {tree}=/opt/new"),
            "before/app.so after/app.so",
            "before after",
            "missing signed.dylib",
        ],
    );
}

#[test]
fn of_scan() {
    let folder = Folder::new();
    for (name, prefix) in [("one", "/opt/one"), ("two", "/opt/two")] {
        folder.run(&format!("mkdir -p {name}")).ok();
        let tree = install(&folder, &format!("{name}/tree"), Build::default());
        drop(tree);
        let schema = "[section.app.field.prefix]\ntype = 'path'\ncapacity = 64\n";
        let token = "[section.app.field.token]\ntype = 'string'\ncapacity = 8\nrequired = true\n";
        folder
            .write("schema.toml", format!("[section.app]\n{schema}default = '{prefix}'\n{token}"));
        folder
            .postlink(
                "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc",
            )
            .ok();
        folder.write(
            "lib.cc",
            format!(
                "extern const char text[]; const char text[] = \"{prefix}/share\";\n\
                 extern const char joined[]; const char joined[] = \"{prefix}deadlock\";\n\
                 int folded() {{ return {}; }}\n",
                name.len() * 1000 + usize::from(prefix == "/opt/two")
            ),
        );
        folder
            .run(&format!("g++ -O1 -std=c++17 -fPIC -shared lib.cc app.gen.cc -o {name}/lib.so"))
            .ok();
        folder.write(&format!("{name}/text"), format!("{prefix}\nis {name}\n"));
        folder.run(&format!("gzip {name}/text")).ok();
        folder.write(&format!("{name}/text"), format!("{prefix}\nis {name}\n"));
    }
    let both = "one --reference /opt/one";
    folder.run("mkdir empty").ok();
    let lines = [both, "one", &format!("{both} --against two"), "missing", "empty"];
    assert_told(&folder, "scan", &lines);
}
