//! The pages of the documentation: their code blocks as files, their commands run as they are written.

use crate::{Folder, fixture, postlink};

/// Each part of a page that has commands: the page, the beginning of the part's heading (none: the
/// whole page), and the test that runs it, as file and function. `tests/tests/pages.rs` sees that
/// no part is left out.
pub const RUN: &[(&str, &str, &str)] = &[
    ("README.md", "In C++", "readme::from_a_schema_to_a_package"),
    ("README.md", "In Rust", "readme::in_rust"),
    ("README.md", "For a packager", "readme::from_a_schema_to_a_package"),
    ("patcher/guides/bazel.md", "The example", "bazel::the_guides_example"),
    ("patcher/guides/cmake.md", "", "cmake::the_page"),
    ("patcher/guides/commands.md", "fill", "book::the_commands"),
    ("patcher/guides/commands.md", "payload", "book::the_commands"),
    ("patcher/guides/cpp.md", "Five steps", "book::five_steps"),
    ("patcher/guides/debian.md", "The example", "debian::built_installed_and_run"),
    ("patcher/guides/debug-files.md", "", "debug_files::the_page_runs_as_it_is_written"),
    ("patcher/guides/generator.md", "`postlink-generate`", "book::a_small_generator"),
    ("patcher/guides/generator.md", "Committed output", "book::a_small_generator"),
    (
        "patcher/guides/install.md",
        "The archive",
        "release::an_archive_is_checked_and_unpacked_as_the_guide_says",
    ),
    ("patcher/guides/make.md", "With make", "make::with_make"),
    ("patcher/guides/make.md", "With autotools", "make::with_autotools"),
    ("patcher/guides/meson.md", "With postlink installed", "meson::with_postlink_installed"),
    ("patcher/guides/meson.md", "With postlink as a subproject", "meson::as_a_subproject"),
    ("patcher/guides/packaging.md", "", "book::for_a_packager"),
    ("patcher/guides/report.md", "", "scan_html::the_guide"),
    ("patcher/guides/rust.md", "A program", "book::in_a_rust_crate"),
    ("patcher/guides/scan.md", "Use", "book::what_refers_to_a_path"),
    ("patcher/guides/shell.md", "Completions", "completions::the_guide_installs_all"),
    ("patcher/guides/shell.md", "Manual pages", "completions::the_guide_installs_all"),
    ("patcher/guides/specialize.md", "Use", "book::to_another_path"),
    ("patcher/guides/values.md", "The example", "values_guide::the_guide"),
    ("patcher/guides/values.md", "From git", "values_guide::the_guide"),
    ("patcher/guides/values.md", "Say it once", "values_guide::the_guide"),
    ("patcher/guides/values.md", "From the environment", "values_guide::the_guide"),
    ("patcher/guides/values.md", "From files", "values_guide::the_guide"),
    ("patcher/guides/values.md", "From an archive", "values_guide::the_guide"),
    ("runtime/README.md", "", "book::the_runtime"),
];

/// A page of the documentation, or a part of one.
pub struct Page {
    path: String,
    text: String,
}

/// A command of a page, and the lines that the page shows as its output.
struct Command {
    line: String,
    shown: Vec<String>,
}

