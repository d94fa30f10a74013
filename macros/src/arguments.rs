//! The arguments of the call: the path, and the defaults that are replaced.

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
    pub(crate) value: Given,
    pub(crate) span: Span,
}

const EXPECTED: &str = "a literal, `env!(\"NAME\")` or `concat!(…)`";

/// A value behind the `=`.
pub(crate) enum Given {
    /// One value, as text.
    One(String),
    /// An array of strings.
    List(Vec<String>),
}

impl Default {
    /// The options of `postlink generate` that say the same.
    pub(crate) fn options(&self) -> String {
        let values = match &self.value {
            Given::One(value) => std::slice::from_ref(value),
            // As on the command line, one empty text is the empty list.
            Given::List(items) if items.is_empty() => &[String::new()],
            Given::List(items) => items.as_slice(),
        };
        let option = |value: &String| format!(" --default {}={value}", self.field);
        values.iter().map(option).collect()
    }
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
        let value = parser.one_or_list()?;
        defaults.push(Default { section, field, value, span });
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
    fn one_or_list(&mut self) -> Result<Given, Wrong> {
        match self.tokens.peek() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
                let tokens = group.stream();
                self.next();
                Ok(Given::List(self.list(tokens)?))
            }
            // The output of another macro may be in an invisible group.
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
                let mut inner = Self::new(group.stream(), group.span());
                self.next();
                let given = inner.one_or_list()?;
                self.variables.append(&mut inner.variables);
                if inner.at_end() { Ok(given) } else { Err(inner.wrong(EXPECTED)) }
            }
            _ => Ok(Given::One(self.value()?)),
        }
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
        match self.next() {
            Some(TokenTree::Ident(name)) if name.to_string() == "true" => Ok("true".into()),
            Some(TokenTree::Ident(name)) if name.to_string() == "false" => Ok("false".into()),
            Some(TokenTree::Ident(name)) => self.call(&name.to_string()),
            Some(TokenTree::Punct(minus)) if minus.as_char() == '-' => {
                let number = self.value()?;
                let digits = number.bytes().all(|byte| byte.is_ascii_digit());
                if digits { Ok(format!("-{number}")) } else { Err(self.wrong("an integer")) }
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
                let mut values = self.list(group.stream())?;
                let value = values.pop().filter(|_| values.is_empty());
                value.ok_or_else(|| self.wrong(EXPECTED))
            }
            Some(TokenTree::Literal(literal)) => match Literal::from(literal) {
                Literal::String(text) if text.suffix().is_empty() => Ok(text.value().to_owned()),
                Literal::Integer(number) => {
                    let value = number.value::<u128>().map(|value| value.to_string());
                    value.ok_or_else(|| self.wrong("an integer of at most 128 bits"))
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
            return Err(self.wrong(EXPECTED));
        }
        self.punctuation('!')?;
        let Some(TokenTree::Group(group)) = self.next() else {
            return Err(self.wrong("arguments in parentheses"));
        };
        let values = self.list(group.stream())?;
        if name == "concat" {
            return Ok(values.concat());
        }
        let (variable, message) = match values.as_slice() {
            [variable] => (variable, None),
            [variable, message] => (variable, Some(message)),
            _ => return Err(self.wrong("`env!(\"NAME\")`")),
        };
        let value = std::env::var(variable).map_err(|_| {
            let otherwise =
                || format!("environment variable `{variable}` is not set, or not UTF-8");
            Wrong { message: message.cloned().unwrap_or_else(otherwise), span }
        })?;
        self.variables.push(variable.clone());
        Ok(value)
    }
}
