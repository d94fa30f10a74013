//! Values from files with keys of their own, from the environment, and from where a record says.

use postlink_tests::readers_agree;
use postlink_tests::repository::Repository;

const SCHEMA: &str = r#"
[section.app.field]
version = { type = "string", capacity = 32, required = true, from = "git:version" }
built = { type = "u64", default = 0, from = "epoch" }
day = { type = "string", capacity = 10, default = "", from = "epoch:day" }
number = { type = "u16", default = 0 }
flag = { type = "bool", default = false }
prefix = { type = "path", capacity = 64, default = "/opt/app" }
text = { type = "string", capacity = 64, default = "" }
"#;

fn payload(here: &Repository, options: &str) -> String {
    let line = "postlink payload --image lib.so --section app --output payload --set version=1";
    here.sh(&format!("{line} {options}")).fails_with_output(1)
}

#[test]
fn keys_of_files_are_fields_or_are_taken() {
    let here = Repository::with_library(SCHEMA);
    here.folder.write(
        "stable-status.txt",
        "STABLE_GIT_COMMIT 0a1b\nBUILD_USER a b  c \nSTABLE_EMPTY \nALONE\n",
    );
    here.folder.write(
        "values.env",
        "# a comment\n\nversion=1.2.3-a_b\nexport flag=true\nnumber='7'\ntext=\"a \\\"b\\\" \\$c \\\\ d # e\"\n",
    );
    here.folder.write(
        "os-release",
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=12\nHOME_URL='https://x/'\n",
    );
    here.sh("postlink fill lib.so --values values.env").ok();
    let fields = ["version", "flag", "number", "text"].map(|name| here.field(name));
    assert_eq!(fields, ["1.2.3-a_b", "true", "7", "a \"b\" $c \\ d # e"]);
    // As a shell reads it.
    let shell = here.sh(". ./values.env; echo \"$version $flag $number $text\"").ok();
    assert_eq!(shell.trim_end(), fields.join(" "));
    // With --take, files of keys give nothing else; of the same key, the last file counts.
    here.folder.write("later.txt", "STABLE_GIT_COMMIT ffff\n");
    here.folder.write("empty.env", "number=5\ntext=''\n");
    here.sh(
        "postlink fill lib.so --reset --values stable-status.txt --values status:later.txt --values os-release \
         --take version=STABLE_GIT_COMMIT --take text=BUILD_USER --take app.number=VERSION_ID --set flag=true",
    )
    .ok();
    let fields = ["version", "text", "number", "flag"].map(|name| here.field(name));
    assert_eq!(fields, ["ffff", "a b  c ", "12", "true"]);
    here.sh("postlink fill lib.so --reset --values os-release:/dev/stdin --take version=A < /dev/null || postlink fill lib.so --reset --values env:- --take version=A <<X\nA=5\nX").ok();
    assert_eq!(here.field("version"), "5");
    for (options, parts) in [
        ("--values stable-status.txt", ["section `app` has no such field", "--take FIELD=KEY"]),
        (
            "--values stable-status.txt --take text=STABLE_GIT_COMIT",
            ["has no key `STABLE_GIT_COMIT`", "`STABLE_GIT_COMMIT`"],
        ),
        (
            "--values stable-status.txt --take text=STABLE_EMPTY",
            ["`STABLE_EMPTY` is empty", "--set text="],
        ),
        ("--values stable-status.txt --take text=ALONE", ["`ALONE` is empty", "--set text="]),
        ("--values empty.env", ["`text` is empty in empty.env", "--set text="]),
        (
            "--values later.txt --take text=STABLE_GIT_COMMIT",
            ["later.txt: expected value at line 1", "--values status:FILE"],
        ),
        (
            "--values stable-status.txt --take nmber=BUILD_USER",
            ["has no such field", "did you mean `number`"],
        ),
    ] {
        let said = payload(&here, options);
        assert!(parts.iter().all(|part| said.contains(part)), "{options}: {said}");
    }
    here.sh("postlink fill lib.so --reset --set version=1 --values empty.env --set text=").ok();
    assert_eq!(["number", "text"].map(|name| here.field(name)), ["5", ""]);
    let said = here.sh("postlink fill lib.so --values - --values env:- < /dev/null").fails(2);
    assert!(said.contains("takes standard input twice"), "{said}");
    let said = here.sh("postlink fill lib.so --take text=A").fails(2);
    assert!(said.contains("has no file to take it from"), "{said}");
}

