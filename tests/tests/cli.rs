//! The commands that are not about one file, what `--json` gives, and how messages look.

use std::fs;

use postlink_tests::lix::{build_library, sources};
use postlink_tests::{Folder, fixture_text, golden};
use serde_json::Value as Json;

const COMMANDS: [&str; 10] = [
    "generate",
    "fill",
    "inspect",
    "payload",
    "verify",
    "scan",
    "specialize",
    "completions",
    "man",
    "demo",
];

#[test]
fn completions_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = folder.postlink(&format!("completions {shell}")).ok();
        assert!(COMMANDS.iter().all(|command| text.contains(command)), "{shell}");
    }
    folder.write("bash", folder.postlink("completions bash").ok());
    folder.run("bash -n bash").ok();
}

#[test]
fn manual_pages_for_every_command() {
    let folder = Folder::new();
    assert!(folder.postlink("man").ok().contains(".TH POSTLINK 1"));
    folder.postlink("man .").ok();
    let mut pages: Vec<String> = COMMANDS.map(|command| format!("postlink-{command}.1")).to_vec();
    pages.extend(["postlink.1", "postlink-schema.5", "postlink-record.5"].map(str::to_owned));
    pages.sort();
    assert_eq!(folder.names(), pages);
    let again = Folder::new();
    again.postlink("man share/man1").ok();
    for page in &pages {
        assert!(folder.read(page) == again.read(&format!("share/man1/{page}")), "{page}");
        if page.ends_with(".5") {
            continue;
        }
        // They had no date, no value names, no `...`, and no examples.
        let text = String::from_utf8(folder.read(page)).expect("UTF-8");
        for part in [" 1 20", "EXIT STATUS", "ENVIRONMENT", "SH EXAMPLES\n", "SH \"SEE ALSO\""] {
            assert!(text.contains(part), "{page} lacks {part}");
        }
    }
    let fill = String::from_utf8(folder.read("postlink-fill.1")).expect("UTF-8").replace('\n', " ");
    assert!(fill.contains(r"[\-\-set <FIELD=VALUE>]..."), "{fill}");
    assert!(fill.contains("<IMAGE>... ") && fill.contains(r"[\-\-output <OUT>]"), "{fill}");
}

/// Each line must be one that the command takes: with `--help` behind it, it is parsed, not run.
#[test]
fn examples_are_lines_that_work() {
    let folder = Folder::new();
    for command in COMMANDS {
        let help = folder.postlink(&format!("{command} --help")).ok().replace("\\\n", "");
        let (_, examples) = help.split_once("\nExamples:\n").expect(command);
        let lines = examples.lines().filter_map(|line| line.trim().strip_prefix("$ postlink "));
        let lines: Vec<&str> = lines.map(|line| line.split(" > ").next().unwrap_or(line)).collect();
        assert!(!lines.is_empty(), "{command}");
        for line in lines {
            folder.postlink(&format!("{line} --help")).ok();
        }
    }
    assert!(folder.postlink("--help").ok().contains("Exit codes: 0 done"));
}

/// The option that was left out was not told.
#[test]
fn an_argument_without_its_option_gets_a_hint() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    for (line, hint) in [
        ("generate schema.toml", "--schema schema.toml"),
        ("generate --schema s.toml version=1", "--default version=1"),
        ("fill libvalues.so version=1", "--set version=1"),
        ("payload libvalues.so --section lix", "--image libvalues.so"),
        ("specialize tree=/opt/app", "--output tree=/opt/app"),
        ("verify old new /a=/b", "--rewrite /a=/b"),
    ] {
        let said = folder.postlink(line).fails(2);
        assert!(said.contains(&format!("write `{hint}`")), "{line}: {said}");
    }
    // A file may have such a name.
    folder.copy("libvalues.so", "version=1");
    folder.postlink("fill version=1 --set version=1.2.3 --set prefix=/p").ok();
}

