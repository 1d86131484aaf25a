//! Passive checks through connections, as a worker uses them: several workers, clients, segments.

use std::net::Ipv4Addr;
use std::sync::Arc;

use proptest::prelude::*;
use wire::icmpv4::unreachable;
use wire::tcp::{Flags, Segment};
use wire::{FiveTuple, Port, Protocol};

use super::{Holder, Observer, Suspects};
use crate::connection::NewConnection;
use crate::record::{Key, Kind};
use crate::service::{
    Cause, Listen, Registry, ServerId, ServerSpecification, Service, ServiceSpecification, Weights,
    WhenFull,
};
use crate::table::Hit;
use crate::timeouts::Timeouts;
use crate::{Connections, Direction, Instant, Side};

const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// What a client's SYN is numbered with.
const NUMBER: u32 = 0x1234_5678;

/// Workers, and a service whose first server the tests let fail.
struct Bench {
    workers: Vec<Connections<Ipv4Addr>>,
    weights: Arc<Weights>,
    service: Service<Ipv4Addr>,
    protocol: Protocol,
    now: u64,
    port: u16,
}

const KEY: crate::scheduler::ClientKey = crate::scheduler::ClientKey::from_bits([1, 2]);

impl Bench {
    fn new(workers: usize) -> Self {
        Bench::of(Protocol::Tcp, workers)
    }

