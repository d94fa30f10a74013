//! Old paths that a search can overlook, or take for others: `scan` tells them, and `specialize` leaves
//! none of them without a word.
#![forbid(unsafe_code)]

use std::fs;

use postlink_tests::{Folder, Run};
use serde_json::Value as Json;

/// A folder with a tree that has folders for programs and texts.
fn tree() -> Folder {
    let folder = Folder::new();
    for name in ["tree/bin", "tree/share/a", "tree/lib"] {
        fs::create_dir_all(folder.path(name)).expect(name);
    }
    folder
}

/// What `scan` finds of `/opt/app` in the tree.
#[track_caller]
fn found(folder: &Folder, code: i32) -> Vec<Json> {
    let run = folder.postlink("scan tree --reference /opt/app --json");
    assert_eq!(run.code, code, "{run:?}");
    let report: Json = serde_json::from_str(&run.stdout).expect("one object");
    report["trees"][0]["findings"].as_array().expect("findings").clone()
}

/// Makes `/srv/new` of the tree, which was built for `/opt/app`, in a new folder `out`.
#[track_caller]
fn specialize(folder: &Folder, more: &str) -> Run {
    let _ = fs::remove_dir_all(folder.path("out"));
    folder.postlink(&format!(
        "specialize --output tree=/srv/new --rewrite /opt/app=/srv/new --destdir out {more}"
    ))
}

/// The same; something is left. Gives what is said of it.
#[track_caller]
fn left(folder: &Folder, more: &str) -> String {
    let run = specialize(folder, more);
    assert_eq!((run.code, folder.path("out").exists()), (3, false), "{run:?}");
    run.stdout
}

fn verify(folder: &Folder, more: &str) -> Run {
    folder.postlink(&format!("verify tree out/srv/new --rewrite /opt/app=/srv/new {more}"))
}

const RUST: &str = r#"
const PREFIX: &str = "/opt/app";
const OTHER: &str = "deadlock";
fn main() { println!("{} {}", std::hint::black_box(PREFIX), std::hint::black_box(OTHER)); }
"#;

/// rustc ends no string, and puts the next one behind it: the path was taken for a part of
/// `/opt/appdeadlock`, and the program went on to print it.
#[test]
fn a_path_that_another_literal_follows_is_told_in_a_rust_program() {
    let folder = tree();
    folder.write("main.rs", RUST);
    folder.run("rustc -O --edition 2024 main.rs -o tree/bin/main").ok();
    let found = found(&folder, 3);
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((&one["possible"], &one["kind"]), (&true.into(), &"string".into()));
    assert!(one["text"].as_str().is_some_and(|text| text.contains("/opt/appdeadlock")), "{one:#}");
    let said = folder.postlink("scan tree --reference /opt/app").stdout;
    assert!(said.contains("possible: ") && said.contains("--other-path"), "{said}");

    let said = left(&folder, "");
    assert!(said.contains("/opt/appdeadlock") && said.contains("--other-path"), "{said}");
    left(&folder, "--equal-length");
    left(&folder, "--other-path /opt/apple --other-path /x/opt/app --allow-left lib/*");
    // Where it is another path, and where it does no harm.
    for more in ["--other-path /opt/appdeadlock", "--allow-left bin/*"] {
        specialize(&folder, more).ok();
        assert_eq!(folder.run("out/srv/new/bin/main").ok(), "/opt/app deadlock\n");
        verify(&folder, "").ok();
    }
    specialize(&folder, "--equal-length --possible").ok();
    verify(&folder, "--equal-length").fails(3);
    verify(&folder, "--equal-length --possible").ok();
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    assert_eq!(folder.run("out/srv/new/bin/main").ok(), "/srv/new deadlock\n");
}

