//! A separate debug file follows the build-id of its image, and gdb finds it.

use std::os::unix::fs::symlink;
use std::sync::OnceLock;

use postlink_tests::lix::{build_program, expected, sources, unspecialized};
use postlink_tests::page::Page;
use postlink_tests::{Folder, postlink};

const SET: &str = "--set version=1.2.3 --set prefix=/p";

/// Splits the debug information of `app` off, to `app.debug`, which it then has a link to.
const OBJCOPY: [&str; 3] = [
    "objcopy --only-keep-debug app app.debug",
    "objcopy --strip-debug app",
    "objcopy --add-gnu-debuglink=app.debug app",
];

/// A folder with the program `app`, built with these flags, after these commands.
fn built(compiler: &str, flags: &str, commands: &[&str]) -> Folder {
    let folder = sources();
    build_program(&folder, compiler, &format!("-g -Wl,--build-id {flags}"), "app");
    for command in commands {
        folder.run(command).ok();
    }
    folder
}

/// The same, built by g++ and split by objcopy, once for all tests.
fn split() -> Folder {
    static FILES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let folder = built("g++", "", &OBJCOPY);
        ["app", "app.debug"].map(|name| folder.read(name))
    });
    let folder = Folder::new();
    folder.write("app", &files[0]);
    folder.write("app.debug", &files[1]);
    folder.run("chmod +x app").ok();
    folder
}

/// What gdb says to a breakpoint, with this folder of debug files.
fn gdb(folder: &Folder, image: &str, debug_files: &str) -> String {
    let place = format!("set debug-file-directory {debug_files}");
    let words = ["-nx", "-batch", "-iex", &place, "-ex", "break values.cc:17", image];
    let run = folder.run_words("gdb".as_ref(), &words);
    run.stdout + &run.stderr
}

/// Asserts that gdb finds the debug information.
#[track_caller]
fn assert_found(folder: &Folder, image: &str, debug_files: &str) {
    let said = gdb(folder, image, debug_files);
    assert!(said.contains("values.cc, line 17") && !said.contains("mismatch"), "{said}");
}

/// The build-id, as elfutils say.
#[track_caller]
fn build_id(folder: &Folder, file: &str) -> String {
    let said = folder.run(&format!("eu-unstrip -n -e {file}")).ok();
    let id = said.split_whitespace().nth(1).and_then(|word| word.split('@').next());
    id.expect("a build-id").to_owned()
}

/// `.build-id/ab/cdef….debug`.
fn path_of(id: &str) -> String {
    format!(".build-id/{}/{}.debug", &id[..2], &id[2..])
}

/// Moves `app.debug` to its place by build-id in the folder `debug`, which it gives.
fn move_by_id(folder: &Folder) -> String {
    let id = build_id(folder, "app.debug");
    let place = format!("debug/{}", path_of(&id));
    folder.run(&format!("mkdir -p debug/.build-id/{}", &id[..2])).ok();
    folder.run(&format!("mv app.debug {place}")).ok();
    place
}

/// All files below a folder, sorted.
fn below(folder: &Folder, name: &str) -> Vec<String> {
    let found = folder.run(&format!("find {name} -type f")).ok();
    let mut found: Vec<String> = found.lines().map(str::to_owned).collect();
    found.sort();
    found
}

/// Asserts that the folder `debug` has this file, and no other.
#[track_caller]
fn assert_only(folder: &Folder, name: &str) {
    assert_eq!(below(folder, "debug").join(" "), name);
}