/// no-color.org and bixense.com/clicolors; `CLICOLOR_FORCE` had no effect.
#[test]
fn colours_follow_the_environment() {
    let folder = Folder::new();
    folder.write("schema.toml", "[section.app]\nnonsense = 1\n");
    let postlink = postlink_tests::postlink().display();
    for (set, is_colored) in [
        ("A=1", false),
        ("CLICOLOR_FORCE=1", true),
        ("NO_COLOR=1 CLICOLOR_FORCE=1", false),
        ("CLICOLOR=0 CLICOLOR_FORCE=1", true),
    ] {
        for line in
            ["inspect missing", "generate --schema schema.toml --out-rust out.rs", "nonsense"]
        {
            let run = folder.run(&format!("env -u NO_COLOR {set} {postlink} {line}"));
            assert_eq!(run.stderr.contains("\u{1b}["), is_colored, "{set} {line}: {run:?}");
        }
    }
}

/// The line was longer than 80 columns, and stayed when Ctrl-C ended the command.
#[test]
fn progress_is_one_line_and_goes_away() {
    const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
said, interrupted = b"", False
try:
    while part := os.read(terminal, 65536):
        said += part
        if b"files" in said and not interrupted:
            interrupted = os.write(terminal, b"\x03") == 1
except OSError:  # The other end is closed.
    pass
print(os.WTERMSIG(os.waitpid(child, 0)[1]), said.decode(), end="")
"#;
    let folder = Folder::new();
    folder.write("terminal.py", TERMINAL);
    fs::create_dir(folder.path("tree")).expect("a folder");
    folder.run("openssl rand -out random 10000000").ok();
    folder.run("gzip -1 random").ok();
    (0..20).for_each(|each| folder.copy("random.gz", &format!("tree/{each}.gz")));
    let postlink = postlink_tests::postlink().display();
    let scan = format!(
        "python3 terminal.py /usr/bin/env --default-signal=INT {postlink} scan tree --reference /opt/app"
    );
    let said = folder.run(&scan).ok();
    // SIGINT ended it.
    assert!(said.starts_with("2 "), "{said:?}");
    assert!(said.contains("/20 files") && said.ends_with("\r\u{1b}[2K"), "{said:?}");
    let lines = said[2..].split(['\r', '\n']).map(|line| line.trim_start_matches("\u{1b}[2K"));
    for line in lines {
        assert!(line.trim_end_matches("^C").chars().count() <= 80, "{line:?}");
    }
}

#[test]
fn help_of_every_command() {
    let folder = Folder::new();
    for command in COMMANDS {
        assert!(folder.postlink(&format!("{command} --help")).ok().contains("Usage: postlink"));
    }
    assert!(folder.postlink("--version").ok().starts_with("postlink "));
}

/// The demo really runs; a folder that is there is not touched; without a compiler it says so.
#[test]
fn demo() {
    let folder = Folder::new();
    let shown = folder.postlink("demo demo").ok();
    let filled = "prefix       /nix/store/0c5n1x3gkr7d2wmf9vq8z4yjb6hap2sl-lix-2.96.0-dev-20261122_be438c62e1bd\n";
    assert!(shown.contains(filled) && shown.contains("specialized  yes"), "{shown}");
    assert!(shown.contains("declares 8 values"), "{shown}");
    assert!(shown.ends_with("times as long.\n"), "{shown}");
    assert!(folder.run("./demo/nix").ok().contains(filled));
    assert!(folder.postlink("demo demo").fails(1).contains("cannot create demo"));
    let postlink = postlink_tests::postlink().display();
    let said = folder.run(&format!("env CXX=nosuchcompiler {postlink} demo")).fails(1);
    assert!(said.contains("tried `nosuchcompiler`") && said.contains("CXX"), "{said}");
    assert_eq!(folder.names(), ["demo"]);
}

