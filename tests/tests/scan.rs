//! `postlink scan`: every reference is found where it is, and told for what it is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{create_dir, create_dir_all, hard_link};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use postlink_tests::lix::{build_library, sources};
use postlink_tests::{COMPILERS, Folder, fixture, postlink};
use serde_json::Value as Json;

/// What `scan --json` says, and its exit code.
fn scan(folder: &Folder, line: &str, code: i32) -> Json {
    let run = folder.postlink(&format!("scan --json {line}"));
    assert_eq!(run.code, code, "{run:?}");
    serde_json::from_str(&run.stdout).expect("one object")
}

fn findings(report: &Json) -> &[Json] {
    report["trees"][0]["findings"].as_array().expect("findings")
}

/// The findings of a kind: the file, and what is behind these keys.
fn of_kind(report: &Json, kind: &str, keys: &[&str]) -> Vec<String> {
    let found = findings(report).iter().filter(|finding| finding["kind"] == kind);
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    found
        .map(|finding| {
            let keys = ["path"].iter().chain(keys);
            keys.map(|key| text(&finding[key])).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// A scan said that `specialize` does everything, which then refused the tree.
#[test]
fn what_specialize_cannot_copy_is_told() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder.write("tree/text", "see /opt/app\n");
    let line = "tree --reference /opt/app";
    scan(&folder, line, 0);
    folder.run("mkfifo tree/pipe").ok();
    folder.run("mknod tree/null c 1 3").ok();
    let _socket = UnixListener::bind(folder.path("tree/socket")).expect("a socket");
    let report = scan(&folder, line, 3);
    assert_eq!(
        of_kind(&report, "special", &["text", "action"]),
        [
            "null a device, which cannot be copied none",
            "pipe a named pipe, which cannot be copied none",
            "socket a socket, which cannot be copied none",
        ]
    );
    assert_eq!((&report["handled"], &report["unhandled"]), (&1.into(), &3.into()));
    let said = folder.postlink(&format!("scan {line} --manifest manifest")).fails_with_output(3);
    assert!(said.contains("specialize refuses the tree: 3 in 3 files"), "{said}");
    let new = folder.path("new").display().to_string();
    for manifest in ["", "--manifest manifest"] {
        let line = format!("specialize --output tree={new} --rewrite /opt/app={new} {manifest}");
        let refused = folder.postlink(&line).fails(1);
        for finding in of_kind(&report, "special", &["text"]) {
            let (name, text) = finding.split_once(' ').expect("a name");
            assert!(refused.contains(&format!("tree/{name} is {text}")), "{refused}");
        }
    }
}

/// A tree in which there is a reference of every kind.
fn every_kind() -> Folder {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    for part in ["tree", "tree/bin", "tree/lib", "tree/share"] {
        create_dir(folder.path(part)).expect(part);
    }
    let set = "--set version=1.2.3 --set prefix=/opt/app";
    folder.postlink(&format!("fill libvalues.so --output tree/lib/libvalues.so {set}")).ok();
    folder.write("app.cc", "extern const char data[]; const char data[] = \"see /opt/app/share.\"; extern const wchar_t wide[]; const wchar_t wide[] = L\"/opt/app\"; int main() {}");
    let path = folder.path("app.cc").parent().expect("the folder").display().to_string();
    folder
        .run(&format!(
            "g++ -g -gz=none -ffile-prefix-map={path}=/opt/app app.cc -o tree/bin/app -Wl,-rpath,/lib:/opt/app/lib -Wl,--dynamic-linker=/opt/app/ld.so"
        ))
        .ok();
    folder.write(
        "tree/share/app.pc",
        "prefix=/opt/app\n\nnot=/opt/apple /x/opt/app\nlibs=-L/opt/app/lib",
    );
    folder.write(
        "tree/share/utf16.txt",
        "\u{feff}/opt/app\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    );
    folder.write("tree/share/data", b"\x0a\x08/opt/app");
    symlink("/opt/app/bin/app", folder.path("tree/link")).expect("a link");
    folder
}

#[test]
fn each_reference_is_told_for_what_it_is() {
    let folder = every_kind();
    let report = scan(&folder, "tree --reference /opt/app", 3);
    let values = of_kind(&report, "value", &["section", "field", "text", "action"]);
    assert_eq!(values.len(), 7, "{values:?}");
    assert_eq!(values[0], "lib/libvalues.so lix prefix /opt/app fill");
    assert_eq!(values[1], "lib/libvalues.so lix bin_dir /opt/app/bin fill");
    assert_eq!(
        of_kind(&report, "runpath", &["text", "action"]),
        ["bin/app /lib:/opt/app/lib rewrite-runpath"]
    );
    assert_eq!(
        of_kind(&report, "text", &["line", "text", "action"]),
        [
            "share/app.pc 1 prefix=/opt/app rewrite-text",
            "share/app.pc 4 libs=-L/opt/app/lib rewrite-text"
        ]
    );
    assert_eq!(
        of_kind(&report, "link", &["text", "action"]),
        ["link /opt/app/bin/app rewrite-link"]
    );
    assert_eq!(
        of_kind(&report, "string", &["section", "symbol", "encoding", "text"]),
        [
            "bin/app .rodata data+0x4 plain see /opt/app/share.",
            "bin/app .rodata wide UTF-32LE /opt/app"
        ]
    );
    assert_eq!(
        of_kind(&report, "loader", &["text", "action"]),
        ["bin/app /opt/app/ld.so rewrite-loader"]
    );
    assert!(!of_kind(&report, "debug", &[]).is_empty(), "{report:#}");
    assert_eq!(
        of_kind(&report, "data", &["encoding", "text"]),
        ["share/data plain /opt/app", "share/utf16.txt UTF-16LE /opt/app"]
    );
    // The offsets are right: each names bytes of the reference.
    for finding in findings(&report).iter().filter(|finding| finding["encoding"] == "plain") {
        let path = finding["path"].as_str().expect("a path");
        if finding["kind"] != "link" {
            let at = finding["offset"].as_u64().expect("an offset") as usize;
            assert_eq!(folder.read(&format!("tree/{path}"))[at..at + 8], *b"/opt/app", "{finding}");
        }
    }
    // A default is in the descriptor, which no fill changes, but `specialize` does.
    let report = scan(&folder, "tree --reference /usr/local", 0);
    assert_eq!(
        of_kind(&report, "descriptor", &["section", "field", "text"]),
        ["lib/libvalues.so lix prefix /usr/local"]
    );
    // The report is the same each time, and says the same.
    let said = folder.postlink("scan tree --reference /opt/app");
    assert_eq!(said.stdout, folder.postlink("scan tree --reference /opt/app").stdout);
    assert!(said.code == 3 && said.stdout.contains("line 4: libs=-L/opt/app/lib"), "{said:?}");
}

#[test]
fn what_is_proposed_is_a_schema() {
    let folder = every_kind();
    folder.write("app.c", "const char *data(void) { return \"/opt/app/share/app\"; }");
    folder.run("gcc -shared -fPIC app.c -o tree/lib/libmy-app.so.1").ok();
    let report = scan(&folder, "tree --reference /opt/app", 3);
    let entries = findings(&report).iter().filter_map(|finding| finding["entry"].as_str());
    let tables: std::collections::BTreeSet<&str> =
        entries.flat_map(|entry| entry.split("\n\n")).collect();
    let tables: Vec<&str> = tables.into_iter().collect();
    folder.write("proposed.toml", tables.join("\n"));
    for section in ["app", "my_app"] {
        folder.postlink(&format!("generate --schema proposed.toml --section {section} --out-header {section}.hh --out-source {section}.cc")).ok();
    }
    let header = String::from_utf8(folder.read("my_app.hh")).expect("UTF-8");
    assert!(header.contains("share_app_path()"), "{header}");
}

#[test]
fn what_specialize_handles_ends_well() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder.write("tree/app.pc", "prefix=/opt/app");
    assert_eq!(scan(&folder, "tree --reference /opt/app", 0)["handled"], 1);
    assert_eq!(scan(&folder, "tree --reference /opt/other", 0)["handled"], 0);
    assert_eq!(scan(&folder, "tree/app.pc --reference /opt/app", 0)["handled"], 1);
    let store = "/nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-app-1.0";
    folder
        .write("tree/store", "x0c5n1x3gkr7d2wmf9vq8z4yjb6hap2slx 0c5n1x3gkr7d2wmf9vq8z4yjb6hap2s");
    assert_eq!(scan(&folder, &format!("tree --reference {store}"), 0)["handled"], 1);
    folder.write("tree/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-root", "");
    assert_eq!(scan(&folder, &format!("tree --reference {store}"), 3)["unhandled"], 1);
    for wrong in [
        "tree --reference opt/app",
        "tree --reference /",
        "tree --reference /a/../b",
        "tree tree --reference /a --against tree",
    ] {
        folder.postlink(&format!("scan {wrong}")).fails(2);
    }
    let said = folder.postlink("scan missing gone --reference /opt/app").fails(1);
    assert!(said.contains("missing") && said.contains("gone"), "{said}");
}

#[test]
fn inside_archives_and_compressed_files() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder.write("text", "found in /opt/app/share\n");
    for (packer, file) in
        [("gzip -c", "a.gz"), ("xz -c", "a.xz"), ("zstd -c", "a.zst"), ("bzip2 -c", "a.bz2")]
    {
        folder
            .run_words(
                OsStr::new("sh"),
                &["-c", &format!("{packer} text > {file}; cat {file} {file} > tree/{file}")],
            )
            .ok();
    }
    folder.run("python3 -m zipfile -c inner.zip text a.gz").ok();
    folder.run("python3 -m zipfile -c tree/a.zip inner.zip").ok();
    folder.run("ar rc tree/a.deb a.xz text").ok();
    folder.write("data.c", "const char data[] = \"/opt/app\";");
    folder.run("gcc -c data.c").ok();
    folder.run("ar rc tree/libdata.a data.o").ok();
    let report = scan(&folder, "tree --reference /opt/app", 3);
    assert_eq!(
        of_kind(&report, "member", &["member", "offset"])
            .into_iter()
            .filter(|line| !line.starts_with("a.deb [\"text") && !line.starts_with("libdata"))
            .collect::<Vec<_>>(),
        [
            "a.bz2 [\"bzip2\"] 9",
            "a.bz2 [\"bzip2\"] 33",
            "a.deb [\"a.xz\",\"xz\"] 9",
            "a.gz [\"gzip\"] 9",
            "a.gz [\"gzip\"] 33",
            "a.xz [\"xz\"] 9",
            "a.xz [\"xz\"] 33",
            "a.zip [\"inner.zip\",\"text\"] 9",
            "a.zip [\"inner.zip\",\"a.gz\",\"gzip\"] 9",
            "a.zst [\"zstd\"] 9",
            "a.zst [\"zstd\"] 33"
        ]
    );
    let plain = of_kind(&report, "member", &["member"]);
    assert!(
        plain.contains(&"a.deb [\"text\"]".into())
            && plain.contains(&"libdata.a [\"data.o\"]".into()),
        "{plain:?}"
    );
    // Without members, only what is not compressed is found, with its bytes in the file.
    let report = scan(&folder, "tree --no-members --reference /opt/app", 3);
    for finding in findings(&report) {
        let path = format!("tree/{}", finding["path"].as_str().expect("a path"));
        let at = finding["offset"].as_u64().expect("an offset") as usize;
        assert_eq!(folder.read(&path)[at..at + 8], *b"/opt/app", "{finding}");
    }
}

#[test]
fn compressed_debug_information_is_looked_into() {
    for format in ["zlib", "zstd"] {
        let folder = Folder::new();
        create_dir(folder.path("tree")).expect("a folder");
        folder.write("a.cc", "int answer() { return 42; }");
        let path = folder.path("a.cc").parent().expect("the folder").display().to_string();
        folder.run(&format!("clang++-19 -g -gz={format} -fuse-ld=lld -ffile-prefix-map={path}=/opt/app/{} -shared -fPIC a.cc -o tree/a.so", "x".repeat(80))).ok();
        let report = scan(&folder, "tree --reference /opt/app", 3);
        let found = of_kind(&report, "member", &["member"]);
        assert!(
            !found.is_empty() && found.iter().all(|line| line.contains("[\".debug_")),
            "{report:#}"
        );
    }
}

#[test]
fn what_cannot_be_unpacked_is_told() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder
        .run_words(OsStr::new("sh"), &["-c", "head -c 70000000 /dev/zero | gzip -9 > tree/bomb.gz"])
        .ok();
    let mut damaged = folder.read("tree/bomb.gz");
    damaged.truncate(2000);
    folder.write("tree/cut.gz", &damaged);
    folder.write("layer", "/opt/app");
    folder.run_words(OsStr::new("sh"), &["-c", "for n in 1 2 3 4 5; do gzip -n layer; mv layer.gz layer; done; mv layer tree/deep.gz"]).ok();
    folder.write("tree/zip.zip", b"PK\x03\x04 nothing else");
    let report = scan(&folder, "tree --reference /opt/app", 3);
    let unread = of_kind(&report, "unread", &["text"]);
    assert_eq!(unread.len(), 4, "{unread:?}");
    assert!(unread[0].contains("bomb.gz it unpacks to more than 67108864 bytes"), "{unread:?}");
    assert!(unread[1].contains("cut.gz it cannot be unpacked"), "{unread:?}");
    assert!(unread[2].contains("deep.gz it is compressed more than 4 times over"), "{unread:?}");
    assert!(unread[3].contains("zip.zip it is a damaged archive"), "{unread:?}");
    scan(&folder, "tree --no-members --reference /opt/app", 0);
}