#[test]
fn gdb_finds_what_each_tool_split_off() {
    let eu_strip = ["eu-strip -f app.debug app"];
    // What two files share goes to a third one, which the debug files name by its build-id.
    let dwz = [&["cp app twin", "dwz -m common.debug app twin"][..], &OBJCOPY].concat();
    let compressed = [&["objcopy --compress-debug-sections app"][..], &OBJCOPY].concat();
    let ways: [(&str, &str, &[&str]); 5] = [
        ("g++", "", &OBJCOPY),
        ("clang++-19", "-fuse-ld=lld", &OBJCOPY),
        ("g++", "-fuse-ld=mold", &eu_strip),
        ("g++", "", &dwz),
        ("g++", "", &compressed),
    ];
    for (compiler, flags, commands) in ways {
        let folder = built(compiler, flags, commands);
        let old = build_id(&folder, "app");
        assert_found(&folder, "app", "none");

        folder.postlink(&format!("fill app {SET} --rewrite-build-id --debug-file app.debug")).ok();
        assert_eq!(folder.run("./app").ok(), expected("1.2.3", "/p", true));
        let new = build_id(&folder, "app");
        assert_ne!(new, old);
        assert_eq!(build_id(&folder, "app.debug"), new, "{commands:?}");
        // By name and checksum; and by the build-id, from another folder.
        assert_found(&folder, "app", "none");
        let place = move_by_id(&folder);
        assert!(!gdb(&folder, "app", "none").contains("file values.cc"));
        if commands.len() == dwz.len() {
            assert!(folder.run(&format!("readelf -S {place}")).ok().contains("debugaltlink"));
            folder.run(&format!("cp common.debug debug/.build-id/{}", &new[..2])).ok();
        }
        assert_found(&folder, "app", "debug");
    }
}

#[test]
fn a_name_that_is_the_build_id_follows() {
    // As Debian splits: the link has the name too.
    let folder = split();
    let old = move_by_id(&folder);
    folder.run("objcopy --remove-section=.gnu_debuglink app").ok();
    folder.run(&format!("objcopy --add-gnu-debuglink={old} app")).ok();
    folder.copy("app", "fresh");
    let line = format!("fill app {SET} --rewrite-build-id --debug-file {old}");

    folder.postlink(&format!("{line} --dry-run")).ok();
    assert_only(&folder, &old);
    let said = folder.postlink(&line).ok();
    let new = format!("debug/{}", path_of(&build_id(&folder, "app")));
    assert!(said.contains(&format!("app: debug file {new}\n")), "{said}");
    assert_only(&folder, &new);
    assert_found(&folder, "app", "debug");
    // The checksum counts only where a file has it.
    let said = folder.postlink("verify fresh app").fails_with_output(3);
    assert!(said.starts_with(".gnu_debuglink: the checksum of the debug file"), "{said}");
    for known in [&new, "debug"] {
        let said = folder.postlink(&format!("verify fresh app --debug-file {known}")).ok();
        assert!(said.contains("the checksum of its debug file"), "{said}");
        assert!(said.contains("and the build-id differs"), "{said}");
    }
    // By the link too, which a debugger looks for beside the program.
    folder.run(&format!("cp {new} .")).ok();
    assert_found(&folder, "app", "none");

    // Again: nothing is left to do. Other values, and back: the same files.
    let again = format!("fill app {SET} --rewrite-build-id --debug-file {new}");
    assert!(folder.postlink(&again).ok().contains("unchanged"));
    let files = (folder.read("app"), folder.read(&new));
    let other = "--set version=9.9.9 --set prefix=/q --rewrite-build-id --debug-file";
    folder.postlink(&format!("fill app {other} {new}")).ok();
    let [between] = below(&folder, "debug").try_into().expect("one file");
    assert_ne!(between, new);
    folder.postlink(&format!("fill app {SET} --rewrite-build-id --debug-file {between}")).ok();
    assert_only(&folder, &new);
    assert!(files == (folder.read("app"), folder.read(&new)));
}

