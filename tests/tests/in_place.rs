//! How files are written: little is read, nothing else is changed, and nothing is left behind.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use postlink_tests::lix::{build_library, build_program, expected, sources, unspecialized};
use postlink_tests::{Folder, place_of, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// The sizes that `strace` shows for calls of these names on the file `name`.
fn bytes_of(trace: &str, name: &str, calls: &[&str]) -> Vec<u64> {
    let lines = trace.lines().filter(|line| {
        let call = line.split('(').next().unwrap_or_default();
        let call = call.rsplit(' ').next().unwrap_or_default();
        calls.contains(&call) && line.contains(&format!("/{name}>"))
    });
    lines
        .map(|line| line.rsplit("= ").next().and_then(|size| size.parse().ok()).expect(line))
        .collect()
}

#[test]
fn a_large_library_is_hardly_read() {
    let folder = sources();
    folder.write(
        "big.s",
        ".section .big,\"a\",@progbits\n.zero 1073741824\n.section .note.GNU-stack\n",
    );
    folder.run("g++ -c big.s -o big.o").ok();
    folder.run("g++ -fPIC -shared values.cc lix.gen.cc big.o -o big.so").ok();
    std::fs::remove_file(folder.path("big.o")).expect("big.o");
    let line =
        format!("strace -f -y -o trace {} fill --in-place big.so {SET}", postlink().display());
    folder.run(&line).ok();
    let trace = String::from_utf8(folder.read("trace")).expect("UTF-8");
    let read = bytes_of(
        &trace,
        "big.so",
        &["read", "pread64", "readv", "preadv", "sendfile", "copy_file_range"],
    );
    assert!(read.iter().sum::<u64>() < 256 << 10 && read.len() > 3, "{read:?}");
    assert!(!trace.lines().any(|line| line.contains("mmap") && line.contains("big.so")), "{trace}");
    // State, values, then state and checksum: all inside the section.
    let written =
        bytes_of(&trace, "big.so", &["write", "pwrite64", "writev", "pwritev", "ftruncate"]);
    let area = written[1] + 8;
    assert_eq!(written, [4, area - 8, 8]);
    let section = folder.run("objcopy --dump-section postlink_lix=section big.so /dev/null");
    section.ok();
    assert!(area < folder.read("section").len() as u64);
}

#[test]
fn in_place_keeps_the_inode_and_replacing_keeps_the_rest() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    let path = folder.path("libvalues.so");
    let inode = || path.metadata().expect("the library").ino();
    let first = inode();
    folder.postlink(&format!("fill --in-place libvalues.so {SET}")).ok();
    assert_eq!(inode(), first);

    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options()
        .append(true)
        .open(&path)
        .and_then(|file| file.set_modified(old))
        .expect("a time");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o2751)).expect("a mode");
    folder.run("setfattr -n user.note -v kept libvalues.so").ok();
    symlink("libvalues.so", folder.path("link.so")).expect("a link");
    folder.postlink("fill -p link.so --set version=1.2.4 --keep").ok();
    assert_ne!(inode(), first);
    assert!(folder.path("link.so").is_symlink(), "the link stays, its target is replaced");
    assert_eq!(path.metadata().expect("the library").mode() & 0o7777, 0o2751);
    assert_eq!(path.metadata().and_then(|file| file.modified()).expect("a time"), old);
    assert!(folder.run("getfattr -n user.note libvalues.so").ok().contains("kept"));
    assert_eq!(folder.run("./dynamic").ok(), expected("1.2.4", "/p", true));

    folder.postlink("fill libvalues.so --set version=1.2.5 --keep --sync").ok();
    assert_ne!(path.metadata().and_then(|file| file.modified()).expect("a time"), old);
    let second = inode();
    folder.postlink("fill libvalues.so --set version=1.2.5 --keep").ok();
    assert_eq!(inode(), second, "what would not change is not written");
    assert!(!folder.names().iter().any(|name| name.starts_with(".postlink")));
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let before = folder.read("program");
    for way in ["--in-place", "--output other", ""] {
        folder.postlink(&format!("fill --dry-run program {way} {SET}")).ok();
    }
    assert!(folder.read("program") == before && !folder.path("other").exists());
    folder.postlink("fill --dry-run program --set version=x").fails(1);
}

