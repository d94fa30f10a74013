//! Something else changes files and folders while a command works with them. What is outside of the given trees is
//! neither read nor written, each result is that of one whole run, and nobody gains rights.
#![forbid(unsafe_code)]

use std::fs::{self, create_dir, create_dir_all, rename};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use postlink_patcher::specialize::{Output, SpecializeOptions, specialize};
use postlink_patcher::watch::Watch;
use postlink_tests::lix::{build_program, sources};
use postlink_tests::matrix::is_full;
use postlink_tests::package::set_mode;
use postlink_tests::{Folder, fixture, postlink};

/// What a file outside says, and no result may.
const OUTSIDE: &str = "/opt/app/outside-of-the-tree";
/// As long as that: a file of another size is known to be another one.
const INSIDE: &str = "/opt/app/inside--of-the-tree";
/// Two fills, of the same fields.
const SETS: [&str; 2] =
    ["--set version=1.1.1 --set prefix=/a", "--set version=22.2.2 --set prefix=/bb"];

/// How often something is tried.
fn rounds(few: usize) -> std::ops::Range<usize> {
    0..if is_full() { few * 50 } else { few }
}

/// Does something in so many rounds, and in more until it has said that what it is for has happened: on some
/// machines that is rare.
fn rounds_until(few: usize, mut round: impl FnMut(usize) -> bool) {
    let all = rounds(few).end;
    let mut has_happened = false;
    for number in 0.. {
        if number >= all && has_happened {
            return;
        }
        assert!(number < all + few * 50, "what is tried has not happened in {number} rounds");
        has_happened |= round(number);
    }
}

/// Does something over and over as long as something else is done.
fn meanwhile<R>(over_and_over: impl Fn() + Sync, work: impl FnOnce() -> R) -> R {
    struct Ends<'a>(&'a AtomicBool);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                over_and_over();
            }
        });
        let _ends = Ends(&is_over);
        work()
    })
}

/// A folder, a place for it elsewhere, and a link that is put at its place meanwhile.
struct Swap {
    folder: PathBuf,
    aside: PathBuf,
    link: PathBuf,
}

impl Swap {
    fn new(folder: &Folder, swapped: &str) -> Self {
        symlink(folder.path("outside"), folder.path("link")).expect("a link");
        Self {
            folder: folder.path(swapped),
            aside: folder.path("aside"),
            link: folder.path("link"),
        }
    }

    /// Gives whether the folder was there, and is a link now.
    fn put_link(&self) -> bool {
        let is_there = rename(&self.folder, &self.aside).is_ok();
        rename(&self.link, &self.folder).is_ok() && is_there
    }

    fn put_back(&self) {
        if self.folder.is_symlink() {
            let _ = rename(&self.folder, &self.link);
        }
        let _ = rename(&self.aside, &self.folder);
    }

    /// Each is there for a while, now longer, now shorter.
    fn both(&self) {
        static ROUND: AtomicUsize = AtomicUsize::new(0);
        let round = ROUND.fetch_add(1, Ordering::Relaxed) as u64;
        thread::sleep(Duration::from_micros(round * 977 % 8000));
        self.put_link();
        thread::sleep(Duration::from_micros(round * 613 % 3000));
        self.put_back();
    }
}

/// A tree `old`, and a folder `outside` with files of the same names, which may not be written.
fn tree() -> Folder {
    let folder = Folder::new().changed_by_others();
    create_dir_all(folder.path("old/sub/deep")).expect("a folder");
    create_dir_all(folder.path("outside/deep")).expect("a folder");
    for number in 0..20 {
        folder.write(&format!("old/sub/deep/{number}"), format!("in {INSIDE}\n"));
        folder.write(&format!("outside/deep/{number}"), format!("in {OUTSIDE}\n"));
    }
    symlink(INSIDE, folder.path("old/sub/deep/link")).expect("a link");
    symlink(OUTSIDE, folder.path("outside/deep/link")).expect("a link");
    set_mode(&folder.path("outside/deep"), 0o555);
    folder
}

