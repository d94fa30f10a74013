//! What a release consists of: its archive, the package for Debian, the static program, the workflow.

use std::path::Path;
use std::process::Command;

use postlink_tests::crates::list;
use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture, postlink};
use serde_json::Value;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const ARCHIVE: &str = "postlink-0.1.0-x86_64-linux.tar.gz";
const PACKAGE: &str = "postlink_0.1.0_amd64.deb";

/// What a release has, packed with a small program that calls the one which was built for the tests.
fn packed(folder: &Folder, out: &str) {
    packed_under("077", folder, out);
}

/// The same under this umask.
fn packed_under(mask: &str, folder: &Folder, out: &str) {
    let program = folder.path("program").display().to_string();
    folder.write("program", format!("#!/bin/sh\nexec {} \"$@\"\n", postlink().display()));
    folder.run("chmod +x program").ok();
    std::fs::create_dir(folder.path(out)).expect("a folder");
    let pack = fixture("../../patcher/release/pack").display().to_string();
    let out = folder.path(out).display().to_string();
    let line =
        format!("umask {mask}; SOURCE_DATE_EPOCH=1700000000 {pack} {program} {TARGET} {out}");
    folder.run_words("sh".as_ref(), &["-c", &line]).ok();
}

/// The part of the guide under this heading.
fn part(heading: &str) -> Page {
    Page::read("patcher/guides/install.md").part(heading)
}

/// Runs the lines of a page's block that begin with `$ `, in the folder `dist`, with a home of its own.
fn run_at_home(block: &str, folder: &Folder) -> String {
    let home = format!("HOME={}", folder.path("home").display());
    let ours = postlink().parent().expect("a folder").display();
    let path = format!("PATH={ours}:{}", std::env::var("PATH").unwrap_or_default());
    let run = |line: &str| {
        let line = format!("cd dist && {line}");
        folder.run_words("env".as_ref(), &[&home, &path, "sh", "-c", &line]).ok()
    };
    block.lines().filter_map(|line| line.strip_prefix("$ ")).map(run).collect()
}

/// The files below a folder that are not of dpkg itself, sorted.
fn files(folder: &Folder, root: &str) -> Vec<String> {
    let found = folder.run(&format!("find {root} -type f -not -path */var/* -printf %P\\n")).ok();
    let mut files: Vec<String> = found.lines().map(str::to_owned).collect();
    files.sort();
    files
}

/// The manual pages that the program writes.
fn pages(folder: &Folder) -> Vec<String> {
    std::fs::create_dir(folder.path("pages")).expect("a folder");
    folder.postlink("man pages").ok();
    files(folder, "pages")
}

#[test]
fn an_archive_is_checked_and_unpacked_as_the_guide_says() {
    let folder = Folder::new();
    packed(&folder, "dist");
    let said = run_at_home(&part("The archive").blocks("console")[0], &folder);
    assert!(said.contains(&format!("{ARCHIVE}: OK\n")), "{said}");
    assert!(said.contains("postlink 0.1.0"), "{said}");
    let files = files(&folder, "home/.local");
    for page in pages(&folder) {
        let section = page.rsplit('.').next().expect("a section");
        assert!(files.contains(&format!("share/man/man{section}/{page}")), "{page}: {files:?}");
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "LICENSES-OF-CRATES", "README.md"] {
        assert!(files.contains(&format!("share/doc/postlink/{name}")), "{name}: {files:?}");
    }
    every_link_leads_to_a_file(&folder.path("home/.local/share/doc/postlink"));
    bash_knows_the_command(&folder);
    cmake_finds_it(&folder);
}

/// CMake looks beside the folders of PATH.
fn cmake_finds_it(folder: &Folder) {
    folder.write(
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.21)\nproject(n LANGUAGES NONE)\n\
         find_package(postlink 0.1 REQUIRED)\nmessage(STATUS \"found in ${postlink_DIR}\")\n",
    );
    let prefix = folder.path("home/.local").canonicalize().expect("the prefix");
    let line = format!("PATH={}/bin:$PATH cmake -S . -B build", prefix.display());
    let said = folder.run_words("sh".as_ref(), &["-c", &line]).ok();
    let expected = format!("found in {}/lib/cmake/postlink\n", prefix.display());
    assert!(said.contains(&expected), "{said}");
}