#[test]
fn hostile_trees() {
    let folder = every_kind();
    for (target, name) in
        [("b", "a"), ("a", "b"), (".", "self"), ("/", "out"), ("../..", "up"), ("gone", "dangling")]
    {
        symlink(target, folder.path("tree").join(name)).expect(name);
    }
    folder.run("mkfifo tree/pipe").ok();
    let odd = folder.path("tree").join(OsStr::from_bytes(b"odd\xff\n<script>"));
    std::fs::write(&odd, "/opt/app").expect("a file");
    hard_link(&odd, folder.path("tree/other name")).expect("a link");
    // An image that ends too early, and one that is none.
    let image = folder.read("tree/bin/app");
    folder.write("tree/cut", &image[..image.len() / 2]);
    folder.write("tree/magic", b"\x7fELF /opt/app");
    // A section that lies behind the end of the file.
    let mut outside = image.clone();
    let headers = u64::from_le_bytes(*image[0x28..].first_chunk().expect("e_shoff")) as usize;
    outside[headers + 64 + 0x18..][..4].fill(0xff);
    folder.write("tree/outside", &outside);
    let report = scan(&folder, "tree --reference /opt/app", 3);
    assert_eq!(of_kind(&report, "text", &[])[..1], ["odd\\xff\\x0a<script>"]);
    assert_eq!(of_kind(&report, "text", &[]).len(), 3, "a file with two names is found once");
    assert!(of_kind(&report, "data", &[]).contains(&"magic".into()));
    assert_eq!(of_kind(&report, "link", &[]), ["link"]);
    create_dir(folder.path("other")).expect("a folder");
    folder.write("other/outside", &image);
    folder.postlink("scan tree --reference /opt/app --against other --html page.html").fails(3);
    let page = String::from_utf8(folder.read("page.html")).expect("UTF-8");
    assert!(page.contains("odd\\xff\\x0a&#60;script&#62;"), "{page}");
}

