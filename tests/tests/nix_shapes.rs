//! The Nix recipe on what nixpkgs' stdenv does with packages: splitting, propagating, stripping,
//! compressing, debug outputs, structured attributes, checks of paths.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use postlink_tests::nix::Store;
use serde_json::json;

/// The pages of an output, unpacked.
fn pages(store: &Store, output: &Path) -> String {
    let pages = output.join("share/man/man1");
    let line = format!("cat {}/*.gz | gzip -dc", pages.display());
    store.folder().run_words("sh".as_ref(), &["-c", &line]).ok()
}

/// Builds all packages of a set, and gives their outputs by `PACKAGE.OUTPUT`.
fn build(store: &Store, set: &str) -> impl Fn(&str) -> PathBuf {
    let one = store.shapes(set);
    let text = format!(
        "let set = {one}; in builtins.concatMap (name: map (output: set.${{name}}.${{output}}) set.${{name}}.outputs) \
         (builtins.attrNames set)"
    );
    store.nix("nix-build", &["--no-out-link", "-E", &text]).ok();
    let paths = format!(
        "let set = {one}; in builtins.mapAttrs (name: one: builtins.listToAttrs (map (output: {{ name = output; \
         value = \"${{one.${{output}}}}\"; }}) one.outputs)) set"
    );
    let text = store.nix("nix-instantiate", &["--eval", "--strict", "--json", "-E", &paths]).ok();
    let paths: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    move |name| {
        let (package, output) = name.split_once('.').expect("a package and an output");
        paths[package][output].as_str().unwrap_or_else(|| panic!("{name}: {paths}")).into()
    }
}

/// The program runs from where it is, and pages name what they should.
fn is_right(store: &Store, package: &str, of: &impl Fn(&str) -> PathBuf) {
    let out = of(&format!("{package}.out"));
    let program = if package == "bin" { of("bin.bin") } else { out.clone() };
    let printed = store.folder().run(&format!("{}/bin/shape", program.display())).ok();
    assert_eq!(printed, format!("2.0.0 in {}\n", out.display()), "{package}");
    let man = if package == "single" { out.clone() } else { of(&format!("{package}.man")) };
    assert_eq!(pages(store, &man), format!("see {}/bin\nof 2.0.0\n", out.display()), "{package}");
    if package != "single" {
        let text = of(&format!("{package}.dev")).join("nix-support/propagated-build-inputs");
        let text = std::fs::read_to_string(text).expect("what dev propagates");
        assert_eq!(text.trim(), out.display().to_string(), "{package}");
    }
}

#[test]
fn packages_are_carried_however_the_stdenv_builds_them() {
    let store = Store::new();
    let of = build(&store, "carried");
    for package in
        ["default", "structured", "debug", "single", "bin", "readonly", "postFixup", "gzip", "tool"]
    {
        is_right(&store, package, &of);
    }
    let added = std::fs::read_to_string(of("postFixup.out").join("added")).expect("a file");
    assert_eq!(added, format!("of {}\n", of("postFixup.out").display()));
    assert!(of("tool.out").join("tool").is_file());
    assert_eq!(pages(&store, &of("part.man")).lines().last(), Some("of 1.0.0-unspecialized"));

    // The output `manifest` does not change how a package is built.
    let log = |package: &str| {
        let text = store.shapes(&format!("carried.{package}.unspecialized"));
        let drv = store.nix("nix-instantiate", &["-E", &text]).ok().trim().to_owned();
        store.nix("nix-store", &["--read-log", &drv]).ok()
    };
    assert!(!log("single").contains("configured with --bindir"));
    assert!(log("default").contains("configured with --bindir"));

    // A debug output is the one of the build; what only a derivation has, is passed on.
    let seen = store.shapes(
        "let inherit (carried) debug tool; in { inherit (debug) outputs;
           same = debug.debug == debug.unspecialized.debug; local = tool.drvAttrs.preferLocalBuild;
           description = tool.meta.description; }",
    );
    let seen = store.nix("nix-instantiate", &["--eval", "--strict", "--json", "-E", &seen]).ok();
    let seen: serde_json::Value = serde_json::from_str(&seen).expect("JSON");
    let expected = json!({
        "outputs": ["out", "dev", "man"], "same": true, "local": true,
        "description": "A program at 2.0.0",
    });
    assert_eq!(seen, expected);
}

