//! The lab: network namespaces in which the appliance meets real clients and servers.
//!
//! ```text
//!   tandem-client 198.51.100.100 --+                        +-- tandem-s1 10.0.0.11
//!                                  |   tandem-a             |
//!                                  +-- pub0 .2    priv0 .2 -+
//!                                  |         direct0        |
//!   tandem-upstream 198.51.100.1 --+      VIP .10  gw .1    +-- tandem-s2 10.0.0.12
//!      | 203.0.113.1               |         direct0        |
//!      |                           +-- pub0 .3    priv0 .3 -+
//!   tandem-internet 203.0.113.10   |   tandem-b             |
//!                                                           +-- tandem-s3 10.0.0.13
//! ```
//!
//! Scenarios about one appliance leave tandem-b idle.
//!
//! Both networks are bridges in a namespace of their own, tandem-switch. Nothing touches
//! the machine's own network: no veth ends in the root namespace and no route leads out.
//! Clients are curl, ab, dig and ping, servers are nginx and dnsmasq, all on the kernel's
//! own TCP/IP; between them is the real appliance.
//!
//! [`Lab::up`] raises everything, [`Lab::down`] takes it down whatever state it is in.
//! Scenarios begin with [`ready`], which gives them a lab that nobody else uses.

pub mod appliance;
pub mod conversation;
mod cut;
pub mod datagrams;
pub mod demo;
mod error;
pub mod faults;
pub mod flows;
pub mod groups;
pub mod hops;
pub mod image;
pub mod load;
pub mod measure;
pub mod namespace;
pub mod outage;
pub mod probe;
pub mod prometheus;
pub mod queues;
pub mod raw;
pub mod requests;
pub mod servers;
mod shared;
pub mod soak;
pub mod stopped;
pub mod takeover;
mod topology;
mod wait;
pub mod witness;

pub use rustix::process::Signal;

pub use appliance::{Appliance, Driver, Settings};
pub use conversation::{Conversation, Heard};
pub use cut::Cut;
pub use error::Error;
pub use faults::{Certificate, Fault};
pub use flows::Flows;
pub use load::{Loaded, Loading};
pub use namespace::{Namespace, Output, Task};
pub use probe::{Probed, Probing};
pub use prometheus::Prometheus;
pub use requests::{Requested, Requesting};
pub use shared::{Ready, lock, ready, ready_pair, ready_pair_with, ready_with};
pub use stopped::MainThread;
pub use takeover::{Takeover, neighbour, take_over};
pub use topology::{Lab, Options, Router};
pub use wait::wait_until;

/// Everything that the lab writes.
pub const FOLDER: &str = "/run/tandem-lab";
/// The virtual IP.
pub const VIP: &str = "198.51.100.10";
/// The private gateway address.
pub const GATEWAY: &str = "10.0.0.1";
/// A virtual IP that a reload brings.
pub const SECOND_VIP: &str = "198.51.100.20";
/// A private address that a reload brings.
pub const SECOND_GATEWAY: &str = "10.0.0.254";
/// The client.
pub const CLIENT: &str = "198.51.100.100";
/// The host behind the upstream router.
pub const INTERNET: &str = "203.0.113.10";
