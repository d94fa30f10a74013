//! Examples of each command, for `--help` and the manual pages.

use clap::Command;

/// The purpose of a command line, and the line.
type Example = (&'static str, &'static str);

/// The examples of the command `postlink`, or of one of its commands.
pub(super) fn of(command: &str) -> &'static [Example] {
    match command {
        "postlink" => &[
            ("Declare values in schema.toml, and generate accessors for C++:", GENERATE),
            ("Compile and link, and fill the values in:", FILL),
            ("Prove that nothing else changed:", VERIFY),
        ],
        "generate" => &[
            ("Write a header and a source for C++:", GENERATE),
            (
                "Write a Rust module of a section that Rust owns; its required prefix gets a default for \
                 development builds:",
                "postlink generate --schema values.toml \\\n--out-rust values.rs --default prefix=/usr/local",
            ),
        ],
        "fill" => &[
            ("Write a filled copy:", FILL),
            (
                "Fill a file again, and keep the values that are not given now:",
                "postlink fill libapp.so --keep --set version=2.1.1",
            ),
            (
                "Take version and commit from the git repository of the current folder:",
                "postlink fill libapp.so --git version --git commit",
            ),
            (
                "Take a value of the file that Bazel writes for stamping:",
                "postlink fill libapp.so \\\n--values stable-status.txt --take commit=STABLE_GIT_COMMIT",
            ),
            (
                "Take the values from where the file itself says that they are:",
                "postlink fill libapp.so",
            ),
            (
                "Give a list its items, one by one:",
                "postlink fill bin/app --set plugins=/opt/one --set plugins=/opt/two",
            ),
        ],
        "inspect" => &[
            ("Show all fields and their values:", "postlink inspect libapp.so"),
            ("Print one value, for a script:", "postlink inspect --field prefix libapp.so"),
        ],
        "payload" => &[
            (
                "Write the section as a fill would leave it:",
                "postlink payload --image libapp.so --section app \\\n--set prefix=/opt/app --output app.bin",
            ),
            (
                "Let objcopy put it into the file:",
                "objcopy --update-section postlink_app=app.bin libapp.so",
            ),
        ],
        "verify" => &[
            ("Compare a filled file with the one that was built:", VERIFY),
            (
                "Compare a tree that was made with --destdir:",
                "postlink verify stage/opt/app-old final/opt/app \\\n--rewrite /opt/app-old=/opt/app",
            ),
        ],
        "scan" => &[
            (
                "Find what names a path, and write a web page of it:",
                "postlink scan result --reference /opt/app --html report.html",
            ),
            (
                "Find what a compiler folded into code, by a second build:",
                "postlink scan build-one --reference /opt/one --against build-two",
            ),
        ],
        "specialize" => &[
            (
                "Carry a tree to its final path, and set a field:",
                "postlink specialize --output build/out=/opt/app --set version=2.1.0",
            ),
            (
                "Carry a staged tree, for a package:",
                "postlink specialize --output stage/opt/app-old=/opt/app \\\n--rewrite /opt/app-old=/opt/app --destdir final",
            ),
        ],
        "completions" => &[(
            "Install them for bash:",
            "postlink completions bash \\\n> ~/.local/share/bash-completion/completions/postlink",
        )],
        "man" => &[
            ("Write all pages into a folder:", "postlink man pages"),
            (
                "Install those of the commands for yourself:",
                "install -D -m 644 -t ~/.local/share/man/man1 pages/*.1",
            ),
            (
                "Install those of the file formats:",
                "install -D -m 644 -t ~/.local/share/man/man5 pages/*.5",
            ),
        ],
        "demo" => &[("Leave all files in a new folder:", "postlink demo folder")],
        _ => &[],
    }
}

const GENERATE: &str = "postlink generate --schema schema.toml \\\n\
                        --out-header app.gen.hh --out-source app.gen.cc";
const FILL: &str = "postlink fill libapp.so --output filled.so --set prefix=/opt/app";
const VERIFY: &str = "postlink verify libapp.so filled.so";

/// The command with its examples, and those of its commands, at the end of `--help`.
pub(super) fn in_help(command: Command) -> Command {
    let mut text = "Examples:".to_owned();
    for (purpose, line) in of(command.get_name()) {
        text += &format!("\n  {purpose}\n    $ {}", line.replace('\n', "\n        "));
    }
    if let Some(rest) = command.get_after_help() {
        text += &format!("\n\n{rest}");
    }
    command.after_long_help(text).mut_subcommands(in_help)
}
