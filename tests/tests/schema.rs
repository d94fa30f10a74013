//! `schema.toml`: what is wrong is told all at once, each with its place.

use postlink_codegen::{Given, Schema, cpp, rust};
use postlink_format::{Origin, Type};
use postlink_tests::{Folder, fixture, fixture_text, golden};

#[test]
fn everything_wrong_is_told_at_once() {
    for name in ["values", "names", "sections", "cpp", "syntax"] {
        let file = format!("wrong/{name}.toml");
        let wrong = Schema::parse(&file, &fixture_text(&file)).expect_err(name);
        golden(&format!("wrong-{name}.txt"), &format!("{}\n", wrong.render(false)));
    }
}

/// Each error that is shown costs a look through the whole file: 10,000 of them took minutes.
#[test]
fn very_many_errors_are_counted() {
    let keys: String = (0..10_000).map(|number| format!("unknown_{number} = 1\n")).collect();
    let wrong = Schema::parse("many.toml", &format!("[section.app]\n{keys}")).expect_err("keys");
    // The section has no field either.
    assert_eq!(wrong.list().len(), 10_001);
    let shown = wrong.render(false);
    assert_eq!(shown.matches("error: ").count(), 50);
    assert!(shown.ends_with("\n\n… and 9951 more, which are shown once these are mended"));
}

