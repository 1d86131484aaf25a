//! Numbers of cores and of NUMA sockets.

use core::fmt;

/// A processor core, by the kernel's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CoreId(pub u16);

impl fmt::Display for CoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A NUMA socket, by the number that DPDK and the kernel give it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketId(pub(crate) i32);

impl SocketId {
    /// Any socket that has free memory (DPDK's `SOCKET_ID_ANY`).
    pub const ANY: SocketId = SocketId(-1);

    /// Names the socket with this number.
    pub const fn new(number: u16) -> Self {
        SocketId(number as i32)
    }

    /// The number of the socket; `None` for [`SocketId::ANY`].
    pub fn number(self) -> Option<u16> {
        u16::try_from(self.0).ok()
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => number.fmt(f),
            None => f.write_str("any"),
        }
    }
}
