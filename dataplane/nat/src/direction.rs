//! The two directions of a connection.

/// Which way a packet of a connection travels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Direction {
    /// As the packet that opened the connection.
    Original = 0,
    /// Against it.
    Reply = 1,
}

impl Direction {
    /// The other direction.
    #[inline(always)]
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Direction::Original => Direction::Reply,
            Direction::Reply => Direction::Original,
        }
    }

    /// 0 for the original direction, 1 for the reply.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self as usize
    }
}
