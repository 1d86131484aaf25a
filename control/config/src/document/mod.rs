//! The TOML texts as tables and values, each with its place.

pub(crate) mod duration;
mod report;
pub(crate) mod shift;
mod suggestion;
mod syntax;
mod table;
mod texts;
pub(crate) mod value;

pub(crate) use report::{Report, place_of};
pub(crate) use suggestion::nearest;
pub(crate) use syntax::parse;
pub(crate) use table::Table;

use core::ops::Range;

/// Places in the row of all texts (`texts`): in one file's these are its bytes.
pub(crate) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}
