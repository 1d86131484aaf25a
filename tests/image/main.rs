//! The appliance's image in virtual machines, with the lab's clients and servers around them.
//!
//! `make image` makes what is tested here; `make image-test` runs all of it, and the smoke is part
//! of `make test`. What is emulated is slow, so nothing here is timed: every step is waited for.

#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.

mod artefacts;
mod hardware;
mod network;
mod pair;
mod recovery;
mod smoke;
mod upgrade;
mod upgrade_pair;

use lab::Lab;
use lab::image::Machine;

/// Asks for the page of a web server through the virtual IP.
fn ask() -> String {
    format!("curl -s -m 10 http://{}/", lab::VIP)
}

/// Waits until a client gets an answer through the virtual IP.
fn await_answer(machine: &Machine) {
    let answers = || Lab::CLIENT.sh(&ask()).is_ok_and(|output| output.stdout.starts_with('s'));
    machine.wait("it forwards", answers).unwrap();
}
