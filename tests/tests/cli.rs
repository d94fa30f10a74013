//! The commands that are not about one file, and what `--json` gives.

use postlink_tests::lix::{build_library, sources};
use postlink_tests::{Folder, fixture_text, golden};
use serde_json::Value as Json;

const COMMANDS: [&str; 10] = [
    "generate",
    "fill",
    "inspect",
    "payload",
    "verify",
    "scan",
    "specialize",
    "completions",
    "man",
    "demo",
];

#[test]
fn completions_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = folder.postlink(&format!("completions {shell}")).ok();
        assert!(COMMANDS.iter().all(|command| text.contains(command)), "{shell}");
    }
    folder.write("bash", folder.postlink("completions bash").ok());
    folder.run("bash -n bash").ok();
}

#[test]
fn manual_pages_for_every_command() {
    let folder = Folder::new();
    assert!(folder.postlink("man").ok().contains(".TH postlink 1"));
    folder.postlink("man .").ok();
    let mut pages: Vec<String> = COMMANDS.map(|command| format!("postlink-{command}.1")).to_vec();
    pages.push("postlink.1".into());
    pages.sort();
    assert_eq!(folder.names(), pages);
    folder.postlink("man missing").fails(1);
}

#[test]
fn help_of_every_command() {
    let folder = Folder::new();
    for command in COMMANDS {
        assert!(folder.postlink(&format!("{command} --help")).ok().contains("Usage: postlink"));
    }
    assert!(folder.postlink("--version").ok().starts_with("postlink "));
}

/// The demo really runs; a folder that is there is not touched; without a compiler it says so.
#[test]
fn demo() {
    let folder = Folder::new();
    let shown = folder.postlink("demo demo").ok();
    let filled = "prefix       /nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-2.96.0-dev-20261122_be438c62e1bd\n";
    assert!(shown.contains(filled) && shown.contains("specialized  yes"), "{shown}");
    assert!(shown.ends_with("times as long.\n"), "{shown}");
    assert!(folder.run("./demo/nix").ok().contains(filled));
    assert!(folder.postlink("demo demo").fails(1).contains("cannot create demo"));
    let postlink = postlink_tests::postlink().display();
    let said = folder.run(&format!("env CXX=nosuchcompiler {postlink} demo")).fails(1);
    assert!(said.contains("tried `nosuchcompiler`") && said.contains("CXX"), "{said}");
    assert_eq!(folder.names(), ["demo"]);
}

#[test]
fn json_of_every_command_is_one_object() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.copy("libvalues.so", "fresh.so");
    folder.write("values.json", fixture_text("kinds.json"));
    let json = |line: &str, code: i32| -> Json {
        let run = folder.postlink(line);
        assert_eq!(run.code, code, "{run:?}");
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} {run:?}"))
    };
    let set = "--set version=1.2.3 --set prefix=/p";
    let planned = json(&format!("fill --json --dry-run libvalues.so {set}"), 0);
    let filled = json(&format!("fill --json libvalues.so missing {set}"), 1);
    let inspected = json("inspect --json libvalues.so", 0);
    assert_eq!(planned["images"][0]["outcome"], "planned");
    assert_eq!(filled["images"][0]["outcome"], "filled");
    assert_eq!(
        filled["images"][1]["error"]["help"],
        "there is no such file or folder: look at the path, or create the folder"
    );
    assert_eq!(filled["images"][0]["records"], inspected["images"][0]["records"]);
    assert_eq!(planned["images"][0]["records"], inspected["images"][0]["records"]);
    assert_eq!(json("verify --json fresh.so libvalues.so", 0)["differences"], Json::Array(vec![]));
    assert!(json("verify --json fresh.so missing", 1)["error"]["message"].is_string());
    assert!(json("fill --json libvalues.so --set x", 2)["error"]["message"].is_string());
    let only = json("inspect --json --field lix.version libvalues.so", 0);
    golden("field.json", &format!("{:#}\n", only["images"][0]["records"][0]["fields"]));
}

#[test]
fn quiet_and_verbose() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    let set = "--reset --set version=1.2.3 --set prefix";
    assert_eq!(folder.postlink(&format!("-q fill libvalues.so {set}=/a")).ok(), "");
    let said = folder.postlink(&format!("fill libvalues.so {set}=/b")).ok();
    assert_eq!(said, "libvalues.so: section `lix` filled; fields: 2 set, 6 derived, 0 default\n");
    let said = folder.postlink(&format!("fill -v libvalues.so {set}=/c")).ok();
    assert!(said.contains("  bin_dir = /c/bin (derived)\n"), "{said}");
}