/// Whatever readers take for different values is told, with its line.
#[test]
fn lines_that_mean_several_things_are_refused() {
    let here = Repository::with_library(SCHEMA);
    for (form, text, part) in [
        ("env", "A=1\nB=$A", "line 2: the value has `$`; put it in single quotes"),
        ("env", "A=\"${B}\"", "`$` would be replaced by a shell"),
        ("env", "A=\"`date`\"", "would be replaced by a shell"),
        ("env", "A=\"a\\nb\"", "a `\\` means something else to each reader"),
        ("env", "A=a\\ b", "the value has `\\`"),
        ("env", "A=a b", "the value has ` `"),
        ("env", "A=a # b", "the value has ` `"),
        ("env", "A=a#b", "the value has `#`"),
        ("env", "A='a' # b", "not one text in quotes"),
        ("env", "A='a'b", "not one text in quotes"),
        ("env", "A=\"a\"\"b\"", "not one text in quotes"),
        ("env", "A=\"a\nb\"", "line 1: the value is not one text in quotes"),
        ("env", "A=~", "the value has `~`"),
        ("env", "A = 1", "in front of its `=` is not a name"),
        ("env", "A-B=1", "in front of its `=` is not a name"),
        ("env", "\u{feff}A=1", "line 1: the file begins with a byte order mark"),
        ("status", "\u{feff}A 1", "line 1: the file begins with a byte order mark"),
        ("env", "A", "it is not KEY=VALUE"),
        ("env", "export A", "it is not KEY=VALUE"),
        ("env", "A=1\r\n", "it has a control character"),
        ("env", "A=1\nA=1", "line 2: `A` is there twice"),
        ("env", "A='$Format:%H$'", "`git archive` replaces"),
        ("os-release", "export A=1", "in front of its `=` is not a name"),
        ("status", " A", "it does not begin with a key and a space"),
        ("status", "A\tB", "it does not begin with a key and a space"),
        ("status", "A 1\nA 2", "line 2: `A` is there twice"),
        ("status", "A 1\r", "it has a control character"),
        ("status", "A $Format:%H$", "`git archive` replaces"),
        ("env", "A='%(describe:tags=true)'", "in one file of an archive `%(describe)`"),
        ("toml", "A = ", "values"),
        (
            "toml",
            "[app]\ntext = '$Format:%H$'",
            "`app.text` is as in the repository: `git archive`",
        ),
        ("json", "{\"text\": [\"a\", \"$Format:%H$\"]}", "`text` is as in the repository"),
    ] {
        here.folder.write("values", text);
        let said = payload(&here, &format!("--values {form}:values --take text=A"));
        assert!(said.contains(part), "{form} {text}: {said}");
    }
    let said = here.sh("mkfifo pipe; postlink fill lib.so --values env:pipe").fails(1);
    assert!(said.contains("pipe is a named pipe") && said.contains("env:-"), "{said}");
    here.folder.write("values", b"A=\xff");
    assert!(payload(&here, "--values env:values").contains("UTF-8"));
}

#[test]
fn the_environment() {
    let here = Repository::with_library(SCHEMA);
    let fill = "postlink fill lib.so --reset --set version=1";
    here.sh(&format!("SOURCE_DATE_EPOCH=1700000000 NUMBER=9 {fill} --from built=epoch --from day=epoch:day --from text=epoch --from number=env:NUMBER")).ok();
    let fields = ["built", "day", "text", "number"].map(|name| here.field(name));
    assert_eq!(fields, ["1700000000", "2023-11-14", "2023-11-14T22:13:20Z", "9"]);
    for epoch in [
        "",
        "-1",
        "+1",
        "1.5",
        "0x10",
        " 1",
        "1 ",
        "1\n",
        "١",
        "253402300800",
        "99999999999999999999",
    ] {
        let said = here
            .sh(&format!("export SOURCE_DATE_EPOCH='{epoch}'; {fill} --from built=epoch"))
            .fails(1);
        assert!(said.contains("SOURCE_DATE_EPOCH is"), "{epoch}: {said}");
    }
    here.sh(&format!("SOURCE_DATE_EPOCH=253402300799 {fill} --from text=epoch")).ok();
    assert_eq!(here.field("text"), "9999-12-31T23:59:59Z");
    for (before, part) in [
        ("unset X", "variable X is not set"),
        ("export X=", "variable X is empty"),
        ("export X=$(printf '\\377')", "variable X is not UTF-8"),
    ] {
        let said = here.sh(&format!("{before}; {fill} --from text=env:X")).fails(1);
        assert!(said.contains(part) && said.contains("no value for `text`"), "{said}");
    }
}

