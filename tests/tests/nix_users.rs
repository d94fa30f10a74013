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
           inherit (lix.meta) description changelog;
           cpe = lix.meta.identifiers.cpeParts; named = lix.meta.name;
           position = lix.meta.position == lix-unspecialized.meta.position;
           itself = lix.nix.outPath == lix.outPath; theirs = lix ? itself;
           unspecialized = lix.unspecialized.drvPath == lix-unspecialized.drvPath;
           refused = map toString lix.drvAttrs.disallowedRequisites
             == map toString [ lix-unspecialized.out lix-unspecialized.dev lix-unspecialized.doc ]; }",
    );
    let expected = json!({
        "again": "2.97.0", "description": "A package manager", "name": "lix-2.97.0",
        "changelog": "https://lix.example/rl-2.97.0", "named": "lix-2.97.0", "position": true,
        "cpe": { "product": "lix", "vendor": "lix", "version": "2.97.0" },
        "itself": true, "theirs": false, "outputName": "dev", "outputs": ["out", "dev", "doc"],
        "pname": "lix", "refused": true, "tests": "kept", "unspecialized": true, "version": "2.97.0",
    });
    assert_eq!(seen, expected);
    // Who links it refuses both unspecialized packages, and a shell for it has the specialized one.
    let refused = store.eval("map baseNameOf nix-eval-jobs.drvAttrs.disallowedRequisites");
    let names = refused.as_array().expect("a list");
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|name| name.as_str().expect("a name").contains("-unspecialized__")));
    let inputs = store.eval(
        "map (one: one.outPath == lix.outPath) (pkgs.mkShell { inputsFrom = [ nix-eval-jobs ]; }).buildInputs",
    );
    assert_eq!(inputs, json!([true]));
}

