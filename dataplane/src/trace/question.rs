//! What would become of a packet that nobody has sent.

use std::net::Ipv4Addr;

use nat::policy::{Answer, Request};
use nat::translator::Preview;

use super::journey::{Considered, Found};
use crate::drop_reason::DropReason;

/// A question to the worker that owns the packet's connection, and its answer.
pub struct Question {
    pub request: Request<Ipv4Addr>,
    /// `None` until the worker has answered.
    pub answered: Option<Answered>,
}

/// What would become of the packet.
#[derive(Clone, Copy, Debug)]
pub enum Answered {
    /// It is dropped before anything is looked up.
    Dropped(DropReason),
    /// The kernel of this machine gets it.
    Kernel,
    /// It goes to another private host as it is.
    PrivateHost,
    /// It belongs to a connection; its way through the configuration may be gone.
    Known { found: Found, is_stale: bool, is_cut: bool },
    /// No connection is known.
    New { preview: Preview, considered: Option<Considered>, answer: Option<Answer> },
}
