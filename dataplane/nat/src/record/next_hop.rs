//! A neighbour as connections remember it.

/// The number of a neighbour in the dataplane's neighbour table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct NextHop(pub u16);

impl NextHop {
    /// No neighbour is known.
    pub const NONE: NextHop = NextHop(u16::MAX);
}
