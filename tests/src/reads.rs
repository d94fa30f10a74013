//! Reads of one file that the system refuses.

use crate::{Folder, postlink};

/// Runs `postlink` with this line once for each read of the file `name`, which fails each time, and asserts that
/// each is told as what it is: the command is refused, and names the file.
///
/// # Panics
/// It is not, or the command reads nothing of the file.
#[track_caller]
pub fn assert_each_is_needed(folder: &Folder, line: &str, name: &str) {
    let path = folder.path(name);
    // One thread always reads in the same order.
    let strace = format!("env RAYON_NUM_THREADS=1 strace -f -o trace -P {}", path.display());
    for number in 1.. {
        let inject = format!("{strace} -e inject=pread64:error=EIO:when={number}");
        let run = folder.run(&format!("{inject} {} {line}", postlink().display()));
        if !String::from_utf8_lossy(&folder.read("trace")).contains("INJECTED") {
            assert!(number > 1, "{line}: nothing is read of {name}");
            return;
        }
        let is_named = run.stderr.contains(&format!("{name}: Input/output error"));
        assert!(run.code == 1 && is_named, "{line}: {number}th read of {name}: {run:?}");
    }
}
