//! Whether a NIC has its link.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::Device;
use dpdk::port::Port;

/// The link of one side.
pub struct NicLink {
    port: Arc<Port>,
    carrier: Option<PathBuf>,
}

impl NicLink {
    /// Of a started port.
    ///
    /// The drivers that work through an interface of the kernel say for ever that their
    /// link is up, so there the interface itself is asked.
    pub fn new(port: Arc<Port>, device: &Device) -> Self {
        let interface = match device {
            Device::Virtual(device) => device.argument("iface"),
            Device::Pci(_) => None,
        };
        let carrier = interface.map(|name| Path::new("/sys/class/net").join(name).join("carrier"));
        NicLink { port, carrier: carrier.filter(|path| path.exists()) }
    }

    /// Something is at the other end.
    pub fn is_up(&self) -> bool {
        match &self.carrier {
            // Of an interface that was taken down, or out, it cannot be read.
            Some(carrier) => fs::read(carrier).is_ok_and(|carrier| carrier.starts_with(b"1")),
            None => self.port.link().up,
        }
    }
}
