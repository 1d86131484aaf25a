//! Hugepages by NUMA node and size.

use crate::{Host, ReadError};

/// The hugepages of one size on one NUMA node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hugepages {
    /// The NUMA node.
    pub node: u16,
    /// The size of a page in KiB.
    pub kibibytes: u64,
    /// Pages that are reserved.
    pub total: u64,
    /// Pages of these that no process has taken.
    pub free: u64,
}

impl Hugepages {
    /// MiB of the free pages.
    #[must_use]
    pub fn free_mebibytes(&self) -> u64 {
        self.free.saturating_mul(self.kibibytes) / 1024
    }

    /// MiB of all pages.
    #[must_use]
    pub fn total_mebibytes(&self) -> u64 {
        self.total.saturating_mul(self.kibibytes) / 1024
    }
}

/// The hugepages of every size and node; a kernel without NUMA has node 0.
///
/// # Errors
/// When the kernel has no hugepages, or does not say how many.
pub fn all(host: &Host) -> Result<Vec<Hugepages>, ReadError> {
    let nodes = host.names("/sys/devices/system/node").unwrap_or_default();
    let nodes = nodes.iter().filter_map(|name| name.strip_prefix("node")?.parse::<u16>().ok());
    let mut found = Vec::new();
    for node in nodes {
        in_folder(
            host,
            node,
            &format!("/sys/devices/system/node/node{node}/hugepages"),
            &mut found,
        )?;
    }
    if found.is_empty() {
        in_folder(host, 0, "/sys/kernel/mm/hugepages", &mut found)?;
    }
    Ok(found)
}

/// The file that sets how many pages of a size a node has.
#[must_use]
pub fn counter(host: &Host, node: u16, kibibytes: u64) -> String {
    let of_node = format!("/sys/devices/system/node/node{node}/hugepages");
    let folder =
        if host.exists(&of_node) { of_node } else { "/sys/kernel/mm/hugepages".to_owned() };
    format!("{folder}/hugepages-{kibibytes}kB/nr_hugepages")
}

fn in_folder(
    host: &Host,
    node: u16,
    folder: &str,
    found: &mut Vec<Hugepages>,
) -> Result<(), ReadError> {
    for name in host.names(folder)? {
        let size = name.strip_prefix("hugepages-").and_then(|size| size.strip_suffix("kB"));
        let Some(kibibytes) = size.and_then(|size| size.parse().ok()) else { continue };
        let total = host.number(&format!("{folder}/{name}/nr_hugepages"))?;
        let free = host.number(&format!("{folder}/{name}/free_hugepages"))?;
        found.push(Hugepages { node, kibibytes, total, free });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn pages_are_counted_by_node() {
        let tree = Tree::new();
        tree.hugepages(0, 512, 500).hugepages(1, 0, 0);
        let pages = all(&tree.host()).unwrap();
        assert_eq!(pages.len(), 2);
        assert_eq!((pages[0].total_mebibytes(), pages[0].free_mebibytes()), (1024, 1000));
        assert_eq!(
            counter(&tree.host(), 1, 2048),
            "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
        );
    }

    #[test]
    fn a_kernel_without_numa_has_node_0() {
        let tree = Tree::new();
        assert!(all(&tree.host()).is_err());
        tree.file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "4");
        tree.file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3");
        let pages = all(&tree.host()).unwrap();
        assert_eq!((pages[0].node, pages[0].total, pages[0].free), (0, 4, 3));
        assert!(counter(&tree.host(), 0, 2048).starts_with("/sys/kernel/mm/"));
    }
}
