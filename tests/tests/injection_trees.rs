//! Hostile names of files, sections, symbols, members and links, and hostile texts beside a path: what is said
//! of a tree is only what postlink says, each name can be found again, and what is done is the same.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fs::{create_dir_all, write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use postlink_tests::archive::{MAGIC, member_header};
use postlink_tests::hostile::{check, names, texts};
use postlink_tests::{Folder, fixture, postlink};
use rayon::prelude::*;
use serde_json::Value as Json;

const SCHEMA: &str = "[section.app.field]
prefix = { type = 'path', capacity = 9999, default = '/opt/app' }
label = { type = 'string', capacity = 9999, default = '' }
";

/// A library with a record, a section and a symbol that can have other names.
fn base() -> Folder {
    let folder = Folder::new();
    folder.write("schema.toml", SCHEMA);
    folder.postlink("generate --schema schema.toml --out-header app.gen.hh --out-source a.cc").ok();
    folder.write(
        "text.cc",
        "__attribute__((used, section(\"undeclared\"))) extern const char text[] asm(\"symbol\"); const char text[] = \"/opt/app/share\";\n",
    );
    folder.run("g++ -std=c++17 -fPIC -c a.cc text.cc").ok();
    folder
}

/// An archive with one member, whose name stands in front of its bytes (ar(5) of BSD), and can have any.
fn archive(name: &[u8], member: &[u8]) -> Vec<u8> {
    let header = member_header(&format!("#1/{}", name.len()), (name.len() + member.len()) as u64);
    [MAGIC, header.as_bytes(), name, member].concat()
}

/// The text without some bytes, behind a letter.
fn name(text: &[u8], without: &[u8]) -> OsString {
    let kept = text.iter().copied().filter(|byte| !without.contains(byte)).take(2000);
    OsString::from_vec([b"n".to_vec(), kept.collect()].concat())
}

/// The start of a word, as the name of a section can have it: it is not longer than 256 bytes.
fn section_word(word: &OsStr) -> OsString {
    let bytes = word.as_encoded_bytes();
    OsString::from_vec(bytes[..bytes.len().min(200)].to_vec())
}

/// The text as names that files can have.
fn file_names(text: &[u8]) -> Vec<OsString> {
    let parts = text.chunks(200).take(3);
    parts.map(|part| name(part, b"/")).collect()
}

/// A tree with the text in each place that it can have.
fn tree(base: &Folder, text: &[u8]) -> Folder {
    let folder = Folder::new();
    let (names, word) = (file_names(text), name(text, b"/,=@"));
    let name = &names[0];
    let of = |start: &str, word: &OsStr| [OsStr::new(start), word].join(OsStr::new(""));
    let path = |start: &str| folder.path("tree").join(of(start, name));
    let run = |program: &str, words: &[&OsStr]| folder.run_words(OsStr::new(program), words).ok();
    let all = [b"prefix=/opt/app\n", text, b"\n# /opt/app ", text, b"\n"].concat();
    for name in &names {
        let inner = path("folder ").join(name);
        create_dir_all(&inner).expect("folders");
        write(inner.join(name), &all).expect("a file");
        write(folder.path("tree").join(name), &all).expect("a file");
    }
    write(path("").with_extension("pc"), &all).expect("a file");
    write(path("data "), [b"\0/opt/app", text].concat()).expect("a file");
    symlink(of("/opt/app/", &word), path("link ")).expect("a link");
    let plain = path("").with_extension("so");
    let [a, b] = ["a.o", "text.o"].map(|file| base.path(file));
    let (rpath, soname) = (of("/opt/app/", &word), of("lib", &word));
    let linker = |words: [&OsStr; 4]| {
        words.map(|word| [OsStr::new("-Xlinker").to_owned(), word.to_owned()]).concat()
    };
    let mut words = linker([OsStr::new("-rpath"), &rpath, OsStr::new("-soname"), &soname]);
    words.extend(["-shared".into(), a.clone().into(), b.into(), "-o".into(), plain.clone().into()]);
    run("g++", &words.iter().map(OsString::as_os_str).collect::<Vec<_>>());
    let renames = [
        of("undeclared=", &word),
        of("postlink_app=postlink_", &section_word(&word)),
        of("symbol=", &word),
    ];
    let odd = path("odd ");
    run(
        "objcopy",
        &[
            "--rename-section".as_ref(),
            &renames[0],
            "--rename-section".as_ref(),
            &renames[1],
            "--redefine-sym".as_ref(),
            &renames[2],
            plain.as_ref(),
            odd.as_ref(),
        ],
    );
    write(path("lib").with_extension("a"), archive(word.as_encoded_bytes(), &base.read("a.o")))
        .expect("an archive");
    let tree = folder.path("tree").into_os_string();
    run(
        "tar",
        &[
            "-cf".as_ref(),
            path("tar ").as_ref(),
            "--no-unquote".as_ref(),
            "-C".as_ref(),
            &tree,
            "--".as_ref(),
            name,
        ],
    );
    let hash = "5b2f0c0f4b3a0f5f6f1e1d2c3b4a59687786950413223140f0e1d2c3b4a59687  ";
    write(folder.path("tree/SHA256SUMS"), of(hash, name).into_encoded_bytes()).expect("a list");
    folder
}

