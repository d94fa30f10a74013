//! A build-id that follows from the content, of every linker, in both modes.

use postlink_tests::lix::{build_program, expected, sources, unspecialized};
use postlink_tests::{Folder, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// The rule, once more: SHA-256 of the file with the build-id as zeros, repeated to its size.
const RULE: &str = "
import hashlib, re, struct, sys
data = open(sys.argv[1], 'rb').read()
order = '<' if data[5] == 1 else '>'
notes = [m.start() for m in re.finditer(b'GNU\\0', data)]
notes = [at for at in notes if struct.unpack_from(order + 'II', data, at - 12)[0] == 4
         and struct.unpack_from(order + 'I', data, at - 4)[0] == 3]
[at] = notes
size = struct.unpack_from(order + 'I', data, at - 8)[0]
digest = hashlib.sha256(data[:at + 4] + bytes(size) + data[at + 4 + size:]).digest()
print((digest * (size // 32 + 1))[:size].hex())
";

/// The build-id, as readelf says.
fn build_id(folder: &Folder, file: &str) -> String {
    let notes = folder.run(&format!("readelf -nW {file}")).ok();
    let digits = notes.split("Build ID: ").nth(1).and_then(|text| text.split_whitespace().next());
    digits.expect("a build-id").to_owned()
}

fn by_rule(folder: &Folder, file: &str) -> String {
    folder.run_words("python3".as_ref(), &["-c", RULE, file]).ok().trim().to_owned()
}

#[test]
fn each_linker_and_size() {
    let folder = sources();
    let long = format!("0x{}", "5a".repeat(72));
    let builds = [
        ("g++", "-fuse-ld=bfd", "sha1", 20),
        ("g++", "-fuse-ld=bfd", "md5", 16),
        ("g++", "-fuse-ld=bfd", "0xabcdef01", 4),
        ("g++", "-fuse-ld=bfd", long.as_str(), 72),
        ("g++", "-fuse-ld=mold", "sha256", 32),
        ("g++", "-fuse-ld=mold", "sha1", 20),
        ("clang++-19", "-fuse-ld=lld", "fast", 8),
        ("clang++-19", "-fuse-ld=lld", "md5", 16),
        ("clang++-19", "-fuse-ld=lld", "sha1", 20),
        ("clang++-19", "-fuse-ld=lld", "0x12345678", 4),
        ("clang++-19", "-fuse-ld=bfd", "sha1", 20),
        ("s390x-linux-gnu-g++", "-static", "sha1", 20),
        ("powerpc-linux-gnu-g++", "-static", "sha1", 20),
    ];
    for (compiler, linker, kind, size) in builds {
        build_program(&folder, compiler, &format!("{linker} -Wl,--build-id={kind}"), "fresh");
        let old = build_id(&folder, "fresh");
        assert_eq!(old.len(), 2 * size, "{linker} {kind}");
        folder.copy("fresh", "kept");
        folder.postlink(&format!("fill kept {SET}")).ok();
        assert_eq!(build_id(&folder, "kept"), old);

        folder.postlink(&format!("fill fresh --output program {SET} --rewrite-build-id")).ok();
        let new = build_id(&folder, "program");
        assert_ne!(new, old);
        assert_eq!(new, by_rule(&folder, "program"), "{linker} {kind}");
        let said = folder.postlink("verify fresh program").ok();
        assert!(said.contains("and the build-id differs"), "{said}");

        // Equal values, equal bytes: in place, again, and after other values.
        folder.copy("fresh", "other");
        folder.postlink("fill other --set version=9.9.9 --set prefix=/q --rewrite-build-id").ok();
        assert_ne!(build_id(&folder, "other"), new);
        for way in ["--in-place", "", "--in-place"] {
            folder.postlink(&format!("fill {way} other {SET} --rewrite-build-id")).ok();
            assert!(folder.read("other") == folder.read("program"), "{linker} {kind} {way}");
        }
        // Of a file that was filled before, in place, only the build-id is left to write.
        folder.postlink(&format!("fill --in-place kept {SET} --rewrite-build-id")).ok();
        assert!(folder.read("kept") == folder.read("program"), "{linker} {kind}");
        if compiler.starts_with("g++") || compiler.starts_with("clang") {
            assert_eq!(folder.run("./other").ok(), expected("1.2.3", "/p", true));
        }
        // Not of this content: a difference like any other.
        folder.postlink("fill other --set version=1.2.4 --keep").ok();
        let run = folder.postlink("verify fresh other");
        assert!(run.code == 3 && run.stdout.starts_with(".note.gnu.build-id: "), "{run:?}");
    }
}

#[test]
fn where_there_is_none() {
    let folder = sources();
    for (compiler, linker) in [("g++", "-fuse-ld=bfd"), ("clang++-19", "-fuse-ld=lld")] {
        build_program(&folder, compiler, &format!("{linker} -Wl,--build-id=none"), "program");
        folder.run("ar rc program.a program").ok();
        for image in ["program", "program.a"] {
            let before = folder.read(image);
            let line = format!("fill -i {image} {SET} --rewrite-build-id");
            let said = folder.postlink(&line).fails(1);
            assert!(said.contains(&format!("{image} has no build-id")), "{said}");
            assert!(said.contains("--build-id"), "{said}");
            assert!(folder.read(image) == before);
        }
    }
}

/// As without a build-id: a kill leaves the file as it was, or filled, or says so; an error is
/// taken back.
#[test]
fn a_kill_or_error_at_any_write() {
    let folder = sources();
    build_program(&folder, "g++", "-Wl,--build-id=sha1", "fresh");
    folder.postlink(&format!("fill fresh -o filled {SET} --rewrite-build-id")).ok();
    let fill = format!("{} fill -i program {SET} --rewrite-build-id", postlink().display());
    for nth in 1..=4 {
        folder.copy("fresh", "program");
        let inject = |what: &str| format!("strace -o trace -e inject=pwrite64:{what}:when={nth}");
        let said = folder.run(&format!("{} {fill}", inject("error=EIO"))).fails(1);
        assert!(said.contains("cannot write program"), "{said}");
        assert!(folder.read("program") == folder.read("fresh"));

        assert_ne!(folder.run(&format!("{} {fill}", inject("signal=KILL"))).code, 0);
        let run = folder.run("./program");
        if run.code == 0 {
            assert!([unspecialized(), expected("1.2.3", "/p", true)].contains(&run.stdout));
        } else {
            assert!(run.stderr.contains("a fill was interrupted"), "{run:?}");
        }
        folder.postlink(&format!("fill -i program --reset {SET} --rewrite-build-id")).ok();
        assert!(folder.read("program") == folder.read("filled"));
    }
    // A write that did not happen is seen.
    folder.copy("fresh", "program");
    let line = format!("strace -o trace -e inject=pwrite64:retval=20:when=3 {fill}");
    assert!(folder.run(&line).fails(1).contains("not those that were written"));
    assert!(folder.read("program") == folder.read("fresh"));
}
