//! The appliance among real clients and servers, one story at a time. The kernel's own
//! TCP/IP at both ends is the judge.
//!
//! Each scenario gets a lab that is up and that nobody else uses; see [`lab::ready`].
//! `TANDEM_LAB_ROUTER=kernel` lets the kernel forward instead, to tell a fault of the lab
//! from a fault of the appliance (scenarios about the appliance itself fail then).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod browser;
mod capture;
mod connections;
mod dns;
mod drain;
mod floating;
mod forged;
mod forgotten;
mod fragments;
mod full_table;
mod fuzz;
mod hairpin;
mod health;
mod http;
mod icmp;
mod import;
mod limits;
mod main_core;
mod masquerade;
mod neighbours;
mod padding;
mod pair;
mod passive;
mod path_mtu;
mod ping;
mod port_range;
mod reload;
mod schedulers;
mod sources;
mod stop;
mod throughput;
mod trace;
mod traceroute;
mod unsolicited;
mod versions;
mod weights;
mod workers;
