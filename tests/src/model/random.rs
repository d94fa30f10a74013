//! Random sections, and random values for them: most are right, and some are wrong by one.

use super::{Default, Field, Given, Kind, Origin, Piece, Section, Value, Values};
use crate::random::Random;

/// All types, each as often as any other.
const KINDS: [Kind; 15] = [
    Kind::Bool,
    Kind::Unsigned(1),
    Kind::Unsigned(2),
    Kind::Unsigned(4),
    Kind::Unsigned(8),
    Kind::Signed(1),
    Kind::Signed(2),
    Kind::Signed(4),
    Kind::Signed(8),
    Kind::String,
    Kind::Path,
    Kind::Bytes,
    Kind::Strings,
    Kind::Paths,
    Kind::Enum,
];

/// Patterns that most random texts match, and some that few do.
const PATTERNS: [&str; 12] = [
    "",
    ".",
    r"\w",
    r"^\D*$",
    r"^[^x]",
    "a|/",
    "(?i)Ä|x",
    r"^(/|C:|.?$)",
    r"(?s)^.{0,40}$",
    r"\d",
    "^$|^./?",
    r"\W\b",
];

/// How a schema is wrong, where the text of the format does not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// In no way, or in one that the model finds.
    Format,
    /// By a rule that only schemas have, so that C++ and Rust can have the names.
    Schema,
}

/// A section whose values, where none is given, are right.
#[must_use]
pub fn section(random: &mut Random, number: usize) -> Section {
    let count = match random.below(4000) {
        0 => 1024,
        1..40 => 1 + random.below(100),
        _ => 1 + random.below(6),
    };
    let mut fields: Vec<Field> = (0..count).map(|number| field(random, number)).collect();
    for at in 0..count {
        fields[at].default = default(random, &fields, at);
    }
    let mut section = Section { name: name(random, number, false), fields };
    // A record that is too large.
    if section.generated().is_err_and(|refused| refused.contains_key(&section.name)) {
        return self::section(random, number);
    }
    // What derives too much, or what does not match, is given by a fill.
    while let Err(refused) = section.generated() {
        let before = section.fields.iter().filter(|field| field.default.is_none()).count();
        for field in &mut section.fields {
            if refused.contains_key(&field.name) {
                field.default = None;
            }
        }
        let after = section.fields.iter().filter(|field| field.default.is_none()).count();
        assert!(before < after, "{refused:?} in {section:?}");
    }
    section
}

/// A name that neither language has a use for. No two with different numbers are equal.
fn name(random: &mut Random, number: usize, small: bool) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    let end = format!("q{number}");
    let length = match random.below(20) {
        0 => 64 - end.len(),
        1 => 0,
        _ => random.below(12),
    };
    let mut name = String::new();
    while name.len() < length {
        let limit = match name.is_empty() {
            true if small => 26,
            true => 52,
            false => LETTERS.len(),
        };
        let letter = char::from(LETTERS[random.below(limit)]);
        if letter != '_' || !name.ends_with('_') {
            name.push(letter);
        }
    }
    name + &end
}

