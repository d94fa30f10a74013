//! `kill -9`, and other signals, at any moment of a command.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use postlink_tests::faults::cases::{SET, all, program};
use postlink_tests::faults::{Case, Phase, Phases, ended_by_signals};
use postlink_tests::matrix::is_full;
use postlink_tests::random::Random;
use postlink_tests::{Folder, postlink};

/// Of files that are small: most of a run is its start.
#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let moments = if is_full() { 60 } else { 9 };
    for case in all() {
        assert_ne!(case.signal_at("KILL", moments).killed(), 0);
    }
}

/// What a command may go on after, or end by itself.
#[test]
fn a_signal_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let moments = if is_full() { 20 } else { 2 };
    for case in all() {
        for signal in ["TERM", "INT", "HUP", "PIPE", "WINCH", "STOP"] {
            let phases = case.signal_at(signal, moments);
            let is_none = ["PIPE", "WINCH", "STOP"].contains(&signal);
            assert!(!is_none || !phases.0.contains_key(&Phase::Refused), "{signal}: {phases}");
        }
    }
}

/// Bytes that no file system shares or leaves out.
fn noise(size: usize) -> Vec<u8> {
    let mut random = Random::of_case(0);
    std::iter::repeat_with(|| random.number().to_le_bytes()).take(size / 8).flatten().collect()
}

/// A program of so many bytes with four fields of this capacity, and a file of values for these.
fn large_program(folder: &Folder, size: usize, capacity: usize) {
    let mut schema = "[section.wide]\n".to_owned();
    let mut values = "{".to_owned();
    for name in ["a", "b", "c", "d"] {
        let field = format!(
            "[section.wide.field.{name}]\ntype = 'string'\ncapacity = {capacity}\ndefault = ''\n"
        );
        schema += &field;
        values += &format!("\"{name}\": \"{}\",", name.repeat(capacity));
    }
    let values = values.trim_end_matches(',').to_owned() + "}";
    folder.write("schema.toml", schema);
    folder.write("ballast", noise(size - 4 * capacity));
    folder.write(
        "ballast.s",
        ".section .ballast,\"a\",@progbits\n.incbin \"ballast\"\n.section .note.GNU-stack\n",
    );
    folder.write(
        "main.cc",
        "#include \"wide.hh\"\n#include <cstdio>\nint main() { std::printf(\"%zu\\n\", wide::a().size() + wide::d().size()); }\n",
    );
    folder.postlink("generate --schema schema.toml --out-header wide.hh --out-source wide.cc").ok();
    folder.run("g++ -std=c++17 -Wl,--build-id main.cc wide.cc ballast.s -o program").ok();
    fs::create_dir(folder.path("before")).expect("a folder");
    fs::rename(folder.path("program"), folder.path("before/program")).expect("the program");
    folder.write("before/values.json", values);
}

/// A tree of so many texts, other files, links and second names, and a program.
fn large_tree(folder: &Folder, files: usize) {
    let old = folder.path("before/old");
    fs::create_dir_all(&old).expect("a folder");
    let other = noise(20_000);
    for number in 0..files {
        let sub = old.join(format!("{}/{}", number % 10, number % 100));
        fs::create_dir_all(&sub).expect("a folder");
        let path = sub.join(number.to_string());
        match number % 5 {
            0 => fs::write(&path, &other).expect("a file"),
            1 => symlink(format!("/opt/app/{number}"), &path).expect("a link"),
            2 => {
                fs::write(&path, "one\n").expect("a file");
                fs::hard_link(&path, sub.join(format!("{number}-too"))).expect("a name");
            }
            _ => fs::write(&path, format!("in /opt/app/{number}\n").repeat(number % 50))
                .expect("a file"),
        }
    }
    fs::set_permissions(old.join("3"), PermissionsExt::from_mode(0o555)).expect("a mode");
    let made = program();
    fs::copy(made.path("before/program"), old.join("program")).expect("the program");
}

/// A schema of so many fields, and old outputs.
fn large_schema(folder: &Folder, fields: usize) {
    let field = |number: usize| {
        format!(
            "[section.many.field.field_{number}]\ntype = 'u32'\ndefault = {number}\ndoc = 'The {number}th.'\n"
        )
    };
    let schema: String = (0..fields).map(field).collect();
    fs::create_dir(folder.path("before")).expect("a folder");
    folder.write("before/schema.toml", format!("[section.many]\n{schema}"));
    folder.write("before/g.hh", "old");
    folder.write("before/g.cc", "old");
}

/// Makes what is in a folder.
type Files = fn(&Folder);

/// Kills commands whose work takes much longer than their start, on the disk and in memory, so that the moments fall
/// into all of it. Each has what makes its files.
fn kill_long(cases: &[(&str, Files)]) {
    let places: &[fn() -> Folder] =
        if is_full() { &[Folder::new, Folder::in_memory] } else { &[Folder::in_memory] };
    let moments = if is_full() { 40 } else { 4 };
    let mut all = Phases::default();
    for place in places {
        for (line, make) in cases {
            let folder = place();
            make(&folder);
            let case = Case::untraced(folder, line, 0);
            let case = if line.contains("--in-place") { case.in_place() } else { case };
            for (phase, count) in case.signal_at("KILL", moments).0 {
                *all.0.entry(phase).or_default() += count;
            }
        }
    }
    assert_ne!(all.killed(), 0);
    // A few moments may all miss it.
    assert!(!is_full() || all.killed_in_writing() != 0, "{all}");
}

