//! The book's pages, as they are written there, each from an empty folder.

use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture};

/// A page of the book.
fn page(name: &str) -> Page {
    Page::read(&format!("patcher/guides/{name}.md"))
}

#[test]
fn five_steps() {
    let part = page("cpp").part("Five steps");
    let folder = Folder::new();
    folder.write("schema.toml", &part.blocks("toml")[0]);
    folder.write("lib.cc", &part.blocks("cpp")[0]);
    let said = part.run(&folder);
    assert!(said.contains("data_dir: path = /opt/app/share/app (derived)"), "{said}");
    assert!(said.contains("nothing but declared values differs"), "{said}");
}

/// The loop over all fields is in a function, in a program of the five steps' schema.
#[test]
fn more_for_cpp() {
    let folder = Folder::new();
    folder.write("schema.toml", &page("cpp").part("Five steps").blocks("toml")[0]);
    let code = &page("cpp").part("More for C++").blocks("cpp")[0];
    let main = format!("#include \"app.gen.hh\"\n#include <iostream>\nint main() {{\n{code}}}\n");
    folder.write("main.cc", main);
    let out = "--out-header app.gen.hh --out-source app.gen.cc";
    folder.postlink(&format!("generate --schema schema.toml {out}")).ok();
    folder.run("g++ -std=c++17 main.cc app.gen.cc -o app").ok();
    let printed = "{\"version\":\"0.0.0-unspecialized\",\"prefix\":null,\"data_dir\":null}\n";
    assert_eq!(folder.run("./app").ok(), printed);
}

#[test]
fn in_a_rust_crate() {
    let guide = page("rust");
    let folder = Folder::new();
    let schema = page("cpp").part("Five steps").blocks("toml")[0]
        .replace("exported = true", "owner = 'rust'");
    let runtime = fixture("../../runtime").display().to_string();
    let dependencies = guide.blocks("toml")[0].replace("../postlink/runtime", &runtime);
    folder.write("schema.toml", schema);
    folder
        .write("Cargo.toml", format!("[package]\nname = 'app'\nedition = '2024'\n{dependencies}"));
    folder.write("Cargo.lock", std::fs::read(fixture("../../Cargo.lock")).expect("Cargo.lock"));
    std::fs::create_dir(folder.path("src")).expect("a folder");
    folder.write("src/main.rs", &guide.blocks("rust")[0]);
    let printed =
        guide.text().lines().find(|line| line.starts_with("2.1.0 in")).expect("what it prints");
    let said = guide.run(&folder);
    assert!(said.ends_with(&format!("{printed}\n")), "{said}");
}

/// An empty folder with the files that the guide for meson names.
fn meson_project() -> Folder {
    let (steps, guide) = (page("cpp").part("Five steps"), page("meson"));
    let folder = Folder::new();
    folder.write("schema.toml", &steps.blocks("toml")[0]);
    folder.write("lib.cc", &steps.blocks("cpp")[0]);
    folder.write("meson.build", &guide.blocks("meson")[0]);
    folder.write("main.cc", &guide.blocks("cpp")[0]);
    folder
}

fn in_a_cpp_project(tools: &str) {
    let said = page("meson").run_with(tools, &meson_project());
    assert!(said.contains("\n2.0.0 in /opt/app\n"), "{said}");
    assert!(said.ends_with("\n2.1.0 in /opt/app\n"), "{said}");
}

fn packaged(tools: &str) {
    let folder = meson_project();
    let said = page("packaging").run_with(tools, &folder);
    assert!(said.contains("\n2.1.0 in /opt/app\n"), "{said}");
    assert!(folder.path("final/opt/app/bin/app").exists(), "{said}");
}

#[test]
fn in_a_cpp_project_on_meson() {
    in_a_cpp_project("python");
}

#[test]
fn for_a_packager() {
    packaged("python");
}

/// The project demands no newer meson than it needs, and no older one than is tried.
#[test]
fn the_oldest_meson() {
    let oldest = fixture("../../target/python-oldest/bin/meson").display().to_string();
    let folder = meson_project();
    let version = folder.run(&format!("{oldest} --version")).ok();
    let project = String::from_utf8(folder.read("meson.build")).expect("text");
    assert!(project.contains(&format!("meson_version : '>={}'", version.trim())), "{version}");
    in_a_cpp_project("python-oldest");
    packaged("python-oldest");
}