#[test]
fn unreadable_files_are_all_told() {
    let folder = Folder::new();
    create_dir_all(folder.path("tree/closed")).expect("a folder");
    std::fs::copy(postlink(), folder.path("postlink")).expect("postlink");
    for name in ["one", "two"] {
        folder.write(&format!("tree/{name}"), "/opt/app");
        folder.run(&format!("chmod 0 tree/{name}")).ok();
    }
    folder.run("chmod 755 .").ok();
    let user = if folder.run("id -u").ok() == "0\n" {
        "setpriv --reuid=65534 --regid=65534 --clear-groups "
    } else {
        ""
    };
    let program = folder.path("postlink");
    let scan =
        format!("{user}{} scan tree --reference /opt/app --manifest manifest", program.display());
    let said = folder.run(&scan).fails(1);
    assert!(said.contains("tree/one: ") && said.contains("tree/two: "), "{said}");
    folder.run("chmod 0 tree/closed").ok();
    let said = folder.run(&scan).fails(1);
    assert!(
        said.contains("cannot list tree/closed") && !folder.path("manifest").exists(),
        "{said}"
    );
    folder.run("chmod 755 tree/closed").ok();
}

#[test]
fn twenty_thousand_files() {
    let folder = Folder::new();
    for part in 0..20 {
        let name = format!("tree/{part}");
        create_dir_all(folder.path(&name)).expect("a folder");
        for file in 0..1000 {
            let text = if file % 500 == 7 { "prefix=/opt/app\n" } else { "nothing\n" };
            folder.write(&format!("{name}/{file}"), text);
        }
    }
    let report = scan(&folder, "tree --reference /opt/app", 0);
    assert_eq!((&report["handled"], &report["trees"][0]["files"]), (&40.into(), &20000.into()));
}