/// All that is in the folder outside, with modes and content.
fn listing(folder: &Folder) -> String {
    let list = "find outside -printf '%p %l %m %s %T@\\n' | LC_ALL=C sort; cat outside/deep/[0-9]*";
    folder.run_words("sh".as_ref(), &["-c", list]).ok()
}

/// No file or link below has what those outside have.
fn is_free_of_outside(path: &Path) -> bool {
    let Ok(metadata) = path.symlink_metadata() else { return true };
    if metadata.is_symlink() {
        return path.read_link().is_ok_and(|target| target != Path::new(OUTSIDE));
    }
    if metadata.is_file() {
        return !String::from_utf8_lossy(&fs::read(path).expect("a file")).contains(OUTSIDE);
    }
    path.read_dir().expect("a folder").all(|entry| is_free_of_outside(&entry.expect("one").path()))
}

/// Does something when files were listed, and are looked at or copied.
struct When<F> {
    step: usize,
    happens: F,
    begun: AtomicUsize,
}

impl<F: Fn() + Sync> Watch for When<F> {
    fn begin(&self, _: u64, _: u64) {
        if self.begun.fetch_add(1, Ordering::Relaxed) == self.step {
            (self.happens)();
        }
    }

    fn done(&self, _: u64, _: u64) {}
}

#[test]
fn a_folder_that_becomes_a_link_is_not_read() {
    for step in [0, 1] {
        let folder = tree();
        let swap = Swap::new(&folder, "old/sub");
        let mut options = SpecializeOptions::default();
        options.outputs =
            vec![Output { source: folder.path("old"), destination: folder.path("new") }];
        options.rewrites = vec![("/opt/app".into(), "/srv/app".into())];
        let watch = When { step, happens: || assert!(swap.put_link()), begun: AtomicUsize::new(0) };
        let done = specialize(&options, &watch, &AtomicBool::new(false));
        assert_eq!(watch.begun.into_inner(), step + 1);
        let error = done.expect_err("it is another folder").to_string();
        assert!(error.contains("has changed since it was scanned"), "{error}");
        assert!(!folder.path("new").exists());
    }
}

/// Of Linux before 5.6, and in some sandboxes.
const WITHOUT_OPENAT2: &str =
    "strace -f -o /dev/null -e trace=openat2 -e inject=openat2:error=ENOSYS ";

#[test]
fn no_command_reads_outside() {
    for (around, few) in [("", 12), (WITHOUT_OPENAT2, 2)] {
        let folder = tree();
        folder.run("cp -a old same").ok();
        let swap = Swap::new(&folder, "old/sub");
        let before = listing(&folder);
        let new = folder.path("new").display().to_string();
        let lines = [
            "scan old --reference /opt/app --manifest manifest".to_owned(),
            "scan old --against same --reference /opt/app".to_owned(),
            format!("specialize --output old={new} --rewrite /opt/app=/srv/app"),
            "verify old same".to_owned(),
        ];
        for line in &lines {
            let run = || folder.run(&format!("{around}{} {line}", postlink().display()));
            let mut codes = vec![0; 4];
            rounds_until(few, |_| {
                let run = meanwhile(|| swap.both(), run);
                codes[usize::try_from(run.code).expect("an exit code")] += 1;
                assert!(!run.stdout.contains(OUTSIDE), "{line}: {}", run.stdout);
                assert!(is_free_of_outside(&folder.path("new")), "{line}");
                // When it was listed, the folder may have been a link, or nothing.
                let copy = folder.path("new/sub");
                if run.code == 0 && copy.is_dir() && !copy.is_symlink() {
                    assert!(copy.join("deep/19").is_file(), "{line}");
                }
                let _ = fs::remove_dir_all(folder.path("new"));
                run.code == 1
            });
            println!("{line}: with each exit code: {codes:?}");
            // With nobody else there, it does its work.
            assert_ne!(run().code, 1, "{line}");
            let _ = fs::remove_dir_all(folder.path("new"));
        }
        assert_eq!(listing(&folder), before);
    }
}