/// No key, value or line taken out or replaced makes the reader panic or stay silent about a file
/// that then generates.
#[test]
fn a_damaged_schema_never_panics() {
    let text = fixture_text("kinds.toml");
    let lines: Vec<&str> = text.lines().collect();
    for skip in 0..lines.len() {
        for replacement in ["", "x = [", "default = 1979-05-27", "capacity = -1", "type = 'enum'"] {
            let mut changed = lines.clone();
            changed[skip] = replacement;
            match Schema::parse("changed.toml", &changed.join("\n")) {
                Err(wrong) => {
                    assert!(wrong.render(false).contains("changed.toml:"), "{skip} {replacement}");
                }
                Ok(schema) => {
                    for section in &schema.sections {
                        cpp::source(section, "header.hh").expect("C++");
                        // Without its owner there is no Rust code, and a sentence says so.
                        let rust = rust::file(section);
                        let unsaid = matches!(rust, Err(rust::Unfit::Owner(_)));
                        assert!(rust.is_ok() != unsaid, "{skip} {replacement}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_section_keeps_what_the_file_says() {
    let schema = Schema::parse("kinds.toml", &fixture_text("kinds.toml")).expect("a right schema");
    let kinds = schema.section(Some("kinds")).expect("the section");
    let field = |name: &str| &kinds.shape.fields[kinds.shape.position(name).expect(name)];
    assert_eq!(kinds.namespace, "demo::kinds");
    assert_eq!(field("half").min, Some(1));
    assert_eq!(
        field("log").references().collect::<Vec<_>>(),
        ["root", "channel", "signed_small", "flag"]
    );
    assert_eq!(field("root").default, None);
    let types: std::collections::BTreeSet<Type> =
        kinds.shape.fields.iter().map(|field| field.ty).collect();
    assert_eq!(types.len(), Type::ALL.len(), "the fixture has every type");
}

#[test]
fn the_command_says_it_too() {
    let folder = Folder::new();
    let schema = fixture("wrong/values.toml");
    let line = format!("generate --schema {} --out-rust out.rs", schema.display());
    let said = folder.postlink(&line).fails(1);
    assert!(said.contains("values.toml:"), "{said}");
    assert!(folder.names().is_empty());
}

/// Fields that each follow the next were looked up, and followed to the end, anew for every field.
#[test]
fn a_chain_of_fields_costs_little_more_than_as_many_alone() {
    let generate = |default: &dyn Fn(usize) -> String| {
        let field = |field: usize| {
            let default = default(field);
            format!("[section.app.field.f{field}]\ntype = 'path'\ncapacity = 64\n{default}\n")
        };
        let text = (0..postlink_codegen::MAX_FIELDS).map(field).collect::<String>();
        let start = std::time::Instant::now();
        let schema = Schema::parse(
            "chain.toml",
            &format!("[section.app]\nowner = 'cpp'\nexported = true\n{text}"),
        );
        let section = &schema.expect("a right schema").sections[0];
        let texts = (cpp::header(section), cpp::source(section, "a.hh"), rust::file(section));
        assert!(texts.1.is_ok() && texts.2.is_ok());
        start.elapsed()
    };
    let alone = generate(&|_| "default = '/opt'".into());
    let chained = generate(&|field| match field + 1 {
        postlink_codegen::MAX_FIELDS => "required = true".into(),
        next => format!("default = '{{f{next}}}'"),
    });
    assert!(chained < alone * 4, "{chained:?}, alone {alone:?}");
}

/// Such a default was refused as too long where the longer part came first, and taken where it came last.
#[test]
fn a_default_that_follows_a_required_field_is_open_in_any_order() {
    for default in ["{first}{later}", "{later}{first}", "longer{later}", "{later}longer"] {
        let text = format!(
            "[section.app.field.first]\ntype = 'string'\ncapacity = 9\ndefault = 'longer'\n\
             [section.app.field.later]\ntype = 'string'\ncapacity = 9\nrequired = true\n\
             [section.app.field.both]\ntype = 'string'\ncapacity = 5\ndefault = '{default}'\n"
        );
        let schema = Schema::parse("open.toml", &text).expect(default);
        let values = schema.sections[0].shape.evaluate(&Given::new()).expect(default);
        assert_eq!(values[2].origin, Origin::Unset, "{default}");
    }
}

/// A circle is told once, however many fields are on it, and so is one that others lead into.
#[test]
fn each_circle_is_told_once() {
    let text: String = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("e", "e}{a")]
        .map(|(name, next)| {
            format!("[section.app.field.{name}]\ntype = 'string'\ncapacity = 9\ndefault = '{{{next}}}'\n")
        })
        .concat();
    let wrong = Schema::parse("circle.toml", &text).expect_err("circles");
    let said: Vec<&str> = wrong.list().iter().map(|wrong| wrong.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the default of `b` cannot be derived: it follows itself: b → c → d → b",
            "the default of `e` cannot be derived: it follows itself: e → e",
        ]
    );
}

/// What a mistyped key leads to was told before it: a field without a default, a section without fields.
#[test]
fn a_mistyped_key_is_told_and_not_what_follows_from_it() {
    let right = "[section.app.field.a]\ntype = 'list<string>'\ncapacity = 9\nmax_items = 2\ndefault = []\n\
        [section.app.field.b]\ntype = 'enum'\nnames = ['x']\nrequired = true\n";
    Schema::parse("right.toml", right).expect("a right schema");
    for (key, typo, count) in [
        ("type", "tpye", 2),
        ("capacity", "capcity", 1),
        ("max_items", "maxitems", 1),
        ("default", "defualt", 1),
        ("names", "name", 1),
        ("required", "requierd", 1),
        ("field", "feild", 2),
        ("section", "sectoin", 1),
    ] {
        let wrong = Schema::parse("typo.toml", &right.replace(key, typo)).expect_err(typo);
        let expected = format!("`{typo}` is not a key of ");
        for wrong in wrong.list() {
            assert!(wrong.message.starts_with(&expected), "{}", wrong.message);
            assert!(wrong.help.starts_with(&format!("did you mean `{key}`?")), "{}", wrong.help);
        }
        assert!((1..=count).contains(&wrong.list().len()), "{typo}");
    }
    let wrong = Schema::parse("wrong.toml", &right.replace("= true", "= 'yes'")).expect_err("yes");
    assert_eq!(wrong.list().len(), 1, "{}", wrong.render(false));
    for (from, to) in
        [("required = true", "required = false"), ("names = ['x']", ""), ("default = []", "")]
    {
        assert!(Schema::parse("missing.toml", &right.replace(from, to)).is_err(), "{from}");
    }
}
