//! Hostile texts in each place that takes a text: nothing that a command says is anything but its own words.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Stdio};

use postlink_tests::hostile::{check, texts};
use postlink_tests::{Folder, generator, postlink};
use rayon::prelude::*;

/// Files that are written first, and a command line, whose words are separated by spaces; it may begin with a
/// variable of the environment. In all of them `@` is the text; `@quoted` is what stands for it in a string
/// of TOML and JSON, and `@name` a file that is named like it.
type Place = (&'static [(&'static str, &'static str)], &'static str);

const GENERATE: &str = "generate --schema s.toml --out-rust out.rs";
const BY_MANIFEST: &str = "specialize -n --output tree=/opt/new --destdir out --manifest m --json";

const PLACES: &[Place] = &[
    // Arguments.
    (&[], "@"),
    (&[], "fill @"),
    (&[], "fill -n image.so --@"),
    (&[], "fill -n image.so -@"),
    (&[], "fill -n image.so @=x --json"),
    (&[], "fill @ --json"),
    (&[], "fill -n image.so --set @ --json"),
    (&[], "fill -n image.so --set @=x --json"),
    (&[], "fill -n image.so --set @.version=x --json"),
    (&[], "fill -n image.so --set app.@=x --json"),
    (&[], "fill -n image.so --set version=@ --json"),
    (&[], "fill -n image.so --set prefix=@ --json"),
    (&[], "fill -n image.so --set prefix=/@/ --json"),
    (&[], "fill -n image.so --set mode=@ --json"),
    (&[], "fill -n image.so --set flag=@ --json"),
    (&[], "fill -n image.so --set number=@ --json"),
    (&[], "fill -n image.so --set key=@ --json"),
    (&[], "fill -n image.so --set items=@ --json"),
    (&[], "fill -n -v image.so --set label=@ --set items=@"),
    (&[], "fill -n image.so --set label=@ --set items=@ --json"),
    (&[], "fill -n image.so -v --output none/@ --json"),
    (&[], "fill -n image.so --values @ --json"),
    (&[], "fill -n image.so --values env:@ --json"),
    (&[], "fill -n image.so --values json:@ --json"),
    (&[], "fill -n image.so --take @ --json"),
    (&[], "fill -n image.so --take @=KEY --json"),
    (&[("keys.env", "KEY=x\n")], "fill -n image.so --values keys.env --take version=@ --json"),
    (&[], "fill -n image.so --from @ --json"),
    (&[], "fill -n image.so --from @=epoch --from @=epoch --json"),
    (&[], "fill -n image.so --from version=@ --json"),
    (&[], "fill -n image.so --from version=env:@ --json"),
    (&[], "fill -n image.so --from version=git:@ --json"),
    (&[], "fill -n image.so --git @ --json"),
    (&[], "fill -n image.so --git version=@ --json"),
    (&[], "fill -n image.so --git version=describe --git-root @ --json"),
    (&[], "fill -n image.so --schema @ --json"),
    (&[], "fill -n image.so --rewrite-build-id --debug-file @ --json"),
    (&[], "inspect @ --json"),
    (&[], "inspect image.so --field @ --json"),
    (&[], "payload --image @ --section app --output out"),
    (&[], "payload --image image.so --section @ --output out"),
    (&[], "payload --schema @ --section app --output out"),
    (&[], "payload --schema schema.toml --section @ --output out"),
    (&[], "payload --schema schema.toml --section app --default @ --output out"),
    (&[], "payload --schema schema.toml --section app --output none/@"),
    (&[], "verify @ image.so --json"),
    (&[], "verify image.so @ --json"),
    (&[], "verify tree tree --rewrite @ --json"),
    (&[], "verify tree tree --rewrite /@=/x --json"),
    (&[], "scan @ --json"),
    (&[], "scan tree --reference @ --json"),
    (&[], "scan tree --reference /opt/@"),
    (&[], "scan tree --reference /opt/app --other-path @ --json"),
    (&[], "scan tree --reference /opt/app --against @ --json"),
    (&[], "scan tree --reference /opt/app --manifest none/@ --json"),
    (&[], "scan tree --reference /opt/app --html tree/@ --json"),
    (&[], "specialize --output @ --json"),
    (&[], "specialize --output @=/opt/new --json"),
    (&[], "specialize -n --output tree=/opt/@ --destdir out -v"),
    (&[], "specialize -n --output tree=/opt/@ --destdir out --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir @ --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --rewrite @ --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --rewrite @=x --json"),
    (
        &[],
        "specialize -n --output tree=/opt/new --destdir out --rewrite /@=/x --rewrite /@=/y --json",
    ),
    (&[], "specialize -n --output tree=/opt/new --destdir out --set @ --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --set @=x --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --follow @ --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --allow-left @ --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --allow-left [@ --json"),
    (&[], "specialize -n --output tree=/opt/new --destdir out --manifest @ --json"),
    (&[], "generate --schema @ --out-rust out.rs"),
    (&[], "generate --schema schema.toml --section @ --out-rust out.rs"),
    (&[], "generate --schema schema.toml --out-rust none/@"),
    (&[], "generate --schema schema.toml --out-header a.hh --out-source a.cc --include @"),
    (&[], "generate --schema schema.toml --out-header a.hh --out-source a.cc --depfile none/@"),
    (&[], "generate --schema schema.toml --out-header a.hh --out-source a.cc --default @"),
    (&[], "generate --schema schema.toml --out-header a.hh --out-source a.cc --default @=x"),
    (&[], "generate --schema schema.toml --out-header a.hh --out-source a.cc --default version=@"),
    (&[], "completions @"),
    (&[], "man @"),
    // The environment.
    (&[], "VALUE=@ fill -n image.so --from label=env:VALUE"),
    (&[], "VALUE=@ fill -n image.so --from number=env:VALUE --json"),
    (&[], "SOURCE_DATE_EPOCH=@ fill -n image.so --from number=epoch --json"),
    // Files of values.
    (&[("v.json", "{\"@quoted\": \"x\"}")], "fill -n image.so --values v.json --json"),
    (&[("v.json", "{\"@quoted\": {\"@quoted\": 1}}")], "fill -n image.so --values v.json --json"),
    (&[("v.json", "{\"version\": \"@quoted\"}")], "fill -n image.so --values v.json --json"),
    (
        &[("v.json", "{\"version\": \"$Format:%h$\", \"@quoted\": \"$Format:%h$\"}")],
        "fill -n image.so --values v.json --json",
    ),
    (&[("v.json", "{@")], "fill -n image.so --values v.json --json"),
    (&[("v.json", "{\"label\": \"@quoted\\u0000\"}")], "fill -n image.so --values v.json --json"),
    (&[("v.toml", "\"@quoted\" = 1")], "fill -n image.so --values v.toml --json"),
    (&[("v.toml", "\"@quoted\" = 1\n\"@quoted\" = 1")], "fill -n image.so --values v.toml --json"),
    (&[("v.toml", "@")], "fill -n image.so --values v.toml --json"),
    (&[("v.env", "KEY='@'")], "fill -n image.so --values v.env --json"),
    (&[("v.env", "KEY=\"@\"")], "fill -n image.so --values v.env --json"),
    (&[("v.env", "@=x")], "fill -n image.so --values v.env --json"),
    (&[("v.env", "@")], "fill -n image.so --values os-release:v.env --json"),
    (&[("v.env", "@")], "fill -n image.so --values status:v.env --json"),
    (&[("v.env", "KEY @")], "fill -n image.so -v --values status:v.env --take label=KEY"),
    // Schemas.
    (&[("s.toml", "@")], GENERATE),
    (&[("s.toml", "# @\nx = 1 # @")], GENERATE),
    (&[("s.toml", "# a\r\nx = \"@\" # @\r\ny = 1\r\n")], GENERATE),
    (&[("s.toml", "\"@quoted\" = 1\n[\"@quoted\"]\na = 1")], GENERATE),
    (&[("s.toml", "[section.\"@quoted\".field.a]\ntype = 'bool'")], GENERATE),
    (
        &[(
            "s.toml",
            "[section.a.field.\"@quoted\"]\ntype = 'bool'\n[section.a.field.\"A@quoted\"]",
        )],
        GENERATE,
    ),
    (&[("s.toml", "[section.a.field.b]\n\"@quoted\" = 1\ntype = \"@quoted\"")], GENERATE),
    (
        &[(
            "s.toml",
            "[section.a]\nowner = \"@quoted\"\nnamespace = \"@quoted::x\"\nelf = \"@quoted\"\non_failure = \"@quoted\"",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'path'\ncapacity = 9\ndefault = \"@quoted{a}\"\nallowed = [\"@quoted\", \"@quoted\"]",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'string'\ncapacity = 9\ndefault = \"{@quoted}\"\nfrom = \"@quoted\"",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'string'\ncapacity = 9999\ndefault = 'none'\nallowed = [\"@quoted\"]",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'string'\ncapacity = 9\npattern = \"[@quoted(\"\ndefault = '1'",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'string'\ncapacity = 9\npattern = '^1$'\ndefault = \"@quoted\"",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'enum'\nnames = [\"@quoted\", \"@quoted\"]\ndefault = \"@quoted\"\nmacros = [\"@quoted\"]",
        )],
        GENERATE,
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'bool'\ndefault = true\ndoc = \"@quoted\"\nx = 1",
        )],
        GENERATE,
    ),
    (
        &[("s.toml", "[section.a.field.b]\ntype = 'bool'\ndefault = \"@quoted\"")],
        "fill -n image.so --schema s.toml --json",
    ),
    (
        &[(
            "s.toml",
            "[section.a.field.b]\ntype = 'bool'\ndefault = true\n[section.c.field.b]\ntype = 'bool'\ndefault = true",
        )],
        "generate --schema s.toml --section @ --out-rust out.rs",
    ),
    // Other files, and their names.
    (&[("m", "{\"@quoted\": 1}")], BY_MANIFEST),
    (&[("m", "@")], BY_MANIFEST),
    (&[("m", "MANIFEST")], BY_MANIFEST),
    (&[("m", "MANIFEST")], "specialize -n --output tree=/opt/@ --destdir out --manifest m --json"),
    (&[("@name", "@")], "fill @name --json"),
    (&[("@name", "@")], "inspect @name"),
    (&[("@name", "[section.a]\nx = 1")], "generate --schema @name --out-rust out.rs"),
    (&[("@name", "{")], "fill -n image.so --values @name --json"),
    (&[("@name", "")], "generate --schema schema.toml --out-rust @name/x"),
    (
        &[("@name", "")],
        "generate --schema schema.toml --out-header @name --out-source a.cc --check -v",
    ),
    (&[("@name", "/opt/app")], "scan @name --reference /opt/app --json"),
    // A record.
    (&[("rec/record.o", RECORD)], "inspect rec/record.o"),
    (&[("rec/record.o", RECORD)], "inspect rec/record.o --json"),
    (&[("rec/record.o", RECORD)], "fill -n -v rec/record.o --set choice=none --json"),
    (&[("rec/record.o", RECORD)], "fill -n -v rec/record.o --set choice=@ --set matched=@"),
    (&[("rec/record.o", RECORD)], "fill -n rec/record.o --set matched=@ --json"),
    (
        &[("rec/record.o", RECORD)],
        "specialize -n --output rec=/opt/new --destdir out --rewrite /opt/app=/opt/new --set matched=x --follow any --follow items --json",
    ),
    (&[("rec/record.o", RECORD)], "complete-fields 4 postlink fill rec/record.o --set choice="),
    (&[("rec/record.o", RECORD)], "complete-fields 4 postlink fill rec/record.o --set @"),
];