fn long_program(folder: &Folder) {
    large_program(folder, if is_full() { 50 << 20 } else { 6 << 20 }, 10_000);
}

/// Most of it is written, also in place.
fn long_values(folder: &Folder) {
    large_program(folder, 20 << 20, if is_full() { 1 << 20 } else { 1 << 18 });
}

fn long_tree(folder: &Folder) {
    large_tree(folder, if is_full() { 2000 } else { 100 });
}

fn long_tree_and_empty_folder(folder: &Folder) {
    long_tree(folder);
    fs::create_dir(folder.path("before/new")).expect("a folder");
}

fn long_schema(folder: &Folder) {
    large_schema(folder, if is_full() { 1000 } else { 50 });
}

#[test]
fn a_kill_in_a_long_fill_leaves_the_old_file_or_the_new_one() {
    kill_long(&[
        ("fill program --values values.json", long_program),
        ("fill program --output new --values values.json", long_program),
    ]);
}

#[test]
fn a_kill_in_a_long_fill_in_place_is_seen() {
    let line = "fill --in-place program --values values.json";
    let with_build_id = format!("{line} --rewrite-build-id");
    kill_long(&[(line, long_values), (&with_build_id, long_program)]);
}

#[test]
fn a_kill_in_a_long_specialize_leaves_no_tree_or_all_of_it() {
    let line = format!("specialize --output old=@/new --rewrite /opt/app=@/new {SET}");
    kill_long(&[(&line, long_tree), (&line, long_tree_and_empty_folder)]);
}

#[test]
fn a_kill_in_a_long_generate_or_scan_leaves_old_files_or_new_ones() {
    kill_long(&[
        ("generate --schema schema.toml --out-header g.hh --out-source g.cc", long_schema),
        ("scan old --reference /opt/app --manifest manifest", long_tree),
    ]);
}

/// A fill that waits for a lock, behind some words of a shell, gets a signal. Gives how it ended (a signal that
/// ended it, or a code), and what it said.
fn while_waiting(folder: &Folder, words: &str, signal: &str) -> (i32, String) {
    folder.copy("before/program", "program");
    let lock = File::open(folder.path("program")).expect("the program");
    lock.lock().expect("a lock");
    let line = format!("{words} exec {} fill program {SET}", postlink().display());
    let mut command = ended_by_signals("sh");
    command.args(["-c", &line]).current_dir(folder.path("")).stdout(Stdio::null());
    let child = command.stderr(Stdio::piped()).spawn().expect("a shell");
    // The program opens the file when it has prepared for signals.
    let files = format!("/proc/{}/fd", child.id());
    let is_open = || {
        let files = fs::read_dir(&files).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|file| file == folder.path("program"))
    };
    while !is_open() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let send = format!("kill -{signal} {}", child.id());
    folder.run_words("sh".as_ref(), &["-c", &send]).ok();
    drop(lock);
    let output = child.wait_with_output().expect("its end");
    let end = output.status.signal().or(output.status.code()).expect("an end");
    (end, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The end of a terminal left what was not complete; a signal that was to be ignored, as `nohup` and shells
/// say, ended the command; and a shell went on with its script, since the command ended by itself.
#[test]
fn a_command_ends_by_signals_that_are_not_ignored() {
    let folder = program();
    for (signal, number) in [("HUP", 1), ("INT", 2), ("TERM", 15)] {
        let (end, said) = while_waiting(&folder, "", signal);
        assert_eq!(end, number, "{signal}: {said}");
        assert!(said.contains("program: stopped by a signal"), "{signal}: {said}");
        assert_eq!(folder.read("program"), folder.read("before/program"));
        let (end, said) = while_waiting(&folder, &format!("trap '' {signal};"), signal);
        assert_eq!(end, 0, "{signal}: {said}");
        assert_ne!(folder.read("program"), folder.read("before/program"));
    }
}

/// Its folder stayed for good.
#[test]
fn a_demo_that_is_stopped_leaves_nothing() {
    let folder = Folder::new();
    fs::create_dir(folder.path("temporary")).expect("a folder");
    folder.write("compiler", "#!/bin/sh\ntest \"$1\" = --version || kill -INT $PPID\n");
    fs::set_permissions(folder.path("compiler"), PermissionsExt::from_mode(0o755)).expect("a mode");
    let mut command = ended_by_signals(postlink());
    command.arg("demo").env("CXX", folder.path("compiler")).env("TMPDIR", folder.path("temporary"));
    let output = command.output().expect("postlink");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.signal() == Some(2) && said.contains("stopped by a signal"), "{said}");
    assert_eq!(fs::read_dir(folder.path("temporary")).expect("a folder").count(), 0);
}
