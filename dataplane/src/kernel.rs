//! The kernel's interface to a side: a TAP device that carries this machine's real
//! address, for SSH, health checks and routing daemons.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use config::Interface;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};
use wire::MacAddress;

/// The TAP device could not be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "the kernel interface {name} could not be made: {source}; it takes CAP_NET_ADMIN, \
     /dev/net/tun, and that no other interface has the name or the address"
)]
pub struct KernelInterfaceError {
    name: String,
    source: io::Error,
}

/// A TAP device. It is gone when this is dropped.
pub struct KernelInterface {
    device: SyncDevice,
}

impl KernelInterface {
    /// Makes the device, with the NIC's Ethernet address and this machine's address.
    ///
    /// # Errors
    ///
    /// [`KernelInterfaceError`].
    pub fn create(side: &Interface, mac: MacAddress) -> Result<Self, KernelInterfaceError> {
        let build = || {
            let device = DeviceBuilder::new()
                .name(side.kernel_interface.as_str())
                .layer(Layer::L2)
                .mac_addr(mac.0)
                .mtu(side.mtu)
                .ipv4(side.address.address, side.address.prefix, None)
                .build_sync()?;
            device.set_nonblocking(true)?;
            Ok(KernelInterface { device })
        };
        build()
            .map_err(|source| KernelInterfaceError { name: side.kernel_interface.clone(), source })
    }

    /// Gives the kernel a frame. False if it takes no more now.
    pub fn send(&self, frame: &[u8]) -> bool {
        self.device.send(frame).is_ok()
    }

    /// Takes a frame that the kernel sends; `None` when there is none.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let length = self.device.recv(buffer).ok()?;
        buffer.get(..length)
    }
}

impl AsFd for KernelInterface {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
