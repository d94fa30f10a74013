//! Random schemas and values: what postlink makes of them, beside a model that was written from the
//! specification alone.
//!
//! `POSTLINK_MODEL_CASES=NUMBER` tries one case, and prints its schema; `FIRST..END` tries these.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use postlink_codegen::{Schema, Shape};
use postlink_format::{Record, State};
use postlink_patcher::error::Error;
use postlink_patcher::fill::{Earlier, FillOptions, Outcome, fill};
use postlink_patcher::record::{Assignment, Image, Mode, Sources, ValueFile, Values, assignments};
use postlink_tests::matrix;
use postlink_tests::model::cases::{Tally, is_shown, try_all};
use postlink_tests::model::{self, Break, Cause, Default, Field, Given, Origin, Section, Value};
use postlink_tests::random::Random;

/// What has to happen in the first test, so that it is seen that not only refusals are compared.
const FILLS: [&str; 36] = [
    "schema: accepted",
    "schema: refused",
    "fill: done",
    "fill refused: Name",
    "fill refused: Required",
    "fill refused: Type",
    "fill refused: Nul",
    "fill refused: Relative",
    "fill refused: Long",
    "fill refused: Many",
    "fill refused: Pattern",
    "fill refused: End",
    "fill refused: Range",
    "fill refused: Choice",
    "fill refused: Dropped",
    "file: Elf",
    "file: MachO",
    "file: Coff",
    "file: Pe",
    "filled: bool",
    "filled: u8",
    "filled: u16",
    "filled: u32",
    "filled: u64",
    "filled: i8",
    "filled: i16",
    "filled: i32",
    "filled: i64",
    "filled: string",
    "filled: path",
    "filled: bytes",
    "filled: list<string>",
    "filled: list<path>",
    "filled: enum",
    "filled: up to the capacity",
    "filled: Derived",
];

/// The same for the second.
const READS: [&str; 4] =
    ["read: filled", "read: unfilled", "refused: descriptor", "refused: values"];

#[test]
fn any_schema_and_any_values() {
    // Some six fills each.
    try_all(if matrix::is_full() { 160_000 } else { 900 }, &FILLS, fill_case);
}

#[test]
fn any_record_that_is_right_or_nearly() {
    try_all(if matrix::is_full() { 160_000 } else { 1_500 }, &READS, read_case);
}

/// A record by the model, with right checksums, that breaks a rule or not: a reader takes it or not.
fn read_case(case: u64, _: &Path, tally: &mut Tally) {
    let mut random = Random::of_case(case);
    let mut section = model::section(&mut random, 0);
    match random.below(3) {
        0 => drop(model::broken(&mut random, &mut section)),
        1 => model::forged(&mut random, &mut section),
        _ => {}
    }
    // The other test has large ones.
    if section.size() > 1 << 20 {
        tally.count("large");
        return;
    }
    let (state, values) = model::any_values(&mut random, &section);
    let is_spelled = |(field, (_, value)): (&Field, &(Origin, Option<Value>))| {
        let default = match &field.default {
            Some(Default::Value(default)) => Some(default),
            _ => None,
        };
        let least = field.kind.numbers().map_or(0, |(least, _)| least.signum());
        [field.min, field.max].iter().flatten().all(|bound| bound.signum() >= least)
            && [default, value.as_ref()].into_iter().flatten().all(|value| field.is_spelled(value))
    };
    if !section.fields.iter().zip(&values).all(is_spelled) {
        tally.count("says something else");
        return;
    }
    if is_shown() {
        println!("{section:#?} {state} {values:#?}");
    }
    let record = section.forged(state, &values);
    let read = Record::parse(&record)
        .map_err(|error| error.to_string())
        .and_then(|record| Shape::from_record(&record).map_err(|error| error.to_string()));
    let is_described = section.is_described();
    assert_eq!(read.is_ok(), is_described.is_ok(), "{:?}, {is_described:?}", read.err());
    let Ok(shape) = read else {
        tally.count("refused: descriptor");
        return;
    };
    let record = Record::parse(&record).expect("a record");
    let read = shape.values_of(&record);
    assert_eq!(read.is_ok(), section.can_be_read(state, &values), "{:?}", read.err());
    tally.count(match read {
        Ok((State::Filled, _)) => "read: filled",
        Ok(_) => "read: unfilled",
        Err(_) => "refused: values",
    });
}

