//! The stages of a worker's poll, whose time is counted.

/// The stages of a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Role, orders, and the NIC's receive function.
    Receive,
    /// Headers to keys.
    Read,
    /// Tags to candidates.
    Match,
    /// Look-ups confirmed, packets translated.
    Forward,
    /// To the transmit bursts; and all of the slow path.
    Dispatch,
    /// Rings, connection sync, expiry.
    Other,
    /// The NIC's transmit function.
    Transmit,
}

impl Stage {
    /// How many there are.
    pub const COUNT: usize = 7;
}
