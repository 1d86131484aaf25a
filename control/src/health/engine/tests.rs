//! The engine with a simulated clock and simulated servers.

use std::net::Ipv4Addr;

use config::Config;
use proptest::prelude::*;

use super::*;
use crate::health::report::Code;
use crate::health::words;

const BASE: &str = r#"
[node]
name = "a"
workers = [1]
[public]
port = "net_null0"
address = "198.51.100.2/24"
floating = ["198.51.100.10/24"]
gateway = "198.51.100.1"
[private]
port = "net_null1"
address = "10.0.0.2/16"
floating = ["10.0.0.1/16"]
gateway = "10.0.0.254"
"#;

fn config(services: &str) -> Config {
    Config::from_str("test", &format!("{BASE}{services}")).unwrap()
}

/// A service of so many servers, from 10.0.1.1 on.
fn service(name: &str, port: u16, servers: usize, check: &str) -> String {
    let address = |n: usize| Ipv4Addr::new(10, 0, 1 + (n / 250) as u8, 1 + (n % 250) as u8);
    let servers: Vec<String> =
        (0..servers).map(|n| format!("{{ address = \"{}:80\" }}", address(n))).collect();
    format!(
        "[[service]]\nname = \"{name}\"\nlisten = \"198.51.100.10:{port}\"\nprotocol = \"tcp\"\n\
         server = [{}]\n{check}\n",
        servers.join(", ")
    )
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How a server answers.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Server {
    Well,
    /// With a status 500.
    Ill,
    /// Not at all.
    Silent,
}

/// Checks, a clock, and servers.
struct World {
    engine: Engine,
    now: Instant,
    started: Instant,
    /// What each server is from when on; the last that has come counts.
    servers: Vec<(Ipv4Addr, Instant, Server)>,
    /// The gateway does not answer from the first to the second.
    cut: Option<(Instant, Instant)>,
    /// There is a gateway that answers.
    gateway: bool,
    in_flight: Vec<(Instant, Instant, JobNumber, Outcome)>,
    begun: Vec<(Instant, Ipv4Addr)>,
    transitions: Vec<(Instant, Transition)>,
}

impl World {
    fn new(config: &Config) -> Self {
        let now = Instant::now();
        let mut engine = Engine::new(Origin::new(false, now));
        engine.follow(config, now);
        World {
            engine,
            now,
            started: now,
            servers: Vec::new(),
            cut: None,
            gateway: true,
            in_flight: Vec::new(),
            begun: Vec::new(),
            transitions: Vec::new(),
        }
    }

    fn server(&mut self, last: u8, from: Instant, is: Server) {
        self.servers.push((Ipv4Addr::new(10, 0, 1, last), from, is));
    }

    fn is_cut(&self, at: Instant) -> bool {
        self.cut.is_some_and(|(from, to)| at >= from && at < to)
    }

    fn outcome(&self, target: &Target) -> (Duration, Outcome) {
        let host = *target.address.ip();
        let of_host = self.servers.iter().filter(|(ip, from, _)| *ip == host && *from <= self.now);
        let state = of_host.max_by_key(|(_, from, _)| *from).map_or(Server::Well, |(_, _, is)| *is);
        match state {
            _ if self.is_cut(self.now) => {
                (target.timeout(), Outcome::silent(Code::L4Timeout, "no answer"))
            }
            Server::Well => (millis(2), Outcome::passed(Code::L7Ok, "200 OK")),
            Server::Ill => (millis(2), Outcome::failed(Code::L7Status, "500")),
            Server::Silent => (target.timeout(), Outcome::silent(Code::L7Timeout, "no answer")),
        }
    }

    /// Lets time pass, event by event.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            if self.gateway && !self.is_cut(self.now) {
                self.engine.faults.control_answers(self.now);
            }
            while let Some(Begin { job, target }) = self.engine.begin(self.now) {
                let (takes, outcome) = self.outcome(&target);
                self.begun.push((self.now, *target.address.ip()));
                self.in_flight.push((self.now + takes, self.now, job, outcome));
            }
            let due = self.engine.next_due().into_iter();
            let ends = self.in_flight.iter().map(|(at, ..)| *at);
            // The gateway is asked as often.
            let next = due.chain(ends).chain([self.now + millis(200)]).min().unwrap().max(self.now);
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            let now = self.now;
            let (ended, open) = self.in_flight.drain(..).partition(|(at, ..)| *at <= now);
            self.in_flight = open;
            let ended: Vec<_> = ended;
            for (_, began, job, outcome) in ended {
                let transitions = self.engine.end(job, outcome, began, now);
                self.transitions.extend(transitions.into_iter().map(|one| (now, one)));
            }
        }
    }

    fn states(&self) -> Vec<Operational> {
        self.engine.reports(self.now).into_iter().map(|report| report.operational).collect()
    }

    fn up(&self) -> Vec<bool> {
        self.states().into_iter().map(Operational::is_up).collect()
    }
}