#[test]
fn json_of_every_command_is_one_object() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    folder.copy("libvalues.so", "fresh.so");
    folder.write("values.json", fixture_text("kinds.json"));
    let json = |line: &str, code: i32| -> Json {
        let run = folder.postlink(line);
        assert_eq!(run.code, code, "{run:?}");
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} {run:?}"))
    };
    let set = "--set version=1.2.3 --set prefix=/p";
    let planned = json(&format!("fill --json --dry-run libvalues.so {set}"), 0);
    let filled = json(&format!("fill --json libvalues.so missing {set}"), 1);
    let inspected = json("inspect --json libvalues.so", 0);
    assert_eq!(planned["images"][0]["outcome"], "planned");
    assert_eq!(filled["images"][0]["outcome"], "filled");
    assert_eq!(
        filled["images"][1]["error"]["help"],
        "there is no such file or folder: check the path, or create the folder"
    );
    assert_eq!(filled["images"][0]["records"], inspected["images"][0]["records"]);
    assert_eq!(planned["images"][0]["records"], inspected["images"][0]["records"]);
    assert_eq!(json("verify --json fresh.so libvalues.so", 0)["differences"], Json::Array(vec![]));
    assert!(json("verify --json fresh.so missing", 1)["error"]["message"].is_string());
    assert!(json("fill --json libvalues.so --set x", 2)["error"]["message"].is_string());
    let only = json("inspect --json --field lix.version libvalues.so", 0);
    golden("field.json", &format!("{:#}\n", only["images"][0]["records"][0]["fields"]));
}

#[test]
fn quiet_and_verbose() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    let set = "--reset --set version=1.2.3 --set prefix";
    assert_eq!(folder.postlink(&format!("-q fill libvalues.so {set}=/a")).ok(), "");
    let said = folder.postlink(&format!("fill libvalues.so {set}=/b")).ok();
    assert_eq!(said, "libvalues.so: section `lix` filled; fields: 2 set, 6 derived, 0 default\n");
    let said = folder.postlink(&format!("fill -v libvalues.so {set}=/c")).ok();
    assert!(said.contains("  bin_dir = /c/bin (derived)\n"), "{said}");
}

/// A fill whose message could not be written ended with 1, as if the file were unchanged.
#[test]
fn full_standard_output() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    let shell = |line: &str| {
        let line = format!("{} {line} > /dev/full", postlink_tests::postlink().display());
        folder.run_words("sh".as_ref(), &["-c", &line])
    };
    let run = shell("fill libvalues.so --set version=1.2.3 --set prefix=/p");
    assert!(run.stderr.starts_with("warning: cannot write to standard output"), "{run:?}");
    run.ok();
    assert_eq!(folder.postlink("inspect --field prefix libvalues.so").ok(), "/p\n");
    folder.write("text", "a text\n");
    let set = "--reset --set version=1.2.4 --set prefix=/p";
    for (line, done) in [
        ("inspect libvalues.so", "help: everything else is done"),
        (&format!("fill --json libvalues.so {set}"), "help: everything else is done"),
        ("fill --json libvalues.so --set nonsense=1", "help: something was refused"),
        ("scan --json text", "help: the command would have ended with 3"),
        ("--help", "help: everything else is done"),
    ] {
        let said = shell(line).fails(1);
        let at = said.find("error: cannot write to standard output").expect(&said);
        assert!(said[at..].contains(done), "{line}: {said}");
    }
    assert_eq!(folder.postlink("inspect --field version libvalues.so").ok(), "1.2.4\n");
}

/// A comparison, or a dry run, whose result could not be written ended with 0.
#[test]
fn a_result_that_cannot_be_written_is_none() {
    let folder = sources();
    build_library(&folder, "g++", "-O1");
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.write("old/text", "text\n");
    folder.copy("libvalues.so", "same.so");
    let final_path = folder.path("new").display().to_string();
    for line in [
        "verify libvalues.so same.so".to_owned(),
        "verify old old".to_owned(),
        "scan -q old --reference /opt/x --against old".to_owned(),
        "scan old --reference /opt/x --against old".to_owned(),
        "fill --dry-run libvalues.so --set version=1.2.3 --set prefix=/p".to_owned(),
        format!("specialize --dry-run --output old={final_path}"),
    ] {
        let is_quiet = line.contains("-q");
        folder.postlink(&line).ok();
        let full = format!("{} {line} > /dev/full", postlink_tests::postlink().display());
        let run = folder.run_words("sh".as_ref(), &["-c", &full]);
        if is_quiet {
            run.ok();
        } else {
            let said = run.fails(1);
            assert!(said.starts_with("error: cannot write to standard output"), "{line}: {said}");
        }
    }
}
