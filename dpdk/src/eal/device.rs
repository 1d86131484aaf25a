//! Devices: a NIC on the PCI bus, or a virtual device.

use std::ffi::{CStr, CString};
use std::fs;
use std::path::Path;

use super::describe;

/// Drivers of the kernel that let a process drive the NIC.
const USER_SPACE_DRIVERS: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];
/// NICs that the kernel and DPDK drive together (mlx4, mlx5, mana).
const SHARED_DRIVERS: [&str; 3] = ["mlx5_core", "mlx4_core", "mana"];

/// A device that DPDK is to drive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeviceSpec {
    /// A PCI device by its address, such as 0000:03:00.0.
    Pci(String),
    /// A virtual device by DPDK's name of it, such as net_af_packet0, with its arguments.
    Virtual {
        /// The name of the driver followed by a number.
        name: String,
        /// The driver's arguments: everything after the first comma.
        arguments: String,
    },
}

/// Why a device cannot be driven.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeviceError {
    /// No PCI device has this address.
    #[error("there is no PCI device {0}; `dpdk-devbind.py --status-dev net` lists those there are")]
    NotFound(String),
    /// A driver of the kernel is bound to the device.
    #[error(
        "the NIC {address} is driven by the kernel's {driver}; give it to DPDK with \
         `dpdk-devbind.py --bind=vfio-pci {address}`"
    )]
    KernelDriver {
        /// The PCI address of the device.
        address: String,
        /// The name of the kernel's driver.
        driver: String,
    },
    /// No driver is bound to the device with this PCI address.
    #[error(
        "the NIC {0} has no driver; give it to DPDK with \
         `modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci {0}`"
    )]
    NoDriver(String),
    /// DPDK's driver refused to start the device.
    #[error("the device {device} could not be started: {cause}{hint}")]
    Refused {
        /// The device, as it is configured.
        device: String,
        /// DPDK's reason, in words.
        cause: String,
        /// A sentence about what may help, or nothing.
        hint: String,
    },
}

impl DeviceSpec {
    pub(super) fn is_pci(&self) -> bool {
        matches!(self, DeviceSpec::Pci(_))
    }

    pub(super) fn pci_address(&self) -> Option<&str> {
        match self {
            DeviceSpec::Pci(address) => Some(address),
            DeviceSpec::Virtual { .. } => None,
        }
    }

    /// The name under which DPDK knows its port.
    pub fn port_name(&self) -> &str {
        match self {
            DeviceSpec::Pci(address) => address,
            DeviceSpec::Virtual { name, .. } => name,
        }
    }

    /// Looks for what would go wrong in words that do not help.
    pub(super) fn check(&self) -> Result<(), DeviceError> {
        let DeviceSpec::Pci(address) = self else { return self.check_arguments() };
        let folder = Path::new("/sys/bus/pci/devices").join(address);
        if address.is_empty() || !folder.exists() {
            return Err(DeviceError::NotFound(address.clone()));
        }
        let Ok(link) = fs::read_link(folder.join("driver")) else {
            return Err(DeviceError::NoDriver(address.clone()));
        };
        let driver = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let usable = USER_SPACE_DRIVERS.iter().chain(&SHARED_DRIVERS).any(|name| *name == driver);
        if usable {
            return Ok(());
        }
        Err(DeviceError::KernelDriver { address: address.clone(), driver })
    }

    /// A virtual device over an interface of the kernel needs that interface.
    fn check_arguments(&self) -> Result<(), DeviceError> {
        let DeviceSpec::Virtual { name, arguments } = self else { return Ok(()) };
        let arguments_of = |wanted: &str| {
            arguments.split(',').find_map(move |argument| argument.strip_prefix(wanted))
        };
        // Its argument is an address in this process, where DPDK would read whatever is there.
        if name.starts_with("net_ring") && arguments_of("internal=").is_some() {
            return Err(DeviceError::Refused {
                device: self.to_string(),
                cause: "internal= is for use inside DPDK".to_owned(),
                hint: String::new(),
            });
        }
        let over_kernel = name.starts_with("net_af_packet") || name.starts_with("net_af_xdp");
        match arguments_of("iface=") {
            Some(interface)
                if over_kernel && !Path::new("/sys/class/net").join(interface).exists() =>
            {
                Err(DeviceError::Refused {
                    device: self.to_string(),
                    cause: format!("there is no interface {interface}"),
                    hint: "; `ip link` lists those there are".to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Adds the device to those that DPDK drives; PCI devices were found at its start.
    pub(super) fn attach(&self) -> Result<(), DeviceError> {
        let DeviceSpec::Virtual { name, arguments } = self else { return Ok(()) };
        let refused = |cause: String, hint: &str| DeviceError::Refused {
            device: self.to_string(),
            cause,
            hint: hint.to_owned(),
        };
        let zero = |_| refused("its name has a zero byte in it".to_owned(), "");
        let bus = c"vdev";
        let (name, arguments) = (
            CString::new(name.as_str()).map_err(zero)?,
            CString::new(arguments.as_str()).map_err(zero)?,
        );
        // DPDK would say that all is well, and forget the new arguments.
        if port_by_name(&name).is_some() {
            return Err(refused("a device of this name exists already".to_owned(), ""));
        }
        // SAFETY: EAL has started; all strings end in zero and DPDK copies them.
        let result = unsafe {
            dpdk_sys::rte_eal_hotplug_add(bus.as_ptr(), name.as_ptr(), arguments.as_ptr())
        };
        if result == 0 {
            return match port_by_name(&name) {
                Some(_) => Ok(()),
                None => Err(refused("no port has come of it".to_owned(), "")),
            };
        }
        let hint = "; check the driver's name and its arguments (they stand in DPDK's guide to \
                    NIC drivers), and that this process may use the interface";
        Err(refused(describe(result), hint))
    }
}

/// The number of the port of this name.
pub(super) fn port_by_name(name: &CStr) -> Option<u16> {
    let mut id = 0;
    // SAFETY: the name ends in zero, and the result is written to a place of ours.
    let found = unsafe { dpdk_sys::rte_eth_dev_get_port_by_name(name.as_ptr(), &mut id) };
    (found == 0).then_some(id)
}

impl core::fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            DeviceSpec::Pci(address) => f.write_str(address),
            DeviceSpec::Virtual { name, arguments } if arguments.is_empty() => f.write_str(name),
            DeviceSpec::Virtual { name, arguments } => write!(f, "{name},{arguments}"),
        }
    }
}