fn fill_case(case: u64, folder: &Path, tally: &mut Tally) {
    let mut random = Random::of_case(case);
    let count_of_sections = if random.once_in(4) { 2 + random.below(2) } else { 1 };
    let mut sections: Vec<Section> =
        (0..count_of_sections).map(|number| model::section(&mut random, number)).collect();
    let mut broken = Break::Format;
    if random.once_in(3) {
        broken = model::broken(&mut random, &mut sections[0]);
    }
    let text = model::schema(&sections);
    if is_shown() {
        println!("{text}");
    }
    let generated: Vec<_> = sections.iter().map(Section::generated).collect();
    let is_right = broken == Break::Format
        && generated.iter().all(Result::is_ok)
        && sections.iter().all(Section::ends_well);
    let schema = match Schema::parse("schema.toml", &text) {
        Ok(schema) => schema,
        Err(wrong) => {
            assert!(!is_right, "refused: {}", wrong.render(false));
            tally.count("schema: refused");
            let refused = generated.iter().filter_map(|made| made.as_ref().err());
            for cause in refused.flat_map(BTreeMap::values) {
                tally.count(format!("schema refused: {cause:?}"));
            }
            return;
        }
    };
    assert!(is_right, "accepted, but {broken:?}, {generated:?}");
    tally.count("schema: accepted");

    let generated: Vec<Vec<u8>> = generated.into_iter().map(|made| made.expect("right")).collect();
    for ((section, ours), record) in sections.iter().zip(&schema.sections).zip(&generated) {
        let values = ours.shape.evaluate(&BTreeMap::new()).expect("right defaults");
        assert_same(&ours.shape.record(State::Generated, &values), record, "generated");
        assert_eq!(ours.shape.record_size(), record.len() as u64, "{}", section.name);
    }
    let names: Vec<String> = sections.iter().map(|section| section.name.clone()).collect();
    let image = model::Image::any(&mut random, &names);
    tally.count(format!("file: {}", image.format()));
    let path = folder.join("image");
    let mut now = Filled { given: vec![None; sections.len()], records: generated };
    std::fs::write(&path, image.with(&now.records)).expect("a file");
    let is_large = now.records.iter().map(Vec::len).sum::<usize>() > 1 << 20;
    for _ in 0..if is_large { 2 } else { 8 } {
        let ask = Ask::any(&mut random, &sections);
        let next = ask.expected(&sections, &now);
        let before = image.with(&now.records);
        match try_fill(&ask, &path, &mut random) {
            Ok((output, outcome)) => {
                tally.count("fill: done");
                let next = next.unwrap_or_else(|refused| panic!("done, not {refused:?}: {ask:?}"));
                let after = image.with(&next.records);
                assert_same(&std::fs::read(&output).expect("the output"), &after, "filled");
                let is_same = output == path && before == after;
                assert_eq!(outcome == Outcome::Unchanged, is_same, "{ask:?}");
                read_back(&output, &sections, &next);
                next.count(&sections, tally);
                if output == path {
                    now = next;
                } else {
                    assert_same(&std::fs::read(&path).expect("the image"), &before, "the original");
                    std::fs::remove_file(&output).expect("the output");
                }
            }
            Err(said) => {
                tally.count("fill: refused");
                let refused = next.err().unwrap_or_else(|| panic!("refused: {said}: {ask:?}"));
                assert_same(&std::fs::read(&path).expect("the image"), &before, "refused");
                assert!(
                    refused.keys().any(|name| said.contains(name)),
                    "{said} is no word of {refused:?}"
                );
                for cause in refused.values() {
                    tally.count(format!("fill refused: {cause}"));
                }
            }
        }
        let left = std::fs::read_dir(folder).expect("the folder").count();
        assert_eq!(left, 1, "something stays beside the image");
    }
}

