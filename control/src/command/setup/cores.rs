//! The workers' cores: chosen near the NICs, and kept for them.

use config::CoreId;
use host::core_list;
use host::cpu::Core;

/// The kernel keeps core 0 for itself: interrupts and timekeeping begin there.
const FIRST: CoreId = CoreId(0);
/// More workers than that are for the operator to ask for.
const MOST: usize = 8;

/// Half of the physical cores of the node, one hyper-thread each, without core 0's.
pub(super) fn choose(there: Option<&[Core]>, node: Option<u16>) -> Result<Vec<CoreId>, String> {
    let Some(there) = there else {
        return Err("this root does not say which cores the machine has: give --cores LIST".into());
    };
    let near = |core: &&Core| node.is_none() || core.node == node;
    let near: Vec<&Core> = there.iter().filter(near).collect();
    let on_node = physical(&near);
    let candidates = free(&on_node);
    let (on_node, candidates) = if candidates.is_empty() {
        let all = physical(&there.iter().collect::<Vec<_>>());
        let free = free(&all);
        (all, free)
    } else {
        (on_node, candidates)
    };
    if candidates.is_empty() {
        return Err("this machine has one core, which the kernel needs: give it another core, or \
                    say --cores 0 to share it"
            .to_owned());
    }
    let wanted = (on_node.len() / 2).clamp(1, MOST);
    Ok(candidates.into_iter().take(wanted).collect())
}

/// The first hyper-thread of each physical core, with all that it shares the core with.
fn physical<'c>(cores: &[&'c Core]) -> Vec<&'c Core> {
    let is_first = |core: &&&Core| core.siblings.iter().all(|sibling| *sibling >= core.id);
    cores.iter().filter(is_first).copied().collect()
}

fn free(physical: &[&Core]) -> Vec<CoreId> {
    let free = physical.iter().filter(|core| !core.siblings.contains(&FIRST));
    free.map(|core| core.id).collect()
}

/// What is wrong with cores that the operator named.
pub(super) fn check(wanted: &[CoreId], there: Option<&[Core]>) -> Result<(), String> {
    let mut sorted = wanted.to_vec();
    sorted.sort();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("--cores names core {} twice", pair[0]));
    }
    let Some(there) = there else { return Ok(()) };
    let ids: Vec<CoreId> = there.iter().map(|core| core.id).collect();
    if let Some(missing) = wanted.iter().find(|core| !ids.contains(core)) {
        let list = core_list::format(&ids);
        return Err(format!("there is no core {missing}: this machine has {list}"));
    }
    if wanted.contains(&FIRST) && ids.len() > wanted.len() {
        return Err(
            "core 0 is the kernel's, which cannot be kept away from it: choose others for \
                    --cores"
                .to_owned(),
        );
    }
    for core in there.iter().filter(|core| wanted.contains(&core.id)) {
        let other = core.siblings.iter().find(|other| **other > core.id && wanted.contains(other));
        if let Some(other) = other {
            return Err(format!(
                "cores {} and {other} are hyper-threads of one physical core, and two workers on it \
                 forward little more than one: choose one of them",
                core.id
            ));
        }
    }
    Ok(())
}

/// The cores to isolate: the workers' and their hyper-threads, which would slow them down.
pub(super) fn isolated(workers: &[CoreId], there: Option<&[Core]>) -> Vec<CoreId> {
    let mut cores = workers.to_vec();
    for core in there.into_iter().flatten().filter(|core| workers.contains(&core.id)) {
        cores.extend(&core.siblings);
    }
    cores.retain(|core| *core != FIRST);
    cores.sort();
    cores.dedup();
    cores
}

#[cfg(test)]
mod tests {
    use host::cpu;
    use host::testing::Tree;

    use super::*;

    fn ids(list: &[u16]) -> Vec<CoreId> {
        list.iter().copied().map(CoreId).collect()
    }

    fn chosen(tree: &Tree, node: Option<u16>) -> Result<Vec<CoreId>, String> {
        choose(Some(&cpu::online(&tree.host()).unwrap()), node)
    }

    #[test]
    fn half_of_the_nodes_cores_are_chosen_never_core_0() {
        let tree = Tree::new();
        tree.cores(0, 8, 2, 0).cores(8, 8, 2, 1);
        assert_eq!(chosen(&tree, Some(0)), Ok(ids(&[2, 4])));
        assert_eq!(chosen(&tree, Some(1)), Ok(ids(&[8, 10])));
        let two = Tree::new();
        two.cores(0, 2, 1, 0);
        assert_eq!(chosen(&two, None), Ok(ids(&[1])));
        let large = Tree::new();
        large.cores(0, 64, 1, 0);
        assert_eq!(chosen(&large, None).unwrap().len(), MOST);
    }

    #[test]
    fn a_machine_with_one_core_is_the_operators_choice() {
        let tree = Tree::new();
        tree.cores(0, 2, 2, 0);
        assert!(chosen(&tree, None).unwrap_err().contains("one core"));
        assert!(choose(None, None).unwrap_err().contains("--cores"));
        let one = Tree::new();
        one.cores(0, 1, 1, 0).file("/sys/devices/system/cpu/online", "0");
        assert_eq!(check(&ids(&[0]), Some(&cpu::online(&one.host()).unwrap())), Ok(()));
    }

    #[test]
    fn cores_that_do_not_do_are_refused() {
        let tree = Tree::new();
        tree.cores(0, 8, 2, 0);
        let there = cpu::online(&tree.host()).unwrap();
        let said = |list: &[u16]| check(&ids(list), Some(&there)).unwrap_err();
        assert_eq!(said(&[2, 2]), "--cores names core 2 twice");
        assert_eq!(said(&[9]), "there is no core 9: this machine has 0-7");
        assert!(said(&[0, 2]).starts_with("core 0 is the kernel's"));
        assert!(said(&[2, 3]).starts_with("cores 2 and 3 are hyper-threads"));
        assert_eq!(check(&ids(&[2, 4]), Some(&there)), Ok(()));
        assert_eq!(isolated(&ids(&[2, 4]), Some(&there)), ids(&[2, 3, 4, 5]));
        assert_eq!(isolated(&ids(&[0, 7]), None), ids(&[7]));
    }
}