fn field(random: &mut Random, number: usize) -> Field {
    let kind = random.pick(&KINDS);
    let capacity = kind.size().unwrap_or_else(|| match random.below(20_000) {
        0 => 16_777_216,
        1..40 => 65_530 + random.below(12),
        40..1000 => 250 + random.below(12),
        1000..4000 => 40 + random.below(200),
        _ => 1 + random.below(40),
    });
    let max_items = match (kind.is_list(), random.below(50)) {
        (false, _) => 0,
        (true, 0) => 16_777_216,
        (true, _) => 1 + random.below(6),
    };
    let mut field =
        Field { kind, capacity, max_items, ..plain(name(random, number, kind == Kind::Enum)) };
    if let Some((least, greatest)) = kind.numbers() {
        let (a, b) = (number_in(random, least, greatest), number_in(random, least, greatest));
        field.min = random.once_in(4).then_some(a.min(b));
        field.max = random.once_in(4).then_some(a.max(b));
    }
    if kind.can_follow() && random.once_in(4) {
        field.pattern = Some(random.pick(&PATTERNS).to_owned());
    }
    if kind == Kind::Enum {
        let names = 1 + random.below(5);
        field.choices = (0..names).map(|number| name(random, number, false)).collect();
    } else if random.once_in(6) && !matches!(kind, Kind::Bool | Kind::Bytes) {
        let mut choices = Vec::new();
        for _ in 0..=random.below(4) {
            let choice = match right(random, &field) {
                Some(Value::Text(text)) => text,
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::Items(items)) => items.into_iter().next().unwrap_or_default(),
                _ => continue,
            };
            let alone = match (kind.is_list(), kind.numbers().is_some()) {
                (true, _) => Value::Items(vec![choice.clone()]),
                (_, true) => Value::Number(choice.parse().expect("a number")),
                _ => Value::Text(choice.clone()),
            };
            if !choices.contains(&choice) && field.check(&alone).is_ok() {
                choices.push(choice);
            }
        }
        field.choices = choices;
    }
    if random.once_in(10) && !kind.is_list() {
        let length = if random.once_in(3) { 251 } else { 1 + random.below(20) };
        field.source = Some(format!("env:{}", "X".repeat(length)));
    }
    field
}

/// A required bool.
fn plain(name: String) -> Field {
    Field {
        name,
        kind: Kind::Bool,
        capacity: 1,
        max_items: 0,
        default: None,
        pattern: None,
        choices: Vec::new(),
        min: None,
        max: None,
        source: None,
    }
}

/// A number that is often at an end.
fn number_in(random: &mut Random, least: i128, greatest: i128) -> i128 {
    // Limits that leave no number are one way in which a section is wrong.
    let greatest = greatest.max(least);
    let next = i128::from(random.number());
    match random.below(6) {
        0 => least,
        1 => greatest,
        2 => 0.clamp(least, greatest),
        3 => (least + next % 300).min(greatest),
        4 => (next % 300).clamp(least, greatest),
        _ => least + next % (greatest - least + 1),
    }
}

/// A default for a field, which may follow fields with another place in an order that is not theirs.
fn default(random: &mut Random, fields: &[Field], at: usize) -> Option<Default> {
    let field = &fields[at];
    let order = |at: usize| (at * 7 + 3) % 11 * 2000 + at;
    let followed: Vec<&Field> = fields
        .iter()
        .enumerate()
        .filter(|(other, field)| order(*other) < order(at) && field.kind.can_be_followed())
        .map(|(_, field)| field)
        .collect();
    match random.below(8) {
        0..2 => None,
        2..5 if field.kind.can_follow() && !followed.is_empty() => {
            let texts =
                if field.kind.is_list() { 1 + random.below(field.max_items.min(3)) } else { 1 };
            let mut texts: Vec<Vec<Piece>> =
                (0..texts).map(|_| derivation(random, field, &followed)).collect();
            if !texts.iter().flatten().any(|piece| matches!(piece, Piece::Field(_))) {
                texts[0].push(Piece::Field(random.pick(&followed).name.clone()));
            }
            Some(Default::Derived(texts))
        }
        // Such a string takes values that end in a newline.
        5 if field.kind == Kind::String && field.choices.is_empty() => {
            Some(Default::Value(Value::Text("x\n".into())))
        }
        _ => Some(Default::Value(right(random, field)?)),
    }
}

fn derivation(random: &mut Random, field: &Field, followed: &[&Field]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if matches!(field.kind, Kind::Path | Kind::Paths) {
        let paths: Vec<&&Field> =
            followed.iter().filter(|field| field.kind == Kind::Path).collect();
        pieces.push(match paths.is_empty() {
            false if !random.once_in(4) => Piece::Field(random.pick(&paths).name.clone()),
            _ => Piece::Text("/".into()),
        });
    }
    for _ in 0..random.below(4) {
        pieces.push(match random.once_in(2) {
            true => Piece::Field(random.pick(followed).name.clone()),
            false => {
                let length = random.below(6);
                Piece::Text(text(random, length).replace(['$', '\n', '\r', '\0'], "{"))
            }
        });
    }
    pieces
}

