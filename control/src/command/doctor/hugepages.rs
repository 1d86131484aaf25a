//! Hugepages: enough of them, on the NICs' NUMA node.

use config::{Config, Device};
use host::hugepages::{self, Hugepages};

use super::super::needs;
use super::finding::Finding;
use super::machine::Machine;

const CHECK: &str = "hugepages";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let pages = match hugepages::all(machine.host) {
        Ok(pages) => pages,
        Err(reason) => return vec![Finding::unknown(CHECK, reason)],
    };
    let Some(config) = machine.config else {
        return vec![without_configuration(&pages)];
    };
    vec![if config.node.memory.hugepages {
        enough(machine, config, &pages)
    } else {
        without(config)
    }]
}

/// How many are needed is not known then, but none are too few.
fn without_configuration(pages: &[Hugepages]) -> Finding {
    if pages.iter().any(|pages| pages.total > 0) {
        return Finding::ok(CHECK, described(pages));
    }
    Finding::wrong(CHECK, described(pages), "DPDK takes its memory from them.", "tandem setup")
}

fn without(config: &Config) -> Finding {
    let sides = [&config.public.device, &config.private.device];
    if sides.iter().any(|device| matches!(device, Device::Pci(_))) {
        return Finding::wrong(
            CHECK,
            "node.hugepages is false",
            "A NIC that reads and writes memory itself cannot work with ordinary pages.",
            "# Take hugepages = false out of [node].",
        );
    }
    Finding::note(
        CHECK,
        "node.hugepages is false",
        "Forwarding is slower without them.",
        "# Take hugepages = false out of [node].",
    )
}

fn enough(machine: &Machine<'_>, config: &Config, pages: &[Hugepages]) -> Finding {
    const WHY: &str = "Packet buffers and rings are in hugepages; without enough of them the \
                       dataplane does not start.";
    let needed = needs::hugepages(config);
    let described = described(pages);
    if machine.runs {
        return Finding::ok(CHECK, format!("{described}; the dataplane runs, and has its own"));
    }
    let free: u64 = pages.iter().map(Hugepages::free_mebibytes).sum();
    if free < needed {
        return Finding::wrong(
            CHECK,
            format!("{free} MiB are free, and about {needed} MiB are needed ({described})"),
            WHY,
            reserve(machine, pages, needed),
        );
    }
    let Some(node) = machine.nic_node() else {
        return Finding::ok(CHECK, format!("{described}; about {needed} MiB are needed"));
    };
    let near = pages.iter().filter(|pages| pages.node == node);
    let near: u64 = near.map(Hugepages::free_mebibytes).sum();
    if near < needed {
        return Finding::note(
            CHECK,
            format!("{near} MiB are free on the NICs' NUMA node {node} ({described})"),
            format!(
                "About {needed} MiB are needed. Buffers on another node make every packet cross \
                 between the nodes."
            ),
            reserve(machine, pages, needed),
        );
    }
    Finding::ok(CHECK, format!("{described}; about {needed} MiB are needed"))
}

/// Sets the number of pages on the NICs' node, those in use counted.
fn reserve(machine: &Machine<'_>, pages: &[Hugepages], needed: u64) -> String {
    let node = machine.nic_node().or(pages.first().map(|pages| pages.node)).unwrap_or(0);
    let on_node = pages.iter().filter(|pages| pages.node == node);
    let smallest = on_node.min_by_key(|pages| pages.kibibytes);
    let (kibibytes, used) =
        smallest.map_or((2048, 0), |p| (p.kibibytes, p.total - p.free.min(p.total)));
    let count = (needed * 1024).div_ceil(kibibytes.max(1)) + used;
    let file = hugepages::counter(machine.host, node, kibibytes);
    format!("echo {count} > {file}\n# For every start of the machine: tandem setup")
}

fn described(pages: &[Hugepages]) -> String {
    let there: Vec<_> = pages.iter().filter(|pages| pages.total > 0).collect();
    let texts = there.iter().map(|pages| {
        let Hugepages { node, kibibytes, total, free } = pages;
        let size = if *kibibytes >= 1024 * 1024 {
            format!("{} GiB", kibibytes / (1024 * 1024))
        } else {
            format!("{} MiB", kibibytes / 1024)
        };
        format!("node {node}: {total} of {size}, {free} free")
    });
    let text = texts.collect::<Vec<_>>().join("; ");
    if text.is_empty() { "none are reserved".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, tree};
    use super::*;

    #[test]
    fn enough_pages_are_ok() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert!(all_ok(&found), "{found:?}");
        assert!(found[0].found.starts_with("node 0: 512 of 2 MiB, 512 free; about 1"));
    }

    #[test]
    fn too_few_are_wrong_and_the_remedy_counts_those_in_use() {
        let tree = tree();
        tree.hugepages(0, 100, 10);
        let config = config();
        let found = look(&tree, &config, &no_tool, super::look);
        let pages = needs::hugepages(&config).div_ceil(2) + 90;
        let expected = format!(
            "echo {pages} > /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
        );
        assert_eq!(only(&found).state, State::Wrong);
        assert_eq!(only(&found).remedy.as_ref().unwrap().lines().next(), Some(expected.as_str()));
    }

    #[test]
    fn a_dataplane_that_runs_has_taken_its_own() {
        let tree = tree();
        tree.hugepages(0, 100, 10);
        let (host, config) = (tree.host(), config());
        let machine = Machine { host: &host, config: Some(&config), runs: true, tool: &no_tool };
        assert!(all_ok(&super::look(&machine)));
    }

    #[test]
    fn pages_on_another_node_are_noted() {
        let tree = tree();
        tree.hugepages(0, 0, 0).hugepages(1, 512, 512);
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).state, State::Note);
        assert!(only(&found).remedy.as_ref().unwrap().contains("node0"));
    }

    #[test]
    fn without_hugepages_a_nic_does_not_work() {
        let mut config = config();
        config.node.memory.hugepages = false;
        let state = |config: &Config| only(&look(&tree(), config, &no_tool, super::look)).state;
        assert_eq!(state(&config), State::Wrong);
        config.public.device = "net_tap0".parse().unwrap();
        config.private.device = "net_tap1".parse().unwrap();
        assert_eq!(state(&config), State::Note);
    }

    #[test]
    fn without_a_configuration_none_are_too_few() {
        let tree = tree();
        let state = || {
            let host = tree.host();
            let machine = Machine { host: &host, config: None, runs: false, tool: &no_tool };
            super::look(&machine)[0].state
        };
        assert_eq!(state(), State::Ok);
        tree.hugepages(0, 0, 0);
        assert_eq!(state(), State::Wrong);
    }

    #[test]
    fn a_kernel_without_hugepages_is_unknown() {
        let tree = host::testing::Tree::new();
        assert_eq!(only(&look(&tree, &config(), &no_tool, super::look)).state, State::Unknown);
    }
}
