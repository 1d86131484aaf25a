//! Upgrades of the appliance's image, from one machine of the pair to the other.
//!
//! ```text
//!   tandem upgrade --pair == TCP, Noise ==> tandem-control --> /var/lib/tandem/upgrade
//!       [send]                                 [receive]               |
//!                                                      tandem-upgrade.path, tandem upgrade
//! ```
//!
//! tandem-control only receives a file and tells how the machine is. What changes the machine is
//! `tandem upgrade`, which systemd starts beside it with the rights that this takes, and which
//! believes nothing that is not signed.

pub mod machine;
pub mod message;
pub mod receive;
pub mod send;

pub use machine::Machine;
pub use message::{Answer, Install, Order, State};