/// A text of so many bytes.
fn text(random: &mut Random, length: usize) -> String {
    const PARTS: [&str; 40] = [
        "a", "b", "c", "x", "0", "7", "9", "Z", " ", "/", "/", "/", ".", "-", "_", "=", ",", ":",
        "\\", "'", "\"", "`", "$", "#", "%", "&", "?", "<", "\u{1}", "\u{1b}", "\n", "\t",
        "\u{7f}", "ä", "é", "\u{301}", "\u{202e}", "\u{ffff}", "語", "😀",
    ];
    const BRACES: [&str; 5] = ["{", "}", "{{", "}}", "{a}"];
    let mut text = String::new();
    while text.len() < length {
        let left = length - text.len();
        if left >= 34 && random.once_in(6) {
            let digits = b"0123456789abcdfghijklmnpqrsvwxyz";
            let mut hash: String = (0..32).map(|_| char::from(digits[random.below(32)])).collect();
            if random.once_in(4) {
                hash.replace_range(31..32, random.pick(&["e", "o", "A", "/", "-"]));
            }
            text.push('/');
            text.push_str(&hash);
            text.push('-');
            continue;
        }
        let part = match random.once_in(10) {
            true => random.pick(&BRACES),
            false => random.pick(&PARTS),
        };
        if part.len() > left || left > 300 {
            text.push_str(&"y".repeat(left.min(300)));
        } else {
            text.push_str(part);
        }
    }
    text
}

/// A length up to the limit, often the limit itself.
fn length(random: &mut Random, limit: usize) -> usize {
    let limit = limit.max(1);
    match random.below(8) {
        0 => limit,
        1 => 0,
        2 => limit - 1,
        _ => random.below(limit.min(80) + 1),
    }
}

/// A text or path of about so many bytes, which the field may still refuse.
fn word(random: &mut Random, field: &Field, length: usize) -> String {
    if matches!(field.kind, Kind::String | Kind::Strings) {
        return text(random, length);
    }
    let begin = random.pick(&["/", "/", "/", "/", "C:\\", "z:/", "\\\\", "\\\\h\\"]);
    let begin = if begin.len() > length { "/" } else { begin };
    begin.to_owned() + &text(random, length.saturating_sub(begin.len()))
}

/// A value that might be right.
fn any(random: &mut Random, field: &Field) -> Value {
    match field.kind {
        Kind::Bool => Value::Bool(random.once_in(2)),
        Kind::Unsigned(_) | Kind::Signed(_) if !field.choices.is_empty() => {
            Value::Number(random.pick(&field.choices).parse().unwrap_or(0))
        }
        Kind::Unsigned(_) | Kind::Signed(_) => {
            let (least, greatest) = field.kind.numbers().expect("an integer");
            let (least, greatest) = (field.min.unwrap_or(least), field.max.unwrap_or(greatest));
            Value::Number(number_in(random, least, greatest))
        }
        Kind::String | Kind::Path | Kind::Enum if !field.choices.is_empty() => {
            Value::Text(random.pick(&field.choices))
        }
        Kind::String | Kind::Path | Kind::Enum => {
            let length = length(random, field.capacity);
            Value::Text(word(random, field, length))
        }
        Kind::Bytes => {
            let length = length(random, field.capacity);
            Value::Bytes((0..length).map(|_| random.number() as u8).collect())
        }
        Kind::Strings | Kind::Paths => {
            let count = match random.below(3) {
                0 => field.max_items.min(100),
                _ => random.below(field.max_items.min(100) + 1),
            };
            let mut left = field.capacity;
            let mut items = Vec::new();
            while items.len() < count && left > 0 {
                let item = match field.choices.is_empty() {
                    false => random.pick(&field.choices),
                    true => {
                        let is_last = items.len() + 1 == count;
                        let length = if is_last && random.once_in(2) {
                            left - 1
                        } else {
                            length(random, left)
                        };
                        word(random, field, length.min(left - 1))
                    }
                };
                if item.len() >= left {
                    break;
                }
                left -= item.len() + 1;
                items.push(item);
            }
            Value::Items(items)
        }
    }
}

/// A right value, if a few attempts find one.
fn right(random: &mut Random, field: &Field) -> Option<Value> {
    (0..20).map(|_| any(random, field)).find(|value| field.accept(value).is_ok())
}

