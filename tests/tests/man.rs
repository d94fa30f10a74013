//! The manual pages: what they look like, that their examples run, and that they tell what is so.

use std::collections::BTreeSet;

use postlink_codegen::{FIELD_KEYS, SECTION_KEYS};
use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture};

/// A folder with all pages in `pages`.
fn pages() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("pages")).expect("a folder");
    folder.postlink("man pages").ok();
    folder
}

/// The lines of a section of a page, as they are in the file.
fn section(folder: &Folder, page: &str, heading: &str) -> Vec<String> {
    let text = String::from_utf8(folder.read(&format!("pages/{page}"))).expect("UTF-8");
    let lines = text.lines().skip_while(|line| *line != format!(".SH {heading}")).skip(1);
    lines.take_while(|line| !line.starts_with(".SH")).map(str::to_owned).collect()
}

/// Text without the escapes of roff.
fn plain(line: &str) -> String {
    ["\\fB", "\\fI", "\\fR"]
        .iter()
        .fold(line.to_owned(), |line, font| line.replace(font, ""))
        .replace("\\-", "-")
        .replace("\\*(Aq", "'")
        .replace("\\\\", "\\")
}

/// The examples of a section, each as one line for a shell.
fn examples(folder: &Folder, page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in section(folder, page, "EXAMPLES") {
        match line.as_str() {
            ".EX" => found.push(String::new()),
            _ if is_inside && line != ".EE" => {
                let all = found.last_mut().expect("an example");
                *all += &plain(&line);
                all.push('\n');
            }
            _ => {}
        }
        is_inside = line == ".EX" || is_inside && line != ".EE";
    }
    found
}

/// Both of the programs that people read manual pages with have nothing to say against ours.
#[test]
fn no_program_finds_fault_with_a_page() {
    let folder = pages();
    let names: Vec<String> = std::fs::read_dir(folder.path("pages"))
        .expect("the pages")
        .map(|page| format!("pages/{}", page.expect("a page").file_name().display()))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let said = folder.run(&format!("man --warnings -E UTF-8 -l -Tutf8 -Z {name}"));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{name}");
        assert_eq!(folder.run(&format!("mandoc -Tlint {name}")).ok(), "", "{name}");
        let shown = folder.run(&format!("mandoc -Tutf8 -O width=80 {name}")).ok();
        for heading in ["NAME", "DESCRIPTION", "SEE ALSO"] {
            let heading: String =
                heading.chars().map(|letter| format!("{letter}\u{8}{letter}")).collect();
            assert!(shown.contains(&heading.replace(" \u{8} ", " ")), "{name}: {shown}");
        }
    }
}

/// A terminal has room for the foot, also where the program knows its commit and its day.
#[test]
fn the_foot_of_a_page_fits() {
    let folder = pages();
    let program = postlink_tests::postlink().display();
    let values = "--set commit=0123456789ab --set build_date=2026-11-27";
    folder.postlink(&format!("fill {program} --output released {values}")).ok();
    assert!(folder.run("./released --version").ok().contains(" (0123456789ab, 2026-11-27)"));
    folder.run("./released man pages").ok();
    for page in ["postlink-completions.1", "postlink-schema.5"] {
        let shown = folder.run(&format!("mandoc -Tascii -O width=80 pages/{page}")).ok();
        let foot = shown.lines().last().unwrap_or_default();
        assert_eq!(foot.split_whitespace().take(2).collect::<Vec<_>>(), ["postlink", "0.1.0"]);
        assert!(foot.contains("  2026-"), "{foot}");
        let text = String::from_utf8(folder.read(&format!("pages/{page}"))).expect("UTF-8");
        assert!(!text.contains("0123456789ab"), "{text}");
    }
}

const SCHEMA: &str = "[section.app]
[section.app.field.version]
type = 'string'
capacity = 32
default = '2.0.0'
from = 'git:version'
[section.app.field.commit]
type = 'string'
capacity = 40
default = ''
from = 'git:commit'
[section.app.field.prefix]
type = 'path'
capacity = 512
default = '/usr/local'
[section.app.field.plugins]
type = 'list<path>'
capacity = 64
max_items = 4
default = []
";

/// The folder that the examples are for.
fn examples_folder() -> Folder {
    let folder = pages();
    folder.write(
        "main.cc",
        "#include \"app.gen.hh\"\nint main() { return app::version().empty(); }\n",
    );
    folder.write("schema.toml", SCHEMA);
    folder.write(
        "values.toml",
        SCHEMA
            .replace("[section.app]", "[section.app]\nowner = 'rust'")
            .replace("default = '/usr/local'", "required = true"),
    );
    let generate = "generate --schema schema.toml --out-header app.gen.hh --out-source app.gen.cc";
    folder.postlink(generate).ok();
    folder.run("g++ -std=c++17 -fPIC -shared app.gen.cc -o libapp.so").ok();
    folder.copy("libapp.so", "unfilled.so");
    folder.run("mkdir -p bin build/out result build-one build-two stage/opt/app-old home").ok();
    folder.run("g++ -std=c++17 main.cc app.gen.cc -o bin/app").ok();
    let out = folder.path("build/out").display().to_string();
    folder.postlink(&format!("fill libapp.so -o build/out/libapp.so --set prefix={out}")).ok();
    folder.write("result/text", "/opt/app\n");
    folder.write("build-one/text", "/opt/one\n");
    folder.write("build-two/text", "/opt/two\n");
    folder.write("stage/opt/app-old/text", "/opt/app-old\n");
    folder
}