/// The same in Python's compiled files, where the next object's mark follows. What is told to do helps.
#[test]
fn a_path_in_a_compiled_python_file_is_told_and_compiled_again() {
    let folder = tree();
    folder.write("tree/lib/app.py", "PREFIX = '/opt/app'\nprint(PREFIX)\n");
    folder.run("python3 -m py_compile tree/lib/app.py").ok();
    let found = found(&folder, 3);
    let compiled: Vec<&Json> =
        found.iter().filter(|one| one["path"].as_str().expect("a path").ends_with("pyc")).collect();
    assert_eq!(compiled.len(), 1, "{found:#?}");
    assert_eq!(compiled[0]["possible"], true);
    let said = left(&folder, "");
    assert!(said.contains("python3 -m compileall -f"), "{said}");
    specialize(&folder, "--allow-left lib/__pycache__/*").ok();
    folder.run("python3 -m compileall -q -f out/srv/new/lib").ok();
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    folder.postlink("scan out/srv/new --reference /opt/app").ok();
    let script = "import sys; sys.path.insert(0, 'out/srv/new/lib'); import app";
    assert_eq!(folder.run_words("python3".as_ref(), &["-c", script]).ok(), "/srv/new\n");
}

/// What stands before a string can hide its beginning alike: a text of a fixed size has no end.
#[test]
fn a_path_that_follows_another_literal_is_told() {
    let folder = tree();
    folder.write(
        "main.c",
        "#include <stdio.h>\n\
         const struct { char conf[8]; char prefix[9]; } both = {\"/etc/nix\", \"/opt/app\"};\n\
         int main(void) { puts(both.prefix); }\n",
    );
    folder.run("gcc -O1 main.c -o tree/bin/main").ok();
    let said = left(&folder, "");
    assert!(said.contains("possible: /etc/nix/opt/app"), "{said}");
    specialize(&folder, "--equal-length --possible").ok();
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    assert_eq!(folder.run("out/srv/new/bin/main").ok(), "/srv/new\n");
}

/// A word such as a version, likewise.
#[test]
fn a_version_that_another_literal_follows_is_told() {
    let folder = tree();
    folder.write(
        "main.c",
        "#include <stdio.h>\n\
         const struct { char version[9]; char next[9]; } both = {\"0.0.0-dev\", \"deadlock\"};\n\
         int main(void) { printf(\"%.9s %s\\n\", both.version, both.next); }\n",
    );
    folder.run("gcc -O1 main.c -o tree/bin/main").ok();
    let line = "specialize --output tree=/srv/new --rewrite 0.0.0-dev=2.97.1-rc --destdir out";
    let run = folder.postlink(line);
    assert_eq!((run.code, folder.path("out").exists()), (3, false), "{run:?}");
    assert!(run.stdout.contains("possible: 0.0.0-devdeadlock"), "{run:?}");
    let line = line.replace("2.97.1-rc", "2.97.1-rc --equal-length");
    assert_eq!(folder.postlink(&line).code, 3);
    let line = line.replace("2.97.1-rc", "2.97.1-r0 --possible");
    folder.postlink(&line).ok();
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    assert_eq!(folder.run("out/srv/new/bin/main").ok(), "2.97.1-r0 deadlock\n");
}

/// In a text the ends of a path are seen. In a program they are not, so there a path that nothing else
/// begins like is the one without false alarms.
#[test]
fn other_paths_are_no_references_in_texts_nor_beside_an_unmistakable_prefix() {
    let folder = tree();
    folder.write("tree/share/text", "/opt/apple /x/opt/app /opt/app-2 /opt/app.conf\n");
    assert_eq!(found(&folder, 0), [] as [Json; 0]);
    folder.write("main.c", "#include <stdio.h>\nint main(void) { puts(\"/opt/apple\"); }\n");
    folder.run("gcc main.c -o tree/bin/main").ok();
    assert_eq!(found(&folder, 3).len(), 1);
    let said = folder.postlink("scan tree --reference /opt/app-unspecialized").ok();
    assert!(said.contains("no references"), "{said}");
    folder.postlink("scan tree --reference /opt/app --other-path /opt/apple").ok();
}

