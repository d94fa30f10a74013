//! Texts and records that are read.

use postlink_codegen::{Given, Schema, Section, Shape, cpp, rust};
use postlink_format::{Record, State};
use postlink_patcher::fill::{FillOptions, fill};
use postlink_patcher::record::{Sources, ValueFile, Values, assignments};

use crate::folder::Folder;

/// A schema: what is wrong is told, what is right gives a record that can be read.
pub(crate) fn schema(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Schema::parse("schema.toml", text) {
        Ok(schema) => schema.sections.iter().for_each(section),
        Err(wrong) => {
            assert!(!wrong.list().is_empty());
            assert!(!wrong.render(false).contains('\u{1b}'));
        }
    }
}

/// The record of a section is read as the shape that it was made of, and the generated texts are whole.
fn section(section: &Section) {
    let shape = &section.shape;
    let Ok(values) = shape.evaluate(&Given::new()) else { return };
    let bytes = shape.record(State::Generated, &values);
    assert_eq!(bytes.len() as u64, shape.record_size());
    let record = Record::parse(&bytes).expect("a record that is made can be read");
    let read = Shape::from_record(&record).expect("it describes a shape");
    assert_eq!(read.fingerprint(), shape.fingerprint());
    assert_eq!(read.values_of(&record).expect("its values"), (State::Generated, values));
    let (header, source) = (cpp::header(section), cpp::source(section, "app.gen.hh"));
    for text in [Ok(header), source].into_iter().flatten() {
        let wrong = text.chars().find(|c| c.is_control() && !['\n', '\t'].contains(c));
        assert_eq!(wrong, None, "a control character in C++");
    }
    let _ = rust::file(section);
}

/// A file of values, as each kind, and a fill with them.
pub(crate) fn values(data: &[u8]) {
    const IMAGE: &[u8] = include_bytes!("../seeds/elf/filled.so");
    let folder = Folder::new();
    let image = folder.write("image", IMAGE);
    for name in ["values.json", "values.toml", "a-status.txt", "values.env", "os-release"] {
        let files = vec![ValueFile::named(&folder.write(name, data))];
        let values = Values { files, ..Values::default() };
        let Ok(values) = assignments(&values, &Sources::default()) else { continue };
        let mut options = FillOptions::default();
        let output = folder.path("output");
        options.output = Some(&output);
        let _ = fill(&image, &values, &options);
        assert_eq!(std::fs::read(&image).expect("the image"), IMAGE);
    }
}

/// A record: parsing ends, and everything in it can be read.
pub(crate) fn record(data: &[u8]) {
    for record in postlink_format::records(data).take(64) {
        let Ok((at, record)) = record else { continue };
        assert!(at + record.bytes().len() <= data.len());
        for field in record.fields() {
            let _ = format!("{field:?}");
        }
        if let Ok(values) = record.values() {
            for (field, value) in values.iter() {
                assert!(value.bytes.len() <= data.len(), "{}", field.name);
            }
        }
    }
    let _ = Record::parse(data);
}
