//! The macro of postlink. Use it as `postlink::schema!`.
#![forbid(unsafe_code)]

mod arguments;

use std::path::PathBuf;
use std::str::FromStr;

use postlink_codegen::{Literal, Owner, Problem, Schema, Section, cpp, rust};
use proc_macro::{Span, TokenStream};

use arguments::{Arguments, Default, Given};

/// An error, and its place in the call.
struct Wrong {
    message: String,
    span: Span,
}

/// Accessors from a schema: a module for each of its sections, with one function a field.
///
/// `postlink::schema!("schema.toml")` reads the file, whose path is relative to the folder of the
/// crate's `Cargo.toml`. Where Rust owns the section, defaults can be replaced:
/// `schema!("schema.toml", version = env!("CARGO_PKG_VERSION"))`; a value is a literal, an array of
/// literals, `env!`, or `concat!` of these; where the schema has several sections, `SECTION.FIELD`
/// names the field. Where C++ owns it, the defaults are those of the generated C++ source.
///
/// The crate must have postlink under this name, and where Rust owns a section, one crate of a
/// program calls the macro for it: a second record of the same section does not link.
///
/// Each module also has the C++ text, as constants: `CPP_HEADER`, to be written to a file named
/// `SECTION.gen.hh`, and `CPP_SOURCE`, which includes it.
#[proc_macro]
pub fn schema(input: TokenStream) -> TokenStream {
    expand(input).unwrap_or_else(|wrong| {
        let error = format!("::core::compile_error!{{{:?}}}", wrong.message);
        let error = TokenStream::from_str(&error).unwrap_or_default();
        error.into_iter().map(|token| at(token, wrong.span)).collect()
    })
}

/// A token, and all in it, at another place.
fn at(mut token: proc_macro::TokenTree, span: Span) -> proc_macro::TokenTree {
    if let proc_macro::TokenTree::Group(group) = &token {
        let inner = group.stream().into_iter().map(|token| at(token, span)).collect();
        token = proc_macro::Group::new(group.delimiter(), inner).into();
    }
    token.set_span(span);
    token
}

fn expand(input: TokenStream) -> Result<TokenStream, Wrong> {
    let Arguments { path, path_span, defaults, variables } = arguments::parse(input)?;
    let wrong = |message: String| Wrong { message, span: path_span };
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    // `include_bytes!` below would take a relative path as relative to the source file.
    let file = std::path::absolute(PathBuf::from(folder).join(&path));
    let file = file.map_err(|error| wrong(format!("cannot find the schema {path}: {error}")))?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| wrong(format!("cannot read the schema {}: {error}", file.display())))?;
    let schema = Schema::parse(&path, &text);
    let mut schema = schema.map_err(|diagnostics| {
        wrong(format!("the schema has errors\n{}", diagnostics.render(false)))
    })?;
    let mut replaced = Vec::new();
    for default in &defaults {
        let refuse = |message: String| Wrong { message, span: default.span };
        let section = schema.section(default.section.as_deref()).map_err(|message| {
            refuse(format!("{message}\nhelp: name the section: `SECTION.{} = …`", default.field))
        })?;
        let name = section.shape.name.clone();
        if replaced.contains(&(name.clone(), &default.field)) {
            return Err(refuse(format!("`{}` is given twice", default.field)));
        }
        for section in schema.sections.iter_mut().filter(|section| section.shape.name == name) {
            replace_default(section, default).map_err(|problem| refuse(told(&problem)))?;
        }
        replaced.push((name, &default.field));
    }
    let mut code = code(&schema).map_err(&wrong)?;
    // The crate is compiled again when the schema, or a variable that a default is from, changes.
    let tracked =
        file.to_str().ok_or_else(|| wrong("the path of the schema is not UTF-8".into()))?;
    code += &format!("const _: &[u8] = ::core::include_bytes!({tracked:?});");
    for variable in variables {
        code +=
            &format!("const _: ::core::option::Option<&str> = ::core::option_env!({variable:?});");
    }
    TokenStream::from_str(&code).map_err(|error| wrong(error.to_string()))
}

/// Gives a field the default that stands in the call.
fn replace_default(section: &mut Section, default: &Default) -> Result<(), Problem> {
    let name = section.shape.name.clone();
    let owner = section.owner;
    section.replace_default(&default.field, |field| {
        // The Rust module only imports the record: its defaults are in the generated C++ source.
        if owner == Owner::Cpp {
            return Err(field.problem(
                format!("C++ owns section `{name}`, and with it the defaults"),
                format!(
                    "give the default where the C++ source is generated: postlink generate{}; or set `owner = \"rust\"` in the section",
                    default.options()
                ),
            ));
        }
        match &default.value {
            Given::One(text) if !field.ty.is_list() => field.value_of_texts(&[text]),
            Given::One(_) => Err(field.problem("one value is given for a list", "give an array: `[…]`")),
            Given::List(items) => field.value_of_literal(&Literal::List(
                items.iter().cloned().map(Literal::Text).collect(),
            )),
        }
    })
}

fn told(problem: &Problem) -> String {
    format!("{problem}\nhelp: {}", problem.help)
}

/// The modules of all sections: what `postlink generate --out-rust` writes, and the C++ text.
fn code(schema: &Schema) -> Result<String, String> {
    let list = |problems: Vec<Problem>| {
        let problems: Vec<String> = problems.iter().map(told).collect();
        problems.join("\n")
    };
    let modules = schema.sections.iter().map(|section| {
        let include = format!("{}.gen.hh", section.shape.name);
        let source = cpp::source(section, &include).map_err(list)?;
        let header = cpp::header(section);
        let constants = format!(
            "
    /// The C++ header, to be written to a file `{include}`.
    pub const CPP_HEADER: &str = {header:?};
    /// The C++ source, which includes `{include}`.
    pub const CPP_SOURCE: &str = {source:?};
"
        );
        rust::module(section, &constants).map_err(list)
    });
    modules.collect()
}

#[cfg(test)]
mod tests {
    use postlink_codegen::{Schema, rust};

    /// Accessors and record are to the letter those that `generate --out-rust` writes.
    #[test]
    fn the_macro_gives_what_the_command_writes() {
        let text = include_str!("../../schema.toml").replace("required = true", "default = '/'");
        for owner in ["cpp", "rust"] {
            let text = text.replace("owner = \"cpp\"", &format!("owner = \"{owner}\""));
            let schema = Schema::parse("schema.toml", &text).expect("a right schema");
            let code = super::code(&schema).expect("code");
            let (accessors, constants) =
                code.split_once("\n    /// The C++ header").expect("constants");
            assert!(constants.contains("pub const CPP_SOURCE"));
            let file = rust::file(&schema.sections[0]).expect("a file");
            assert!(file.ends_with(&format!("{accessors}}}\n")), "{owner}");
        }
    }
}
