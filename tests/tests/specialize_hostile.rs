//! `postlink specialize` where the system, other programs or its own arguments are against it: the
//! sources stay as they are, and what fails leaves nothing.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::symlink;

use postlink_tests::package::set_mode;
use postlink_tests::{Folder, Run, postlink};

/// A tree `old` with a text and a link that name it. Everyone may reach it.
fn tree() -> Folder {
    let folder = Folder::new();
    set_mode(&folder.path(""), 0o755);
    let old = folder.path("old");
    fs::create_dir_all(old.join("lib")).expect("a folder");
    fs::write(old.join("lib/values.pc"), format!("prefix={}\n", old.display())).expect("a text");
    symlink(old.join("lib/values.pc"), old.join("link")).expect("a link");
    folder
}

/// Specializes in the folder, where `@` stands for its path.
#[track_caller]
fn specialize(folder: &Folder, line: &str) -> Run {
    let path = folder.path("");
    let path = path.display().to_string();
    folder.postlink(&format!("specialize {}", line.replace('@', path.trim_end_matches('/'))))
}

/// All that is in the folder, with modes and times.
fn listing(folder: &Folder) -> String {
    let list = "find . -not -path . -printf '%p %l %m %s %T@\\n' | LC_ALL=C sort";
    folder.run_words("sh".as_ref(), &["-c", list]).ok()
}

/// A full disk was told for each file, in thousands of lines.
#[test]
fn many_refusals_of_one_reason_are_counted() {
    let folder = tree();
    for number in 10..40 {
        folder.write(&format!("old/{number}"), "text\n");
    }
    let said = |errno: &str, calls: &str, more: &str| {
        let line = format!(
            "strace -f -o /dev/null -e inject={calls}:error={errno} {} specialize --output old={} {more}",
            postlink().display(),
            folder.path("new").display()
        );
        folder.run(&line).fails(1)
    };
    let full = said("ENOSPC", "copy_file_range,sendfile,pwrite64", "");
    assert_eq!(full.matches("cannot copy ").count(), 10, "{full}");
    assert!(full.contains("old/10: No space left") && !full.contains("old/30"), "{full}");
    let more = "\n  and 20 more: cannot copy: No space left on device (os error 28)\n";
    assert!(full.contains(more), "{full}");
    assert_eq!(full.matches("make room on the disk").count(), 1, "{full}");
    // One more takes no more room than to say so.
    folder
        .run_words("sh".as_ref(), &["-c", "cd old && rm -f ?? && mkfifo a b c d e f g h i j k"])
        .ok();
    let pipes = |said: &str| said.matches("a named pipe").count();
    let all = specialize(&folder, "--output old=@/new").fails(1);
    assert_eq!(pipes(&all), 11, "{all}");
    // What is another reason is told beside it, and each way out once.
    folder.run("mkfifo old/l old/m").ok();
    folder.run("mknod old/device c 1 3").ok();
    let said = specialize(&folder, "--output old=@/new").fails(1);
    assert!(said.contains("and 3 more: a named pipe cannot be copied"), "{said}");
    assert!(pipes(&said) == 11 && said.contains("device is a device"), "{said}");
    assert_eq!(said.matches("help:").count(), 1, "{said}");
}

/// Only the first was told.
#[test]
fn all_links_that_cannot_be_made_are_told() {
    let folder = tree();
    symlink("values.pc", folder.path("old/lib/link")).expect("a link");
    let line = format!(
        "strace -f -o /dev/null -e inject=symlink,symlinkat:error=EIO {} specialize --output old={}",
        postlink().display(),
        folder.path("new").display()
    );
    let said = folder.run(&line).fails(1);
    assert!(said.contains("old/link") && said.contains("old/lib/link"), "{said}");
}