#[test]
fn another_path_that_is_none_is_wrong_usage() {
    let folder = tree();
    for (other, why) in [
        ("/opt/banana", "has no path in it that is searched"),
        ("/opt/app/lib", "is rewritten with it"),
        ("/opt/app", "is rewritten with it"),
    ] {
        let option = format!("--other-path {other}");
        let said = specialize(&folder, &option).fails(2);
        assert!(said.contains(why), "{said}");
        let line = format!("scan tree --reference /opt/app {option}");
        assert!(folder.postlink(&line).fails(2).contains(why));
    }
    // A manifest knows it already: what is named beside it would have no effect.
    folder.write("tree/lib/data", "\0/opt/apple\0");
    let line = "scan tree --reference /opt/app --other-path /opt/apple --manifest manifest";
    folder.postlink(line).ok();
    let said = specialize(&folder, "--manifest manifest --other-path /opt/apple").fails(2);
    assert!(said.contains("cannot be used with"), "{said}");
    specialize(&folder, "--manifest manifest").ok();
}

/// `share/*` was taken for all that is below `share`.
#[test]
fn a_star_of_allow_left_stays_in_one_folder() {
    let folder = tree();
    folder.write("tree/share/a/data.bin", b"\0/opt/app\0");
    for pattern in ["share/*", "*", "share/a", "*/data.bin"] {
        left(&folder, &format!("--allow-left {pattern}"));
    }
    for pattern in ["share/**", "share/a/*", "**/data.bin", "share/*/d*"] {
        specialize(&folder, &format!("--allow-left {pattern}")).ok();
    }
}

/// `specialize` took the last of two values, where `fill` refuses both.
#[test]
fn one_field_is_set_once_for_fill_and_specialize() {
    let folder = tree();
    folder.write(
        "schema.toml",
        "[section.app]\n[section.app.field.version]\ntype = \"string\"\ncapacity = 9\nrequired = true\n",
    );
    folder.postlink("generate --schema schema.toml --out-header app.hh --out-source app.cc").ok();
    folder.run("g++ -std=c++17 -shared -fPIC app.cc -o tree/lib/libapp.so").ok();
    let set = "--set version=1 --set app.version=2";
    let filled = folder.postlink(&format!("fill tree/lib/libapp.so {set}")).fails(1);
    let specialized = specialize(&folder, set).fails(1);
    let line = filled.lines().find(|line| line.contains("version")).expect("a line");
    assert!(specialized.contains(line), "{filled}\n{specialized}");
    assert!(!folder.path("out").exists());
}

/// `$ORIGIN/opt/app` is beside the program, wherever `/opt/app` goes. It became another path, and the
/// program did not find its library any more.
#[test]
fn a_runpath_relative_to_the_program_stays() {
    let folder = tree();
    fs::create_dir_all(folder.path("tree/bin/opt/app/lib")).expect("a folder");
    folder.write("lib.c", "int answer(void) { return 42; }\n");
    folder.write("main.c", "int answer(void);\nint main(void) { return answer(); }\n");
    folder.run("gcc -shared -fPIC lib.c -o tree/bin/opt/app/lib/libanswer.so").ok();
    folder
        .run("gcc main.c -Ltree/bin/opt/app/lib -lanswer -Wl,-rpath,$ORIGIN/opt/app/lib:/opt/app/lib -o tree/bin/main")
        .ok();
    specialize(&folder, "").ok();
    verify(&folder, "").ok();
    fs::remove_dir_all(folder.path("tree")).expect("the old tree");
    assert_eq!(folder.run("out/srv/new/bin/main").code, 42);
    let said = folder.run("readelf -d out/srv/new/bin/main").ok();
    assert!(said.contains("[$ORIGIN/opt/app/lib:/srv/new/lib]"), "{said}");
}

