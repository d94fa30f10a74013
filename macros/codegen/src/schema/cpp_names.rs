//! Checks of names that C++ alone has: functions that are called where a value cannot be read, and
//! macros that stand for fields.

use std::collections::BTreeMap;
use std::ops::Range;

use super::spans::SectionSpans;
use crate::diagnostic::Diagnostic;
use crate::identifiers;
use crate::model::Section;
use crate::names::upper_camel;
use postlink_format::Type;

/// Checks each `on_failure` with all sections: it may lie in the namespace of any of them.
pub(super) fn hooks(sections: &[(Section, SectionSpans)], wrong: &mut Vec<Diagnostic>) {
    for (section, spans) in sections {
        let Some(hook) = &section.on_failure else { continue };
        let before = wrong.len();
        let parts: Vec<&str> = hook.split("::").collect();
        let mut refuse = |message: String, help: &str| {
            wrong.push(Diagnostic::new(message, spans.on_failure.clone(), help));
        };
        if let [name] = parts.as_slice() {
            refuse(
                format!("`{name}` is in no namespace"),
                "put the function into one, and write it too: `app::value_failed`",
            );
        }
        for (position, part) in parts.iter().enumerate() {
            let global = || match position {
                0 if parts.len() > 1 => {
                    Some((identifiers::refuse_namespace(part)?.0, "use another namespace"))
                }
                _ => None,
            };
            if let Some((message, help)) = identifiers::refuse(part).or_else(global) {
                refuse(message, help);
            }
        }
        if wrong.len() > before {
            continue;
        }
        for (other, _) in sections {
            let namespace: Vec<&str> = other.namespace.split("::").collect();
            let taken = match parts.strip_prefix(namespace.as_slice()) {
                Some([first, ..]) => declares(other, first).then_some(*first),
                _ => namespace.starts_with(&parts).then_some(hook.as_str()),
            };
            if let Some(taken) = taken {
                let name = &other.shape.name;
                let message = format!("the header of section `{name}` has another `{taken}`");
                wrong.push(Diagnostic::new(message, spans.on_failure.clone(), "use another name"));
                break;
            }
        }
        let mut others = sections.iter().filter_map(|(other, _)| other.on_failure.as_ref());
        let inside = |other: &&String| other.starts_with(&format!("{hook}::"));
        if let Some(other) = others.find(inside) {
            let message = format!("`{hook}` is also a namespace, of the function `{other}`");
            wrong.push(Diagnostic::new(message, spans.on_failure.clone(), "use another name"));
        }
    }
}

/// Whether the header declares a name in the section's namespace.
fn declares(section: &Section, name: &str) -> bool {
    let mut fields = section.shape.fields.iter();
    identifiers::is_declared(name)
        || fields.any(|field| {
            let is_enum = field.ty == Type::Enum;
            field.name == name.strip_prefix("try_").unwrap_or(name)
                || field.name == name
                || (is_enum && upper_camel(&field.name) == name)
        })
}

/// Checks the macros of all sections' fields: one source may include the headers of several.
pub(super) fn macros(sections: &[(Section, SectionSpans)], wrong: &mut Vec<Diagnostic>) {
    let taken = sections.iter().flat_map(|(section, _)| names(section)).collect();
    for (section, spans) in sections {
        section_macros(section, spans, &taken, wrong);
    }
}

fn section_macros(
    section: &Section,
    spans: &SectionSpans,
    taken: &BTreeMap<String, &'static str>,
    wrong: &mut Vec<Diagnostic>,
) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (field, field_spans) in section.shape.fields.iter().zip(&spans.fields) {
        for (name, span) in field.macros.iter().zip(&field_spans.macros) {
            let refused = refuse_macro(name).or_else(|| {
                let what = taken.get(name.as_str())?;
                let help = "use another name: the macro would replace that one too".to_owned();
                Some((format!("`{name}` is also the name of {what}"), help))
            });
            let refused = refused.or_else(|| {
                let other = seen.get(name.as_str())?;
                let message = format!("`{name}` is a macro of `{other}` already");
                Some((message, "a macro stands for one field".to_owned()))
            });
            wrong.extend(
                refused.map(|(message, help)| Diagnostic::new(message, Range::clone(span), help)),
            );
            seen.insert(name, &field.name);
        }
    }
}

/// The names in the generated header, by which a macro would break it, and what they are.
fn names(section: &Section) -> BTreeMap<String, &'static str> {
    let mut names = BTreeMap::new();
    for field in &section.shape.fields {
        if field.ty == Type::Enum {
            names.extend(field.choices.iter().map(|name| (name.clone(), "a value of an enum")));
            names.insert(upper_camel(&field.name), "an enum's type");
        }
        names.insert(field.name.clone(), "a field");
    }
    let hook = section.on_failure.iter().flat_map(|hook| hook.split("::"));
    names.extend(hook.map(|part| (part.to_owned(), "a part of `on_failure`")));
    let namespace = section.namespace.split("::");
    names.extend(namespace.map(|part| (part.to_owned(), "a part of the namespace")));
    names
}

/// The reason why a name cannot be a macro's, and the way out.
fn refuse_macro(name: &str) -> Option<(String, String)> {
    let is_upper = |each: char| each.is_ascii_uppercase() || each.is_ascii_digit() || each == '_';
    let refused = identifiers::refuse(name).map(|(message, help)| (message, help.to_owned()));
    refused.or_else(|| {
        let help = "use the letters `A` to `Z`, digits and `_`, a letter first".to_owned();
        let message = format!("`{name}` is not the name of a macro");
        (!name.chars().all(is_upper)).then_some((message, help))
    })
}