#[test]
fn a_place_is_refused_before_anything_is_written() {
    let folder = tree();
    fs::create_dir(folder.path("empty")).expect("a folder");
    folder.write("file", "");
    symlink("old", folder.path("way")).expect("a link");
    let before = listing(&folder);
    for (line, what) in [
        ("--output old=@/old/inside", "is in the tree"),
        ("--output old=@/way/lib/inside", "is in the tree"),
        ("--output empty=@/empty", "is in the tree"),
        ("--output old=/x/y --destdir old/stage", "is in the tree"),
        ("--output file=@/empty", "empty exists already"),
        ("--output old=@/file/new", "cannot look at"),
        ("--output old=/x/y --destdir file", "cannot look at"),
    ] {
        for dry in ["", " --dry-run"] {
            let said = specialize(&folder, &format!("{line}{dry}")).fails(1);
            assert!(said.contains(what), "{line}: {said}");
        }
    }
    // A trial may be made where the final folder is not there.
    let said = specialize(&folder, "--output old=@/no/parent").fails(1);
    assert!(said.contains("no: No such file or directory"), "{said}");
    specialize(&folder, "--output old=@/no/parent --dry-run").ok();
    assert_eq!(listing(&folder), before);

    // Together with what is wrong inside of the tree.
    folder.run("mkfifo old/pipe").ok();
    let said = specialize(&folder, "--output old=@/old/inside").fails(1);
    assert!(said.contains("is in the tree") && said.contains("named pipe"), "{said}");
}

/// A link such as `result`, which a build leaves, and a path with `..`.
#[test]
fn a_tree_is_known_by_its_real_path_too() {
    let folder = tree();
    symlink("old", folder.path("result")).expect("a link");
    for source in ["result", "old/../old", "old/", "./old"] {
        specialize(&folder, &format!("--output {source}=@/new")).ok();
        let new = folder.path("new");
        let text = String::from_utf8(folder.read("new/lib/values.pc")).expect("a text");
        assert_eq!(text, format!("prefix={}\n", new.display()), "{source}");
        assert_eq!(fs::read_link(new.join("link")).expect("a link"), new.join("lib/values.pc"));
        fs::remove_dir_all(new).expect("the tree");
    }
}

#[test]
fn folders_on_the_way_to_a_staged_tree_go_away_too() {
    let folder = tree();
    fs::create_dir(folder.path("stage")).expect("a folder");
    fs::create_dir(folder.path("other")).expect("a folder");
    let before = listing(&folder);
    // A file that cannot be written: the second tree fails when the first one is copied.
    let line = format!(
        "strace -f -o /dev/null -e inject=link,linkat,symlinkat,symlink:error=EIO:when=1 {} specialize --output other=/x/y/o --output old=/x/y/n --destdir stage",
        postlink().display()
    );
    let said = folder.run(&line).fails(1);
    assert!(said.contains("cannot copy old/link"), "{said}");
    let times = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("./stage ")).map(str::to_owned).collect()
    };
    assert_eq!(times(&listing(&folder)), times(&before));
    specialize(&folder, "--output other=/x/y/o --output old=/x/y/n --destdir stage").ok();
    assert!(folder.path("stage/x/y/o").is_dir() && folder.path("stage/x/y/n/link").is_symlink());
}