    fn of(protocol: Protocol, workers: usize) -> Self {
        let server = |last| ServerSpecification {
            address: Ipv4Addr::new(10, 0, 0, last),
            port: Port::new(80),
            weight: 1,
            limit: None,
        };
        let specification = ServiceSpecification {
            name: "web".to_owned(),
            listens: vec![Listen::at(VIP, Port::new(80), protocol)],
            scheduler: crate::scheduler::Kind::RoundRobin,
            hash: crate::scheduler::HashOptions::default(),
            servers: vec![server(11), server(12)],
            sorry: Vec::new(),
            limit: None,
            when_full: WhenFull::default(),
            one_packet: false,
            unserved: None,
            persistence: None,
            cuts: false,
        };
        let services = Registry::default().build(&[specification], KEY).unwrap();
        let weights = Arc::new(Weights::default());
        let suspects = Arc::new(Suspects::new(Arc::clone(&weights), workers));
        let worker = |number| {
            Connections::new(1000, Timeouts::default(), Instant::from_millis(0), &mut |_| ())
                .observed_by(Observer::new(Arc::clone(&suspects), number))
        };
        let workers = (0..workers).map(worker).collect();
        let service = services.iter().next().unwrap().clone();
        service.servers.iter().for_each(|server| weights.set(server.id, 1));
        let mut bench = Bench { workers, weights, service, protocol, now: 1000, port: 1024 };
        // Workers poll before anything comes.
        bench.pass(50);
        bench
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn server(&self) -> ServerId {
        self.service.servers[0].id
    }

    fn is_suspect(&self) -> bool {
        self.weights.state(self.server()).is_suspect()
    }

    /// A client asks the first server, through the worker that owns it.
    fn ask(&mut self, client: u8) -> (usize, Hit) {
        self.port += 1;
        let (source, port) = (Ipv4Addr::new(203, 0, 113, client), Port::new(self.port));
        let protocol = self.protocol;
        let asked = FiveTuple {
            source,
            destination: VIP,
            source_port: port,
            destination_port: Port::new(80),
            protocol,
        };
        let flags = if protocol == Protocol::Tcp { Flags::SYN } else { Flags::EMPTY };
        let (key, server) = (Key::new(asked, Side::Public), &self.service.servers[0]);
        let new = NewConnection::to_server(
            Kind::Service,
            &self.service,
            server,
            key,
            source,
            port,
            flags,
        );
        let (at, now) = (usize::from(client) % self.workers.len(), self.now());
        let hit = self.workers[at].open(&new, now).unwrap();
        let syn = Segment { flags, sequence: NUMBER, acknowledgment: 0 };
        self.workers[at].was_asked(hit.id, syn, now);
        (at, hit)
    }

    /// The server sends a segment of a connection.
    fn answer(&mut self, (at, hit): (usize, Hit), flags: Flags, acknowledgment: u32) {
        let hit = Hit { direction: Direction::Reply, ..hit };
        let segment = Segment { flags, sequence: 77, acknowledgment };
        let now = self.now();
        self.workers[at].pass(hit, segment, now).unwrap();
    }

    /// A client asks and the server refuses.
    fn refuse(&mut self, client: u8) {
        let connection = self.ask(client);
        self.answer(connection, Flags::RST | Flags::ACK, NUMBER + 1);
    }

    /// A client asks and the server answers.
    fn accept(&mut self, client: u8) {
        let connection = self.ask(client);
        self.answer(connection, Flags::SYN | Flags::ACK, NUMBER + 1);
    }

    /// Time passes, and workers poll.
    fn pass(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(50) {
            self.now += 50;
            let now = self.now();
            self.workers.iter_mut().for_each(|worker| worker.look_at_openings(now));
        }
    }
}

#[test]
fn the_third_client_that_is_refused_makes_a_server_suspect_whatever_worker_it_hits() {
    for workers in [1, 2, 3, 8] {
        let mut bench = Bench::new(workers);
        bench.accept(9);
        bench.now += 1;
        for client in [1, 2] {
            bench.refuse(client);
            assert!(!bench.is_suspect(), "{client} of {workers}");
        }
        bench.refuse(3);
        let state = bench.weights.state(bench.server());
        assert_eq!(state.cause(), Some(Cause::Refused));
        assert!(!bench.weights.state(bench.service.servers[1].id).is_suspect());
    }
}

#[test]
fn one_client_or_two_make_nobody_suspect() {
    let mut bench = Bench::new(2);
    for _ in 0..100 {
        bench.refuse(1);
        bench.refuse(2);
        bench.now += 7;
    }
    assert!(!bench.is_suspect());
}

#[test]
fn clients_that_fail_far_apart_make_nobody_suspect() {
    let mut bench = Bench::new(1);
    for client in 1..50 {
        bench.refuse(client);
        bench.now += 5100;
    }
    assert!(!bench.is_suspect());
    // The control.
    bench.refuse(60);
    bench.refuse(61);
    bench.refuse(62);
    assert!(bench.is_suspect());
}

#[test]
fn a_server_that_answers_others_in_between_is_not_suspect() {
    let mut bench = Bench::new(2);
    for client in 1..60 {
        bench.refuse(client);
        bench.now += 1;
        // Another worker sees the answer.
        bench.accept(if client % 2 == 0 { 201 } else { 200 });
        bench.now += 1;
    }
    assert!(!bench.is_suspect());
}

#[test]
fn a_forged_reset_makes_nobody_suspect() {
    let mut bench = Bench::new(1);
    for (client, (flags, acknowledgment)) in (1..200).zip(
        [
            (Flags::RST, 0),
            (Flags::RST, NUMBER + 1),
            (Flags::RST | Flags::ACK, 0),
            (Flags::RST | Flags::ACK, NUMBER.wrapping_sub(0x2_0000)),
            (Flags::RST | Flags::ACK, NUMBER.wrapping_add(0x4000_0000)),
        ]
        .into_iter()
        .cycle(),
    ) {
        let connection = bench.ask(client);
        bench.answer(connection, flags, acknowledgment);
    }
    assert!(!bench.is_suspect());
}

#[test]
fn a_client_that_gives_up_is_not_the_servers_failure() {
    let mut bench = Bench::new(1);
    for client in 1..50 {
        let (at, hit) = bench.ask(client);
        let reset = Segment { flags: Flags::RST, sequence: NUMBER + 1, acknowledgment: 0 };
        let now = bench.now();
        bench.workers[at].pass(hit, reset, now).unwrap();
    }
    bench.pass(3000);
    assert!(!bench.is_suspect());
}

#[test]
fn three_clients_that_nobody_answers_for_a_second_make_a_server_suspect() {
    let mut bench = Bench::new(2);
    for client in 1..=3 {
        bench.ask(client);
    }
    bench.pass(950);
    assert!(!bench.is_suspect());
    bench.pass(100);
    assert_eq!(bench.weights.state(bench.server()).cause(), Some(Cause::Unanswered));
}

#[test]
fn syns_that_a_server_drops_while_it_answers_others_make_nobody_suspect() {
    let mut bench = Bench::new(2);
    for _ in 0..20 {
        // These are none of its access list.
        (1..=5).for_each(|client| _ = bench.ask(client));
        bench.pass(500);
        bench.accept(100);
        bench.pass(500);
    }
    assert!(!bench.is_suspect());
}

#[test]
fn one_client_whose_syns_are_dropped_makes_nobody_suspect() {
    let mut bench = Bench::new(2);
    for _ in 0..20 {
        bench.ask(1);
        bench.pass(300);
    }
    assert!(!bench.is_suspect());
}

#[test]
fn a_flood_whose_answers_nobody_acknowledges_is_not_the_servers_failure() {
    let mut bench = Bench::new(1);
    for client in 1..=255 {
        bench.accept(client);
        bench.now += 1;
    }
    bench.pass(5000);
    assert!(!bench.is_suspect());
}

#[test]
fn after_a_pause_of_the_worker_nothing_is_known_of_what_was_asked() {
    let mut bench = Bench::new(1);
    bench.pass(100);
    (1..=5).for_each(|client| _ = bench.ask(client));
    bench.now += 3000;
    bench.pass(2000);
    assert!(!bench.is_suspect());
}

#[test]
fn three_clients_to_whom_a_server_is_unreachable_make_it_suspect() {
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for (code, sequence, suspects) in [
            (unreachable::PORT, Some(NUMBER), true),
            (unreachable::HOST, None, true),
            (unreachable::FRAGMENTATION_NEEDED, Some(NUMBER), false),
        ] {
            let mut bench = Bench::of(protocol, 1);
            for client in 1..=3 {
                let (at, hit) = bench.ask(client);
                let hit = Hit { direction: Direction::Reply, ..hit };
                bench.workers[at].was_unreachable(hit, code, sequence, bench.now());
            }
            assert_eq!(bench.is_suspect(), suspects, "{protocol} {code}");
        }
    }
}

