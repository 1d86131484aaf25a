//! Tables, numbers and times for people.

pub mod colour;
pub mod date;
pub mod screen;
pub mod table;
pub mod terminal;
pub mod units;
pub mod wrap;

pub use table::Table;
