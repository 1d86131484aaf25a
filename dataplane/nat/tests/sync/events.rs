//! Events as bytes: what is written is read, and what nobody writes is refused.

use std::net::Ipv4Addr;

use nat::Side;
use nat::connection::Kind;
use nat::sync::{Change, Event, EventError, event};
use nat::table::Key;
use nat::tcp::State;
use proptest::prelude::*;
use wire::Protocol;

use super::pair::{opening, services, tuple};

fn example(kind: Kind, protocol: Protocol, state: State) -> Event {
    let opening = opening(&services(false), kind, protocol, 9, 2);
    Event {
        change: Change::Put,
        kind,
        state,
        bulk: false,
        original: opening.original,
        reply: opening.reply,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_event_or_an_error(bytes: [u8; event::BYTES]) {
        if let Ok(event) = Event::from_bytes(&bytes) {
            prop_assert_eq!(event::to_bytes(event.words()), bytes);
        }
    }

    /// Bytes near enough to an event to get past the first looks.
    #[test]
    fn nearly_events_are_an_event_or_an_error(
        place in 0..event::BYTES, byte: u8, kind in 0..3usize, state in 0..State::COUNT,
    ) {
        let kind = [Kind::Service, Kind::Masquerade, Kind::Hairpin][kind];
        let event = example(kind, Protocol::Tcp, State::ALL[state]);
        let mut bytes = event::to_bytes(event.words());
        let original = bytes;
        bytes[place] = byte;
        match Event::from_bytes(&bytes) {
            Ok(read) => {
                prop_assert_eq!(event::to_bytes(read.words()), bytes);
                prop_assert_eq!(read == event, bytes == original);
            }
            Err(_) => {
                let is_no_state = matches!(
                    event.state,
                    State::Listen | State::Unreplied | State::Replied
                );
                prop_assert!(bytes != original || is_no_state);
            }
        }
    }
}

#[test]
fn every_kind_and_state_comes_back() {
    for kind in [Kind::Service, Kind::Masquerade, Kind::Hairpin] {
        for state in State::ALL {
            for change in [Change::Put, Change::Close] {
                let event = Event { change, bulk: true, ..example(kind, Protocol::Tcp, state) };
                let read = Event::from_bytes(&event::to_bytes(event.words()));
                match state {
                    State::Listen | State::Unreplied | State::Replied => {
                        assert!(matches!(read, Err(EventError::State { .. })))
                    }
                    _ => assert_eq!(read, Ok(event)),
                }
            }
        }
        for state in [State::None, State::Unreplied, State::Replied] {
            let event = example(kind, Protocol::Udp, state);
            assert_eq!(Event::from_bytes(&event::to_bytes(event.words())), Ok(event));
        }
    }
}

#[test]
fn bytes_are_the_same_on_every_machine() {
    let client = (Ipv4Addr::new(203, 0, 113, 9), 0x1234);
    let vip = (Ipv4Addr::new(198, 51, 100, 10), 80);
    let server = (Ipv4Addr::new(10, 0, 0, 11), 8080);
    let event = Event {
        change: Change::Put,
        kind: Kind::Service,
        state: State::Established,
        bulk: false,
        original: Key::new(tuple(client, vip, Protocol::Tcp), Side::Public),
        reply: Key::new(tuple(server, client, Protocol::Tcp), Side::Private),
    };
    let expected = [
        203, 0, 113, 9, 198, 51, 100, 10, // original addresses
        10, 0, 0, 11, 203, 0, 113, 9, // reply addresses
        0x12, 0x34, 0, 80, 0x1f, 0x90, 0x12, 0x34, // ports
        1, 0, 6, 3, 0, 0, 0, 0, // put, service, TCP, established
    ];
    assert_eq!(event::to_bytes(event.words()), expected);
}

#[test]
fn what_no_worker_writes_is_refused() {
    let good = example(Kind::Service, Protocol::Tcp, State::Established);
    let refused = |event: Event| Event::from_bytes(&event::to_bytes(event.words())).unwrap_err();
    // A reply to somebody else.
    let elsewhere = example(Kind::Masquerade, Protocol::Tcp, State::None).reply;
    assert_eq!(refused(Event { reply: elsewhere, ..good }), EventError::Keys(Kind::Service));
    // The other kind's keys.
    assert!(matches!(refused(Event { kind: Kind::Masquerade, ..good }), EventError::Keys(_)));
    // A state that UDP does not have.
    let udp = example(Kind::Masquerade, Protocol::Udp, State::Established);
    assert!(matches!(refused(udp), EventError::State { .. }));
    // A service for ICMP.
    let icmp = example(Kind::Service, Protocol::Icmp, State::None);
    assert!(matches!(refused(icmp), EventError::Keys(_)));
    for (place, byte) in [(24, 0), (24, 9), (25, 3), (26, 47), (27, 11), (28, 2), (29, 1), (31, 1)]
    {
        let mut bytes = event::to_bytes(good.words());
        bytes[place] = byte;
        assert!(Event::from_bytes(&bytes).is_err(), "byte {place}");
    }
    assert!(Event::from_bytes(&[0; event::BYTES]).is_err());
}