/// A value that is wrong in some way, or at a limit; or only looks so.
fn wrong(random: &mut Random, field: &Field) -> Value {
    let type_or_number = |random: &mut Random| match field.kind {
        Kind::Bool => Value::Text(random.pick(&["yes", "1", "", "True", " true"]).into()),
        Kind::Bytes => Value::Text(random.pick(&["abc", "0xab", "0g", " ", "a-"]).into()),
        _ => Value::Text(random.pick(&["x", "", "1.5", "1e3", " 5", "5 ", "0x", "--1"]).into()),
    };
    match field.kind {
        Kind::Bool => type_or_number(random),
        Kind::Unsigned(_) | Kind::Signed(_) => {
            let (least, greatest) = field.kind.numbers().expect("an integer");
            match random.below(6) {
                0 => type_or_number(random),
                1 => Value::Number(least - 1),
                2 => Value::Number(greatest + 1),
                3 => Value::Number(field.min.unwrap_or(least) - 1),
                4 => Value::Number(field.max.unwrap_or(greatest) + 1),
                _ => Value::Number(number_in(random, least, greatest)),
            }
        }
        Kind::Enum => Value::Text(field.choices.concat().to_uppercase() + "_"),
        Kind::Bytes if random.once_in(3) => type_or_number(random),
        Kind::Bytes => Value::Bytes(vec![7; field.capacity + random.below(2)]),
        Kind::String | Kind::Path => Value::Text(match random.below(6) {
            0 => word(random, field, field.capacity + 1),
            1 => word(random, field, field.capacity),
            2 => word(random, field, 2) + "\0",
            3 => word(random, field, 2) + random.pick(&["\n", "\r", "/", "\\"]),
            4 => random
                .pick(&["", "a", "./a", "C:", "1:/", "\\", "~", "//", "/", "C:/", "\\\\"])
                .into(),
            _ => word(random, field, 1),
        }),
        Kind::Strings | Kind::Paths => Value::Items(match random.below(5) {
            0 => vec![word(random, field, field.capacity)],
            1 => vec![word(random, field, field.capacity.saturating_sub(1))],
            2 => vec![word(random, field, 1); field.max_items.min(100) + random.below(2)],
            3 => vec![word(random, field, 1) + random.pick(&["\0", "\n", "/"])],
            _ => vec![String::new(), random.pick(&["", "a", "/"]).to_owned()],
        }),
    }
}

/// Values for a fill: all that are required, most of the time, and some others.
pub fn given(random: &mut Random, section: &Section) -> Given {
    let mut given = Given::new();
    let wrong_one = random.once_in(3).then(|| random.below(section.fields.len()));
    for (at, field) in section.fields.iter().enumerate() {
        if wrong_one == Some(at) {
            given.insert(field.name.clone(), wrong(random, field));
        } else if random.once_in(3) || (field.default.is_none() && !random.once_in(50)) {
            let value = right(random, field);
            given.extend(value.map(|value| (field.name.clone(), value)));
        }
    }
    given
}

