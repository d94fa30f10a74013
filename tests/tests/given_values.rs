//! Values as users give them, with the mistakes that shells, editors and JSON make easy.

use postlink_codegen::{Default, Given, Schema, Section, Shape, Value};
use postlink_format::{Origin, Record, State};
use postlink_tests::Folder;

const SCHEMA: &str = r#"
[section.app.field.prefix]
type = "path"
capacity = 64
default = "/opt/app"

[section.app.field.share]
type = "path"
capacity = 64
default = "{prefix}/share"

[section.app.field.version]
type = "string"
capacity = 64
required = true

[section.app.field.paths]
type = "list<path>"
capacity = 64
max_items = 4
default = []

[section.app.field.banner]
type = "string"
capacity = 64
default = "{version}\n"

[section.app.field.end]
type = "string"
capacity = 4
allowed = ["\n", "\r\n", ""]
default = ""

[section.app.field.shell]
type = "string"
capacity = 64
default = "${{prefix}} is {prefix}"

[section.app.field.flag]
type = "bool"
default = false

[section.app.field.level]
type = "u8"
default = 0
"#;

fn section() -> Section {
    Schema::parse("schema.toml", SCHEMA).expect("a right schema").sections.remove(0)
}

/// What is said of a value on the command line; "" where it is taken.
fn said(field: &str, text: &str) -> String {
    let shape = section().shape;
    let field = &shape.fields[shape.position(field).expect(field)];
    field
        .value_of_texts(&[text])
        .map_or_else(|problem| format!("{problem}; {}", problem.help), |_| String::new())
}

/// The slash came twice in what is derived from the path.
#[test]
fn a_path_has_no_slash_at_its_end() {
    for (given, right) in [
        ("/opt/app/", "/opt/app"),
        ("/opt/app///", "/opt/app"),
        ("//", "/"),
        (r"C:\app\", r"C:\app"),
        ("C:/app/", "C:/app"),
        (r"C:\\", r"C:\"),
        (r"C:\a:\", r"C:\a:"),
        (r"\\host\share\", r"\\host\share"),
    ] {
        for field in ["prefix", "paths"] {
            let expected = format!("field `{field}`: `{given}` ends in a slash; write `{right}`");
            assert!(said(field, given).starts_with(&expected), "{}", said(field, given));
        }
        assert_eq!(said("prefix", right), "");
    }
    for root in ["/", r"C:\", "c:/", r"\\?\C:\", r"\\", r"/ends/in\"] {
        assert_eq!(said("prefix", root), "");
    }
    assert_eq!(said("version", "1/"), "", "a string may end as it likes");
}

/// A file's last newline, or that of a program's output, became part of the value.
#[test]
fn a_newline_at_the_end_is_refused_but_where_the_schema_has_one() {
    for (field, text) in
        [("version", "1\n"), ("prefix", "/x\r\n"), ("paths", "/x\n"), ("share", "/\n")]
    {
        assert!(said(field, text).contains("ends in a newline"), "{field}: {}", said(field, text));
    }
    for (field, text) in [("version", "1\n2"), ("banner", "x\n"), ("end", "\n"), ("end", "\r\n")] {
        assert_eq!(said(field, text), "", "{field}");
    }
    let folder = Folder::new();
    folder.write("schema.toml", SCHEMA);
    folder.write("values.json", r#"{"version": "1.2.3\n"}"#);
    folder.write("values.toml", "version = '''\n1.2.3\n'''\n");
    for line in [
        "payload --schema schema.toml --section app --output out --values values.json",
        "payload --schema schema.toml --section app --output out --values values.toml",
    ] {
        let said = folder.postlink(line).fails(1);
        assert!(said.contains("field `version`: `1.2.3\\x0a` ends in a newline"), "{said}");
    }
    let outputs = ["--out-header", "out.hh", "--out-source", "out.cc"];
    let words = ["generate", "--schema", "schema.toml", "--default", "version=1\n"];
    let words = [&words[..], &outputs].concat();
    let said = folder.run_words(postlink_tests::postlink().as_ref(), &words).fails(1);
    assert!(said.contains("ends in a newline"), "{said}");
}

/// `${field}` is a shell's; the value began with a `$`.
#[test]
fn a_dollar_before_a_reference_needs_braces_of_its_own() {
    let wrong = SCHEMA.replace("\"{prefix}/share\"", "\"${prefix}/share\"");
    let wrong = Schema::parse("schema.toml", &wrong).expect_err("a dollar");
    assert_eq!(
        wrong.list()[0].help,
        "write `{prefix}/share`; `${{prefix}}/share` stands for the text as it is in a shell"
    );
    let shape = section().shape;
    let values = shape.evaluate(&Given::new()).expect("right defaults");
    let shell = shape.position("shell").expect("a field");
    assert_eq!(values[shell].value, Some(Value::Text("${prefix} is /opt/app".into())));
}

/// The text of a default that replaces another is not a template: the braces stayed, without a word.
#[test]
fn a_replaced_default_with_a_reference_is_refused() {
    let mut section = section();
    let mut replace =
        |text: &str| section.replace_default("version", |field| field.value_of_texts(&[text]));
    let problem = replace("in {prefix}").expect_err("a reference");
    assert!(problem.message.starts_with("`{prefix}` would stay"), "{problem}");
    for text in ["in {nowhere}", "in {{prefix}}", "in {prefix"] {
        replace(text).expect(text);
    }
}

/// What was filled, or built, before these rules is read, and filled again, as it is.
#[test]
fn records_with_such_values_are_read() {
    let mut shape = section().shape;
    shape.fields[0].default = Some(Default::Value(Value::Text("/opt/app/".into())));
    let version = shape.position("version").expect("a field");
    let given = Given::from([(version, Value::Text("1\n".into()))]);
    let values = shape.evaluate(&given).expect("values");
    let bytes = shape.record(State::Filled, &values);
    let record = Record::parse(&bytes).expect("a record");
    let back = Shape::from_record(&record).expect("a shape");
    assert_eq!(back.fields[0].default, shape.fields[0].default);
    let (_, values) = back.values_of(&record).expect("values");
    assert_eq!(values[version].origin, Origin::Set);
    assert_eq!(values[1].value, Some(Value::Text("/opt/app//share".into())));
    back.evaluate(&given).expect("values");
}

/// "`true` is not a value of type bool; give `true` or `false`" left no way out.
#[test]
fn a_string_is_told_from_a_boolean_and_an_integer_is_one_however_it_is_written() {
    let folder = Folder::new();
    folder.write("schema.toml", SCHEMA);
    let payload = |json: &str| {
        folder.write("values.json", json);
        folder.postlink("payload --schema schema.toml --section app --output out --set version=1 --values values.json")
    };
    let said = payload(r#"{"flag": "true"}"#).fails(1);
    assert!(said.contains("`\"true\"` is a string, not a boolean"), "{said}");
    assert!(said.contains("write it without quotes: `true`"), "{said}");
    let said = payload(r#"{"share": 5}"#).fails(1);
    assert!(
        said.contains("an integer is not a value of type path") && said.contains("in quotes"),
        "{said}"
    );
    let bytes = |json: &str| {
        payload(json).ok();
        folder.read("out")
    };
    assert_eq!(bytes(r#"{"level": "0x10"}"#), bytes(r#"{"level": 16}"#));
    let said = payload(r#"{"level": -0}"#).fails(1);
    assert!(said.contains("`-0`, which is no integer in JSON (write `0`)"), "{said}");
    assert!(payload(r#"{"level": "x"}"#).fails(1).contains("give an integer from 0 to 255"));
}
