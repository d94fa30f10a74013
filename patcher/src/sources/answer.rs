//! The answers of sources.

use std::time::{Duration, SystemTime};

use postlink_codegen::{Field, Literal, Problem, Value};

use crate::shown::line;

/// The answer of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A text, as if it were given on the command line.
    Text(String),
    /// Seconds since 1970.
    Moment(u64),
}

impl Answer {
    /// The value for a field: a moment is a number, or a text of RFC 3339 in UTC.
    ///
    /// # Errors
    /// It does not fit.
    pub(crate) fn value_for(&self, field: &Field) -> Result<Value, Problem> {
        match self {
            Self::Moment(seconds) if field.ty.integer_range().is_some() => {
                field.value_of_literal(&Literal::Integer((*seconds).into()))
            }
            answer => field.value_of_texts(&[&answer.text()]),
        }
    }

    /// As a text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Moment(seconds) => {
                let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds);
                humantime::format_rfc3339_seconds(moment).to_string()
            }
        }
    }

    /// As it is told. A moment is told in both forms, since an integer field stores its seconds.
    pub(super) fn told(&self) -> String {
        let text = line(self.text());
        match self {
            Self::Text(_) => format!("`{text}`"),
            Self::Moment(seconds) => format!("`{text}` ({seconds} seconds since 1970)"),
        }
    }

    /// The moment, or its day: `2026-11-24`.
    pub(super) fn day(self) -> Self {
        Self::Text(self.text().split('T').next().unwrap_or_default().to_owned())
    }
}

/// The last second of the year 9999, behind which RFC 3339 has no text.
const LAST_MOMENT: u64 = 253_402_300_799;

/// A moment from its digits; `None` where it is none.
pub(super) fn moment(digits: &str) -> Option<Answer> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let seconds = digits.parse().ok().filter(|&seconds| is_number && seconds <= LAST_MOMENT)?;
    Some(Answer::Moment(seconds))
}
