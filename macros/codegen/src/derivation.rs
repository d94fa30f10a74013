//! Which field is derived from which.

use std::collections::{BTreeMap, BTreeSet};

use postlink_format::Type;

use crate::model::{Field, Shape};

/// The required field that must be given so that this one has a value: itself, or one that it is
/// derived from in the end.
pub(crate) fn required_for<'a>(shape: &'a Shape, field: &'a Field) -> Option<&'a str> {
    let mut seen = BTreeSet::from([field.name.as_str()]);
    let mut open = vec![field];
    while let Some(field) = open.pop() {
        if field.default.is_none() {
            return Some(&field.name);
        }
        let new = field.references().filter(|name| seen.insert(*name));
        open.extend(new.filter_map(|name| Some(&shape.fields[shape.position(name)?])));
    }
    None
}

/// The fields whose default refers to a field that does not exist, to one that cannot stand in a text, or to
/// itself in the end; each with a sentence that says so.
pub(crate) fn bad_derivations(shape: &Shape) -> impl Iterator<Item = (&Field, String)> {
    shape.fields.iter().filter_map(|field| {
        let sentence = field.references().find_map(|name| bad_reference(shape, name));
        let sentence = sentence
            .or_else(|| cycle(shape, field).map(|cycle| format!("it follows itself: {cycle}")));
        sentence.map(|sentence| (field, sentence))
    })
}

fn bad_reference(shape: &Shape, name: &str) -> Option<String> {
    let Some(position) = shape.position(name) else {
        let near = shape.nearest(name).map(|near| format!("; did you mean `{{{near}}}`?"));
        return Some(format!("there is no field `{name}`{}", near.unwrap_or_default()));
    };
    let ty = shape.fields[position].ty;
    let unfit = ty.is_list() || ty == Type::Bytes;
    unfit.then(|| format!("`{name}` is {}, which cannot stand inside a text", ty.name()))
}

/// The way from a field back to itself, if there is one: `a → b → a`.
fn cycle(shape: &Shape, start: &Field) -> Option<String> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![start];
    while let Some(field) = open.pop() {
        for name in field.references() {
            if name == start.name {
                let mut way = vec![name, &field.name];
                while let Some(before) = came_from.get(way[way.len() - 1]) {
                    way.push(before);
                }
                way.dedup();
                if way.len() == 1 {
                    way.push(name);
                }
                way.reverse();
                return Some(way.join(" → "));
            }
            if !came_from.contains_key(name) {
                came_from.insert(name, &field.name);
                open.push(&shape.fields[shape.position(name)?]);
            }
        }
    }
    None
}
