//! The two networks of the appliance.

use core::fmt;

/// The network that a packet comes from or goes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Side {
    /// Where the clients are.
    Public = 0,
    /// Where the real servers are.
    Private = 1,
}

impl Side {
    /// Both, in index order.
    pub const ALL: [Side; 2] = [Side::Public, Side::Private];

    /// The other side.
    #[inline(always)]
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Side::Public => Side::Private,
            Side::Private => Side::Public,
        }
    }

    /// 0 for public, 1 for private.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Public => "public",
            Side::Private => "private",
        })
    }
}
