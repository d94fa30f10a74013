//! What no plan can know: the last look at what was written, and changes that would overlap.
#![forbid(unsafe_code)]

use std::fs::{self, create_dir_all};
use std::os::unix::fs::symlink;

use postlink_tests::package::set_mode;
use postlink_tests::{Folder, Run};

fn tree() -> Folder {
    let folder = Folder::new();
    for name in ["tree/bin", "tree/lib", "tree/plugins"] {
        create_dir_all(folder.path(name)).expect(name);
    }
    folder
}

/// Where a new path meets what was behind the old one, an old path may come to be.
#[test]
fn an_old_path_that_comes_to_be_by_rewriting_is_told() {
    let folder = tree();
    folder.write("main.c", "int main(void) { return 0; }\n");
    let line = "specialize --output tree=/srv/new --rewrite /opt/app/lib=/opt --destdir out";
    for (name, kept) in [("text", "share"), ("main", "lib")] {
        let path = folder.path("tree/lib").join(name);
        for (below, code) in [("app/lib", 3), (kept, 0)] {
            match name {
                "text" => fs::write(&path, format!("in /opt/app/lib/{below}\n")).expect(name),
                _ => {
                    let rpath = format!("-Wl,-rpath,/opt/app/lib/{below}");
                    folder.run(&format!("gcc main.c {rpath} -o {}", path.display())).ok();
                }
            }
            let _ = fs::remove_dir_all(folder.path("out"));
            let run = folder.postlink(line);
            assert_eq!((run.code, folder.path("out").exists()), (code, code == 0), "{run:?}");
            let told = format!("/srv/new/lib/{name}: at ");
            assert_eq!(run.stdout.contains(&told), code == 3, "{run:?}");
        }
        fs::remove_file(path).expect(name);
    }
}

/// A string that the loader reads may begin inside of another one. Of two changes that overlap, each would
/// write over the other.
#[test]
fn changes_that_overlap_are_refused() {
    let folder = tree();
    folder.write("lib.c", "int answer(void) { return 42; }\n");
    // The loader reads the second half: the first is a string that nobody declared.
    folder.run("gcc -shared -fPIC lib.c -Wl,-rpath,/a/b/a/b/a/b -o tree/lib/libanswer.so").ok();
    let shift = "import struct
image = bytearray(open('tree/lib/libanswer.so', 'rb').read())
at, count = struct.unpack_from('<Q', image, 32)[0], struct.unpack_from('<H', image, 56)[0]
headers = [struct.unpack_from('<IIQQQQQQ', image, at + 56 * number) for number in range(count)]
[dynamic] = [header for header in headers if header[0] == 2]
entries = range(dynamic[2], dynamic[2] + dynamic[5], 16)
[runpath] = [at for at in entries if struct.unpack_from('<Q', image, at)[0] == 29]
struct.pack_into('<Q', image, runpath + 8, struct.unpack_from('<Q', image, runpath + 8)[0] + 4)
open('tree/lib/libanswer.so', 'wb').write(image)
";
    folder.run_words("python3".as_ref(), &["-c", shift]).ok();
    let said = folder.run("readelf -d tree/lib/libanswer.so").ok();
    assert!(said.contains("[/a/b/a/b]"), "{said}");
    let line = "specialize --output tree=/srv/new --rewrite /a/b/a/b=/c/d/e/f --destdir out";
    let said = folder.postlink(&format!("{line} --equal-length")).fails(1);
    assert!(said.contains("libanswer.so: the changes of this file overlap"), "{said}");
    assert!(!folder.path("out").exists());
}

/// A program and a library, built for `/opt/longer`: in a longer place, both look beside themselves.
fn built() -> Folder {
    let folder = tree();
    folder.write("two.c", "int two(void) { return 42; }\n");
    folder.write("one.c", "int two(void);\nint one(void) { return two(); }\n");
    folder.write("main.c", "int one(void);\nint main(void) { return one(); }\n");
    let link = "-Ltree/lib -Wl,-rpath,/opt/longer/lib -Wl,-rpath-link,tree/lib";
    folder.run("gcc -shared -fPIC two.c -o tree/lib/libtwo.so").ok();
    folder.run(&format!("gcc -shared -fPIC one.c {link} -ltwo -o tree/lib/libone.so")).ok();
    folder.run(&format!("gcc main.c {link} -lone -o tree/bin/main")).ok();
    folder
}

const NEW: &str = "/srv/a/much/longer/place";

#[track_caller]
fn specialize(folder: &Folder) -> Run {
    let _ = fs::remove_dir_all(folder.path("out"));
    let line = format!("specialize --output tree={NEW} --rewrite /opt/longer={NEW} --destdir out");
    folder.postlink(&line)
}

#[track_caller]
fn verify(folder: &Folder) -> Run {
    folder.postlink(&format!("verify tree out{NEW} --rewrite /opt/longer={NEW}"))
}

/// What is made, is accepted, and runs.
#[test]
fn folders_beside_a_file_are_accepted_where_the_loader_takes_them() {
    let folder = built();
    specialize(&folder).ok();
    let said = folder.run(&format!("readelf -d out{NEW}/bin/main")).ok();
    assert!(said.contains("[$ORIGIN/../lib]"), "{said}");
    verify(&folder).ok();
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    assert_eq!(folder.run(&format!("./out{NEW}/bin/main")).code, 42);
}

/// `verify` accepted what `specialize` refuses: of these files the loader takes another folder for
/// `$ORIGIN`, or none.
#[test]
fn folders_beside_a_file_are_not_accepted_where_the_loader_takes_others() {
    for (name, what) in [
        ("lib/libone.so", "a link"),
        ("lib/libone.so", "an absolute link"),
        ("lib/libone.so", "another name"),
        ("bin/main", "capabilities"),
        ("bin/main", "set-user-ID"),
        ("lib/libone.so", "set-group-ID"),
    ] {
        let folder = built();
        specialize(&folder).ok();
        for (root, target) in [("tree", "/opt/longer"), (&*format!("out{NEW}"), NEW)] {
            let root = folder.path(root);
            let (plugin, file) = (root.join("plugins/one.so"), root.join(name));
            match what {
                "a link" => symlink("../lib/libone.so", plugin).expect(what),
                "an absolute link" => {
                    symlink(format!("{target}/lib/libone.so"), plugin).expect(what);
                }
                "another name" => fs::hard_link(file, plugin).expect(what),
                "capabilities" => {
                    folder.run(&format!("setcap cap_net_raw+ep {}", file.display())).ok();
                }
                "set-user-ID" => set_mode(&file, 0o4755),
                _ => set_mode(&file, 0o2755),
            }
        }
        let run = verify(&folder);
        assert_eq!(run.code, 3, "{what}: {run:?}");
        let mut lines = run.stdout.lines().skip_while(|line| *line != format!("{name}:"));
        assert!(lines.nth(1).is_some_and(|line| line.contains("the RUNPATH `")), "{what}: {run:?}");
        let said = specialize(&folder).fails(1);
        assert!(said.contains(&format!("{name}: the RUNPATH")), "{what}: {said}");
    }
}
