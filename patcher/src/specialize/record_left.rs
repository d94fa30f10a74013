//! What stays of old paths in a record that is filled: the plan tells it by the field, before the gate
//! would find its bytes.

use std::ops::Range;
use std::path::Path;

use postlink_codegen::Default;
use postlink_format::Record;

use crate::edit::overlay;
use crate::record::edit::RecordEdit;
use crate::scan::finding::finding_of;
use crate::scan::finding::{Action, Finding, FindingKind, IN_DEFAULT, JOINED, SET_TO_OLD};
use crate::search::boundary::Fit;
use crate::search::engine::Searcher;
use crate::search::hits::Hit;
use crate::shown::shown;

/// The references in a record as it becomes, which `searcher` takes for old ones, in the file of this name.
pub(super) fn left(edit: &RecordEdit, searcher: &Searcher, name: &Path) -> Vec<Finding> {
    let Range { start, end } = edit.range();
    let mut bytes = vec![0; (end - start) as usize];
    overlay(&mut bytes, start, edit.edits());
    let Ok(record) = Record::parse(&bytes) else { return Vec::new() };
    let told = |kind: FindingKind, hit: &Hit, field: Option<&str>, advice: &'static str| {
        let text = around(&bytes, &Hit { offset: hit.offset - start, ..*hit });
        let found = finding_of(name, kind, hit, text);
        Finding {
            action: Action::None,
            section: Some(edit.shape.name.clone()),
            field: field.map(str::to_owned),
            // What is only possible has its own way out.
            advice: if found.possible { found.advice.clone() } else { advice.into() },
            ..found
        }
    };
    let mut left = Vec::new();
    let layout = edit.shape.layout();
    let fields = || edit.shape.fields.iter().zip(&layout.values);
    for hit in searcher.bytes(&edit.area.after).iter().filter(|hit| hit.fit != Fit::Inside) {
        let offset = edit.area.offset + hit.offset;
        let at = offset - start;
        let is_in = |(field, from): &(&postlink_codegen::Field, &u32)| {
            (u64::from(**from)..u64::from(**from) + u64::from(field.room())).contains(&at)
        };
        let field = fields().find(is_in).map(|(field, _)| field);
        let is_joined = field.is_some_and(|field| {
            !field.ty.is_text() || matches!(field.default, Some(Default::Derived(_)))
        });
        let advice = if is_joined { JOINED } else { SET_TO_OLD };
        let hit = Hit { offset, ..*hit };
        left.push(told(FindingKind::Value, &hit, field.map(|field| &*field.name), advice));
    }
    for field in record.fields() {
        for hit in searcher.text(field.default) {
            let offset = start + u64::from(field.default_offset) + hit.offset;
            let hit = Hit { offset, ..hit };
            left.push(told(FindingKind::Descriptor, &hit, Some(field.name), IN_DEFAULT));
        }
    }
    left
}

/// The text in which a hit is, up to the next byte that cannot be shown.
fn around(bytes: &[u8], hit: &Hit) -> String {
    let (from, to) = (hit.offset as usize, (hit.offset + hit.length) as usize);
    let before = bytes[..from].iter().rev().take_while(|byte| !byte.is_ascii_control()).count();
    let behind = bytes[to..].iter().take_while(|byte| !byte.is_ascii_control()).count();
    shown(&bytes[from - before..to + behind])
}
