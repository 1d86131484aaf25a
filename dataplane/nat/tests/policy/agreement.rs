//! The packets of a burst, planned ahead, are decided as the same packets one by one.

use std::net::Ipv4Addr;

use nat::policy::{Policy, Request};
use nat::record::Record;
use nat::translator::{Decision, Planned, When};
use nat::{Direction, Instant, Translator};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::FiveTuple;

use crate::world::{World, requests, worlds};

const NOW: Instant = Instant::from_millis(1);

/// What a packet came to: the decision, and what it looks like when it leaves.
type Outcome = (Option<Decision>, Option<FiveTuple<Ipv4Addr>>);

fn outcome(translator: &Translator<Ipv4Addr>, decision: Decision) -> Outcome {
    let tuple = |record: &Record<Ipv4Addr>, direction: Direction| record.translated(direction);
    let table = translator.connections.table();
    match decision {
        Decision::Opened { hit, .. } | Decision::Known(hit) => {
            (None, table.get(hit.id).map(|record| tuple(record, hit.direction)))
        }
        other => (Some(other), None),
    }
}

/// The single-packet road.
fn alone(
    translator: &mut Translator<Ipv4Addr>,
    policy: &Policy<Ipv4Addr>,
    request: &Request<Ipv4Addr>,
) -> Outcome {
    let known = translator.connections.table().look_up(&request.key).map(Decision::Known);
    let decision = known.unwrap_or_else(|| translator.decide(policy, request, None, NOW));
    outcome(translator, decision)
}

/// The burst road: all look-ups and plans first, then each packet in turn.
fn together(
    translator: &mut Translator<Ipv4Addr>,
    policy: &Policy<Ipv4Addr>,
    burst: &[Request<Ipv4Addr>],
) -> Vec<Outcome> {
    let missed: Vec<bool> = burst
        .iter()
        .map(|request| translator.connections.table().look_up(&request.key).is_none())
        .collect();
    let plans: Vec<Planned<Ipv4Addr>> = burst
        .iter()
        .zip(&missed)
        .map(|(request, missed)| match missed {
            true => translator.plan(policy, request, When::Ahead, NOW),
            false => Planned::Nothing,
        })
        .collect();
    let each = burst.iter().zip(missed).zip(plans);
    each.map(|((request, _), ahead)| {
        let planned = match ahead {
            Planned::InTurn => translator.plan(policy, request, When::InTurn, NOW),
            ahead => ahead,
        };
        match planned {
            Planned::Open(plan) => {
                let decision = translator.decide(policy, request, Some(&plan), NOW);
                outcome(translator, decision)
            }
            Planned::Decided(decision) => outcome(translator, decision),
            Planned::InTurn | Planned::Nothing => alone(translator, policy, request),
        }
    })
    .collect()
}

/// A burst in which each packet is the first of its connection, also as a reply: a plan that comes
/// to nothing has still taken its turn at the scheduler, so that later flows may meet another
/// server.
fn first_packets(world: &World, burst: Vec<Request<Ipv4Addr>>) -> Vec<Request<Ipv4Addr>> {
    let policy = world.policy();
    let mut scout = world.translator(&policy);
    let mut seen = Vec::new();
    burst
        .into_iter()
        .filter(|request| {
            let is_known = scout.connections.table().look_up(&request.key).is_some();
            alone(&mut scout, &policy, request);
            let is_new = !is_known && !seen.contains(&request.key);
            seen.push(request.key);
            is_new
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_burst_is_decided_as_its_packets_one_by_one(
        world in worlds(), packets in vec(requests(), 1..32),
    ) {
        let policy = world.policy();
        let burst = first_packets(&world, packets);
        let mut one = world.translator(&policy);
        let single: Vec<_> = burst.iter().map(|request| alone(&mut one, &policy, request)).collect();
        // With persistent clients of its own.
        let policy = world.policy();
        let mut other = world.translator(&policy);
        prop_assert_eq!(together(&mut other, &policy, &burst), single);
        let left = |translator: &Translator<Ipv4Addr>| translator.connections.table().len();
        prop_assert_eq!(left(&one), left(&other));
    }
}
