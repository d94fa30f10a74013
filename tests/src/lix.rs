//! Programs and libraries that carry the record of the root schema, built by real compilers.

use crate::{Folder, STRICT, fixture, fixture_text};

/// A version as Lix's development builds have it.
pub const VERSION: &str = "2.96.0-dev-20261122_be438c62e1bd";

/// A prefix of 200 bytes.
#[must_use]
pub fn long_prefix() -> String {
    format!("/nix/store/{}", "p".repeat(189))
}

/// A folder with `lix.gen.hh`, `lix.gen.cc`, `values.cc` and `main.cc`.
#[must_use]
pub fn sources() -> Folder {
    let folder = Folder::new();
    let schema = fixture("../../schema.toml").display().to_string();
    folder
        .postlink(&format!(
            "generate --schema {schema} --out-header lix.gen.hh --out-source lix.gen.cc --default prefix=/usr/local"
        ))
        .ok();
    folder.write("values.cc", fixture_text("values.cc"));
    folder.write("main.cc", fixture_text("main.cc"));
    folder
}

/// Builds `libvalues.so` and the program `dynamic`, which uses it.
#[track_caller]
pub fn build_library(folder: &Folder, compiler: &str, flags: &str) {
    let strict = STRICT.join(" ");
    let line = format!("{compiler} -std=c++17 {strict} {flags}");
    folder
        .run(&format!(
            "{line} -fPIC -fvisibility=hidden -shared values.cc lix.gen.cc -o libvalues.so"
        ))
        .ok();
    folder.run(&format!("{line} main.cc -L. -lvalues -Wl,-rpath,$ORIGIN -o dynamic")).ok();
}

/// Builds the program `name`, which carries the record itself.
#[track_caller]
pub fn build_program(folder: &Folder, compiler: &str, flags: &str, name: &str) {
    let strict = STRICT.join(" ");
    let line = format!("{compiler} -std=c++17 {strict} {flags}");
    folder.run(&format!("{line} main.cc values.cc lix.gen.cc -o {name}")).ok();
}

/// What the programs print for a version and a prefix.
#[must_use]
pub fn expected(version: &str, prefix: &str, specialized: bool) -> String {
    let first = version.chars().next().unwrap_or_default();
    let length = version.len();
    let default = i32::from(version == "0.0.0-unspecialized");
    format!(
        "banner=lix {version}\nfirst={first}\nlength={length}\nstrlen={length}\nis_default={default}\n\
         strcmp={default}\nprefix={prefix}\nhelper={prefix}/libexec/lix/launch-builder\nclosure={prefix}\n\
         specialized={}\n",
        i32::from(specialized)
    )
}

/// What they print unspecialized.
#[must_use]
pub fn unspecialized() -> String {
    expected("0.0.0-unspecialized", "/usr/local", false)
}
