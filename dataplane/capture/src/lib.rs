//! Copies of packets, from the workers that meet them to whoever writes them down.
//!
//! ```text
//!   worker: Session                                   another thread: Intake
//!     arrives, leaves --copy--> pending --settle--> full  ------------>  next
//!        ^                                                                |
//!        '------------------------- free  <------------------------- give_back
//! ```
//!
//! A worker has a [`Session`] only while a capture runs. Every buffer is made before it begins and
//! goes round: the worker allocates nothing and waits for nobody. A packet for which no buffer is
//! free is counted as lost, and goes its way like any other.
//!
//! A packet is selected if the filter accepts it as it arrives or as it leaves, and then both are
//! copied. So what arrives is copied before it is known whether it is wanted, and the copies
//! of a poll are looked at together at its end ([`Session::settle`]), when it is also known
//! to which connection they belong. A [`Mark`] on the packet joins the two.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod counts;
mod flow;
mod mark;
mod packet_copy;
mod selection;
mod session;

pub use counts::{Counts, SideCounts};
pub use mark::Mark;
pub use packet_copy::{Course, Ending, PacketCopy};
pub use selection::{Points, Selection};
pub use session::{Arrived, Frame, Intake, Session, Settings, session};
