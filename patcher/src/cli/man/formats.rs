//! The pages of the formats: of schemas, and of records.

use std::fmt::Write;

use clap_mangen::roff::{Roff, bold, roman};
use postlink_codegen::{FIELD_KEYS, MAX_CAPACITY, MAX_FIELDS, SECTION_KEYS, SchemaKey};
use postlink_format::SPECIFICATION;

use super::{DATE, Page, assembled, markdown, see_also};

/// The pages, of the program and version `source`.
pub(super) fn pages(source: &str) -> [Page; 2] {
    [schema(source), record(source)]
}

/// The page `NAME(5)` with this sentence about it.
fn page(source: &str, name: &str, about: &str, body: &str, others: &[&str]) -> Page {
    let mut roff = Roff::new();
    roff.control("TH", [&*name.to_uppercase(), "5", DATE, source, "postlink"]);
    roff.control("SH", ["NAME"]).text([bold(name), roman(format!(" - {about}"))]);
    markdown::render(&mut roff, body);
    see_also(&mut roff, &others.iter().map(|&other| other.to_owned()).collect::<Vec<_>>());
    // By its first line, man knows that a page has tables.
    let text = format!("'\\\" t\n{}", assembled(&[roff.render()]));
    Page { file: format!("{name}.5"), text }
}

const SCHEMA: &str = "
## Synopsis
`schema.toml`

## Description
A schema declares values that are known only after a program is built. It is a file of TOML 1.0, in UTF-8. It has
one or more sections. `[section.NAME]` declares a section, and `[section.NAME.field.FIELD]` declares a field of it.

**postlink generate** and the Rust macro **postlink::schema!** make accessors from it, and a record, which holds the
values and describes them: see **postlink-record**(5). Everything that is wrong with a schema is told at once, each
fault with its line. Keys that are not listed here are refused.

Names of sections, fields and enums are ASCII letters, digits and `_`, with a letter first.
";

const EXAMPLE: &str = "
## Derived defaults
The default of a string, a path, or a list's item may refer to other fields: `{prefix}/share`. It then follows them,
also when the file is filled, unless the field is set itself. Fields of lists and bytes cannot be referred to, and no
field follows itself.

A field without a default needs `required = true`. A program that reads it before it is filled stops, and says which
field it is.

## Examples
A version, a path that every fill gives, and a folder below it:

```toml
[section.app]
exported = true

[section.app.field.version]
type = \"string\"
capacity = 64
default = \"0.0.0-unspecialized\"

[section.app.field.prefix]
type = \"path\"
capacity = 512
required = true

[section.app.field.data_dir]
type = \"path\"
capacity = 512
default = \"{prefix}/share/app\"

[section.app.field.channel]
type = \"enum\"
names = [\"stable\", \"beta\"]
default = \"stable\"
```
";

fn schema(source: &str) -> Page {
    let mut body = SCHEMA.to_owned();
    let _ = writeln!(
        body,
        "A section has 1 to {MAX_FIELDS} fields; `capacity` and `max_items` are 1 to {MAX_CAPACITY}.\n"
    );
    keys(&mut body, "Keys of a section", SECTION_KEYS);
    keys(&mut body, "Keys of a field", FIELD_KEYS);
    body += EXAMPLE;
    let others = ["postlink(1)", "postlink-generate(1)", "postlink-fill(1)", "postlink-record(5)"];
    page(
        source,
        "postlink-schema",
        "the declaration of values that are filled in later",
        &body,
        &others,
    )
}

fn keys(body: &mut String, heading: &str, keys: &[SchemaKey]) {
    let _ = writeln!(body, "## {heading}");
    for key in keys {
        let _ = writeln!(body, "**{}**\n: {}\n", key.name, key.meaning);
    }
}

fn record(source: &str) -> Page {
    let body = SPECIFICATION.split_once('\n').map_or("", |(_, body)| body);
    let body = format!("## Description\n{body}");
    let others = ["postlink(1)", "postlink-inspect(1)", "postlink-schema(5)", "elf(5)"];
    page(
        source,
        "postlink-record",
        "the bytes that hold declared values in a program",
        &body,
        &others,
    )
}