/// A copy that is made, taken away again, or left by a kill: whatever becomes a link, nothing outside changes.
#[test]
fn no_command_writes_outside() {
    let folder = tree();
    symlink(folder.path("outside"), folder.path("link")).expect("a link");
    let before = listing(&folder);
    let swaps = AtomicUsize::new(0);
    let swap_staged = || {
        for entry in folder.path("").read_dir().expect("a folder").flatten() {
            if entry.file_name().to_string_lossy().starts_with(".postlink-") {
                let (folder, link) = (entry.path().join("sub"), folder.path("link"));
                let swap = Swap { folder, aside: entry.path().with_file_name("aside"), link };
                if !swap.folder.exists() {
                    continue;
                }
                // It is there for some milliseconds: at once, or some files later.
                let round = swaps.load(Ordering::Relaxed) as u64;
                thread::sleep(Duration::from_micros(round % 4 * 200));
                swaps.fetch_add(swap.put_link().into(), Ordering::Relaxed);
                thread::sleep(Duration::from_micros(round % 3 * 500));
                swap.put_back();
            }
        }
    };
    let line = format!("specialize --output old={}", folder.path("new").display());
    folder.write("old/data", b"\0/opt/app\xff");
    // It stays though something is left. Then all is well, or the copy is taken away.
    for more in ["--rewrite /opt/app=/srv/app --keep-failed", "--rewrite /opt/app=/srv/app"] {
        if !more.contains("--keep-failed") {
            fs::remove_file(folder.path("old/data")).expect("a file");
        }
        rounds_until(15, |_| {
            let before_it = swaps.load(Ordering::Relaxed);
            let run = meanwhile(swap_staged, || folder.postlink(&format!("{line} {more}")));
            assert_eq!(listing(&folder), before, "{more}: {}", run.stderr);
            assert!(is_free_of_outside(&folder.path("new")), "{}", run.stderr);
            // The link may have been moved, or removed, with what it is in.
            let clean = "chmod -R u+rwX .postlink-* new 2>/dev/null; rm -rf .postlink-* new aside
                ln -sfn $PWD/outside link";
            folder.run_words("sh".as_ref(), &["-c", clean]).ok();
            swaps.load(Ordering::Relaxed) != before_it
        });
        println!("{more}: {} swaps so far", swaps.load(Ordering::Relaxed));
    }
}

#[test]
fn no_folder_is_made_outside_of_a_destdir() {
    let folder = tree();
    create_dir_all(folder.path("out/opt")).expect("a folder");
    set_mode(&folder.path("outside/deep"), 0o755);
    let before = listing(&folder);
    let swap = Swap::new(&folder, "out/opt");
    let line =
        "specialize --output old=/opt/deep/new/app --rewrite /opt/app=/srv/app --destdir out";
    rounds_until(25, |_| {
        let run = meanwhile(|| swap.both(), || folder.postlink(line));
        assert_eq!(listing(&folder), before, "{}", run.stderr);
        if run.code == 0 {
            assert!(folder.path("out/opt/deep/new/app/sub/deep/19").is_file());
        }
        let _ = fs::remove_dir_all(folder.path("out/opt/deep"));
        run.code == 1
    });
}

/// A program with values, and what the two fills make of it.
fn program() -> &'static [Vec<u8>; 3] {
    static BUILT: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = sources();
        build_program(&folder, "g++", "-O1", "program");
        for (number, set) in SETS.iter().enumerate() {
            folder.postlink(&format!("fill program --output {number} {set}")).ok();
        }
        ["program", "0", "1"].map(|name| folder.read(name))
    })
}

/// A folder that has the program.
fn filled() -> Folder {
    let folder = Folder::new().changed_by_others();
    folder.write("program", &program()[0]);
    set_mode(&folder.path("program"), 0o755);
    folder
}

/// Runs two commands at once. Gives their exit codes.
fn at_once(folder: &Folder, lines: [&str; 2]) -> [i32; 2] {
    thread::scope(|scope| {
        let runs = lines.map(|line| scope.spawn(|| folder.postlink(line)));
        runs.map(|run| {
            let run = run.join().expect("a run");
            let is_told = run.code == 0 || run.stderr.contains("changed");
            assert!(is_told, "{} {}", run.code, run.stderr);
            run.code
        })
    })
}

