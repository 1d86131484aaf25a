//! What must be true in each state.

use failover::Notice;

use crate::pair::{DEAD, Pair};

/// Steps that a heartbeat takes to be sent and to arrive.
const BOUND: u64 = 3;

pub(crate) fn check(pair: &mut Pair) -> Result<(), String> {
    claim(pair)?;
    both(pair)?;
    nobody(pair)
}

fn claim(pair: &Pair) -> Result<(), String> {
    let Some((node, term, was_complete)) = pair.claimed else { return Ok(()) };
    let other = &pair.nodes[1 - node];
    if pair.nodes[node].disk < term {
        return Err("a term is used before it is on disk".to_owned());
    }
    let hears = pair.lost == 0;
    if hears && pair.notices.contains(&Notice::PeerDead) && pair.is_active(1 - node) {
        return Err("takes over from one that holds the role".to_owned());
    }
    let other_has =
        pair.words.are_understood() && pair.nodes[node].defers && other.runs() && other.complete;
    if !was_complete && other_has && pair.notices.contains(&Notice::NobodyActive) {
        return Err("claims without the connections while one lives that has them".to_owned());
    }
    Ok(())
}

fn both(pair: &mut Pair) -> Result<(), String> {
    if !(pair.is_active(0) && pair.is_active(1)) {
        pair.both_since = None;
        return Ok(());
    }
    let since = *pair.both_since.get_or_insert(pair.now);
    let run = pair.nodes.iter().all(|node| node.runs());
    if run && pair.now >= since + BOUND && pair.calm_for(BOUND) {
        return Err("both are active".to_owned());
    }
    Ok(())
}

fn nobody(pair: &mut Pair) -> Result<(), String> {
    if pair.is_active(0) || pair.is_active(1) {
        pair.nobody_since = None;
        return Ok(());
    }
    let since = *pair.nobody_since.get_or_insert(pair.now);
    let could = pair.nodes.iter().any(|node| node.runs() && node.dataplane);
    // A start, the dead interval, the disk, and a tick.
    let bound = DEAD + BOUND + pair.words.wait();
    if could && pair.now > since + DEAD + pair.words.wait() && pair.calm_for(bound) {
        return Err("nobody is active".to_owned());
    }
    Ok(())
}
