//! The command line, and the process that keeps the two machines of a pair in step.
//!
//! `tandem` asks the dataplane and tandem-control over their sockets and shows the answer:
//! as tables for people, or with `--json` as the answer itself. `tandem check` needs no
//! dataplane. Each command is one file in [`command`]; what it writes with is in
//! [`output`].
//!
//! `tandem-control` exchanges [`heartbeat`]s with the peer and feeds them to the state
//! machine of the crate `failover`; what that decides, [`role`] has the dataplane do.

pub mod boot;
pub mod clock;
pub mod command;
pub mod configuration;
pub mod daemon;
pub mod dataplane_client;
pub mod error;
pub mod events;
pub mod health;
pub mod heartbeat;
pub mod http;
pub mod log;
pub mod log_limiter;
pub mod measures;
pub mod metrics;
pub mod output;
pub mod packet_filter;
pub mod pair_key;
pub mod pair_socket;
pub mod passive;
pub mod realtime;
pub mod reload;
pub mod role;
pub mod servers;
pub mod status_page;
pub mod sync;
pub mod upgrade;
pub mod versions;
pub mod watchdog;
pub mod witness;

pub use keys as key;