#[test]
fn other_names_of_a_debug_file() {
    let folder = split();
    folder.copy("app", "fresh");
    folder.run("ln app.debug hard").ok();
    let line = format!("fill app {SET} --rewrite-build-id --debug-file");
    let said = folder.postlink(&format!("{line} app.debug"));
    let warning =
        "its debug file app.debug has another name (hard links), where the old content stays";
    assert!(said.stderr.contains(warning), "{said:?}");
    // The name that the new build-id gives is that of a link to another file.
    let new = path_of(&build_id(&folder, "app"));
    folder.run("mv hard app.debug").ok();
    folder.run("mv fresh app").ok();
    let old = move_by_id(&folder);
    folder.write("other", "another file");
    folder.run(&format!("mkdir -p debug/{}", &new[..".build-id/ab".len()])).ok();
    symlink(folder.path("other"), folder.path(&format!("debug/{new}"))).expect("a link");
    let before = folder.read("app");
    let said = folder.postlink(&format!("{line} {old}")).fails(1);
    assert!(said.contains(&format!("debug/{new} is a symbolic link")), "{said}");
    assert_eq!(folder.read("other"), b"another file");
    assert!(folder.read("app") == before);
}

#[test]
fn both_stay_where_the_filled_ones_go_elsewhere() {
    let folder = split();
    let files = (folder.read("app"), folder.read("app.debug"));
    let line = format!("fill app {SET} --rewrite-build-id --debug-file app.debug --output filled");
    let said = folder.postlink(&line).fails(2);
    assert!(said.contains("--debug-output"), "{said}");
    for wrong in ["app", "filled", "app.debug"] {
        folder.postlink(&format!("{line} --debug-output {wrong}"));
        assert!(files == (folder.read("app"), folder.read("app.debug")), "{wrong}");
        assert!(!folder.path("filled").exists(), "{wrong}");
    }
    folder.run("mkdir debug").ok();
    folder.postlink(&format!("{line} --debug-output debug")).ok();
    assert!(files == (folder.read("app"), folder.read("app.debug")));
    assert_found(&folder, "filled", "debug");
    assert_found(&folder, "app", "none");
    // In the folder of the old one, if that is one by build-id.
    let old = move_by_id(&folder);
    folder.run("rm filled").ok();
    let [new] = below(&folder, "debug")
        .into_iter()
        .filter(|one| *one != old)
        .collect::<Vec<_>>()
        .try_into()
        .expect("one more");
    folder.run(&format!("rm {new}")).ok();
    let line = format!("fill app {SET} --rewrite-build-id --debug-file {old} --output filled");
    folder.postlink(&line).ok();
    let mut both = vec![old, new];
    both.sort();
    assert_eq!(below(&folder, "debug"), both);
    assert_found(&folder, "filled", "debug");
    assert_found(&folder, "app", "debug");
}

#[test]
fn the_old_place_by_another_path() {
    let folder = split();
    let fill = format!("fill app {SET} --rewrite-build-id --debug-file app.debug --debug-output");
    folder.postlink(&format!("{fill} ./app.debug")).ok();
    assert_found(&folder, "app", "none");
    // Only the other debug file is to be written then.
    let said = folder.postlink(&format!("{fill} other.debug")).ok();
    assert!(said.contains("section `lix` unchanged"), "{said}");
    assert!(folder.read("other.debug") == folder.read("app.debug"));
}

/// A link by the build-id is the user's: what is wrong with it then is told.
#[test]
fn a_link_by_the_old_build_id_is_told() {
    let folder = split();
    let old = path_of(&build_id(&folder, "app"));
    folder.run(&format!("mkdir -p debug/{}", &old[..12])).ok();
    folder.run(&format!("ln -s ../../../app.debug debug/{old}")).ok();
    let fill = format!("fill app {SET} --rewrite-build-id --debug-file debug/");
    let said = folder.postlink(&format!("{fill}{old}")).stderr;
    let new = path_of(&build_id(&folder, "app"));
    assert_eq!(build_id(&folder, "app.debug"), build_id(&folder, "app"));
    assert!(
        said.contains(&format!("debug/{old} is a link to its debug file by the old")),
        "{said}"
    );
    assert!(said.contains(&format!("by the link {new}\n")), "{said}");
    // Such a link is right.
    folder.run(&format!("mkdir -p debug/{}", &new[..12])).ok();
    folder.run(&format!("ln -s ../../../app.debug debug/{new}")).ok();
    assert_found(&folder, "app", "debug");
    let again = folder.postlink(&format!("{fill}{new}"));
    assert!(again.code == 0 && !again.stderr.contains("old build-id"), "{again:?}");
}

