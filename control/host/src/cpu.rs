//! Cores: which there are, their NUMA nodes and hyper-threads, and what the CPU can do.

use std::collections::BTreeSet;

use config::CoreId;

use crate::{Host, ReadError, core_list, not_understood};

/// A core that is online.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Core {
    /// The number that Linux gives the core.
    pub id: CoreId,
    /// The NUMA node; `None` on a kernel without NUMA.
    pub node: Option<u16>,
    /// The hyper-threads of the same physical core, with this one.
    pub siblings: Vec<CoreId>,
}

/// The cores that are online, by number.
///
/// # Errors
/// When the kernel does not list them.
pub fn online(host: &Host) -> Result<Vec<Core>, ReadError> {
    let cores = list(host, "/sys/devices/system/cpu/online")?;
    Ok(cores.into_iter().map(|id| core(host, id)).collect())
}

/// True when the machine has the core, whether it is online or not.
#[must_use]
pub fn is_present(host: &Host, core: CoreId) -> bool {
    host.exists(format!("/sys/devices/system/cpu/cpu{core}"))
}

fn core(host: &Host, id: CoreId) -> Core {
    let folder = format!("/sys/devices/system/cpu/cpu{id}");
    let names = host.names(&folder).unwrap_or_default();
    let node = names.iter().find_map(|name| name.strip_prefix("node")?.parse().ok());
    let siblings = list(host, &format!("{folder}/topology/thread_siblings_list"));
    Core { id, node, siblings: siblings.unwrap_or_else(|_| vec![id]) }
}

/// The cores in a file such as `/sys/devices/system/cpu/isolated`.
///
/// # Errors
/// When the file cannot be read.
pub fn list(host: &Host, path: &str) -> Result<Vec<CoreId>, ReadError> {
    let text = host.read(path)?;
    // The kernel writes "(null)" for nohz_full when the feature is not in use.
    if text == "(null)" {
        return Ok(Vec::new());
    }
    core_list::parse(&text).ok_or_else(|| not_understood(path, &text))
}

/// The CPU frequency governor of a core; `None` where the kernel does not set the frequency.
#[must_use]
pub fn governor(host: &Host, core: CoreId) -> Option<String> {
    host.read(&format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor")).ok()
}

/// What the first CPU can do, in the words of `/proc/cpuinfo`.
///
/// # Errors
/// When the file cannot be read or has no such line.
pub fn flags(host: &Host) -> Result<BTreeSet<String>, ReadError> {
    let text = host.read("/proc/cpuinfo")?;
    let line = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "flags").then_some(value)
    });
    let line = line.ok_or_else(|| not_understood("/proc/cpuinfo", &text))?;
    Ok(line.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn cores_have_their_node_and_siblings() {
        let tree = Tree::new();
        tree.cores(0, 2, 2, 0).cores(2, 2, 1, 1);
        let cores = online(&tree.host()).unwrap();
        let nodes: Vec<_> = cores.iter().map(|core| core.node).collect();
        assert_eq!(nodes, [Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!(cores[1].siblings, [CoreId(0), CoreId(1)]);
        assert_eq!(cores[3].siblings, [CoreId(3)]);
        assert!(is_present(&tree.host(), CoreId(3)));
        assert!(!is_present(&tree.host(), CoreId(4)));
    }

    #[test]
    fn the_flags_are_those_of_the_first_cpu() {
        let tree = Tree::new();
        assert!(flags(&tree.host()).is_err());
        tree.file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu aes avx2\n\nflags : other\n");
        assert!(flags(&tree.host()).unwrap().contains("avx2"));
        assert!(!flags(&tree.host()).unwrap().contains("other"));
    }
}
