#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod call;
mod expand;

/// See `postlink::schema!`, which passes its arguments on, behind its own crate's path in parentheses.
#[proc_macro]
pub fn schema(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let expanded = syn::parse(input).and_then(expand::modules);
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
