//! The TOML text as tables and values, each with its place.

pub(crate) mod duration;
mod report;
mod suggestion;
mod syntax;
mod table;
pub(crate) mod value;

pub(crate) use report::{Report, place_of};
pub(crate) use syntax::parse;
pub(crate) use table::Table;

use core::ops::Range;

/// Bytes of the text.
pub(crate) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}
