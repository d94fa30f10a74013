//! Which values a record has (chapters 3, 4 and 6).

use std::collections::BTreeMap;

use super::{Cause, Default, Field, Given, Kind, Piece, Refused, Section, Value};

/// Where a value comes from, as its number in the file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There is none.
    Unset = 0,
    /// A default that is a value.
    Default = 1,
    /// A default that follows other fields.
    Derived = 2,
    /// It was given.
    Set = 3,
}

/// Each field's value, in the order of the fields.
pub type Values = Vec<(Origin, Option<Value>)>;

impl Section {
    /// The values after a fill with these.
    ///
    /// # Errors
    /// What is refused.
    pub fn values(&self, given: &Given) -> Result<Values, Refused> {
        self.values_of(Some(given))
    }

    /// The values after a fill with these, or, without any, those that a compiler writes.
    ///
    /// # Errors
    /// All that is refused.
    pub(super) fn values_of(&self, given: Option<&Given>) -> Result<Values, Refused> {
        let mut refused = self.refused();
        if !refused.is_empty() {
            return Err(refused);
        }
        let none = Given::new();
        let unknown = given.unwrap_or(&none).keys().filter(|name| self.field(name).is_none());
        refused.extend(unknown.map(|name| (name.clone(), Cause::Name)));
        let values = self.resolved(given.unwrap_or(&none));
        for (field, (origin, value)) in self.fields.iter().zip(&values) {
            match value {
                Some(value) => {
                    if let Err(cause) = field.check(value) {
                        refused.insert(field.name.clone(), cause);
                    }
                }
                None if given.is_some() => {
                    debug_assert_eq!(*origin, Origin::Unset);
                    refused.insert(field.name.clone(), Cause::Required);
                }
                None => {}
            }
        }
        if refused.is_empty() { Ok(values) } else { Err(refused) }
    }

    /// The values that a compiler writes; none of what is derived, where derivations are wrong.
    pub(super) fn unfilled(&self) -> Values {
        match self.refused().is_empty() {
            true => self.resolved(&Given::new()),
            false => self
                .fields
                .iter()
                .map(|field| match &field.default {
                    Some(Default::Value(value)) => (Origin::Default, Some(value.clone())),
                    _ => (Origin::Unset, None),
                })
                .collect(),
        }
    }

    /// What each field has, right or not. The descriptor is right.
    fn resolved(&self, given: &Given) -> Values {
        let mut known = BTreeMap::new();
        for field in &self.fields {
            self.resolve(field, given, &mut known);
        }
        self.fields.iter().map(|field| known[field.name.as_str()].clone()).collect()
    }

    fn resolve<'a>(
        &'a self,
        field: &'a Field,
        given: &Given,
        known: &mut BTreeMap<&'a str, (Origin, Option<Value>)>,
    ) -> Option<String> {
        // What each derivation refers to was checked.
        if !known.contains_key(field.name.as_str()) {
            let found = match (given.get(&field.name), &field.default) {
                (Some(value), _) => (Origin::Set, Some(value.clone())),
                (None, Some(Default::Value(value))) => (Origin::Default, Some(value.clone())),
                (None, Some(Default::Derived(texts))) => {
                    let mut texts = texts.iter().map(|text| {
                        text.iter()
                            .map(|piece| match piece {
                                Piece::Text(text) => Some(text.clone()),
                                Piece::Field(name) => self.resolve(self.field(name)?, given, known),
                            })
                            .collect::<Option<String>>()
                    });
                    let value = if field.kind.is_list() {
                        texts.collect::<Option<Vec<_>>>().map(Value::Items)
                    } else {
                        texts.next().flatten().map(Value::Text)
                    };
                    (if value.is_some() { Origin::Derived } else { Origin::Unset }, value)
                }
                (None, None) => (Origin::Unset, None),
            };
            known.insert(&field.name, found);
        }
        match known[field.name.as_str()].1.as_ref()? {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            // No derivation that was accepted refers to these.
            Value::Bytes(_) | Value::Items(_) => None,
        }
    }
}

impl Field {
    /// Whether this may be given: more is refused than in a file, for only a mistake ends so.
    ///
    /// # Errors
    /// It may not.
    pub fn accept(&self, value: &Value) -> Result<(), Cause> {
        self.check(value)?;
        self.end(value, self.holds_lines())
    }

