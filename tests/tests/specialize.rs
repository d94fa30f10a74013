//! `postlink specialize`: a real package at its final place, or a refusal that leaves nothing.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use postlink_tests::Folder;
use postlink_tests::lix::expected;
use postlink_tests::package::{Build, install, set_mode};

const VERSION: &str = "2.96.0-dev-20261122_be438c62e1bd";

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()
}

/// Specializes `old` to `new` in the folder.
fn specialize(folder: &Folder, old: &Path, new: &Path, more: &str) -> postlink_tests::Run {
    let (old, new) = (old.display(), new.display());
    folder.postlink(&format!("specialize --output {old}={new} --set version={VERSION} {more}"))
}

/// Neither the new tree nor anything on the way to it.
fn nothing_there(folder: &Folder, new: &str) {
    let names = folder.names();
    let bad = |name: &&String| *name == new || name.starts_with(".postlink");
    assert_eq!(names.iter().find(bad), None, "{names:?}");
}

#[test]
fn a_package_runs_at_its_new_place_when_the_old_one_is_gone() {
    let folder = Folder::new();
    // Longer, shorter, and inside of the old path: as a text, the old one is in the new one.
    for new in ["a-much-longer-name-than-before", "s", "old/inside"] {
        let _ = fs::remove_dir_all(folder.path("old"));
        let old = install(&folder, "old", Build::default());
        let new = folder.path(new);
        let moved = if new.starts_with(&old) {
            let aside = folder.path("aside");
            fs::rename(&old, &aside).expect("the package");
            fs::create_dir(&old).expect("a folder");
            let words = format!("--rewrite {}={}", old.display(), new.display());
            let run = specialize(&folder, &aside, &new, &words);
            fs::remove_dir_all(aside).expect("the package");
            run
        } else {
            let run = specialize(&folder, &old, &new, "");
            fs::remove_dir_all(&old).expect("the package");
            run
        };
        moved.ok();
        let prefix = shown(&new);
        assert_eq!(
            folder.run(&format!("{prefix}/bin/program")).ok(),
            expected(VERSION, &prefix, true)
        );
        let old = shown(&old);
        assert_eq!(
            text(&new.join("lib/pkgconfig/values.pc")),
            format!(
                "prefix={prefix}\nVersion: 0.0.0-unspecialized\nLibs: -L{prefix}/lib -lvalues # {prefix}:{prefix}\n"
            )
        );
        assert_eq!(
            text(&new.join("share/doc/readme")),
            format!("It is in {prefix}. Not in {old}2 or /x{old}.\n")
        );
        assert!(
            fs::read(new.join("share/doc/latin1")).expect("a file").starts_with(b"Gr\xfc\xdfe")
        );
        let link = |name: &str| shown(&fs::read_link(new.join(name)).expect(name));
        assert_eq!(link("libexec/absolute"), format!("{prefix}/bin/program"));
        assert_eq!(link("bin/relative"), "program");
        assert_eq!(link("libexec/outside"), "/usr/bin/env");
        assert_eq!(link("libexec/dangling"), "nowhere");
    }
}

#[test]
fn a_copy_keeps_what_cp_keeps() {
    let folder = Folder::new();
    let old = install(&folder, "old", Build::default());
    // A hole, a read-only file in a read-only folder, an attribute, a name that is no UTF-8.
    folder.run("truncate --size 50M old/share/sparse").ok();
    folder.run("setfattr --name user.note --value kept old/share/doc/readme").ok();
    folder.run("setfacl --modify user:1:r old/share/doc/latin1").ok();
    let odd = std::os::unix::ffi::OsStringExt::from_vec(b"odd\xff".to_vec());
    fs::write(old.join::<std::ffi::OsString>(odd), shown(&old)).expect("a file");
    folder
        .run("touch --date 2001-02-03T04:05:06.789 old/lib old/bin/program old/share/doc/readme")
        .ok();
    folder.run("touch --no-dereference --date 2002-02-02 old/bin/relative").ok();
    folder.run("chown --no-dereference 1:2 old/share/doc/latin1 old/bin/relative old/share").ok();
    set_mode(&old.join("bin/program"), 0o4555);
    set_mode(&old.join("share/doc/readme"), 0o444);
    set_mode(&old.join("share/doc"), 0o555);
    let new = folder.path("new-and-shorter-than-cp-would-be");
    let new = new.with_file_name("new");
    specialize(&folder, &old, &new, "").ok();
    folder.run("cp --archive old copied").ok();
    let listing = |tree: &str| {
        let format = "--printf=%n %f %u %g %h %Y %F\\n";
        let list = format!(
            "cd {tree} && find . | LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 stat '{format}'"
        );
        folder.run_words("sh".as_ref(), &["-c", &list]).ok()
    };
    assert_eq!(listing("new"), listing("copied"));
    let attributes = |tree: &str| {
        let line =
            format!("cd {tree} && getfattr --dump --match - share/doc/readme share/doc/latin1");
        folder.run_words("sh".as_ref(), &["-c", &line]).ok()
    };
    assert_eq!(attributes("new"), attributes("copied"));
    assert!(attributes("new").contains("user.note=\"kept\""));
    let sparse = fs::metadata(new.join("share/sparse")).expect("a file");
    assert_eq!((sparse.len(), sparse.blocks()), (50 << 20, 0));
    let inode = |name: &str| fs::metadata(new.join(name)).expect(name).ino();
    assert_eq!(inode("lib/libvalues.so"), inode("lib/libvalues.so.1"));
}

