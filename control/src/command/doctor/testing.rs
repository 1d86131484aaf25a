//! A machine that is right in everything, for tests to break one thing of.

use config::Config;
use host::testing::Tree;

use super::finding::{Finding, State};
use super::machine::{Machine, Tool};

pub(in crate::command) const CONFIGURATION: &str =
    include_str!("../../../../docs/examples/tandem.toml");

pub(in crate::command) fn config() -> Config {
    Config::from_str("tandem.toml", CONFIGURATION).unwrap()
}

/// Two NICs in their own groups, four cores, hugepages: what the example configuration needs.
pub(in crate::command) fn tree() -> Tree {
    let tree = Tree::new();
    tree.cores(0, 4, 1, 0).hugepages(0, 512, 512);
    for (index, address) in ["0000:03:00.0", "0000:03:00.1"].into_iter().enumerate() {
        tree.nic(address, Some("vfio-pci"), None).iommu_group(index as u32, &[address]);
    }
    tree.folder("/sys/module/vfio_pci");
    tree
}

/// What `look` finds on this machine.
pub(super) fn look(
    tree: &Tree,
    config: &Config,
    tool: Tool<'_>,
    look: fn(&Machine<'_>) -> Vec<Finding>,
) -> Vec<Finding> {
    let host = tree.host();
    look(&Machine { host: &host, config: Some(config), runs: false, tool })
}

pub(super) fn no_tool(program: &str, _: &[&str]) -> Result<String, String> {
    Err(format!("{program} is not installed"))
}

/// The states in the order of the findings.
pub(super) fn states(findings: &[Finding]) -> Vec<State> {
    findings.iter().map(|finding| finding.state).collect()
}

/// The one finding that is not ok.
pub(super) fn only(findings: &[Finding]) -> &Finding {
    let bad: Vec<_> = findings.iter().filter(|finding| finding.state != State::Ok).collect();
    let [one] = bad.as_slice() else { panic!("{findings:#?}") };
    one
}

/// True when everything is ok.
pub(super) fn all_ok(findings: &[Finding]) -> bool {
    !findings.is_empty() && findings.iter().all(|finding| finding.state == State::Ok)
}
