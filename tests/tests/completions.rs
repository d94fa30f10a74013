//! Completions in the shells themselves: a script types into them, and reads what they answer.

use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture};

const SCHEMA: &str = "[section.app]
[section.app.field.version]
type = 'string'
capacity = 64
default = '0'
[section.app.field.prefix]
type = 'path'
capacity = 64
required = true
[section.app.field.channel]
type = 'enum'
names = ['stable', 'beta']
default = 'beta'
[section.app.field.flag]
type = 'bool'
default = true
[section.app.field.label]
type = 'string'
capacity = 64
default = 'plain'
allowed = ['plain', '$(touch run)', 'two words']
[section.other]
[section.other.field.version]
type = 'u8'
default = 1
";

/// A library with two sections, a program that must not be run, and the scripts of all shells.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("schema.toml", SCHEMA);
    for section in ["app", "other"] {
        let outputs = format!("--out-header {section}.hh --out-source {section}.cc");
        folder
            .postlink(&format!("generate --schema schema.toml --section {section} {outputs}"))
            .ok();
    }
    folder.run("g++ -std=c++17 -fPIC -shared app.cc other.cc -o lib.so").ok();
    folder.copy("lib.so", "my lib.so");
    folder.write("z$(touch${IFS}run)", "");
    folder.write("script", "#!/bin/sh\ntouch run\n");
    folder.run("chmod +x script lib.so").ok();
    for shell in ["bash", "zsh", "fish"] {
        let text = folder.postlink(&format!("completions {shell}")).ok();
        folder.write(&format!("completions.{shell}"), text);
    }
    folder
}

