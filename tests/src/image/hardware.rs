//! What a virtual machine is made of, and the words that have QEMU make it.

use crate::FOLDER;

/// How a machine starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Firmware {
    /// From its disk, by the code in the first sector.
    Bios,
    /// From its disk, by the file on the EFI partition, with Secure Boot.
    Uefi,
    /// By network, without a disk.
    Network,
}

/// What a machine is made of.
#[derive(Clone, Copy, Debug)]
pub struct Hardware {
    /// `a` or `b`.
    pub name: &'static str,
    /// How it starts.
    pub firmware: Firmware,
    /// QEMU's words for the two NICs of the dataplane.
    pub nic: &'static str,
    /// Whether it has an IOMMU.
    pub iommu: bool,
}

impl Hardware {
    /// Where the public NIC is on the PCI bus.
    pub const PUBLIC: &'static str = "0000:00:10.0";
    /// Where the private one is.
    pub const PRIVATE: &'static str = "0000:00:11.0";
    /// Intel's NICs, as QEMU has them.
    pub const E1000E: &'static str = "e1000e";
    /// The NIC of virtual machines, behind the IOMMU.
    pub const VIRTIO: &'static str = "virtio-net-pci,disable-legacy=on,iommu_platform=on";
    /// VMware's.
    pub const VMXNET3: &'static str = "vmxnet3";

    /// One that starts by BIOS, with Intel's NICs behind an IOMMU.
    pub const fn new(name: &'static str) -> Self {
        Hardware { name, firmware: Firmware::Bios, nic: Self::E1000E, iommu: true }
    }

    pub(super) fn number(&self) -> u8 {
        if self.name == "a" { 1 } else { 2 }
    }

    /// The Ethernet address of a NIC: 0 for management, 1 the public side, 2 the private one.
    pub(super) fn mac(&self, nic: u8) -> String {
        format!("52:54:00:00:0{nic}:0{}", self.number())
    }

    /// A file or socket of the machine while it is there.
    pub(super) fn file(&self, what: &str) -> String {
        format!("{FOLDER}/{}.{what}", self.name)
    }

    /// The words that start QEMU: with this disk and stick, a record of the console, and QEMU's
    /// own line on a socket.
    pub(super) fn words(&self, disk: &str, stick: Option<&str>) -> Vec<String> {
        let Hardware { name, firmware, nic, iommu } = *self;
        let [record, monitor] = ["console", "monitor"].map(|what| self.file(what));
        let mut line = format!(
            "qemu-system-x86_64 -machine q35,kernel-irqchip=split,smm=on -accel tcg,thread=multi -cpu max \
             -smp 2 -m 1536 -display none -monitor unix:{monitor},server=on,wait=off \
             -serial file:{record} -no-user-config"
        );
        // Before all devices that are to be behind it.
        if iommu {
            line += " -device intel-iommu,intremap=on,caching-mode=on,aw-bits=48";
        }
        line += " -device qemu-xhci";
        let management = if firmware == Firmware::Network { "bootindex=1" } else { "romfile=" };
        for (side, device, more) in [
            ("public", nic, "addr=0x10,romfile="),
            ("private", nic, "addr=0x11,romfile="),
            ("management", "virtio-net-pci", management),
        ] {
            let side_number = match side {
                "management" => 0,
                "public" => 1,
                _ => 2,
            };
            let mac = self.mac(side_number);
            line += &format!(
                " -netdev tap,id={side},ifname={name}-{side}-v,script=no,downscript=no \
                 -device {device},netdev={side},mac={mac},{more}"
            );
        }
        if firmware != Firmware::Network {
            line += &format!(" -drive file={disk},format=raw,if=virtio,cache=writeback");
        }
        if firmware == Firmware::Uefi {
            line += " -global driver=cfi.pflash01,property=secure,value=on \
                     -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd \
                     -drive if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
        }
        if let Some(stick) = stick {
            line += &format!(
                " -drive file={stick},format=raw,if=none,id=stick -device usb-storage,drive=stick"
            );
        }
        line.split_whitespace().map(str::to_owned).collect()
    }
}
