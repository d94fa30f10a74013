//! All that is read from the disk and written to it: one policy for links, modes, owners, extended
//! attributes, and for what a failure leaves.

pub(crate) mod attributes;
pub(crate) mod compare;
pub(crate) mod holes;
pub mod in_place;
pub mod open;
pub mod replace;
pub mod walk;