/// The manifest says what an independent look at the tree says, wherever the tree stands.
#[test]
fn manifest() {
    let folder = every_kind();
    hard_link(folder.path("tree/share/app.pc"), folder.path("tree/share/twin.pc")).expect("a link");
    folder.run("cp -a tree copy").ok();
    for tree in ["tree", "copy"] {
        folder
            .postlink(&format!("scan {tree} --reference /opt/app --manifest {tree}.json"))
            .fails(3);
    }
    let text = folder.read("tree.json");
    assert!(text == folder.read("copy.json"), "the manifest depends on the place of the tree");
    let manifest: Json = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(manifest["postlink_manifest"], 3);
    let check = "import hashlib, os, sys
h = hashlib.sha256()
def walk(folder, prefix):
    for name in sorted(os.listdir(folder)):
        path, relative = folder + b'/' + name, prefix + name
        kind = b'directory' if os.path.isdir(path) else b'file %d' % os.path.getsize(path) if not os.path.islink(path) else b''
        if os.path.islink(path): kind = b'link ' + os.readlink(path)
        h.update(relative + b'\\0' + kind + b'\\n')
        if kind == b'directory': walk(path, relative + b'/')
walk(b'tree', b'')
print(h.hexdigest())";
    let expected = folder.run_words(OsStr::new("python3"), &["-c", check]).ok();
    assert_eq!(manifest["trees"][0]["check"], expected.trim());
    let entries = manifest["trees"][0]["entries"].as_array().expect("entries");
    let by_path: BTreeMap<&str, &Json> =
        entries.iter().map(|entry| (entry["path"].as_str().expect("a path"), entry)).collect();
    let library = by_path["lib/libvalues.so"];
    assert_eq!(
        (&library["content"], &library["records"][0]["section"]),
        (&"image".into(), &"lix".into())
    );
    // What is known of a file is told of each of its names.
    assert_eq!(by_path["share/app.pc"]["content"], by_path["share/twin.pc"]["content"]);
    let findings = manifest["trees"][0]["findings"].as_array().expect("findings");
    let of = |path: &str| findings.iter().filter(|one| one["path"] == path).collect::<Vec<_>>();
    assert_eq!(of("share/app.pc")[1]["offset"], 50);
    assert_eq!(of("share/twin.pc")[1]["offset"], 50);
    assert_eq!(of("link")[0]["kind"], "link");
    folder.write("tree/share/more", "");
    folder.postlink("scan tree --reference /opt/app --manifest more.json").fails(3);
    let more: Json = serde_json::from_slice(&folder.read("more.json")).expect("JSON");
    assert_ne!(more["trees"][0]["check"], manifest["trees"][0]["check"]);
}

