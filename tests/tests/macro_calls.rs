//! `postlink::schema!` as a user calls it: errors that point at the call, rebuilds, constants.

use postlink_tests::rust::{cargo, workspace};
use postlink_tests::{Folder, fixture, fixture_text, golden};

/// Puts a program into the crate `calls` and builds it.
fn build(folder: &Folder, call: &str) -> postlink_tests::Run {
    let end = if call.contains('{') { " }" } else { "" };
    folder.write("calls/src/main.rs", format!("postlink::schema!({call});{end}\nfn main() {{}}\n"));
    cargo(folder, "build --quiet --package calls", &[("NOT_SET_ANYWHERE", "")])
}

#[test]
fn what_the_macro_gives() {
    let folder = workspace();
    let other = fixture_text("rust/bare.toml").replace("section.bare", "section.other");
    folder.write("calls/other.toml", other);
    let inside = fixture_text("rust/bare.toml").replace("section.bare", "section.inside");
    folder.write("calls/inside.toml", inside);
    cargo(&folder, "clippy --quiet --package calls", &[]).ok();
    assert_eq!(
        cargo(&folder, "run --quiet --package calls", &[]).ok(),
        "wrapped [\"\", \"x\"] 7\ncalls [\"x\", \"y1\"] 16\n"
    );
    cargo(&folder, "test --quiet --package calls", &[]).ok();
}

/// In a library that has postlink under another name, and in its doctests.
#[test]
fn postlink_may_be_renamed() {
    let folder = workspace();
    let other = fixture_text("rust/bare.toml").replace("section.bare", "section.other");
    folder.write("renamed/other.toml", other);
    cargo(&folder, "clippy --quiet --package renamed", &[]).ok();
    let tested = cargo(&folder, "test --quiet --doc --package renamed", &[]).ok();
    assert!(tested.contains("1 passed"), "{tested}");
}

#[test]
fn a_program_needs_no_std() {
    let folder = workspace();
    // The core library that comes with rustc asks for std's unwinding unless all is compiled again.
    let abort = [("CARGO_PROFILE_RELEASE_PANIC", "abort"), ("CARGO_PROFILE_RELEASE_LTO", "fat")];
    cargo(&folder, "build --quiet --release --package freestanding", &abort).ok();
    folder.copy("target/release/freestanding", "program");
    assert_eq!(folder.run("./program").ok(), "bare.name 5\n");
    folder.postlink("fill program --set name=filled").ok();
    assert_eq!(folder.run("./program").ok(), "filled 5\n");
}

#[test]
fn errors_point_at_the_call() {
    let folder = workspace();
    folder.write("calls/wrong.toml", fixture_text("rust/bare.toml").replace("\"u8\"", "\"u9\""));
    folder
        .write("calls/of_cpp.toml", fixture_text("rust/bare.toml").replace("\"rust\"", "\"cpp\""));
    let unowned = fixture_text("rust/bare.toml").replace("owner = \"rust\"\n", "");
    folder.write("calls/unowned.toml", unowned);
    let calls = [
        "\"missing.toml\"",
        "\"wrong.toml\"",
        "\"bare.toml\", nmae = \"x\"",
        "\"bare.toml\", name = \"a name that is longer than twenty bytes\"",
        "\"bare.toml\", count = -1",
        "\"bare.toml\", name = env!(\"NOT_SET_AT_ALL\")",
        "\"bare.toml\", name = VERSION",
        "\"bare.toml\", name \"x\"",
        "\"bare.toml\" name = \"x\"",
        "\"bare.toml\", other.name = \"x\"",
        "\"bare.toml\", name = \"a\", name = \"b\"",
        "\"bare.toml\", name = \"a\", bare.name = \"b\"",
        "\"bare.toml\", name = [\"a\"]",
        "\"bare.toml\", items = \"a\"",
        "\"bare.toml\", count = -\"1\"",
        "\"bare.toml\", name = env!(\"NOT_SET_AT_ALL\", \"set it to the name\")",
        // C++ owns the section: the default would have no effect.
        "\"of_cpp.toml\", name = \"x\"",
        "\"of_cpp.toml\", bare.items = [\"x\", \"y\"]",
        "schema",
        "",
        // All that is wrong is told at once.
        "\"bare.toml\", nmae = \"x\", count = 256, items = [1.5], name",
        // Nobody is said to own the section.
        "\"unowned.toml\"",
        // The same section twice in one crate.
        "\"bare.toml\"); mod second { postlink::schema!(\"bare.toml\"",
    ];
    let mut said = String::new();
    for call in calls {
        let stderr = build(&folder, call).fails(101);
        let here = folder.path("calls").display().to_string();
        let lines = stderr.lines().take_while(|line| !line.starts_with("error: could not compile"));
        said += &lines
            .map(|line| format!("{}\n", line.replace(&here, "CRATE").trim_end()))
            .collect::<String>();
    }
    golden("macro-errors.txt", &said);
}

