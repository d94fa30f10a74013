//! One `[section.NAME.field.FIELD]`.

use std::ops::Range;

use postlink_format::Type;

use super::keys::FIELD_KEYS;
use super::spans::FieldSpans;
use super::toml_tree::Table;
use crate::diagnostic::Diagnostic;
use crate::model::{Default, Field, MAX_CAPACITY, MAX_CHOICES};
use crate::source::Source;
use crate::template::Template;
use crate::value::{Literal, Problem};
use crate::words::{listed, nearest, quoted};

/// Reads a field. A wrong one still has its name, and its type if that is known, so that references
/// to it can be checked.
pub(super) fn read(mut table: Table<'_>, wrong: &mut Vec<Diagnostic>) -> (Field, FieldSpans) {
    table.only(FIELD_KEYS.iter().map(|key| key.name), wrong);
    let key = table.name_span.clone();
    let ty = read_type(&table, wrong);
    let macros = table.words("macros", wrong).unwrap_or_default();
    let mut field = Field {
        name: table.name.clone(),
        doc: table.doc(wrong),
        macros: macros.iter().map(|(name, _)| name.clone()).collect(),
        ty: ty.unwrap_or(Type::String),
        capacity: 1,
        max_items: 0,
        default: None,
        pattern: None,
        min: None,
        max: None,
        choices: Vec::new(),
        source: None,
    };
    let default_span = table.literal("default").map_or(key.clone(), |(_, span)| span);
    let spans = FieldSpans {
        name: key,
        default: default_span,
        macros: macros.into_iter().map(|(_, span)| span).collect(),
    };
    if ty.is_none() {
        return (field, spans);
    }
    let before = wrong.len();
    read_sizes(&mut field, &table, wrong);
    read_range(&mut field, &table, wrong);
    read_pattern(&mut field, &table, wrong);
    read_choices(&mut field, &table, wrong);
    read_source(&mut field, &table, wrong);
    let limits_are_right = wrong.len() == before;
    read_default(&mut field, &table, limits_are_right, wrong);
    (field, spans)
}

fn read_type(table: &Table<'_>, wrong: &mut Vec<Diagnostic>) -> Option<Type> {
    let names: Vec<&str> = Type::ALL.iter().map(|ty| ty.name()).collect();
    let help = || format!("The types are {}", listed(&names));
    let Some((name, span)) = table.string("type", wrong) else {
        if table.key_span("type").is_none() && !table.misspells("type") {
            let message = format!("field `{}` has no type", table.name);
            wrong.push(Diagnostic::new(message, table.name_span.clone(), help()));
        }
        return None;
    };
    let ty = Type::ALL.iter().find(|ty| ty.name() == name);
    if ty.is_none() {
        let near = nearest(&name, names.iter().copied());
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let message = format!("`{name}` is not a type");
        wrong.push(Diagnostic::new(message, span, format!("{near}{}", help())));
    }
    ty.copied()
}

fn read_sizes(field: &mut Field, table: &Table<'_>, wrong: &mut Vec<Diagnostic>) {
    let capacity = Key {
        key: "capacity",
        wanted: field.ty.fixed_size().is_none(),
        greatest: MAX_CAPACITY,
        meaning: "the most bytes of a value, without its NUL; of a list, with one NUL an item",
    };
    let max_items = Key {
        key: "max_items",
        wanted: field.ty.is_list(),
        greatest: MAX_CAPACITY,
        meaning: "the most items of the list",
    };
    let read = capacity.read(field.ty, table, wrong);
    // Where it is missing, no value is too long.
    field.capacity = field.ty.fixed_size().or(read).unwrap_or(MAX_CAPACITY);
    let read = max_items.read(field.ty, table, wrong);
    field.max_items = match field.ty.is_list() {
        true => read.unwrap_or(MAX_CAPACITY),
        false => 0,
    };
}

/// A key that some types need and the others do not have.
struct Key {
    key: &'static str,
    wanted: bool,
    greatest: u32,
    meaning: &'static str,
}

