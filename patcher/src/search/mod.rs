//! Searches.

pub(crate) mod boundary;
pub(crate) mod counted;
pub(crate) mod encoding;
pub(crate) mod engine;
pub(crate) mod hits;
mod matcher;
pub(crate) mod parts;
pub(crate) mod pieces;
pub(crate) mod reference;
pub(crate) mod text;
pub(crate) mod unpack;
