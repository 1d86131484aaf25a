//! Any packets under any configuration against the model.

use nat::policy::Request;
use nat::record::Record;
use nat::translator::Decision;
use nat::{Direction, Instant, Side, Translator};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::Ipv4Addr;

use crate::clients::Clients;
use crate::model::{Expected, Flow, Model, asks};
use crate::world::{requests, worlds};

fn record(translator: &Translator<Ipv4Addr>, decision: Decision) -> Record<Ipv4Addr> {
    let Decision::Opened { hit, .. } = decision else { panic!("{decision:?} opens nothing") };
    *translator.connections.table().get(hit.id).unwrap()
}

/// Looks at a connection that was opened, and remembers it.
fn check(
    model: &mut Model<'_>,
    expected: &Expected,
    request: &Request<Ipv4Addr>,
    opened: &Record<Ipv4Addr>,
) -> Result<(), TestCaseError> {
    let tuple = request.key.tuple();
    let (original, reply) = (*opened.key(Direction::Original), *opened.key(Direction::Reply));
    let (there, back) = (original.tuple(), reply.tuple());
    match expected {
        Expected::ToServer { servers, source, .. } => {
            prop_assert_eq!((there, original.side()), (tuple, request.key.side()));
            prop_assert_eq!((reply.side(), back.destination), (Side::Private, *source));
            prop_assert!(servers.contains(&(back.source, back.source_port.number())));
            let port = tuple.destination_port.number();
            let asked = model.asked(tuple.destination, port, tuple.protocol).unwrap();
            let server = (back.source, back.source_port.number());
            model.clients.opened(model.world, asked, tuple.source, server);
            // Its own port, unless another connection looks the same.
            let mut own = back;
            own.destination_port = tuple.source_port;
            let keeps_own = back.destination_port == tuple.source_port;
            let may_change = model.is_taken(own, Side::Private)
                || (*source != tuple.source && tuple.source_port.number() < 1024);
            prop_assert!(keeps_own || may_change, "{:?} without need", back.destination_port);
        }
        Expected::ToClient { listen } => {
            prop_assert_eq!((back, reply.side()), (tuple, Side::Private));
            prop_assert_eq!((there, original.side()), (asks(tuple, *listen), Side::Public));
        }
        Expected::Masqueraded { address, .. } => {
            prop_assert_eq!((there, original.side()), (tuple, Side::Private));
            let from = (back.source, back.source_port);
            prop_assert_eq!(from, (tuple.destination, tuple.destination_port));
            prop_assert_eq!((reply.side(), back.destination), (Side::Public, *address));
            let free = model.free_ports(tuple, expected);
            prop_assert!(free.contains(&back.destination_port.number()));
            let own = tuple.source_port.number();
            let keeps_own = back.destination_port.number() == own;
            prop_assert!(keeps_own || !free.contains(&own), "{own} was free");
        }
        other => prop_assert!(false, "a connection was opened instead of {other:?}"),
    }
    let (tuples, sides) = ([there, back], [original.side(), reply.side()]);
    let matched = tuples.into_iter().zip(sides).skip(usize::from(opened.is_one_packet()));
    for (tuple, side) in matched {
        prop_assert!(!model.is_taken(tuple, side), "{tuple:?} has two connections");
    }
    model.flows.push(Flow { original: (there, sides[0]), reply: (back, sides[1]) });
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_decided_as_the_model_says(
        world in worlds(), packets in vec(requests(), 1..60),
    ) {
        let policy = world.policy();
        let mut translator = world.translator(&policy);
        let mut model = Model { world: &world, flows: Vec::new(), clients: Clients::default() };
        for request in &packets {
            let expected = model.expects(request);
            let known = translator.connections.table().look_up(&request.key).is_some();
            prop_assert_eq!(known, expected == Expected::Known);
            if known {
                continue;
            }
            let decision = translator.decide(&policy, request, None, Instant::from_millis(1));
            if let Decision::Known(hit) = decision {
                // The same server again.
                let tuple = request.key.tuple();
                prop_assert!(model.finds_anew(tuple), "{:?}", expected);
                let record = translator.connections.table().get(hit.id).unwrap();
                let asked = record.key(Direction::Original);
                prop_assert_eq!((asked.tuple(), asked.side()), (tuple, request.key.side()));
                continue;
            }
            let was_full = model.is_full();
            match &expected {
                Expected::ToServer { refusal: Some(refusal), .. }
                    if decision == Decision::Refused(*refusal) => {}
                Expected::Refused(refusal) => {
                    prop_assert_eq!(decision, Decision::Refused(*refusal));
                }
                Expected::Router => prop_assert_eq!(decision, Decision::Router),
                Expected::PrivateHost => prop_assert_eq!(decision, Decision::PrivateHost),
                opened => {
                    check(&mut model, opened, request, &record(&translator, decision))?;
                    model.forget_evicted(translator.connections.table(), was_full)?;
                }
            }
        }
    }
}
