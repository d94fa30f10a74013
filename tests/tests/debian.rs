//! The guide's Debian package, built by dpkg-buildpackage, installed by dpkg, and run.
#![forbid(unsafe_code)]

use std::fs;

use postlink_tests::page::Page;
use postlink_tests::{Folder, Run, fixture, postlink};

fn page() -> Page {
    Page::read("patcher/guides/debian.md")
}

/// The addon, installed in `usr` as the guide says, and the package's source in `app`.
fn example() -> Folder {
    let folder = Folder::new();
    let ours = fixture("../../patcher/debian").canonicalize().expect("the addon");
    let modules = folder.path("usr/share/perl5/Debian/Debhelper/Sequence");
    fs::create_dir_all(&modules).expect("a folder");
    fs::create_dir(folder.path("usr/bin")).expect("a folder");
    fs::copy(ours.join("postlink.pm"), modules.join("postlink.pm")).expect("postlink.pm");
    fs::copy(ours.join("dh_postlink"), folder.path("usr/bin/dh_postlink")).expect("dh_postlink");
    folder.run(&format!("cp -r {} app", fixture("debian").display())).ok();
    folder
}

/// Runs a line of the shell in a folder of the example. dpkg wants the administrator's programs too.
fn run(example: &Folder, within: &str, line: &str) -> Run {
    let root = example.path("");
    let ours = postlink().parent().expect("a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("PATH={}usr/bin:{ours}:{path}:/usr/sbin:/sbin", root.display());
    let perl = format!("PERL5LIB={}usr/share/perl5", root.display());
    let place = format!("--chdir={}", example.path(within).display());
    example.run_words("env".as_ref(), &[&place, &path, &perl, "sh", "-c", line])
}

#[test]
fn built_installed_and_run() {
    let example = example();
    let console = page().blocks("console").concat();
    let lines = console.lines().filter_map(|line| line.strip_prefix("$ "));
    let said: String = lines.map(|line| run(&example, "app", line).ok()).collect();
    assert!(said.ends_with("\n2.1.0-1 in /usr, 1704067200\n"), "{said}");

    // Installed, its sums are right, and the debug symbols are those of the new build-id.
    let root = example.path("root").display().to_string();
    for made in ["info", "updates", "triggers"] {
        fs::create_dir_all(example.path("root/var/lib/dpkg").join(made)).expect(made);
    }
    example.write("root/var/lib/dpkg/status", "");
    let dpkg = format!("fakeroot dpkg --root={root} --log=dpkg.log --force-depends");
    run(&example, "", &format!("{dpkg} --install *.deb")).ok();
    assert_eq!(run(&example, "", &format!("{dpkg} --verify app app-dbgsym")).ok(), "");
    let build_id = |file: &str| {
        let notes = example.run(&format!("readelf --notes {file}")).ok();
        let id = notes.split("Build ID: ").nth(1).expect(file);
        id.split_whitespace().next().expect(file).to_owned()
    };
    let id = build_id("root/usr/bin/app");
    let symbols = format!("root/usr/lib/debug/.build-id/{}/{}.debug", &id[..2], &id[2..]);
    assert_eq!(build_id(&symbols), id);
    assert_ne!(build_id("app/app"), id);

    // Built again elsewhere, the packages are the same.
    fs::create_dir_all(example.path("another/place")).expect("a folder");
    example.run(&format!("cp -r {} another/place/app", fixture("debian").display())).ok();
    run(&example, "another/place/app", "dpkg-buildpackage --build=binary --no-sign").ok();
    for name in example.names().iter().filter(|name| name.ends_with(".deb")) {
        assert!(example.read(name) == example.read(&format!("another/place/{name}")), "{name}");
    }
}

/// The step alone, on a package folder that was made by hand.
#[test]
fn what_is_refused() {
    let example = example();
    fs::create_dir_all(example.path("app/debian/app/usr/bin")).expect("a folder");
    std::os::unix::fs::symlink("/bin/true", example.path("app/debian/app/usr/bin/app"))
        .expect("a link");
    let step = "DEB_VERSION=1 SOURCE_DATE_EPOCH=0 dh_postlink";
    let said = run(&example, "app", step).fails(25);
    assert!(said.contains("usr/bin/app* matches no file, but for links and folders"), "{said}");
    let said = run(&example, "app", "DEB_VERSION=1 dh_postlink").fails(25);
    assert!(said.contains("SOURCE_DATE_EPOCH"), "{said}");
    fs::copy("/bin/true", example.path("app/debian/app/usr/bin/app-file")).expect("a program");
    let said = run(&example, "app", step).fails(25);
    assert!(said.contains("app-file has no postlink section"), "{said}");
}

/// No file of another package is filled, nor one of the system.
#[test]
fn files_out_of_the_package() {
    let example = example();
    run(
        &example,
        "app",
        "make CXX=g++ prefix=/usr && mkdir -p debian/app/usr ../outside && cp app ../outside",
    )
    .ok();
    let before = example.read("outside/app");
    std::os::unix::fs::symlink(example.path("outside"), example.path("app/debian/app/usr/link"))
        .expect("a link");
    for (pattern, told) in [
        ("usr/link/app", "out of the package in"),
        ("../../../outside/app", "out of the package in"),
        ("usr/app", ""),
    ] {
        example
            .write("app/debian/app.postlink", format!("{pattern} version=1 prefix=/usr built=0\n"));
        example.copy("app/app", "app/debian/app/usr/app");
        let run = run(&example, "app", "dh_postlink");
        if told.is_empty() {
            run.ok();
        } else {
            let said = run.fails(25);
            assert!(said.contains(told), "{said}");
        }
    }
    assert!(example.read("outside/app") == before);
    // An option and its value in two words.
    example.write("app/debian/app.postlink", "usr/app --values debian/values.toml\n");
    let said = run(&example, "app", "dh_postlink").fails(25);
    assert!(
        said.contains(
            "debian/values.toml is neither FIELD=VALUE nor an option; the value of one stands behind `=`"
        ),
        "{said}"
    );
}

/// The guide shows the files of the example.
#[test]
fn the_guide_shows_the_files() {
    let file = |name| fs::read_to_string(fixture("debian/debian").join(name)).expect(name);
    assert_eq!(page().blocks("make"), [file("rules")]);
    assert_eq!(page().blocks("text"), [file("app.postlink")]);
}
