//! The guide for meson, as it is written there, with the newest meson and the oldest that it names.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

use postlink_tests::page::Page;
use postlink_tests::{Folder, Run, fixture, postlink};

const MESONS: [&str; 2] = ["python", "python-oldest"];

fn page() -> Page {
    Page::read("patcher/guides/meson.md")
}

/// A folder with the files of the part that needs an installed postlink.
fn project() -> Folder {
    let part = page().part("With postlink installed");
    let folder = Folder::new();
    folder.write("schema.toml", &part.blocks("toml")[0]);
    folder.write("meson.build", &part.blocks("meson")[0]);
    folder.write("lib.cc", &part.blocks("cpp")[0]);
    folder.write("main.cc", &part.blocks("cpp")[1]);
    folder
}

/// The same for the part with the wrap file, whose address is `url`.
fn project_with_wrap(url: &str) -> Folder {
    let part = page().part("With postlink as a subproject");
    let folder = project();
    fs::rename(folder.path("schema.toml"), folder.path("app.toml")).expect("a schema");
    folder.write("meson.build", &part.blocks("meson")[0]);
    fs::create_dir(folder.path("subprojects")).expect("a folder");
    let wrap = part.blocks("ini")[0].replace("https://example.org/postlink.git", url);
    folder.write("subprojects/postlink.wrap", wrap);
    folder
}

/// A git repository with the files of this one that the subproject needs, and the tag that the wrap
/// names.
fn repository() -> Folder {
    let folder = Folder::new();
    let root = fixture("../..").canonicalize().expect("the repository");
    fs::create_dir(folder.path("patcher")).expect("a folder");
    fs::copy(root.join("meson.build"), folder.path("meson.build")).expect("meson.build");
    folder.run(&format!("cp -r {}/patcher/meson patcher", root.display())).ok();
    folder.run("git init --quiet").ok();
    folder.run("git add .").ok();
    folder.run("git -c user.name=a -c user.email=a@localhost commit --quiet -m files").ok();
    folder.run("git tag v0.1.0").ok();
    folder
}

/// Makes this tree the subproject of a project: there is nothing to fetch.
fn with_this_tree(folder: &Folder) {
    let root = fixture("../..").canonicalize().expect("the repository");
    fs::create_dir_all(folder.path("subprojects")).expect("a folder");
    std::os::unix::fs::symlink(root, folder.path("subprojects/postlink")).expect("a link");
}

/// Runs this meson; on PATH are its folder, this one, and the system's programs.
fn meson(folder: &Folder, tools: &str, path: &Path, words: &[&str]) -> Run {
    let tools = fixture("../../target").join(tools).join("bin");
    let path = format!("PATH={}:{}:/usr/bin:/bin", tools.display(), path.display());
    // Our crates, as they are compiled already.
    let target = postlink().ancestors().nth(2).expect("the target folder");
    let target = format!("CARGO_TARGET_DIR={}", target.display());
    // What whoever compiles for another machine may have set; the program is for this one.
    let other = "CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu";
    folder.run_words("env".as_ref(), &[&[&*path, &*target, other, "meson"], words].concat())
}

/// Configures where there is cargo and no `postlink`.
fn configure_with_cargo(folder: &Folder, tools: &str, more: &[&str]) -> Run {
    let cargo = Path::new(env!("CARGO")).parent().expect("a folder");
    meson(folder, tools, cargo, &[&["setup", "build", "--prefix=/opt/app"], more].concat())
}

#[test]
fn with_postlink_installed() {
    for tools in MESONS {
        let folder = project();
        let said = page().part("With postlink installed").run_with(tools, &folder);
        assert!(said.contains("\n2.0.0 in /opt/app\n"), "{said}");
        assert!(said.ends_with("\n2.1.0 in /opt/app\n"), "{said}");
    }
}

/// The wrap file is read, the repository cloned. The installed library is filled, the built one is not.
#[test]
fn as_a_subproject() {
    let repository = repository();
    for tools in MESONS {
        let folder = project_with_wrap(&format!("file://{}", repository.path("").display()));
        let said = page().part("With postlink as a subproject").run_with(tools, &folder);
        assert!(said.contains("\n2.0.0 in /opt/app\n"), "{said}");
        assert!(said.ends_with("\n2.0.0+r1 in /opt/app\n"), "{said}");
        assert_eq!(folder.run("./build/app").ok(), "2.0.0 in /opt/app\n");
        assert!(folder.postlink("inspect build/libapp.so").ok().contains("generated"), "{tools}");
        if tools == "python" {
            // A folder that is not below the prefix; the oldest meson knows none.
            let ours = postlink().parent().expect("a folder");
            meson(&folder, tools, ours, &["configure", "build", "-Dlibdir=/other/lib"]).ok();
            meson(&folder, tools, ours, &["install", "-C", "build", "--destdir=../other"]).ok();
            let filled = folder.postlink("inspect other/other/lib/libapp.so").ok();
            assert!(filled.contains("version: string = 2.0.0+r1 (set)"), "{filled}");
        }
    }
}

/// Where there is no `postlink`, cargo builds it, also for a project that only looks for the program,
/// and in a build for another machine.
#[test]
fn built_by_cargo() {
    for tools in MESONS {
        for more in [&[][..], &["--cross-file", "aarch64.ini"]] {
            let folder = project();
            with_this_tree(&folder);
            folder.write("subprojects/postlink.wrap", &page().blocks("ini")[0]);
            let machine = fixture("../lix-shaped/machines/aarch64.ini");
            fs::copy(machine, folder.path("aarch64.ini")).expect("a cross file");
            let said = configure_with_cargo(&folder, tools, more).ok();
            assert!(said.contains("cargo builds postlink"), "{said}");
            folder.run("ninja -C build libapp.so").ok();
            let machine = if more.is_empty() { "X86-64" } else { "AArch64" };
            assert!(folder.run("readelf -h build/libapp.so").ok().contains(machine), "{tools}");
        }
    }
}

#[test]
fn a_native_file_names_the_program() {
    for tools in MESONS {
        for folder in [project(), project_with_wrap("https://localhost/none")] {
            with_this_tree(&folder);
            std::os::unix::fs::symlink(postlink(), folder.path("another name")).expect("a link");
            let program = folder.path("another name").display().to_string();
            folder.write("native.ini", format!("[binaries]\npostlink = '{program}'\n"));
            let said = configure_with_cargo(&folder, tools, &["--native-file", "native.ini"]).ok();
            assert!(said.contains("Program postlink found: YES"), "{said}");
            assert!(!said.contains("cargo builds postlink"), "{said}");
        }
    }
}

#[test]
fn without_postlink_and_cargo() {
    let folder = project_with_wrap("https://localhost/none");
    with_this_tree(&folder);
    let said =
        meson(&folder, "python", Path::new("/none"), &["setup", "build"]).fails_with_output(1);
    assert!(said.contains("there is no cargo that could build it"), "{said}");
}

/// The guide demands no newer meson than is tried, and the subproject has the crates' version.
#[test]
fn versions() {
    let meson = fixture("../../target/python-oldest/bin/meson").display().to_string();
    let version = Folder::new().run(&format!("{meson} --version")).ok();
    let demanded = format!("meson_version : '>={}'", version.trim());
    let subproject = fs::read_to_string(fixture("../../meson.build")).expect("meson.build");
    for project in page().blocks("meson").iter().chain([&subproject]) {
        assert!(project.contains(&demanded), "{version}: {project}");
    }
    assert!(
        subproject.contains(&format!("version : '{}'", env!("CARGO_PKG_VERSION"))),
        "meson.build"
    );
}
