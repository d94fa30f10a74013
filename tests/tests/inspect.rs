//! `inspect` on a terminal: the record as a table, as wide as the terminal is.

use postlink_tests::{Folder, fixture, fixture_text, golden};

/// What is shown on a terminal of so many columns.
fn shown(folder: &Folder, environment: &str, columns: u32, line: &str) -> String {
    let postlink = postlink_tests::postlink().display();
    let command =
        format!("stty rows 24 cols {columns}; env -u NO_COLOR {environment} {postlink} {line}");
    let words = ["-qec", &command, "/dev/null"];
    folder.run_words("script".as_ref(), &words).ok().replace("\r\n", "\n")
}

/// Columns that a line takes: letters of East Asia take two.
fn width(line: &str) -> usize {
    line.chars().map(|char| if ('\u{3000}'..'\u{a000}').contains(&char) { 2 } else { 1 }).sum()
}

fn folder() -> Folder {
    let folder = Folder::new();
    let schema = fixture("kinds.toml").display().to_string();
    let outputs = "--out-header kinds.gen.hh --out-source kinds.cc";
    folder.postlink(&format!("generate --schema {schema} --section kinds {outputs}")).ok();
    folder.run("g++ -std=c++17 -fPIC -shared kinds.cc -o lib.so").ok();
    let values = fixture_text("kinds.json").replace(",\n  \"single.flag\": true", "");
    folder.write("values.json", values.replace("ünïcode", "値は日本語の長い文字列であります"));
    folder.postlink("fill lib.so --values values.json").ok();
    folder
}

#[test]
fn a_record_is_drawn_as_wide_as_the_terminal() {
    let folder = folder();
    let mut all = String::new();
    for columns in [100, 60] {
        let text = shown(&folder, "NO_COLOR=1 LC_ALL=C.UTF-8", columns, "inspect lib.so");
        let longest = text.lines().map(width).max().expect("lines");
        assert!(longest <= columns as usize, "{longest}: {text}");
        all += &format!("{columns} columns:\n{text}");
    }
    // Where values are usually from.
    folder.write("app.toml", "[section.app.field]\nversion = { type = 'string', capacity = 8, required = true, from = 'git:version' }\nflag = { type = 'bool', default = true }\n");
    folder.postlink("generate --schema app.toml --out-header app.gen.hh --out-source app.cc").ok();
    folder.run("g++ -std=c++17 -fPIC -shared app.cc -o app.so").ok();
    let text = shown(&folder, "NO_COLOR=1 LC_ALL=C.UTF-8", 100, "inspect app.so");
    for row in [
        "  version  string  unset from git:version  ········  0/8\n",
        "  flag     bool    default                                true\n",
    ] {
        assert!(text.contains(row), "{text}");
    }
    // Where the linker puts the record is its own affair.
    let at = all.find(" at 0x").expect("a place") + 4;
    let offset = all[at..].split(',').next().expect("a number").to_owned();
    golden("inspect.txt", &all.replace(&offset, "OFFSET"));
}

#[test]
fn colours_and_blocks_are_for_terminals_that_have_them() {
    let folder = folder();
    let plain = folder.postlink("inspect lib.so").ok();
    assert!(plain.contains("\n  flag: bool = true (default)\n"), "{plain}");
    let ascii = shown(&folder, "NO_COLOR=1 LC_ALL=C", 80, "inspect lib.so");
    assert!(!ascii.contains('\u{1b}') && !ascii.contains('\u{2588}'), "{ascii}");
    assert!(ascii.contains("  #"), "{ascii}");
    let colored = shown(&folder, "TERM=xterm LC_ALL=C.UTF-8", 80, "inspect lib.so");
    assert!(colored.contains("\u{1b}[1mkinds\u{1b}[0m") && colored.contains('\u{b7}'), "{colored}");
    // A script that has a terminal gets a value alone, and JSON, as ever.
    let alone = shown(&folder, "TERM=xterm", 80, "inspect --field channel lib.so");
    assert_eq!(alone, "nightly\n");
    let json = shown(&folder, "TERM=xterm", 80, "inspect --json lib.so");
    assert_eq!(json, folder.postlink("inspect --json lib.so").ok());
}

/// A line feed of a value began a line of its own, and a text with one looked like a list.
#[test]
fn a_value_is_on_one_line_in_one_way() {
    let folder = Folder::new();
    let field = "capacity = 64, default =";
    folder.write(
        "app.toml",
        format!(
            "[section.app.field]\nnote = {{ type = 'string', {field} '' }}\nitems = {{ type = 'list<string>', \
             max_items = 4, {field} [] }}\nname = {{ type = 'string', capacity = 8, required = true }}\n"
        ),
    );
    folder.postlink("generate --schema app.toml --out-header app.gen.hh --out-source app.cc").ok();
    folder.run("g++ -std=c++17 -fPIC -shared app.cc -o new.so").ok();
    folder.copy("new.so", "app.so");
    let (note, item) = ("note=1\nerror: x\u{1b}[2J", "items=a\nb");
    let words = ["fill", "-v", "app.so", "--set", "name=n", "--set", note, "--set", item, "--set"];
    let words = [&words[..], &["items=c, d"]].concat();
    let filled = folder.run_words(postlink_tests::postlink().as_os_str(), &words).ok();
    let verified = folder.postlink("verify -v new.so app.so").ok();
    let plain = folder.postlink("inspect app.so").ok();
    let (note, items) = (r"1\x0aerror: x\x1b[2J", r#"["a\x0ab", "c, d"]"#);
    for (said, note, items) in [
        (&filled, format!("  note = {note} (set)\n"), format!("  items = {items} (set)\n")),
        (
            &verified,
            format!("app.note: `` is now `{note}`\n"),
            format!("app.items: `[]` is now `{items}`\n"),
        ),
        (
            &plain,
            format!("  note: string = {note} (set)\n"),
            format!("  items: list<string> = {items} (set)\n"),
        ),
    ] {
        assert!(said.contains(&note) && said.contains(&items), "{said}");
    }
    // On a terminal items have lines of their own, and nothing else.
    let table = shown(&folder, "NO_COLOR=1", 100, "inspect app.so");
    assert!(table.contains(&format!("{note}\n")), "{table}");
    assert!(
        table.contains(r"a\x0ab") && table.lines().any(|line| line.trim() == "c, d"),
        "{table}"
    );
    // A script gets what there is.
    let value = folder.postlink("inspect --field note app.so").ok();
    assert_eq!(value, "1\nerror: x\u{1b}[2J\n");
    assert_eq!(folder.postlink("inspect --field items app.so").ok(), "a\nb\nc, d\n");
    let seen = shown(&folder, "NO_COLOR=1", 100, "inspect --field items app.so");
    assert_eq!(seen, "a\\x0ab\nc, d\n");
}
