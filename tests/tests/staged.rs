//! Trees that stand elsewhere than where they were built for: nothing but what they say of themselves
//! tells that place.
#![forbid(unsafe_code)]

use std::fs::{self, create_dir_all};
use std::os::unix::fs::symlink;

use postlink_tests::package::{Build, install, set_mode};
use postlink_tests::{Folder, Run};

/// Where a package was built for.
const BUILT: &str = "/opt/app-unspecialized";

/// A folder with the folders of an empty package.
fn stage() -> Folder {
    let folder = Folder::new();
    for name in ["stage/bin", "stage/lib/pkgconfig", "stage/etc"] {
        create_dir_all(folder.path(name)).expect(name);
    }
    folder
}

#[track_caller]
fn specialize(folder: &Folder, more: &str) -> Run {
    let _ = fs::remove_dir_all(folder.path("final"));
    folder.postlink(&format!("specialize --output stage=/opt/app --destdir final {more}"))
}

/// It is refused, and told what to add.
#[track_caller]
fn refused(folder: &Folder) {
    let said = specialize(folder, "").fails(1);
    assert!(said.contains(&format!("stage was built for {BUILT}, which ")), "{said}");
    assert!(said.contains(&format!("add --rewrite {BUILT}=/opt/app;")), "{said}");
    assert!(said.contains(&format!("or --rewrite {BUILT}={BUILT}, if it is to stay")), "{said}");
    assert!(!folder.path("final").exists());
}

/// It was carried with exit 0, and everything in it named the place that it was built for.
#[test]
fn a_staged_tree_is_refused_until_it_is_said_what_becomes_of_its_prefix() {
    let folder = Folder::new();
    let built = install(&folder, "built-for-this-longer-place", Build::default());
    create_dir_all(folder.path("stage")).expect("a folder");
    fs::rename(&built, folder.path("stage/pkg")).expect("staged");
    let (built, new) = (built.display(), folder.path("new").display().to_string());
    let line = format!("specialize --output stage/pkg={new} --set version=1.2.3");
    let said = folder.postlink(&line).fails(1);
    assert!(said.contains(&format!("add --rewrite {built}={new};")), "{said}");
    assert!(!folder.path("new").exists());
    // What is said to stay, stays.
    let stays = format!("{line} --rewrite {built}={built} --destdir out");
    folder.postlink(&stays).ok();
    let text = String::from_utf8(folder.read(&format!("out{new}/lib/pkgconfig/values.pc")));
    assert!(text.expect("a text").starts_with(&format!("prefix={built}\n")));

    folder.postlink(&format!("{line} --rewrite {built}={new}")).ok();
    folder.postlink(&format!("verify stage/pkg new --rewrite {built}={new}")).ok();
    fs::remove_dir_all(folder.path("stage")).expect("the old tree");
    let printed = folder.run("new/bin/program").ok();
    assert_eq!(printed, postlink_tests::lix::expected("1.2.3", &new, true));
}

/// A tree that was built for its final place needs nothing said.
#[test]
fn a_tree_that_was_built_for_its_final_place_passes() {
    let folder = Folder::new();
    let built = install(&folder, "built", Build::default());
    fs::rename(&built, folder.path("stage")).expect("staged");
    let built = built.display();
    folder.postlink(&format!("specialize --output stage={built} --set version=1.2.3")).ok();
    assert_eq!(folder.run("built/bin/program").code, 0);
}

#[test]
fn one_file_alone_tells_what_a_tree_was_built_for() {
    let folder = stage();
    folder.write("stage/lib/pkgconfig/app.pc", format!("prefix={BUILT}\nlibdir=${{prefix}}/lib\n"));
    refused(&folder);
    specialize(&folder, &format!("--rewrite {BUILT}={BUILT}")).ok();

    let folder = stage();
    folder.write("stage/lib/libapp.la", format!("dlname='libapp.so'\nlibdir='{BUILT}/lib'\n"));
    refused(&folder);

    let folder = stage();
    folder.write("stage/bin/tool", "");
    folder.write("stage/bin/script", format!("#! {BUILT}/bin/tool -x\n"));
    refused(&folder);

    let folder = stage();
    folder.write("stage/bin/tool", "");
    symlink(format!("{BUILT}/bin/tool"), folder.path("stage/etc/link")).expect("a link");
    refused(&folder);

    let folder = stage();
    folder.write("lib.c", "int answer(void) { return 42; }\n");
    folder.write("main.c", "int answer(void);\nint main(void) { return answer(); }\n");
    folder.run("gcc -shared -fPIC lib.c -o stage/lib/libanswer.so").ok();
    let link = "gcc main.c -Lstage/lib -lanswer -o stage/bin/main";
    folder.run(&format!("{link} -Wl,-rpath,/usr/lib/x:{BUILT}/lib")).ok();
    refused(&folder);
    specialize(&folder, &format!("--rewrite {BUILT}=/opt/app")).ok();
}