/// Relative paths of a text stay, too. What a program decides when it runs is told.
#[test]
fn texts_with_relative_and_with_unclear_paths() {
    let folder = tree();
    folder.write(
        "tree/share/text",
        "a ./opt/app ../opt/app '../opt/app' ${ORIGIN}/opt/app\nb $VAR/opt/app ${DESTDIR}/opt/app\nc -L/opt/app/lib\n",
    );
    specialize(&folder, "").ok();
    verify(&folder, "").ok();
    assert_eq!(
        String::from_utf8_lossy(&folder.read("out/srv/new/share/text")),
        "a ./opt/app ../opt/app '../opt/app' ${ORIGIN}/opt/app\nb $VAR/srv/new ${DESTDIR}/srv/new\nc -L/srv/new/lib\n"
    );
    for text in [
        "exec \"$(dirname \"$0\")\"/opt/app/bin/run\n",
        "exec `dirname $0`/opt/app/bin/run\n",
        "printf(\"/opt/app%s\", name);\n",
        "DIR=/opt/app$SUFFIX\n",
        "DIR=/opt/app${SUFFIX}\n",
        "proxy http://localhost:8080/opt/app/api\n",
        "cd ~/opt/app\n",
        "/srv/%d/opt/app\n",
        "see /opt/app/../lib\n",
    ] {
        folder.write("tree/share/text", text);
        let said = left(&folder, "");
        assert!(said.contains("share/text: line 1, possible: "), "{said}");
        assert!(
            said.contains("what stands before or behind it may make it another path"),
            "{said}"
        );
        specialize(&folder, "--allow-left share/text").ok();
        assert_eq!(folder.read("out/srv/new/share/text"), text.as_bytes());
    }
}

/// A path in a folder whose name is not ASCII was taken for a path of its own. What is told of it has its letters.
#[test]
fn paths_in_folders_of_any_script_are_other_paths() {
    let folder = tree();
    folder.write("tree/share/text", "a /home/jürgen/opt/app/x\nb grün /opt/app für\n");
    let found = found(&folder, 0);
    let told: Vec<_> = found.iter().map(|one| one["text"].as_str().expect("a text")).collect();
    assert_eq!(told, ["b grün /opt/app für"]);
    // Nobody knows which character of an old encoding it is.
    folder.write("tree/share/text", b"/opt/app\xe9\n");
    assert!(left(&folder, "").contains("share/text: line 1, possible: "));
}

/// The shorter of two old paths was rewritten where a program makes a name of the longer one.
#[test]
fn a_longer_path_that_is_possible_is_left_whole() {
    let folder = tree();
    let more = "--rewrite /opt/app/lib=/srv/libs";
    folder.write("tree/share/text", "/opt/app/lib%s\n");
    let said = left(&folder, more);
    assert!(said.contains("share/text: line 1, possible: /opt/app/lib%s"), "{said}");
    // Where no string has an end that can be seen, nobody knows which of them it is.
    folder.write("tree/share/text", b"\0/opt/app/libdeadlock\0");
    let said = left(&folder, "--rewrite /opt/app/lib=/srv/new/lob --equal-length");
    assert!(said.contains("share/text: at 0x1, possible: "), "{said}");
    folder.write("tree/share/text", "/opt/app/libexec /opt/app/lib\n");
    specialize(&folder, more).ok();
    assert_eq!(folder.read("out/srv/new/share/text"), b"/srv/new/libexec /srv/libs\n");
}

/// Behind `..` another folder is meant.
#[test]
fn a_link_that_leads_out_of_the_old_path_is_left() {
    let folder = tree();
    std::os::unix::fs::symlink("/opt/app/../app/x", folder.path("tree/out")).expect("a link");
    assert!(left(&folder, "").contains("/opt/app/../app/x"));
    fs::remove_file(folder.path("tree/out")).expect("a link");
    std::os::unix::fs::symlink("/opt/app/lib/../x", folder.path("tree/in")).expect("a link");
    specialize(&folder, "").ok();
    let target = fs::read_link(folder.path("out/srv/new/in")).expect("a link");
    assert_eq!(target.to_str(), Some("/srv/new/lib/../x"));
}

/// To the kernel and the loader it is the same path; nothing was said of it.
#[test]
fn a_path_with_doubled_slashes_is_told_in_links_and_runpaths() {
    let folder = tree();
    folder.write("main.c", "int main(void) { return 0; }\n");
    folder.run("cc main.c -o tree/bin/main -Wl,-rpath,/usr/lib:/opt//app/lib").ok();
    std::os::unix::fs::symlink("/opt/./app/x", folder.path("tree/link")).expect("a link");
    std::os::unix::fs::symlink("/opt/dev/../app", folder.path("tree/up")).expect("a link");
    let said = left(&folder, "");
    assert!(said.contains("link: possible: -> /opt/./app/x"), "{said}");
    assert!(said.contains("up: possible: -> /opt/dev/../app"), "{said}");
    assert!(said.contains("bin/main: possible: /usr/lib:/opt//app/lib"), "{said}");
    specialize(&folder, "--allow-left link --allow-left up --allow-left bin/main").ok();
    verify(&folder, "").ok();
}

