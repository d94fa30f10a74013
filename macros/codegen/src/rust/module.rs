//! A module's tokens.

use std::collections::HashMap;

use postlink_format::{State, Type, VALUES_OFFSET, ValueHeader};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use crate::derivation::required_fields;
use crate::diagnostic::Diagnostics;
use crate::encoding::without_zeros;
use crate::evaluate::Given;
use crate::layout::Layout;
use crate::model::{Field, Owner, Section, Shape};
use crate::names::{MACHO_SECTION, PE_SECTION, record_symbol, upper_camel};
use crate::value::Problem;

/// The reason why a section has no Rust code.
#[derive(Clone, Debug)]
pub enum Unfit {
    /// The schema does not say who owns the section. C++ would, and a program without the C++ half
    /// would end in a linker's words.
    Owner(Diagnostics),
    /// The defaults do not fit together: a derived one may have become too long when another was
    /// replaced.
    Defaults(Vec<Problem>),
}

/// The place where a module's tokens stand.
#[derive(Clone, Debug)]
pub struct Site {
    /// The path of the crate `postlink`.
    pub postlink: TokenStream,
    /// The place of the schema's name: of all that is not one field's.
    pub schema: Span,
    /// The places of the names of fields that are named there, by section and field.
    pub fields: HashMap<(String, String), Span>,
}

impl Site {
    /// A file of its own.
    #[must_use]
    pub fn file() -> Self {
        Self { postlink: quote!(::postlink), schema: Span::call_site(), fields: HashMap::new() }
    }

    /// The names of a field's items: they lead to the field where it is named, or to the schema.
    fn name(&self, section: &str, field: &str, name: &str) -> Ident {
        let key = (section.to_owned(), field.to_owned());
        Ident::new(name, self.fields.get(&key).copied().unwrap_or(self.schema))
    }
}