const FOLDED: &str = r#"#include <string>
namespace app {
std::string prefix() { return PREFIX; }
int unrelated() { return 7; }
}
"#;

/// What a compiler made an immediate of, no search can find; two builds show it.
#[test]
fn against_another_build_finds_what_was_folded_into_code() {
    for compiler in COMPILERS {
        let folder = Folder::new();
        folder.write("app.cc", FOLDED);
        for (tree, prefix) in [("one", "/opt/one"), ("two", "/opt/two")] {
            create_dir(folder.path(tree)).expect("a folder");
            folder.run(&format!("{compiler} -O2 -fPIC -shared -Wl,--build-id -Wl,-rpath,{prefix}/lib -DPREFIX=\"{prefix}\" app.cc -o {tree}/libapp.so")).ok();
            folder.write(
                &format!("{tree}/app.pc"),
                format!("a=1\nprefix={prefix}\nlibs=-L{prefix}/lib -I{prefix}\n"),
            );
            symlink(format!("{prefix}/lib"), folder.path(&format!("{tree}/link"))).expect("a link");
        }
        let code = folder.run("objdump -d --no-show-raw-insn one/libapp.so").ok();
        assert!(code.contains("movabs $0x656e6f2f74706f2f"), "{compiler}: {code}");
        let report = scan(&folder, "one --reference /opt/one --against two", 3);
        let against = &report["against"];
        let explained = |reason: &str| against["explained"][reason].as_u64().unwrap_or(0);
        assert_eq!(explained("line of text with the reference replaced"), 2, "{against:#}");
        assert_eq!(explained("target of a symbolic link"), 1);
        assert_eq!((explained("RUNPATH"), explained("build-id") > 0), (1, true));
        let differences = against["differences"].as_array().expect("differences");
        let code: Vec<&Json> = differences.iter().filter(|one| one["section"] == ".text").collect();
        assert_eq!(code.len(), 1, "{against:#}");
        assert_eq!(code[0]["symbol"], "app::prefix[abi:cxx11]()");
        // A search of the code can only guess: these eight bytes may be anything.
        let findings = report["trees"][0]["findings"].as_array().expect("findings");
        let in_code = findings.iter().filter(|one| one["section"] == ".text");
        assert!(in_code.into_iter().all(|one| one["possible"] == true), "{findings:#?}");
        // Something else that differs, and a file that only one of them has.
        folder.write("one/only", "");
        folder.write("two/app.pc", "a=2\nprefix=/opt/two\nlibs=-L/opt/two/lib -I/opt/one\n");
        let said = folder.postlink("scan one --reference /opt/one --against two");
        for part in [
            "only\n    is in the first tree only",
            "line 1: a line differs\n      - a=1\n      + a=2",
            "line 3: a line differs",
        ] {
            assert!(said.stdout.contains(part), "{part}\n{}", said.stdout);
        }
    }
}

