//! What stands in the call: the path, and the defaults that are replaced.

use litrs::Literal;
use proc_macro::{Delimiter, Span, TokenStream, TokenTree};

use crate::Wrong;

/// The arguments of the macro.
pub(crate) struct Arguments {
    pub(crate) path: String,
    pub(crate) path_span: Span,
    pub(crate) defaults: Vec<Default>,
    /// The environment variables that defaults are from.
    pub(crate) variables: Vec<String>,
}

/// `FIELD = VALUE` or `SECTION.FIELD = VALUE`.
pub(crate) struct Default {
    pub(crate) section: Option<String>,
    pub(crate) field: String,
    /// One text, or a list's items.
    pub(crate) values: Vec<String>,
    pub(crate) span: Span,
}

struct Parser {
    tokens: std::iter::Peekable<proc_macro::token_stream::IntoIter>,
    /// The last token's.
    span: Span,
    variables: Vec<String>,
}

pub(crate) fn parse(input: TokenStream) -> Result<Arguments, Wrong> {
    let mut parser = Parser::new(input, Span::call_site());
    let path_span = parser.peek_span();
    let path = parser.value()?;
    let mut defaults = Vec::new();
    while !parser.at_end() {
        parser.punctuation(',')?;
        if parser.at_end() {
            break;
        }
        let span = parser.peek_span();
        let first = parser.identifier()?;
        let (section, field) = if parser.next_is('.') {
            parser.punctuation('.')?;
            (Some(first), parser.identifier()?)
        } else {
            (None, first)
        };
        parser.punctuation('=')?;
        let values = parser.values()?;
        defaults.push(Default { section, field, values, span });
    }
    Ok(Arguments { path, path_span, defaults, variables: parser.variables })
}

impl Parser {
    fn new(input: TokenStream, span: Span) -> Self {
        Self { tokens: input.into_iter().peekable(), span, variables: Vec::new() }
    }

    fn at_end(&mut self) -> bool {
        self.tokens.peek().is_none()
    }

    fn peek_span(&mut self) -> Span {
        self.tokens.peek().map_or(self.span, TokenTree::span)
    }

    fn next(&mut self) -> Option<TokenTree> {
        let token = self.tokens.next()?;
        self.span = token.span();
        Some(token)
    }

    fn wrong(&self, expected: &str) -> Wrong {
        Wrong {
            message: format!(
                "expected {expected}, as in `schema!(\"schema.toml\", version = env!(\"CARGO_PKG_VERSION\"))`"
            ),
            span: self.span,
        }
    }

    fn next_is(&mut self, punctuation: char) -> bool {
        matches!(self.tokens.peek(), Some(TokenTree::Punct(found)) if found.as_char() == punctuation)
    }

    fn punctuation(&mut self, expected: char) -> Result<(), Wrong> {
        match self.next() {
            Some(TokenTree::Punct(found)) if found.as_char() == expected => Ok(()),
            _ => Err(self.wrong(&format!("`{expected}`"))),
        }
    }

    fn identifier(&mut self) -> Result<String, Wrong> {
        match self.next() {
            Some(TokenTree::Ident(name)) => Ok(name.to_string()),
            _ => Err(self.wrong("the name of a field")),
        }
    }

    /// One value, or an array of values.
    fn values(&mut self) -> Result<Vec<String>, Wrong> {
        let Some(TokenTree::Group(group)) = self.tokens.peek() else {
            return Ok(vec![self.value()?]);
        };
        if group.delimiter() != Delimiter::Bracket {
            return Err(self.wrong("a value or an array of values"));
        }
        let tokens = group.stream();
        let mut values = self.list(tokens)?;
        // On a command line, one empty text is the empty list.
        if values.is_empty() {
            values.push(String::new());
        }
        self.next();
        Ok(values)
    }

    /// Values with commas between them.
    fn list(&mut self, tokens: TokenStream) -> Result<Vec<String>, Wrong> {
        let mut inner = Self::new(tokens, self.peek_span());
        let mut values = Vec::new();
        while !inner.at_end() {
            values.push(inner.value()?);
            if !inner.at_end() {
                inner.punctuation(',')?;
            }
        }
        self.variables.append(&mut inner.variables);
        Ok(values)
    }

    /// The text of a literal, of `env!` or of `concat!`.
    fn value(&mut self) -> Result<String, Wrong> {
        const EXPECTED: &str = "a literal, `env!(\"NAME\")` or `concat!(…)`";
        match self.next() {
            Some(TokenTree::Ident(name)) if name.to_string() == "true" => Ok("true".into()),
            Some(TokenTree::Ident(name)) if name.to_string() == "false" => Ok("false".into()),
            Some(TokenTree::Ident(name)) => self.call(&name.to_string()),
            Some(TokenTree::Punct(minus)) if minus.as_char() == '-' => {
                Ok(format!("-{}", self.value()?))
            }
            // What comes out of another macro may be in an invisible group.
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
                self.list(group.stream())?.pop().ok_or_else(|| self.wrong(EXPECTED))
            }
            Some(TokenTree::Literal(literal)) => match Literal::from(literal) {
                Literal::String(text) => Ok(text.value().to_owned()),
                Literal::Integer(number) => {
                    let value = number.value::<u128>().map(|value| value.to_string());
                    value.ok_or_else(|| self.wrong("an integer of at most 64 bits"))
                }
                _ => Err(self.wrong(EXPECTED)),
            },
            _ => Err(self.wrong(EXPECTED)),
        }
    }

    /// `env!(…)` or `concat!(…)`; the compiler does not expand them before it calls us.
    fn call(&mut self, name: &str) -> Result<String, Wrong> {
        let span = self.span;
        if !["env", "concat"].contains(&name) {
            return Err(self.wrong("a literal, `env!(\"NAME\")` or `concat!(…)`"));
        }
        self.punctuation('!')?;
        let Some(TokenTree::Group(group)) = self.next() else {
            return Err(self.wrong("arguments in parentheses"));
        };
        let values = self.list(group.stream())?;
        if name == "concat" {
            return Ok(values.concat());
        }
        let variable = values.first().cloned().unwrap_or_default();
        let value = std::env::var(&variable).map_err(|_| Wrong {
            message: format!("environment variable `{variable}` is not set, or not UTF-8"),
            span,
        })?;
        self.variables.push(variable);
        Ok(value)
    }
}
