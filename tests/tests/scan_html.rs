//! `postlink scan --html`: a page that says what the scan says, and that no scanned file can change.

use std::ffi::OsStr;
use std::fs::create_dir_all;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use postlink_tests::page::Page;
use postlink_tests::{Folder, fixture, matrix, postlink};
use serde_json::{Value as Json, json};

/// Names that would end an element, begin one, turn the direction of a text, or mean something to a
/// shell or in a pattern.
const NAMES: &[&[u8]] = &[
    b"<!--",
    b"-->",
    b"]]>",
    b"<script>alert(1)<",
    b"\"><img src=x onerror=alert(1)>",
    b"' onmouseover='alert(1)",
    b"&lt;b&gt; &amp;",
    "bidi\u{202e}lmth.exe\u{2066}".as_bytes(),
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}".as_bytes(),
    b"tab\there\nline",
    b"\x1b[2K",
    b"{{ 7 * 7 }}{% raw %}",
    b"a,b{c,d}[!e]*?\\",
    b"it's $HOME `id` \"quoted\"",
    b"-x --force",
    b"bad\xff\xfe",
];

/// A tree with hostile names and texts, and something of many kinds.
fn tree() -> Folder {
    let folder = Folder::new();
    create_dir_all(folder.path("tree/</script><script>alert(2)<")).expect("folders");
    let text = "prefix=/opt/app </style></script><script>alert(1)</script> <!-- {{ 7 }} \u{202e}";
    for (at, name) in NAMES.iter().enumerate() {
        // Every other one is no text.
        let content = [if at % 2 == 0 { "" } else { "\0" }, text].concat();
        std::fs::write(folder.path("tree").join(OsStr::from_bytes(name)), content).expect("a file");
    }
    folder.write("tree/</script><script>alert(2)</script>", "prefix=/opt/app\n");
    folder.write("tree/possible", "exec \"$(dirname \"$0\")/opt/app\"\n");
    folder.write("tree/same", "\0/opt/app\0/opt/app\0");
    folder.write("app.c", "const char *data(void) { return \"/opt/app/share/app\"; }");
    folder.run("gcc -g0 -shared -fPIC app.c -o tree/libmy-app.so -Wl,-rpath,/opt/app/lib").ok();
    folder.run("gzip -n -k tree/same").ok();
    symlink("/opt/app/bin", folder.path("tree/link")).expect("a link");
    folder
}