#[test]
fn errors_that_quote_no_syn_of_ours_or_come_from_clients_make_nobody_suspect() {
    let mut bench = Bench::new(1);
    for client in 1..100 {
        let (at, hit) = bench.ask(client);
        let reply = Hit { direction: Direction::Reply, ..hit };
        let forged = Some(NUMBER.wrapping_add(0x100_0000));
        bench.workers[at].was_unreachable(reply, unreachable::PORT, forged, bench.now());
        bench.workers[at].was_unreachable(hit, unreachable::PORT, Some(NUMBER), bench.now());
        bench.answer((at, hit), Flags::SYN | Flags::ACK, NUMBER + 1);
        bench.workers[at].was_unreachable(reply, unreachable::PORT, Some(NUMBER), bench.now());
    }
    assert!(!bench.is_suspect());
}

#[test]
fn an_answer_to_what_was_asked_since_ends_the_suspicion_and_an_older_one_does_not() {
    let mut bench = Bench::new(2);
    let before = bench.ask(50);
    bench.now += 1;
    (1..=3).for_each(|client| bench.refuse(client));
    bench.answer(before, Flags::SYN | Flags::ACK, NUMBER + 1);
    assert!(bench.is_suspect(), "the server answered before it failed");
    bench.accept(51);
    assert!(!bench.is_suspect());
}

/// The main core's part over many rounds of 100 ms; `try_it` is asked whether somebody tries the
/// server and says whether that succeeds.
fn trials(bench: &Bench, holder: &mut Holder, rounds: u64, succeeds: bool) -> Vec<u64> {
    let server = bench.server();
    let mut trials = Vec::new();
    for round in 0..rounds {
        let now = Instant::from_millis(bench.now + round * 100);
        holder.look([(server, true)].into_iter(), &bench.weights, now);
        if bench.weights.state(server).may_be_tried() && bench.weights.take_trial(server) {
            trials.push(round / 10);
            if succeeds {
                bench.weights.trust(server);
            }
        }
    }
    trials
}

#[test]
fn without_a_check_one_connection_tries_it_after_ever_longer_times() {
    let mut bench = Bench::new(1);
    (1..=3).for_each(|client| bench.refuse(client));
    let mut holder = Holder::default();
    assert_eq!(trials(&bench, &mut holder, 800, false), [10, 32, 74]);
    assert!(bench.is_suspect());
    assert_eq!(trials(&bench, &mut holder, 2000, true).len(), 1);
    assert!(!bench.is_suspect());
}

#[test]
fn a_udp_server_is_trusted_again_after_its_time() {
    let mut bench = Bench::of(Protocol::Udp, 1);
    let mut holder = Holder::default();
    for expected in [10_000, 20_000, 40_000] {
        for client in 1..=3 {
            let (at, hit) = bench.ask(client);
            let hit = Hit { direction: Direction::Reply, ..hit };
            bench.workers[at].was_unreachable(hit, unreachable::PORT, None, bench.now());
        }
        assert!(bench.is_suspect());
        let began = bench.now;
        while bench.is_suspect() {
            holder.look([(bench.server(), false)].into_iter(), &bench.weights, bench.now());
            bench.now += 100;
        }
        assert_eq!((bench.now - began) / 1000 * 1000, expected);
    }
}

proptest! {
    /// Fewer than three clients never do, whatever happens and whenever.
    #[test]
    fn two_clients_never_make_a_server_suspect(
        events in proptest::collection::vec((1u8..=2, 0u8..4, 0u64..4000), 0..200),
    ) {
        let mut bench = Bench::new(2);
        for (client, what, pause) in events {
            match what {
                0 => bench.refuse(client),
                1 => _ = bench.ask(client),
                2 => bench.accept(client),
                _ => {
                    let (at, hit) = bench.ask(client);
                    let hit = Hit { direction: Direction::Reply, ..hit };
                    bench.workers[at].was_unreachable(hit, unreachable::HOST, None, bench.now());
                }
            }
            bench.pass(pause);
            prop_assert!(!bench.is_suspect());
        }
    }

    /// However many connections a second and workers there are, a process that dies costs three
    /// clients their connection.
    #[test]
    fn a_process_that_dies_costs_three_connections(
        workers in 1usize..9,
        before in 0u8..100,
        gap in 0u64..11,
    ) {
        let mut bench = Bench::new(workers);
        for client in 0..before {
            bench.accept(client);
            bench.now += gap;
        }
        bench.now += 1;
        let mut failed = 0;
        while !bench.is_suspect() {
            bench.refuse(100 + failed);
            bench.now += gap;
            failed += 1;
        }
        prop_assert_eq!(failed, 3);
    }
}
