//! Errors in a schema, each shown with its place in the file.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::words::{is_hidden, shown};

/// Errors that are shown: each shows its line, for which the whole file is looked through.
const MOST_SHOWN: usize = 50;

/// One error in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The error, as a headline: "`vresion` is not a key of a field".
    pub message: String,
    /// The offending text, in bytes of the file.
    pub span: Range<usize>,
    /// The words under the caret; may be empty.
    pub label: String,
    /// The way out; may be empty.
    pub help: String,
}

impl Diagnostic {
    /// A diagnostic without a label.
    pub fn new(message: impl Into<String>, span: Range<usize>, help: impl Into<String>) -> Self {
        let (message, help) = (shown(&message.into()), shown(&help.into()));
        Self { message, span, label: String::new(), help }
    }

    /// Says something under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = shown(&label.into());
        self
    }
}

/// All errors in one schema file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    path: String,
    /// Each section has its own errors of one file.
    source: Arc<str>,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The diagnostics of the file `path`, which has the content `source`.
    pub(crate) fn new(path: &str, source: &Arc<str>, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.span.start);
        Self { path: shown(path), source: Arc::clone(source), list }
    }

    /// Each of them.
    #[must_use]
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The text to show: for each error, its headline, `file:line:column`, the line with a caret under
    /// the offending text, and the way out. Of very many, the first, and how many more there are.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let source: String = self.source.chars().map(visible).collect();
        let shown = self.list.iter().take(MOST_SHOWN).map(|diagnostic| {
            let start = visible_length(&self.source, diagnostic.span.start);
            let end = visible_length(&self.source, diagnostic.span.end).max(start);
            let annotation = AnnotationKind::Primary.span(start..end).label(&diagnostic.label);
            let snippet = Snippet::source(&source).path(&self.path).annotation(annotation);
            let mut group = Level::ERROR.primary_title(&diagnostic.message).element(snippet);
            if !diagnostic.help.is_empty() {
                group = group.element(Level::HELP.message(&diagnostic.help));
            }
            renderer.render(&[group])
        });
        let more = self.list.len().checked_sub(MOST_SHOWN).filter(|&more| more > 0);
        let more =
            more.map(|more| format!("… and {more} more, which are shown once these are mended"));
        shown.chain(more).collect::<Vec<_>>().join("\n\n")
    }
}

/// A character of a file as it is shown: one that a terminal would obey or hide is replaced, so that
/// columns stay. Those of ASCII are replaced by the renderer, each by a picture of it.
fn visible(each: char) -> char {
    if is_hidden(each) && !each.is_ascii() { char::REPLACEMENT_CHARACTER } else { each }
}

/// The length of the first `end` bytes of a text as it is shown.
fn visible_length(text: &str, end: usize) -> usize {
    let before = text.char_indices().take_while(|(at, _)| *at < end);
    before.map(|(_, each)| visible(each).len_utf8()).sum()
}
