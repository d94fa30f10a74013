//! A table of a TOML file whose keys are taken one by one, in the order of the file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::value::Literal;
use crate::words::{is_deceptive, listed, nearest};

/// A table, the key that it stands under, and the entries that have not been taken yet.
pub(crate) struct Table<'a> {
    /// The table's name in messages: "a field".
    what: &'static str,
    pub(crate) name: String,
    pub(crate) name_span: Range<usize>,
    entries: Vec<Entry<'a>>,
    /// The keys that unknown ones probably stand for.
    meant: Vec<&'static str>,
}

struct Entry<'a> {
    key: &'a str,
    key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(what: &'static str, name_span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        let mut entries: Vec<Entry<'a>> = table
            .iter()
            .map(|(key, value)| Entry { key: key.get_ref(), key_span: key.span(), value })
            .collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Self { what, name: String::new(), name_span, entries, meant: Vec::new() }
    }

    /// Refuses, and forgets, all keys that are not known.
    pub(crate) fn only(
        &mut self,
        known: impl Iterator<Item = &'static str>,
        wrong: &mut Vec<Diagnostic>,
    ) {
        let known: Vec<&'static str> = known.collect();
        self.entries.retain(|entry| {
            let is_known = known.contains(&entry.key);
            if !is_known {
                let near = nearest(entry.key, known.iter().copied());
                self.meant.extend(near);
                let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                wrong.push(Diagnostic::new(
                    format!("`{}` is not a key of {}", entry.key, self.what),
                    entry.key_span.clone(),
                    format!("{near}The keys are {}", listed(&known)),
                ));
            }
            is_known
        });
    }

    /// Refuses, and forgets, all keys but `section`.
    pub(crate) fn only_sections(&mut self, wrong: &mut Vec<Diagnostic>) {
        self.entries.retain(|entry| {
            if entry.key == "section" {
                return true;
            }
            wrong.push(Diagnostic::new(
                format!("`{}` is not a key of a schema", entry.key),
                entry.key_span.clone(),
                if nearest(entry.key, ["section"]).is_some() {
                    "did you mean `section`?".into()
                } else if entry.value.get_ref().is_table() {
                    format!("did you mean `[section.{}]`?", entry.key)
                } else {
                    "a schema has sections only: `[section.NAME]`".into()
                },
            ));
            false
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The place of a key, if it is there.
    pub(crate) fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.entry(key).map(|entry| entry.key_span.clone())
    }

    /// Whether an unknown key probably stands for this one: then that alone is told.
    pub(crate) fn misspells(&self, key: &str) -> bool {
        self.meant.contains(&key)
    }

    /// The value of a key, of any kind.
    pub(crate) fn literal(&self, key: &str) -> Option<(Literal, Range<usize>)> {
        let value = self.entry(key)?.value;
        Some((literal(value.get_ref()), value.span()))
    }

    pub(crate) fn string(
        &self,
        key: &str,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<(String, Range<usize>)> {
        let (value, span) = self.literal(key)?;
        let Literal::Text(text) = value else {
            wrong.push(mismatch(key, "a string", span));
            return None;
        };
        Some((text, span))
    }

    /// The documentation: text that is shown in comments as it is written here.
    pub(crate) fn doc(&self, wrong: &mut Vec<Diagnostic>) -> String {
        let Some((doc, span)) = self.string("doc", wrong) else { return String::new() };
        let doc = doc.replace("\r\n", "\n");
        if doc.chars().any(|each| is_deceptive(each) && !['\n', '\t'].contains(&each)) {
            wrong.push(Diagnostic::new(
                "the documentation has a character that is not shown as it is",
                span,
                "remove control characters, and marks that change the direction of the text",
            ));
        }
        doc
    }

    pub(crate) fn bool(&self, key: &str, wrong: &mut Vec<Diagnostic>) -> Option<bool> {
        let (value, span) = self.literal(key)?;
        let Literal::Bool(value) = value else {
            wrong.push(mismatch(key, "`true` or `false`", span));
            return None;
        };
        Some(value)
    }

    pub(crate) fn integer(
        &self,
        key: &str,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<(i128, Range<usize>)> {
        let (value, span) = self.literal(key)?;
        let Literal::Integer(number) = value else {
            wrong.push(mismatch(key, "an integer", span));
            return None;
        };
        Some((number, span))
    }

    /// The strings (or integers) of an array, as text, each with its span.
    pub(crate) fn words(
        &self,
        key: &str,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<Vec<(String, Range<usize>)>> {
        let value = self.entry(key)?.value;
        let Some(array) = value.get_ref().as_array() else {
            wrong.push(mismatch(key, "an array", value.span()));
            return None;
        };
        let mut words = Vec::new();
        for item in array {
            match literal(item.get_ref()) {
                Literal::Text(text) => words.push((text, item.span())),
                Literal::Integer(number) => words.push((number.to_string(), item.span())),
                _ => wrong.push(mismatch(key, "an array of strings or integers", item.span())),
            }
        }
        Some(words)
    }

    pub(crate) fn table(
        &self,
        key: &str,
        what: &'static str,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<Table<'a>> {
        self.entry(key)?.table(what, wrong)
    }

    /// All entries, each of which must be a table.
    pub(crate) fn tables(&self, what: &'static str, wrong: &mut Vec<Diagnostic>) -> Vec<Table<'a>> {
        let mut tables = Vec::new();
        for entry in &self.entries {
            if let Some(mut table) = entry.table(what, wrong) {
                table.name = entry.key.to_owned();
                tables.push(table);
            }
        }
        tables
    }
}

impl<'a> Entry<'a> {
    fn table(&self, what: &'static str, wrong: &mut Vec<Diagnostic>) -> Option<Table<'a>> {
        let Some(table) = self.value.get_ref().as_table() else {
            wrong.push(mismatch(self.key, "a table", self.value.span()));
            return None;
        };
        Some(Table::new(what, self.key_span.clone(), table))
    }
}

fn mismatch(key: &str, expected: &str, span: Range<usize>) -> Diagnostic {
    Diagnostic::new(format!("`{key}` must be {expected}"), span, "")
}

fn literal(value: &DeValue<'_>) -> Literal {
    match value {
        DeValue::String(text) => Literal::Text(text.to_string()),
        DeValue::Boolean(value) => Literal::Bool(*value),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or(Literal::Other("an integer of more than 127 bits"), Literal::Integer),
        DeValue::Array(items) => {
            Literal::List(items.iter().map(|item| literal(item.get_ref())).collect())
        }
        DeValue::Float(_) => Literal::Other("a float"),
        DeValue::Datetime(_) => Literal::Other("a date or time"),
        DeValue::Table(_) => Literal::Other("a table"),
    }
}
