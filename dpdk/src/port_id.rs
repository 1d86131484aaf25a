//! The numbers by which DPDK knows ports.

/// The number that DPDK gives a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortId(pub(crate) u16);