#[track_caller]
fn assert_same(ours: &[u8], model: &[u8], what: &str) {
    let differs = ours.iter().zip(model).position(|(ours, model)| ours != model);
    assert!(
        differs.is_none() && ours.len() == model.len(),
        "{what}: {} bytes, of the model {}; the first other byte is at {differs:?}",
        ours.len(),
        model.len()
    );
}

/// An image after a fill.
struct Filled {
    /// What each record was filled with; `None` before the first fill.
    given: Vec<Option<Given>>,
    records: Vec<Vec<u8>>,
}

impl Filled {
    fn count(&self, sections: &[Section], tally: &mut Tally) {
        for (section, given) in sections.iter().zip(&self.given) {
            let Some(given) = given else { continue };
            let values = section.values(given).expect("right values");
            for (field, (origin, value)) in section.fields.iter().zip(values) {
                tally.count(format!("filled: {}", field.kind.code().1));
                tally.count(format!("filled: {origin:?}"));
                if matches!(value, Some(Value::Text(text)) if text.len() == field.capacity) {
                    tally.count("filled: up to the capacity");
                }
            }
        }
    }
}

/// What a fill is asked for.
#[derive(Debug)]
struct Ask {
    /// Each value with its field, and the section where that is named.
    values: Vec<(Option<String>, String, Value)>,
    earlier: Earlier,
}

impl Ask {
    fn any(random: &mut Random, sections: &[Section]) -> Self {
        let mut values = Vec::new();
        for section in sections {
            if random.once_in(5) {
                continue;
            }
            for (field, value) in model::given(random, section) {
                let name = random.once_in(2).then(|| section.name.clone());
                values.push((name, field, value));
            }
        }
        if random.once_in(60) {
            let section =
                random.once_in(2).then(|| random.pick(&["none", &sections[0].name]).to_owned());
            values.push((section, "unknown".into(), Value::Text("x".into())));
        }
        let earlier =
            random.pick(&[Earlier::Reset, Earlier::Reset, Earlier::Keep, Earlier::Refuse]);
        Self { values, earlier }
    }

    /// The image after it, or what is refused and why.
    fn expected(
        &self,
        sections: &[Section],
        now: &Filled,
    ) -> Result<Filled, BTreeMap<String, String>> {
        let mut refused = BTreeMap::new();
        let mut refuse = |field: &str, cause: Cause| {
            refused.insert(field.to_owned(), format!("{cause:?}"));
        };
        let mut given: Vec<Option<Given>> = vec![None; sections.len()];
        if self.values.is_empty() {
            given = vec![Some(Given::new()); sections.len()];
        }
        for (named, name, value) in &self.values {
            let mut takers = 0;
            for (section, given) in sections.iter().zip(&mut given) {
                let field = section.fields.iter().find(|field| field.name == *name);
                let Some(field) = field else { continue };
                if named.as_ref().is_some_and(|named| *named != section.name) {
                    continue;
                }
                takers += 1;
                if let Err(cause) = field.accept(value) {
                    refuse(name, cause);
                }
                given.get_or_insert_default().insert(name.clone(), value.clone());
            }
            if takers != 1 {
                refuse(name, Cause::Name);
            }
        }
        let mut next = Filled { given: now.given.clone(), records: now.records.clone() };
        for (at, section) in sections.iter().enumerate() {
            let Some(mut given) = given[at].take() else { continue };
            let before = now.given[at].clone().unwrap_or_default();
            let lost = before.into_iter().filter(|(name, _)| !given.contains_key(name));
            let lost: Given = lost.collect();
            match self.earlier {
                Earlier::Reset => {}
                Earlier::Keep => given.extend(lost),
                Earlier::Refuse => {
                    lost.keys().for_each(|name| {
                        refused.insert(name.clone(), "Dropped".into());
                    });
                }
            }
            match section.filled(&given) {
                Ok(record) => next.records[at] = record,
                Err(causes) => causes.into_iter().for_each(|(name, cause)| {
                    refused.entry(name).or_insert_with(|| format!("{cause:?}"));
                }),
            }
            next.given[at] = Some(given);
        }
        if refused.is_empty() { Ok(next) } else { Err(refused) }
    }

