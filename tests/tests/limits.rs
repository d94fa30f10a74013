//! What the system itself refuses: files, memory, names, streams, the disk.
#![forbid(unsafe_code)]

use std::fs;

use postlink_tests::faults::cases::{GENERATE, SET, WITH_DEBUG_FILE, all, program, schema, tree};
use postlink_tests::matrix::is_full;
use postlink_tests::{Folder, fixture, postlink};

/// With few open files, a command does its work or changes nothing.
#[test]
fn few_open_files_are_told() {
    let (step, most) = if is_full() { (1, 40) } else { (3, 12) };
    for case in all() {
        for files in (3..=most).step_by(step) {
            let run = case.behind(&format!("ulimit -n {files};"));
            let is_told = run.stderr.contains("Too many open files");
            assert!(
                run.code != 1 || is_told || run.stderr.contains("start threads"),
                "{}",
                run.stderr
            );
        }
    }
}

/// The system ended the process at the first write behind the limit.
#[test]
fn files_that_may_not_be_large_are_told() {
    let step = if is_full() { 1 } else { 3 };
    for case in all() {
        // In units of 1024 bytes.
        for size in [0, 1, 2, 4, 8, 16, 32, 40, 64].into_iter().step_by(step) {
            let run = case.behind(&format!("ulimit -f {size};"));
            assert_eq!(run.code == 1, run.stderr.contains("File too large"), "{}", run.stderr);
        }
    }
}

/// Where there is not even memory to tell that there is none, it is as if the command was killed.
#[test]
fn little_memory_loses_nothing() {
    // In units of 1024 bytes: from less than the program's own size to more than it needs.
    let (sizes, step) = (20_000..60_000, if is_full() { 250 } else { 6_000 });
    for case in all() {
        let mut codes: Vec<i32> = Vec::new();
        for size in sizes.clone().step_by(step) {
            let run = case.behind(&format!("ulimit -v {size};"));
            let is_told = ["start threads", "annot allocate memory"];
            assert!(
                run.code != 1 || is_told.iter().any(|words| run.stderr.contains(words)),
                "{}",
                run.stderr
            );
            codes.push(run.code);
        }
        codes.dedup();
        println!("{codes:?}");
        assert!(matches!(codes[..], [127 | 139, .., 0 | 3]), "{codes:?}");
    }
}

/// What is closed, the standard library opens as `/dev/null`: no file gets what was to be shown.
#[test]
fn standard_streams_may_be_closed_or_full() {
    for case in all() {
        for words in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
            let run = case.behind(words);
            assert_ne!(run.code, 1, "{words}: {}", run.stderr);
        }
        for words in ["2>/dev/full", ">/dev/full", ">/dev/full 2>&1"] {
            let run = case.behind(words);
            let is_told = run.stderr.contains("standard output: No space left on device");
            assert!(run.code != 1 || is_told || words.contains('2'), "{words}: {}", run.stderr);
        }
    }
    let folder = Folder::new();
    for line in ["--help", "--version", "fill --help"] {
        let line = format!("{} {line} >/dev/full", postlink().display());
        let said = folder.run_words("sh".as_ref(), &["-c", &line]).fails(1);
        assert!(said.contains("standard output: No space left on device"), "{line}: {said}");
    }
}

