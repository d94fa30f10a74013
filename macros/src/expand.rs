//! The code that a call stands for.

use std::collections::HashMap;
use std::path::PathBuf;

use postlink_codegen::rust::{self, Site, Unfit};
use postlink_codegen::{Literal, Owner, Problem, Schema, Section, cpp};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, LitStr, Result};

use crate::call::{Call, Default, Given};

/// The modules of all sections.
pub(crate) fn modules(call: Call) -> Result<TokenStream> {
    let Call { postlink, path, defaults, wrong, variables } = call;
    let (file, schema) = match read(&path) {
        Ok(read) => read,
        Err(error) => return Err(together(wrong, error)),
    };
    let schema = replace_defaults(schema, &defaults, wrong)?;
    let here = |span: Span| Span::call_site().located_at(span);
    let fields = defaults.iter().filter_map(|default| {
        let section = default.section.as_ref().map(ToString::to_string);
        let section = schema.section(section.as_deref()).ok()?;
        Some(((section.shape.name.clone(), default.field.to_string()), here(default.field.span())))
    });
    let site = Site { postlink, schema: here(path.span()), fields: fields.collect() };
    let modules = code(&schema, &site).map_err(|message| Error::new_spanned(&path, message))?;
    // The crate is compiled again when the schema, or a variable that a default is from, changes.
    // The schema's path stands where the user wrote it: an editor opens the file from there.
    let file = LitStr::new(&file, path.span());
    let once = schema.sections.iter().filter(|section| section.owner == Owner::Rust);
    let once = once.map(|section| only_once(section, site.schema));
    Ok(quote! {
        #modules
        #(#once)*
        const _: &[u8] = ::core::include_bytes!(#file);
        #(const _: ::core::option::Option<&str> = ::core::option_env!(#variables);)*
    })
}

/// The path of the schema as the compiler opens it, and the schema.
fn read(path: &LitStr) -> Result<(String, Schema)> {
    let wrong = |message: String| Error::new_spanned(path, message);
    let name = path.value();
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    // `include_bytes!` would take a relative path as relative to the source file.
    let file = std::path::absolute(PathBuf::from(folder).join(&name));
    let file = file.map_err(|error| wrong(format!("cannot find the schema {name}: {error}")))?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| wrong(format!("cannot read the schema {}: {error}\nhelp: its path is relative to the folder of the crate's Cargo.toml", file.display())))?;
    let schema = Schema::parse(&name, &text);
    let schema = schema.map_err(|diagnostics| {
        wrong(format!("the schema has errors\n{}", diagnostics.render(false)))
    })?;
    let file = file.into_os_string().into_string();
    Ok((file.map_err(|_| wrong("the path of the schema is not UTF-8".into()))?, schema))
}

/// One error of all.
fn together(mut errors: Vec<Error>, last: Error) -> Error {
    errors.push(last);
    let all = errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    });
    all.expect("there is a last one")
}

/// The schema with the defaults of the call, unless something is wrong with them, or was before.
fn replace_defaults(
    mut schema: Schema,
    defaults: &[Default],
    mut wrong: Vec<Error>,
) -> Result<Schema> {
    let mut replaced: HashMap<(String, String), &Default> = HashMap::new();
    for default in defaults {
        let refuse = |message: String| Error::new(default.name_span(), message);
        let section = default.section.as_ref().map(ToString::to_string);
        let name = match schema.section(section.as_deref()) {
            Ok(section) => section.shape.name.clone(),
            Err(message) => {
                let help = format!("help: name the section: `SECTION.{} = …`", default.field);
                wrong.push(refuse(format!("{message}\n{help}")));
                continue;
            }
        };
        let key = (name.clone(), default.field.to_string());
        if replaced.insert(key, default).is_some() {
            wrong.push(refuse(format!("`{}` is given twice", default.field)));
            continue;
        }
        for section in schema.sections.iter_mut().filter(|section| section.shape.name == name) {
            wrong.extend(replace_default(section, default).err());
        }
    }
    match wrong.pop() {
        None => Ok(schema),
        Some(last) => Err(together(wrong, last)),
    }
}

/// Gives a field the default that stands in the call.
fn replace_default(section: &mut Section, default: &Default) -> Result<()> {
    let name = section.shape.name.clone();
    let owner = section.owner;
    let mut of_value = false;
    let replaced = section.replace_default(&default.field.to_string(), |field| {
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
        of_value = true;
        match &default.given {
            Given::One(text) if !field.ty.is_list() => field.value_of_texts(&[text]),
            Given::One(_) => Err(field.problem("one value is given for a list", "give an array: `[…]`")),
            Given::List(items) => field.value_of_literal(&Literal::List(
                items.iter().cloned().map(Literal::Text).collect(),
            )),
        }
    });
    replaced.map_err(|problem| match of_value {
        true => Error::new_spanned(&default.tokens, told(&problem)),
        false => Error::new(default.name_span(), told(&problem)),
    })
}

fn told(problem: &Problem) -> String {
    format!("{problem}\nhelp: {}", problem.help)
}

/// The modules of all sections: what `postlink generate --out-rust` writes, and the C++ text.
fn code(schema: &Schema, site: &Site) -> std::result::Result<TokenStream, String> {
    let list = |problems: Vec<Problem>| {
        let problems: Vec<String> = problems.iter().map(told).collect();
        problems.join("\n")
    };
    let modules = schema.sections.iter().map(|section| {
        let include = format!("{}.gen.hh", section.shape.name);
        let source = cpp::source(section, &include).map_err(list)?;
        let header = cpp::header(section);
        let header_doc = format!(" The C++ header, to be written to a file `{include}`.");
        let source_doc = format!(" The C++ source, which includes `{include}`.");
        let constants = quote! {
            #[doc = #header_doc]
            pub const CPP_HEADER: &str = #header;
            #[doc = #source_doc]
            pub const CPP_SOURCE: &str = #source;
        };
        rust::module(section, site, constants).map_err(|unfit| match unfit {
            Unfit::Owner(unsaid) => format!("the schema has an error\n{}", unsaid.render(false)),
            Unfit::Defaults(problems) => list(problems),
        })
    });
    modules.collect()
}

/// An item whose name can be there once in a crate: a second record of a section would not link, and
/// the linker does not say why.
fn only_once(section: &Section, at: Span) -> TokenStream {
    let name = format_ident!("postlink_section_{}_can_be_in_one_module_only", section.shape.name);
    quote_spanned! { at =>
        #[doc(hidden)]
        // The call may stand in a function.
        #[allow(non_local_definitions)]
        #[macro_export]
        macro_rules! #name { () => {}; }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accessors and record are to the token those that `generate --out-rust` writes.
    #[test]
    fn the_macro_gives_what_the_command_writes() {
        let text = include_str!("../schema.toml");
        for owner in ["cpp", "rust"] {
            let text = text.replace("owner = \"rust\"", &format!("owner = \"{owner}\""));
            let schema = Schema::parse("schema.toml", &text).expect("a right schema");
            let tokens = code(&schema, &Site::file()).expect("code");
            let mut module: syn::ItemMod = syn::parse2(tokens).expect("a module");
            let (_, items) = module.content.as_mut().expect("its items");
            let is_text = |item: &syn::Item| matches!(item, syn::Item::Const(item) if item.ident.to_string().starts_with("CPP_"));
            assert_eq!(items.extract_if(.., |item| is_text(item)).count(), 2);
            let file = rust::file(&schema.sections[0]).expect("a file");
            assert_eq!(rust::print("app", quote!(#module)), file, "{owner}");
        }
    }
}
