//! The pages of the documentation: their code blocks as files, their commands run as they are written.

use crate::{Folder, fixture, postlink};

/// A page of the documentation, or a part of one.
pub struct Page(String);

impl Page {
    /// The page at this path from the root of the repository, such as `patcher/guides/nix.md`.
    #[must_use]
    pub fn read(path: &str) -> Self {
        let file = fixture("../..").join(path);
        Self(std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// The text from the heading of the second level that begins like this to the next.
    #[must_use]
    pub fn part(&self, heading: &str) -> Self {
        let part = self.0.split("\n## ").find(|part| part.starts_with(heading));
        Self(part.unwrap_or_else(|| panic!("no part {heading}")).to_owned())
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The code blocks of this language, in order.
    #[must_use]
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks: Vec<String> = Vec::new();
        let mut inside = false;
        for line in self.0.lines() {
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

    /// Runs the lines of the `console` blocks that begin with `$ ` in a shell, each must succeed, and
    /// gives what they print. `postlink` and the tools that `tests/run` installs are on PATH.
    #[must_use]
    pub fn run(&self, folder: &Folder) -> String {
        self.run_with("python", folder)
    }

    /// The same with the tools that `tests/run` installs in this folder under `target`.
    #[must_use]
    pub fn run_with(&self, tools: &str, folder: &Folder) -> String {
        let ours = postlink().parent().expect("a folder").display();
        let tools = fixture("../../target").join(tools).join("bin").display().to_string();
        let path = format!("PATH={ours}:{tools}:{}", std::env::var("PATH").unwrap_or_default());
        let blocks = self.blocks("console");
        let lines = blocks.iter().flat_map(|block| block.lines());
        let run = |line: &str| folder.run_words("env".as_ref(), &[&path, "sh", "-c", line]).ok();
        lines.filter_map(|line| line.strip_prefix("$ ")).map(run).collect()
    }
}