/// Where the last tree cannot take its place, the first one, read-only and finished, goes away.
#[test]
fn read_only_trees_go_away_as_well() {
    let folder = tree();
    for name in ["old/lib", "old"] {
        set_mode(&folder.path(name), 0o555);
    }
    fs::create_dir(folder.path("other")).expect("a folder");
    // In a sticky folder, an empty folder of another user may not be replaced.
    fs::create_dir_all(folder.path("sticky/taken")).expect("a folder");
    set_mode(&folder.path("sticky"), 0o1777);
    let program = folder.path("postlink");
    fs::copy(postlink(), &program).expect("the program");
    let path = folder.path("sticky");
    let (path, program) = (path.display(), program.display());
    let line = format!(
        "setpriv --reuid=65534 --regid=65534 --clear-groups {program} specialize --output old={path}/new --output other={path}/"
    );
    let said = folder.run(&format!("{line}taken")).fails(1);
    assert!(said.contains("cannot put a new tree in the place of"), "{said}");
    let names: Vec<_> = fs::read_dir(folder.path("sticky"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["taken"]);
    folder.run(&format!("{line}free")).ok();
    assert!(folder.path("sticky/new/lib/values.pc").exists());
}

/// Ctrl-C and SIGTERM between any two files, and before the last tree takes its place.
#[test]
fn a_signal_leaves_nothing() {
    let folder = tree();
    let before = listing(&folder);
    let program = postlink().display();
    for (call, signal, code) in [
        ("symlink,symlinkat", "TERM", 143),
        ("renameat", "INT", 130),
        ("mkdir,mkdirat", "INT", 130),
    ] {
        let line = format!(
            "env --default-signal=INT strace -f -o /dev/null -e inject={call}:signal={signal}:when=1 {program} specialize --output old={}",
            folder.path("new").display()
        );
        let said = folder.run(&line).fails(code);
        assert!(said.contains("stopped by a signal"), "{said}");
        assert_eq!(listing(&folder), before);
    }
}

/// A signal that came before the search had to wait for the end of that.
#[test]
fn a_signal_ends_the_search() {
    let folder = tree();
    let line = format!(
        "env --default-signal=INT strace -f -o trace -e trace=openat,readlink -e inject=readlink:signal=INT:when=1 {} specialize --output old/lib/values.pc={}",
        postlink().display(),
        folder.path("new").display()
    );
    let said = folder.run(&line).fails(130);
    assert!(said.contains("stopped by a signal"), "{said}");
    let trace = folder.run("cat trace").ok();
    assert!(trace.contains("SIGINT") && !trace.contains("values.pc\", O_RDONLY"), "{trace}");
}

/// Like a set-user-ID program, one with capabilities ignores `$ORIGIN`.
#[test]
fn a_program_with_capabilities_does_not_look_beside_itself() {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.write("main.c", "int main(void) { return 0; }\n");
    let old = folder.path("old");
    let old = old.display();
    folder.run(&format!("gcc main.c -Wl,-rpath,{old}/lib -o old/program")).ok();
    specialize(&folder, &format!("--output {old}=@/longer --dry-run")).ok();
    folder.run("setcap cap_net_raw+ep old/program").ok();
    let said = specialize(&folder, &format!("--output {old}=@/longer")).fails(1);
    assert!(said.contains("program: the RUNPATH"), "{said}");
}

/// A library that can be run, as libc can, has an interpreter; it is opened by a link in another folder.
#[test]
fn a_library_with_an_interpreter_is_no_program() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("old/plugins")).expect("a folder");
    let interpreter =
        "const char interpreter[] __attribute__((section(\".interp\"))) = \"/lib64/ld.so\";";
    folder.write("main.c", format!("{interpreter}\nint main(void) {{ return 0; }}\n"));
    let old = folder.path("old").display().to_string();
    let line = format!("gcc main.c -Wl,-rpath,{old}/lib -o old/");
    symlink("../file", folder.path("old/plugins/file")).expect("a link");
    folder.run(&format!("{line}file -shared -fPIC")).ok();
    let said = specialize(&folder, &format!("--output {old}=@/longer")).fails(1);
    assert!(said.contains("file: the RUNPATH"), "{said}");
    for kind in ["-pie", "-no-pie"] {
        folder.write("main.c", "int main(void) { return 0; }\n");
        folder.run(&format!("{line}file {kind} -fPIC")).ok();
        specialize(&folder, &format!("--output {old}=@/longer --dry-run")).ok();
    }
}

/// The second copy named the first.
#[test]
fn a_tree_cannot_be_carried_to_two_paths() {
    let folder = tree();
    for again in ["old", "./old"] {
        let said =
            specialize(&folder, &format!("--output old=@/one --output {again}=@/two")).fails(2);
        assert!(said.contains("old` has two new paths"), "{said}");
    }
}