/// Two builds that differ in declared values only are explained to the last byte.
#[test]
fn against_another_build_declared_values_are_explained() {
    let schema = fixture("../../schema.toml").display().to_string();
    let folder = sources();
    for prefix in ["/opt/one", "/opt/two"] {
        folder.postlink(&format!("generate --schema {schema} --out-header lix.gen.hh --out-source lix.gen.cc --default prefix={prefix}")).ok();
        build_library(&folder, "g++", "-O2 -Wl,--build-id");
        let tree = prefix.trim_start_matches("/opt/");
        create_dir(folder.path(tree)).expect("a folder");
        folder.copy("libvalues.so", &format!("{tree}/libvalues.so"));
    }
    let report = scan(&folder, "one --reference /opt/one --against two", 0);
    assert_eq!(report["against"]["differences"], Json::Array(vec![]), "{report:#}");
    assert!(report["against"]["explained"]["value of a declared field"].as_u64() > Some(0));
}

/// A PDF file is no text: what may be a path in it was not told where it was compressed.
#[test]
fn a_compressed_pdf_file_is_no_text_either() {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder.write("tree/plain", "%PDF-1.7\n(/x/opt/app)\n");
    folder.write("tree/text", "in /x/opt/app\n");
    for name in ["plain", "text"] {
        folder.run(&format!("gzip -kn tree/{name}")).ok();
    }
    let report = scan(&folder, "tree --reference /opt/app", 3);
    assert_eq!(of_kind(&report, "data", &["possible"]), ["plain true"]);
    assert_eq!(of_kind(&report, "member", &["possible"]), ["plain.gz true"]);
}

/// The same is found in images of 32 bits and of the other byte order.
#[test]
fn other_machines() {
    for machine in ["i686-linux-gnu", "s390x-linux-gnu", "powerpc-linux-gnu"] {
        let folder = Folder::new();
        create_dir(folder.path("tree")).expect("a folder");
        folder
            .write("app.cc", "extern const wchar_t wide[]; const wchar_t wide[] = L\"/opt/app\";");
        folder.run(&format!("{machine}-g++ -shared -fPIC -nostdlib -Wl,-rpath,/opt/app/lib app.cc -o tree/app.so")).ok();
        let report = scan(&folder, "tree --reference /opt/app", 3);
        assert_eq!(of_kind(&report, "runpath", &["text"]), ["app.so /opt/app/lib"], "{machine}");
        let encoding = if machine.starts_with("i686") { "UTF-32LE" } else { "UTF-32BE" };
        assert_eq!(
            of_kind(&report, "string", &["section", "symbol", "encoding"]),
            [format!("app.so .rodata wide {encoding}")],
            "{machine}"
        );
    }
}
