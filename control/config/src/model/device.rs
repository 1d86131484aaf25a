//! What DPDK drives: a NIC on the PCI bus, or a virtual device.

use core::fmt;
use core::str::FromStr;

/// The device behind one side, as DPDK names it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Device {
    /// A NIC by its place on the PCI bus.
    Pci(PciAddress),
    /// A device that a driver makes in software.
    Virtual(VirtualDevice),
}

impl fmt::Display for Device {
    /// The device as EAL's `-a` or `--vdev` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Pci(address) => address.fmt(f),
            Device::Virtual(device) => device.fmt(f),
        }
    }
}

impl FromStr for Device {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, ParseDeviceError> {
        if let Some(address) = PciAddress::parse(text) {
            return Ok(Device::Pci(address));
        }
        VirtualDevice::parse(text).map(Device::Virtual).ok_or(ParseDeviceError)
    }
}

/// Neither a PCI address nor a virtual device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "not a PCI address like 0000:03:00.0, nor a DPDK virtual device like net_af_packet0,iface=eth0"
)]
pub struct ParseDeviceError;

/// A place on the PCI bus: domain, bus, device, function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PciAddress {
    /// Domain (segment).
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Device, below 32.
    pub device: u8,
    /// Function, below 8.
    pub function: u8,
}

impl PciAddress {
    /// From `0000:03:00.0`, or `03:00.0` in domain 0; all hexadecimal.
    fn parse(text: &str) -> Option<Self> {
        let (rest, function) = text.split_once('.')?;
        let mut parts = rest.rsplit(':');
        let device = hexadecimal(parts.next()?, 2)?;
        let bus = hexadecimal(parts.next()?, 2)?;
        let domain = parts.next().map_or(Some(0), |domain| hexadecimal(domain, 8))?;
        let function = hexadecimal(function, 1)?;
        if parts.next().is_some() || device >= 32 || function >= 8 {
            return None;
        }
        Some(PciAddress {
            domain,
            bus: u8::try_from(bus).ok()?,
            device: u8::try_from(device).ok()?,
            function: u8::try_from(function).ok()?,
        })
    }
}

fn hexadecimal(digits: &str, most: usize) -> Option<u32> {
    let fits = !digits.is_empty() && digits.len() <= most;
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if fits && hexadecimal { u32::from_str_radix(digits, 16).ok() } else { None }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PciAddress { domain, bus, device, function } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function:x}")
    }
}

/// A device that a DPDK driver makes in software, as `--vdev` takes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VirtualDevice {
    /// Driver and a number: `net_af_packet0`.
    pub name: String,
    /// What follows the name's comma: `iface=eth0`; may be empty.
    pub arguments: String,
}

impl VirtualDevice {
    fn parse(text: &str) -> Option<Self> {
        let (name, arguments) = text.split_once(',').unwrap_or((text, ""));
        let known = name.starts_with("net_") || name.starts_with("virtio_user");
        let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        let printable = arguments.bytes().all(|c| c.is_ascii_graphic());
        // EAL holds a device's name in RTE_DEV_NAME_MAX_LEN (64) bytes.
        if !known || !plain || !printable || !(5..64).contains(&name.len()) {
            return None;
        }
        Some(VirtualDevice { name: name.to_owned(), arguments: arguments.to_owned() })
    }

    /// The driver: the name without its number.
    pub fn driver(&self) -> &str {
        self.name.trim_end_matches(|c: char| c.is_ascii_digit())
    }

    /// The value of one argument: `iface` of `iface=eth0,qpairs=2` is `eth0`.
    pub fn argument(&self, key: &str) -> Option<&str> {
        let pairs = self.arguments.split(',').filter_map(|argument| argument.split_once('='));
        pairs.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl fmt::Display for VirtualDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.arguments.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{},{}", self.name, self.arguments)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pci_addresses_long_and_short() {
        let long: Device = "0000:03:00.1".parse().unwrap();
        assert_eq!(long, Device::Pci(PciAddress { domain: 0, bus: 3, device: 0, function: 1 }));
        assert_eq!("03:00.1".parse::<Device>().unwrap(), long);
        assert_eq!(long.to_string(), "0000:03:00.1");
        let far: Device = "10000:e1:1f.7".parse().unwrap();
        assert_eq!(far.to_string(), "10000:e1:1f.7");
    }

    #[test]
    fn virtual_devices_keep_their_arguments() {
        let device: Device = "net_af_packet0,iface=eth0,qpairs=2".parse().unwrap();
        assert_eq!(device.to_string(), "net_af_packet0,iface=eth0,qpairs=2");
        let Device::Virtual(device) = device else { panic!("a virtual device") };
        assert_eq!(device.driver(), "net_af_packet");
        assert_eq!(device.argument("qpairs"), Some("2"));
        assert_eq!(device.argument("ifac"), None);
        assert_eq!("net_null0".parse::<Device>().unwrap().to_string(), "net_null0");
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "eth0",
            "03:00",
            "0000:03:20.0",
            "0000:03:00.8",
            "1:0000:03:00.0",
            "+3:00.0",
            "net_",
        ] {
            assert_eq!(text.parse::<Device>(), Err(ParseDeviceError), "{text:?}");
        }
    }
}
