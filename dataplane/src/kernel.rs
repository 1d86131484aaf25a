//! The kernel's interface to a side: a TAP device that carries this machine's real
//! address, for SSH, health checks and routing daemons.

use core::time::Duration;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Instant;

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
            settle(&device, mac)?;
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

/// The longest that udev may take over a new interface.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until udev has done what it does with a new interface, and has the device keep its
/// Ethernet address.
///
/// udev gives interfaces an address of its own making where they have one that was drawn
/// (`MACAddressPolicy=persistent` in systemd.link(5)), as a TAP device has at first. It decides so by
/// what it finds when it comes to it, which may be before or after the address is set here. The
/// other machine and the servers would then send to a card that does not answer.
fn settle(device: &SyncDevice, mac: MacAddress) -> io::Result<()> {
    if is_seen_by_udev() {
        let note = format!("/run/udev/data/n{}", device.if_index()?);
        let deadline = Instant::now() + PATIENCE;
        while !Path::new(&note).exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    if device.mac_address()? != mac.0 {
        device.set_mac_address(mac.0)?;
    }
    Ok(())
}

/// True where udev runs, and in this network namespace.
fn is_seen_by_udev() -> bool {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    Path::new("/run/udev/control").exists()
        // Without all of the first process's rights its namespace cannot be read: then it is taken
        // to be the same, and waited for.
        && namespace("1").is_none_or(|first| namespace("self") == Some(first))
}