    /// The values as postlink reads them: as texts, or from a file.
    fn written(&self, folder: &Path, random: &mut Random) -> Result<Vec<Assignment>, Error> {
        let is_lone = |value: &Value| *value == Value::Items(vec![String::new()]);
        // A list of one empty text has no spelling on a command line.
        let by_file = random.once_in(3) || self.values.iter().any(|(_, _, value)| is_lone(value));
        let mut values = Values::default();
        let file = folder.join("values.json");
        if by_file {
            let mut entries = Vec::new();
            for (section, name, value) in &self.values {
                let name =
                    section.iter().map(|section| format!("{section}.")).collect::<String>() + name;
                let key = serde_json::to_string(&name).expect("JSON");
                entries.push(format!("{key}: {}", json(value)));
            }
            std::fs::write(&file, format!("{{{}}}", entries.join(", "))).expect("a file");
            values.files = vec![ValueFile::named(&file)];
        }
        for (section, name, value) in self.values.iter().filter(|_| !by_file) {
            let name =
                section.iter().map(|section| format!("{section}.")).collect::<String>() + name;
            let texts = match value {
                Value::Bool(value) => vec![value.to_string()],
                Value::Number(number) => vec![number.to_string()],
                Value::Text(text) => vec![text.clone()],
                Value::Bytes(bytes) => vec![hexadecimal(bytes)],
                Value::Items(items) if items.is_empty() => vec![String::new()],
                Value::Items(items) => items.clone(),
            };
            values.sets.extend(texts.iter().map(|text| format!("{name}={text}")));
        }
        let read = assignments(&values, &Sources::default());
        if by_file {
            std::fs::remove_file(file).expect("the file");
        }
        read
    }
}

fn json(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => serde_json::to_string(text).expect("JSON"),
        Value::Bytes(bytes) => format!("\"{}\"", hexadecimal(bytes)),
        Value::Items(items) => serde_json::to_string(items).expect("JSON"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Fills in one of the ways that a file is written. Gives where the result is, or what was said.
fn try_fill(ask: &Ask, path: &Path, random: &mut Random) -> Result<(PathBuf, Outcome), String> {
    let folder = path.parent().expect("a folder");
    let output = folder.join("output");
    let mut options = FillOptions::default();
    options.selection.earlier = ask.earlier;
    match random.below(3) {
        0 => options.output = Some(&output),
        1 => options.in_place = true,
        _ => {}
    }
    let done = ask.written(folder, random).and_then(|values| fill(path, &values, &options));
    let done = done.map_err(|error| error.to_string())?;
    assert_eq!(done.output, options.output.unwrap_or(path));
    Ok((done.output, done.outcome))
}

/// The values that a reader finds are those of the model.
fn read_back(path: &Path, sections: &[Section], filled: &Filled) {
    let image = Image::open(path, Mode::Read).expect("what was filled can be read");
    for (section, given) in sections.iter().zip(&filled.given) {
        let Some(given) = given else { continue };
        let found = image.records().find(|(_, place)| place.shape.name == section.name);
        let (place_in, place) = found.expect("the record");
        let record = place_in.record(place).expect("a record");
        let (state, values) = place.shape.values_of(&record).expect("values");
        assert_eq!(state, State::Filled);
        let model = section.values(given).expect("right values");
        for ((field, ours), (origin, value)) in section.fields.iter().zip(values).zip(model) {
            assert_eq!(ours.origin.code(), origin as u8, "{}", field.name);
            let ours = ours.value.map(|value| of_the_model(value, &field.choices));
            assert_eq!(ours, value, "{}", field.name);
        }
    }
}

fn of_the_model(value: postlink_codegen::Value, choices: &[String]) -> Value {
    use postlink_codegen::Value as Ours;
    match value {
        Ours::Bool(value) => Value::Bool(value),
        Ours::Integer(number) => Value::Number(number),
        Ours::Text(text) => Value::Text(text),
        Ours::Bytes(bytes) => Value::Bytes(bytes),
        Ours::List(items) => Value::Items(items),
        Ours::Enum(position) => Value::Text(choices[position as usize].clone()),
    }
}
