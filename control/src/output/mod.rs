//! Tables, numbers and times for people.

pub mod colour;
pub mod date;
pub mod table;
pub mod units;

pub use table::Table;