/// A Rust module of the section's name, with functions for each field, and the record itself where
/// Rust owns it. `more` are further items of the module.
///
/// # Errors
/// See [`Unfit`].
pub fn module(section: &Section, site: &Site, more: TokenStream) -> Result<TokenStream, Unfit> {
    if let Some(unsaid) = &section.owner_unsaid {
        return Err(Unfit::Owner(unsaid.clone()));
    }
    let shape = &section.shape;
    let layout = shape.layout();
    let record = match section.owner {
        Owner::Rust => definition(section, &layout).map_err(Unfit::Defaults)?,
        Owner::Cpp => import(shape, &layout),
    };
    let required = required_fields(shape);
    let places = shape.fields.iter().enumerate().map(|(position, field)| {
        let needed = required[position].unwrap_or(&field.name);
        place(&shape.name, field, needed, (layout.states[position], layout.values[position]))
    });
    let count = Literal::usize_unsuffixed(shape.fields.len());
    let accessors = shape.fields.iter().enumerate();
    let accessors = accessors
        .map(|(position, field)| accessor(&shape.name, field, position, required[position], site));
    let docs = docs(&section.doc, &format!("The values of section `{}`.", shape.name));
    let name = Ident::new(&shape.name, site.schema);
    let end = Literal::u32_unsuffixed(layout.fields_offset);
    let postlink = &site.postlink;
    Ok(quote! {
        #docs
        pub mod #name {
            use #postlink as postlink;

            #record

            static POSTLINK_FIELDS: [postlink::generated::Place; #count] = [#(#places),*];

            /// Whether the file that carries the record was filled after it was linked.
            #[must_use]
            pub fn is_specialized() -> bool {
                postlink::generated::is_specialized(POSTLINK_RECORD.read(), #end)
            }

            /// All fields, in the order of the schema.
            #[must_use]
            pub fn fields() -> postlink::Fields {
                postlink::generated::fields(POSTLINK_RECORD.read(), &POSTLINK_FIELDS)
            }

            #(#accessors)*
            #more
        }
    })
}

/// The static that holds the record's bytes: in its section, kept, and hidden.
fn definition(section: &Section, layout: &Layout) -> Result<TokenStream, Vec<Problem>> {
    let shape = &section.shape;
    let values = shape.evaluate(&Given::new())?;
    let record = shape.record(State::Generated, &values);
    let states = VALUES_OFFSET + size_of::<ValueHeader>() as u32;
    let mut starts = vec![0, VALUES_OFFSET, states];
    starts.extend(&layout.values);
    starts.extend([layout.fields_offset, record.len() as u32]);
    let parts = starts.windows(2).filter_map(|pair| {
        let used = without_zeros(&record[pair[0] as usize..pair[1] as usize]);
        let (start, bytes) = (Literal::u32_unsuffixed(pair[0]), Literal::byte_string(used));
        (!used.is_empty()).then(|| quote!((#start, #bytes)))
    });
    let symbol = record_symbol(shape);
    let elf = &section.elf;
    let hidden = format!(".hidden {symbol}");
    let size = Literal::usize_unsuffixed(record.len());
    Ok(quote! {
        /// The record. Its symbol is hidden: each library reads its own, whoever else carries one
        /// of this name.
        #[used]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = #MACHO_SECTION))]
        #[cfg_attr(windows, unsafe(link_section = #PE_SECTION))]
        #[cfg_attr(
            not(any(target_vendor = "apple", windows)),
            unsafe(link_section = #elf)
        )]
        #[unsafe(export_name = #symbol)]
        static POSTLINK_RECORD: postlink::generated::Bytes<#size> =
            postlink::generated::Bytes::new(&[#(#parts),*]);

        #[cfg(not(any(target_vendor = "apple", windows)))]
        ::core::arch::global_asm!(#hidden);
    })
}

/// The record's bytes are defined by the C++ half.
fn import(shape: &Shape, layout: &Layout) -> TokenStream {
    let symbol = record_symbol(shape);
    let size = Literal::u32_unsuffixed(layout.fields_offset);
    quote! {
        unsafe extern "C" {
            /// The record's bytes are defined by the C++ half.
            #[link_name = #symbol]
            safe static POSTLINK_RECORD: postlink::generated::Bytes<#size>;
        }
    }
}

/// Documentation, a line an attribute; without any, what can be said all the same.
fn docs(doc: &str, otherwise: &str) -> TokenStream {
    let doc = if doc.trim().is_empty() { otherwise } else { doc };
    // Indented text would be code to rustdoc, and compiled as a test.
    let lines = doc.trim_end().lines().map(str::trim);
    let lines = lines.map(|line| if line.is_empty() { String::new() } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}

fn place(section: &str, field: &Field, needed: &str, (state, value): (u32, u32)) -> TokenStream {
    let Field { name, ty, capacity, .. } = field;
    let ty = format_ident!("{}", format!("{ty:?}"));
    let names: &[String] = if field.ty == Type::Enum { &field.choices } else { &[] };
    let [state, value, capacity] = [state, value, *capacity].map(Literal::u32_unsuffixed);
    quote! {
        postlink::generated::Place {
            section: #section,
            field: #name,
            needed: #needed,
            ty: postlink::generated::Type::#ty,
            names: &[#(#names),*],
            state: #state,
            value: #value,
            capacity: #capacity,
        }
    }
}

fn accessor(
    section: &str,
    field: &Field,
    position: usize,
    required: Option<&str>,
    site: &Site,
) -> TokenStream {
    let position = Literal::usize_unsuffixed(position);
    let call = |function: &str| {
        let function = format_ident!("{function}");
        quote!(postlink::generated::#function(POSTLINK_RECORD.read(), &POSTLINK_FIELDS[#position]))
    };
    let name = site.name(section, &field.name, &field.name);
    let try_name = site.name(section, &field.name, &format!("try_{name}"));
    let (number, mut choices) = (call("number"), TokenStream::new());
    let (returns, found) = match field.ty {
        Type::String | Type::Path => (quote!(&'static str), call("text")),
        Type::Bytes => (quote!(&'static [u8]), call("bytes")),
        Type::StringList | Type::PathList => (quote!(postlink::List), call("list")),
        Type::Bool => (quote!(bool), call("boolean")),
        Type::Enum => {
            let ty = site.name(section, &field.name, &upper_camel(&field.name));
            let call = call("choice");
            choices = enumeration(field, &ty);
            let values = enum_values(field, &ty);
            let values = quote!(const VALUES: &[#ty] = &[#(#ty::#values),*];);
            (quote!(#ty), quote!(#values #call.map(|position| VALUES[position as usize])))
        }
        ty => {
            let ty = format_ident!("{}", ty.name());
            (quote!(#ty), quote!(#number.map(#ty::from_le_bytes)))
        }
    };
    let docs = docs(&field.doc, &format!("The value of field `{name}`."));
    let panics = required.map(|required| {
        let why = format!(" Where the file was not filled: `{required}` is required.");
        quote!(#[doc = ""] #[doc = " # Panics"] #[doc = #why])
    });
    let try_doc = format!(" The same as [`{name}`], but for what happens where there is no value.");
    quote! {
        #choices

        #docs
        #panics
        #[must_use]
        #[track_caller]
        pub fn #name() -> #returns {
            match #try_name() {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(error) => postlink::generated::stop(error),
            }
        }

        #[doc = #try_doc]
        ///
        /// # Errors
        /// The field has no value because the file was not filled, or the record is damaged.
        pub fn #try_name() -> ::core::result::Result<#returns, postlink::Error> {
            #found
        }
    }
}

/// The type of an enum's values.
fn enumeration(field: &Field, ty: &Ident) -> TokenStream {
    let doc = format!(" The values of [`{}`].", field.name);
    let docs = field.choices.iter().map(|choice| format!(" `{choice}`"));
    let values = enum_values(field, ty);
    let codes = (0..field.choices.len()).map(Literal::usize_unsuffixed);
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum #ty {
            #(#[doc = #docs] #values = #codes),*
        }
    }
}

/// The names of an enum's values.
fn enum_values(field: &Field, ty: &Ident) -> Vec<Ident> {
    let names = field.choices.iter().map(|choice| Ident::new(&upper_camel(choice), ty.span()));
    names.collect()
}