#[test]
fn what_is_refused_leaves_both() {
    let unstripped =
        ["cp app whole", "g++ -std=c++17 -shared -fPIC -Wl,--build-id=none -g lix.gen.cc -o none"];
    let debug = ["objcopy --only-keep-debug none none.debug", "cp app other"];
    let folder = built("g++", "", &[&unstripped[..], &debug, &OBJCOPY].concat());
    folder.postlink("fill other --set version=9.9.9 --set prefix=/p --rewrite-build-id").ok();
    folder.run("objcopy --only-keep-debug other other.debug").ok();
    folder.write("text", "no image");
    folder.write("empty", "");
    let (app, other) = (build_id(&folder, "app"), build_id(&folder, "other"));
    let names = folder.names();
    let before: Vec<_> = names.iter().map(|name| folder.read(name)).collect();
    let fill = format!("fill app {SET}");
    for (words, why) in [
        (
            "--rewrite-build-id --debug-file other.debug",
            &*format!("other.debug has the build-id {other}, and app has {app}"),
        ),
        ("--rewrite-build-id --debug-file none.debug", "none.debug has no build-id"),
        ("--rewrite-build-id --debug-file whole", "whole: the section postlink_lix has bytes here"),
        ("--rewrite-build-id --debug-file text", "text is not an image"),
        ("--rewrite-build-id --debug-file nowhere", "cannot open nowhere"),
        (
            "--rewrite-build-id --debug-file app.debug --debug-output /dev/null",
            "/dev/null is a device",
        ),
        ("--rewrite-build-id --debug-file app.debug --debug-output app", "app is named twice"),
        ("--rewrite-build-id --debug-file app", "app is named twice"),
        (
            "--rewrite-build-id --debug-file app.debug --values env:empty --debug-output empty",
            "empty is named twice",
        ),
        ("--rewrite-build-id --debug-file app.debug --in-place", "--in-place"),
        ("--debug-file app.debug", "--rewrite-build-id"),
        ("--rewrite-build-id --debug-output app.debug", "--debug-file"),
    ] {
        let run = folder.postlink(&format!("{fill} {words}"));
        assert!(run.code > 0 && run.stderr.contains(why), "{words}: {run:?}");
    }
    assert_eq!(folder.names(), names);
    assert!(names.iter().zip(&before).all(|(name, before)| folder.read(name) == *before));
    // Without it, what is lost is told.
    let said = folder.postlink(&format!("{fill} --rewrite-build-id"));
    assert!(said.stderr.contains("app.debug has the old build-id"), "{said:?}");
}

/// An error between both is taken back; a kill leaves a debug file with which the fill goes on.
#[test]
fn an_error_or_kill_between_both_files() {
    for moves in [false, true] {
        let folder = split();
        let old = if moves { move_by_id(&folder) } else { "app.debug".to_owned() };
        let files = (folder.read("app"), folder.read(&old));
        let words = format!("fill app {SET} --rewrite-build-id --debug-file {old}");
        let fill = format!("{} {words}", postlink().display());
        let inject = |what: &str| {
            format!("strace -f -o trace -e inject=rename,renameat,renameat2:{what}:when=2")
        };
        let said = folder.run(&format!("{} {fill}", inject("error=EIO"))).fails(1);
        assert!(said.contains("put a new file in the place of"), "{said}");
        assert!(files == (folder.read("app"), folder.read(&old)));
        assert_eq!(below(&folder, ".").iter().filter(|name| name.contains("debug")).count(), 1);

        assert_ne!(folder.run(&format!("{} {fill}", inject("signal=KILL"))).code, 0);
        // The kill comes when the image was put, or before.
        assert!(folder.path("app").exists() && files.0.len() == folder.read("app").len());
        let run = folder.run("./app").ok();
        assert!([unspecialized(), expected("1.2.3", "/p", true)].contains(&run));
        folder.postlink(&words).ok();
        let new = if moves { format!("debug/{}", path_of(&build_id(&folder, "app"))) } else { old };
        assert_eq!(build_id(&folder, &new), build_id(&folder, "app"));
        assert_found(&folder, "app", if moves { "debug" } else { "none" });
    }
}

