//! A record as a table for a terminal: its fields, where their values come from, and how much of each
//! capacity is used.

use std::io::{IsTerminal, stdout};

use anstream::{AutoStream, ColorChoice};
use postlink_codegen::{Evaluated, Field, hex};
use postlink_format::Origin;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Shown;
use crate::shown::{escaped, line};

/// Columns of a bar.
const BAR: usize = 8;
/// The fewest columns for values beside the rest; where there are fewer, each value has lines of its own.
const LEAST: usize = 30;

/// How to draw: what the terminal can show.
#[derive(Clone, Copy)]
pub(super) struct Terminal {
    /// Its columns.
    width: usize,
    has_color: bool,
    /// Whether it has more characters than ASCII.
    is_utf8: bool,
}

impl Terminal {
    /// That of standard output; `None` if it is none.
    pub(super) fn of_output() -> Option<Self> {
        if !stdout().is_terminal() {
            return None;
        }
        let size = terminal_size::terminal_size_of(stdout());
        let names = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(std::env::var_os);
        let locale = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let locale = locale.to_string_lossy().to_lowercase();
        Some(Self {
            width: size.map_or(80, |(width, _)| usize::from(width.0)),
            has_color: AutoStream::choice(&stdout()) != ColorChoice::Never,
            is_utf8: locale.contains("utf-8") || locale.contains("utf8"),
        })
    }

    fn colored(self, code: &str, text: &str) -> String {
        let is_plain = !self.has_color || code.is_empty() || text.is_empty();
        if is_plain { text.to_owned() } else { format!("\x1b[{code}m{text}\x1b[0m") }
    }

    /// A bar of which so much is full. Whatever is not empty shows something.
    fn bar(self, used: usize, of: usize) -> String {
        let parts = if self.is_utf8 { 8 } else { 1 };
        let full = (used * BAR * parts).div_ceil(of.max(1)).min(BAR * parts);
        let (whole, part) = (full / parts, full % parts);
        let mut text = if self.is_utf8 { "\u{2588}" } else { "#" }.repeat(whole);
        // A block of so many eighths.
        let eighths =
            ['\u{258f}', '\u{258e}', '\u{258d}', '\u{258c}', '\u{258b}', '\u{258a}', '\u{2589}'];
        text.extend(part.checked_sub(1).and_then(|part| eighths.get(part)));
        let empty = BAR - whole - usize::from(part > 0);
        let empty = if self.is_utf8 { "\u{b7}" } else { "." }.repeat(empty);
        format!(
            "{}{}",
            self.colored(if used == of { "33" } else { "36" }, &text),
            self.colored("2", &empty)
        )
    }
}

/// A field's row, before it is drawn.
struct Row {
    name: String,
    /// Of a list, also how many items it has, and may have: `list<path> 2/4`.
    ty: String,
    origin: Origin,
    /// Its name, and the source that the value is usually from: `unset from git:version`.
    from: String,
    /// The bytes of the value, and the most that it may have; `None` where the type has one size.
    used: Option<(usize, usize)>,
    /// `5/64`; empty where the type has one size.
    size: String,
    /// Each on a line of its own: the items of a list.
    values: Vec<String>,
}

impl Row {
    fn of(field: &Field, evaluated: &Evaluated) -> Self {
        let (bytes, items) = evaluated.value.as_ref().map_or_else(Default::default, |value| {
            let (bytes, items) = field.encode(value);
            (bytes.len(), items)
        });
        let mut ty = field.ty.name().to_owned();
        if field.ty.is_list() {
            ty += &format!(" {items}/{}", field.max_items);
        }
        let has_one_size = field.ty.fixed_size().is_some();
        let values = evaluated.value.iter().flat_map(|value| super::items(field, value));
        Self {
            name: field.name.clone(),
            ty,
            origin: evaluated.origin,
            from: match &field.source {
                Some(source) => format!("{} from {}", evaluated.origin.name(), line(source)),
                None => evaluated.origin.name().to_owned(),
            },
            used: (!has_one_size).then_some((bytes, field.capacity as usize)),
            size: if has_one_size { String::new() } else { format!("{bytes}/{}", field.capacity) },
            // An empty text takes no line, but an empty item of a list does.
            values: values
                .filter(|text| field.ty.is_list() || !text.is_empty())
                .map(line)
                .collect(),
        }
    }
}

/// The record as lines for a terminal.
pub(super) fn draw(record: &Shown, terminal: Terminal) -> String {
    let fields = record.shape.fields.iter().zip(&record.values);
    let rows: Vec<Row> = fields.map(|(field, value)| Row::of(field, value)).collect();
    let mut text = format!(
        "{}: section {}, {}\n  {} at {:#x}, fingerprint {}\n",
        escaped(&record.path),
        terminal.colored("1", &record.shape.name),
        record.state,
        line(&record.spelling),
        record.offset,
        &hex(&record.fingerprint)[..16],
    );
    let widest = |text: &dyn Fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or_default();
    let name = widest(&|row| row.name.width());
    let ty = widest(&|row| row.ty.width());
    let origin = widest(&|row| row.from.width());
    let size = widest(&|row| row.size.width());
    // Two columns between each. A narrow terminal gets no bars.
    let left = 2 + name + 2 + ty + 2 + origin + 2 + BAR + 2 + size + 2;
    let is_beside = left + LEAST <= terminal.width;
    let (indent, room) = match is_beside {
        true => (left, terminal.width - left),
        false => (6, terminal.width.saturating_sub(6).max(LEAST)),
    };
    for row in &rows {
        let color = match row.origin {
            Origin::Unset => "33",
            Origin::Set => "32",
            Origin::Default | Origin::Derived => "",
        };
        let bar = match row.used {
            _ if left > terminal.width + 2 => String::new(),
            Some((used, of)) => terminal.bar(used, of) + "  ",
            None => " ".repeat(BAR + 2),
        };
        let start = format!(
            "  {}  {:ty$}  {}  {bar}{:>size$}",
            terminal.colored("1", &padded(&row.name, name)),
            row.ty,
            terminal.colored(color, &padded(&row.from, origin)),
            row.size,
        );
        let mut values = row.values.iter().flat_map(|value| wrapped(value, room));
        let first = if is_beside { values.next().unwrap_or_default() } else { String::new() };
        text += format!("{start}  {first}").trim_end();
        text.push('\n');
        for more in values {
            text += format!("{}{more}", " ".repeat(indent)).trim_end();
            text.push('\n');
        }
    }
    let sum = |of: &dyn Fn(&Field, &Evaluated) -> usize| -> usize {
        record.shape.fields.iter().zip(&record.values).map(|(field, value)| of(field, value)).sum()
    };
    let used =
        sum(&|field, value| value.value.as_ref().map_or(0, |value| field.encode(value).0.len()));
    let room = sum(&|field, _| field.capacity as usize);
    text += &format!(
        "  {} {used} of {room} bytes used; the record has {}",
        terminal.bar(used, room),
        record.size
    );
    text
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The text in lines of at most so many columns.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut at = 0;
    for char in text.chars() {
        let columns = char.width().unwrap_or(0);
        if at + columns > width {
            lines.push(String::new());
            at = 0;
        }
        at += columns;
        if let Some(last) = lines.last_mut() {
            last.push(char);
        }
    }
    lines
}