const HTTP: &str = "check = { kind = \"http\" }";

#[test]
fn a_fault_is_found_in_the_promised_time() {
    for fault in [Server::Silent, Server::Ill] {
        for check in [
            HTTP,
            "check = { kind = \"http\", interval = \"5s\", fast = \"300ms\", timeout = \"2s\", fall = 4 }",
            "check = { kind = \"http\", interval = \"500ms\", timeout = \"500ms\", fall = 1 }",
            "check = { kind = \"tcp\", interval = \"1s\", fast = \"1s\", fall = 2 }",
            "check = { kind = \"exec\", command = [\"/bin/true\"] }",
        ] {
            let config = config(&service("web", 80, 2, check));
            let promise = config.services[0].detection_time().unwrap();
            let mut worst = Duration::ZERO;
            for step in 0..200 {
                let mut world = World::new(&config);
                let at =
                    world.now + millis(20_000) + config.services[0].checks[0].interval * step / 200;
                world.server(1, at, fault);
                world.run(millis(60_000));
                let (found, transition) = &world.transitions[0];
                assert_eq!(world.transitions.len(), 1, "{check}");
                assert_eq!(transition.report.operational, Operational::Down);
                worst = worst.max(*found - at);
            }
            assert!(worst <= promise, "{fault:?}, {check}: {worst:?}, promised {promise:?}");
            if fault == Server::Silent {
                assert!(worst + millis(100) > promise, "{check}: {worst:?}, {promise:?}: no slack");
            }
        }
    }
}

#[test]
fn a_server_comes_back_after_two_checks() {
    let config = config(&service("web", 80, 2, HTTP));
    let mut world = World::new(&config);
    let ill = world.now + millis(10_000);
    world.server(1, ill, Server::Ill);
    world.server(1, ill + millis(20_000), Server::Well);
    world.run(millis(60_000));
    let changes: Vec<bool> =
        world.transitions.iter().map(|(_, one)| one.report.operational.is_up()).collect();
    assert_eq!(changes, [false, true]);
    let back = world.transitions[1].0 - (ill + millis(20_000));
    assert!(back <= millis(2000 + 500 + 10), "{back:?}");
    assert_eq!(world.engine.reports(world.now)[0].transitions, 2);
    assert_eq!(world.engine.reports(world.now)[1].transitions, 0);
}

#[test]
fn a_slow_server_is_well_and_a_hung_one_is_asked_again_meanwhile() {
    let config = config(&service("web", 80, 1, HTTP));
    let mut world = World::new(&config);
    world.server(1, world.now, Server::Silent);
    world.run(millis(30_000));
    let begun: Vec<_> = world.begun.iter().take(3).map(|(at, _)| *at - world.begun[0].0).collect();
    assert_eq!(begun, [millis(0), millis(500), millis(1000)]);
    let last: Vec<_> = world.begun.iter().rev().take(3).map(|(at, _)| *at).collect();
    assert_eq!(last[0] - last[1], millis(2000), "while it is down, one after the other");
}

#[test]
fn five_thousand_reloads_change_nothing() {
    let text = service("web", 80, 3, HTTP) + &service("shop", 81, 2, "check = { kind = \"tcp\" }");
    let same = config(&text);
    let mut world = World::new(&same);
    let mut control = World::new(&same);
    control.engine.origin = world.engine.origin;
    let start = world.now.max(control.now);
    for world in [&mut world, &mut control] {
        world.now = start;
        world.server(1, start + millis(4000), Server::Ill);
    }
    // In the middle of going down as well.
    for _ in 0..5000 {
        world.run(millis(2));
        world.engine.follow(&same, world.now);
    }
    control.run(millis(10_000));
    let shown = |world: &World| -> Vec<_> {
        let reports = world.engine.reports(world.now).into_iter();
        reports.map(|r| (r.operational, r.transitions, r.checks[0].failures)).collect()
    };
    assert_eq!(shown(&world), shown(&control));
    let begun = |world: &World| -> Vec<_> {
        world.begun.iter().map(|(at, host)| (*at - start, *host)).collect()
    };
    let apart = begun(&world).into_iter().zip(begun(&control));
    for ((one, host), (other, same)) in apart {
        let apart = one.max(other) - one.min(other);
        assert!(host == same && apart <= millis(2), "{one:?} {other:?}: the phases stay");
    }
    assert_eq!(world.begun.len(), control.begun.len());
    assert_eq!(world.engine.len(), 3 + 2);
}

