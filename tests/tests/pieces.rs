//! A compiler cuts strings that a program copies into pieces: then the path is in the program, and is
//! nowhere as a whole.
#![forbid(unsafe_code)]

use postlink_tests::Folder;

const PROGRAM: &str = r#"#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    char to[64];
    memcpy(to, PATH, sizeof PATH);
    to[63] = (char)argc;
    puts(to);
    (void)argv;
}
"#;
const OLD: &str = "/opt/aaaa-unspecialized";

/// A folder with `built/run`, made by this compiler, which prints a file's path in this folder.
fn program(compiler: &str, prefix: &str) -> Folder {
    let folder = Folder::new();
    folder.write("run.c", PROGRAM.replace("PATH", &format!("\"{prefix}/lib\"")));
    folder.run("mkdir built").ok();
    folder.run(&format!("{compiler} -o built/run run.c")).ok();
    folder
}

/// Pieces of 16 bytes are constants of their own. Those of 8 bytes are in instructions: with gcc the first
/// one comes first, with clang last.
#[test]
fn a_path_in_pieces_is_told() {
    for (compiler, keeps_it) in [
        ("gcc -O2", false),
        ("gcc -O2 -c", false),
        ("gcc -O2 -mgeneral-regs-only", false),
        ("clang-19 -O2 -mno-sse", true),
    ] {
        let folder = program(compiler, OLD);
        let is_whole = folder.run(&format!("grep -q {OLD} built/run")).code == 0;
        assert_eq!(is_whole, keeps_it, "{compiler}");
        let said = folder.postlink(&format!("scan built --reference {OLD}")).fails_with_output(3);
        assert!(said.contains("cut the path into pieces"), "{compiler}: {said}");
    }
}

/// A file with more pieces than are told one by one does not pass for one that has no others.
#[test]
fn more_pieces_than_are_told_are_told_as_such() {
    let folder = Folder::new();
    folder.run("mkdir built").ok();
    for (count, is_told) in [(1024, false), (1025, true)] {
        let text = format!(
            ".section .rodata\n.rept {count}\n.ascii \"/opt/aaaa-unspec\"\n.zero 8\n.endr\n"
        );
        folder.write("many.s", text);
        folder.run("gcc -c -o built/many many.s").ok();
        let said = folder.postlink(&format!("scan built --reference {OLD}")).fails_with_output(3);
        assert_eq!(said.contains("more pieces of paths than are told"), is_told, "{said}");
    }
}

/// No rewrite puts pieces right, whatever the lengths: `specialize` said that all was done.
#[test]
fn a_path_in_pieces_is_left() {
    let folder = program("gcc -O2", OLD);
    folder.postlink(&format!("scan built --reference {OLD} --manifest m")).fails(3);
    let options =
        format!("--output built=/opt/bbbb-as-long-as-it --rewrite {OLD}=/opt/bbbb-as-long-as-it");
    for more in ["", "--equal-length --possible", "--manifest m"] {
        let said = folder.postlink(&format!("specialize {options} --destdir out {more}"));
        let said = said.fails_with_output(3);
        assert!(said.contains("as-it/run: .rodata"), "{said}");
    }
    folder.postlink(&format!("specialize {options} --destdir out --allow-left run")).ok();
}

/// 16 bytes say that a path is this one, unless another begins like it; 8 do not.
#[test]
fn a_piece_of_another_path_is_none() {
    let folder = program("gcc -O2", "/opt/aaaa-version");
    assert_eq!(folder.postlink(&format!("scan built --reference {OLD}")).code, 0);
    let folder = program("gcc -O2 -fno-builtin", "/opt/aaaa-unspecified");
    let scan = format!("scan built --reference {OLD}");
    let said = folder.postlink(&scan).fails_with_output(3);
    assert!(said.contains("possible"), "{said}");
    folder.postlink(&format!("{scan} --other-path /opt/aaaa-unspecified")).ok();
}