/// `fill FILE` needs nothing else; a value that is given wins.
#[test]
fn a_record_says_where_its_values_are() {
    let here = Repository::with_library(SCHEMA);
    here.sh("cp lib.so fresh.so; cd sources; git tag v2.0.0").ok();
    readers_agree(&here.folder, "lib.so");
    let shown = here.sh("postlink inspect lib.so").ok();
    assert!(shown.contains("  version: string =  (unset; usually from git:version)\n"), "{shown}");
    let fill = |options: &str| {
        here.sh(&format!("cd sources; SOURCE_DATE_EPOCH=86400 postlink fill ../lib.so {options}"))
    };
    let said = fill("").ok();
    assert!(said.contains("`version` is `2.0.0`, by git:version of /"), "{said}");
    let fields = ["version", "built", "day", "text"].map(|name| here.field(name));
    assert_eq!(fields, ["2.0.0", "86400", "1970-01-02", ""]);
    readers_agree(&here.folder, "lib.so");
    let first = here.folder.read("lib.so");
    here.sh("postlink verify fresh.so lib.so; postlink fill fresh.so --set version=2.0.0 --set built=86400 --set day=1970-01-02").ok();
    assert!(here.folder.read("fresh.so") == first, "it is what these values make");
    assert!(fill("").ok().contains("unchanged"), "again, it is the same");
    // What was given by hand is kept, or lost, by the rules for all values.
    fill("--from-record --set text=x --set version=9").ok();
    assert_eq!(["version", "built", "text"].map(|name| here.field(name)), ["9", "86400", "x"]);
    assert!(fill("").fails(1).contains("the values that were set before for `text` would be lost"));
    let said = here.sh("postlink fill lib.so --keep").ok();
    assert!(said.contains("unchanged"), "no source is asked for a value that stays: {said}");
    fill("--keep --from-record --git version").ok();
    fill("--keep --set text=y").ok();
    assert_eq!(["version", "built", "text"].map(|name| here.field(name)), ["2.0.0", "86400", "y"]);
    fill("--reset --set version=9").ok();
    fill("--keep").ok();
    assert_eq!(["version", "built"].map(|name| here.field(name)), ["9", "86400"]);
    // Where any value is given, or --reset, nothing else is asked; that is told.
    let said = fill("--reset --set version=3").ok();
    assert!(said.contains("`built` has its default; its value is usually from epoch"), "{said}");
    assert_eq!(["version", "built", "text"].map(|name| here.field(name)), ["3", "0", ""]);
    let said = fill("--reset").fails(1);
    assert!(said.contains("or with --from version=git:version"), "{said}");
    let json = fill("--reset --from-record --json").ok();
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["images"][0]["records"][0]["fields"][0]["from"], "git:version");
    // One source without an answer, and nothing is filled.
    let before = here.folder.read("lib.so");
    let said = here.sh("cd sources; postlink fill ../lib.so --reset --from-record").fails(1);
    assert!(
        said.contains(
            "no value for `built`: the environment variable SOURCE_DATE_EPOCH is not set"
        ),
        "{said}"
    );
    assert!(here.folder.read("lib.so") == before);
    for payload in ["--image ../lib.so --reset", "--schema ../schema.toml"] {
        let line =
            format!("postlink payload {payload} --section app --from-record --output ../payload");
        here.sh(&format!("cd sources; SOURCE_DATE_EPOCH=1 {line}")).ok();
        let bytes = here.folder.read("payload");
        assert!(bytes.windows(5).any(|bytes| bytes == b"2.0.0"), "{payload}");
    }
    let out = here.folder.path("out").display().to_string();
    here.sh(&format!("mkdir tree; cp lib.so tree; cd sources; postlink specialize --output ../tree={out} --rewrite /opt/app={out} --git version --from built=git:date")).ok();
    assert_eq!(here.folder.postlink("inspect --field version out/lib.so").ok(), "2.0.0\n");
}