/// What the page says, read by Python, which also checks it.
fn read(folder: &Folder, page: &str) -> Json {
    let script = fixture("../scan_page.py").display().to_string();
    let said = folder.run_words(OsStr::new("python3"), &[script.as_str(), page]).ok();
    serde_json::from_str(&said).expect("JSON")
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

#[test]
fn the_page_says_what_the_scan_says() {
    let folder = tree();
    let line = "scan tree --reference /opt/app --html page.html --json";
    let report: Json = serde_json::from_str(&folder.postlink(line).stdout).expect("JSON");
    let page = read(&folder, "page.html");
    let findings = report["trees"][0]["findings"].as_array().expect("findings");
    let possible = |finding: &Json| finding["possible"] == true;
    // Each finding is listed once, under its file.
    let expected = findings
        .iter()
        .map(|one| json!([one["path"], one["kind"], one["action"], possible(one)]).to_string());
    let rows = page["rows"].as_array().expect("rows");
    let listed = rows.iter().map(|row| json!(row.as_array().expect("a row")[..4]).to_string());
    assert_eq!(sorted(listed.collect()), sorted(expected.collect()));
    assert!(rows.iter().any(|row| row[4] == "/opt/app/share/app"), "{rows:?}");
    // The totals are those of the scan.
    let number = |of: &dyn Fn(&Json) -> bool| findings.iter().filter(|one| of(one)).count() as u64;
    let totals = page["totals"].as_array().expect("totals");
    let total = |at: usize| totals.iter().map(|row| row[at].as_u64().expect("a number")).sum();
    let totals: [u64; 3] = [total(0), total(1), total(2)];
    let left = |one: &Json| one["action"] == "none";
    assert_eq!(
        totals,
        [number(&|one| !left(one)), number(&|one| left(one) && !possible(one)), number(&possible)]
    );
    let unhandled = report["unhandled"].as_u64().expect("a number");
    assert_eq!(page["heading"], format!("✗ {unhandled} findings need a hand"));
    // Each advice is told once, with what solves it.
    let mut advice: Vec<&str> =
        findings.iter().filter(|one| left(one)).filter_map(|one| one["advice"].as_str()).collect();
    advice.sort_unstable();
    advice.dedup();
    let tasks = page["tasks"].as_array().expect("tasks");
    let mut told: Vec<&str> = tasks.iter().filter_map(|task| task["advice"].as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, advice);
    let string = tasks.iter().find(|task| task["title"].to_string().contains("undeclared"));
    let remedies = string.expect("an undeclared string")["remedies"].as_array().expect("remedies");
    let entry = findings.iter().find_map(|one| one["entry"].as_str()).expect("an entry");
    assert_eq!(remedies[0].as_str().map(str::len), Some(entry.trim_end().len()), "{remedies:?}");
    assert_eq!(remedies[1..], ["--equal-length", "--allow-left=libmy-app.so"]);
    // The same each time.
    let first = folder.read("page.html");
    folder.postlink(line).fails(3);
    assert_eq!(first, folder.read("page.html"));
    // Nothing in it turns the direction of a text, or is hidden.
    let text = String::from_utf8(first).expect("UTF-8");
    let hidden = |char: char| {
        (char.is_control() && char != '\n') || "\u{202a}\u{202e}\u{2066}\u{2069}".contains(char)
    };
    assert_eq!(text.chars().find(|char| hidden(*char)), None);
}

/// What can be copied does what the page says: a shell gives `specialize` exactly these names.
#[test]
fn what_is_offered_works() {
    let folder = tree();
    folder.postlink("scan tree --reference /opt/app --html page.html").fails(3);
    let page = read(&folder, "page.html");
    let remedies = page["tasks"].as_array().expect("tasks").iter();
    let remedies = remedies.flat_map(|task| task["remedies"].as_array().expect("remedies"));
    let allowed: Vec<&str> = remedies
        .filter_map(Json::as_str)
        .filter(|remedy| remedy.starts_with("--allow-left"))
        .collect();
    assert!(allowed.len() > 2, "{allowed:?}");
    let program = postlink().display().to_string();
    let specialize = |options: &[&str]| {
        let line = format!(
            "'{program}' specialize --output tree=/opt/new --rewrite /opt/app=/opt/new --destdir out {}",
            options.join(" ")
        );
        folder.run_words(OsStr::new("bash"), &["-c", &line])
    };
    specialize(&allowed[1..]).fails(3);
    specialize(&allowed).ok();
    // The command, too.
    let said = folder.run_words(
        OsStr::new("bash"),
        &[
            "-c",
            &format!(
                "postlink() {{ printf '%s\\n' \"$@\"; }}; {}",
                page["command"].as_str().expect("it")
            ),
        ],
    );
    assert_eq!(said.ok(), "scan\ntree\n--reference\n/opt/app\n--html\npage.html\n");
}

#[test]
fn a_page_without_findings_says_why() {
    let folder = Folder::new();
    create_dir_all(folder.path("one")).expect("a folder");
    create_dir_all(folder.path("two")).expect("a folder");
    folder.write("one/text", "nothing\n");
    folder.postlink("scan one --reference /opt/app --html page.html").ok();
    let page = read(&folder, "page.html");
    assert_eq!((&page["heading"], &page["rows"]), (&json!("✓ No references"), &json!([])));
    folder.postlink("scan one --html page.html").fails(3);
    let page = read(&folder, "page.html");
    assert_eq!(page["heading"], "? Nothing was looked for");
    assert!(page["intro"].to_string().contains("Name one with --reference"), "{page}");
    // All is handled, of two trees; a difference that nothing explains needs a hand.
    folder.write("one/app.pc", "prefix=/opt/app\n");
    folder.write("two/app.pc", "prefix=/opt/app\nversion=2\n");
    let said = folder.postlink("scan one two --html page.html").ok();
    assert!(said.ends_with("\npage.html: written\n"), "{said}");
    let page = read(&folder, "page.html");
    assert_eq!(page["heading"], "✓ specialize handles all 2");
    assert!(
        page["trees"].to_string().matches("Built for /opt/app (1 place)").count() == 2,
        "{page}"
    );
    folder.postlink("scan one --reference /opt/app --against two --html page.html").fails(3);
    let page = read(&folder, "page.html");
    let differences = page["differences"].as_array().expect("differences").len();
    assert_eq!(page["heading"], format!("✗ {differences} differences need a hand"));
}

/// What is scanned does not change.
#[test]
fn an_output_in_a_scanned_tree_is_refused() {
    let folder = Folder::new();
    for tree in ["one", "two"] {
        create_dir_all(folder.path(tree)).expect("a folder");
        folder.write(&format!("{tree}/text"), "/opt/app\n");
    }
    folder.run("ln -s one/text link").ok();
    folder.run("ln -s two tree").ok();
    for option in ["--html", "--manifest"] {
        for (trees, output) in [
            ("one", "one/text"),
            ("one", "one/new"),
            ("one", "link"),
            ("one --against tree", "two/text"),
            ("tree", "two/new"),
            ("one/text", "one/text"),
        ] {
            let said =
                folder.postlink(&format!("scan {trees} --reference /opt/app {option} {output}"));
            let said = said.fails(1);
            assert!(said.contains(&format!("{output} is in the tree /")), "{said}");
        }
    }
    let found = folder.run("grep -rc /opt/app one two").ok();
    assert_eq!(found.lines().count(), 2, "{found}");
    folder.postlink("scan one/text --reference /opt/app --html one/page").ok();
}

#[test]
fn the_guide() {
    let guide = Page::read("patcher/guides/report.md");
    let folder = Folder::new();
    create_dir_all(folder.path("tree")).expect("a folder");
    let script = guide.blocks("sh").concat();
    let name = script.lines().nth(1).expect("a line with its name");
    folder.write(name.trim_start_matches("# "), &script);
    folder.write("app.c", guide.blocks("c").concat());
    let said = guide.run(&folder);
    assert!(
        said.contains("2 found; specialize handles 1 of them and does nothing about 1"),
        "{said}"
    );
    let page = read(&folder, "report.html");
    assert_eq!(page["heading"], "✗ 1 finding needs a hand");
    let tree = page["trees"].to_string();
    assert!(tree.contains("2 found, 1 of them needs a hand"), "{tree}");
    assert!(page["tasks"][0]["remedies"].to_string().contains("share_icons_path"), "{page}");
}

/// A page is as large as a browser can use; what does not fit is told, and never what needs a hand first.
#[test]
fn a_page_is_bounded() {
    let folder = Folder::new();
    create_dir_all(folder.path("tree")).expect("a folder");
    folder.write("tree/a-text", "prefix=/opt/app\n".repeat(31_000));
    folder.write("tree/z-data", "\0/opt/app".repeat(100));
    folder.postlink("scan tree --reference /opt/app --html page.html -q").fails(3);
    let page = read(&folder, "page.html");
    let rows = page["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 30_000);
    assert_eq!(rows.iter().filter(|row| row[0] == "z-data").count(), 100);
    assert!(page["cut"][0].to_string().contains("30000 of 31100 are listed"), "{}", page["cut"]);
    assert!(folder.read("page.html").len() < 16 << 20);
}

/// Search, filters, keys, copying, printing, two widths, both colour schemes, without JavaScript: in a
/// real browser, that is not small. It needs Debian's `chromium-headless-shell`, and `npm` for
/// `playwright-core`, which drives it. The pictures are in `target/scan-html`.
#[test]
fn the_page_in_a_browser() {
    if !matrix::is_full() {
        println!("POSTLINK_MATRIX=full looks at the page in Chromium");
        return;
    }
    let folder = tree();
    let kept = Folder::kept("scan-html");
    folder.postlink("scan tree --reference /opt/app --html hostile.html").fails(3);
    create_dir_all(folder.path("many/share")).expect("a folder");
    for file in 0..500 {
        let name =
            format!("many/share/{}-{file:03}.conf", "a-rather-long-name".repeat(1 + file % 10));
        folder.write(
            &name,
            (0..36).map(|key| format!("key{key} = /opt/app/{file}/{key}\n")).collect::<String>(),
        );
        let data = format!("many/{file:03}.bin");
        folder
            .write(&data, (0..4).map(|key| format!("\0/opt/app/{file}/{key}")).collect::<String>());
    }
    folder.postlink("scan many tree --reference /opt/app --html many.html -q").fails(3);
    folder.postlink("scan many --reference /opt/none --html nothing.html").ok();
    kept.run("npm install --silent --no-audit --no-fund --prefix . playwright-core@1.65.1").ok();
    let script = fixture("../scan_page.js").display().to_string();
    let pages = folder.path("").display().to_string();
    let pictures = kept.path("").display().to_string();
    println!("{}", kept.run_words(OsStr::new("node"), &[script, pages, pictures]).ok());
}