impl Page {
    /// The page at this path from the root of the repository, such as `patcher/guides/nix.md`.
    #[must_use]
    pub fn read(path: &str) -> Self {
        let file = fixture("../..").join(path);
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), text }
    }

    /// The parts of the page: what stands before the first heading of the second level, and then
    /// each such heading with its text.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let part = |text: &str| Self { path: self.path.clone(), text: text.to_owned() };
        self.text.split("\n## ").map(part).collect()
    }

    /// The text from the heading of the second level that begins like this to the next.
    #[must_use]
    pub fn part(&self, heading: &str) -> Self {
        let part = self.parts().into_iter().skip(1).find(|part| part.text.starts_with(heading));
        part.unwrap_or_else(|| panic!("{}: no part {heading}", self.path))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The code blocks of this language, in order.
    #[must_use]
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let fence = format!("```{language}");
        self.fenced()
            .into_iter()
            .filter(|(first, _)| *first == fence)
            .map(|(_, text)| text)
            .collect()
    }

    /// All code blocks: the line that opens it, and the text.
    #[must_use]
    pub fn fenced(&self) -> Vec<(String, String)> {
        let mut blocks: Vec<(String, String)> = Vec::new();
        let mut inside = false;
        for line in self.text.lines() {
            if line.starts_with("```") {
                inside = !inside;
                if inside {
                    blocks.push((line.to_owned(), String::new()));
                }
            } else if let (true, Some((_, block))) = (inside, blocks.last_mut()) {
                block.push_str(line);
                block.push('\n');
            }
        }
        blocks
    }

    /// The text without its code.
    #[must_use]
    pub fn prose(&self) -> String {
        let mut inside = false;
        let lines = self.text.lines().filter(|line| {
            let is_fence = line.starts_with("```");
            inside ^= is_fence;
            !inside && !is_fence
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        // What stands between backticks is no link.
        text.split('`').step_by(2).collect::<Vec<_>>().join("`")
    }

    /// The targets of the links.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        let text = self.prose();
        let ends = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        ends.map(str::to_owned).collect()
    }

    /// The rows of [`RUN`] for this part.
    pub fn rows(
        &self,
    ) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
        RUN.iter().filter(|(page, heading, _)| *page == self.path && self.text.starts_with(heading))
    }

    /// Runs the lines of the `console` blocks that begin with `$ ` in a shell, and gives what they
    /// print. Each must succeed, and print the lines that the page shows below it: in this order, `…`
    /// for any text. A command that ends in a backslash goes on in the next line. `postlink` and the
    /// tools that `tests/run` installs are on PATH.
    ///
    /// # Panics
    /// A command fails, or prints something else.
    #[must_use]
    pub fn run(&self, folder: &Folder) -> String {
        self.run_with("python", folder)
    }

    /// The same with the tools that `tests/run` installs in this folder under `target`.
    ///
    /// # Panics
    /// A command fails, or prints something else.
    #[must_use]
    pub fn run_with(&self, tools: &str, folder: &Folder) -> String {
        assert!(self.rows().next().is_some(), "{}: no row of `page::RUN` has this part", self.path);
        let ours = postlink().parent().expect("a folder").display();
        let tools = fixture("../../target").join(tools).join("bin").display().to_string();
        let path = format!("PATH={ours}:{tools}:{}", std::env::var("PATH").unwrap_or_default());
        let mut said = String::new();
        for Command { line, shown } in self.blocks("console").iter().flat_map(|text| commands(text))
        {
            let run = folder.run_words("env".as_ref(), &[&path, "sh", "-c", &line]);
            let all = format!("{}{}", run.stdout, run.stderr);
            said += &run.ok();
            let mut printed = all.lines();
            for expected in &shown {
                let is_there = printed.any(|line| is_shown_as(line, expected));
                assert!(is_there, "{}: `{line}` prints no `{expected}`:\n{all}", self.path);
            }
        }
        said
    }
}

/// The commands of a `console` block.
fn commands(block: &str) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(line), _) => found.push(Command { line: line.to_owned(), shown: Vec::new() }),
            (None, Some(open)) if open.line.ends_with('\\') => {
                open.line.push('\n');
                open.line += line;
            }
            (None, Some(Command { shown, .. })) => shown.push(line.to_owned()),
            (None, None) => panic!("a line before the first command: {line}"),
        }
    }
    found
}

/// Whether a line that was printed is the one that a page shows, in which `…` stands for any text.
fn is_shown_as(line: &str, shown: &str) -> bool {
    let (first, last) = (shown.split('…').next(), shown.rsplit('…').next());
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    if !shown.contains('…') {
        return line.trim_end() == shown.trim_end();
    }
    let mut rest = line;
    let pieces = shown.split('…').all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    });
    pieces && line.starts_with(first) && line.ends_with(last)
}