/// A manifest that was made before an edit of equal size knew a path where there is another one now.
#[test]
fn a_manifest_is_refused_where_another_path_is_now() {
    let folder = tree();
    folder.write("tree/share/text", "a /opt/app/x\n");
    folder.postlink("scan tree --reference /opt/app --manifest known").ok();
    specialize(&folder, "--manifest known").ok();
    for text in ["a /opt/apple\n", "a /opt/app%s\n", "h//opt/app/x\n"] {
        folder.write("tree/share/text", text);
        let run = specialize(&folder, "--manifest known");
        assert_eq!((run.code, folder.path("out").exists()), (1, false), "{text} {run:?}");
    }
}

/// A text that counts the bytes of its strings is wrong when one of them gets longer.
#[test]
fn counted_strings_are_told_and_left() {
    let folder = tree();
    let long = format!("s:20008:\"/opt/app{}\";", " ".repeat(20_000));
    for text in [
        "a:1:{s:3:\"dir\";s:10:\"/opt/app/x\";}",
        "16:prefix=/opt/app/,\n",
        &long,
        "blob\nmark :1\ndata 9\n/opt/app\n",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n/opt/app\n",
    ] {
        folder.write("tree/share/text", text);
        let said = left(&folder, "");
        assert!(said.contains("the text counts its bytes"), "{said}");
        specialize(&folder, "--allow-left share/text").ok();
        assert_eq!(folder.read("out/srv/new/share/text"), text.as_bytes());
        // Nobody wrote it anew.
        folder.write("out/srv/new/share/text", text.replace("/opt/app", "/srv/new"));
        verify(&folder, "").fails(3);
    }
}

/// Formats with checksums of their bytes were rewritten in place, and broke: a tar lost a member.
#[test]
fn files_with_checksums_are_left_whatever_stands_before_them() {
    let folder = tree();
    let make = r#"import io, struct, tarfile, zipfile, zlib
def part(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
png = b'\x89PNG\r\n\x1a\n' + part(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0))
png += part(b'tEXt', b'Source\0/opt/app') + part(b'IDAT', zlib.compress(b'\0\0')) + part(b'IEND', b'')
open('tree/lib/icon.png', 'wb').write(png)
with tarfile.open('tree/lib/all.tar', 'w') as tar:
    for name in '/opt/app/first', 'second':
        info = tarfile.TarInfo(name); info.size = 8; tar.addfile(info, io.BytesIO(b'/opt/app'))
data = io.BytesIO()
with zipfile.ZipFile(data, 'w') as stored: stored.writestr('__main__.py', 'print("/opt/app")')
open('tree/lib/app.pyz', 'wb').write(b'#!/opt/app/bin/python3\n' + data.getvalue())
"#;
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    let names = ["all.tar", "app.pyz", "icon.png"];
    for more in ["--equal-length", "--equal-length --possible"] {
        let said = left(&folder, more);
        for (name, format) in names.iter().zip(["tar", "ZIP", "PNG"]) {
            let line = |line: &&str| line.contains(name);
            assert!(said.lines().any(|one| line(&one)), "{name}: {said}");
            assert!(said.contains(format), "{format}: {said}");
        }
    }
    specialize(&folder, "--equal-length --allow-left lib/*").ok();
    verify(&folder, "--equal-length").ok();
    for name in names {
        assert_eq!(
            folder.read(&format!("tree/lib/{name}")),
            folder.read(&format!("out/srv/new/lib/{name}"))
        );
        // Bytes of equal length in their place are no change that specialize makes.
        let new = format!("out/srv/new/lib/{name}");
        let line = format!("sed -i s,/opt/app,/srv/new,g {new}");
        folder.run(&line).ok();
        let said = folder.postlink(
            "verify tree out/srv/new --rewrite /opt/app=/srv/new --equal-length --possible",
        );
        assert_eq!(said.code, 3, "{name}: {said:?}");
        folder.copy(&format!("tree/lib/{name}"), &new);
    }
}