/// What leads to other packages proves nothing, also where a name in the tree is the same.
#[test]
fn a_package_that_names_other_packages_is_carried() {
    let folder = stage();
    folder.write("main.c", "int main(void) { return 0; }\n");
    folder.run("gcc main.c -Wl,-rpath,/usr/lib/x:/opt/other/lib -o stage/bin/main").ok();
    folder.write("stage/bin/python3", "");
    for (name, line) in [
        ("python", "#!/usr/bin/python3"),
        ("env", "#!/usr/bin/env python3"),
        ("sh", "#!/bin/sh"),
        ("other", "#!/opt/other/bin/run"),
    ] {
        folder.write(&format!("stage/bin/{name}"), format!("{line}\n"));
    }
    folder.write("stage/lib/pkgconfig/app.pc", "prefix=${pcfiledir}/../..\nother=/opt/other\n");
    for (name, target) in [
        ("app.conf", "/etc/app.conf"),
        ("localtime", "/usr/share/zoneinfo/UTC"),
        ("other", "/opt/other/etc/app"),
    ] {
        symlink(target, folder.path("stage/etc").join(name)).expect("a link");
    }
    specialize(&folder, "").ok();
    folder.postlink("verify stage final/opt/app").ok();
}

const OLD: &str = "/nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-a";
const NEW: &str = "/nix/store/1c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-a";

/// The hash of a staged store path stands for both the path it has and the one that it was built for:
/// that was taken for two new paths of one.
#[test]
fn a_staged_store_path_is_carried_and_verified() {
    let folder = Folder::new();
    let tree = format!("m{OLD}");
    create_dir_all(folder.path(&tree).join("bin")).expect("a folder");
    let here = folder.path(&tree).display().to_string();
    let script = format!("#!/bin/sh\necho {OLD}/share {here}/x\n");
    folder.write(&format!("{tree}/bin/run"), script);
    set_mode(&folder.path(&tree).join("bin/run"), 0o755);
    folder.postlink(&format!("scan {tree} --reference {OLD} --manifest manifest")).ok();
    let line = format!("specialize --output {tree}={NEW} --rewrite {OLD}={NEW}");
    for more in ["--destdir out", "--destdir again --manifest manifest"] {
        folder.postlink(&format!("{line} {more}")).ok();
    }
    folder.run("diff -r out again").ok();
    let verify = format!("verify {tree} out{NEW}");
    folder.postlink(&format!("{verify} --rewrite {OLD}={NEW}")).ok();
    folder.postlink(&verify).fails(3);
    fs::rename(folder.path("m"), folder.path("gone")).expect("the old tree");
    let printed = folder.run(&format!("./out{NEW}/bin/run")).ok();
    assert_eq!(printed, format!("{NEW}/share {NEW}/x\n"));
}

/// The store and a path in it were both named, and neither was rewritten.
#[test]
fn a_store_and_a_path_in_it_are_both_rewritten() {
    let folder = stage();
    let text = format!("{OLD}/bin /nix/store/other\n");
    folder.write("stage/etc/text", text);
    let rewrites = format!("--rewrite /nix/store=/gnu/store --rewrite {OLD}=/opt/x");
    specialize(&folder, &rewrites).ok();
    let text = String::from_utf8(folder.read("final/opt/app/etc/text")).expect("a text");
    assert_eq!(text, "/opt/x/bin /gnu/store/other\n");
    folder.postlink(&format!("verify stage final/opt/app {rewrites}")).ok();
    // The hash with another name is another path of the store, which nobody said anything about.
    folder.write("stage/etc/text", format!("{OLD}-dev\n"));
    assert_eq!(specialize(&folder, &rewrites).code, 3);
}
