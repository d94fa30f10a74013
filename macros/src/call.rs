//! The call: the schema's path, and the defaults that are replaced.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Lit, LitBool, LitInt, LitStr, Result, Token, bracketed, parenthesized, token};

/// The arguments of the macro.
pub(crate) struct Call {
    /// The path of the crate `postlink`.
    pub(crate) postlink: TokenStream,
    /// The path of the schema.
    pub(crate) path: LitStr,
    pub(crate) defaults: Vec<Default>,
    /// All that is wrong with the arguments behind the path.
    pub(crate) wrong: Vec<Error>,
    /// The environment variables that defaults are from.
    pub(crate) variables: Vec<String>,
}

/// `FIELD = VALUE` or `SECTION.FIELD = VALUE`.
pub(crate) struct Default {
    pub(crate) section: Option<Ident>,
    pub(crate) field: Ident,
    pub(crate) given: Given,
    /// Those of the value: what errors about it point at.
    pub(crate) tokens: TokenStream,
}

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
        let values = match &self.given {
            Given::One(value) => std::slice::from_ref(value),
            // As on the command line, one empty text is the empty list.
            Given::List(items) if items.is_empty() => &[String::new()],
            Given::List(items) => items.as_slice(),
        };
        let option = |value: &String| format!(" --default {}={value}", self.field);
        values.iter().map(option).collect()
    }

    /// `FIELD` or `SECTION.FIELD`: what errors about the name point at.
    pub(crate) fn name_span(&self) -> Span {
        self.section.as_ref().unwrap_or(&self.field).span()
    }
}

const VALUE: &str = "a literal, `env!(\"NAME\")` or `concat!(…)`";

/// The error at the next token, or at the end.
fn expected(input: ParseStream<'_>, expected: &str) -> Error {
    input.error(format!(
        "expected {expected}, as in `schema!(\"schema.toml\", version = env!(\"CARGO_PKG_VERSION\"))`"
    ))
}

/// The same, but at the end: there the error is at what stands before.
fn expected_behind(before: &Ident, input: ParseStream<'_>, what: &str) -> Error {
    let error = expected(input, what);
    if input.is_empty() { Error::new(before.span(), error) } else { error }
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let postlink;
        parenthesized!(postlink in input);
        let ahead = input.fork();
        let path = input.parse();
        let mut call = Self {
            postlink: postlink.parse()?,
            path: path.map_err(|_| expected(&ahead, "the path of a schema, in quotes"))?,
            defaults: Vec::new(),
            wrong: Vec::new(),
            variables: Vec::new(),
        };
        while !input.is_empty() {
            // What is wrong with one argument does not hide what is wrong with the next.
            if let Err(error) = call.argument(input) {
                call.wrong.push(error);
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
            }
        }
        Ok(call)
    }
}

impl Call {
    /// A comma, and the argument behind it, if there is one.
    fn argument(&mut self, input: ParseStream<'_>) -> Result<()> {
        input.parse::<Token![,]>().map_err(|_| expected(input, "`,`"))?;
        if input.is_empty() {
            return Ok(());
        }
        // A raw identifier is the same name.
        let name = || {
            Ident::parse_any(input)
                .map(|name| name.unraw())
                .map_err(|_| expected(input, "the name of a field"))
        };
        let first = name()?;
        let (section, field) = match input.parse::<Option<Token![.]>>()? {
            Some(_) => (Some(first), name()?),
            None => (None, first),
        };
        input.parse::<Token![=]>().map_err(|_| expected_behind(&field, input, "`=`"))?;
        let ahead = input.fork();
        let given = if input.peek(token::Bracket) {
            let items;
            bracketed!(items in input);
            Given::List(self.values(&items)?)
        } else {
            Given::One(self.value(input)?)
        };
        let mut tokens = TokenStream::new();
        while ahead.cursor() != input.cursor() && !ahead.is_empty() {
            tokens.extend([ahead.parse::<TokenTree>()?]);
        }
        self.defaults.push(Default { section, field, given, tokens });
        Ok(())
    }

    /// Values with commas between them.
    fn values(&mut self, input: ParseStream<'_>) -> Result<Vec<String>> {
        let mut values = Vec::new();
        while !input.is_empty() {
            values.push(self.value(input)?);
            if !input.is_empty() {
                input.parse::<Token![,]>().map_err(|_| expected(input, "`,`"))?;
            }
        }
        Ok(values)
    }

    /// The text of a literal, of `env!` or of `concat!`.
    fn value(&mut self, input: ParseStream<'_>) -> Result<String> {
        if input.parse::<Option<Token![-]>>()?.is_some() {
            let ahead = input.fork();
            let number: LitInt = input.parse().map_err(|_| expected(&ahead, "an integer"))?;
            return Ok(format!("-{}", number.base10_digits()));
        }
        if input.peek(LitBool) {
            return Ok(input.parse::<LitBool>()?.value.to_string());
        }
        if input.peek(Lit) {
            let ahead = input.fork();
            return match input.parse()? {
                Lit::Str(text) if text.suffix().is_empty() => Ok(text.value()),
                Lit::Int(number) => Ok(number.base10_digits().to_owned()),
                _ => Err(expected(&ahead, VALUE)),
            };
        }
        self.macro_call(input)
    }

    /// `env!(…)` or `concat!(…)`: the compiler does not expand them before it calls us.
    fn macro_call(&mut self, input: ParseStream<'_>) -> Result<String> {
        let ahead = input.fork();
        let name: Ident = input.parse().map_err(|_| expected(input, VALUE))?;
        if (name != "env" && name != "concat") || !input.peek(Token![!]) {
            return Err(expected(&ahead, VALUE));
        }
        input.parse::<Token![!]>()?;
        let arguments;
        parenthesized!(arguments in input);
        let values = self.values(&arguments)?;
        match (name == "env", values.as_slice()) {
            (false, parts) => Ok(parts.concat()),
            (true, [variable]) => self.variable(&name, variable, None),
            (true, [variable, message]) => self.variable(&name, variable, Some(message)),
            (true, _) => Err(expected(&ahead, "`env!(\"NAME\")`")),
        }
    }

    /// The value of an environment variable; `message` is what `env!` says where there is none.
    fn variable(&mut self, at: &Ident, name: &str, message: Option<&String>) -> Result<String> {
        let value = std::env::var(name).map_err(|_| {
            let otherwise = || format!("environment variable `{name}` is not set, or not UTF-8");
            Error::new(at.span(), message.cloned().unwrap_or_else(otherwise))
        })?;
        self.variables.push(name.to_owned());
        Ok(value)
    }
}