#[test]
fn another_definition_begins_as_start_says_and_others_go_on() {
    let before = config(
        &(service("web", 80, 2, HTTP) + &service("shop", 81, 1, "check = { kind = \"tcp\" }")),
    );
    let mut world = World::new(&before);
    world.server(1, world.now, Server::Ill);
    world.run(millis(20_000));
    assert_eq!(world.up(), [false, true, false]);
    let changed = "check = { kind = \"http\", path = \"/other\", start = \"down\" }";
    let after = config(
        &(service("web", 80, 2, changed) + &service("shop", 81, 1, "check = { kind = \"tcp\" }")),
    );
    let since = world.engine.reports(world.now)[2].since;
    world.engine.follow(&after, world.now);
    assert_eq!(world.up(), [false, false, false]);
    assert_eq!(world.engine.reports(world.now)[2].since, since, "that one is the same");
    world.run(millis(20_000));
    assert_eq!(world.up(), [false, true, false]);
    world.engine.follow(&config(""), world.now);
    assert!(world.engine.is_empty() && world.states().is_empty());
    world.run(millis(5000));
}

#[test]
fn equal_checks_are_one() {
    let both = service("web", 80, 3, HTTP) + &service("shop", 81, 3, HTTP);
    let mut world = World::new(&config(&both));
    assert_eq!(world.engine.len(), 3);
    world.server(2, world.now + millis(5000), Server::Ill);
    world.run(millis(20_000));
    assert_eq!(world.up(), [true, false, true, true, false, true]);
    let other = service("web", 80, 3, HTTP)
        + &service("shop", 81, 3, "check = { kind = \"http\", fall = 4 }");
    world.engine.follow(&config(&other), world.now);
    assert_eq!(world.engine.len(), 6);
}

#[test]
fn a_server_is_up_when_all_of_its_checks_are() {
    let check = "check = [{ kind = \"http\" }, { kind = \"tcp\", address = \"10.0.1.9\" }]";
    let mut world = World::new(&config(&service("web", 80, 1, check)));
    world.run(millis(5000));
    assert_eq!(world.states(), [Operational::Up]);
    world.server(9, world.now, Server::Ill);
    world.run(millis(5000));
    let report = &world.engine.reports(world.now)[0];
    assert_eq!(report.operational, Operational::Down);
    assert_eq!(report.deciding().map(|check| check.kind), Some("tcp"));
    assert_eq!(report.checks.len(), 2);
}

#[test]
fn servers_without_a_check_are_taken_to_be_up() {
    let world = World::new(&config(&service("web", 80, 2, "")));
    assert_eq!(world.states(), [Operational::Unchecked; 2]);
    assert!(world.engine.is_empty() && world.engine.next_due().is_none());
}

#[test]
fn the_private_link_is_pulled_for_ten_seconds() {
    let transitions = |servers, pulled: bool, fall| {
        let check = format!("check = {{ kind = \"http\", fall = {fall} }}");
        let mut world = World::new(&config(&service("web", 80, servers, &check)));
        world.run(millis(10_300));
        let from = world.now;
        if pulled {
            world.cut = Some((from, from + millis(10_000)));
        } else {
            // The control: the servers alone are silent, and the gateway answers.
            for last in 1..=servers as u8 {
                world.server(last, from, Server::Silent);
                world.server(last, from + millis(10_000), Server::Well);
            }
        }
        world.run(millis(30_000));
        world.transitions.len()
    };
    for servers in [1, 2, 3, 5, 40] {
        for fall in [2, 3] {
            assert_eq!(transitions(servers, true, fall), 0, "{servers} servers");
            assert_eq!(transitions(servers, false, fall), 2 * servers);
        }
    }
}

#[test]
fn two_of_three_die_and_both_are_out_in_time() {
    for gateway_answers in [true, false] {
        let config = config(&service("web", 80, 3, HTTP));
        let promise = config.services[0].detection_time().unwrap();
        let mut world = World::new(&config);
        world.gateway = gateway_answers;
        world.run(millis(10_000));
        let at = world.now;
        world.server(1, at, Server::Silent);
        world.server(3, at, Server::Silent);
        world.run(promise);
        assert_eq!(world.up(), [false, true, false], "{gateway_answers}");
    }
}