#[test]
fn two_fills_of_one_file_come_one_after_the_other() {
    let folder = filled();
    let [_, first, second] = program();
    for how in [["", ""], ["--in-place", "--in-place"], ["", "--in-place"]] {
        let lines = [0, 1].map(|at| format!("fill {} program {}", how[at], SETS[at]));
        for _ in rounds(12) {
            assert_eq!(at_once(&folder, [&lines[0], &lines[1]]), [0, 0]);
            let now = folder.read("program");
            assert!(now == *first || now == *second, "{how:?}: it is a mixture");
        }
    }
    assert_eq!(folder.names(), ["program"]);
}

/// A tree whose program is filled while it is carried: the copy has the one or the other, or there is none.
#[test]
fn a_tree_that_is_filled_meanwhile_is_carried_as_it_was_at_one_moment() {
    let folder = filled();
    create_dir(folder.path("old")).expect("a folder");
    rename(folder.path("program"), folder.path("old/program")).expect("the program");
    let line = "specialize --output old=/srv/app --destdir out --rewrite /usr/local=/usr/local \
                --rewrite /a=/a --rewrite /bb=/bb";
    let mut good = Vec::new();
    for set in SETS {
        folder.postlink(&format!("fill old/program {set}")).ok();
        folder.postlink(line).ok();
        good.push(folder.read("out/srv/app/program"));
        fs::remove_dir_all(folder.path("out")).expect("the copy");
    }
    assert!(good[0] != good[1]);
    let (mut copies, mut refused) = (0, 0);
    rounds_until(24, |round| {
        let how = if round % 2 == 0 { "--in-place" } else { "" };
        let fill = format!("fill {how} old/program {}", SETS[round / 2 % 2]);
        let [code, _] = at_once(&folder, [line, &fill]);
        match code {
            0 => assert!(good.contains(&folder.read("out/srv/app/program"))),
            _ => assert!(!folder.path("out/srv").exists()),
        }
        copies += usize::from(code == 0);
        refused += usize::from(code != 0);
        let _ = fs::remove_dir_all(folder.path("out"));
        copies > 0 && refused > 0
    });
    println!("{copies} copies, {refused} refused");
}

const OUTPUTS: [&str; 4] = ["g.h", "g.cc", "g.rs", "s"];

/// Two runs of `generate` that wrote the same files: the header was of the one, the source of the other, with exit
/// code 0 of both.
#[test]
fn the_files_of_two_generators_are_not_mixed() {
    let folder = Folder::new();
    let schema = fs::read_to_string(fixture("../../schema.toml")).expect("the schema");
    folder.write("0.toml", &schema);
    folder.write("1.toml", schema.replace("2026", "2027").replace("version", "edition"));
    let lines = [0, 1].map(|number| {
        format!("generate --schema {number}.toml --out-header g.h --out-source g.cc --out-rust g.rs --stamp s")
    });
    let outputs = || OUTPUTS.map(|name| folder.read(name));
    let good = lines.each_ref().map(|line| {
        folder.postlink(line).ok();
        outputs()
    });
    assert_ne!(good[0], good[1]);
    // The one waits between each two files that it puts there, and the other begins then.
    let slow = format!(
        "strace -f -o /dev/null -e trace=renameat -e inject=renameat:delay_exit=300000 {} {}",
        postlink().display(),
        lines[0]
    );
    thread::scope(|scope| {
        let run = scope.spawn(|| folder.run(&slow));
        while folder.read("g.h") != good[0][0] {
            thread::yield_now();
        }
        folder.postlink(&lines[1]).ok();
        run.join().expect("a run").ok();
    });
    assert!(good.contains(&outputs()));
    for _ in rounds(15) {
        assert_eq!(at_once(&folder, [&lines[0], &lines[1]]), [0, 0]);
        assert!(good.contains(&outputs()));
    }
    assert_eq!(folder.names(), ["0.toml", "1.toml", "g.cc", "g.h", "g.rs", "s"]);
}

