//! The workers' cores: do they exist, and does a worker have its core for itself?

use config::{Config, CoreId};
use host::core_list;
use host::cpu::{self, Core, Isolation};

use super::finding::Finding;
use super::machine::Machine;

const CHECK: &str = "worker cores";
const ALONE: &str = "isolation";
const SIBLINGS: &str = "hyper-threads";
const NODE: &str = "worker NUMA node";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(config) = machine.config else { return Vec::new() };
    let cores = match cpu::online(machine.host) {
        Ok(cores) => cores,
        Err(reason) => return vec![Finding::unknown(CHECK, reason)],
    };
    let missing: Vec<Finding> = there(machine, config, &cores);
    if !missing.is_empty() {
        return missing;
    }
    let mut findings = vec![first_core(config, &cores)];
    findings.extend(siblings(config, &cores));
    findings.extend(near_nics(machine, config, &cores));
    findings.push(isolated(machine, config));
    findings
}

/// What keeps the workers from starting at all.
fn there(machine: &Machine<'_>, config: &Config, cores: &[Core]) -> Vec<Finding> {
    let node = &config.node;
    let wanted = node.workers.iter().chain(&node.main_cores);
    let absent = wanted.filter(|core| !cores.iter().any(|there| there.id == **core));
    let finding = |core: &CoreId| {
        if cpu::is_present(machine.host, *core) {
            return Finding::wrong(
                CHECK,
                format!("core {core} is offline"),
                "A thread of the dataplane is to run on it.",
                format!("echo 1 > /sys/devices/system/cpu/cpu{core}/online"),
            );
        }
        let ids: Vec<CoreId> = cores.iter().map(|core| core.id).collect();
        Finding::wrong(
            CHECK,
            format!("core {core} is not in this machine, which has {}", core_list::format(&ids)),
            "A thread of the dataplane is to run on it.",
            "# Choose others for node.workers and node.main_cores in the configuration.\nlscpu -e",
        )
    };
    absent.map(finding).collect()
}

fn first_core(config: &Config, cores: &[Core]) -> Finding {
    let workers = &config.node.workers;
    let list = core_list::format(workers);
    let is_shared = cores.iter().all(|core| workers.contains(&core.id));
    if is_shared {
        return Finding::note(
            CHECK,
            format!("every core of this machine ({list}) is a worker's"),
            "Everything else, heartbeats among it, runs where packets are forwarded, and makes \
             them late.",
            "# Leave a core out of node.workers in the configuration.",
        );
    }
    if workers.contains(&CoreId(0)) {
        return Finding::note(
            CHECK,
            format!("core 0 is a worker's ({list})"),
            "The kernel cannot be kept away from core 0, and interrupts the worker.",
            "# Choose other cores for node.workers in the configuration.\nlscpu -e",
        );
    }
    Finding::ok(CHECK, format!("{list} of {}", cores.len()))
}

fn siblings(config: &Config, cores: &[Core]) -> Option<Finding> {
    let workers = &config.node.workers;
    if cores.iter().all(|core| core.siblings.len() < 2) {
        return None;
    }
    let of_workers = || cores.iter().filter(|core| workers.contains(&core.id));
    let others = |core: &Core| {
        core.siblings.iter().copied().filter(|other| *other != core.id).collect::<Vec<_>>()
    };
    let pair = of_workers().find_map(|core| {
        let other = others(core).into_iter().find(|other| workers.contains(other))?;
        Some((core.id, other))
    });
    if let Some((one, other)) = pair {
        return Some(Finding::note(
            SIBLINGS,
            format!("cores {one} and {other} are hyper-threads of one physical core"),
            "Two workers that share a physical core forward little more than one.",
            "# Choose one core of each pair for node.workers in the configuration.\nlscpu -e",
        ));
    }
    let idle: Vec<CoreId> = of_workers().flat_map(others).collect();
    let list = core_list::format(&idle);
    Some(Finding::ok(SIBLINGS, format!("each worker has a physical core; {list} share theirs")))
}