/// A package with a debug output, as Nix and distributions have it, of which `specialize` rewrites also the
/// paths in the debug information.
#[test]
fn specialize_leaves_debug_files_to_be_found() {
    let (old, new) = ("built/out", "final/out");
    let folder = sources();
    folder.run(&format!("mkdir -p {old}/bin built/dbg/lib/debug final")).ok();
    let here = folder.path("built").parent().expect("a folder").display().to_string();
    let flags = format!(
        "-g -gno-record-gcc-switches -Wl,--build-id -fdebug-prefix-map={here}={here}/{old}/src"
    );
    build_program(&folder, "g++", &flags, "app");
    for command in OBJCOPY {
        folder.run(command).ok();
    }
    folder.run(&format!("cp app {old}/bin")).ok();
    // By the link, and by the build-id, under another name.
    let id = build_id(&folder, "app");
    let by_id = |root: &str| format!("{root}/dbg/lib/debug/{}", path_of(&id));
    folder
        .run(&format!("mkdir -p {old}/bin/.debug built/dbg/lib/debug/.build-id/{}", &id[..2]))
        .ok();
    folder.run(&format!("cp app.debug {old}/bin/.debug")).ok();
    folder.run(&format!("cp app.debug {}", by_id("built"))).ok();

    let outputs =
        format!("--output {here}/{old}={here}/{new} --output {here}/built/dbg={here}/final/dbg");
    folder
        .postlink(&format!(
            "specialize {outputs} --set version=1.2.3 --set prefix=/p --equal-length --possible"
        ))
        .ok();
    assert_eq!(folder.run("./final/out/bin/app").ok(), expected("1.2.3", "/p", true));
    assert!(folder.read(&by_id("built")) != folder.read(&by_id("final")));
    let verify = format!("verify {old} {new} --equal-length --possible -v");
    let said = folder.postlink(&verify).ok();
    assert!(said.contains("the checksum of its debug file app.debug"), "{said}");
    assert_eq!(build_id(&folder, "final/out/bin/app"), id);
    assert_found(&folder, "final/out/bin/app", "none");
    folder.run("rm -r final/out/bin/.debug").ok();
    assert_found(&folder, "final/out/bin/app", "final/dbg/lib/debug");
}

/// The name, zeros up to a multiple of four, the CRC-32 in the byte order of the image; as zlib has it.
const LINK: &str = "
import sys, zlib
link, debug = (open(path, 'rb').read() for path in sys.argv[1:3])
name = sys.argv[2].encode()
assert link == name + bytes(4 - len(name) % 4) + zlib.crc32(debug).to_bytes(4, sys.argv[3])
";

#[test]
fn the_checksum_is_in_the_byte_order_of_the_image() {
    for (target, order) in [("s390x-linux-gnu", "big"), ("arm-linux-gnueabihf", "little")] {
        let folder = sources();
        build_program(&folder, &format!("{target}-g++"), "-g -Wl,--build-id", "app");
        for command in OBJCOPY {
            folder.run(&format!("{target}-{command}")).ok();
        }
        folder.copy("app", "fresh");
        folder.postlink(&format!("fill app {SET} --rewrite-build-id --debug-file app.debug")).ok();
        folder.run(&format!("{target}-objcopy --dump-section .gnu_debuglink=link app copy")).ok();
        folder.run_words("python3".as_ref(), &["-c", LINK, "link", "app.debug", order]).ok();
        // It lies beside: nobody has to name it.
        let said = folder.postlink("verify fresh app").ok();
        assert!(said.contains("the checksum of its debug file app.debug"), "{said}");
    }
}

