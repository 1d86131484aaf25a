//! Raw bindings to the installed libdpdk.
//!
//! Generated at build time for the version that pkg-config finds (22.11 or newer), from
//! an explicit list of functions; what DPDK has as inline functions comes through a small
//! C shim under names that begin with `tandem_`. Use the crate `dpdk` instead of this one.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::all)]
#![allow(unknown_lints, unnecessary_transmutes)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