/// The README and the guides have no link to what only the repository has.
fn every_link_leads_to_a_file(documents: &Path) {
    let guides = std::fs::read_dir(documents.join("guides")).expect("the guides");
    let guides = guides.map(|guide| guide.expect("a guide").path());
    let pages: Vec<_> = guides.chain([documents.join("README.md")]).collect();
    let mut seen = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|name| name == "md")) {
        let beside = page.parent().expect("a folder");
        for link in Page::read(&page.display().to_string()).links() {
            let file = link.split('#').next().unwrap_or_default();
            let is_there = link.starts_with("http") || beside.join(file).exists();
            assert!(is_there, "{}: {link}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen} links");
}

fn bash_knows_the_command(folder: &Folder) {
    let completions = "home/.local/share/bash-completion/completions/postlink";
    let loaded = format!("source {completions} && complete -p postlink");
    folder.run_words("bash".as_ref(), &["-c", &loaded]).ok();
}

#[test]
fn a_damaged_archive_is_told() {
    let folder = Folder::new();
    packed(&folder, "dist");
    let mut bytes = folder.read(&format!("dist/{ARCHIVE}"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write(&format!("dist/{ARCHIVE}"), bytes);
    let check = format!("cd dist && sha256sum --check {ARCHIVE}.sha256");
    let said = folder.run_words("sh".as_ref(), &["-c", &check]).fails_with_output(1);
    assert!(said.contains(&format!("{ARCHIVE}: FAILED")), "{said}");
}

#[test]
fn a_package_for_debian_is_installed_and_removed() {
    let folder = Folder::new();
    packed(&folder, "dist");
    std::fs::create_dir_all(folder.path("root/var/lib/dpkg/info")).expect("a folder");
    std::fs::create_dir(folder.path("root/var/lib/dpkg/updates")).expect("a folder");
    folder.write("root/var/lib/dpkg/status", "");
    let dpkg = |line: &str| {
        let forced = "--force-not-root --force-bad-path --log=/dev/null";
        folder.run(&format!("dpkg --root={} {forced} {line}", folder.path("root").display())).ok()
    };
    let guide = part("A package for Debian");
    assert!(guide.text().contains(&format!("$ sudo apt install ./dist/{PACKAGE}\n")));
    dpkg(&format!("--install dist/{PACKAGE}"));
    assert!(folder.run("./root/usr/bin/postlink --version").ok().starts_with("postlink 0.1.0"));
    let installed = files(&folder, "root");
    for page in pages(&folder) {
        let section = page.rsplit('.').next().expect("a section");
        assert!(installed.contains(&format!("usr/share/man/man{section}/{page}.gz")), "{page}");
    }
    for name in [
        "bin/dh_postlink",
        "lib/cmake/postlink/postlink-config.cmake",
        "share/bash-completion/completions/postlink",
        "share/doc/postlink/LICENSES-OF-CRATES.gz",
        "share/doc/postlink/guides/README.md",
        "share/perl5/Debian/Debhelper/Sequence/postlink.pm",
        "share/zsh/vendor-completions/_postlink",
    ] {
        assert!(installed.contains(&format!("usr/{name}")), "{name}: {installed:?}");
    }
    let documents = folder.path("root/usr/share/doc/postlink");
    every_link_leads_to_a_file(&documents);
    let provided = folder.run(&format!("dpkg-deb --field dist/{PACKAGE} Provides")).ok();
    assert_eq!(provided, "dh-sequence-postlink\n");
    // Each file is as the package says.
    assert_eq!(dpkg("--verify postlink"), "");
    dpkg("--purge postlink");
    assert_eq!(files(&folder, "root"), [""; 0]);
}

#[test]
fn equal_programs_are_packed_into_equal_bytes() {
    let (one, other) = (Folder::new(), Folder::new());
    packed(&one, "dist");
    packed_under("022", &other, "another-name");
    for name in [ARCHIVE, PACKAGE, &format!("{ARCHIVE}.sha256")] {
        let same = one.read(&format!("dist/{name}")) == other.read(&format!("another-name/{name}"));
        assert!(same, "{name}");
    }
}

/// The workflow is YAML, and calls what is there.
#[test]
fn the_workflow_calls_what_is_there() {
    let file = fixture("../../.github/workflows/release.yml");
    let read = "import json, sys, yaml\n\
                jobs = yaml.safe_load(open(sys.argv[1]))['jobs'].values()\n\
                print('\\n'.join(step.get('run', '') for job in jobs for step in job['steps']))";
    let python = fixture("../../target/python/bin/python");
    let words = ["-c", read, &file.display().to_string()];
    let commands = Folder::new().run_words(python.as_os_str(), &words).ok();
    let scripts = commands.split_whitespace().filter(|word| word.starts_with("patcher/"));
    let scripts: Vec<&str> = scripts.collect();
    assert_eq!(scripts, ["patcher/release/build"]);
    assert!(scripts.iter().all(|script| fixture("../..").join(script).exists()));
}

/// Cargo's plan of a release: each crate of it stops where a number overflows.
#[test]
fn a_release_is_built_with_overflow_checks() {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--offline", "--package", "postlink-patcher"])
        // A stable cargo prints its plan only if it is taken for an unstable one.
        .args(["-Z", "unstable-options", "--unit-graph"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(fixture("../.."))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let built = list(&plan["units"]).iter().filter(|unit| unit["mode"] == "build");
    let checked: Vec<bool> = built.map(|unit| unit["profile"]["overflow_checks"] == true).collect();
    assert!(checked.len() > 100 && checked.iter().all(|checked| *checked), "{checked:?}");
    // A published crate has no profile: whoever installs it says so.
    let page = Page::read("patcher/README.md");
    assert!(page.text().contains(" --config profile.release.overflow-checks=true"));
}

/// The long form: a release is built twice, from clones in different folders, and installed by cargo, as
/// the guide says.
#[test]
fn equal_sources_are_built_into_equal_bytes() {
    if std::env::var_os("POSTLINK_MATRIX").is_none_or(|matrix| matrix != "full") {
        return;
    }
    let folder = Folder::new();
    let sources = fixture("../..").display().to_string();
    let line = |heading: &str| {
        let block = part(heading).blocks("console").remove(0);
        block.trim().strip_prefix("$ ").expect("a command").to_owned()
    };
    let run = |clone: &str, line: &str| {
        let line = format!("unset CARGO_TARGET_DIR; cd '{clone}' && {line}");
        folder.run_words("sh".as_ref(), &["-c", &line]).ok()
    };
    let clones = ["one", "another longer name"];
    for clone in clones {
        folder.run_words("git".as_ref(), &["clone", "--quiet", &sources, clone]).ok();
        run(clone, &line("A release of your own"));
    }
    for name in [ARCHIVE, PACKAGE, &format!("{ARCHIVE}.sha256")] {
        let [one, other] = clones.map(|clone| folder.read(&format!("{clone}/dist/{name}")));
        assert!(one == other, "{name}");
    }
    folder.run(&format!("tar --extract --file one/dist/{ARCHIVE} --strip-components=1")).ok();
    assert!(!folder.run("readelf --program-headers bin/postlink").ok().contains("INTERP"));
    assert!(!folder.run("readelf --dynamic bin/postlink").ok().contains("NEEDED"));
    let program = folder.read("bin/postlink");
    let told = b"attempt to add with overflow";
    assert!(program.windows(told.len()).any(|bytes| bytes == told), "overflow is told");
    works_alone(&folder, &folder.path("bin/postlink"));
    run("one", &format!("{} --root ../installed", line("With cargo")));
    assert!(folder.run("./installed/bin/postlink --version").ok().starts_with("postlink 0.1.0"));
}

/// The program works in a folder where there is nothing else: no C library, no `/proc`, no `/tmp`.
fn works_alone(folder: &Folder, program: &Path) {
    std::fs::create_dir(folder.path("alone")).expect("a folder");
    std::fs::copy(program, folder.path("alone/postlink")).expect("the program");
    folder.copy("one/schema.toml", "alone/schema.toml");
    let alone = folder.path("alone").display().to_string();
    let run = |line: &str| {
        folder.run(&format!("unshare --map-root-user --root={alone} --wd=/ /postlink {line}")).ok()
    };
    run("generate --schema schema.toml --out-header lix.hh --out-source lix.cc");
    folder.run("g++ -std=c++17 -fPIC -shared alone/lix.cc -o alone/liblix.so").ok();
    run("fill liblix.so --output filled.so --set version=2.1.0 --set prefix=/opt/lix");
    let version = run("inspect --field version filled.so");
    assert_eq!(version, "2.1.0\n");
    run("verify liblix.so filled.so");
}
