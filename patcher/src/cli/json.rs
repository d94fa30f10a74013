//! The object that `--json` prints on standard output, also where a command is refused.

use std::path::Path;

use postlink_codegen::{Default, Evaluated, Field, Shape, Value, hex};
use serde::Serialize;
use serde_json::Value as Json;

use crate::error::Error;
use crate::shown::escaped;

/// The object of `fill` and `inspect`: the images, in the order in which they were named.
#[derive(Serialize)]
pub(super) struct ImagesJson {
    pub(super) images: Vec<ImageJson>,
}

/// One image.
#[derive(Default, Serialize)]
pub(super) struct ImageJson {
    /// The path that was given. Each path of JSON is as [`escaped`](crate::shown::escaped) writes it, which
    /// tells all names apart: JSON has no form for what is no UTF-8.
    pub(super) path: String,
    /// Where the filled file is (`fill` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<String>,
    /// `filled`, `unchanged` or `planned` (`fill` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<&'static str>,
    /// The new build-id, in hexadecimal digits (`fill --rewrite-build-id` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) build_id: Option<String>,
    /// Where the debug file is that has the same (`fill --debug-file` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) debug_file: Option<String>,
    /// Sentences about work that is left to the user (`fill` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warnings: Option<Vec<String>>,
    /// Its records; empty where it was refused.
    pub(super) records: Vec<RecordJson>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Refusal>,
}

/// A refusal.
#[derive(Serialize)]
pub(super) struct Refusal {
    /// The fault.
    message: String,
    /// The way out.
    help: String,
}

/// A record.
#[derive(Serialize)]
pub(super) struct RecordJson {
    /// The member of the archive that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<String>,
    /// The section's name in the schema.
    pub(super) section: String,
    /// The section as spelled in the file.
    pub(super) spelling: String,
    /// Where the record begins in the file, in bytes.
    pub(super) offset: u64,
    /// Its size, in bytes.
    pub(super) size: usize,
    /// 64 hexadecimal digits.
    pub(super) fingerprint: String,
    /// `generated` or `filled`.
    pub(super) state: &'static str,
    /// In the order of the schema.
    pub(super) fields: Vec<FieldJson>,
}

/// A field and its value. Keys that do not apply to the field are left out.
#[derive(Serialize)]
pub(super) struct FieldJson {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
    /// Most bytes of a value.
    capacity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_items: Option<u32>,
    required: bool,
    /// The default, if it is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Json>,
    /// The default, if it is derived: its text, or its texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    derived: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Json>,
    /// An enum's names, or the allowed values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Json>,
    /// Where the value usually comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// `unset`, `default`, `derived` or `set`.
    origin: &'static str,
    /// A string, a number, a boolean or an array; bytes as hexadecimal digits; `null` if unset.
    value: Json,
}

impl Refusal {
    pub(super) fn of(error: &Error) -> Self {
        Self { message: error.to_string(), help: error.help() }
    }
}

impl ImageJson {
    /// An image at this path, with the path of its output and of its debug file.
    pub(super) fn at(path: &Path, output: Option<&Path>, debug_file: Option<&Path>) -> Self {
        Self {
            path: escaped(path),
            output: output.map(escaped),
            debug_file: debug_file.map(escaped),
            ..Self::default()
        }
    }

    pub(super) fn refused(path: &Path, error: &Error) -> Self {
        Self { error: Some(Refusal::of(error)), ..Self::at(path, None, None) }
    }
}

/// The fields of a shape with their values.
pub(super) fn fields(shape: &Shape, values: &[Evaluated]) -> Vec<FieldJson> {
    shape.fields.iter().zip(values).map(|(field, value)| describe(field, value)).collect()
}

fn describe(field: &Field, evaluated: &Evaluated) -> FieldJson {
    let derived = |templates: &[postlink_codegen::Template]| {
        let sources: Vec<&str> = templates.iter().map(postlink_codegen::Template::source).collect();
        if field.ty.is_list() { Json::from(sources) } else { Json::from(sources.concat()) }
    };
    FieldJson {
        name: field.name.clone(),
        ty: field.ty.name(),
        capacity: field.capacity,
        max_items: field.ty.is_list().then_some(field.max_items),
        required: field.default.is_none(),
        default: match &field.default {
            Some(Default::Value(default)) => Some(value(field, default)),
            _ => None,
        },
        derived: match &field.default {
            Some(Default::Derived(templates)) => Some(derived(templates)),
            _ => None,
        },
        pattern: field.pattern.clone(),
        min: field.min.map(integer),
        max: field.max.map(integer),
        choices: field.choices.iter().map(|choice| self::choice(field, choice)).collect(),
        from: field.source.clone(),
        origin: evaluated.origin.name(),
        value: evaluated.value.as_ref().map_or(Json::Null, |found| value(field, found)),
    }
}

fn value(field: &Field, value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Integer(number) => integer(*number),
        Value::List(items) => Json::from(items.clone()),
        Value::Text(_) | Value::Bytes(_) | Value::Enum(_) => Json::from(field.display(value)),
    }
}

fn choice(field: &Field, choice: &str) -> Json {
    let number = field.ty.integer_range().and(choice.parse().ok());
    number.map_or_else(|| Json::from(choice), integer)
}

fn integer(number: i128) -> Json {
    u64::try_from(number).map_or_else(|_| Json::from(number as i64), Json::from)
}

/// Prints the object.
pub(super) fn print(object: &impl Serialize) {
    super::talk::print_raw(&crate::shown::json(&text(object)));
}

/// The object as text.
pub(super) fn text(object: &impl Serialize) -> String {
    // Strings, numbers, arrays and string keys cannot fail to serialize.
    serde_json::to_string_pretty(object).unwrap_or_default()
}

/// A record as a fill leaves it.
pub(super) fn planned(record: &crate::record::edit::RecordEdit) -> RecordJson {
    RecordJson {
        member: record.member.clone(),
        section: record.shape.name.clone(),
        spelling: record.spelling.clone(),
        offset: record.record_offset(),
        size: record.record_size,
        fingerprint: hex(&record.shape.fingerprint()),
        state: postlink_format::State::Filled.name(),
        fields: fields(&record.shape, &record.values),
    }
}

/// Runs a command; where it is refused as a whole, `--json` still gets one object: its `error`.
pub(super) fn or_error<T>(
    json: bool,
    run: impl FnOnce() -> crate::error::Result<T>,
) -> crate::error::Result<T> {
    #[derive(Serialize)]
    struct Whole {
        error: Refusal,
    }
    let done = run();
    if let (true, Err(error)) = (json, &done) {
        print(&Whole { error: Refusal::of(error) });
    }
    done
}