/// A fill that is killed at any write leaves a file that is as before, or filled, or that says so.
#[test]
fn a_kill_at_any_moment_is_seen() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "fresh");
    let mut seen = Vec::new();
    for nth in 1..=3 {
        folder.copy("fresh", "program");
        let line = format!(
            "strace -o /dev/null -e inject=pwrite64:signal=KILL:when={nth} {} fill --in-place program {SET}",
            postlink().display()
        );
        assert_ne!(folder.run(&line).code, 0);
        let run = folder.run("./program");
        seen.push(run.code);
        if run.code == 0 {
            let right = [unspecialized(), expected("1.2.3", "/p", true)];
            assert!(right.contains(&run.stdout), "{}", run.stdout);
        } else {
            assert!(run.stderr.contains("a fill was interrupted"), "{}", run.stderr);
            assert!(folder.postlink("inspect program").fails(1).contains("interrupted"));
            folder.postlink(&format!("fill program {SET}")).fails(1);
            folder.postlink(&format!("fill program {SET} --keep")).fails(1);
        }
        folder.postlink(&format!("fill program --reset {SET}")).ok();
        assert_eq!(folder.run("./program").ok(), expected("1.2.3", "/p", true));
    }
    assert!(seen.contains(&134), "at least one kill came between the writes: {seen:?}");
    // A new file that is killed before it is in its place leaves the old one.
    folder.copy("fresh", "program");
    let line = format!(
        "strace -f -o /dev/null -e inject=rename,renameat,renameat2:signal=KILL:when=1 {} fill program {SET}",
        postlink().display()
    );
    assert_ne!(folder.run(&line).code, 0);
    assert!(folder.read("program") == folder.read("fresh"));
}

/// A write that fails half-way is taken back.
#[test]
fn an_error_while_writing_is_taken_back() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let before = folder.read("program");
    for nth in 1..=3 {
        let line = format!(
            "strace -o /dev/null -e inject=pwrite64:error=EIO:when={nth} {} fill --in-place program {SET}",
            postlink().display()
        );
        let said = folder.run(&line).fails(1);
        assert!(said.contains("cannot write program"), "{said}");
        assert!(folder.read("program") == before);
    }
}

/// Behind a limit on the size of files nothing could be put back, nor was it needed: the rest was left as it was
/// half-way.
#[test]
fn a_write_into_a_limit_is_taken_back() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let before = folder.read("program");
    let (at, _) = place_of(&folder, "program", "lix");
    let line = format!("exec {} fill --in-place program {SET}", postlink().display());
    // In units of 1024 bytes, from the record on.
    for size in (at >> 10..(at >> 10) + 16).step_by(3) {
        let line = format!("ulimit -f {size}; {line}");
        let said = folder.run_words("bash".as_ref(), &["-c", &line]).fails(1);
        assert!(said.contains("File too large") && !said.contains("take back"), "{size}: {said}");
        assert!(folder.read("program") == before, "{size}");
    }
}

/// Where nothing can be put back, that is told, and the file says so.
#[test]
fn what_cannot_be_taken_back_is_told() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let line = format!(
        "strace -o /dev/null -e inject=pwrite64:error=EIO:when=3+ {} fill --in-place program {SET}",
        postlink().display()
    );
    let said = folder.run(&line).fails(1);
    assert!(said.contains("cannot take back what was written to program"), "{said}");
    assert!(folder.postlink("inspect program").fails(1).contains("interrupted"));
    assert!(folder.run("./program").fails(134).contains("a fill was interrupted"));
    folder.postlink(&format!("fill program --reset {SET}")).ok();
    assert_eq!(folder.run("./program").ok(), expected("1.2.3", "/p", true));
}

/// A write that the system says it did, but did not, is seen.
#[test]
fn what_is_written_is_read_back() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    folder.postlink("payload --image program --section lix --output payload").ok();
    let payload = folder.read("payload");
    let record = postlink_format::Record::parse(&payload).expect("a record");
    let lengths = [4, record.value_area().len() - 8, 8];
    let before = folder.read("program");
    for (nth, length) in (1..).zip(lengths).skip(1) {
        let line = format!(
            "strace -o /dev/null -e inject=pwrite64:retval={length}:when={nth} {} fill --in-place program {SET}",
            postlink().display()
        );
        let said = folder.run(&line).fails(1);
        assert!(said.contains("not those that were written"), "{said}");
        assert!(folder.read("program") == before);
    }
}

#[test]
fn two_fills_at_once_come_one_after_another() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    std::thread::scope(|scope| {
        for each in 0..8 {
            let folder: &Folder = &folder;
            scope.spawn(move || {
                folder.postlink(&format!("fill --in-place program --reset --set version={each}.0.0 --set prefix=/p{each}")).ok();
            });
        }
    });
    let version = folder.postlink("inspect --field version program").ok();
    let each = version.chars().next().expect("a version");
    assert_eq!(folder.run("./program").ok(), expected(version.trim(), &format!("/p{each}"), true));
}