/// A file that becomes shorter and longer while it is read: a result is that of one of its states.
#[test]
fn a_file_that_grows_and_shrinks_is_read_as_it_was_or_refused() {
    let folder = filled();
    let [whole, good, _] = program();
    create_dir(folder.path("old")).expect("a folder");
    let text = "in /opt/app/inside\n".repeat(20_000);
    folder.write("old/text", &text);
    folder.write("same", &program()[0]);
    let files = [("program", whole.as_slice()), ("old/text", text.as_bytes())];
    let change = || {
        for (name, whole) in files {
            let file = fs::File::options().write(true).open(folder.path(name)).expect(name);
            file.set_len(whole.len() as u64 / 2).expect("a size");
            thread::yield_now();
            fs::write(folder.path(name), whole).expect(name);
            thread::yield_now();
            file.set_len(whole.len() as u64 + (4 << 20)).expect("a size");
            file.set_len(whole.len() as u64).expect("a size");
        }
    };
    let lines = [
        "inspect program".to_owned(),
        "verify program same".to_owned(),
        format!("fill program --output new {}", SETS[0]),
        "scan old --reference /opt/app".to_owned(),
        "specialize --output old=/srv/app --rewrite /opt/app=/srv/app --destdir out".to_owned(),
    ];
    let longer = [good.as_slice(), &[0; 4 << 20]].concat();
    let changes = AtomicUsize::new(0);
    for line in &lines {
        let mut codes = [0; 4];
        // A text that was empty for a moment proves nothing.
        let carries = line.starts_with("specialize");
        let (mut is_refused, mut is_whole) = (false, !carries);
        // A tree takes long to be carried: sometimes it is left alone for so long.
        let change = || {
            change();
            let number = changes.fetch_add(1, Ordering::Relaxed) as u64;
            thread::sleep(Duration::from_millis(if carries { number % 4 * 300 } else { 0 }));
        };
        rounds_until(12, |_| {
            let run = meanwhile(change, || folder.postlink(line));
            assert!([0, 1, 3].contains(&run.code), "{line}: {} {}", run.code, run.stderr);
            assert!(!run.stderr.contains("panicked"), "{line}: {}", run.stderr);
            codes[usize::try_from(run.code).expect("an exit code")] += 1;
            if let (0, Ok(new)) = (run.code, fs::read(folder.path("new"))) {
                assert!(new == *good || new == longer, "{line}: {}", new.len());
            }
            if let (0, Ok(new)) = (run.code, fs::read(folder.path("out/srv/app/text"))) {
                // The text may have been empty, or cut, for a moment.
                let (is, added) = new.split_at(new.len().min(text.len()));
                assert!(is == text[..is.len()].replace("/opt/app", "/srv/app").as_bytes());
                assert!(added.iter().all(|&byte| byte == 0), "{}", new.len());
                is_whole |= is.len() == text.len();
            }
            let _ = fs::remove_file(folder.path("new"));
            let _ = fs::remove_dir_all(folder.path("out"));
            is_refused |= run.code == 1;
            is_refused && is_whole
        });
        println!("{line}: with each exit code: {codes:?}");
    }
}

/// A pipe at the place of a file, for as long as it takes to open it, was waited for.
#[test]
fn nothing_waits_for_a_pipe_that_takes_the_place_of_a_file() {
    let folder = filled();
    folder.run("mkfifo pipe").ok();
    create_dir(folder.path("old")).expect("a folder");
    folder.write("old/program", &program()[0]);
    for (line, place) in [
        ("inspect program", "program"),
        ("fill program --output new --set version=1.1.1", "program"),
        ("scan old --reference /opt/app", "old/program"),
    ] {
        let (file, pipe, aside) = (folder.path(place), folder.path("pipe"), folder.path("aside"));
        let swap = || {
            for (from, to) in [(&file, &aside), (&pipe, &file), (&file, &pipe), (&aside, &file)] {
                rename(from, to).expect("another name");
            }
        };
        for _ in rounds(25) {
            let line = format!("timeout 60 {} {line}", postlink().display());
            let run = meanwhile(swap, || folder.run(&line));
            assert!([0, 1, 3].contains(&run.code), "{line}: {} {}", run.code, run.stderr);
        }
    }
}

fn mode(folder: &Folder, name: &str) -> u32 {
    folder.path(name).metadata().expect(name).mode() & 0o7777
}