fn near_nics(machine: &Machine<'_>, config: &Config, cores: &[Core]) -> Option<Finding> {
    let node = machine.nic_node()?;
    let far = |core: &&Core| {
        config.node.workers.contains(&core.id) && core.node.is_some_and(|other| other != node)
    };
    let far: Vec<CoreId> = cores.iter().filter(far).map(|core| core.id).collect();
    if far.is_empty() {
        return Some(Finding::ok(NODE, format!("{node}, as the NICs")));
    }
    let near = cores.iter().filter(|core| core.node == Some(node)).map(|core| core.id);
    let near = core_list::format(&near.collect::<Vec<_>>());
    Some(Finding::note(
        NODE,
        format!("core {} is not on the NICs' node {node}", core_list::format(&far)),
        "Each packet of such a worker crosses between the nodes.",
        format!("# Choose node.workers in the configuration among {near}."),
    ))
}

/// What else runs on the workers' cores.
fn isolated(machine: &Machine<'_>, config: &Config) -> Finding {
    let workers: Vec<CoreId> =
        config.node.workers.iter().copied().filter(|core| *core != CoreId(0)).collect();
    let lacking = Isolation::of(machine.host).lacking(&workers);
    let cores = core_list::format(&workers);
    if lacking.is_empty() {
        return Finding::ok(ALONE, "the workers' cores are isolated, without ticks and callbacks");
    }
    Finding::note(
        ALONE,
        format!("the kernel's command line lacks {} for core {cores}", lacking.join(", ")),
        "Other threads, the timer's tick and the kernel's callbacks stop a worker for a while; \
         packets wait, and are lost under load.",
        format!(
            "tandem setup && reboot\n# Or in the kernel's command line: \
             isolcpus=managed_irq,domain,{cores} nohz_full={cores} rcu_nocbs={cores}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, tree};
    use super::*;
    use host::testing::Tree;

    fn right() -> Tree {
        let tree = tree();
        tree.file("/sys/devices/system/cpu/isolated", "1-3\n");
        tree.file("/sys/devices/system/cpu/nohz_full", "1-3\n");
        tree
    }

    fn with_workers(workers: &[u16]) -> Config {
        let mut config = config();
        config.node.workers = workers.iter().copied().map(CoreId).collect();
        config
    }

    #[test]
    fn isolated_cores_are_ok() {
        let found = look(&right(), &config(), &no_tool, super::look);
        assert!(all_ok(&found), "{found:?}");
    }

    #[test]
    fn cores_that_are_not_there_or_offline_are_wrong() {
        let tree = right();
        let found = look(&tree, &with_workers(&[9]), &no_tool, super::look);
        assert_eq!(only(&found).found, "core 9 is not in this machine, which has 0-3");
        tree.folder("/sys/devices/system/cpu/cpu9");
        let found = look(&tree, &with_workers(&[9]), &no_tool, super::look);
        assert_eq!(only(&found).state, State::Wrong);
        assert!(only(&found).remedy.as_ref().unwrap().contains("cpu9/online"));
    }

    #[test]
    fn core_0_and_all_cores_are_noted() {
        let tree = right();
        let found = look(&tree, &with_workers(&[0, 1]), &no_tool, super::look);
        assert_eq!(only(&found).found, "core 0 is a worker's (0-1)");
        let found = look(&tree, &with_workers(&[0, 1, 2, 3]), &no_tool, super::look);
        assert!(only(&found).found.starts_with("every core"));
    }

    #[test]
    fn two_workers_on_one_physical_core_are_noted() {
        let tree = right();
        tree.cores(0, 4, 2, 0);
        let found = look(&tree, &with_workers(&[2, 3]), &no_tool, super::look);
        assert_eq!(only(&found).check, SIBLINGS);
        let found = look(&tree, &with_workers(&[2]), &no_tool, super::look);
        assert!(all_ok(&found), "{found:?}");
    }

    #[test]
    fn a_worker_far_from_the_nics_is_noted() {
        let tree = right();
        tree.remove("/sys/devices/system/cpu/cpu2/node0");
        tree.folder("/sys/devices/system/cpu/cpu2/node1");
        let found = look(&tree, &with_workers(&[1, 2]), &no_tool, super::look);
        assert_eq!(only(&found).found, "core 2 is not on the NICs' node 0");
        assert!(only(&found).remedy.as_ref().unwrap().ends_with("among 0-1,3."));
    }

    #[test]
    fn cores_that_are_shared_are_noted_with_what_is_lacking() {
        let tree = right();
        tree.file("/sys/devices/system/cpu/nohz_full", "(null)\n");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(
            only(&found).found,
            "the kernel's command line lacks nohz_full, rcu_nocbs for core 1"
        );
        tree.file("/proc/cmdline", "rcu_nocbs=1-3");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert!(only(&found).found.contains("lacks nohz_full for core 1"));
    }
}
