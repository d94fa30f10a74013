//! What the search of a tree sees, however large a file is, and whatever stands before what is in it.
#![forbid(unsafe_code)]

use std::fs::{File, create_dir};
use std::os::unix::fs::FileExt;

use postlink_tests::{Folder, postlink};
use serde_json::Value as Json;

/// A folder with an empty tree.
fn tree() -> Folder {
    let folder = Folder::new();
    create_dir(folder.path("tree")).expect("a folder");
    folder
}

/// The findings of `scan`: file, kind, members, and the text of what was not looked into.
#[track_caller]
fn found(folder: &Folder) -> Vec<String> {
    let run = folder.postlink("scan tree --reference /opt/app --json");
    let report: Json = serde_json::from_str(&run.stdout).expect("one object");
    let findings = report["trees"][0]["findings"].as_array().expect("findings");
    let line = |one: &Json| {
        let text = if one["kind"] == "unread" { one["text"].as_str() } else { None };
        let names = one["member"].as_array().into_iter().flatten();
        let names = names.filter_map(Json::as_str).collect::<Vec<_>>().join("/");
        let (path, kind) = (one["path"].as_str(), one["kind"].as_str());
        let words = [path, kind, Some(&*names), text].into_iter().flatten();
        words.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    findings.iter().map(line).collect()
}

/// Each change was searched around, and what was found there counted anew: the square of the lines.
#[test]
fn a_text_of_eight_thousand_references_is_rewritten_and_verified() {
    let folder = tree();
    folder.write("tree/list", "/opt/app\n".repeat(8000));
    let line = "specialize --output tree=/srv/new --destdir out --rewrite /opt/app=/opt/new";
    folder.postlink(line).ok();
    assert_eq!(folder.read("out/srv/new/list"), "/opt/new\n".repeat(8000).as_bytes());
    folder.postlink("verify tree out/srv/new --rewrite /opt/app=/opt/new").ok();
}

#[test]
fn holes_cost_nothing() {
    let folder = tree();
    let file = File::create_new(folder.path("tree/disk")).expect("a file");
    file.set_len(8 << 40).expect("a size");
    file.write_all_at(b" /opt/app ", 3 << 40).expect("bytes");
    assert_eq!(found(&folder), ["disk data"]);
}

/// Compressed bytes that only their end, or their middle, tells of.
#[test]
fn what_stands_before_compressed_bytes_does_not_hide_them() {
    let folder = tree();
    create_dir(folder.path("app")).expect("a folder");
    folder.write("app/__main__.py", "print('/opt/app/share')\n");
    folder.write("text", "see /opt/app\n");
    let line = "python3 -m zipapp app -c -p /opt/app/bin/python3 -o tree/app.pyz";
    folder.run(line).ok();
    folder.run("python3 -m zipfile -c text.zip text").ok();
    let zip = folder.read("text.zip");
    folder.write("tree/marked.zip", [b"PK00", zip.as_slice()].concat());
    folder.write("tree/cut.zip", [b"PK\x07\x08", zip.as_slice()].concat());
    folder.write("tree/commented.zip", [b"any bytes", zip.as_slice(), b"\0"].concat());
    std::fs::copy("/bin/true", folder.path("tree/program")).expect("a program");
    folder.run_words("sh".as_ref(), &["-c", "cat text.zip >> tree/program"]).ok();
    let script = "#!/bin/sh\ntail -n +4 \"$0\" | unpack # from /opt/app\nexit\n";
    folder.write("script", script);
    for packer in ["gzip -n", "xz", "zstd -q", "bzip2"] {
        let name = packer.split(' ').next().expect("a name");
        let line = format!(
            "{packer} < text > packed; {{ cat script packed; echo; cat packed packed; }} > tree/{name}.run"
        );
        folder.run_words("sh".as_ref(), &["-c", &line]).ok();
    }
    let hidden = [
        "app.pyz member __main__.py",
        "app.pyz data",
        "marked.zip member text",
        "cut.zip member text",
        "commented.zip member text",
        "program member text",
    ];
    let found = found(&folder);
    for line in hidden {
        assert!(found.contains(&line.to_owned()), "{line}: {found:#?}");
    }
    for name in ["gzip", "xz", "zstd", "bzip2"] {
        let of = |kind| {
            let start = format!("{name}.run {kind}");
            found.iter().filter(|line| line.starts_with(&start)).count()
        };
        let counts = (of("member"), of("data"), of("unread"));
        assert_eq!(counts, (3, 1, 0), "{name}: {found:#?}");
    }
    assert!(!found.iter().any(|line| line.contains(" unread")), "{found:#?}");
    // Without members, what stands before them is found as it is.
    folder.postlink("scan tree --no-members --reference /opt/app").fails(3);
}

/// Of two members with one name, programs read the last: the first is in the file as well. So are the
/// members of an archive that another was put behind.
#[test]
fn members_that_the_directory_of_an_archive_does_not_list_are_found() {
    let folder = tree();
    let make = "import zipfile, warnings
warnings.simplefilter('ignore')
def make(name, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, 'w', method) as archive:
        for member, text in members: archive.writestr(member, text)
make('tree/twice.zip', [('a', 'in /opt/app'), ('b', 'x'), ('a', 'y')])
make('tree/thrice.zip', [('a', '/opt/app'), ('a', '/opt/app'), ('a', '/opt/app')])
make('one.zip', [('one', 'in /opt/app'), ('empty', '')])
make('two.zip', [('two', 'y')])
open('tree/behind.zip', 'wb').write(open('one.zip', 'rb').read() + open('two.zip', 'rb').read())
one = bytearray(open('tree/twice.zip', 'rb').read())
one[8] = 12 # the method of the first member, which the directory does not list
open('tree/damaged.zip', 'wb').write(one)
";
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    let found = found(&folder);
    let of = |name: &str| found.iter().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(of("twice"), ["twice.zip member a"]);
    assert_eq!(of("thrice"), ["thrice.zip member a"; 3]);
    assert_eq!(of("behind"), ["behind.zip member one"]);
    let damaged = of("damaged");
    assert!(damaged.len() == 1 && damaged[0].starts_with("damaged.zip unread"), "{damaged:?}");
}

#[test]
fn compressed_formats_that_are_not_looked_into_are_told() {
    let folder = tree();
    folder.write("text", "see /opt/app ".repeat(50));
    folder.run("lz4 -q text tree/text.lz4").ok();
    let lz4 = folder.read("tree/text.lz4");
    folder.write("tree/install.run", [b"#!/bin/sh\nexit\n", lz4.as_slice()].concat());
    folder.write("tree/a.7z", b"7z\xbc\xaf\x27\x1c\0\x04 and so on");
    let found = found(&folder);
    for line in [
        "text.lz4 unread  an lz4 file is not looked into",
        "a.7z unread  a 7z archive is not looked into",
    ] {
        assert!(found.contains(&line.to_owned()), "{found:#?}");
    }
    assert!(found.iter().any(|line| line.starts_with("install.run unread an lz4 file at 0xf")));
    folder.postlink("scan tree --no-members --reference /opt/none").ok();
}

/// Headers of some bytes that ask for gigabytes, in little memory.
#[test]
fn no_memory_is_taken_because_a_header_says_so() {
    let folder = tree();
    let make = r#"import io, lzma, struct, zipfile, zlib
def write(name, data): open('tree/' + name, 'wb').write(data)
packed = bytearray(lzma.compress(b'/opt/app', preset=0))
# The size of the dictionary is the last byte of the filter's properties: 4 GiB, and 1.5 GiB.
for name, size in [('most.xz', 40), ('large.xz', 37)]:
    packed[16] = size
    packed[20:24] = struct.pack('<I', zlib.crc32(packed[12:20]))
    write(name, packed)
block = struct.pack('<I', 8 << 3 | 1)[:3] + b'/opt/app'
for name, window in [('most.zst', 0xff), ('large.zst', 0xa8)]:
    write(name, b'\x28\xb5\x2f\xfd\0' + bytes([window]) + block)
write('whole.zst', b'\x28\xb5\x2f\xfd\xe0' + struct.pack('<Q', 1 << 60) + block)
write('skipped.zst', b'\x50\x2a\x4d\x18\xff\xff\xff\xff')
archive = io.BytesIO()
with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as made: made.writestr('a', '/opt/app ' * 9)
archive = bytearray(archive.getvalue())
at = archive.index(b'PK\x01\x02')
archive[22:26] = archive[at + 24:at + 28] = b'\xff\xff\xff\x7f'
write('unpacked.zip', archive)
archive[18:22] = archive[at + 20:at + 24] = b'\xff\xff\xff\x7f'
write('packed.zip', archive)
end = archive.index(b'PK\x05\x06')
archive[end + 8:end + 12] = b'\xff\xff\xff\xff'
write('members.zip', archive)
"#;
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    let line = format!("prlimit --as=800000000 {} scan tree", postlink().display());
    let run = folder.run(&format!("{line} --reference /opt/none"));
    assert_eq!(run.code, 3, "{run:?}");
    for name in ["most.xz", "large.xz", "most.zst", "large.zst", "whole.zst", "skipped.zst"] {
        assert!(run.stdout.contains(name), "{name}: {run:?}");
    }
}
