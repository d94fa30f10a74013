//! What comes into postlink from elsewhere is what `.ci/deny.toml` allows: licences, sources, versions, and
//! code that runs while it is built. `cargo deny` checks the same, and known weaknesses.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use postlink_tests::crates::{list, metadata, text};
use postlink_tests::fixture;
use serde_json::Value;
use spdx::{Expression, ParseMode};

/// What is allowed.
fn rules() -> Value {
    let file = std::fs::read_to_string(fixture("../../.ci/deny.toml")).expect("the rules");
    toml::from_str(&file).expect("TOML")
}

/// What is built of the workspace and all that it needs, for the systems that the rules name.
fn packages(rules: &Value) -> Vec<Value> {
    let systems = list(&rules["graph"]["targets"]).iter();
    let systems = systems.flat_map(|system| ["--filter-platform", text(system)]);
    let more: Vec<&str> = ["--all-features"].into_iter().chain(systems).collect();
    let packages = list(&metadata(&more)["packages"]).to_vec();
    assert!(packages.len() > 100, "they are found");
    packages
}

/// The texts of a list.
fn texts(value: &Value) -> BTreeSet<&str> {
    list(value).iter().map(text).collect()
}

#[test]
fn each_crate_may_be_used_under_an_allowed_licence() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"]);
    let mut needed = BTreeSet::new();
    for package in packages(&rules) {
        let name = text(&package["name"]);
        // Some still write `MIT/Apache-2.0`.
        let licence = Expression::parse_mode(text(&package["license"]), ParseMode::LAX);
        let licence = licence.unwrap_or_else(|error| panic!("{name}: {error}"));
        let with = |allowed: &BTreeSet<&str>| {
            licence.evaluate(|one| allowed.contains(one.to_string().as_str()))
        };
        assert!(with(&allowed), "{name}: {licence}");
        for one in &allowed {
            let mut others = allowed.clone();
            others.remove(one);
            needed.extend((!with(&others)).then_some(*one));
        }
    }
    // Where either would do, it is MIT.
    needed.insert("Apache-2.0");
    assert_eq!(needed, allowed, "no more is allowed than what is needed");
}

#[test]
fn each_crate_comes_from_an_allowed_source() {
    let rules = rules();
    let allowed = texts(&rules["sources"]["allow-registry"]);
    for package in packages(&rules) {
        // What has none is the workspace's own.
        if let Some(source) = package["source"].as_str() {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            assert!(allowed.contains(registry), "{}: {source}", package["name"]);
        }
    }
}

#[test]
fn no_crate_is_there_in_two_versions() {
    let rules = rules();
    let skipped: BTreeSet<&str> =
        list(&rules["bans"]["skip"]).iter().map(|skipped| text(&skipped["crate"])).collect();
    let packages = packages(&rules);
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &packages {
        versions.entry(text(&package["name"])).or_default().push(text(&package["version"]));
    }
    for (name, versions) in versions {
        let counted = versions.iter().filter(|version| {
            let main = version.split('.').next().unwrap_or_default();
            !skipped.contains(format!("{name}@{main}").as_str())
        });
        assert!(counted.count() <= 1, "{name}: {versions:?}");
    }
}

#[test]
fn what_runs_while_it_is_built_is_known() {
    let rules = rules();
    let allowed = texts(&rules["bans"]["build"]["allow-build-scripts"]);
    let is_script = |target: &Value| texts(&target["kind"]).contains("custom-build");
    let has_script = |package: &&Value| list(&package["targets"]).iter().any(is_script);
    let packages = packages(&rules);
    let found: BTreeSet<&str> =
        packages.iter().filter(has_script).map(|package| text(&package["name"])).collect();
    assert_eq!(found, allowed);
}