impl Key {
    fn read(&self, ty: Type, table: &Table<'_>, wrong: &mut Vec<Diagnostic>) -> Option<u32> {
        let Self { key, wanted, greatest, meaning } = *self;
        match (table.key_span(key), wanted) {
            (None, true) => {
                if !table.misspells(key) {
                    wrong.push(Diagnostic::new(
                        format!("field `{}` has no {key}", table.name),
                        table.name_span.clone(),
                        format!("a {} needs `{key}`: {meaning}", ty.name()),
                    ));
                }
                None
            }
            (Some(span), false) => {
                wrong.push(no_such_key(key, ty, span));
                None
            }
            (None, false) => None,
            (Some(_), true) => {
                let (number, span) = table.integer(key, wrong)?;
                let number = u32::try_from(number).ok();
                let number = number.filter(|number| (1..=greatest).contains(number));
                if number.is_none() {
                    wrong.push(Diagnostic::new(
                        format!("`{key}` must be from 1 to {greatest}"),
                        span,
                        format!("it is {meaning}"),
                    ));
                }
                number
            }
        }
    }
}

fn no_such_key(key: &str, ty: Type, span: Range<usize>) -> Diagnostic {
    let message = format!("a field of type {} has no `{key}`", ty.name());
    Diagnostic::new(message, span, "remove it, or change the type")
}

fn read_range(field: &mut Field, table: &Table<'_>, wrong: &mut Vec<Diagnostic>) {
    let range = field.ty.integer_range();
    for key in ["min", "max"] {
        let Some(span) = table.key_span(key) else { continue };
        let Some((least, greatest)) = range else {
            wrong.push(no_such_key(key, field.ty, span));
            continue;
        };
        let Some((number, span)) = table.integer(key, wrong) else { continue };
        if !(least..=greatest).contains(&number) {
            let help = format!("{} is from {least} to {greatest}", field.ty.name());
            wrong.push(Diagnostic::new(format!("`{key}` is outside the type"), span, help));
        } else if key == "min" {
            field.min = Some(number);
        } else if field.min.is_some_and(|min| min > number) {
            wrong.push(Diagnostic::new("`max` is less than `min`", span, "no value would fit"));
        } else {
            field.max = Some(number);
        }
    }
}

fn read_pattern(field: &mut Field, table: &Table<'_>, wrong: &mut Vec<Diagnostic>) {
    let Some(key_span) = table.key_span("pattern") else { return };
    if !field.ty.is_text() && !field.ty.is_list() {
        wrong.push(no_such_key("pattern", field.ty, key_span));
        return;
    }
    let Some((pattern, span)) = table.string("pattern", wrong) else { return };
    match crate::limits::regex(&pattern) {
        Ok(_) => field.pattern = Some(pattern),
        Err(error) => wrong.push(
            Diagnostic::new(
                "the pattern is not a regular expression",
                span,
                "write it as the Rust crate `regex-lite` has it; a single-quoted TOML string needs no doubled `\\`",
            )
            .label(error.to_string()),
        ),
    }
}

fn read_choices(field: &mut Field, table: &Table<'_>, wrong: &mut Vec<Diagnostic>) {
    let is_enum = field.ty == Type::Enum;
    let (key, other) = if is_enum { ("names", "allowed") } else { ("allowed", "names") };
    if let Some(span) = table.key_span(other) {
        wrong.push(no_such_key(other, field.ty, span));
    }
    let Some(key_span) = table.key_span(key) else {
        if is_enum && !table.misspells(key) {
            let message = format!("field `{}` has no names", field.name);
            let help = "an enum needs `names`, as in `names = [\"stable\", \"beta\"]`";
            wrong.push(Diagnostic::new(message, table.name_span.clone(), help));
        }
        return;
    };
    let takes_allowed =
        field.ty.is_text() || field.ty.is_list() || field.ty.integer_range().is_some();
    if !is_enum && !takes_allowed {
        wrong.push(no_such_key(key, field.ty, key_span));
        return;
    }
    let Some(words) = table.words(key, wrong) else { return };
    if words.is_empty() || words.len() > MAX_CHOICES {
        let message = format!("`{key}` has {} items", words.len());
        wrong.push(Diagnostic::new(message, key_span, format!("it has 1 to {MAX_CHOICES}")));
        return;
    }
    let mut choices: Vec<String> = Vec::new();
    for (mut word, span) in words {
        if is_enum {
            super::check::enum_name(&word, &choices, span, wrong);
            choices.push(word);
            continue;
        }
        let literal = Literal::Text(word.clone());
        let literal = if field.ty.is_list() { Literal::List(vec![literal]) } else { literal };
        match field.value_in_schema(&literal) {
            // Integers in one spelling.
            Ok(value) if field.ty.integer_range().is_some() => word = field.display(&value),
            Ok(_) => {}
            Err(problem) => {
                let message = format!(
                    "the allowed value {} does not fit: {}",
                    quoted(&word),
                    problem.message
                );
                wrong.push(Diagnostic::new(message, span.clone(), problem.help));
            }
        }
        if choices.contains(&word) {
            wrong.push(Diagnostic::new(
                format!("{} is listed twice", quoted(&word)),
                span,
                "remove one",
            ));
        }
        choices.push(word);
    }
    field.choices = choices;
}

