//! Whether a NIC has its link, and whether it is still the one that was set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::NicState;
use config::Device;
use dpdk::port::{Events, Port};

/// The link of one side.
pub struct NicLink {
    port: Arc<Port>,
    carrier: Option<PathBuf>,
    /// What the device had told of itself at the last look.
    seen: Events,
    /// What it had told when it was set up: drivers may reset it themselves then.
    first: Events,
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
        let carrier = carrier.filter(|path| path.exists());
        let first = port.events();
        NicLink { port, carrier, seen: first, first }
    }

    /// The device has told something since the last time.
    pub fn has_news(&mut self) -> bool {
        let events = self.port.events();
        core::mem::replace(&mut self.seen, events) != events
    }

    /// What has become of the device.
    pub fn nic(&self) -> NicState {
        let Events { removals, resets, .. } = self.port.events();
        if removals != self.first.removals {
            NicState::Removed
        } else if resets != self.first.resets {
            NicState::Reset
        } else {
            NicState::Present
        }
    }

    /// Something is at the other end. Of a device that was reset or removed nobody is asked.
    pub fn is_up(&self) -> bool {
        if self.nic() != NicState::Present {
            return false;
        }
        match &self.carrier {
            // Of an interface that was taken down, or out, it cannot be read.
            Some(carrier) => fs::read(carrier).is_ok_and(|carrier| carrier.starts_with(b"1")),
            None => self.port.link().up,
        }
    }
}
