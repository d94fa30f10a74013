//! Records: those of a file, and the values that they are given.

pub(crate) mod area;
pub(crate) mod assign;
pub(crate) mod declared;
pub(crate) mod descriptor;
pub(crate) mod edit;
pub(crate) mod read;
pub(crate) mod seals;
pub(crate) mod values;
pub(crate) mod warnings;

pub use self::edit::RecordEdit;
pub use self::read::{Image, RecordPlace, RecordSection};
pub use self::values::{Assignment, ValueFile, Values, assignments};
pub use crate::files::open::Mode;
pub use crate::sources::Sources;
