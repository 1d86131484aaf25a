//! Why the dataplane does not start.

use dpdk::eal::{EalError, LaunchError};
use dpdk::mempool::MempoolError;
use dpdk::port::PortError;
use dpdk::ring::RingError;

use crate::admin::SocketError;
use crate::kernel::KernelInterfaceError;
use crate::snapshot::BuildError;

/// Why the dataplane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// DPDK.
    #[error(transparent)]
    Eal(#[from] EalError),
    /// A device that DPDK knows no port of.
    #[error(
        "{0}: DPDK has no driver for the device; `dpdk-devbind.py --status-dev net` lists NICs"
    )]
    NoPort(String),
    /// A port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The buffers.
    #[error(transparent)]
    Mempool(#[from] MempoolError),
    /// A ring.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// A worker.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The kernel interfaces.
    #[error(transparent)]
    Kernel(#[from] KernelInterfaceError),
    /// The configuration.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The control socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Capabilities.
    #[error(
        "this process may not do what the configuration asks for, as it lacks {0}: run it as root, \
         or with AmbientCapabilities= of these in its systemd unit"
    )]
    Privileges(String),
    /// More static neighbours than the table takes.
    #[error("the neighbour table has no room for every neighbour of the configuration")]
    Neighbours,
}
