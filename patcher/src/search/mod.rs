//! Searches.

pub(crate) mod engine;
pub(crate) mod hits;
pub(crate) mod reference;
pub(crate) mod text;
pub(crate) mod unpack;
