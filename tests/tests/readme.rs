//! The README's five steps, as they are written there.

use postlink_tests::{Folder, fixture, postlink};

/// The code blocks of this language, in order.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == format!("```{language}");
            if inside {
                blocks.push(String::new());
            }
        } else if let (true, Some(block)) = (inside, blocks.last_mut()) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[test]
fn five_steps() {
    let readme = std::fs::read_to_string(fixture("../../README.md")).expect("the README");
    let folder = Folder::new();
    folder.write("schema.toml", &blocks(&readme, "toml")[0]);
    folder.write("lib.cc", &blocks(&readme, "cpp")[0]);
    let mut said = String::new();
    // The first block of commands is about the repository itself.
    for block in &blocks(&readme, "console")[1..] {
        for line in block.lines() {
            let line = line.strip_prefix("$ ").expect("a command");
            let ours = format!("{} ", postlink().display());
            said += &folder.run(&line.replacen("postlink ", &ours, 1)).ok();
        }
    }
    assert!(said.contains("data_dir: path = /opt/app/share/app (derived)"), "{said}");
    assert!(said.contains("nothing but declared values differs"), "{said}");
}
