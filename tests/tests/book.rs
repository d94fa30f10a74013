//! The book's pages, as they are written there, each from an empty folder.
#![forbid(unsafe_code)]

use postlink_tests::page::Page;
use postlink_tests::rust::example;
use postlink_tests::{Folder, generator};

/// A page of the book.
fn page(name: &str) -> Page {
    Page::read(&format!("patcher/guides/{name}.md"))
}

/// A folder with the schema and the library's source of the first page.
fn library() -> Folder {
    let cpp = page("cpp");
    let folder = Folder::new();
    folder.write("schema.toml", &cpp.blocks("toml")[0]);
    folder.write("lib.cc", &cpp.blocks("cpp")[0]);
    folder
}

#[test]
fn five_steps() {
    let said = page("cpp").part("Five steps").run(&library());
    assert!(said.contains("/opt/app/share/app"), "{said}");
}

/// The loop over all fields is in a function, in a program of the five steps' schema.
#[test]
fn all_fields_by_name() {
    let folder = library();
    let code = &page("cpp").part("All fields by name").blocks("cpp")[0];
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
    let rust = page("rust");
    let folder = example(&rust.blocks("toml")[1], &rust.blocks("rust")[0]);
    let said = rust.part("A program").run(&folder);
    assert!(said.contains("2.1.0 in"), "{said}");
}

/// What the registry shows of the runtime.
#[test]
fn the_runtime() {
    let page = Page::read("runtime/README.md");
    let folder = example(&page.blocks("toml")[0], &page.blocks("rust")[0]);
    let said = page.run(&folder);
    assert!(said.contains("app 2.1.0"), "{said}");
}

#[test]
fn the_commands() {
    let folder = library();
    let steps = page("cpp").part("Five steps");
    let _ = steps.run(&folder);
    let commands = page("commands");
    let _ = commands.part("fill").run(&folder);
    let said = commands.part("payload").run(&folder);
    assert!(said.contains("2.2.0"), "{said}");
}

#[test]
fn a_small_generator() {
    let (folder, generator_page) = (Folder::new(), page("generator"));
    assert!(generator().exists());
    folder.write("schema.toml", &page("cpp").blocks("toml")[0]);
    folder.run("git init --quiet .").ok();
    let _ = generator_page.part("`postlink-generate`").run(&folder);
    let _ = generator_page.part("Committed output").run(&folder);
    assert_eq!(folder.run("git diff --cached --name-only").ok(), "app.gen.cc\napp.gen.hh\n");
}

/// The package of the packager's page, staged.
fn package() -> Folder {
    let (packaging, folder) = (page("packaging"), library());
    folder.write("main.cc", &packaging.blocks("cpp")[0]);
    folder.write("app.pc", &packaging.blocks("text")[0]);
    folder
}

#[test]
fn for_a_packager() {
    let folder = package();
    let said = page("packaging").run(&folder);
    assert!(said.contains("2.1.0 in /opt/app"), "{said}");
    assert!(folder.path("final/opt/app/bin/app").exists(), "{said}");
}

/// Two builds of one package, for two paths of one length.
#[test]
fn what_refers_to_a_path() {
    let folder = package();
    for (build, path) in [("build-one", "/opt/one"), ("build-two", "/opt/two")] {
        let out = "--out-header app.gen.hh --out-source app.gen.cc";
        folder
            .postlink(&format!("generate --schema schema.toml {out} --default prefix={path}"))
            .ok();
        std::fs::create_dir(folder.path(build)).expect(build);
        folder.run(&format!("g++ -std=c++17 main.cc app.gen.cc -o {build}/app")).ok();
        folder.write(&format!("{build}/app.conf"), format!("prefix={path}\n"));
    }
    let _ = page("scan").part("Use").run(&folder);
    assert!(folder.path("report.html").exists());
}

/// Two outputs; the second one names the first.
#[test]
fn to_another_path() {
    let folder = package();
    let out = "--out-header app.gen.hh --out-source app.gen.cc";
    folder.postlink(&format!("generate --schema schema.toml {out} --default prefix=/opt/one")).ok();
    std::fs::create_dir_all(folder.path("build/out")).expect("a folder");
    std::fs::create_dir_all(folder.path("build/dev")).expect("a folder");
    folder.run("g++ -std=c++17 main.cc app.gen.cc -o build/out/app").ok();
    folder.write("build/dev/app.pc", "prefix=/opt/one\n");
    let _ = page("specialize").part("Use").run(&folder);
    assert_eq!(folder.read("final/opt/app-dev/app.pc"), b"prefix=/opt/app\n");
    assert_eq!(folder.run("final/opt/app/app").ok(), "2.1.0 in /opt/app\n");
}

/// The page of the schema has each key that a schema may have, and no other; its example is right.
#[test]
fn the_schema() {
    let page = page("schema");
    let example = &page.blocks("toml")[0];
    postlink_codegen::Schema::parse("schema.toml", example).expect("right");
    for (part, at) in [
        ("Keys of a section", "[section.app]\n"),
        ("Keys of a field", "[section.app.field.version]\n"),
    ] {
        let wrong = example.replacen(at, &format!("{at}unknown = 1\n"), 1);
        let said = postlink_codegen::Schema::parse("schema.toml", &wrong).expect_err("a wrong key");
        let said = said.render(false);
        let known =
            said.split("The keys are ").nth(1).and_then(|rest| rest.lines().next()).expect("keys");
        let keys = |text: &str| -> Vec<String> {
            let mut keys: Vec<_> = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            // Under this one stand the fields.
            keys.retain(|key| key != "field");
            keys.sort();
            keys
        };
        let text = page.part(part);
        let rows = text.text().lines().filter_map(|line| line.strip_prefix("| `"));
        let told: String =
            rows.filter_map(|row| row.split('`').next()).map(|key| format!("`{key}` ")).collect();
        assert_eq!(keys(&told), keys(known), "{known}");
    }
}
