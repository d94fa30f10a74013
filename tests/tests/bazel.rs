//! The rules for Bazel, run by it: the example of the guide. Nothing is fetched.
#![forbid(unsafe_code)]

use std::fs;

use postlink_tests::page::Page;
use postlink_tests::{Folder, Run, fixture, postlink};

fn page() -> Page {
    Page::read("patcher/guides/bazel.md")
}

/// A copy of the example, in which Bazel has a folder of its own, and the rules of other languages
/// that Debian has.
fn example() -> Folder {
    let folder = Folder::new();
    folder.run(&format!("cp -r {}/. .", fixture("../with-bazel").display())).ok();
    let root = fixture("../..").canonicalize().expect("the repository").display().to_string();
    let workspace = String::from_utf8(folder.read("WORKSPACE")).expect("text");
    folder.write("WORKSPACE", workspace.replace("../..", &root));
    let own = folder.path("bazel").display().to_string();
    let mut options = String::from_utf8(folder.read(".bazelrc")).expect("text");
    options += &format!(
        "startup --output_user_root={own} --max_idle_secs=30 --host_jvm_args=-Xmx600m\n\
         build --nosandbox_debug --jobs=2\n\
         common --override_repository=rules_cc={root}/tests/fixtures/bazel/rules_cc\n"
    );
    for rules in ["java", "proto"] {
        let place = format!("/usr/share/bazel/rules/{rules}");
        options += &format!("common --override_repository=rules_{rules}={place}\n");
    }
    folder.write(".bazelrc", options);
    fs::create_dir(folder.path("bazel")).expect("a folder");
    folder
}

/// Runs Bazel with the same PATH as the guide's commands: it is a part of the actions.
fn bazel(folder: &Folder, line: &str) -> Run {
    let ours = postlink().parent().expect("a folder").display();
    let tools = fixture("../../target/python/bin").display().to_string();
    let path = format!("PATH={ours}:{tools}:{}", std::env::var("PATH").unwrap_or_default());
    let words: Vec<&str> = line.split_whitespace().collect();
    folder.run_words("env".as_ref(), &[&[&*path, "bazel"], &*words].concat())
}

/// The actions that a build ran, by their kind.
fn ran(folder: &Folder, line: &str) -> Vec<String> {
    bazel(folder, &format!("build --execution_log_json_file=log.json {line}")).ok();
    let log = String::from_utf8(folder.read("log.json")).expect("text");
    let actions = serde_json::Deserializer::from_str(&log).into_iter::<serde_json::Value>();
    let kind = |action: serde_json::Value| action["mnemonic"].as_str().map(str::to_owned);
    let mut kinds: Vec<String> = actions.filter_map(|action| kind(action.expect("JSON"))).collect();
    kinds.sort();
    kinds
}

#[test]
fn the_guides_example() {
    let folder = example();
    let said = page().part("The example").run(&folder);
    let printed = "0.0.0-unspecialized in /usr/local\n2.1.0 in /opt/app\n2.2.0 in /opt/app\n";
    assert_eq!(said, printed);

    // Another version is one action, the same one again is none, and none at all is an error.
    folder.write("version.txt", "2.3.0 of today\n");
    assert_eq!(ran(&folder, "//:release"), ["PostlinkFill"]);
    assert_eq!(folder.run("./bazel-bin/release/program").ok(), "2.3.0 of today in /opt/app\n");
    assert_eq!(ran(&folder, "//:release"), [""; 0]);
    folder.write("version.txt", "");
    let said = bazel(&folder, "build //:release").fails(1);
    assert!(said.contains("no value of `STABLE_VERSION`, which the field `version`"), "{said}");
    assert!(!folder.path("bazel-bin/release/program").exists());

    // A library, in a package, with values from a file; and any file.
    fs::create_dir(folder.path("lib")).expect("a folder");
    let build = String::from_utf8(folder.read("BUILD.bazel")).expect("text");
    let build = build.split("# Another version").next().unwrap_or_default();
    let library = "cc_binary(name = 'libapp.so', linkshared = True, srcs = ['main.cc'], deps = [':values'])\n\
        postlink_fill(name = 'filled', image = ':libapp.so', values = ['values.toml'], out = 'libfilled.so')\n\
        postlink_fill(name = 'again', image = 'ready.so', set = ['prefix=/opt/lib'], stamp = {'version': 'BUILD_EMBED_LABEL'}, postlink = 'tool')\n";
    folder.write("lib/BUILD.bazel", format!("{build}{library}"));
    for file in ["schema.toml", "main.cc"] {
        folder.copy(file, &format!("lib/{file}"));
    }
    let main = String::from_utf8(folder.read("main.cc")).expect("text");
    folder.write("lib/main.cc", main.replace("app.gen.hh", "lib/app.gen.hh"));
    std::os::unix::fs::symlink(postlink(), folder.path("lib/tool")).expect("a link");
    folder.write("lib/values.toml", "version = '3'\nprefix = '/opt/lib'\n");
    bazel(&folder, "build //lib:filled //lib:program").ok();
    folder.copy("bazel-bin/lib/libapp.so", "lib/ready.so");
    bazel(&folder, "build --embed_label=3 //lib:again").ok();
    assert_eq!(
        folder.read("bazel-bin/lib/libfilled.so"),
        folder.read("bazel-bin/lib/again/ready.so")
    );
    let said = folder.postlink("verify lib/ready.so bazel-bin/lib/libfilled.so").ok();
    assert!(said.contains("nothing but declared values differs"), "{said}");
    bazel(&folder, "shutdown").ok();
}

/// The guide shows the files of the example.
#[test]
fn the_guide_shows_the_files() {
    let page = page();
    let file = |name| fs::read_to_string(fixture("../with-bazel").join(name)).expect(name);
    assert_eq!(page.blocks("starlark"), [file("MODULE.bazel"), file("BUILD.bazel")]);
    assert_eq!(page.blocks("sh"), [file("tools/status.sh")]);
    assert_eq!(page.blocks("ini"), [file(".bazelrc")]);
}