/// One that could not be read was none, and the link was called wrong.
#[test]
fn a_debug_file_that_cannot_be_read_is_told() {
    let folder = split();
    folder.copy("app", "fresh");
    folder.postlink(&format!("fill app {SET} --rewrite-build-id --debug-file app.debug")).ok();
    folder.run("mkdir -p alone debug old new").ok();
    for name in ["alone/app", "new/app"] {
        folder.copy("app", name);
    }
    folder.copy("fresh", "old/app");
    for name in ["debug", "old", "new"] {
        folder.copy("app.debug", &format!("{name}/app.debug"));
    }
    for (line, read) in [
        ("fresh app", "app.debug"),
        ("fresh alone/app --debug-file app.debug", "app.debug"),
        ("fresh alone/app --debug-file debug", "debug/app.debug"),
        ("old new", "new/app.debug"),
    ] {
        let line = format!("{} verify {line}", postlink().display());
        folder.run(&line).ok();
        let path = folder.path(read);
        let inject = format!("strace -f -o /dev/null -P {} -e inject=pread64", path.display());
        let said = folder.run(&format!("{inject}:error=EIO {line}")).fails(1);
        assert!(said.contains("Input/output error") && said.contains(read), "{line}: {said}");
        if read.starts_with("new") {
            continue;
        }
        folder.write(read, "no image");
        let said = folder.run(&line).fails_with_output(3);
        assert!(said.contains("the checksum of the debug file app.debug"), "{line}: {said}");
        folder.copy("debug/app.debug", "app.debug");
    }
}

/// A link that is no link refuses the debug file, and nothing else.
#[test]
fn damaged_links() {
    for link in ["", "aaaa", "app.debug\0", "app.debug\0\0\0abc"] {
        let folder = split();
        folder.write("link", link);
        folder.run("objcopy --update-section .gnu_debuglink=link app").ok();
        folder.copy("app", "fresh");
        let line = format!("fill app {SET} --rewrite-build-id");
        if !link.is_empty() {
            let said = folder.postlink(&format!("{line} --debug-file app.debug")).fails(1);
            assert!(said.contains("its link to a debug file has no checksum"), "{said}");
        }
        folder.postlink(&line).ok();
        folder.postlink("verify fresh app").ok();
    }
}

#[test]
fn the_page_runs_as_it_is_written() {
    let page = Page::read("patcher/guides/debug-files.md");
    let folder = Folder::new();
    folder.write("schema.toml", &page.blocks("toml")[0]);
    folder.write("main.cc", &page.blocks("cpp")[0]);
    let said = page.run(&folder);
    assert!(said.contains("main.cc, line 5"), "{said}");
    for shown in page.text().lines().filter(|line| line.starts_with("app: nothing but")) {
        assert!(said.contains(shown), "{said}");
    }
}

/// A name may have any bytes but zero.
#[test]
fn a_name_is_shown_alike_everywhere() {
    let folder = split();
    let name = "b\\\\n\\xff.debug";
    let named = "name=$(printf 'b\\\\n\\377.debug')";
    let line = format!(
        "{named}; mkdir tree; cp app.debug tree; cd tree; mv app.debug \"$name\"; cp ../app .; \
         objcopy --remove-section=.gnu_debuglink app; objcopy --add-gnu-debuglink=\"$name\" app; cp app ../app"
    );
    folder.run_words("sh".as_ref(), &["-ec", &line]).ok();
    folder.copy("app", "fresh");
    let fill = format!("fill app {SET} --rewrite-build-id");
    let said = folder.postlink(&format!("{fill} --output other"));
    assert!(said.stderr.contains(&format!("its debug file {name} has the old")), "{said:?}");
    let said = folder.postlink(&format!("{fill} --debug-file app.debug"));
    assert!(said.stderr.contains(&format!("names the debug file {name}: give")), "{said:?}");
    let said = folder.postlink("verify fresh app").fails_with_output(3);
    assert!(said.contains(&format!("of the debug file {name}: none is known")), "{said}");
    let said = folder.postlink("verify fresh app --debug-file app.debug").ok();
    assert!(said.contains(&format!("checksum of its debug file {name}\n")), "{said}");
    // One that is not there is told, also where nothing differs.
    let told = folder.postlink("verify app app --debug-file none.debug").fails(1);
    assert!(told.contains("cannot open none.debug"), "{told}");
}
