//! What users of the Nix recipe have beside the build: the functions of a package, the overlay and the
//! flake on a stand-in for nixpkgs, and the setup hook.
#![forbid(unsafe_code)]

use std::path::Path;

use postlink_tests::fixture;
use postlink_tests::nix::{Store, recipe};
use serde_json::json;

#[test]
fn a_specialized_package_is_used_as_the_package_itself() {
    let store = Store::new();
    let seen = store.eval(
        "{ inherit (lix) name pname version outputs tests;
           inherit (lix.dev) outputName; again = lix.dev.version;
           description = lix.meta.description; named = lix.meta ? name;
           unspecialized = lix.unspecialized.drvPath == lix-unspecialized.drvPath;
           refused = map toString lix.drvAttrs.disallowedReferences
             == map toString [ lix-unspecialized.out lix-unspecialized.dev lix-unspecialized.doc ]; }",
    );
    let expected = json!({
        "again": "2.97.0", "description": "A package manager", "name": "lix-2.97.0", "named": false,
        "outputName": "dev", "outputs": ["out", "dev", "doc"], "pname": "lix", "refused": true,
        "tests": "kept", "unspecialized": true, "version": "2.97.0",
    });
    assert_eq!(seen, expected);
    // Who links it refuses both unspecialized packages.
    let refused = store.eval("map (one: one.name) nix-eval-jobs.drvAttrs.disallowedReferences");
    let names = refused.as_array().expect("a list");
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.as_str().expect("a name").contains("-unspecialized__")));
}

