//! Connections that an operator ends.

use super::*;
use crate::policy::Departure;

/// An established connection of this kind.
fn established(connections: &mut Connections<Ipv4Addr>, kind: Kind, number: u16) -> ConnectionId {
    let id = connections.open(&opening(kind, Protocol::Tcp, number), at(0)).unwrap().id;
    follow(connections, id, &[(1, R, SYN_ACK), (2, O, ACK)]);
    id
}

fn state(connections: &Connections<Ipv4Addr>, id: ConnectionId) -> State {
    connections.table().get(id).unwrap().state()
}

#[test]
fn an_open_tcp_connection_is_closed_and_its_ends_are_told_once() {
    for kind in [Kind::Service, Kind::Masquerade] {
        let mut connections = connections(8);
        let id = established(&mut connections, kind, 1);
        let other = established(&mut connections, kind, 2);
        connections.set_next_hops(id, [NextHop(3), NextHop(4)], 9);
        let original = opening(kind, Protocol::Tcp, 1).original;
        assert!(connections.is_current(hit(id, O), 9));
        assert_eq!(connections.kill(id, &original, at(3)), Killed::IsClosed);
        assert_eq!(connections.kill(id, &original, at(3)), Killed::NotThere);
        assert_eq!(
            (state(&connections, id), state(&connections, other)),
            (State::Close, State::Established)
        );
        // No epoch of next hops is the one that it has now: all its packets are looked at.
        let is_current = |epoch| connections.is_current(hit(id, O), epoch);
        assert!(!(0..=LAST_EPOCH).any(is_current));
        assert!(connections.probe(id, O).is_some() && connections.probe(id, R).is_some());
        // Nor does it forget that when its server goes down.
        connections.leave(0, 8, |_| Departure::Moves, |_| true);
        assert!(connections.table().get(id).unwrap().is_killed());
        assert!(connections.cut(id, at(4)));
        assert!(!connections.cut(id, at(4)));
        assert!(connections.table().get(id).unwrap().is_killed());
        // It goes when a reset connection goes, and its record is as good as new.
        assert_eq!(drain(&mut connections, at(300_000)).len(), 1);
        let again = connections.open(&opening(kind, Protocol::Tcp, 1), at(300_000)).unwrap();
        assert!(!connections.table().get(again.id).unwrap().is_killed());
    }
}

#[test]
fn what_has_no_open_ends_is_gone_at_once() {
    let mut connections = connections(8);
    let udp = opening(Kind::Service, Protocol::Udp, 1);
    let echo = opening(Kind::Masquerade, Protocol::Icmp, 2);
    let syn = opening(Kind::Service, Protocol::Tcp, 3);
    for new in [udp, echo, syn] {
        let id = connections.open(&new, at(0)).unwrap().id;
        assert_eq!(connections.kill(id, &new.original, at(1)), Killed::IsGone);
        assert!(connections.table().is_empty());
        assert_eq!(connections.kill(id, &new.original, at(1)), Killed::NotThere);
    }
    let id = established(&mut connections, Kind::Service, 4);
    let segments = [(3, O, FIN_ACK), (3, R, FIN_ACK), (3, O, ACK)];
    follow(&mut connections, id, &segments);
    assert_eq!(state(&connections, id), State::TimeWait);
    let original = opening(Kind::Service, Protocol::Tcp, 4).original;
    assert_eq!(connections.kill(id, &original, at(4)), Killed::IsGone);
}

#[test]
fn a_record_that_another_connection_has_is_left_alone() {
    let mut connections = connections(1);
    let first = opening(Kind::Service, Protocol::Udp, 1);
    let id = connections.open(&first, at(0)).unwrap().id;
    connections.close(id).unwrap();
    let second = opening(Kind::Service, Protocol::Udp, 2);
    assert_eq!(connections.open(&second, at(1)).unwrap().id, id);
    assert_eq!(connections.kill(id, &first.original, at(2)), Killed::NotThere);
    assert_eq!(connections.table().len(), 1);
    // The control.
    assert_eq!(connections.kill(id, &second.original, at(2)), Killed::IsGone);
}

#[test]
fn loads_are_counted_as_of_what_ends_by_itself() {
    let mut connections = connections(8);
    let id = established(&mut connections, Kind::Service, 1);
    let new = opening(Kind::Service, Protocol::Tcp, 1);
    assert_eq!(connections.loads().of(new.server), Load { active: 1, inactive: 0 });
    connections.kill(id, &new.original, at(3));
    assert_eq!(connections.loads().of(new.server), Load { active: 0, inactive: 1 });
    drain(&mut connections, at(30_000));
    assert_eq!(connections.loads().of(new.server), Load { active: 0, inactive: 0 });
}

#[test]
fn ages_are_since_the_last_opening() {
    let mut connections = connections(1);
    let first = opening(Kind::Service, Protocol::Udp, 1);
    let id = connections.open(&first, at(0)).unwrap().id;
    connections.pass(hit(id, O), Flags::EMPTY.into(), at(102_400)).unwrap();
    assert_eq!(connections.age_seconds(id, at(204_800)), 204, "packets do not count");
    connections.close(id).unwrap();
    connections.open(&opening(Kind::Service, Protocol::Udp, 2), at(102_400)).unwrap();
    assert_eq!(connections.age_seconds(id, at(204_800)), 102);
}
