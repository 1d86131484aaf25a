//! Whether the workers' cores are on the NICs' NUMA node.

use dpdk::CoreId;

/// Something of the machine, and the NUMA node that it is on.
pub(super) struct On<T> {
    pub(super) what: T,
    pub(super) node: u16,
}

/// What an operator should change, so that packets do not cross between nodes. A device that
/// is on no node is not among the NICs.
pub(super) fn remarks(nics: &[On<&str>], workers: &[On<CoreId>]) -> Vec<String> {
    let Some(first) = nics.first() else { return Vec::new() };
    if let Some(other) = nics.iter().find(|nic| nic.node != first.node) {
        return vec![format!(
            "{} is on NUMA node {}, {} on node {}: each packet crosses between them; use NICs of \
             one node",
            first.what, first.node, other.what, other.node
        )];
    }
    let far = workers.iter().filter(|worker| worker.node != first.node);
    far.map(|worker| {
        format!(
            "core {} is on NUMA node {}, and the NICs are on node {}: each of its packets crosses \
             between them; choose node.workers among the cores {} of node {}",
            worker.what,
            worker.node,
            first.node,
            cores_of(first.node).trim(),
            first.node
        )
    })
    .collect()
}

/// As Linux lists them, such as "0-7,16-23".
fn cores_of(node: u16) -> String {
    let list = format!("/sys/devices/system/node/node{node}/cpulist");
    std::fs::read_to_string(list).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nics(nodes: [u16; 2]) -> [On<&'static str>; 2] {
        let [public, private] = nodes;
        [On { what: "0000:03:00.0", node: public }, On { what: "0000:83:00.0", node: private }]
    }

    fn workers(nodes: &[u16]) -> Vec<On<CoreId>> {
        let on = |(core, node): (usize, &u16)| On { what: CoreId(core as u16 + 1), node: *node };
        nodes.iter().enumerate().map(on).collect()
    }

    #[test]
    fn on_one_node_there_is_nothing_to_say() {
        assert!(remarks(&nics([1, 1]), &workers(&[1, 1])).is_empty());
        assert!(remarks(&[], &workers(&[0, 1])).is_empty());
    }

    #[test]
    fn each_core_that_is_far_from_the_nics_is_named() {
        let remarks = remarks(&nics([0, 0]), &workers(&[0, 1, 1]));
        let [second, third] = remarks.as_slice() else { panic!("{remarks:?}") };
        assert!(second.starts_with("core 2 is on NUMA node 1, and the NICs are on node 0"));
        assert!(third.starts_with("core 3 is"));
        // A machine has a node 0, whatever else it has.
        assert!(third.contains(&format!("the cores {} of node 0", cores_of(0).trim())));
    }

    #[test]
    fn nics_of_two_nodes_are_named_once() {
        let remarks = remarks(&nics([0, 1]), &workers(&[0, 1]));
        let [remark] = remarks.as_slice() else { panic!("{remarks:?}") };
        assert!(remark.starts_with("0000:03:00.0 is on NUMA node 0, 0000:83:00.0 on node 1"));
    }
}