/// A program with the records of two sections.
fn two_records() -> Folder {
    let folder = Folder::new();
    folder.write("two.toml", "[section.a.field.only_a]\ntype = 'string'\ncapacity = 9\ndefault = ''\n[section.a.field.x]\ntype = 'u8'\ndefault = 0\n[section.b.field.only_b]\ntype = 'string'\ncapacity = 9\ndefault = ''\n[section.b.field.x]\ntype = 'u8'\ndefault = 0\n");
    for name in ["a", "b"] {
        folder.postlink(&format!("generate --schema two.toml --section {name} --out-header {name}.hh --out-source {name}.cc")).ok();
    }
    folder.write(
        "main.cc",
        "#include \"a.hh\"\n#include \"b.hh\"\nint main() { return a::x() + b::x(); }\n",
    );
    folder.run("g++ -std=c++17 main.cc a.cc b.cc -o program").ok();
    folder
}

/// Killed between two records of one file, none of them looks as if it were done.
#[test]
fn several_records_are_filled_together() {
    let folder = two_records();
    folder.copy("program", "fresh");
    for nth in 3..=5 {
        folder.copy("fresh", "program");
        let line = format!(
            "strace -o /dev/null -e inject=pwrite64:signal=KILL:when={nth} {} fill -i program --set only_a=A --set only_b=B",
            postlink().display()
        );
        assert_ne!(folder.run(&line).code, 0);
        assert!(folder.postlink("inspect program").fails(1).contains("interrupted"));
    }
    let said = folder.postlink("payload --image program --section a --reset --output out");
    said.ok();
    folder.postlink("fill program --reset --set only_a=A --set b.x=3").ok();
    assert_eq!(folder.run("./program").code, 3);
    let said = folder.postlink("fill program --set x=1").fails(1);
    assert!(said.contains("`a` and `b`") && said.contains("`a.x`"), "{said}");
    let said =
        folder.postlink("payload --image program --section a --set b.x=9 --output out").fails(1);
    assert!(said.contains("no section `b` is to be filled here"), "{said}");
    // With a schema, each record that it knows must be its own.
    let schema = String::from_utf8(folder.read("two.toml")).expect("UTF-8");
    folder.write("other.toml", schema.replacen("capacity = 9", "capacity = 8", 1));
    folder.postlink("fill program --keep --set only_b=C --schema other.toml").fails(1);
    folder.postlink("fill program --keep --set only_b=C --schema two.toml").ok();
}

/// Whoever replaces a file waits for whoever does so already: no value is lost.
#[test]
fn two_replacements_at_once_lose_nothing() {
    let folder = two_records();
    folder.copy("program", "fresh");
    for _ in 0..10 {
        folder.copy("fresh", "program");
        std::thread::scope(|scope| {
            for line in [
                "fill program --keep --set only_a=A",
                "fill program --keep --set only_b=B",
                "fill -i program --set a.x=1 --keep",
            ] {
                let folder: &Folder = &folder;
                scope.spawn(move || folder.postlink(line));
            }
        });
        let value = |name: &str| folder.postlink(&format!("inspect --field {name} program")).ok();
        assert_eq!((value("only_a"), value("only_b")), ("A\n".into(), "B\n".into()));
    }
}

/// A new file belongs to whoever made it, and does not get the rights of the old one's owner.
#[test]
fn rights_are_kept_where_the_file_is_replaced_and_only_there() {
    let folder = sources();
    build_program(&folder, "g++", "-O1", "program");
    let mode = |name: &str| folder.path(name).metadata().expect(name).mode() & 0o7777;
    std::fs::set_permissions(folder.path("program"), PermissionsExt::from_mode(0o6755))
        .expect("a mode");
    folder.postlink(&format!("fill program --output other {SET}")).ok();
    assert_eq!(mode("other"), 0o755);
    folder.postlink(&format!("fill program --output ./program {SET}")).ok();
    assert_eq!(mode("program"), 0o6755);
    folder.postlink("fill --in-place program --reset --set version=2.0.0 --set prefix=/q").ok();
    assert_eq!(mode("program"), 0o6755);
    // What the folder gives to new files by default does not reach the file.
    folder.run("setfacl -d -m u:1000:rwx .").ok();
    folder.postlink("fill program --keep --set version=2.0.1").ok();
    assert!(!folder.run("getfacl -n program").ok().contains("user:1000"));
    assert!(folder.run("getfacl -n .").ok().contains("default:user:1000"));
}
