//! `schema.toml`: read, checked whole, turned into the [model](crate::model).

mod check;
mod cpp_names;
mod field;
mod keys;
mod spans;
mod toml_tree;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Default, Field, Owner, Schema, Section, Shape};
use crate::names;
use crate::template::Template;
use crate::value::{Problem, Value};
use crate::words::{listed, quoted};
use spans::SectionSpans;
use toml_tree::Table;

pub use keys::{FIELD_KEYS, SECTION_KEYS, SchemaKey};

impl Schema {
    /// Reads a schema; `path` is only shown.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn parse(path: &str, source: &str) -> Result<Self, Diagnostics> {
        let (root, syntax) = toml::de::DeTable::parse_recoverable(source);
        let syntax = syntax.into_iter().map(|error| {
            let span = error.span().unwrap_or_default();
            Diagnostic::new(format!("this is not TOML: {}", error.message()), span, "")
        });
        let syntax: Vec<Diagnostic> = syntax.collect();
        let mut wrong = Vec::new();
        let sections = read(Table::new("a schema", 0..0, root.get_ref()), &mut wrong);
        check::sections(&sections, &mut wrong);
        if !syntax.is_empty() {
            // The rest is as the parser mended it: errors in it may have no reason of their own.
            wrong = syntax;
        }
        if sections.is_empty() && wrong.is_empty() {
            let help =
                "declare one: `[section.NAME]`, and its fields: `[section.NAME.field.FIELD]`";
            wrong.push(Diagnostic::new("the schema has no section", 0..0, help));
        }
        let source = Arc::from(source);
        if wrong.is_empty() {
            let sections = sections.into_iter().map(|(mut section, spans)| {
                let unsaid = spans.owner_unsaid.then(|| owner_unsaid(&section, &spans));
                section.owner_unsaid =
                    unsaid.map(|unsaid| Diagnostics::new(path, &source, vec![unsaid]));
                section
            });
            Ok(Self { sections: sections.collect() })
        } else {
            Err(Diagnostics::new(path, &source, wrong))
        }
    }

    /// The section of this name, or the only one.
    ///
    /// # Errors
    /// A sentence that lists the sections.
    pub fn section(&self, name: Option<&str>) -> Result<&Section, String> {
        let names: Vec<&str> = self.sections.iter().map(|section| &*section.shape.name).collect();
        match (name, self.sections.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(format!("the schema has several sections: {}", listed(&names))),
            (Some(name), sections) => {
                sections.iter().find(|section| section.shape.name == name).ok_or_else(|| {
                    format!(
                        "the schema has no section {}; its sections are {}",
                        quoted(name),
                        listed(&names)
                    )
                })
            }
        }
    }
}

impl Section {
    /// Replaces the default of a field by what a build system knows; a field that was required
    /// then has a default. `value_for` gives the value for the field; its text is taken literally.
    ///
    /// # Errors
    /// No such field, a value that does not fit, and a text with `{field}`, which would stay in it.
    pub fn replace_default(
        &mut self,
        field: &str,
        value_for: impl FnOnce(&Field) -> Result<Value, Problem>,
    ) -> Result<(), Problem> {
        let Some(position) = self.shape.position(field) else {
            return Err(self.shape.unknown_field(field));
        };
        let field = &self.shape.fields[position];
        let value = value_for(field)?;
        field.check(&value)?;
        for text in value.texts() {
            let template = Template::parse(text).ok();
            let mut names = template.iter().flat_map(Template::references);
            if let Some(name) = names.find(|name| self.shape.position(name).is_some()) {
                return Err(field.problem(
                    format!(
                        "`{{{name}}}` would stay in the value: only the schema derives defaults"
                    ),
                    format!("write the value of `{name}`, or the default in the schema"),
                ));
            }
        }
        self.shape.fields[position].default = Some(Default::Value(value));
        Ok(())
    }
}

fn owner_unsaid(section: &Section, spans: &SectionSpans) -> Diagnostic {
    Diagnostic::new(
        format!(
            "section `{}` does not say who owns it, and Rust code needs to know",
            section.shape.name
        ),
        spans.name.clone(),
        "add `owner = \"rust\"` to the section if this Rust code defines the record; or `owner = \"cpp\"` if the generated C++ source is linked into the same program",
    )
}

fn read(mut root: Table<'_>, wrong: &mut Vec<Diagnostic>) -> Vec<(Section, SectionSpans)> {
    root.only_sections(wrong);
    let sections = root.table("section", "the sections", wrong);
    let tables = sections.map(|sections| sections.tables("a section", wrong)).unwrap_or_default();
    tables.into_iter().map(|table| read_section(table, wrong)).collect()
}

fn read_section(mut table: Table<'_>, wrong: &mut Vec<Diagnostic>) -> (Section, SectionSpans) {
    let name = table.name.clone();
    table.only(SECTION_KEYS.iter().map(|key| key.name).chain(["field"]), wrong);
    let owner_unsaid = table.key_span("owner").is_none();
    let owner = table.string("owner", wrong).and_then(|(owner, span)| match owner.as_str() {
        "cpp" => Some(Owner::Cpp),
        "rust" => Some(Owner::Rust),
        _ => {
            let help = "the owner is `\"cpp\"` or `\"rust\"`: the language that defines the bytes";
            wrong.push(Diagnostic::new(format!("`{owner}` cannot own a section"), span, help));
            None
        }
    });
    let key = table.name_span.clone();
    let (namespace, namespace_span) =
        table.string("namespace", wrong).unwrap_or((name.clone(), key.clone()));
    let (elf, elf_span) =
        table.string("elf", wrong).unwrap_or((names::elf_section(&name), key.clone()));
    let exported = table.bool("exported", wrong).unwrap_or(false);
    let (on_failure, on_failure_span) = table.string("on_failure", wrong).unzip();
    let doc = table.doc(wrong);

    let mut fields = Vec::new();
    let mut spans = Vec::new();
    let tables = table.table("field", "the fields", wrong);
    let is_explained = table.misspells("field") || table.key_span("field").is_some();
    if tables.as_ref().map_or(!is_explained, Table::is_empty) {
        wrong.push(Diagnostic::new(
            format!("section `{name}` has no field"),
            table.name_span.clone(),
            format!("declare one: `[section.{name}.field.NAME]`"),
        ));
    }
    if let Some(tables) = tables {
        for field in tables.tables("a field", wrong) {
            let (field, span) = field::read(field, wrong);
            fields.push(field);
            spans.push(span);
        }
    }
    let section = Section {
        shape: Shape { name, fields },
        owner: owner.unwrap_or(Owner::Cpp),
        owner_unsaid: None,
        namespace,
        exported,
        on_failure,
        elf,
        doc,
    };
    let spans = SectionSpans {
        on_failure: on_failure_span.unwrap_or(key.clone()),
        name: key,
        owner_unsaid,
        namespace: namespace_span,
        elf: elf_span,
        fields: spans,
    };
    (section, spans)
}
