//! What a whole run does.

use std::sync::atomic::AtomicBool;

use super::beside::Beside;
use super::rules::Rules;
use crate::image::Allowed;
use crate::record::values::Assignment;
use crate::search::engine::Searcher;

/// What a whole run does.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// What becomes of old paths.
    pub(crate) rules: &'a Rules<'a>,
    /// Finds what is left of them in what is written.
    pub(crate) old: &'a Searcher,
    /// Values that are given for declared fields.
    pub(crate) assignments: &'a [Assignment],
    /// What may become of signatures.
    pub(crate) allowed: Allowed,
    /// Which files may look beside themselves.
    pub(crate) beside: &'a Beside,
    /// Is set when nothing more is to be planned.
    pub(crate) stop: &'a AtomicBool,
}
