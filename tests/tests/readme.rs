//! The README's guides, as they are written there, each from an empty folder.

use postlink_tests::{Folder, fixture, postlink};

/// The code blocks of this language, in order.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == format!("```{language}");
            if inside {
                blocks.push(String::new());
            }
        } else if let (true, Some(block)) = (inside, blocks.last_mut()) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

/// The text from a heading to the next.
fn part(heading: &str) -> String {
    let readme = std::fs::read_to_string(fixture("../../README.md")).expect("the README");
    let part = readme.split("\n## ").find(|part| part.starts_with(heading));
    part.expect(heading).to_owned()
}

/// Runs the commands of a part in a shell, and gives what they print.
fn commands(folder: &Folder, part: &str) -> String {
    commands_with("python", folder, part)
}

/// The same with the tools that `tests/run` installs in this folder under `target`.
fn commands_with(tools: &str, folder: &Folder, part: &str) -> String {
    let ours = postlink().parent().expect("a folder").display();
    let tools = fixture("../../target").join(tools).join("bin").display().to_string();
    let path = format!("PATH={ours}:{tools}:{}", std::env::var("PATH").unwrap_or_default());
    let blocks = blocks(part, "console");
    let lines = blocks.iter().flat_map(|block| block.lines());
    let run = |line: &str| folder.run_words("env".as_ref(), &[&path, "sh", "-c", line]).ok();
    lines.filter_map(|line| line.strip_prefix("$ ")).map(run).collect()
}

#[test]
fn five_steps() {
    let part = part("Five steps");
    let folder = Folder::new();
    folder.write("schema.toml", &blocks(&part, "toml")[0]);
    folder.write("lib.cc", &blocks(&part, "cpp")[0]);
    let said = commands(&folder, &part);
    assert!(said.contains("data_dir: path = /opt/app/share/app (derived)"), "{said}");
    assert!(said.contains("nothing but declared values differs"), "{said}");
}

/// The loop over all fields is in a function, in a program of the five steps' schema.
#[test]
fn more_for_cpp() {
    let folder = Folder::new();
    folder.write("schema.toml", &blocks(&part("Five steps"), "toml")[0]);
    let code = &blocks(&part("More for C++"), "cpp")[0];
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
    let guide = part("In a Rust crate");
    let folder = Folder::new();
    let schema =
        blocks(&part("Five steps"), "toml")[0].replace("exported = true", "owner = 'rust'");
    let runtime = fixture("../../runtime").display().to_string();
    let dependencies = blocks(&guide, "toml")[0].replace("../postlink/runtime", &runtime);
    folder.write("schema.toml", schema);
    folder
        .write("Cargo.toml", format!("[package]\nname = 'app'\nedition = '2024'\n{dependencies}"));
    folder.write("Cargo.lock", std::fs::read(fixture("../../Cargo.lock")).expect("Cargo.lock"));
    std::fs::create_dir(folder.path("src")).expect("a folder");
    folder.write("src/main.rs", &blocks(&guide, "rust")[0]);
    let printed = guide.lines().find(|line| line.starts_with("2.1.0 in")).expect("what it prints");
    let said = commands(&folder, &guide);
    assert!(said.ends_with(&format!("{printed}\n")), "{said}");
}

/// An empty folder with the files that the guide for meson names.
fn meson_project() -> Folder {
    let (steps, guide) = (part("Five steps"), part("In a C++ project on meson"));
    let folder = Folder::new();
    folder.write("schema.toml", &blocks(&steps, "toml")[0]);
    folder.write("lib.cc", &blocks(&steps, "cpp")[0]);
    folder.write("meson.build", &blocks(&guide, "meson")[0]);
    folder.write("main.cc", &blocks(&guide, "cpp")[0]);
    folder
}

fn in_a_cpp_project(tools: &str) {
    let said = commands_with(tools, &meson_project(), &part("In a C++ project on meson"));
    assert!(said.contains("\n2.0.0 in /opt/app\n"), "{said}");
    assert!(said.ends_with("\n2.1.0 in /opt/app\n"), "{said}");
}

fn packaged(tools: &str) {
    let folder = meson_project();
    let said = commands_with(tools, &folder, &part("For a packager"));
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
