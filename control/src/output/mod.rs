//! Tables, numbers and times for people.

pub mod date;
pub mod table;
pub mod units;

pub use table::Table;
