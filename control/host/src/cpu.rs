//! Cores: which there are, their NUMA nodes and hyper-threads, and what the CPU can do.

use std::collections::BTreeSet;

use config::CoreId;

use crate::{Host, ReadError, core_list, kernel, not_understood};

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

/// The cores that the running kernel keeps free of other things.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Isolation {
    /// Cores that no thread gets to by itself.
    pub isolated: Vec<CoreId>,
    /// Cores without the timer's tick.
    pub tickless: Vec<CoreId>,
    /// Cores whose callbacks of RCU run elsewhere.
    pub offloaded: Vec<CoreId>,
}

impl Isolation {
    /// What the kernel has made of its command line.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let file =
            |name: &str| list(host, &format!("/sys/devices/system/cpu/{name}")).unwrap_or_default();
        let tickless = file("nohz_full");
        let offloaded = kernel::argument(host, "rcu_nocbs").unwrap_or_default();
        let mut offloaded = core_list::parse(&offloaded).unwrap_or_default();
        // The kernel offloads the callbacks of every core without a tick.
        offloaded.extend(&tickless);
        Isolation { isolated: file("isolated"), tickless, offloaded }
    }

    /// The arguments of the kernel that do not cover all of these cores.
    #[must_use]
    pub fn lacking(&self, cores: &[CoreId]) -> Vec<&'static str> {
        let lists = [
            ("isolcpus", &self.isolated),
            ("nohz_full", &self.tickless),
            ("rcu_nocbs", &self.offloaded),
        ];
        let lacks = |list: &[CoreId]| cores.iter().any(|core| !list.contains(core));
        lists.into_iter().filter(|(_, list)| lacks(list)).map(|(argument, _)| argument).collect()
    }
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

    #[test]
    fn isolation_is_what_the_kernel_did() {
        let tree = Tree::new();
        let cores = [CoreId(2), CoreId(3)];
        let lacking = || Isolation::of(&tree.host()).lacking(&cores);
        // The words alone do nothing: an earlier isolcpus= has made the kernel ignore them.
        tree.file("/proc/cmdline", "isolcpus=1 isolcpus=2-3 nohz_full=2-3\n");
        tree.file("/sys/devices/system/cpu/isolated", "1\n");
        tree.file("/sys/devices/system/cpu/nohz_full", "(null)\n");
        assert_eq!(lacking(), ["isolcpus", "nohz_full", "rcu_nocbs"]);
        tree.file("/proc/cmdline", "rcu_nocbs=1-3\n");
        tree.file("/sys/devices/system/cpu/isolated", "1-3\n");
        assert_eq!(lacking(), ["nohz_full"]);
        tree.file("/sys/devices/system/cpu/nohz_full", "2-3\n").remove("/proc/cmdline");
        assert!(lacking().is_empty());
        assert!(Isolation::of(&Tree::new().host()).lacking(&[]).is_empty());
    }
}
