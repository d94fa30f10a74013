//! References from default to default, followed in time that grows with their number.

use postlink_format::Type;

use crate::model::{Field, Shape};
use crate::words::quoted;

/// For each field, a required field without which it has no value: itself, or the first in the
/// schema that it is derived from in the end.
pub(crate) fn required_fields(shape: &Shape) -> Vec<Option<&str>> {
    let followers = followers(&references(shape));
    let mut required = vec![None; shape.fields.len()];
    for (position, field) in shape.fields.iter().enumerate() {
        if field.default.is_none() {
            let mut open = vec![position];
            while let Some(next) = open.pop() {
                if required[next].is_none() {
                    required[next] = Some(field.name.as_str());
                    open.extend(&followers[next]);
                }
            }
        }
    }
    required
}

/// The positions of all fields, each behind those that its default refers to.
pub(crate) fn order(shape: &Shape) -> Vec<usize> {
    ordered(&references(shape)).0
}

/// The fields whose default refers to a field that does not exist, to one that cannot stand in a
/// text, or to itself in the end; each with a sentence that says so. Of a circle of fields it is the
/// first.
pub(crate) fn bad_derivations(shape: &Shape) -> Vec<(&Field, String)> {
    let positions = shape.positions();
    let bad_reference = |name: &str| {
        let Some(&position) = positions.get(name) else {
            let near = shape.nearest(name).map(|near| format!("; did you mean `{{{near}}}`?"));
            return Some(format!("there is no field {}{}", quoted(name), near.unwrap_or_default()));
        };
        let ty = shape.fields[position].ty;
        let unfit = ty.is_list() || ty == Type::Bytes;
        unfit.then(|| format!("`{name}` is {}, which cannot stand inside a text", ty.name()))
    };
    let bad = shape.fields.iter().filter_map(|field| {
        field.references().find_map(bad_reference).map(|sentence| (field, sentence))
    });
    let circles = circles(&references(shape)).into_iter().map(|circle| {
        let names = circle.iter().chain(&circle[..1]).map(|&field| &*shape.fields[field].name);
        let names: Vec<&str> = names.collect();
        (&shape.fields[circle[0]], format!("it follows itself: {}", names.join(" → ")))
    });
    bad.chain(circles).collect()
}

/// The positions of the fields that each field's default refers to.
fn references(shape: &Shape) -> Vec<Vec<usize>> {
    let positions = shape.positions();
    let of = |field: &Field| {
        field.references().filter_map(|name| positions.get(name).copied()).collect()
    };
    shape.fields.iter().map(of).collect()
}

/// The fields whose default refers to each field.
fn followers(references: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut followers = vec![Vec::new(); references.len()];
    for (field, names) in references.iter().enumerate() {
        for &name in names {
            followers[name].push(field);
        }
    }
    followers
}

/// All fields, each behind those that its default refers to; at the end, in no such order, those
/// that follow themselves in the end, and what follows them. These are counted.
fn ordered(references: &[Vec<usize>]) -> (Vec<usize>, usize) {
    let followers = followers(references);
    // The number of each field's references to fields that have no place yet.
    let mut open: Vec<usize> = references.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..open.len()).filter(|&field| open[field] == 0).collect();
    let mut placed = 0;
    while let Some(&field) = order.get(placed) {
        placed += 1;
        for &follower in &followers[field] {
            open[follower] -= 1;
            if open[follower] == 0 {
                order.push(follower);
            }
        }
    }
    order.extend((0..open.len()).filter(|&field| open[field] > 0));
    (order, open.len() - placed)
}

/// Circles of references, no two of which share a field. There is none only if no field follows
/// itself.
fn circles(references: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let (order, left) = ordered(references);
    let left = &order[order.len() - left..];
    let mut is_left = vec![false; order.len()];
    left.iter().for_each(|&field| is_left[field] = true);
    let mut seen = vec![false; order.len()];
    let mut circles = Vec::new();
    // Each field that is left refers to one that is left: these references lead into circles.
    for &start in left {
        let mut way = Vec::new();
        let mut next = Some(start);
        while let Some(field) = next.filter(|&field| !seen[field]) {
            seen[field] = true;
            way.push(field);
            next = references[field].iter().copied().find(|&name| is_left[name]);
        }
        if let Some(begin) = way.iter().position(|&field| Some(field) == next) {
            let mut circle = way.split_off(begin);
            let first = (0..circle.len()).min_by_key(|&at| circle[at]).unwrap_or_default();
            circle.rotate_left(first);
            circles.push(circle);
        }
    }
    circles
}
