//! What would become of a packet is what becomes of it, and to ask changes nothing.

use std::net::Ipv4Addr;

use nat::policy::{Policy, Request};
use nat::translator::{Decision, Preview};
use nat::{Direction, Instant, Side, Translator};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::{FiveTuple, Protocol};

use crate::world::{CLIENT, VIP, World, request, requests, worlds};

const NOW: Instant = Instant::from_millis(1);

/// What a packet comes to, in the same words for both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Known(FiveTuple<Ipv4Addr>),
    /// How the packet leaves, and how its replies arrive.
    Opens(FiveTuple<Ipv4Addr>, FiveTuple<Ipv4Addr>),
    Other(Option<Decision>),
}

fn previewed(
    translator: &mut Translator<Ipv4Addr>,
    policy: &Policy<Ipv4Addr>,
    request: &Request<Ipv4Addr>,
) -> Outcome {
    if let Some(hit) = translator.connections.table().look_up(&request.key) {
        return known(translator, hit);
    }
    match translator.preview(policy, request, NOW) {
        Preview::Known(hit) => known(translator, hit),
        Preview::Opens { connection, .. } => {
            Outcome::Opens(connection.original.tuple(), connection.reply.tuple())
        }
        Preview::Router => Outcome::Other(Some(Decision::Router)),
        Preview::PrivateHost => Outcome::Other(Some(Decision::PrivateHost)),
        Preview::Refused(refusal) => Outcome::Other(Some(Decision::Refused(refusal))),
    }
}

fn known(translator: &Translator<Ipv4Addr>, hit: nat::table::Hit) -> Outcome {
    let record = translator.connections.table().get(hit.id).unwrap();
    Outcome::Known(record.translated(hit.direction))
}

fn decided(
    translator: &mut Translator<Ipv4Addr>,
    policy: &Policy<Ipv4Addr>,
    request: &Request<Ipv4Addr>,
) -> Outcome {
    if let Some(hit) = translator.connections.table().look_up(&request.key) {
        return known(translator, hit);
    }
    match translator.decide(policy, request, None, NOW) {
        Decision::Known(hit) => known(translator, hit),
        Decision::Opened { hit, .. } => {
            let record = translator.connections.table().get(hit.id).unwrap();
            let [original, reply] = [Direction::Original, Direction::Reply]
                .map(|direction| record.key(direction).tuple());
            Outcome::Opens(original, reply)
        }
        other => Outcome::Other(Some(other)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_preview_says_what_is_decided_then(
        world in worlds(), packets in vec(requests(), 1..32),
    ) {
        let policy = world.policy();
        let mut translator = world.translator(&policy);
        for request in &packets {
            let expected = previewed(&mut translator, &policy, request);
            prop_assert_eq!(decided(&mut translator, &policy, request), expected);
        }
    }

    #[test]
    fn to_ask_changes_nothing(
        world in worlds(),
        packets in vec((requests(), vec(requests(), 0..4)), 1..24),
    ) {
        let (asked_policy, policy) = (world.policy(), world.policy());
        let mut asked = world.translator(&asked_policy);
        let mut other = world.translator(&policy);
        for (request, questions) in &packets {
            for question in questions {
                previewed(&mut asked, &asked_policy, question);
            }
            let expected = decided(&mut other, &policy, request);
            prop_assert_eq!(decided(&mut asked, &asked_policy, request), expected);
        }
        let left = |translator: &Translator<Ipv4Addr>| translator.connections.table().len();
        prop_assert_eq!(left(&asked), left(&other));
    }
}

/// The control: a decision that is asked for twice is another one the second time.
#[test]
fn a_decision_takes_its_turn_and_a_preview_does_not() {
    let world = World::usual();
    let policy = world.policy();
    let mut translator = world.translator(&policy);
    let request =
        |port: u16| request(Side::Public, Protocol::Tcp, (CLIENT, 1000 + port), (VIP, 80));
    let servers: Vec<_> = (0..4)
        .map(|port| {
            let Outcome::Opens(_, reply) = previewed(&mut translator, &policy, &request(port))
            else {
                panic!("it opens a connection")
            };
            reply.source
        })
        .collect();
    assert!(servers.iter().all(|server| *server == servers[0]), "{servers:?}");
    let decided = |translator: &mut Translator<Ipv4Addr>, port| match decided(
        translator,
        &policy,
        &request(port),
    ) {
        Outcome::Opens(_, reply) => reply.source,
        other => panic!("{other:?}"),
    };
    let (one, two) = (decided(&mut translator, 10), decided(&mut translator, 11));
    assert_eq!(one, servers[0]);
    assert_ne!(one, two, "round robin");
}
