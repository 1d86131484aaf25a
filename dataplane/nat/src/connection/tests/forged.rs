//! Segments in the name of an end of a connection by somebody who knows its addresses and
//! ports, and not its numbers.

use wire::MacAddress;
use wire::flow::{self, EthernetAddresses};
use wire::testing::Frame;

use super::*;

/// What both ends have sent when a connection is open; the client's numbers wrap.
const CLIENT: u32 = 0xffff_f800;
const SERVER: u32 = 0x1234_5678;
const DATA: u32 = 3000;

fn segment(flags: Flags, sequence: u32, acknowledgment: u32) -> Segment {
    Segment { flags, sequence, acknowledgment }
}

/// Opens a connection that is established, in which each end has sent a little.
fn opened(connections: &mut Connections<Ipv4Addr>, kind: Kind) -> ConnectionId {
    let id = connections.open(&opening(kind, Protocol::Tcp, 1), at(0)).unwrap().id;
    let conversation = [
        (R, segment(SYN_ACK, SERVER, CLIENT + 1)),
        (O, segment(ACK, CLIENT + 1, SERVER + 1)),
        (O, segment(ACK, CLIENT + 1, SERVER + 1)),
        (R, segment(ACK, SERVER + 1, (CLIENT + 1).wrapping_add(DATA))),
        (O, segment(ACK, (CLIENT + 1).wrapping_add(DATA), SERVER + 1 + DATA)),
    ];
    for (direction, segment) in conversation {
        connections.pass(hit(id, direction), segment, at(10)).unwrap();
    }
    id
}

/// What an end that has sent all this would number the next byte.
fn next(direction: Direction) -> u32 {
    match direction {
        O => (CLIENT + 1).wrapping_add(DATA),
        R => SERVER + 1 + DATA,
    }
}

fn state(connections: &Connections<Ipv4Addr>, id: ConnectionId) -> State {
    connections.table().get(id).unwrap().state()
}

#[test]
fn a_forged_reset_or_fin_ends_and_shortens_nothing() {
    let far_off = [1 << 17, 1 << 20, 1 << 31, u32::MAX - (1 << 17)];
    let kinds = [(Kind::Service, 900), (Kind::Masquerade, 7440)];
    for (kind, timeout) in kinds {
        for (direction, flags) in [O, R].into_iter().flat_map(|d| [RST, FIN_ACK].map(|f| (d, f))) {
            let mut connections = connections(4);
            let id = opened(&mut connections, kind);
            for (second, off) in far_off.into_iter().enumerate() {
                let forged = segment(flags, next(direction).wrapping_add(off), 77);
                let now = at(20 + second as u64);
                connections.pass(hit(id, direction), forged, now).unwrap();
                assert_eq!(state(&connections, id), State::Established);
            }
            // Nor do they keep it alive.
            assert_ends(&mut connections, 10, timeout);
        }
    }
}

#[test]
fn a_reset_of_one_of_the_ends_counts_and_so_does_a_fin() {
    // At once, and behind data that its receiver has not acknowledged yet.
    for (direction, ahead) in [O, R].into_iter().flat_map(|d| [0, 1460, 60_000].map(|a| (d, a))) {
        let sequence = next(direction).wrapping_add(ahead);
        for (flags, timeout) in [(RST, 10), (FIN_ACK, if direction == O { 60 } else { 120 })] {
            let mut connections = connections(4);
            let id = opened(&mut connections, Kind::Service);
            let real = segment(flags, sequence, next(direction.flipped()));
            connections.pass(hit(id, direction), real, at(20)).unwrap();
            assert_ends(&mut connections, 20, timeout);
        }
    }
}

#[test]
fn nobody_can_try_one_number_after_the_other() {
    let mut connections = connections(4);
    let id = opened(&mut connections, Kind::Service);
    let guesses = (0..=u16::MAX).map(|high| u32::from(high) << 16 | 0x1000);
    let wrong = |guess: &u32| guess.wrapping_sub(next(O)) > 1 << 17;
    for guess in guesses.clone().filter(wrong).take(1).chain(guesses) {
        connections.pass(hit(id, O), segment(RST, guess, 0), at(20)).unwrap();
        assert_eq!(state(&connections, id), State::Established, "{guess:x}");
    }
    // The server says something, and now a reset of the client's counts again.
    connections.pass(hit(id, R), segment(ACK, next(R), next(O)), at(30)).unwrap();
    connections.pass(hit(id, O), segment(RST, next(O), 0), at(40)).unwrap();
    assert_eq!(state(&connections, id), State::Close);
}