/// Each example of each page is run, with what it needs.
#[test]
fn examples_run() {
    let folder = examples_folder();
    let ours = postlink_tests::postlink().parent().expect("a folder").display();
    let path = format!("PATH={ours}:{}", std::env::var("PATH").expect("PATH"));
    let home = format!("HOME={}", folder.path("home").display());
    let shell = |line: &str| {
        let line = format!("set -e\n{line}");
        folder.run_words("env".as_ref(), &[&path, &home, "bash", "-c", &line])
    };
    let mut count = 0;
    // In an order in which each finds what those before it leave.
    for page in [
        "-generate",
        "",
        "-inspect",
        "-fill",
        "-verify",
        "-scan",
        "-specialize",
        "-completions",
        "-man",
        "-demo",
        "-payload",
    ] {
        let before = match page {
            "" => "g++ -std=c++17 -fPIC -shared app.gen.cc -o libapp.so",
            "-verify" => {
                "postlink specialize --output stage/opt/app-old=/opt/app --rewrite /opt/app-old=/opt/app --destdir final"
            }
            "-fill" => {
                "echo STABLE_GIT_COMMIT 1234567 > stable-status.txt; git init -q; git add main.cc; git -c user.name=a -c user.email=b commit -qm one; git -c tag.gpgSign=false tag v2.1.0"
            }
            "-specialize" => "rm -r final",
            "-completions" => "mkdir -p ~/.local/share/bash-completion/completions",
            "-payload" => "postlink fill --reset libapp.so",
            _ => "true",
        };
        shell(before).ok();
        for line in examples(&folder, &format!("postlink{page}.1")) {
            // Each of these is told alone, and not as what follows on the one before.
            if page == "-fill" {
                shell("cp unfilled.so libapp.so").ok();
            }
            // This one would write into the system.
            let outside = line.contains("=/opt/app --set") && line.contains("specialize");
            let more = if outside { " --dry-run" } else { "" };
            let run = shell(&format!("{}{more}", line.trim_end()));
            let found = page == "-scan" && run.code == 3;
            assert!(run.code == 0 || found, "{page}: {run:?}");
            count += 1;
        }
    }
    assert!(count >= 22, "{count}");
    assert_eq!(folder.postlink("inspect --field prefix libapp.so").ok(), "/opt/app\n");
    assert!(folder.path("home/.local/share/man/man5/postlink-record.5").exists());
    assert!(folder.path("report.html").exists());
}

/// The keys that the parser knows are those that the page of schemas has, and those that the book has.
#[test]
fn the_keys_of_a_schema_are_told() {
    let folder = pages();
    for (keys, heading, row) in [
        (SECTION_KEYS, "KEYS OF A SECTION", "| key of a section | |"),
        (FIELD_KEYS, "KEYS OF A FIELD", "| key of a field | |"),
    ] {
        let lines = section(&folder, "postlink-schema.5", &format!("\"{heading}\""));
        let tags = lines.windows(2).filter(|pair| pair[0] == ".TP").map(|pair| plain(&pair[1]));
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        assert_eq!(tags.collect::<Vec<_>>(), names);

        let text = book_with(row);
        let rows = text.lines().skip_while(|line| *line != row).skip(2);
        let mut told = Vec::new();
        for row in rows.take_while(|line| line.starts_with('|')) {
            let (names, meaning) = row[2..row.len() - 2].split_once(" | ").expect("two cells");
            let names: Vec<&str> = names.split(", ").map(|name| name.trim_matches('`')).collect();
            if let [name] = names[..] {
                let key = keys.iter().find(|key| key.name == name).expect(name);
                assert_eq!(meaning, key.meaning, "{name}");
            }
            told.extend(names.iter().map(|name| (*name).to_owned()));
        }
        assert_eq!(told, names);
    }
}

/// The page of the book, or the README, that has this line.
fn book_with(line: &str) -> String {
    let guides = std::fs::read_dir(fixture("../../patcher/guides")).expect("the guides");
    let mut names: Vec<String> = guides
        .map(|guide| format!("patcher/guides/{}", guide.expect("a guide").file_name().display()))
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.push("README.md".to_owned());
    let texts: Vec<String> = names
        .iter()
        .map(|name| Page::read(name).text().to_owned())
        .filter(|text| text.lines().any(|one| one == line))
        .collect();
    assert_eq!(texts.len(), 1, "one page has `{line}`");
    texts.concat()
}

/// The schema in the page is one.
#[test]
fn the_example_of_a_schema_is_right() {
    let folder = pages();
    folder.write("schema.toml", examples(&folder, "postlink-schema.5").concat());
    folder.postlink("generate --schema schema.toml --out-header a.hh --out-source a.cc").ok();
    let header = String::from_utf8(folder.read("a.hh")).expect("UTF-8");
    assert!(header.contains("data_dir"), "{header}");
}

/// The specification has all its sections and tables in the page.
#[test]
fn the_page_of_records_is_the_specification() {
    let folder = pages();
    let text = String::from_utf8(folder.read("pages/postlink-record.5")).expect("UTF-8");
    let specification = postlink_format::SPECIFICATION;
    let sections = specification.lines().filter_map(|line| line.strip_prefix("## "));
    let missing: BTreeSet<&str> = sections
        .filter(|heading| !text.contains(&format!(".SH \"{}\"", heading.to_uppercase())))
        .collect();
    assert_eq!(missing, BTreeSet::new());
    let tables = specification.lines().filter(|line| line.starts_with("|---")).count();
    assert_eq!(text.lines().filter(|line| *line == ".TS").count(), tables);
}
