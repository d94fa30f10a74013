//! What cargo tells of the workspace's crates, and of all that they are built with.

use std::process::Command;

use serde_json::Value;

use crate::fixture;

/// What `cargo metadata` says, for any machine.
///
/// # Panics
/// `Cargo.lock` is not up to date, or a crate is not there.
#[must_use]
pub fn metadata(more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(more)
        .current_dir(fixture("../.."))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A value that is a text.
///
/// # Panics
/// It is none.
#[must_use]
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// A value that is a list.
///
/// # Panics
/// It is none.
#[must_use]
#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}