/// Who may write into the file, and so take its rights away, had them given back: with what they wrote.
#[test]
fn a_fill_in_place_gives_no_rights_back_to_what_others_may_write() {
    let folder = filled();
    let path = folder.path("program");
    for (owner, group, bits, has_capabilities, is_refused) in [
        (0, 50, 0o2755, false, false),
        (0, 50, 0o2775, false, false),
        (1000, 1000, 0o4755, false, false),
        (0, 50, 0o755, true, false),
        (1000, 50, 0o2755, false, true),
        (1000, 50, 0o755, true, true),
        (0, 50, 0o4775, false, true),
        (0, 50, 0o775, true, true),
        (0, 50, 0o2757, false, true),
    ] {
        folder.write("program", &program()[0]);
        chown(&path, Some(owner), Some(group)).expect("an owner");
        if has_capabilities {
            folder.run("setcap cap_net_raw+ep program").ok();
        }
        set_mode(&path, bits);
        let run = folder.postlink(&format!("fill --in-place program {}", SETS[0]));
        assert_eq!(
            run.code == 1,
            is_refused,
            "{owner} {bits:o} {has_capabilities}: {}",
            run.stderr
        );
        let content = if is_refused { &program()[0] } else { &program()[1] };
        assert!(folder.read("program") == *content);
        assert_eq!(mode(&folder, "program"), bits);
        let has = folder.run("getcap program").ok().contains("cap_net_raw");
        assert_eq!(has, has_capabilities);
        if is_refused {
            assert!(run.stderr.contains("leave out --in-place"), "{}", run.stderr);
            // In a new file nobody else writes.
            folder.postlink(&format!("fill program {}", SETS[0])).ok();
            assert_eq!(
                (mode(&folder, "program"), folder.read("program")),
                (bits, program()[1].clone())
            );
            // Unless it has a name from the start, as on some file systems.
            let named = format!(
                "strace -f -o /dev/null -e inject=flock:error=ENOLCK:when=2 {} fill program --reset {}",
                postlink().display(),
                SETS[1]
            );
            let is_owners = owner == 0;
            let code = folder.run(&named).code;
            assert_eq!(code, i32::from(!is_owners), "{owner} {bits:o}");
        }
    }
}

/// An ordinary user, who owns a program that runs with the rights of a group, writes into it again and again while root
/// fills it: what was written has no such rights.
#[test]
fn what_its_owner_writes_meanwhile_gets_no_rights() {
    let folder = filled();
    set_mode(&folder.path(""), 0o777);
    folder.write("good", &program()[0]);
    let write = "while :; do echo evil >program; cat good >program; done 2>/dev/null";
    let mut evil = std::process::Command::new("setpriv")
        .args(["--reuid=1000", "--regid=1000", "--clear-groups", "sh", "-c", write])
        .current_dir(folder.path(""))
        .spawn()
        .expect("setpriv");
    for _ in rounds(15) {
        for how in ["", "--in-place"] {
            folder.write("new", &program()[0]);
            chown(folder.path("new"), Some(1000), Some(50)).expect("an owner");
            set_mode(&folder.path("new"), 0o2755);
            rename(folder.path("new"), folder.path("program")).expect("the program");
            folder.postlink(&format!("fill {how} program {}", SETS[0]));
            // A write takes the bit away.
            let is_evil = folder.read("program").starts_with(b"evil");
            assert!(!is_evil || mode(&folder, "program") & 0o2000 == 0, "{how}");
        }
    }
    evil.kill().expect("its end");
    evil.wait().expect("its end");
}

/// The mode of an old output was kept with its special bits, by a file of whoever runs this.
#[test]
fn a_generated_file_gets_no_special_bits() {
    let folder = Folder::new();
    folder.write("schema.toml", fs::read(fixture("../../schema.toml")).expect("the schema"));
    folder.write("g.h", "old");
    chown(folder.path("g.h"), Some(1000), Some(1000)).expect("an owner");
    set_mode(&folder.path("g.h"), 0o6754);
    folder.postlink("generate --schema schema.toml --out-header g.h --out-source g.cc").ok();
    // Its group is another one now, and may no more than all others.
    assert_eq!(mode(&folder, "g.h"), 0o744);
}