/// Types the keys of each step into a shell that has run `setup`, and waits for the answers.
#[track_caller]
fn type_into(shell: &str, setup: &str, steps: &[(&str, &[&str])]) -> String {
    let folder = folder();
    let ours = postlink_tests::postlink().parent().expect("a folder").display();
    let start = format!("PATH={ours}:$PATH; PS1='> '; {setup}; echo rea''dy\n");
    let mut lines = serde_json::json!([start, "ready"]).to_string();
    for (keys, answers) in steps {
        let all: Vec<&str> = [*keys].into_iter().chain(answers.iter().copied()).collect();
        lines += &format!("\n{}", serde_json::json!(all));
    }
    folder.write("steps", lines);
    let terminal = fixture("../terminal.py").display().to_string();
    let line = format!("python3 {terminal} {shell} < steps");
    let said = folder.run_words("sh".as_ref(), &["-c", &line]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(!folder.path("run").exists(), "something was run: {}", said.stdout);
    said.stdout
}

/// What a line becomes with these keys; Ctrl-A goes to its start.
macro_rules! becomes {
    ($keys:literal, $line:literal) => {
        (concat!($keys, "\u{1}echo GOT \n"), &[concat!("GOT ", $line)] as &[&str])
    };
}

const LINES: [(&str, &[&str]); 11] = [
    becomes!("postlink fill lib.so --set pre\t/opt", "postlink fill lib.so --set prefix=/opt"),
    becomes!(
        "postlink fill lib.so --set app.ver\t1.2",
        "postlink fill lib.so --set app.version=1.2"
    ),
    becomes!("postlink fill lib.so --set=cha\ts\tx", "postlink fill lib.so --set=channel=stable x"),
    becomes!("postlink fill lib.so --take pre\tX", "postlink fill lib.so --take prefix=X"),
    becomes!(
        "postlink fill lib.so --from pre\tenv:X --git lab\tbr\tx",
        "postlink fill lib.so --from prefix=env:X --git label=branch x"
    ),
    // The file stands behind the cursor, which Ctrl-B brought back.
    becomes!(
        "postlink fill --set flag=t lib.so\u{2}\u{2}\u{2}\u{2}\u{2}\u{2}\u{2}\t",
        "postlink fill --set flag=true lib.so"
    ),
    becomes!(
        "postlink inspect my\\ lib.so --field pre\tx",
        "postlink inspect my lib.so --field prefix x"
    ),
    becomes!(
        "postlink generate --schema schema.toml --section o\tx",
        "postlink generate --schema schema.toml --section other x"
    ),
    becomes!(
        "postlink fill lib.so --set prefix=/usr/loca\tx",
        "postlink fill lib.so --set prefix=/usr/local/x"
    ),
    becomes!("postlink fill lib.so --drop\tx", "postlink fill lib.so --drop-signature x"),
    // A text that would mean something to the shell is not offered.
    becomes!("postlink fill lib.so --set label=\t", "postlink fill lib.so --set label=plain"),
];

const NAMES: &[&str] = &["app.version=", "channel=", "flag=", "other.version=", "prefix="];

/// A file whose name would be a command, if it came unquoted to the line.
const BASH: [(&str, &[&str]); 2] = [
    becomes!(
        "postlink fill lib.so --output z\tx",
        "postlink fill lib.so --output z$(touch${IFS}run) x"
    ),
    becomes!("postlink fill lib.so --values my\tx", "postlink fill lib.so --values my lib.so x"),
];

#[test]
fn bash() {
    let setup = "bind 'set enable-bracketed-paste off'; source completions.bash";
    let names = ("postlink fill lib.so --set \t\t", NAMES);
    let steps = [&[names, ("\u{15}", &[])], &LINES[..], &BASH, &[("exit\n", &["exit"])]].concat();
    type_into("bash --norc --noprofile -i", setup, &steps);
}

#[test]
fn zsh() {
    let setup = "autoload -Uz compinit; compinit -u -D; source completions.zsh";
    let names = ("postlink fill lib.so --set \t", NAMES);
    let steps = [&[names, ("\u{15}", &[])], &LINES[..], &[("exit\n", &["exit"])]].concat();
    let said = type_into("zsh -f -i", setup, &steps);
    assert!(said.contains("path, at most 64 bytes, required"), "{said}");
}

/// fish tells what it would offer, without a terminal.
#[test]
fn fish() {
    let folder = folder();
    let ours = postlink_tests::postlink().parent().expect("a folder").display();
    let offered = |line: &str| {
        let script = format!(
            "set -x PATH {ours} $PATH; source completions.fish; complete -C '{line}' | cut -f 1"
        );
        let run = folder.run_words("fish".as_ref(), &["--no-config", "-c", &script]);
        assert_eq!(run.stderr, "");
        let text = run.ok();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        offered("postlink fill lib.so --set "),
        ["app.version=", "channel=", "flag=", "label=", "other.version=", "prefix="]
    );
    assert_eq!(offered("postlink fill lib.so --set app.pre"), ["app.prefix="]);
    assert_eq!(offered("postlink fill lib.so --set=channel=s"), ["--set=channel=stable"]);
    assert_eq!(offered("postlink fill \"my lib.so\" --set flag="), ["flag=false", "flag=true"]);
    for option in ["--take", "--from", "--git"] {
        for command in ["fill lib.so", "payload --image lib.so"] {
            assert_eq!(offered(&format!("postlink {command} {option} fl")), ["flag="]);
        }
    }
    assert_eq!(
        offered("postlink fill lib.so --git flag=d"),
        ["date", "day", "describe", "dirty"].map(|fact| format!("flag={fact}"))
    );
    assert_eq!(offered("postlink inspect lib.so --field pre"), ["prefix"]);
    assert_eq!(offered("postlink payload --image=lib.so --section "), ["app", "other"]);
    assert_eq!(offered("postlink generate --schema schema.toml --default pre"), ["prefix="]);
    assert!(offered("postlink fill lib.so --set prefix=/us").contains(&"prefix=/usr/".to_owned()));
    assert_eq!(offered("postlink fill missing --set "), [""; 0]);
    assert!(!folder.path("run").exists());
}

/// Where something is wrong, nothing is said, and no file is run.
#[test]
fn wrong_lines_are_answered_with_nothing() {
    let folder = folder();
    folder.run("mkfifo pipe").ok();
    folder.write("broken.toml", "[section");
    folder.write("broken.so", &folder.read("lib.so")[..3000]);
    for line in [
        "",
        "x",
        "0",
        "4 postlink fill lib.so --set",
        "99999999999999999999 postlink fill",
        "4 postlink fill ./script --set x",
        "4 postlink fill pipe --set x",
        "4 postlink fill /dev/zero --set x",
        "4 postlink fill . --set x",
        "4 postlink fill broken.so --set x",
        "4 postlink generate broken.toml --default x",
        "4 postlink fill lib.so --nonsense x",
        "4 postlink fill lib.so --set nonsense=",
        "4 postlink nonsense lib.so --set x",
    ] {
        let run = folder.postlink(&format!("complete-fields {line}"));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{line}");
    }
    assert!(!folder.path("run").exists());
}

/// The lines of the guide put everything where the shells and man look for it.
#[test]
fn the_guide_installs_all() {
    let folder = Folder::new();
    let ours = postlink_tests::postlink().parent().expect("a folder").display();
    let home = folder.path("home").display().to_string();
    let path = std::env::var("PATH").expect("PATH");
    let path = format!("PATH={ours}:{home}/.local/bin:{path}");
    let home = format!("HOME={home}");
    let shell =
        |line: &str| folder.run_words("env".as_ref(), &[&path, &home, "bash", "-ec", line]).ok();
    shell("mkdir -p ~/.local/bin");
    for block in Page::read("patcher/guides/shell.md").blocks("console") {
        block.lines().for_each(|line| drop(shell(line.strip_prefix("$ ").expect("a command"))));
    }
    assert!(shell("man -w postlink-fill").contains("man1/postlink-fill.1"));
    assert!(shell("man -w 5 postlink-schema").contains("man5/postlink-schema.5"));
    let load = ". /usr/share/bash-completion/bash_completion; _comp_load postlink 2>/dev/null \
                || __load_completion postlink; complete -p postlink";
    assert!(shell(load).contains("_postlink_with_fields"));
    assert_eq!(shell("fish -c 'complete -C \"postlink insp\" | cut -f 1'"), "inspect\n");
    let zsh = "zsh -fc 'fpath+=~/.zfunc; autoload -Uz compinit && compinit -u -D; echo $_comps[postlink]'";
    assert_eq!(shell(zsh), "_postlink\n");
}
