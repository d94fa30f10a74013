//! Compressed files that name an old path: told, left where that is allowed, rewritten where it is asked
//! for.
#![forbid(unsafe_code)]

use std::fs::{create_dir_all, remove_dir_all};

use postlink_tests::reads::assert_each_is_needed;
use postlink_tests::{Folder, Run, postlink};

/// Compressed texts, with the programs that unpack them.
const TEXTS: [(&str, &str); 4] = [
    ("share/a.1.gz", "gzip"),
    ("share/a.1.xz", "xz"),
    ("share/a.1.zst", "zstd"),
    ("share/a.1.bz2", "bzip2"),
];
/// Archives, each with the name of its member, and a program that has compressed debug information.
const OTHERS: [(&str, &str); 4] = [
    ("lib/a.zip", "doc/a"),
    ("lib/a.jar", "doc/a"),
    ("lib/a.tar.gz", "gzip"),
    ("lib/main", ".debug_str"),
];

const LINE: &str = "--rewrite /opt/app=/srv/a/longer/one";

fn tree() -> Folder {
    let folder = Folder::new();
    for name in ["tree/share", "tree/lib"] {
        create_dir_all(folder.path(name)).expect(name);
    }
    folder
}

/// All of [`TEXTS`] and [`OTHERS`].
fn everything() -> Folder {
    let folder = tree();
    folder.write("page", ".TH A 1\n.I /opt/app/bin\n");
    for (name, program) in TEXTS {
        let line = format!("{program} < page > tree/{name}");
        folder.run_words("sh".as_ref(), &["-c", &line]).ok();
    }
    let make = "import io, tarfile, zipfile
for name in 'a.zip', 'a.jar':
    with zipfile.ZipFile('tree/lib/' + name, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('doc/a', 'in /opt/app/share')
with tarfile.open('tree/lib/a.tar.gz', 'w:gz') as archive:
    member = tarfile.TarInfo('a'); member.size = 8; archive.addfile(member, io.BytesIO(b'/opt/app'))
";
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    let text = "/opt/app/include/x".repeat(2000);
    folder.write("main.c", format!("#define LONG \"{text}\"\nint main(void) {{ return 0; }}\n"));
    folder.run("gcc -g3 -gz -gstrict-dwarf main.c -o tree/lib/main").ok();
    folder
}

/// Where the second look at a file failed, it was called one that stays as it is.
#[test]
fn a_read_that_fails_is_no_text_that_stays() {
    let folder = tree();
    folder.write("page", ".I /opt/app/bin\n");
    folder.run_words("sh".as_ref(), &["-c", "gzip -n < page > tree/share/a.gz"]).ok();
    let scan = format!("{} scan tree --reference /opt/app --repack --json", postlink().display());
    let right = folder.run(&scan).ok();
    let mut refused = 0;
    for number in 1.. {
        let inject = format!("strace -f -o trace -e inject=pread64:error=EIO:when={number}");
        let run = folder.run(&format!("env RAYON_NUM_THREADS=1 {inject} {scan}"));
        if !String::from_utf8_lossy(&folder.read("trace")).contains("INJECTED") {
            break;
        }
        // The first reads are those of the program's own libraries.
        if run.code != 127 {
            let said = run.stdout + &run.stderr;
            let is_told = said.contains("Input/output error");
            assert!(is_told || said == right, "{number} {said}");
            refused += usize::from(run.code == 1);
        }
    }
    assert!(refused > 2, "{refused}");
}

/// It was left as a text that stays, with the system's words for advice; and where `verify` could not read it, it
/// differed.
#[test]
fn a_text_that_cannot_be_read_is_refused() {
    let folder = tree();
    folder.write("page", ".I /opt/app/bin\n");
    folder.run_words("sh".as_ref(), &["-c", "gzip -n < page > tree/share/a.gz"]).ok();
    let line = format!("specialize --output tree=/srv/new --destdir out {LINE} --repack");
    assert_each_is_needed(&folder, &format!("{line} --dry-run"), "tree/share/a.gz");
    folder.postlink(&line).ok();
    for name in ["tree/share/a.gz", "out/srv/new/share/a.gz"] {
        let line = format!("verify tree out/srv/new {LINE} --repack");
        assert_each_is_needed(&folder, &line, name);
    }
}

#[track_caller]
fn specialize(folder: &Folder, more: &str) -> Run {
    let _ = remove_dir_all(folder.path("out"));
    folder.postlink(&format!("specialize --output tree=/srv/new --destdir out {LINE} {more}"))
}

fn verify(folder: &Folder, more: &str) -> Run {
    folder.postlink(&format!("verify tree out/srv/new {LINE} {more}"))
}

/// Every one of them was refused as a file that had changed since it was scanned, and nothing helped.
#[test]
fn compressed_files_are_told_with_their_members_and_left_where_that_is_allowed() {
    let folder = everything();
    let run = specialize(&folder, "");
    assert_eq!((run.code, folder.path("out").exists()), (3, false), "{run:?}");
    for (name, member) in TEXTS.iter().chain(&OTHERS) {
        let line = format!("  /srv/new/{name}: {member}");
        assert!(run.stdout.contains(&line), "{line}\n{}", run.stdout);
    }
    assert!(run.stdout.contains("--repack"), "{run:?}");
    let allowed: String =
        TEXTS.iter().chain(&OTHERS).map(|(name, _)| format!(" --allow-left {name}")).collect();
    specialize(&folder, &allowed).ok();
    folder.run("diff -r tree out/srv/new").ok();
    verify(&folder, "").ok();
    // One of them that is not allowed is enough.
    let all_but_one = allowed.replacen("share/a.1.xz", "share/other", 1);
    assert_eq!(specialize(&folder, &all_but_one).code, 3);
}

#[test]
fn single_compressed_texts_are_rewritten_and_archives_stay() {
    let folder = everything();
    let run = specialize(&folder, "--repack");
    assert_eq!(run.code, 3);
    for (name, _) in TEXTS {
        assert!(!run.stdout.contains(name), "{run:?}");
    }
    for (name, member) in OTHERS {
        assert!(run.stdout.contains(&format!("{name}: {member}")), "{run:?}");
    }
    specialize(&folder, "--repack --allow-left lib/*").ok();
    folder.run("cp -a out first").ok();
    specialize(&folder, "--repack --allow-left lib/*").ok();
    folder.run("diff -r first out").ok();
    for (name, program) in TEXTS {
        let printed = folder.run(&format!("{program} -dc out/srv/new/{name}")).ok();
        assert_eq!(printed, ".TH A 1\n.I /srv/a/longer/one/bin\n", "{name}");
    }
    for (name, _) in OTHERS {
        assert_eq!(
            folder.read(&format!("tree/{name}")),
            folder.read(&format!("out/srv/new/{name}"))
        );
    }
    verify(&folder, "--repack").ok();
    let said = verify(&folder, "");
    assert_eq!(said.code, 3, "{said:?}");
    // Another text, and one that the compressors of postlink did not make.
    folder
        .run_words("sh".as_ref(), &["-c", "echo other | gzip -n > out/srv/new/share/a.1.gz"])
        .ok();
    assert_eq!(verify(&folder, "--repack").code, 3);
}

/// What cannot be rewritten in a text cannot be in a compressed one either, and is told, not dropped.
#[test]
fn compressed_texts_of_which_a_part_would_stay_are_told() {
    let folder = tree();
    let hash = "/nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl";
    for (text, why) in [
        (
            "/opt/app and printf(\"/opt/app%s\")",
            "what stands around a path in it may make it another one",
        ),
        ("s:8:\"/opt/app\";", "its text counts its bytes"),
        (&format!("{hash}-a {hash}-a-dev"), "it has a part of an old path"),
    ] {
        folder.write("text", text);
        folder.run_words("sh".as_ref(), &["-c", "gzip -n < text > tree/share/text.gz"]).ok();
        let more = format!("--repack --rewrite {hash}-a=/opt/a");
        let run = specialize(&folder, &more);
        assert_eq!((run.code, folder.path("out").exists()), (3, false), "{text} {run:?}");
        assert!(run.stdout.contains(why), "{run:?}");
        specialize(&folder, &format!("{more} --allow-left share/*")).ok();
        assert_eq!(folder.read("tree/share/text.gz"), folder.read("out/srv/new/share/text.gz"));
    }
    folder.write("text", "/opt/apple /x/opt/app\n");
    folder.run_words("sh".as_ref(), &["-c", "gzip -n < text > tree/share/text.gz"]).ok();
    specialize(&folder, "").ok();
}

/// A path in the header of gzip stayed in the copy, with nothing said: in its text there was another one.
#[test]
fn an_old_path_in_the_comment_of_gzip_is_told() {
    let folder = tree();
    let make = r#"import sys, zlib
for name, text in ('with', b'.I /opt/app/bin\n'), ('without', b'.I bin\n'):
    data = zlib.compressobj(9, wbits=-15)
    data = data.compress(text) + data.flush()
    end = zlib.crc32(text).to_bytes(4, 'little') + len(text).to_bytes(4, 'little')
    open(f'tree/share/{name}.gz', 'wb').write(b'\x1f\x8b\x08\x10\0\0\0\0\2\3built in /opt/app\0' + data + end)
"#;
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    folder.run("gzip -t tree/share/with.gz tree/share/without.gz").ok();
    let scan = folder.postlink("scan tree --reference /opt/app --repack");
    assert_eq!((scan.code, scan.stdout.matches("built in /opt/app").count()), (3, 2), "{scan:?}");
    let run = specialize(&folder, "--repack");
    assert_eq!((run.code, folder.path("out").exists()), (3, false), "{run:?}");
    for name in ["with", "without"] {
        assert!(run.stdout.contains(&format!("share/{name}.gz: built in /opt/app")), "{run:?}");
    }
    assert!(run.stdout.contains("gzip keeps an old path in its name or comment"), "{run:?}");
    specialize(&folder, "--repack --allow-left share/*").ok();
    verify(&folder, "--repack").ok();
}

/// `scan --repack` counts as handled what `specialize --repack` rewrites, and its manifest is the same.
#[test]
fn a_scan_tells_what_is_rewritten() {
    let folder = everything();
    let scan = |more: &str| {
        let line = "scan tree --reference /opt/app --json --manifest";
        let run = folder.postlink(&format!("{line} {more}"));
        assert_eq!(run.code, 3);
        serde_json::from_str::<serde_json::Value>(&run.stdout).expect("JSON")
    };
    let (plain, repacked) = (scan("plain.json"), scan("repacked.json --repack"));
    let actions = |report: &serde_json::Value, name: &str| -> Vec<String> {
        let findings = report["trees"][0]["findings"].as_array().expect("findings").iter();
        let of_file = findings.filter(|one| one["path"] == name);
        of_file.map(|one| one["action"].as_str().expect("an action").to_owned()).collect()
    };
    for (name, _) in TEXTS {
        assert_eq!(
            (actions(&plain, name), actions(&repacked, name)),
            (vec!["none".into()], vec!["repack".into()])
        );
    }
    for (name, _) in OTHERS {
        assert!(actions(&repacked, name).iter().all(|action| action == "none"), "{name}");
    }
    let texts = TEXTS.len() as u64;
    assert_eq!(repacked["handled"].as_u64(), plain["handled"].as_u64().map(|some| some + texts));
    assert_eq!(folder.read("plain.json"), folder.read("repacked.json"));
}

/// A text that its own checksum calls damaged is not packed again, with a checksum that would be right.
#[test]
fn damaged_texts_stay_damaged() {
    for (name, program) in TEXTS {
        let folder = tree();
        folder.write("page", ".TH A 1\n.I /opt/app/bin\n");
        folder.run_words("sh".as_ref(), &["-c", &format!("{program} < page > tree/{name}")]).ok();
        let mut bytes = folder.read(&format!("tree/{name}"));
        let end = bytes.len();
        // Where each has its checksum; that of xz lies in front of an index, whose size its end tells.
        let at = match program {
            "gzip" => end - 6,
            "xz" => end - 12 - 4 * (1 + usize::from(bytes[end - 8])) - 1,
            _ => end - 3,
        };
        bytes[at] ^= 8;
        folder.write(&format!("tree/{name}"), &bytes);
        assert_ne!(folder.run(&format!("{program} -t tree/{name}")).code, 0, "{name}");
        let run = specialize(&folder, "--repack");
        assert_eq!((run.code, folder.path("out").exists()), (3, false), "{name}: {run:?}");
    }
}
