//! Why the dataplane does not start.

use dpdk::eal::{DeviceError, EalError, LaunchError};
use dpdk::mempool::MempoolError;
use dpdk::port::PortError;
use dpdk::ring::RingError;

use crate::admin::SocketError;
use crate::kernel::KernelInterfaceError;
use crate::snapshot::BuildError;

/// Why the dataplane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Eal(#[from] EalError),
    /// A device that DPDK knows no port of.
    #[error(
        "{0}: DPDK has no driver for the device; `dpdk-devbind.py --status-dev net` lists NICs"
    )]
    NoPort(String),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Mempool(#[from] MempoolError),
    #[error(transparent)]
    Ring(#[from] RingError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Kernel(#[from] KernelInterfaceError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(
        "this process may not do what the configuration asks for, as it lacks {0}: run it as root, \
         or with AmbientCapabilities= of these in its systemd unit"
    )]
    Privileges(String),
    /// More static neighbours than the table takes.
    #[error("the neighbour table has no room for every neighbour of the configuration")]
    Neighbours,
}

impl StartError {
    /// True if a NIC is not there, or not given to DPDK: it may come back.
    pub fn is_absent_nic(&self) -> bool {
        use DeviceError::{KernelDriver, NoDriver, NotFound};
        let StartError::Eal(EalError::Device(error)) = self else { return false };
        matches!(error, NotFound(_) | NoDriver(_) | KernelDriver { .. })
    }
}