#[test]
fn a_reset_that_its_receiver_did_not_take_for_real_is_taken_back() {
    let mut connections = connections(4);
    let id = opened(&mut connections, Kind::Service);
    connections.pass(hit(id, O), segment(RST, next(O) + 100, 0), at(20)).unwrap();
    assert_eq!(state(&connections, id), State::Close);
    // RFC 5961 section 3.2: its number was not the very next one, so it is challenged.
    connections.pass(hit(id, R), segment(ACK, next(R), next(O)), at(21)).unwrap();
    assert_eq!(state(&connections, id), State::Established);
    assert_ends(&mut connections, 21, 900);
}

#[test]
fn a_refused_connection_ends_soon_whatever_its_numbers() {
    let mut connections = connections(4);
    let id = connections.open(&opening(Kind::Service, Protocol::Tcp, 1), at(0)).unwrap().id;
    connections.pass(hit(id, R), segment(RST | ACK, 0, CLIENT + 1), at(1)).unwrap();
    assert_ends(&mut connections, 1, 10);
}

#[test]
fn a_port_used_again_in_a_half_closed_connection_has_a_full_life() {
    for first in [O, R] {
        let mut connections = connections(4);
        let id = opened(&mut connections, Kind::Service);
        let fin = segment(FIN_ACK, next(first), next(first.flipped()));
        connections.pass(hit(id, first), fin, at(20)).unwrap();
        let half_closed = state(&connections, id);
        assert!(matches!(half_closed, State::FinWait | State::CloseWait));
        // A SYN alone changes nothing: it may be forged.
        connections.pass(hit(id, O), segment(SYN, 5_000_000, 0), at(30)).unwrap();
        assert_eq!(state(&connections, id), half_closed);
        connections.pass(hit(id, R), segment(SYN_ACK, 9_000_000, 5_000_001), at(40)).unwrap();
        connections.pass(hit(id, O), segment(ACK, 5_000_001, 9_000_001), at(50)).unwrap();
        assert_eq!(state(&connections, id), State::Established);
        // And its end counts by its own numbers.
        connections.pass(hit(id, R), segment(RST, 9_000_001, 0), at(60)).unwrap();
        assert_eq!(state(&connections, id), State::Close);
    }
}

/// The fast path, as a worker goes it.
fn forward(connections: &mut Connections<Ipv4Addr>, frame: &Frame, side: Side, now: Instant) {
    let mut bytes = frame.build();
    let plain = flow::read(&bytes).unwrap();
    let key = Key::new(plain.tuple, side);
    let candidate = connections.table().find(&key).unwrap();
    let mut hit = connections.fast_hit(candidate, &key, 0).unwrap();
    assert!(hit.pass(plain.tcp_flags, || flow::segment(&bytes.clone()), now));
    let link = EthernetAddresses::new(MacAddress::ZERO, MacAddress::ZERO);
    assert!(flow::rewrite(&mut bytes, hit, link));
}

proptest! {
    /// Packet by packet or in bursts, a conversation leaves the same behind.
    #[test]
    fn the_fast_path_believes_what_the_other_does(
        segments in vec((any::<bool>(), 0..4usize, any::<bool>(), any::<u32>()), 0..40),
    ) {
        let [mut fast, mut slow] = [connections(4), connections(4)];
        let ids = [&mut fast, &mut slow].map(|connections| opened(connections, Kind::Service));
        prop_assert_eq!(ids[0], ids[1]);
        let opening = opening(Kind::Service, Protocol::Tcp, 1);
        for (now, (is_reply, flags, forged, number)) in segments.into_iter().enumerate() {
            let (direction, key) = if is_reply { (R, opening.reply) } else { (O, opening.original) };
            let flags = [ACK, ACK | Flags::PSH, FIN_ACK, RST | ACK][flags];
            let sequence = if forged { number } else { next(direction) };
            let segment = segment(flags, sequence, next(direction.flipped()));
            let now = at(100 + now as u64);
            let tuple = key.tuple();
            let frame = Frame::tcp(
                (tuple.source, tuple.source_port.number()),
                (tuple.destination, tuple.destination_port.number()),
                flags,
            );
            let frame = frame.numbers(segment.sequence, segment.acknowledgment);
            forward(&mut fast, &frame, key.side(), now);
            slow.pass(hit(ids[1], direction), segment, now).unwrap();
            let [one, other] = [&fast, &slow].map(|c| *c.table().get(ids[0]).unwrap());
            prop_assert_eq!(one.state(), other.state());
            prop_assert_eq!(one.last_seen(), other.last_seen());
        }
    }
}