/// The names of new files do not grow with those that they are for.
#[test]
fn names_are_as_long_as_the_system_allows() {
    let folder = program();
    let schema = fixture("../../schema.toml").display().to_string();
    fs::create_dir(folder.path("old")).expect("a folder");
    for length in [255, 256] {
        let name = |letter: &str| letter.repeat(length);
        let mut lines = vec![
            format!("fill before/program --output {} {SET}", name("a")),
            format!("payload --image before/program --section lix --output {} {SET}", name("b")),
            format!(
                "generate --schema {schema} --out-header {} --out-source {}",
                name("c"),
                name("d")
            ),
            format!("scan old --reference /opt/app --manifest {}", name("e")),
            format!("scan old --reference /opt/app --html {}", name("f")),
            format!("specialize --output old={}", folder.path(&name("g")).display()),
        ];
        if length == 255 {
            lines.push(format!("fill {} --set version=2.0.0 --keep", name("a")));
            lines.push(format!("fill --in-place {} --set version=3.0.0 --keep", name("a")));
        }
        for line in lines {
            let run = folder.postlink(&line);
            assert_eq!(run.stderr.contains("File name too long"), length > 255, "{}", run.stderr);
            assert_eq!(run.code, i32::from(length > 255), "{line}: {}", run.stderr);
        }
    }
    let names = folder.names();
    assert_eq!(names.iter().filter(|name| name.len() == 255).count(), 7, "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with(".postlink")), "{names:?}");
}

/// What lies deeper than a path can say is not passed over.
#[test]
fn a_tree_that_is_too_deep_is_told() {
    let folder = Folder::new();
    let make = "import os\nos.mkdir('old')\nos.chdir('old')\nfor _ in range(24):\n os.mkdir('d' * 200)\n os.chdir('d' * 200)\nopen('text', 'w').write('/opt/app')";
    folder.run_words("python3".as_ref(), &["-c", make]).ok();
    let new = folder.path("new");
    for line in [
        "scan old --reference /opt/app",
        "verify old old",
        &format!("specialize --output old={}", new.display()),
    ] {
        let said = folder.postlink(line).fails(1);
        assert!(said.contains("File name too long"), "{line}: {said}");
        assert!(said.contains("a path has at most 4095 bytes, a name in it 255"), "{line}: {said}");
    }
    assert!(!new.exists());
}

/// On a file system that is full after so many bytes or names: a ram disk, with the files of the case in it.
#[test]
fn a_full_disk_is_told() {
    let cases = [
        (GENERATE.to_owned(), schema()),
        (format!("payload --image program --section lix --output out {SET}"), program()),
        ("scan old --reference /opt/app --manifest manifest".to_owned(), tree()),
        (format!("fill program {SET}"), program()),
        (format!("fill program --output new {SET}"), program()),
        (format!("fill --in-place program {SET}"), program()),
        (WITH_DEBUG_FILE.to_owned(), program()),
        (
            format!(
                "specialize --output old=/srv/app --rewrite /opt/app=/srv/app --destdir out --repack {SET}"
            ),
            tree(),
        ),
    ];
    let pages = if is_full() { "$(seq 0 200)" } else { "0 1 12 13 26 40 200" };
    let inodes = if is_full() { "$(seq 0 30)" } else { "0 1 30" };
    for (line, folder) in cases {
        folder.write(
            "try",
            format!(
                "set -e
mkdir disk good
mount -t tmpfs tmpfs good
cp -a before/. good
(cd good && {program} {line} >/dev/null 2>&1) || [ $? = 3 ]
try() {{
    cd disk
    code=0
    {program} {line} >/dev/null 2>../said || code=$?
    rm -f filler
    cd ..
    if [ $code = 1 ]; then same=before; else same=good; fi
    if diff -r --no-dereference disk $same >&2 && {{ [ $code != 1 ] || grep -q 'No space left' said; }}; then
        echo $1 $code
    else
        cat said >&2; echo wrong $1 $code
    fi
    umount disk
}}
for pages in {pages}; do
    mount -t tmpfs -o size=2M tmpfs disk
    cp -a before/. disk
    head -c 8M /dev/zero 2>/dev/null >disk/filler || truncate -s -$((pages * 4096)) disk/filler
    try $pages
done
for inodes in {inodes}; do
    mount -t tmpfs tmpfs disk
    cp -a before/. disk
    mount -o remount,nr_inodes=$(($(df --output=iused disk | tail -n 1) + inodes)) disk
    try $inodes
done
",
                program = postlink().display()
            ),
        );
        let said = folder.run("unshare --user --map-root-user --mount sh try");
        println!("{line}: {}", said.stdout.replace('\n', ", "));
        assert!(said.stderr.is_empty(), "{line}: {}", said.stderr);
        let said = said.ok();
        assert!(
            !said.contains("wrong") && ["200 0\n", "200 3\n"].iter().any(|end| said.contains(end)),
            "{line}: {said}"
        );
    }
}

#[test]
fn a_file_system_that_is_read_only_is_told() {
    for case in all() {
        let place = case.folder().path("work").display().to_string();
        let mount = format!(
            "mount --bind {place} {place} && mount -o remount,ro,bind {place} && cd {place} &&"
        );
        case.folder().write("try", format!("{mount} exec \"$@\"\n"));
        let run = case.behind("exec unshare --user --map-root-user --mount sh ../try");
        let is_told = run.stderr.contains("Read-only file system");
        assert_eq!(run.code == 1, is_told, "{}: {}", run.code, run.stderr);
    }
}
