//! Searches.

pub mod engine;
pub mod reference;
pub mod text;
pub mod unpack;
