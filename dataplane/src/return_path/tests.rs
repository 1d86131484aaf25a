use std::collections::HashSet;
use std::net::Ipv4Addr;

use nat::service::{Listen, Registry, ServerSpecification, ServiceSpecification};
use wire::Protocol;

use super::*;

const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

fn targets(count: u8, method: Method) -> Vec<Target> {
    let server = |last| ServerSpecification {
        address: Ipv4Addr::new(10, 0, 0, last),
        port: Port::new(80),
        weight: 1,
        limit: None,
    };
    let service = ServiceSpecification {
        name: "web".to_owned(),
        listens: vec![Listen::at(VIP, Port::new(80), Protocol::Tcp)],
        scheduler: nat::scheduler::Kind::RoundRobin,
        hash: nat::scheduler::HashOptions::default(),
        servers: (1..=count).map(server).collect(),
        sorry: Vec::new(),
        limit: None,
        when_full: nat::service::WhenFull::default(),
        one_packet: false,
        unserved: None,
        persistence: None,
        cuts: false,
    };
    let services = Registry::default()
        .build(&[service], nat::scheduler::ClientKey::from_bits([1, 2]))
        .unwrap();
    let servers = services.iter().flat_map(|service| service.servers.clone());
    let target = |server: nat::service::Server<Ipv4Addr>| Target {
        id: server.id,
        address: server.address,
        port: server.port,
        from: VIP,
        method,
    };
    servers.map(target).collect()
}

fn answer(question: &Question) -> Answer {
    Answer {
        method: question.target.method,
        server: question.target.address,
        server_port: question.target.port,
        to: question.target.from,
        port: question.port,
        number: question.number,
    }
}

/// Time in steps of 100 ms; servers that answer are those that `answers` says.
struct World {
    paths: ReturnPaths,
    now: u64,
    asked: Vec<(u64, Question)>,
    changes: Vec<Change>,
}

impl World {
    fn new(targets: Vec<Target>) -> Self {
        let mut paths = ReturnPaths::default();
        paths.keep(targets.into_iter(), Instant::from_millis(1000));
        World { paths, now: 1000, asked: Vec::new(), changes: Vec::new() }
    }

    fn pass(&mut self, millis: u64, answers: impl Fn(&Target) -> bool) {
        self.pass_as(millis, true, |_| true, |_| false, answers);
    }

    fn pass_as(
        &mut self,
        millis: u64,
        is_active: bool,
        is_there: impl Fn(&Target) -> bool,
        is_down: impl Fn(ServerId) -> bool,
        answers: impl Fn(&Target) -> bool,
    ) {
        for _ in 0..millis / 100 {
            self.now += 100;
            let now = Instant::from_millis(self.now);
            let mut questions = Vec::new();
            let found =
                self.paths.look(now, is_active, &is_there, &is_down, |one| questions.push(one));
            self.changes.extend(found);
            for question in questions {
                self.asked.push((self.now, question));
                if answers(&question.target) {
                    self.changes.extend(self.paths.answered(&answer(&question)));
                }
            }
        }
    }

    fn states(&self) -> HashSet<ReturnPath> {
        self.paths.states().map(|(_, state)| state).collect()
    }
}

#[test]
fn servers_that_answer_are_asked_once_in_an_interval_and_never_all_at_once() {
    let mut world = World::new(targets(100, Method::Syn));
    world.pass(BEGIN + 1000, |_| true);
    assert_eq!(world.states(), HashSet::from([ReturnPath::Ok]));
    assert_eq!(world.asked.len(), 100);
    let most = world.asked.chunk_by(|one, other| one.0 == other.0).map(<[_]>::len).max();
    assert!(most.unwrap() <= BUDGET);
    world.pass(10 * INTERVAL, |_| true);
    assert_eq!(world.asked.len(), 1100);
    assert_eq!(world.changes.len(), 100, "each was said once");
}

#[test]
fn a_server_that_answers_nothing_is_missing_after_three_questions_and_comes_back() {
    for method in [Method::Syn, Method::Echo] {
        let mut world = World::new(targets(1, method));
        world.pass(BEGIN + 1000, |_| true);
        world.asked.clear();
        world.pass(INTERVAL, |_| false);
        assert!(world.states().contains(&ReturnPath::Ok) || world.asked.len() >= 3);
        world.pass(4 * PATIENCE, |_| false);
        let asked = world.asked.len();
        assert!(asked >= 3);
        // From then on it is asked more often.
        world.pass(INTERVAL, |_| false);
        assert!(world.asked.len() - asked >= (INTERVAL / (MISSING + 3 * PATIENCE)) as usize);
        assert_eq!(world.states(), HashSet::from([ReturnPath::Missing]));
        world.pass(INTERVAL, |_| true);
        assert_eq!(world.states(), HashSet::from([ReturnPath::Ok]));
        let said: Vec<_> = world.changes.iter().map(|change| change.now).collect();
        assert_eq!(said, [ReturnPath::Ok, ReturnPath::Missing, ReturnPath::Ok]);
    }
}

#[test]
fn a_server_that_does_not_answer_arp_and_a_standby_say_nothing_of_the_way_back() {
    let mut world = World::new(targets(1, Method::Syn));
    world.pass_as(60_000, true, |_| false, |_| false, |_| false);
    world.pass_as(60_000, false, |_| true, |_| false, |_| true);
    assert!(world.asked.is_empty() && world.changes.is_empty());
    world.pass(BEGIN + 1000, |_| true);
    assert_eq!(world.states(), HashSet::from([ReturnPath::Ok]));
    world.pass_as(200, false, |_| true, |_| false, |_| true);
    assert_eq!(world.states(), HashSet::from([ReturnPath::Unknown]));
}

#[test]
fn a_server_that_comes_up_is_asked_at_once() {
    let mut world = World::new(targets(1, Method::Syn));
    world.pass_as(BEGIN + 2000, true, |_| true, |_| true, |_| true);
    world.asked.clear();
    world.pass(200, |_| true);
    assert_eq!(world.asked.len(), 1);
}

#[test]
fn an_answer_to_no_question_changes_nothing() {
    let mut world = World::new(targets(1, Method::Syn));
    while world.asked.is_empty() {
        world.pass(100, |_| false);
    }
    let right = answer(&world.asked[0].1);
    for wrong in [
        Answer { number: right.number.wrapping_add(1), ..right },
        Answer { port: Port::new(right.port.number() ^ 1), ..right },
        Answer { server: Ipv4Addr::new(10, 0, 0, 99), ..right },
        Answer { server_port: Port::new(81), ..right },
        Answer { to: Ipv4Addr::new(198, 51, 100, 11), ..right },
        Answer { method: Method::Echo, ..right },
    ] {
        assert_eq!(world.paths.answered(&wrong), None, "{wrong:?}");
    }
    assert_eq!(world.paths.answered(&right).unwrap().now, ReturnPath::Ok);
    assert_eq!(world.paths.answered(&right), None, "it was answered");
}

#[test]
fn a_pause_of_the_main_core_is_no_missing_answer() {
    let mut world = World::new(targets(1, Method::Syn));
    world.pass(BEGIN + 1000, |_| true);
    for _ in 0..20 {
        world.asked.clear();
        while world.asked.is_empty() {
            world.pass(100, |_| false);
        }
        let question = world.asked[0].1;
        world.now += 20_000;
        world.pass(100, |_| false);
        world.paths.answered(&answer(&question));
    }
    assert_eq!(world.states(), HashSet::from([ReturnPath::Ok]));
}
