//! Performance runs in the manner of testpmd.
//!
//! [`compare`] lets the real dataplane and dpdk-testpmd forward the same packets from the
//! same files, one after the other and several times in turn, and gives ratios of medians:
//! what is true of one such pair of runs is true of the machine and not of the hour.
//! [`run`] is one run of it alone, second by second. Which packets that are says
//! [`traffic`]; [`replay`] puts them into files.
//!
//! The [`rig`] has the real worker in this process: there are the runs that count cycles, and
//! those that need what a network would add: latency, and rates without loss.
//! [`sync`] counts what connection sync adds to a new connection, and how many events a second
//! go from one machine's worker to the other's table. [`resync`] counts what a peer that asks for
//! all connections costs forwarding, and [`scrape`] what a reader of the metrics costs it.
//!
//! Every run leaves a [`record`], which later runs can be compared with.

pub mod compare;
pub mod error;
pub mod flap;
pub mod hugepages;
pub mod machine;
pub mod packets;
mod pcap;
pub mod record;
pub mod replay;
pub mod resync;
pub mod rig;
pub mod run;
mod run_settings;
pub mod scrape;
pub mod statistics;
pub mod sync;
pub mod tandem;
pub mod testpmd;
pub mod traffic;

pub use error::Error;