#[test]
fn overriding_changes_what_is_compiled() {
    let store = Store::new();
    let seen = store.eval(
        "let
           patched = lix.overrideAttrs (old: { postFixup = old.postFixup + \"# patched\"; });
           newer = lix.overrideAttrs (old: { version = \"3.0.0\"; });
           more = newer.overrideAttrs (final: old: {
             outputs = old.outputs ++ [ \"extra\" ];
             passthru = old.passthru // { more = old.passthru.nix.name; };
           });
           other = lix.respecialize { version = \"3.0.0\"; values.man_dir = \"/man\"; outputs = [ \"out\" ]; };
           same = one: one.unspecialized.drvPath == lix-unspecialized.drvPath;
           called = pkgs.callPackage ({ stdenv, flavour ? \"a\" }: specialize {
             package = stdenv.mkDerivation { pname = \"called\"; version = flavour; };
             version = \"1\";
           }) { };
         in {
           patched = [ patched.version (same patched) patched.outputs ];
           newer = [ newer.name newer.version (same newer) ];
           more = [ more.name more.outputs more.more (same more) more.tests (more.nix.outPath == more.outPath) ];
           other = [ other.name other.outputs (same other) (builtins.fromJSON other.drvAttrs.values) ];
           again = (patched.respecialize { version = \"3.1.0\"; }).unspecialized.drvPath
             == patched.unspecialized.drvPath;
           seen = (newer.overrideAttrs (final: old: {
             version = old.version + \"-mine\";
             passthru.itself = final.finalPackage.name;
           })).itself;
           override = [ (lix ? override) (called.override { flavour = \"b\"; }).unspecialized.version ];
         }",
    );
    let expected = json!({
        "patched": ["2.97.0", false, ["out", "dev", "doc"]],
        "newer": ["lix-3.0.0", "3.0.0", true],
        "more": ["lix-3.0.0", ["out", "dev", "doc", "extra"], "lix-3.0.0", false, "kept", true],
        "other": ["lix-3.0.0", ["out"], true, { "version": "3.0.0", "man_dir": "/man" }],
        "again": true,
        "seen": "lix-3.0.0-mine",
        "override": [false, "b"],
    });
    assert_eq!(seen, expected);
    // A change of the version alone is no mistake here.
    let text = store.expression("toString lix-unspecialized.drvPath");
    let run = store.nix("nix-instantiate", &["--eval", "-E", &format!("({text}) {{ }}")]);
    assert!(!run.stderr.contains("overridden with"), "{}", run.stderr);
}

/// No name tells another version than the program has.
#[test]
fn a_stamped_package_has_one_version() {
    let store = Store::new();
    let seen = |text: &str| {
        let set = "pkgs.callPackage ({ stdenv, version ? \"1.0.0\" }:
             stdenv.mkDerivation { pname = \"app\"; inherit version; }) { }";
        let text = format!(
            "let app = {set}; one = {text};
             in [ one.name one.unspecialized.name (builtins.fromJSON one.drvAttrs.values) ]"
        );
        store.nix(
            "nix-instantiate",
            &[
                "--eval",
                "--strict",
                "--json",
                "-E",
                &format!("({}) {{ }}", store.expression(&text)),
            ],
        )
    };
    let renamed = "(stamp app { pname = \"abb\"; })";
    for (change, expected) in [
        ("", r#"["abb-1.0.0","app-1.0.0",{}]"#),
        (
            ".respecialize { version = \"1.3.0\"; }",
            r#"["abb-1.3.0","app-1.0.0",{"version":"1.3.0"}]"#,
        ),
        (
            ".overrideAttrs { version = \"1.3.0\"; }",
            r#"["abb-1.3.0","app-1.0.0",{"version":"1.3.0"}]"#,
        ),
        (".override { version = \"1.4.0\"; }", r#"["abb-1.4.0","app-1.4.0",{}]"#),
    ] {
        assert_eq!(seen(&format!("{renamed}{change}")).ok().trim(), expected);
    }
    for values in
        ["version = \"2.0.0\"; values.version = \"3.0.0\";", "values.version = \"3.0.0\";"]
    {
        let message = seen(&format!("stamp app {{ {values} }}")).fails(1);
        assert!(message.contains("another version in `values.version`: give it as"), "{message}");
    }
    let message = seen("specialize { package = lix-unspecialized; }").fails(1);
    assert!(message.contains("which `version` lix-unspecialized"), "{message}");
}

#[test]
fn what_a_package_says_of_itself_follows_its_version() {
    let store = Store::new();
    let seen = store.eval(
        "let package = more: pkgs.stdenv.mkDerivation ({ version = \"3\"; pname = \"python3\"; } // more);
             log = version: changelog: (stamp (package { inherit version; meta = { inherit changelog; }; })
               { version = \"4.0\"; }).meta.changelog;
         in {
           logs = [
             (log \"3\" \"https://python3/v3/CHANGES-13.md#3\") (log \"3\" \"v3.1/13.3/3.html\")
             (log \"1.0+a\" \"x/1.0+a.md x/v1.0+a x/1.0+ax\") (log \"3\" [ \"33\" \"3\" ])
           ];
           program = map (one: one.meta.mainProgram or null) [
             (stamp (package { }) { pname = \"abb\"; }) (stamp (package { }) { version = \"4\"; })
             (stamp (package { meta.mainProgram = \"py\"; }) { pname = \"abb\"; })
           ];
           nameless = map (one: [ one.name one.meta.name ]) [
             (stamp (pkgs.stdenv.mkDerivation { name = \"plain\"; }) { pname = \"other\"; })
             (stamp (pkgs.stdenv.mkDerivation { name = \"plain\"; }) { version = \"2\"; })
           ];
         }",
    );
    let expected = json!({
        "logs": [
            "https://python3/v4.0/CHANGES-13.md#4.0", "v3.1/13.3/4.0.html",
            "x/4.0.md x/v4.0 x/1.0+ax", ["33", "4.0"],
        ],
        "program": ["python3", null, "py"],
        "nameless": [["other", "other"], ["plain-2", "plain-2"]],
    });
    assert_eq!(seen, expected);
}

/// What cannot be is told when it is evaluated, in the words of the recipe.
#[test]
fn wrong_arguments_are_told() {
    let store = Store::new();
    let package =
        "(pkgs.stdenv.mkDerivation { pname = \"app\"; version = \"1\"; buildCommand = \"\"; })";
    for (call, expected) in [
        ("stamp P { version = 2; }", "`version` of app is a int, and no string"),
        ("stamp P { version = null; }", "`version` of app is a null, and no string"),
        ("stamp P { flags = \"--follow\"; }", "`flags` of app is a string"),
        ("stamp P { outputs = [ \"dev\" ]; }", "app has no output `dev`: it has out"),
        ("lix.respecialize { outputs = [ \"dev\" ]; }", "`outputs` of lix has no `out`"),
        ("pkgs.postlinkTools.unspecialized (stamp P { }) { }", "app-1 is specialized already"),
        ("pkgs.postlinkTools.unspecialized P { }", "app-1 is built by a `buildCommand`, which"),
    ] {
        let text = store.expression(&format!("({}).drvPath", call.replace('P', package)));
        let message = store.nix("nix-instantiate", &["--eval", "-E", &format!("({text}) {{ }}")]);
        let message = message.fails(1);
        assert!(message.contains(&format!("postlink: {expected}")), "{message}");
    }
}

#[test]
fn names_tell_another_machine() {
    let store = Store::new();
    let names = store.eval(&format!(
        "map (host: let
             pkgs = import {} {{ inherit host; overlays = [ (import {}/overlay.nix) ]; }};
             package = pkgs.stdenv.mkDerivation {{ pname = \"app\"; version = \"1\"; }};
             one = pkgs.postlinkTools.stamp package {{ version = \"2\"; }};
           in [ package.name one.name one.meta.name ])
         [ null {{ config = \"aarch64-linux\"; }} {{ config = \"musl\"; isStatic = true; }} ]",
        fixture("nix/nixpkgs.nix").display(),
        recipe().display(),
    ));
    let expected = json!([
        ["app-1", "app-2", "app-2"],
        ["app-aarch64-linux-1", "app-aarch64-linux-2", "app-2"],
        ["app-static-musl-1", "app-static-musl-2", "app-2"],
    ]);
    assert_eq!(names, expected);
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
    format!(
        "(import {} {{ overlays = [ (import {}/overlay.nix) ]; path = \"{}\"; }})",
        fixture("nix/nixpkgs.nix").display(),
        recipe().display(),
        path(store),
    )
}

/// Folders of commands, postlink and cargo among them.
fn path(store: &Store) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    // Not the one of rustup, which looks for its home.
    let cargo = Path::new(env!("CARGO")).parent().expect("a folder").display();
    format!("{}:{cargo}:{path}", store.folder().path("postlink/bin").display())
}

#[test]
fn the_overlay_has_postlink_and_the_recipe() {
    let store = Store::new();
    let pkgs = nixpkgs(&store);
    let names = store.eval(&format!("builtins.attrNames {pkgs}.postlinkTools"));
    assert_eq!(names, json!(["padName", "specialize", "stamp", "unspecialized"]));

    let built = store.nix("nix-build", &["--no-out-link", "-E", &format!("{pkgs}.postlink")]).ok();
    let built = Path::new(built.trim());
    for installed in [
        "share/man/man1/postlink-specialize.1",
        "share/man/man5/postlink-schema.5",
        "share/--bash/postlink.bash",
        "lib/cmake/postlink/postlink-config.cmake",
    ] {
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
    for other in ["/patcher/guides/", "/patcher/nix/", "/tests/tests/", "/tests/src/", "/target/"] {
        assert!(!sources.contains(other), "{sources}");
    }
    // Another machine's cannot be run: this one's writes the pages.
    let other = store.eval(&format!(
        "({}).postlink.installPhase == ({pkgs}).postlink.installPhase",
        pkgs.replace("overlays", "host.config = \"other\"; overlays")
    ));
    assert_eq!(other, json!(false));
    let version = store.eval(&format!("{pkgs}.postlink.version"));
    assert_eq!(version, json!(env!("CARGO_PKG_VERSION")));
}

/// A git repository with the flake and what it reads, and a nixpkgs, as words for `nix`.
fn flake(store: &Store) -> [String; 2] {
    let folder = store.folder();
    let repository = recipe().join("../..").display().to_string();
    for part in [
        "Cargo.toml",
        "Cargo.lock",
        "flake.nix",
        "schema.toml",
        "macros",
        "runtime",
        "patcher/Cargo.toml",
        "patcher/about.toml",
        "patcher/cmake",
        "patcher/schema.toml",
        "patcher/src",
        "patcher/nix",
        "tests/Cargo.toml",
        "tests/fuzz/Cargo.toml",
        "tests/with-cc/Cargo.toml",
        "tests/fixtures/nix",
    ] {
        folder.run(&format!("mkdir -p repository/{part}")).ok();
        folder.run(&format!("rmdir repository/{part}")).ok();
        folder.run(&format!("cp -r {repository}/{part} repository/{part}")).ok();
    }
    folder.run("mkdir nixpkgs").ok();
    folder.write("nixpkgs/flake.nix", "{ outputs = inputs: { }; }");
    let stand_in = folder.path("repository/tests/fixtures/nix/nixpkgs.nix").display().to_string();
    folder.write(
        "nixpkgs/default.nix",
        format!("options: import {stand_in} (options // {{ path = \"{}\"; }})", path(store)),
    );
    // A flake in a folder of a repository is one of git's.
    folder.run("git -C repository init --quiet").ok();
    folder.run("git -C repository add .").ok();
    [
        format!("git+file:{}", folder.path("repository").display()),
        format!("path:{}", folder.path("nixpkgs").display()),
    ]
}

#[test]
fn the_flake_has_all_that_a_user_looks_for() {
    let store = Store::new();
    let [flake, nixpkgs] = flake(&store);
    let words = |words: &[&str]| {
        let more = ["--impure", "--no-write-lock-file", "--override-input", "nixpkgs", &nixpkgs];
        store.nix("nix", &[words, &more].concat())
    };
    let eval = |attribute: &str, function: &str| {
        let text = words(&["eval", "--json", &format!("{flake}#{attribute}"), "--apply", function]);
        serde_json::from_str::<serde_json::Value>(&text.ok()).expect("JSON")
    };
    words(&["flake", "check", "--no-build", &flake]).ok();
    let names = eval("packages", "builtins.mapAttrs (_: builtins.mapAttrs (_: one: one.name))");
    let version = env!("CARGO_PKG_VERSION");
    let all = json!({
        "default": format!("postlink-{version}"), "postlink": format!("postlink-{version}"),
        "postlinkHook": "postlink-hook", "postlinkManifestHook": "postlink-manifest-hook",
    });
    for system in ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"] {
        assert_eq!(names[system], all, "{system}");
    }
    let names = json!(["padName", "specialize", "stamp", "unspecialized"]);
    assert_eq!(eval("lib.aarch64-linux", "builtins.attrNames"), names);
    assert_eq!(eval("overlays.default", "builtins.isFunction"), json!(true));
    assert_eq!(eval("templates", "builtins.attrNames"), json!(["cpp", "default", "rust"]));
    assert_eq!(eval("devShells.x86_64-linux.default.name", "one: one"), json!("nix-shell"));
    assert_eq!(eval("formatter.x86_64-linux", "toString"), json!("/nixfmt"));
    // Its check is a program that is compiled once and runs at two versions.
    words(&["build", "--no-link", &format!("{flake}#checks.x86_64-linux.stamped")]).ok();
    let options = ["--impure", "--no-write-lock-file", "--override-input", "nixpkgs", &nixpkgs];
    let run = [&["run"], &options[..], &[&flake, "--", "--version"]].concat();
    assert_eq!(store.nix("nix", &run).ok(), format!("postlink {version}\n"));
}

#[test]
fn the_guide_s_examples_evaluate() {
    let store = Store::new();
    let folder = store.folder();
    let guide = std::fs::read_to_string(recipe().join("../guides/nix.md")).expect("the guide");
    let examples = guide.split("```nix\n").skip(1).map(|rest| rest.split("```").next());
    let names = ["stamp", "several", "package-app", "module", "hook"];
    let examples: Vec<&str> = examples.flatten().collect();
    assert_eq!(examples.len(), names.len());
    for (name, text) in names.iter().zip(examples) {
        folder.write(&format!("{name}.nix"), text);
    }
    folder.write(
        "package.nix",
        "{ stdenv }: stdenv.mkDerivation {
           pname = \"lix\"; version = \"2.97.0\"; outputs = [ \"out\" \"dev\" ];
         }",
    );
    let repository = recipe().join("../..").display().to_string();
    folder.run(&format!("cp -r {repository}/patcher/nix/templates .")).ok();
    folder.run(&format!("cp {repository}/Cargo.lock templates/rust")).ok();
    folder.write(
        "other.nix",
        "final: prev: let package = pname: final.stdenv.mkDerivation { inherit pname; version = \"1.0\"; }; in {
           app = package \"app\"; hello = package \"hello\"; tool = package \"tool\";
           nix-eval-jobs-unspecialized = final.postlinkTools.unspecialized
             ((package \"nix-eval-jobs\").overrideAttrs { buildInputs = [ final.lix-unspecialized ]; }) { };
         }",
    );
    let place = |name: &str| folder.path(name).display().to_string();
    let overlays = format!(
        "(import {}/overlay.nix) (import {}) (import {}) (import {})",
        recipe().display(),
        place("other.nix"),
        place("stamp.nix"),
        place("several.nix"),
    );
    let seen = store.eval(&format!(
        "let pkgs = import {} {{ overlays = [ {overlays} ]; }};
             called = pkgs.callPackage {} {{ }};
             module = import {} {{ inherit pkgs; }};
             hooked = pkgs.callPackage {} {{ }};
             template = name: pkgs.callPackage (./templates + \"/${{name}}/package.nix\") {{ version = \"2\"; }};
         in {{
           names = map (one: [ one.name one.outputs (builtins.isString one.drvPath) ])
             [ pkgs.app pkgs.hallo pkgs.tool pkgs.lix pkgs.nix-eval-jobs called module.services.app.package hooked (template \"cpp\") (template \"rust\") ];
           flavours = (called.override {{ withTests = false; }}).unspecialized.doCheck;
         }}",
        fixture("nix/nixpkgs.nix").display(),
        place("package-app.nix"),
        place("module.nix"),
        place("hook.nix"),
    ));
    let version = "2.97.0-pre-20261122_be438c62e1bd";
    let expected = json!({
        "names": [
            ["app-1.2.0-pre20261122", ["out"], true],
            ["hallo-1.0", ["out"], true],
            ["tool-2.0.1", ["out"], true],
            [format!("lix-{version}"), ["out", "dev"], true],
            [format!("nix-eval-jobs-{version}"), ["out"], true],
            ["app-1.2.0-pre20261122", ["out", "dev"], true],
            ["app-1.2.0-site", ["out"], true],
            ["app-2.97.0", ["out"], true],
            ["app-2", ["out"], true],
            ["app-2", ["out"], true],
        ],
        "flavours": false,
    });
    assert_eq!(seen, expected);
}
