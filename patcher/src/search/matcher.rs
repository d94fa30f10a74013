//! Finds the first of several strings in bytes.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};

use crate::error::{Error, Result};

/// A search for all patterns at once.
#[derive(Debug)]
pub(super) enum Engine {
    /// With SIMD: several times as fast.
    Vectors(packed::Searcher),
    /// For processors without that, and for more patterns than it can take.
    Automaton(AhoCorasick),
}

impl Engine {
    /// What looks for these strings.
    ///
    /// # Errors
    /// They are too many.
    pub(super) fn new(cores: &[&[u8]]) -> Result<Self> {
        Ok(match packed::Config::new().builder().extend(cores).build() {
            Some(vectors) => Self::Vectors(vectors),
            // As the vectors do: of matches that overlap, the one that begins first.
            None => Self::Automaton(
                AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(cores).map_err(
                    |error| {
                        let message = format!("cannot search this many references: {error}");
                        Error::usage(message, "name fewer")
                    },
                )?,
            ),
        })
    }

    /// Where the first pattern begins in a range of these bytes.
    pub(super) fn find(&self, bytes: &[u8], range: Range<usize>) -> Option<usize> {
        let found = match self {
            Self::Vectors(vectors) => vectors.find_in(bytes, Span::from(range)),
            Self::Automaton(automaton) => automaton.find(Input::new(bytes).range(range)),
        };
        found.map(|found| found.start())
    }
}
