//! `[peer]`: the other machine, where the old configuration has one.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::document::{Path, Peer, Plan};
use crate::model::{Model, time};
use crate::report::{FillIn, Outcome, Report};

pub(super) fn find(
    model: &Model,
    plan: &Plan,
    fill_in: &mut Vec<FillIn>,
    report: &mut Report,
) -> Option<Peer> {
    let machine = &model.machine;
    let at = machine.pair?;
    let mut paths = Vec::new();
    let mut seen = HashSet::new();
    for path in &machine.paths {
        let (local, remote) = path.value;
        let side = plan.sides.iter().find(|side| side.address.contains(remote));
        let local = side.map(|side| side.address.address).or(local);
        let text = format!("peer {remote}");
        let Some(local) = local.filter(|local| *local != remote) else {
            let words = "this machine's end of the path is not known, or the same; write it into peer.paths";
            report.add(path.at, text, Outcome::NotTaken, words);
            continue;
        };
        let is_floating = plan.sides.iter().any(|side| side.has(local) || side.has(remote));
        let is_own = plan.sides.iter().any(|side| side.address.address == remote);
        if is_floating || is_own {
            let words = "a path leads from one machine's own address to the other's, and one of these is \
                         none; write peer.paths";
            report.add(path.at, text, Outcome::NotTaken, words);
        } else if seen.insert((local, remote)) {
            paths.push(Path { at: path.at, local, remote });
        }
    }
    let mut missing = |key: &str, value: String, words: &str| {
        fill_in.push(FillIn { key: key.to_owned(), value, words: words.to_owned() });
    };
    let taken = |address: &Ipv4Addr| {
        plan.sides.iter().any(|side| side.has(*address) || side.address.address == *address)
            || model
                .services
                .iter()
                .flat_map(|one| &one.servers)
                .any(|one| one.address.ip() == address)
    };
    // A path over each side, whose far end has to be filled in where nobody tells.
    for (name, side) in ["public", "private"].iter().zip(&plan.sides) {
        if paths.iter().any(|path| side.address.contains(path.remote)) {
            continue;
        }
        let network = side.address.network();
        let size = u32::MAX.checked_shr(u32::from(network.prefix)).unwrap_or(0);
        let mut hosts = (1..size)
            .rev()
            .take(70_000)
            .map(|host| Ipv4Addr::from(network.address.to_bits() | host));
        let Some(remote) = hosts.find(|address| !taken(address)) else { continue };
        let local = side.address.address;
        paths.push(Path { at, local, remote });
        let words = format!(
            "the other machine's own address on the {name} side; the old file does not have it, and this \
             one is made up"
        );
        missing("peer.paths.remote", format!("\"{remote}\""), &words);
    }
    if paths.is_empty() {
        let words = "no path to the other machine is known; write a [peer] section";
        report.add(at, "the other machine", Outcome::NotTaken, words);
        return None;
    }
    missing(
        "peer.key_file",
        "\"/etc/tandem/peer.key\"".to_owned(),
        "the key of the pair: tandem key new makes it, and it is copied to the other machine",
    );
    let preempt = machine.preempt.as_ref().map(|preempt| {
        let most = core::time::Duration::from_secs(86_400);
        (time(preempt.value.min(most)), preempt.at)
    });
    Some(Peer { at, paths, priority: machine.priority.clone(), preempt })
}
