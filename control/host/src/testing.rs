//! Trees of files for tests, as the kernel would show them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Host;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A root directory in a temporary folder, which is removed when this is dropped. What cannot be
/// written is missing, and the test that needs it fails.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// An empty tree.
    #[must_use]
    #[allow(clippy::new_without_default)] // It makes a folder.
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tandem-host-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&root);
        let _ = fs::create_dir_all(&root);
        Tree { root }
    }

    /// The machine that the tree describes.
    #[must_use]
    pub fn host(&self) -> Host {
        Host::at(&self.root)
    }

    /// Where an absolute path of the machine is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.host().path(path)
    }

    /// Writes a file, with the folders above it.
    pub fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        make_parent(&path);
        let _ = fs::write(path, text);
        self
    }

    /// Makes a folder.
    pub fn folder(&self, path: &str) -> &Self {
        let _ = fs::create_dir_all(self.path(path));
        self
    }

    /// Makes a symbolic link, with the folders above it.
    pub fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.path(path);
        make_parent(&path);
        let _ = fs::remove_file(&path);
        let _ = symlink(target, path);
        self
    }

    /// Removes a file or a folder with all that is in it.
    pub fn remove(&self, path: &str) -> &Self {
        let path = self.path(path);
        if fs::remove_file(&path).is_err() {
            let _ = fs::remove_dir_all(&path);
        }
        self
    }

    /// Cores `0..count` of NUMA node `node`, of which each `threads` neighbours share a physical
    /// core.
    pub fn cores(&self, first: u16, count: u16, threads: u16, node: u16) -> &Self {
        for core in first..first + count {
            let folder = format!("/sys/devices/system/cpu/cpu{core}");
            let start = first + (core - first) / threads * threads;
            let siblings: Vec<_> = (start..start + threads).map(|core| core.to_string()).collect();
            self.folder(&format!("{folder}/node{node}"));
            self.file(&format!("{folder}/topology/thread_siblings_list"), &siblings.join(","));
        }
        self.file("/sys/devices/system/cpu/online", &format!("0-{}\n", first + count - 1));
        let list = format!("{first}-{}\n", first + count - 1);
        self.file(&format!("/sys/devices/system/node/node{node}/cpulist"), &list)
    }

    /// Hugepages of 2 MiB on a NUMA node.
    pub fn hugepages(&self, node: u16, total: u64, free: u64) -> &Self {
        let folder = format!("/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB");
        self.file(&format!("{folder}/nr_hugepages"), &format!("{total}\n"));
        self.file(&format!("{folder}/free_hugepages"), &format!("{free}\n"))
    }

    /// A NIC on the PCI bus, and the interface of the kernel that it has.
    pub fn nic(&self, address: &str, driver: Option<&str>, interface: Option<&str>) -> &Self {
        let device = format!("/sys/devices/pci0000:00/{address}");
        self.file(&format!("{device}/class"), "0x020000\n");
        self.file(&format!("{device}/vendor"), "0x8086\n");
        self.file(&format!("{device}/device"), "0x1572\n");
        self.file(&format!("{device}/numa_node"), "0\n");
        self.link(
            &format!("/sys/bus/pci/devices/{address}"),
            &format!("../../../devices/pci0000:00/{address}"),
        );
        if let Some(driver) = driver {
            self.link(&format!("{device}/driver"), &format!("../../bus/pci/drivers/{driver}"));
        }
        if let Some(name) = interface {
            let net = format!("{device}/net/{name}");
            self.interface_files(&net);
            let target = format!("../../devices/pci0000:00/{address}/net/{name}");
            self.link(&format!("/sys/class/net/{name}"), &target);
        }
        self
    }

    /// An interface of the kernel without a device.
    pub fn interface(&self, name: &str) -> &Self {
        self.interface_files(&format!("/sys/devices/virtual/net/{name}"));
        let target = format!("../../devices/virtual/net/{name}");
        self.link(&format!("/sys/class/net/{name}"), &target)
    }

    fn interface_files(&self, folder: &str) {
        self.file(&format!("{folder}/mtu"), "1500\n");
        self.file(&format!("{folder}/flags"), "0x1003\n");
        self.file(&format!("{folder}/address"), "02:00:00:00:00:01\n");
    }

    /// An IOMMU, with these devices in a group.
    pub fn iommu_group(&self, group: u32, devices: &[&str]) -> &Self {
        self.folder("/sys/class/iommu/dmar0");
        for address in devices {
            let target = format!("../../../kernel/iommu_groups/{group}");
            self.link(&format!("/sys/devices/pci0000:00/{address}/iommu_group"), &target);
            self.link(
                &format!("/sys/kernel/iommu_groups/{group}/devices/{address}"),
                &format!("../../../../devices/pci0000:00/{address}"),
            );
        }
        self
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn make_parent(path: &Path) {
    let _ = path.parent().map(fs::create_dir_all);
}
