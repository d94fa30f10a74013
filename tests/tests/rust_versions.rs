//! The oldest Rust that each crate declares: no dependency needs a newer one, and the guide for Rust says it.
//!
//! That no newer part of the standard library is used is seen by clippy (`incompatible_msrv`).

use std::collections::{BTreeMap, BTreeSet};

use postlink_tests::crates::{list, metadata, text};
use postlink_tests::fixture;
use serde_json::Value;

/// `1.88.0` as numbers; a crate that declares nothing works with any.
fn version(package: &Value) -> Vec<u32> {
    let declared = package["rust_version"].as_str().unwrap_or_default();
    declared.split('.').filter_map(|number| number.parse().ok()).take(2).collect()
}

#[test]
fn no_dependency_needs_a_newer_rust_than_the_crate_declares() {
    let metadata = metadata(&[]);
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    for member in list(&metadata["workspace_members"]) {
        let own = packages[text(member)];
        assert!(own["rust_version"].is_string(), "{} declares none", own["name"]);
        let (mut seen, mut open) = (BTreeSet::new(), vec![text(member)]);
        while let Some(id) = open.pop() {
            let package = packages[id];
            assert!(
                version(package) <= version(own),
                "{} declares Rust {}, its dependency {} {}",
                own["name"],
                own["rust_version"],
                package["name"],
                package["rust_version"]
            );
            let used = list(&nodes[id]["deps"]).iter().filter(|dependency| {
                list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev")
            });
            open.extend(used.map(|used| text(&used["pkg"])).filter(|id| seen.insert(*id)));
        }
    }
}

#[test]
fn the_guide_says_what_each_crate_declares() {
    let metadata = metadata(&[]);
    let guide = fixture("../../patcher/guides/rust.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    for package in list(&metadata["packages"]) {
        let (name, declared) = (text(&package["name"]), &package["rust_version"]);
        // What is not published is built with this Rust only.
        let is_published = package["publish"].is_null();
        if package["source"].is_null() && is_published {
            assert!(guide.contains(&format!("`{name}` {}", text(declared))), "{name} {declared}");
        }
    }
}