#[test]
fn a_changed_schema_or_variable_builds_the_crate_again() {
    let folder = workspace();
    let program = "postlink::schema!(\"bare.toml\", name = env!(\"POSTLINK_TEST_NAME\"));\nfn main() { println!(\"{} {:?}\", bare::name(), bare::items().collect::<Vec<_>>()); }\n";
    folder.write("calls/src/main.rs", program);
    let run = |name: &str| {
        cargo(&folder, "run --quiet --package calls", &[("POSTLINK_TEST_NAME", name)]).ok()
    };
    assert_eq!(run("first"), "first [\"one\", \"two\"]\n");
    assert_eq!(run("second"), "second [\"one\", \"two\"]\n");
    folder.write("calls/bare.toml", fixture_text("rust/bare.toml").replace("\"two\"", "\"three\""));
    assert_eq!(run("second"), "second [\"one\", \"three\"]\n");
}

/// Without the barrier the compiler answers by itself: the harness sees it.
#[test]
fn a_plain_read_is_seen_to_fail() {
    let folder = workspace();
    let source =
        |name: &str| std::fs::read_to_string(fixture("../../runtime/src").join(name)).expect(name);
    let barrier = "let bytes = unsafe { core::ptr::read_volatile(&raw const bytes) };";
    let record = source("record.rs");
    assert!(record.contains(barrier), "the barrier is where this test looks for it");
    folder.write("calls/src/record.rs", record.replace(barrier, ""));
    for name in ["error.rs", "field.rs", "generated.rs", "list.rs"] {
        folder.write(&format!("calls/src/{name}"), source(name));
    }
    folder.postlink("generate --schema calls/bare.toml --default name=unspecialized --out-rust calls/src/bare.rs").ok();
    folder.write(
        "calls/src/main.rs",
        "extern crate self as postlink;\nmod error;\nmod field;\npub mod generated;\nmod list;\nmod record;\npub use error::Error;\npub use field::*;\npub use list::List;\ninclude!(\"bare.rs\");\nfn main() { println!(\"{} {} {}\", bare::name(), bare::count(), bare::is_specialized()); }\n",
    );
    let format = fixture("../../runtime/format").display().to_string();
    folder.write(
        "calls/Cargo.toml",
        format!("[package]\nname = 'calls'\nversion = '1.2.3'\nedition = '2024'\n[dependencies]\npostlink-format = {{ path = '{format}' }}\n"),
    );
    let print = |barrier: bool| {
        if barrier {
            folder.write("calls/src/record.rs", source("record.rs"));
        }
        cargo(&folder, "build --quiet --release --package calls", &[]).ok();
        folder.copy("target/release/calls", "program");
        folder.postlink("fill program --set name=filled --set count=7").ok();
        folder.run("./program").stdout
    };
    assert_ne!(print(false), "filled 7 true\n", "rustc knew the state when it compiled");
    assert_eq!(print(true), "filled 7 true\n");
}

/// The command carries a record of its own, and tells its version from it.
#[test]
fn postlink_is_filled_itself() {
    let folder = Folder::new();
    std::fs::copy(postlink_tests::postlink(), folder.path("copy")).expect("a copy");
    assert_eq!(
        folder.run("./copy --version").ok(),
        concat!("postlink ", env!("CARGO_PKG_VERSION"), "\n")
    );
    folder
        .postlink("fill copy --set version=9.8.7 --set commit=be438c6 --set build_date=2026-11-23")
        .ok();
    assert_eq!(folder.run("./copy --version").ok(), "postlink 9.8.7 (be438c6, 2026-11-23)\n");
    assert_eq!(
        folder.run("./copy fill --version").ok(),
        "postlink-fill 9.8.7 (be438c6, 2026-11-23)\n"
    );
    let said = folder.postlink("fill copy --reset --set build_date=today").fails(1);
    assert!(said.contains("pattern"), "{said}");
}
