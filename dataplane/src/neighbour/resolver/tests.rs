//! Resolution against time.

use super::*;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 11]);
const BROADCAST: Option<MacAddress> = None;

fn at(seconds: u64) -> Instant {
    Instant::from_millis(1000 + seconds * 1000)
}

fn resolver() -> Resolver<u32> {
    Resolver::new(Arc::new(NeighbourTable::default()))
}

fn tick(resolver: &mut Resolver<u32>, now: Instant) -> (Vec<Request>, Vec<u32>) {
    let (mut requests, mut failed) = (Vec::new(), Vec::new());
    resolver.tick(now, [false; 2], |outcome| match outcome {
        Outcome::Ask(request) => requests.push(request),
        Outcome::Failed(_, packet) => failed.push(packet),
        Outcome::Send(..) => panic!("nothing waits for a static neighbour"),
    });
    (requests, failed)
}

fn request(to: Option<MacAddress>) -> Request {
    Request { side: Side::Private, target: HOST, to }
}

fn usable(resolver: &Resolver<u32>) -> Option<MacAddress> {
    let hop = resolver.table.find(Side::Private, HOST)?;
    resolver.table.mac(hop)
}

#[test]
fn packets_wait_for_the_answer_in_order() {
    let mut resolver = resolver();
    let first = resolver.resolve(Side::Private, HOST, 1, at(0));
    assert_eq!(first, Resolution::Wait(Some(request(BROADCAST))));
    assert_eq!(resolver.resolve(Side::Private, HOST, 2, at(0)), Resolution::Wait(None));
    assert_eq!(usable(&resolver), None);
    assert_eq!(resolver.learn(Side::Private, HOST, MAC, false, at(0)), [1, 2]);
    assert_eq!(usable(&resolver), Some(MAC));
    assert_eq!(resolver.resolve(Side::Private, HOST, 3, at(0)), Resolution::Send(MAC, 3));
}

#[test]
fn requests_are_a_second_apart_and_three() {
    let mut resolver = resolver();
    resolver.resolve(Side::Private, HOST, 1, at(0));
    assert_eq!(tick(&mut resolver, at(0)), (vec![], vec![]));
    assert_eq!(tick(&mut resolver, at(1)), (vec![request(BROADCAST)], vec![]));
    assert_eq!(tick(&mut resolver, at(2)), (vec![request(BROADCAST)], vec![]));
    assert_eq!(tick(&mut resolver, at(3)), (vec![], vec![1]));
    // The next packet asks again, and its sender is told at once.
    let again = resolver.resolve(Side::Private, HOST, 2, at(4));
    assert_eq!(again, Resolution::Failed(2, Some(request(BROADCAST))));
    // Once it has answered, packets wait for it and are sent as ever.
    resolver.learn(Side::Private, HOST, MAC, false, at(5));
    assert_eq!(resolver.resolve(Side::Private, HOST, 3, at(5)), Resolution::Send(MAC, 3));
}

