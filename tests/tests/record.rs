//! The record's bytes: two independent readers agree, and damage is always noticed.

use postlink_codegen::{Default, Field, Given, Schema, Shape, Template};
use postlink_format::{Header, Record, State, descriptor_checksum, records, values_checksum};
use postlink_tests::lix::{VERSION, build_program, long_prefix, sources};
use postlink_tests::{fixture, fixture_text, readers_agree};

fn kinds() -> Shape {
    let schema = Schema::parse("kinds.toml", &fixture_text("kinds.toml")).expect("a right schema");
    schema.section(Some("kinds")).expect("the section").shape.clone()
}

fn generated(shape: &Shape) -> Vec<u8> {
    let values = shape.evaluate(&Given::new()).expect("right defaults");
    shape.record(State::Generated, &values)
}

#[test]
fn the_fixture_has_every_type() {
    let text = fixture_text("kinds.toml");
    for ty in postlink_format::Type::ALL {
        assert!(text.contains(&format!("type = \"{}\"", ty.name())), "{}", ty.name());
    }
}

#[test]
fn a_second_reader_agrees_on_every_fixture() {
    let folder = sources();
    let schema = |name: &str| fixture(name).display().to_string();
    for (file, section) in [("kinds.toml", "kinds"), ("kinds.toml", "single"), ("odd.toml", "odd")]
    {
        let line = format!("generate --schema {} --section {section}", schema(file));
        folder
            .postlink(&format!(
                "{line} --out-header {section}.gen.hh --out-source {section}.gen.cc"
            ))
            .ok();
    }
    folder.write("kinds.cc", fixture_text("kinds.cc"));
    folder.write("values.json", fixture_text("kinds.json"));
    for (compiler, flags) in [
        ("g++", "-O2"),
        ("clang++-19", "-O2 -fuse-ld=lld"),
        ("i686-linux-gnu-g++", ""),
        ("s390x-linux-gnu-g++", ""),
        ("powerpc-linux-gnu-g++", ""),
    ] {
        build_program(&folder, compiler, flags, "program");
        readers_agree(&folder, "program");
        folder
            .postlink(&format!(
                "fill program --set version={VERSION} --set prefix={}",
                long_prefix()
            ))
            .ok();
        readers_agree(&folder, "program");
        folder
            .run(&format!(
                "{compiler} {flags} -std=c++17 kinds.cc kinds.gen.cc single.gen.cc -o kinds"
            ))
            .ok();
        readers_agree(&folder, "kinds");
        folder.postlink("fill kinds --values values.json").ok();
        readers_agree(&folder, "kinds");
        folder
            .run(&format!("{compiler} {flags} -std=c++17 -fPIC -shared odd.gen.cc -o odd.so"))
            .ok();
        readers_agree(&folder, "odd.so");
    }
    // Both refuse what is damaged.
    let reader = fixture("../reader.py").display().to_string();
    let good = folder.read("kinds");
    let section =
        good.windows(8).position(|bytes| bytes == postlink_format::MAGIC).expect("a record");
    for at in [0, 8, 13, 45, 50, 81, 85, 90, 400, 2000] {
        let mut bad = good.clone();
        bad[section + at] ^= 0x41;
        folder.write("bad", &bad);
        folder.postlink("inspect bad").fails(1);
        folder.run(&format!("python3 {reader} bad")).fails(1);
    }
}

#[test]
fn a_shape_comes_back_from_its_record() {
    let shape = kinds();
    let bytes = generated(&shape);
    let record = Record::parse(&bytes).expect("a record");
    let mut back = Shape::from_record(&record).expect("a shape");
    for (field, original) in back.fields.iter_mut().zip(&shape.fields) {
        field.doc.clone_from(&original.doc);
    }
    assert_eq!(back, shape);
}

#[test]
fn the_fingerprint_is_what_two_halves_must_agree_on() {
    let text = fixture_text("kinds.toml");
    let fingerprint = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let schema = Schema::parse("changed", &text.replacen(from, to, 1)).expect("a right schema");
        schema.section(Some("kinds")).expect("the section").shape.fingerprint()
    };
    let same = kinds().fingerprint();
    for (from, to) in [
        ("doc = \"Every type.\"", "doc = \"\""),
        ("default = 0xff", "default = 1"),
        ("pattern = '^\\w*$'", "pattern = '.*'"),
        ("namespace = \"demo::kinds\"", "exported = true"),
        ("min = 1", "min = 0"),
    ] {
        assert_eq!(fingerprint(from, to), same, "{to}");
    }
    for (from, to) in [
        ("field.tiny", "field.teeny"),
        ("type = \"u8\"", "type = \"u16\""),
        ("capacity = 60", "capacity = 61"),
        ("max_items = 4", "max_items = 5"),
        ("\"nightly\"]", "\"daily\"]"),
    ] {
        assert_ne!(fingerprint(from, to), same, "{to}");
    }
}

