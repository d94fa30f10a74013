//! Checks of names and fields together.

use std::collections::BTreeMap;
use std::ops::Range;

use super::spans::SectionSpans;
use crate::derivation::bad_derivations;
use crate::diagnostic::Diagnostic;
use crate::evaluate::Given;
use crate::identifiers;
use crate::model::{MAX_FIELDS, MAX_RECORD, Section};
use crate::names::upper_camel;
use postlink_format::Type;

/// Names that have been seen, to find one that comes again: behind each in small letters, as it was written first.
#[derive(Default)]
struct Seen(BTreeMap<String, String>);

impl Seen {
    /// Refuses a name that was seen before, whatever the case of its letters.
    fn once(&mut self, what: &str, name: &str, span: &Range<usize>, wrong: &mut Vec<Diagnostic>) {
        if let Some(before) = self.0.get(&name.to_ascii_lowercase()) {
            let difference = if before == name { "" } else { ", but for the case of letters" };
            wrong.push(Diagnostic::new(
                format!("two {what} are named `{name}`{difference}"),
                span.clone(),
                "give one of them another name",
            ));
        } else {
            self.0.insert(name.to_ascii_lowercase(), name.to_owned());
        }
    }
}

fn identifier(name: &str, span: &Range<usize>, wrong: &mut Vec<Diagnostic>) {
    if let Some((message, help)) = identifiers::refuse(name) {
        wrong.push(Diagnostic::new(message, span.clone(), help));
    }
}

/// Checks a name of an enum against those before it.
pub(super) fn enum_name(
    name: &str,
    before: &[String],
    span: Range<usize>,
    wrong: &mut Vec<Diagnostic>,
) {
    identifier(name, &span, wrong);
    if upper_camel(name) == "Self" {
        let message = format!("`{name}` would be the keyword `Self` in Rust");
        wrong.push(Diagnostic::new(message, span.clone(), "use another name"));
    }
    let same = |other: &&String| upper_camel(other).eq_ignore_ascii_case(&upper_camel(name));
    if let Some(other) = before.iter().find(same) {
        wrong.push(Diagnostic::new(
            format!("`{name}` and `{other}` would be one name in Rust"),
            span,
            "give one of them another name",
        ));
    }
}

/// Checks all sections, whether or not something else is wrong with them.
pub(super) fn sections(sections: &[(Section, SectionSpans)], wrong: &mut Vec<Diagnostic>) {
    let (mut names, mut namespaces, mut spellings) =
        (Seen::default(), Seen::default(), Seen::default());
    for (section, spans) in sections {
        let shape = &section.shape;
        identifier(&shape.name, &spans.name, wrong);
        let first = section.namespace.split("::").next().unwrap_or_default();
        if identifiers::refuse(first).is_none() {
            let refused = identifiers::refuse_namespace(first);
            wrong
                .extend(refused.map(|(message, help)| {
                    Diagnostic::new(message, spans.namespace.clone(), help)
                }));
        }
        names.once("sections", &shape.name, &spans.name, wrong);
        if section.namespace != shape.name {
            for part in section.namespace.split("::") {
                identifier(part, &spans.namespace, wrong);
            }
        }
        namespaces.once("C++ namespaces", &section.namespace, &spans.namespace, wrong);
        // The default is an identifier if the section's name is one.
        if spans.elf != spans.name {
            spelling(&section.elf, &spans.elf, wrong);
        }
        spellings.once("ELF sections", &section.elf, &spans.elf, wrong);
        fields(section, spans, wrong);
    }
    super::cpp_names::macros(sections, wrong);
    super::cpp_names::hooks(sections, wrong);
}

fn spelling(elf: &str, span: &Range<usize>, wrong: &mut Vec<Diagnostic>) {
    let first = elf.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !first || !elf.chars().all(|each| each.is_ascii_alphanumeric() || each == '_') {
        wrong.push(Diagnostic::new(
            format!("`{elf}` is not a C identifier"),
            span.clone(),
            "AddressSanitizer pads what is in a section with another name; use letters, digits and `_`",
        ));
    }
}

fn fields(section: &Section, spans: &SectionSpans, wrong: &mut Vec<Diagnostic>) {
    let shape = &section.shape;
    if shape.fields.len() > MAX_FIELDS {
        wrong.push(Diagnostic::new(
            format!("section `{}` has {} fields", shape.name, shape.fields.len()),
            spans.name.clone(),
            format!("a section has at most {MAX_FIELDS}; use several sections"),
        ));
        return;
    }
    let mut seen = Seen::default();
    let positions = shape.positions();
    // The names of the enums' types in C++ and Rust, and the fields that they are of.
    let mut enums: BTreeMap<String, &str> = BTreeMap::new();
    for (field, span) in shape.fields.iter().zip(&spans.fields) {
        let refused = identifiers::refuse_field(&field.name);
        wrong.extend(
            refused.map(|(message, help)| Diagnostic::new(message, span.name.clone(), help)),
        );
        if let Some(other) =
            field.name.strip_prefix("try_").filter(|name| positions.contains_key(name))
        {
            let message = format!(
                "`{}` is what the accessor of `{other}` is called that does not stop the program",
                field.name
            );
            wrong.push(Diagnostic::new(message, span.name.clone(), "use another name"));
        }
        seen.once("fields", &field.name, &span.name, wrong);
        if field.ty == Type::Enum {
            let type_name = upper_camel(&field.name);
            let same = positions.get(type_name.as_str()).map(|&other| &*shape.fields[other].name);
            let other = same.or_else(|| enums.get(&type_name).copied());
            let taken = match other {
                _ if type_name == "Self" => Some("the keyword `Self` in Rust".to_owned()),
                Some(other) if other == field.name => Some("called like its accessor".to_owned()),
                other => other.map(|other| format!("`{type_name}`, as `{other}` is")),
            };
            wrong.extend(taken.map(|taken| {
                let message = format!("the type of enum `{}` would be {taken}", field.name);
                Diagnostic::new(message, span.name.clone(), "use another name")
            }));
            enums.insert(type_name, &field.name);
        }
    }
    let default_span = |name: &str| {
        let position = shape.position(name).and_then(|position| spans.fields.get(position));
        position.map_or(spans.name.clone(), |span| span.default.clone())
    };
    for (field, sentence) in bad_derivations(shape) {
        let message = format!("the default of `{}` cannot be derived: {sentence}", field.name);
        let help = "`{field}` stands for the value of another field of the section; write `{{` for a brace";
        wrong.push(Diagnostic::new(message, default_span(&field.name), help));
    }
    // The defaults together: a derived one may be too long, or break its pattern.
    for problem in shape.evaluate(&Given::new()).err().unwrap_or_default() {
        let span = default_span(&problem.field);
        // A literal default was refused where it stands.
        if !wrong.iter().any(|diagnostic| diagnostic.span == span) {
            let message =
                format!("the default of `{}` does not fit: {}", problem.field, problem.message);
            wrong.push(Diagnostic::new(message, span, problem.help));
        }
    }
    if wrong.is_empty() && shape.record_size() > u64::from(MAX_RECORD) {
        wrong.push(Diagnostic::new(
            format!(
                "the record of section `{}` would have {} bytes",
                shape.name,
                shape.record_size()
            ),
            spans.name.clone(),
            format!("it has at most {MAX_RECORD}; use smaller capacities, or several sections"),
        ));
    }
}
