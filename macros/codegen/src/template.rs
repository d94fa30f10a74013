//! Derived defaults: text with `{field}` in it.

/// A text in which `{field}` stands for another field's value, `{{` and `}}` for braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A brace without its partner, as a sentence.
    pub fn parse(source: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            text.push_str(before);
            if brace.starts_with("{{") || brace.starts_with("}}") {
                text.push_str(&brace[..1]);
                rest = &brace[2..];
            } else if let Some((name, behind)) =
                brace.strip_prefix('{').and_then(|inner| inner.split_once('}'))
            {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Field(name.to_owned()));
                rest = behind;
            } else {
                return Err(format!(
                    "`{}` has no partner; write `{{field}}` for another field's value, `{{{{` or `}}}}` for a brace",
                    &brace[..1]
                ));
            }
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The text as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the fields it refers to.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Its texts between the references.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Field(_) => None,
        })
    }

    /// Two other sources for a template that has a `$` before a reference, as shells do: one with the
    /// reference alone, and one that stands for the text `${field}`.
    pub(crate) fn without_dollars(&self) -> Option<(String, String)> {
        let (mut right, mut verbatim) = (String::new(), String::new());
        let mut found = false;
        for (position, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => {
                    let is_last = position + 1 == self.parts.len();
                    let kept = text.strip_suffix('$').filter(|_| !is_last);
                    found |= kept.is_some();
                    right.push_str(&escaped(kept.unwrap_or(text)));
                    verbatim.push_str(&escaped(text));
                }
                Part::Field(name) => {
                    right.push_str(&format!("{{{name}}}"));
                    let is_shell = verbatim.ends_with('$');
                    verbatim.push_str(&if is_shell {
                        format!("{{{{{name}}}}}")
                    } else {
                        format!("{{{name}}}")
                    });
                }
            }
        }
        found.then_some((right, verbatim))
    }

    /// The template with other literal texts, where `other` has one; its references stay.
    #[must_use]
    pub fn with_texts(&self, other: impl Fn(&str) -> Option<String>) -> Self {
        let mut parts = self.parts.clone();
        let mut source = String::new();
        for part in &mut parts {
            match part {
                Part::Text(text) => {
                    *text = other(text).unwrap_or_else(|| std::mem::take(text));
                    source.push_str(&escaped(text));
                }
                Part::Field(name) => source.push_str(&format!("{{{name}}}")),
            }
        }
        parts.retain(|part| *part != Part::Text(String::new()));
        Self { source, parts }
    }

    /// The text with each reference replaced; `None` where `value_of` has none for a field.
    ///
    /// Stops soon after `limit` bytes, so that a hostile template cannot grow without bound: a
    /// result longer than `limit` says only that it is too long.
    pub fn expand(
        &self,
        limit: usize,
        mut value_of: impl FnMut(&str) -> Option<String>,
    ) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Field(name) => text.push_str(&value_of(name)?),
            }
            if text.len() > limit {
                break;
            }
        }
        Some(text)
    }
}

/// A literal text as a template has it.
fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}