#[test]
fn a_dead_host_is_not_asked_for_by_every_packet_and_every_sender_is_told() {
    let mut resolver = resolver();
    resolver.resolve(Side::Private, HOST, 0, at(0));
    for second in 1..=3 {
        tick(&mut resolver, at(second));
    }
    let (mut asked, mut told) = (0, 0);
    for step in 1..1000u32 {
        let now = Instant::from_millis(at(3).millis() + u64::from(step) * 10);
        if step % 10 == 0 {
            asked += tick(&mut resolver, now).0.len();
        }
        match resolver.resolve(Side::Private, HOST, step, now) {
            Resolution::Failed(_, request) => {
                told += 1;
                asked += usize::from(request.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, 999);
    assert!((3..=11).contains(&asked), "{asked} requests in ten seconds");
}

#[test]
fn queues_are_bounded() {
    let mut resolver = resolver();
    for packet in 0..QUEUE as u32 {
        let outcome = resolver.resolve(Side::Private, HOST, packet, at(0));
        assert!(matches!(outcome, Resolution::Wait(_)));
    }
    assert_eq!(resolver.resolve(Side::Private, HOST, 99, at(0)), Resolution::QueueFull(99));
    for host in 0..2 * QUEUE_TOTAL as u32 {
        resolver.resolve(Side::Public, Ipv4Addr::from_bits(host), host, at(0));
    }
    assert_eq!(resolver.waiting, QUEUE_TOTAL);
}

#[test]
fn an_old_answer_is_probed_by_unicast_then_broadcast_and_used_meanwhile() {
    let mut resolver = resolver();
    resolver.resolve(Side::Private, HOST, 1, at(0));
    resolver.learn(Side::Private, HOST, MAC, false, at(0));
    assert_eq!(tick(&mut resolver, at(29)).0, []);
    assert_eq!(tick(&mut resolver, at(30)).0, [request(Some(MAC))]);
    for second in 31..36 {
        assert_eq!(usable(&resolver), Some(MAC));
        assert_eq!(tick(&mut resolver, at(second)).0, [request(BROADCAST)]);
    }
    assert_eq!(tick(&mut resolver, at(36)).0, []);
    assert_eq!(usable(&resolver), None, "six unanswered requests");
    // It comes back with another card.
    let other = MacAddress([2, 0, 0, 0, 0, 99]);
    resolver.learn(Side::Private, HOST, other, false, at(37));
    assert_eq!(usable(&resolver), Some(other));
}

/// Sends a frame to the host, as a worker does.
fn send(resolver: &Resolver<u32>) {
    let hop = resolver.table.find(Side::Private, HOST).unwrap();
    let own = crate::neighbour::Sender::new(MacAddress([2; 6]));
    assert!(resolver.table.reader().addresses(hop, own).is_some());
}

#[test]
fn a_neighbour_in_use_is_asked_every_second_and_found_again_when_its_card_is_another() {
    let mut resolver = resolver();
    resolver.learn(Side::Private, HOST, MAC, true, at(0));
    for second in 1..10 {
        send(&resolver);
        assert_eq!(tick(&mut resolver, at(second)).0, [request(Some(MAC))], "at {second}");
        resolver.learn(Side::Private, HOST, MAC, true, at(second));
    }
    // Nothing is sent to it any more: it may rest.
    for second in 10..30 {
        assert_eq!(tick(&mut resolver, at(second)).0, [], "at {second}");
    }
    // The old card answers no more. The second question goes to all, and the new one answers.
    send(&resolver);
    assert_eq!(tick(&mut resolver, at(31)).0, [request(Some(MAC))]);
    send(&resolver);
    assert_eq!(tick(&mut resolver, at(32)).0, [request(BROADCAST)]);
    let other = MacAddress([2, 0, 0, 0, 0, 99]);
    resolver.learn(Side::Private, HOST, other, false, at(32));
    assert_eq!(usable(&resolver), Some(other));
}

#[test]
fn so_many_begin_to_be_probed_at_a_time_and_all_have_their_turn() {
    let mut resolver = resolver();
    let hosts: Vec<_> =
        (0..3 * PROBED as u32).map(|host| Ipv4Addr::from_bits(0x0a01_0000 + host)).collect();
    for &host in &hosts {
        resolver.learn(Side::Private, host, MAC, true, at(0));
        resolver.resolve(Side::Private, host, 1, at(1));
    }
    let mut asked = Vec::new();
    for tenth in 0..3 {
        let now = Instant::from_millis(at(1).millis() + 100 * tenth);
        let (requests, _) = tick(&mut resolver, now);
        assert_eq!(requests.len(), PROBED);
        for Request { target, .. } in requests {
            resolver.learn(Side::Private, target, MAC, false, now);
            asked.push(target);
        }
    }
    asked.sort_unstable();
    assert_eq!(asked, hosts);
}

#[test]
fn in_a_full_table_those_make_room_that_are_not_in_use() {
    let mut resolver = resolver();
    let kept = Ipv4Addr::new(10, 0, 0, 12);
    resolver.keep(vec![(Side::Private, kept)]);
    let host = |number: u32| Ipv4Addr::from_bits(0x0a01_0000 + number);
    // More than there are slots talk, one after the other.
    let mut known = 0;
    for number in 0..60_000 {
        let now = Instant::from_millis(at(0).millis() + u64::from(number) * 2);
        resolver.learn(Side::Private, host(number), MAC, true, now);
        known += u32::from(resolver.table.find(Side::Private, host(number)).is_some());
        if number % 50 == 0 {
            // One of them, the configuration's, and the last are in use all the time.
            resolver.learn(Side::Private, HOST, MAC, true, now);
            resolver.learn(Side::Private, kept, MAC, true, now);
            send(&resolver);
            tick(&mut resolver, now);
        }
    }
    assert!(known > 59_000, "{known} of 60,000 were learnt when they came");
    assert_eq!(usable(&resolver), Some(MAC));
    assert!(resolver.table.find(Side::Private, kept).is_some());
    assert!(resolver.list(at(200)).len() <= SLOTS);
}

#[test]
fn a_neighbour_that_was_there_does_not_fail_while_its_answers_may_be_lost() {
    let private = [false, true];
    let mut resolver = resolver();
    resolver.learn(Side::Private, HOST, MAC, true, at(0));
    let mut asked = 0;
    for second in 30..120 {
        resolver.tick(at(second), private, |outcome| {
            assert!(matches!(outcome, Outcome::Ask(_)));
            asked += 1;
        });
        assert_eq!(usable(&resolver), Some(MAC), "at {second}");
    }
    assert!(asked > 80, "it is asked on: {asked}");
    // The control: the other side's losses excuse nothing, nor do none.
    for is_deaf in [[true, false], [false; 2]] {
        resolver.learn(Side::Private, HOST, MAC, true, at(200));
        for second in 230..240 {
            resolver.tick(at(second), is_deaf, |_| ());
        }
        assert_eq!(usable(&resolver), None);
    }
    // One that never answered fails as ever.
    let other = Ipv4Addr::new(10, 0, 0, 12);
    resolver.resolve(Side::Private, other, 1, at(240));
    let mut failed = 0;
    for second in 240..245 {
        let count = |outcome| failed += u32::from(matches!(outcome, Outcome::Failed(..)));
        resolver.tick(at(second), private, count);
    }
    assert_eq!(failed, 1);
}

#[test]
fn failed_neighbours_are_forgotten_when_there_are_many() {
    let mut resolver = resolver();
    resolver.learn(Side::Private, HOST, MAC, true, at(60));
    let hosts = (0..CROWDED as u32).map(|host| Ipv4Addr::from_bits(0x0a01_0000 + host));
    for (count, host) in hosts.enumerate() {
        resolver.resolve(Side::Private, host, 1, at(0));
        if count == 9 {
            (1..=3).for_each(|second| drop(tick(&mut resolver, at(second))));
            let epoch = resolver.table.epoch();
            tick(&mut resolver, at(70));
            assert_eq!(resolver.list(at(70)).len(), 11, "there is room");
            assert_eq!(resolver.table.epoch(), epoch, "no connection has to look");
        }
    }
    tick(&mut resolver, at(71));
    let left = resolver.list(at(71));
    assert!(left.iter().all(|line| line.state != ReachabilityState::Failed));
    assert!(left.iter().any(|line| line.address == HOST));
}

#[test]
fn packets_that_wait_leave_when_their_neighbour_becomes_static() {
    let mut resolver = resolver();
    resolver.resolve(Side::Private, HOST, 1, at(0));
    resolver.resolve(Side::Private, HOST, 2, at(0));
    resolver.set_static(&[(Side::Private, HOST, MAC)], at(1));
    let mut outcomes = Vec::new();
    resolver.tick(at(1), [false; 2], |outcome| outcomes.push(outcome));
    let sent = [1, 2].map(|packet| Outcome::Send(Side::Private, MAC, packet));
    assert_eq!(outcomes, sent);
    assert_eq!(resolver.waiting, 0);
}

#[test]
fn strangers_are_learnt_only_when_they_talk_to_us() {
    let mut resolver = resolver();
    resolver.learn(Side::Private, HOST, MAC, false, at(0));
    assert!(resolver.list(at(0)).is_empty());
    resolver.learn(Side::Private, HOST, MAC, true, at(0));
    assert_eq!(resolver.list(at(0))[0].state, ReachabilityState::Reachable);
}

#[test]
fn static_neighbours_do_not_listen() {
    let mut resolver = resolver();
    assert!(resolver.set_static(&[(Side::Private, HOST, MAC)], at(0)));
    resolver.learn(Side::Private, HOST, MacAddress([6; 6]), true, at(1));
    assert_eq!(usable(&resolver), Some(MAC));
    assert_eq!(tick(&mut resolver, at(9999)).0, []);
    resolver.set_static(&[], at(10_000));
    assert_eq!(tick(&mut resolver, at(10_000)).0, [request(Some(MAC))]);
}