/// Records stand one after another with zeros of any number between, before and behind.
#[test]
fn padding_of_any_length() {
    let bytes = generated(&kinds());
    for (before, between, behind) in [(0, 0, 0), (16, 1, 7), (3, 32, 16)] {
        let zeros = |count: usize| vec![0_u8; count];
        let section =
            [zeros(before), bytes.clone(), zeros(between), bytes.clone(), zeros(behind)].concat();
        let found: Vec<usize> =
            records(&section).map(|record| record.expect("a record").0).collect();
        assert_eq!(found, [before, before + bytes.len() + between]);
    }
    let foreign = [bytes.as_slice(), b"\0\0x"].concat();
    assert!(records(&foreign).nth(1).expect("an item").is_err());
}

/// One changed byte is noticed wherever it is; with the checksums mended, nothing panics.
#[test]
fn no_byte_can_change_unnoticed() {
    let shape = kinds();
    let good = generated(&shape);
    let fields_offset = shape.layout().fields_offset as usize;
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            assert!(read(&bad).is_err(), "byte {at} flipped by {flip:#x}");
            mend(&mut bad, fields_offset);
            let _ = read(&bad);
        }
    }
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err());
    }
}

/// Reads everything there is to read.
fn read(bytes: &[u8]) -> Result<(), String> {
    let record = Record::parse(bytes).map_err(|error| error.to_string())?;
    let shape = Shape::from_record(&record).map_err(|error| error.to_string())?;
    let values = record.values().map_err(|error| error.to_string())?;
    for ((_, value), field) in values.iter().zip(&shape.fields) {
        let _ = field.decode(&value).map(|value| field.display(&value));
    }
    let _ = shape.evaluate(&Given::new());
    Ok(())
}

/// Makes the checksums right, so that the checks behind them are reached.
fn mend(bytes: &mut [u8], fields_offset: usize) {
    let sum = values_checksum(
        u32::from_le_bytes(*bytes[80..].first_chunk().expect("the state")),
        &bytes[88..fields_offset],
    );
    bytes[84..88].copy_from_slice(&sum.to_le_bytes());
    let tail =
        usize::try_from(u32::from_le_bytes(*bytes[24..].first_chunk().expect("fields_offset")));
    let size =
        usize::try_from(u32::from_le_bytes(*bytes[12..].first_chunk().expect("record_size")));
    let (Ok(tail), Ok(size)) = (tail, size) else { return };
    if tail <= size && size <= bytes.len() {
        let mut header = [0; 80];
        header.copy_from_slice(&bytes[..80]);
        let sum = descriptor_checksum(&Header::from_bytes(&header), &bytes[tail..size]);
        bytes[40..44].copy_from_slice(&sum.to_le_bytes());
    }
}

/// A fingerprint that is not that of the fields, and texts that share bytes, with right checksums.
#[test]
fn what_a_checksum_cannot_tell_is_told() {
    let shape = kinds();
    let good = generated(&shape);
    let fields_offset = shape.layout().fields_offset as usize;
    let refused = |at: usize, bytes: &[u8], said: &str| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        mend(&mut bad, fields_offset);
        let error = read(&bad).expect_err(said);
        assert!(error.contains(said), "{error}");
    };
    refused(50, b"\0", "the fingerprint is not that of its fields");
    // The pattern of the first field: all bytes of the descriptor.
    let everything = [fields_offset as u32, (good.len() - fields_offset) as u32];
    refused(fields_offset + 32, &everything.map(u32::to_le_bytes).concat(), "two texts overlap");
}

/// Each of these was read, though the specification says that it is no record.
#[test]
fn what_the_specification_forbids_is_not_read() {
    type Forbidden = (&'static str, fn(&mut Field));
    let forbidden: [Forbidden; 5] = [
        ("channel", |channel| channel.choices = ["a", "b", "a"].map(str::to_owned).into()),
        ("channel", |channel| channel.choices.clear()),
        ("label", |label| label.pattern = Some("[".into())),
        ("root", |root| root.default = Some(plain(&["/opt/{{a}}"]))),
        ("paths", |paths| paths.default = Some(plain(&[]))),
    ];
    for (name, change) in forbidden {
        let mut shape = kinds();
        let field = &mut shape.fields[kinds().position(name).expect(name)];
        // The default may not fit what is changed.
        field.default = None;
        change(field);
        let bytes = generated(&shape);
        let record = Record::parse(&bytes).expect("right checksums");
        let error = Shape::from_record(&record).expect_err(name).to_string();
        assert!(error.contains(&format!("field `{name}` contradicts itself")), "{error}");
    }
}

/// A derivation without a reference: that is a default that is a value.
fn plain(texts: &[&str]) -> Default {
    let template = |text: &&str| Template::parse(text).expect("a template");
    Default::Derived(texts.iter().map(template).collect())
}

/// The search for the name that was meant took minutes where a forged record has long ones.
#[test]
fn long_names_in_a_forged_record_cost_no_time() {
    let mut shape = kinds();
    let unset = shape.evaluate(&Given::new()).expect("right defaults");
    shape.fields[0].name = "a".repeat(60_000);
    let reference = Template::parse(&format!("{{{}b}}", shape.fields[0].name)).expect("a template");
    let log = shape.position("log").expect("a field");
    shape.fields[log].default = Some(Default::Derived(vec![reference]));
    let bytes = shape.record(State::Generated, &unset);
    let record = Record::parse(&bytes).expect("a record");
    let start = std::time::Instant::now();
    let error = Shape::from_record(&record).expect_err("no such field").to_string();
    assert!(error.contains("there is no field"), "{error}");
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}
