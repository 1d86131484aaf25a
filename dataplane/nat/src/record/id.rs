//! How connections are referred to.

/// The number that is no connection's; it ends a list of them.
pub(crate) const NONE: u32 = u32::MAX;

/// The number of a record in its table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub(crate) u32);

impl ConnectionId {
    /// The record's position, from zero.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