fn read_source(field: &mut Field, table: &Table<'_>, wrong: &mut Vec<Diagnostic>) {
    let Some((text, span)) = table.string("from", wrong) else { return };
    let read = Source::parse(&text).and_then(|source| {
        source.check(field.ty)?;
        Ok(source)
    });
    match read {
        Err((message, help)) => wrong.push(Diagnostic::new(message, span, help)),
        Ok(source) => field.source = Some(source.to_string()),
    }
}

fn read_default(
    field: &mut Field,
    table: &Table<'_>,
    limits_are_right: bool,
    wrong: &mut Vec<Diagnostic>,
) {
    let required = table.bool("required", wrong);
    match (table.literal("default"), required) {
        (Some((_, span)), Some(true)) => wrong.push(Diagnostic::new(
            format!("field `{}` is required and has a default", field.name),
            span,
            "remove `required = true`, or the default",
        )),
        (None, Some(true)) => {}
        // Something else is wrong that explains it, and is told already.
        (None, None) if table.key_span("required").is_some() => {}
        (None, _) if table.misspells("default") || table.misspells("required") => {}
        (None, _) => wrong.push(Diagnostic::new(
            format!("field `{}` has no default and is not required", field.name),
            table.name_span.clone(),
            "give it a `default`, or `required = true`: an unspecialized program that reads it then stops",
        )),
        // Whether the default fits can only be said of limits that are right.
        (Some(_), _) if !limits_are_right => {}
        (Some((literal, span)), _) => match default(field, &literal) {
            Ok(default) => field.default = Some(default),
            Err((message, help)) => {
                let message = format!("the default of `{}` does not fit: {message}", field.name);
                wrong.push(Diagnostic::new(message, span, help));
            }
        },
    }
}

/// A literal default, or a derived one where a text refers to fields.
fn default(field: &Field, literal: &Literal) -> Result<Default, (String, String)> {
    let texts = match (field.ty.is_text(), field.ty.is_list(), literal) {
        (true, _, Literal::Text(_)) => std::slice::from_ref(literal),
        (_, true, Literal::List(items)) => items,
        _ => &[],
    };
    let mut templates = Vec::new();
    for text in texts {
        if let Literal::Text(text) = text {
            templates.push(Template::parse(text).map_err(|error| (error, String::new()))?);
        }
    }
    if let Some((right, verbatim)) = templates.iter().find_map(Template::without_dollars) {
        let message = "the `$` before a `{field}` would stay in the value".to_owned();
        let help = format!("write `{right}`; `{verbatim}` stands for the text as it is in a shell");
        return Err((message, help));
    }
    let told = |problem: Problem| (problem.message, problem.help);
    if templates.iter().any(|template| template.references().next().is_some()) {
        let mut sources = templates.iter().map(Template::source);
        sources.try_for_each(|source| field.check_template(source)).map_err(told)?;
        return Ok(Default::Derived(templates));
    }
    let plain = |template: &Template| {
        let text = template.expand(usize::MAX, |_| None);
        Literal::Text(text.unwrap_or_default())
    };
    let literal = match (templates.len() == texts.len(), literal) {
        (true, Literal::Text(_)) if field.ty.is_text() => plain(&templates[0]),
        (true, Literal::List(_)) if field.ty.is_list() => {
            Literal::List(templates.iter().map(plain).collect())
        }
        (_, other) => other.clone(),
    };
    field.value_in_schema(&literal).map(Default::Value).map_err(told)
}
