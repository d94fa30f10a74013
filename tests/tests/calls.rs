//! How often `postlink` asks the system: not for each reference, and an image once for all of them.

use std::fs;

use postlink_tests::{Folder, postlink};

/// The calls that a command makes.
fn calls(folder: &Folder, line: &str) -> usize {
    let calls = "pread64,read,write,pwrite64,lseek,statx,fstat,openat";
    let program = postlink().display();
    folder.run(&format!("strace -f -o trace -e trace={calls} {program} {line}")).ok();
    folder.run("cat trace").ok().lines().count()
}

/// Each reference of a text took three reads, a write and two questions about the files.
#[test]
fn references_of_a_text_cost_no_calls() {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).expect("a folder");
    folder.write("old/text", "/opt/app\n".repeat(20_000));
    for new in ["/opt/new", "/opt/longer"] {
        let rewrite = format!("--rewrite /opt/app={new}");
        let line = format!("specialize --output old=/opt/tree {rewrite} --destdir out");
        let specialized = calls(&folder, &line);
        let verified = calls(&folder, &format!("verify old out/opt/tree {rewrite}"));
        assert_eq!(folder.read("out/opt/tree/text"), format!("{new}\n").repeat(20_000).as_bytes());
        fs::remove_dir_all(folder.path("out")).expect("a folder");
        assert!(specialized < 500 && verified < 500, "{new}: {specialized} {verified}");
    }
}
