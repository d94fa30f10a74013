//! The guide for Lix and its patches agree with the schema, and with one another.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use postlink_codegen::Schema;
use postlink_tests::{Folder, fixture, fixture_text};

const PATCHES: [&str; 3] = ["meson-2.91.patch", "meson-2.96.patch", "packaging-2.96.patch"];

fn guides() -> PathBuf {
    fixture("../../patcher/guides")
}

/// The names behind `placeholders::` in a text.
fn accessors(text: &str) -> BTreeSet<&str> {
    let names = text.split("placeholders::").skip(1);
    let end = |name: &str| name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    names.filter_map(|name| end(name).map(|end| &name[..end])).collect()
}

#[test]
fn every_accessor_is_a_field_of_the_schema() {
    let schema = Schema::parse("schema.toml", &fixture_text("../../schema.toml")).expect("right");
    let section = schema.section(Some("lix")).expect("the section");
    let fields: BTreeSet<&str> = section.shape.fields.iter().map(|field| &*field.name).collect();
    let guide = std::fs::read_to_string(guides().join("lix.md")).expect("the guide");
    let known = |name: &&str| {
        fields.contains(name.trim_start_matches("try_"))
            || ["fields", "is_specialized"].contains(name)
    };
    let unknown: Vec<&str> = accessors(&guide).into_iter().filter(|name| !known(name)).collect();
    assert_eq!(unknown, [""; 0]);
    // The newest release reads all fields; an old one those it has.
    let read = |name: &str| {
        let patch = std::fs::read_to_string(guides().join("lix").join(name)).expect(name);
        accessors(&patch).into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<String> = fields.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(read("meson-2.96.patch"), all);
    let without = ["libexec_dir", "launch_builder", "builtin_dep_closure"];
    let first_five = all.iter().filter(|name| !without.contains(&&***name)).cloned().collect();
    assert_eq!(read("meson-2.91.patch"), first_five);
}

/// Each is one that `git apply` can read, and the guide tells of each.
#[test]
fn the_patches_are_whole() {
    let folder = Folder::new();
    let guide = std::fs::read_to_string(guides().join("lix.md")).expect("the guide");
    for name in PATCHES {
        let patch = guides().join("lix").join(name).display().to_string();
        let changed = folder.run(&format!("git apply --numstat {patch}")).ok();
        assert!(changed.lines().count() >= 4, "{changed}");
        assert!(guide.contains(&format!("(lix/{name})")), "{name}");
    }
}