/// A file from elsewhere names a secret; or what only a later version knows.
#[test]
fn a_record_does_not_decide_what_is_read() {
    let schema = "[section.app.field]\ntext = { type = 'string', capacity = 64, default = '', from = 'env:TOKEN' }\n";
    let here = Repository::with_library(schema);
    for options in ["", "--from-record"] {
        let said = here.sh(&format!("TOKEN=secret postlink fill lib.so {options}")).fails(1);
        assert!(
            said.contains("environment variable TOKEN, which is not read because a file says so"),
            "{said}"
        );
        assert!(said.contains("--from text=env:TOKEN") && !said.contains("secret"), "{said}");
    }
    assert_eq!(here.field("text"), "");
    here.sh("TOKEN=x postlink fill lib.so --from text=env:TOKEN").ok();
    assert_eq!(here.field("text"), "x");
    // The same record, with other texts for the source: it is read, shown, and filled by hand.
    let (at, _) = postlink_tests::place_of(&here.folder, "lib.so", "app");
    for (source, reads) in [
        ("hg:branch", true),
        ("run:rmxy\u{1b}", false),
        ("a text by", false),
        ("\u{e9}\u{e9}\u{e9}\u{e9}b", false),
    ] {
        let mut file = here.folder.read("lib.so");
        let place = file.windows(9).position(|bytes| bytes == b"env:TOKEN").expect("a source");
        file[place..place + 9].copy_from_slice(&source.as_bytes()[..9]);
        let record = &file[at..];
        let header = postlink_format::Header::from_bytes(record.first_chunk().expect("a header"));
        let tail = header.fields_offset as usize..header.record_size as usize;
        let sum = postlink_format::descriptor_checksum(&header, &record[tail]).to_le_bytes();
        file[at + 40..at + 44].copy_from_slice(&sum);
        here.folder.write("other.so", &file);
        if !reads {
            assert!(
                here.sh("postlink inspect other.so").fails(1).contains("contradicts itself"),
                "{source}"
            );
            continue;
        }
        readers_agree(&here.folder, "other.so");
        let said = here.sh("postlink fill other.so").fails(1);
        assert!(said.contains("`hg:branch` is not a source") && said.contains("newer"), "{said}");
        here.sh("postlink fill other.so --set text=y").ok();
    }
    let none = Repository::with_library(
        "[section.app.field]\ntext = { type = 'string', capacity = 64, default = '' }\n",
    );
    for options in ["", "--from-record"] {
        let said = none.sh(&format!("postlink fill lib.so {options}")).fails(2);
        assert!(said.contains("no value is given") && said.contains("--reset"), "{said}");
    }
}

/// Nothing takes the place of a file that is read, under whatever name.
#[test]
fn an_output_is_no_file_that_is_read() {
    let here = Repository::with_library(SCHEMA);
    here.folder.write("v.env", "version=1\n");
    here.sh("ln -s v.env soft; ln v.env hard; ln -s schema.toml link").ok();
    let names = ["lib.so", "v.env", "schema.toml"];
    let before = names.map(|name| here.folder.read(name));
    for output in ["v.env", "soft", "hard", "schema.toml", "link"] {
        for command in ["fill lib.so", "payload --image lib.so --section app"] {
            let schema = if command.starts_with("fill") { "--schema schema.toml" } else { "" };
            if schema.is_empty() && output.contains(['m', 'k']) {
                continue;
            }
            let line = format!("postlink {command} --values v.env {schema} --output {output}");
            assert!(
                here.sh(&line).fails(1).contains(&format!("{output} is named twice")),
                "{line}"
            );
        }
    }
    assert!(names.map(|name| here.folder.read(name)) == before);
    // Standard input is no file.
    here.sh(
        "postlink fill lib.so --values env:- --output ./- < v.env; cmp - lib.so && exit 1 || true",
    )
    .ok();
}