#[test]
fn servers_that_answer_500_all_go_down() {
    let mut world = World::new(&config(&service("web", 80, 3, HTTP)));
    world.run(millis(10_000));
    (1..=3).for_each(|last| world.server(last, world.now, Server::Ill));
    world.run(millis(10_000));
    assert_eq!(world.up(), [false; 3]);
    assert_eq!(world.engine.faults.voided, 0);
}

#[test]
fn five_hundred_checks_a_second_are_even() {
    let check = "check = { kind = \"tcp\", interval = \"1s\" }";
    let mut world = World::new(&config(&service("a", 80, 250, check)));
    let more = service("a", 80, 250, check)
        + &service("b", 81, 250, "check = { kind = \"tcp\", interval = \"1s\", port = 81 }");
    world.engine.follow(&config(&more), world.now);
    world.run(millis(3000));
    world.begun.clear();
    world.run(millis(2000));
    assert!((998..=1002).contains(&world.begun.len()), "{}", world.begun.len());
    let at = |index: usize| world.begun[index].0;
    let most = (0..world.begun.len())
        .map(|first| {
            (first..world.begun.len()).take_while(|i| at(*i) < at(first) + millis(100)).count()
        })
        .max();
    assert!(most <= Some(55), "{most:?}: 50 on average");
    assert_eq!(world.engine.reports(world.now).iter().map(|r| r.checks[0].late).sum::<u64>(), 0);
}

#[test]
fn probes_that_begin_late_are_counted() {
    let mut world = World::new(&config(&service("web", 80, 1, HTTP)));
    let late = world.engine.next_due().unwrap() + millis(21);
    assert!(world.engine.begin(late).is_some());
    assert_eq!(world.engine.reports(late)[0].checks[0].late, 1);
}

#[test]
fn a_suspect_is_probed_at_once() {
    let check = "check = { kind = \"http\", interval = \"1h\" }";
    let mut world = World::new(&config(&service("web", 80, 2, check)));
    world.run(millis(1000));
    assert_eq!(world.begun.len(), 0);
    let server = "10.0.1.1:80".parse().unwrap();
    let ask = |world: &mut World, service| {
        let (reply, answer) = oneshot::channel();
        world.engine.suspect(service, server, reply, world.now);
        answer
    };
    let mut answers = [ask(&mut world, "web"), ask(&mut world, "web")];
    let mut nobody = ask(&mut world, "other");
    assert!(nobody.try_recv().is_err());
    world.run(millis(10));
    assert_eq!(world.begun.len(), 1);
    assert!(answers.iter_mut().all(|answer| answer.try_recv() == Ok(Operational::Up)));
    // Again and again, for whatever reason: not more than ten times a second.
    for _ in 0..1000 {
        drop(ask(&mut world, "web"));
        world.run(millis(1));
    }
    assert!(world.begun.len() <= 12, "{}", world.begun.len());
}

#[test]
fn an_agent_is_obeyed_and_a_silent_one_changes_nothing() {
    let agent = "agent = { port = 9707 }\ncheck = { kind = \"tcp\" }";
    let mut world = World::new(&config(&service("web", 80, 1, agent)));
    world.run(millis(5000));
    assert_eq!(world.states(), [Operational::Up]);
    let job = {
        let mut jobs = world.engine.jobs.iter();
        *jobs.find(|(_, job)| matches!(job.target.ask, Ask::Agent(_))).unwrap().0
    };
    let hear = |world: &mut World, line: &str| {
        let words = words::parse(line.as_bytes());
        let outcome = Outcome::passed(Code::L7Ok, line).with_words(words);
        let now = world.now;
        world.engine.end(job, outcome, now, now);
        world.engine.reports(now).remove(0)
    };
    let report = hear(&mut world, "drain 50% maxconn:7");
    assert_eq!(report.administrative, Some(Administrative::Drain));
    assert_eq!((report.weight(10), report.max_connections), (5, Some(7)));
    assert!(report.operational.is_up());
    let report = hear(&mut world, "down#no disk");
    assert_eq!((report.operational, report.transitions), (Operational::Down, 1));
    for silence in [
        Outcome::silent(Code::L4Timeout, "no answer"),
        Outcome::failed(Code::L4Connection, "connection refused"),
        Outcome::failed(Code::L7Response, "the line has no end"),
    ] {
        let now = world.now;
        world.engine.end(job, silence, now, now);
        let report = world.engine.reports(now).remove(0);
        assert_eq!(report.operational, Operational::Down, "only the agent takes it back");
        assert_eq!(report.administrative, Some(Administrative::Drain));
    }
    let report = hear(&mut world, "up ready 100%");
    assert_eq!((report.operational.is_up(), report.weight(10)), (true, 10));
    assert_eq!(report.administrative, Some(Administrative::Ready));
    world.server(1, world.now, Server::Ill);
    world.run(millis(10_000));
    assert_eq!(world.up(), [false], "up only if its checks say so too");
}