#[test]
fn runpaths_fit_or_are_refused() {
    let folder = Folder::new();
    let runpath = |tree: &str| {
        let said = folder.run(&format!("readelf --dynamic {tree}/bin/program")).ok();
        let line = said.lines().find(|line| line.contains("RUNPATH")).expect("a RUNPATH");
        line.rsplit('[').next().expect("a path").trim_end_matches(']').to_owned()
    };
    let old = install(&folder, "old-package", Build::default());
    specialize(&folder, &old, &folder.path("new"), "").ok();
    assert_eq!(runpath("new"), format!("{}/lib", folder.path("new").display()));
    specialize(&folder, &old, &folder.path("a-longer-name"), "").ok();
    assert_eq!(runpath("a-longer-name"), "$ORIGIN/../lib");

    // A program with more rights than its user ignores $ORIGIN.
    set_mode(&old.join("bin/program"), 0o4755);
    let said = specialize(&folder, &old, &folder.path("another-longer-name"), "").fails(1);
    assert!(said.contains("bin/program: the RUNPATH"), "{said}");
    assert!(said.contains("help: link it with a longer path"), "{said}");
    assert!(said.contains("set-user-ID") && !said.contains("$ORIGIN"), "{said}");
    nothing_there(&folder, "another-longer-name");

    // Of a library that is opened by a link in another folder, the loader takes that for $ORIGIN.
    let flags = format!("-Wl,-rpath,{}/lib", folder.path("linked").display());
    let linked = install(&folder, "linked", Build { flags: &flags, ..Build::default() });
    fs::create_dir(linked.join("plugins")).expect("a folder");
    symlink("../lib/libvalues.so", linked.join("plugins/values.so")).expect("a link");
    fs::remove_file(linked.join("lib/libvalues.so.1")).expect("a name");
    let said = specialize(&folder, &linked, &folder.path("linked-elsewhere"), "").fails(1);
    assert!(said.contains("lib/libvalues.so: the RUNPATH"), "{said}");
    assert!(!said.contains("bin/program"), "{said}");
    // Its way may go through another link, which leads somewhere only where the tree will be. Nor is it known where
    // a link leads that the system refuses to follow; one to nothing leads nowhere.
    symlink(linked.join("lib"), linked.join("current")).expect("a link");
    symlink(folder.path(""), folder.path("alias")).expect("a link");
    let current = linked.join("current/libvalues.so").display().to_string();
    for (target, is_clear) in [
        (&*current, false),
        ("../current/libvalues.so", false),
        // By a folder that is a link here, and by one that may be one where the tree will be.
        (&folder.path("alias/linked-elsewhere/lib/libvalues.so").display().to_string(), false),
        ("/srv/nothing-here/lib/libvalues.so", false),
        ("/srv/nothing-here/lib/libother.so", true),
        (&format!("/{}", "x".repeat(300)), false),
        ("x", true),
    ] {
        fs::remove_file(linked.join("plugins/values.so")).expect("a link");
        symlink(target, linked.join("plugins/values.so")).expect("a link");
        let run = specialize(&folder, &linked, &folder.path("linked-elsewhere"), "");
        let _ = fs::remove_dir_all(folder.path("linked-elsewhere"));
        assert_eq!(run.code, i32::from(!is_clear), "{run:?}");
        assert_eq!(run.stderr.contains("lib/libvalues.so: the RUNPATH"), !is_clear, "{run:?}");
    }

    // The library of another package cannot be named relative to this one.
    let program = folder.path("user");
    fs::create_dir(&program).expect("a folder");
    fs::copy(old.join("bin/program"), program.join("program")).expect("a program");
    let (old, user) = (old.display(), program.display());
    let new = folder.path("a-longer-name");
    let new = new.display();
    let line = format!("specialize --output {user}={user}2 --rewrite {old}={new}");
    let said = folder.postlink(&line).fails(1);
    assert!(said.contains("there is room for"), "{said}");
}