#[test]
fn packages_that_specialize_themselves() {
    let store = Store::new();
    let of = build(&store, "hooked");
    for package in ["default", "structured", "debug", "single", "bin", "words", "readonly"] {
        is_right(&store, package, &of);
    }
    assert!(of("debug.debug").join("of").exists());
    // What is written to the final path was not built for the folder.
    for name in ["direct", "partly"] {
        let text = store.shapes(&format!("refused.{name}"));
        let message = store.nix("nix-build", &["--no-out-link", "-E", &text]).fails(100);
        assert!(message.contains("was made before it was specialized"), "{message}");
        assert!(message.contains("as from `placeholder \"out\"`. Name it $out,"), "{message}");
    }
}

#[test]
fn any_package_is_stamped() {
    let store = Store::new();
    let of = build(&store, "stamped");
    let printed = |path: PathBuf| store.folder().run(&path.display().to_string()).ok();
    let out = of("version.out");
    assert_eq!(printed(out.join("bin/shape")), format!("3.0.0 in {}\n", out.display()));
    for package in ["name", "renamed"] {
        let out = of(&format!("{package}.out"));
        assert_eq!(printed(out.join("bin/other")), format!("{}\n", out.display()));
        assert_eq!(pages(&store, &out), format!("{}\n", out.display()));
        assert_eq!(store.references(&out.display().to_string()), [out.display().to_string()]);
    }
    let message = |name: &str| {
        let text = store.shapes(&format!("refused.{name}"));
        let run = store.nix("nix-build", &["--no-out-link", "-E", &text]);
        assert_ne!(run.code, 0, "{name}");
        run.stderr
    };
    // What it leads to is another package's.
    for name in ["link", "hookedLink"] {
        let message = message(name);
        assert!(
            message.contains("is itself a link") && message.contains("-plain-1.0"),
            "{message}"
        );
    }
    let version = message("version");
    assert!(version.contains("has no postlink section"), "{version}");
    assert!(version.contains("no field `version`: versionField = null"), "{version}");
    let longer = message("longer");
    assert!(longer.contains("bin/plain: .rodata") && longer.contains("equal-length"), "{longer}");
}

#[test]
fn a_word_is_rewritten_with_a_manifest() {
    let store = Store::new();
    let build = |name: &str| {
        let run = store.nix("nix-build", &["--no-out-link", "-E", &store.shapes(name)]);
        run.ok().trim().to_owned()
    };
    let text = std::fs::read_to_string(format!("{}/text", build("word"))).expect("a text");
    assert_eq!(text, format!("2.0.0 in {}\n", build("dependency")));
}

#[test]
fn a_forgotten_dependency_is_found() {
    let store = Store::new();
    let text = store.shapes("forgotten");
    let message = store.nix("nix-instantiate", &["-E", &text]).fails(1);
    assert!(message.contains("is built against shape-unspecialized"), "{message}");
    assert!(message.contains("in `dependencies`"), "{message}");
    for (name, seen) in [("hand", "shape-1.0.0"), ("function", "shape-build")] {
        let text = store.shapes(&format!("unmarked.{name}"));
        let message = store.nix("nix-instantiate", &["-E", &text]).fails(1);
        let told = format!("{seen} is a build derivation, and its name needs `-unspecialized`");
        assert!(message.contains(&told), "{message}");
    }
    // What is no input is found in the result.
    for name in ["forgotten", "named"] {
        let text = store.shapes(&format!("refused.{name}"));
        let message = store.nix("nix-build", &["--no-out-link", "-E", &text]).fails(100);
        assert!(message.contains("have that among the inputs of the package"), "{message}");
    }
    // So is what only a package in between needs, whether something is named for it or not.
    for name in ["userOfBoth", "userOfUser"] {
        store.nix("nix-build", &["--no-out-link", "-E", &store.shapes(name)]).ok();
    }
    for name in ["between", "betweenAlone"] {
        let text = store.shapes(&format!("refused.{name}"));
        let message = store.nix("nix-build", &["--no-out-link", "-E", &text]).fails(100);
        let told: Vec<&str> = message.lines().filter(|line| line.contains("refers to")).collect();
        assert!(!told.is_empty(), "{message}");
        for line in told {
            assert!(line.contains("-between refers to"), "{message}");
            assert!(line.contains("-shape-unspecialized"), "{message}");
            assert!(line.ends_with("or build it against what is specialized"), "{message}");
        }
    }
    let text = store.shapes("refused.added");
    let message = store.nix("nix-build", &["--no-out-link", "-E", &text]).fails(1);
    assert!(message.contains("is not allowed to refer to the following paths:"), "{message}");
}