/// The schema of a record with texts: an object file is made of it.
const RECORD: &str = "[section.app.field]
any = { type = 'string', capacity = 9999, default = \"@default\" }
items = { type = 'list<string>', capacity = 9999, max_items = 2, default = [\"@default\", '/opt/app'] }
choice = { type = 'string', capacity = 9999, default = \"@default\", allowed = [\"@quoted\", 'b'] }
matched = { type = 'string', capacity = 9999, default = 'x', pattern = \"^x|@pattern$\" }
derived = { type = 'string', capacity = 99999, default = \"{any}@default\" }
";

const SCHEMA: &str = "[section.app]
doc = 'Values'
[section.app.field]
version = { type = 'string', capacity = 64, default = '0', pattern = '^[0-9.]+$' }
label = { type = 'string', capacity = 9999, default = '' }
prefix = { type = 'path', capacity = 64, default = '/opt/app' }
mode = { type = 'enum', names = ['fast', 'slow'], default = 'fast' }
flag = { type = 'bool', default = true }
number = { type = 'u8', default = 1 }
key = { type = 'bytes', capacity = 9, default = '' }
items = { type = 'list<string>', capacity = 20000, max_items = 9, default = [] }
";

/// A template with `@` and its like replaced.
fn filled(template: &str, text: &[u8]) -> Vec<u8> {
    let braces = text.iter().flat_map(|&byte| match byte {
        b'{' | b'}' => vec![byte; 2],
        _ => vec![byte],
    });
    // A regular expression has a limit.
    let literal = text.iter().take(1000).flat_map(|&byte| match byte.is_ascii_punctuation() {
        true => vec![b'\\', byte],
        false => vec![byte],
    });
    let forms = [
        ("quoted", quoted(text)),
        ("default", quoted(&braces.collect::<Vec<_>>())),
        ("pattern", quoted(&literal.collect::<Vec<_>>())),
        ("name", name(text)),
        ("", text.to_vec()),
    ];
    let mut parts = template.split('@');
    let mut all = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (word, form) = forms.iter().find(|(word, _)| part.starts_with(word)).expect("a form");
        all.extend(form);
        all.extend(&part.as_bytes()[word.len()..]);
    }
    all
}

/// A text between the quotes of a string of TOML and JSON. What is no UTF-8 has no form there.
fn quoted(text: &[u8]) -> Vec<u8> {
    let form = |&byte: &u8| match byte {
        b'"' | b'\\' => vec![b'\\', byte],
        0..b' ' | 0x7f => format!("\\u{byte:04x}").into_bytes(),
        _ => vec![byte],
    };
    text.iter().flat_map(form).collect()
}

/// A name that a file can have.
fn name(text: &[u8]) -> Vec<u8> {
    let name = text.iter().copied().filter(|byte| *byte != b'/').take(200).collect::<Vec<_>>();
    [b"@", &*name].concat()
}

/// The files that all places share.
fn base() -> Folder {
    let folder = Folder::new();
    folder.write("schema.toml", SCHEMA);
    folder.postlink("generate --schema schema.toml --out-header app.gen.hh --out-source a.cc").ok();
    folder.run("g++ -std=c++17 -fPIC -shared a.cc -o image.so").ok();
    folder.write("plain.c", "");
    folder.run("gcc -c plain.c -o plain.o").ok();
    std::fs::create_dir(folder.path("tree")).expect("a folder");
    folder.write("tree/app.pc", "prefix=/opt/app\n");
    folder.copy("image.so", "tree/image.so");
    folder.postlink("scan tree --reference /opt/app --manifest manifest").ok();
    folder
}

/// Runs a program with the words of a line, with `@` replaced, and says what is wrong with what it said.
fn said(folder: &Folder, program: &Path, line: &str, text: &[u8], color: bool) -> Option<String> {
    let mut command = Command::new(program);
    let mut words = line.split(' ').peekable();
    while let Some(variable) =
        words.next_if(|word| word.starts_with(|first: char| first.is_ascii_uppercase()))
    {
        let (name, value) = variable.split_once('=').expect("a variable");
        command.env(name, OsStr::from_bytes(&filled(value, text)));
    }
    command.args(words.map(|word| OsString::from_vec(filled(word, text))));
    command.env("CLICOLOR_FORCE", if color { "1" } else { "0" });
    let run = command.current_dir(folder.path(".")).stdin(Stdio::null()).output();
    let what = format!("{} {line}, with {}", program.display(), text.escape_ascii());
    check(&what, &run.expect("a program"), line.ends_with("--json")).err()
}

/// Writes a file of a place.
fn write(folder: &Folder, base: &Folder, name: &str, template: &str, text: &[u8]) {
    let path = folder.path(".").join(OsStr::from_bytes(&filled(name, text)));
    let content = match template {
        "MANIFEST" => {
            let manifest = String::from_utf8(base.read("manifest")).expect("UTF-8");
            filled(&manifest.replace("/opt/app", "/opt/@quoted"), text)
        }
        template => filled(template, text),
    };
    if !name.ends_with(".o") {
        return std::fs::write(path, content).expect("a file");
    }
    folder.write("record.toml", content);
    let _ = std::fs::remove_file(path);
    let line = "payload --schema record.toml --section app --output payload";
    assert_eq!(said(folder, postlink(), line, text, false), None);
    if folder.path("payload").exists() {
        folder.run(&format!("objcopy --add-section postlink_app=payload plain.o {name}")).ok();
        std::fs::remove_file(folder.path("payload")).expect("a payload");
    } else {
        // A schema is UTF-8.
        assert!(std::str::from_utf8(text).is_err(), "no payload with {}", text.escape_ascii());
    }
}

#[test]
fn nothing_that_is_said_can_deceive() {
    let (base, texts) = (base(), texts());
    let wrong = texts.par_iter().enumerate().flat_map_iter(|(number, text)| {
        let folder = Folder::new();
        folder.run_words(OsStr::new("cp"), &["-r".into(), base.path("."), folder.path(".")]).ok();
        std::fs::create_dir(folder.path("rec")).expect("a folder");
        let base = &base;
        PLACES.iter().enumerate().flat_map(move |(position, (files, line))| {
            for (name, template) in *files {
                write(&folder, base, name, template, text);
            }
            let color = (number + position) % 2 == 1;
            let mut wrong = vec![said(&folder, postlink(), line, text, color)];
            if line.starts_with("generate") {
                wrong.push(said(&folder, generator(), line, text, color));
            }
            wrong.into_iter().flatten()
        })
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Characters by which nothing is seen, as Python knows them: what is hidden is one list.
#[test]
fn what_python_cannot_print_is_hidden() {
    let script = "import sys, unicodedata
for code in range(sys.maxunicode + 1):
    if unicodedata.category(chr(code)) in ('Cc', 'Cf', 'Zl', 'Zp'):
        print(code)
";
    // Signs in front of numbers and words, which are seen (`Prepended_Concatenation_Mark`), and those that
    // arrange hieroglyphs and shorthand.
    let seen = |code| matches!(code, 0x600..=0x605 | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x110bd | 0x110cd | 0x13430..=0x1345f);
    let codes = Folder::new().run_words(OsStr::new("python3"), &["-c", script]).ok();
    for code in codes.lines().map(|line| line.parse::<u32>().expect(line)) {
        let each = char::from_u32(code).expect("a character");
        assert_ne!(postlink_codegen::is_hidden(each), seen(code), "{each:?}");
    }
    let shown = (' '..='~').chain("é\u{301}\u{a0}日\u{3000}🦀".chars());
    assert_eq!(shown.filter(|each| postlink_codegen::is_hidden(*each)).collect::<String>(), "");
}