/// Breaks one rule of a section, perhaps.
pub fn broken(random: &mut Random, section: &mut Section) -> Break {
    match random.below(400) {
        0 => section.fields.extend((2000..2005).map(|number| Field {
            kind: Kind::Bytes,
            capacity: 16_777_216,
            ..plain(format!("q{number}"))
        })),
        1 => {
            let more = 1025 - section.fields.len().min(1024);
            section.fields.extend((2000..2000 + more).map(|number| plain(format!("q{number}"))));
        }
        _ => {}
    }
    let at = random.below(section.fields.len());
    let other = section.fields[random.below(section.fields.len())].clone();
    let count = section.fields.len();
    let field = &mut section.fields[at];
    let own = field.name.clone();
    match random.below(18) {
        0 if field.kind.size().is_none() => {
            field.capacity = random.pick(&[0, 16_777_217, 4_294_967_296]);
        }
        1 if field.kind.is_list() => {
            field.max_items = random.pick(&[0, 16_777_217]);
        }
        2 => field.name = random.pick(&["1a", "", "a-b", "ä", "a b", "_a", "a\0"]).to_owned(),
        3 => {
            field.name = "n".repeat(65);
            return Break::Schema;
        }
        4 if count > 1 && other.name != own => {
            field.name = other.name.to_uppercase();
            return Break::Schema;
        }
        5 if field.kind.can_follow() => {
            let name = random.pick(&[own.as_str(), other.name.as_str(), "unknown", ""]);
            let mut texts = vec![vec![Piece::Text("/".into()), Piece::Field(name.to_owned())]];
            texts.extend(field.kind.is_list().then(|| vec![Piece::Text("/a".into())]));
            field.default = Some(Default::Derived(texts));
        }
        6..12 => field.default = Some(Default::Value(wrong(random, field))),
        12 if field.kind == Kind::Enum => field.choices.clear(),
        13 if field.kind == Kind::Enum => {
            let name = random.pick(&["", "a b", "1", field.choices[0].as_str()]);
            field.choices.push(name.to_owned());
        }
        14 if field.choices.is_empty() => {
            field.pattern = Some(random.pick(&["[", "a{", "a", "(?x", "(a{99}){99}"]).to_owned());
        }
        15 | 16 if field.choices.is_empty() => {
            let (least, greatest) = field.kind.numbers().unwrap_or((0, 0));
            let bound = number_in(random, least.max(-300) - 1, greatest.min(300) + 1);
            field.min = Some(bound);
            if random.once_in(2) {
                (field.min, field.max) = (field.max, field.min);
            }
            let inside =
                |bound: Option<i128>| bound.is_none_or(|bound| (least..=greatest).contains(&bound));
            let ordered = field.min.unwrap_or(least) <= field.max.unwrap_or(greatest);
            if !inside(field.min) || !inside(field.max) || !ordered {
                return Break::Schema;
            }
        }
        17 => {
            field.source = Some(random.pick(&["env:a b", "", "env:ä"]).to_owned());
            if random.once_in(2) {
                field.source = Some(format!("env:{}", "X".repeat(252)));
            }
        }
        _ => {}
    }
    Break::Format
}

/// Breaks one rule of a section that no schema can break.
pub fn forged(random: &mut Random, section: &mut Section) {
    let at = random.below(section.fields.len());
    let field = &mut section.fields[at];
    match random.below(10) {
        0 => field.capacity = field.kind.size().map_or(field.capacity, |size| size + 1),
        1 => field.max_items = if field.kind.is_list() { 0 } else { 1 },
        2 => field.pattern = Some("a".into()),
        3 => field.min = Some(0),
        4 => field.max = Some(127),
        5 => field.choices.push(random.pick(&["1", "01", "+1", "-0", "a"]).to_owned()),
        6 if field.kind.can_follow() => {
            field.default = Some(Default::Derived(vec![vec![Piece::Text("/a".into())]]));
        }
        7 if field.kind.is_list() => field.default = Some(Default::Derived(Vec::new())),
        8 => section.name = random.pick(&["", "1", "a b", "ä", "a__b", "int"]).to_owned(),
        9 => {
            let more = "later:source".to_owned();
            field.source =
                random.pick(&[Some(more), Some(String::new()), Some("a b".into()), None]);
        }
        _ => {}
    }
}

/// A state and values that are those of a fill, or nearly.
pub fn any_values(random: &mut Random, section: &Section) -> (u32, Values) {
    let state = random.pick(&[1, 1, 3, 3, 3, 3, 3, 0, 2, 4]);
    let mut values = None;
    if state != 1 {
        values = section.values(&given(random, section)).ok();
    }
    let mut values = values.unwrap_or_else(|| section.unfilled());
    let at = random.below(values.len());
    let (origin, value) = &mut values[at];
    match random.below(8) {
        0 if value.is_some() => {
            *origin = random.pick(&[Origin::Unset, Origin::Default, Origin::Derived, Origin::Set]);
        }
        1 => (*origin, *value) = (Origin::Unset, None),
        2 => *value = right(random, &section.fields[at]).or(value.take()),
        3 => {
            (*origin, *value) = (Origin::Set, Some(wrong(random, &section.fields[at])));
        }
        _ => {}
    }
    (state, values)
}
