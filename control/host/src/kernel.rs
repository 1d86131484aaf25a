//! The kernel: its command line, modules and settings.

use crate::{Host, ReadError};

/// The value of an argument of the running kernel's command line: empty for a word without one.
/// The last one counts, as it does for the kernel.
#[must_use]
pub fn argument(host: &Host, name: &str) -> Option<String> {
    let line = host.read("/proc/cmdline").ok()?;
    let words = line.split_whitespace().rev();
    words.into_iter().find_map(|word| {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        (key == name).then(|| value.to_owned())
    })
}

/// A setting such as `net.ipv4.ip_forward`.
///
/// # Errors
/// When the kernel does not have it.
pub fn setting(host: &Host, name: &str) -> Result<String, ReadError> {
    host.read(&setting_path(name))
}

fn setting_path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// Where a module is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Module {
    /// The module is loaded, or a part of the kernel.
    Loaded,
    /// `modprobe` would find the module.
    Available,
    /// This kernel was built without the module.
    Missing,
}

/// Where the module of a driver for the PCI bus is.
#[must_use]
pub fn pci_driver(host: &Host, name: &str) -> Module {
    let module = name.replace('-', "_");
    if host.exists(format!("/sys/module/{module}"))
        || host.exists(format!("/sys/bus/pci/drivers/{name}"))
    {
        return Module::Loaded;
    }
    let release = host.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let list =
        |file: &str| host.read(&format!("/lib/modules/{release}/{file}")).unwrap_or_default();
    let has = |text: &str| {
        let file = format!("/{name}.ko");
        text.lines().any(|line| line.split(':').next().is_some_and(|path| path.contains(&file)))
    };
    if has(&list("modules.builtin")) {
        Module::Loaded
    } else if has(&list("modules.dep")) {
        Module::Available
    } else {
        Module::Missing
    }
}

/// The choice in brackets of a file such as `/sys/kernel/mm/transparent_hugepage/enabled`.
#[must_use]
pub fn chosen(text: &str) -> Option<&str> {
    text.split_once('[')?.1.split_once(']').map(|(chosen, _)| chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn the_last_argument_counts() {
        let tree = Tree::new();
        assert_eq!(argument(&tree.host(), "quiet"), None);
        tree.file("/proc/cmdline", "root=/dev/sda1 quiet iommu=off iommu=pt\n");
        assert_eq!(argument(&tree.host(), "iommu").as_deref(), Some("pt"));
        assert_eq!(argument(&tree.host(), "quiet").as_deref(), Some(""));
        assert_eq!(argument(&tree.host(), "intel_iommu"), None);
    }

    #[test]
    fn modules_are_loaded_available_or_missing() {
        let tree = Tree::new();
        let vfio = || pci_driver(&tree.host(), "vfio-pci");
        assert_eq!(vfio(), Module::Missing);
        tree.file("/proc/sys/kernel/osrelease", "6.1.0\n");
        tree.file(
            "/lib/modules/6.1.0/modules.dep",
            "kernel/drivers/vfio/pci/vfio-pci.ko.xz: a.ko\n",
        );
        assert_eq!(vfio(), Module::Available);
        tree.folder("/sys/module/vfio_pci");
        assert_eq!(vfio(), Module::Loaded);
    }

    #[test]
    fn settings_and_choices() {
        let tree = Tree::new();
        tree.file("/proc/sys/net/ipv4/ip_forward", "1\n");
        assert_eq!(setting(&tree.host(), "net.ipv4.ip_forward").unwrap(), "1");
        assert_eq!(chosen("always [madvise] never"), Some("madvise"));
        assert_eq!(chosen("never"), None);
    }
}
