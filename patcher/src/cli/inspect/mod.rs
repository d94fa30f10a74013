//! `postlink inspect`.

mod drawing;

use std::path::{Path, PathBuf};

use postlink_codegen::{Evaluated, Field, Problem, Shape, Value, hex};

use self::drawing::Terminal;
use super::json;
use super::talk::{Exit, Talk};
use crate::error::{Error, Result};
use crate::files::open::Mode;
use crate::record::assign::unknown;
use crate::record::read::Image;
use crate::shown::{escaped, line};

/// Show the records of linked files: fields, values, and where the values come from
///
/// On a terminal, as a table that also tells how much of each capacity is used.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The programs and libraries to look into
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Print only the value of this field, as it is but on a terminal; of a list, one item per line (an item
    /// that has line feeds has several: use --json). NAME may be SECTION.FIELD
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, talk: Talk) -> Result<Exit> {
    let terminal = Terminal::of_output();
    let mut exit = Exit::Done;
    let mut images = Vec::new();
    for path in &args.images {
        let image = read(path).and_then(|records| match &args.field {
            Some(name) => only(path, records, name).and_then(|records| match args.json {
                true => Ok(records),
                false => has_values(path, records),
            }),
            None => Ok(records),
        });
        match image {
            Ok(records) => {
                if !args.json {
                    records.iter().for_each(|record| record.print(args.field.is_some(), terminal));
                }
                images.push(json::ImageJson {
                    records: records.into_iter().map(Shown::into_json).collect(),
                    ..json::ImageJson::at(path, None, None)
                });
            }
            Err(error) => {
                exit = talk.refuse(&error);
                images.push(json::ImageJson::refused(path, &error));
            }
        }
    }
    if args.json {
        json::print(&json::ImagesJson { images });
    }
    Ok(exit)
}

/// A record and its values.
struct Shown {
    /// The file and the member that it is in.
    path: PathBuf,
    member: Option<String>,
    spelling: String,
    offset: u64,
    size: usize,
    state: &'static str,
    fingerprint: [u8; 32],
    shape: Shape,
    values: Vec<Evaluated>,
}

fn read(path: &Path) -> Result<Vec<Shown>> {
    let image = Image::open(path, Mode::Read)?;
    let records = image.records().map(|(section, place)| {
        let bad = |source| Error::Record {
            path: section.path.clone(),
            section: section.name.clone(),
            source,
        };
        let record = section.record(place).map_err(bad)?;
        let values = place.shape.values_of(&record);
        let (state, values) = values.map_err(Error::bad_values(&section.path, &section.name))?;
        Ok(Shown {
            path: section.path.clone(),
            member: section.member.clone(),
            spelling: section.name.clone(),
            offset: section.offset + place.at as u64,
            size: record.bytes().len(),
            state: state.name(),
            fingerprint: record.fingerprint(),
            values,
            shape: place.shape.clone(),
        })
    });
    records.collect()
}

/// Leaves only the field of this name.
fn only(path: &Path, records: Vec<Shown>, name: &str) -> Result<Vec<Shown>> {
    let (section, field) = match name.split_once('.') {
        Some((section, field)) => (Some(section), field),
        None => (None, name),
    };
    let shapes: Vec<&Shape> = records.iter().map(|record| &record.shape).collect();
    let problem = unknown(&shapes, section, field);
    let mut found: Vec<Shown> = Vec::new();
    for mut record in records {
        let is_named = section.is_none_or(|section| section == record.shape.name);
        if let (true, Some(position)) = (is_named, record.shape.position(field)) {
            record.shape.fields = vec![record.shape.fields.swap_remove(position)];
            record.values = vec![record.values.swap_remove(position)];
            found.push(record);
        }
    }
    if found.is_empty() {
        return Err(Error::Values { path: path.to_owned(), problems: vec![problem] });
    }
    if found.windows(2).any(|pair| pair[0].shape.name != pair[1].shape.name) {
        return Err(Error::input(
            format!("{}: several sections have a field `{field}`", escaped(path)),
            format!("name the section: `{}.{field}`", found[0].shape.name),
        ));
    }
    Ok(found)
}

/// Refuses a field without a value, which a script could not tell from an empty one.
fn has_values(path: &Path, records: Vec<Shown>) -> Result<Vec<Shown>> {
    let unset = records.iter().flat_map(|record| record.shape.fields.iter().zip(&record.values));
    match unset.into_iter().find(|(_, evaluated)| evaluated.value.is_none()) {
        Some((field, _)) => Err(Error::Values {
            path: path.to_owned(),
            problems: vec![Problem {
                field: field.name.clone(),
                message: "it has no value: it is not set, and has no default".into(),
                help: format!(
                    "fill the file: postlink fill --set {}=VALUE; or ask with --json, where the value is `null`",
                    field.name
                ),
            }],
        }),
        None => Ok(records),
    }
}

/// The items of a list; of anything else, the value.
fn items(field: &Field, value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.clone(),
        value => vec![field.display(value)],
    }
}

impl Shown {
    fn print(&self, value_only: bool, terminal: Option<Terminal>) {
        if let (false, Some(terminal)) = (value_only, terminal) {
            super::talk::print_raw(&drawing::draw(self, terminal));
            return;
        }
        if !value_only {
            super::talk::print(&format!(
                "{}: section `{}` ({} at {:#x}, {} bytes), {}\n  fingerprint {}",
                escaped(&self.path),
                self.shape.name,
                line(&self.spelling),
                self.offset,
                self.size,
                self.state,
                hex(&self.fingerprint)
            ));
        }
        for (field, evaluated) in self.shape.fields.iter().zip(&self.values) {
            let value = evaluated.value.as_ref();
            if value_only {
                let texts = value.map(|value| items(field, value)).unwrap_or_default();
                texts.iter().for_each(|text| super::talk::print_value(text));
                continue;
            }
            let value = value.map(|value| field.display(value)).unwrap_or_default();
            let (name, ty, origin) = (&field.name, field.ty.name(), evaluated.origin.name());
            let from = field.source.as_ref().map(|source| format!("; usually from {source}"));
            super::talk::print(&line(format!(
                "  {name}: {ty} = {value} ({origin}{})",
                from.unwrap_or_default()
            )));
        }
    }

    fn into_json(self) -> json::RecordJson {
        json::RecordJson {
            member: self.member,
            section: self.shape.name.clone(),
            spelling: self.spelling,
            offset: self.offset,
            size: self.size,
            fingerprint: hex(&self.fingerprint),
            state: self.state,
            fields: json::fields(&self.shape, &self.values),
        }
    }
}