    /// Whether the end of a value is a mistake.
    pub(super) fn end(&self, value: &Value, may_end_in_newline: bool) -> Result<(), Cause> {
        let texts = match value {
            Value::Text(text) if self.kind != Kind::Enum => std::slice::from_ref(text),
            Value::Items(items) => items,
            _ => &[],
        };
        let is_path = matches!(self.kind, Kind::Path | Kind::Paths);
        for text in texts {
            let ends: &[char] = if text.starts_with('/') { &['/'] } else { &['/', '\\'] };
            let device = [r"\\?\", r"\\.\"].iter().find_map(|device| text.strip_prefix(device));
            let is_root = text == "/"
                || matches!(device.unwrap_or(text).as_bytes(), [drive, b':', _] if *drive != b'/')
                || (text.starts_with('\\') && text.chars().all(|one| ends.contains(&one)));
            if (!may_end_in_newline && text.ends_with(['\n', '\r']))
                || (is_path && !is_root && text.ends_with(ends))
            {
                return Err(Cause::End);
            }
        }
        Ok(())
    }

    fn holds_lines(&self) -> bool {
        let default = match &self.default {
            Some(Default::Value(Value::Text(text))) => vec![text.clone()],
            Some(Default::Derived(_)) => self.derivation().unwrap_or_default(),
            _ => Vec::new(),
        };
        let mut texts = default.iter().chain(&self.choices);
        self.kind == Kind::String && texts.any(|text| text.ends_with(['\n', '\r']))
    }

    /// Whether this can be a value of the field.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self, value: &Value) -> Result<(), Cause> {
        match (self.kind, value) {
            (Kind::Bool, Value::Bool(_)) => Ok(()),
            (Kind::Unsigned(_) | Kind::Signed(_), Value::Number(number)) => {
                let (least, greatest) = self.kind.numbers().ok_or(Cause::Type)?;
                if !(least..=greatest).contains(number) {
                    Err(Cause::Type)
                } else if self.min.is_some_and(|min| *number < min)
                    || self.max.is_some_and(|max| *number > max)
                {
                    Err(Cause::Range)
                } else {
                    self.choice(&number.to_string())
                }
            }
            (Kind::String | Kind::Path, Value::Text(text)) => {
                if text.len() > self.capacity {
                    return Err(Cause::Long);
                }
                self.text(text, self.kind == Kind::Path)
            }
            (Kind::Bytes, Value::Bytes(bytes)) if bytes.len() > self.capacity => Err(Cause::Long),
            (Kind::Bytes, Value::Bytes(_)) => Ok(()),
            (Kind::Strings | Kind::Paths, Value::Items(items)) => {
                if items.iter().map(|item| item.len() + 1).sum::<usize>() > self.capacity {
                    return Err(Cause::Long);
                }
                if items.len() > self.max_items {
                    return Err(Cause::Many);
                }
                items.iter().try_for_each(|item| self.text(item, self.kind == Kind::Paths))
            }
            (Kind::Enum, Value::Text(name)) => self.choice(name),
            _ => Err(Cause::Type),
        }
    }

    fn text(&self, text: &str, is_path: bool) -> Result<(), Cause> {
        if text.contains('\0') {
            return Err(Cause::Nul);
        }
        let drive = match text.as_bytes() {
            [letter, b':', b'/' | b'\\', ..] => letter.is_ascii_alphabetic(),
            _ => false,
        };
        if is_path && !drive && !text.starts_with('/') && !text.starts_with(r"\\") {
            return Err(Cause::Relative);
        }
        if let Some(pattern) = &self.pattern {
            let matches = regex(pattern).ok_or(Cause::Limit)?;
            if !matches.is_match(text) {
                return Err(Cause::Pattern);
            }
        }
        self.choice(text)
    }

    fn choice(&self, text: &str) -> Result<(), Cause> {
        if self.choices.is_empty() || self.choices.iter().any(|one| one == text) {
            Ok(())
        } else {
            Err(Cause::Choice)
        }
    }
}

/// A pattern, if it is one.
pub(super) fn regex(pattern: &str) -> Option<regex_lite::Regex> {
    regex_lite::RegexBuilder::new(pattern).size_limit(65_536).build().ok()
}