/// The tools that look at a tree.
struct Looks<'a> {
    folder: &'a Folder,
    text: &'a [u8],
}

impl Looks<'_> {
    /// Runs `postlink`, and checks what it says.
    fn run(&self, line: &str, file: Option<&PathBuf>) -> (String, Option<Json>) {
        let mut command = Command::new(postlink());
        command.args(line.split(' ')).args(file).current_dir(self.folder.path("."));
        let output = command.stdin(Stdio::null()).output().expect("postlink");
        let what = format!("{line} {file:?}, with {}", self.text.escape_ascii());
        let json = check(&what, &output, line.contains("--json"));
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).expect("UTF-8"), json.unwrap_or_else(|wrong| panic!("{wrong}")))
    }

    fn json(&self, line: &str, file: Option<&PathBuf>) -> Json {
        self.run(line, file).1.unwrap_or_else(|| panic!("{line} prints no JSON"))
    }
}

#[test]
fn trees_with_hostile_names() {
    let base = base();
    texts().par_iter().for_each(|text| {
        let folder = tree(&base, text);
        let looks = Looks { folder: &folder, text };
        let (names_of_files, word) = (file_names(text), name(text, b"/,=@"));
        let name = &names_of_files[0];
        let file = |start: &str| PathBuf::from([OsStr::new("tree/"), OsStr::new(start), name].join(OsStr::new("")));
        let (odd, library) = (file("odd "), file("lib").with_extension("a"));

        for scanned in [
            looks.json("scan tree --reference /opt/app --html page --manifest m --json", None),
            looks.json("scan tree --json", None),
        ] {
            for name in names_of_files.iter().chain([&word]) {
                assert!(names(&scanned, name.as_encoded_bytes()), "{scanned}");
            }
        }
        // A name is shown, not left out.
        let (said, _) = looks.run("scan -v tree --reference /opt/app", None);
        let clears = text.windows(4).any(|part| part == b"\x1b[2K");
        assert_eq!(said.contains("\\x1b[2K"), clears, "{said}");
        let page = fixture("../scan_page.py").display().to_string();
        folder.run_words(OsStr::new("python3"), &[&*page, "page"]).ok();

        for image in [&odd, &library] {
            looks.run("inspect", Some(image));
            let inspected = looks.json("inspect --json", Some(image));
            assert!(names(&inspected, image.as_os_str().as_encoded_bytes()), "{inspected}");
            let records = &inspected["images"][0]["records"];
            assert!(names(records, section_word(&word).as_encoded_bytes()), "{inspected}");
            looks.run("fill -n -v --set label=x", Some(image));
            let filled = looks.json("fill -n --set label=x --json", Some(image));
            assert_eq!(filled["images"][0]["outcome"], "planned", "{filled}");
            assert!(names(&filled, image.as_os_str().as_encoded_bytes()), "{filled}");
        }

        let specialize = "specialize --output tree=/opt/new --rewrite /opt/app=/opt/new --keep-failed --set label=x";
        looks.run(&format!("{specialize} -v --destdir out"), None);
        looks.run(&format!("{specialize} -v --destdir again --manifest m"), None);
        folder.run("diff -r --no-dereference out again").ok();
        let planned = looks.json(&format!("{specialize} -n --json --destdir out2"), None);
        assert!(names(&planned, name.as_encoded_bytes()), "{planned}");

        // What was carried is explained; what is changed behind that is told.
        looks.run("verify -v tree out/opt/new --rewrite /opt/app=/opt/new", None);
        for changed in ["", "odd ", "link "] {
            let path = folder.path("out/opt/new").join([OsStr::new(changed), name].join(OsStr::new("")));
            std::fs::remove_file(&path).expect("a file");
            write(path, "changed").expect("a file");
        }
        looks.run("verify -v tree out/opt/new --rewrite /opt/app=/opt/new", None);
        let verified = looks.json("verify tree out/opt/new --rewrite /opt/app=/opt/new --json", None);
        assert!(names(&verified, name.as_encoded_bytes()), "{verified}");
        looks.run("scan -v tree --reference /opt/app --against out/opt/new", None);
        looks.json("scan tree --reference /opt/app --against out/opt/new --json", None);
    });
}
