//! What postlink reads from the headers of files, for `tests/differential-reading`: takes a path from each
//! line of its input, and prints a JSON object for each.

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use postlink_patcher::tables::tables;

fn main() {
    let mut output = std::io::stdout().lock();
    // A path need not be UTF-8.
    for path in std::io::stdin().lock().split(b'\n') {
        let path = OsString::from_vec(path.expect("a path"));
        let told = match tables(Path::new(&path)) {
            Ok(tables) => serde_json::to_value(tables).expect("JSON"),
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        // Whoever asks waits for the answer.
        writeln!(output, "{told}").and_then(|()| output.flush()).expect("a reader");
    }
}