#[test]
fn overriding_changes_what_is_compiled() {
    let store = Store::new();
    let seen = store.eval(
        "let
           patched = lix.overrideAttrs (old: { buildCommand = old.buildCommand + \"# patched\"; });
           other = lix.respecialize { version = \"3.0.0\"; values.man_dir = \"/man\"; outputs = [ \"out\" ]; };
         in {
           patched = [ patched.version (patched.unspecialized.drvPath == lix-unspecialized.drvPath) ];
           other = [ other.name other.outputs (other.unspecialized.drvPath == lix-unspecialized.drvPath)
             (builtins.fromJSON other.drvAttrs.values) ];
           again = (patched.respecialize { version = \"3.1.0\"; }).unspecialized.drvPath
             == patched.unspecialized.drvPath;
         }",
    );
    let expected = json!({
        "patched": ["2.97.0", false],
        "other": ["lix-3.0.0", ["out"], true, { "version": "3.0.0", "man_dir": "/man" }],
        "again": true,
    });
    assert_eq!(seen, expected);
}

#[test]
fn a_padded_name_has_room() {
    let store = Store::new();
    let pad = recipe().join("pad-name.nix").display().to_string();
    let text = format!(
        "let pad = import {pad}; in [ (pad \"lix\") (pad (pad \"lix\")) (pad \"{}\") ]",
        "x".repeat(90)
    );
    let padded = store.eval(&text);
    let lix = format!("lix{}", "_".repeat(77));
    assert_eq!(padded, json!([lix, lix, "x".repeat(90)]));
}

/// A Nix expression for the stand-in, with the overlay.
fn nixpkgs(store: &Store) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    // Not the one of rustup, which looks for its home.
    let cargo = Path::new(env!("CARGO")).parent().expect("a folder").display();
    format!(
        "(import {} {{ overlays = [ (import {}/overlay.nix) ]; path = \"{}:{cargo}:{path}\"; }})",
        fixture("nix/nixpkgs.nix").display(),
        recipe().display(),
        store.folder().path("postlink/bin").display(),
    )
}

#[test]
fn the_overlay_has_postlink_and_the_recipe() {
    let store = Store::new();
    let pkgs = nixpkgs(&store);
    let names = store.eval(&format!("builtins.attrNames {pkgs}.postlinkTools"));
    assert_eq!(names, json!(["manifest", "padName", "specialize"]));

    let built = store.nix("nix-build", &["--no-out-link", "-E", &format!("{pkgs}.postlink")]).ok();
    let built = Path::new(built.trim());
    for installed in ["share/man/man1/postlink-specialize.1", "share/--bash/postlink.bash"] {
        assert!(built.join(installed).is_file(), "{installed}");
    }
    let text = std::fs::read_to_string(built.join("metadata")).expect("what cargo said");
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let names = metadata["packages"].as_array().expect("packages").iter();
    assert!(names.clone().any(|package| package["name"] == "postlink-patcher"), "{text}");
    // The sources are a whole workspace, and nothing else: no guide, no recipe.
    let sources = store.eval(&format!("\"${{{pkgs}.postlink.src}}\""));
    let sources = store.folder().run(&format!("find {}", sources.as_str().expect("a path")));
    let sources = sources.ok();
    assert!(sources.contains("/patcher/src/main.rs\n"), "{sources}");
    assert!(sources.contains("/patcher/schema.toml\n"), "{sources}");
    for other in ["/patcher/guides/", "/patcher/nix/", "/tests/tests/", "/target/"] {
        assert!(!sources.contains(other), "{sources}");
    }
    let version = store.eval(&format!("{pkgs}.postlink.version"));
    assert_eq!(version, json!(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_flake_has_packages_overlays_and_a_library() {
    let store = Store::new();
    let folder = store.folder();
    let repository = recipe().join("../..").display().to_string();
    folder.run("mkdir -p repository/patcher repository/tests/fixtures nixpkgs").ok();
    for part in ["Cargo.toml Cargo.lock", "patcher/nix", "tests/fixtures/nix"] {
        for one in part.split(' ') {
            folder.run(&format!("cp -r {repository}/{one} repository/{one}")).ok();
        }
    }
    folder.write("nixpkgs/flake.nix", "{ outputs = inputs: { }; }");
    let stand_in = folder.path("repository/tests/fixtures/nix/nixpkgs.nix");
    folder.write("nixpkgs/default.nix", format!("import {}", stand_in.display()));
    // A flake in a folder of a repository is one of git's.
    folder.run("git -C repository init --quiet").ok();
    folder.run("git -C repository add .").ok();
    let flake = format!("git+file:{}?dir=patcher/nix", folder.path("repository").display());
    let nixpkgs = format!("path:{}", folder.path("nixpkgs").display());
    let eval = |attribute: &str, function: &str| {
        let words = [
            "eval",
            "--impure",
            "--json",
            "--no-write-lock-file",
            "--override-input",
            "nixpkgs",
            &nixpkgs,
            &format!("{flake}#{attribute}"),
            "--apply",
            function,
        ];
        serde_json::from_str::<serde_json::Value>(&store.nix("nix", &words).ok()).expect("JSON")
    };
    let systems = json!(["aarch64-linux", "x86_64-linux"]);
    assert_eq!(eval("packages", "builtins.attrNames"), systems);
    assert_eq!(
        eval("packages.x86_64-linux", "builtins.mapAttrs (_: one: one.name)"),
        json!({
            "default": format!("postlink-{}", env!("CARGO_PKG_VERSION")), "hook": "postlink-hook",
        })
    );
    let names = json!(["manifest", "padName", "specialize"]);
    assert_eq!(eval("lib.aarch64-linux", "builtins.attrNames"), names);
    assert_eq!(eval("overlays.default", "builtins.isFunction"), json!(true));
}

#[test]
fn the_hook_specializes_in_the_last_phase() {
    let store = Store::new();
    let folder = store.folder();
    let place = |name: &str| folder.path(name).display().to_string();
    let hook = std::fs::read_to_string(recipe().join("setup-hook.sh")).expect("the hook");
    folder.write("hook.sh", hook.replace("@postlink@", &place("postlink")));
    folder.run("mkdir build final").ok();
    let path = std::env::var("PATH").unwrap_or_default();
    let (out, lib) = (place("final/out"), place("final/lib"));
    let words = [
        format!("PATH={}:{path}", place("postlink/bin")),
        format!("NIX_BUILD_TOP={}", place("build")),
        "outputs=lib out".to_owned(),
        format!("out={out}"),
        format!("lib={lib}"),
        format!("hook={}", place("hook.sh")),
        format!("schema={}", place("source/schema.toml")),
        "postlinkFlags=--set version=2.97.0".to_owned(),
        "bash".to_owned(),
        "-eu".to_owned(),
        fixture("nix/phases.sh").display().to_string(),
    ];
    let printed = folder.run_words("env".as_ref(), &words).ok();
    assert!(printed.ends_with(&format!("2.97.0 in {out}\n")), "{printed}");
    std::fs::remove_dir_all(folder.path("build")).expect("the build folder");
    assert_eq!(folder.run(&format!("{out}/bin/main")).ok(), format!("2.97.0 in {out}\n"));
    let runpath = folder.run(&format!("readelf -d {out}/bin/main")).ok();
    assert!(runpath.contains(&format!("[{lib}/lib]")), "{runpath}");
}

#[test]
fn the_guide_s_example_evaluates() {
    let store = Store::new();
    let folder = store.folder();
    let guide = std::fs::read_to_string(recipe().join("../guides/nix.md")).expect("the guide");
    let example = guide.split("```nix\n").nth(1).and_then(|rest| rest.split("```").next());
    folder.write("example.nix", example.expect("an example"));
    folder.write(
        "package.nix",
        "{ stdenvNoCC }: stdenvNoCC.mkDerivation {
           name = \"lix\"; pname = \"lix\"; outputs = [ \"out\" \"dev\" ]; buildCommand = \"\";
         }",
    );
    folder.write(
        "other.nix",
        "final: prev: { nix-eval-jobs-unspecialized = final.stdenvNoCC.mkDerivation {
           name = \"jobs\"; pname = \"nix-eval-jobs\"; buildCommand = \"${final.lix-unspecialized}\";
         }; }",
    );
    let overlays = format!(
        "(import {}/overlay.nix) (import {}) (import {})",
        recipe().display(),
        folder.path("example.nix").display(),
        folder.path("other.nix").display()
    );
    let stand_in = fixture("nix/nixpkgs.nix").display().to_string();
    let seen = store.eval(&format!(
        "let pkgs = import {stand_in} {{ overlays = [ {overlays} ]; }}; in
         map (one: [ one.name one.outputs (builtins.isString one.drvPath) ]) [ pkgs.lix pkgs.nix-eval-jobs ]"
    ));
    let version = "2.97.0-pre-20261122_be438c62e1bd";
    let expected = json!([
        [format!("lix-{version}"), ["out", "dev"], true],
        [format!("nix-eval-jobs-{version}"), ["out"], true],
    ]);
    assert_eq!(seen, expected);
}