#[test]
fn a_server_that_was_down_before_begins_so() {
    let mut world = World::new(&config(&service("web", 80, 2, HTTP)));
    let first = "10.0.1.1:80".parse().unwrap();
    let other = "192.0.2.1:80".parse().unwrap();
    let down = [("web".to_owned(), first), ("web".to_owned(), other)];
    world.engine.take_as_they_were(&down, &[], world.now);
    assert_eq!(world.up(), [false, true]);
    assert_eq!(world.engine.reports(world.now)[0].transitions, 0);
    world.run(millis(5000));
    assert_eq!(world.up(), [true, true]);
    world.engine.take_as_they_were(&down, &[], world.now);
    assert_eq!(world.up(), [true, true], "what is checked by now is known");
}

#[test]
fn a_server_that_has_served_goes_on_and_one_of_two_that_share_a_check_takes_none_down() {
    let start = "check = { kind = \"http\", start = \"checked\" }";
    let text = service("web", 80, 2, start) + &service("shop", 81, 2, start);
    let mut world = World::new(&config(&text));
    assert_eq!(world.up(), [false; 4], "the control");
    let [first, second]: [std::net::SocketAddrV4; 2] =
        ["10.0.1.1:80", "10.0.1.2:80"].map(|text| text.parse().unwrap());
    // Of web the first was down, for a reason of its own; both of shop served.
    let down = [("web".to_owned(), first)];
    let up = [("web".to_owned(), second), ("shop".to_owned(), first)];
    world.engine.take_as_they_were(&down, &up, world.now);
    assert_eq!(world.up(), [true; 4]);
    assert_eq!(world.engine.len(), 2, "they share their checks");
}

#[test]
fn probes_that_this_machine_cannot_make_say_nothing() {
    let mut world = World::new(&config(&service("web", 80, 1, HTTP)));
    world.run(millis(5000));
    let job = *world.engine.jobs.keys().next().unwrap();
    for _ in 0..10 {
        let now = world.now;
        world.engine.end(job, Outcome::local("too many open files"), now, now);
    }
    let report = world.engine.reports(world.now).remove(0);
    assert_eq!((report.operational, report.checks[0].failures), (Operational::Up, 0));
    assert_eq!(report.checks[0].last.as_ref().map(|last| last.code), Some(Code::Local));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever servers do and however often a configuration is taken: every job stays on time,
    /// and never more probes are under way than failures take a server out.
    #[test]
    fn jobs_stay_on_time(
        faults in prop::collection::vec((1_u8..6, 0_u64..30_000, 0_u8..3), 0..20),
        reloads in prop::collection::vec(1_u64..3000, 0..20),
        fall in 1_u16..5, fast in 10_u64..2000,
    ) {
        let check = format!("check = {{ kind = \"http\", fall = {fall}, fast = \"{fast}ms\" }}");
        let configs = [5, 3].map(|servers| config(&service("web", 80, servers, &check)));
        let mut world = World::new(&configs[0]);
        for (last, at, is) in faults {
            let is = [Server::Well, Server::Ill, Server::Silent][usize::from(is)];
            world.server(last, world.started + millis(at), is);
        }
        for (index, pause) in reloads.into_iter().enumerate() {
            world.run(millis(pause));
            world.engine.follow(&configs[index % 2], world.now);
            prop_assert!(world.in_flight.len() <= 5 * usize::from(fall));
        }
        world.engine.follow(&configs[0], world.now);
        world.begun.clear();
        world.servers.clear();
        let from = world.now;
        world.run(millis(10_000));
        prop_assert!(world.engine.reports(from).len() == 5);
        for last in 1..=5 {
            let host = Ipv4Addr::new(10, 0, 1, last);
            let times = world.begun.iter().filter(|(_, of)| *of == host).map(|(at, _)| *at);
            let times: Vec<_> = core::iter::once(from).chain(times).chain([world.now]).collect();
            for (at, pair) in times.windows(2).enumerate() {
                // One on its way that nobody answers keeps the first waiting until its timeout. One
                // that begins just before its time in the rhythm, and is answered after 2 ms, leaves
                // that time out.
                let most = if at == 0 { millis(3002) } else { millis(2002) };
                let gap = pair[1] - pair[0];
                prop_assert!(gap <= most, "{host}: {gap:?}");
            }
        }
    }
}
