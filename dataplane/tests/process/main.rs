//! The process as its operator has it: the program itself, with devices that lead nowhere.
//! For root, as the product is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod additions;
mod buffers;
mod log;
mod pages;
mod privileges;
mod process;
mod real_time;
mod reload;
mod sharing;
mod signals;
mod stopped;
mod watchdog;