#[test]
fn what_is_left_is_listed_and_nothing_stays() {
    let folder = Folder::new();
    let old = install(&folder, "old", Build::default());
    let reference = shown(&old);
    let wide: Vec<u8> = reference.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(old.join("share/wide"), wide).expect("a file");
    fs::write(old.join("share/data"), format!("\0{reference}/x\0")).expect("a file");
    let new = folder.path("new");
    let said = specialize(&folder, &old, &new, "");
    assert_eq!(said.code, 3, "{}", said.stderr);
    for file in ["share/wide", "share/data"] {
        assert!(said.stdout.contains(&format!("{}/{file}", new.display())), "{}", said.stdout);
    }
    nothing_there(&folder, "new");

    // What is known to be harmless, and what stays to be looked at.
    let allowed = "--allow-left share/wide --allow-left share/d*";
    specialize(&folder, &old, &new, allowed).ok();
    fs::remove_dir_all(&new).expect("the tree");
    assert_eq!(specialize(&folder, &old, &new, "--keep-failed").code, 3);
    assert!(folder.run("new/bin/program").code == 0 || new.join("bin/program").exists());
    fs::remove_dir_all(&new).expect("the tree");

    // Of equal length, data can be rewritten; the wide characters cannot.
    let said = specialize(&folder, &old, &new, "--equal-length --allow-left share/wide").ok();
    assert!(said.contains("is now"), "{said}");
    assert_eq!(
        fs::read(new.join("share/data")).expect("a file"),
        format!("\0{}/x\0", new.display()).as_bytes()
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = Folder::new();
    let old = install(&folder, "old", Build::default());
    folder.run("mkfifo old/share/pipe").ok();
    let long = "9.9.9".to_owned() + &"x".repeat(200);
    let (from, to) = (old.display(), folder.path("new"));
    let line = format!("specialize --output {from}={} --set version={long}", to.display());
    let said = folder.postlink(&line).fails(1);
    assert!(said.contains("share/pipe is a named pipe, which cannot be copied"), "{said}");
    assert!(said.contains("field `version`: "), "{said}");
    nothing_there(&folder, "new");
    fs::remove_file(old.join("share/pipe")).expect("a pipe");

    let refused = |more: &str| specialize(&folder, &old, &to, more).fails(1);
    let said = refused("--set colour=red");
    assert!(said.contains("colour"), "{said}");
    fs::create_dir(&to).expect("a folder");
    fs::write(to.join("here"), "").expect("a file");
    let said = refused("");
    assert!(said.contains("new exists already"), "{said}");
    fs::remove_dir_all(&to).expect("a folder");
    for (line, what) in [
        ("specialize --output old=new", "is not SRC=DST"),
        ("specialize --output old=/x/y --output old/lib=/x/y/z", "are in one another"),
        ("specialize --output old=/x/y --rewrite /usr=/opt/x", "has only one component"),
    ] {
        let said = folder.postlink(line).fails(2);
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn a_manifest_does_what_a_scan_does() {
    let folder = Folder::new();
    let old = install(&folder, "old", Build::default());
    let reference = shown(&old);
    folder.postlink(&format!("scan old --reference {reference} --manifest manifest.json")).ok();
    specialize(&folder, &old, &folder.path("new1"), "").ok();
    specialize(&folder, &old, &folder.path("new2"), "--manifest manifest.json").ok();
    let prefix = folder.path("new2");
    let printed = folder.run("new2/bin/program").ok();
    assert_eq!(printed, expected(VERSION, &shown(&prefix), true));
    let plan = |more: &str| {
        folder
            .postlink(&format!("specialize --output {reference}=/x/y --dry-run --json {more}"))
            .ok()
    };
    assert_eq!(plan(""), plan("--manifest manifest.json"));
    // Another name, another size, other bytes at a place.
    let said = |what: &str| {
        let said =
            specialize(&folder, &old, &folder.path("new4"), "--manifest manifest.json").fails(1);
        assert!(said.contains(what), "{said}");
        nothing_there(&folder, "new4");
    };
    fs::write(old.join("more"), "").expect("a file");
    said("does not fit");
    fs::remove_file(old.join("more")).expect("a file");
    let readme = fs::read(old.join("share/doc/readme")).expect("a file");
    fs::write(old.join("share/doc/readme"), [b"x", &readme[..readme.len() - 1]].concat())
        .expect("a file");
    said("readme");
    let line = format!(
        "specialize --output {reference}=/x/y --manifest manifest.json --rewrite /opt/z=/opt/y"
    );
    let refused = folder.postlink(&line).fails(1);
    assert!(refused.contains("knows nothing of `/opt/z`"), "{refused}");
}

/// Archives split files with several names, and stores join equal ones: then a manifest left the second name as it was.
#[test]
fn a_manifest_does_not_ask_which_names_are_of_one_file() {
    let folder = Folder::new();
    let old = install(&folder, "old", Build::default());
    let reference = shown(&old);
    fs::hard_link(old.join("lib/libvalues.so"), old.join("lib/twin.so")).expect("a name");
    fs::write(old.join("a.conf"), format!("x {reference}/share\n")).expect("a file");
    fs::hard_link(old.join("a.conf"), old.join("b.conf")).expect("a name");
    fs::copy(old.join("a.conf"), old.join("c.conf")).expect("a file");
    folder.postlink(&format!("scan old --reference {reference} --manifest manifest.json")).ok();
    specialize(&folder, &old, &folder.path("joined"), "--manifest manifest.json").ok();
    for name in ["lib/twin.so", "b.conf"] {
        let bytes = fs::read(old.join(name)).expect("a file");
        fs::remove_file(old.join(name)).expect("a name");
        fs::write(old.join(name), bytes).expect("a file of its own");
    }
    fs::remove_file(old.join("c.conf")).expect("a name");
    fs::hard_link(old.join("a.conf"), old.join("c.conf")).expect("a name");
    let new = folder.path("new");
    specialize(&folder, &old, &new, "--manifest manifest.json").ok();
    for name in ["a.conf", "b.conf", "c.conf"] {
        let text = fs::read_to_string(new.join(name)).expect(name);
        assert_eq!(text, format!("x {}/share\n", shown(&new)), "{name}");
    }
    let library = |name: &str| fs::read(new.join(name)).expect("a library");
    assert!(library("lib/twin.so") == library("lib/libvalues.so"), "one of two was left");
}

#[test]
fn specialized_equals_rebuilt() {
    let folder = Folder::new();
    let flags = "-Wl,--build-id=none";
    let old = install(&folder, "tree-a", Build { version: "1.0.0-one", flags, ..Build::default() });
    let aside = folder.path("rebuilt");
    let new = install(&folder, "tree-b", Build { version: "2.0.0-two", flags, ..Build::default() });
    fs::rename(&new, &aside).expect("the rebuilt package");
    let (from, to) = (old.display(), new.display());
    folder.postlink(&format!("specialize --output {from}={to} --rewrite 1.0.0-one=2.0.0-two")).ok();
    // The state of the record is all that is another: filled, not generated. (The readme has a path
    // that only looks like the old one.)
    let said =
        folder.run("diff --recursive --no-dereference --brief --exclude readme rebuilt tree-b");
    assert_eq!(
        said.stdout,
        "Files rebuilt/lib/libvalues.so and tree-b/lib/libvalues.so differ\n\
                             Files rebuilt/lib/libvalues.so.1 and tree-b/lib/libvalues.so.1 differ\n"
    );
    let said = folder.postlink("verify rebuilt/lib/libvalues.so tree-b/lib/libvalues.so").ok();
    assert!(said.contains("nothing but declared values differs"), "{said}");
    assert!(!said.contains("defaults changed"), "{said}");
    let values = |tree: &str| {
        let said = folder.postlink(&format!("inspect {tree}/lib/libvalues.so")).ok();
        said.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(values("rebuilt"), values("tree-b"));
}

#[test]
fn a_staged_tree_names_its_final_place() {
    let folder = Folder::new();
    let old = install(&folder, "old", Build::default());
    let from = old.display();
    folder
        .postlink(&format!(
            "specialize --output {from}=/opt/app --destdir stage --set version=1.2.3"
        ))
        .ok();
    assert!(
        text(&folder.path("stage/opt/app/lib/pkgconfig/values.pc"))
            .starts_with("prefix=/opt/app\n")
    );
    let said = folder.postlink("inspect --field prefix stage/opt/app/lib/libvalues.so").ok();
    assert_eq!(said, "/opt/app\n");
}