#[test]
fn a_script_keeps_an_interpreter_that_the_kernel_finds() {
    let folder = tree();
    let script = format!("#!{}/sh\n", folder.path("old").display());
    folder.write("old/script", script);
    let long = "x".repeat(250);
    let said = specialize(&folder, &format!("--output old=@/{long}")).fails(1);
    assert!(said.contains("old/script: the kernel would cut the first line"), "{said}");
    let new = format!("old={}", folder.path("new name").display());
    let said = folder.run_words(postlink().as_ref(), &["specialize", "--output", &new]).fails(1);
    assert!(said.contains("old/script: the kernel would cut the first line"), "{said}");
    specialize(&folder, "--output old=@/new").ok();
}

/// A second process puts a link at the path of the folder in which the tree is made, and in the folder that
/// it leads to another link, by the name of the new tree's folder: files were made behind that.
#[test]
fn nothing_is_made_outside_of_the_new_tree() {
    let folder = tree();
    fs::create_dir_all(folder.path("canary/lib")).expect("a folder");
    for call in ["symlinkat", "fchmod", "utimensat"] {
        for name in ["place", "trap"] {
            fs::create_dir(folder.path(name)).expect("a folder");
        }
        let line = format!(
            "strace -f -o /dev/null -e trace={call} -e inject={call}:delay_enter=200000 {} specialize --output old={} & \
             for n in $(seq 200); do sleep 0.02; name=$(ls -A place | grep postlink) && break; done; \
             ln -s ../canary trap/$name; mv place moved; ln -s trap place; wait $!; true",
            postlink().display(),
            folder.path("place/new").display()
        );
        folder.run_words("sh".as_ref(), &["-c", &line]).ok();
        assert_eq!(folder.run("find canary -not -type d").ok(), "", "{call}");
        folder.run("rm -rf place moved trap").ok();
    }
}

/// What a manifest calls a text is one, or is refused.
#[test]
fn a_manifest_makes_no_text_of_a_binary() {
    let folder = tree();
    let old = folder.path("old");
    let old = old.display();
    folder.write("old/data", format!("\0{old}\0"));
    let line = format!("scan old --reference {old} --manifest manifest");
    folder.postlink(&line).fails(3);
    let manifest = String::from_utf8(folder.read("manifest")).expect("UTF-8");
    folder.write("manifest", manifest.replace("\"data\",\n", "\"text\",\n"));
    // The path of the file is no kind.
    let manifest = String::from_utf8(folder.read("manifest")).expect("UTF-8");
    folder.write("manifest", manifest.replace("\"path\": \"text\"", "\"path\": \"data\""));
    let said = specialize(&folder, "--output old=@/longer --manifest manifest").fails(1);
    assert!(said.contains("data has changed since it was scanned"), "{said}");
}

#[test]
fn a_runpath_takes_no_path_that_the_loader_would_cut() {
    let folder = Folder::new();
    fs::create_dir(folder.path("old-package")).expect("a folder");
    folder.write("main.c", "int main(void) { return 0; }\n");
    let old = folder.path("old-package");
    let old = old.display();
    folder.run(&format!("gcc main.c -Wl,-rpath,{old}/lib:/x/y -o old-package/program")).ok();
    for new in ["a:b", "$LIB"] {
        let said = specialize(&folder, &format!("--output {old}=@/{new}")).fails(1);
        assert!(said.contains("without `:` and `$`"), "{said}");
        assert!(!folder.path(new).exists());
    }
}

/// One file may have very many references, and each of them counts.
#[test]
fn a_text_of_a_hundred_thousand_references() {
    let folder = tree();
    let lines = |tree: &str| format!("{}/x\n", folder.path(tree).display()).repeat(100_000);
    folder.write("old/lines", lines("old"));
    specialize(&folder, "--output old=@/longer").ok();
    assert!(folder.read("longer/lines") == lines("longer").as_bytes());
}
