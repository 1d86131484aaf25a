//! Memory and swap.

use crate::{Host, ReadError, not_understood};

/// A line of `/proc/meminfo` in MiB, such as `MemAvailable`.
///
/// # Errors
/// When the kernel does not have the line.
pub fn mebibytes(host: &Host, key: &str) -> Result<u64, ReadError> {
    let text = host.read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name == key).then_some(value)
    });
    let kibibytes = line.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.map(|kibibytes| kibibytes / 1024).ok_or_else(|| not_understood("/proc/meminfo", key))
}

/// The memory of one NUMA node in MiB.
///
/// # Errors
/// When the kernel does not know the node.
pub fn of_node(host: &Host, node: u16) -> Result<u64, ReadError> {
    let path = format!("/sys/devices/system/node/node{node}/meminfo");
    let text = host.read(&path)?;
    let line = text.lines().find_map(|line| line.split_once("MemTotal:"));
    let kibibytes = line.and_then(|(_, v)| v.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.map(|kibibytes| kibibytes / 1024).ok_or_else(|| not_understood(&path, &text))
}

/// The files and partitions that memory is swapped out to.
///
/// # Errors
/// When the kernel does not list them.
pub fn swaps(host: &Host) -> Result<Vec<String>, ReadError> {
    let text = host.read("/proc/swaps")?;
    let names = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn memory_is_read_in_mebibytes() {
        let tree = Tree::new();
        tree.file("/proc/meminfo", "MemTotal:       2097152 kB\nMemAvailable:   1048576 kB\n");
        tree.file("/sys/devices/system/node/node1/meminfo", "Node 1 MemTotal:  2048 kB\n");
        assert_eq!(mebibytes(&tree.host(), "MemAvailable"), Ok(1024));
        assert!(mebibytes(&tree.host(), "MemSpare").is_err());
        assert_eq!(of_node(&tree.host(), 1), Ok(2));
        assert!(of_node(&tree.host(), 0).is_err());
    }

    #[test]
    fn swaps_are_listed() {
        let tree = Tree::new();
        let head = "Filename\tType\tSize\tUsed\tPriority\n";
        tree.file("/proc/swaps", head);
        assert!(swaps(&tree.host()).unwrap().is_empty());
        tree.file("/proc/swaps", &format!("{head}/dev/sda2 partition 1000 0 -2\n"));
        assert_eq!(swaps(&tree.host()).unwrap(), ["/dev/sda2"]);
    }
}
